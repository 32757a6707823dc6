package mariadb

// This file compares sequences with the columns that draw on them.

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// A column draws on a sequence. Its table may be in any database: to create such a
// column, a user needs the rights to set the sequence.
type column struct {
	dialect.SequenceColumn
	sequence dialect.Name
	primary  bool // it is in the primary key
	// floor and ceiling are SQL for its value as a whole number, rounded down and up. They
	// are empty if the column's type is not a number.
	floor, ceiling string
}

var (
	nextValue = regexp.MustCompile("nextval\\(`((?:[^`]|``)*)`\\.`((?:[^`]|``)*)`\\)")
	text      = regexp.MustCompile(`'(?:[^'\\]|''|\\.)*'`)
)

// drawnOn returns the sequences from which a column's default takes values.
func drawnOn(value string) (all []dialect.Name) {
	for _, m := range nextValue.FindAllStringSubmatch(text.ReplaceAllString(value, "''"), -1) {
		n := dialect.Name{Schema: strings.ReplaceAll(m[1], "``", "`"), Name: strings.ReplaceAll(m[2], "``", "`")}
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// bits has the sizes of the integer types.
var bits = map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}

// bounded sets what follows from the column's type.
func (c column) bounded() column {
	name := dialect.Quote(c.Column.Column, '`')
	base, _, _ := strings.Cut(c.Type, "(")
	base, _, _ = strings.Cut(base, " ")
	switch n := bits[base]; {
	case n > 0 && strings.Contains(c.Type, "unsigned"):
		c.Bounded, c.Max = true, math.MaxInt64>>(63-min(n, 63))
		c.floor, c.ceiling = name, name
	case n > 0:
		c.Bounded, c.Min, c.Max = true, math.MinInt64>>(64-n), math.MaxInt64>>(64-n) // shifts keep the sign
		c.floor, c.ceiling = name, name
	case base == "decimal" || base == "float" || base == "double":
		c.floor, c.ceiling = "CAST(FLOOR("+name+") AS DECIMAL(65))", "CAST(CEILING("+name+") AS DECIMAL(65))"
	}
	return c
}

// before orders columns by schema, table and name.
func before(a, b dialect.ColumnRef) bool {
	return cmp.Or(a.Table.Compare(b.Table), strings.Compare(a.Column, b.Column)) < 0
}

func (mariadb) SequenceColumns(ctx context.Context, q dialect.Querier) ([]dialect.SequenceColumn, error) {
	grants, err := readGrants(ctx, q)
	if err != nil {
		return nil, err
	}
	list, err := readList(ctx, q, grants.process())
	if err != nil {
		return nil, err
	}
	ids := map[dialect.Name]int64{}
	for _, s := range list.sequences {
		ids[s.Name] = s.ID
	}
	var all []dialect.SequenceColumn
	for _, c := range list.columns {
		if id, ok := ids[c.sequence]; ok {
			c.Sequence = id
			all = append(all, c.SequenceColumn)
		}
	}
	return all, nil
}

// A lag is a sequence's lag, with what CatchUp needs.
type lag struct {
	dialect.SequenceLag
	column       column // the column that holds the furthest value
	start, cache int64
	err          error
}

// lags reads the columns first and the states last. If a table is dropped between, it
// starts again.
func lags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) (all []lag, err error) {
	for range 5 {
		if all, err = tryLags(ctx, q, seqs, blocks); !gone(err) {
			break
		}
	}
	return all, err
}

func tryLags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) ([]lag, error) {
	names := make([]dialect.Name, len(seqs))
	for i, s := range seqs {
		names[i] = s.Name
	}
	defs, err := definitions(ctx, q, names)
	if err != nil {
		return nil, err
	}
	list, err := readList(ctx, q, false)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list.columns, func(a, b column) int {
		return cmp.Or(a.Column.Table.Compare(b.Column.Table), strings.Compare(a.Column.Column, b.Column.Column))
	})
	all := make([]lag, len(seqs))
	var reads []reading
	for i, n := range names {
		var columns []column
		if all[i], columns = compared(n, list.columns); defs[i].err != nil {
			all[i].err = defs[i].err
		}
		if all[i].err == nil {
			for _, c := range columns {
				reads = append(reads, reading{i, c, c.furthest(defs[i], blocks)})
			}
		}
	}
	if err := furthest(ctx, q, reads, defs, all); err != nil {
		return nil, err
	}
	if defs, err = definitions(ctx, q, names); err != nil {
		return nil, err
	}
	for i, d := range defs {
		all[i].err = cmp.Or(all[i].err, d.err)
		all[i].State, all[i].Increment, all[i].Min, all[i].Max = d.state(), d.step, d.lowest, d.highest
		all[i].start, all[i].cache = d.start, d.cache
	}
	return all, nil
}

// compared returns the columns that draw on a sequence and are numbers. If there is none,
// the lag has the error.
func compared(n dialect.Name, all []column) (l lag, columns []column) {
	l.Empty = true
	var texts []column
	for _, c := range all {
		switch {
		case c.sequence != n:
		case c.floor == "":
			texts = append(texts, c)
		default:
			columns = append(columns, c)
		}
	}
	switch {
	case len(columns) > 0:
		l.Column, l.column = columns[0].Column, columns[0]
	case len(texts) > 0:
		l.err = fmt.Errorf("%w: its column %s is of type %s, which can't be compared with a sequence", dialect.ErrInvalid, texts[0].Column, texts[0].Type)
	default:
		l.err = fmt.Errorf("%w: no column draws on the sequence by its default, as far as this user can see", dialect.ErrInvalid)
	}
	return l, columns
}

