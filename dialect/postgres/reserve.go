package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/massivedb/massive-go/dialect"
)

// flushed is a condition that is always true. It writes a WAL record of the statement's
// own, so that the commit waits until the log is on disk, and with it what other sessions
// have logged of the sequence. nextval alone logs 32 values ahead: a statement that takes
// some of those logs nothing, does not wait, and returns values that a crash gives out
// again. A standby can't log; there nextval fails as it should.
const flushed = `(SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN true
  ELSE pg_catalog.pg_logical_emit_message(true, 'massive'::pg_catalog.text, ''::pg_catalog.text) IS NOT NULL END)`

// NextSequenceValues takes the values in a row each. Rows that arrive before an error are
// dropped: the server has not committed them.
func (postgres) NextSequenceValues(ctx context.Context, q dialect.Querier, seq dialect.Name, n int) ([]int64, error) {
	rows, err := q.QueryContext(ctx, "SELECT pg_catalog.nextval("+regclass(seq)+")::bigint FROM pg_catalog.generate_series(1, "+
		strconv.Itoa(n)+") WHERE "+flushed)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make([]int64, 0, n)
	// Scanned into any, an int64 is taken as it is; a pointer to an int64 would go
	// through reflection.
	var value any
	dest := []any{&value}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		v, err := integer(value)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return values, nil
}

// integer is a bigint as a driver returns it.
func integer(value any) (int64, error) {
	switch v := value.(type) {
	case int64:
		return v, nil
	case []byte:
		return strconv.ParseInt(string(v), 10, 64)
	case string:
		return strconv.ParseInt(v, 10, 64)
	default:
		return 0, fmt.Errorf("the driver returned a bigint as %T", value)
	}
}

// NextSequenceBlock reads the definition behind the value: nextval has then taken the
// sequence's lock, which whoever alters the sequence waits for, and
// pg_sequence_parameters sees what was committed before. A look into pg_sequence would
// see what was true when the statement began, and so might take a block to be longer than
// it is.
func (postgres) NextSequenceBlock(ctx context.Context, q dialect.Querier, seq dialect.Name) (dialect.SequenceBlock, error) {
	var b dialect.SequenceBlock
	err := q.QueryRowContext(ctx, `SELECT n.value::bigint, p.increment::bigint, p.minimum_value::bigint, p.maximum_value::bigint,
       p.cycle_option::boolean
  FROM (SELECT pg_catalog.nextval(`+regclass(seq)+`) AS value OFFSET 0) n
 CROSS JOIN LATERAL pg_catalog.pg_sequence_parameters(CASE WHEN n.value IS NOT NULL THEN `+regclass(seq)+` END) p
 WHERE `+flushed).
		Scan(&b.Value, &b.Increment, &b.Min, &b.Max, &b.Cycle)
	return b, err
}

// SetSequenceValue is setval
// (https://www.postgresql.org/docs/current/functions-sequence.html). Its text varies with
// every value, and so goes through Exec, which keeps none.
func (postgres) SetSequenceValue(ctx context.Context, q dialect.Querier, seq dialect.Name, v int64, called bool) error {
	_, err := q.ExecContext(ctx, "SELECT pg_catalog.setval("+regclass(seq)+", "+bigint(v)+", "+strconv.FormatBool(called)+")")
	return err
}

// bigint is a constant of that type. The smallest of them can't be written as a number
// behind a minus.
func bigint(v int64) string { return "'" + strconv.FormatInt(v, 10) + "'::bigint" }
