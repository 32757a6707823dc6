package conformance

import (
	"slices"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// moods is a catalog with one enum.
var moods = sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "ok", "happy"}}}}

func enumRules() []rule {
	return []rule{
		enumAppend(),
		enumBadLabels(),
		enumOrder(),
	}
}

func enumAppend() rule {
	return rule{
		name: "enum/append",
		says: "AppendLocalLabels adds labels to the program's own snapshot only. The " +
			"next Reload drops them",
		each: true, catalog: moods,
		check: func(c *check) {
			before := c.enum("mood")
			c.ok(c.m.AppendLocalLabels("mood", "elated"))
			c.want("the labels", c.enum("mood").Values(), []string{"sad", "ok", "happy", "elated"})
			c.want("the labels of a handle from before", before.Values(), []string{"sad", "ok", "happy"})
			c.want("the labels that others load", enumLabels(c, c.load()), []string{"sad", "ok", "happy"})
			reload := func(what string) {
				c.Helper()
				changes, err := c.m.Reload(c.Context())
				c.ok(err)
				c.want("the labels after a reload "+what, c.enum("mood").Values(), []string{"sad", "ok", "happy"})
				c.want("the number of changes "+what, len(changes), 0)
			}
			reload("without a commit")
			c.ok(c.m.AppendLocalLabels("mood", "elated"))
			c.db.Do(c, sqltest.Create{Tables: []string{"unrelated"}})
			reload("after an unrelated commit")
		},
	}
}

func enumBadLabels() rule {
	return rule{
		name: "enum/bad labels",
		says: "AppendLocalLabels rejects a label that exists or is not valid, and then " +
			"adds no label",
		catalog: moods,
		check: func(c *check) {
			c.fails(c.m.AppendLocalLabels("mood", "new", "sad"), massive.ErrLabelExists, `"sad"`)
			c.fails(c.m.AppendLocalLabels("mood", "new", "new"), massive.ErrLabelExists, `"new"`)
			c.fails(c.m.AppendLocalLabels("mood", "a\x00"), massive.ErrInvalid)
			c.fails(c.m.AppendLocalLabels("mood", "a\xff"), massive.ErrInvalid)
			c.fails(c.m.AppendLocalLabels("mood"), massive.ErrInvalid)
			c.fails(c.m.AppendLocalLabels("moods", "new"), massive.ErrNotFound, "did you mean public.mood?")
			c.want("the labels", c.enum("mood").Values(), []string{"sad", "ok", "happy"})
		},
	}
}

func enumOrder() rule {
	return rule{
		name: "enum/order",
		says: "Compare orders labels by their position in the type. Labels that the enum " +
			"does not have come last",
		catalog: moods,
		check: func(c *check) {
			labels := []string{"b", "happy", "a", "sad", "ok"}
			slices.SortFunc(labels, c.enum("mood").Compare)
			c.want("the sorted labels", labels, []string{"sad", "ok", "happy", "a", "b"})
			c.want("the position of ok", c.enum("mood").Position("ok"), 1)
			c.want("the enum contains OK", c.enum("mood").Contains("OK"), false)
		},
	}
}

func enumLabels(c *check, m *massive.DB) []string {
	c.Helper()
	return enumOf(c, m, "mood").Values()
}

func enumOf(c *check, m *massive.DB, name string) massive.Enum {
	c.Helper()
	e, err := m.Enum(name)
	c.ok(err)
	return e
}
