SELECT s.seqrelid AS sequence, s.seqincrement AS step, s.seqmin AS lowest, s.seqmax AS highest,
       c.relowner AS sequence_owner, u.relation, t.relkind AS kind, u.number,
       n.oid AS namespace, n.nspname AS schema, t.relname AS name, a.attname AS col,
       a.atttypid AS declared, a.atttypmod AS modified, b.type, b.modifier,
       CASE WHEN t.relkind OPERATOR(pg_catalog.<>) ALL ('{r,p}'::pg_catalog."char"[]) THEN 'it is not in a table'
            WHEN NOT (t.relowner OPERATOR(pg_catalog.=) c.relowner
                      OR t.relowner OPERATOR(pg_catalog.=) ANY ($trusted))
              THEN 'its table belongs to ' OPERATOR(pg_catalog.||) pg_catalog.pg_get_userbyid(t.relowner)::pg_catalog.text
            WHEN NOT (u.declared_by OPERATOR(pg_catalog.=) c.relowner
                      OR u.declared_by OPERATOR(pg_catalog.=) ANY ($trusted))
              THEN 'its domain belongs to ' OPERATOR(pg_catalog.||) pg_catalog.pg_get_userbyid(u.declared_by)::pg_catalog.text
            ELSE '' END AS distrust
FROM pg_catalog.pg_sequence s
CROSS JOIN LATERAL (
  SELECT q.relowner FROM pg_catalog.pg_class q WHERE q.oid OPERATOR(pg_catalog.=) s.seqrelid OFFSET 0) c
CROSS JOIN LATERAL (
  SELECT i.refobjid AS relation, i.refobjsubid AS number, NULL::pg_catalog.oid AS declared_by
    FROM pg_catalog.pg_depend i
   WHERE i.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND i.objid OPERATOR(pg_catalog.=) s.seqrelid AND i.objsubid OPERATOR(pg_catalog.=) 0
     AND i.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
     AND i.refobjsubid OPERATOR(pg_catalog.>) 0 AND i.deptype OPERATOR(pg_catalog.=) 'i'
  UNION ALL
  SELECT x.rel, x.col, x.declared_by
    FROM (SELECT d.classid, d.objid
            FROM pg_catalog.pg_depend d
           WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
             AND d.refobjid OPERATOR(pg_catalog.=) s.seqrelid OFFSET 0) d
   CROSS JOIN LATERAL (
$defaults) x
  OFFSET 0) u
JOIN pg_catalog.pg_class t
  ON t.oid OPERATOR(pg_catalog.=) u.relation AND t.relpersistence OPERATOR(pg_catalog.<>) 't'
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.relnamespace
CROSS JOIN LATERAL (
  SELECT a.attname, a.atttypid, a.atttypmod
    FROM pg_catalog.pg_attribute a
   WHERE a.attrelid OPERATOR(pg_catalog.=) u.relation AND a.attnum OPERATOR(pg_catalog.=) u.number OFFSET 0) a
CROSS JOIN LATERAL (
  WITH RECURSIVE chain (type, modifier, base, next) AS (
    SELECT t.oid, a.atttypmod, t.typbasetype, t.typtypmod
      FROM pg_catalog.pg_type t
     WHERE t.oid OPERATOR(pg_catalog.=) a.atttypid
    UNION ALL
    SELECT t.oid, x.next, t.typbasetype, t.typtypmod
      FROM chain x
      JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) x.base
     WHERE x.base OPERATOR(pg_catalog.<>) '0')
  SELECT x.type, x.modifier FROM chain x WHERE x.base OPERATOR(pg_catalog.=) '0' OFFSET 0) b
