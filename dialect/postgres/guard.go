package postgres

// This file reads a relation by its name, safely, although its owner may replace it by a
// view.
//
// A condition in the statement does not protect the read: the server runs a view's
// immutable functions while it plans the statement. The setting
// restrict_nonsystem_relation_kind rejects views and foreign tables
// (https://www.postgresql.org/docs/current/runtime-config-client.html). It must be set
// before the statement is planned. So the query is a string inside an outer statement.
// The outer statement changes the setting, passes the query to ts_stat, which plans and
// runs it, and restores the setting. It is one statement in every driver and mode. Row
// security is off meanwhile, so that no policy function runs.
//
// ts_stat returns words. So the query returns one word per row. It also compares the
// relation's oid. If another table takes the name, its oid differs, and the query returns
// no row.

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

//go:embed sequence/guarded.sql
var guardedText string

const (
	// trusted is an array of the roles whose tables and domains count for every sequence:
	// superusers and the current role.
	trusted = `((SELECT ARRAY(SELECT r.oid FROM pg_catalog.pg_roles r
                  WHERE r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER))::pg_catalog.oid[])`

	// guardedServer is true if the server has the setting: from 13.16, 14.13, 15.8, 16.4
	// and 17.0 on.
	guardedServer = `(pg_catalog.current_setting('restrict_nonsystem_relation_kind', true) IS NOT NULL)`
)

// errUnguarded is the error for a relation of an untrusted role, on a server without the
// setting.
func errUnguarded() error {
	return fmt.Errorf("%w: this minor release of the server can't safely read a relation of another role: "+
		"update it to 13.16, 14.13, 15.8, 16.4 or newer", dialect.ErrUnsupported)
}

// guarded returns the outer statement. It returns columns, which read the row r of facts,
// and the words that the query returns. query is an SQL expression for its text. If it is
// NULL, nothing is read.
func guarded(columns, facts, query string) string {
	return strings.NewReplacer("$columns", columns, "$facts", facts, "$query", query).Replace(guardedText)
}

// guardOn and guardOff change and restore the settings in a PL/pgSQL block that declares
// the variables security and kinds.
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
