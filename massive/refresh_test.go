package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

const refreshable = `
	CREATE TABLE rows (id int); INSERT INTO rows VALUES (1);
	CREATE MATERIALIZED VIEW fit AS SELECT id FROM rows; CREATE UNIQUE INDEX fit_idx ON fit (id);
	CREATE MATERIALIZED VIEW partial AS SELECT id FROM rows; CREATE UNIQUE INDEX ON partial (id) WHERE id > 0;
	CREATE MATERIALIZED VIEW expression AS SELECT id FROM rows; CREATE UNIQUE INDEX ON expression ((id + 1));
	CREATE MATERIALIZED VIEW none AS SELECT id FROM rows;
	CREATE MATERIALIZED VIEW unpopulated AS SELECT id FROM rows WITH NO DATA; CREATE UNIQUE INDEX ON unpopulated (id);
	CREATE SCHEMA "it's"; CREATE MATERIALIZED VIEW "it's"."a""b\$massive$%d" AS SELECT id FROM rows;
	CREATE UNIQUE INDEX ON "it's"."a""b\$massive$%d" (id);`

func TestConcurrentlyIfPossible(t *testing.T) {
	t.Parallel()
	onModes(t, refreshable, func(t *testing.T, e *env) {
		m := e.load(t)
		e.onQueriers(t, func(t *testing.T, q massive.Querier) {
			check := func(name string, mode massive.RefreshMode, why string, prevented dialect.BlockerReason) {
				t.Helper()
				exec(t, q, "DELETE FROM rows WHERE id > 1; INSERT INTO rows VALUES (2)")
				r, err := matview(t, m.With(q), name).Refresh(t.Context(), massive.ConcurrentlyIfPossible())
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				same(t, name+": outcome", r.Outcome, massive.OutcomeRefreshed)
				same(t, name+": mode", r.Mode, mode)
				same(t, name+": why", r.Why, why)
				same(t, name+": prevented", r.Prevented, prevented)
				n, err := matview(t, m.With(q), name).Count(t.Context(), "")
				if err != nil || n != 2 {
					t.Errorf("%s: got %d rows and error %v after it, want 2", name, n, err)
				}
			}
			const noIndex, noUnique = "not concurrently: no usable unique index", "not concurrently: no unique index"
			check("fit", massive.ModeConcurrent, "possible", 0)
			check(`"it's"."a""b\$massive$%d"`, massive.ModeConcurrent, "possible", 0)
			check("partial", massive.ModeBlocking, noIndex, massive.BlockerNoUsableIndex)
			check("expression", massive.ModeBlocking, noIndex, massive.BlockerNoUsableIndex)
			check("none", massive.ModeBlocking, noUnique, massive.BlockerNoUniqueIndex)
			check("unpopulated", massive.ModeBlocking, "not concurrently: not populated", massive.BlockerNotPopulated)
			check("unpopulated", massive.ModeConcurrent, "possible", 0)

			// The indexes in the database count, not the loaded ones.
			exec(t, q, "DROP INDEX fit_idx; CREATE UNIQUE INDEX none_idx ON none (id)")
			check("fit", massive.ModeBlocking, noUnique, massive.BlockerNoUniqueIndex)
			check("none", massive.ModeConcurrent, "possible", 0)
			exec(t, q, "CREATE UNIQUE INDEX fit_idx ON fit (id); DROP INDEX none_idx; REFRESH MATERIALIZED VIEW unpopulated WITH NO DATA")
			same(t, "massive.outcome after the refresh", one[string](t, q, "SELECT coalesce(current_setting('massive.outcome', true), '')"), "")
		})
	})
}

// In a repeatable read transaction, changes that others made since its snapshot count.
func TestConcurrentlyIfPossibleInAnOldSnapshot(t *testing.T) {
	t.Parallel()
	onDrivers(t, refreshable, func(t *testing.T, e *env) {
		m := e.load(t)
		tx, err := e.pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		noError(t, err)
		defer tx.Rollback()
		one[int](t, tx, "SELECT count(*) FROM pg_class")
		exec(t, e.pool, `DROP INDEX fit_idx; REFRESH MATERIALIZED VIEW "it's"."a""b\$massive$%d" WITH NO DATA`)
		for name, prevented := range map[string]dialect.BlockerReason{
			"fit": massive.BlockerNoUsableIndex, `"it's"."a""b\$massive$%d"`: massive.BlockerNotPopulated,
		} {
			r, err := matview(t, m.With(tx), name).Refresh(t.Context(), massive.ConcurrentlyIfPossible())
			noError(t, err)
			same(t, name+": mode", r.Mode, massive.ModeBlocking)
			same(t, name+": prevented", r.Prevented, prevented)
		}
		noError(t, tx.Commit())
	})
}

