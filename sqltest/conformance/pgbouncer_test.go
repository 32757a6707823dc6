package conformance_test

// The suite through PgBouncer in transaction mode, in which many connections share a
// server session.

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

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// pooledModes lists the driver modes that work behind a pooler in transaction mode.
var pooledModes = []struct {
	name, driver string
	params       []string
	args         bool // statements with arguments work, too
}{
	{"pq", "postgres", nil, false},
	{"pq binary", "postgres", []string{"binary_parameters=yes"}, true},
	{"pgx exec", "pgx", []string{"default_query_exec_mode=exec"}, true},
	{"pgx simple", "pgx", []string{"default_query_exec_mode=simple_protocol"}, true},
	{"pgx cache describe", "pgx", []string{"default_query_exec_mode=cache_describe"}, true},
}

func TestPgBouncer(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	b := startBouncer(t, 3) // the rules about locks need three sessions at once
	for _, mode := range pooledModes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, conformance.Harness{
				Pooled: true,
				Open: func(t *testing.T, c sqltest.Catalog) conformance.Database {
					t.Helper()
					d, _ := testrun.Filled(t, c, "pgx")
					b.serve(t, d)
					return real{d, b.open(t, d, mode.driver, mode.params...)}
				},
			})
		})
	}
}

// Clients that share a session get only their own values.
func TestPgBouncerNoWrongValue(t *testing.T) {
	t.Parallel()
	const clients, apart = 8, 1_000_000
	rounds := 40
	if testrun.All() {
		rounds = 200
	}
	b := startBouncer(t, 3)
	catalog := sqltest.Catalog{}
	type row struct {
		N    int64
		Note string
	}
	rows := []row{}
	for i := range clients {
		catalog.Sequences = append(catalog.Sequences, sqltest.Sequence{Name: "s" + strconv.Itoa(i), Start: 1 + int64(i)*apart})
	}
	for n := range int64(rounds) {
		rows = append(rows, row{n, fmt.Sprint("row ", n)})
	}
	catalog.Matviews = []sqltest.Matview{{Name: "v", Rows: rows}}
	for _, mode := range pooledModes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.NewDatabase(t)
			d.Fill(t, catalog)
			b.serve(t, d)
			db := b.open(t, d, mode.driver, mode.params...)
			db.SetMaxIdleConns(clients)
			m, err := massive.Load(t.Context(), db, postgres.New())
			if err != nil {
				t.Fatal(err)
			}
			client := func(i int) {
				s, errSequence := m.Sequence("s" + strconv.Itoa(i))
				v, errMatview := m.Matview("v")
				if err := errors.Join(errSequence, errMatview); err != nil {
					t.Error(err)
					return
				}
				for n := range int64(rounds) {
					want := int64(i)*apart + n + 1
					next, errNext := s.NextValue(t.Context())
					last, errLast := s.LastValue(t.Context())
					if err := errors.Join(errNext, errLast); err != nil || next != want || last != want {
						t.Errorf("client %d: got next value %d, last value %d and error %v, want %d", i, next, last, err, want)
						return
					}
					if !mode.args {
						continue
					}
					at := (n + int64(i*rounds/clients)) % int64(rounds)
					var got []row
					var err error
					if n%2 == 0 {
						err = v.Select(t.Context(), &got, "WHERE n = $1", at)
					} else {
						err = v.Select(t.Context(), &got, "WHERE note = $1 AND n BETWEEN $2 AND $3", fmt.Sprint("row ", at), at, at+7)
					}
					if err != nil || len(got) != 1 || got[0] != rows[at] {
						t.Errorf("client %d: got rows %v and error %v, want %v", i, got, err, rows[at])
						return
					}
				}
			}
			var wg sync.WaitGroup
			for i := range clients {
				wg.Go(func() { client(i) })
			}
			wg.Wait()
		})
	}
}

