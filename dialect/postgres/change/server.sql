SELECT 'standby', pg_catalog.pg_is_in_recovery()::integer::bigint, NULL
UNION ALL
SELECT 'server', pg_catalog.current_setting('server_version_num')::bigint,
       pg_catalog.concat_ws(' ', pg_catalog.current_setting('server_version'),
         pg_catalog.encode(pg_catalog.convert_to(
           ARRAY[pg_catalog.current_database()::pg_catalog.text, CURRENT_USER::pg_catalog.text,
                 pg_catalog.current_schemas(false)::pg_catalog.text]::pg_catalog.text, 'SQL_ASCII'), 'escape'),
         (SELECT b.datdba FROM pg_catalog.pg_database b
           WHERE b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()))
UNION ALL
SELECT 'schemas', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(n.nspname,
         ((n.oid::bigint OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) n.nspowner::bigint)
         OPERATOR(pg_catalog.#)
         CASE WHEN n.nspacl IS NULL THEN 0
              ELSE pg_catalog.hashtextextended(n.nspacl::pg_catalog.text, 1) END))::pg_catalog.text
  FROM pg_catalog.pg_namespace n
 WHERE pg_catalog.left(n.nspname::pg_catalog.text, 3) OPERATOR(pg_catalog.<>) 'pg_'
UNION ALL
SELECT 'all roles', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(r.rolname,
         (r.oid::bigint OPERATOR(pg_catalog.*) 4) OPERATOR(pg_catalog.+)
         (r.rolsuper::integer OPERATOR(pg_catalog.*) 2) OPERATOR(pg_catalog.+)
         r.rolinherit::integer))::pg_catalog.text
  FROM pg_catalog.pg_roles r
UNION ALL
SELECT 'all members', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashtextextended(m::pg_catalog.text, 1))::pg_catalog.text
  FROM pg_catalog.pg_auth_members m
UNION ALL
SELECT 'comments', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashtextextended(d.description,
         (d.objoid::bigint OPERATOR(pg_catalog.<<) 16) OPERATOR(pg_catalog.|) d.classoid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_description d
 WHERE d.classoid OPERATOR(pg_catalog.=) ANY (ARRAY['pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid,
                                                    'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid])
   AND d.objsubid OPERATOR(pg_catalog.=) 0 AND d.objoid OPERATOR(pg_catalog.>=) '16384'
