
DECLARE
  rel pg_catalog.oid;
  moment pg_catalog.timestamptz; sources pg_catalog.timestamptz; begun pg_catalog.timestamptz; ended pg_catalog.timestamptz;
  way pg_catalog.text := 'noted';
  entry bigint;
BEGIN
  IF (pg_catalog.current_setting('massive.recording', true) OPERATOR(pg_catalog.=) 'on') IS TRUE
     OR EXISTS (SELECT FROM pg_catalog.pg_class c
                 WHERE c.oid OPERATOR(pg_catalog.=) ANY (ARRAY[$freshness, $history])
                   AND pg_catalog.pg_get_userbyid(c.relowner) OPERATOR(pg_catalog.<>) CURRENT_USER) THEN
    RETURN;
  END IF;
  FOR rel IN SELECT o.objid FROM pg_catalog.pg_event_trigger_ddl_commands() o LOOP
    begun := CASE WHEN $sees_commits THEN GREATEST(pg_catalog.statement_timestamp(), pg_catalog.transaction_timestamp())
                  ELSE pg_catalog.transaction_timestamp() END;
    ended := pg_catalog.clock_timestamp();
    moment := CASE WHEN (SELECT c.relispopulated FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) rel) THEN begun END;
    sources := (
$upstream);
    sources := CASE WHEN sources OPERATOR(pg_catalog.=) 'infinity'::pg_catalog.timestamptz THEN moment END;
$record
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  RETURN;
END
