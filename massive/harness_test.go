// The tests of this package run on a real Postgres, over every driver; see sqltest/pgtest
// for how they find one.
package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// Examples can't skip themselves: where there is no Postgres, none of them runs. (The
// tests then say why.)
func TestMain(m *testing.M) {
	if err := testrun.Set(); err != nil {
		panic(err)
	}
	if _, err := pgtest.Shared(); errors.Is(err, pgtest.ErrNoPostgres) {
		_ = flag.Set("test.skip", "^Example")
	}
	// pgx reads in a goroutine after a write that took long, and until the next answer.
	// The harness keeps connections of its own.
	goleak.VerifyTestMain(testrun.Run{M: m}, goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgconn/internal/bgreader.(*BGReader).bgRead"))
}

// An env is an empty database, made ready by a test's own SQL, over one driver.
type env struct {
	*pgtest.Database
	driver string
	pool   *sql.DB
}

// onDrivers runs f over each driver, each time on a database of its own.
func onDrivers(t *testing.T, setup string, f func(t *testing.T, e *env)) {
	t.Helper()
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, driver)
			e.Exec(t, setup)
			t.Cleanup(func() {
				// database/sql gives the connection of a transaction back in a goroutine
				// of its own once its context ends.
				for deadline := time.Now().Add(10 * time.Second); e.pool.Stats().InUse != 0 && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				if n := e.pool.Stats().InUse; n != 0 {
					t.Errorf("%d connections are still in use after the test", n)
				}
			})
			f(t, e)
		})
	}
}

// modes are the ways in which statements travel.
var modes = []struct {
	name, driver string
	params       []string
	long         bool // only where everything is run
}{
	{"lib/pq", "postgres", nil, false},
	{"lib/pq binary", "postgres", []string{"binary_parameters=yes"}, true},
	{"pgx", "pgx", nil, false},
	{"pgx exec", "pgx", []string{"default_query_exec_mode=exec"}, true},
	{"pgx simple", "pgx", []string{"default_query_exec_mode=simple_protocol"}, true},
	{"pgx describe", "pgx", []string{"default_query_exec_mode=describe_exec"}, true},
	{"pgx cache describe", "pgx", []string{"default_query_exec_mode=cache_describe"}, true},
}

// onModes runs f over each driver and mode, each time on a database of its own.
func onModes(t *testing.T, setup string, f func(t *testing.T, e *env)) {
	t.Helper()
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			if mode.long {
				testrun.Long(t)
			}
			e := newEnv(t, mode.driver, mode.params...)
			e.Exec(t, setup)
			f(t, e)
			if n := e.pool.Stats().InUse; n != 0 {
				t.Errorf("%d connections are still in use after the test", n)
			}
		})
	}
}

// onQueriers runs f over a *sql.DB, a *sql.Conn and a *sql.Tx, which is rolled back.
func (e *env) onQueriers(t *testing.T, f func(t *testing.T, q massive.Querier)) {
	t.Helper()
	t.Run("DB", func(t *testing.T) { f(t, e.pool) })
	t.Run("Conn", func(t *testing.T) { f(t, e.conn(t)) })
	t.Run("Tx", func(t *testing.T) {
		tx := e.begin(t)
		f(t, tx)
	})
}

