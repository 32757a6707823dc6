package conformance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

func catchUpRules() []rule {
	return []rule{
		behindLag(),
		behindCatchUp(),
		behindUntilMoved(),
		behindMoved(),
		behindOwnValues(),
		behindKey(),
		behindShared(),
		behindRefused(),
		behindTransaction(),
		behindRights(),
		behindAll(),
		behindAllBusy(),
	}
}

func behindLag() rule {
	return rule{
		name: "behind/lag",
		says: "Lag reports whether a sequence is behind its column, and does not move " +
			"it. If the sequence no longer exists, it returns ErrNotFound",
		needs: []Operation{SequenceLags}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "s", Increment: 3, Feeds: []string{"t.id"}, Holds: []int64{10}}, {Name: "fine", Feeds: []string{"f.id"}}, {Name: "dropped", Feeds: []string{"d.id"}},
		}},
		check: func(c *check) {
			for range 2 { // Lag does not move the sequence
				lag, err := c.sequence("s").Lag(c.Context())
				c.ok(err)
				c.want("the furthest value in the column", lag.Furthest, int64(10))
				c.want("the sequence is behind", lag.Behind, true)
				c.want("the next value", lag.State.Next, int64(1))
			}
			lag, err := c.sequence("fine").Lag(c.Context())
			c.ok(err)
			c.want("the sequence without values in its column is behind", lag.Behind, false)
			c.freshTx() // an open transaction would block the drop
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			_, err = c.sequence("dropped").Lag(c.Context())
			c.fails(err, massive.ErrNotFound, "read the lag of public.dropped")
		},
	}
}

func behindCatchUp() rule {
	return rule{
		name: "behind/catch up",
		says: "CatchUp moves a sequence that is behind its column, and leaves any other " +
			"where it is. If the sequence no longer exists, it returns ErrNotFound",
		needs: []Operation{CatchUpSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "s", Increment: 3, Feeds: []string{"t.id"}, Holds: []int64{10}}, {Name: "fine", Feeds: []string{"f.id"}}, {Name: "dropped", Feeds: []string{"d.id"}},
		}},
		check: func(c *check) {
			for _, want := range []bool{true, false} {
				moved, err := didMove(c.sequence("s").CatchUp(c.Context()))
				c.ok(err)
				c.want("the sequence was moved", moved, want)
			}
			moved, err := didMove(c.sequence("fine").CatchUp(c.Context()))
			c.ok(err)
			c.want("the sequence that is not behind was moved", moved, false)
			c.freshTx() // an open transaction would block the drop
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			_, err = c.sequence("dropped").CatchUp(c.Context())
			c.fails(err, massive.ErrNotFound, "catch up public.dropped")
		},
	}
}

func behindUntilMoved() rule {
	return rule{
		name: "behind/until moved",
		says: "Lag reports a sequence as behind its column until CatchUp moves it. If " +
			"the sequence no longer exists, both return ErrNotFound",
		needs: []Operation{SequenceLags, CatchUpSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Increment: 3, Feeds: []string{"t.id"}, Holds: []int64{10}}, {Name: "dropped", Feeds: []string{"d.id"}}}},
		check: func(c *check) {
			s := c.sequence("s")
			for _, behind := range []bool{true, false} {
				lag, err := s.Lag(c.Context())
				c.ok(err)
				c.want("the furthest value in the column", lag.Furthest, int64(10))
				c.want("the sequence is behind", lag.Behind, behind)
				c.want("the next value", lag.State.Next, map[bool]int64{true: 1, false: 13}[behind])
				moved, err := didMove(s.CatchUp(c.Context()))
				c.ok(err)
				c.want("the sequence was moved", moved, behind)
			}
			c.freshTx() // an open transaction would block the drop
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			_, err := c.sequence("dropped").Lag(c.Context())
			c.fails(err, massive.ErrNotFound, "read the lag of public.dropped")
			c.freshTx()
			_, err = c.sequence("dropped").CatchUp(c.Context())
			c.fails(err, massive.ErrNotFound, "catch up public.dropped")
		},
	}
}

