SELECT 'index', i.indnkeyatts::bigint, NULL, i.keys,
       pg_catalog.concat(CASE WHEN i.indisunique THEN 'u' END, CASE WHEN i.indimmediate THEN 'i' END,
                         CASE WHEN i.indisvalid THEN 'v' END, CASE WHEN i.partial THEN 'p' END,
                         CASE WHEN i.expressions THEN 'x' END),
       i.views::pg_catalog.text, i.names::pg_catalog.text
  FROM (SELECT i.indisunique, i.indimmediate, i.indisvalid, i.indpred IS NOT NULL AS partial, i.indexprs IS NOT NULL AS expressions,
               i.indnkeyatts, i.indkey::pg_catalog.text AS keys,
               pg_catalog.array_agg(i.indrelid) AS views, pg_catalog.array_agg(c.relname) AS names
          FROM (SELECT i.* FROM pg_catalog.pg_index i
                 WHERE i.indrelid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT r.oid FROM relation r WHERE r.kind OPERATOR(pg_catalog.=) 'm'))
                OFFSET 0) i
         CROSS JOIN LATERAL (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) i.indexrelid OFFSET 0) c
         GROUP BY 1, 2, 3, 4, 5, 6, 7, NULL::pg_catalog.xid) i
