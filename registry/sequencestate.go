package registry

import (
	"math"

	"github.com/massivedb/massive-go/dialect"
)

// A SequenceState is the position of a sequence, computed with the definition that was
// loaded.
type SequenceState struct {
	// Last is the last value that the sequence handed out. If Called is false, it is the
	// next value. If the sequence has a cache, it is the last value that any connection
	// reserved.
	Last int64
	// Called means that Last was handed out. It is false for a new sequence and after a
	// reset.
	Called bool
	// NextOnly means that the database keeps only the next value. Then Last is the next
	// value, and Called is false.
	NextOnly bool

	// Next is the next value for a connection with an empty cache. If Exhausted is true,
	// it has no meaning.
	Next int64
	// Exhausted means that there is no next value. A sequence that cycles is never
	// exhausted.
	Exhausted bool
	// Remaining is the number of values until the sequence is exhausted or, if it cycles,
	// starts over. The maximum, math.MaxUint64, also means one more than that.
	Remaining uint64
	// Used is the share of the sequence's values that are taken or skipped, from 0 to 1.
	Used float64
}

// StateWithin computes a sequence's state from its definition and the state that a
// dialect has read. Only values between low and high count. Package massive uses it for
// columns that can hold fewer values than the sequence has.
func StateWithin(d *dialect.SequenceDef, low, high int64, s dialect.SequenceState) SequenceState {
	low, high = max(low, d.Min), min(high, d.Max)
	from, bound := low, high
	if d.Increment < 0 {
		from, bound = high, low
	}
	st := SequenceState{Last: s.Last, Called: s.Called, NextOnly: s.NextOnly}
	left, fits := steps(s.Last, bound, d.Increment)
	switch {
	case !fits:
	case s.Called:
		st.Remaining = left
	case left == math.MaxUint64:
		st.Remaining = left // left+1 would overflow
	default:
		st.Remaining = left + 1
	}
	switch {
	case st.Remaining > 0 && s.Called:
		st.Next = s.Last + d.Increment
	case st.Remaining > 0:
		st.Next = s.Last
	case d.Cycle && d.Increment > 0:
		st.Next = d.Min
	case d.Cycle:
		st.Next = d.Max
	default:
		st.Exhausted = true
	}
	st.Used = 1
	if all, any := steps(from, bound, d.Increment); any {
		whole := float64(all) + 1
		st.Used = max(0, (whole-float64(st.Remaining))/whole)
	}
	return st
}

// steps returns how many increments fit between two values. It returns false if to comes
// before from.
func steps(from, to, increment int64) (n uint64, ok bool) {
	if increment < 0 {
		from, to = to, from
	}
	if from > to {
		return 0, false
	}
	// Unsigned subtraction wraps around to the right distance, also for the extreme
	// values.
	distance, step := uint64(to)-uint64(from), uint64(increment)
	if increment < 0 {
		step = -step
	}
	return distance / step, true
}
