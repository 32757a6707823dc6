  SELECT i.refobjid AS relation, i.refobjsubid AS number, c.relowner AS declared_by
    FROM pg_catalog.pg_depend i
   WHERE i.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND i.objid OPERATOR(pg_catalog.=) s.seqrelid AND i.objsubid OPERATOR(pg_catalog.=) 0
     AND i.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND i.refobjsubid OPERATOR(pg_catalog.>) 0 AND i.deptype OPERATOR(pg_catalog.=) 'i'
   UNION ALL
  SELECT x.relation, x.number, x.declared_by
    FROM (SELECT d.classid, d.objid
            FROM pg_catalog.pg_depend d
           WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
             AND d.refobjid OPERATOR(pg_catalog.=) s.seqrelid OFFSET 0) d
   CROSS JOIN LATERAL (
     SELECT f.adrelid AS relation, f.adnum::integer AS number, c.relowner AS declared_by
       FROM pg_catalog.pg_attrdef f
      WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
        AND f.oid OPERATOR(pg_catalog.=) d.objid
        AND $default_takes
      UNION ALL
     SELECT e.objid, e.objsubid, o.typowner
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
        AND o.oid OPERATOR(pg_catalog.=) d.objid
        AND $domain_takes
      OFFSET 0) x
