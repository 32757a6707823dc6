  SELECT f.adrelid AS rel, f.adnum::integer AS col, 'd'::pg_catalog."char" AS how, NULL::pg_catalog.oid AS declared_by
    FROM pg_catalog.pg_attrdef f
   WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
     AND f.oid OPERATOR(pg_catalog.=) d.objid AND $default_takes
  UNION ALL
  SELECT e.objid, e.objsubid, 'y', o.typowner
    FROM (SELECT o.typowner
            FROM pg_catalog.pg_type o
           WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
             AND o.oid OPERATOR(pg_catalog.=) d.objid AND $domain_takes OFFSET 0) o
   CROSS JOIN pg_catalog.pg_depend e
   WHERE e.refclassid OPERATOR(pg_catalog.=) d.classid AND e.refobjid OPERATOR(pg_catalog.=) d.objid
     AND e.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND e.objsubid OPERATOR(pg_catalog.>) 0
     AND (SELECT w.atttypid OPERATOR(pg_catalog.=) d.objid AND NOT w.atthasdef
            FROM pg_catalog.pg_attribute w
           WHERE w.attrelid OPERATOR(pg_catalog.=) e.objid AND w.attnum OPERATOR(pg_catalog.=) e.objsubid)
     AND (SELECT r.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,f}'::pg_catalog."char"[])
            FROM pg_catalog.pg_class r WHERE r.oid OPERATOR(pg_catalog.=) e.objid)
  OFFSET 0
