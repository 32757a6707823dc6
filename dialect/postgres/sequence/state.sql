  SELECT n.rel, pg_catalog.has_sequence_privilege(n.rel, 'SELECT') AS may,
         pg_catalog.pg_sequence_last_value(n.rel::pg_catalog.regclass) AS last,
         ($guarded OR pg_catalog.current_setting('server_version_num')::integer OPERATOR(pg_catalog.>=) 180000
          OR (SELECT o.relowner OPERATOR(pg_catalog.=) ANY ($trusted)
                FROM pg_catalog.pg_class o WHERE o.oid OPERATOR(pg_catalog.=) n.rel)) AS safe
    FROM (SELECT $sequence AS rel OFFSET 0) n
