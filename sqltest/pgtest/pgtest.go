// Package pgtest starts a throwaway Postgres server for tests and examples.
//
// A test gets its own database, and opens it with lib/pq or pgx:
//
//	func TestOrders(t *testing.T) {
//		t.Parallel()
//		database := pgtest.NewDatabase(t)
//		database.Exec(t, `CREATE SEQUENCE order_no; CREATE TYPE mood AS ENUM ('sad', 'ok')`)
//		db := database.Open(t, "pgx")
//		// …
//	}
//
// All tests of a process share one server. A program, or a test that needs a server with
// its own settings, calls [Start].
//
// Tests that share a schema can create it once, in TestMain. Each test then copies the
// database, which is much faster. TestMain has no testing.TB. So each method that takes a
// testing.TB also exists with a context and an error:
//
//	var shop *pgtest.Database // nil without Postgres; its Copy then skips the test
//
//	func TestMain(m *testing.M) {
//		server, err := pgtest.Shared()
//		if err == nil {
//			defer server.Stop()
//			log.Print(server.Origin())
//			shop, err = newShop(server) // CreateDatabase, ExecContext
//		}
//		if err != nil && !errors.Is(err, pgtest.ErrNoPostgres) {
//			log.Panic(err)
//		}
//		m.Run()
//	}
//
//	func TestOrders(t *testing.T) {
//		db := shop.Copy(t).Open(t, "pgx")
//		// …
//	}
//
// The example examples/integrationtest has the complete code.
//
// # Sources of servers
//
// pgtest uses the first of these sources that is available:
//
//  1. The external server at MASSIVE_POSTGRES_URL, a postgres:// URL or a DSN of keywords
//     and values. pgtest never stops it. The role must be allowed to create databases, and
//     must be a superuser for Fill. If there are several hosts, pgtest uses the first that
//     accepts a connection. Without sslmode, it uses TLS if the server supports it.
//  2. Local server binaries, initdb and postgres. pgtest looks in the directory
//     MASSIVE_POSTGRES_BIN, or else in PATH, or else where Debian, Homebrew and Fedora
//     install them. It creates a cluster in a temporary directory. On Linux the directory
//     is in memory (/dev/shm) if TMPDIR is not set and 4 GB are free there. The server
//     listens on a Unix socket in the directory. As root, pgtest runs the server as the
//     user postgres or nobody.
//  3. The [Provider] options of [Start] or [Shared]. dockerpg.Provider() starts a server
//     in Docker. It is in the module
//     github.com/massivedb/massive-go/sqltest/pgtest/dockerpg.
//  4. Downloaded server binaries of the embedded-postgres project.
//     MASSIVE_POSTGRES_VERSION sets the version; the default is a version 17.
//     MASSIVE_POSTGRES_REPOSITORY sets the Maven repository; the default is Maven Central.
//     The binaries are kept in massive-go in the user's cache directory. This source does
//     not work as root.
//
// If MASSIVE_POSTGRES_RUNG is set, pgtest tries only one source: url, local, download, or
// the name of a provider in lower case. If a variable is set and wrong, pgtest returns an
// error and tries no other source. If no source is available, [Start] returns
// [ErrNoPostgres], and [NewDatabase] skips the test. With MASSIVE_REQUIRE_POSTGRES=1,
// [NewDatabase] fails the test instead.
//
// # Cleanup
//
// pgtest leaves no process and no directory behind, however the process ends: Stop,
// os.Exit, panic, Ctrl-C, SIGTERM or SIGKILL. Without Stop, the cleanup ends shortly
// after the process. There are three exceptions:
//   - A process that ends before its tests' cleanup may leave databases on an external
//     server. A later run of pgtest drops them when they are more than an hour old.
//   - If a whole cgroup is killed, with the shell that cleans up, the cluster's directory
//     pgtest-* stays.
//   - If a process is killed during a download, an empty temporary file of the
//     embedded-postgres library stays.
//
// The package imports both drivers, so database/sql has the drivers "postgres" (lib/pq)
// and "pgx".
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"

	"github.com/massivedb/massive-go/dialect"
)

// timeout limits how long a test waits for a server, or for a statement of pgtest.
const timeout = time.Minute

// withTimeout returns a context with that timeout. The test's own context is cancelled
// before its cleanup functions run.
func withTimeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), timeout)
}

// shared implements [Shared]. Tests replace it.
var shared = sharing(Start)

// sharing returns a function. Its first call starts a server. All calls return that
// server.
func sharing(start func(context.Context, ...Option) (*Server, error)) func(...Option) (*Server, error) {
	var once sync.Once
	var server *Server
	var err error
	return func(opts ...Option) (*Server, error) {
		late := true
		once.Do(func() {
			late = false
			ctx, cancel := context.WithTimeout(context.Background(), 3*timeout) // it may have to download an image or binaries
			defer cancel()
			server, err = start(ctx, opts...)
		})
		if late && len(opts) > 0 {
			return nil, errors.New("pgtest: Shared: the server is already started, without these options: " +
				"pass them in the first call, in TestMain")
		}
		return server, err
	}
}

