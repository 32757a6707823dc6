SELECT 'types of columns', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(t.typname, (t.oid::bigint << 32) | t.typnamespace::bigint))::pg_catalog.text
  FROM pg_catalog.pg_type t
 WHERE t.typtype <> 'c'
   AND (t.typname IN (
         SELECT n.typname
           FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_type u ON u.oid = a.atttypid
           JOIN pg_catalog.pg_type n ON n.oid = CASE WHEN u.typtype = 'b' AND u.typcategory = 'A' THEN u.typelem ELSE u.oid END
          WHERE a.attnum > 0 AND a.atttypid >= '16384'
            AND a.attrelid = ANY (ARRAY(SELECT pg_catalog.unnest(r.ids) FROM relation r WHERE r.kind = 'm')))) IS TRUE
