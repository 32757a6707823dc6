SELECT 'enums', pg_catalog.sum(e.n)::bigint, pg_catalog.sum(e.print)::pg_catalog.text FROM enum e
UNION ALL
SELECT 'owners of enums', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(r.rolname, r.oid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_roles r
 WHERE (r.oid IN (SELECT e.owner FROM enum e)) IS TRUE
UNION ALL
SELECT 'labels', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(e.enumlabel,
         pg_catalog.hashfloat4extended(e.enumsortorder, e.enumtypid::bigint)))::pg_catalog.text
  FROM pg_catalog.pg_enum e
UNION ALL
SELECT 'hiding types', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(t.typname,
         t.typnamespace::bigint * 256 + pg_catalog.ascii(t.typtype::pg_catalog.text)))::pg_catalog.text
  FROM pg_catalog.pg_type t
 WHERE (SELECT p.hiding FROM place p) <> '{}'
   AND t.typnamespace = ANY ((SELECT p.hiding FROM place p)::pg_catalog.oid[])
   AND (t.typnamespace <> pg_catalog.pg_my_temp_schema()
        OR EXISTS (SELECT FROM pg_catalog.pg_type h
                    WHERE h.typname = t.typname AND h.oid <> t.oid AND h.typtype = 'e'))
UNION ALL
SELECT 'comments on types', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashtextextended(d.description, d.objoid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_description d
 WHERE d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objsubid = 0 AND d.objoid >= 16384
