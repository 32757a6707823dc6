package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/dialect"
)

//go:embed sequence/state.sql
var stateText string

// SequenceState reads the last value first. If there is none, it reads the rest of the
// state.
func (postgres) SequenceState(ctx context.Context, q dialect.Querier, seq dialect.Name) (dialect.SequenceState, error) {
	last, err := lastValue(ctx, q, seq)
	if err != nil {
		return dialect.SequenceState{}, err
	}
	if last.Valid {
		return dialect.SequenceState{Last: last.Int64, Called: true}, nil
	}
	return uncalledState(ctx, q, seq)
}

// lastValue reads the last value by the sequence's oid. So it runs no code of a view that
// has taken the sequence's name. The value is NULL if no value was taken since the
// sequence was created, restarted or set. From PostgreSQL 18 on it is also NULL if the
// role lacks the right to read it.
//
// A pool gets the shortest text. The server resolves its name while it parses the text. In
// a transaction that began earlier, it might miss a sequence that another session has just
// created. So any other querier gets a text that first opens another relation, and then
// resolves the name: see docs/decisions/0006-no-code-of-other-roles.md.
func lastValue(ctx context.Context, q dialect.Querier, seq dialect.Name) (last sql.NullInt64, err error) {
	name := literal(seq.Quoted())
	switch q.(type) {
	case *sql.DB, *sqlx.DB:
	default:
		name = `CASE
  WHEN pg_catalog.pg_relation_size('pg_catalog.pg_largeobject'::pg_catalog.regclass, 'main') IS NOT NULL
  THEN ` + name + `::pg_catalog.text::pg_catalog.regclass END`
	}
	err = q.QueryRowContext(ctx, "SELECT pg_catalog.pg_sequence_last_value("+name+")").Scan(&last)
	return last, err
}

// uncalledState reads the state of a sequence that no value was taken from. PostgreSQL 18
// has a function for it. Before that, the sequence is read by its name. The statement
// then already holds a lock on it, so nobody can replace it.
func uncalledState(ctx context.Context, q dialect.Querier, seq dialect.Name) (s dialect.SequenceState, err error) {
	facts := strings.NewReplacer("$guarded", guardedServer, "$trusted", trusted, "$sequence", relid(seq)).Replace(stateText)
	name := literal(seq.Quoted())
	text := guarded("r.last::bigint, r.may::boolean, r.safe::boolean", facts, `
    CASE WHEN r.last IS NULL AND r.may AND r.safe
          AND pg_catalog.to_regclass(`+name+`)::pg_catalog.oid OPERATOR(pg_catalog.=) r.rel
         THEN pg_catalog.concat('SELECT pg_catalog.array_to_tsvector(ARRAY[pg_catalog.concat(d.last_value, '' '', d.is_called)]) FROM ',
           CASE WHEN pg_catalog.current_setting('server_version_num')::integer OPERATOR(pg_catalog.>=) 180000
                THEN pg_catalog.concat('pg_catalog.pg_get_sequence_data(', r.rel, ') d WHERE d.last_value IS NOT NULL')
                ELSE pg_catalog.concat('ONLY ', `+name+`, ' d WHERE d.tableoid OPERATOR(pg_catalog.=) ', r.rel) END) END`)
	var last sql.NullInt64
	var may, safe bool
	var words string
	if err := q.QueryRowContext(ctx, text).Scan(&last, &may, &safe, &words); err != nil {
		return s, err
	}
	switch {
	case last.Valid: // another session has taken the first value
		return dialect.SequenceState{Last: last.Int64, Called: true}, nil
	case !may:
		return s, fmt.Errorf("%w: before its first value is taken, the role must have SELECT on it", dialect.ErrPermission)
	case !safe:
		return s, errUnguarded()
	}
	read, err := parseArray(words)
	if err != nil {
		return s, err
	}
	if len(read) == 0 {
		return s, errGone() // another relation has taken its name
	}
	var called string
	if _, err := fmt.Sscanf(read[0], "%d %s", &s.Last, &called); err != nil {
		return s, fmt.Errorf("state %q: %w", read[0], err)
	}
	s.Called = called == "t"
	return s, nil
}

// NextSequenceValue does not cast the argument and the result of nextval, which exists
// once in pg_catalog. Parsing the casts would make the statement a few percent slower.
func (postgres) NextSequenceValue(ctx context.Context, q dialect.Querier, seq dialect.Name) (int64, error) {
	var v int64
	err := q.QueryRowContext(ctx, "SELECT pg_catalog.nextval("+literal(seq.Quoted())+")").Scan(&v)
	return v, err
}

// RestartSequence sends ALTER SEQUENCE … RESTART
// (https://www.postgresql.org/docs/current/sql-altersequence.html), not setval. It needs
// ownership of the sequence, blocks every nextval until its transaction ends, and is
// undone by a rollback.
func (postgres) RestartSequence(ctx context.Context, q dialect.Querier, seq dialect.Name, at *int64) error {
	text := "ALTER SEQUENCE " + seq.Quoted() + " RESTART"
	if at != nil {
		text += " WITH " + strconv.FormatInt(*at, 10)
	}
	_, err := q.ExecContext(ctx, text)
	return err
}
