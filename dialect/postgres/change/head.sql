WITH RECURSIVE place AS MATERIALIZED (
  SELECT ARRAY(SELECT n.oid
                 FROM pg_catalog.pg_namespace n
                WHERE pg_catalog.left(n.nspname::pg_catalog.text, 3) <> 'pg_'
                  AND n.nspname <> 'information_schema') AS schemas,
         ARRAY(SELECT n.oid
                 FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY s (name, nr)
                 JOIN pg_catalog.pg_namespace n ON n.nspname = s.name
                WHERE s.nr < pg_catalog.cardinality(pg_catalog.current_schemas(true))
                  AND n.nspname <> 'pg_catalog') AS hiding
), acting AS (
  SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
  UNION
  SELECT m.roleid FROM acting a JOIN pg_catalog.pg_auth_members m ON m.member = a.oid
), index AS MATERIALIZED (
  SELECT pg_catalog.count(*) AS n, pg_catalog.array_agg(i.indexrelid) AS ids,
         pg_catalog.sum(pg_catalog.hashint8extended((i.indexrelid::bigint << 32) | i.indrelid::bigint,
           i.indisvalid::integer * 4 + i.indisunique::integer * 2 + i.indimmediate::integer)) AS print
    FROM pg_catalog.pg_index i
   WHERE (i.indrelid IN (SELECT r.ev_class FROM pg_catalog.pg_rewrite r
                          WHERE r.rulename = '_RETURN' AND r.ev_class >= 16384)) IS TRUE
), relation AS MATERIALIZED (
  SELECT c.relkind AS kind, c.relowner AS owner, pg_catalog.count(*) AS n, pg_catalog.array_agg(c.oid) AS ids,
         pg_catalog.sum(pg_catalog.hashnameextended(c.relname,
           CASE WHEN c.relkind IN ('v', 'i') THEN (c.oid::bigint << 32) | c.relnamespace::bigint
                ELSE pg_catalog.hashint8extended((c.oid::bigint << 32) | c.relnamespace::bigint,
                       c.relowner::bigint * 2 + c.relispopulated::integer)
                     # CASE WHEN c.relacl IS NULL THEN 0
                            ELSE pg_catalog.hashtextextended(c.relacl::pg_catalog.text, 1) END END)) AS print
    FROM pg_catalog.pg_class c
   WHERE c.relkind IN ('m', 'v', 'S', 'i') AND c.oid >= 16384
     AND c.relnamespace = ANY ((SELECT p.schemas FROM place p)::pg_catalog.oid[])
     AND (c.relkind <> 'i' OR (c.oid IN (SELECT pg_catalog.unnest(i.ids) FROM index i)) IS TRUE)
   GROUP BY c.relkind, c.relowner
), enum AS MATERIALIZED (
  SELECT t.typowner AS owner, pg_catalog.count(*) AS n,
         pg_catalog.sum(pg_catalog.hashnameextended(t.typname,
           pg_catalog.hashint8extended((t.oid::bigint << 32) | t.typnamespace::bigint, t.typowner::bigint))) AS print
    FROM pg_catalog.pg_type t
   WHERE t.typtype = 'e' AND t.typnamespace = ANY ((SELECT p.schemas FROM place p)::pg_catalog.oid[])
   GROUP BY t.typowner
), tie AS MATERIALIZED (
  SELECT s.id AS seq, d.refobjid AS rel, d.refobjsubid AS col, d.deptype AS how
    FROM (SELECT pg_catalog.unnest(r.ids) AS id FROM relation r WHERE r.kind = 'S') s
    CROSS JOIN LATERAL (
      SELECT d.refobjid, d.refobjsubid, d.deptype
        FROM pg_catalog.pg_depend d
       WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.id AND d.objsubid = 0
         AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') OFFSET 0) d
  UNION ALL
  SELECT d.refobjid, f.adrelid, f.adnum, 'd'
    FROM pg_catalog.pg_attrdef f
    JOIN pg_catalog.pg_depend d ON d.objid = f.oid
   WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> f.adrelid
     AND (d.refobjid IN (SELECT pg_catalog.unnest(r.ids) FROM relation r WHERE r.kind = 'S')) IS TRUE
)
SELECT x.part, x.n, x.print
FROM (
SELECT 'none'::pg_catalog.text AS part, 0::bigint AS n, ''::pg_catalog.text AS print
  FROM pg_catalog.generate_series(1, (SELECT 0))
UNION ALL
