package registry

import (
	"context"
	"fmt"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/option"
)

// A SequenceLag compares a sequence with the columns that draw on it.
type SequenceLag struct {
	// Column is the column that holds Furthest. If several do, or none, it is the first by name.
	Column dialect.ColumnRef
	// Behind says that the column holds values that the sequence is still to hand out, or may.
	Behind bool
	// Furthest is the largest value in all of the columns that the sequence may hand out, or the smallest if it descends.
	// A fraction is rounded down, or up if it descends. Empty says that there is none.
	Furthest int64
	Empty    bool
	// State is where the sequence stands, by its definition as it is now.
	State SequenceState
	// Unread are the columns that were not looked at, by name.
	Unread []dialect.UnreadColumn
}

// String returns the lag in a line: "public.orders.id is at 1000, and its sequence is behind:
// the next value is 3". A zero lag, which comes with an error, is "not compared".
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

// unread counts what was not looked at, for the end of a line.
func unread(columns []dialect.UnreadColumn) string {
	switch len(columns) {
	case 0:
		return ""
	case 1:
		return "; not looked at: " + columns[0].String()
	default:
		return fmt.Sprintf("; not looked at: %s and %d more", columns[0], len(columns)-1)
	}
}

// CaughtUp says what CatchUp of a [Sequence] did.
type CaughtUp struct {
	// Moved says that the sequence was behind and was moved.
	Moved bool
	// Unread are the columns that were not looked at, by name.
	Unread []dialect.UnreadColumn
}

// String returns "moved" or "not behind", and what was not read.
func (c CaughtUp) String() string {
	if c.Moved {
		return "moved" + unread(c.Unread)
	}
	return "not behind" + unread(c.Unread)
}

// A LagOption changes what [Sequence].Lag and CatchUp take for values of the sequence. Each may be given once. The
// zero value is refused.
type LagOption struct{ set option.Option[lagSettings] }

// lagSettings are what options say.
type lagSettings struct{ blocks bool }

// InBlocks also counts values between two of the sequence's steps. It is for sequences whose increment is the length of a
// block, as HiLo and NextBlock use them. Without it a value that the sequence itself never hands out does not count, for
// example one of another node whose sequence takes the steps between.
func InBlocks() LagOption {
	return LagOption{option.Set("InBlocks", func(s *lagSettings) { s.blocks = true })}
}

// mender is what compares the sequence with its columns.
func (s *sequence) mender(ctx context.Context, opts []LagOption) (d dialect.Dialect, blocks bool, err error) {
	var how lagSettings
	if err := option.Apply(&how, "LagOption", opts, func(o LagOption) option.Option[lagSettings] { return o.set }); err != nil {
		return nil, false, err
	}
	if s.def.Cycle {
		return nil, false, ErrCycle("is never behind")
	}
	d, err = operation(ctx, s.access)
	return d, how.blocks, err
}

func (s *sequence) Lag(ctx context.Context, opts ...LagOption) (SequenceLag, error) {
	mender, blocks, err := s.mender(ctx, opts)
	if err != nil {
		return SequenceLag{}, fail(dialect.OpLag, s.def.Name, err)
	}
	lag, err := mender.SequenceLag(ctx, s.querier, s.def, blocks)
	if err != nil {
		return SequenceLag{}, s.explain(ctx, dialect.OpLag, err)
	}
	now := *s.def
	now.Increment, now.Min, now.Max = lag.Increment, lag.Min, lag.Max
	l := SequenceLag{
		Column: lag.Column, Furthest: lag.Furthest, Empty: lag.Empty, State: StateWithin(&now, now.Min, now.Max, lag.State), Unread: lag.Unread,
	}
	if !l.Empty && !l.State.Exhausted {
		_, l.Behind = steps(l.State.Next, l.Furthest, now.Increment)
	}
	return l, nil
}

func (s *sequence) CatchUp(ctx context.Context, opts ...LagOption) (CaughtUp, error) {
	mender, blocks, err := s.mender(ctx, opts)
	if err != nil {
		return CaughtUp{}, fail(dialect.OpCatchUp, s.def.Name, err)
	}
	done, err := mender.CatchUpSequence(ctx, s.querier, s.def, blocks)
	if err != nil {
		return CaughtUp{}, s.explain(ctx, dialect.OpCatchUp, err)
	}
	return CaughtUp(done), nil
}
