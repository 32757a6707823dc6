package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/massivedb/massive-go/dialect"
)

// SequenceState reads the sequence's one row. A statement that a driver has prepared may find none, in a transaction
// that read the sequence before another session restarted it: its plan goes on with the old storage, until the server
// parses the name anew. Exec without arguments makes it, and then the row is there.
func (postgres) SequenceState(ctx context.Context, q dialect.Querier, seq dialect.Name) (dialect.SequenceState, error) {
	s, err := sequenceRow(ctx, q, seq)
	if !errors.Is(err, sql.ErrNoRows) {
		return s, err
	}
	if _, err := q.ExecContext(ctx, "SELECT FROM "+seq.Quoted()+" LIMIT 0"); err != nil {
		return s, err
	}
	return sequenceRow(ctx, q, seq)
}

func sequenceRow(ctx context.Context, q dialect.Querier, seq dialect.Name) (dialect.SequenceState, error) {
	var s dialect.SequenceState
	err := q.QueryRowContext(ctx, "SELECT last_value::bigint, is_called::boolean FROM "+seq.Quoted()).
		Scan(&s.Last, &s.Called)
	return s, err
}

func (postgres) NextSequenceValue(ctx context.Context, q dialect.Querier, seq dialect.Name) (int64, error) {
	var v int64
	err := q.QueryRowContext(ctx, "SELECT pg_catalog.nextval("+regclass(seq)+")::bigint").Scan(&v)
	return v, err
}

// RestartSequence is ALTER SEQUENCE … RESTART (https://www.postgresql.org/docs/current/sql-altersequence.html),
// not setval: it needs the sequence's ownership, holds off everybody's nextval until its transaction ends, and
// is undone with it.
func (postgres) RestartSequence(ctx context.Context, q dialect.Querier, seq dialect.Name, at *int64) error {
	text := "ALTER SEQUENCE " + seq.Quoted() + " RESTART"
	if at != nil {
		text += " WITH " + strconv.FormatInt(*at, 10)
	}
	_, err := q.ExecContext(ctx, text)
	return err
}
