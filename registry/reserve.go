package registry

import (
	"context"
	"fmt"
	"iter"

	"github.com/massivedb/massive-go/dialect"
)

// A Block is a range of values that one value of a sequence stands for. It starts with
// that value and ends before the next value that the sequence hands out. The zero Block
// contains the value 0.
type Block struct {
	First, Last int64 // both inclusive; Last is below First if the sequence descends
	Increment   int64 // the sequence's increment when the value was taken
}

// Len returns the number of values. The maximum, math.MaxUint64, also means one more than
// that.
func (b Block) Len() uint64 {
	n, _ := steps(min(b.First, b.Last), max(b.First, b.Last), 1)
	return max(n, n+1)
}

// All iterates over the values from First to Last.
func (b Block) All() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		step := int64(1)
		if b.Last < b.First {
			step = -1
		}
		for v := b.First; yield(v) && v != b.Last; v += step {
		}
	}
}

func blockOf(s dialect.SequenceBlock) Block {
	b := Block{s.Value, s.Max, s.Increment}
	if s.Increment < 0 {
		b.Last = s.Min
	}
	if n, ok := steps(s.Value, b.Last, s.Increment); ok && n > 0 {
		b.Last = s.Value + s.Increment
		if s.Increment < 0 {
			b.Last++
		} else {
			b.Last--
		}
	}
	return b
}

func (s *sequence) NextValues(ctx context.Context, n int) ([]int64, error) {
	if n < 1 || n > dialect.MaxSequenceValues {
		return nil, fail(dialect.OpNextValues, s.def.Name, fmt.Errorf("%w: %d values; one call takes from 1 to %d",
			dialect.ErrInvalid, n, dialect.MaxSequenceValues))
	}
	d, err := operation(ctx, s.access)
	if err != nil {
		return nil, fail(dialect.OpNextValues, s.def.Name, err)
	}
	values, err := d.NextSequenceValues(ctx, s.querier, s.def.Name, n)
	switch {
	case err != nil:
		return nil, s.explain(ctx, dialect.OpNextValues, err)
	case len(values) != n:
		return nil, fail(dialect.OpNextValues, s.def.Name, fmt.Errorf("the dialect returned %d values instead of %d",
			len(values), n))
	}
	return values, nil
}

func (s *sequence) NextBlock(ctx context.Context) (Block, error) {
	var none Block
	d, err := operation(ctx, s.access)
	if err != nil {
		return none, fail(dialect.OpNextBlock, s.def.Name, err)
	}
	if s.def.Cycle {
		return none, fail(dialect.OpNextBlock, s.def.Name, ErrCycle("reserves no blocks"))
	}
	b, err := d.NextSequenceBlock(ctx, s.querier, s.def.Name)
	switch {
	case err != nil:
		return none, s.explain(ctx, dialect.OpNextBlock, err)
	case b.Cycle:
		return none, fail(dialect.OpNextBlock, s.def.Name, ErrCycle("reserves no blocks"))
	}
	return blockOf(b), nil
}

// ErrCycle returns the error of an operation that a sequence that cycles does not
// support. So says which, in words: "reserves no blocks". Package massive uses it.
func ErrCycle(so string) error {
	return fmt.Errorf("%w: a sequence that cycles repeats its values and %s; use ALTER SEQUENCE … NO CYCLE",
		dialect.ErrInvalid, so)
}

func (s *sequence) SetValue(ctx context.Context, v int64, called bool) error {
	d, err := operation(ctx, s.access)
	if err != nil {
		return fail(dialect.OpSetValue, s.def.Name, err)
	}
	if err := d.SetSequenceValue(ctx, s.querier, s.def.Name, v, called); err != nil {
		return s.explain(ctx, dialect.OpSetValue, err)
	}
	return nil
}
