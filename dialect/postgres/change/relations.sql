SELECT 'hiding relations', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(c.relname,
         c.relnamespace::bigint * 256 + pg_catalog.ascii(c.relkind::pg_catalog.text)))::pg_catalog.text
  FROM pg_catalog.pg_class c
 WHERE (SELECT p.hiding FROM place p) <> '{}'
   AND c.relnamespace = ANY ((SELECT p.hiding FROM place p)::pg_catalog.oid[])
   AND (c.relnamespace <> pg_catalog.pg_my_temp_schema()
        OR EXISTS (SELECT FROM pg_catalog.pg_class h
                    WHERE h.relname = c.relname AND h.oid <> c.oid AND h.relkind IN ('m', 'S')))
UNION ALL
SELECT 'comments on relations', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashtextextended(d.description, d.objoid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_description d
 WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0 AND d.objoid >= 16384
UNION ALL
SELECT 'owners of relations', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(r.rolname, r.oid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_roles r
 WHERE (r.oid IN (SELECT c.owner FROM relation c WHERE c.kind IN ('m', 'S'))) IS TRUE
