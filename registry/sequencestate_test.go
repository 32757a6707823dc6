package registry_test

import (
	"math"
	"slices"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// State computes the remaining values, also at the limits of int64.
func TestSequenceState(t *testing.T) {
	t.Parallel()
	const lowest, highest = math.MinInt64, math.MaxInt64
	for _, c := range []struct {
		min, max, increment int64
		cycle               bool
		state               dialect.SequenceState
		want                registry.SequenceState
	}{
		{1, highest, 1, false, dialect.SequenceState{Last: highest, Called: true}, registry.SequenceState{Exhausted: true, Used: 1}},
		{1, highest, 1, false, dialect.SequenceState{Last: 1}, registry.SequenceState{Next: 1, Remaining: highest}},
		{1, highest, highest, false, dialect.SequenceState{Last: 1, Called: true}, registry.SequenceState{Exhausted: true, Used: 1}},
		{0, highest, highest, false, dialect.SequenceState{Last: 0, Called: true}, registry.SequenceState{Next: highest, Remaining: 1, Used: 0.5}},
		{lowest, highest, 1, false, dialect.SequenceState{Last: lowest}, registry.SequenceState{Next: lowest, Remaining: math.MaxUint64}},
		{lowest, highest, 1, false, dialect.SequenceState{Last: 0}, registry.SequenceState{Next: 0, Remaining: 1 << 63, Used: 0.5}},
		{lowest, highest, -1, false, dialect.SequenceState{Last: highest, Called: true}, registry.SequenceState{Next: highest - 1, Remaining: math.MaxUint64}},
		{lowest, highest, lowest, false, dialect.SequenceState{Last: highest}, registry.SequenceState{Next: highest, Remaining: 2}},
		{lowest, -1, lowest, false, dialect.SequenceState{Last: -1, Called: true}, registry.SequenceState{Exhausted: true, Used: 1}},
		{1, 10, 4, true, dialect.SequenceState{Last: 9, Called: true}, registry.SequenceState{Next: 1, Used: 1}},
		{1, 10, -4, true, dialect.SequenceState{Last: 2, Called: true}, registry.SequenceState{Next: 10, Used: 1}},
		{1, 10, 1, false, dialect.SequenceState{Last: 40, Called: true}, registry.SequenceState{Exhausted: true, Used: 1}}, // the bound was lowered after that value
		{1, 10, 1, false, dialect.SequenceState{Last: 40}, registry.SequenceState{Exhausted: true, Used: 1}},
		{1, 10, 1, false, dialect.SequenceState{Last: -40, Called: true}, registry.SequenceState{Next: -39, Remaining: 50}},
	} {
		cat := stub.Shop()
		d := &cat.Sequences[2]
		d.Min, d.Max, d.Increment, d.Cycle = c.min, c.max, c.increment, c.cycle
		r, s, _ := stubbed(cat, registry.Selection{})
		s.State = c.state
		c.want.Last, c.want.Called = c.state.Last, c.state.Called
		got, err := sequence(t, r, "order_no").State(t.Context())
		if got != c.want || err != nil {
			t.Errorf("from %d to %d by %d, at %+v:\ngot  %+v, %v\nwant %+v", c.min, c.max, c.increment, c.state, got, err, c.want)
		}
	}
}

func TestBlock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		block registry.Block
		len   uint64
	}{
		{registry.Block{First: 5, Last: 5}, 1}, {registry.Block{First: 5, Last: 9}, 5}, {registry.Block{First: -1, Last: -3}, 3},
		{registry.Block{First: 1, Last: math.MaxInt64}, math.MaxInt64}, {registry.Block{First: math.MinInt64, Last: math.MaxInt64}, math.MaxUint64},
	} {
		if got := c.block.Len(); got != c.len {
			t.Errorf("%+v has %d values, want %d", c.block, got, c.len)
		}
	}
	for _, c := range []struct {
		block registry.Block
		want  []int64
	}{
		{registry.Block{First: 5, Last: 8}, []int64{5, 6, 7, 8}}, {registry.Block{First: -1, Last: -3}, []int64{-1, -2, -3}},
		{registry.Block{First: math.MaxInt64 - 1, Last: math.MaxInt64}, []int64{math.MaxInt64 - 1, math.MaxInt64}},
		{registry.Block{First: math.MinInt64, Last: math.MinInt64}, []int64{math.MinInt64}},
	} {
		if got := slices.Collect(c.block.All()); !slices.Equal(got, c.want) {
			t.Errorf("%+v iterates over %v, want %v", c.block, got, c.want)
		}
	}
	for range (registry.Block{First: 1, Last: math.MaxInt64}).All() {
		break
	}
}
