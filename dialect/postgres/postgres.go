// Package postgres is the dialect of PostgreSQL 13 and newer. It imports no driver: it works through whatever
// [database/sql] gives it, lib/pq and pgx/v5/stdlib alike.
//
// Every operation is one statement, or one message of several, without bind parameters, names quoted into its text, so
// that it is right behind a transaction pooler with either driver; the few that take more need no session between them. Nothing depends on session state, and none is left behind.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// oldest is the oldest major that the dialect works with.
const oldest = 13

// New is the dialect of PostgreSQL. It holds no state: one may serve any number of databases, concurrently.
func New() dialect.Dialect { return postgres{} }

type postgres struct{}

func (postgres) Name() string { return "postgres" }

// Load reads the catalog with one statement. If that fails because an object was dropped while a catalog
// function looked at it (SQLSTATE XX000), it is sent once more.
func (p postgres) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	text := catalogText(f)
	cat, err := readCatalog(ctx, q, text)
	if sqlState(err) == "XX000" && ctx.Err() == nil {
		if again, errAgain := readCatalog(ctx, q, text); errAgain == nil {
			cat, err = again, nil
		}
	}
	if errors.Is(err, dialect.ErrUnsupported) { // the connection's encoding is
		return nil, err
	}
	if err != nil {
		return nil, p.explain(ctx, q, err)
	}
	if cat.Server.Major < oldest {
		return nil, errTooOld(cat.Server.Version)
	}
	return cat, nil
}

// versions ask a server what it is, first PostgreSQL. The others leave names unqualified, since MySQL and
// SQLite have no schema for them. PostgreSQL never looks for these names: it doesn't parse LIMIT 0, 1.
var versions = []struct{ name, text string }{
	{"", "SELECT pg_catalog.version()"},
	{"", "SELECT version() LIMIT 0, 1"},
	{"SQLite ", "SELECT sqlite_version() LIMIT 0, 1"},
}

// explain finds out whether the catalog could not be read because the server is none that this dialect knows.
// Only a failed statement is worth that second question, not a failed connection or a cancelled context.
func (postgres) explain(ctx context.Context, q dialect.Querier, err error) error {
	var failed net.Error
	switch state := sqlState(err); {
	case ctx.Err() != nil, errors.As(err, &failed), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, sql.ErrTxDone), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case state == "" || strings.HasPrefix(state, "42") && state != permissionDenied || strings.HasPrefix(state, "0A"):
	default:
		return err
	}
	version, errVersion := "", error(nil)
	for _, v := range versions {
		if errVersion = q.QueryRowContext(ctx, v.text).Scan(&version); errVersion == nil {
			version = v.name + version
			break
		}
	}
	if errVersion != nil {
		return err
	}
	rest, ok := strings.CutPrefix(version, "PostgreSQL ")
	if !ok {
		return fmt.Errorf("%w: the server is %q, and this dialect needs PostgreSQL %d or newer: %w",
			dialect.ErrUnsupported, version, oldest, err)
	}
	number, _, _ := strings.Cut(rest, " ")
	major, _, _ := strings.Cut(number, ".")
	if m, errMajor := strconv.Atoi(major); errMajor == nil && m < oldest {
		return fmt.Errorf("%w: %w", errTooOld(number), err)
	}
	return err
}

func errTooOld(version string) error {
	return fmt.Errorf("%w: the server is PostgreSQL %s, and this dialect needs %d or newer",
		dialect.ErrUnsupported, version, oldest)
}

// seesCommits is an SQL condition: each statement of the transaction sees what committed before it.
const seesCommits = `pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.=) ANY ('{read committed,read uncommitted}')`

// literal is s as a string constant that reads the same whatever standard_conforming_strings says.
func literal(s string) string {
	s = strings.ReplaceAll(s, `'`, `''`)
	if strings.Contains(s, `\`) {
		return ` E'` + strings.ReplaceAll(s, `\`, `\\`) + `'`
	}
	return `'` + s + `'`
}

// regclass is a constant of that type for a relation.
func regclass(n dialect.Name) string { return literal(n.Quoted()) + `::pg_catalog.regclass` }

// relid is the number of a relation, to compare with others.
func relid(n dialect.Name) string { return regclass(n) + `::pg_catalog.oid` }
