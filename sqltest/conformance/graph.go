package conformance

import (
	"context"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// warehouse is a catalog of views that read views, in two schemas. daily and shops read
// raw; weekly reads daily and shops through plain views; report reads weekly and shops.
// other reads none.
func warehouse() sqltest.Catalog {
	one := []number{{1}}
	key := []string{"n"}
	return sqltest.Catalog{
		Matviews: []sqltest.Matview{
			{Name: "report", Rows: one, Unique: key, Reads: []string{"far.weekly", "shops"}},
			{Name: "far.weekly", Rows: one, Unique: key, Reads: []string{"joined", "far.again"}},
			{Name: "daily", Rows: one, Unique: key, Reads: []string{"raw"}},
			{Name: "shops", Rows: one, Unique: key, Reads: []string{"raw"}},
			{Name: "raw", Rows: one, Unique: key},
			{Name: "other", Rows: one, Unique: key},
		},
		Views: []sqltest.View{
			{Name: "far.again", Reads: []string{"joined", "leaf"}},
			{Name: "joined", Reads: []string{"daily", "shops", "daily"}},
			{Name: "leaf"},
		},
	}
}

// warehouseOrder lists the views that must be refreshed before each view.
var warehouseOrder = map[string]string{
	"public.daily": "public.raw", "public.shops": "public.raw", "far.weekly": "public.daily public.shops",
	"public.report": "far.weekly public.shops",
}

func graphRules() []rule {
	return []rule{
		graphEdges(),
		graphExcluded(),
		graphDrop(),
		refreshReads(),
		refreshReadsLocks(),
	}
}

func graphEdges() rule {
	return rule{
		name: "graph/edges",
		says: "A view depends on each view that its query reads, directly or through " +
			"plain views, across schemas. Each dependency is listed once",
		catalog: warehouse(),
		check: func(c *check) {
			for name, want := range map[string][2][]string{
				"raw":        {{}, {"public.daily", "public.shops"}},
				"daily":      {{"public.raw"}, {"far.weekly"}},
				"shops":      {{"public.raw"}, {"far.weekly", "public.report"}},
				"far.weekly": {{"public.daily", "public.shops"}, {"public.report"}},
				"report":     {{"far.weekly", "public.shops"}, {}},
				"other":      {{}, {}},
			} {
				c.want("the views that "+name+" depends on", sprint(c.matview(name).DependsOn()), want[0])
				c.want("the views that depend on "+name, sprint(c.matview(name).Dependents()), want[1])
			}
			g := c.m.Graph()
			c.want("the nodes of the graph", sprint(g.Nodes), []string{
				"{far.again false }", "{far.weekly true }", "{public.daily true }", "{public.joined false }", "{public.other true }",
				"{public.raw true }", "{public.report true }", "{public.shops true }",
			})
			c.want("the edges of the graph", sprint(g.Edges), []string{
				"{far.again public.joined}", "{far.weekly far.again}", "{far.weekly public.joined}", "{public.daily public.raw}",
				"{public.joined public.daily}", "{public.joined public.shops}", "{public.report far.weekly}",
				"{public.report public.shops}", "{public.shops public.raw}",
			})
		},
	}
}

func graphExcluded() rule {
	return rule{
		name: "graph/excluded",
		says: "A plan excludes a view that a pattern excluded, and gives the reason. " +
			"Dependencies through the excluded view still order the plan",
		catalog: warehouse(),
		check: func(c *check) {
			m := c.load(massive.Exclude("far.*", "shops"))
			c.want("the views that report depends on", sprint(matviewOf(c, m, "report").DependsOn()), []string{"far.weekly", "public.shops"})
			p, err := m.PlanRefresh(massive.Views("report", "daily"))
			c.ok(err)
			c.want("the steps", stepsOf(p), []string{"public.daily", "public.report"})
			c.want("the number of excluded views", len(p.Excluded), 4)
			c.want("the reason of the first", p.Excluded[0].Name.String()+": "+p.Excluded[0].Why, "far.weekly: it is excluded by far.*; "+
				"public.report, which is refreshed, depends on it; it depends on public.daily, which is refreshed")
		},
	}
}

func graphDrop() rule {
	return rule{
		name:    "graph/drop",
		says:    "When a view is dropped, the views that read it are dropped with it",
		catalog: warehouse(),
		check: func(c *check) {
			c.db.Do(c, sqltest.Drop{Name: "joined"})
			_, err := c.m.Reload(c.Context())
			c.ok(err)
			c.want("the structures", listed(c.m), []string{"m public.daily", "m public.other", "m public.raw", "m public.shops"})
			c.want("the edges of the graph", sprint(c.m.Graph().Edges), []string{"{public.daily public.raw}", "{public.shops public.raw}"})
		},
	}
}

func refreshReads() rule {
	return rule{
		name: "refresh/reads",
		says: "If a view's query reads a materialized view that is not populated, " +
			"Refresh returns ErrNotPopulated",
		needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{
				{Name: "low", Rows: []number{{1}}}, {Name: "high", Rows: []number{{1}}, Unique: []string{"n"}, Reads: []string{"between"}},
			},
			Views: []sqltest.View{{Name: "between", Reads: []string{"low"}}},
		},
		check: func(c *check) {
			empty := func() {
				_, err := c.matview("low").Refresh(c.Context(), massive.WithNoData())
				c.ok(err)
			}
			for _, opts := range [][]massive.RefreshOption{nil, concurrently} {
				empty()
				_, err := c.matview("high").Refresh(c.Context(), opts...)
				c.fails(err, massive.ErrNotPopulated, "public.high")
				c.freshTx()
			}
			empty()
			_, err := c.matview("high").Refresh(c.Context(), massive.WithNoData())
			c.ok(err)
			_, err = c.matview("low").Refresh(c.Context())
			c.ok(err)
			_, err = c.matview("high").Refresh(c.Context())
			c.ok(err)
			c.want("the rows", c.numbers(c.matview("high")), []int64{1})
		},
	}
}

