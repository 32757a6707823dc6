package conformance

import (
	"context"
	"math"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

func setRules() []rule {
	return []rule{
		setBounds(),
		setValue(),
		setRange(),
		setTransaction(),
		setCache(),
		setState(),
	}
}

func setBounds() rule {
	return rule{
		name: "set/bounds",
		says: "SetValue accepts a value within the bounds, and returns ErrOutOfRange for " +
			"any other. If the sequence no longer exists, it returns ErrNotFound",
		needs: []Operation{SetSequenceValue}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Min: 10, Max: 20}, {Name: "dropped"}}},
		check: func(c *check) {
			for _, called := range []bool{false, true} {
				for _, v := range []int64{9, 21} {
					c.freshTx()
					c.fails(c.sequence("s").SetValue(c.Context(), v, called), massive.ErrOutOfRange, "set the value of public.s")
				}
				c.freshTx()
				for _, v := range []int64{10, 15, 19} {
					c.ok(c.sequence("s").SetValue(c.Context(), v, called))
				}
			}
			// The dialect's other operations show the value.
			if c.can(SequenceState) {
				c.state(c.sequence("s"), 19, true)
			}
			if c.can(NextSequenceValue) {
				c.next(c.sequence("s"), 20)
			}
			c.freshTx() // an open transaction may block the drop
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			c.freshTx() // an older transaction may not see the drop
			c.fails(c.sequence("dropped").SetValue(c.Context(), 5, true), massive.ErrNotFound, "set the value of public.dropped")
		},
	}
}

func setValue() rule {
	return rule{
		name: "set/value",
		says: "After SetValue(v, true), NextValue returns the value after v. After " +
			"SetValue(v, false), it returns v",
		needs: []Operation{SequenceState, NextSequenceValue, SetSequenceValue}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Increment: 5, Max: 100}, {Name: "wide", Min: math.MinInt64, Max: math.MaxInt64, Start: 1}}},
		check: func(c *check) {
			s := c.sequence("s")
			c.ok(s.SetValue(c.Context(), 50, true))
			c.state(s, 50, true)
			c.next(s, 55)
			c.ok(s.SetValue(c.Context(), 50, false))
			c.state(s, 50, false)
			c.next(s, 50, 55)
			c.ok(s.SetValue(c.Context(), 100, true))
			_, err := s.NextValue(c.Context())
			c.fails(err, massive.ErrExhausted)
			c.freshTx()
			w := c.sequence("wide")
			for _, v := range []int64{c.harness.clamp(math.MinInt64), -1, 0, c.harness.clamp(math.MaxInt64)} {
				c.ok(w.SetValue(c.Context(), v, false))
				c.next(w, v)
			}
		},
	}
}

func setRange() rule {
	return rule{
		name: "set/range",
		says: "SetValue with a value outside the bounds returns ErrOutOfRange and " +
			"changes nothing",
		needs: []Operation{SequenceState, SetSequenceValue}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Min: 10, Max: 20}}},
		check: func(c *check) {
			for _, v := range []int64{9, 21, math.MinInt64, math.MaxInt64} {
				c.freshTx()
				c.fails(c.sequence("s").SetValue(c.Context(), v, true), massive.ErrOutOfRange, "set the value of public.s")
			}
			c.freshTx()
			c.state(c.sequence("s"), 10, false)
		},
	}
}

func setTransaction() rule {
	return rule{
		name: "set/transaction",
		says: "A rollback does not undo SetValue, unless the transaction reset the " +
			"sequence before. SetValue does not block NextValue or SetValue in other " +
			"sessions, and waits for an open reset",
		needs: []Operation{NextSequenceValue, RestartSequence, SetSequenceValue}, catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}},
		check: func(c *check) {
			tx, inside := c.other(nil)
			c.ok(sequenceOf(c, inside, "s").SetValue(c.Context(), 40, true))
			c.passes("NextValue in another session", func(ctx context.Context) error { _, err := c.sequence("s").NextValue(ctx); return err })
			c.passes("SetValue in another session", func(ctx context.Context) error { return c.sequence("s").SetValue(ctx, 60, true) })
			// A cancelled operation may take effect when its lock becomes free. The ones
			// below would change nothing.
			if c.harness.Restarts != MovesFree {
				c.blocks("a reset while a transaction has set the value", func(ctx context.Context) error { return c.sequence("s").ResetTo(ctx, 61) })
			}
			c.ok(tx.Rollback())
			c.next(c.sequence("s"), 61)

			tx, inside = c.other(nil)
			c.ok(sequenceOf(c, inside, "s").ResetTo(c.Context(), 5))
			c.ok(sequenceOf(c, inside, "s").SetValue(c.Context(), 80, true))
			c.next(sequenceOf(c, inside, "s"), 81)
			next := int64(62)
			if c.harness.Restarts != MovesUndone {
				next = 82
			}
			if c.harness.Restarts != MovesFree {
				c.blocks("SetValue during an open reset", func(ctx context.Context) error { return c.sequence("s").SetValue(ctx, next-1, true) })
			}
			c.ok(tx.Rollback())
			c.next(c.sequence("s"), next)
		},
	}
}