// Shared returns the server that all tests of the process share, and that [NewDatabase]
// uses. Call it in a TestMain or an example. The first call starts the server with opts;
// [NewDatabase] starts it without options. Later calls return the same server or the same
// error. They return an error if they have options.
//
// The server ends with the process. Only a TestMain may stop it, after its tests.
//
// Errors: [ErrNoPostgres].
func Shared(opts ...Option) (*Server, error) { return shared(opts...) }

// NewDatabase creates an empty database for one test, on the server that all tests of the
// process share. When the test ends, it drops the database and ends connections that are
// still open. The first call starts the server. The first test that gets a database logs
// [Server.Origin].
//
// If no Postgres is available, NewDatabase skips the test. If MASSIVE_REQUIRE_POSTGRES is
// set, and not to 0, it fails the test instead. Any other error fails the test. Call
// NewDatabase from the test's goroutine, as t.Fatal. Parallel tests may call it
// concurrently.
func NewDatabase(t testing.TB) *Database {
	t.Helper()
	server, err := shared()
	if err != nil {
		skipOrFail(t, err)
	}
	return server.NewDatabase(t)
}

// NewDatabase creates an empty database on this server for one test, and drops it when
// the test ends. An error fails the test.
func (s *Server) NewDatabase(t testing.TB) *Database {
	t.Helper()
	ctx, cancel := withTimeout()
	defer cancel()
	database, err := s.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	database.dropAfter(t)
	return database
}

// skipOrFail ends a test that gets no database. It skips the test if no Postgres is
// available, and none is required.
func skipOrFail(t testing.TB, err error) {
	t.Helper()
	required := os.Getenv("MASSIVE_REQUIRE_POSTGRES")
	if errors.Is(err, ErrNoPostgres) && (required == "" || required == "0") {
		t.Skipf("SKIPPED: %v", err)
	}
	t.Fatal(err)
}

