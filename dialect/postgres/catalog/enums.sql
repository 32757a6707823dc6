SELECT 'e', t.oid::bigint, t.typnamespace::bigint, t.typname::pg_catalog.text,
       pg_catalog.pg_get_userbyid(t.typowner)::pg_catalog.text,
       (SELECT d.description FROM pg_catalog.pg_description d
         WHERE d.objoid = t.oid AND d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid AND d.objsubid = 0),
       CASE WHEN h.oid = t.oid THEN 'v' ELSE '' END,
       CASE WHEN h.oid <> t.oid THEN h.typtype::pg_catalog.text 
         || (SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n WHERE n.oid = h.ns) END,
       ARRAY(SELECT e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e
              WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)::pg_catalog.text,
       NULL, NULL
FROM pg_catalog.pg_type t
LEFT JOIN LATERAL (
  SELECT h.oid, h.typtype, h.typnamespace AS ns
    FROM pg_catalog.pg_type h
   WHERE h.typname = t.typname AND h.typnamespace = ANY ((SELECT p.path FROM path p)::pg_catalog.oid[])
   ORDER BY pg_catalog.array_position((SELECT p.path FROM path p), h.typnamespace) LIMIT 1) h ON true
WHERE t.typtype = 'e'
