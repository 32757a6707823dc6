package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/dialect/postgres/pgxwake"
	"github.com/massivedb/massive-go/dialect/postgres/pqwake"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A watching is a running watch with its events.
type watching struct {
	t      *testing.T
	events chan massive.Event
	cancel context.CancelFunc
	ended  chan error
}

// watch runs a watch until the test ends or end is called.
func watch(t *testing.T, m *massive.DB, every time.Duration, opts ...massive.WatchOption) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{t, make(chan massive.Event, 1000), cancel, make(chan error, 1)}
	go func() { w.ended <- m.Watch(ctx, every, func(e massive.Event) { w.events <- e }, opts...) }()
	t.Cleanup(func() { w.end() })
	return w
}

func (w *watching) end() error {
	w.cancel()
	err := <-w.ended
	w.ended <- err
	return err
}

// patience is how long a test waits for an event. It is longer than the statement timeout
// of the tests' databases, which ends statements whose cancel was lost.
const patience = time.Minute

// next returns the next event.
func (w *watching) next() massive.Event {
	w.t.Helper()
	select {
	case e := <-w.events:
		return e
	case <-time.After(patience):
		w.t.Fatalf("got no event in %s", patience)
		return massive.Event{}
	}
}

// until returns the first event whose changes contain the text, and the events before it.
func (w *watching) until(says string) (e massive.Event, before []massive.Event) {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e := <-w.events:
			if strings.Contains(e.Changes.String(), says) {
				return e, before
			}
			before = append(before, e)
		case <-deadline:
			w.t.Fatalf("got no event with %q in %s, but %d others, the last of them %v",
				says, patience, len(before), before[max(0, len(before)-3):])
		}
	}
}

// none checks that there is no event for a while.
func (w *watching) none(while time.Duration) {
	w.t.Helper()
	select {
	case e := <-w.events:
		w.t.Errorf("got event %v, want none", e)
	case <-time.After(while):
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE SEQUENCE no; CREATE MATERIALIZED VIEW v AS SELECT 1 AS id`,
		func(t *testing.T, e *env) {
			m := e.load(t, massive.Expect(massive.EnumIs("mood", []string{"sad", "ok"}, massive.AllowExtra())))
			noError(t, m.AppendLocalLabels("mood", "local"))
			exec(t, e.pool, "CREATE SEQUENCE earlier") // between the load and the watch
			w := watch(t, m, 5*time.Millisecond)
			event := w.next()
			same(t, "changes between the load and the watch", event.String(), "sequence public.earlier added")
			same(t, "the snapshot is published before the event", m.Registry(), event.Registry)

			exec(t, e.pool, "ALTER TYPE mood ADD VALUE 'happy'")
			event = w.next()
			same(t, "changes: a label", event.String(), `enum public.mood changed: labels ["sad" "ok"] → ["sad" "ok" "happy"]`)
			equal(t, "labels, local ones kept", enum(t, m, "mood").Values(), []string{"sad", "ok", "happy", "local"})
			exec(t, e.pool, "ALTER TYPE mood ADD VALUE 'local'")
			w.next()
			equal(t, "labels after the local label was added to the database", enum(t, m, "mood").Values(), []string{"sad", "ok", "happy", "local"})

			exec(t, e.pool, "REFRESH MATERIALIZED VIEW v; SELECT nextval('no'); CREATE TABLE t (id serial)")
			exec(t, e.pool, "COMMENT ON TABLE t IS 'x'")
			w.next() // the table's sequence
			before := m.Registry()
			exec(t, e.pool, "COMMENT ON TABLE t IS 'y'") // the poll loads and finds no change
			w.none(200 * time.Millisecond)
			same(t, "the snapshot after an irrelevant commit", m.Registry(), before)

			noError(t, errOf(m.Reload(t.Context())))
			equal(t, "labels after a Reload", enum(t, m, "mood").Values(), []string{"sad", "ok", "happy", "local"})

			exec(t, e.pool, "ALTER TYPE mood RENAME VALUE 'ok' TO 'okay'")
			event = w.next()
			mustBe(t, event.Err, massive.ErrDrift, "massive: watch: drift: enum public.mood", "the previous snapshot stays in use")
			equal(t, "labels after a drift", enum(t, m, "mood").Values(), []string{"sad", "ok", "happy", "local"})
			w.none(100 * time.Millisecond) // the drift is reported once
			exec(t, e.pool, "ALTER TYPE mood RENAME VALUE 'okay' TO 'ok'; CREATE SEQUENCE further")
			event = w.next()
			same(t, "changes after the drift was fixed", event.String(), "sequence public.further added")
			same(t, "failures, since a drift is not a failed poll", event.Failures, 0)

			if err := w.end(); !errors.Is(err, context.Canceled) {
				t.Errorf("Watch returned %v, want context.Canceled", err)
			}
			mustBe(t, w.end(), context.Canceled, "massive: watch: ")
		})
}

// Watch publishes a change of an excluded view that plans depend on.
func TestWatchFollowsExcludedViews(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW tmp_a AS SELECT 1 AS id WITH NO DATA; CREATE MATERIALIZED VIEW v AS SELECT id FROM tmp_a WITH NO DATA`,
		func(t *testing.T, e *env) {
			m := e.load(t, massive.Exclude("tmp_*"))
			warnings := func() int {
				t.Helper()
				p, err := m.PlanRefresh()
				if err != nil || len(p.Steps) != 1 {
					t.Fatal(p, err)
				}
				return len(p.Steps[0].Warnings)
			}
			same(t, "warnings of a view without data", warnings(), 1)
			w := watch(t, m, 5*time.Millisecond)
			exec(t, e.pool, "REFRESH MATERIALIZED VIEW tmp_a")
			event := w.next()
			same(t, "the new snapshot is published without changes", event.Published && event.Changes == nil && event.Err == nil, true)
			same(t, "warnings of a view with data", warnings(), 0)
			w.none(50 * time.Millisecond)
		})
}

