package conformance

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

var concurrently = []massive.RefreshOption{massive.Concurrently()}

func matviewRules() []rule {
	return []rule{
		refreshModes(),
		refreshNoData(),
		refreshNotPopulated(),
		refreshNoIndex(),
		refreshDuplicates(),
		refreshGone(),
		refreshLoaded(),
		refreshTransaction(),
		refreshLocks(),
		selectStructs(),
		selectGone(),
		matviewDefinition(),
		matviewSize(),
		selectRecreated(),
	}
}

func refreshModes() rule {
	return rule{
		name: "refresh/modes",
		says: "Refresh replaces a view's rows with the current result of its query. It " +
			"reports the mode and the reason for the mode",
		needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}}},
		check: func(c *check) {
			v := c.matview("v")
			for i, r := range []struct {
				opts []massive.RefreshOption
				mode massive.RefreshMode
				why  string
			}{{nil, massive.ModeBlocking, "the default"}, {concurrently, massive.ModeConcurrent, "requested"}} {
				before, now := int64(i+1), int64(i+2)
				c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{now}}})
				c.want("the rows before the refresh", c.numbers(v), []int64{before})
				result, err := v.Refresh(c.Context(), r.opts...)
				c.ok(err)
				c.want("the outcome", result.Outcome, massive.OutcomeRefreshed)
				c.want("the mode", result.Mode, r.mode)
				c.want("the reason of the mode", result.Why, r.why)
				c.want("the rows", c.numbers(v), []int64{now})
			}
		},
	}
}

func refreshNoData() rule {
	return rule{
		name: "refresh/no data",
		says: "Refresh with WithNoData empties a view, which is then not populated until " +
			"its next refresh",
		needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}}},
		check: func(c *check) {
			v := c.matview("v")
			result, err := v.Refresh(c.Context(), massive.WithNoData())
			c.ok(err)
			c.want("the outcome of WithNoData", result.Outcome, massive.OutcomeEmptied)
			_, err = c.m.Reload(c.Context())
			c.ok(err)
			c.want("populated", c.matview("v").Populated(), false)
			_, err = v.Refresh(c.Context())
			c.ok(err)
			c.want("the rows", c.numbers(v), []int64{1})
		},
	}
}

func refreshNotPopulated() rule {
	return rule{
		name: "refresh/not populated",
		says: "Reading a view that is not populated, or refreshing it concurrently, " +
			"returns ErrNotPopulated",
		needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}, Unpopulated: true}, {Name: "w", Rows: []number{{1}}, Unpopulated: true},
		}},
		check: func(c *check) {
			c.freshTx()
			c.fails(c.matview("v").Select(c.Context(), &[]int64{}, ""), massive.ErrNotPopulated, "select from public.v")
			c.freshTx()
			_, err := c.matview("v").Refresh(c.Context(), concurrently...)
			c.fails(err, massive.ErrNotPopulated, "refresh concurrently public.v")
		},
	}
}

func refreshNoIndex() rule {
	return rule{
		name: "refresh/no index",
		says: "A concurrent refresh of a view without a unique index returns " +
			"ErrNoUniqueIndex. If the dialect knows a statement that fixes this, the " +
			"error contains it",
		needs: []Operation{RefreshMatview}, each: true, catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}}}},
		check: func(c *check) {
			_, err := c.matview("v").Refresh(c.Context(), concurrently...)
			c.fails(err, massive.ErrNoUniqueIndex, c.fixes("v", true)...)
		},
	}
}

func refreshDuplicates() rule {
	return rule{
		name: "refresh/duplicates",
		says: "If the new rows violate the view's unique index, Refresh returns " +
			"ErrDuplicateRows and the view keeps its old rows",
		needs:   []Operation{SelectMatview, RefreshMatview},
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}}},
		check: func(c *check) {
			c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{2}, {2}}})
			for _, opts := range [][]massive.RefreshOption{nil, concurrently} {
				_, err := c.matview("v").Refresh(c.Context(), opts...)
				c.fails(err, massive.ErrDuplicateRows)
				c.want("the rows", c.numbers(c.matview("v")), []int64{1})
			}
		},
	}
}

