// Package pgtest is a throwaway Postgres for tests and examples.
//
// A test asks for a database of its own and opens it with the driver it likes, lib/pq or pgx:
//
//	func TestOrders(t *testing.T) {
//		t.Parallel()
//		database := pgtest.NewDatabase(t)
//		database.Exec(t, `CREATE SEQUENCE order_no; CREATE TYPE mood AS ENUM ('sad', 'ok')`)
//		db := database.Open(t, "pgx")
//		// …
//	}
//
// The server behind it is started once per test process. A program, or a test that needs a server with
// settings of its own, calls [Start].
//
// Tests of one schema make it once, in TestMain, and each takes a copy, which costs a fraction. TestMain has no test to
// fail, so each method that takes a testing.TB has a form that takes a context and returns an error:
//
//	var shop *pgtest.Database // nil where there is no Postgres: then its Copy skips the test
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
// The whole of it is in examples/integrationtest.
//
// Where the server comes from is decided by the first of these that is there:
//
//  1. The server at MASSIVE_POSTGRES_URL, a postgres:// URL or a DSN of keywords and values. Somebody else
//     runs it; the role has to be allowed to create databases (and for Fill to be a superuser). It is used and never
//     stopped. Of several hosts the first that can be connected to is used; without an sslmode, TLS is used if the
//     server has it.
//  2. Local server binaries, initdb and postgres: those in the directory MASSIVE_POSTGRES_BIN, or else in
//     PATH, or else where Debian, Homebrew and Fedora put them. A cluster of its own is made in a temporary
//     directory and listens on a Unix socket there; on Linux that is in memory (/dev/shm) if 4 GB are free
//     there and TMPDIR is not set. As root it runs as the user postgres or nobody.
//  3. Each [Provider] that [Start] or [Shared] was given. The one for Docker is dockerpg.Provider(), in the
//     module github.com/massivedb/massive-go/sqltest/pgtest/dockerpg.
//  4. Server binaries of version MASSIVE_POSTGRES_VERSION, by default a 17, downloaded from the Maven repository
//     MASSIVE_POSTGRES_REPOSITORY, by default Maven's own, where the embedded-postgres project keeps them. They are
//     kept below massive-go in the user's cache directory, and served like local ones; not as root.
//
// With MASSIVE_POSTGRES_RUNG=url, local, download or the name of a provider in lower case, only that one is tried. A
// variable that is set and wrong is an error, never a reason to look further down. When there is none of them, [Start]
// returns [ErrNoPostgres] and [NewDatabase] skips the test; with MASSIVE_REQUIRE_POSTGRES=1 it fails the test instead.
//
// Nothing is left behind, neither a process nor a directory, however the process ends: Stop or no Stop, os.Exit, panic,
// Ctrl-C, SIGTERM, SIGKILL. What goes behind a process that has not called Stop takes a moment. A process that was
// killed or exits too early may leave its databases on a server that somebody else runs. pgtest removes them the next
// time it is there, an hour later or more. Where every process is killed at once, the shell that waits to clean up
// among them (as with a whole cgroup), the cluster's directory pgtest-* stays. So does an empty file of the
// embedded-postgres library, where temporary files go, of a process that was killed in the middle of a download.
//
// The package imports both drivers, so that "postgres" (lib/pq) and "pgx" are registered with database/sql.
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

// patience is how long a test waits for a server, or for a statement of pgtest's own.
const patience = time.Minute

// patiently returns a context for that long. It is not the test's own, which is over when cleanup begins.
func patiently() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// shared is [Shared], which the tests replace.
var shared = sharing(Start)

// sharing returns a function whose first call starts a server, and whose every call returns that server.
func sharing(start func(context.Context, ...Option) (*Server, error)) func(...Option) (*Server, error) {
	var once sync.Once
	var server *Server
	var err error
	return func(opts ...Option) (*Server, error) {
		late := true
		once.Do(func() {
			late = false
			ctx, cancel := context.WithTimeout(context.Background(), 3*patience) // an image or an archive may have to be fetched
			defer cancel()
			server, err = start(ctx, opts...)
		})
		if late && len(opts) > 0 {
			return nil, errors.New("pgtest: Shared: the server was started before, without these options: " +
				"pass them in the first call, in TestMain")
		}
		return server, err
	}
}

