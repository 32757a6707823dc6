package conformance

import (
	"context"
	"fmt"
	"slices"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// mood binds the enum mood to plain strings.
func mood(c *check, m *massive.DB) *massive.BoundEnum[string] {
	c.Helper()
	b, err := massive.BindEnum[string](m, "mood")
	c.ok(err)
	return b
}

// seen loads through the rule's querier and returns the labels of mood.
func (c *check) seen() []string {
	c.Helper()
	m, err := massive.Load(c.Context(), c.q, c.db.Dialect())
	c.ok(err)
	return enumLabels(c, m)
}

// oddLabel is a label that needs several kinds of quoting.
const oddLabel = `it's "a", \ {b}`

func labelRules() []rule {
	return []rule{
		labelAdd(),
		labelRename(),
		labelEnsure(),
		labelRefused(),
		labelOwner(),
		labelGone(),
		labelTransaction(),
		labelLocks(),
		labelUsedBy(),
		labelUsable(),
	}
}

func labelAdd() rule {
	return rule{
		name: "label/add",
		says: "AddValue adds a label at the given place, in the database and in the " +
			"program's snapshot",
		needs: []Operation{AddEnumLabel}, each: true, catalog: moods,
		check: func(c *check) {
			before, bound := c.enum("mood"), mood(c, c.m)
			c.ok(bound.AddValue(c.Context(), "elated"))
			c.ok(bound.AddValue(c.Context(), oddLabel, massive.Before("happy")))
			c.ok(bound.AddValue(c.Context(), "glum", massive.After("sad")))
			want := []string{"sad", "glum", "ok", oddLabel, "happy", "elated"}
			c.want("the labels in the snapshot", bound.Values(), want)
			c.want("the labels in the database", c.seen(), want)
			c.want("the labels of a handle from before", before.Values(), []string{"sad", "ok", "happy"})
		},
	}
}

func labelRename() rule {
	return rule{
		name:  "label/rename",
		says:  "RenameValue changes the text of a label and keeps its position",
		needs: []Operation{RenameEnumLabel}, each: true, catalog: moods,
		check: func(c *check) {
			bound := mood(c, c.m)
			c.ok(bound.RenameValue(c.Context(), "ok", oddLabel))
			c.ok(bound.RenameValue(c.Context(), oddLabel, "fine"))
			c.want("the labels in the snapshot", bound.Values(), []string{"sad", "fine", "happy"})
			c.want("the labels in the database", c.seen(), []string{"sad", "fine", "happy"})
		},
	}
}

func labelEnsure() rule {
	return rule{
		name: "label/ensure",
		says: "EnsureValue accepts a label that exists, reports whether it added the " +
			"label, and keeps the caller's transaction usable",
		needs: []Operation{AddEnumLabel}, each: true, catalog: moods,
		check: func(c *check) {
			bound := mood(c, c.m)
			for _, label := range []string{"elated", oddLabel} {
				for _, want := range []bool{true, false, false} {
					added, err := bound.EnsureValue(c.Context(), label, massive.Before("ok"))
					c.ok(err)
					c.want("added "+label, added, want)
				}
			}
			added, err := bound.EnsureValue(c.Context(), "sad", massive.After("nobody"))
			c.ok(err)
			c.want("added a label that exists, next to an unknown one", added, false)
			c.want("the labels in the database", c.seen(), []string{"sad", "elated", oddLabel, "ok", "happy"})
		},
	}
}

func labelRefused() rule {
	return rule{
		name: "label/refused",
		says: "Adding a label that exists returns ErrLabelExists. An unknown neighbour, " +
			"or an unknown label to rename, returns ErrLabelUnknown. Nothing changes",
		needs: []Operation{AddEnumLabel, RenameEnumLabel}, each: true, catalog: moods,
		check: func(c *check) {
			for _, tried := range []struct {
				op   func(b *massive.BoundEnum[string]) error
				want error
				says string
			}{
				{func(b *massive.BoundEnum[string]) error { return b.AddValue(c.Context(), "ok") }, massive.ErrLabelExists, "add a label to public.mood"},
				{func(b *massive.BoundEnum[string]) error {
					return b.AddValue(c.Context(), "ok", massive.After("nobody"))
				}, massive.ErrLabelExists, "public.mood"},
				{func(b *massive.BoundEnum[string]) error {
					return b.AddValue(c.Context(), "new", massive.After("nobody"))
				}, massive.ErrLabelUnknown, "public.mood"},
				{func(b *massive.BoundEnum[string]) error {
					return b.AddValue(c.Context(), "new", massive.Before("nobody"))
				}, massive.ErrLabelUnknown, "public.mood"},
				{func(b *massive.BoundEnum[string]) error {
					_, err := b.EnsureValue(c.Context(), "new", massive.Before("nobody"))
					return err
				}, massive.ErrLabelUnknown, "public.mood"},
				{func(b *massive.BoundEnum[string]) error { return b.RenameValue(c.Context(), "nobody", "ok") }, massive.ErrLabelUnknown, "rename a label of public.mood"},
				{func(b *massive.BoundEnum[string]) error { return b.RenameValue(c.Context(), "sad", "ok") }, massive.ErrLabelExists, "public.mood"},
				{func(b *massive.BoundEnum[string]) error { return b.RenameValue(c.Context(), "ok", "ok") }, massive.ErrLabelExists, "public.mood"},
				{func(b *massive.BoundEnum[string]) error { return b.AddValue(c.Context(), "a\x00") }, massive.ErrInvalid, "NUL"},
				{func(b *massive.BoundEnum[string]) error { return b.AddValue(c.Context(), "a\xff") }, massive.ErrInvalid, "UTF-8"},
				{func(b *massive.BoundEnum[string]) error { return b.AddValue(c.Context(), "x", massive.After("a\xff")) }, massive.ErrInvalid, "UTF-8"},
				{func(b *massive.BoundEnum[string]) error { _, err := b.EnsureValue(c.Context(), "a\xff"); return err }, massive.ErrInvalid, "UTF-8"},
				{func(b *massive.BoundEnum[string]) error { return b.RenameValue(c.Context(), "ok", "a\xff") }, massive.ErrInvalid, "UTF-8"},
				{func(b *massive.BoundEnum[string]) error { return b.RenameValue(c.Context(), "a\xff", "x") }, massive.ErrInvalid, "UTF-8"},
				{func(b *massive.BoundEnum[string]) error { return b.AddValue(c.Context(), "x", massive.Place{}) }, massive.ErrInvalid, "zero Place"},
			} {
				c.freshTx()
				c.fails(tried.op(mood(c, c.m)), tried.want, tried.says)
			}
			c.freshTx()
			c.want("the labels in the database", c.seen(), []string{"sad", "ok", "happy"})
		},
	}
}

func labelOwner() rule {
	return rule{
		name:  "label/owner",
		says:  "Altering an enum that another role owns returns ErrPermission",
		needs: []Operation{AddEnumLabel, RenameEnumLabel}, each: true, rights: true,
		catalog: sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}, NotOwned: true}}},
		check: func(c *check) {
			c.want("the current role owns the enum", c.enum("mood").Owner() == c.m.Server().User, false)
			c.fails(mood(c, c.m).AddValue(c.Context(), "ok"), massive.ErrPermission)
			c.freshTx()
			_, err := mood(c, c.m).EnsureValue(c.Context(), "ok")
			c.fails(err, massive.ErrPermission)
			c.freshTx()
			c.fails(mood(c, c.m).RenameValue(c.Context(), "sad", "ok"), massive.ErrPermission)
		},
	}
}

