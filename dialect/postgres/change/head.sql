WITH relation AS MATERIALIZED (
  SELECT c.relkind AS kind, c.relowner AS owner, c.relispopulated AS populated, c.relpersistence AS persistence,
         pg_catalog.count(*) AS n, pg_catalog.array_agg(c.oid) AS ids,
         pg_catalog.sum(pg_catalog.hashnameextended(c.relname,
           ((c.oid::bigint << 32) | c.relnamespace::bigint)
           # CASE WHEN c.relacl IS NULL OR c.relkind NOT IN ('m', 'S') THEN 0
                  ELSE pg_catalog.hashtextextended(c.relacl::pg_catalog.text, 1) END)) AS print
    FROM pg_catalog.pg_class c
   WHERE c.oid >= '16384' AND c.relnamespace <> 'pg_toast'::pg_catalog.regnamespace::pg_catalog.oid
   GROUP BY c.relkind, c.relowner, c.relispopulated, c.relpersistence
), temporary AS MATERIALIZED (
  SELECT pg_catalog.unnest(r.ids) AS id FROM relation r WHERE r.persistence = 't'
), tie AS MATERIALIZED (
  SELECT d.objid AS seq, d.refobjid AS rel, d.refobjsubid AS col, d.deptype AS how
    FROM pg_catalog.pg_depend d
   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objid >= '16384' AND d.objsubid = 0
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
     AND (d.objid IN (SELECT pg_catalog.unnest(r.ids) FROM relation r WHERE r.kind = 'S' AND r.persistence <> 't')) IS TRUE
  UNION ALL
  SELECT d.refobjid, f.adrelid, f.adnum, 'd'
    FROM pg_catalog.pg_attrdef f
    JOIN pg_catalog.pg_depend d ON d.objid = f.oid
   WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid <> f.adrelid
     AND (f.adrelid IN (SELECT t.id FROM temporary t)) IS NOT TRUE
)
SELECT x.part, x.n, x.print
FROM (
