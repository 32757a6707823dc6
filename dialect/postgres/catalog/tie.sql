), tie AS MATERIALIZED (
  SELECT d.objid AS seq, d.refobjid AS rel, d.refobjsubid AS col, d.deptype AS how, NULL::pg_catalog.oid AS declared_by
    FROM pg_catalog.pg_depend d
   WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND d.objid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT m.oid FROM member m WHERE m.kind OPERATOR(pg_catalog.=) 'S'))
     AND d.objsubid OPERATOR(pg_catalog.=) 0
     AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND d.refobjsubid OPERATOR(pg_catalog.>) 0
     AND d.deptype OPERATOR(pg_catalog.=) ANY ('{a,i}'::pg_catalog."char"[])
  UNION ALL
  SELECT d.refobjid, x.rel, x.col, x.how, x.declared_by
    FROM (SELECT d.classid, d.objid, d.refobjid
            FROM pg_catalog.pg_depend d
           WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
             AND d.refobjid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT m.oid FROM member m WHERE m.kind OPERATOR(pg_catalog.=) 'S'))
          OFFSET 0) d
   CROSS JOIN LATERAL (
$defaults) x
