WITH path AS MATERIALIZED (
  SELECT ARRAY(SELECT n.oid
                 FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY s (name, nr)
                 JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) s.name
                ORDER BY s.nr) AS path
), raw AS MATERIALIZED (
  SELECT pg_catalog.current_setting('server_encoding') OPERATOR(pg_catalog.=) 'SQL_ASCII' AS yes
)
SELECT x.kind, x.id, x.ns,
       CASE WHEN (SELECT r.yes FROM raw r) THEN pg_catalog.encode(pg_catalog.convert_to(x.name, 'SQL_ASCII'), 'escape') ELSE x.name END,
       CASE WHEN (SELECT r.yes FROM raw r) THEN pg_catalog.encode(pg_catalog.convert_to(x.owner, 'SQL_ASCII'), 'escape') ELSE x.owner END,
       CASE WHEN (SELECT r.yes FROM raw r) THEN pg_catalog.encode(pg_catalog.convert_to(x.comment, 'SQL_ASCII'), 'escape') ELSE x.comment END,
       x.flags,
       CASE WHEN (SELECT r.yes FROM raw r) THEN pg_catalog.encode(pg_catalog.convert_to(x.hider, 'SQL_ASCII'), 'escape') ELSE x.hider END,
       CASE WHEN (SELECT r.yes FROM raw r) THEN pg_catalog.encode(pg_catalog.convert_to(x.a, 'SQL_ASCII'), 'escape') ELSE x.a END,
       CASE WHEN (SELECT r.yes FROM raw r) THEN pg_catalog.encode(pg_catalog.convert_to(x.b, 'SQL_ASCII'), 'escape') ELSE x.b END,
       CASE WHEN (SELECT r.yes FROM raw r) THEN pg_catalog.encode(pg_catalog.convert_to(x.c, 'SQL_ASCII'), 'escape') ELSE x.c END
FROM (
