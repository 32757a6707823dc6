package conformance

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

// state checks the state of a sequence, by State and by LastValue.
func (c *check) state(s massive.Sequence, last int64, called bool) {
	c.Helper()
	got, err := s.State(c.Context())
	c.ok(err)
	c.stands(s, got, last, called)
	v, err := s.LastValue(c.Context())
	if c.harness.NextOnly {
		c.fails(err, massive.ErrUnsupported, "last value of "+s.Name().String())
		return
	}
	c.ok(err)
	c.want("the last value", v, last)
}

// stands checks a state that State returned. With Harness.NextOnly it computes the
// expected next value from last.
func (c *check) stands(s massive.Sequence, got registry.SequenceState, last int64, called bool) {
	c.Helper()
	is := fmt.Sprintf("last %d, called %t", got.Last, got.Called)
	want := fmt.Sprintf("last %d, called %t", last, called)
	if c.harness.NextOnly {
		is = fmt.Sprintf("next %d, exhausted %t, called %t, next only %t", got.Next, got.Exhausted, got.Called, got.NextOnly)
		def, next := s.Def(), last
		if called {
			next += def.Increment
		}
		ended := def.Increment > 0 && next > def.Max || def.Increment < 0 && next < def.Min
		switch {
		case ended && def.Cycle && def.Increment > 0:
			ended, next = false, def.Min
		case ended && def.Cycle:
			ended, next = false, def.Max
		case ended:
			next = 0
		}
		want = fmt.Sprintf("next %d, exhausted %t, called false, next only true", next, ended)
	}
	c.want("the state of "+s.Name().String(), is, want)
}

// starts is a catalog of sequences with various start values.
var starts = sqltest.Catalog{Sequences: []sqltest.Sequence{
	{Name: "plain"}, {Name: "later", Start: 10, Increment: 5}, {Name: "down", Increment: -1}, {Name: "small", Type: "smallint", Start: math.MaxInt16},
	{Name: "zero", Exactly: &sqltest.Range{Min: 0, Max: 9, Start: 0}}, {Name: "last", Start: math.MaxInt64}, {Name: "below", Min: math.MinInt64, Start: math.MinInt64},
	{Name: "recreated"}, {Name: "dropped"}, {Name: "renamed"}, {Name: "replaced"},
}}

// startsChange changes the sequences of starts. After that started has the start value of
// each, and startsGone lists sequences that no longer exist.
var (
	startsChange = []sqltest.Change{
		sqltest.Drop{Name: "recreated"}, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "recreated", Start: 77}}},
		sqltest.Drop{Name: "dropped"}, sqltest.Rename{Name: "renamed", To: "moved"},
		sqltest.Drop{Name: "replaced"}, sqltest.Create{Tables: []string{"replaced"}},
	}
	started = map[string]int64{
		"plain": 1, "later": 10, "down": -1, "small": math.MaxInt16, "zero": 0, "last": math.MaxInt64, "below": math.MinInt64, "recreated": 77,
	}
	startsGone = []string{"dropped", "renamed", "replaced"}
)

func sequenceRules() []rule {
	return []rule{
		sequenceUnused(),
		sequenceLastValue(),
		sequenceTaken(),
		sequenceRestarted(),
		sequenceMoved(),
		sequenceState(),
		sequenceReset(),
		sequenceRange(),
		sequenceEnd(),
		sequenceCache(),
		sequenceRollback(),
		sequenceLocks(),
		sequenceGone(),
		sequenceRecreated(),
		sequenceConcurrency(),
	}
}

func sequenceUnused() rule {
	return rule{
		name: "sequence/unused",
		says: "State of a sequence that no value was taken from is its start, not " +
			"called. For a sequence that no longer exists it returns ErrNotFound",
		needs: []Operation{SequenceState}, each: true, catalog: starts,
		check: func(c *check) {
			c.db.Do(c, startsChange...)
			for name, start := range started {
				c.state(c.sequence(name), c.harness.clamp(start), false)
			}
			for _, name := range startsGone {
				c.freshTx()
				_, err := c.sequence(name).State(c.Context())
				c.fails(err, massive.ErrNotFound, "last value of public."+name)
			}
		},
	}
}

func sequenceLastValue() rule {
	return rule{
		name: "sequence/last value",
		says: "LastValue of a sequence that no value was taken from is its start. For a " +
			"sequence that no longer exists it returns ErrNotFound. If the dialect lacks " +
			"SequenceState, it returns ErrUnsupported",
		each: true, catalog: starts,
		check: func(c *check) {
			c.db.Do(c, startsChange...)
			able := c.can(SequenceState)
			for name, start := range started {
				v, err := c.sequence(name).LastValue(c.Context())
				if !able {
					c.fails(err, massive.ErrUnsupported)
					continue
				}
				if c.harness.NextOnly {
					c.fails(err, massive.ErrUnsupported, "last value of public."+name)
					continue
				}
				c.ok(err)
				c.want("the last value of "+name, v, c.harness.clamp(start))
			}
			for _, name := range startsGone {
				c.freshTx()
				if _, err := c.sequence(name).LastValue(c.Context()); able {
					c.fails(err, massive.ErrNotFound, "last value of public."+name)
				}
			}
		},
	}
}

