package massive_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

const readers = `CREATE MATERIALIZED VIEW a AS SELECT 1 AS x; CREATE VIEW between AS SELECT x FROM a;
	CREATE MATERIALIZED VIEW b AS SELECT x FROM between; CREATE UNIQUE INDEX ON a (x); CREATE UNIQUE INDEX ON b (x);
	CREATE MATERIALIZED VIEW c AS SELECT x FROM b; CREATE UNIQUE INDEX ON c (x); CREATE MATERIALIZED VIEW alone AS SELECT 1 AS x`

// A run in a transaction can deadlock with a refresh elsewhere only if its plan warns of
// it.
func TestPlanWarnsOfDeadlocks(t *testing.T) {
	t.Parallel()
	onDrivers(t, readers, func(t *testing.T, e *env) {
		exec(t, e.pool, "ALTER DATABASE "+e.Name()+" SET deadlock_timeout = '50ms'")
		e = &env{e.Database, e.driver, e.Open(t, e.driver)}
		m := e.load(t)
		for name, c := range map[string]struct {
			opts    []massive.RefreshOption
			outcome registry.RefreshOutcome // of b in the transaction; 0 for a deadlock of either
		}{
			"blocking":     {nil, 0},
			"SkipIfBusy":   {[]massive.RefreshOption{massive.SkipIfBusy()}, massive.OutcomeSkippedBusy},
			"Concurrently": {[]massive.RefreshOption{massive.Concurrently()}, massive.OutcomeRefreshed},
		} {
			elsewhere := make(chan error, 1)
			tx := e.begin(t)
			pid := one[string](t, tx, "SELECT pg_backend_pid()::text")
			plan, err := m.With(tx).PlanRefresh(massive.Views("a", "b"), massive.RefreshWith(c.opts...), massive.OnProgress(func(p massive.Progress) {
				if p.View.Name.Name != "a" || !p.Ended() {
					return
				}
				go func() {
					_, err := matview(t, m, "b").Refresh(context.WithoutCancel(t.Context()), c.opts...)
					elsewhere <- err
				}()
				if c.outcome == massive.OutcomeRefreshed {
					return
				}
				eventually(t, e.pool, "the refresh elsewhere waits for the transaction", `SELECT EXISTS (SELECT FROM pg_stat_activity
					WHERE datname = current_database() AND `+pid+` = ANY (pg_blocking_pids(pid)))`)
			}))
			noError(t, err)
			same(t, name+": the plan warns", strings.Contains(plan.String(), "deadlock"), c.outcome == 0)
			report, err := plan.Run(t.Context())
			_ = tx.Rollback()
			other := <-elsewhere
			if deadlock := errors.Is(err, massive.ErrDeadlock) || errors.Is(other, massive.ErrDeadlock); deadlock != (c.outcome == 0) {
				t.Errorf("%s: got deadlock %t, with error %v of the run and %v of the other refresh", name, deadlock, err, other)
			}
			if c.outcome != 0 {
				same(t, name+": outcome", report.Views[1].Outcome, c.outcome)
				if other != nil {
					t.Errorf("%s: the other refresh: %v", name, other)
				}
			}
		}
	})
}

// The plan warns once, and only of runs that can deadlock.
func TestDeadlockWarningNeedsATransaction(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "pgx")
	e.Exec(t, readers)
	m := e.load(t)
	tx := e.begin(t)
	with := massive.RefreshWith
	for _, c := range []struct {
		what string
		q    massive.Querier
		opts []massive.PlanOption
		want []string // the steps with a warning
	}{
		{"a pool", e.pool, nil, nil},
		{"a connection", e.conn(t), nil, nil},
		{"a transaction", tx, nil, []string{"b"}},
		{"with a lock timeout, longer than deadlock_timeout", tx, []massive.PlanOption{with(massive.LockTimeout(1e10))}, []string{"b"}},
		{"WithNoData", tx, []massive.PlanOption{with(massive.WithNoData())}, []string{"b"}},
		{"Savepoints", tx, []massive.PlanOption{massive.Savepoints()}, []string{"b"}},
		{"SkipIfBusy", tx, []massive.PlanOption{with(massive.SkipIfBusy())}, nil},
		{"Concurrently", tx, []massive.PlanOption{massive.Views("a", "b", "c"), with(massive.Concurrently())}, nil},
		{"ConcurrentlyIfPossible", tx, []massive.PlanOption{with(massive.ConcurrentlyIfPossible())}, nil},
		{"one view", tx, []massive.PlanOption{massive.Views("b")}, nil},
		{"views that do not read each other", tx, []massive.PlanOption{massive.Views("b", "alone")}, nil},
		{"two views, one reads the other through a third", tx, []massive.PlanOption{massive.Views("a", "c")}, nil},
	} {
		plan, err := m.With(c.q).PlanRefresh(c.opts...)
		noError(t, err)
		var got []string
		for _, s := range plan.Steps {
			for _, w := range s.Warnings {
				if strings.Contains(w, "deadlock") {
					got = append(got, s.Name.Name)
					same(t, c.what, w, "it reads public.a, which stays locked until the transaction ends: a refresh of this view in another session at the "+
						"same time is a deadlock; refresh with SkipIfBusy or Concurrently")
				}
			}
		}
		equal(t, c.what, got, c.want)
	}
}