func behindMoved() rule {
	return rule{
		name: "behind/moved",
		says: "A sequence is behind if its column holds its next value or a value beyond " +
			"it. CatchUp moves such a sequence past the column's values by whole " +
			"increments. It does not move other sequences",
		needs: []Operation{NextSequenceValue, SequenceLags, CatchUpSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "s", Feeds: []string{"s_t.id"}, Holds: []int64{3, 1000, 7}}, {Name: "odd", Increment: 3, Feeds: []string{"odd_t.id"}, Holds: []int64{10}},
			{Name: "down", Increment: -5, Feeds: []string{"down_t.id"}, Holds: []int64{-31, 8}}, {Name: "empty", Feeds: []string{"empty_t.id"}},
			{Name: "first", Feeds: []string{"first_t.id"}, Holds: []int64{1}}, {Name: "ahead", Start: 50, Feeds: []string{"ahead_t.id"}, Holds: []int64{49}},
			{Name: "hilo", Increment: 100, Feeds: []string{"hilo_t.id"}, ColumnType: "integer", Holds: []int64{77}},
		}},
		check: func(c *check) {
			c.next(c.sequence("hilo"), 1) // HiLo: this reserves the block up to 100
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
				c.want("the furthest value in the column of "+name, lag.Furthest, want.furthest)
				c.want("no value in the column of "+name, lag.Empty, want.furthest == 0)
				c.want("the column of "+name, lag.Column.String(), fmt.Sprintf("public.%s_t.id", name))
				moved, err := didMove(s.CatchUp(c.Context()))
				c.ok(err)
				c.want(name+" was moved", moved, want.behind)
				lag, err = s.Lag(c.Context())
				c.ok(err)
				c.want(name+" is behind after CatchUp", lag.Behind, false)
				c.want("the next value of "+name, lag.State.Next, want.next)
				moved, err = didMove(s.CatchUp(c.Context()))
				c.ok(err)
				c.want(name+" was moved again", moved, false)
				c.next(s, want.next)
			}
		},
	}
}

func behindOwnValues() rule {
	return rule{
		name: "behind/own values",
		says: "Lag and CatchUp ignore column values outside the sequence's bounds. " +
			"Values between two increments count only with InBlocks",
		needs: []Operation{SequenceLags, CatchUpSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "s", Max: 1000, Feeds: []string{"s_t.id"}, Holds: []int64{4, 1500, -3}},
			{Name: "steps", Start: 2, Increment: 50, Feeds: []string{"steps_t.id"}, Holds: []int64{52, 120}},
			{Name: "down", Increment: -10, Min: -100, Feeds: []string{"down_t.id"}, Holds: []int64{-21, -45, -101}},
		}},
		check: func(c *check) {
			for name, want := range map[string][2]struct{ furthest, next int64 }{
				"s": {{4, 5}, {4, 5}}, "steps": {{52, 102}, {120, 152}}, "down": {{-21, -31}, {-45, -51}},
			} {
				s := c.sequence(name)
				for i, opts := range [][]registry.LagOption{nil, {massive.InBlocks()}} {
					lag, err := s.Lag(c.Context(), opts...)
					c.ok(err)
					c.want("the furthest value for "+name, lag.Furthest, want[i].furthest)
					moved, err := didMove(s.CatchUp(c.Context(), opts...))
					c.ok(err)
					c.want(name+" was moved", moved, i == 0 || want[i] != want[0])
					lag, err = s.Lag(c.Context(), opts...)
					c.ok(err)
					c.want("the next value of "+name, lag.State.Next, want[i].next)
				}
			}
		},
	}
}

