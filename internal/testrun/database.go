package testrun

// Databases that tests reuse, together with their open connections. Creating a database
// and planning the first load in a new session takes ten times as long as emptying a
// database.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A reusable database is used by a test, or waits for the next test.
type reusable struct {
	*pgtest.Database
	pool *sql.DB
}

// used has the databases that wait for a test, by driver and parameters of their pools.
var used = struct {
	sync.Mutex
	by map[string][]reusable
}{by: map[string][]reusable{}}

// Database returns an empty database and a pool for it. Params are appended to the DSN.
// After the test, the database and the pool are emptied and reset for another test. They
// are dropped instead if the test failed or the reset fails. A test must not change the
// pool's idle connections or lifetimes. The package's TestMain must use [Run].
func Database(t testing.TB, driver string, params ...string) (*pgtest.Database, *sql.DB) {
	t.Helper()
	l := reuse(t, "", nil, driver, params)
	return l.Database, l.pool
}

// Filled returns a database with the catalog, and a pool with the role of
// [pgtest.Database.Fill]. Otherwise as [Database].
func Filled(t testing.TB, c sqltest.Catalog, driver string, params ...string) (*pgtest.Database, *sql.DB) {
	t.Helper()
	l := reuse(t, "filled ", &c, driver, params)
	return l.Database, l.pool
}

func reuse(t testing.TB, kind string, c *sqltest.Catalog, driver string, params []string) reusable {
	t.Helper()
	key := fmt.Sprint(kind, driver, params)
	l, ok := take(key)
	if !ok {
		server, err := pgtest.Shared()
		if errors.Is(err, pgtest.ErrNoPostgres) {
			pgtest.NewDatabase(t) // skips, or fails
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("pgtest: %s", server.Origin())
		if l.Database, err = server.CreateDatabase(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() || !l.reset(driver) {
			l.drop(t)
			return
		}
		used.Lock()
		defer used.Unlock()
		used.by[key] = append(used.by[key], l)
	})
	if c != nil {
		l.Fill(t, *c)
		if l.pool != nil && (c.SearchPath != nil || c.LockTimeout != 0 || c.StatementTimeout != 0) {
			_ = l.pool.Close() // its sessions don't have the new settings
			l.pool = nil
		}
	}
	if l.pool == nil {
		var options []string
		if l.Role() != "" {
			options = append(options, "-c role="+l.Role())
		}
		if c == nil || c.StatementTimeout == 0 {
			options = append(options, lostCancel)
		}
		dsn := slices.Concat([]string{l.DSN(), "options='" + strings.Join(options, " ") + "'"}, params)
		var err error
		if l.pool, err = sql.Open(driver, strings.Join(dsn, " ")); err != nil {
			t.Fatal(err)
		}
		l.pool.SetMaxIdleConns(idle)
	}
	return l
}

// idle is the number of idle connections of a pool. Most tests use no more at the same
// time.
const idle = 6

// lostCancel limits a statement whose cancel request was lost. The server ignores a
// request that arrives before it has read the statement, which happens on a busy machine.
// lib/pq sends one request and then waits for the statement's end.
const lostCancel = "-c statement_timeout=20s"

func take(key string) (l reusable, ok bool) {
	used.Lock()
	defer used.Unlock()
	n := len(used.by[key])
	if n == 0 {
		return l, false
	}
	l = used.by[key][n-1]
	used.by[key] = used.by[key][:n-1]
	return l, true
}

// reset undoes the changes of a test, and reports whether it succeeded.
func (l reusable) reset(driver string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	l.pool.SetMaxOpenConns(0)
	l.pool.SetMaxIdleConns(idle)
	if l.pool.Stats().InUse > 0 {
		return false
	}
	var held []*sql.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	for range l.pool.Stats().Idle {
		c, err := l.pool.Conn(ctx)
		if err != nil {
			return false
		}
		held = append(held, c)
		if driver == "pgx" {
			if err := c.Raw(func(c any) error { return c.(*stdlib.Conn).Conn().DeallocateAll(ctx) }); err != nil {
				return false
			}
		}
		if _, err := c.ExecContext(ctx, forgetting); err != nil {
			return false
		}
	}
	if !l.alone(ctx, held) {
		return false
	}
	return l.Clear(ctx) == nil
}

// forgetting resets a session as DISCARD ALL does, but keeps prepared statements, which
// drivers track.
const forgetting = `RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; UNLISTEN *;
	SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD SEQUENCES; DISCARD TEMP`

// alone waits until the test's other sessions have ended. The server ends a session
// shortly after its connection closes.
func (l reusable) alone(ctx context.Context, held []*sql.Conn) bool {
	if len(held) == 0 {
		return true
	}
	others := 1 // the session that fills the database
	for range 50 {
		var n int
		if err := held[0].QueryRowContext(ctx, `SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_activity(NULL)
			WHERE datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
			AND backend_type = 'client backend'`).Scan(&n); err != nil {
			return false
		}
		if n <= len(held)+others {
			return true
		}
		<-time.After(10 * time.Millisecond)
	}
	return false
}

func (l reusable) drop(t testing.TB) {
	if l.pool != nil {
		_ = l.pool.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := l.Drop(ctx)
	// A session that created thousands of tables takes long to end on a busy machine.
	// The server waits five seconds for it.
	for tries := 1; inUse(err) && tries < 4; tries++ {
		err = l.Drop(ctx)
	}
	if err != nil {
		t.Error(err)
	}
}

func inUse(err error) bool {
	var state interface{ SQLState() string }
	return errors.As(err, &state) && state.SQLState() == "55006"
}

// dropUsed drops the databases that wait for a test.
func dropUsed() error {
	used.Lock()
	defer used.Unlock()
	var errs []error
	for _, all := range used.by {
		for _, l := range all {
			errs = append(errs, l.pool.Close(), l.Drop(context.Background()))
		}
	}
	clear(used.by)
	return errors.Join(errs...)
}

// Run runs a package's tests and drops the reused databases, for TestMain. It implements
// goleak's TestingM.
type Run struct{ *testing.M }

// Run runs the tests and returns the code to exit with.
func (r Run) Run() int {
	code := r.M.Run()
	if err := dropUsed(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}
