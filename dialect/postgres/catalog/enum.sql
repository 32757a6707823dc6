), enum AS MATERIALIZED (
  SELECT t.oid, t.typname, t.typnamespace, t.typowner FROM pg_catalog.pg_type t WHERE t.typtype OPERATOR(pg_catalog.=) 'e'
