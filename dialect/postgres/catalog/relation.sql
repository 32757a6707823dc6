), size AS MATERIALIZED (
  SELECT pg_catalog.pg_relation_size('pg_catalog.pg_class'::pg_catalog.regclass) OPERATOR(pg_catalog.<)
         ((3 OPERATOR(pg_catalog.*) pg_catalog.pg_relation_size('pg_catalog.pg_rewrite'::pg_catalog.regclass))
          OPERATOR(pg_catalog.+) (45 OPERATOR(pg_catalog.*) pg_catalog.pg_relation_size('pg_catalog.pg_sequence'::pg_catalog.regclass))) AS dense
), driven AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relowner, c.relnamespace, c.relacl, c.relispopulated, c.relname, c.relpersistence
    FROM pg_catalog.pg_class c
   WHERE NOT (SELECT z.dense FROM size z) AND c.oid OPERATOR(pg_catalog.=) ANY (ARRAY($ids))
), found AS MATERIALIZED (
  SELECT c.oid, c.relkind AS kind, c.relowner AS owner, c.relnamespace AS ns, c.relacl AS acl,
         c.relispopulated AS populated, c.relname AS name, ($ours) AND c.relpersistence OPERATOR(pg_catalog.<>) 't' AS ours
    FROM pg_catalog.pg_class c
   WHERE (SELECT z.dense FROM size z)
     AND (($ours) OR c.relnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.earlier FROM path p)::pg_catalog.oid[]))
  UNION ALL
  SELECT d.oid, d.relkind, d.relowner, d.relnamespace, d.relacl, d.relispopulated, d.relname,
         d.relpersistence OPERATOR(pg_catalog.<>) 't'
    FROM driven d
  UNION ALL
  SELECT c.oid, c.relkind, c.relowner, c.relnamespace, c.relacl, c.relispopulated, c.relname, false
    FROM pg_catalog.pg_class c
   WHERE NOT (SELECT z.dense FROM size z)
     AND c.relname OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT d.relname FROM driven d WHERE d.relkind OPERATOR(pg_catalog.<>) 'v'))
     AND c.relnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.earlier FROM path p)::pg_catalog.oid[])
     AND (c.oid OPERATOR(pg_catalog.=) ANY (SELECT d.oid FROM driven d)) IS NOT TRUE
), relation AS NOT MATERIALIZED (
  SELECT f.oid, f.kind, f.owner, f.ns, f.acl, f.populated, f.name FROM found f WHERE f.ours