// Errors that any mode would return are returned unchanged.
func TestConcurrentlyIfPossibleErrors(t *testing.T) {
	t.Parallel()
	onDrivers(t, failing, func(t *testing.T, e *env) {
		m := e.load(t)
		exec(t, e.pool, gone)
		for _, c := range []struct {
			name     string
			sentinel error
			state    string
		}{
			{"doubled", massive.ErrDuplicateRows, "21000"},
			{"reads_unpopulated", massive.ErrNotPopulated, "55000"},
			{"to_drop", massive.ErrNotFound, "42P01"},
			{"to_replace", massive.ErrNotFound, ""},
			{"doomed.v", massive.ErrNotFound, ""},
		} {
			for _, opts := range [][]massive.RefreshOption{
				{massive.ConcurrentlyIfPossible()}, {massive.ConcurrentlyIfPossible(), massive.SkipIfBusy(), massive.LockTimeout(time.Second)},
			} {
				_, err := matview(t, m, c.name).Refresh(t.Context(), opts...)
				mustBe(t, err, c.sentinel, "massive: refresh concurrently if possible ")
				if got := driverState(err); c.state != "" && got != c.state {
					t.Errorf("%s: SQLSTATE %s, want %s", c.name, got, c.state)
				}
			}
		}
		_, err := matview(t, m, "scalar").Refresh(t.Context(), massive.ConcurrentlyIfPossible())
		if err == nil || errors.Is(err, massive.ErrDuplicateRows) || driverState(err) != "21000" {
			t.Errorf("a query that fails: got %v", err)
		}
	})
}

// If the view's own query fails with a SQLSTATE that also means "not possible
// concurrently", the refresh does not fall back to the blocking mode.
func TestConcurrentlyIfPossibleDoesNotBlockReadersAfterErrors(t *testing.T) {
	t.Parallel()
	onModes(t, `
		CREATE MATERIALIZED VIEW low AS SELECT 1 AS id;
		CREATE MATERIALIZED VIEW high AS SELECT id FROM low; CREATE UNIQUE INDEX ON high (id);
		CREATE TABLE raises (state text);
		CREATE FUNCTION raised() RETURNS int LANGUAGE plpgsql AS $$ DECLARE s text; BEGIN
			SELECT state INTO s FROM public.raises; IF FOUND THEN RAISE 'no' USING ERRCODE = s; END IF; RETURN 1; END $$;
		CREATE MATERIALIZED VIEW raising AS SELECT raised() AS id; CREATE UNIQUE INDEX ON raising (id);
		REFRESH MATERIALIZED VIEW low WITH NO DATA;`, func(t *testing.T, e *env) {
		m := e.load(t)
		reader := e.begin(t)
		exec(t, reader, "SELECT id FROM high; SELECT id FROM raising")
		for _, opts := range [][]massive.RefreshOption{
			{massive.ConcurrentlyIfPossible()}, {massive.ConcurrentlyIfPossible(), massive.SkipIfBusy(), massive.LockTimeout(20 * time.Second)},
		} {
			_, err := matview(t, m, "high").Refresh(t.Context(), opts...)
			mustBe(t, err, massive.ErrNotPopulated, "first refresh the views that it reads")
		}
		for _, state := range []string{"0A000", "55000", "55P03"} {
			exec(t, e.pool, "TRUNCATE raises; INSERT INTO raises VALUES ('"+state+"')")
			for _, opts := range [][]massive.RefreshOption{
				{massive.ConcurrentlyIfPossible()}, {massive.Concurrently(), massive.SkipIfBusy()}, {massive.ConcurrentlyIfPossible(), massive.SkipIfBusy()},
			} {
				r, err := matview(t, m, "raising").Refresh(t.Context(), opts...)
				if got := driverState(err); got != state || r.Outcome != 0 {
					t.Errorf("a query that raises %s: got outcome %v, error %v", state, r.Outcome, err)
				}
			}
		}
		_ = reader.Rollback()
	})
}

