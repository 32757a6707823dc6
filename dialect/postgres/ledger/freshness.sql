SELECT c.oid::bigint, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, $micros(t.now),
       CASE WHEN NOT c.relispopulated THEN $empty
            WHEN f.version IS NULL THEN $unrecorded
            WHEN NOT (f.version OPERATOR(pg_catalog.=) c.xmin) OR f.as_of IS NULL THEN $touched
            WHEN f.as_of OPERATOR(pg_catalog.>) t.now THEN $clock
            ELSE 0 END::bigint,
       $micros(f.as_of), $micros(f.data_as_of), $micros(f.started_at), $micros(f.finished_at),
       COALESCE(f.mode OPERATOR(pg_catalog.=) 'concurrent', false), COALESCE(f.by, '')::pg_catalog.text,
       COALESCE(f.failures, 0)::bigint, $micros(f.failed_at), COALESCE(f.error, '')::pg_catalog.text,
       r.by::pg_catalog.text, $micros(r.since)
  FROM (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) t
 CROSS JOIN pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  LEFT JOIN $ledger.freshness f
    ON f.relid OPERATOR(pg_catalog.=) c.oid
   AND f.schema OPERATOR(pg_catalog.=) n.nspname::pg_catalog.text AND f.name OPERATOR(pg_catalog.=) c.relname::pg_catalog.text
  LEFT JOIN (
    SELECT DISTINCT ON (h.relation) h.relation, a.query_start AS since,
           COALESCE(CASE WHEN a.application_name OPERATOR(pg_catalog.=) '' THEN a.usename::pg_catalog.text ELSE a.application_name END, '') AS by
      FROM (SELECT l.pid, CASE WHEN l.locktype OPERATOR(pg_catalog.=) 'relation' THEN l.relation ELSE l.objid END AS relation
              FROM pg_catalog.pg_locks l
             WHERE l.granted
               AND l.database OPERATOR(pg_catalog.=) (
                     SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
               AND (l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.classid OPERATOR(pg_catalog.=) '$key'::pg_catalog.oid
                      AND l.objsubid OPERATOR(pg_catalog.=) 1
                    OR l.locktype OPERATOR(pg_catalog.=) 'relation'
                      AND l.mode OPERATOR(pg_catalog.=) ANY ('{ExclusiveLock,AccessExclusiveLock}'::pg_catalog.text[]))
           ) h
      LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) h.pid -- a transaction sees the sessions of its first look
     WHERE h.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
     ORDER BY h.relation, a.query_start) r ON r.relation OPERATOR(pg_catalog.=) c.oid
 WHERE c.relkind OPERATOR(pg_catalog.=) 'm' AND $wanted
 ORDER BY n.nspname, c.relname
