SELECT 'm', c.oid::bigint, c.relnamespace::bigint, c.relname::pg_catalog.text,
       pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text,
       (SELECT d.description FROM pg_catalog.pg_description d
         WHERE d.objoid OPERATOR(pg_catalog.=) c.oid
           AND d.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
           AND d.objsubid OPERATOR(pg_catalog.=) 0),
       CASE WHEN c.relispopulated THEN 'p' ELSE '' END OPERATOR(pg_catalog.||)
       CASE WHEN h.oid OPERATOR(pg_catalog.=) c.oid THEN 'v' ELSE '' END OPERATOR(pg_catalog.||)
       CASE WHEN CASE WHEN pg_catalog.current_setting('server_version_num')::integer OPERATOR(pg_catalog.>=) 170000
                      THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN')
                      ELSE pg_catalog.pg_has_role(c.relowner, 'USAGE') END
            THEN 'r' ELSE '' END OPERATOR(pg_catalog.||)
       CASE WHEN c.relowner OPERATOR(pg_catalog.=) ANY (ARRAY(
                   WITH RECURSIVE mighty AS (
                     SELECT s.oid FROM pg_catalog.pg_roles s WHERE s.rolsuper
                     UNION
                     SELECT m.member FROM mighty s JOIN pg_catalog.pg_auth_members m ON m.roleid OPERATOR(pg_catalog.=) s.oid)
                   SELECT s.oid FROM mighty s))
            THEN 's' ELSE '' END,
       CASE WHEN h.oid OPERATOR(pg_catalog.<>) c.oid THEN h.relkind::pg_catalog.text OPERATOR(pg_catalog.||)
         (SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) h.ns) END,
       ARRAY(SELECT ARRAY[a.attname::pg_catalog.text, pg_catalog.format_type(a.atttypid, a.atttypmod),
                          CASE WHEN a.atttypid OPERATOR(pg_catalog.<) '16384' THEN 'o' ELSE '-' END]
               FROM pg_catalog.pg_attribute a
              WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
              ORDER BY a.attnum)::pg_catalog.text,
       CASE WHEN c.relhasindex THEN
       ARRAY(SELECT ARRAY[ic.relname::pg_catalog.text,
                          CASE WHEN i.indisunique THEN 'u' ELSE '' END OPERATOR(pg_catalog.||)
                          CASE WHEN i.indimmediate THEN 'i' ELSE '' END OPERATOR(pg_catalog.||)
                          CASE WHEN i.indisvalid THEN 'v' ELSE '' END OPERATOR(pg_catalog.||)
                          CASE WHEN i.indpred IS NOT NULL THEN 'p' ELSE '' END OPERATOR(pg_catalog.||)
                          CASE WHEN i.indexprs IS NOT NULL THEN 'x' ELSE '' END,
                          i.indnkeyatts::pg_catalog.text, i.indkey::pg_catalog.text]
               FROM (SELECT i.* FROM pg_catalog.pg_index i WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid OFFSET 0) i
              CROSS JOIN LATERAL (SELECT ic.relname FROM pg_catalog.pg_class ic
                                   WHERE ic.oid OPERATOR(pg_catalog.=) i.indexrelid OFFSET 0) ic
              ORDER BY ic.relname)::pg_catalog.text END,
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
CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_class c
                     WHERE c.oid OPERATOR(pg_catalog.=) r.ev_class AND c.relkind OPERATOR(pg_catalog.=) 'm' OFFSET 0) c
LEFT JOIN LATERAL (
  SELECT h.oid, h.relkind, h.relnamespace AS ns
    FROM pg_catalog.pg_class h
   WHERE h.relname OPERATOR(pg_catalog.=) c.relname
     AND h.relnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.path FROM path p)::pg_catalog.oid[])
   ORDER BY pg_catalog.array_position((SELECT p.path FROM path p), h.relnamespace) LIMIT 1) h ON true
WHERE r.rulename OPERATOR(pg_catalog.=) '_RETURN' AND r.ev_class OPERATOR(pg_catalog.>=) '16384'
