package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// The sign is an expression. It says in one text: the session that made it (its process, and when that
// began), the database, the role, the schemas of the search path, and the snapshot. While the snapshot
// reads the same, no transaction with a number of its own has ended.
//
// Another session writes the same text if it sees the same snapshot in the same database and role along
// the same path, and if it sees that the session of the sign still lives. No crash can lie between then, after
// which numbers are given out again; and it is the same server. A session with temporary objects has
// a schema of its own in its path.
//
// The expression is NULL if a change might not show in the snapshot: before PostgreSQL 14, where an
// index becomes valid in place; on a standby, whose snapshot does not list what runs; in a transaction
// that has written, whose own number it does not show; in one whose snapshot may stand still; and in a role
// that may not see when the session began, as after a SET ROLE to one that is no member of the role that
// logged in.
//
// A load (catalog/server.sql) must not be older than its sign. Its functions read the session's caches, and these
// may be older than the snapshot: the session hears of others' changes when it locks a relation, which it last did
// before the statement was planned. So the load opens a relation that it does not read otherwise, after it has its
// snapshot and before anything else. Still a transaction may be in the snapshot and not yet have told others
// what it changed. It tells them before it lets its locks go; if one that has ended holds any, the load has no sign.
//
//go:embed catalog/sign.sql
var sign string

// signOf is the expression, for the session with that process.
func signOf(process string) string {
	return strings.Replace(strings.TrimSpace(sign), "$session", process, 1)
}

// Unchanged writes the sign of the same session once more.
func (postgres) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (bool, error) {
	process, _, _ := strings.Cut(string(since), " ")
	if _, err := strconv.ParseUint(process, 10, 31); err != nil {
		return false, fmt.Errorf("%w: %q is no sign of the %s dialect", dialect.ErrInvalid, since, postgres{}.Name())
	}
	var now sql.NullString
	err := q.QueryRowContext(ctx, "SELECT "+signOf(process)).Scan(&now)
	return err == nil && now.String == string(since), err
}
