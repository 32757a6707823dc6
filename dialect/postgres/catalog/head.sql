WITH path AS MATERIALIZED (
  SELECT ARRAY(SELECT n.oid
                 FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY s (name, nr)
                 JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) s.name
                WHERE s.nr OPERATOR(pg_catalog.<) pg_catalog.cardinality(pg_catalog.current_schemas(true))) AS earlier
), raw AS MATERIALIZED (
  SELECT pg_catalog.current_setting('server_encoding') OPERATOR(pg_catalog.=) 'SQL_ASCII' AS yes
