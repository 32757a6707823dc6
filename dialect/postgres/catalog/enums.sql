SELECT 'e', t.oid::bigint, t.typnamespace::bigint, t.typname::pg_catalog.text,
       pg_catalog.pg_get_userbyid(t.typowner)::pg_catalog.text,
       (SELECT d.description FROM pg_catalog.pg_description d
         WHERE d.objoid OPERATOR(pg_catalog.=) t.oid
           AND d.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
           AND d.objsubid OPERATOR(pg_catalog.=) 0),
       CASE WHEN h.oid OPERATOR(pg_catalog.=) t.oid THEN 'v' ELSE '' END,
       CASE WHEN h.oid OPERATOR(pg_catalog.<>) t.oid THEN h.typtype::pg_catalog.text OPERATOR(pg_catalog.||)
         (SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) h.ns) END,
       ARRAY(SELECT e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e
              WHERE e.enumtypid OPERATOR(pg_catalog.=) t.oid ORDER BY e.enumsortorder)::pg_catalog.text,
       NULL, NULL
FROM pg_catalog.pg_type t
LEFT JOIN LATERAL (
  SELECT h.oid, h.typtype, h.typnamespace AS ns
    FROM pg_catalog.pg_type h
   WHERE h.typname OPERATOR(pg_catalog.=) t.typname
     AND h.typnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.path FROM path p)::pg_catalog.oid[])
   ORDER BY pg_catalog.array_position((SELECT p.path FROM path p), h.typnamespace) LIMIT 1) h ON true
WHERE t.typtype OPERATOR(pg_catalog.=) 'e'
