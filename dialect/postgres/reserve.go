package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/massivedb/massive-go/dialect"
)

// flushed is a condition that is always true. It writes a WAL record, so that the commit
// waits until the WAL is on disk, with the records that other sessions wrote for the
// sequence. nextval alone logs 32 values ahead. A statement that takes one of these
// writes no WAL and does not wait, so a crash could return its values again. On a
// standby, flushed writes nothing and nextval fails.
const flushed = `(CASE WHEN pg_catalog.pg_is_in_recovery() THEN true
  ELSE pg_catalog.pg_logical_emit_message(true, 'massive'::pg_catalog.text, ''::pg_catalog.text) IS NOT NULL END)`

// NextSequenceValues reads one value per row. After an error it drops the rows that it
// has, because the server has not committed them. The condition is in an argument of
// generate_series, so it is evaluated once. In WHERE it would be a step for each row.
func (postgres) NextSequenceValues(ctx context.Context, q dialect.Querier, seq dialect.Name, n int) ([]int64, error) {
	rows, err := q.QueryContext(ctx, "SELECT pg_catalog.nextval("+regclass(seq)+") FROM pg_catalog.generate_series(1, CASE WHEN "+
		flushed+" THEN "+strconv.Itoa(n)+" END)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make([]int64, 0, n)
	// Scanning into any needs no reflection for an int64; scanning into *int64 does.
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

// integer converts a bigint, as a driver returns it.
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

// NextSequenceBlock reads the definition after the value. By then, nextval has locked the
// sequence against ALTER SEQUENCE, and pg_sequence_parameters sees earlier commits. A
// query of pg_sequence would see the definition from the statement's start, and might
// return a block that is too long.
func (postgres) NextSequenceBlock(ctx context.Context, q dialect.Querier, seq dialect.Name) (dialect.SequenceBlock, error) {
	var b dialect.SequenceBlock
	err := q.QueryRowContext(ctx, `SELECT n.value::bigint, p.increment::bigint, p.minimum_value::bigint, p.maximum_value::bigint,
       p.cycle_option::boolean
  FROM (SELECT pg_catalog.nextval(`+regclass(seq)+`) AS value OFFSET 0) n
 CROSS JOIN LATERAL pg_catalog.pg_sequence_parameters(CASE WHEN n.value IS NOT NULL THEN `+regclass(seq)+` END) p
 WHERE (SELECT `+flushed+`)`).
		Scan(&b.Value, &b.Increment, &b.Min, &b.Max, &b.Cycle)
	return b, err
}

// SetSequenceValue calls setval
// (https://www.postgresql.org/docs/current/functions-sequence.html). The text differs for
// each value. It uses Exec, because drivers don't cache its statements.
func (postgres) SetSequenceValue(ctx context.Context, q dialect.Querier, seq dialect.Name, v int64, called bool) error {
	_, err := q.ExecContext(ctx, "SELECT pg_catalog.setval("+regclass(seq)+", "+bigint(v)+", "+strconv.FormatBool(called)+")")
	return err
}

// bigint returns a constant of that type. It is a quoted literal, because
// -9223372036854775808 as a number is out of range.
func bigint(v int64) string { return "'" + strconv.FormatInt(v, 10) + "'::bigint" }
