package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/massive"
)

type (
	planJSON struct {
		Parallel    int            `json:"parallel"`
		WhyParallel string         `json:"why_parallel"`
		Steps       []stepJSON     `json:"steps"`
		Excluded    []excludedJSON `json:"excluded"`
	}
	stepJSON struct {
		View     string   `json:"view"`
		Mode     string   `json:"mode"`
		Why      string   `json:"why"`
		Level    int      `json:"level"`
		Warnings []string `json:"warnings"`
	}
	excludedJSON struct {
		View string `json:"view"`
		Why  string `json:"why"`
	}
	reportJSON struct {
		Start    time.Time        `json:"start"`
		Seconds  float64          `json:"seconds"`
		Parallel int              `json:"parallel"`
		Views    []viewReportJSON `json:"views"`
	}
	viewReportJSON struct {
		View    string  `json:"view"`
		Outcome string  `json:"outcome"`
		Mode    string  `json:"mode"`
		Why     string  `json:"why"`
		Reason  string  `json:"reason,omitempty"`
		Seconds float64 `json:"seconds"`
	}
)

// A refreshFlags has the flags of refresh.
type refreshFlags struct {
	concurrently, ifPossible, noWait, analyze bool
	upstream, downstream, dryRun              bool
	parallel                                  int
	lockTimeout, olderThan                    time.Duration
	ifOlder                                   bool // olderThan is given
}

func (a *app) refresh() *cobra.Command {
	var f refreshFlags
	c := &cobra.Command{
		Use:   "refresh [VIEW…]",
		Short: "Refresh materialized views in the order of their dependencies",
		Long: `Refresh all materialized views, or the named views, each after the views that it reads.
A VIEW is a name or a pattern such as 'stats.*'.

A line for each view goes to standard output when the view is done. If a refresh fails,
the views that depend on it are skipped, and the exit code is 4. A view that --no-wait
skips because it is busy is not a failure. Ctrl-C cancels the running refreshes on the
server, and prints what was done.`,
		Example: `  massive refresh --if-possible --parallel 4
  massive refresh daily_sales --upstream
  massive refresh --older-than 15m --ledger massive
  massive refresh 'stats.*' --no-wait --dry-run`,
		PreRunE: func(c *cobra.Command, _ []string) error {
			if f.ifOlder = c.Flags().Changed("older-than"); f.ifOlder {
				return a.needLedger()
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, s session, views []string) error {
			plan, err := s.PlanRefresh(append(f.options(views), massive.OnProgress(a.live(ctx)))...)
			if err != nil {
				return err
			}
			if f.dryRun {
				return a.plan(plan)
			}
			report, err := plan.Run(ctx)
			return a.report(ctx, report, err)
		}, massive.KindMatview),
	}
	flags := c.Flags()
	flags.BoolVar(&f.concurrently, "concurrently", false, "let readers see the old rows; needs a unique index")
	flags.BoolVar(&f.ifPossible, "if-possible", false, "refresh concurrently where that is possible")
	flags.BoolVar(&f.noWait, "no-wait", false, "skip a view if another refresh of it is running")
	flags.BoolVar(&f.analyze, "analyze", false, "also collect the planner's statistics")
	flags.DurationVar(&f.lockTimeout, "lock-timeout", 0, "how long to wait for each lock, such as 5s")
	flags.DurationVar(&f.olderThan, "older-than", 0, "refresh only views whose rows are older, such as 15m; needs --ledger")
	flags.IntVar(&f.parallel, "parallel", 1, "how many refreshes run at a time")
	flags.BoolVar(&f.upstream, "upstream", false, "first refresh the views that the named views depend on, too")
	flags.BoolVar(&f.downstream, "downstream", false, "then refresh the views that depend on the named views, too")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only print the plan")
	c.MarkFlagsMutuallyExclusive("concurrently", "if-possible")
	return c
}

