//go:build unix

package massive_test

import (
	"context"
	"database/sql"
	"fmt"
	goexec "os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
)

// startReplica starts a process that runs runReplica.
func startReplica(t *testing.T, driver, dsn string) *goexec.Cmd {
	t.Helper()
	cmd, in, _ := startWorker(t, "replica", driver, dsn)
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	return cmd
}

var keptPolicy = []massive.Policy{{TargetLag: 1500 * time.Millisecond, MaxBackoff: time.Second}}

// runReplica keeps views fresh until its context ends.
func runReplica(ctx context.Context, driver, dsn string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	m, err := massive.Load(ctx, db, postgres.New(), massive.WithLedger("ledger"))
	if err != nil {
		return err
	}
	return unlessCanceled(m.KeepFresh(ctx, keptPolicy))
}

// keptSchema has a chain of two views, which take a while. The view b has the moment of
// which its rows are.
const keptSchema = `CREATE TABLE rows (n int); INSERT INTO rows VALUES (1);
	CREATE MATERIALIZED VIEW a AS SELECT n, 1/n AS one, clock_timestamp() AS at FROM rows, pg_sleep(0.2);
	CREATE MATERIALIZED VIEW b AS SELECT n, at FROM a, pg_sleep(0.05)`

// A fleet is a set of replicas in this process, each with its own pool.
type fleet struct {
	mu     sync.Mutex
	events []massive.FreshnessEvent
	stop   context.CancelFunc
	ended  sync.WaitGroup
}

// startFleet starts three replicas on pools of open.
func startFleet(t *testing.T, open func(name string) *sql.DB) *fleet {
	t.Helper()
	f := new(fleet)
	ctx, stop := context.WithCancel(t.Context())
	f.stop = stop
	t.Cleanup(f.end)
	for i := range 3 {
		m := load(t, open(fmt.Sprintf("replica%d", i)), massive.WithLedger("ledger"))
		f.ended.Go(func() {
			err := m.KeepFresh(ctx, keptPolicy, massive.KeepParallel(2), massive.OnFreshness(func(e massive.FreshnessEvent) {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.events = append(f.events, e)
			}))
			if unlessCanceled(err) != nil {
				t.Errorf("KeepFresh: %v", err)
			}
		})
	}
	return f
}

func (f *fleet) end() {
	f.stop()
	f.ended.Wait()
}

// forget forgets the events.
func (f *fleet) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = nil
}

// wait waits until n events match.
func (f *fleet) wait(t *testing.T, what string, n int, match func(massive.FreshnessEvent) bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		f.mu.Lock()
		found := 0
		for _, e := range f.events {
			if match(e) {
				found++
			}
		}
		all := f.events
		f.mu.Unlock()
		if found >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d events %s after thirty seconds; all: %v", found, n, what, all)
		}
	}
}

// is matches events of a kind for a view.
func is(kind massive.FreshnessKind, view string) func(massive.FreshnessEvent) bool {
	return func(e massive.FreshnessEvent) bool { return e.Kind == kind && e.View.Name == view }
}

// checkHistory checks that no refreshes of a view overlapped, and logs the history.
func checkHistory(t *testing.T, q massive.Querier) {
	t.Helper()
	const by = `SELECT *, lag(finished_at) OVER w AS before, lag(data_as_of) OVER w AS data FROM ledger.history
		WHERE error IS NULL WINDOW w AS (PARTITION BY relid ORDER BY as_of)`
	same(t, "refreshes that overlap", one[int](t, q, "SELECT count(*) FROM ("+by+") h WHERE started_at < before"), 0)
	t.Log(one[string](t, q, `SELECT string_agg(name || ': ' || n || ' refreshes by ' || replicas || ' replicas, greatest age ' || age, '; ' ORDER BY name) FROM (
		SELECT name, count(*) AS n, count(DISTINCT by) AS replicas, max(finished_at - data)::text AS age FROM (`+by+`) h GROUP BY name) x`))
}

