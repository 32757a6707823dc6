//go:build unix

package massive_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/bouncer"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// If the process that refreshes is killed behind PgBouncer, PgBouncer closes the server's
// session in the middle of the refresh. The server commits the refresh with its record, or
// rolls it back if it checks its connections. Either way callers get the rows of their call.
func TestProcessKilledBehindPgBouncer(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	b := bouncer.Start(t, 3)
	for name, checks := range map[string]bool{"the server commits": false, "the server rolls back": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onDriverNames(t, func(t *testing.T, driver string) {
				d := pgtest.NewDatabase(t)
				d.Exec(t, `CREATE TABLE ticks (id int); INSERT INTO ticks VALUES (1);
					CREATE MATERIALIZED VIEW slow AS SELECT max(id) AS id FROM ticks, `+gated)
				d.Exec(t, "ALTER DATABASE "+d.Name()+" SET statement_timeout = '1min'") // or PgBouncer's sessions get a shorter one
				if checks {
					if one[int](t, d.Open(t, driver), "SELECT count(*) FROM pg_settings WHERE name = 'client_connection_check_interval'") == 0 {
						t.Skip("this server can't check its connections")
					}
					d.Exec(t, "ALTER DATABASE "+d.Name()+" SET client_connection_check_interval = '20ms'")
				}
				b.Serve(t, d)
				killRefresher(t, b, &env{d, driver, d.Open(t, driver)}, checks)
			})
		})
	}
}

func killRefresher(t *testing.T, b *bouncer.Bouncer, e *env, rollsBack bool) {
	t.Helper()
	param := "binary_parameters=no"
	if e.driver == "pgx" {
		param = "default_query_exec_mode=exec"
	}
	through := b.Open(t, e.Database, e.driver, param, "application_name=survivor")
	noError(t, massive.CreateLedger(t.Context(), e.pool, postgres.New(), "ledger"))
	view := matview(t, load(t, through, massive.WithLedger("ledger")), "slow")
	outcome := func(age time.Duration, opts ...massive.RefreshOption) (any, error) {
		result, err := view.RefreshIfOlderThan(context.Background(), age, opts...)
		return result.Outcome, err
	}
	freshness := func() dialect.Freshness {
		t.Helper()
		f, err := view.Freshness(t.Context())
		noError(t, err)
		return f
	}
	noError(t, errOf(outcome(0)))
	first := freshness()

	open := e.gate(t)
	replica := startReplica(t, e.driver, b.DSN(e.Name())+" application_name=replica "+param)
	e.waitForRefresh(t)
	f := freshness()
	if f.Running == nil || f.Running.By != "replica" {
		t.Fatalf("running is %v, want the replica's refresh", f.Running)
	}
	const ours = "locktype = 'advisory' AND classid = 1835103091 AND granted AND " + here
	session := one[int](t, e.pool, "SELECT pid FROM pg_locks WHERE "+ours)
	noError(t, replica.Process.Kill())
	_ = replica.Wait() // it was killed
	exec(t, e.pool, "INSERT INTO ticks VALUES (2)")
	for deadline := time.Now().Add(bouncer.Deadline); ; pause() {
		servers, err := b.Admin("SHOW SERVERS")
		noError(t, err)
		if !slices.ContainsFunc(servers, func(s map[string]string) bool { return s["remote_pid"] == strconv.Itoa(session) }) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("PgBouncer keeps the session of the killed client: %v", servers)
		}
	}

	by := "replica"
	if rollsBack {
		by = ""
		eventually(t, e.pool, "the session ends before its refresh", "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE "+ours+")")
	} else {
		_, err := outcome(0, massive.SkipIfBusy())
		mustBe(t, err, massive.ErrBusy)
	}
	f = freshness()
	same(t, "the refresh that is running, after the kill", f.Running != nil && f.Running.By == "replica", !rollsBack)
	same(t, "the age after the kill is that of the first refresh", f.Doubt == 0 && f.AsOf.Equal(first.AsOf), true)
	got, err := outcome(time.Hour)
	noError(t, err)
	same(t, "an age that the first refresh satisfies", got, any(massive.OutcomeFresh))

	const callers = 6
	ended := make(chan string, callers)
	for range callers {
		go func() {
			var id int
			_, err := outcome(0)
			if err == nil {
				err = through.QueryRow("SELECT id FROM slow").Scan(&id)
			}
			ended <- fmt.Sprintf("row %d, error %v", id, err)
		}()
	}
	select {
	case got := <-ended:
		t.Fatalf("during the refresh of the killed process a caller got %s", got)
	case <-time.After(100 * time.Millisecond): // they wait
	}
	open()
	for range callers {
		same(t, "the row that was committed before the call", <-ended, "row 2, error <nil>")
	}
	same(t, "the refreshes of others", one[string](t, e.pool, "SELECT COALESCE(string_agg(by, ' '), '') FROM ledger.history WHERE by <> 'survivor'"), by)
	same(t, "the last refresh", one[string](t, e.pool, "SELECT by || ', failures: ' || failures FROM ledger.freshness"), "survivor, failures: 0")
	checkHistory(t, e.pool)
	eventually(t, e.pool, "no lock and no session of the killed process is left", "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND "+here+
		") AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = "+strconv.Itoa(session)+")")
}
