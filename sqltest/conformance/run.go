package conformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

func runRules() []rule {
	return []rule{
		runOrder(),
		runSelection(),
		runFailure(),
		runBusy(),
		runIfPossible(),
		runGone(),
		runTransaction(),
		runSavepoints(),
		runOneConnection(),
		runExhaustedPool(),
		runCancel(),
	}
}

func runOrder() rule {
	return rule{
		name: "run/order",
		says: "RefreshAll refreshes each view once, after all views that it depends on, " +
			"and reports on each",
		needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: warehouse(),
		check: func(c *check) {
			for _, v := range warehouse().Matviews {
				c.db.Do(c, sqltest.SetRows{Matview: v.Name, Rows: []number{{2}}})
			}
			begun, ended := map[string]bool{}, map[string]bool{}
			report, err := c.m.RefreshAll(c.Context(), massive.Parallel(4), massive.RefreshWith(massive.Concurrently()), massive.OnProgress(func(p massive.Progress) {
				name := p.View.Name.String()
				if p.Ended() {
					ended[name] = true
					return
				}
				c.want(name+" began twice", begun[name], false)
				begun[name] = true
				for _, d := range strings.Fields(warehouseOrder[name]) {
					c.want(fmt.Sprintf("%s ended before %s began", d, name), ended[d], true)
				}
			}))
			c.ok(err)
			c.want("the number of views that ended", len(ended), 6)
			c.want("the number of refreshed views in the report", report.Count(massive.OutcomeRefreshed), 6)
			for _, v := range report.Views {
				c.want("the mode", v.Mode, massive.ModeConcurrent)
				c.want("the reason of the mode", v.Why, "requested")
				c.want("the report has the start and the duration", !v.Start.IsZero() && v.Duration > 0, true)
				c.want("the rows of "+v.Name.String(), c.numbers(c.matview(v.Name.String())), []int64{2})
			}
		},
	}
}

func runSelection() rule {
	return rule{
		name: "run/selection",
		says: "Views selects the named views, Upstream adds all that they depend on, and " +
			"Downstream adds all that depend on them. The plan refreshes no other views",
		needs:   []Operation{RefreshMatview},
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
				c.want("the number of refreshed views", report.Count(massive.OutcomeRefreshed), len(s.steps))
			}
			_, err := c.m.PlanRefresh(massive.Views("dailly"))
			c.fails(err, massive.ErrNotFound, "did you mean public.daily?")
			_, err = c.m.RefreshAll(c.Context(), massive.Views())
			c.fails(err, massive.ErrInvalid, "no view is named")
		},
	}
}

func runFailure() rule {
	return rule{
		name: "run/failure",
		says: "If a view fails, RefreshAll skips the views that depend on it and " +
			"refreshes the others. It returns the error of the view that failed",
		needs:   []Operation{SelectMatview, RefreshMatview},
		catalog: warehouse(),
		check: func(c *check) {
			c.db.Do(c, sqltest.SetRows{Matview: "daily", Rows: []number{{2}, {2}}}, sqltest.SetRows{Matview: "shops", Rows: []number{{2}}})
			report, err := c.m.RefreshAll(c.Context(), massive.Parallel(2))
			c.fails(err, massive.ErrDuplicateRows, "refresh views", "3 refreshed, 2 skipped, 1 failed", "refresh public.daily")
			c.outcomes(report, map[string]registry.RefreshOutcome{
				"raw": massive.OutcomeRefreshed, "other": massive.OutcomeRefreshed, "shops": massive.OutcomeRefreshed, "daily": massive.OutcomeFailed,
				"far.weekly": massive.OutcomeSkippedUpstream, "report": massive.OutcomeSkippedUpstream,
			})
			c.want("the rows of a view that was refreshed", c.numbers(c.matview("shops")), []int64{2})
			c.want("the rows of the view that failed", c.numbers(c.matview("daily")), []int64{1})

			report, err = c.m.RefreshAll(c.Context(), massive.StopOnError(), massive.Views("daily", "shops", "other"))
			c.fails(err, massive.ErrDuplicateRows)
			c.outcomes(report, map[string]registry.RefreshOutcome{
				"daily": massive.OutcomeFailed, "shops": massive.OutcomeCancelled, "other": massive.OutcomeCancelled,
			})
		},
	}
}

