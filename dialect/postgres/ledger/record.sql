    INSERT INTO $ledger.freshness AS f (relid, schema, name, version, as_of, data_as_of, started_at, finished_at, mode, by,
                                        entries, failures, failed_at, error)
    SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.xmin, moment, sources, begun, ended, way, $by,
           1, 0, NULL, NULL
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.oid OPERATOR(pg_catalog.=) rel
    ON CONFLICT (relid) DO UPDATE
       SET schema = EXCLUDED.schema, name = EXCLUDED.name, version = EXCLUDED.version, as_of = EXCLUDED.as_of,
           data_as_of = EXCLUDED.data_as_of, started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at,
           mode = EXCLUDED.mode, by = EXCLUDED.by, entries = f.entries OPERATOR(pg_catalog.+) 1,
           failures = 0, failed_at = NULL, error = NULL
    RETURNING f.entries INTO entry;
