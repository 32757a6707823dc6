// The tests of this package run on a real Postgres, with each driver. Package pgtest
// finds or starts it.
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

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// TestMain skips all examples if there is no Postgres, since examples can't skip
// themselves.
func TestMain(m *testing.M) {
	if err := testrun.Set(); err != nil {
		panic(err)
	}
	if _, err := pgtest.Shared(); errors.Is(err, pgtest.ErrNoPostgres) {
		_ = flag.Set("test.skip", "^Example")
	}
	// The harness keeps connections open, on which pgx may read in the background.
	goleak.VerifyTestMain(testrun.Run{M: m}, goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgconn/internal/bgreader.(*BGReader).bgRead"))
}

// An env is a database of the test's own, opened with one driver.
type env struct {
	*pgtest.Database
	driver string
	pool   *sql.DB
}

// onDriverNames runs f with each driver's name.
func onDriverNames(t *testing.T, f func(t *testing.T, driver string)) {
	t.Helper()
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			f(t, driver)
		})
	}
}

// onDrivers runs f with each driver, on a new database each, after the SQL of setup.
func onDrivers(t *testing.T, setup string, f func(t *testing.T, e *env)) {
	t.Helper()
	onDriverNames(t, func(t *testing.T, driver string) {
		e := newEnv(t, driver)
		e.Exec(t, setup)
		t.Cleanup(func() {
			// database/sql returns a transaction's connection in a goroutine after its
			// context ended.
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

// modes are the drivers' ways to send statements.
var modes = []struct {
	name, driver string
	params       []string
	long         bool // only with MASSIVE_TEST_ALL
}{
	{"lib/pq", "postgres", nil, false},
	{"lib/pq binary", "postgres", []string{"binary_parameters=yes"}, true},
	{"pgx", "pgx", nil, false},
	{"pgx exec", "pgx", []string{"default_query_exec_mode=exec"}, true},
	{"pgx simple", "pgx", []string{"default_query_exec_mode=simple_protocol"}, true},
	{"pgx describe", "pgx", []string{"default_query_exec_mode=describe_exec"}, true},
	{"pgx cache describe", "pgx", []string{"default_query_exec_mode=cache_describe"}, true},
}

// execModes returns DSN parameters for three query modes of pgx, or for lib/pq's only
// mode.
func (e *env) execModes() []string {
	if e.driver == "pgx" {
		return []string{"", "default_query_exec_mode=exec", "default_query_exec_mode=simple_protocol"}
	}
	return []string{""}
}

// onModes runs f with each driver and mode, on a new database each, after the SQL of
// setup.
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

// onQueriers runs f with a *sql.DB, a *sql.Conn and a *sql.Tx that is rolled back.
func (e *env) onQueriers(t *testing.T, f func(t *testing.T, q massive.Querier)) {
	t.Helper()
	t.Run("DB", func(t *testing.T) { f(t, e.pool) })
	t.Run("Conn", func(t *testing.T) { f(t, e.conn(t)) })
	t.Run("Tx", func(t *testing.T) { f(t, e.begin(t)) })
}

func (e *env) conn(t *testing.T) *sql.Conn {
	t.Helper()
	return conn(t, e.pool)
}

// begin begins a transaction. The end of the test rolls it back.
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

// role creates a role for the test, and returns a connection with SET ROLE to it.
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

// errOf returns the error of a call with two results.
func errOf[T any](_ T, err error) error { return err }

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

// gate closes a gate, an advisory lock, until open is called. The query of a view that
// reads from gated waits for it, so that a test decides how long a refresh takes.
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

// gated is the FROM item by which a view's query waits for the gate.
const gated = "pg_catalog.pg_advisory_xact_lock_shared(7)"

// pause is for busy loops, which would otherwise slow down the other tests.
func pause() { time.Sleep(50 * time.Microsecond) }

// eventually waits until a query returns true.
func eventually(t *testing.T, q massive.Querier, what, query string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !one[bool](t, q, query) {
		if time.Now().After(deadline) {
			t.Fatalf("not true after ten seconds: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// waitForRefresh waits until a refresh waits at the gate, with its locks.
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

// names returns the texts of all, as lookups accept them.
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

// mustBe checks that an error matches the sentinel, is an *Error, and contains the texts.
func mustBe(t *testing.T, err, sentinel error, says ...string) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("got error %v, want %q", err, sentinel)
	}
	var e *massive.Error
	if !errors.As(err, &e) {
		t.Errorf("got error %v, want a *massive.Error", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("got error %q, want one with %q", err, s)
		}
	}
}

// newEnv returns an env, for tests that don't run with each driver.
func newEnv(t testing.TB, driver string, params ...string) *env {
	t.Helper()
	d, pool := testrun.Database(t, driver, params...)
	return &env{d, driver, pool}
}

// didMove reduces the results of CatchUp to whether it moved the sequence.
func didMove(done registry.CaughtUp, err error) (bool, error) { return done.Moved, err }

func conn(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	c, err := db.Conn(t.Context())
	noError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// spelled returns the names of structures.
func spelled[T interface{ Name() dialect.Name }](all []T) []string {
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.Name().String()
	}
	return texts
}
