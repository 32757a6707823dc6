package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// role is set if a test runs this test binary in another process. It selects the behavior
// of that process.
var role = os.Getenv("PGTEST_ROLE")

func TestMain(m *testing.M) {
	switch role {
	case "":
	case "without postgres":
		shared = sharing(func(ctx context.Context, _ ...Option) (*Server, error) { return findServer(ctx, noPostgres()) })
		os.Exit(m.Run())
	case "test panics":
		os.Exit(m.Run())
	default:
		play(role)
	}

	flag.Parse()
	if _, err := shared(); errors.Is(err, ErrNoPostgres) {
		flag.Set("test.skip", "^Example") // an example can't skip itself
	}
	os.Exit(m.Run())
}

// play starts a server, prints "started", waits for the end of standard input, and ends
// the process as the role says.
func play(role string) {
	if _, err := Start(context.Background()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	_, _ = io.Copy(io.Discard, os.Stdin)
	switch role {
	case "exit":
		os.Exit(0)
	case "panic":
		panic("role panic")
	case "wait":
		time.Sleep(time.Minute)
	}
}

// withRole returns a command that runs this test binary in a role, with additional
// environment variables.
func withRole(role string, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "PGTEST_ROLE="+role)...)
	return cmd
}

// noPostgres returns a config without any Postgres.
func noPostgres() config {
	return config{getenv: func(string) string { return "" }, tempDir: tempDir()}
}

var drivers = []string{"postgres", "pgx"}

func query(t *testing.T, db *sql.DB, text string) string {
	t.Helper()
	var result string
	if err := db.QueryRowContext(t.Context(), text).Scan(&result); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return result
}

func TestDatabaseWithBothDrivers(t *testing.T) {
	t.Parallel()
	database := NewDatabase(t)
	for _, driver := range drivers {
		db := database.Open(t, driver)
		if got := query(t, db, `SELECT current_database()`); got != database.Name() {
			t.Errorf("%s: connected to %q, want %q", driver, got, database.Name())
		}
		if got := query(t, db, `SELECT string_agg(x, ' ' ORDER BY x) FROM (VALUES ('b'), ('a'), ('Ä'), ('B')) v (x)`); got != "B a b Ä" {
			t.Errorf("%s: the database sorts %q, want UTF8 in byte order", driver, got)
		}
	}
}

func TestOpenParameters(t *testing.T) {
	t.Parallel()
	database := NewDatabase(t)
	for _, driver := range drivers {
		db := database.Open(t, driver, "search_path=stats", "work_mem=77kB")
		if got := query(t, db, `SHOW search_path`); got != "stats" {
			t.Errorf("%s: search_path is %q, want stats", driver, got)
		}
		if got := query(t, db, `SHOW work_mem`); got != "77kB" {
			t.Errorf("%s: work_mem is %q, want 77kB", driver, got)
		}
	}
	// pgx's default mode would prepare this statement.
	db := database.Open(t, "pgx", "default_query_exec_mode=exec")
	db.SetMaxOpenConns(1)
	query(t, db, `SELECT 'anything'`)
	if got := query(t, db, `SELECT count(*)::text FROM pg_prepared_statements`); got != "0" {
		t.Errorf("default_query_exec_mode=exec: %s prepared statements, want none", got)
	}
}

func TestExecSeveralStatements(t *testing.T) {
	t.Parallel()
	database := NewDatabase(t)
	database.Exec(t, `
		CREATE TABLE mood (name text); -- with a comment
		INSERT INTO mood VALUES ('sad'), ('happy');
		CREATE MATERIALIZED VIEW moods AS SELECT count(*) AS n FROM mood;`)
	if got := query(t, database.Open(t, "pgx"), `SELECT n::text FROM moods`); got != "2" {
		t.Errorf("moods: %s, want 2", got)
	}
}

func TestDatabasesAreSeparateAndDropped(t *testing.T) {
	t.Parallel()
	outer := NewDatabase(t)
	var inner *Database
	var open *sql.DB
	t.Run("inner", func(t *testing.T) {
		inner = NewDatabase(t)
		inner.Exec(t, `CREATE TABLE only_here ()`)
		outer.Exec(t, `CREATE TABLE only_here ()`)

		// A connection that the test does not close does not block the drop.
		var err error
		if open, err = sql.Open("pgx", inner.DSN()); err != nil {
			t.Fatal(err)
		}
		if inner.server.version >= "13" {
			query(t, open, `SELECT 'connected'`)
		}
	})
	defer open.Close()

	db := outer.Open(t, "pgx")
	if got := query(t, db, `SELECT count(*)::text FROM pg_database WHERE datname = '`+inner.Name()+`'`); got != "0" {
		t.Errorf("%s exists after its test", inner.Name())
	}
	if err := inner.Drop(t.Context()); err != nil {
		t.Errorf("drop it again: %v, want no error", err)
	}
}

func TestOpenClosesThePool(t *testing.T) {
	t.Parallel()
	database := NewDatabase(t)
	var db *sql.DB
	t.Run("inner", func(t *testing.T) { db = database.Open(t, "pgx") })
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("the pool is open after its test")
	}
}

// TestWithoutPostgres runs in a process without Postgres, which
// TestNoPostgresSkipsOrFails starts.
func TestWithoutPostgres(t *testing.T) {
	if role != "without postgres" {
		t.Skip("TestNoPostgresSkipsOrFails runs it in another process")
	}
	NewDatabase(t)
	t.Error("the test was not skipped")
}

func TestNoPostgresSkipsOrFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, required, want string }{
		{"TestWithoutPostgres", "", "--- SKIP"}, {"TestWithoutPostgres", "0", "--- SKIP"}, {"TestWithoutPostgres", "1", "--- FAIL"},
		{"TestCopyWithoutPostgres", "", "--- SKIP"}, {"TestCopyWithoutPostgres", "1", "--- FAIL"},
	} {
		required, want := test.required, test.want
		cmd := withRole("without postgres", "MASSIVE_REQUIRE_POSTGRES="+required)
		cmd.Args = append(cmd.Args, "-test.v", "-test.run=^"+test.name+"$")
		out, _ := cmd.CombinedOutput()
		var said []string
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "no Postgres available") {
				said = append(said, line)
			}
		}
		if !strings.Contains(string(out), want) || len(said) != 1 ||
			!strings.Contains(said[0], "set MASSIVE_POSTGRES_URL") || !strings.Contains(said[0], "apt-get install postgresql") {
			t.Errorf("MASSIVE_REQUIRE_POSTGRES=%s: want %s and one line that says how to get a Postgres; got\n%s", required, want, out)
		}
	}
}

// A server has no goroutines, so that tests can check for leaks. Not parallel, because it
// counts goroutines.
func TestServerHasNoGoroutine(t *testing.T) {
	NewDatabase(t)
	before := runtime.NumGoroutine()
	t.Run("inner", func(t *testing.T) {
		NewDatabase(t).Exec(t, `SELECT 1`)
		if _, err := shared(); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
