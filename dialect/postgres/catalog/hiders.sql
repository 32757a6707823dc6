SELECT 'relation', NULL, c.relnamespace::bigint, NULL, c.relkind::pg_catalog.text, NULL, pg_catalog.array_agg(c.relname)::pg_catalog.text
  FROM pg_catalog.pg_class c
 WHERE c.relname OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT r.name FROM relation r WHERE r.kind OPERATOR(pg_catalog.<>) 'v'))
   AND c.relnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.earlier FROM path p)::pg_catalog.oid[])
 GROUP BY c.relnamespace, c.relkind, NULL::pg_catalog.xid