// A reading is a query for the furthest value of a column.
type reading struct {
	at     int // the index of its sequence
	column column
	query  string
}

// furthest returns a query for the column's furthest value. An index on the column gives
// it at once.
func (c column) furthest(d definition, blocks bool) string {
	value, order := c.floor, "DESC"
	if d.step < 0 {
		value, order = c.ceiling, "ASC"
	}
	where := fmt.Sprintf("%s BETWEEN %d AND %d", value, d.lowest, d.highest)
	if d.step != 1 && d.step != -1 && !blocks {
		on := d.next
		if !d.has(on) { // beyond the bound, the next value is not on a step
			on = d.start
		}
		where += fmt.Sprintf(" AND MOD(CAST(%s AS DECIMAL(65)) - %d, %d) = 0", value, on, d.step)
	}
	return fmt.Sprintf("%s FROM %s WHERE %s ORDER BY %s %s LIMIT 1", value, quoted(c.Column.Table), where, value, order)
}

// furthest reads the columns, in one statement for many, and sets the furthest values.
func furthest(ctx context.Context, q dialect.Querier, reads []reading, defs []definition, all []lag) error {
	for some := range slices.Chunk(reads, readAtOnce) {
		texts := make([]string, len(some))
		for i, r := range some {
			texts[i] = fmt.Sprintf("(SELECT %d, %s)", i, r.query)
		}
		rows, err := q.QueryContext(ctx, strings.Join(texts, "\nUNION ALL\n")+unlimited)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var i int
			var v sql.NullInt64
			if err := rows.Scan(&i, &v); err != nil {
				return err
			}
			r := some[i]
			l := &all[r.at]
			further := l.Empty || defs[r.at].step > 0 && v.Int64 > l.Furthest || defs[r.at].step < 0 && v.Int64 < l.Furthest
			if further || v.Int64 == l.Furthest && before(r.column.Column, l.Column) {
				l.Column, l.column, l.Furthest, l.Empty = r.column.Column, r.column, v.Int64, false
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if err := rows.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (mariadb) SequenceLags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) ([]dialect.SequenceLagReading, error) {
	lags, err := lags(ctx, q, seqs, blocks)
	all := make([]dialect.SequenceLagReading, len(lags))
	for i, l := range lags {
		all[i] = dialect.SequenceLagReading{Lag: l.SequenceLag, Err: l.err}
	}
	return all, err
}

// target returns the first value after the furthest one, and whether the sequence is
// behind. A sequence that descends is computed with negated numbers.
func (l lag) target() (v int64, behind bool, err error) {
	sign, last := int64(1), l.Max
	if l.Increment < 0 {
		sign, last = -1, -l.Min
	}
	next, furthest, step := sign*l.State.Last, sign*l.Furthest, uint64(sign*l.Increment)
	on := next // the other values are whole steps away
	if behind = next <= last && furthest >= next; next > last {
		on = sign * l.start
	}
	if furthest < on {
		return sign * (on - int64((uint64(on)-uint64(furthest)-1)/step*step)), behind, nil
	}
	steps := (uint64(furthest)-uint64(on))/step + 1 // unsigned, the difference can't overflow
	v = sign * (on + int64(steps*step))
	if steps > (uint64(last)-uint64(on))/step || l.column.Bounded && (v < l.column.Min || v > l.column.Max) {
		err = fmt.Errorf("%w: no value is left after %d in %s", dialect.ErrOutOfRange, l.Furthest, l.Column)
	}
	return v, behind, err
}

// CatchUpSequence uses SETVAL, which never moves a sequence back. The row of a sequence
// with a cache does not show the next value. Then a SETVAL to the last value before the
// target succeeds exactly if the sequence is behind.
func (mariadb) CatchUpSequence(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef, blocks bool) (done dialect.CaughtUp, err error) {
	lags, err := lags(ctx, q, []*dialect.SequenceDef{seq}, blocks)
	if err != nil {
		return done, err
	}
	l := lags[0]
	if l.err != nil || l.Empty {
		return done, l.err
	}
	v, behind, err := l.target()
	switch {
	case behind && err == nil:
		done.Moved, err = setValue(ctx, q, seq.Name, v, false)
	case behind: // no value is left
	case err == nil && l.cache > 1:
		if done.Moved, err = setValue(ctx, q, seq.Name, v-l.Increment, false); done.Moved {
			_, err = setValue(ctx, q, seq.Name, v, false)
		}
	default:
		err = nil
	}
	return done, err
}

// CatchUpSequences moves all sequences in one statement.
func (mariadb) CatchUpSequences(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) (left int, err error) {
	lags, err := lags(ctx, q, seqs, blocks)
	if err != nil {
		return 0, err
	}
	var sets []string
	for i, l := range lags {
		v, behind, err := l.target()
		switch {
		case l.err != nil || behind && err != nil:
			left++
		case behind && !l.Empty:
			sets = append(sets, fmt.Sprintf("SETVAL(%s, %d, false)", quoted(seqs[i].Name), v))
		}
	}
	if sets == nil {
		return left, nil
	}
	return left, q.QueryRowContext(ctx, "SELECT CONCAT_WS(' ', "+strings.Join(sets, ", ")+")").Scan(new(any))
}