// Three replicas refresh each view once, upstream first. A view that fails is retried, and
// the others don't wait.
func TestKeepFreshOnAServer(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDriverNames(t, func(t *testing.T, driver string) {
		c := newCluster(t)
		db := open(t, driver, "", c)
		exec(t, db, keptSchema)
		noError(t, massive.CreateLedger(t.Context(), db, postgres.New(), "ledger"))
		f := startFleet(t, func(name string) *sql.DB { return open(t, driver, "application_name="+name, c) })
		f.wait(t, "refreshed", 4, is(massive.FreshnessRefreshed, "b"))
		f.wait(t, "joined", 4, is(massive.FreshnessJoined, "a"))

		f.forget()
		exec(t, db, "UPDATE rows SET n = 0")
		f.wait(t, "failed", 2, func(e massive.FreshnessEvent) bool {
			return is(massive.FreshnessFailed, "a")(e) && strings.Contains(e.Err.Error(), "division by zero")
		})
		f.wait(t, "behind", 3, func(e massive.FreshnessEvent) bool {
			return is(massive.FreshnessBehind, "a")(e) && strings.Contains(e.Why, "division by zero")
		})
		exec(t, db, "UPDATE rows SET n = 1")
		f.wait(t, "recovered", 3, is(massive.FreshnessRecovered, "a"))

		for _, mode := range []string{"fast", "immediate"} {
			f.forget()
			c.stop(t, mode)
			f.wait(t, "failed without a view", 3, is(massive.FreshnessFailed, ""))
			c.start(t)
			f.wait(t, "recovered without a view", 3, is(massive.FreshnessRecovered, ""))
			f.forget()
			f.wait(t, "refreshed", 2, is(massive.FreshnessRefreshed, "b"))
		}
		f.end()
		checkHistory(t, open(t, driver, "", c))
	})
}

// If the primary is killed, the replicas go on at the promoted standby.
func TestKeepFreshFollowsAFailover(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDriverNames(t, func(t *testing.T, driver string) {
		primary := newCluster(t)
		db := open(t, driver, "", primary)
		exec(t, db, keptSchema)
		noError(t, massive.CreateLedger(t.Context(), db, postgres.New(), "ledger"))
		noError(t, db.Close())
		standby := primary.standby(t)
		f := startFleet(t, func(name string) *sql.DB { return open(t, driver, "application_name="+name, primary, standby) })
		f.wait(t, "refreshed", 2, is(massive.FreshnessRefreshed, "b"))
		primary.stop(t, "immediate")
		killed := time.Now()
		f.wait(t, "failed without a view", 3, is(massive.FreshnessFailed, ""))
		standby.promote(t)
		f.wait(t, "recovered without a view", 3, is(massive.FreshnessRecovered, ""))
		f.forget()
		f.wait(t, "refreshed", 1, is(massive.FreshnessRefreshed, "b"))
		t.Logf("refreshed %v after the primary was killed", time.Since(killed).Round(time.Millisecond))
		f.wait(t, "refreshed", 3, is(massive.FreshnessRefreshed, "b"))
		f.end()
		db = open(t, driver, "", standby)
		checkHistory(t, db)
		same(t, "locks left", one[int](t, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0)
	})
}

// If the process that refreshes is killed, another one continues.
func TestKeepFreshReplacesAKilledProcess(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDriverNames(t, func(t *testing.T, driver string) {
		c := newCluster(t)
		db := open(t, driver, "", c)
		exec(t, db, keptSchema)
		noError(t, massive.CreateLedger(t.Context(), db, postgres.New(), "ledger"))
		all := map[string]*goexec.Cmd{}
		for i := range 3 {
			name := fmt.Sprintf("process%d", i)
			all[name] = startReplica(t, driver, c.dsn()+" application_name="+name)
		}
		refreshes := func(more int, by string) {
			t.Helper()
			n := one[int](t, db, "SELECT count(*) FROM ledger.history WHERE name = 'b'")
			eventually(t, db, "refreshed", fmt.Sprintf("SELECT count(*) >= %d AND bool_or(by <> '%s') FROM ledger.history WHERE name = 'b'", n+more, by))
		}
		refreshes(2, "")
		for range 2 {
			running := func(q massive.Querier) string {
				var by string
				for by == "" {
					m := load(t, q, massive.WithLedger("ledger"))
					f, err := matview(t, m, "a").Freshness(t.Context())
					noError(t, err)
					if f.Running != nil {
						by = f.Running.By
					}
				}
				return by
			}(db)
			if all[running] == nil {
				t.Fatalf("%q refreshes, want a process that lives", running)
			}
			noError(t, all[running].Process.Kill())
			killed := time.Now()
			all[running] = nil
			refreshes(2, running)
			t.Logf("two more refreshes %v after %s was killed", time.Since(killed).Round(time.Millisecond), running)
		}
		checkHistory(t, db)
	})
}
