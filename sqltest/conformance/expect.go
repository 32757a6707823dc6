package conformance

import (
	"errors"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A day is a row of the view days.
type day struct {
	N    int64
	Name string
}

var (
	days         = sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "days", Rows: []day{{1, "monday"}}}}}
	daysAndMoods = sqltest.Catalog{Enums: moods.Enums, Matviews: days.Matviews}
)

func expectRules() []rule {
	return []rule{
		expectEnum(),
		expectInvalid(),
		expectTogether(),
		expectRows(),
		expectOwnChange(),
	}
}

func expectEnum() rule {
	return rule{
		name: "expect/enum",
		says: "If an enum's labels differ from the expected ones, Load, Reload and " +
			"Verify return ErrDrift. The error lists every difference, in order",
		catalog: moods,
		check: func(c *check) {
			m := c.load(massive.Expect(massive.EnumIs("mood", []string{"sad", "ok", "happy"}), massive.EnumIs("public.mood", []string{"ok"}, massive.AllowExtra())))
			c.ok(m.Verify(c.Context()))
			c.db.Do(c, sqltest.AddLabel{Enum: "mood", Label: "meh", Before: "ok"}, sqltest.AddLabel{Enum: "mood", Label: "elated"})
			_, err := m.Reload(c.Context())
			c.fails(err, massive.ErrDrift, "reload", `extra labels ["meh" "elated"]`)
			c.want("the labels in the snapshot", enumLabels(c, m), []string{"sad", "ok", "happy"})
			c.fails(m.Verify(c.Context()), massive.ErrDrift, "verify")

			_, err = massive.Load(c.Context(), c.db.DB(), c.db.Dialect(), massive.Expect(
				massive.EnumIs("mood", []string{"bored", "happy", "sad", "elated", "calm"}), massive.EnumIs("other", []string{"x"}),
			))
			var drifts massive.Drifts
			if !errors.As(err, &drifts) || len(drifts) != 2 {
				c.Fatalf("%s\n\tgot error %v, want massive.Drifts with 2 elements", c.rule.says, err)
			}
			c.want("the missing labels", drifts[0].Missing, []string{"bored", "calm"})
			c.want("the extra labels", drifts[0].Extra, []string{"meh", "ok"})
			c.want("the number of reordered labels", len(drifts[0].Reordered), 1)
			c.want("the error of an enum that does not exist is ErrNotFound", errors.Is(drifts[1], massive.ErrNotFound), true)
		},
	}
}

func expectInvalid() rule {
	return rule{
		name:   "expect/invalid",
		says:   "An expectation that no database can meet returns ErrInvalid",
		adapts: true, catalog: daysAndMoods,
		check: func(c *check) {
			c.fails(c.m.Verify(c.Context()), massive.ErrInvalid, "nothing is expected")
			if !c.has(massive.KindEnum) {
				return
			}
			c.fails(c.m.Verify(c.Context(), massive.EnumIs("mood", []string{"sad", "sad"})), massive.ErrInvalid, "twice")
			c.fails(c.m.Verify(c.Context(), massive.EnumIs("mood", []string{"sad", "a\xff"}, massive.AllowExtra())), massive.ErrInvalid, "UTF-8")
		},
	}
}

func expectTogether() rule {
	return rule{
		name: "expect/together",
		says: "If several expectations name the same enum, in either form of its name, " +
			"each must be met. Otherwise Verify returns ErrDrift",
		catalog: moods,
		check: func(c *check) {
			lax := func(name string, labels ...string) massive.Expectation {
				return massive.EnumIs(name, labels, massive.AllowExtra())
			}
			c.ok(c.m.Verify(c.Context(), lax("mood", "sad", "ok"), lax("mood", "ok", "happy"), lax("public.mood", "sad", "happy")))
			for _, name := range []string{"mood", "public.mood"} {
				c.fails(c.m.Verify(c.Context(), lax("mood", "sad", "ok"), lax(name, "happy", "sad")), massive.ErrDrift, "reordered labels")
			}
		},
	}
}

func expectRows() rule {
	return rule{
		name: "expect/rows",
		says: "If a view's columns do not fit the struct, Verify returns ErrDrift. The " +
			"error lists missing columns, extra columns and wrong types",
		needs: []Operation{CheckColumn}, catalog: days,
		check: func(c *check) {
			c.ok(c.m.Verify(c.Context(), massive.RowsAre[day]("days")))
			type other struct {
				Name int64
				Gone string
			}
			err := c.m.Verify(c.Context(), massive.RowsAre[other]("days"))
			text := c.matview("days").Columns()[1].Type
			c.fails(err, massive.ErrDrift, `missing columns ["gone"]`, `extra columns ["n"]`, "column name of type "+text+" does not fit into Name int64")
			type fewer struct{ N int64 }
			c.ok(c.m.Verify(c.Context(), massive.RowsAre[fewer]("days", massive.AllowExtra())))
		},
	}
}

func expectOwnChange() rule {
	return rule{
		name: "expect/own change",
		says: "AddValue and RenameValue return ErrDrift, and change nothing, if the " +
			"result would violate the program's own expectation",
		catalog: moods,
		check: func(c *check) {
			m := c.load(massive.Expect(massive.EnumIs("mood", []string{"sad", "ok", "happy"})))
			c.fails(mood(c, m).AddValue(c.Context(), "elated"), massive.ErrDrift, "nothing was changed")
			c.fails(mood(c, m).RenameValue(c.Context(), "sad", "glum"), massive.ErrDrift, "nothing was changed")
			c.want("the labels in the database", enumLabels(c, c.load()), []string{"sad", "ok", "happy"})
		},
	}
}