func labelGone() rule {
	return rule{
		name: "label/gone",
		says: "Using an enum that was dropped, renamed or replaced after the load " +
			"returns ErrNotFound",
		needs: []Operation{AddEnumLabel, RenameEnumLabel, EnumColumns}, each: true,
		catalog: sqltest.Catalog{Enums: []sqltest.Enum{{Name: "dropped"}, {Name: "renamed"}, {Name: "replaced"}}},
		check: func(c *check) {
			c.db.Do(c, sqltest.Drop{Name: "dropped"}, sqltest.Rename{Name: "renamed", To: "moved"}, sqltest.Drop{Name: "replaced"}, sqltest.Create{Tables: []string{"replaced"}})
			for _, name := range []string{"dropped", "renamed", "replaced"} {
				for what, op := range map[string]func(b *massive.BoundEnum[string]) error{
					"add a label to":    func(b *massive.BoundEnum[string]) error { return b.AddValue(c.Context(), "x") },
					"add a label to ":   func(b *massive.BoundEnum[string]) error { _, err := b.EnsureValue(c.Context(), "x"); return err },
					"rename a label of": func(b *massive.BoundEnum[string]) error { return b.RenameValue(c.Context(), "x", "y") },
					"look for the columns of": func(b *massive.BoundEnum[string]) error {
						e, err := b.Enum()
						c.ok(err)
						_, err = e.UsedBy(c.Context())
						return err
					},
				} {
					c.freshTx()
					b, err := massive.BindEnum[string](c.m, name)
					c.ok(err)
					c.fails(op(b), massive.ErrNotFound, what, name)
				}
			}
		},
	}
}

