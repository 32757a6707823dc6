IF recording THEN
  ended := pg_catalog.clock_timestamp();
  PERFORM pg_catalog.set_config('massive.recording', COALESCE(noted, ''), true);
  BEGIN
    noted := pg_catalog.current_setting('lock_timeout');
    PERFORM pg_catalog.set_config('lock_timeout', '1s', true);
    before := sources;
    sources := (
$upstream);
    sources := CASE WHEN before IS NOT NULL AND sources IS NOT NULL THEN LEAST(moment, before, sources) END;
    $empty
$record
    PERFORM pg_catalog.set_config('lock_timeout', noted, true);
    recorded := true;
  EXCEPTION WHEN OTHERS THEN
    recorded := false;
  END;
END IF;