func behindKey() rule {
	return rule{
		name:  "behind/key",
		says:  "CatchUp compares a sequence with the primary key that it feeds",
		needs: []Operation{NextSequenceValue, CatchUpSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "t.id", Holds: []int64{5}}}},
		check: func(c *check) {
			c.db.Do(c, sqltest.Insert{Column: "t.id", Value: 70})
			c.m = c.load(massive.WithKeySequences()).With(c.q)
			moved, err := didMove(c.sequence("s").CatchUp(c.Context()))
			c.ok(err)
			c.want("the sequence was moved", moved, true)
			c.next(c.sequence("s"), 71)
		},
	}
}

func behindShared() rule {
	return rule{
		name: "behind/shared",
		says: "If several columns draw on a sequence, the furthest value counts, and Lag " +
			"names its column. The owning column counts only if it draws on the sequence",
		needs: []Operation{NextSequenceValue, SequenceLags, CatchUpSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "s", KeyOf: "a.id", Feeds: []string{"b.id", "c.no", "gone.id"}, Holds: []int64{1}},
			{Name: "down", Increment: -2, Feeds: []string{"x.id", "y.id"}, Holds: []int64{4}}, {Name: "owned", OwnedBy: "o.id", Feeds: []string{"n.id"}},
		}},
		check: func(c *check) {
			c.db.Do(c, sqltest.Insert{Column: "gone.id", Value: 7000}, sqltest.Drop{Name: "gone"}, sqltest.Insert{Column: "b.id", Value: 2}, sqltest.Insert{Column: "b.id", Value: 3}, sqltest.Insert{Column: "y.id", Value: -5}, sqltest.Insert{Column: "y.id", Value: 9})
			c.m = c.load(massive.WithKeySequences()).With(c.q)
			c.next(c.sequence("s"), 1)
			lag := func(name string, want registry.SequenceLag) {
				c.Helper()
				got, err := c.sequence(name).Lag(c.Context())
				c.ok(err)
				got.State = registry.SequenceState{}
				c.want("the lag of "+name, got, want)
			}
			moves := func(name string, want bool, next int64) {
				c.Helper()
				moved, err := didMove(c.sequence(name).CatchUp(c.Context()))
				c.ok(err)
				c.want(name+" was moved", moved, want)
				c.next(c.sequence(name), next)
			}
			of := func(table, column string) dialect.ColumnRef {
				return dialect.ColumnRef{Table: massive.Name{Schema: "public", Name: table}, Column: column}
			}
			lag("s", registry.SequenceLag{Column: of("b", "id"), Furthest: 3, Behind: true})
			moves("s", true, 4)
			c.db.Do(c, sqltest.Insert{Column: "c.no", Value: 900})
			if _, ok := c.q.(*sql.Tx); ok && c.harness.SnapshotIsolation {
				lag("s", registry.SequenceLag{Column: of("b", "id"), Furthest: 3})
			}
			c.newSnapshot()
			lag("s", registry.SequenceLag{Column: of("c", "no"), Furthest: 900, Behind: true})
			moves("s", true, 901)
			moves("s", false, 902)
			lag("down", registry.SequenceLag{Column: of("y", "id"), Furthest: -5, Behind: true})
			moves("down", true, -7)
			lag("owned", registry.SequenceLag{Column: of("n", "id"), Empty: true})
			if !c.harness.NoOwners {
				c.db.Do(c, sqltest.Insert{Column: "o.id", Value: 5})
				c.newSnapshot()
				lag("owned", registry.SequenceLag{Column: of("n", "id"), Empty: true})
			}
			c.db.Do(c, sqltest.Insert{Column: "n.id", Value: 5})
			c.newSnapshot()
			lag("owned", registry.SequenceLag{Column: of("n", "id"), Furthest: 5, Behind: true})
			moves("owned", true, 6)
		},
	}
}

