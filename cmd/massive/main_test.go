//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// process makes the test binary the command itself.
const process = "MASSIVE_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(process) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// A running is a process of the command.
type running struct {
	*exec.Cmd
	out, err *buffer
	terminal *os.File // nil in a pipe
}

// A buffer can be read while a process writes to it.
type buffer struct {
	sync.Mutex
	b bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.Lock()
	defer b.Unlock()
	return b.b.String()
}

// prepare returns the command without the caller's PG* variables. The settings are of its
// environment: "DATABASE_URL=…".
func prepare(t *testing.T, settings []string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a hang fails the test
	t.Cleanup(cancel)
	r := &running{Cmd: exec.CommandContext(ctx, os.Args[0], args...), out: &buffer{}, err: &buffer{}}
	r.Env = append([]string{process + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TERM=xterm"}, settings...)
	r.Stdout, r.Stderr = r.out, r.err
	return r
}

// start starts the command in pipes.
func start(t *testing.T, settings []string, args ...string) *running {
	t.Helper()
	r := prepare(t, settings, args...)
	noError(t, r.Start())
	return r
}

// onTerminal starts the command on a pseudo-terminal of 80 columns. out gets everything.
func onTerminal(t *testing.T, settings []string, args ...string) *running {
	t.Helper()
	r := prepare(t, settings, args...)
	r.Stdout, r.Stderr = nil, nil
	terminal, err := pty.StartWithSize(r.Cmd, &pty.Winsize{Rows: 24, Cols: 80})
	noError(t, err)
	r.terminal = terminal
	t.Cleanup(func() { terminal.Close() })
	return r
}

// wait waits for the end, and returns the exit code.
func (r *running) wait(t *testing.T) int {
	t.Helper()
	if r.terminal != nil {
		_, _ = io.Copy(r.out, r.terminal) // ends with an error when the process does
	}
	err := r.Wait()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return r.ProcessState.ExitCode()
}

// massiveRuns runs the command in pipes.
func massiveRuns(t *testing.T, settings []string, args ...string) (out, errs string, code int) {
	t.Helper()
	r := start(t, settings, args...)
	code = r.wait(t)
	return r.out.String(), r.err.String(), code
}

// eventually waits for a condition. A condition that never holds fails the test after a
// minute.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// shop has the database of docs/cli.md.
func shop(t *testing.T) (*pgtest.Database, []string) {
	t.Helper()
	database := pgtest.NewDatabase(t)
	database.Exec(t, page(t).setup)
	return database, []string{"DATABASE_URL=" + database.URL()}
}

// long skips a long test unless MASSIVE_TEST_ALL is set.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("MASSIVE_TEST_ALL") == "" {
		t.Skip("this takes long; MASSIVE_TEST_ALL=1 runs it")
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	database.Exec(t, `CREATE MATERIALIZED VIEW broken AS SELECT 1/n AS n FROM (SELECT count(*) - 6 AS n FROM orders) o WITH NO DATA;
		CREATE MATERIALIZED VIEW after_broken AS SELECT * FROM broken WITH NO DATA`)
	for _, c := range []struct {
		args string
		code int
		out  string
		err  string
	}{
		{"ls --kind enum", exitOK, "^KIND +NAME +DETAILS\nenum ", "^$"},
		{"", exitOK, "Usage:", "^$"},
		{"bogus", exitUsage, "^$", `^massive: unknown command "bogus" for "massive"\n`},
		{"ls --bogus", exitUsage, "^$", "^massive: unknown flag: --bogus\nRun 'massive ls --help' for its flags.\n$"},
		{"ls --kind table", exitUsage, "^$", `^massive: --kind "table": want matview, enum or sequence\n$`},
		{"ls nothing.*", exitFindings, "^$", `^warning: the pattern nothing.\* matches nothing\n$`},
		{"show", exitUsage, "^$", `^massive: accepts 1 arg\(s\), received 0\n`},
		{"show a.b.c", exitUsage, "^$", "invalid"},
		{"show daily_sale", exitFindings, "^$", "has the name daily_sale; did you mean public.daily_sales\\?\n$"},
		{"show orders", exitFindings, "^$", "a table of that name exists: public.orders\n$"},
		{"graph --mermaid --dot", exitUsage, "^$", "mermaid"},
		{"sequences", exitUsage, "^$", "^massive: a subcommand is missing\n"},
		{"sequences bogus", exitUsage, "^$", `^massive: unknown command "bogus"`},
		{"sequences reset invoice_no", exitUsage, "^$", "--yes answers the question\n"},
		{"sequences reset invoice_no --to 0 --yes", exitFindings, "^$", "out of range"},
		{"sequences catchup --dry-run", exitFindings, "public.orders_id_seq: public.orders.id is at 6, and its sequence is behind", "^$"},
		{"enums add order_status paid", exitFindings, "^$", "label exists"},
		{"enums add order_status lost --after nowhere", exitFindings, "^$", "label unknown"},
		{"refresh nosuch", exitFindings, "^$", "materialized view not found"},
		{"refresh --parallel 0", exitUsage, "^$", "invalid argument"},
		{"refresh --concurrently --if-possible", exitUsage, "^$", "none of the others can be"},
		{"refresh --concurrently weekly_sales", exitRefresh, "(?s)weekly_sales failed.*no usable unique index.*\n1 failed in", "^$"},
		{"refresh broken after_broken daily_sales", exitRefresh, "(?s)division by zero.*public.after_broken skipped: it depends on public.broken, which failed\n.*\n1 refreshed, 1 skipped, 1 failed", "^$"},
		{"doctor --skip bogus", exitUsage, "^$", `--skip "bogus"`},
		{"watch --every 0s", exitUsage, "^$", "invalid argument"},
		{"completion bash", exitOK, "bash completion", "^$"},
		{"version", exitOK, `^massive \S+ go1\.`, "^$"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			out, errs, code := massiveRuns(t, env, strings.Fields(c.args)...)
			if code != c.code || !regexp.MustCompile(c.out).MatchString(out) || !regexp.MustCompile(c.err).MatchString(errs) {
				t.Errorf("exit code %d, want %d\nprinted:\n%s\nwant %s\nerror:\n%s\nwant %s", code, c.code, out, c.out, errs, c.err)
			}
		})
	}
}

