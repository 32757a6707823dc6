package sqltest

// Many values at once, allocators, setval, exhaustion, and sequences that are behind their columns.

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

// values takes many at once, and checks them.
func (c *check) values(s massive.Sequence, n int, want ...int64) {
	c.Helper()
	got, err := s.NextValues(c.Context(), n)
	c.ok(err)
	c.want(fmt.Sprintf("the next %d values of %s", n, s.Name()), got, want)
}

// from are n numbers, by a step.
func from(first, step int64, n int) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = first + int64(i)*step
	}
	return all
}

func manySequenceRules() []rule {
	return slices.Concat(reserveRules(), setRules(), exhaustionRules(), mendRules(), allocatorRules())
}

func reserveRules() []rule {
	return []rule{{
		name: "values/taken", says: "NextValues takes what comes next, to the end of the sequence, and nothing of one that is gone: ErrNotFound",
		needs: []Operation{NextSequenceValues}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Increment: 10, Max: 45}, {Name: "dropped"}}},
		check: func(c *check) {
			c.values(c.sequence("s"), 3, 1, 11, 21)
			values, err := c.sequence("s").NextValues(c.Context(), 3)
			c.fails(err, massive.ErrExhausted, "next values of public.s")
			c.want("values beside the error", values, []int64(nil))
			c.db.Do(c, Drop{"dropped"})
			c.afresh()
			_, err = c.sequence("dropped").NextValues(c.Context(), 2)
			c.fails(err, massive.ErrNotFound, "next values of public.dropped")
		},
	}, {
		name: "values/blocks", says: "NextBlock takes the block that comes next, to the end of the sequence, and none of one that is gone: ErrNotFound",
		needs: []Operation{NextSequenceBlock}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Increment: 10, Max: 25}, {Name: "dropped"}}},
		check: func(c *check) {
			for _, want := range []massive.Block{{First: 1, Last: 10}, {First: 11, Last: 20}, {First: 21, Last: 25}} {
				got, err := c.sequence("s").NextBlock(c.Context())
				c.ok(err)
				c.want("the next block", got, want)
			}
			_, err := c.sequence("s").NextBlock(c.Context())
			c.fails(err, massive.ErrExhausted, "next block of public.s")
			c.db.Do(c, Drop{"dropped"})
			c.afresh()
			_, err = c.sequence("dropped").NextBlock(c.Context())
			c.fails(err, massive.ErrNotFound, "next block of public.dropped")
		},
	}, {
		name: "values/many", says: "NextValues(n) reserves n values, those that n times NextValue would give", needs: []Operation{SequenceState, NextSequenceValue, RestartSequence, NextSequenceValues}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "s"}, {Name: "by7", Increment: 7, Start: 5}, {Name: "down", Increment: -3}}},
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
	}, {
		name: "values/end", says: "if a sequence ends before the nth value, NextValues gives ErrExhausted and no values, and those before the end are used up; one that cycles goes on at its other bound",
		needs: []Operation{SequenceState, NextSequenceValues}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "up", Max: 5, Increment: 2}, {Name: "long", Max: 120}, {Name: "down", Min: -2, Increment: -1},
			{Name: "round", Max: 3, Cycle: true},
		}},
		check: func(c *check) {
			for name, want := range map[string][]int64{"up": {1, 3, 5}, "long": from(1, 1, 120), "down": {-1, -2}} {
				c.afresh()
				s := c.sequence(name)
				got, err := s.NextValues(c.Context(), 130)
				c.fails(err, massive.ErrExhausted, "next values of public."+name)
				c.want("values beside the end of "+name, got, []int64(nil))
				c.afresh()
				c.state(c.sequence(name), want[len(want)-1], true)
				got, err = c.sequence(name).NextValues(c.Context(), 2)
				c.fails(err, massive.ErrExhausted)
				c.want("values at the end of "+name, got, []int64(nil))
			}
			c.afresh()
			c.values(c.sequence("round"), 7, 1, 2, 3, 1, 2, 3, 1)
		},
	}, {
		name: "values/number", says: "n has to be from 1 to 10,000; any other is ErrInvalid, and takes nothing", needs: []Operation{SequenceState}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "s"}}},
		check: func(c *check) {
			s := c.sequence("s")
			for _, n := range []int{0, -1, massive.MaxSequenceValues + 1, 1_000_000_000, math.MinInt} {
				got, err := s.NextValues(c.Context(), n)
				c.fails(err, massive.ErrInvalid, "next values of public.s", "from 1 to 10000")
				c.want("its values", len(got), 0)
			}
			c.state(s, 1, false)
		},
	}, {
		name: "values/rollback", says: "many values stay taken like one, and go back like one with a reset before them", needs: []Operation{RestartSequence, NextSequenceValues},
		catalog: Catalog{Sequences: []Sequence{{Name: "s"}}},
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
			c.values(c.sequence("s"), 1, 8)
		},
	}, {
		name: "values/cache", says: "many values come from a connection's cache first", needs: []Operation{NextSequenceValues},
		session: "the server keeps reserved values by session, and a pooler gives two connections the same one in turn",
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Cache: 10}}},
		check: func(c *check) {
			one, two := c.m.With(connOf(c, c.db.DB())), c.m.With(connOf(c, c.db.DB()))
			c.values(sequenceOf(c, one, "s"), 3, 1, 2, 3)
			c.values(sequenceOf(c, two, "s"), 3, 11, 12, 13)
			c.values(sequenceOf(c, one, "s"), 9, 4, 5, 6, 7, 8, 9, 10, 21, 22)
		},
	}, {
		name: "values/block", says: "a block goes from one value to the one before the next, is cut at the bound, and is refused where the sequence cycles",
		needs: []Operation{SequenceState, NextSequenceBlock}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "s", Increment: 100, Max: 250}, {Name: "down", Increment: -10, Min: -15}, {Name: "single"},
			{Name: "round", Increment: 10, Cycle: true},
		}},
		check: func(c *check) {
			for name, want := range map[string][]massive.Block{
				"s": {{First: 1, Last: 100}, {First: 101, Last: 200}, {First: 201, Last: 250}}, "down": {{First: -1, Last: -10}, {First: -11, Last: -15}},
			} {
				c.afresh()
				for _, b := range want {
					got, err := c.sequence(name).NextBlock(c.Context())
					c.ok(err)
					c.want("the next block of "+name, got, b)
				}
				_, err := c.sequence(name).NextBlock(c.Context())
				c.fails(err, massive.ErrExhausted, "next block of public."+name)
			}
			c.afresh()
			for _, v := range []int64{1, 2} {
				got, err := c.sequence("single").NextBlock(c.Context())
				c.ok(err)
				c.want("a block where the increment is 1", got, massive.Block{First: v, Last: v})
			}
			_, err := c.sequence("round").NextBlock(c.Context())
			c.fails(err, massive.ErrInvalid, "cycles", "NO CYCLE")
			c.state(c.sequence("round"), 1, false)
		},
	}, {
		name: "values/rights", says: "each operation on a sequence needs a right of its own, and no other: ErrPermission", needs: []Operation{NextSequenceValues, NextSequenceBlock, SetSequenceValue},
		each: true, rights: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "none", Rights: &dialect.SequenceRights{}}, {Name: "used", Rights: &dialect.SequenceRights{Next: true}},
			{Name: "read", Rights: &dialect.SequenceRights{Read: true}}, {Name: "set", Rights: &dialect.SequenceRights{Set: true}},
		}},
		check: func(c *check) {
			for _, name := range []string{"none", "read"} {
				c.afresh()
				_, err := c.sequence(name).NextValues(c.Context(), 2)
				c.fails(err, massive.ErrPermission, "public."+name)
				c.afresh()
				_, err = c.sequence(name).NextBlock(c.Context())
				c.fails(err, massive.ErrPermission, "public."+name)
			}
			for _, name := range []string{"none", "read", "used"} {
				c.afresh()
				c.fails(c.sequence(name).SetValue(c.Context(), 5, true), massive.ErrPermission, "public."+name)
			}
			c.afresh()
			c.ok(c.sequence("set").SetValue(c.Context(), 5, true))
			c.values(c.sequence("set"), 2, 6, 7)
			c.values(c.sequence("used"), 2, 1, 2)
			got, err := c.sequence("used").NextBlock(c.Context())
			c.ok(err)
			c.want("a block", got, massive.Block{First: 3, Last: 3})
		},
	}, {
		name: "values/gone", says: "a sequence that was dropped, renamed or replaced is ErrNotFound, whatever is asked of it",
		needs: []Operation{NextSequenceValues, NextSequenceBlock, SetSequenceValue, SequenceLag, CatchUpSequence}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "dropped", OwnedBy: "a.id"}, {Name: "renamed", OwnedBy: "b.id"}, {Name: "replaced", OwnedBy: "c.id"}}},
		check: func(c *check) {
			c.db.Do(c, Drop{"dropped"}, Rename{"renamed", "moved"}, Drop{"replaced"}, Create{Tables: []string{"replaced"}})
			for _, name := range []string{"dropped", "renamed", "replaced"} {
				for what, op := range map[string]func(s massive.Sequence) error{
					"next values of":          func(s massive.Sequence) error { _, err := s.NextValues(c.Context(), 3); return err },
					"next block of":           func(s massive.Sequence) error { _, err := s.NextBlock(c.Context()); return err },
					"set the value of":        func(s massive.Sequence) error { return s.SetValue(c.Context(), 3, true) },
					"compare with its column": func(s massive.Sequence) error { _, err := s.Lag(c.Context()); return err },
					"catch up":                func(s massive.Sequence) error { _, err := s.CatchUp(c.Context()); return err },
				} {
					c.afresh()
					c.fails(op(c.sequence(name)), massive.ErrNotFound, what+" public."+name)
				}
			}
		},
	}, {
		name: "values/read-only", says: "in a read-only transaction taking and setting are ErrReadOnly, and looking works",
		needs:   []Operation{SequenceState, NextSequenceValues, NextSequenceBlock, SetSequenceValue, SequenceLag, CatchUpSequence, SequenceStates},
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Feeds: []string{"t.id"}, Holds: []int64{7}}}},
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
					c.Errorf("%s: %v", what, err)
				}
			}
			c.state(c.sequence("s"), 1, false)
		},
	}}
}

