package registry

import (
	"context"
	"fmt"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/option"
)

// A SequenceLag compares a sequence with the columns that draw on it. The zero value
// means that nothing was compared.
type SequenceLag struct {
	// Column is the column that holds Furthest. If several do, or none, it is the first
	// by name.
	Column dialect.ColumnRef
	// Behind means that the columns hold values that the sequence will hand out, or may.
	Behind bool
	// Furthest is the largest value in all columns that the sequence may hand out, or the
	// smallest if it descends. A fraction is rounded down or, if the sequence descends,
	// up. Empty means that there is no such value.
	Furthest int64
	Empty    bool
	// State is the sequence's state, computed with its definition as it is now.
	State SequenceState
	// Unread has the columns that were not read, by name.
	Unread []dialect.UnreadColumn
}

// String returns the lag in a line: "public.orders.id is at 1000, and its sequence is
// behind: the next value is 3". For a zero SequenceLag it returns "not compared".
func (l SequenceLag) String() string {
	if l.Column == (dialect.ColumnRef{}) {
		return "not compared"
	}
	at, is := fmt.Sprintf("is at %d", l.Furthest), "not behind"
	if l.Empty {
		at = "holds no value of its sequence"
	}
	if l.Behind {
		is = "behind"
	}
	next := fmt.Sprintf("the next value is %d", l.State.Next)
	if l.State.Exhausted {
		next = "there is no next value"
	}
	return fmt.Sprintf("%s %s, and its sequence is %s: %s", l.Column, at, is, next) + unread(l.Unread)
}

// unread returns the end of a line: the first column that was not read, and the number of
// the others.
func unread(columns []dialect.UnreadColumn) string {
	switch len(columns) {
	case 0:
		return ""
	case 1:
		return "; not read: " + columns[0].String()
	default:
		return fmt.Sprintf("; not read: %s and %d more", columns[0], len(columns)-1)
	}
}

// CaughtUp is the result of CatchUp of a [Sequence].
type CaughtUp struct {
	// Moved means that the sequence was behind and was moved.
	Moved bool
	// Unread has the columns that were not read, by name.
	Unread []dialect.UnreadColumn
}

// String returns "moved" or "not behind", and the columns that were not read.
func (c CaughtUp) String() string {
	if c.Moved {
		return "moved" + unread(c.Unread)
	}
	return "not behind" + unread(c.Unread)
}

// A LagOption changes which values [Sequence].Lag and CatchUp count. Each option may be
// given once. The zero value is invalid.
type LagOption struct{ set option.Option[lagSettings] }

// lagSettings holds the options.
type lagSettings struct{ blocks bool }

// InBlocks also counts values between two of the sequence's steps. It is for sequences
// whose increment is the length of a block, as HiLo and NextBlock use them. Without
// InBlocks a value counts only if the sequence itself hands it out. For example, several
// nodes may have sequences with different starts and the same increment.
func InBlocks() LagOption {
	return LagOption{option.Set("InBlocks", func(s *lagSettings) { s.blocks = true })}
}

// inBlocks applies the options.
func inBlocks(opts []LagOption) (bool, error) {
	var how lagSettings
	err := option.Apply(&how, "LagOption", opts, func(o LagOption) option.Option[lagSettings] { return o.set })
	return how.blocks, err
}

// comparer returns the dialect that compares the sequence with its columns, and the
// options.
func (s *sequence) comparer(ctx context.Context, opts []LagOption) (d dialect.Dialect, blocks bool, err error) {
	if blocks, err = inBlocks(opts); err != nil {
		return nil, false, err
	}
	if s.def.Cycle {
		return nil, false, errNeverBehind()
	}
	d, err = operation(ctx, s.access)
	return d, blocks, err
}

func errNeverBehind() error { return ErrCycle("is never behind") }

func (s *sequence) Lag(ctx context.Context, opts ...LagOption) (SequenceLag, error) {
	comparer, blocks, err := s.comparer(ctx, opts)
	if err != nil {
		return SequenceLag{}, fail(dialect.OpLag, s.def.Name, err)
	}
	all, err := lagsOf(ctx, comparer, s.querier, []*dialect.SequenceDef{s.def}, blocks)
	if err == nil {
		err = all[0].Err
	}
	if err != nil {
		return SequenceLag{}, s.explain(ctx, dialect.OpLag, err)
	}
	return lagOf(s.def, all[0].Lag), nil
}

// lagsOf reads the lags of sequences. Errors: those of the dialect.
func lagsOf(ctx context.Context, d dialect.Dialect, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) ([]dialect.SequenceLagReading, error) {
	all, err := d.SequenceLags(ctx, q, seqs, blocks)
	if err == nil && len(all) != len(seqs) {
		err = fmt.Errorf("the %s dialect returned %d readings of %d sequences", d.Name(), len(all), len(seqs))
	}
	return all, err
}

// lagOf computes a lag with the sequence's definition as it is now.
func lagOf(def *dialect.SequenceDef, lag dialect.SequenceLag) SequenceLag {
	now := *def
	now.Increment, now.Min, now.Max = lag.Increment, lag.Min, lag.Max
	l := SequenceLag{
		Column: lag.Column, Furthest: lag.Furthest, Empty: lag.Empty, State: StateWithin(&now, now.Min, now.Max, lag.State), Unread: lag.Unread,
	}
	if !l.Empty && !l.State.Exhausted {
		_, l.Behind = steps(l.State.Next, l.Furthest, now.Increment)
	}
	return l
}

func (s *sequence) CatchUp(ctx context.Context, opts ...LagOption) (CaughtUp, error) {
	comparer, blocks, err := s.comparer(ctx, opts)
	if err != nil {
		return CaughtUp{}, fail(dialect.OpCatchUp, s.def.Name, err)
	}
	done, err := comparer.CatchUpSequence(ctx, s.querier, s.def, blocks)
	if err != nil {
		return CaughtUp{}, s.explain(ctx, dialect.OpCatchUp, err)
	}
	return CaughtUp(done), nil
}
