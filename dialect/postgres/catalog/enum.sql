), type AS MATERIALIZED (
  SELECT t.oid, t.typname, t.typnamespace, t.typowner, t.typtype
    FROM pg_catalog.pg_type t
   WHERE t.typtype OPERATOR(pg_catalog.=) 'e'
      OR t.typnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.earlier FROM path p)::pg_catalog.oid[])
), enum AS NOT MATERIALIZED (
  SELECT t.oid, t.typname, t.typnamespace, t.typowner FROM type t WHERE t.typtype OPERATOR(pg_catalog.=) 'e'