func refreshGone() rule {
	return rule{
		name: "refresh/gone",
		says: "Using a view that was dropped, renamed or replaced after the load returns " +
			"ErrNotFound",
		needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "dropped", Rows: []number{{1}}}, {Name: "renamed", Rows: []number{{1}}}, {Name: "replaced", Rows: []number{{1}}},
		}},
		check: func(c *check) {
			c.db.Do(c, sqltest.Drop{Name: "dropped"}, sqltest.Rename{Name: "renamed", To: "moved"}, sqltest.Drop{Name: "replaced"}, sqltest.Create{Tables: []string{"replaced"}})
			for _, name := range []string{"dropped", "renamed", "replaced"} {
				c.freshTx()
				_, err := c.matview(name).Refresh(c.Context())
				c.fails(err, massive.ErrNotFound, "refresh public."+name)
			}
			c.freshTx()
			c.fails(c.matview("dropped").Select(c.Context(), &[]int64{}, ""), massive.ErrNotFound, "select from public.dropped")
		},
	}
}

func refreshLoaded() rule {
	return rule{
		name: "refresh/loaded",
		says: "After Refresh a load reports the view as populated, and after WithNoData " +
			"as not populated. A refresh that fails changes neither",
		needs: []Operation{RefreshMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}, Unpopulated: true}, {Name: "none", Rows: []number{{1}}, Unpopulated: true},
			{Name: "dropped", Rows: []number{{1}}},
		}},
		check: func(c *check) {
			populated := func(want bool) {
				c.Helper()
				_, err := c.m.Reload(c.Context())
				c.ok(err)
				c.want("populated", c.matview("v").Populated(), want)
				c.want("populated, for the view that was not refreshed", c.matview("none").Populated(), false)
			}
			populated(false)
			for _, opts := range [][]massive.RefreshOption{nil, concurrently} {
				_, err := c.matview("v").Refresh(c.Context(), opts...)
				c.ok(err)
				populated(true)
			}
			_, err := c.matview("v").Refresh(c.Context(), massive.WithNoData())
			c.ok(err)
			populated(false)
			c.freshTx()
			_, err = c.matview("none").Refresh(c.Context(), concurrently...)
			if !errors.Is(err, massive.ErrNoUniqueIndex) && !errors.Is(err, massive.ErrNotPopulated) { // either error is right
				c.Errorf("%s\n\ta concurrent refresh of a view without data and without an index: got error %v, want ErrNoUniqueIndex or ErrNotPopulated", c.rule.says, err)
			}
			c.freshTx()
			gone := c.matview("dropped")
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			_, err = gone.Refresh(c.Context())
			c.fails(err, massive.ErrNotFound, "refresh public.dropped")
			c.freshTx()
			c.want("populated, after the refresh that failed", c.matview("none").Populated(), false)
		},
	}
}

func refreshTransaction() rule {
	return rule{
		name: "refresh/transaction",
		says: "Other sessions see a refresh made in a transaction after the commit, and " +
			"never after a rollback",
		needs:   []Operation{SelectMatview, RefreshMatview},
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}}},
		check: func(c *check) {
			c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{2}}})
			for _, commit := range []bool{false, true} {
				tx, inside := c.other(nil)
				_, err := matviewOf(c, inside, "v").Refresh(c.Context(), concurrently...)
				c.ok(err)
				c.want("the rows inside the transaction", c.numbers(matviewOf(c, inside, "v")), []int64{2})
				c.want("the rows outside before it ends", c.numbers(c.matview("v")), []int64{1})
				want := []int64{1}
				if commit {
					c.ok(tx.Commit())
					want = []int64{2}
				} else {
					c.ok(tx.Rollback())
				}
				c.want(fmt.Sprintf("the rows outside after it ended (commit: %v)", commit), c.numbers(c.matview("v")), want)
			}
		},
	}
}

