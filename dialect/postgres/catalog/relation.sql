), size AS MATERIALIZED (
  SELECT pg_catalog.pg_relation_size('pg_catalog.pg_class'::pg_catalog.regclass, 'main') OPERATOR(pg_catalog.<)
         ((3 OPERATOR(pg_catalog.*) pg_catalog.pg_relation_size('pg_catalog.pg_rewrite'::pg_catalog.regclass, 'main'))
          OPERATOR(pg_catalog.+) (45 OPERATOR(pg_catalog.*) pg_catalog.pg_relation_size('pg_catalog.pg_sequence'::pg_catalog.regclass, 'main'))) AS dense
), driven AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relowner, c.relnamespace, c.relacl, c.relispopulated, c.relname, c.relpersistence
    FROM pg_catalog.pg_class c
   WHERE NOT (SELECT z.dense FROM size z) AND c.oid OPERATOR(pg_catalog.=) ANY (ARRAY($ids))
), relation AS MATERIALIZED (
  SELECT f.ours, f.kind, f.ns, f.owner, f.acl, f.populated,
         pg_catalog.array_agg(f.oid) AS ids, pg_catalog.string_agg(f.name::pg_catalog.text, $separator) AS names
    FROM (SELECT u.* FROM (
          SELECT c.oid, ($ours) AND c.relpersistence OPERATOR(pg_catalog.<>) 't' AS ours, c.relkind AS kind, c.relnamespace AS ns,
                 c.relowner AS owner, c.relacl AS acl, c.relispopulated AS populated, c.relname AS name
            FROM pg_catalog.pg_class c
           WHERE (SELECT z.dense FROM size z)
             AND (($ours) OR c.relnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.earlier FROM path p)::pg_catalog.oid[]))
          UNION ALL
          SELECT d.oid, d.relpersistence OPERATOR(pg_catalog.<>) 't', d.relkind, d.relnamespace, d.relowner, d.relacl,
                 d.relispopulated, d.relname
            FROM driven d
          UNION ALL
          SELECT c.oid, false, c.relkind, c.relnamespace, NULL, NULL, NULL, c.relname
            FROM pg_catalog.pg_class c
           WHERE NOT (SELECT z.dense FROM size z)
             AND c.relname OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT d.relname FROM driven d WHERE d.relkind OPERATOR(pg_catalog.<>) 'v'))
             AND c.relnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.earlier FROM path p)::pg_catalog.oid[])
             AND (c.oid OPERATOR(pg_catalog.=) ANY (SELECT d.oid FROM driven d)) IS NOT TRUE) u
           ORDER BY (SELECT 1) FETCH FIRST 1 ROW WITH TIES) f
   GROUP BY f.ours, f.kind, f.ns, f.owner, f.acl, f.populated
), member AS NOT MATERIALIZED (
  SELECT r.kind, pg_catalog.unnest(r.ids) AS oid FROM relation r WHERE r.ours