func TestWithoutServerTheExitCodeIs3AndNoPasswordIsPrinted(t *testing.T) {
	t.Parallel()
	nowhere := t.TempDir()
	for _, c := range []struct {
		name string
		env  []string
		url  string
		code int
	}{
		{"URL", nil, "postgres://u:s3cret@127.0.0.1:1/db", exitNoServer},
		{"keywords", nil, "host=" + nowhere + " password=s3cret", exitNoServer},
		{"DATABASE_URL", []string{"DATABASE_URL=postgres://u:s3cret@127.0.0.1:1/db"}, "", exitNoServer},
		{"PG*", []string{"PGHOST=" + nowhere, "PGPASSWORD=s3cret"}, "", exitNoServer},
		{"several hosts", nil, "postgres://u:s3cret@127.0.0.1:1,127.0.0.1:2/db", exitNoServer},
		{"malformed port", nil, "postgres://u:pass#s3cret@host/db", exitNoServer},
		{"malformed password", nil, "postgres://u:pass/s3cret@host:5432/db", exitUsage},
		{"malformed escape", nil, "postgres://u:%s3cret@host/db", exitUsage},
		{"malformed host", nil, "postgres://u:pass@a s3cret@host/db", exitUsage},
		{"malformed database", nil, "postgres://u:12/s3cret@host/db", exitUsage},
		{"malformed keywords", nil, "host=x password=a s3cret", exitUsage},
		{"malformed variable", []string{"DATABASE_URL=postgres://u:%s3cret@host/db"}, "", exitUsage},
		{"wrong setting", nil, "postgres://u:s3cret@host/db?sslmode=s", exitUsage},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := []string{"ls", "--json"}
			if c.url != "" {
				args = append(args, "--database-url", c.url)
			}
			out, errs, code := massiveRuns(t, append(c.env, "PGCONNECT_TIMEOUT=5"), args...)
			if code != c.code || out != "" || !strings.HasPrefix(errs, "massive: ") {
				t.Errorf("exit code %d, want %d; printed %q and the error %s", code, c.code, out, errs)
			}
			if strings.Contains(errs, "s3cret") {
				t.Errorf("the password is in %s", errs)
			}
		})
	}
}

