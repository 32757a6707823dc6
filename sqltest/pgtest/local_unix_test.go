//go:build unix

package pgtest

// Local server binaries: the search for them, the start of a cluster, and the cleanup
// however the process ends.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/massivedb/massive-go/sqltest"
)

// locally returns a config with this process's environment, without MASSIVE_POSTGRES_URL,
// and with a new temporary directory. The directory must be empty when the test ends.
func locally(t *testing.T) config {
	t.Helper()
	// Not t.TempDir: its path is too long, and the server's user can't enter it.
	parent := tempDir()
	if parent != "/dev/shm" {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "pgtest-of-")
	noError(t, err)
	noError(t, os.Chmod(dir, 0o777))
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Errorf("left behind: %v", err)
		}
		if left := processes(t, dir); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
	c := config{places: places, tempDir: dir, getenv: func(name string) string {
		if name == "MASSIVE_POSTGRES_URL" || name == "MASSIVE_POSTGRES_RUNG" {
			return ""
		}
		return os.Getenv(name)
	}}
	if _, err := binaries(c); err != nil {
		if os.Getenv("MASSIVE_REQUIRE_POSTGRES") != "" && os.Getenv("MASSIVE_POSTGRES_URL") == "" {
			t.Fatal(err)
		}
		t.Skipf("no local binaries: %v", err)
	}
	return c
}

// startLocally starts a server that is stopped when the test ends.
func startLocally(t *testing.T, c config) *Server {
	t.Helper()
	server, err := findServer(t.Context(), c)
	noError(t, err)
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// processes returns the processes that have some text in their command line.
func processes(t *testing.T, text string) []string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-ww", "-o", "pid=,args=").Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, text) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// fake creates server binaries that are shell scripts.
func fake(t *testing.T, dir, initdb, postgres string) {
	t.Helper()
	noError(t, os.MkdirAll(dir, 0o755))
	for name, script := range map[string]string{"initdb": initdb, "postgres": postgres} {
		noError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
}

func TestLocalServer(t *testing.T) {
	t.Parallel()
	c := locally(t)
	c.settings = []string{"wal_level=logical", "application_name=it's two words", "max_connections=7"}
	server := startLocally(t, c)

	bin, _ := binaries(c)
	want := fmt.Sprintf("local binaries %s (PostgreSQL %s); not MASSIVE_POSTGRES_URL: not set", bin, server.version)
	if server.Origin() != want {
		t.Errorf("origin %q, want %q", server.Origin(), want)
	}
	database, err := server.CreateDatabase(t.Context())
	noError(t, err)
	for _, driver := range drivers {
		db := database.Open(t, driver)
		for setting, want := range map[string]string{
			"wal_level": "logical", "max_connections": "7", "listen_addresses": "", "fsync": "off", "server_encoding": "UTF8",
		} {
			if got := query(t, db, `SHOW `+setting); got != want {
				t.Errorf("%s: %s is %q, want %q", driver, setting, got, want)
			}
		}
	} // Stop ends the connections that are still open.

	// The same server as an external one.
	ours, err := findServer(t.Context(), at("postgres://postgres@/postgres?sslmode=disable&host="+url.QueryEscape(server.dir(t))))
	noError(t, err)
	other, err := ours.CreateDatabase(t.Context())
	noError(t, err)
	if err := errors.Join(ours.Stop(), other.Drop(t.Context())); err != nil {
		t.Error(err)
	}

	for range 2 {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
		if left := processes(t, c.tempDir); len(left) > 0 {
			t.Errorf("after Stop: %q", left)
		}
	}
}

// dir returns a local server's directory.
func (s *Server) dir(t *testing.T) string {
	t.Helper()
	_, rest, _ := strings.Cut(s.dsn, "host='")
	dir, _, found := strings.Cut(rest, "'")
	if !found {
		t.Fatalf("no socket in %s", s.dsn)
	}
	return dir
}

// The environment that drivers and servers read must not reach either. (Not parallel: it
// sets variables.)
func TestEnvironmentDoesNotMatter(t *testing.T) {
	c := locally(t)
	bin, _ := binaries(c)
	for name, value := range map[string]string{
		"PGHOST": "nowhere.invalid", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "none", "PGSSLMODE": "require",
		"PGDATA": "/nonexistent", "LC_ALL": "none", "TZ": "Asia/Tokyo", "PATH": bin,
	} {
		t.Setenv(name, value)
	}
	server := startLocally(t, c)
	database, err := server.CreateDatabase(t.Context())
	noError(t, err)
	for _, driver := range drivers {
		const want = "postgres UTC"
		if got := query(t, database.Open(t, driver), `SELECT current_user || ' ' || current_setting('TimeZone')`); got != want {
			t.Errorf("%s: connected as %q, want %q", driver, got, want)
		}
	}
}

func TestRejectedSettings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"port", "Port", "unix_socket_directories"} {
		if server, err := Start(t.Context(), Setting(name, "1")); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("setting %s: error %v, want one that names it", name, err)
			if err == nil {
				server.Stop()
			}
		}
	}
}

