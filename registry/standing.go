package registry

import (
	"math"

	"github.com/massivedb/massive-go/dialect"
)

// A SequenceState says where a sequence stands, by the definition that was loaded.
type SequenceState struct {
	// Last is the value that was handed out last or, if Called is false, the next value. With a cache above 1 it is the last
	// value that any connection reserved.
	Last int64
	// Called says that Last has been handed out. It is false for a new sequence and after a reset.
	Called bool
	// NextOnly says that the database keeps no last value: Last is the next one, and Called is false.
	NextOnly bool

	// Next is the next value for a connection that has none in its cache, unless Exhausted.
	Next int64
	// Exhausted says that there is no next value. A sequence that cycles is never exhausted.
	Exhausted bool
	// Remaining is how many values are left before the sequence is exhausted or, if it cycles, starts over. The largest
	// number stands for that many or more.
	Remaining uint64
	// Used is the share of values that the sequence has passed, from 0 to 1, taken or skipped.
	Used float64
}

// StateWithin returns where a sequence stands whose values must also be between low and high, by its definition and what
// a dialect has read. Package massive uses it for columns that have less room than their sequence.
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
		st.Remaining = left // one more than can be counted
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

// steps is how many increments fit between two values; none do where the second is on the wrong side of the first.
func steps(from, to, increment int64) (n uint64, ok bool) {
	if increment < 0 {
		from, to = to, from
	}
	if from > to {
		return 0, false
	}
	// As unsigned numbers they wrap around to what lies between them, and so does the smallest increment.
	distance, step := uint64(to)-uint64(from), uint64(increment)
	if increment < 0 {
		step = -step
	}
	return distance / step, true
}