// Shared returns the server that all tests of the process share, the one of [NewDatabase]. It is meant for a TestMain
// or an example. The first call starts the server with its options; [NewDatabase] has none. Later calls return the same
// server or the same error. A later call that has options returns an error.
//
// The server ends with the process. A TestMain may stop it when its tests are done; nothing else may.
//
// Errors: [ErrNoPostgres].
func Shared(opts ...Option) (*Server, error) { return shared(opts...) }

// NewDatabase makes an empty database for one test, on a server that all tests of the process share, and
// drops it when the test ends, along with the connections still open to it. The first call starts the
// server; the first test that gets a database on it logs its [Server.Origin].
//
// Where there is no Postgres it skips the test, or fails it if MASSIVE_REQUIRE_POSTGRES is set (to anything
// but 0). Any other trouble fails the test. Like t.Fatal it must be called from the test's goroutine;
// parallel tests may call it at the same time.
func NewDatabase(t testing.TB) *Database {
	t.Helper()
	server, err := shared()
	if err != nil {
		giveUp(t, err)
	}
	return server.NewDatabase(t)
}

// NewDatabase is the function [NewDatabase] on this server, such as one that has settings of its own.
func (s *Server) NewDatabase(t testing.TB) *Database {
	t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	database, err := s.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	database.lend(t)
	return database
}

// giveUp ends a test that gets no database: where there is no Postgres, and none is required, that is no fault.
func giveUp(t testing.TB, err error) {
	t.Helper()
	required := os.Getenv("MASSIVE_REQUIRE_POSTGRES")
	if errors.Is(err, ErrNoPostgres) && (required == "" || required == "0") {
		t.Skipf("SKIPPED FOR WANT OF POSTGRES: %v", err)
	}
	t.Fatal(err)
}

