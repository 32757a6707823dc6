// Package bouncer runs PgBouncer in transaction mode for tests.
package bouncer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// Modes has the driver modes that work behind a pooler in transaction mode.
var Modes = []struct {
	Name, Driver string
	Params       []string
	Args         bool // statements with arguments work, too
}{
	{"pq", "postgres", nil, false},
	{"pq binary", "postgres", []string{"binary_parameters=yes"}, true},
	{"pgx exec", "pgx", []string{"default_query_exec_mode=exec"}, true},
	{"pgx simple", "pgx", []string{"default_query_exec_mode=simple_protocol"}, true},
	{"pgx cache describe", "pgx", []string{"default_query_exec_mode=cache_describe"}, true},
}

// A Bouncer is a PgBouncer of one test, in front of pgtest's server.
type Bouncer struct {
	KeepsStatements bool // PgBouncer keeps the prepared statements of connections apart

	dir string // its directory, with its files and its socket

	mu     sync.Mutex
	config string // the general settings, then a line for each database
}

// Deadline limits operations that usually take milliseconds.
const Deadline = 20 * time.Second

// watched runs a command until standard input ends, at the latest when the test process
// ends. Then it kills the command and removes the directory.
const watched = `dir=$1; shift; "$@" </dev/null >"$dir/out" 2>&1 & trap '' HUP INT TERM
while read -r _; do :; done; kill -KILL $!; wait; rm -rf "$dir"`

