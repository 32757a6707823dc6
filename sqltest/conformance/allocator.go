package conformance

import (
	"context"
	"fmt"
	"sync"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func allocatorRules() []rule {
	return []rule{
		allocatorValues(),
		allocatorEnd(),
		allocatorRefused(),
		allocatorIncrement(),
		allocatorWaiting(),
	}
}

func allocatorValues() rule {
	return rule{
		name: "allocator/values",
		says: "An allocator returns the sequence's values in order. No two callers get " +
			"the same value, from this allocator, another, or NextValue",
		needs: []Operation{NextSequenceValue, NextSequenceValues, NextSequenceBlock},
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "s"}, {Name: "hilo", Increment: 50}, {Name: "down", Increment: -7},
			{Name: "s alone"}, {Name: "hilo alone", Increment: 50}, {Name: "down alone", Increment: -7},
		}},
		check: func(c *check) {
			for name, opts := range map[string][]massive.AllocatorOption{"s": {massive.BlockSize(16)}, "hilo": {massive.HiLo(50)}, "down": {massive.HiLo(-7)}} {
				s := c.sequence(name)
				var mu sync.Mutex
				seen := map[int64]bool{}
				take := func(next func(context.Context) (int64, error)) {
					for range 150 {
						v, err := next(c.Context())
						mu.Lock()
						if err != nil || seen[v] {
							c.Errorf("%s\n\tgot value %d and error %v, want a value that was not returned before and no error", c.rule.says, v, err)
						}
						seen[v] = true
						mu.Unlock()
					}
				}
				var wg sync.WaitGroup
				var allocators []*massive.Allocator
				for range 2 {
					a, err := massive.NewAllocator(s, opts...)
					c.ok(err)
					allocators = append(allocators, a)
					for range 3 {
						wg.Go(func() { take(a.Next) })
					}
				}
				wg.Go(func() { take(s.NextValue) })
				wg.Wait()
				c.want("the number of different values", len(seen), 7*150)
				for _, a := range allocators {
					a.Close()
				}

				// Another sequence, since a fetch that Close cancelled may still reach
				// the server.
				a, err := massive.NewAllocator(c.sequence(name+" alone"), opts...)
				c.ok(err)
				step := int64(1)
				if name == "down" {
					step = -1
				}
				for i := range int64(120) {
					v, err := a.Next(c.Context())
					c.ok(err)
					c.want("the next value of "+name, v, step+i*step)
				}
				a.Close()
				a.Close()
				_, err = a.Next(c.Context())
				c.fails(err, massive.ErrClosed, "allocate from public.", name)
			}
		},
	}
}

func allocatorEnd() rule {
	return rule{
		name: "allocator/end",
		says: "An allocator returns ErrExhausted if no whole block is left, or with HiLo " +
			"if no value is left. When the sequence has values again, the allocator " +
			"continues",
		needs:   []Operation{RestartSequence, NextSequenceValues, NextSequenceBlock},
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Max: 23}, {Name: "hilo", Increment: 10, Max: 23}}},
		check: func(c *check) {
			for name, end := range map[string]struct {
				how   massive.AllocatorOption
				after int64
			}{"s": {massive.BlockSize(10), 20}, "hilo": {massive.HiLo(10), 23}} {
				a, err := massive.NewAllocator(c.sequence(name), end.how)
				c.ok(err)
				defer a.Close()
				for want := range end.after {
					v, err := a.Next(c.Context())
					c.ok(err)
					c.want("the next value of "+name, v, want+1)
				}
				for range 3 {
					_, err = a.Next(c.Context())
					c.fails(err, massive.ErrExhausted, "public."+name)
				}
				c.ok(c.sequence(name).Reset(c.Context()))
				v, err := a.Next(c.Context())
				c.ok(err)
				c.want("the value after a reset of "+name, v, int64(1))
			}
		},
	}
}