func TestSkipIfBusy(t *testing.T) {
	t.Parallel()
	onModes(t, refreshable, func(t *testing.T, e *env) {
		m := e.load(t)
		skip := func(t *testing.T, q massive.Querier, opts ...massive.RefreshOption) (massive.RefreshResult, error) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			return matview(t, m.With(q), "fit").Refresh(ctx, append(opts, massive.SkipIfBusy())...)
		}
		oid := one[int64](t, e.pool, "SELECT 'fit'::regclass::oid::bigint")
		const blocking, concurrent = true, false
		for _, c := range []struct {
			who, does string
			busy      bool
			waits     []bool // the modes that wait for it, which is not busy
		}{
			{"no other session", "SELECT 1", false, nil},
			{"a reader", "SELECT count(*) FROM fit", false, []bool{blocking}},
			{"ANALYZE", "ANALYZE fit", false, []bool{blocking, concurrent}},
			{"another view's refresh", "REFRESH MATERIALIZED VIEW none", false, nil},
			{"a blocking refresh", "REFRESH MATERIALIZED VIEW fit", true, nil},
			{"a concurrent refresh", "REFRESH MATERIALIZED VIEW CONCURRENTLY fit", true, nil},
			{"a change of the view", "ALTER MATERIALIZED VIEW fit RENAME TO fitter", true, nil},
			{"the library's lock", fmt.Sprintf("SELECT pg_advisory_xact_lock((1835103091::bigint << 32) + %d)", oid), true, nil},
		} {
			other := e.begin(t)
			exec(t, other, c.does)
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				for _, opts := range [][]massive.RefreshOption{nil, {massive.Concurrently()}, {massive.ConcurrentlyIfPossible()}} {
					const patience = 30 * time.Millisecond
					waits := slices.Contains(c.waits, len(opts) == 0)
					if waits {
						opts = append(opts, massive.LockTimeout(patience))
					}
					r, err := skip(t, q, opts...)
					switch {
					case c.busy || waits:
						why := "another refresh"
						if waits {
							why = "lock timeout"
						}
						mustBe(t, err, massive.ErrBusy, "public.fit: busy: ", why, "SkipIfBusy")
						same(t, c.who+": outcome", r.Outcome, massive.OutcomeSkippedBusy)
						same(t, c.who+": mode", r.Mode, 0)
						if waits && r.Duration < patience {
							t.Errorf("%s: busy after %v, want at least %v", c.who, r.Duration, patience)
						}
					case err != nil || r.Outcome != massive.OutcomeRefreshed:
						t.Errorf("%s: got outcome %v, error %v; want refreshed", c.who, r, err)
					}
					same(t, c.who+": the querier still works", one[int](t, q, "SELECT 1"), 1)
				}
			})
			noError(t, other.Rollback())
		}

		// A blocking refresh that waits for a reader counts as busy, too.
		reader := e.begin(t)
		exec(t, reader, "SELECT count(*) FROM fit")
		done := make(chan error, 1)
		go func() {
			_, err := matview(t, m, "fit").Refresh(context.Background())
			done <- err
		}()
		eventually(t, e.pool, "a refresh waits for the reader", `SELECT EXISTS (SELECT FROM pg_locks
			WHERE relation = 'fit'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted)`)
		_, err := skip(t, e.pool, massive.Concurrently())
		mustBe(t, err, massive.ErrBusy)
		_ = reader.Rollback()
		noError(t, <-done)
		// A skip in an open transaction leaves no lock that would make others skip.
		tx := e.begin(t)
		exec(t, tx, "SELECT 1")
		other := e.begin(t)
		exec(t, other, "REFRESH MATERIALIZED VIEW fit")
		_, err = skip(t, tx)
		mustBe(t, err, massive.ErrBusy)
		_ = other.Rollback()
		if _, err := skip(t, e.pool); err != nil {
			t.Errorf("after a skip in an open transaction: %v", err)
		}
		_ = tx.Rollback()
	})
}