func sequenceTaken() rule {
	return rule{
		name: "sequence/taken",
		says: "NextValue returns the start value first, and then advances by one " +
			"increment each time, up to the end of the sequence. If the sequence no " +
			"longer exists, it returns ErrNotFound",
		needs: []Operation{NextSequenceValue}, each: true, catalog: starts,
		check: func(c *check) {
			c.db.Do(c, startsChange...)
			for name, start := range started {
				c.next(c.sequence(name), c.harness.clamp(start))
			}
			c.next(c.sequence("later"), 15, 20)
			_, err := c.sequence("last").NextValue(c.Context())
			c.fails(err, massive.ErrExhausted, "next value of public.last")
			for _, name := range startsGone {
				c.freshTx()
				_, err := c.sequence(name).NextValue(c.Context())
				c.fails(err, massive.ErrNotFound, "next value of public."+name)
			}
		},
	}
}

func sequenceRestarted() rule {
	return rule{
		name: "sequence/restarted",
		says: "ResetTo and Restart accept a value within the bounds, and return " +
			"ErrOutOfRange for any other. If the sequence no longer exists, they return " +
			"ErrNotFound",
		needs: []Operation{RestartSequence}, each: true, catalog: starts,
		check: func(c *check) {
			c.db.Do(c, startsChange...)
			c.ok(c.sequence("later").ResetTo(c.Context(), 8))
			c.ok(c.sequence("later").Restart(c.Context()))
			c.ok(c.sequence("plain").Reset(c.Context()))
			c.fails(c.sequence("later").ResetTo(c.Context(), -1), massive.ErrOutOfRange, "public.later")
			c.freshTx()
			c.fails(c.sequence("down").Reset(c.Context()), massive.ErrOutOfRange, "reset public.down")
			for _, name := range startsGone {
				c.freshTx()
				c.fails(c.sequence(name).Restart(c.Context()), massive.ErrNotFound, "restart public."+name)
			}
		},
	}
}

func sequenceMoved() rule {
	return rule{
		name: "sequence/moved",
		says: "NextValue advances by one increment, and after ResetTo or Restart it " +
			"continues with the new value",
		needs: []Operation{NextSequenceValue, RestartSequence}, each: true, catalog: starts,
		check: func(c *check) {
			c.db.Do(c, startsChange...)
			s := c.sequence("later")
			c.next(s, 10, 15, 20)
			c.ok(s.ResetTo(c.Context(), 8))
			c.next(s, 8, 13)
			c.ok(s.Restart(c.Context()))
			c.next(s, 10)
			c.ok(s.Reset(c.Context()))
			c.next(s, 1)
			s = c.sequence("recreated")
			c.next(s, 77, 78)
			c.ok(s.Restart(c.Context())) // the start in the database, not the loaded one
			c.next(s, 77)
		},
	}
}

func sequenceState() rule {
	return rule{
		name: "sequence/state",
		says: "State reports an unused or reset sequence as not called, and a sequence " +
			"whose first value was taken as called",
		needs: []Operation{SequenceState, NextSequenceValue, RestartSequence}, each: true, catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}},
		check: func(c *check) {
			s := c.sequence("s")
			c.state(s, 1, false)
			c.next(s, 1)
			c.state(s, 1, true)
			c.next(s, 2, 3)
			c.state(s, 3, true)
			c.ok(s.Reset(c.Context()))
			c.state(s, 1, false)
			c.next(s, 1)
		},
	}
}

func sequenceReset() rule {
	return rule{
		name: "sequence/reset",
		says: "After ResetTo(v), State reports the value v as not called, and NextValue " +
			"returns v. After Restart, NextValue returns the declared start",
		needs: []Operation{SequenceState, NextSequenceValue, RestartSequence}, each: true, catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Start: 10, Increment: 5}}},
		check: func(c *check) {
			s := c.sequence("s")
			c.next(s, 10, 15)
			c.ok(s.ResetTo(c.Context(), 123))
			c.state(s, 123, false)
			c.next(s, 123, 128)
			c.state(s, 128, true)
			c.ok(s.Restart(c.Context()))
			c.next(s, 10)
			c.ok(s.Reset(c.Context()))
			c.next(s, 1, 6)
		},
	}
}