func (e *env) conn(t *testing.T) *sql.Conn {
	t.Helper()
	c, err := e.pool.Conn(t.Context())
	noError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// begin is a transaction that is rolled back when the test ends, if it still runs.
func (e *env) begin(t *testing.T) *sql.Tx {
	t.Helper()
	tx, err := e.pool.BeginTx(context.Background(), nil)
	noError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func (e *env) load(t *testing.T, opts ...massive.LoadOption) *massive.DB {
	t.Helper()
	return load(t, e.pool, opts...)
}

func load(t *testing.T, q massive.Querier, opts ...massive.LoadOption) *massive.DB {
	t.Helper()
	m, err := massive.Load(t.Context(), q, postgres.New(), opts...)
	noError(t, err)
	return m
}

// role makes a role of the cluster that goes with the test, and a connection that acts as
// it.
func (e *env) role(t *testing.T, grants string) (name string, as *sql.Conn) {
	t.Helper()
	name = fmt.Sprintf("%s_%s", e.Name(), strings.ToLower(e.driver))
	e.Exec(t, "CREATE ROLE "+name+"; "+strings.ReplaceAll(grants, "$role", name))
	t.Cleanup(func() { exec(t, e.pool, "DROP OWNED BY "+name+"; DROP ROLE "+name) })
	as = e.conn(t)
	exec(t, as, "SET ROLE "+name)
	t.Cleanup(func() { _, _ = as.ExecContext(context.Background(), "RESET ROLE") })
	return name, as
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, q massive.Querier, text string) {
	t.Helper()
	if _, err := q.ExecContext(context.Background(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// one reads a single value.
func one[T any](t *testing.T, q massive.Querier, text string) T {
	t.Helper()
	var v T
	if err := q.QueryRowContext(context.Background(), text).Scan(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// gate is a lock that a view's query waits for (see gated) until it is opened, so that a
// refresh takes as long as a test wants.
func (e *env) gate(t *testing.T) (open func()) {
	t.Helper()
	c := e.conn(t)
	exec(t, c, "SELECT pg_advisory_lock(7)")
	closed := true
	open = func() {
		if closed {
			closed = false
			exec(t, c, "SELECT pg_advisory_unlock(7)")
		}
	}
	t.Cleanup(open)
	return open
}

// gated is a table that a view reads from to pass the gate.
const gated = "pg_catalog.pg_advisory_xact_lock_shared(7)"

// pause is for loops that read all the time: it leaves the processors to the other
// tests for most of it.
func pause() { time.Sleep(50 * time.Microsecond) }

// eventually waits until a query answers true.
func eventually(t *testing.T, q massive.Querier, what, query string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !one[bool](t, q, query) {
		if time.Now().After(deadline) {
			t.Fatalf("after ten seconds still not so: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// waitForRefresh waits until a refresh stands at the gate, with its locks.
func (e *env) waitForRefresh(t *testing.T) {
	t.Helper()
	eventually(t, e.pool, "a refresh waits at the gate", `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
		WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted)`)
}

func matview(t *testing.T, m *massive.DB, name string) massive.Matview {
	t.Helper()
	v, err := m.Matview(name)
	noError(t, err)
	return v
}

func enum(t *testing.T, m *massive.DB, name string) massive.Enum {
	t.Helper()
	v, err := m.Enum(name)
	noError(t, err)
	return v
}

func sequence(t *testing.T, m *massive.DB, name string) massive.Sequence {
	t.Helper()
	v, err := m.Sequence(name)
	noError(t, err)
	return v
}

func next(t *testing.T, s massive.Sequence) int64 {
	t.Helper()
	v, err := s.NextValue(t.Context())
	noError(t, err)
	return v
}

// names are what was found, as lookups spell it.
func names[T fmt.Stringer](all []T) []string {
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.String()
	}
	return texts
}

func equal[T comparable](t *testing.T, rule string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %v\nwant %v", rule, got, want)
	}
}

func same[T comparable](t *testing.T, rule string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", rule, got, want)
	}
}

// mustBe checks the sentinel of an error, that it is the library's own type, and what its
// text says.
func mustBe(t *testing.T, err, sentinel error, says ...string) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("got error %v, want one that is %q", err, sentinel)
	}
	var e *massive.Error
	if !errors.As(err, &e) {
		t.Errorf("error %v is no *massive.Error", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

// newEnv is for tests that don't go over all drivers.
func newEnv(t testing.TB, driver string, params ...string) *env {
	t.Helper()
	d, pool := testrun.Database(t, driver, params...)
	return &env{d, driver, pool}
}

// didMove is what a catch-up did, in short.
func didMove(done registry.CaughtUp, err error) (bool, error) { return done.Moved, err }

func conn(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	c, err := db.Conn(t.Context())
	noError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}