func setRules() []rule {
	return []rule{{
		name: "set/bounds", says: "SetValue sets what is inside the bounds, refuses all else with ErrOutOfRange, and sets nothing of a sequence that is gone: ErrNotFound",
		needs: []Operation{SetSequenceValue}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Min: 10, Max: 20}, {Name: "dropped"}}},
		check: func(c *check) {
			for _, called := range []bool{false, true} {
				for _, v := range []int64{9, 21} {
					c.afresh()
					c.fails(c.sequence("s").SetValue(c.Context(), v, called), massive.ErrOutOfRange, "set the value of public.s")
				}
				c.afresh()
				for _, v := range []int64{10, 15, 19} {
					c.ok(c.sequence("s").SetValue(c.Context(), v, called))
				}
			}
			// What else is there tells whether it was set.
			if c.can(SequenceState) {
				c.state(c.sequence("s"), 19, true)
			}
			if c.can(NextSequenceValue) {
				c.next(c.sequence("s"), 20)
			}
			c.db.Do(c, Drop{"dropped"})
			c.afresh()
			c.fails(c.sequence("dropped").SetValue(c.Context(), 5, true), massive.ErrNotFound, "set the value of public.dropped")
		},
	}, {
		name: "set/value", says: "after SetValue(v, true) the next value is the one behind v, after SetValue(v, false) it is v", needs: []Operation{SequenceState, NextSequenceValue, SetSequenceValue}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Increment: 5, Max: 100}, {Name: "wide", Min: math.MinInt64, Max: math.MaxInt64, Start: 1}}},
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
			c.afresh()
			w := c.sequence("wide")
			for _, v := range []int64{math.MinInt64, -1, 0, math.MaxInt64} {
				c.ok(w.SetValue(c.Context(), v, false))
				c.next(w, v)
			}
		},
	}, {
		name: "set/range", says: "a value outside the bounds is ErrOutOfRange, and sets nothing", needs: []Operation{SequenceState, SetSequenceValue}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Min: 10, Max: 20}}},
		check: func(c *check) {
			for _, v := range []int64{9, 21, math.MinInt64, math.MaxInt64} {
				c.afresh()
				c.fails(c.sequence("s").SetValue(c.Context(), v, true), massive.ErrOutOfRange, "set the value of public.s")
			}
			c.afresh()
			c.state(c.sequence("s"), 10, false)
		},
	}, {
		name: "set/transaction", says: "what is set stays though its transaction is rolled back, unless that has reset the sequence before; it holds nobody off, and waits for a reset",
		needs: []Operation{NextSequenceValue, RestartSequence, SetSequenceValue}, catalog: Catalog{Sequences: []Sequence{{Name: "s"}}},
		check: func(c *check) {
			tx, inside := c.other(nil)
			c.ok(sequenceOf(c, inside, "s").SetValue(c.Context(), 40, true))
			c.passes("another's next value", func(ctx context.Context) error { _, err := c.sequence("s").NextValue(ctx); return err })
			c.passes("another's set", func(ctx context.Context) error { return c.sequence("s").SetValue(ctx, 60, true) })
			// Whether an operation that was cancelled takes effect when its lock comes free is the server's affair: these
			// would change nothing.
			c.blocks("a reset beside it", func(ctx context.Context) error { return c.sequence("s").ResetTo(ctx, 61) })
			c.ok(tx.Rollback())
			c.next(c.sequence("s"), 61)

			tx, inside = c.other(nil)
			c.ok(sequenceOf(c, inside, "s").ResetTo(c.Context(), 5))
			c.ok(sequenceOf(c, inside, "s").SetValue(c.Context(), 80, true))
			c.next(sequenceOf(c, inside, "s"), 81)
			c.blocks("a set beside a reset", func(ctx context.Context) error { return c.sequence("s").SetValue(ctx, 61, true) })
			c.ok(tx.Rollback())
			c.next(c.sequence("s"), 62)
		},
	}, {
		name: "set/cache", says: "a set makes its own connection forget the values that it has reserved, and no other", needs: []Operation{NextSequenceValue, SetSequenceValue},
		session: "the server keeps reserved values by session, and a pooler gives two connections the same one in turn",
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Cache: 10}}},
		check: func(c *check) {
			one, two := c.m.With(connOf(c, c.db.DB())), c.m.With(connOf(c, c.db.DB()))
			c.next(sequenceOf(c, one, "s"), 1)
			c.next(sequenceOf(c, two, "s"), 11)
			c.ok(sequenceOf(c, one, "s").SetValue(c.Context(), 100, true))
			c.next(sequenceOf(c, one, "s"), 101)
			c.next(sequenceOf(c, two, "s"), 12)
		},
	}, {
		name: "set/standing", says: "State tells the next value, how many are left, and the share that is used", needs: []Operation{SequenceState, SetSequenceValue}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "s", Max: 100}, {Name: "by7", Increment: 7, Max: 100}, {Name: "down", Increment: -1, Min: -4}, {Name: "round", Max: 4, Cycle: true},
			{Name: "whole", Min: math.MinInt64, Max: math.MaxInt64, Start: math.MinInt64},
		}},
		check: func(c *check) {
			standing := func(name string, want massive.SequenceState) {
				c.Helper()
				got, err := c.sequence(name).State(c.Context())
				c.ok(err)
				c.want("the state of "+name, got, want)
			}
			set := func(name string, v int64, called bool) {
				c.Helper()
				c.ok(c.sequence(name).SetValue(c.Context(), v, called))
			}
			standing("s", massive.SequenceState{Last: 1, Next: 1, Remaining: 100})
			set("s", 1, true)
			standing("s", massive.SequenceState{Last: 1, Called: true, Next: 2, Remaining: 99, Used: 0.01})
			set("s", 75, true)
			standing("s", massive.SequenceState{Last: 75, Called: true, Next: 76, Remaining: 25, Used: 0.75})
			set("s", 100, false)
			standing("s", massive.SequenceState{Last: 100, Next: 100, Remaining: 1, Used: 0.99})
			set("s", 100, true)
			standing("s", massive.SequenceState{Last: 100, Called: true, Exhausted: true, Used: 1})
			standing("by7", massive.SequenceState{Last: 1, Next: 1, Remaining: 15})
			set("by7", 94, true)
			standing("by7", massive.SequenceState{Last: 94, Called: true, Exhausted: true, Used: 1})
			set("by7", 93, true)
			standing("by7", massive.SequenceState{Last: 93, Called: true, Next: 100, Remaining: 1, Used: 14. / 15})
			standing("down", massive.SequenceState{Last: -1, Next: -1, Remaining: 4})
			set("down", -3, true)
			standing("down", massive.SequenceState{Last: -3, Called: true, Next: -4, Remaining: 1, Used: 0.75})
			set("round", 4, true)
			standing("round", massive.SequenceState{Last: 4, Called: true, Next: 1, Used: 1})
			standing("whole", massive.SequenceState{Last: math.MinInt64, Next: math.MinInt64, Remaining: math.MaxUint64})
			set("whole", math.MinInt64, true)
			standing("whole", massive.SequenceState{Last: math.MinInt64, Called: true, Next: math.MinInt64 + 1, Remaining: math.MaxUint64})
		},
	}}
}

