package postgres

import (
	"context"
	"strconv"

	"github.com/massivedb/massive-go/dialect"
)

func (postgres) SequenceState(ctx context.Context, q dialect.Querier, seq dialect.Name) (dialect.SequenceState, error) {
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
