SELECT 'relation', NULL, f.ns::bigint, NULL, f.kind::pg_catalog.text, NULL, pg_catalog.array_agg(f.name)::pg_catalog.text
  FROM found f
 WHERE f.ns OPERATOR(pg_catalog.=) ANY ((SELECT p.earlier FROM path p)::pg_catalog.oid[])
   AND (f.name OPERATOR(pg_catalog.=) ANY (SELECT r.name FROM relation r WHERE r.kind OPERATOR(pg_catalog.<>) 'v')) IS TRUE
 GROUP BY f.ns, f.kind, NULL::pg_catalog.xid
