SELECT 'index', i.indnkeyatts::bigint, NULL, i.keys,
       pg_catalog.concat(CASE WHEN i.indisunique THEN 'u' END, CASE WHEN i.indimmediate THEN 'i' END,
                         CASE WHEN i.indisvalid THEN 'v' END, CASE WHEN i.partial THEN 'p' END,
                         CASE WHEN i.expressions THEN 'x' END),
       i.views::pg_catalog.text, i.ids::pg_catalog.text
  FROM index i
UNION ALL
SELECT 'name', NULL, NULL, NULL, NULL, pg_catalog.array_agg(c.oid)::pg_catalog.text, pg_catalog.string_agg(c.relname::pg_catalog.text, $separator)
  FROM pg_catalog.pg_class c
 WHERE c.oid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT pg_catalog.unnest(i.ids) FROM index i))
