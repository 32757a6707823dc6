package conformance

import (
	"database/sql"
	"fmt"
	"math"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

// values takes values by NextValues and checks them.
func (c *check) values(s massive.Sequence, n int, want ...int64) {
	c.Helper()
	got, err := s.NextValues(c.Context(), n)
	c.ok(err)
	c.want(fmt.Sprintf("the next %d values of %s", n, s.Name()), got, want)
}

// from returns n numbers, starting with first and increasing by step.
func from(first, step int64, n int) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = first + int64(i)*step
	}
	return all
}

func reserveRules() []rule {
	return []rule{
		valuesTaken(),
		valuesBlocks(),
		valuesMany(),
		valuesEnd(),
		valuesNumber(),
		valuesRollback(),
		valuesCache(),
		valuesBlock(),
		valuesRights(),
		valuesGone(),
		valuesReadOnly(),
	}
}

func valuesTaken() rule {
	return rule{
		name: "values/taken",
		says: "NextValues returns the next n values. If fewer are left, it returns " +
			"ErrExhausted and no values. If the sequence no longer exists, it returns " +
			"ErrNotFound",
		needs: []Operation{NextSequenceValues}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Increment: 10, Max: 45}, {Name: "dropped"}}},
		check: func(c *check) {
			c.values(c.sequence("s"), 3, 1, 11, 21)
			values, err := c.sequence("s").NextValues(c.Context(), 3)
			c.fails(err, massive.ErrExhausted, "next values of public.s")
			c.want("the values returned with the error", values, []int64(nil))
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			c.freshTx()
			_, err = c.sequence("dropped").NextValues(c.Context(), 2)
			c.fails(err, massive.ErrNotFound, "next values of public.dropped")
		},
	}
}

func valuesBlocks() rule {
	return rule{
		name: "values/blocks",
		says: "NextBlock returns the next block, and at the end of the sequence a " +
			"shorter block, then ErrExhausted. If the sequence no longer exists, it " +
			"returns ErrNotFound",
		needs: []Operation{NextSequenceBlock}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Increment: 10, Max: 25}, {Name: "dropped"}}},
		check: func(c *check) {
			for _, want := range []registry.Block{{First: 1, Last: 10, Increment: 10}, {First: 11, Last: 20, Increment: 10}, {First: 21, Last: 25, Increment: 10}} {
				got, err := c.sequence("s").NextBlock(c.Context())
				c.ok(err)
				c.want("the next block", got, want)
			}
			_, err := c.sequence("s").NextBlock(c.Context())
			c.fails(err, massive.ErrExhausted, "next block of public.s")
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			c.freshTx()
			_, err = c.sequence("dropped").NextBlock(c.Context())
			c.fails(err, massive.ErrNotFound, "next block of public.dropped")
		},
	}
}

func valuesMany() rule {
	return rule{
		name:  "values/many",
		says:  "NextValues(n) returns the values that n calls of NextValue would return",
		needs: []Operation{SequenceState, NextSequenceValue, RestartSequence, NextSequenceValues}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}, {Name: "by7", Increment: 7, Start: 5}, {Name: "down", Increment: -3}}},
		check: func(c *check) {
			s := c.sequence("s")
			c.values(s, 3, 1, 2, 3)
			c.next(s, 4)
			c.values(s, 137, from(5, 1, 137)...)
			c.values(s, 150, from(142, 1, 150)...)
			c.values(s, 1, 292)
			c.state(s, 292, true)
			c.values(c.sequence("by7"), 101, from(5, 7, 101)...)
			c.values(c.sequence("down"), 4, -1, -4, -7, -10)
			c.ok(s.Reset(c.Context()))
			c.values(s, massive.MaxSequenceValues, from(1, 1, massive.MaxSequenceValues)...)
		},
	}
}

func valuesEnd() rule {
	return rule{
		name: "values/end",
		says: "If the sequence ends before the nth value, NextValues returns " +
			"ErrExhausted and no values, and the remaining values are used up. If the " +
			"sequence cycles, NextValues continues at the other bound",
		needs: []Operation{SequenceState, NextSequenceValues}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "up", Max: 5, Increment: 2}, {Name: "long", Max: 120}, {Name: "down", Min: -2, Increment: -1},
			{Name: "round", Max: 3, Cycle: true},
		}},
		check: func(c *check) {
			for name, want := range map[string][]int64{"up": {1, 3, 5}, "long": from(1, 1, 120), "down": {-1, -2}} {
				c.freshTx()
				s := c.sequence(name)
				got, err := s.NextValues(c.Context(), 130)
				c.fails(err, massive.ErrExhausted, "next values of public."+name)
				c.want("the values returned with the error for "+name, got, []int64(nil))
				c.freshTx()
				c.state(c.sequence(name), want[len(want)-1], true)
				got, err = c.sequence(name).NextValues(c.Context(), 2)
				c.fails(err, massive.ErrExhausted)
				c.want("the values returned at the end of "+name, got, []int64(nil))
			}
			c.freshTx()
			c.values(c.sequence("round"), 7, 1, 2, 3, 1, 2, 3, 1)
		},
	}
}

