WITH path AS MATERIALIZED (
  SELECT ARRAY(SELECT n.oid
                 FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY s (name, nr)
                 JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) s.name
                WHERE s.nr OPERATOR(pg_catalog.<) pg_catalog.cardinality(pg_catalog.current_schemas(true))) AS earlier
), role AS MATERIALIZED (
  SELECT r.oid, r.rolsuper AS super, r.rolname OPERATOR(pg_catalog.=) CURRENT_USER AS current FROM pg_catalog.pg_roles r
