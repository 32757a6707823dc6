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

// The sign is an SQL expression that returns a text. The text contains the session (its
// process ID and start time), the database, the role, the schemas of the search path, and
// the Postgres snapshot. While the snapshot stays the same, no transaction with an ID has
// ended.
//
// Another session gets the same text if it has the same snapshot, database, role and
// path, and if the session that made the sign still exists. Then it is the same server,
// and it has not crashed since, so no transaction ID was assigned twice. A session with
// temporary objects has its own schema in its path.
//
// The expression is NULL if the snapshot might not show a change:
//   - before PostgreSQL 14, where an index becomes valid in place
//   - on a standby, whose snapshot does not list the running transactions
//   - in a transaction that has written: the snapshot does not contain its own ID
//   - in a transaction that keeps one snapshot for several statements
//   - if the role can't see the session's start time, for example after a SET ROLE to a
//     role that is not a member of the login role
//
// A load (catalog/server.sql) must not read data older than its sign. Catalog functions
// read the session's caches. A session invalidates these when it locks a relation. So the
// load locks another relation first, after it has taken its snapshot. A committed
// transaction sends its invalidations before it releases its locks. So if a transaction
// that the snapshot has as ended still holds a lock, the load returns no sign.
//
//go:embed catalog/sign.sql
var sign string

// signOf returns the expression for the session with that process ID.
func signOf(process string) string {
	return strings.Replace(strings.TrimSpace(sign), "$session", process, 1)
}

// Unchanged computes the sign again and compares it with since.
func (postgres) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (bool, error) {
	process, _, _ := strings.Cut(string(since), " ")
	if _, err := strconv.ParseUint(process, 10, 31); err != nil {
		return false, fmt.Errorf("%w: %q is not a sign of the %s dialect", dialect.ErrInvalid, since, postgres{}.Name())
	}
	var now sql.NullString
	err := q.QueryRowContext(ctx, "SELECT "+signOf(process)).Scan(&now)
	return err == nil && now.String == string(since), err
}
