package massive_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// recorded creates a ledger and loads with it.
func (e *env) recorded(t *testing.T, opts ...massive.LoadOption) *massive.DB {
	t.Helper()
	noError(t, massive.CreateLedger(t.Context(), e.pool, postgres.New(), "massive"))
	return e.load(t, append(opts, massive.WithLedger("massive"))...)
}

const chained = `CREATE TABLE made (at timestamptz); CREATE MATERIALIZED VIEW base AS SELECT max(at) AS at FROM made;
	CREATE VIEW between_them AS SELECT * FROM base; CREATE MATERIALIZED VIEW top AS SELECT * FROM between_them; CREATE UNIQUE INDEX ON top (at)`

func TestRefreshIfOlderThanOnAServer(t *testing.T) {
	t.Parallel()
	onDrivers(t, chained, func(t *testing.T, e *env) {
		m := e.recorded(t)
		base, top := matview(t, m, "base"), matview(t, m, "top")
		ctx := t.Context()

		outcome := func(what string, view massive.Matview, d time.Duration, want registry.RefreshOutcome, opts ...massive.RefreshOption) {
			t.Helper()
			result, err := view.RefreshIfOlderThan(ctx, d, opts...)
			noError(t, err)
			same(t, what, result.Outcome, want)
		}
		outcome("no record", top, time.Hour, massive.OutcomeRefreshed)
		outcome("an upstream view without a record can't be improved", top, time.Hour, massive.OutcomeFresh)
		outcome("no record of base", base, time.Hour, massive.OutcomeRefreshed)
		outcome("base was refreshed after top", top, time.Hour, massive.OutcomeRefreshed)
		outcome("both are fresh", top, time.Hour, massive.OutcomeFresh)
		outcome("younger than the call", top, 0, massive.OutcomeRefreshed, massive.ConcurrentlyIfPossible())

		f, err := top.Freshness(ctx)
		noError(t, err)
		lower, err := base.Freshness(ctx)
		noError(t, err)
		same(t, "the data of top is as of the refresh of base", f.DataAsOf.Equal(lower.AsOf) && f.AsOf.After(f.DataAsOf), true)

		exec(t, e.pool, "REFRESH MATERIALIZED VIEW top")
		f, err = top.Freshness(ctx)
		noError(t, err)
		same(t, "after a refresh by others", f.Doubt, dialect.DoubtTouched)
		outcome("touched by others", top, time.Hour, massive.OutcomeRefreshed)

		tx := e.begin(t)
		inTx := matview(t, m.With(tx), "base")
		result, err := inTx.RefreshIfOlderThan(ctx, 0)
		noError(t, err)
		same(t, "in a transaction", result.Outcome, massive.OutcomeRefreshed)
		_, err = base.RefreshIfOlderThan(ctx, 0, massive.SkipIfBusy())
		mustBe(t, err, massive.ErrBusy, "another refresh of it is running")
		noError(t, tx.Rollback())
		f, err = base.Freshness(ctx)
		noError(t, err)
		same(t, "after the rollback", f.AsOf.Equal(lower.AsOf), true)
	})
}

