  SELECT f.adrelid AS rel, f.adnum::integer AS col, 'd'::pg_catalog."char" AS how, NULL::pg_catalog.oid AS declared_by
    FROM pg_catalog.pg_attrdef f
   WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
     AND f.oid OPERATOR(pg_catalog.=) d.objid AND $default_takes
  UNION ALL
  SELECT e.objid, e.objsubid, 'y', o.typowner
    FROM pg_catalog.pg_type o
    JOIN pg_catalog.pg_depend e
      ON e.refclassid OPERATOR(pg_catalog.=) d.classid AND e.refobjid OPERATOR(pg_catalog.=) d.objid
     AND e.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND e.objsubid OPERATOR(pg_catalog.>) 0
    JOIN pg_catalog.pg_attribute w
      ON w.attrelid OPERATOR(pg_catalog.=) e.objid AND w.attnum OPERATOR(pg_catalog.=) e.objsubid
     AND w.atttypid OPERATOR(pg_catalog.=) d.objid AND NOT w.atthasdef
    JOIN pg_catalog.pg_class r
      ON r.oid OPERATOR(pg_catalog.=) e.objid
     AND r.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,f}'::pg_catalog."char"[])
   WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
     AND o.oid OPERATOR(pg_catalog.=) d.objid AND $domain_takes
  OFFSET 0