func valuesNumber() rule {
	return rule{
		name: "values/count",
		says: "NextValues accepts n from 1 to 10,000. For any other n it returns " +
			"ErrInvalid and takes no value",
		needs: []Operation{SequenceState}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}},
		check: func(c *check) {
			s := c.sequence("s")
			for _, n := range []int{0, -1, massive.MaxSequenceValues + 1, 1_000_000_000, math.MinInt} {
				got, err := s.NextValues(c.Context(), n)
				c.fails(err, massive.ErrInvalid, "next values of public.s", "from 1 to 10000")
				c.want("the number of values", len(got), 0)
			}
			c.state(s, 1, false)
		},
	}
}

func valuesRollback() rule {
	return rule{
		name: "values/rollback",
		says: "A rollback does not give back values of NextValues, unless the same " +
			"transaction reset the sequence before",
		needs:   []Operation{RestartSequence, NextSequenceValues},
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}},
		check: func(c *check) {
			tx, inside := c.other(nil)
			c.values(sequenceOf(c, inside, "s"), 3, 1, 2, 3)
			c.values(c.sequence("s"), 2, 4, 5)
			c.ok(tx.Rollback())
			c.values(c.sequence("s"), 2, 6, 7)
			tx, inside = c.other(nil)
			c.ok(sequenceOf(c, inside, "s").ResetTo(c.Context(), 100))
			c.values(sequenceOf(c, inside, "s"), 2, 100, 101)
			c.ok(tx.Rollback())
			next := int64(8)
			if c.harness.Restarts != MovesUndone {
				next = 102
			}
			c.values(c.sequence("s"), 1, next)
		},
	}
}

func valuesCache() rule {
	return rule{
		name:   "values/cache",
		says:   "NextValues first returns the values that its connection has reserved",
		unless: noCache, needs: []Operation{NextSequenceValues},
		session: "the server keeps reserved values per session, and behind a pooler two connections share a session",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Cache: 10}}},
		check: func(c *check) {
			one, two := c.m.With(connOf(c, c.db.DB())), c.m.With(connOf(c, c.db.DB()))
			c.values(sequenceOf(c, one, "s"), 3, 1, 2, 3)
			if c.harness.Caches == CachePerServer {
				c.values(sequenceOf(c, two, "s"), 3, 4, 5, 6)
				c.values(sequenceOf(c, one, "s"), 9, from(7, 1, 9)...)
				return
			}
			c.values(sequenceOf(c, two, "s"), 3, 11, 12, 13)
			c.values(sequenceOf(c, one, "s"), 9, 4, 5, 6, 7, 8, 9, 10, 21, 22)
		},
	}
}

func valuesBlock() rule {
	return rule{
		name: "values/block",
		says: "A block extends from one value to just before the next, or to the bound. " +
			"NextBlock returns ErrInvalid for a sequence that cycles",
		needs: []Operation{SequenceState, NextSequenceBlock}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "s", Increment: 100, Max: 250}, {Name: "down", Increment: -10, Min: -15}, {Name: "single"},
			{Name: "round", Increment: 10, Cycle: true},
		}},
		check: func(c *check) {
			for name, want := range map[string][]registry.Block{
				"s":    {{First: 1, Last: 100, Increment: 100}, {First: 101, Last: 200, Increment: 100}, {First: 201, Last: 250, Increment: 100}},
				"down": {{First: -1, Last: -10, Increment: -10}, {First: -11, Last: -15, Increment: -10}},
			} {
				c.freshTx()
				for _, b := range want {
					got, err := c.sequence(name).NextBlock(c.Context())
					c.ok(err)
					c.want("the next block of "+name, got, b)
				}
				_, err := c.sequence(name).NextBlock(c.Context())
				c.fails(err, massive.ErrExhausted, "next block of public."+name)
			}
			c.freshTx()
			for _, v := range []int64{1, 2} {
				got, err := c.sequence("single").NextBlock(c.Context())
				c.ok(err)
				c.want("a block with an increment of 1", got, registry.Block{First: v, Last: v, Increment: 1})
			}
			_, err := c.sequence("round").NextBlock(c.Context())
			c.fails(err, massive.ErrInvalid, "cycles", "NO CYCLE")
			c.state(c.sequence("round"), 1, false)
		},
	}
}