// A watch continues after its connections were lost.
func TestWatchSurvivesLostConnections(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE no`, func(t *testing.T, e *env) {
		m := e.load(t)
		w := watch(t, m, 5*time.Millisecond)
		other := newConn(t, e)
		for i := range 3 {
			exec(t, other, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			exec(t, other, fmt.Sprintf("CREATE SEQUENCE s%d", i))
			w.until(fmt.Sprintf("sequence public.s%d added", i))
		}
	})
}

// newConn returns a connection outside the env's pool.
func newConn(t *testing.T, e *env) *sql.Conn {
	t.Helper()
	return conn(t, e.Open(t, e.driver))
}

// A poll that hangs fails after PollTimeout, is reported and retried.
func TestWatchTimesOutPolls(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE no`, func(t *testing.T, e *env) {
		m := e.load(t)
		exec(t, e.pool, "CREATE SEQUENCE locked")
		tx, err := newConn(t, e).BeginTx(t.Context(), nil)
		noError(t, err)
		exec(t, tx, "LOCK pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE")
		w := watch(t, m, 5*time.Millisecond, massive.PollTimeout(3*time.Second))
		mustBe(t, w.next().Err, context.DeadlineExceeded, "massive: watch: ")
		mustBe(t, w.next().Err, context.DeadlineExceeded)
		noError(t, tx.Rollback())
		event, _ := w.until("sequence public.locked added")
		if event.Failures < 2 {
			t.Errorf("got %d failures before, want at least 2", event.Failures)
		}
	})
}

