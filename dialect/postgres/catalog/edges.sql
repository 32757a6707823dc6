SELECT 'edge', NULL, NULL, NULL, NULL, pg_catalog.array_agg(r.ev_class)::pg_catalog.text, pg_catalog.array_agg(d.refobjid)::pg_catalog.text
  FROM (SELECT d.objid, d.refobjid, pg_catalog.max(d.refobjsubid) AS col
          FROM pg_catalog.pg_depend d
         WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
           AND d.objid OPERATOR(pg_catalog.>=) '16384' AND d.deptype OPERATOR(pg_catalog.=) 'n'
           AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
           AND (d.refobjid OPERATOR(pg_catalog.=) ANY (SELECT r.oid FROM relation r WHERE r.kind OPERATOR(pg_catalog.<>) 'S')) IS TRUE
         GROUP BY d.objid, d.refobjid, NULL::pg_catalog.xid) d
  JOIN pg_catalog.pg_rewrite r
    ON r.oid OPERATOR(pg_catalog.=) d.objid AND r.rulename OPERATOR(pg_catalog.=) '_RETURN' AND r.ev_class OPERATOR(pg_catalog.<>) d.refobjid
 WHERE CASE WHEN d.col OPERATOR(pg_catalog.>) 0 THEN true
            ELSE pg_catalog.strpos(r.ev_action::pg_catalog.text, pg_catalog.concat(':relid ', d.refobjid, ' ')) OPERATOR(pg_catalog.>) 0 END