func setCache() rule {
	return rule{
		name: "set/cache",
		says: "SetValue discards the values that its own connection has reserved. Other " +
			"connections keep theirs",
		unless: noCache, needs: []Operation{NextSequenceValue, SetSequenceValue},
		session: "the server keeps reserved values per session, and behind a pooler two connections share a session",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Cache: 10}}},
		check: func(c *check) {
			one, two := c.m.With(connOf(c, c.db.DB())), c.m.With(connOf(c, c.db.DB()))
			first, then := int64(11), int64(12)
			if c.harness.Caches == CachePerServer {
				first, then = 2, 102
			}
			c.next(sequenceOf(c, one, "s"), 1)
			c.next(sequenceOf(c, two, "s"), first)
			c.ok(sequenceOf(c, one, "s").SetValue(c.Context(), 100, true))
			c.next(sequenceOf(c, one, "s"), 101)
			c.next(sequenceOf(c, two, "s"), then)
		},
	}
}

func setState() rule {
	return rule{
		name: "set/state",
		says: "State reports the next value, how many values are left, and the share " +
			"that is used",
		needs: []Operation{SequenceState, SetSequenceValue}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "s", Max: 100}, {Name: "by7", Increment: 7, Max: 100}, {Name: "down", Increment: -1, Min: -4}, {Name: "round", Max: 4, Cycle: true},
			{Name: "whole", Min: math.MinInt64, Max: math.MaxInt64, Start: math.MinInt64},
		}},
		check: func(c *check) {
			checkState := func(name string, want registry.SequenceState) {
				c.Helper()
				got, err := c.sequence(name).State(c.Context())
				c.ok(err)
				c.stands(c.sequence(name), got, want.Last, want.Called)
				got.Last, got.Called, got.NextOnly = want.Last, want.Called, false
				c.want("the state of "+name, got, want)
			}
			set := func(name string, v int64, called bool) {
				c.Helper()
				c.ok(c.sequence(name).SetValue(c.Context(), v, called))
			}
			checkState("s", registry.SequenceState{Last: 1, Next: 1, Remaining: 100})
			set("s", 1, true)
			checkState("s", registry.SequenceState{Last: 1, Called: true, Next: 2, Remaining: 99, Used: 0.01})
			set("s", 75, true)
			checkState("s", registry.SequenceState{Last: 75, Called: true, Next: 76, Remaining: 25, Used: 0.75})
			set("s", 100, false)
			checkState("s", registry.SequenceState{Last: 100, Next: 100, Remaining: 1, Used: 0.99})
			set("s", 100, true)
			checkState("s", registry.SequenceState{Last: 100, Called: true, Exhausted: true, Used: 1})
			checkState("by7", registry.SequenceState{Last: 1, Next: 1, Remaining: 15})
			set("by7", 94, true)
			checkState("by7", registry.SequenceState{Last: 94, Called: true, Exhausted: true, Used: 1})
			set("by7", 93, true)
			checkState("by7", registry.SequenceState{Last: 93, Called: true, Next: 100, Remaining: 1, Used: 14. / 15})
			checkState("down", registry.SequenceState{Last: -1, Next: -1, Remaining: 4})
			set("down", -3, true)
			checkState("down", registry.SequenceState{Last: -3, Called: true, Next: -4, Remaining: 1, Used: 0.75})
			set("round", 4, true)
			checkState("round", registry.SequenceState{Last: 4, Called: true, Next: 1, Used: 1})
			low := c.harness.clamp(math.MinInt64)
			left := uint64(c.harness.clamp(math.MaxInt64)) - uint64(low) // after the first
			checkState("whole", registry.SequenceState{Last: low, Next: low, Remaining: max(left, left+1)})
			set("whole", low, true)
			checkState("whole", registry.SequenceState{Last: low, Called: true, Next: low + 1, Remaining: left})
		},
	}
}