func refreshLocks() rule {
	return rule{
		name: "refresh/locks",
		says: "A blocking refresh blocks readers until its transaction ends, and waits " +
			"for transactions that read the view. A concurrent refresh does neither",
		needs:   []Operation{SelectMatview, RefreshMatview},
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}}},
		check: func(c *check) {
			read := func(ctx context.Context) error { return c.matview("v").Select(ctx, &[]int64{}, "") }
			refresh := func(opts ...massive.RefreshOption) func(context.Context) error {
				return func(ctx context.Context) error {
					_, err := c.matview("v").Refresh(ctx, opts...)
					return err
				}
			}
			load := func(ctx context.Context) error {
				_, err := massive.Load(ctx, c.db.DB(), c.db.Dialect())
				return err
			}
			tx, inside := c.other(nil)
			_, err := matviewOf(c, inside, "v").Refresh(c.Context())
			c.ok(err)
			c.blocks("reading during a blocking refresh", read)
			c.blocks("another refresh during a blocking refresh", refresh(concurrently...))
			c.passes("a load during a blocking refresh", load)
			c.ok(tx.Rollback())
			c.passes("reading after the rollback", read)

			tx, inside = c.other(nil)
			_, err = matviewOf(c, inside, "v").Refresh(c.Context(), concurrently...)
			c.ok(err)
			c.passes("reading during a concurrent refresh", read)
			c.blocks("a second concurrent refresh", refresh(concurrently...))
			c.ok(tx.Rollback())

			tx, inside = c.other(nil)
			c.want("the rows", c.numbers(matviewOf(c, inside, "v")), []int64{1})
			c.blocks("a blocking refresh while a transaction reads the view", refresh())
			c.passes("a concurrent refresh while a transaction reads the view", refresh(concurrently...))
			c.ok(tx.Rollback())
		},
	}
}

func selectStructs() rule {
	return rule{
		name: "select/structs",
		says: "Select reads each column into the struct field of the same name. NULL " +
			"becomes a nil pointer",
		needs: []Operation{SelectMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "sales", Rows: []sale{{1, "monday", 9.5, true, nil}, {2, "it's", -1, false, new(string)}}}}},
		check: func(c *check) {
			var rows []sale
			c.ok(c.matview("sales").Select(c.Context(), &rows, ""))
			slices.SortFunc(rows, func(a, b sale) int { return cmp.Compare(a.Shop, b.Shop) }) // rows come in any order
			c.want("the number of rows", len(rows), 2)
			if len(rows) == 2 {
				c.want("the field of a NULL", rows[0].Note, (*string)(nil))
				c.want("the field of an empty string", rows[1].Note, new(string))
				rows[1].Note = nil
				c.want("the rows", rows, []sale{{1, "monday", 9.5, true, nil}, {2, "it's", -1, false, nil}})
			}
		},
	}
}

func selectGone() rule {
	return rule{
		name: "select/gone",
		says: "Reading a view that was dropped after the load, or counting its rows, " +
			"returns ErrNotFound",
		needs: []Operation{SelectMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}}}},
		check: func(c *check) {
			c.db.Do(c, sqltest.Drop{Name: "v"})
			var n number
			for what, op := range map[string]func(v massive.Matview) error{
				"select from":       func(v massive.Matview) error { return v.Select(c.Context(), &[]number{}, "") },
				"select from ":      func(v massive.Matview) error { return v.Get(c.Context(), &n, "") },
				"count the rows of": func(v massive.Matview) error { _, err := v.Count(c.Context(), ""); return err },
			} {
				c.freshTx()
				c.fails(op(c.matview("v")), massive.ErrNotFound, strings.TrimSpace(what)+" public.v")
			}
		},
	}
}

func matviewDefinition() rule {
	return rule{
		name: "matview/definition",
		says: "Definition returns the view's query. If the view was dropped after the " +
			"load, it returns ErrNotFound",
		needs: []Operation{MatviewDefinition}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}}, {Name: "dropped", Rows: []number{{1}}}}},
		check: func(c *check) {
			_, err := c.matview("v").Definition(c.Context()) // the text depends on the database
			c.ok(err)
			c.freshTx()
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			_, err = c.matview("dropped").Definition(c.Context())
			c.fails(err, massive.ErrNotFound, "read the definition of public.dropped")
		},
	}
}

