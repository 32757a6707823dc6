package pgtest

// The way out of what the server refuses, beside what it says.

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

// ways are the ways out, by SQLSTATE, of what may befall any statement.
var ways = map[string]string{
	"53100": "the disk is full: set TMPDIR to a directory with more room, where the servers that pgtest starts are put",
	"53300": "too many connections at once: close pools when they are done with, limit them (SetMaxOpenConns) or the tests " +
		`(go test -parallel), or Start a server with Setting("max_connections", "1000")`,
}

// ownWays are those of pgtest's own statements.
var ownWays = map[string]string{
	"25006": "the server is a standby, or read-only: MASSIVE_POSTGRES_URL has to lead to a primary (target_session_attrs=read-write)",
	"42501": "the role of MASSIVE_POSTGRES_URL has to be one that may create databases (CREATEDB), and for Fill a superuser",
	"55006": "somebody is connected to it: close the pools that are open to it (db.Close) first",
	"55P03": "a transaction that is open in it holds a lock: end it first",
}

// explained adds to an error of the server's what that says in detail, and the way out if one is known.
func explained(err error) error {
	state, detail := said(err)
	if detail != "" {
		err = fmt.Errorf("%w: %s", err, strings.TrimSuffix(detail, "."))
	}
	if way := ways[state]; way != "" {
		err = fmt.Errorf("%w: %s", err, way)
	}
	return err
}

// advised is explained for a statement of pgtest's own.
func advised(err error) error {
	err = explained(err)
	if state, _ := said(err); ownWays[state] != "" {
		err = fmt.Errorf("%w: %s", err, ownWays[state])
	}
	return err
}

// said returns what an error of the server's says beside its message, under either driver.
func said(err error) (state, detail string) {
	var pgx *pgconn.PgError
	var libpq *pq.Error
	switch {
	case errors.As(err, &pgx):
		return pgx.Code, pgx.Detail
	case errors.As(err, &libpq):
		return string(libpq.Code), libpq.Detail
	}
	return "", ""
}

// located adds the line of an SQL text that the server complains of.
func located(err error, text string) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Position < 1 || int(refused.Position) > utf8.RuneCountInString(text) {
		return err
	}
	before := string([]rune(text)[:refused.Position-1])
	number := strings.Count(before, "\n")
	line := strings.Split(text, "\n")[number]
	return fmt.Errorf("%w: line %d: %s", err, number+1, strings.TrimSpace(line))
}
