SELECT 'matviews', pg_catalog.count(*), pg_catalog.sum(m.print)::pg_catalog.text FROM relation m WHERE m.kind = 'm'
UNION ALL
SELECT 'columns of matviews', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(a.attname,
         CASE WHEN a.atttypid < 16384 THEN 0
              ELSE pg_catalog.hashtextextended(pg_catalog.format_type(a.atttypid, a.atttypmod), 1) END
         # ((m.oid::bigint << 16) | a.attnum::bigint)))::pg_catalog.text
  FROM relation m
  CROSS JOIN LATERAL (SELECT a.attname, a.attnum, a.atttypid, a.atttypmod FROM pg_catalog.pg_attribute a
                       WHERE a.attrelid = m.oid AND a.attnum > 0 OFFSET 0) a
 WHERE m.kind = 'm'
UNION ALL
SELECT 'indexes of matviews', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(c.relname,
         pg_catalog.hashint8extended((i.indexrelid::bigint << 32) | m.oid::bigint,
           i.indisvalid::integer * 4 + i.indisunique::integer * 2 + i.indimmediate::integer)))::pg_catalog.text
  FROM relation m
  CROSS JOIN LATERAL (SELECT i.indexrelid, i.indisvalid, i.indisunique, i.indimmediate FROM pg_catalog.pg_index i
                       WHERE i.indrelid = m.oid OFFSET 0) i
  CROSS JOIN LATERAL (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = i.indexrelid OFFSET 0) c
 WHERE m.kind = 'm'
UNION ALL
SELECT 'views', pg_catalog.count(*), pg_catalog.sum(v.print)::pg_catalog.text FROM relation v WHERE v.kind = 'v'
UNION ALL
SELECT 'edges', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(d.objid::bigint, d.refobjid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_depend d
 WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND (d.refobjid IN (SELECT v.oid FROM relation v WHERE v.kind IN ('m', 'v'))) IS TRUE