func sequenceRange() rule {
	return rule{
		name: "sequence/range",
		says: "ResetTo with a value outside the bounds returns ErrOutOfRange and changes " +
			"nothing. So does Reset if 1 is outside the bounds",
		needs: []Operation{SequenceState, NextSequenceValue, RestartSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "high", Min: 100, Max: 200, Start: 150}, {Name: "down", Increment: -1}}},
		check: func(c *check) {
			for _, name := range []string{"high", "down"} {
				c.freshTx()
				c.fails(c.sequence(name).Reset(c.Context()), massive.ErrOutOfRange, "reset public."+name)
			}
			for _, v := range []int64{99, 201, -1, 1 << 62} {
				c.freshTx()
				c.fails(c.sequence("high").ResetTo(c.Context(), v), massive.ErrOutOfRange, "public.high")
			}
			c.freshTx()
			c.state(c.sequence("high"), 150, false)
			c.ok(c.sequence("high").ResetTo(c.Context(), 200))
			c.next(c.sequence("high"), 200)
		},
	}
}

func sequenceEnd() rule {
	return rule{
		name: "sequence/end",
		says: "NextValue returns ErrExhausted when the sequence has reached its bound. " +
			"If the sequence cycles, NextValue continues at the other bound",
		needs: []Operation{SequenceState, NextSequenceValue, RestartSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "up", Max: 3, Increment: 2}, {Name: "down", Min: -2, Increment: -1}, {Name: "round", Min: 1, Max: 5, Start: 4, Increment: 3, Cycle: true},
			{Name: "small", Type: "smallint", Start: 32767}, {Name: "back", Min: -5, Max: -1, Increment: -2, Cycle: true},
			{Name: "zero", Exactly: &sqltest.Range{Min: 0, Max: 2, Start: 1}}, {Name: "to zero", Exactly: &sqltest.Range{Min: -1, Max: 0}, Increment: -1},
		}},
		check: func(c *check) {
			for name, want := range map[string][]int64{"up": {1, 3}, "zero": {1, 2}, `"to zero"`: {0, -1}, "down": {-1, -2}, "small": {32767}} {
				c.freshTx()
				s := c.sequence(name)
				c.next(s, want...)
				c.state(s, want[len(want)-1], true)
				_, err := s.NextValue(c.Context())
				c.fails(err, massive.ErrExhausted, "next value of public."+name)
			}
			c.freshTx()
			c.next(c.sequence("round"), 4, 1, 4, 1)
			c.next(c.sequence("back"), -1, -3, -5, -1)
			c.ok(c.sequence("up").Restart(c.Context()))
			c.next(c.sequence("up"), 1)
		},
	}
}

func sequenceCache() rule {
	return rule{
		name: "sequence/cache",
		says: "A connection reserves as many values as the sequence's cache holds. State " +
			"reports the last reserved value. A reset discards the reserved values",
		unless: noCache,
		needs:  []Operation{SequenceState, NextSequenceValue, RestartSequence}, session: "the server keeps reserved values per session, and behind a pooler two connections share a session",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Cache: 10}, {Name: "short", Cache: 10, Max: 3}}},
		check: func(c *check) {
			one, two := c.m.With(connOf(c, c.db.DB())), c.m.With(connOf(c, c.db.DB()))
			c.next(sequenceOf(c, one, "s"), 1, 2)
			c.state(sequenceOf(c, one, "s"), 10, true)
			if c.harness.Caches == CachePerServer {
				c.next(sequenceOf(c, two, "s"), 3)
				c.next(sequenceOf(c, one, "s"), 4)
				c.ok(sequenceOf(c, two, "s").ResetTo(c.Context(), 50))
				c.next(sequenceOf(c, one, "s"), 50, 51)
				c.next(sequenceOf(c, two, "s"), 52)
			} else {
				c.next(sequenceOf(c, two, "s"), 11)
				c.next(sequenceOf(c, one, "s"), 3)
				c.ok(sequenceOf(c, two, "s").ResetTo(c.Context(), 50))
				c.next(sequenceOf(c, one, "s"), 50, 51)
				c.next(sequenceOf(c, two, "s"), 60)
			}
			c.next(sequenceOf(c, one, "short"), 1, 2, 3)
			c.state(sequenceOf(c, two, "short"), 3, true)
			_, err := sequenceOf(c, one, "short").NextValue(c.Context())
			c.fails(err, massive.ErrExhausted)
		},
	}
}