func behindRefused() rule {
	return rule{
		name: "behind/refused",
		says: "Lag and CatchUp return ErrInvalid for a sequence that cycles or that no " +
			"column draws on. If no value is left after those in the column, CatchUp " +
			"returns ErrOutOfRange",
		needs: []Operation{SequenceState, NextSequenceValue, SequenceLags, CatchUpSequence}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "alone"}, {Name: "mine", OwnedBy: "m.id", Holds: []int64{7}}, {Name: "round", Cycle: true, Feeds: []string{"r.id"}}, {Name: "full", Max: 10, Increment: 3, Feeds: []string{"f.id"}, Holds: []int64{10}},
			{Name: "beyond", Feeds: []string{"b.id"}, Holds: []int64{math.MaxInt64}},
			{Name: "column", Feeds: []string{"c.id"}, ColumnType: "integer", Holds: []int64{math.MaxInt32}},
			{Name: "down", Increment: -2, Feeds: []string{"d.id"}, ColumnType: "smallint", Holds: []int64{math.MinInt16 + 1}}, {Name: "ended", Max: 2, Increment: 5, Feeds: []string{"e.id"}, Holds: []int64{5}},
		}},
		check: func(c *check) {
			for name, says := range map[string]string{"alone": "no column draws", "mine": "no column draws", "round": "cycles"} {
				_, err := c.sequence(name).Lag(c.Context())
				c.fails(err, massive.ErrInvalid, says, "read the lag of public."+name)
				_, err = c.sequence(name).CatchUp(c.Context())
				c.fails(err, massive.ErrInvalid, says, "catch up public."+name)
			}
			for name, start := range map[string]int64{"full": 1, "beyond": 1, "column": 1, "down": -1} {
				c.freshTx()
				lag, err := c.sequence(name).Lag(c.Context())
				c.ok(err)
				c.want(name+" is behind", lag.Behind, true)
				_, err = c.sequence(name).CatchUp(c.Context())
				c.fails(err, massive.ErrOutOfRange, "catch up public."+name)
				c.freshTx()
				c.state(c.sequence(name), start, false)
			}
			c.next(c.sequence("ended"), 1)
			lag, err := c.sequence("ended").Lag(c.Context())
			c.ok(err)
			c.want("the exhausted sequence is behind", lag.Behind, false)
			c.want("the sequence is exhausted", lag.State.Exhausted, true)
		},
	}
}

func behindTransaction() rule {
	return rule{
		name: "behind/transaction",
		says: "A rollback undoes CatchUp. Until its transaction ends, CatchUp blocks " +
			"NextValue in other sessions, and it waits for transactions that took a " +
			"value. If it moves nothing, it does neither",
		needs: []Operation{NextSequenceValue, SequenceLags, CatchUpSequence, SetSequenceValue}, catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s", Feeds: []string{"t.id"}, Holds: []int64{100}}, {Name: "fine", Feeds: []string{"f.id"}}}},
		check: func(c *check) {
			next := func(name string) func(ctx context.Context) error {
				return func(ctx context.Context) error { _, err := c.sequence(name).NextValue(ctx); return err }
			}
			catchUp := func(ctx context.Context) error { _, err := c.sequence("s").CatchUp(ctx); return err }
			tx, inside := c.other(nil)
			for name, want := range map[string]bool{"s": true, "fine": false} {
				moved, err := didMove(sequenceOf(c, inside, name).CatchUp(c.Context()))
				c.ok(err)
				c.want(name+" was moved", moved, want)
			}
			c.next(sequenceOf(c, inside, "s"), 101)
			if c.harness.CatchUps == MovesFree {
				c.passes("NextValue during an open CatchUp", next("s"))
			} else {
				c.blocks("NextValue during an open CatchUp", next("s"))
				c.blocks("SetValue during an open CatchUp", func(ctx context.Context) error { return c.sequence("s").SetValue(ctx, 1, true) })
			}
			c.passes("Lag during an open CatchUp", func(ctx context.Context) error { _, err := c.sequence("s").Lag(ctx); return err })
			c.passes("NextValue of the sequence that CatchUp did not move", next("fine"))
			c.ok(tx.Rollback())
			lag, err := c.sequence("s").Lag(c.Context())
			c.ok(err)
			c.want("the sequence is behind after the rollback", lag.Behind, c.harness.CatchUps == MovesUndone)
			if c.harness.CatchUps != MovesUndone { // the sequence is no longer behind, so the rest can't be checked
				return
			}

			tx, inside = c.other(nil)
			_, err = sequenceOf(c, inside, "s").NextValue(c.Context())
			c.ok(err)
			c.blocks("CatchUp while a transaction that took a value is open", catchUp)
			c.ok(tx.Commit())
			c.passes("CatchUp after the commit", catchUp)
			c.next(c.sequence("s"), 101)
		},
	}
}