// lend has a test drop the database when it ends. The first test on a server logs where that comes from.
func (d *Database) lend(t testing.TB) {
	t.Helper()
	d.server.announced.Do(func() { t.Logf("pgtest: %s", d.server.Origin()) })
	t.Cleanup(func() {
		ctx, cancel := patiently()
		defer cancel()
		if err := d.Drop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// A Database is one database on a [Server], made by [NewDatabase] or [Server.CreateDatabase]. It is safe
// for concurrent use; the zero value is not usable.
type Database struct {
	server *Server
	name   string

	mu       sync.Mutex // held while Fill or Do are at work
	contents contents

	talking sync.Mutex
	filler  *pgconn.PgConn // what Fill, Do and Clear run on, from the first of them on
}

// contents are what Fill has made: the role that owns it, the word for each structure's kind, the table of each view's
// rows, and the settings, which are the database's and not in it.
type contents struct {
	role     string
	kinds    map[dialect.Name]string
	rows     map[dialect.Name]rows
	filled   int // tables of rows, also those of views that are gone
	settings []string
}

// rows are the table that a view's query reads, and its columns, which are the view's.
type rows struct {
	table   string
	columns []dialect.Column
}

func (c contents) clone() contents {
	c.kinds, c.rows, c.settings = maps.Clone(c.kinds), maps.Clone(c.rows), slices.Clone(c.settings)
	return c
}

// Name returns the database's name: lower-case letters, digits and underscores, no other database's on the
// server.
func (d *Database) Name() string { return d.name }

// DSN returns what a driver needs to connect to the database, in the form of keywords and values that
// lib/pq and pgx both read. More of them may be appended after a space.
func (d *Database) DSN() string { return d.server.DSN(d.name) }

// URL returns the same as a postgres:// URL, for the tools and libraries that take nothing else. It may hold a password.
func (d *Database) URL() string { return asURL(d.DSN()) }

// Open connects to the database with a driver registered with database/sql, "postgres" (lib/pq) or "pgx",
// and closes the pool when the test ends. Each of params is a keyword and a value for the end of the DSN,
// such as "default_query_exec_mode=exec". A database that can't be reached fails the test. Of a database that was filled
// the pool acts as its [Database.Role], by the keyword options: one among params takes its place.
func (d *Database) Open(t testing.TB, driver string, params ...string) *sql.DB {
	t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	db, err := d.OpenContext(ctx, driver, params...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// OpenContext is [Database.Open] without a test: the caller closes the pool, and does so before a [Database.Copy]. What
// ends with ctx is only the first attempt to connect.
func (d *Database) OpenContext(ctx context.Context, driver string, params ...string) (*sql.DB, error) {
	if !slices.Contains(sql.Drivers(), driver) {
		return nil, fmt.Errorf(`pgtest: open %s: no driver %q is registered with database/sql: "postgres" (lib/pq) and "pgx" are`,
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

// Exec runs SQL text, of one statement or several, on a connection of its own; it is meant for set-up.
// Several statements are one transaction unless they say otherwise. An error fails the test, and so does what takes
// longer than a minute.
func (d *Database) Exec(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	if err := d.ExecContext(ctx, text); err != nil {
		t.Fatal(err)
	}
}

// ExecContext is [Database.Exec] without a test, and without its limit of a minute.
func (d *Database) ExecContext(ctx context.Context, text string) error {
	if err := execute(ctx, d.DSN(), text); err != nil {
		return fmt.Errorf("pgtest: set up %s: %w", d.name, located(explained(err), text))
	}
	return nil
}

// Role returns the role that owns what [Database.Fill] made, and that pools opened from then on act as; empty for a
// database that was not filled.
func (d *Database) Role() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.contents.role
}

// Copy makes another database for one test, which holds what d holds now, and drops it when the test ends. It
// takes a fraction of the time that it takes to make the structures again. What Fill made belongs to the same role in
// both, so that d has to outlive its copies. While it is copied nobody else may be connected to it: close the pools
// that are open to d first.
//
// For a TestMain, which fills d once: if it found no Postgres, and d is nil, Copy skips or fails the test as
// [NewDatabase] does.
//
// See https://www.postgresql.org/docs/current/manage-ag-templatedbs.html.
func (d *Database) Copy(t testing.TB) *Database {
	t.Helper()
	ctx, cancel := patiently()
	defer cancel()
	c, err := d.CopyContext(ctx)
	if err != nil {
		giveUp(t, err)
	}
	c.lend(t)
	return c
}

// CopyContext is [Database.Copy] without a test: the copy lasts until its [Database.Drop], or as long as the server.
func (d *Database) CopyContext(ctx context.Context) (*Database, error) {
	if d == nil {
		if _, err := shared(); err != nil {
			return nil, err
		}
		return nil, errors.New("pgtest: copy: the database is nil: make it first, with CreateDatabase")
	}
	d.hangUp(ctx)
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

// converse runs SQL text on the connection that fills the database, and tells how many of its statements were done.
func (d *Database) converse(ctx context.Context, text string) (int, error) {
	d.talking.Lock()
	defer d.talking.Unlock()
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

// hangUp ends the connection that fills the database.
func (d *Database) hangUp(ctx context.Context) {
	d.talking.Lock()
	defer d.talking.Unlock()
	if d.filler != nil {
		_ = d.filler.Close(ctx)
		d.filler = nil
	}
}

// Drop drops the database and ends the connections still open to it. (Postgres 12 can't end them: there
// they are an error.) The role that Fill made goes with it. Dropping it once more does nothing, nor does it when the
// server was stopped. [NewDatabase] sees to it by itself.
func (d *Database) Drop(ctx context.Context) error {
	d.hangUp(ctx)
	if err := d.server.drop(ctx, d); err != nil {
		return fmt.Errorf("pgtest: drop %s: %w", d.name, advised(err))
	}
	return nil
}