func valuesRights() rule {
	return rule{
		name: "values/rights",
		says: "An operation on a sequence succeeds if the role has the right that it " +
			"needs. Otherwise it returns ErrPermission",
		needs: []Operation{NextSequenceValues, NextSequenceBlock, SetSequenceValue},
		each:  true, rights: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "none", Rights: &dialect.SequenceRights{}}, {Name: "used", Rights: &dialect.SequenceRights{Next: true}},
			{Name: "read", Rights: &dialect.SequenceRights{Read: true}}, {Name: "set", Rights: &dialect.SequenceRights{Set: true}},
		}},
		check: func(c *check) {
			for _, name := range []string{"none", "read"} {
				c.freshTx()
				_, err := c.sequence(name).NextValues(c.Context(), 2)
				c.fails(err, massive.ErrPermission, "public."+name)
				c.freshTx()
				_, err = c.sequence(name).NextBlock(c.Context())
				c.fails(err, massive.ErrPermission, "public."+name)
			}
			for _, name := range []string{"none", "read", "used"} {
				c.freshTx()
				c.fails(c.sequence(name).SetValue(c.Context(), 5, true), massive.ErrPermission, "public."+name)
			}
			c.freshTx()
			c.ok(c.sequence("set").SetValue(c.Context(), 5, true))
			c.values(c.sequence("set"), 2, 6, 7)
			c.values(c.sequence("used"), 2, 1, 2)
			got, err := c.sequence("used").NextBlock(c.Context())
			c.ok(err)
			c.want("the next block", got, registry.Block{First: 3, Last: 3, Increment: 1})
		},
	}
}

func valuesGone() rule {
	return rule{
		name: "values/gone",
		says: "Every operation on a sequence that was dropped, renamed or replaced " +
			"returns ErrNotFound",
		needs: []Operation{NextSequenceValues, NextSequenceBlock, SetSequenceValue, SequenceLags, CatchUpSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "dropped", OwnedBy: "a.id"}, {Name: "renamed", OwnedBy: "b.id"}, {Name: "replaced", OwnedBy: "c.id"}}},
		check: func(c *check) {
			c.db.Do(c, sqltest.Drop{Name: "dropped"}, sqltest.Rename{Name: "renamed", To: "moved"}, sqltest.Drop{Name: "replaced"}, sqltest.Create{Tables: []string{"replaced"}})
			for _, name := range []string{"dropped", "renamed", "replaced"} {
				for what, op := range map[string]func(s massive.Sequence) error{
					"next values of":   func(s massive.Sequence) error { _, err := s.NextValues(c.Context(), 3); return err },
					"next block of":    func(s massive.Sequence) error { _, err := s.NextBlock(c.Context()); return err },
					"set the value of": func(s massive.Sequence) error { return s.SetValue(c.Context(), 3, true) },
					"read the lag of":  func(s massive.Sequence) error { _, err := s.Lag(c.Context()); return err },
					"catch up":         func(s massive.Sequence) error { _, err := s.CatchUp(c.Context()); return err },
				} {
					c.freshTx()
					c.fails(op(c.sequence(name)), massive.ErrNotFound, what+" public."+name)
				}
			}
		},
	}
}

func valuesReadOnly() rule {
	return rule{
		name: "values/read-only",
		says: "In a read-only transaction NextValues, NextBlock, SetValue and CatchUp " +
			"return ErrReadOnly. Lag and Exhaustion work",
		needs:   []Operation{SequenceState, NextSequenceValues, NextSequenceBlock, SetSequenceValue, SequenceLags, CatchUpSequence, SequenceStates},
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Feeds: []string{"t.id"}, Holds: []int64{7}}}},
		check: func(c *check) {
			for what, op := range map[string]func(s massive.Sequence) error{
				"values":   func(s massive.Sequence) error { _, err := s.NextValues(c.Context(), 3); return err },
				"block":    func(s massive.Sequence) error { _, err := s.NextBlock(c.Context()); return err },
				"set":      func(s massive.Sequence) error { return s.SetValue(c.Context(), 3, true) },
				"catch up": func(s massive.Sequence) error { _, err := s.CatchUp(c.Context()); return err },
			} {
				tx, inside := c.other(&sql.TxOptions{ReadOnly: true})
				lag, err := sequenceOf(c, inside, "s").Lag(c.Context())
				c.ok(err)
				c.want("behind", lag.Behind, true)
				_, err = inside.Exhaustion(c.Context())
				c.ok(err)
				c.fails(op(sequenceOf(c, inside, "s")), massive.ErrReadOnly)
				_, err = sequenceOf(c, inside, "s").Lag(c.Context())
				c.afterFailure(err)
				if err := tx.Rollback(); err != nil {
					c.Errorf("%s\n\trollback after %s: got error %v, want none", c.rule.says, what, err)
				}
			}
			c.state(c.sequence("s"), 1, false)
		},
	}
}
