SELECT 'v', v.id::bigint, v.ns::bigint, v.name::pg_catalog.text, NULL, NULL, NULL, NULL, NULL, NULL,
       v.reads::pg_catalog.text
FROM (SELECT c.oid AS id, c.relnamespace AS ns, c.relname AS name,
             ARRAY(SELECT DISTINCT d.refobjid
                     FROM (SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
                            WHERE d.objid OPERATOR(pg_catalog.=) r.oid AND d.classid OPERATOR(pg_catalog.=)
                                  'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid OFFSET 0) d
                    WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                      AND d.refobjid OPERATOR(pg_catalog.<>) c.oid AND d.refobjid OPERATOR(pg_catalog.>=) '16384'
                      AND EXISTS (SELECT FROM pg_catalog.pg_rewrite u
                                   WHERE u.ev_class OPERATOR(pg_catalog.=) d.refobjid
                                     AND u.rulename OPERATOR(pg_catalog.=) '_RETURN' OFFSET 0)) AS reads
        FROM pg_catalog.pg_rewrite r
       CROSS JOIN LATERAL (SELECT c.oid, c.relnamespace, c.relname FROM pg_catalog.pg_class c
                            WHERE c.oid OPERATOR(pg_catalog.=) r.ev_class AND c.relkind OPERATOR(pg_catalog.=) 'v'
                           OFFSET 0) c
       WHERE r.rulename OPERATOR(pg_catalog.=) '_RETURN' AND r.ev_class OPERATOR(pg_catalog.>=) '16384'
      OFFSET 0) v
WHERE pg_catalog.cardinality(v.reads) OPERATOR(pg_catalog.>) 0