// In its default mode pgx names prepared statements by their text. If two connections get
// the same session, the second one fails with 42P05. Operations that use Exec are not
// prepared and work. PgBouncer 1.21 and later keeps such statements apart, unless
// max_prepared_statements is 0.
func TestPgBouncerDefaultMode(t *testing.T) {
	t.Parallel()
	b := startBouncer(t, 1) // both connections get the same session
	d := pgtest.NewDatabase(t)
	d.Fill(t, sqltest.Catalog{
		Matviews:  []sqltest.Matview{{Name: "v", Rows: []struct{ N int64 }{{1}}, Unique: []string{"n"}}},
		Sequences: []sqltest.Sequence{{Name: "s"}},
	})
	b.serve(t, d)
	ctx := t.Context()
	m, err := massive.Load(ctx, b.open(t, d, "pgx", "default_query_exec_mode=exec"), postgres.New())
	if err != nil {
		t.Fatal(err)
	}
	db := b.open(t, d, "pgx")
	next := func() error {
		conn, err := db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		s, err := m.With(conn).Sequence("s")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.NextValue(ctx)
		return err
	}
	if err := next(); err != nil {
		t.Errorf("the first connection: %v", err)
	}
	err = next()
	var refused *pgconn.PgError
	switch {
	case b.keepsStatements:
		if err != nil {
			t.Errorf("the second connection: %v, and max_prepared_statements is set", err)
		}
	case !errors.As(err, &refused) || refused.Code != "42P05":
		t.Errorf("the second connection: got %v, want 42P05", err)
	}

	m = m.With(db)
	s, err := m.Sequence("s")
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.Matview("v")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				_, errRefresh := v.Refresh(ctx)
				_, errConcurrent := v.Refresh(ctx, massive.Concurrently())
				if err := errors.Join(errRefresh, errConcurrent, s.Reset(ctx), s.ResetTo(ctx, 5), s.Restart(ctx)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// A bouncer is a PgBouncer of one test, in front of pgtest's server.
type bouncer struct {
	dir             string // its directory, with its files and its socket
	keepsStatements bool   // it keeps the prepared statements of connections apart

	mu     sync.Mutex
	config string // the general settings, then a line for each database
}

// bouncerDeadline limits operations that usually take milliseconds.
const bouncerDeadline = 20 * time.Second

// watchBouncer runs a command until standard input ends, at the latest when the test
// process ends. Then it kills the command and removes the directory.
const watchBouncer = `dir=$1; shift; "$@" </dev/null >"$dir/out" 2>&1 & trap '' HUP INT TERM
while read -r _; do :; done; kill -KILL $!; wait; rm -rf "$dir"`

// startBouncer starts a PgBouncer with poolSize sessions for each database. If PgBouncer
// is not installed, it skips the test, or fails it if MASSIVE_REQUIRE_PGBOUNCER is set to
// a value other than 0.
func startBouncer(t *testing.T, poolSize int) *bouncer {
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
	b := &bouncer{dir: dir, config: fmt.Sprintf(`[pgbouncer]
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
	command := []string{"-c", watchBouncer, "pgbouncer-watchdog", dir, path, "-q"}
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
	deadline := time.Now().Add(bouncerDeadline)
	for {
		settings, err := b.admin("SHOW CONFIG")
		if err == nil {
			b.keepsStatements = slices.ContainsFunc(settings, func(s map[string]string) bool {
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
func (b *bouncer) giveAway(t *testing.T) string {
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

// serve adds a database to PgBouncer. Each session sets the role when it begins, since
// PgBouncer does not pass on the options of a DSN.
func (b *bouncer) serve(t *testing.T, d *pgtest.Database) {
	t.Helper()
	server, err := pgconn.ParseConfig(d.DSN())
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t.Cleanup(func() { b.leave(t, d.Name()) })
	if strings.Contains(b.config, "\n"+d.Name()+" =") { // the database was added before and is paused
		if _, err := b.admin("RESUME " + d.Name()); err != nil {
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
	if _, err := b.admin("RELOAD"); err != nil {
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
func (b *bouncer) leave(t *testing.T, database string) {
	t.Helper()
	for deadline := time.Now().Add(bouncerDeadline); ; time.Sleep(5 * time.Millisecond) {
		pools, err := b.admin("SHOW POOLS")
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
	if _, err := b.admin("KILL " + database); err != nil {
		t.Errorf("pgbouncer: kill %s: %v", database, err)
	}
}

// admin runs a command on PgBouncer's console, and returns each row as a map from column
// to value.
func (b *bouncer) admin(command string) ([]map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), bouncerDeadline)
	defer cancel()
	conn, err := pgconn.Connect(ctx, b.dsn("pgbouncer"))
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

func (b *bouncer) dsn(database string) string {
	return fmt.Sprintf("host=%s port=6432 user=anybody dbname=%s sslmode=disable", b.dir, database)
}

// open opens a pool through PgBouncer, and closes it when the test ends.
func (b *bouncer) open(t *testing.T, d *pgtest.Database, driver string, params ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, strings.Join(append([]string{b.dsn(d.Name())}, params...), " "))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