// Start starts a PgBouncer with poolSize sessions for each database. If PgBouncer is not
// installed, it skips the test, or fails it if MASSIVE_REQUIRE_PGBOUNCER is set to a value
// other than 0.
func Start(t *testing.T, poolSize int) *Bouncer {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/pgbouncer") // Debian installs it here, outside a user's PATH
	}
	if err != nil {
		if required := os.Getenv("MASSIVE_REQUIRE_PGBOUNCER"); required == "" || required == "0" {
			t.Skip("SKIPPED, PGBOUNCER NOT FOUND: apt-get install pgbouncer, or run .ci/pgbouncer")
		}
		t.Fatal("no pgbouncer in PATH, and MASSIVE_REQUIRE_PGBOUNCER is set: apt-get install pgbouncer, or run .ci/pgbouncer")
	}
	dir, err := os.MkdirTemp("/tmp", "pgbouncer-") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	b := &Bouncer{dir: dir, config: fmt.Sprintf(`[pgbouncer]
logfile = %[1]s/log
pidfile = %[1]s/pid
unix_socket_dir = %[1]s
listen_addr =
listen_port = 6432
auth_type = any
admin_users = anybody
pool_mode = transaction
default_pool_size = %[2]d
max_client_conn = 1000
query_wait_timeout = 30
server_login_retry = 1
[databases]
`, dir, poolSize)}
	command := []string{"-c", watched, "pgbouncer-watchdog", dir, path, "-q"}
	if os.Geteuid() == 0 {
		command = append(command, "-u", b.giveAway(t))
	}
	ini := filepath.Join(dir, "ini")
	if err := os.WriteFile(ini, []byte(b.config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", append(command, ini)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			said, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("the end of pgbouncer's log:\n%s", said[max(0, len(said)-4000):])
		}
		stdin.Close()
		_ = cmd.Wait() // it was killed
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got directory %s after the end, want it removed: %v", dir, err)
		}
	})
	deadline := time.Now().Add(Deadline)
	for {
		settings, err := b.Admin("SHOW CONFIG")
		if err == nil {
			b.KeepsStatements = slices.ContainsFunc(settings, func(s map[string]string) bool {
				return s["key"] == "max_prepared_statements" && s["value"] != "0" // since 1.21
			})
			return b
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(filepath.Join(dir, "out"))
			t.Fatalf("pgbouncer: start %s: %v\n%s", path, err, said)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// giveAway makes the user that runs pgtest's server the owner of the directory, and
// returns the user's name. PgBouncer does not run as root, and only that user can access
// the server's socket.
func (b *Bouncer) giveAway(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(account.Uid)
		gid, errGID := strconv.Atoi(account.Gid)
		if err := errors.Join(errUID, errGID, os.Chown(b.dir, uid, gid)); err != nil {
			t.Fatal(err)
		}
		return name
	}
	t.Fatal("run pgbouncer: there is no user postgres and no user nobody")
	return ""
}

// Serve adds a database to PgBouncer. Each session sets the role when it begins, since
// PgBouncer does not pass on the options of a DSN.
func (b *Bouncer) Serve(t *testing.T, d *pgtest.Database) {
	t.Helper()
	server, err := pgconn.ParseConfig(d.DSN())
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t.Cleanup(func() { b.leave(t, d.Name()) })
	if strings.Contains(b.config, "\n"+d.Name()+" =") { // the database was added before and is paused
		if _, err := b.Admin("RESUME " + d.Name()); err != nil {
			t.Fatalf("pgbouncer: resume %s: %v", d.Name(), err)
		}
		return
	}
	b.config += d.Name() + " ="
	for _, p := range []struct{ keyword, value string }{
		{"host", server.Host}, {"port", strconv.Itoa(int(server.Port))}, {"user", server.User}, {"password", server.Password},
		{"connect_query", "SET ROLE " + d.Role() + "; " + lostCancel},
	} {
		if p.value != "" {
			b.config += " " + p.keyword + "='" + strings.ReplaceAll(p.value, "'", "''") + "'"
		}
	}
	b.config += "\n"
	if err := os.WriteFile(filepath.Join(b.dir, "ini"), []byte(b.config), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Admin("RELOAD"); err != nil {
		t.Fatalf("pgbouncer: reload: %v", err)
	}
}

// lostCancel sets a statement timeout, in case PgBouncer drops a cancel request. It does
// so for a client that has no session yet. lib/pq would then wait as long as the
// statement waits for its lock.
const lostCancel = `DO $$ BEGIN IF current_setting('statement_timeout') = '0' THEN ` +
	`PERFORM set_config('statement_timeout', '8s', false); END IF; END $$`

// leave ends the sessions of a database before it is cleared or dropped. It first waits
// for cancel requests: PgBouncer 1.18 crashes ("server in bad state") if the server ends
// a session during one.
func (b *Bouncer) leave(t *testing.T, database string) {
	t.Helper()
	for deadline := time.Now().Add(Deadline); ; time.Sleep(5 * time.Millisecond) {
		pools, err := b.Admin("SHOW POOLS")
		if err != nil {
			t.Errorf("pgbouncer: show pools: %v", err)
			return
		}
		cancelling := slices.ContainsFunc(pools, func(pool map[string]string) bool {
			return pool["database"] == database && slices.ContainsFunc(
				[]string{"cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active_cancel", "sv_being_canceled"},
				func(column string) bool { return pool[column] != "" && pool[column] != "0" })
		})
		if !cancelling {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("pgbouncer: a cancel does not end: %v", pools)
			return
		}
	}
	if _, err := b.Admin("KILL " + database); err != nil {
		t.Errorf("pgbouncer: kill %s: %v", database, err)
	}
}

// Admin runs a command on PgBouncer's console, and returns each row as a map from column
// to value.
func (b *Bouncer) Admin(command string) ([]map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Deadline)
	defer cancel()
	conn, err := pgconn.Connect(ctx, b.DSN("pgbouncer"))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, command).ReadAll()
	var rows []map[string]string
	for _, r := range results {
		for _, values := range r.Rows {
			row := map[string]string{}
			for i, v := range values {
				row[r.FieldDescriptions[i].Name] = string(v)
			}
			rows = append(rows, row)
		}
	}
	return rows, err
}

// DSN returns a connection string for the database through PgBouncer.
func (b *Bouncer) DSN(database string) string {
	return fmt.Sprintf("host=%s port=6432 user=anybody dbname=%s sslmode=disable", b.dir, database)
}

// Open opens a pool through PgBouncer, and closes it when the test ends.
func (b *Bouncer) Open(t *testing.T, d *pgtest.Database, driver string, params ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, strings.Join(append([]string{b.DSN(d.Name())}, params...), " "))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