func TestVariablesOfLibpqSelectTheDatabase(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	var pg []string
	for _, word := range strings.Fields(database.DSN()) {
		key, value, _ := strings.Cut(word, "=")
		name := map[string]string{"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}[key]
		if name != "" {
			pg = append(pg, name+"="+strings.Trim(value, "'"))
		}
	}
	want, _, _ := massiveRuns(t, env, "ls")
	got, errs, code := massiveRuns(t, pg, "ls")
	if got != want || code != 0 {
		t.Errorf("with %q: exit code %d, %s%s", pg, code, errs, got)
	}
	got, _, code = massiveRuns(t, []string{"DATABASE_URL=postgres://127.0.0.1:1/"}, "ls", "--database-url", database.DSN())
	if got != want || code != 0 {
		t.Errorf("the flag does not override the variable: exit code %d, %s", code, got)
	}
}

func TestInterruptCancelsTheRefreshOnTheServer(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			database, env := shop(t)
			database.Exec(t, `CREATE MATERIALIZED VIEW slow AS SELECT day, pg_sleep(100)::text FROM daily_sales WITH NO DATA`)
			db := database.Open(t, "pgx")
			sleeping := func() (n int) {
				if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
					WHERE datname = current_database() AND query LIKE '%"slow"%' AND state = 'active' AND wait_event = 'PgSleep'`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			r := start(t, env, "refresh", "daily_sales", "slow")
			eventually(t, "the refresh runs", func() bool { return sleeping() == 1 })
			noError(t, r.Process.Signal(signal))
			code := r.wait(t)
			if n := sleeping(); n != 0 {
				t.Error("the refresh still runs on the server")
			}
			if code != 128+int(signal) {
				t.Errorf("exit code %d, want %d", code, 128+int(signal))
			}
			for _, want := range []string{"[1/2] public.daily_sales refreshed", "[2/2] public.slow cancelled", "1 refreshed, 1 cancelled in"} {
				if !strings.Contains(r.out.String(), want) {
					t.Errorf("%q is missing in:\n%s", want, r.out)
				}
			}
			if got := r.err.String(); got != "massive: interrupted: 1 of 2 views refreshed\n" {
				t.Errorf("the error is %q", got)
			}
		})
	}
}

func TestServerThatGoesAwayEndsTheRefresh(t *testing.T) {
	t.Parallel()
	if os.Getenv("MASSIVE_POSTGRES_URL") != "" {
		t.Skip("an external server can't be stopped")
	}
	server := ownServer(t)
	database, err := server.CreateDatabase(t.Context()) // it ends with the server
	noError(t, err)
	database.Exec(t, page(t).setup+`; CREATE MATERIALIZED VIEW slow AS SELECT day, pg_sleep(100)::text FROM daily_sales WITH NO DATA`)
	env := []string{"DATABASE_URL=" + database.URL()}
	db, err := database.OpenContext(t.Context(), "pgx")
	noError(t, err)
	defer db.Close()
	watch := start(t, env, "watch", "--every", "10ms", "--json")
	r := start(t, env, "refresh", "daily_sales", "slow")
	eventually(t, "the refresh runs", func() bool {
		var n int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'`).Scan(&n)
		return err == nil && n == 1
	})
	eventually(t, "the watch runs", func() bool { return strings.Contains(watch.err.String(), "watching") })
	noError(t, server.Stop())
	if code := r.wait(t); code != exitRefresh || !strings.Contains(r.out.String(), "1 refreshed, 1 failed in") ||
		!strings.Contains(r.out.String(), "unavailable") {
		t.Errorf("exit code %d, %s%s", code, r.err, r.out)
	}
	eventually(t, "the watch reports it", func() bool { return strings.Contains(watch.out.String(), `"error":"`) })
	noError(t, watch.Process.Signal(os.Interrupt))
	if code := watch.wait(t); code != exitOK {
		t.Errorf("the watch ends with exit code %d: %s", code, watch.err)
	}
}

// ownServer starts a server that the test may stop.
func ownServer(t *testing.T) *pgtest.Server {
	t.Helper()
	server, err := pgtest.Start(t.Context())
	if errors.Is(err, pgtest.ErrNoPostgres) {
		pgtest.NewDatabase(t) // skips, or fails
	}
	noError(t, err)
	t.Cleanup(func() { server.Stop() })
	return server
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
