-- Drops all objects that were created in a database. Objects that are created after initdb have an oid of 16384
-- (FirstNormalObjectId) or higher. The schema public is dropped and recreated.
DO $$
DECLARE
	statement text;
	remaining text;
BEGIN
	SET LOCAL lock_timeout = '1s';
	SET LOCAL client_min_messages = warning;

	FOR statement IN
		SELECT pg_catalog.format('DROP EVENT TRIGGER %I', evtname) FROM pg_catalog.pg_event_trigger
		UNION ALL
		SELECT pg_catalog.format('DROP PUBLICATION %I', pubname) FROM pg_catalog.pg_publication
		UNION ALL
		SELECT 'DROP SCHEMA IF EXISTS public, '
				|| COALESCE(pg_catalog.string_agg(pg_catalog.quote_ident(nspname), ', ') || ', ', '') || 'public CASCADE'
			FROM pg_catalog.pg_namespace
			WHERE nspname <> 'public' AND nspname <> 'information_schema' AND NOT nspname LIKE 'pg\_%'
		UNION ALL
		SELECT pg_catalog.format('DROP EXTENSION IF EXISTS %I CASCADE', extname) FROM pg_catalog.pg_extension
			WHERE oid >= 16384
	LOOP
		EXECUTE statement;
	END LOOP;

	CREATE SCHEMA public;
	COMMENT ON SCHEMA public IS 'standard public schema';
	IF pg_catalog.current_setting('server_version_num')::int >= 150000 THEN
		ALTER SCHEMA public OWNER TO pg_database_owner;
		GRANT USAGE ON SCHEMA public TO PUBLIC;
	ELSE
		GRANT ALL ON SCHEMA public TO PUBLIC;
	END IF;

	SELECT pg_catalog.string_agg(DISTINCT kind, ', ') INTO remaining FROM (
		SELECT relname::text FROM pg_catalog.pg_class WHERE oid >= 16384 AND relpersistence <> 't'
		UNION ALL SELECT 'a schema' FROM pg_catalog.pg_namespace
			WHERE oid >= 16384 AND nspname <> 'public' AND NOT nspname LIKE 'pg\_temp\_%' AND NOT nspname LIKE 'pg\_toast\_temp\_%'
		UNION ALL SELECT 'a type' FROM pg_catalog.pg_type t WHERE oid >= 16384
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.oid = t.typnamespace AND n.nspname LIKE 'pg\_temp\_%')
		UNION ALL SELECT 'a function' FROM pg_catalog.pg_proc WHERE oid >= 16384
		UNION ALL SELECT 'an operator' FROM pg_catalog.pg_operator WHERE oid >= 16384
		UNION ALL SELECT 'an operator class' FROM pg_catalog.pg_opclass WHERE oid >= 16384
		UNION ALL SELECT 'an operator family' FROM pg_catalog.pg_opfamily WHERE oid >= 16384
		UNION ALL SELECT 'an access method' FROM pg_catalog.pg_am WHERE oid >= 16384
		UNION ALL SELECT 'a cast' FROM pg_catalog.pg_cast WHERE oid >= 16384
		UNION ALL SELECT 'a conversion' FROM pg_catalog.pg_conversion WHERE oid >= 16384
		UNION ALL SELECT 'a collation' FROM pg_catalog.pg_collation WHERE oid >= 16384
		UNION ALL SELECT 'a language' FROM pg_catalog.pg_language WHERE oid >= 16384
		UNION ALL SELECT 'an extension' FROM pg_catalog.pg_extension WHERE oid >= 16384
		UNION ALL SELECT 'a foreign data wrapper' FROM pg_catalog.pg_foreign_data_wrapper
		UNION ALL SELECT 'a foreign server' FROM pg_catalog.pg_foreign_server
		UNION ALL SELECT 'an event trigger' FROM pg_catalog.pg_event_trigger
		UNION ALL SELECT 'a publication' FROM pg_catalog.pg_publication
		UNION ALL SELECT 'a subscription' FROM pg_catalog.pg_subscription s, pg_catalog.pg_database d
			WHERE d.oid = s.subdbid AND d.datname = pg_catalog.current_database()
		UNION ALL SELECT 'a text search configuration' FROM pg_catalog.pg_ts_config WHERE oid >= 16384
		UNION ALL SELECT 'a text search dictionary' FROM pg_catalog.pg_ts_dict WHERE oid >= 16384
		UNION ALL SELECT 'a large object' FROM pg_catalog.pg_largeobject_metadata
		UNION ALL SELECT 'default privileges' FROM pg_catalog.pg_default_acl
		UNION ALL SELECT 'a setting of the database' FROM pg_catalog.pg_db_role_setting s, pg_catalog.pg_database d
			WHERE d.oid = s.setdatabase AND d.datname = pg_catalog.current_database()
		UNION ALL SELECT 'rights to the database' FROM pg_catalog.pg_database
			WHERE datname = pg_catalog.current_database() AND datacl IS NOT NULL
		UNION ALL SELECT 'an owner of the database' FROM pg_catalog.pg_database
			WHERE datname = pg_catalog.current_database() AND pg_catalog.pg_get_userbyid(datdba) <> CURRENT_USER
	) AS remains (kind);
	IF remaining IS NOT NULL THEN
		RAISE EXCEPTION 'it still has %', remaining;
	END IF;
END
$$
