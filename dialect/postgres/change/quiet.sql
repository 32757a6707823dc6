SELECT 'quiet'::pg_catalog.text AS part, pg_catalog.pg_my_temp_schema()::bigint AS n,
       CASE WHEN NOT pg_catalog.pg_is_in_recovery()
             AND pg_catalog.current_setting('server_version_num')::integer OPERATOR(pg_catalog.>=) 140000 THEN
         (SELECT pg_catalog.concat_ws(' ', a.pid, a.backend_start,
                   pg_catalog.encode(pg_catalog.convert_to(
                     ARRAY[CURRENT_USER::pg_catalog.text, pg_catalog.current_schemas(true)::pg_catalog.text]::pg_catalog.text,
                     'SQL_ASCII'), 'escape'),
                   pg_catalog.pg_current_snapshot())
            FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a
           WHERE a.backend_start IS NOT NULL)
       END AS print