func behindRights() rule {
	return rule{
		name: "behind/rights",
		says: "CatchUp needs SELECT on the sequence. It needs ownership only if it has " +
			"to move the sequence",
		needs: []Operation{SequenceLags, CatchUpSequence}, each: true, rights: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "hidden", Feeds: []string{"h.id"}, Rights: &dialect.SequenceRights{Restart: true, Next: true}},
			{Name: "theirs", KeyOf: "t.id", Holds: []int64{9}, Rights: &dialect.SequenceRights{Read: true, Next: true}},
			{Name: "fine", KeyOf: "f.id", Rights: &dialect.SequenceRights{Read: true, Next: true}},
		}},
		check: func(c *check) {
			c.m = c.load(massive.WithKeySequences()).With(c.q)
			_, err := c.sequence("hidden").Lag(c.Context())
			c.fails(err, massive.ErrPermission, "public.hidden")
			c.freshTx()
			_, err = c.sequence("hidden").CatchUp(c.Context())
			c.fails(err, massive.ErrPermission, "public.hidden")
			c.freshTx()
			lag, err := c.sequence("theirs").Lag(c.Context())
			c.ok(err)
			c.want("the sequence is behind", lag.Behind, true)
			_, err = c.sequence("theirs").CatchUp(c.Context())
			c.fails(err, massive.ErrPermission, "public.theirs")
			c.freshTx()
			moved, err := didMove(c.sequence("fine").CatchUp(c.Context()))
			c.ok(err)
			c.want("the sequence was moved", moved, false)
		},
	}
}

func behindAll() rule {
	return rule{
		name: "behind/all",
		says: "DB.Lag and DB.CatchUp compare all sequences, including sequences of " +
			"primary keys. They list each sequence that they can't compare or move, and " +
			"still compare and move the others",
		needs: []Operation{NextSequenceValue, SequenceLags, CatchUpSequence, SetSavepoint}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "a", KeyOf: "a_t.id", Holds: []int64{5, 70}}, {Name: "b", Increment: 3, Feeds: []string{"b_t.id"}, Holds: []int64{10}},
			{Name: "dropped", Feeds: []string{"d_t.id"}, Holds: []int64{9}}, {Name: "full", Max: 10, Feeds: []string{"f_t.id"}, Holds: []int64{10}},
			{Name: "round", Cycle: true, Feeds: []string{"r_t.id"}}, {Name: "level", Start: 50, Feeds: []string{"l_t.id"}, Holds: []int64{49}},
			{Name: "last", Increment: -2, Feeds: []string{"z_t.id"}, Holds: []int64{-5}}, {Name: "alone"},
		}},
		check: func(c *check) {
			c.freshTx() // an open transaction would block the drop
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			lags, err := c.m.Lag(c.Context())
			c.ok(err)
			c.want("the lags", lagsOf(c, lags), []string{
				"behind: public.a at 70 to 71", "behind: public.b at 10 to 13", "behind: public.full at 10 to 0", "behind: public.last at -5 to -7",
				"level: public.level at 49 to 0", "untied: public.alone", "untied: public.round", "unknown: public.dropped: not found",
			})
			lags, err = c.m.CatchUp(c.Context())
			c.ok(err)
			c.want("the lags before CatchUp", lagsOf(c, lags), []string{
				"behind: public.a at 70 to 71", "behind: public.b at 10 to 13", "behind: public.last at -5 to -7",
				"level: public.level at 49 to 0", "untied: public.alone", "untied: public.round",
				"unknown: public.dropped: not found", "unknown: public.full: out of range",
			})
			all := c.load(massive.WithKeySequences()).With(c.q)
			for name, want := range map[string]int64{"a": 71, "b": 13, "last": -7, "level": 50, "full": 1, "alone": 1} {
				c.next(sequenceOf(c, all, name), want)
			}
			_, err = c.m.Lag(c.Context(), registry.LagOption{})
			c.fails(err, massive.ErrInvalid, "zero LagOption")
		},
	}
}