func sequenceRollback() rule {
	return rule{
		name: "sequence/rollback",
		says: "A rollback does not give back taken values. It undoes a reset, together " +
			"with the values taken after the reset",
		needs: []Operation{SequenceState, NextSequenceValue, RestartSequence}, catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}},
		check: func(c *check) {
			tx, inside := c.other(nil)
			c.next(sequenceOf(c, inside, "s"), 1, 2)
			c.ok(tx.Rollback())
			c.next(c.sequence("s"), 3)

			tx, inside = c.other(nil)
			c.next(sequenceOf(c, inside, "s"), 4)
			c.ok(sequenceOf(c, inside, "s").ResetTo(c.Context(), 100))
			c.next(sequenceOf(c, inside, "s"), 100, 101)
			c.ok(tx.Rollback())
			last := int64(4)
			if c.harness.Restarts != MovesUndone {
				last = 101
			}
			c.state(c.sequence("s"), last, true)
			c.next(c.sequence("s"), last+1)

			tx, inside = c.other(nil)
			c.ok(sequenceOf(c, inside, "s").ResetTo(c.Context(), 50))
			c.next(sequenceOf(c, inside, "s"), 50)
			c.ok(tx.Commit())
			c.next(c.sequence("s"), 51)
		},
	}
}

func sequenceLocks() rule {
	return rule{
		name: "sequence/locks",
		says: "A reset blocks NextValue in other sessions until its transaction ends. It " +
			"waits for transactions that took a value",
		needs: []Operation{NextSequenceValue, RestartSequence}, catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}},
		check: func(c *check) {
			s := c.sequence("s")
			next := func(ctx context.Context) error { _, err := s.NextValue(ctx); return err }
			reset := func(ctx context.Context) error { return s.ResetTo(ctx, 7) }
			tx, inside := c.other(nil)
			c.ok(sequenceOf(c, inside, "s").Reset(c.Context()))
			waits := c.blocks
			if c.harness.Restarts == MovesFree {
				waits = c.passes
			}
			waits("NextValue during an open reset", next)
			waits("a second reset during an open reset", reset)
			c.ok(tx.Rollback())
			c.passes("NextValue after the rollback", next)

			tx, inside = c.other(nil)
			_, err := sequenceOf(c, inside, "s").NextValue(c.Context())
			c.ok(err)
			waits("a reset while a transaction that took a value is open", reset)
			c.passes("NextValue in another session", next)
			c.ok(tx.Commit())
			c.passes("a reset after the commit", reset)
		},
	}
}

func sequenceGone() rule {
	return rule{
		name: "sequence/gone",
		says: "Using a sequence that was dropped, renamed or replaced after the load " +
			"returns ErrNotFound",
		needs: []Operation{SequenceState, NextSequenceValue, RestartSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "dropped"}, {Name: "renamed"}, {Name: "replaced"}}},
		check: func(c *check) {
			c.db.Do(c, sqltest.Drop{Name: "dropped"}, sqltest.Rename{Name: "renamed", To: "moved"}, sqltest.Drop{Name: "replaced"}, sqltest.Create{Tables: []string{"replaced"}})
			for _, name := range []string{"dropped", "renamed", "replaced"} {
				for what, op := range map[string]func(s massive.Sequence) error{
					"next value of": func(s massive.Sequence) error { _, err := s.NextValue(c.Context()); return err },
					"last value of": func(s massive.Sequence) error { _, err := s.LastValue(c.Context()); return err },
					"reset":         func(s massive.Sequence) error { return s.Reset(c.Context()) },
					"restart":       func(s massive.Sequence) error { return s.Restart(c.Context()) },
				} {
					c.freshTx()
					c.fails(op(c.sequence(name)), massive.ErrNotFound, what+" public."+name)
				}
			}
		},
	}
}

func sequenceRecreated() rule {
	return rule{
		name: "sequence/recreated",
		says: "If a sequence is dropped and recreated under the same name, loaded " +
			"handles use the new sequence",
		needs: []Operation{NextSequenceValue}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}},
		check: func(c *check) {
			c.next(c.sequence("s"), 1, 2, 3)
			c.freshTx() // an open transaction would block the drop
			c.db.Do(c, sqltest.Drop{Name: "s"}, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "s", Start: 77}}})
			c.freshTx() // an older transaction may not see the drop
			s := c.sequence("s")
			c.next(s, 77, 78)
		},
	}
}

func sequenceConcurrency() rule {
	return rule{
		name:    "sequence/concurrency",
		says:    "Concurrent callers of NextValue never get the same value",
		needs:   []Operation{SequenceState, NextSequenceValue},
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Increment: 3}}},
		check: func(c *check) {
			s := c.sequence("s")
			var mu sync.Mutex
			var values []int64
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					for range 20 {
						v, err := s.NextValue(c.Context())
						mu.Lock()
						if err != nil {
							c.Errorf("%s\n\tgot error %v, want none", c.rule.says, err)
						}
						values = append(values, v)
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			slices.Sort(values)
			c.want("the number of different values", len(slices.Compact(values)), 120)
			c.state(s, 1+3*119, true)
		},
	}
}

// noCache returns the reason to skip a rule about reserved values.
func noCache(h Harness) string {
	return iff(h.Caches == NoCache, "Harness.Caches is NoCache")
}
