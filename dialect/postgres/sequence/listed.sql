WITH asked AS (
  SELECT x.at, s.seqrelid AS rel,
         pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT') AS may
    FROM ROWS FROM (pg_catalog.unnest($schemas), pg_catalog.unnest($names)) WITH ORDINALITY x (schema, name, at)
    JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) x.schema::pg_catalog.name
    JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid AND c.relname OPERATOR(pg_catalog.=) x.name::pg_catalog.name
    JOIN pg_catalog.pg_sequence s ON s.seqrelid OPERATOR(pg_catalog.=) c.oid
)
SELECT a.at::bigint, COALESCE(a.may, true)::boolean, m.*
  FROM asked a
  JOIN (
$compared
       ) m ON m.sequence OPERATOR(pg_catalog.=) a.rel::bigint
 ORDER BY a.at, m.schema, m.name, m.col