// A reload sees a transaction when it commits, even one that is older or prepared. If
// nothing was committed, a reload is one round trip.
func TestReloadDuringOpenTransactions(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onServers(t, func(t *testing.T, e *env) {
		exec(t, e.pool, `CREATE TYPE mood AS ENUM ('a'); CREATE SEQUENCE no; CREATE TABLE t (n int)`)
		conn := newConn(t, e)
		q := &statementCounter{Querier: conn}
		m := load(t, q)
		signs := m.Server().Major >= 14
		reload := func(what string, want bool, trips int64) {
			t.Helper()
			q.n.Store(0)
			changes, err := m.Reload(t.Context())
			noError(t, err)
			same(t, what, changes != nil, want)
			if !signs {
				trips = 1 // the load
			}
			same(t, "round trips, "+what, q.n.Load(), trips)
		}
		quiet := func() {
			t.Helper()
			for range 2 {
				reload("nothing was committed", false, 1)
			}
		}
		quiet()
		old, prepared := newConn(t, e), newConn(t, e)
		exec(t, old, "BEGIN; INSERT INTO t VALUES (1); SAVEPOINT s; ALTER TYPE mood ADD VALUE 'b'; RELEASE s")
		exec(t, prepared, "BEGIN; ALTER SEQUENCE no MAXVALUE 99; PREPARE TRANSACTION '"+e.Name()+"'")
		quiet()
		exec(t, e.pool, "INSERT INTO t VALUES (2)")
		reload("others write", false, 2)
		quiet()
		exec(t, old, "COMMIT")
		reload("the old transaction commits", true, 2)
		quiet()
		exec(t, prepared, "COMMIT PREPARED '"+e.Name()+"'")
		reload("the prepared transaction commits", true, 2)
		quiet()
		exec(t, old, "BEGIN; ALTER SEQUENCE no MAXVALUE 98; ROLLBACK")
		reload("a transaction rolls back", false, 2)
		quiet()
		exec(t, old, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
		reload("a function", false, 2)
		exec(t, conn, "SET search_path = pg_catalog")
		reload("another search path", true, 2)
		exec(t, conn, "SET search_path = public")
		reload("the search path as it was", true, 2)
		quiet()
		exec(t, conn, "CREATE TEMPORARY TABLE own (n int)")
		reload("a temporary table of the session", false, 2)
		quiet()
	}, pgtest.Setting("max_prepared_transactions", "5"))
}

// In another session a sign holds only if a load in that session would return the same.
func TestSignsOfOtherSessions(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, e *env) {
		exec(t, e.pool, "CREATE SEQUENCE no; CREATE TABLE t (n int); CREATE SCHEMA other; CREATE ROLE other_"+e.driver)
		signs := one[int](t, e.pool, "SELECT current_setting('server_version_num')::int") >= 140000
		for what, c := range map[string]struct {
			loader, checker string // statements before the load, and before the other session checks the sign
			kill            bool   // end the session that loaded
			want            bool
		}{
			"the same":                            {want: signs},
			"a transaction that only reads":       {checker: "BEGIN; SELECT FROM t", want: signs},
			"another role":                        {checker: "SET ROLE other_" + e.driver},
			"another search path":                 {checker: "SET search_path = other, public"},
			"own temporary objects":               {checker: "CREATE TEMPORARY TABLE temporary ()"},
			"temporary objects of the loader":     {loader: "CREATE TEMPORARY TABLE temporary ()"},
			"a transaction that writes":           {checker: "BEGIN; CREATE SEQUENCE own"},
			"a load in a transaction that writes": {loader: "BEGIN; CREATE SEQUENCE its"},
			"a repeatable read snapshot":          {checker: "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM t"},
			"a session that has ended":            {kill: true},
		} {
			loader, checker := newConn(t, e), newConn(t, e)
			exec(t, loader, c.loader+"; SELECT")
			exec(t, checker, "SELECT")
			if strings.HasPrefix(c.checker, "CREATE") {
				exec(t, checker, c.checker)
			}
			m := load(t, loader)
			if !strings.HasPrefix(c.checker, "CREATE") {
				exec(t, checker, c.checker+"; SELECT")
			}
			if c.kill {
				pid := one[int](t, loader, "SELECT pg_backend_pid()")
				exec(t, checker, fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid))
				eventually(t, checker, "the session has ended", fmt.Sprintf("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %d)", pid))
			}
			same(t, what, unchanged(t, checker, m.Registry().Sign()), c.want)
			if c.loader == "" && !c.kill {
				same(t, "its own session, during "+what, unchanged(t, loader, m.Registry().Sign()), signs)
			}
		}
		another := e.Open(t, e.driver, "dbname=postgres")
		same(t, "another database", unchanged(t, another, e.load(t).Registry().Sign()), false)
	})
}

// A sign in another format is refused.
func TestForeignSignsAreRefused(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		for _, s := range []dialect.Sign{"x", " 7 x", "-1 x", "7; x", "1e1 x", "99999999999 x"} {
			_, err := registry.Unchanged(t.Context(), e.pool, postgres.New(), s)
			mustBe(t, err, massive.ErrInvalid, "is not a sign")
		}
	})
}

// wakerOf returns a waker for the env's driver.
func wakerOf(e *env, channel string) interface {
	massive.Waker
	Close() error
} {
	if e.driver == "pgx" {
		return pgxwake.New(e.DSN(), channel)
	}
	return pqwake.New(e.DSN(), channel)
}

