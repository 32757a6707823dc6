SELECT 'v', c.oid::bigint, c.relnamespace::bigint, c.relname::pg_catalog.text, NULL, NULL, NULL, NULL, NULL, NULL,
       ARRAY(SELECT d.refobjid
               FROM (SELECT d.refobjid, pg_catalog.max(d.refobjsubid) AS col
                       FROM (SELECT d.refclassid, d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d
                              WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
                                AND d.objid OPERATOR(pg_catalog.=) r.oid OFFSET 0) d
                      WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                        AND d.refobjid OPERATOR(pg_catalog.<>) c.oid AND d.refobjid OPERATOR(pg_catalog.>=) '16384'
                      GROUP BY d.refobjid OFFSET 0) d
              WHERE CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite u
                                       WHERE u.ev_class OPERATOR(pg_catalog.=) d.refobjid
                                         AND u.rulename OPERATOR(pg_catalog.=) '_RETURN' OFFSET 0)
                         THEN d.col OPERATOR(pg_catalog.>) 0
                              OR pg_catalog.strpos(r.ev_action::pg_catalog.text, pg_catalog.concat(':relid ', d.refobjid, ' '))
                                 OPERATOR(pg_catalog.>) 0 END)::pg_catalog.text
FROM pg_catalog.pg_rewrite r
CROSS JOIN LATERAL (SELECT c.oid, c.relnamespace, c.relname FROM pg_catalog.pg_class c
                     WHERE c.oid OPERATOR(pg_catalog.=) r.ev_class AND c.relkind OPERATOR(pg_catalog.=) 'v' OFFSET 0) c
WHERE r.rulename OPERATOR(pg_catalog.=) '_RETURN' AND r.ev_class OPERATOR(pg_catalog.>=) '16384'