func TestBinaries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"path", "named", "packages/9.6/bin", "packages/15/bin", "packages/18/bin", "other/20/bin"} {
		fake(t, filepath.Join(dir, name), "", "")
	}
	if err := os.MkdirAll(filepath.Join(dir, "packages/19/bin"), 0o755); err != nil { // without binaries
		t.Fatal(err)
	}
	places := []string{filepath.Join(dir, "none/*/bin"), filepath.Join(dir, "packages/*/bin"), filepath.Join(dir, "other/*/bin")}

	for _, test := range []struct {
		named, path string
		places      []string
		want        string // a path in dir; or, with a space, the error
	}{
		{named: "named", path: "path", places: places, want: "named"},
		{named: "packages", path: "path", places: places, want: "MASSIVE_POSTGRES_BIN: no initdb and postgres in " + dir},
		{path: "packages:path:named", places: places, want: "path"},
		{path: "packages", places: places, want: "packages/18/bin"},
		{path: "packages", places: places[2:], want: "other/20/bin"},
		{path: "packages", places: places[:1], want: "MASSIVE_POSTGRES_BIN is not set"},
	} {
		bin, err := binaries(config{places: test.places, getenv: func(name string) string {
			switch {
			case name == "MASSIVE_POSTGRES_BIN" && test.named != "":
				return filepath.Join(dir, test.named)
			case name == "PATH":
				return "relative:" + filepath.Join(dir, strings.ReplaceAll(test.path, ":", ":"+dir+"/"))
			}
			return ""
		}})
		if strings.Contains(test.want, " ") {
			var absent Unavailable
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.As(err, &absent) != (test.named == "") {
				t.Errorf("%+v: %v, %T %v", test, bin, err, err)
			}
		} else if bin != filepath.Join(dir, test.want) || err != nil {
			t.Errorf("%+v: %v, %v", test, bin, err)
		}
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name             string
		initdb, postgres string // scripts; "" for the real program
		setting          string
		want             string // in the error
	}{
		{name: "initdb", initdb: "echo disk is full; exit 1", postgres: "exit 0", want: "disk is full"},
		{name: "disk in part", initdb: "echo could not extend file; echo HINT: Check free disk space.; exit 1", postgres: "exit 0", want: "set TMPDIR to a directory with more room"},
		{name: "disk", initdb: "echo No space left on device; exit 1", postgres: "exit 0", want: "set TMPDIR to a directory with more room"},
		{name: "server", initdb: "exit 0", postgres: "echo out of shared memory >&2; exit 1", want: "out of shared memory"},
		{name: "server in silence", initdb: "exit 0", postgres: "kill -9 $$", want: "does not start"},
		{name: "setting", setting: "no_such_setting=1", want: `unrecognized configuration parameter "no_such_setting"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := locally(t)
			if test.setting != "" {
				c.settings = []string{test.setting}
			} else {
				bin := c.tempDir + "-bin"
				fake(t, bin, test.initdb, test.postgres)
				defer os.RemoveAll(bin)
				c.getenv = func(name string) string { return map[string]string{"MASSIVE_POSTGRES_BIN": bin}[name] }
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			server, err := findServer(ctx, c)
			if err == nil {
				server.Stop()
				t.Fatal("the server started")
			}
			if !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrNoPostgres) || ctx.Err() != nil {
				t.Errorf("error %v, want one with %q, immediately", err, test.want)
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, 20 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			c := locally(t)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			server, err := findServer(ctx, c)
			if err == nil {
				if err := server.Stop(); err != nil {
					t.Error(err)
				}
			} else if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want context.DeadlineExceeded", err)
			}
		})
	}
}

// A server runs until its process ends, even if only a DSN refers to it.
func TestUnreferencedServerRuns(t *testing.T) {
	t.Parallel()
	c := locally(t)
	server, err := findServer(t.Context(), c)
	noError(t, err)
	dsn := server.DSN("")
	server = nil
	for range 3 {
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
	if err := execute(t.Context(), dsn, `SELECT 1`); err != nil {
		t.Error(err)
	}
	launched.Range(func(key, _ any) bool {
		if c, ok := key.(*cluster); ok && c.dsn() == dsn {
			if err := c.stop(); err != nil {
				t.Error(err)
			}
		}
		return true
	})
}

func TestStopAfterServerEnded(t *testing.T) {
	t.Parallel()
	c := locally(t)
	server := startLocally(t, c)
	syscall.Kill(postmaster(t, server.dir(t)), syscall.SIGQUIT)
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
}

func TestStoppedServer(t *testing.T) {
	t.Parallel()
	server := startLocally(t, locally(t))
	d := server.NewDatabase(t)
	d.Fill(t, sqltest.Catalog{Tables: []string{"t"}})
	noError(t, server.Stop())
	if _, err := server.CreateDatabase(t.Context()); err == nil || !strings.Contains(err.Error(), "the server was stopped") {
		t.Errorf("error %v, want one that says that it was stopped", err)
	}
	if err := d.Drop(t.Context()); err != nil {
		t.Errorf("drop a database of a stopped server: %v", err)
	}
}

// If the server has too many connections, the error says how to allow more, with both
// drivers.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	c := locally(t)
	c.settings = []string{"max_connections=5", "superuser_reserved_connections=0", "max_wal_senders=0", "autovacuum=off"}
	server := startLocally(t, c)
	d := server.NewDatabase(t)
	for _, driver := range drivers {
		var err error
		for range 6 {
			if err == nil {
				_, err = open(t, d, driver)
			}
		}
		if err == nil || !strings.Contains(err.Error(), `Setting("max_connections", "1000")`) {
			t.Errorf("%s: error %v, want one that says how to have more connections", driver, err)
		}
	}
	err := d.ExecContext(t.Context(), `SELECT 1`)
	if err == nil || !strings.Contains(err.Error(), `Setting("max_connections", "1000")`) {
		t.Errorf("error %v, want one that says how to have more connections", err)
	}
}

func open(t *testing.T, d *Database, driver string) (any, error) {
	db, err := d.OpenContext(t.Context(), driver)
	if err == nil {
		t.Cleanup(func() { db.Close() })
	}
	return db, err
}

// postmaster returns the process id of the server in a directory.
func postmaster(t *testing.T, dir string) int {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	noError(t, err)
	line, _, _ := strings.Cut(string(file), "\n")
	pid, err := strconv.Atoi(line)
	noError(t, err)
	return pid
}

// If the process ends before the server has started, the watchdog signals the server
// during its start. The server must end, although a shell's background command ignores
// some signals at first.
func TestServerEndsDuringStart(t *testing.T) {
	t.Parallel()
	c := locally(t)
	bin := c.tempDir + "-bin"
	fake(t, bin, ":", "exec sleep 60")
	defer os.RemoveAll(bin)
	for range 50 {
		dir, err := clusterDir(c.tempDir)
		noError(t, err)
		cluster, err := launch(dir, bin, nil)
		noError(t, err)
		begun := time.Now()
		noError(t, cluster.stop())
		if took := time.Since(begun); took > 10*time.Second {
			t.Fatalf("stopping took %v: the server ignored the signal", took)
		}
	}
}

// A moment waits for the time to end a process that starts a server. It uses the
// process's output or its temporary directory.
type moment func(t *testing.T, said <-chan string, dir string)

func started(t *testing.T, said <-chan string, dir string) {
	if line := <-said; line != "started" {
		t.Fatalf("the process says %q", line)
	}
	if len(processes(t, dir)) == 0 { // without a process, the test would check nothing
		t.Fatal("no process of a server")
	}
}

func appears(file string) moment {
	return func(t *testing.T, _ <-chan string, dir string) {
		for deadline := time.Now().Add(timeout); ; time.Sleep(time.Millisecond) {
			if found, _ := filepath.Glob(filepath.Join(dir, "pgtest-*", file)); len(found) > 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("no %s in %s", file, dir)
			}
		}
	}
}

func after(d time.Duration) moment {
	return func(*testing.T, <-chan string, string) { time.Sleep(d) }
}

// TestThatPanics creates a database, and panics without stopping the server.
func TestThatPanics(t *testing.T) {
	if role != "test panics" {
		t.Skip("TestNothingIsLeftBehind runs it in another process")
	}
	NewDatabase(t).Exec(t, `CREATE TABLE t ()`)
	fmt.Println("started")
	_, _ = io.Copy(io.Discard, os.Stdin)
	panic("role panic")
}

// locally checks that nothing is left behind. This test waits until the cleanup is done.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		role string
		when moment
		send syscall.Signal // to the process's group, as Ctrl-C does
	}{
		{"exit", "exit", started, 0},
		{"panic", "panic", started, 0},
		{"killed", "wait", started, syscall.SIGKILL},
		{"interrupted", "wait", started, syscall.SIGINT},
		{"terminated", "wait", started, syscall.SIGTERM},
		{"hung up", "wait", started, syscall.SIGHUP},
		{"SIGQUIT", "wait", started, syscall.SIGQUIT}, // as go test does after its timeout
		{"a test panics", "test panics", started, 0},
		{"a test is interrupted", "test panics", started, syscall.SIGINT},
		{"killed as initdb begins", "wait", appears("log"), syscall.SIGKILL},
		{"killed as the server begins", "wait", appears("data/postmaster.pid"), syscall.SIGKILL},
		{"killed after 10ms", "wait", after(10 * time.Millisecond), syscall.SIGKILL},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := locally(t).tempDir
			cmd := withRole(test.role, "TMPDIR="+dir, "MASSIVE_POSTGRES_RUNG=local")
			cmd.Args = append(cmd.Args, "-test.run=^TestThatPanics$") // for the role that runs tests
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			stdin, errStdin := cmd.StdinPipe()
			stdout, err := cmd.StdoutPipe()
			noError(t, errors.Join(errStdin, err, cmd.Start()))
			said := make(chan string, 10)
			go func() {
				defer close(said)
				for lines := bufio.NewScanner(stdout); lines.Scan(); {
					said <- lines.Text()
				}
			}()

			test.when(t, said, dir)
			if test.send != 0 {
				syscall.Kill(-cmd.Process.Pid, test.send)
			}
			stdin.Close()
			for range said {
			}
			cmd.Wait()

			ended := time.Now()
			for time.Since(ended) < timeout && !empty(t, dir) {
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("cleaned up after %v", time.Since(ended))
		})
	}
}

// empty reports whether a directory has no file, and no process uses it.
func empty(t *testing.T, dir string) bool {
	entries, err := os.ReadDir(dir)
	noError(t, err)
	return len(entries) == 0 && len(processes(t, dir)) == 0
}
