package postgres

// Reading a relation by its name, in a database where its owner may replace it by a view.
//
// No condition in a statement protects such a read: the server runs a view's immutable
// functions while it plans the statement. The setting restrict_nonsystem_relation_kind
// makes it refuse views and foreign tables
// (https://www.postgresql.org/docs/current/runtime-config-client.html), but has to be on
// before the statement is planned. So the statement that reads is a text within another
// one: the outer statement changes the setting, hands the text to ts_stat, which plans
// and runs it, and puts the setting back. It is one statement, in every driver and mode.
// Row security is off meanwhile, so that no policy's function runs.
//
// What the text reads is a word in each row, which ts_stat returns. The text names the
// relation and asks for its number, too: a table that took the name between the two has
// another, and gives no row.

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

//go:embed sequence/guarded.sql
var guardedText string

const (
	// trusted are the roles whose tables and domains count for sequences of whatever
	// role: superusers, and the caller's own.
	trusted = `((SELECT ARRAY(SELECT r.oid FROM pg_catalog.pg_roles r
                  WHERE r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER))::pg_catalog.oid[])`

	// guardedServer tells whether the server has the setting: from 13.16, 14.13, 15.8,
	// 16.4 and 17.0 on.
	guardedServer = `(pg_catalog.current_setting('restrict_nonsystem_relation_kind', true) IS NOT NULL)`
)

// errUnguarded is for a server without the setting, and a relation of a role that is not
// trusted.
func errUnguarded() error {
	return fmt.Errorf("%w: this minor release of the server has no safe way to read what another role owns: "+
		"update it to 13.16, 14.13, 15.8, 16.4 or newer", dialect.ErrUnsupported)
}

// guarded is the outer statement. It returns the columns, which read the row r of facts,
// and the words that the query returns. The query is an SQL expression; if it is NULL
// nothing is read.
func guarded(columns, facts, query string) string {
	return strings.NewReplacer("$columns", columns, "$facts", facts, "$query", query).Replace(guardedText)
}

// guardOn and guardOff are the same for a block of PL/pgSQL, which has the variables
// security and kinds.
const (
	guardOn = `security := pg_catalog.current_setting('row_security');
  kinds := pg_catalog.current_setting('restrict_nonsystem_relation_kind', true);
  PERFORM pg_catalog.set_config('row_security', 'off', true);
  IF kinds IS NOT NULL THEN
    PERFORM pg_catalog.set_config('restrict_nonsystem_relation_kind', 'view, foreign-table', true);
  END IF;`
	guardOff = `PERFORM pg_catalog.set_config('row_security', security, true);
  IF kinds IS NOT NULL THEN
    PERFORM pg_catalog.set_config('restrict_nonsystem_relation_kind', kinds, true);
  END IF;`
)