func matviewSize() rule {
	many := make([]number, 2000)
	for i := range many {
		many[i].N = int64(i)
	}
	return rule{
		name: "matview/size",
		says: "Size returns how many bytes a view uses: more for 2,000 rows than for one. If " +
			"the view was dropped after the load, it returns ErrNotFound",
		needs: []Operation{MatviewSize}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "small", Rows: []number{{1}}}, {Name: "large", Rows: many}, {Name: "dropped", Rows: []number{{1}}},
		}},
		check: func(c *check) {
			small, err := c.matview("small").Size(c.Context())
			c.ok(err)
			large, err := c.matview("large").Size(c.Context())
			c.ok(err)
			if small <= 0 || large <= small {
				c.Errorf("%s\n\tgot %d bytes for one row and %d for 2,000", c.rule.says, small, large)
			}
			c.freshTx()
			c.db.Do(c, sqltest.Drop{Name: "dropped"})
			_, err = c.matview("dropped").Size(c.Context())
			c.fails(err, massive.ErrNotFound, "read the size of public.dropped")
		},
	}
}

func selectRecreated() rule {
	return rule{
		name: "select/recreated",
		says: "If a view was recreated after the load, Select reads the columns that " +
			"were loaded. If one of these columns no longer exists, it returns " +
			"ErrNotFound",
		needs:   []Operation{SelectMatview},
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []struct{ A, B int64 }{{1, 2}}}}},
		check: func(c *check) {
			v := c.matview("v")
			c.db.Do(c, sqltest.Drop{Name: "v"}, sqltest.Create{Matviews: []sqltest.Matview{{Name: "v", Rows: []struct{ C, B, A int64 }{{3, 4, 5}}}}})
			var rows []struct{ A, B int64 }
			c.ok(v.Select(c.Context(), &rows, ""))
			c.want("the rows", rows, []struct{ A, B int64 }{{5, 4}})
			c.db.Do(c, sqltest.Drop{Name: "v"}, sqltest.Create{Matviews: []sqltest.Matview{{Name: "v", Rows: []struct{ C int64 }{{3}}}}})
			c.fails(v.Select(c.Context(), &rows, ""), massive.ErrNotFound, "select from public.v")
			_, err := v.Count(c.Context(), "")
			c.fails(err, massive.ErrNotFound, "count the rows of public.v")
		},
	}
}

// fixes returns the statements that, according to the dialect, remove what blocks a
// refresh of the view. The dialect need not know any.
func (c *check) fixes(view string, concurrently bool) (all []string) {
	c.Helper()
	d := c.db.Dialect()
	cat, err := d.Load(c.Context(), c.db.DB(), dialect.Filter{})
	c.ok(err)
	at := slices.IndexFunc(cat.Matviews, func(v dialect.MatviewDef) bool { return v.Name == c.matview(view).Name() })
	if at < 0 {
		c.Fatalf("%s\n\tview %s: got no definition from Load, want one", c.rule.says, view)
	}
	blockers, err := d.RefreshBlockers(&cat.Matviews[at], cat.Server, concurrently)
	c.ok(err)
	for _, h := range blockers {
		all = append(all, h.Fix)
	}
	return all
}

// newSnapshot lets a rule that runs in a transaction see what another session has just
// committed.
func (c *check) newSnapshot() {
	c.Helper()
	if c.harness.SnapshotIsolation {
		c.committed()
	}
}

// freshTx replaces the transaction of a rule that runs in one. After a failure the old
// transaction would return ErrTxAborted for everything.
func (c *check) freshTx() {
	c.Helper()
	if tx, ok := c.q.(*sql.Tx); ok {
		c.ok(tx.Rollback())
		c.q = begin(c, c.db.DB(), nil)
		c.m = c.m.With(c.q)
	}
}
