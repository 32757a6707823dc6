
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_event_trigger t
               JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.evtfoid
               JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
              WHERE t.evtname OPERATOR(pg_catalog.=) 'massive_refreshed' AND n.nspname OPERATOR(pg_catalog.=) $schema::pg_catalog.name) THEN
    RETURN;
  END IF;
  IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER)
     OR (SELECT pg_catalog.count(*)
           FROM (SELECT c.relowner AS owner FROM pg_catalog.pg_class c
                  WHERE c.oid OPERATOR(pg_catalog.=) ANY (ARRAY[$freshness, $history])
                 UNION ALL
                 SELECT n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) $schema::pg_catalog.name) o
          WHERE pg_catalog.pg_get_userbyid(o.owner) OPERATOR(pg_catalog.=) CURRENT_USER) OPERATOR(pg_catalog.<>) 3 THEN
    RAISE insufficient_privilege USING
      MESSAGE = 'refreshes of other programs are noted by a function that runs as a superuser, who must own the ledger',
      HINT = 'Create the schema and the ledger as a superuser.';
  END IF;
  CREATE FUNCTION $ledger.refreshed() RETURNS pg_catalog.event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $body;
  CREATE EVENT TRIGGER massive_refreshed ON ddl_command_end WHEN TAG IN ('REFRESH MATERIALIZED VIEW') EXECUTE FUNCTION $ledger.refreshed();
END
