SELECT CASE WHEN t.kind OPERATOR(pg_catalog.=) 'e' THEN 'enum' ELSE 'type' END, NULL, t.ns::bigint,
       pg_catalog.pg_get_userbyid(t.owner)::pg_catalog.text, t.kind::pg_catalog.text, t.ids::pg_catalog.text, t.names
  FROM type t
UNION ALL
SELECT 'label', NULL, NULL, NULL, NULL, pg_catalog.array_agg(e.enumtypid)::pg_catalog.text, pg_catalog.string_agg(e.enumlabel::pg_catalog.text, $separator)
  FROM (SELECT e.enumtypid, e.enumlabel FROM pg_catalog.pg_enum e ORDER BY e.enumtypid, e.enumsortorder OFFSET 0) e
