package postgres

import (
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// maxNameBytes is how long a name, of a channel too, can be in a server that was not built otherwise.
const maxNameBytes = 63

// ChangeTrigger is SQL that has the server send NOTIFY, on that channel and with no payload, when a command that may
// change what a program has loaded commits, for a watch to be woken by (massive.WakeOn): a function, in that schema, and
// two event triggers on it. The statements are to be run once a database, by a superuser (on a hosted service, by the
// role that may create event triggers there), on the primary; running create again does no harm, and drop undoes it.
//
// It is a short cut, not a source of truth. No event trigger fires for what belongs to all databases (roles and who is
// a member of which, rights on the database itself), nor for settings, and none where they are switched off; a
// listener's connection may break. A watch therefore looks at every interval, too. Temporary objects wake nobody.
// A transaction that changes something and is then to be prepared for two-phase commit is refused by the server, which
// prepares none that has sent a NOTIFY (https://www.postgresql.org/docs/current/sql-prepare-transaction.html).
//
// See https://www.postgresql.org/docs/current/event-trigger-definition.html. It is an error, [dialect.ErrInvalid], if
// the schema or the channel is no name.
func ChangeTrigger(schema, channel string) (create, drop string, err error) {
	for what, name := range map[string]string{"schema": schema, "channel": channel} {
		if name == "" || len(name) > maxNameBytes || strings.IndexByte(name, 0) >= 0 {
			return "", "", fmt.Errorf("%w: %q is no name of a %s: it takes 1 to %d bytes, none of them NUL",
				dialect.ErrInvalid, name, what, maxNameBytes)
		}
	}
	function := dialect.Name{Schema: schema, Name: "massive_notify"}.Quoted()
	body := strings.ReplaceAll(changeBody, "$channel", literal(channel))
	create = `DROP EVENT TRIGGER IF EXISTS massive_changed;
DROP EVENT TRIGGER IF EXISTS massive_dropped;
CREATE OR REPLACE FUNCTION ` + function + `() RETURNS pg_catalog.event_trigger LANGUAGE plpgsql AS ` + literal(body) + `;
CREATE EVENT TRIGGER massive_changed ON ddl_command_end EXECUTE FUNCTION ` + function + `();
CREATE EVENT TRIGGER massive_dropped ON sql_drop EXECUTE FUNCTION ` + function + `();
`
	drop = `DROP EVENT TRIGGER IF EXISTS massive_changed;
DROP EVENT TRIGGER IF EXISTS massive_dropped;
DROP FUNCTION IF EXISTS ` + function + `();
`
	return create, drop, nil
}

// changeBody is the function's: one transaction's notifications are one, however many commands it has.
const changeBody = `
BEGIN
  IF TG_EVENT = 'sql_drop' THEN
    PERFORM pg_catalog.pg_notify($channel, '')
       FROM pg_catalog.pg_event_trigger_dropped_objects() o WHERE NOT o.is_temporary LIMIT 1;
  ELSE
    PERFORM pg_catalog.pg_notify($channel, '')
       FROM pg_catalog.pg_event_trigger_ddl_commands() c WHERE c.schema_name IS DISTINCT FROM 'pg_temp' LIMIT 1;
  END IF;
END`
