WITH relation AS MATERIALIZED (
  SELECT c.relkind AS kind, c.relowner AS owner, c.relispopulated AS populated, c.relpersistence AS persistence,
         pg_catalog.count(*) AS n, pg_catalog.array_agg(c.oid) AS ids,
         pg_catalog.sum(pg_catalog.hashnameextended(c.relname,
           ((c.oid::bigint OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) c.relnamespace::bigint)
           OPERATOR(pg_catalog.#)
           CASE WHEN c.relacl IS NULL OR c.relkind OPERATOR(pg_catalog.<>) ALL ('{m,S}') THEN 0
                ELSE pg_catalog.hashtextextended(c.relacl::pg_catalog.text, 1) END)) AS print
    FROM pg_catalog.pg_class c
   WHERE c.oid OPERATOR(pg_catalog.>=) '16384'
     AND c.relnamespace OPERATOR(pg_catalog.<>) 'pg_toast'::pg_catalog.regnamespace::pg_catalog.oid
   GROUP BY c.relkind, c.relowner, c.relispopulated, c.relpersistence
), temporary AS MATERIALIZED (
  SELECT pg_catalog.unnest(r.ids) AS id FROM relation r WHERE r.persistence OPERATOR(pg_catalog.=) 't'
), tie AS MATERIALIZED (
  SELECT d.objid AS seq, d.refobjid AS rel, d.refobjsubid AS col, d.deptype AS how, 0::bigint AS by
    FROM pg_catalog.pg_depend d
   WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND d.objid OPERATOR(pg_catalog.>=) '16384' AND d.objsubid OPERATOR(pg_catalog.=) 0
     AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND d.refobjsubid OPERATOR(pg_catalog.>) 0 AND d.deptype OPERATOR(pg_catalog.=) ANY ('{a,i}')
     AND (d.objid OPERATOR(pg_catalog.=) ANY (
           SELECT pg_catalog.unnest(r.ids) FROM relation r
            WHERE r.kind OPERATOR(pg_catalog.=) 'S' AND r.persistence OPERATOR(pg_catalog.<>) 't')) IS TRUE
  UNION ALL
  SELECT d.refobjid, f.adrelid, f.adnum, 'd', f.oid::bigint
    FROM pg_catalog.pg_attrdef f
    JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) f.oid
   WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
     AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND d.refobjid OPERATOR(pg_catalog.<>) f.adrelid
     AND (f.adrelid OPERATOR(pg_catalog.=) ANY (SELECT t.id FROM temporary t)) IS NOT TRUE
  UNION ALL
  SELECT d.refobjid, a.attrelid, a.attnum, 'y',
         pg_catalog.hashtextextended(o.typdefaultbin::pg_catalog.text, o.typowner::bigint) OPERATOR(pg_catalog.#) a.atthasdef::integer::bigint
    FROM pg_catalog.pg_type o
    JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) o.oid
    JOIN pg_catalog.pg_depend e ON e.refobjid OPERATOR(pg_catalog.=) o.oid
    JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) e.objid AND a.attnum OPERATOR(pg_catalog.=) e.objsubid
   WHERE o.typtype OPERATOR(pg_catalog.=) 'd' AND o.typdefaultbin IS NOT NULL
     AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
     AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND e.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
     AND e.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND e.objsubid OPERATOR(pg_catalog.>) 0
     AND (a.attrelid OPERATOR(pg_catalog.=) ANY (SELECT t.id FROM temporary t)) IS NOT TRUE
)
SELECT x.part, x.n, x.print
FROM (