// Each caller reads a row that was committed before its call.
func TestManyCallersShareRefreshesAndSeeTheirRows(t *testing.T) {
	t.Parallel()
	onDrivers(t, "CREATE TABLE made (at timestamptz); CREATE MATERIALIZED VIEW slow AS SELECT max(at) AS at, (SELECT 1 FROM pg_sleep(0.05)) AS one FROM made", func(t *testing.T, e *env) {
		e.pool.SetMaxOpenConns(20)
		var mu sync.Mutex
		outcomes := map[registry.RefreshOutcome]int{}
		count := massive.OnRefresh(func(_ context.Context, ev registry.RefreshEvent) {
			mu.Lock()
			defer mu.Unlock()
			outcomes[ev.Result.Outcome]++
		})
		m := e.recorded(t, count)
		other := e.load(t, count, massive.WithLedger("massive")) // as a second process has it
		const callers, calls = 16, 5
		var all sync.WaitGroup
		for i := range callers {
			view := matview(t, m, "slow")
			if i%2 == 1 {
				view = matview(t, other, "slow")
			}
			all.Go(func() {
				for range calls {
					if err := seesItsRow(e, view); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		mu.Lock()
		defer mu.Unlock()
		if n := outcomes[massive.OutcomeRefreshed]; n == 0 || n > callers*calls/2 || outcomes[massive.OutcomeJoined] == 0 {
			t.Errorf("the outcomes of %d calls: %v; want few refreshes, and calls that joined", callers*calls, outcomes)
		}
	})
}

func seesItsRow(e *env, view massive.Matview) error {
	var at time.Time
	if err := e.pool.QueryRow("INSERT INTO made VALUES (clock_timestamp()) RETURNING at").Scan(&at); err != nil {
		return err
	}
	if _, err := view.RefreshIfOlderThan(context.Background(), 0); err != nil {
		return err
	}
	var seen struct{ At time.Time }
	if err := e.pool.QueryRow("SELECT at FROM slow").Scan(&seen.At); err != nil {
		return err
	}
	if seen.At.Before(at) {
		return fmt.Errorf("the view has the rows until %v; want at least until %v, which was committed before the call", seen.At, at)
	}
	return nil
}

func TestPlansRefreshOldViewsOnly(t *testing.T) {
	t.Parallel()
	onDrivers(t, chained, func(t *testing.T, e *env) {
		m := e.recorded(t)
		report, err := m.RefreshAll(t.Context(), massive.IfOlderThan(time.Hour))
		noError(t, err)
		same(t, "the first run", report.Count(massive.OutcomeRefreshed), 2)
		report, err = m.RefreshAll(t.Context(), massive.IfOlderThan(time.Hour))
		noError(t, err)
		same(t, "the second run", report.Count(massive.OutcomeFresh), 2)
		_, err = matview(t, m, "base").Refresh(t.Context())
		noError(t, err)
		report, err = m.RefreshAll(t.Context(), massive.IfOlderThan(0))
		noError(t, err)
		same(t, "with age 0", report.Count(massive.OutcomeRefreshed), 2)
		_, err = e.load(t).RefreshAll(t.Context(), massive.IfOlderThan(0))
		mustBe(t, err, massive.ErrInvalid, "CreateLedger")
		_, err = m.RefreshAll(t.Context(), massive.IfOlderThan(-1))
		mustBe(t, err, massive.ErrInvalid, "less than 0")
	})
}

func TestLedgerOfAnotherRoleIsRefused(t *testing.T) {
	t.Parallel()
	onDrivers(t, "CREATE MATERIALIZED VIEW v AS SELECT 1 AS x", func(t *testing.T, e *env) {
		_, err := massive.Load(t.Context(), e.pool, postgres.New(), massive.WithLedger("massive"))
		mustBe(t, err, massive.ErrNotFound, "massive.CreateLedger", "massive.LedgerDDL")
		bad := e.attacker(t)
		_, err = massive.Load(t.Context(), e.pool, postgres.New(), massive.WithLedger("evil"))
		if !errors.Is(err, massive.ErrInvalid) && !errors.Is(err, massive.ErrNotFound) {
			t.Errorf("a ledger in another role's schema: got %v; want ErrInvalid or ErrNotFound", err)
		}
		err = massive.CreateLedger(t.Context(), e.pool, postgres.New(), "evil")
		if err == nil {
			t.Error("CreateLedger in another role's schema: got no error")
		}
		exec(t, bad.as, "CREATE TABLE evil.freshness (relid oid)")
		_, err = massive.Load(t.Context(), e.pool, postgres.New(), massive.WithLedger("evil"))
		mustBe(t, err, massive.ErrInvalid, bad.name)
		for _, wrong := range []string{"", "a\x00b", "\xff"} {
			_, err = massive.Load(t.Context(), e.pool, postgres.New(), massive.WithLedger(wrong))
			mustBe(t, err, massive.ErrInvalid, "not the name of a schema")
			_, err = massive.LedgerDDL(postgres.New(), wrong)
			mustBe(t, err, massive.ErrInvalid, "not the name of a schema")
		}
		_, err = massive.Load(t.Context(), e.pool, postgres.New(), massive.WithLedger("x"), massive.Only(massive.KindEnum))
		mustBe(t, err, massive.ErrInvalid, "Only excludes them")
	})
}