func labelTransaction() rule {
	return rule{
		name: "label/transaction",
		says: "Other sessions see a transaction's changes to an enum after the commit, " +
			"and never after a rollback",
		needs: []Operation{AddEnumLabel, RenameEnumLabel}, catalog: moods,
		check: func(c *check) {
			for _, commits := range []bool{false, true} {
				tx, inside := c.other(nil)
				c.ok(mood(c, inside).AddValue(c.Context(), "elated"))
				c.ok(mood(c, inside).RenameValue(c.Context(), "sad", "glum"))
				c.want("the labels in the transaction's snapshot", enumLabels(c, inside), []string{"glum", "ok", "happy", "elated"})
				c.want("the labels in the pool's snapshot", enumLabels(c, c.m), []string{"sad", "ok", "happy"})
				_, err := c.m.Reload(c.Context())
				c.ok(err)
				c.want("the labels in the pool's snapshot after a reload", enumLabels(c, c.m), []string{"sad", "ok", "happy"})
				want := []string{"sad", "ok", "happy"}
				if commits {
					c.ok(tx.Commit())
					want = []string{"glum", "ok", "happy", "elated"}
				} else {
					c.ok(tx.Rollback())
				}
				_, err = c.m.Reload(c.Context())
				c.ok(err)
				c.want(fmt.Sprintf("the labels after the transaction ended (commit: %v)", commits), enumLabels(c, c.m), want)
			}
		},
	}
}

func labelLocks() rule {
	return rule{
		name: "label/locks",
		says: "A change to an enum blocks other changes to it until its transaction " +
			"ends. EnsureValue of a label that exists blocks nobody, and reads never " +
			"wait",
		needs: []Operation{AddEnumLabel, RenameEnumLabel, EnumColumns}, catalog: moods,
		check: func(c *check) {
			add := func(ctx context.Context) error { return mood(c, c.m).AddValue(ctx, "another") }
			ensure := func(ctx context.Context) error { _, err := mood(c, c.m).EnsureValue(ctx, "sad"); return err }
			rename := func(ctx context.Context) error { return mood(c, c.m).RenameValue(ctx, "happy", "glad") }
			look := func(ctx context.Context) error { _, err := c.enum("mood").UsedBy(ctx); return err }
			reload := func(ctx context.Context) error { _, err := c.m.Reload(ctx); return err }
			for _, one := range []struct {
				does  func(b *massive.BoundEnum[string]) error
				waits func(ctx context.Context) error
			}{
				{func(b *massive.BoundEnum[string]) error { return b.AddValue(c.Context(), "x") }, func(ctx context.Context) error {
					return mood(c, c.m).RenameValue(ctx, "ok", "fine")
				}},
				{func(b *massive.BoundEnum[string]) error { return b.RenameValue(c.Context(), "sad", "x") }, ensure},
				{func(b *massive.BoundEnum[string]) error { _, err := b.EnsureValue(c.Context(), "x"); return err }, func(ctx context.Context) error {
					return mood(c, c.m).AddValue(ctx, "late")
				}},
			} {
				tx, inside := c.other(nil)
				c.ok(one.does(mood(c, inside)))
				// A late cancel lets the change run after the transaction has ended.
				c.blocks("a change in another session", one.waits)
				c.passes("UsedBy in another session", look)
				c.passes("Reload in another session", reload)
				c.ok(tx.Rollback())
			}
			c.eventually("a rename succeeds, so that no other change is running", func() bool { return rename(c.Context()) == nil })
			_, inside := c.other(nil)
			added, err := mood(c, inside).EnsureValue(c.Context(), "sad")
			c.ok(err)
			c.want("added", added, false)
			c.passes("AddValue while a transaction ensured a label that exists", add)
			c.passes("RenameValue after that", func(ctx context.Context) error { return mood(c, c.m).RenameValue(ctx, "glad", "happy") })
		},
	}
}