func exhaustionRules() []rule {
	return []rule{{
		name: "exhaustion/listed", says: "Exhaustion lists the sequences that are used up to a share, those of keys included and the fullest first, as their columns see them",
		needs: []Operation{SequenceStates, SetSequenceValue}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "orders_id_seq", KeyOf: "orders.id", ColumnType: "integer"}, {Name: "lines_no", Feeds: []string{"lines.no"}, ColumnType: "smallint"},
			{Name: "half", Max: 100}, {Name: "most", Max: 100}, {Name: "fresh"}, {Name: "down", Increment: -1, Min: -100},
			{Name: "round", Max: 10, Cycle: true}, {Name: "over", Feeds: []string{"o.id"}, ColumnType: "smallint"}, {Name: "reset", Max: 1000},
		}},
		check: func(c *check) {
			all := c.load(massive.WithKeySequences())
			if c.q != massive.Querier(c.db.DB()) {
				all = all.With(c.q)
			}
			for name, v := range map[string]int64{
				"orders_id_seq": 2_000_000_000, "lines_no": 32_000, "half": 50, "most": 80, "down": -90, "round": 10, "over": 40_000,
			} {
				c.ok(sequenceOf(c, all, name).SetValue(c.Context(), v, true))
			}
			c.ok(sequenceOf(c, all, "reset").SetValue(c.Context(), 991, false)) // after which it is not known where it is
			e, err := c.m.Exhaustion(c.Context())
			c.ok(err)
			c.want("the report", append([]string{fmt.Sprint(e.Looked, len(e.Unknown), e.Share)}, sprint(e.Above)...), []string{
				"9 0 0.75",
				"public.o.id (smallint) is 100.0 % used: at 40000, 0 left up to 32767, where the column is full (sequence public.over)",
				"sequence public.round is 100.0 % used: at 10, 0 left up to 10, where the sequence starts over",
				"public.lines.no (smallint) is 97.6 % used: at 32000, 767 left up to 32767, where the column is full (sequence public.lines_no)",
				"public.orders.id (integer) is 93.1 % used: at 2000000000, 147483647 left up to 2147483647, where the column is full (sequence public.orders_id_seq)",
				"sequence public.down is 90.0 % used: at -90, 10 left up to -100, where the sequence ends",
				"sequence public.most is 80.0 % used: at 80, 20 left up to 100, where the sequence ends",
			})
			c.want("uncalled", fmt.Sprint(e.Uncalled), "[public.fresh public.reset]")
			for share, want := range map[float64]int{0: 7, 0.5: 7, 0.81: 5, 1: 2} {
				e, err := c.m.Exhaustion(c.Context(), massive.AtLeast(share))
				c.ok(err)
				c.want(fmt.Sprintf("sequences used up to %v", share), len(e.Above), want)
			}
			for _, share := range []float64{-0.1, 1.1, math.NaN(), 75} {
				_, err := c.m.Exhaustion(c.Context(), massive.AtLeast(share))
				c.fails(err, massive.ErrInvalid, "from 0 to 1")
			}
			_, err = c.m.Exhaustion(c.Context(), massive.AtLeast(1), massive.AtLeast(1))
			c.fails(err, massive.ErrInvalid, "twice")
			_, err = c.m.Exhaustion(c.Context(), massive.ExhaustionOption{})
			c.fails(err, massive.ErrInvalid, "zero ExhaustionOption")
		},
	}, {
		name: "exhaustion/unknown", says: "Exhaustion lists what can't be read as unknown, with the reason, and all else", needs: []Operation{SequenceStates, NextSequenceValues}, each: true, rights: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "s", Max: 4}, {Name: "hidden", Rights: &dialect.SequenceRights{}}, {Name: "used", Max: 4, Rights: &dialect.SequenceRights{Next: true}},
			{Name: "unused", Rights: &dialect.SequenceRights{Next: true}},
		}},
		check: func(c *check) {
			c.values(c.sequence("s"), 4, 1, 2, 3, 4)
			c.values(c.sequence("used"), 3, 1, 2, 3)
			e, err := c.m.Exhaustion(c.Context())
			c.ok(err)
			var names []string
			for _, u := range e.Above {
				names = append(names, u.Sequence.String())
			}
			c.want("listed", names, []string{"public.s", "public.used"})
			c.want("uncalled", fmt.Sprint(e.Uncalled), "[public.unused]")
			names = nil
			for _, u := range e.Unknown {
				c.fails(&massive.Error{Op: "test", Err: u.Err}, massive.ErrPermission)
				names = append(names, u.Sequence.String())
			}
			c.want("unknown", names, []string{"public.hidden"})
			c.want("looked at", e.Looked, 4)
		},
	}, {
		name: "exhaustion/now", says: "Exhaustion looks at the sequences that there are now, not at those that were loaded", needs: []Operation{SequenceStates},
		catalog: Catalog{Sequences: []Sequence{{Name: "old"}}},
		check: func(c *check) {
			c.db.Do(c, Drop{"old"}, Create{Sequences: []Sequence{{Name: "new", Start: 9, Max: 10}}})
			e, err := c.m.Exhaustion(c.Context())
			c.ok(err)
			c.want("uncalled", fmt.Sprint(e.Uncalled), "[public.new]")
		},
	}}
}

