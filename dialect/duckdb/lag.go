package duckdb

// This file compares sequences with the columns that draw on them.

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// A column draws on a sequence.
type column struct {
	dialect.SequenceColumn
	primary bool // it is in the primary key
	number  bool
	whole   bool // its type has no fractions
}

// widths has the values of the types that are bounded.
var widths = map[string][2]int64{
	"TINYINT": {math.MinInt8, math.MaxInt8}, "SMALLINT": {math.MinInt16, math.MaxInt16},
	"INTEGER": {math.MinInt32, math.MaxInt32}, "BIGINT": {math.MinInt64, math.MaxInt64},
	"UTINYINT": {0, math.MaxUint8}, "USMALLINT": {0, math.MaxUint16}, "UINTEGER": {0, math.MaxUint32}, "UBIGINT": {0, math.MaxInt64},
}

func newColumn(sequence int64, ref dialect.ColumnRef, typ string, primary bool) column {
	c := column{SequenceColumn: dialect.SequenceColumn{Sequence: sequence, Column: ref, Type: typ}, primary: primary}
	width, bounded := widths[typ]
	c.Bounded, c.Min, c.Max = bounded, width[0], width[1]
	c.whole = bounded || typ == "HUGEINT" || typ == "UHUGEINT"
	c.number = c.whole || typ == "FLOAT" || typ == "DOUBLE" || strings.HasPrefix(typ, "DECIMAL(")
	return c
}

// call matches a call of nextval with a literal. DuckDB stores defaults in this form.
var call = regexp.MustCompile(`\bnextval\('((?:[^']|'')*)'\)`)

// drawsOn returns the sequences whose values a column's default takes. DuckDB looks a bare
// name up in the table's schema and then in main, not along the search path. After a file
// was opened again, duckdb_dependencies() does not list its defaults.
func drawsOn(value, database, schema string, sequences map[string]int64) (ids []int64) {
	for _, m := range call.FindAllStringSubmatch(value, -1) {
		parts := split(strings.ReplaceAll(m[1], "''", "'"))
		name, before := parts[len(parts)-1], parts[:len(parts)-1]
		var schemas []string
		switch {
		case len(before) == 0 || len(before) == 1 && fold(before[0]) == fold(database):
			schemas = []string{schema, "main"}
		case len(before) == 1:
			schemas = before
		case fold(before[0]) == fold(database):
			schemas = before[1:2]
		}
		for _, s := range schemas {
			if id, ok := sequences[folded(dialect.Name{Schema: s, Name: name})]; ok {
				ids = append(ids, id)
				break
			}
		}
	}
	return ids
}

func folded(n dialect.Name) string { return fold(n.Quoted()) }

// fold returns a name as DuckDB compares it: without the case of ASCII letters.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// split divides a name as nextval does: at dots outside double quotes.
func split(name string) (parts []string) {
	quoted, part := false, ""
	for _, r := range name {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '.' && !quoted:
			parts, part = append(parts, part), ""
		default:
			part += string(r)
		}
	}
	return append(parts, part)
}

func (duckdb) SequenceColumns(ctx context.Context, q dialect.Querier) ([]dialect.SequenceColumn, error) {
	l, err := read(ctx, q)
	all := make([]dialect.SequenceColumn, len(l.columns))
	for i, c := range l.columns {
		all[i] = c.SequenceColumn
	}
	return all, err
}

// A lag is a sequence's lag, with the column that holds the furthest value.
type lag struct {
	dialect.SequenceLag
	column column
	err    error
}

// lags reads the columns first and the positions last.
func lags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) ([]lag, error) {
	l, err := read(ctx, q)
	if err != nil {
		return nil, err
	}
	defs := map[dialect.Name]dialect.SequenceDef{}
	for _, s := range l.sequences {
		defs[s.Name] = s
	}
	all := make([]lag, len(seqs))
	for i, s := range seqs {
		def, ok := defs[s.Name]
		if !ok {
			all[i].err = errGone()
			continue
		}
		if all[i], err = compare(ctx, q, l, def, blocks); err != nil {
			return nil, err
		}
	}
	now, err := positions(ctx, q, inDatabase)
	if err != nil {
		return nil, err
	}
	for i, s := range seqs {
		p, ok := now[s.Name]
		if !ok {
			all[i].err = errGone()
		}
		all[i].State, all[i].Increment, all[i].Min, all[i].Max = p.state(), p.step, p.low, p.high
	}
	return all, nil
}

