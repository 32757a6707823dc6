WITH path AS MATERIALIZED (
  SELECT ARRAY(SELECT n.oid
                 FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY s (name, nr)
                 JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) s.name
                ORDER BY s.nr) AS path
)
SELECT x.kind, x.id, x.ns, x.name, x.owner, x.comment, x.flags, x.hider, x.a, x.b, x.c
FROM (
