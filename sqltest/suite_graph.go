package sqltest

import (
	"context"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

// warehouse is views over views, in two schemas: raw, from it daily and shops, from those, through plain views, weekly and
// then report. other has nothing to do with them.
func warehouse() Catalog {
	one := []number{{1}}
	key := []string{"n"}
	return Catalog{
		Matviews: []Matview{
			{Name: "report", Rows: one, Unique: key, Reads: []string{"far.weekly", "shops"}},
			{Name: "far.weekly", Rows: one, Unique: key, Reads: []string{"joined", "far.again"}},
			{Name: "daily", Rows: one, Unique: key, Reads: []string{"raw"}},
			{Name: "shops", Rows: one, Unique: key, Reads: []string{"raw"}},
			{Name: "raw", Rows: one, Unique: key},
			{Name: "other", Rows: one, Unique: key},
		},
		Views: []View{
			{Name: "far.again", Reads: []string{"joined", "leaf"}},
			{Name: "joined", Reads: []string{"daily", "shops", "daily"}},
			{Name: "leaf"},
		},
	}
}

// warehouseOrder is what must be done before each of its views.
var warehouseOrder = map[string]string{
	"public.daily": "public.raw", "public.shops": "public.raw", "far.weekly": "public.daily public.shops",
	"public.report": "far.weekly public.shops",
}

func graphRules() []rule {
	return []rule{{
		name: "graph/edges", says: "a view depends on what it reads, itself or through plain views, across schemas, each once",
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
				c.want("what "+name+" depends on", sprint(c.matview(name).DependsOn()), want[0])
				c.want("what depends on "+name, sprint(c.matview(name).Dependents()), want[1])
			}
			g := c.m.Graph()
			c.want("nodes", sprint(g.Nodes), []string{
				"{far.again false }", "{far.weekly true }", "{public.daily true }", "{public.joined false }", "{public.other true }",
				"{public.raw true }", "{public.report true }", "{public.shops true }",
			})
			c.want("edges", sprint(g.Edges), []string{
				"{far.again public.joined}", "{far.weekly far.again}", "{far.weekly public.joined}", "{public.daily public.raw}",
				"{public.joined public.daily}", "{public.joined public.shops}", "{public.report far.weekly}",
				"{public.report public.shops}", "{public.shops public.raw}",
			})
		},
	}, {
		name: "graph/left out", says: "a view that a pattern leaves out is left out of a plan, with the reason, and passes the order on",
		catalog: warehouse(),
		check: func(c *check) {
			m := c.load(massive.Exclude("far.*", "shops"))
			c.want("what report depends on", sprint(matviewOf(c, m, "report").DependsOn()), []string{"far.weekly", "public.shops"})
			p, err := m.PlanRefresh(massive.Views("report", "daily"))
			c.ok(err)
			c.want("the steps", stepsOf(p), []string{"public.daily", "public.report"})
			c.want("left out", len(p.Excluded), 4)
			c.want("why", p.Excluded[0].Name.String()+": "+p.Excluded[0].Why, "far.weekly: it is excluded by far.*; "+
				"public.report, which is refreshed, depends on it; it depends on public.daily, which is refreshed")
		},
	}, {
		name: "graph/drop", says: "views that read a dropped one go with it", catalog: warehouse(),
		check: func(c *check) {
			c.db.Do(c, Drop{"joined"})
			_, err := c.m.Reload(c.Context())
			c.ok(err)
			c.want("the structures", listed(c.m), []string{"m public.daily", "m public.other", "m public.raw", "m public.shops"})
			c.want("edges", sprint(c.m.Graph().Edges), []string{"{public.daily public.raw}", "{public.shops public.raw}"})
		},
	}, {
		name: "refresh/reads", says: "a view whose query reads one without data can't be refreshed: ErrNotPopulated", needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: Catalog{
			Matviews: []Matview{
				{Name: "low", Rows: []number{{1}}}, {Name: "high", Rows: []number{{1}}, Unique: []string{"n"}, Reads: []string{"between"}},
			},
			Views: []View{{Name: "between", Reads: []string{"low"}}},
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
				c.afresh()
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
	}, {
		name: "refresh/reads locks", says: "a refresh waits for a blocking one of what its view reads, and holds off the next, until its transaction ends", needs: []Operation{RefreshMatview},
		catalog: Catalog{
			Matviews: []Matview{
				{Name: "low", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "high", Rows: []number{{1}}, Unique: []string{"n"}, Reads: []string{"between"}},
			},
			Views: []View{{Name: "between", Reads: []string{"low"}}},
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
			c.blocks("a refresh of what reads it", refresh("high"))
			c.blocks("a concurrent one", refresh("high", concurrently...))
			c.passes("one that reads nothing", refresh("high", massive.WithNoData()))
			c.ok(tx.Rollback())
			c.passes("a refresh behind it", refresh("high"))

			tx, inside = c.other(nil)
			_, err = matviewOf(c, inside, "high").Refresh(c.Context())
			c.ok(err)
			c.blocks("a blocking refresh of what it read", refresh("low"))
			c.passes("a concurrent one", refresh("low", concurrently...))
			c.ok(tx.Rollback())

			tx, inside = c.other(nil)
			_, err = matviewOf(c, inside, "low").Refresh(c.Context(), concurrently...)
			c.ok(err)
			c.passes("a refresh of what reads a view that is refreshed concurrently", refresh("high"))
			c.ok(tx.Rollback())
		},
	}, {
		name: "run/order", says: "RefreshAll refreshes each view once, none before those that it depends on are done, and reports on each", needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: warehouse(),
		check: func(c *check) {
			for _, v := range warehouse().Matviews {
				c.db.Do(c, SetRows{v.Name, []number{{2}}})
			}
			begun, ended := map[string]bool{}, map[string]bool{}
			report, err := c.m.RefreshAll(c.Context(), massive.Parallel(4), massive.RefreshWith(massive.Concurrently()), massive.OnProgress(func(p massive.Progress) {
				name := p.View.Name.String()
				if p.Ended() {
					ended[name] = true
					return
				}
				c.want(name+" has begun before", begun[name], false)
				begun[name] = true
				for _, d := range strings.Fields(warehouseOrder[name]) {
					c.want(fmt.Sprintf("%s is done when %s begins", d, name), ended[d], true)
				}
			}))
			c.ok(err)
			c.want("views that ended", len(ended), 6)
			c.want("views refreshed, by the report", report.Count(massive.OutcomeRefreshed), 6)
			for _, v := range report.Views {
				c.want("the mode", v.Mode, massive.ModeConcurrent)
				c.want("why", v.Why, "asked for")
				c.want("it says when and how long", !v.Start.IsZero() && v.Duration > 0, true)
				c.want("the rows of "+v.Name.String(), c.numbers(c.matview(v.Name.String())), []int64{2})
			}
		},
	}, {
		name: "run/selection", says: "Views takes the named ones, Upstream and Downstream what they depend on and what depends on them, and nothing else", needs: []Operation{RefreshMatview},
		catalog: warehouse(),
		check: func(c *check) {
			for _, s := range []struct {
				opts  []massive.PlanOption
				steps []string
			}{
				{[]massive.PlanOption{massive.Views("far.weekly")}, []string{"far.weekly"}},
				{[]massive.PlanOption{massive.Views("far.weekly"), massive.Upstream()}, []string{"public.raw", "public.daily", "public.shops", "far.weekly"}},
				{[]massive.PlanOption{massive.Views("daily"), massive.Downstream()}, []string{"public.daily", "far.weekly", "public.report"}},
				{[]massive.PlanOption{massive.Views("daily"), massive.Upstream(), massive.Downstream()}, []string{"public.raw", "public.daily", "far.weekly", "public.report"}},
			} {
				p, err := c.m.PlanRefresh(s.opts...)
				c.ok(err)
				c.want("the steps", stepsOf(p), s.steps)
				report, err := p.Run(c.Context())
				c.ok(err)
				c.want("refreshed", report.Count(massive.OutcomeRefreshed), len(s.steps))
			}
			_, err := c.m.PlanRefresh(massive.Views("dailly"))
			c.fails(err, massive.ErrNotFound, "did you mean public.daily?")
			_, err = c.m.RefreshAll(c.Context(), massive.Views())
			c.fails(err, massive.ErrInvalid, "no view is named")
		},
	}, {
		name: "run/failure", says: "where a view fails, what depends on it is skipped and the rest is refreshed; the error is that view's", needs: []Operation{SelectMatview, RefreshMatview},
		catalog: warehouse(),
		check: func(c *check) {
			c.db.Do(c, SetRows{"daily", []number{{2}, {2}}}, SetRows{"shops", []number{{2}}})
			report, err := c.m.RefreshAll(c.Context(), massive.Parallel(2))
			c.fails(err, massive.ErrDuplicateRows, "refresh views", "3 refreshed, 2 skipped, 1 failed", "refresh public.daily")
			c.outcomes(report, map[string]massive.RefreshOutcome{
				"raw": massive.OutcomeRefreshed, "other": massive.OutcomeRefreshed, "shops": massive.OutcomeRefreshed, "daily": massive.OutcomeFailed,
				"far.weekly": massive.OutcomeSkippedUpstream, "report": massive.OutcomeSkippedUpstream,
			})
			c.want("the rows of what went on", c.numbers(c.matview("shops")), []int64{2})
			c.want("the rows of what failed", c.numbers(c.matview("daily")), []int64{1})

			report, err = c.m.RefreshAll(c.Context(), massive.StopOnError(), massive.Views("daily", "shops", "other"))
			c.fails(err, massive.ErrDuplicateRows)
			c.outcomes(report, map[string]massive.RefreshOutcome{
				"daily": massive.OutcomeFailed, "shops": massive.OutcomeCancelled, "other": massive.OutcomeCancelled,
			})
		},
	}, {
		name: "run/busy", says: "with SkipIfBusy a view that another refreshes is skipped, what depends on it too, and the rest is refreshed, in a transaction as well",
		needs: []Operation{RefreshMatview}, catalog: warehouse(),
		check: func(c *check) {
			holder, held := c.other(nil)
			_, err := matviewOf(c, held, "daily").Refresh(c.Context())
			c.ok(err)
			want := map[string]massive.RefreshOutcome{
				"raw": massive.OutcomeRefreshed, "other": massive.OutcomeRefreshed, "shops": massive.OutcomeRefreshed, "daily": massive.OutcomeSkippedBusy,
				"far.weekly": massive.OutcomeSkippedUpstream, "report": massive.OutcomeSkippedUpstream,
			}
			// raw is read by the one that holds daily, so it is refreshed concurrently.
			with := massive.RefreshWith(massive.SkipIfBusy(), massive.ConcurrentlyIfPossible())
			report, err := c.m.RefreshAll(c.Context(), massive.StopOnError(), with)
			c.fails(err, massive.ErrBusy, "3 refreshed, 1 busy, 2 skipped")
			c.outcomes(report, want)
			tx, inside := c.other(nil)
			report, err = inside.RefreshAll(c.Context(), with)
			c.fails(err, massive.ErrBusy)
			c.outcomes(report, want)
			c.ok(tx.Commit())
			c.ok(holder.Rollback())
		},
	}, {
		name: "run/if possible", says: "a plan foresees the mode that ConcurrentlyIfPossible comes to, and why", needs: []Operation{RefreshMatview},
		catalog: Catalog{Matviews: []Matview{
			{Name: "index", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "none", Rows: []number{{1}}},
			{Name: "unpopulated", Rows: []number{{1}}, Unique: []string{"n"}, Unpopulated: true},
		}},
		check: func(c *check) {
			p, err := c.m.PlanRefresh(massive.RefreshWith(massive.ConcurrentlyIfPossible()))
			c.ok(err)
			report, err := p.Run(c.Context())
			c.ok(err)
			for i, mode := range []massive.RefreshMode{massive.ModeConcurrent, massive.ModeBlocking, massive.ModeBlocking} {
				v, s := report.Views[i], p.Steps[i]
				c.want("the mode of "+v.Name.String(), v.Mode, mode)
				c.want("as foreseen", s.Mode, mode)
				c.want("why", s.Why, v.Why)
				c.want("warnings", len(s.Warnings), 0)
			}
		},
	}, {
		name: "run/gone", says: "a view dropped between plan and run is ErrNotFound, and the rest is refreshed", needs: []Operation{RefreshMatview},
		catalog: Catalog{Matviews: []Matview{{Name: "a", Rows: []number{{1}}}, {Name: "b", Rows: []number{{1}}, Reads: []string{"a"}}, {Name: "c", Rows: []number{{1}}}}},
		check: func(c *check) {
			p, err := c.m.PlanRefresh()
			c.ok(err)
			c.db.Do(c, Drop{"a"})
			report, err := p.Run(c.Context())
			c.fails(err, massive.ErrNotFound, "refresh public.a")
			c.outcomes(report, map[string]massive.RefreshOutcome{"a": massive.OutcomeFailed, "b": massive.OutcomeSkippedUpstream, "c": massive.OutcomeRefreshed})
		},
	}, {
		name: "run/transaction", says: "in a transaction a failure ends the run, which says so, and the transaction does not commit, unless a statement fails alone there", needs: []Operation{SelectMatview, RefreshMatview},
		catalog: warehouse(),
		check: func(c *check) {
			c.db.Do(c, SetRows{"raw", []number{{2}}}, SetRows{"daily", []number{{2}, {2}}})
			tx, inside := c.other(nil)
			report, err := inside.RefreshAll(c.Context(), massive.Parallel(4), massive.Views("raw", "daily", "shops"))
			c.fails(err, massive.ErrDuplicateRows)
			c.want("at a time", report.Parallel, 1)
			c.outcomes(report, map[string]massive.RefreshOutcome{"raw": massive.OutcomeRefreshed, "daily": massive.OutcomeFailed, "shops": massive.OutcomeCancelled})
			raw := int64(1)
			if err := tx.Commit(); c.harness.StatementsFailAlone {
				c.ok(err)
				raw = 2
			} else if err == nil {
				c.Errorf("%s\n\tit committed", c.rule.says)
			}
			c.want("the rows outside", c.numbers(c.matview("raw")), []int64{raw})

			c.db.Do(c, SetRows{"daily", []number{{3}}})
			tx, inside = c.other(nil)
			_, err = inside.RefreshAll(c.Context())
			c.ok(err)
			c.want("the rows inside", c.numbers(matviewOf(c, inside, "daily")), []int64{3})
			c.ok(tx.Commit())
			c.want("the rows outside", c.numbers(c.matview("daily")), []int64{3})
		},
	}, {
		name: "run/savepoints", says: "with savepoints a failure in a transaction is taken back alone, and the run and the transaction go on",
		needs: []Operation{SelectMatview, RefreshMatview, SetSavepoint}, catalog: warehouse(),
		check: func(c *check) {
			c.db.Do(c, SetRows{"raw", []number{{2}}}, SetRows{"daily", []number{{2}, {2}}}, SetRows{"shops", []number{{2}}})
			tx, inside := c.other(nil)
			report, err := inside.RefreshAll(c.Context(), massive.Savepoints())
			c.fails(err, massive.ErrDuplicateRows)
			c.outcomes(report, map[string]massive.RefreshOutcome{
				"raw": massive.OutcomeRefreshed, "other": massive.OutcomeRefreshed, "shops": massive.OutcomeRefreshed, "daily": massive.OutcomeFailed,
				"far.weekly": massive.OutcomeSkippedUpstream, "report": massive.OutcomeSkippedUpstream,
			})
			c.want("the rows inside", c.numbers(matviewOf(c, inside, "shops")), []int64{2})
			c.passes("another's look at the view that failed", func(ctx context.Context) error {
				return c.matview("daily").Select(ctx, &[]int64{}, "")
			})
			c.blocks("another's look at one that was refreshed", func(ctx context.Context) error {
				return c.matview("shops").Select(ctx, &[]int64{}, "")
			})
			c.ok(tx.Commit())
			c.want("the rows of what was refreshed", c.numbers(c.matview("shops")), []int64{2})
			c.want("the rows of what failed", c.numbers(c.matview("daily")), []int64{1})
			_, err = c.m.RefreshAll(c.Context(), massive.Savepoints())
			c.fails(err, massive.ErrInvalid, "a savepoint needs a transaction")
		},
	}, {
		name: "savepoint", says: "RollbackToSavepoint takes back what was done since and lets its locks go, ReleaseSavepoint keeps it, and both forget the point",
		needs: []Operation{SelectMatview, RefreshMatview, SetSavepoint}, catalog: warehouse(),
		check: checkSavepoints,
	}, {
		name: "savepoint/points", says: "a savepoint is there until it is released or taken back to, and one that isn't there is an error",
		needs: []Operation{SetSavepoint}, adapts: true, catalog: Catalog{
			Matviews: []Matview{{Name: "v", Rows: []number{{1}}}}, Enums: []Enum{{Name: "mood"}}, Sequences: []Sequence{{Name: "s"}},
		},
		check: checkPoints,
	}, {
		name: "run/one connection", says: "a run uses no more connections than the pool may open, and its callbacks hold none", needs: []Operation{RefreshMatview}, catalog: warehouse(),
		check: func(c *check) {
			c.db.DB().SetMaxOpenConns(1)
			defer c.db.DB().SetMaxOpenConns(0)
			calls := 0
			report, err := c.m.RefreshAll(c.Context(), massive.Parallel(4), massive.OnProgress(func(massive.Progress) {
				calls++
				_, err := c.m.Reload(c.Context())
				c.ok(err)
			}))
			c.ok(err)
			c.want("calls", calls, 12)
			c.want("at a time", report.Parallel, 1)
			c.want("refreshed", report.Count(massive.OutcomeRefreshed), 6)
		},
	}, {
		name: "run/exhausted pool", says: "a run that gets no connection ends with its context, and the report has every view", needs: []Operation{RefreshMatview}, catalog: warehouse(),
		check: func(c *check) {
			c.db.DB().SetMaxOpenConns(1)
			defer c.db.DB().SetMaxOpenConns(0)
			conn := connOf(c, c.db.DB())
			ctx, cancel := context.WithTimeout(c.Context(), soon)
			defer cancel()
			report, err := c.m.RefreshAll(ctx, massive.Parallel(4))
			c.fails(err, context.DeadlineExceeded, "6 cancelled")
			c.want("cancelled", report.Count(massive.OutcomeCancelled), 6)
			c.ok(conn.Close())
			report, err = c.m.RefreshAll(c.Context())
			c.ok(err)
			c.want("refreshed", report.Count(massive.OutcomeRefreshed), 6)
		},
	}, {
		name: "run/cancel", says: "a run that is cancelled ends the refreshes under way, begins no others, and reports on each view", needs: []Operation{RefreshMatview}, catalog: warehouse(),
		check: func(c *check) {
			tx, inside := c.other(nil)
			_, err := matviewOf(c, inside, "daily").Refresh(c.Context())
			c.ok(err)
			ctx, cancel := context.WithCancel(c.Context())
			defer cancel()
			report, err := c.m.RefreshAll(ctx, massive.Parallel(3), massive.Views("daily", "far.weekly", "other"), massive.OnProgress(func(p massive.Progress) {
				if p.View.Name.Name == "other" && p.Ended() {
					cancel() // daily waits for the transaction
				}
			}))
			c.fails(err, context.Canceled, "1 refreshed, 2 cancelled")
			c.outcomes(report, map[string]massive.RefreshOutcome{"other": massive.OutcomeRefreshed, "daily": massive.OutcomeCancelled, "far.weekly": massive.OutcomeCancelled})
			c.ok(tx.Rollback())
			c.passes("a refresh behind it", func(ctx context.Context) error { _, err := c.matview("daily").Refresh(ctx); return err })
		},
	}}
}

