SELECT 'views', pg_catalog.sum(v.n)::bigint, pg_catalog.sum(v.print)::pg_catalog.text
  FROM relation v
 WHERE v.kind IN ('m', 'v', 'i')
UNION ALL
SELECT 'columns of matviews', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(a.attname,
         CASE WHEN a.atttypid < 16384 THEN 0
              ELSE pg_catalog.hashtextextended(pg_catalog.format_type(a.atttypid, a.atttypmod), 1) END
         # ((m.id::bigint << 16) | a.attnum::bigint)))::pg_catalog.text
  FROM (SELECT pg_catalog.unnest(r.ids) AS id FROM relation r WHERE r.kind = 'm') m
  CROSS JOIN LATERAL (SELECT a.attname, a.attnum, a.atttypid, a.atttypmod FROM pg_catalog.pg_attribute a
                       WHERE a.attrelid = m.id AND a.attnum > 0 OFFSET 0) a
UNION ALL
SELECT 'indexes of matviews', i.n, i.print::pg_catalog.text FROM index i
UNION ALL
SELECT 'edges', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(d.objid::bigint, d.refobjid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_depend d
 WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'n'
   AND (d.refobjid IN (SELECT pg_catalog.unnest(r.ids) FROM relation r WHERE r.kind IN ('m', 'v'))) IS TRUE
