package sqltest

// The columns that sequences feed, and Lag and CatchUp.

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// A column is a table column, with its values.
type column struct {
	kind   string // its type
	values []int64
	key    bool // it is its table's primary key
}

// addColumn creates a column and its table, if they do not exist.
func (f *Fake) addColumn(c dialect.ColumnRef, spec Sequence) error {
	if !f.tables[c.Table] {
		if err := f.free(c.Table, table); err != nil {
			return err
		}
		f.tables[c.Table] = true
	}
	kind := cmp.Or(spec.ColumnType, "bigint")
	if _, ok := limits[kind]; !ok {
		return invalid("column %s: its type is %q; use bigint, integer or smallint", c, kind)
	}
	for _, e := range f.enums {
		if slices.ContainsFunc(e.used, func(u dialect.EnumColumn) bool { return u.Relation == c.Table && u.Column == c.Column }) {
			return invalid("column %s: it already has the enum %s as its type", c, e.name)
		}
	}
	if f.columns[c] == nil {
		f.columns[c] = &column{kind: kind}
	}
	return nil
}

// makeKey makes a column the primary key of its table.
func (f *Fake) makeKey(c dialect.ColumnRef) error {
	for other, held := range f.columns {
		if held.key && other.Table == c.Table {
			return invalid("column %s: its table already has the primary key %s", c, other)
		}
	}
	col := f.columns[c]
	for i, v := range col.values {
		if slices.Contains(col.values[:i], v) {
			return invalid("column %s: it can't be a primary key, because it has the value %d twice", c, v)
		}
	}
	col.key = true
	return nil
}

// insert inserts a row with a value for one column. The other columns get values from the
// sequences that feed them.
func (f *Fake) insert(c dialect.ColumnRef, v int64) error {
	if f.columns[c] == nil {
		return invalid("there is no column %s", c)
	}
	row := map[dialect.ColumnRef]int64{c: v}
	for _, q := range f.seqs {
		for _, other := range q.columns() {
			if other.Table != c.Table || other == c {
				continue
			}
			drawn, err := f.others.next(q)
			if err != nil {
				return invalid("column %s: a row for %s takes a value from the sequence %s: %v", other, c, q.name, err)
			}
			row[other] = drawn
		}
	}
	for ref, v := range row {
		col := f.columns[ref]
		if limit := limits[col.kind]; v < limit[0] || v > limit[1] {
			return invalid("column %s: %d does not fit into a %s", ref, v, col.kind)
		}
		if col.key && slices.Contains(col.values, v) {
			return invalid("column %s: it is a primary key and already has the value %d", ref, v)
		}
	}
	for ref, v := range row {
		f.columns[ref].values = append(f.columns[ref].values, v)
	}
	return nil
}

// Insert is a [Change] that inserts a row with an explicit value, for example as a
// restore does. The sequence of the column does not advance. Lag and CatchUp of the
// sequence see the value.
type Insert struct {
	// Column is the column, as table.column, for example orders.id. A sequence in the
	// Catalog must name it in OwnedBy, KeyOf or Feeds.
	Column string
	// Value is the value.
	Value int64
}

// needs returns the locks of the sequences that feed the row's other columns.
func (c Insert) needs(f *Fake) (all []need) {
	ref, err := columnRef(c.Column)
	if err != nil || ref == nil {
		return nil // apply returns the error
	}
	for name, q := range f.seqs {
		if slices.ContainsFunc(q.columns(), func(d dialect.ColumnRef) bool { return d.Table == ref.Table && d != *ref }) {
			all = append(all, need{&q.lock, rowExclusive, name})
		}
	}
	return all
}

func (c Insert) apply(f *Fake) error {
	ref, err := columnRef(c.Column)
	if err != nil || ref == nil {
		return invalid("the column is %q; write it as table.column", c.Column)
	}
	return f.insert(*ref, c.Value)
}

// SequenceColumns implements [dialect.SequenceDialect].
func (f *Fake) SequenceColumns(ctx context.Context, q dialect.Querier) (all []dialect.SequenceColumn, err error) {
	call := Call{Op: dialect.OpExhaustion, Detail: "in columns"}
	err = f.ask(ctx, q, call, func(context.Context, *session) ([]driver.Value, error) {
		for _, seq := range f.seqs {
			for _, ref := range seq.columns() {
				kind := f.columns[ref].kind
				all = append(all, dialect.SequenceColumn{
					Sequence: seq.id, Column: ref, Type: kind, Bounded: true, Min: limits[kind][0], Max: limits[kind][1],
				})
			}
		}
		return nil, nil
	})
	return all, err
}

