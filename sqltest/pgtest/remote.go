package pgtest

// The rung of a server that somebody else runs.

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// remote uses the server at MASSIVE_POSTGRES_URL.
func remote(ctx context.Context, c config) (*Server, error) {
	given := c.getenv("MASSIVE_POSTGRES_URL")
	if given == "" {
		return nil, missing("not set")
	}
	if len(c.settings) > 0 {
		return nil, fmt.Errorf("%w: a server that somebody else runs can't be given settings (%s)",
			errors.ErrUnsupported, strings.Join(c.settings, ", "))
	}
	dsn, err := keywords(given)
	if err != nil {
		return nil, err
	}
	dsn = "dbname=postgres " + dsn // the last one counts

	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if err := sweep(ctx, conn, prefix); err != nil {
		return nil, err
	}
	version := versionOf(conn)
	return &Server{
		dsn:     dsn,
		version: version,
		origin:  fmt.Sprintf("the server at MASSIVE_POSTGRES_URL (PostgreSQL %s)", version),
	}, nil
}

// keywords turns a postgres:// URL into a DSN of keywords and values, to which more can be appended. A DSN
// that is none stays as it is.
//
// See https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS.
func keywords(dsn string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn, nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		// Without the URL, which may hold a password.
		return "", fmt.Errorf("not a URL: %w", errors.Unwrap(err))
	}
	var pairs []string
	add := func(keyword, value string) {
		if value != "" {
			pairs = append(pairs, keyword+"="+quote(value))
		}
	}
	password, _ := u.User.Password()
	add("user", u.User.Username())
	add("password", password)
	add("host", u.Hostname())
	add("port", u.Port())
	add("dbname", strings.TrimPrefix(u.Path, "/"))
	for keyword, values := range u.Query() {
		for _, value := range values {
			add(keyword, value)
		}
	}
	return strings.Join(pairs, " "), nil
}
