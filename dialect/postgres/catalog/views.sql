SELECT 'v', v.id::bigint, v.ns::bigint, v.name::pg_catalog.text, NULL, NULL, NULL, NULL, NULL, NULL,
       v.reads::pg_catalog.text
FROM (SELECT c.oid AS id, c.relnamespace AS ns, c.relname AS name,
             ARRAY(SELECT DISTINCT d.refobjid
                     FROM (SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
                            WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid AND d.objid = r.oid OFFSET 0) d
                    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                      AND d.refobjid <> c.oid AND d.refobjid >= '16384'
                      AND EXISTS (SELECT FROM pg_catalog.pg_rewrite u
                                   WHERE u.ev_class = d.refobjid AND u.rulename = '_RETURN' OFFSET 0)) AS reads
        FROM pg_catalog.pg_rewrite r
       CROSS JOIN LATERAL (SELECT c.oid, c.relnamespace, c.relname FROM pg_catalog.pg_class c
                            WHERE c.oid = r.ev_class AND c.relkind = 'v' OFFSET 0) c
       WHERE r.rulename = '_RETURN' AND r.ev_class >= '16384'
      OFFSET 0) v
WHERE pg_catalog.cardinality(v.reads) > 0
