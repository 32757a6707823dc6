SELECT 'types', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(t.typname,
         pg_catalog.hashint8extended((t.oid::bigint << 32) | t.typnamespace::bigint, t.typowner::bigint)))::pg_catalog.text
  FROM pg_catalog.pg_type t
 WHERE t.oid >= '16384' AND t.typtype <> 'c' AND NOT (t.typtype = 'b' AND t.typcategory = 'A')
UNION ALL
SELECT 'labels', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(e.enumlabel,
         pg_catalog.hashfloat4extended(e.enumsortorder, e.enumtypid::bigint)))::pg_catalog.text
  FROM pg_catalog.pg_enum e
