SELECT 'temporary relations', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(c.relname, c.oid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_class c
 WHERE c.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
   AND EXISTS (SELECT FROM pg_catalog.pg_class h
                WHERE h.relname OPERATOR(pg_catalog.=) c.relname AND h.oid OPERATOR(pg_catalog.<>) c.oid
                  AND h.relkind OPERATOR(pg_catalog.=) ANY ('{m,S}'))
UNION ALL
SELECT 'temporary types', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(t.typname, t.oid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_type t
 WHERE t.typnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
   AND EXISTS (SELECT FROM pg_catalog.pg_type h
                WHERE h.typname OPERATOR(pg_catalog.=) t.typname AND h.oid OPERATOR(pg_catalog.<>) t.oid
                  AND h.typtype OPERATOR(pg_catalog.=) 'e')
