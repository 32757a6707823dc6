// Package postgres is the dialect for PostgreSQL 13 and newer. It imports no driver, and
// is tested with lib/pq and pgx/v5/stdlib.
//
//	m, err := massive.Load(ctx, db, postgres.New())
//
// [ChangeTrigger] returns SQL that notifies a watch of changes. The packages pgxwake and
// pqwake listen for these notifications.
//
// The dialect is safe behind a pooler in transaction mode. Most operations send one
// statement, or several statements in one message. Names are quoted into the text, not
// passed as bind parameters. No operation needs a session between its statements, or
// leaves a setting behind.
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

// oldest is the oldest supported major version.
const oldest = 13

// New returns the dialect for PostgreSQL. It holds no state, so one value can serve any
// number of databases concurrently.
func New() dialect.Dialect { return postgres{} }

type postgres struct{}

func (postgres) Name() string { return "postgres" }

// Load reads the catalog with one statement. It sends another one if an object is dropped
// while a catalog function reads it (SQLSTATE XX000), or if a name contains the separator
// of names.
func (p postgres) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	cat, err := readCatalog(ctx, q, f, separator)
	if (sqlState(err) == "XX000" || errors.Is(err, errMiscounted)) && ctx.Err() == nil {
		if again, errAgain := readCatalog(ctx, q, f, rareSeparator); errAgain == nil {
			cat, err = again, nil
		}
	}
	if errors.Is(err, dialect.ErrUnsupported) { // the connection's encoding is not supported
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

// versions are the queries for a server's version, PostgreSQL's first. MySQL and SQLite
// have no schema for their functions, so these names are not qualified. PostgreSQL never
// resolves them, because it can't parse LIMIT 0, 1.
var versions = []struct{ name, text string }{
	{"", "SELECT pg_catalog.version()"},
	{"", "SELECT version() LIMIT 0, 1"},
	{"SQLite ", "SELECT sqlite_version() LIMIT 0, 1"},
}

// explain checks whether a load failed because the server is not supported. It queries
// the version only if the statement failed, or made the server close the connection.
// After a syntax error, H2 sends an error that violates the protocol: pgx loses the
// connection, and lib/pq can't use it again.
func (postgres) explain(ctx context.Context, q dialect.Querier, err error) error {
	var failed net.Error
	switch state := sqlState(err); {
	case ctx.Err() != nil, errors.As(err, &failed), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, sql.ErrTxDone):
		return err
	case strings.HasPrefix(err.Error(), "pq: server error: \x00"):
		return fmt.Errorf("%w: the server violates PostgreSQL's protocol, so it is another product: %w", dialect.ErrUnsupported, err)
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
	if !ok || strings.Contains(rest, " using H2 ") { // "PostgreSQL 8.2.23 server protocol using H2 2.1.214"
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New(err.Error()) // the connection is not the cause
		}
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

// seesCommits is an SQL condition. It is true if each statement of the transaction sees
// all earlier commits.
const seesCommits = `pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.=) ANY ('{read committed,read uncommitted}')`

// literal returns s as a string constant. It is valid under both values of
// standard_conforming_strings.
func literal(s string) string {
	s = strings.ReplaceAll(s, `'`, `''`)
	if strings.Contains(s, `\`) {
		return ` E'` + strings.ReplaceAll(s, `\`, `\\`) + `'`
	}
	return `'` + s + `'`
}

// regclass returns a constant of type regclass for a relation.
func regclass(n dialect.Name) string { return literal(n.Quoted()) + `::pg_catalog.regclass` }

// relid returns an expression for the oid of a relation.
func relid(n dialect.Name) string { return regclass(n) + `::pg_catalog.oid` }
