), tie AS MATERIALIZED (
  SELECT d.objid AS seq, d.refobjid AS rel, d.refobjsubid AS col, d.deptype AS how, NULL::pg_catalog.oid AS declared_by
    FROM pg_catalog.pg_depend d
   WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND d.objid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT r.oid FROM relation r WHERE r.kind OPERATOR(pg_catalog.=) 'S'))
     AND d.objsubid OPERATOR(pg_catalog.=) 0
     AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND d.refobjsubid OPERATOR(pg_catalog.>) 0
     AND d.deptype OPERATOR(pg_catalog.=) ANY ('{a,i}'::pg_catalog."char"[])
  UNION ALL
  SELECT x.seq, x.rel, x.col, x.how, x.declared_by
    FROM (SELECT d.classid, d.objid, d.refobjid
            FROM pg_catalog.pg_depend d
           WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
             AND d.refobjid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT r.oid FROM relation r WHERE r.kind OPERATOR(pg_catalog.=) 'S'))
          OFFSET 0) d
   CROSS JOIN LATERAL (
     SELECT d.refobjid AS seq, f.adrelid AS rel, f.adnum::integer AS col, 'd'::pg_catalog."char" AS how, NULL::pg_catalog.oid AS declared_by
       FROM pg_catalog.pg_attrdef f
      WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
        AND f.oid OPERATOR(pg_catalog.=) d.objid AND $default_takes
     UNION ALL
     SELECT d.refobjid, e.objid, e.objsubid, 'y', o.typowner
       FROM pg_catalog.pg_type o
       JOIN pg_catalog.pg_depend e
         ON e.refclassid OPERATOR(pg_catalog.=) d.classid AND e.refobjid OPERATOR(pg_catalog.=) d.objid
        AND e.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
        AND e.objsubid OPERATOR(pg_catalog.>) 0
       JOIN pg_catalog.pg_attribute w
         ON w.attrelid OPERATOR(pg_catalog.=) e.objid AND w.attnum OPERATOR(pg_catalog.=) e.objsubid
        AND w.atttypid OPERATOR(pg_catalog.=) d.objid AND NOT w.atthasdef
      WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
        AND o.oid OPERATOR(pg_catalog.=) d.objid AND $domain_takes
     OFFSET 0) x
