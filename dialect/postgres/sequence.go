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

//go:embed sequence/state.sql
var stateText string

// SequenceState asks for the last value first, and reads the rest only if there is none.
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

// lastValue goes by the sequence's number, and so runs nothing of a view that has its name by now. It is NULL for a
// sequence that nothing was taken from since it was created, restarted or set, and, from PostgreSQL 18 on, for one that
// the role has no right to.
//
// The name is looked up while the statement runs, after a relation was opened. Only that makes a session hear, within a
// transaction, of a sequence that others have just created: see docs/design.md.
func lastValue(ctx context.Context, q dialect.Querier, seq dialect.Name) (last sql.NullInt64, err error) {
	err = q.QueryRowContext(ctx, `SELECT pg_catalog.pg_sequence_last_value(CASE WHEN h.size IS NOT NULL
         THEN `+literal(seq.Quoted())+`::pg_catalog.text::pg_catalog.regclass END)
  FROM (SELECT pg_catalog.pg_relation_size('pg_catalog.pg_largeobject'::pg_catalog.regclass) AS size OFFSET 0) h`).Scan(&last)
	return last, err
}

// uncalledState reads the state of a sequence that nothing was taken from. Before PostgreSQL 18, which has a function for
// it, that means to read the sequence by its name. It has the lock by then that keeps others from replacing it.
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
	case last.Valid: // somebody took the first value meanwhile
		return dialect.SequenceState{Last: last.Int64, Called: true}, nil
	case !may:
		return s, fmt.Errorf("%w: the role must have SELECT on it, to know where it is before a first value is taken", dialect.ErrPermission)
	case !safe:
		return s, errUnguarded()
	}
	read, err := parseArray(words)
	if err != nil {
		return s, err
	}
	if len(read) == 0 {
		return s, errGone() // another relation has its name by now
	}
	var called string
	if _, err := fmt.Sscanf(read[0], "%d %s", &s.Last, &called); err != nil {
		return s, fmt.Errorf("state %q: %w", read[0], err)
	}
	s.Called = called == "t"
	return s, nil
}

// NextSequenceValue leaves the types unsaid that nextval, of which pg_catalog has one, takes and returns, regclass and
// bigint: parsing them would take the server some hundredths of the time that the statement takes.
func (postgres) NextSequenceValue(ctx context.Context, q dialect.Querier, seq dialect.Name) (int64, error) {
	var v int64
	err := q.QueryRowContext(ctx, "SELECT pg_catalog.nextval("+literal(seq.Quoted())+")").Scan(&v)
	return v, err
}

// RestartSequence is ALTER SEQUENCE … RESTART (https://www.postgresql.org/docs/current/sql-altersequence.html), not
// setval: it needs the sequence's ownership, blocks everybody's nextval until its transaction ends, and is undone with
// it.
func (postgres) RestartSequence(ctx context.Context, q dialect.Querier, seq dialect.Name, at *int64) error {
	text := "ALTER SEQUENCE " + seq.Quoted() + " RESTART"
	if at != nil {
		text += " WITH " + strconv.FormatInt(*at, 10)
	}
	_, err := q.ExecContext(ctx, text)
	return err
}
