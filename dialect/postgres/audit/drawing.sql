SELECT s.seqrelid AS sequence, s.seqincrement AS increment, u.relation, n.oid AS namespace, n.nspname AS schema, c.relname AS name,
       a.attnum AS number, a.attname AS col, a.atttypid AS declared, a.atttypmod AS modified, b.type, b.modifier
FROM pg_catalog.pg_sequence s
CROSS JOIN LATERAL (
  SELECT d.refobjid AS relation, d.refobjsubid AS number
    FROM pg_catalog.pg_depend d
   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objid = s.seqrelid AND d.objsubid = 0
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjsubid > 0
     AND d.deptype IN ('a', 'i')
   UNION
  SELECT f.adrelid, f.adnum::integer
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
   WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = s.seqrelid
     AND d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
   UNION
  SELECT e.objid, e.objsubid
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_depend e ON e.refclassid = d.classid AND e.refobjid = d.objid
     AND e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND e.objsubid > 0
    JOIN pg_catalog.pg_attribute w ON w.attrelid = e.objid AND w.attnum = e.objsubid
     AND w.atttypid = d.objid AND NOT w.atthasdef
    JOIN pg_catalog.pg_class r ON r.oid = e.objid AND r.relkind IN ('r', 'p', 'f')
   WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = s.seqrelid
     AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
  OFFSET 0) u
JOIN pg_catalog.pg_class c ON c.oid = u.relation AND c.relpersistence <> 't'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = u.relation AND a.attnum = u.number
CROSS JOIN LATERAL (
  WITH RECURSIVE chain (type, modifier, base, next) AS (
    SELECT t.oid, a.atttypmod, t.typbasetype, t.typtypmod FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
    UNION ALL
    SELECT t.oid, x.next, t.typbasetype, t.typtypmod FROM chain x JOIN pg_catalog.pg_type t ON t.oid = x.base
     WHERE x.base <> '0')
  SELECT x.type, x.modifier FROM chain x WHERE x.base = '0' OFFSET 0) b