func refreshReadsLocks() rule {
	return rule{
		name: "refresh/reads locks",
		says: "A refresh waits for an open blocking refresh of a view that its query " +
			"reads. Until its own transaction ends, it blocks blocking refreshes of that " +
			"view",
		needs: []Operation{RefreshMatview},
		catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{
				{Name: "low", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "high", Rows: []number{{1}}, Unique: []string{"n"}, Reads: []string{"between"}},
			},
			Views: []sqltest.View{{Name: "between", Reads: []string{"low"}}},
		},
		check: func(c *check) {
			refresh := func(view string, opts ...massive.RefreshOption) func(ctx context.Context) error {
				return func(ctx context.Context) error {
					_, err := c.matview(view).Refresh(ctx, opts...)
					return err
				}
			}
			tx, inside := c.other(nil)
			_, err := matviewOf(c, inside, "low").Refresh(c.Context())
			c.ok(err)
			c.blocks("a refresh of a view that reads the view being refreshed", refresh("high"))
			c.blocks("a concurrent refresh of that view", refresh("high", concurrently...))
			c.passes("a refresh of that view with WithNoData", refresh("high", massive.WithNoData()))
			c.ok(tx.Rollback())
			c.passes("a refresh of that view after the rollback", refresh("high"))

			tx, inside = c.other(nil)
			_, err = matviewOf(c, inside, "high").Refresh(c.Context())
			c.ok(err)
			c.blocks("a blocking refresh of the view that it read", refresh("low"))
			c.passes("a concurrent refresh of the view that it read", refresh("low", concurrently...))
			c.ok(tx.Rollback())

			tx, inside = c.other(nil)
			_, err = matviewOf(c, inside, "low").Refresh(c.Context(), concurrently...)
			c.ok(err)
			c.passes("a refresh of a view that reads a view being refreshed concurrently", refresh("high"))
			c.ok(tx.Rollback())
		},
	}
}