func mendRules() []rule {
	return []rule{{
		name: "behind/looked", says: "Lag tells that a sequence is behind its column, and nothing of one that is gone: ErrNotFound",
		needs: []Operation{SequenceLag}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "s", Increment: 3, Feeds: []string{"t.id"}, Holds: []int64{10}}, {Name: "fine", Feeds: []string{"f.id"}}, {Name: "dropped", Feeds: []string{"d.id"}},
		}},
		check: func(c *check) {
			for range 2 { // which moves nothing
				lag, err := c.sequence("s").Lag(c.Context())
				c.ok(err)
				c.want("furthest in its column", lag.Furthest, int64(10))
				c.want("behind", lag.Behind, true)
				c.want("the next value", lag.State.Next, int64(1))
			}
			lag, err := c.sequence("fine").Lag(c.Context())
			c.ok(err)
			c.want("the other is behind", lag.Behind, false)
			c.afresh() // an open transaction would hold the drop off
			c.db.Do(c, Drop{"dropped"})
			_, err = c.sequence("dropped").Lag(c.Context())
			c.fails(err, massive.ErrNotFound, "compare with its column public.dropped")
		},
	}, {
		name: "behind/caught up", says: "CatchUp moves a sequence that is behind its column once, none that is not, and none that is gone: ErrNotFound",
		needs: []Operation{CatchUpSequence}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "s", Increment: 3, Feeds: []string{"t.id"}, Holds: []int64{10}}, {Name: "fine", Feeds: []string{"f.id"}}, {Name: "dropped", Feeds: []string{"d.id"}},
		}},
		check: func(c *check) {
			for _, want := range []bool{true, false} {
				moved, err := didMove(c.sequence("s").CatchUp(c.Context()))
				c.ok(err)
				c.want("moved", moved, want)
			}
			moved, err := didMove(c.sequence("fine").CatchUp(c.Context()))
			c.ok(err)
			c.want("the other was moved", moved, false)
			c.afresh() // an open transaction would hold the drop off
			c.db.Do(c, Drop{"dropped"})
			_, err = c.sequence("dropped").CatchUp(c.Context())
			c.fails(err, massive.ErrNotFound, "catch up public.dropped")
		},
	}, {
		name: "behind/alone", says: "Lag tells that a sequence is behind its column until CatchUp has moved it, and neither does anything with one that is gone: ErrNotFound",
		needs: []Operation{SequenceLag, CatchUpSequence}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Increment: 3, Feeds: []string{"t.id"}, Holds: []int64{10}}, {Name: "dropped", Feeds: []string{"d.id"}}}},
		check: func(c *check) {
			s := c.sequence("s")
			for _, behind := range []bool{true, false} {
				lag, err := s.Lag(c.Context())
				c.ok(err)
				c.want("furthest in its column", lag.Furthest, int64(10))
				c.want("behind", lag.Behind, behind)
				c.want("the next value", lag.State.Next, map[bool]int64{true: 1, false: 13}[behind])
				moved, err := didMove(s.CatchUp(c.Context()))
				c.ok(err)
				c.want("moved", moved, behind)
			}
			c.afresh() // an open transaction would hold the drop off
			c.db.Do(c, Drop{"dropped"})
			_, err := c.sequence("dropped").Lag(c.Context())
			c.fails(err, massive.ErrNotFound, "compare with its column public.dropped")
			c.afresh()
			_, err = c.sequence("dropped").CatchUp(c.Context())
			c.fails(err, massive.ErrNotFound, "catch up public.dropped")
		},
	}, {
		name: "behind/told", says: "a sequence is behind where its column holds its next value or one beyond; CatchUp moves it past that by its own steps, and nowhere if it is not behind",
		needs: []Operation{NextSequenceValue, SequenceLag, CatchUpSequence}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "s", Feeds: []string{"s_t.id"}, Holds: []int64{3, 1000, 7}}, {Name: "odd", Increment: 3, Feeds: []string{"odd_t.id"}, Holds: []int64{10}},
			{Name: "down", Increment: -5, Feeds: []string{"down_t.id"}, Holds: []int64{-31, 8}}, {Name: "empty", Feeds: []string{"empty_t.id"}},
			{Name: "first", Feeds: []string{"first_t.id"}, Holds: []int64{1}}, {Name: "ahead", Start: 50, Feeds: []string{"ahead_t.id"}, Holds: []int64{49}},
			{Name: "hilo", Increment: 100, Feeds: []string{"hilo_t.id"}, ColumnType: "integer", Holds: []int64{77}},
		}},
		check: func(c *check) {
			c.next(c.sequence("hilo"), 1) // and with it a block up to 100
			for name, want := range map[string]struct {
				behind         bool
				furthest, next int64
			}{
				"s": {true, 1000, 1001}, "odd": {true, 10, 13}, "down": {true, -31, -36}, "empty": {false, 0, 1}, "first": {true, 1, 2},
				"ahead": {false, 49, 50}, "hilo": {false, 0, 101},
			} {
				s := c.sequence(name)
				lag, err := s.Lag(c.Context())
				c.ok(err)
				c.want(name+" is behind", lag.Behind, want.behind)
				c.want("furthest in the column of "+name, lag.Furthest, want.furthest)
				c.want("nothing in the column of "+name, lag.Empty, want.furthest == 0)
				c.want("the column of "+name, lag.Column.String(), fmt.Sprintf("public.%s_t.id", name))
				moved, err := didMove(s.CatchUp(c.Context()))
				c.ok(err)
				c.want(name+" was moved", moved, want.behind)
				lag, err = s.Lag(c.Context())
				c.ok(err)
				c.want(name+" is behind then", lag.Behind, false)
				c.want("the next value of "+name, lag.State.Next, want.next)
				moved, err = didMove(s.CatchUp(c.Context()))
				c.ok(err)
				c.want(name+" was moved again", moved, false)
				c.next(s, want.next)
			}
		},
	}, {
		name: "behind/own values", says: "values outside a sequence's bounds don't count, and values between its steps count only if they are asked for",
		needs: []Operation{SequenceLag, CatchUpSequence}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "s", Max: 1000, Feeds: []string{"s_t.id"}, Holds: []int64{4, 1500, -3}},
			{Name: "steps", Start: 2, Increment: 50, Feeds: []string{"steps_t.id"}, Holds: []int64{52, 120}},
			{Name: "down", Increment: -10, Min: -100, Feeds: []string{"down_t.id"}, Holds: []int64{-21, -45, -101}},
		}},
		check: func(c *check) {
			for name, want := range map[string][2]struct{ furthest, next int64 }{
				"s": {{4, 5}, {4, 5}}, "steps": {{52, 102}, {120, 152}}, "down": {{-21, -31}, {-45, -51}},
			} {
				s := c.sequence(name)
				for i, opts := range [][]massive.LagOption{nil, {massive.InBlocks()}} {
					lag, err := s.Lag(c.Context(), opts...)
					c.ok(err)
					c.want("furthest for "+name, lag.Furthest, want[i].furthest)
					moved, err := didMove(s.CatchUp(c.Context(), opts...))
					c.ok(err)
					c.want(name+" was moved", moved, i == 0 || want[i] != want[0])
					lag, err = s.Lag(c.Context(), opts...)
					c.ok(err)
					c.want("the next value of "+name, lag.State.Next, want[i].next)
				}
			}
		},
	}, {
		name: "behind/key", says: "a sequence is compared with the key that it feeds", needs: []Operation{NextSequenceValue, CatchUpSequence}, each: true,
		catalog: Catalog{Sequences: []Sequence{{Name: "s", KeyOf: "t.id", Holds: []int64{5}}}},
		check: func(c *check) {
			c.db.Do(c, Insert{Column: "t.id", Value: 70})
			c.m = c.load(massive.WithKeySequences()).With(c.q)
			moved, err := didMove(c.sequence("s").CatchUp(c.Context()))
			c.ok(err)
			c.want("moved", moved, true)
			c.next(c.sequence("s"), 71)
		},
	}, {
		name: "behind/shared", says: "of all columns that draw on a sequence now the one that is furthest decides, and Lag names it; the column that owns it counts only if it draws on it",
		needs: []Operation{NextSequenceValue, SequenceLag, CatchUpSequence}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "s", KeyOf: "a.id", Feeds: []string{"b.id", "c.no", "gone.id"}, Holds: []int64{1}},
			{Name: "down", Increment: -2, Feeds: []string{"x.id", "y.id"}, Holds: []int64{4}}, {Name: "owned", OwnedBy: "o.id", Feeds: []string{"n.id"}},
		}},
		check: func(c *check) {
			c.db.Do(c, Insert{"gone.id", 7000}, Drop{"gone"}, Insert{"b.id", 2}, Insert{"b.id", 3}, Insert{"y.id", -5}, Insert{"y.id", 9})
			c.m = c.load(massive.WithKeySequences()).With(c.q)
			c.next(c.sequence("s"), 1)
			look := func(name string, want massive.SequenceLag) {
				c.Helper()
				got, err := c.sequence(name).Lag(c.Context())
				c.ok(err)
				got.State = massive.SequenceState{}
				c.want("the lag of "+name, got, want)
			}
			moves := func(name string, want bool, next int64) {
				c.Helper()
				moved, err := didMove(c.sequence(name).CatchUp(c.Context()))
				c.ok(err)
				c.want(name+" was moved", moved, want)
				c.next(c.sequence(name), next)
			}
			of := func(table, column string) massive.ColumnRef {
				return massive.ColumnRef{Table: massive.Name{Schema: "public", Name: table}, Column: column}
			}
			look("s", massive.SequenceLag{Column: of("b", "id"), Furthest: 3, Behind: true})
			moves("s", true, 4)
			c.db.Do(c, Insert{"c.no", 900})
			look("s", massive.SequenceLag{Column: of("c", "no"), Furthest: 900, Behind: true})
			moves("s", true, 901)
			moves("s", false, 902)
			look("down", massive.SequenceLag{Column: of("y", "id"), Furthest: -5, Behind: true})
			moves("down", true, -7)
			look("owned", massive.SequenceLag{Column: of("n", "id"), Empty: true})
			c.db.Do(c, Insert{"o.id", 5})
			look("owned", massive.SequenceLag{Column: of("n", "id"), Empty: true})
			c.db.Do(c, Insert{"n.id", 5})
			look("owned", massive.SequenceLag{Column: of("n", "id"), Furthest: 5, Behind: true})
			moves("owned", true, 6)
		},
	}, {
		name: "behind/refused", says: "a sequence that no column draws on, or that cycles, is never behind: asking is ErrInvalid; where nothing is left behind the column's values CatchUp is ErrOutOfRange",
		needs: []Operation{SequenceState, NextSequenceValue, SequenceLag, CatchUpSequence}, each: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "alone"}, {Name: "mine", OwnedBy: "m.id", Holds: []int64{7}}, {Name: "round", Cycle: true, Feeds: []string{"r.id"}}, {Name: "full", Max: 10, Increment: 3, Feeds: []string{"f.id"}, Holds: []int64{10}},
			{Name: "beyond", Feeds: []string{"b.id"}, Holds: []int64{math.MaxInt64}},
			{Name: "column", Feeds: []string{"c.id"}, ColumnType: "integer", Holds: []int64{math.MaxInt32}},
			{Name: "down", Increment: -2, Feeds: []string{"d.id"}, ColumnType: "smallint", Holds: []int64{math.MinInt16 + 1}}, {Name: "ended", Max: 2, Increment: 5, Feeds: []string{"e.id"}, Holds: []int64{5}},
		}},
		check: func(c *check) {
			for name, says := range map[string]string{"alone": "no column draws", "mine": "no column draws", "round": "cycles"} {
				_, err := c.sequence(name).Lag(c.Context())
				c.fails(err, massive.ErrInvalid, says, "compare with its column public."+name)
				_, err = c.sequence(name).CatchUp(c.Context())
				c.fails(err, massive.ErrInvalid, says, "catch up public."+name)
			}
			for name, start := range map[string]int64{"full": 1, "beyond": 1, "column": 1, "down": -1} {
				c.afresh()
				lag, err := c.sequence(name).Lag(c.Context())
				c.ok(err)
				c.want(name+" is behind", lag.Behind, true)
				_, err = c.sequence(name).CatchUp(c.Context())
				c.fails(err, massive.ErrOutOfRange, "catch up public."+name)
				c.afresh()
				c.state(c.sequence(name), start, false)
			}
			c.next(c.sequence("ended"), 1)
			lag, err := c.sequence("ended").Lag(c.Context())
			c.ok(err)
			c.want("behind, with no value left", lag.Behind, false)
			c.want("ended", lag.State.Exhausted, true)
		},
	}, {
		name: "behind/transaction", says: "a catch-up is undone with its transaction, holds off next values until then, and waits for transactions that took one; one that moves nothing does neither",
		needs: []Operation{NextSequenceValue, SequenceLag, CatchUpSequence, SetSequenceValue}, catalog: Catalog{Sequences: []Sequence{{Name: "s", Feeds: []string{"t.id"}, Holds: []int64{100}}, {Name: "fine", Feeds: []string{"f.id"}}}},
		check: func(c *check) {
			next := func(name string) func(ctx context.Context) error {
				return func(ctx context.Context) error { _, err := c.sequence(name).NextValue(ctx); return err }
			}
			catchUp := func(ctx context.Context) error { _, err := c.sequence("s").CatchUp(ctx); return err }
			tx, inside := c.other(nil)
			for name, want := range map[string]bool{"s": true, "fine": false} {
				moved, err := didMove(sequenceOf(c, inside, name).CatchUp(c.Context()))
				c.ok(err)
				c.want("moved, of "+name, moved, want)
			}
			c.next(sequenceOf(c, inside, "s"), 101)
			c.blocks("a next value beside an open catch-up", next("s"))
			c.blocks("a set beside it", func(ctx context.Context) error { return c.sequence("s").SetValue(ctx, 1, true) })
			c.passes("looking", func(ctx context.Context) error { _, err := c.sequence("s").Lag(ctx); return err })
			c.passes("a next value of a sequence that was not behind", next("fine"))
			c.ok(tx.Rollback())
			lag, err := c.sequence("s").Lag(c.Context())
			c.ok(err)
			c.want("behind, since that was rolled back", lag.Behind, true)

			tx, inside = c.other(nil)
			_, err = sequenceOf(c, inside, "s").NextValue(c.Context())
			c.ok(err)
			c.blocks("a catch-up beside an open transaction that took a value", catchUp)
			c.ok(tx.Commit())
			c.passes("a catch-up behind it", catchUp)
			c.next(c.sequence("s"), 101)
		},
	}, {
		name: "behind/rights", says: "to catch up needs ownership only where the sequence has to be moved, and SELECT on it", needs: []Operation{SequenceLag, CatchUpSequence}, each: true, rights: true,
		catalog: Catalog{Sequences: []Sequence{
			{Name: "hidden", Feeds: []string{"h.id"}, Rights: &dialect.SequenceRights{Restart: true, Next: true}},
			{Name: "theirs", KeyOf: "t.id", Holds: []int64{9}, Rights: &dialect.SequenceRights{Read: true, Next: true}},
			{Name: "fine", KeyOf: "f.id", Rights: &dialect.SequenceRights{Read: true, Next: true}},
		}},
		check: func(c *check) {
			c.m = c.load(massive.WithKeySequences()).With(c.q)
			_, err := c.sequence("hidden").Lag(c.Context())
			c.fails(err, massive.ErrPermission, "public.hidden")
			c.afresh()
			_, err = c.sequence("hidden").CatchUp(c.Context())
			c.fails(err, massive.ErrPermission, "public.hidden")
			c.afresh()
			lag, err := c.sequence("theirs").Lag(c.Context())
			c.ok(err)
			c.want("behind", lag.Behind, true)
			_, err = c.sequence("theirs").CatchUp(c.Context())
			c.fails(err, massive.ErrPermission, "public.theirs")
			c.afresh()
			moved, err := didMove(c.sequence("fine").CatchUp(c.Context()))
			c.ok(err)
			c.want("moved", moved, false)
		},
	}}
}