func runBusy() rule {
	return rule{
		name: "run/busy",
		says: "With SkipIfBusy, RefreshAll skips a view that another session refreshes, " +
			"and the views that depend on it. It refreshes the others, also in a " +
			"transaction",
		needs: []Operation{RefreshMatview}, catalog: warehouse(),
		check: func(c *check) {
			holder, held := c.other(nil)
			_, err := matviewOf(c, held, "daily").Refresh(c.Context())
			c.ok(err)
			want := map[string]registry.RefreshOutcome{
				"raw": massive.OutcomeRefreshed, "other": massive.OutcomeRefreshed, "shops": massive.OutcomeRefreshed, "daily": massive.OutcomeSkippedBusy,
				"far.weekly": massive.OutcomeSkippedUpstream, "report": massive.OutcomeSkippedUpstream,
			}
			// The holder's refresh of daily also locks raw, so raw must be refreshed
			// concurrently.
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
	}
}

func runIfPossible() rule {
	return rule{
		name: "run/if possible",
		says: "A plan predicts the mode that ConcurrentlyIfPossible chooses for each " +
			"view, and the reason",
		needs: []Operation{RefreshMatview},
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
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
				c.want("the mode in the plan", s.Mode, mode)
				c.want("the reason in the plan", s.Why, v.Why)
				c.want("the number of warnings", len(s.Warnings), 0)
			}
		},
	}
}

func runGone() rule {
	return rule{
		name: "run/gone",
		says: "If a view is dropped after the plan was made, Run reports ErrNotFound for " +
			"that view and refreshes the views that don't depend on it",
		needs:   []Operation{RefreshMatview},
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "a", Rows: []number{{1}}}, {Name: "b", Rows: []number{{1}}, Reads: []string{"a"}}, {Name: "c", Rows: []number{{1}}}}},
		check: func(c *check) {
			p, err := c.m.PlanRefresh()
			c.ok(err)
			c.db.Do(c, sqltest.Drop{Name: "a"})
			report, err := p.Run(c.Context())
			c.fails(err, massive.ErrNotFound, "refresh public.a")
			c.outcomes(report, map[string]registry.RefreshOutcome{"a": massive.OutcomeFailed, "b": massive.OutcomeSkippedUpstream, "c": massive.OutcomeRefreshed})
		},
	}
}

func runTransaction() rule {
	return rule{
		name: "run/transaction",
		says: "In a transaction, a view that fails ends the run, and the remaining views " +
			"are cancelled. The transaction can't commit, unless " +
			"Harness.StatementsFailAlone is set",
		needs:   []Operation{SelectMatview, RefreshMatview},
		catalog: warehouse(),
		check: func(c *check) {
			c.db.Do(c, sqltest.SetRows{Matview: "raw", Rows: []number{{2}}}, sqltest.SetRows{Matview: "daily", Rows: []number{{2}, {2}}})
			tx, inside := c.other(nil)
			report, err := inside.RefreshAll(c.Context(), massive.Parallel(4), massive.Views("raw", "daily", "shops"))
			c.fails(err, massive.ErrDuplicateRows)
			c.want("the number of parallel refreshes", report.Parallel, 1)
			c.outcomes(report, map[string]registry.RefreshOutcome{"raw": massive.OutcomeRefreshed, "daily": massive.OutcomeFailed, "shops": massive.OutcomeCancelled})
			raw := int64(1)
			if err := tx.Commit(); c.harness.StatementsFailAlone {
				c.ok(err)
				raw = 2
			} else if err == nil {
				c.Errorf("%s\n\tcommitting the transaction: got no error, want one", c.rule.says)
			}
			c.want("the rows outside the transaction", c.numbers(c.matview("raw")), []int64{raw})

			c.db.Do(c, sqltest.SetRows{Matview: "daily", Rows: []number{{3}}})
			tx, inside = c.other(nil)
			_, err = inside.RefreshAll(c.Context())
			c.ok(err)
			c.want("the rows inside the transaction", c.numbers(matviewOf(c, inside, "daily")), []int64{3})
			c.ok(tx.Commit())
			c.want("the rows outside the transaction", c.numbers(c.matview("daily")), []int64{3})
		},
	}
}

