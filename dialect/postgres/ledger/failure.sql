DECLARE
  rel pg_catalog.oid := $view::pg_catalog.regclass;
  entry bigint;
  outcome integer := $unusable;
BEGIN
  IF NOT EXISTS (
$check) THEN
    INSERT INTO $ledger.freshness AS f (relid, schema, name, version, as_of, data_as_of, started_at, finished_at, mode, by,
                                        entries, failures, failed_at, error)
    SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           1, 1, pg_catalog.clock_timestamp(), $why
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.oid OPERATOR(pg_catalog.=) rel AND c.relkind OPERATOR(pg_catalog.=) 'm'
    ON CONFLICT (relid) DO UPDATE
       SET entries = f.entries OPERATOR(pg_catalog.+) 1,
           failures = 1 OPERATOR(pg_catalog.+) COALESCE((SELECT f.failures WHERE $same), 0),
           failed_at = EXCLUDED.failed_at, error = EXCLUDED.error, schema = EXCLUDED.schema, name = EXCLUDED.name,
           (version, as_of, data_as_of, started_at, finished_at, mode, by) =
             (SELECT f.version, f.as_of, f.data_as_of, f.started_at, f.finished_at, f.mode, f.by WHERE $same)
    RETURNING f.entries INTO entry;
    IF entry IS NULL THEN
      RAISE undefined_table USING MESSAGE = 'the view was replaced by another relation';
    END IF;
$failed
    outcome := 0;
  END IF;
  PERFORM pg_catalog.set_config('massive.outcome', outcome::pg_catalog.text, true);
END