func labelUsedBy() rule {
	return rule{
		name: "label/used by",
		says: "UsedBy lists the columns of an enum, also in arrays and through domains, " +
			"by table and position",
		needs: []Operation{EnumColumns}, each: true,
		catalog: sqltest.Catalog{Enums: []sqltest.Enum{
			{Name: "mood", Labels: []string{"sad"}, UsedBy: []sqltest.EnumColumn{
				{Column: "people.mood"}, {Column: "people.past", Array: true}, {Column: "cats.mood", Domain: "some_mood"},
				{Column: "app.dogs.moods", Domain: "moods", Array: true}, {Column: "people.again", Domain: "some_mood"},
			}},
			{Name: "other", UsedBy: []sqltest.EnumColumn{{Column: "people.other"}}}, {Name: "unused"},
		}},
		check: func(c *check) {
			at := func(schema, table, column string, array bool, through ...dialect.Name) dialect.EnumColumn {
				return dialect.EnumColumn{
					Relation: dialect.Name{Schema: schema, Name: table}, Kind: "table", Column: column, Array: array, Through: through,
				}
			}
			someMood := dialect.Name{Schema: "public", Name: "some_mood"}
			for name, want := range map[string][]dialect.EnumColumn{
				"mood": {
					at("app", "dogs", "moods", true, dialect.Name{Schema: "public", Name: "moods"}),
					at("public", "cats", "mood", false, someMood),
					at("public", "people", "mood", false), at("public", "people", "past", true),
					at("public", "people", "again", false, someMood),
				},
				"other": {at("public", "people", "other", false)}, "unused": nil,
			} {
				if c.harness.EnumColumns == EnumColumnsPlain {
					want = slices.DeleteFunc(want, func(u dialect.EnumColumn) bool { return u.Array || len(u.Through) > 0 })
				}
				got, err := c.enum(name).UsedBy(c.Context())
				c.ok(err)
				if c.harness.EnumColumns == EnumColumnsSelf {
					c.want("the number of columns of "+name, len(got), 1)
					continue
				}
				for i := range got { // the name of the type depends on the database
					c.want("a column has a type", got[i].Type != "", true)
					got[i].Type = ""
				}
				c.want("the columns of "+name, sprint(got), sprint(want))
				c.want("arrays and domains are as expected", slices.EqualFunc(got, want, func(a, b dialect.EnumColumn) bool {
					return a.Array == b.Array && slices.Equal(a.Through, b.Through)
				}), true)
			}
		},
	}
}

func labelUsable() rule {
	return rule{
		name: "label/usable",
		says: "After the commit, an added label can be stored in a column that existed " +
			"before",
		needs: []Operation{AddEnumLabel},
		unless: func(h Harness) string {
			return iff(h.LabelsStayOut, "Harness.LabelsStayOut is set") +
				iff(h.EnumColumns == EnumColumnsSelf, "Harness.EnumColumns is EnumColumnsSelf: an enum has no column but its own")
		},
		catalog: sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}, UsedBy: []sqltest.EnumColumn{{Column: "people.mood"}}}}},
		check: func(c *check) {
			take := func(label string) {
				taken := false
				defer func() { // Do fails the test without the rule's text
					if !taken || c.Failed() {
						c.Errorf("%s\n\tinserting %q into the column failed, want it to succeed", c.rule.says, label)
					}
				}()
				c.db.Do(c, sqltest.InsertLabel{Column: "people.mood", Label: label})
				taken = true
			}
			take("sad")
			c.ok(mood(c, c.m).AddValue(c.Context(), "ok"))
			take("ok")
			tx, inside := c.other(nil)
			c.ok(mood(c, inside).AddValue(c.Context(), "happy"))
			c.ok(tx.Commit())
			take("happy")
		},
	}
}
