package conformance

import (
	"fmt"
	"math"
	"slices"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func exhaustionRules() []rule {
	return []rule{
		exhaustionListed(),
		exhaustionUnknown(),
		exhaustionNow(),
	}
}

func exhaustionListed() rule {
	return rule{
		name: "exhaustion/listed",
		says: "Exhaustion lists each sequence that has used up the share, the fullest " +
			"first, including sequences of primary keys. A column that a sequence feeds " +
			"limits the sequence to the column's type",
		needs: []Operation{SequenceStates, SetSequenceValue}, each: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
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
			c.ok(sequenceOf(c, all, "reset").SetValue(c.Context(), 991, false)) // after which PostgreSQL does not report its value
			e, err := c.m.Exhaustion(c.Context())
			c.ok(err)
			// The sequence, its column, the used percentage, the number of values left,
			// and the limit.
			want := []string{
				"public.over public.o.id 100.0 0 32767", "public.round none 100.0 0 10",
				"public.lines_no public.lines.no 97.6 767 32767", "public.orders_id_seq public.orders.id 93.1 147483647 2147483647",
				"public.down none 90.0 10 -100", "public.most none 80.0 20 100",
			}
			uncalled, counts := "[public.fresh public.reset]", map[float64]int{0: 7, 0.5: 7, 0.81: 5, 1: 2}
			if c.harness.NextOnly { // the next value of the others is known
				want = slices.Insert(want, 2, "public.reset none 99.0 10 1000")
				uncalled, counts = "[]", map[float64]int{0: 9, 0.5: 8, 0.81: 6, 1: 2}
			}
			var got []string
			for _, u := range e.Above {
				var column dialect.ColumnRef
				if u.Column != nil {
					column = *u.Column
				}
				percent := math.Floor(1000*u.State.Used+1e-9) / 10
				got = append(got, fmt.Sprintf("%s %s %.1f %d %d", u.Sequence, column, percent, u.State.Remaining, u.Limit))
			}
			c.want("the sequences above the share", got, want)
			c.want("the number of sequences, the number of unknown ones, and the share", fmt.Sprint(e.Looked, len(e.Unknown), e.Share), "9 0 0.75")
			c.want("the uncalled sequences", fmt.Sprint(e.Uncalled), uncalled)
			for share, want := range counts {
				e, err := c.m.Exhaustion(c.Context(), massive.AtLeast(share))
				c.ok(err)
				c.want(fmt.Sprintf("the number of sequences above AtLeast(%v)", share), len(e.Above), want)
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
	}
}

func exhaustionUnknown() rule {
	return rule{
		name: "exhaustion/unknown",
		says: "Exhaustion lists a sequence that it can't read as unknown, with the " +
			"reason, and still lists the others",
		needs: []Operation{SequenceStates, NextSequenceValues}, each: true, rights: true,
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
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
			c.want("the sequences above the share", names, []string{"public.s", "public.used"})
			c.want("the uncalled sequences", fmt.Sprint(e.Uncalled), "[public.unused]")
			names = nil
			for _, u := range e.Unknown {
				c.fails(&massive.Error{Op: "test", Err: u.Err}, massive.ErrPermission)
				names = append(names, u.Sequence.String())
			}
			c.want("the unknown sequences", names, []string{"public.hidden"})
			c.want("the number of sequences", e.Looked, 4)
		},
	}
}

func exhaustionNow() rule {
	return rule{
		name:    "exhaustion/now",
		says:    "Exhaustion reads the sequences that exist now, not the loaded ones",
		needs:   []Operation{SequenceStates},
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "old"}}},
		check: func(c *check) {
			c.db.Do(c, sqltest.Drop{Name: "old"}, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "new", Start: 9, Max: 10}}})
			e, err := c.m.Exhaustion(c.Context(), massive.AtLeast(0))
			c.ok(err)
			names := e.Uncalled
			for _, u := range e.Above {
				names = append(names, u.Sequence)
			}
			c.want("the sequences", fmt.Sprint(names), "[public.new]")
		},
	}
}
