package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

type (
	freshnessJSON struct {
		View           string       `json:"view"`
		Status         string       `json:"status,omitempty"` // ok, unknown, warn or error
		AsOf           *time.Time   `json:"as_of,omitempty"`
		AgeSeconds     *float64     `json:"age_seconds,omitempty"`
		DataAsOf       *time.Time   `json:"data_as_of,omitempty"`
		DataAgeSeconds *float64     `json:"data_age_seconds,omitempty"`
		Doubt          string       `json:"doubt,omitempty"`
		Started        *time.Time   `json:"started,omitempty"`
		Finished       *time.Time   `json:"finished,omitempty"`
		Concurrently   bool         `json:"concurrently,omitempty"`
		By             string       `json:"by,omitempty"`
		Failures       int          `json:"failures,omitempty"`
		FailedAt       *time.Time   `json:"failed_at,omitempty"`
		Error          string       `json:"error,omitempty"`
		Running        *runningJSON `json:"running,omitempty"`
	}
	runningJSON struct {
		By    string     `json:"by"`
		Since *time.Time `json:"since,omitempty"`
	}
)

// needLedger returns an error if no ledger is given.
func (a *app) needLedger() error {
	if a.ledger == "" {
		return usage("a ledger is needed: --ledger SCHEMA, or $MASSIVE_LEDGER; 'massive ledger create' creates it")
	}
	return nil
}

// needsLedger makes a command fail without a ledger.
func (a *app) needsLedger(*cobra.Command, []string) error { return a.needLedger() }

func asFreshness(f dialect.Freshness) freshnessJSON {
	j := freshnessJSON{
		View: f.Name.String(), AsOf: moment(f.AsOf), DataAsOf: moment(f.DataAsOf), Started: moment(f.Started), Finished: moment(f.Finished),
		Concurrently: f.Concurrently, By: f.By, Failures: f.Failures, FailedAt: moment(f.FailedAt), Error: f.Error,
		AgeSeconds: seconds(f.Age()), DataAgeSeconds: seconds(f.DataAge()),
	}
	if f.Doubt != 0 {
		j.Doubt = f.Doubt.String()
	}
	if f.Running != nil {
		j.Running = &runningJSON{f.Running.By, moment(f.Running.Since)}
	}
	return j
}

// moment returns nil for a zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func seconds(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	s := d.Seconds()
	return &s
}

func (a *app) freshness() *cobra.Command {
	var l limits
	c := &cobra.Command{
		Use:   "freshness",
		Short: "Print how old the rows of materialized views are",
		Long: `Print how old the rows of each materialized view are, from the ledger. DATA counts what the
view reads, too: a view that was refreshed a minute ago from a view that is an hour old
has data that is an hour old.

A view whose data is older than --error-after, or of unknown age, is an error: the exit
code is 1. With --warn-after it is only marked.`,
		Example: `  massive freshness --ledger massive
  massive freshness --warn-after 15m --error-after 1h`,
		Args:    cobra.NoArgs,
		PreRunE: a.needsLedger,
		RunE: a.with(func(ctx context.Context, s session, _ []string) error {
			all, err := s.Freshness(ctx)
			if err != nil {
				return err
			}
			list, stale := []freshnessJSON{}, 0
			t := table{{"STATUS", "VIEW", "AGE", "DATA", "TOOK", "BY", "NOTES"}}
			for _, f := range all {
				j := asFreshness(f)
				if j.Status = l.status(f); j.Status == "error" {
					stale++
				}
				list = append(list, j)
				t.row(j.Status, j.View, ago(f.Age()), ago(f.DataAge()), f.Took().Round(time.Millisecond).String(), f.By, notes(f))
			}
			if a.json {
				err = a.out.document(struct {
					Views []freshnessJSON `json:"views"`
				}{list})
			} else if len(list) > 0 {
				a.out.table(t)
			}
			if err == nil && stale > 0 {
				return exit{code: exitFindings}
			}
			return err
		}, massive.KindMatview),
	}
	l.flags(c)
	return c
}

// limits has the ages from which a view is a warning or an error. 0 means none.
type limits struct{ warn, fail time.Duration }

func (l *limits) flags(c *cobra.Command) {
	c.Flags().DurationVar(&l.warn, "warn-after", 0, "a view whose data is older is a warning")
	c.Flags().DurationVar(&l.fail, "error-after", 0, "a view whose data is older is an error")
}

// status returns "ok", "unknown", "warn" or "error". An unknown age is above each limit.
func (l limits) status(f dialect.Freshness) string {
	age, known := f.DataAge()
	switch {
	case l.fail != 0 && (!known || age > l.fail):
		return "error"
	case l.warn != 0 && (!known || age > l.warn):
		return "warn"
	case !known:
		return "unknown"
	default:
		return "ok"
	}
}

func ago(d time.Duration, known bool) string {
	if !known {
		return "unknown"
	}
	return d.Round(time.Second).String()
}

// notes returns what a table has no column for.
func notes(f dialect.Freshness) string {
	var all []string
	if f.Doubt != 0 {
		all = append(all, f.Doubt.String())
	}
	if f.Running != nil {
		all = append(all, f.Running.By+" refreshes it")
	}
	if f.Failures > 0 {
		all = append(all, plural(f.Failures, "failure")+" since: "+f.Error)
	}
	return strings.Join(all, ", ")
}

func (a *app) ledgers() *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "Create the ledger of refreshes", Args: cobra.NoArgs}
	var writers []string
	var others bool
	options := func() (all []massive.LedgerDDLOption) {
		if len(writers) > 0 {
			all = append(all, massive.LedgerWriters(writers...))
		}
		if others {
			all = append(all, massive.NoteOthers())
		}
		return all
	}
	c.PersistentFlags().StringArrayVar(&writers, "writer", nil, "let this `role` record refreshes; repeatable")
	c.PersistentFlags().BoolVar(&others, "note-others", false, "also record the refreshes of other programs; needs a superuser")
	c.AddCommand(&cobra.Command{
		Use:     "ddl",
		Short:   "Print the statements that create the ledger, for a migration",
		Example: `  massive ledger ddl --ledger massive --writer app > migrations/7_ledger.sql`,
		Args:    cobra.NoArgs,
		PreRunE: a.needsLedger,
		RunE: a.run(func(context.Context, []string) error {
			ddl, err := massive.LedgerDDL(postgres.New(), a.ledger, options()...)
			if err != nil {
				return err
			}
			if a.json {
				return a.out.document(struct {
					DDL string `json:"ddl"`
				}{ddl})
			}
			_, err = fmt.Fprintln(a.out, ddl)
			return err
		}),
	}, &cobra.Command{
		Use:     "create",
		Short:   "Create the ledger, unless it exists",
		Example: `  massive ledger create --ledger massive`,
		Args:    cobra.NoArgs,
		PreRunE: a.needsLedger,
		RunE: a.run(func(ctx context.Context, _ []string) error {
			pool, err := connect(ctx, a.url)
			if err != nil {
				return err
			}
			defer pool.Close()
			if err := massive.CreateLedger(ctx, pool, postgres.New(), a.ledger, options()...); err != nil {
				return err
			}
			a.progress.line("The ledger is in the schema " + a.ledger + ".")
			return nil
		}),
	})
	return group(c)
}
