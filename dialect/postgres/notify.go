package postgres

import (
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// maxNameBytes is the maximum length of a name in a server with the default NAMEDATALEN.
const maxNameBytes = 63

// ChangeTrigger returns SQL for event triggers. The triggers send NOTIFY on the channel
// when a committed command may have changed loaded structures. The notifications have no
// payload. A watch can listen for them with massive.WithWaker.
//
// Run create once per database, on the primary, as a superuser. On a hosted service, run
// it as the role that may create event triggers. Running it again does no harm. drop
// removes the triggers and the function.
//
// create is one DO block. It creates the function massive_notify in the schema, and two
// event triggers that call it. The function runs with the rights of each user whose
// command fires a trigger. So if another role owns a function of that name in the schema,
// create raises an error and changes nothing. Drop that function, or use another schema.
// Any role may own the schema: it can drop the function with the triggers, but can't
// replace it. No search path makes create, drop or the function run code of another role.
//
// The triggers do not cover every change, so a watch also polls at every interval. No
// event trigger fires for roles, memberships, rights on the database, or settings, or if
// event triggers are disabled. A listener's connection may break. Commands on temporary
// objects do not notify. A transaction whose commands notified can't be prepared for
// two-phase commit
// (https://www.postgresql.org/docs/current/sql-prepare-transaction.html).
//
// See https://www.postgresql.org/docs/current/event-trigger-definition.html.
// ChangeTrigger may be called concurrently.
//
// Errors: [dialect.ErrInvalid] if the schema or the channel is empty, longer than 63
// bytes, or contains a NUL.
func ChangeTrigger(schema, channel string) (create, drop string, err error) {
	for what, name := range map[string]string{"schema": schema, "channel": channel} {
		if name == "" || len(name) > maxNameBytes || strings.IndexByte(name, 0) >= 0 {
			return "", "", fmt.Errorf("%w: %s is not the name of a %s: it must have 1 to %d bytes, and no NUL",
				dialect.ErrInvalid, brief(name), what, maxNameBytes)
		}
	}
	function := dialect.Name{Schema: schema, Name: "massive_notify"}.Quoted() + "()"
	body := dollar("function", strings.ReplaceAll(changeBody, "$channel", literal(channel)))
	block := strings.NewReplacer("$function", function, "$body", body, "$named", literal(function)).Replace(changeBlock)
	create = "DO LANGUAGE plpgsql " + dollar("massive", block) + ";\n"
	drop = `DROP EVENT TRIGGER IF EXISTS massive_changed;
DROP EVENT TRIGGER IF EXISTS massive_dropped;
DROP FUNCTION IF EXISTS ` + function + `;
`
	return create, drop, nil
}

// dollar quotes text in dollar quotes, which keep it readable. The text must end with a
// line break.
func dollar(tag, text string) string {
	for strings.Contains(text, "$"+tag+"$") {
		tag += "_"
	}
	return "$" + tag + "$" + text + "$" + tag + "$"
}

// changeBlock checks, as its last step, which function the triggers run. They refer to it
// by oid, and only its owner can replace it. A check by name is not safe: another role
// may own the schema, and rename it meanwhile.
const changeBlock = `
BEGIN
  DROP EVENT TRIGGER IF EXISTS massive_changed;
  DROP EVENT TRIGGER IF EXISTS massive_dropped;
  CREATE OR REPLACE FUNCTION $function RETURNS pg_catalog.event_trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body;
  CREATE EVENT TRIGGER massive_changed ON ddl_command_end EXECUTE FUNCTION $function;
  CREATE EVENT TRIGGER massive_dropped ON sql_drop EXECUTE FUNCTION $function;
  IF (SELECT pg_catalog.count(*)
        FROM pg_catalog.pg_event_trigger t
        JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.evtfoid
       WHERE t.evtname OPERATOR(pg_catalog.=) ANY ('{massive_changed,massive_dropped}')
         AND pg_catalog.pg_get_userbyid(p.proowner) OPERATOR(pg_catalog.=) CURRENT_USER
     ) OPERATOR(pg_catalog.<>) 2 THEN
    RAISE insufficient_privilege USING
      MESSAGE = pg_catalog.format('function %s belongs to a role other than %I', $named, CURRENT_USER),
      DETAIL = 'Its owner could change it, and it would run as every user who runs DDL.',
      HINT = 'Drop the function, or use another schema.';
  END IF;
END
`

// changeBody is the function's body. The server sends one notification for all commands
// of a transaction.
const changeBody = `
BEGIN
  IF TG_EVENT OPERATOR(pg_catalog.=) 'sql_drop' THEN
    PERFORM pg_catalog.pg_notify($channel, '')
       FROM pg_catalog.pg_event_trigger_dropped_objects() o WHERE NOT o.is_temporary LIMIT 1;
  ELSE
    PERFORM pg_catalog.pg_notify($channel, '')
       FROM pg_catalog.pg_event_trigger_ddl_commands() c
      WHERE (c.schema_name OPERATOR(pg_catalog.=) 'pg_temp') IS NOT TRUE LIMIT 1;
  END IF;
END
`