// dropAfter drops the database when the test ends. The first test on a server logs the
// server's origin.
func (d *Database) dropAfter(t testing.TB) {
	t.Helper()
	d.server.announced.Do(func() { t.Logf("pgtest: %s", d.server.Origin()) })
	t.Cleanup(func() {
		ctx, cancel := withTimeout()
		defer cancel()
		if err := d.Drop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// A Database is a database on a [Server]. It is safe for concurrent use. The zero value
// is not usable; call [NewDatabase] or [Server.CreateDatabase].
type Database struct {
	server *Server
	name   string

	mu       sync.Mutex // held by Fill, Do and Clear
	contents contents

	fillerMu sync.Mutex
	filler   *pgconn.PgConn // the connection of Fill, Do and Clear; nil before the first call
}

// contents describes the structures that Fill created.
type contents struct {
	role     string                  // owns the structures
	kinds    map[dialect.Name]string // the SQL keyword for each structure's kind
	rows     map[dialect.Name]rows   // by view
	filled   int                     // the number of tables in massive_rows, including those of dropped views
	settings []string                // of the database, not in it
}

// rows has the table that a view's query reads, and the columns of both.
type rows struct {
	table   string
	columns []dialect.Column
}

func (c contents) clone() contents {
	c.kinds, c.rows, c.settings = maps.Clone(c.kinds), maps.Clone(c.rows), slices.Clone(c.settings)
	return c
}

// Name returns the database's name. It has only lower-case letters, digits and
// underscores, and is unique on the server.
func (d *Database) Name() string { return d.name }

// DSN returns a connection string for the database, for lib/pq and pgx. It has the form
// of keywords and values. More of them can be appended after a space.
func (d *Database) DSN() string { return d.server.DSN(d.name) }

// URL returns [Database.DSN] as a postgres:// URL, for tools that accept only URLs. It
// may contain a password.
func (d *Database) URL() string { return asURL(d.DSN()) }

// Open returns a pool of connections to the database. It closes the pool when the test
// ends. driver is a driver of database/sql: "postgres" (lib/pq) or "pgx". Each of params
// is a keyword and a value that are appended to the DSN, for example
// "default_query_exec_mode=exec". If the connection fails, Open fails the test.
//
// If the database was filled, the pool's role is [Database.Role]. Open sets it with the
// keyword options, which params can override.
func (d *Database) Open(t testing.TB, driver string, params ...string) *sql.DB {
	t.Helper()
	ctx, cancel := withTimeout()
	defer cancel()
	db, err := d.OpenContext(ctx, driver, params...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// OpenContext does the same as [Database.Open] without a test. The caller closes the
// pool, before it calls [Database.Copy]. ctx limits only the first connection attempt.
func (d *Database) OpenContext(ctx context.Context, driver string, params ...string) (*sql.DB, error) {
	if !slices.Contains(sql.Drivers(), driver) {
		return nil, fmt.Errorf(`pgtest: open %s: no driver %q is registered with database/sql; use "postgres" (lib/pq) or "pgx"`,
			d.name, driver)
	}
	if role := d.Role(); role != "" {
		params = append([]string{"options='-c role=" + role + "'"}, params...)
	}
	db, err := sql.Open(driver, strings.Join(append([]string{d.DSN()}, params...), " "))
	if err != nil {
		return nil, fmt.Errorf("pgtest: open %s: %w", d.name, err)
	}
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("pgtest: connect to %s with %s: %w", d.name, driver, explained(err))
	}
	return db, nil
}

// Exec runs one or several SQL statements on a new connection, for set-up. Several
// statements run in one transaction, unless they contain transaction commands. An error,
// or a run of more than a minute, fails the test.
func (d *Database) Exec(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := withTimeout()
	defer cancel()
	if err := d.ExecContext(ctx, text); err != nil {
		t.Fatal(err)
	}
}

// ExecContext does the same as [Database.Exec] without a test, and without the limit of a
// minute.
func (d *Database) ExecContext(ctx context.Context, text string) error {
	if err := execute(ctx, d.DSN(), text); err != nil {
		return fmt.Errorf("pgtest: set up %s: %w", d.name, located(explained(err), text))
	}
	return nil
}

// Role returns the role that owns the structures of [Database.Fill]. Pools that are
// opened after Fill use it. If the database was not filled, Role returns "".
func (d *Database) Role() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.contents.role
}

// Copy creates a copy of d for one test, and drops it when the test ends. It is much
// faster than creating the structures again. The same role owns the structures in d and
// its copies, so drop d last. Close all pools of d before
// Copy, because d must have no connections during the copy.
//
// If d is nil because a TestMain found no Postgres, Copy skips or fails the test as
// [NewDatabase] does.
//
// See https://www.postgresql.org/docs/current/manage-ag-templatedbs.html.
func (d *Database) Copy(t testing.TB) *Database {
	t.Helper()
	ctx, cancel := withTimeout()
	defer cancel()
	c, err := d.CopyContext(ctx)
	if err != nil {
		skipOrFail(t, err)
	}
	c.dropAfter(t)
	return c
}

// CopyContext does the same as [Database.Copy] without a test. The copy exists until
// [Database.Drop], or as long as the server.
//
// Errors: [ErrNoPostgres] if d is nil and no Postgres is available.
func (d *Database) CopyContext(ctx context.Context) (*Database, error) {
	if d == nil {
		if _, err := shared(); err != nil {
			return nil, err
		}
		return nil, errors.New("pgtest: copy: the database is nil: create it first, with CreateDatabase")
	}
	d.closeFiller(ctx)
	d.mu.Lock()
	held := d.contents.clone()
	d.mu.Unlock()
	c, err := d.server.create(ctx, d.name)
	if err != nil {
		return nil, fmt.Errorf("pgtest: copy %s: %w", d.name, err)
	}
	c.contents = held
	for _, setting := range held.settings {
		if err := d.server.maintain(ctx, "ALTER DATABASE "+c.name+" SET "+setting); err != nil {
			return nil, errors.Join(fmt.Errorf("pgtest: copy %s: %w", d.name, advised(err)), c.Drop(ctx))
		}
	}
	return c, nil
}

// runOnFiller runs SQL text on the filler connection. It returns the number of statements
// that succeeded.
func (d *Database) runOnFiller(ctx context.Context, text string) (int, error) {
	d.fillerMu.Lock()
	defer d.fillerMu.Unlock()
	if d.filler == nil || d.filler.IsClosed() {
		conn, err := pgconn.Connect(ctx, d.DSN())
		if err != nil {
			return 0, err
		}
		d.filler = conn
	}
	results, err := d.filler.Exec(ctx, text).ReadAll()
	return len(results), err
}

// closeFiller closes the filler connection.
func (d *Database) closeFiller(ctx context.Context) {
	d.fillerMu.Lock()
	defer d.fillerMu.Unlock()
	if d.filler != nil {
		_ = d.filler.Close(ctx)
		d.filler = nil
	}
}

// Drop drops the database and the role that Fill created. It ends connections that are
// still open. On Postgres 12, which can't do that, open connections are an error. A
// second Drop, or a Drop after the server was stopped, does nothing. [NewDatabase] and
// [Database.Copy] call it when the test ends.
func (d *Database) Drop(ctx context.Context) error {
	d.closeFiller(ctx)
	if err := d.server.drop(ctx, d); err != nil {
		return fmt.Errorf("pgtest: drop %s: %w", d.name, advised(err))
	}
	return nil
}
