package pgtest

// Advice that pgtest adds to the server's errors.

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

// advice has the advice for any statement's errors, by SQLSTATE.
var advice = map[string]string{
	"53100": "the disk is full: set TMPDIR to a directory with more room; pgtest creates its servers there",
	"53300": "too many connections at once: close pools after use, limit them (SetMaxOpenConns) or the tests " +
		`(go test -parallel), or Start a server with Setting("max_connections", "1000")`,
}

// ownAdvice has the advice for errors of pgtest's own statements.
var ownAdvice = map[string]string{
	"25006": "the server is a standby, or read-only: MASSIVE_POSTGRES_URL must connect to a primary (target_session_attrs=read-write)",
	"42501": "the role of MASSIVE_POSTGRES_URL must be allowed to create databases (CREATEDB), and must be a superuser for Fill",
	"55006": "there are connections to it: first close its pools (db.Close)",
	"55P03": "an open transaction in it holds a lock: first end the transaction",
}

// explained adds the server's detail to its error, and advice if there is any.
func explained(err error) error {
	state, detail := details(err)
	if detail != "" {
		err = fmt.Errorf("%w: %s", err, strings.TrimSuffix(detail, "."))
	}
	if text := advice[state]; text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// advised does the same as explained for an error of pgtest's own statement.
func advised(err error) error {
	err = explained(err)
	if state, _ := details(err); ownAdvice[state] != "" {
		err = fmt.Errorf("%w: %s", err, ownAdvice[state])
	}
	return err
}

// details returns the SQLSTATE and the detail of a server's error, for both drivers.
func details(err error) (state, detail string) {
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

// located adds the line of the SQL text in which the error is.
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
