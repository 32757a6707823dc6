WITH trusted AS (
  SELECT r.oid FROM pg_catalog.pg_roles r
   WHERE r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER
      OR r.rolname OPERATOR(pg_catalog.=) ANY ($owners::pg_catalog.name[])
), home AS (
  SELECT n.oid, n.nspowner AS owner, n.nspacl AS acl FROM pg_catalog.pg_namespace n
   WHERE n.nspname OPERATOR(pg_catalog.=) $schema::pg_catalog.name
), part AS (
  SELECT w.name, w.columns, c.oid, c.relkind AS kind, c.relowner AS owner, c.relacl AS acl, c.relrowsecurity AS secured
    FROM home h
   CROSS JOIN (VALUES ('freshness', '$freshness_columns'), ('history', '$history_columns')) w (name, columns)
    LEFT JOIN pg_catalog.pg_class c
      ON c.relnamespace OPERATOR(pg_catalog.=) h.oid AND c.relname OPERATOR(pg_catalog.=) w.name::pg_catalog.name
)
SELECT 1 AS rank, 'missing' AS problem, 'its schema does not exist' AS detail WHERE NOT EXISTS (SELECT FROM home)
UNION ALL
SELECT 2, 'unsafe', pg_catalog.concat('its schema belongs to ', pg_catalog.pg_get_userbyid(h.owner)) FROM home h
 WHERE NOT EXISTS (SELECT FROM trusted t WHERE t.oid OPERATOR(pg_catalog.=) h.owner)
UNION ALL
SELECT 3, 'unsafe', pg_catalog.concat(CASE WHEN a.grantee OPERATOR(pg_catalog.=) '0'::pg_catalog.oid THEN 'every role'
                                           ELSE pg_catalog.pg_get_userbyid(a.grantee)::pg_catalog.text END,
                                      ' may create objects in its schema')
  FROM home h CROSS JOIN LATERAL pg_catalog.aclexplode(h.acl) a
 WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
   AND NOT EXISTS (SELECT FROM trusted t WHERE t.oid OPERATOR(pg_catalog.=) a.grantee)
UNION ALL
SELECT 4, 'unsafe', pg_catalog.concat(p.name, ' is not a table') FROM part p WHERE p.kind OPERATOR(pg_catalog.<>) 'r'
UNION ALL
SELECT 5, 'unsafe', pg_catalog.concat('its table ', p.name, ' belongs to ', pg_catalog.pg_get_userbyid(p.owner)) FROM part p
 WHERE p.oid IS NOT NULL AND NOT EXISTS (SELECT FROM trusted t WHERE t.oid OPERATOR(pg_catalog.=) p.owner)
UNION ALL
SELECT 6, 'missing', pg_catalog.concat('it has no table ', p.name) FROM part p WHERE p.oid IS NULL
UNION ALL
SELECT 7, 'unsafe', pg_catalog.concat(CASE WHEN a.grantee OPERATOR(pg_catalog.=) '0'::pg_catalog.oid THEN 'every role'
                                           ELSE pg_catalog.pg_get_userbyid(a.grantee)::pg_catalog.text END,
                                      ' has the right ', a.privilege_type, ' on its table ', p.name)
  FROM part p CROSS JOIN LATERAL pg_catalog.aclexplode(p.acl) a
 WHERE a.privilege_type OPERATOR(pg_catalog.=) ANY ('{TRIGGER,REFERENCES}'::pg_catalog.text[])
   AND NOT EXISTS (SELECT FROM trusted t WHERE t.oid OPERATOR(pg_catalog.=) a.grantee)
UNION ALL
SELECT 8, 'layout', COALESCE(x.description, '')
  FROM part p
  LEFT JOIN pg_catalog.pg_description x
    ON x.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
   AND x.objoid OPERATOR(pg_catalog.=) p.oid AND x.objsubid OPERATOR(pg_catalog.=) 0
 WHERE p.name OPERATOR(pg_catalog.=) 'freshness' AND p.oid IS NOT NULL
   AND (x.description OPERATOR(pg_catalog.=) '$layout') IS NOT TRUE
UNION ALL
SELECT 9, 'unsafe', pg_catalog.concat('its table ', p.name, ' has ', x.what)
  FROM part p
 CROSS JOIN LATERAL (
   SELECT 'a trigger' AS what FROM pg_catalog.pg_trigger g WHERE g.tgrelid OPERATOR(pg_catalog.=) p.oid
   UNION ALL
   SELECT 'a rule' FROM pg_catalog.pg_rewrite r WHERE r.ev_class OPERATOR(pg_catalog.=) p.oid
   UNION ALL
   SELECT 'a policy' FROM pg_catalog.pg_policy y WHERE y.polrelid OPERATOR(pg_catalog.=) p.oid
   UNION ALL
   SELECT 'row security' WHERE p.secured
   UNION ALL
   SELECT 'a child or a parent' FROM pg_catalog.pg_inherits i
    WHERE i.inhrelid OPERATOR(pg_catalog.=) p.oid OR i.inhparent OPERATOR(pg_catalog.=) p.oid
   UNION ALL
   SELECT 'an index with an expression or a condition' FROM pg_catalog.pg_index i
    WHERE i.indrelid OPERATOR(pg_catalog.=) p.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
   UNION ALL
   SELECT 'a constraint that is not a key' FROM pg_catalog.pg_constraint k
    WHERE k.conrelid OPERATOR(pg_catalog.=) p.oid AND k.contype OPERATOR(pg_catalog.<>) ALL ('{p,u,n}'::pg_catalog."char"[])
   UNION ALL
   SELECT 'a default or a generated column' FROM pg_catalog.pg_attrdef d WHERE d.adrelid OPERATOR(pg_catalog.=) p.oid
   UNION ALL
   SELECT 'other columns than its layout'
    WHERE p.columns OPERATOR(pg_catalog.<>) (
      SELECT COALESCE(pg_catalog.string_agg(pg_catalog.concat(
               a.attname, ' ', CASE WHEN y.typnamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid
                                    THEN y.typname ELSE '?' END,
               CASE WHEN a.attnotnull THEN '!' END), ', ' ORDER BY a.attnum), '')
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid OPERATOR(pg_catalog.=) a.atttypid
       WHERE a.attrelid OPERATOR(pg_catalog.=) p.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped)) x
 WHERE p.oid IS NOT NULL
UNION ALL
SELECT 10, 'denied', pg_catalog.format('GRANT USAGE ON SCHEMA %1$I TO %2$I; GRANT SELECT, INSERT, UPDATE, DELETE ON %1$I.freshness, %1$I.history TO %2$I',
                                       $schema, CURRENT_USER)
  FROM home h
 WHERE NOT pg_catalog.has_schema_privilege(h.oid, 'USAGE')
    OR EXISTS (SELECT FROM part p CROSS JOIN LATERAL pg_catalog.unnest('{SELECT,INSERT,UPDATE,DELETE}'::pg_catalog.text[]) r (needed)
                WHERE p.oid IS NOT NULL AND NOT pg_catalog.has_table_privilege(p.oid, r.needed))
