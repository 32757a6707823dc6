IF recording THEN
  sources := (
$upstream);
  noted := pg_catalog.current_setting('massive.recording', true);
  PERFORM pg_catalog.set_config('massive.recording', 'on', true);
END IF;
begun := pg_catalog.clock_timestamp();
moment := CASE WHEN $sees_commits THEN begun ELSE pg_catalog.transaction_timestamp() END;
