SELECT 'server', pg_catalog.current_setting('server_version_num')::bigint,
       pg_catalog.current_setting('server_version') || ' ' || pg_catalog.pg_is_in_recovery()::pg_catalog.text || ' '
       || pg_catalog.quote_ident(pg_catalog.current_database()) || ' ' || pg_catalog.quote_ident(CURRENT_USER) || ' '
       || pg_catalog.current_schemas(false)::pg_catalog.text || ' '
       || (SELECT b.datdba::pg_catalog.text FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database())
UNION ALL
SELECT 'schemas', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(n.nspname,
         n.oid::bigint * 2 + pg_catalog.has_schema_privilege(n.oid, 'USAGE')::integer))::pg_catalog.text
  FROM pg_catalog.pg_namespace n
 WHERE n.oid = ANY ((SELECT p.schemas FROM place p)::pg_catalog.oid[])
UNION ALL
SELECT 'roles', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(r.rolname,
         r.oid::bigint * 4 + r.rolsuper::integer * 2 + r.rolinherit::integer))::pg_catalog.text
  FROM acting a JOIN pg_catalog.pg_roles r ON r.oid = a.oid
UNION ALL
SELECT 'members', pg_catalog.count(*), pg_catalog.sum(pg_catalog.hashtextextended(m::pg_catalog.text, 1))::pg_catalog.text
  FROM acting a JOIN pg_catalog.pg_auth_members m ON m.member = a.oid
