package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/massivedb/massive-go/dialect"
)

// SequenceState reads the sequence's one row.
func (postgres) SequenceState(ctx context.Context, q dialect.Querier, seq dialect.Name) (s dialect.SequenceState, err error) {
	err = sequenceRow(ctx, q, "SELECT last_value::bigint, is_called::boolean FROM ", seq, &s.Last, &s.Called)
	return s, err
}

// LastSequenceValue reads half of the row, which a server takes less time over. It is a bigint: to say so would cost
// more than to read it.
func (postgres) LastSequenceValue(ctx context.Context, q dialect.Querier, seq dialect.Name) (last int64, err error) {
	err = sequenceRow(ctx, q, "SELECT last_value FROM ", seq, &last)
	return last, err
}

// sequenceRow reads a sequence's one row. A statement that a driver has prepared may find none, in a transaction
// that read the sequence before another session restarted it: its plan goes on with the old storage, until the server
// parses the name anew. Exec without arguments makes it, and then the row is there. (Behind a checkpoint the old storage
// is no file any more; that the server can't open it has failed the transaction, and is the caller's to see.)
func sequenceRow(ctx context.Context, q dialect.Querier, text string, seq dialect.Name, dest ...any) error {
	text += seq.Quoted()
	err := q.QueryRowContext(ctx, text).Scan(dest...)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if _, err := q.ExecContext(ctx, "SELECT FROM "+seq.Quoted()+" LIMIT 0"); err != nil {
		return err
	}
	return q.QueryRowContext(ctx, text).Scan(dest...)
}

// NextSequenceValue leaves the types unsaid that nextval, of which pg_catalog has one, takes and returns, regclass and
// bigint: parsing them would take the server some hundredths of the time that the statement takes.
func (postgres) NextSequenceValue(ctx context.Context, q dialect.Querier, seq dialect.Name) (int64, error) {
	var v int64
	err := q.QueryRowContext(ctx, "SELECT pg_catalog.nextval("+literal(seq.Quoted())+")").Scan(&v)
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