// checkSavepoints goes over the savepoints of a dialect by themselves.
func checkSavepoints(c *check) {
	marks := c.db.Dialect()
	ctx := c.Context()
	c.db.Do(c, SetRows{"raw", []number{{2}}}, SetRows{"daily", []number{{2}}}, SetRows{"other", []number{{2}, {2}}})
	tx, inside := c.other(nil)
	raw, daily, other := matviewOf(c, inside, "raw"), matviewOf(c, inside, "daily"), matviewOf(c, inside, "other")
	refresh := func(v massive.Matview) {
		c.Helper()
		_, err := v.Refresh(ctx)
		c.ok(err)
	}
	look := func(view string) func(context.Context) error {
		return func(ctx context.Context) error { return c.matview(view).Select(ctx, &[]int64{}, "") }
	}
	refresh(raw)
	c.ok(marks.SetSavepoint(ctx, tx, "one"))
	refresh(daily)
	c.ok(marks.SetSavepoint(ctx, tx, "one")) // hides the first
	_, err := other.Refresh(ctx)
	c.fails(err, massive.ErrDuplicateRows)
	if !c.harness.StatementsFailAlone {
		c.passes("a look at what failed: a failure lets go of the locks since the last savepoint", look("other"))
	}
	c.blocks("a look at what was refreshed before it", look("daily"))
	_, err = raw.Refresh(ctx)
	c.afterFailure(err)
	if err := marks.SetSavepoint(ctx, tx, "two"); (err == nil) != c.harness.StatementsFailAlone {
		c.Errorf("%s\n\ta savepoint behind a failure gives %v", c.rule.says, err)
	}
	c.ok(marks.RollbackToSavepoint(ctx, tx, "one"))
	c.want("the rows since the first savepoint", c.numbers(daily), []int64{2})
	c.blocks("a look at it", look("daily"))
	c.ok(marks.RollbackToSavepoint(ctx, tx, "one"))
	c.want("the rows, taken back to the first", c.numbers(daily), []int64{1})
	c.want("the rows before it", c.numbers(raw), []int64{2})
	c.passes("a look at what was taken back", look("daily"))
	c.blocks("a look at what was not", look("raw"))
	c.ok(marks.SetSavepoint(ctx, tx, "one"))
	refresh(daily)
	c.ok(marks.ReleaseSavepoint(ctx, tx, "one"))
	c.ok(tx.Commit())
	c.want("the rows that were kept", c.numbers(c.matview("daily")), []int64{2})
}

