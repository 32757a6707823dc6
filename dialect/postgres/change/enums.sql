SELECT 'types', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(t.typname,
         pg_catalog.hashint8extended(
           (t.oid::bigint OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) t.typnamespace::bigint,
           t.typowner::bigint)))::pg_catalog.text
  FROM pg_catalog.pg_type t
 WHERE t.oid OPERATOR(pg_catalog.>=) '16384' AND t.typtype OPERATOR(pg_catalog.<>) 'c'
   AND NOT (t.typtype OPERATOR(pg_catalog.=) 'b' AND t.typcategory OPERATOR(pg_catalog.=) 'A')
UNION ALL
SELECT 'labels', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(e.enumlabel,
         pg_catalog.hashfloat4extended(e.enumsortorder, e.enumtypid::bigint)))::pg_catalog.text
  FROM pg_catalog.pg_enum e