func behindAllBusy() rule {
	return rule{
		name: "behind/all busy",
		says: "If a transaction has taken a value of a sequence, DB.CatchUp first moves " +
			"the others, and their values can be taken while it waits",
		needs: []Operation{NextSequenceValue, SequenceLags, CatchUpSequence},
		unless: func(h Harness) string {
			return iff(h.CatchUps != MovesUndone, "Harness.CatchUps says that CatchUp does not wait")
		},
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "a", Feeds: []string{"a_t.id"}, Holds: []int64{7}}, {Name: "b", Feeds: []string{"b_t.id"}, Holds: []int64{100}}, {Name: "c", Feeds: []string{"c_t.id"}, Holds: []int64{30}}}},
		check: func(c *check) {
			tx, inside := c.other(nil)
			c.next(sequenceOf(c, inside, "b"), 1)
			var lags registry.Lags
			done := make(chan error, 1)
			ctx := c.Context()
			go func() {
				var err error
				lags, err = c.m.CatchUp(ctx)
				done <- err
			}()
			for _, name := range []string{"a", "c"} {
				for behind := true; behind; {
					lag, err := c.sequence(name).Lag(ctx)
					c.ok(err) // also ends the test if CatchUp does not move the sequence
					behind = lag.Behind
				}
			}
			c.next(c.sequence("a"), 8)
			c.next(c.sequence("c"), 31)
			select {
			case err := <-done:
				c.Fatalf("%s\n\tCatchUp did not wait: %v", c.rule.says, err)
			default:
			}
			c.ok(tx.Commit())
			c.ok(<-done)
			c.want("the lags", lagsOf(c, lags), []string{"behind: public.a at 7 to 8", "behind: public.b at 100 to 101", "behind: public.c at 30 to 31"})
			c.next(c.sequence("b"), 101)
		},
	}
}

// lagsOf returns the lists of a result as texts.
func lagsOf(c *check, l registry.Lags) (all []string) {
	c.Helper()
	for i, list := range [][]registry.NamedLag{l.Behind, l.Level} {
		for _, n := range list {
			all = append(all, fmt.Sprintf("%s: %s at %d to %d", []string{"behind", "level"}[i], n.Sequence, n.Lag.Furthest, n.To))
			c.want(n.Sequence.String()+" is behind", n.Lag.Behind, i == 0)
		}
	}
	for _, u := range l.Untied {
		all = append(all, "untied: "+u.Sequence.String())
		c.fails(&massive.Error{Op: "test", Err: u.Err}, massive.ErrInvalid)
	}
	for _, u := range l.Unknown {
		text := "unknown: " + u.Sequence.String()
		for _, is := range []error{massive.ErrNotFound, massive.ErrPermission, massive.ErrOutOfRange, massive.ErrBusy} {
			if errors.Is(u.Err, is) {
				text += ": " + is.Error()
			}
		}
		all = append(all, text)
	}
	return all
}

// didMove reduces the result of CatchUp to whether the sequence was moved.
func didMove(done registry.CaughtUp, err error) (bool, error) { return done.Moved, err }