func runSavepoints() rule {
	return rule{
		name: "run/savepoints",
		says: "With Savepoints, a view that fails in a transaction is rolled back alone. " +
			"The run continues, and the transaction can commit",
		needs: []Operation{SelectMatview, RefreshMatview, SetSavepoint}, catalog: warehouse(),
		check: func(c *check) {
			c.db.Do(c, sqltest.SetRows{Matview: "raw", Rows: []number{{2}}}, sqltest.SetRows{Matview: "daily", Rows: []number{{2}, {2}}}, sqltest.SetRows{Matview: "shops", Rows: []number{{2}}})
			tx, inside := c.other(nil)
			report, err := inside.RefreshAll(c.Context(), massive.Savepoints())
			c.fails(err, massive.ErrDuplicateRows)
			c.outcomes(report, map[string]registry.RefreshOutcome{
				"raw": massive.OutcomeRefreshed, "other": massive.OutcomeRefreshed, "shops": massive.OutcomeRefreshed, "daily": massive.OutcomeFailed,
				"far.weekly": massive.OutcomeSkippedUpstream, "report": massive.OutcomeSkippedUpstream,
			})
			c.want("the rows inside the transaction", c.numbers(matviewOf(c, inside, "shops")), []int64{2})
			c.passes("reading the view that failed, in another session", func(ctx context.Context) error {
				return c.matview("daily").Select(ctx, &[]int64{}, "")
			})
			c.blocks("reading a view that was refreshed, in another session", func(ctx context.Context) error {
				return c.matview("shops").Select(ctx, &[]int64{}, "")
			})
			c.ok(tx.Commit())
			c.want("the rows of a view that was refreshed", c.numbers(c.matview("shops")), []int64{2})
			c.want("the rows of the view that failed", c.numbers(c.matview("daily")), []int64{1})
			_, err = c.m.RefreshAll(c.Context(), massive.Savepoints())
			c.fails(err, massive.ErrInvalid, "a savepoint needs a transaction")
		},
	}
}

func runOneConnection() rule {
	return rule{
		name: "run/one connection",
		says: "A run uses no more connections than the pool allows, and holds none " +
			"during a callback",
		needs: []Operation{RefreshMatview}, catalog: warehouse(),
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
			c.want("the number of calls of OnProgress", calls, 12)
			c.want("the number of parallel refreshes", report.Parallel, 1)
			c.want("the number of refreshed views", report.Count(massive.OutcomeRefreshed), 6)
		},
	}
}

func runExhaustedPool() rule {
	return rule{
		name: "run/exhausted pool",
		says: "If a run gets no connection from the pool, it ends when its context ends. " +
			"The report lists every view",
		needs: []Operation{RefreshMatview}, catalog: warehouse(),
		check: func(c *check) {
			c.db.DB().SetMaxOpenConns(1)
			defer c.db.DB().SetMaxOpenConns(0)
			conn := connOf(c, c.db.DB())
			ctx, cancel := context.WithTimeout(c.Context(), soon)
			defer cancel()
			report, err := c.m.RefreshAll(ctx, massive.Parallel(4))
			c.fails(err, context.DeadlineExceeded, "6 cancelled")
			c.want("the number of cancelled views", report.Count(massive.OutcomeCancelled), 6)
			c.ok(conn.Close())
			report, err = c.m.RefreshAll(c.Context())
			c.ok(err)
			c.want("the number of refreshed views", report.Count(massive.OutcomeRefreshed), 6)
		},
	}
}

func runCancel() rule {
	return rule{
		name: "run/cancel",
		says: "When its context is cancelled, a run ends the refreshes in progress and " +
			"starts no others. The report lists every view",
		needs: []Operation{RefreshMatview}, catalog: warehouse(),
		check: func(c *check) {
			tx, inside := c.other(nil)
			_, err := matviewOf(c, inside, "daily").Refresh(c.Context())
			c.ok(err)
			ctx, cancel := context.WithCancel(c.Context())
			defer cancel()
			report, err := c.m.RefreshAll(ctx, massive.Parallel(3), massive.Views("daily", "far.weekly", "other"), massive.OnProgress(func(p massive.Progress) {
				if p.View.Name.Name == "other" && p.Ended() {
					cancel() // daily waits for the open transaction
				}
			}))
			c.fails(err, context.Canceled, "1 refreshed, 2 cancelled")
			c.outcomes(report, map[string]registry.RefreshOutcome{"other": massive.OutcomeRefreshed, "daily": massive.OutcomeCancelled, "far.weekly": massive.OutcomeCancelled})
			c.ok(tx.Rollback())
			c.passes("a refresh after the rollback", func(ctx context.Context) error { _, err := c.matview("daily").Refresh(ctx); return err })
		},
	}
}

func stepsOf(p *massive.Plan) (names []string) {
	for _, s := range p.Steps {
		names = append(names, s.Name.String())
	}
	return names
}

// outcomes checks the outcome of each view.
func (c *check) outcomes(r massive.RefreshReport, want map[string]registry.RefreshOutcome) {
	c.Helper()
	c.want("the number of views in the report", len(r.Views), len(want))
	seen := map[string]bool{}
	for _, v := range r.Views {
		name := strings.TrimPrefix(v.Name.String(), "public.")
		c.want(name+" is in the report twice", seen[name], false)
		seen[name] = true
		c.want("the outcome of "+name, v.Outcome, want[name])
		c.want(name+" has a reason", v.Reason != "", v.Outcome != massive.OutcomeRefreshed)
	}
}