// Operations that need PL/pgSQL return ErrUnsupported if it was dropped.
func TestWithoutPLpgSQL(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"postgres", "pgx"} {
		pool := pgtest.NewDatabase(t).Open(t, driver) // not a reused one, since it loses the extension
		exec(t, pool, "CREATE MATERIALIZED VIEW v AS SELECT 1 AS id; CREATE TYPE mood AS ENUM ('a'); DROP EXTENSION plpgsql")
		m, err := massive.Load(t.Context(), pool, postgres.New())
		noError(t, err)
		for _, o := range []massive.RefreshOption{massive.SkipIfBusy(), massive.LockTimeout(time.Second), massive.ConcurrentlyIfPossible()} {
			_, err := matview(t, m, "v").Refresh(t.Context(), o)
			mustBe(t, err, massive.ErrUnsupported, "public.v", "CREATE EXTENSION plpgsql")
		}
		noError(t, errOf(matview(t, m, "v").Refresh(t.Context())))
		mood, err := massive.BindEnum[string](m, "mood")
		noError(t, err)
		_, err = mood.EnsureValue(t.Context(), "b")
		mustBe(t, err, massive.ErrUnsupported, "public.mood", "CREATE EXTENSION plpgsql")
	}
}

// A role that may not refresh the view gets ErrPermission, even if it is busy.
func TestSkipIfBusyWithoutPermission(t *testing.T) {
	t.Parallel()
	onDrivers(t, refreshable, func(t *testing.T, e *env) {
		_, other := e.role(t, "GRANT SELECT ON fit TO $role")
		v := matview(t, e.load(t).With(other), "fit")
		for _, holds := range []string{
			"SELECT 1", "REFRESH MATERIALIZED VIEW CONCURRENTLY fit",
			"SELECT pg_advisory_xact_lock((1835103091::bigint << 32) + 'fit'::regclass::oid::bigint)",
		} {
			tx := e.begin(t)
			exec(t, tx, holds)
			_, err := v.Refresh(t.Context(), massive.SkipIfBusy(), massive.ConcurrentlyIfPossible())
			mustBe(t, err, massive.ErrPermission, "refresh concurrently if possible public.fit")
			if errors.Is(err, massive.ErrBusy) {
				t.Errorf("during %q: got ErrBusy: %v", holds, err)
			}
			noError(t, tx.Rollback())
		}
	})
}

// Of many concurrent callers with SkipIfBusy exactly one refreshes.
func TestSkipIfBusyLetsOneRefresh(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW slow AS SELECT 1 AS id FROM `+gated+`; CREATE UNIQUE INDEX ON slow (id);`,
		func(t *testing.T, e *env) {
			v := matview(t, e.load(t), "slow")
			const callers = 20
			open := e.gate(t)
			errs := make(chan error, callers)
			for i := range callers {
				go func() {
					opts := []massive.RefreshOption{massive.SkipIfBusy()}
					if i%2 == 0 {
						opts = append(opts, massive.Concurrently())
					}
					_, err := v.Refresh(context.Background(), opts...)
					errs <- err
				}()
			}
			for range callers - 1 {
				mustBe(t, <-errs, massive.ErrBusy)
			}
			open()
			if err := <-errs; err != nil {
				t.Errorf("the caller that was not busy: %v", err)
			}
		})
}

func TestLockTimeout(t *testing.T) {
	t.Parallel()
	onModes(t, refreshable, func(t *testing.T, e *env) {
		m := e.load(t)
		reader := e.begin(t)
		exec(t, reader, "SELECT count(*) FROM fit")
		for _, set := range []string{"SELECT 1", "SET lock_timeout = '3s'", "SET LOCAL lock_timeout = '4s'"} {
			tx := e.begin(t)
			exec(t, tx, set)
			before := one[string](t, tx, "SHOW lock_timeout")
			for _, opts := range [][]massive.RefreshOption{
				{massive.LockTimeout(30 * time.Second), massive.Concurrently()},
				{massive.LockTimeout(time.Nanosecond), massive.SkipIfBusy()}, // rounded up to 1ms
			} {
				r, err := matview(t, m.With(tx), "fit").Refresh(t.Context(), opts...)
				if r.Outcome == massive.OutcomeSkippedBusy {
					mustBe(t, err, massive.ErrBusy, "SkipIfBusy")
				} else if err != nil {
					t.Error(err)
				}
				same(t, "lock_timeout after a refresh, "+set, one[string](t, tx, "SHOW lock_timeout"), before)
			}
			_, err := matview(t, m.With(tx), "fit").Refresh(t.Context(), massive.LockTimeout(time.Millisecond))
			mustBe(t, err, massive.ErrBusy, "refresh public.fit")
			same(t, "SQLSTATE", driverState(err), "55P03")
			_ = tx.Rollback()
		}
		e.onQueriers(t, func(t *testing.T, q massive.Querier) {
			before := one[string](t, q, "SHOW lock_timeout")
			start := time.Now()
			_, err := matview(t, m.With(q), "none").Refresh(t.Context(), massive.LockTimeout(time.Hour))
			if err != nil {
				t.Error(err)
			}
			same(t, "lock_timeout", one[string](t, q, "SHOW lock_timeout"), before)
			_, err = matview(t, m.With(q), "fit").Refresh(t.Context(), massive.LockTimeout(20*time.Millisecond))
			mustBe(t, err, massive.ErrBusy)
			if took := time.Since(start); took < 20*time.Millisecond {
				t.Errorf("busy after %v, want at least 20ms", took)
			}
		})
		_ = reader.Rollback()
	})
}

// If the view's own query fails to lock a table, the error is ErrBusy and names that
// table.
func TestSkipIfBusyAndALockInTheViewsQuery(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TABLE other (a int); CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS
			$$ BEGIN LOCK TABLE public.other IN ACCESS EXCLUSIVE MODE NOWAIT; RETURN 1; END $$;
		CREATE MATERIALIZED VIEW v AS SELECT f() AS a WITH NO DATA`, func(t *testing.T, e *env) {
		exec(t, e.begin(t), "LOCK TABLE other")
		v := matview(t, e.load(t), "v")
		r, err := v.Refresh(t.Context(), massive.SkipIfBusy(), massive.LockTimeout(time.Minute))
		if err == nil {
			t.Fatalf("got %v, want an error", r)
		}
		mustBe(t, err, massive.ErrBusy, "public.other")
	})
}

