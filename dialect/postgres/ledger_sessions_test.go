package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// A gate holds up every refresh of daily, which reads the table sales. A refresh that
// waits there has its locks and its snapshot.
func (s *site) gate(t *testing.T) (open func()) {
	t.Helper()
	tx, err := s.pool.BeginTx(context.Background(), nil)
	noError(t, err)
	s.exec(t, tx, "LOCK TABLE sales IN ACCESS EXCLUSIVE MODE")
	var once sync.Once
	open = func() { once.Do(func() { _ = tx.Commit() }) }
	t.Cleanup(open)
	return open
}

// waiting waits until n sessions of the database wait for a lock of the type.
func (s *site) waiting(t *testing.T, n int, locktype string) {
	t.Helper()
	query := fmt.Sprintf(`SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = '%s'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, locktype)
	for deadline := time.Now().Add(time.Minute); one[int](t, s.pool, query) != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions wait for a lock of type %s; want %d", one[int](t, s.pool, query), locktype, n)
		}
	}
}

type result struct {
	dialect.Refreshed
	err error
}

// start refreshes in a goroutine.
func start(t *testing.T, q dialect.Querier, view dialect.Name, how dialect.Refresh) <-chan result {
	t.Helper()
	how.Record = &ledger
	done := make(chan result, 1)
	go func() {
		r, err := d.RefreshMatview(context.WithoutCancel(t.Context()), q, view, how)
		done <- result{r, err}
	}()
	return done
}

// While one session refreshes, others are busy, or wait and find the rows fresh.
func TestOneSessionRefreshes(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		one := s.Open(t, s.driver, "application_name=the_refresher")
		open := s.gate(t)
		first := start(t, one, daily, dialect.Refresh{IfOlder: true, Concurrently: true})
		s.waiting(t, 1, "relation")

		hour := dialect.Refresh{IfOlder: true, OlderThan: time.Hour}
		same(t, "another session", s.refresh(t, s.pool, daily, hour), dialect.Refreshed{Busy: true})
		same(t, "another session with SkipIfBusy", s.refresh(t, s.pool, daily, dialect.Refresh{IfOlder: true, SkipIfBusy: true}), dialect.Refreshed{Busy: true})
		same(t, "a plain one with SkipIfBusy", s.refresh(t, s.pool, daily, dialect.Refresh{SkipIfBusy: true}), dialect.Refreshed{Busy: true})
		_, err := d.RefreshMatview(t.Context(), s.pool, daily, dialect.Refresh{Record: &ledger, IfOlder: true, Wait: true, LockTimeout: time.Millisecond})
		mustBe(t, d.Classify(dialect.Failure{Op: dialect.OpRefreshIfOlder, Err: err}), dialect.ErrBusy)
		f := s.fresh(t, s.pool, daily)
		if f.Running == nil || f.Running.By != "the_refresher" || f.Running.Since.IsZero() || f.Running.Since.After(f.Now) {
			t.Errorf("running: %+v", f.Running)
		}
		if all, err := d.Freshness(t.Context(), s.pool, ledger, nil); err != nil || len(all) != 2 || all[0].Name != daily || all[1].Running != nil {
			t.Errorf("all views: %+v, error %v", all, err)
		}

		hour.Wait = true
		joined := start(t, s.pool, daily, hour)
		s.waiting(t, 1, "advisory")
		tx, err := s.pool.Begin()
		noError(t, err)
		defer tx.Rollback()
		inTransaction := start(t, tx, daily, hour)
		s.waiting(t, 2, "advisory")
		open()
		same(t, "the first", <-first, result{dialect.Refreshed{Concurrently: true, Recorded: true}, nil})
		same(t, "the one that waited", <-joined, result{dialect.Refreshed{Fresh: true, Waited: true}, nil})
		same(t, "the transaction that waited", <-inTransaction, result{dialect.Refreshed{Fresh: true, Waited: true}, nil})
		if f := s.fresh(t, s.pool, daily); f.Running != nil || f.By != "the_refresher" || !f.Concurrently {
			t.Errorf("after the refresh: %+v", f)
		}
	})
}

// Age 0 means rows of the call or later: a session that waited for a refresh that began
// before its call refreshes itself.
func TestAgeZero(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		open := s.gate(t)
		first := start(t, s.pool, daily, dialect.Refresh{IfOlder: true})
		s.waiting(t, 1, "relation")
		second := start(t, s.pool, daily, dialect.Refresh{IfOlder: true, Wait: true})
		s.waiting(t, 1, "advisory")
		third := start(t, s.pool, daily, dialect.Refresh{IfOlder: true, Wait: true})
		s.waiting(t, 2, "advisory")
		open()
		same(t, "the first", <-first, result{dialect.Refreshed{Recorded: true}, nil})
		both := fmt.Sprint(<-second, <-third)
		refreshed, fresh := fmt.Sprint(result{dialect.Refreshed{Recorded: true}, nil}), fmt.Sprint(result{dialect.Refreshed{Fresh: true, Waited: true}, nil})
		if both != refreshed+" "+fresh && both != fresh+" "+refreshed {
			t.Errorf("the others: %s", both)
		}
	})
}

// If a view that is read is refreshed meanwhile, the data is as old as the older record, and
// of an unknown moment if that refresh has none.
func TestUpstreamIsRefreshedMeanwhile(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		for raw, want := range map[bool]bool{false: true, true: false} {
			s.refresh(t, s.pool, daily, dialect.Refresh{})
			first := s.fresh(t, s.pool, daily).AsOf
			reader, err := s.pool.Begin()
			noError(t, err)
			s.exec(t, reader, "SELECT FROM weekly")
			done := start(t, s.pool, weekly, dialect.Refresh{})
			s.waiting(t, 1, "relation")
			if raw {
				s.exec(t, s.pool, "REFRESH MATERIALIZED VIEW daily")
			} else {
				s.refresh(t, s.pool, daily, dialect.Refresh{})
			}
			noError(t, reader.Commit())
			same(t, "refreshed", <-done, result{dialect.Refreshed{Recorded: true}, nil})
			same(t, "the data is as of the first refresh", s.fresh(t, s.pool, weekly).DataAsOf.Equal(first), want)
			same(t, "the data is of a known moment", !s.fresh(t, s.pool, weekly).DataAsOf.IsZero(), want)
		}
	})
}

// If the session that refreshes ends, the next one takes over.
func TestKilledBackend(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		// database/sql would send the statement again on another connection of a pool.
		refresher, err := s.Open(t, s.driver, "application_name=killed").Conn(t.Context())
		noError(t, err)
		defer refresher.Close()
		open := s.gate(t)
		first := start(t, refresher, daily, dialect.Refresh{IfOlder: true})
		s.waiting(t, 1, "relation")
		second := start(t, s.pool, daily, dialect.Refresh{IfOlder: true, OlderThan: time.Hour, Wait: true})
		s.waiting(t, 1, "advisory")
		s.exec(t, s.pool, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'killed' AND datname = current_database()")
		if r := <-first; r.err == nil {
			t.Errorf("the killed session returned %+v", r)
		}
		s.waiting(t, 0, "advisory")
		open()
		same(t, "the next", <-second, result{dialect.Refreshed{Recorded: true}, nil})
		same(t, "doubt", s.fresh(t, s.pool, daily).Doubt, 0)
	})
}

const clientDSN, clientDriver = "MASSIVE_TEST_LEDGER_DSN", "MASSIVE_TEST_LEDGER_DRIVER"

// init lets this binary be the client that TestKilledClient kills.
func init() {
	if dsn := os.Getenv(clientDSN); dsn != "" {
		db, err := sql.Open(os.Getenv(clientDriver), dsn)
		if err == nil {
			_, err = d.RefreshMatview(context.Background(), db, daily, dialect.Refresh{Record: &ledger, IfOlder: true})
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// If the client that refreshes is killed, the server finishes the message: the refresh and
// its record are committed together.
func TestKilledClient(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		open := s.gate(t)
		client := exec.Command(os.Args[0], "-test.run=^$")
		client.Env = append(os.Environ(), clientDSN+"="+s.DSN(), clientDriver+"="+s.driver)
		noError(t, client.Start())
		s.waiting(t, 1, "relation")
		noError(t, client.Process.Kill())
		_ = client.Wait()
		second := start(t, s.pool, daily, dialect.Refresh{IfOlder: true, OlderThan: time.Hour, Wait: true})
		s.waiting(t, 1, "advisory")
		open()
		same(t, "the next", <-second, result{dialect.Refreshed{Fresh: true, Waited: true}, nil})
	})
}

// A role without the right to refresh a view does not touch the lock of refreshes: it fails
// while another session refreshes.
func TestRoleWithoutTheRightTakesNoLock(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		_, as := s.role(t, "_weak", `GRANT USAGE ON SCHEMA "my ledger" TO $role;
			GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "my ledger" TO $role`)
		open := s.gate(t)
		first := start(t, s.pool, daily, dialect.Refresh{IfOlder: true})
		s.waiting(t, 1, "relation")
		_, err := d.RefreshMatview(t.Context(), as, daily, dialect.Refresh{Record: &ledger, IfOlder: true, Wait: true, LockTimeout: time.Millisecond})
		mustBe(t, d.Classify(dialect.Failure{
			Op: dialect.OpRefreshIfOlder, Name: daily, Matview: &dialect.MatviewDef{Object: dialect.Object{Name: daily}}, Err: err,
		}), dialect.ErrPermission)
		open()
		same(t, "the first", <-first, result{dialect.Refreshed{Recorded: true}, nil})
	})
}

// A view's query can't pretend that its refresh was not needed.
func TestQueryCannotSettleTheRefresh(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		s.exec(t, s.pool, `CREATE FUNCTION sly() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE SQLSTATE ''MV001''; END';
			CREATE MATERIALIZED VIEW sly AS SELECT sly() AS id WITH NO DATA`)
		_, err := d.RefreshMatview(t.Context(), s.pool, dialect.Name{Schema: "public", Name: "sly"}, dialect.Refresh{Record: &ledger, IfOlder: true, Wait: true})
		if err == nil || !strings.Contains(err.Error(), "MV001") {
			t.Errorf("got error %v", err)
		}
	})
}

// Sessions that create the ledger at the same time all succeed.
func TestLedgerIsCreatedOnce(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		for round := range 3 {
			l := dialect.LedgerDefinition{Ledger: dialect.Ledger{Schema: fmt.Sprint("shared ", round)}, NoteOthers: round == 2}
			var all sync.WaitGroup
			errs := make([]error, 6)
			for i := range errs {
				all.Go(func() { errs[i] = d.CreateLedger(t.Context(), s.pool, l) })
			}
			all.Wait()
			noError(t, errors.Join(errs...))
			noError(t, d.CheckLedger(t.Context(), s.pool, l.Ledger))
		}
		same(t, "event triggers", one[int](t, s.pool, "SELECT count(*) FROM pg_event_trigger"), 1)
	})
}

// NoteOthers needs a superuser who owns the ledger. Its function runs no code of the roles
// that refresh, and a role that claims to record only hides its own refreshes.
func TestNoteOthersIsSafe(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		name, as := s.role(t, "_owner", `GRANT CREATE, USAGE ON SCHEMA public TO $role; CREATE SCHEMA theirs AUTHORIZATION $role`)
		noError(t, d.CreateLedger(t.Context(), as, dialect.LedgerDefinition{Ledger: dialect.Ledger{Schema: "theirs"}}))
		theirs := dialect.LedgerDefinition{Ledger: dialect.Ledger{Schema: "theirs", Owners: []string{name}}, NoteOthers: true}
		for _, q := range []dialect.Querier{as, s.pool} {
			err := d.CreateLedger(t.Context(), q, theirs)
			mustBe(t, d.Classify(dialect.Failure{Err: err}), dialect.ErrPermission)
			if !strings.Contains(err.Error(), "who must own the ledger") {
				t.Errorf("got error %v", err)
			}
		}
		same(t, "functions", one[int](t, s.pool, "SELECT count(*) FROM pg_proc WHERE proname = 'refreshed'"), 0)

		noError(t, d.CreateLedger(t.Context(), s.pool, dialect.LedgerDefinition{Ledger: ledger, NoteOthers: true}))
		s.exec(t, as, `CREATE TABLE public.clock_timestamp (); CREATE SEQUENCE public.ran;
			CREATE FUNCTION public.spy(pg_catalog.oid, pg_catalog.oid) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''public.ran''); RETURN true; END';
			CREATE OPERATOR public.= (LEFTARG = pg_catalog.oid, RIGHTARG = pg_catalog.oid, PROCEDURE = public.spy);
			CREATE MATERIALIZED VIEW mine AS SELECT 1 AS id; SET search_path = public, pg_catalog; REFRESH MATERIALIZED VIEW mine; RESET search_path`)
		mine := dialect.Name{Schema: "public", Name: "mine"}
		same(t, "doubt", s.fresh(t, s.pool, mine).Doubt, 0)
		same(t, "by", one[string](t, s.pool, `SELECT by FROM "my ledger".freshness WHERE name = 'mine'`) != "", true)
		same(t, "executions", one[bool](t, s.pool, "SELECT is_called FROM ran"), false)
		s.exec(t, as, "SET massive.recording = 'on'; REFRESH MATERIALIZED VIEW mine; RESET massive.recording")
		same(t, "doubt", s.fresh(t, s.pool, mine).Doubt, dialect.DoubtTouched)

		// The refresh of others stands if it can't be noted.
		s.exec(t, s.pool, `DROP TABLE "my ledger".history`)
		s.exec(t, as, "REFRESH MATERIALIZED VIEW mine")
		s.exec(t, s.pool, `DROP SCHEMA "my ledger" CASCADE`)
		same(t, "event triggers", one[int](t, s.pool, "SELECT count(*) FROM pg_event_trigger"), 0)
	})
}
