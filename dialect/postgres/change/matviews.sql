SELECT 'columns of matviews', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(a.attname,
         CASE WHEN a.atttypid OPERATOR(pg_catalog.<) '16384' THEN 0
              ELSE pg_catalog.hashtextextended(
                     pg_catalog.replace(pg_catalog.format_type(a.atttypid, a.atttypmod), '"', ''), 1) END
         OPERATOR(pg_catalog.#)
         ((a.attrelid::bigint OPERATOR(pg_catalog.<<) 16) OPERATOR(pg_catalog.|) a.attnum::bigint)))::pg_catalog.text
  FROM pg_catalog.pg_attribute a
 WHERE a.attnum OPERATOR(pg_catalog.>) 0
   AND a.attrelid OPERATOR(pg_catalog.=) ANY (ARRAY(
         SELECT pg_catalog.unnest(r.ids) FROM relation r WHERE r.kind OPERATOR(pg_catalog.=) 'm'))
UNION ALL
SELECT 'indexes', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(
         (i.indexrelid::bigint OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) i.indrelid::bigint,
         (i.indisvalid::integer OPERATOR(pg_catalog.*) 4) OPERATOR(pg_catalog.+)
         (i.indisunique::integer OPERATOR(pg_catalog.*) 2) OPERATOR(pg_catalog.+)
         i.indimmediate::integer))::pg_catalog.text
  FROM pg_catalog.pg_index i
 WHERE i.indrelid OPERATOR(pg_catalog.>=) '16384' AND NOT i.indisprimary
   AND (i.indrelid OPERATOR(pg_catalog.=) ANY (SELECT t.id FROM temporary t)) IS NOT TRUE
UNION ALL
SELECT 'edges', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(d.objid::bigint, (d.refobjid::bigint OPERATOR(pg_catalog.<<) 1)
         OPERATOR(pg_catalog.|) CASE WHEN d.refobjsubid OPERATOR(pg_catalog.=) 0
           AND (d.refobjid OPERATOR(pg_catalog.=) ANY (SELECT pg_catalog.unnest(v.ids) FROM relation v
                 WHERE v.kind OPERATOR(pg_catalog.=) 'm' OR v.kind OPERATOR(pg_catalog.=) 'v')) IS TRUE
           THEN (SELECT r.ev_class OPERATOR(pg_catalog.=) d.refobjid
                        OR pg_catalog.strpos(r.ev_action::pg_catalog.text, pg_catalog.concat(':relid ', d.refobjid, ' '))
                           OPERATOR(pg_catalog.>) 0
                   FROM pg_catalog.pg_rewrite r WHERE r.oid OPERATOR(pg_catalog.=) d.objid)::integer
           ELSE 1 END))::pg_catalog.text
  FROM pg_catalog.pg_depend d
 WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
   AND d.objid OPERATOR(pg_catalog.>=) '16384'
   AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
   AND d.deptype OPERATOR(pg_catalog.=) 'n' AND d.refobjid OPERATOR(pg_catalog.>=) '16384'