// here restricts pg_locks to the current database.
const here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"

// A refresh that is cancelled or loses its backend leaves no lock.
func TestInterruptedRefreshLeavesNoLock(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW slow AS SELECT 1 AS id FROM `+gated+`; CREATE UNIQUE INDEX ON slow (id);`,
		func(t *testing.T, e *env) {
			v := matview(t, e.load(t), "slow")
			for what, end := range map[string]func(cancel, open func()){
				"the context ends": func(cancel, _ func()) { cancel() },
				"the backend is terminated": func(_, open func()) {
					defer open() // database/sql may have retried on another connection
					same(t, "backends ended", one[int](t, e.pool, `SELECT count(pg_terminate_backend(pid)) FROM pg_locks
						WHERE locktype = 'advisory' AND classid = 1835103091 AND granted AND `+here), 1)
				},
			} {
				open := e.gate(t)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() {
					_, err := v.Refresh(ctx, massive.SkipIfBusy())
					done <- err
				}()
				e.waitForRefresh(t)
				end(cancel, open)
				if err := <-done; ctx.Err() != nil {
					mustBe(t, err, context.Canceled)
				}
				open()
				eventually(t, e.pool, what+": the locks are released", `SELECT NOT EXISTS (SELECT FROM pg_locks
					WHERE relation = 'slow'::regclass OR locktype = 'advisory' AND classid = 1835103091 AND `+here+")")
				if _, err := v.Refresh(t.Context(), massive.SkipIfBusy()); err != nil {
					t.Errorf("%s: the next refresh: %v", what, err)
				}
				cancel()
			}
		})
}

// Callers with SkipIfBusy get no error but ErrBusy while others refresh without it.
func TestSkipIfBusyWithPlainRefreshers(t *testing.T) {
	t.Parallel()
	onDrivers(t, refreshable, func(t *testing.T, e *env) {
		v := matview(t, e.load(t), "fit")
		stop := make(chan struct{})
		var others, skippers sync.WaitGroup
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					exec(t, e.pool, "REFRESH MATERIALIZED VIEW CONCURRENTLY fit")
				}
			}
		})
		var mu sync.Mutex
		outcomes := map[registry.RefreshOutcome]int{}
		for range 4 {
			skippers.Go(func() {
				for range 25 {
					r, err := v.Refresh(context.Background(), massive.SkipIfBusy(), massive.LockTimeout(time.Second))
					if err != nil && !errors.Is(err, massive.ErrBusy) {
						t.Error(err)
					}
					mu.Lock()
					outcomes[r.Outcome]++
					mu.Unlock()
				}
			})
		}
		skippers.Wait()
		close(stop)
		others.Wait()
		if outcomes[massive.OutcomeSkippedBusy]+outcomes[massive.OutcomeRefreshed] != 100 {
			t.Errorf("got outcomes %v, want 100 refreshed or busy", outcomes)
		}
		t.Logf("outcomes %v", outcomes)
	})
}

// A refresh fails as CheckRefresh predicts, and succeeds after its fixes.
func TestCheckRefreshAgreesWithRefresh(t *testing.T) {
	t.Parallel()
	onDrivers(t, refreshable+`CREATE SCHEMA closed; CREATE MATERIALIZED VIEW closed.v AS SELECT id FROM rows;
		CREATE UNIQUE INDEX ON closed.v (id); CREATE MATERIALIZED VIEW locked AS SELECT id FROM rows; CREATE UNIQUE INDEX ON locked (id);`,
		func(t *testing.T, e *env) {
			for _, c := range []struct {
				view    string
				reasons []dialect.BlockerReason // of a concurrent refresh
			}{
				{"fit", nil},
				{"partial", []dialect.BlockerReason{massive.BlockerNoUsableIndex}},
				{"expression", []dialect.BlockerReason{massive.BlockerNoUsableIndex}},
				{"none", []dialect.BlockerReason{massive.BlockerNoUniqueIndex}},
				{"unpopulated", []dialect.BlockerReason{massive.BlockerNotPopulated}},
			} {
				v := matview(t, e.load(t), c.view)
				if err := v.CheckRefresh(massive.ModeBlocking); err != nil {
					t.Errorf("%s, blocking: %v", c.view, err)
				}
				e.fixAndRefresh(t, e.pool, c.view, c.reasons)
			}
			_, as := e.role(t, "GRANT SELECT ON rows TO $role")
			v := matview(t, load(t, as), "locked")
			same(t, "the role may refresh it", v.MayRefresh(), false)
			mustBe(t, v.CheckRefresh(massive.ModeBlocking), massive.ErrPermission, "massive: refresh public.locked: not allowed")
			for _, name := range []string{"closed.v", "locked"} {
				if load(t, as).Server().Major < 17 && name == "locked" {
					continue // the fix of closed.v, a grant of the owner's role, fixes this one, too
				}
				e.fixAndRefresh(t, as, name, []dialect.BlockerReason{massive.BlockerNotAllowed})
			}
		})
}

// fixAndRefresh checks the blockers of a concurrent refresh through q, runs their fixes
// until there are none, and refreshes.
func (e *env) fixAndRefresh(t *testing.T, q massive.Querier, name string, want []dialect.BlockerReason) {
	t.Helper()
	for round := 0; ; round++ {
		v := matview(t, load(t, q), name)
		err := v.CheckRefresh(massive.ModeConcurrent)
		_, failed := v.Refresh(t.Context(), massive.Concurrently())
		if err == nil {
			if failed != nil || round == 0 && want != nil {
				t.Errorf("%s: no blocker in round %d, and the refresh returns %v", name, round, failed)
			}
			return
		}
		var all massive.Blockers
		if !errors.As(err, &all) || failed == nil {
			t.Errorf("%s: CheckRefresh returns %v, and the refresh %v", name, err, failed)
			return
		}
		var got []dialect.BlockerReason
		for _, h := range all {
			got = append(got, h.Reason)
			if !errors.Is(failed, h.Unwrap()) || !errors.Is(err, h.Unwrap()) {
				t.Errorf("%s: blocker %v, and the refresh fails with %v", name, h, failed)
			}
			if h.Fix == "" || !strings.Contains(err.Error(), h.Fix) {
				t.Errorf("%s: blocker %v has no fix, or the error's text lacks it", name, h)
			}
			e.Exec(t, h.Fix)
		}
		if round == 0 {
			same(t, name+": reasons", fmt.Sprint(got), fmt.Sprint(want))
		}
		if round > 3 {
			t.Fatalf("%s: still blocked after 4 rounds: %v", name, err)
		}
	}
}