func allocatorRules() []rule {
	return []rule{{
		name: "allocator/values", says: "an allocator hands out the sequence's values in order, and no value twice, whoever takes others beside it", needs: []Operation{NextSequenceValue, NextSequenceValues, NextSequenceBlock},
		catalog: Catalog{Sequences: []Sequence{
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
							c.Errorf("%s\n\tvalue %d came twice, or failed: %v", c.rule.says, v, err)
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
				c.want("different values", len(seen), 7*150)
				for _, a := range allocators {
					a.Close()
				}

				// On a sequence of its own: a fetch that Close cancelled may reach the server later than that.
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
	}, {
		name: "allocator/end", says: "an allocator hands out whole blocks, and by HiLo what is left to the bound, then gives ErrExhausted, until the sequence has values again", needs: []Operation{RestartSequence, NextSequenceValues, NextSequenceBlock},
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Max: 23}, {Name: "hilo", Increment: 10, Max: 23}}},
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
				c.want("the value behind a reset of "+name, v, int64(1))
			}
		},
	}, {
		name: "allocator/refused", says: "an allocator is refused for a sequence that cycles, on a transaction, by HiLo with an increment that is no block's length, and with options that make no sense", needs: []Operation{SequenceState},
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Increment: 5}, {Name: "single"}, {Name: "round", Cycle: true, Increment: 5}}},
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
				"of 1000000000":    func() (*massive.Allocator, error) { return massive.NewAllocator(s, massive.BlockSize(1_000_000_000)) },
				"timeout of":       func() (*massive.Allocator, error) { return massive.NewAllocator(s, massive.RefillTimeout(-1)) },
				"sequence is nil":  func() (*massive.Allocator, error) { return massive.NewAllocator(nil) },
				"database is nil;": func() (*massive.Allocator, error) { return massive.NewAllocator(sequenceOf(c, c.m.With(nil), "s")) },
			} {
				_, err := refused()
				c.fails(err, massive.ErrInvalid, "allocate from", says)
			}
			c.state(s, 1, false)
		},
	}, {
		name: "allocator/increment", says: "HiLo refuses a sequence that has another increment than it expects, as loaded and at each fetch, with ErrDrift", needs: []Operation{NextSequenceBlock},
		catalog: Catalog{Sequences: []Sequence{{Name: "s", Increment: 50}, {Name: "down", Increment: -50}}},
		check: func(c *check) {
			for name, other := range map[string]int64{"s": -50, "down": 50} {
				for _, expected := range []int64{other, 49, 51} {
					_, err := massive.NewAllocator(c.sequence(name), massive.HiLo(expected))
					c.fails(err, massive.ErrDrift, "allocate from public."+name, fmt.Sprintf("expects an increment of %d, and the sequence has %d", expected, -other))
				}
			}
			for _, increment := range []int64{1, 49, 51, -50} {
				s := c.sequence("s") // as it was loaded
				a, err := massive.NewAllocator(s, massive.HiLo(50))
				c.ok(err)
				defer a.Close()
				again := func(increment int64) {
					c.db.Do(c, Drop{"s"}, Create{Sequences: []Sequence{{Name: "s", Increment: increment}}})
				}
				says := fmt.Sprintf("expects an increment of 50, and the sequence has %d", increment)
				again(increment)
				for range 2 {
					_, err = a.Next(c.Context())
					c.fails(err, massive.ErrDrift, "next block of public.s", says, "INCREMENT BY 50")
				}
				again(50)
				for want := range int64(3) { // too few for a fetch ahead, which would meet the next sequence
					v, err := a.Next(c.Context())
					c.ok(err)
					c.want("the next value", v, want+1)
				}
			}
		},
	}, {
		name: "allocator/waiting", says: "whoever waits for an allocator's values waits as long as his own context lets him; closing ends the wait", needs: []Operation{RestartSequence, NextSequenceValues},
		catalog: Catalog{Sequences: []Sequence{{Name: "s"}}},
		check: func(c *check) {
			tx, inside := c.other(nil)
			c.ok(sequenceOf(c, inside, "s").Reset(c.Context()))
			a, err := massive.NewAllocator(c.sequence("s"), massive.BlockSize(8))
			c.ok(err)
			for range 5 { // a fetch goes on when nobody waits for it: one that is only slow comes back meanwhile
				c.blocks("a value beside an open reset", func(ctx context.Context) error { _, err := a.Next(ctx); return err })
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
			c.passes("a value behind it", func(ctx context.Context) error { _, err := b.Next(ctx); return err })
		},
	}}
}

// didMove is what a catch-up did, in short.
func didMove(done massive.CaughtUp, err error) (bool, error) { return done.Moved, err }