// The event trigger wakes a watch with a long interval. The watch survives the loss of
// the waker's connection.
func TestWatchWakesUp(t *testing.T) {
	t.Parallel()
	const channel = `Odd "channel" o'clock \`
	onDrivers(t, `CREATE SCHEMA "o'dd"; CREATE TYPE mood AS ENUM ('sad'); CREATE MATERIALIZED VIEW v AS SELECT 1 AS id; CREATE TABLE orders (id int)`, func(t *testing.T, e *env) {
		create, drop, err := postgres.ChangeTrigger("o'dd", channel)
		noError(t, err)
		exec(t, e.pool, create)
		exec(t, e.pool, create)
		m := e.load(t)
		waker := wakerOf(e, channel)
		t.Cleanup(func() { _ = waker.Close() })
		w := watch(t, m, time.Hour, massive.WithWaker(waker))
		listens := func() {
			t.Helper()
			eventually(t, e.pool, "the waker listens", `SELECT EXISTS (SELECT FROM pg_stat_activity
				WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle')`)
		}
		listens()
		for _, c := range []struct{ text, says string }{
			{"ALTER TYPE mood ADD VALUE 'happy'", `labels ["sad"] → ["sad" "happy"]`},
			{"REFRESH MATERIALIZED VIEW v WITH NO DATA", "populated true → false"},
			{"CREATE UNIQUE INDEX ON v (id)", "indexes"},
			{"COMMENT ON MATERIALIZED VIEW v IS 'x'", "comment"},
			{"CREATE SEQUENCE s", "sequence public.s added"},
			{"ALTER SEQUENCE s OWNED BY orders.id", "owned by"},
			{"ALTER TABLE orders RENAME id TO ident", "owned by"},
			{"DROP SEQUENCE s", "sequence public.s removed"},
			{`ALTER SCHEMA "o'dd" RENAME TO odd; CREATE SEQUENCE odd.s`, "sequence odd.s added"},
		} {
			exec(t, e.pool, c.text)
			w.until(c.says)
		}
		exec(t, e.pool, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
		event := w.next()
		if event.Err == nil || !strings.Contains(event.Err.Error(), "massive: watch: the waker failed") || event.Failures != 0 {
			t.Errorf("event after the waker's connection was lost: got %v", event)
		}
		exec(t, e.pool, "CREATE SEQUENCE meanwhile")
		w.until("sequence public.meanwhile added") // it polls when it listens again
		listens()
		exec(t, e.pool, "ALTER SCHEMA odd RENAME TO \"o'dd\"")
		w.until("sequence odd.s removed")
		exec(t, e.pool, drop)
		if err := w.end(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		noError(t, waker.Close())
		if err := waker.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("Wait after Close: got %v, want closed", err)
		}
	})
	for _, name := range []string{"", strings.Repeat("x", 64), "a\x00b"} {
		_, _, err := postgres.ChangeTrigger("public", name)
		_, _, err2 := postgres.ChangeTrigger(name, "c")
		if !errors.Is(err, massive.ErrInvalid) || !errors.Is(err2, massive.ErrInvalid) {
			t.Errorf("name %q: got errors %v, %v, want ErrInvalid", name, err, err2)
		}
	}
}

// A waker that can't connect is reported repeatedly and does not delay polls.
func TestWatchReportsAFailingWaker(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		m := e.load(t)
		var waker massive.Waker = pgxwake.New("host=/nowhere", "c")
		if e.driver == "postgres" {
			waker = pqwake.New("host=/nowhere", "c")
		}
		w := watch(t, m, 5*time.Millisecond, massive.WithWaker(waker))
		for range 2 {
			if event := w.next(); event.Err == nil || !strings.Contains(event.Err.Error(), "wake: connect") {
				t.Errorf("got event %v, want the waker's error", event)
			}
		}
		exec(t, e.pool, "CREATE SEQUENCE seen")
		w.until("sequence public.seen added")
	})
}

// A reload notices temporary tables of its session that hide structures, and no others.
func TestReloadNoticesTemporaryTables(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('a'); CREATE TYPE _n AS ENUM ('a'); CREATE MATERIALIZED VIEW v AS SELECT 1 AS id`, func(t *testing.T, e *env) {
		own, other := newConn(t, e), newConn(t, e)
		m := load(t, own)
		reload := func(c *sql.Conn, text string, want bool) {
			t.Helper()
			exec(t, c, text)
			changes, err := m.Reload(t.Context())
			same(t, "after "+text, changes != nil && err == nil, want)
		}
		reload(own, "SELECT", false)
		reload(other, "CREATE TEMPORARY TABLE v ()", false)
		reload(other, "CREATE TEMPORARY TABLE mood ()", false)
		reload(own, "CREATE TEMPORARY TABLE unlike ()", false)
		reload(own, "CREATE TEMPORARY TABLE v ()", true)
		reload(own, "CREATE TEMPORARY TABLE mood ()", true)
		reload(own, "CREATE TEMPORARY TABLE n ()", true) // its array type is _n
		reload(other, "CREATE TEMPORARY TABLE n ()", false)
		reload(own, "DROP TABLE v", true)
		reload(own, "DROP TABLE mood", true)
	})
}
