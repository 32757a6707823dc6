), reading AS MATERIALIZED (
  SELECT d.objid AS rule, d.refobjid AS view, pg_catalog.bool_or(d.deptype OPERATOR(pg_catalog.=) 'i') AS own,
         pg_catalog.max(d.refobjsubid) AS col
    FROM pg_catalog.pg_depend d
   WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
     AND d.objid OPERATOR(pg_catalog.>=) '16384'
     AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND (d.refobjid OPERATOR(pg_catalog.=) ANY (SELECT m.oid FROM member m WHERE m.kind OPERATOR(pg_catalog.<>) 'S')) IS TRUE
   GROUP BY d.objid, d.refobjid, NULL::pg_catalog.xid
