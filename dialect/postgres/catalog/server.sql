SELECT 'server'::pg_catalog.text AS kind,
       pg_catalog.current_setting('server_version_num')::bigint AS id,
       pg_catalog.current_setting('max_identifier_length')::bigint AS ns,
       CURRENT_USER::pg_catalog.text AS owner,
       pg_catalog.concat(CASE WHEN pg_catalog.pg_is_in_recovery() THEN 's' END,
                         CASE WHEN $raw THEN 'e' END) AS flags,
       ARRAY[pg_catalog.current_setting('client_encoding'), pg_catalog.current_setting('server_encoding'),
             pg_catalog.current_database()::pg_catalog.text, pg_catalog.current_setting('server_version'),
             COALESCE(s.sign, '')]::pg_catalog.text AS a,
       ARRAY(SELECT ARRAY[n.oid::pg_catalog.text, n.nspname::pg_catalog.text,
                          CASE WHEN pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN 'u' ELSE '' END,
                          COALESCE(pg_catalog.array_position(pg_catalog.current_schemas(true), n.nspname), 0)::pg_catalog.text,
                          COALESCE(pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname), 0)::pg_catalog.text]
               FROM pg_catalog.pg_namespace n
              WHERE pg_catalog.left(n.nspname::pg_catalog.text, 3) OPERATOR(pg_catalog.<>) 'pg_'
                AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'
                 OR n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(true)))::pg_catalog.text AS b
  FROM (SELECT CASE WHEN NOT EXISTS (
                 SELECT FROM pg_catalog.pg_lock_status() l
                  WHERE l.locktype OPERATOR(pg_catalog.=) 'transactionid' AND l.mode OPERATOR(pg_catalog.=) 'ExclusiveLock'
                  GROUP BY l.virtualtransaction
                 HAVING NOT pg_catalog.bool_or(
                          l.transactionid OPERATOR(pg_catalog.=) ANY (ARRAY(
                            SELECT x::pg_catalog.xid FROM pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot()) x))
                          OR ((l.transactionid::pg_catalog.text::bigint OPERATOR(pg_catalog.-)
                               pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text::bigint)
                              OPERATOR(pg_catalog.&) 4294967295) OPERATOR(pg_catalog.<) 2147483648))
               THEN
$sign
               END AS sign
        OFFSET 0) s
 WHERE s.sign IS NULL OR pg_catalog.pg_relation_size('pg_catalog.pg_largeobject'::pg_catalog.regclass, 'main') IS NOT NULL