func (f refreshFlags) options(views []string) []massive.PlanOption {
	var how []massive.RefreshOption
	add := func(is bool, o func() massive.RefreshOption) {
		if is {
			how = append(how, o())
		}
	}
	add(f.concurrently, massive.Concurrently)
	add(f.ifPossible, massive.ConcurrentlyIfPossible)
	add(f.noWait, massive.SkipIfBusy)
	add(f.analyze, massive.Analyze)
	add(f.lockTimeout != 0, func() massive.RefreshOption { return massive.LockTimeout(f.lockTimeout) })
	all := []massive.PlanOption{massive.RefreshWith(how...)}
	if f.parallel != 1 {
		all = append(all, massive.Parallel(f.parallel))
	}
	if len(views) > 0 {
		all = append(all, massive.Views(views...))
	}
	if f.ifOlder {
		all = append(all, massive.IfOlderThan(f.olderThan))
	}
	if f.upstream {
		all = append(all, massive.Upstream())
	}
	if f.downstream {
		all = append(all, massive.Downstream())
	}
	return all
}

func (a *app) plan(p *massive.Plan) error {
	if !a.json {
		a.out.lines(p.String())
		return nil
	}
	j := planJSON{p.Parallel, p.WhyParallel, []stepJSON{}, []excludedJSON{}}
	for _, s := range p.Steps {
		j.Steps = append(j.Steps, stepJSON{s.Name.String(), s.Mode.String(), s.Why, s.Level, append([]string{}, s.Warnings...)})
	}
	for _, x := range p.Excluded {
		j.Excluded = append(j.Excluded, excludedJSON{x.Name.String(), x.Why})
	}
	return a.out.document(j)
}

// live returns a function that prints a line for each view that is done. On a terminal it
// also shows the running refreshes, until ctx ends.
func (a *app) live(ctx context.Context) func(massive.Progress) {
	var running []massive.ViewReport
	to := a.out // the report is the data, unless it follows as JSON
	if a.json {
		to = a.progress
	}
	return func(p massive.Progress) {
		running = slices.DeleteFunc(running, func(v massive.ViewReport) bool { return v.Name == p.View.Name })
		a.progress.status("")
		if p.Ended() {
			to.painted(paint(p.View), p.String())
		} else {
			running = append(running, p.View)
		}
		if len(running) > 0 && ctx.Err() == nil {
			a.progress.status(fmt.Sprintf("[%d/%d] refreshing %s", p.Done, p.Total,
				strings.Join(names(running), ", ")))
		}
	}
}

func names(views []massive.ViewReport) (all []string) {
	for _, v := range views {
		all = append(all, v.Name.String())
	}
	return all
}

func paint(v massive.ViewReport) string {
	switch v.Outcome {
	case massive.OutcomeRefreshed, massive.OutcomeEmptied, massive.OutcomeJoined, massive.OutcomeFresh:
		return ""
	case massive.OutcomeFailed:
		return red
	default:
		return faint
	}
}

// report prints how a run ended, and returns the exit code's error. The lines of the views
// are already printed.
func (a *app) report(ctx context.Context, r massive.RefreshReport, err error) error {
	a.progress.status("")
	if a.json {
		j := reportJSON{r.Start, r.Duration.Seconds(), r.Parallel, []viewReportJSON{}}
		for _, v := range r.Views {
			j.Views = append(j.Views, viewReportJSON{v.Name.String(), v.Outcome.String(), v.Mode.String(), v.Why, v.Reason, v.Duration.Seconds()})
		}
		if err := a.out.document(j); err != nil {
			return err
		}
	} else {
		summary, _, _ := strings.Cut(r.String(), "\n")
		a.out.painted(bold, summary)
	}
	switch {
	case ctx.Err() != nil:
		return exit{exitRefresh, fmt.Errorf("interrupted: %d of %s refreshed", r.Count(massive.OutcomeRefreshed), plural(len(r.Views), "view"))}
	case r.Count(massive.OutcomeFailed) > 0:
		return exit{code: exitRefresh}
	case err != nil && len(r.Views) == 0: // the run did not begin
		return err
	default:
		return nil
	}
}
