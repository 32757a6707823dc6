package registry

import (
	"context"
	"fmt"

	"github.com/massivedb/massive-go/dialect"
)

// A SequenceLag is a sequence beside the columns that draw on it.
type SequenceLag struct {
	// Column is the one of them that holds Furthest; where several do, or all are empty, the first of those by name.
	Column dialect.ColumnRef
	// Behind says that the column holds values which the sequence is still to hand out, or may.
	Behind bool
	// Furthest is the largest value in all of the columns, or the smallest for a sequence that descends; a fraction is
	// rounded down, or up for one that descends. Empty says that there is none.
	Furthest int64
	Empty    bool
	// State is where the sequence stands, by its definition as it is now.
	State SequenceState
}

// String is the lag in a line: "public.orders.id is at 1000, and its sequence is behind: the next value is 3".
func (l SequenceLag) String() string {
	at, is := fmt.Sprintf("is at %d", l.Furthest), "not behind"
	if l.Empty {
		at = "is empty"
	}
	if l.Behind {
		is = "behind"
	}
	next := fmt.Sprintf("the next value is %d", l.State.Next)
	if l.State.Ended {
		next = "there is no next value"
	}
	return fmt.Sprintf("%s %s, and its sequence is %s: %s", l.Column, at, is, next)
}

// mender is what compares the sequence with its columns.
func (s *sequence) mender() (dialect.SequenceMender, error) {
	if s.def.Cycle {
		return nil, errCycle("is never behind")
	}
	return capability[dialect.SequenceMender](s.access)
}

func (s *sequence) Behind(ctx context.Context) (SequenceLag, error) {
	mender, err := s.mender()
	if err != nil {
		return SequenceLag{}, fail(dialect.OpBehind, s.def.Name, err)
	}
	lag, err := mender.SequenceLag(ctx, s.querier, s.def)
	if err != nil {
		return SequenceLag{}, s.explain(ctx, dialect.OpBehind, err)
	}
	now := *s.def
	now.Increment, now.Min, now.Max = lag.Increment, lag.Min, lag.Max
	l := SequenceLag{
		Column: lag.Column, Furthest: lag.Furthest, Empty: lag.Empty, State: standing(&now, now.Min, now.Max, lag.State),
	}
	if !l.Empty && !l.State.Ended {
		_, l.Behind = steps(l.State.Next, l.Furthest, now.Increment)
	}
	return l, nil
}

func (s *sequence) CatchUp(ctx context.Context) (moved bool, err error) {
	mender, err := s.mender()
	if err != nil {
		return false, fail(dialect.OpCatchUp, s.def.Name, err)
	}
	moved, err = mender.CatchUpSequence(ctx, s.querier, s.def)
	if err != nil {
		return false, s.explain(ctx, dialect.OpCatchUp, err)
	}
	return moved, nil
}