func allocatorRefused() rule {
	return rule{
		name: "allocator/refused",
		says: "NewAllocator returns ErrInvalid for a sequence that cycles, for a " +
			"transaction, for HiLo with an increment of -1, 0 or 1, and for invalid " +
			"options",
		needs:   []Operation{SequenceState},
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Increment: 5}, {Name: "single"}, {Name: "round", Cycle: true, Increment: 5}}},
		check: func(c *check) {
			_, inside := c.other(nil)
			s := c.sequence("s")
			for says, refused := range map[string]func() (*massive.Allocator, error){
				"cycles":          func() (*massive.Allocator, error) { return massive.NewAllocator(c.sequence("round")) },
				"increment of 1":  func() (*massive.Allocator, error) { return massive.NewAllocator(c.sequence("single"), massive.HiLo(1)) },
				"increment of 0":  func() (*massive.Allocator, error) { return massive.NewAllocator(s, massive.HiLo(0)) },
				"increment of -1": func() (*massive.Allocator, error) { return massive.NewAllocator(s, massive.HiLo(-1)) },
				"transaction":     func() (*massive.Allocator, error) { return massive.NewAllocator(sequenceOf(c, inside, "s")) },
				"contradict": func() (*massive.Allocator, error) {
					return massive.NewAllocator(s, massive.HiLo(5), massive.BlockSize(5))
				},
				"given twice":      func() (*massive.Allocator, error) { return massive.NewAllocator(s, massive.HiLo(5), massive.HiLo(5)) },
				"zero":             func() (*massive.Allocator, error) { return massive.NewAllocator(s, massive.AllocatorOption{}) },
				"from 1 to 10000":  func() (*massive.Allocator, error) { return massive.NewAllocator(s, massive.BlockSize(0)) },
				"1000000000":       func() (*massive.Allocator, error) { return massive.NewAllocator(s, massive.BlockSize(1_000_000_000)) },
				"-1ns":             func() (*massive.Allocator, error) { return massive.NewAllocator(s, massive.RefillTimeout(-1)) },
				"sequence is nil":  func() (*massive.Allocator, error) { return massive.NewAllocator(nil) },
				"database is nil;": func() (*massive.Allocator, error) { return massive.NewAllocator(sequenceOf(c, c.m.With(nil), "s")) },
			} {
				_, err := refused()
				c.fails(err, massive.ErrInvalid, "allocate from", says)
			}
			c.state(s, 1, false)
		},
	}
}

func allocatorIncrement() rule {
	return rule{
		name: "allocator/increment",
		says: "With HiLo, NewAllocator and each fetch return ErrDrift if the sequence's " +
			"increment is not the expected one",
		needs:   []Operation{NextSequenceBlock},
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Increment: 50}, {Name: "down", Increment: -50}}},
		check: func(c *check) {
			for name, other := range map[string]int64{"s": -50, "down": 50} {
				for _, expected := range []int64{other, 49, 51} {
					_, err := massive.NewAllocator(c.sequence(name), massive.HiLo(expected))
					c.fails(err, massive.ErrDrift, "allocate from public."+name, fmt.Sprintf("expects an increment of %d, and the sequence has %d", expected, -other))
				}
			}
			for _, increment := range []int64{1, 49, 51, -50} {
				s := c.sequence("s") // the loaded definition
				a, err := massive.NewAllocator(s, massive.HiLo(50))
				c.ok(err)
				defer a.Close()
				again := func(increment int64) {
					c.db.Do(c, sqltest.Drop{Name: "s"}, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "s", Increment: increment}}})
				}
				says := fmt.Sprintf("expects an increment of 50, and the sequence has %d", increment)
				again(increment)
				for range 2 {
					_, err = a.Next(c.Context())
					c.fails(err, massive.ErrDrift, "next block of public.s", says, "INCREMENT BY 50")
				}
				again(50)
				for want := range int64(3) { // too few to fetch ahead from the recreated sequence
					v, err := a.Next(c.Context())
					c.ok(err)
					c.want("the next value", v, want+1)
				}
			}
		},
	}
}

func allocatorWaiting() rule {
	return rule{
		name: "allocator/waiting",
		says: "A caller of Next waits for values until its own context ends. Close ends " +
			"the wait with ErrClosed",
		needs:  []Operation{RestartSequence, NextSequenceValues},
		unless: nothingHolds(false), catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}},
		check: func(c *check) {
			tx, inside := c.other(nil)
			c.ok(sequenceOf(c, inside, "s").Reset(c.Context()))
			a, err := massive.NewAllocator(c.sequence("s"), massive.BlockSize(8))
			c.ok(err)
			for range 5 { // a fetch continues when nobody waits, so that a merely slow one would end here
				c.blocks("a value during an open reset", func(ctx context.Context) error { _, err := a.Next(ctx); return err })
			}
			ended, cancel := context.WithCancel(c.Context())
			cancel()
			_, err = a.Next(ended)
			c.fails(err, context.Canceled)
			waiting := make(chan error, 1)
			ctx := c.Context()
			go func() { _, err := a.Next(ctx); waiting <- err }()
			a.Close()
			c.fails(<-waiting, massive.ErrClosed)
			c.ok(tx.Rollback())
			b, err := massive.NewAllocator(c.sequence("s"))
			c.ok(err)
			defer b.Close()
			c.passes("a value after the reset", func(ctx context.Context) error { _, err := b.Next(ctx); return err })
		},
	}
}
