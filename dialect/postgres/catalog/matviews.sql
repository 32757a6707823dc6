SELECT 'm', c.oid::bigint, c.relnamespace::bigint, c.relname::pg_catalog.text,
       pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text,
       (SELECT d.description FROM pg_catalog.pg_description d
         WHERE d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objsubid = 0),
       CASE WHEN c.relispopulated THEN 'p' ELSE '' END
       || CASE WHEN h.oid = c.oid THEN 'v' ELSE '' END
       || CASE WHEN CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 170000
                         THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN')
                         ELSE pg_catalog.pg_has_role(c.relowner, 'USAGE') END
               THEN 'r' ELSE '' END,
       CASE WHEN h.oid <> c.oid THEN h.relkind::pg_catalog.text 
         || (SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n WHERE n.oid = h.ns) END,
       ARRAY(SELECT ARRAY[a.attname::pg_catalog.text, pg_catalog.format_type(a.atttypid, a.atttypmod)]
               FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)::pg_catalog.text,
       CASE WHEN c.relhasindex THEN
       ARRAY(SELECT ARRAY[ic.relname::pg_catalog.text,
                          CASE WHEN i.indisunique THEN 'u' ELSE '' END
                          || CASE WHEN i.indimmediate THEN 'i' ELSE '' END
                          || CASE WHEN i.indisvalid THEN 'v' ELSE '' END
                          || CASE WHEN i.indpred IS NOT NULL THEN 'p' ELSE '' END
                          || CASE WHEN i.indexprs IS NOT NULL THEN 'x' ELSE '' END,
                          i.indnkeyatts::pg_catalog.text, i.indkey::pg_catalog.text]
               FROM (SELECT i.* FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid OFFSET 0) i
              CROSS JOIN LATERAL (SELECT ic.relname FROM pg_catalog.pg_class ic WHERE ic.oid = i.indexrelid OFFSET 0) ic
              ORDER BY ic.relname)::pg_catalog.text END,
       ARRAY(SELECT DISTINCT d.refobjid
               FROM (SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid AND d.objid = r.oid OFFSET 0) d
              WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                AND d.refobjid <> c.oid AND d.refobjid >= '16384'
                AND EXISTS (SELECT FROM pg_catalog.pg_rewrite u
                             WHERE u.ev_class = d.refobjid AND u.rulename = '_RETURN' OFFSET 0))::pg_catalog.text
FROM pg_catalog.pg_rewrite r
CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_class c WHERE c.oid = r.ev_class AND c.relkind = 'm' OFFSET 0) c
LEFT JOIN LATERAL (
  SELECT h.oid, h.relkind, h.relnamespace AS ns
    FROM pg_catalog.pg_class h
   WHERE h.relname = c.relname AND h.relnamespace = ANY ((SELECT p.path FROM path p)::pg_catalog.oid[])
   ORDER BY pg_catalog.array_position((SELECT p.path FROM path p), h.relnamespace) LIMIT 1) h ON true
WHERE r.rulename = '_RETURN' AND r.ev_class >= '16384'
