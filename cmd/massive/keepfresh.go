package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/massive"
)

type keepJSON struct {
	Time      time.Time `json:"time"`
	Event     string    `json:"event"`
	View      string    `json:"view,omitempty"`
	TargetLag float64   `json:"target_lag_seconds,omitempty"`
	Outcome   string    `json:"outcome,omitempty"`
	Seconds   float64   `json:"seconds,omitempty"`
	Why       string    `json:"why,omitempty"`
	Error     string    `json:"error,omitempty"`
}

func (a *app) keepFresh() *cobra.Command {
	var lag time.Duration
	var parallel int
	var concurrently, blocking bool
	c := &cobra.Command{
		Use:   "keep-fresh --target-lag D [VIEW…]",
		Short: "Keep materialized views younger than a target, until Ctrl-C",
		Long: `Keep the rows of all views, or of the named views and what they read, younger than the target
lag, until Ctrl-C or SIGTERM. Any number of processes may do so: they share the work
through the ledger, and another takes over if one ends. Each refresh, failure and view
that is behind is a line on standard output. New views count from the next minute on.`,
		Example: `  massive keep-fresh --target-lag 5m --ledger massive
  massive keep-fresh --target-lag 1m daily_sales 'stats.*' --parallel 2`,
		PreRunE: a.needsLedger,
		RunE: a.with(func(ctx context.Context, s session, views []string) error {
			policy := massive.Policy{Views: views, TargetLag: lag}
			switch {
			case concurrently:
				policy.Refresh = []massive.RefreshOption{massive.Concurrently()}
			case !blocking:
				policy.Refresh = []massive.RefreshOption{massive.ConcurrentlyIfPossible()}
			}
			opts := []massive.KeepFreshOption{massive.OnFreshness(a.kept)}
			if parallel != 1 {
				opts = append(opts, massive.KeepParallel(parallel))
			}
			go func() { _ = s.Watch(ctx, time.Minute, a.event) }() // KeepFresh follows its reloads
			err := s.KeepFresh(ctx, []massive.Policy{policy}, opts...)
			if ctx.Err() != nil {
				return nil
			}
			return err
		}, massive.KindMatview),
	}
	flags := c.Flags()
	flags.DurationVar(&lag, "target-lag", 0, "the age that the rows should not exceed, such as 5m")
	flags.IntVar(&parallel, "parallel", 1, "how many refreshes run at a time")
	flags.BoolVar(&concurrently, "concurrently", false, "always refresh concurrently (default: where that is possible)")
	flags.BoolVar(&blocking, "blocking", false, "never refresh concurrently")
	c.MarkFlagsMutuallyExclusive("concurrently", "blocking")
	_ = c.MarkFlagRequired("target-lag")
	return c
}

// kept prints an event of keep-fresh.
func (a *app) kept(e massive.FreshnessEvent) {
	now := time.Now()
	if !a.json {
		color := ""
		if e.Kind == massive.FreshnessFailed || e.Kind == massive.FreshnessBehind {
			color = red
		}
		a.out.painted(color, now.Format("15:04:05 ")+e.String())
		return
	}
	j := keepJSON{Time: now, Event: e.Kind.String(), TargetLag: e.TargetLag.Seconds(), Why: e.Why, Seconds: e.Result.Duration.Seconds()}
	if e.View != (massive.Name{}) {
		j.View = e.View.String()
	}
	if e.Result.Outcome != 0 {
		j.Outcome = e.Result.Outcome.String()
	}
	if e.Err != nil {
		j.Error = e.Err.Error()
	}
	_ = a.out.record(j)
}
