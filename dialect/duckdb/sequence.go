package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

func literal(s string) string { return dialect.Quote(s, '\'') }

var errQuote = fmt.Errorf("%w: DuckDB's nextval takes no name with a double quote; create the sequence with another name, in such a schema and file", dialect.ErrUnsupported)

// nextval returns a call that takes a value. Without the database's name, a schema that has
// the same name as an attached database would be ambiguous.
func nextval(n dialect.Name) (string, error) {
	if strings.Contains(n.Schema+n.Name, `"`) { // nextval would drop it, and find another sequence
		return "", errQuote
	}
	return `nextval(concat('"', current_database(), '".', ` + literal(n.Quoted()) + "))", nil
}

func (duckdb) NextSequenceValue(ctx context.Context, q dialect.Querier, n dialect.Name) (v int64, err error) {
	call, err := nextval(n)
	if err != nil {
		return 0, err
	}
	err = q.QueryRowContext(ctx, "SELECT "+call).Scan(&v)
	return v, err
}

func (duckdb) NextSequenceValues(ctx context.Context, q dialect.Querier, n dialect.Name, count int) ([]int64, error) {
	call, err := nextval(n)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, "SELECT "+call+" FROM range("+strconv.Itoa(count)+")")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make([]int64, 0, count)
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

const inDatabase = " FROM duckdb_sequences() WHERE database_name = current_database()"

// at is the end of a statement that selects the row of a sequence.
func at(n dialect.Name) string {
	return inDatabase + " AND schema_name = " + literal(n.Schema) + " AND sequence_name = " + literal(n.Name)
}

func (duckdb) NextSequenceBlock(ctx context.Context, q dialect.Querier, n dialect.Name) (b dialect.SequenceBlock, err error) {
	call, err := nextval(n)
	if err != nil {
		return b, err
	}
	err = q.QueryRowContext(ctx, "SELECT "+call+", increment_by, "+bounds+", cycle"+at(n)).
		Scan(&b.Value, &b.Increment, &b.Min, &b.Max, &b.Cycle)
	if errors.Is(err, sql.ErrNoRows) { // recreated, with another case
		err = errGone()
	}
	return b, err
}

// selectPositions selects the positions of sequences. START in the column sql is the next
// value. The column last_value is wrong after the file was opened again.
const selectPositions = "SELECT schema_name, sequence_name, regexp_extract(sql, 'START (-?[0-9]+) (NO )?CYCLE;$', 1)::BIGINT, increment_by, " + bounds

// A position is a sequence's next value, with its definition.
type position struct {
	next, step, low, high int64
}

// positions reads the positions of the sequences that the end of a statement selects.
func positions(ctx context.Context, q dialect.Querier, from string) (map[dialect.Name]position, error) {
	rows, err := q.QueryContext(ctx, selectPositions+from)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[dialect.Name]position{}
	for rows.Next() {
		var n dialect.Name
		var s position
		if err := rows.Scan(&n.Schema, &n.Name, &s.next, &s.step, &s.low, &s.high); err != nil {
			return nil, err
		}
		// Beyond the end, failed calls move the counter on, until it overflows.
		if s.next < s.low || s.next > s.high {
			if s.next = s.high + 1; s.step < 0 {
				s.next = s.low - 1
			}
		}
		all[n] = s
	}
	return all, rows.Err()
}

func (p position) state() dialect.SequenceState {
	return dialect.SequenceState{Last: p.next, NextOnly: true}
}

func (duckdb) SequenceState(ctx context.Context, q dialect.Querier, n dialect.Name) (dialect.SequenceState, error) {
	all, err := positions(ctx, q, at(n))
	s, ok := all[n]
	if err == nil && !ok {
		err = errGone()
	}
	return s.state(), err
}

func (duckdb) SequenceStates(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef) ([]dialect.SequenceReading, error) {
	states, err := positions(ctx, q, inDatabase)
	all := make([]dialect.SequenceReading, len(seqs))
	for i, def := range seqs {
		s, ok := states[def.Name]
		if all[i].State = s.state(); !ok {
			all[i].Err = errGone()
		}
	}
	return all, err
}