// checkPoints goes over savepoints in transactions that do nothing else.
func checkPoints(c *check) {
	marks := c.db.Dialect()
	ctx := c.Context()
	for what, op := range map[string]func(context.Context, dialect.Querier, string) error{
		"RollbackToSavepoint": marks.RollbackToSavepoint, "ReleaseSavepoint": marks.ReleaseSavepoint,
	} {
		tx, _ := c.other(nil)
		if err := op(ctx, tx, "none"); err == nil {
			c.Errorf("%s\n\t%s of a savepoint that isn't there gives no error", c.rule.says, what)
		}
		c.ok(tx.Rollback())
		tx, _ = c.other(nil)
		c.ok(marks.SetSavepoint(ctx, tx, "one"))
		c.ok(marks.SetSavepoint(ctx, tx, "one"))
		c.ok(marks.SetSavepoint(ctx, tx, "two"))
		for range 2 {
			c.ok(op(ctx, tx, "one"))
		}
		if err := op(ctx, tx, "one"); err == nil {
			c.Errorf("%s\n\t%s of a savepoint that is gone gives no error", c.rule.says, what)
		}
		c.ok(tx.Rollback())
	}
}

func stepsOf(p *massive.Plan) (names []string) {
	for _, s := range p.Steps {
		names = append(names, s.Name.String())
	}
	return names
}

// outcomes checks what became of each view.
func (c *check) outcomes(r massive.RefreshReport, want map[string]massive.RefreshOutcome) {
	c.Helper()
	c.want("the number of views in the report", len(r.Views), len(want))
	seen := map[string]bool{}
	for _, v := range r.Views {
		name := strings.TrimPrefix(v.Name.String(), "public.")
		c.want(name+" is in the report twice", seen[name], false)
		seen[name] = true
		c.want("what became of "+name, v.Outcome, want[name])
		c.want(name+" has a reason", v.Reason != "", v.Outcome != massive.OutcomeRefreshed)
	}
}
