), type AS MATERIALIZED (
  SELECT t.typtype AS kind, t.typnamespace AS ns, t.typowner AS owner,
         pg_catalog.array_agg(t.oid) AS ids, pg_catalog.string_agg(t.typname::pg_catalog.text, $separator) AS names
    FROM (SELECT t.oid, t.typtype, t.typnamespace, CASE WHEN t.typtype OPERATOR(pg_catalog.=) 'e' THEN t.typowner END AS typowner, t.typname
            FROM pg_catalog.pg_type t
           WHERE t.typtype OPERATOR(pg_catalog.=) 'e'
              OR t.typnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.earlier FROM path p)::pg_catalog.oid[])
           ORDER BY (SELECT 1) FETCH FIRST 1 ROW WITH TIES) t
   GROUP BY t.typtype, t.typnamespace, t.typowner, NULL::pg_catalog.xid
