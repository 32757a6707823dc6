SELECT 'columns of matviews', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(a.attname,
         CASE WHEN a.atttypid < '16384' THEN 0
              ELSE pg_catalog.hashtextextended(pg_catalog.format_type(a.atttypid, a.atttypmod), 1) END
         # ((a.attrelid::bigint << 16) | a.attnum::bigint)))::pg_catalog.text
  FROM pg_catalog.pg_attribute a
 WHERE a.attnum > 0
   AND a.attrelid = ANY (ARRAY(SELECT pg_catalog.unnest(r.ids) FROM relation r WHERE r.kind = 'm'))
UNION ALL
SELECT 'indexes', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended((i.indexrelid::bigint << 32) | i.indrelid::bigint,
         i.indisvalid::integer * 4 + i.indisunique::integer * 2 + i.indimmediate::integer))::pg_catalog.text
  FROM pg_catalog.pg_index i
 WHERE i.indrelid >= '16384' AND NOT i.indisprimary
   AND (i.indrelid IN (SELECT t.id FROM temporary t)) IS NOT TRUE
UNION ALL
SELECT 'edges', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(d.objid::bigint, d.refobjid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_depend d
 WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
   AND d.objid >= '16384'
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = 'n'
   AND d.refobjid >= '16384'
