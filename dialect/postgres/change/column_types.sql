SELECT 'types of columns', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(t.typname,
         (t.oid::bigint OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) t.typnamespace::bigint))::pg_catalog.text
  FROM pg_catalog.pg_type t
 WHERE t.typtype OPERATOR(pg_catalog.<>) 'c'
   AND (t.typname OPERATOR(pg_catalog.=) ANY (
         SELECT n.typname
           FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_type u ON u.oid OPERATOR(pg_catalog.=) a.atttypid
           JOIN pg_catalog.pg_type n ON n.oid OPERATOR(pg_catalog.=)
                CASE WHEN u.typtype OPERATOR(pg_catalog.=) 'b' AND u.typcategory OPERATOR(pg_catalog.=) 'A'
                     THEN u.typelem ELSE u.oid END
          WHERE a.attnum OPERATOR(pg_catalog.>) 0 AND a.atttypid OPERATOR(pg_catalog.>=) '16384'
            AND a.attrelid OPERATOR(pg_catalog.=) ANY (ARRAY(
                  SELECT pg_catalog.unnest(r.ids) FROM relation r WHERE r.kind OPERATOR(pg_catalog.=) 'm')))) IS TRUE