// SequenceStates implements [dialect.SequenceDialect].
func (f *Fake) SequenceStates(ctx context.Context, q dialect.Querier, defs []*dialect.SequenceDef) (all []dialect.SequenceReading, err error) {
	call := Call{Op: dialect.OpExhaustion, Detail: fmt.Sprintf("in %d sequences", len(defs))}
	err = f.ask(ctx, q, call, func(ctx context.Context, s *session) ([]driver.Value, error) {
		for _, d := range defs {
			r, err := s.reading(ctx, d)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		return nil, nil
	})
	return all, err
}

// reading reads a sequence by its ID, as pg_sequence_last_value does. That needs SELECT
// or USAGE, and has no value if nothing was taken from the sequence.
func (s *session) reading(ctx context.Context, d *dialect.SequenceDef) (dialect.SequenceReading, error) {
	for _, seq := range s.fake.seqs {
		if seq.id != d.ID {
			continue
		}
		if !seq.mayUse() {
			return dialect.SequenceReading{Err: fmt.Errorf("%w: the role must have SELECT or USAGE on it", dialect.ErrPermission)}, nil
		}
		if err := seq.lock.acquire(ctx, s, rowExclusive); err != nil {
			return dialect.SequenceReading{}, err
		}
		file := s.file(seq)
		if !file.called {
			return dialect.SequenceReading{}, nil
		}
		return dialect.SequenceReading{State: dialect.SequenceState{Last: file.last, Called: true}}, nil
	}
	return dialect.SequenceReading{Err: fmt.Errorf("%w: dropped meanwhile", dialect.ErrNotFound)}, nil
}

// mayUse reports whether the test's role has SELECT or USAGE on the sequence.
func (q *sequence) mayUse() bool {
	return q.def.Rights.Read || q.spec.Rights == nil || q.spec.Rights.Next
}

// errUntied is the error for a sequence that no column draws on. No statement fails, so
// the transaction continues.
var errUntied = fmt.Errorf("%w: no column draws on the sequence, by its default or as an identity column", dialect.ErrInvalid)

// lag compares the sequence with the columns that draw on it now. With blocks, values
// between two steps of the sequence count, too.
func (s *session) lag(ctx context.Context, name dialect.Name, blocks bool) (*sequence, dialect.SequenceLag, error) {
	var lag dialect.SequenceLag
	f := s.fake
	if err := s.open(ctx, name, accessShare); err != nil {
		return nil, lag, err
	}
	seq := f.seqs[name]
	if seq == nil {
		return nil, lag, notASequence(name)
	}
	if len(seq.columns()) == 0 {
		return seq, dialect.SequenceLag{Empty: true}, nil // the sequence is not read
	}
	if !seq.def.Rights.Read {
		return nil, lag, denied(name)
	}
	file := s.file(seq)
	lag = dialect.SequenceLag{
		State: dialect.SequenceState{Last: file.last, Called: file.called}, Empty: true,
		Increment: seq.def.Increment, Min: seq.def.Min, Max: seq.def.Max,
	}
	for i, c := range seq.columns() {
		if i == 0 {
			lag.Column = c
		}
		for _, v := range f.columns[c].values {
			if v < lag.Min || v > lag.Max || !blocks && !onStep(v, lag) {
				continue
			}
			if lag.Empty || lag.Increment > 0 && v > lag.Furthest || lag.Increment < 0 && v < lag.Furthest {
				lag.Column, lag.Furthest, lag.Empty = c, v, false
			}
		}
	}
	return seq, lag, nil
}

// onStep reports whether the sequence reaches a value by its steps.
func onStep(v int64, lag dialect.SequenceLag) bool {
	by := new(big.Int).Sub(big.NewInt(v), big.NewInt(lag.State.Last))
	return by.Rem(by, big.NewInt(lag.Increment)).Sign() == 0
}

// errGone is the error for a sequence that does not exist when Lag lists its columns. No
// statement fails, so the transaction continues.
var errGone = fmt.Errorf("%w: dropped, renamed or replaced since it was loaded; Reload, and look it up again", dialect.ErrNotFound)

// SequenceLags implements [dialect.SequenceDialect].
func (f *Fake) SequenceLags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) (all []dialect.SequenceLagReading, err error) {
	err = f.ask(ctx, q, comparing(dialect.OpLag, seqs), func(ctx context.Context, s *session) ([]driver.Value, error) {
		for _, d := range seqs {
			r, err := s.lagReading(ctx, d.Name, blocks)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		return nil, nil
	})
	return all, err
}

// comparing returns the call for one or several sequences.
func comparing(op dialect.Op, seqs []*dialect.SequenceDef) Call {
	if len(seqs) == 1 {
		return Call{Op: op, Name: seqs[0].Name}
	}
	return Call{Op: op, Detail: fmt.Sprintf("in %d sequences", len(seqs))}
}

// lagReading compares the sequence. The first statement lists its columns and checks the
// rights.
func (s *session) lagReading(ctx context.Context, name dialect.Name, blocks bool) (r dialect.SequenceLagReading, err error) {
	switch seq := s.fake.seqs[name]; {
	case seq == nil:
		return dialect.SequenceLagReading{Err: errGone}, nil
	case len(seq.columns()) == 0:
		return dialect.SequenceLagReading{Err: errUntied}, nil
	case !seq.def.Rights.Read:
		r.Err = fmt.Errorf("%w: the role must have SELECT on it, and USAGE on its schema", dialect.ErrPermission)
		return r, nil
	}
	_, r.Lag, err = s.lag(ctx, name, blocks)
	return r, err
}

// CatchUpSequence implements [dialect.SequenceDialect].
func (f *Fake) CatchUpSequence(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef, blocks bool) (done dialect.CaughtUp, err error) {
	tied := true
	err = f.ask(ctx, q, Call{Op: dialect.OpCatchUp, Name: seq.Name}, func(ctx context.Context, s *session) (_ []driver.Value, err error) {
		done.Moved, tied, err = s.catchUp(ctx, seq.Name, blocks)
		return nil, err
	})
	if err == nil && !tied {
		err = errUntied
	}
	return done, err
}

// CatchUpSequences implements [dialect.SequenceDialect]. It waits a millisecond for each
// lock.
func (f *Fake) CatchUpSequences(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) (left int, err error) {
	call := Call{Op: dialect.OpCatchUp, Detail: fmt.Sprintf("in %d sequences", len(seqs))}
	err = f.ask(ctx, q, call, func(ctx context.Context, s *session) ([]driver.Value, error) {
		patience := s.patience
		s.patience = time.Millisecond
		defer func() { s.patience = patience }()
		for _, d := range seqs {
			before, locks := s.overlay.clone(), s.modes()
			_, tied, err := s.catchUp(ctx, d.Name, blocks)
			if err != nil && ctx.Err() != nil {
				return nil, err
			}
			if err != nil {
				s.overlay = before
				s.releaseTo(locks)
			}
			if err != nil || !tied {
				left++
			}
		}
		return nil, nil
	})
	return left, err
}

// catchUp locks the sequence only if it is behind, and compares again under the lock.
func (s *session) catchUp(ctx context.Context, name dialect.Name, blocks bool) (moved, tied bool, err error) {
	f := s.fake
	_, lag, err := s.lag(ctx, name, blocks)
	tied = lag.Column != (dialect.ColumnRef{})
	if err != nil || !behind(lag) {
		return false, tied, err
	}
	if err := f.full(lag); err != nil {
		return false, tied, err
	}
	if err := s.writable("ALTER SEQUENCE"); err != nil {
		return false, tied, err
	}
	if !f.owns(name) {
		return false, tied, f.notOwner(name)
	}
	if err := s.openToAlter(ctx, name); err != nil {
		return false, tied, err
	}
	if f.seqs[name] == nil {
		return false, tied, notASequence(name)
	}
	found, lag, err := s.lag(ctx, name, blocks)
	if err != nil {
		return false, tied, err
	}
	file := *s.file(found)
	s.files[found] = &file
	delete(s.cached, found)
	if !behind(lag) {
		return false, tied, nil
	}
	if err := f.full(lag); err != nil {
		return false, tied, err
	}
	to := past(lag)
	switch {
	case !to.IsInt64():
		return false, tied, &Error{Code: "22003", Message: fmt.Sprintf(`value "%s" is out of range for type bigint`, to)}
	case to.Int64() < lag.Min || to.Int64() > lag.Max:
		return false, tied, outside(to.Int64(), lag.Min, lag.Max)
	}
	s.files[found] = &storage{last: to.Int64()}
	return true, tied, nil
}

// full returns an error if the sequence's next value after CatchUp does not fit into the
// column.
func (f *Fake) full(lag dialect.SequenceLag) error {
	to, bounds := past(lag), limits[f.columns[lag.Column].kind]
	if to.Cmp(big.NewInt(bounds[0])) >= 0 && to.Cmp(big.NewInt(bounds[1])) <= 0 {
		return nil
	}
	end := bounds[1]
	if lag.Increment < 0 {
		end = bounds[0]
	}
	return &Error{Code: "22003", Message: fmt.Sprintf("the column ends at %d, and %s would be next", end, to)}
}

// upcoming returns the sequence's next value, which may be outside its bounds, and how
// far the columns' furthest value is beyond it.
func upcoming(lag dialect.SequenceLag) (next, beyond *big.Int) {
	next = big.NewInt(lag.State.Last)
	if lag.State.Called {
		next.Add(next, big.NewInt(lag.Increment))
	}
	beyond = new(big.Int).Sub(big.NewInt(lag.Furthest), next)
	return next, beyond
}

func behind(lag dialect.SequenceLag) bool {
	next, beyond := upcoming(lag)
	if lag.Empty || next.Cmp(big.NewInt(lag.Min)) < 0 || next.Cmp(big.NewInt(lag.Max)) > 0 {
		return false
	}
	return beyond.Sign() == 0 || beyond.Sign() > 0 == (lag.Increment > 0)
}

// past returns the sequence's first value after those in the columns.
func past(lag dialect.SequenceLag) *big.Int {
	next, beyond := upcoming(lag)
	by := big.NewInt(lag.Increment)
	steps := beyond.Quo(beyond, by)
	return next.Add(next, steps.Add(steps, big.NewInt(1)).Mul(steps, by))
}
