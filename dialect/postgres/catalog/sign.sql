CASE WHEN pg_catalog.current_setting('server_version_num')::integer OPERATOR(pg_catalog.>=) 140000
      AND NOT pg_catalog.pg_is_in_recovery()
      AND pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.=) 'read committed'
      AND pg_catalog.pg_current_xact_id_if_assigned() IS NULL
     THEN (SELECT pg_catalog.concat_ws(' ', a.pid,
                    (pg_catalog.date_part('epoch', a.backend_start) OPERATOR(pg_catalog.*) 1000000)::bigint,
                    pg_catalog.encode(pg_catalog.convert_to(
                      ARRAY[pg_catalog.current_database()::pg_catalog.text, CURRENT_USER::pg_catalog.text,
                            pg_catalog.current_schemas(true)::pg_catalog.text]::pg_catalog.text, 'SQL_ASCII'), 'escape'),
                    pg_catalog.pg_current_snapshot())
             FROM pg_catalog.pg_stat_get_activity($session) a
            WHERE a.backend_start IS NOT NULL)
END
