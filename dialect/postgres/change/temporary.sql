SELECT 'temporary relations', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(c.relname, c.oid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_class c
 WHERE c.relnamespace = pg_catalog.pg_my_temp_schema()
   AND EXISTS (SELECT FROM pg_catalog.pg_class h
                WHERE h.relname = c.relname AND h.oid <> c.oid AND h.relkind IN ('m', 'S'))
UNION ALL
SELECT 'temporary types', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(t.typname, t.oid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_type t
 WHERE t.typnamespace = pg_catalog.pg_my_temp_schema()
   AND EXISTS (SELECT FROM pg_catalog.pg_type h
                WHERE h.typname = t.typname AND h.oid <> t.oid AND h.typtype = 'e')