// compare reads the furthest value of a sequence's columns.
func compare(ctx context.Context, q dialect.Querier, l list, def dialect.SequenceDef, blocks bool) (lag, error) {
	var text *column
	r := lag{SequenceLag: dialect.SequenceLag{Empty: true}}
	for _, c := range l.columns {
		switch {
		case c.Sequence != def.ID:
			continue
		case !c.number:
			text = &c
			continue
		}
		var v sql.NullInt64
		if err := q.QueryRowContext(ctx, c.furthest(l.server.Database, def, blocks)).Scan(&v); err != nil {
			return r, err
		}
		further := v.Valid && (r.Empty || def.Increment > 0 && v.Int64 > r.Furthest || def.Increment < 0 && v.Int64 < r.Furthest)
		if further || r.Column == (dialect.ColumnRef{}) {
			r.Column, r.column = c.Column, c
		}
		if further {
			r.Furthest, r.Empty = v.Int64, false
		}
	}
	switch {
	case r.Column != (dialect.ColumnRef{}):
	case text != nil:
		r.err = fmt.Errorf("%w: its column %s is of type %s, which can't be compared with a sequence", dialect.ErrInvalid, text.Column, text.Type)
	default:
		r.err = fmt.Errorf("%w: no column draws on the sequence by its default", dialect.ErrInvalid)
	}
	return r, nil
}

// furthest returns a query for the column's furthest value that is the sequence's.
func (c column) furthest(database string, def dialect.SequenceDef, blocks bool) string {
	v, furthest := dialect.Quote(c.Column.Column, '"'), "max"
	if !c.whole {
		v = "floor(" + v + ")"
	}
	if def.Increment < 0 {
		v, furthest = strings.Replace(v, "floor(", "ceil(", 1), "min"
	}
	table := dialect.Quote(database, '"') + "." + dialect.Quote(c.Column.Table.Schema, '"') + "." + dialect.Quote(c.Column.Table.Name, '"')
	query := fmt.Sprintf("SELECT %s(v)::BIGINT FROM (SELECT TRY_CAST(%s AS HUGEINT) AS v FROM %s) WHERE v BETWEEN %d AND %d",
		furthest, v, table, def.Min, def.Max)
	if !blocks {
		query += fmt.Sprintf(" AND (v - %d) %% %d = 0", def.Start, def.Increment)
	}
	return query
}

func (duckdb) SequenceLags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) ([]dialect.SequenceLagReading, error) {
	lags, err := lags(ctx, q, seqs, blocks)
	all := make([]dialect.SequenceLagReading, len(lags))
	for i, l := range lags {
		all[i] = dialect.SequenceLagReading{Lag: l.SequenceLag, Err: l.err}
	}
	return all, err
}

// steps returns the number of values to take so that the next one is after the furthest
// value. A sequence that descends is computed with negated numbers.
func (l lag) steps() (uint64, error) {
	if l.Empty || l.State.Last < l.Min || l.State.Last > l.Max {
		return 0, nil
	}
	next, furthest, last, step := l.State.Last, l.Furthest, l.Max, l.Increment
	if step < 0 {
		next, furthest, last, step = -next, -furthest, -l.Min, -step
	}
	if furthest < next {
		return 0, nil
	}
	by := uint64(step)
	n := (uint64(furthest)-uint64(next))/by + 1 // unsigned, the difference can't overflow
	left := (uint64(last) - uint64(next)) / by
	if v := l.State.Last + int64(n)*l.Increment; n > left || l.column.Bounded && (v < l.column.Min || v > l.column.Max) { //nolint:gosec // n is at most left
		return 0, fmt.Errorf("%w: no value is left after %d in %s", dialect.ErrOutOfRange, l.Furthest, l.Column)
	}
	return n, nil
}

// mostSkipped is the most values that CatchUp takes, which lasts seconds.
const mostSkipped = 100_000_000

// CatchUpSequence takes the values up to the column's, since nextval is the only way to
// move a sequence that has dependents.
func (duckdb) CatchUpSequence(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef, blocks bool) (done dialect.CaughtUp, err error) {
	lags, err := lags(ctx, q, []*dialect.SequenceDef{seq}, blocks)
	if err != nil {
		return done, err
	}
	if lags[0].err != nil {
		return done, lags[0].err
	}
	n, err := lags[0].steps()
	if err != nil || n == 0 {
		return done, err
	}
	if n > mostSkipped {
		return done, fmt.Errorf("%w: the sequence is %d values behind %s, and CatchUp takes at most %d; create another sequence with a higher START for the column",
			dialect.ErrUnsupported, n, lags[0].Column, mostSkipped)
	}
	call, err := nextval(seq.Name)
	if err != nil {
		return done, err
	}
	var v int64
	err = q.QueryRowContext(ctx, fmt.Sprintf("SELECT max(%s) FROM range(%d)", call, n)).Scan(&v)
	return dialect.CaughtUp{Moved: err == nil}, err
}

// CatchUpSequences leaves all sequences to CatchUpSequence.
func (duckdb) CatchUpSequences(_ context.Context, _ dialect.Querier, seqs []*dialect.SequenceDef, _ bool) (left int, err error) {
	return len(seqs), nil
}
