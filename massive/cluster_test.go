//go:build unix

package massive_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	goexec "os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A cluster is a server that a test can stop, start, copy and promote.
type cluster struct {
	bin, dir string // the binaries; the data directory, which also has the socket
}

// newCluster creates and starts a cluster with the shared server's binaries.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	bin := one[string](t, pgtest.NewDatabase(t).Open(t, "pgx"), "SELECT setting FROM pg_config WHERE name = 'BINDIR'")
	if _, err := os.Stat(filepath.Join(bin, "pg_ctl")); err != nil {
		const why = "needs the server's binaries (pg_ctl) on this machine, to stop and start a server: %v"
		if required := os.Getenv("MASSIVE_REQUIRE_POSTGRES"); required != "" && required != "0" {
			t.Fatalf(why, err)
		}
		t.Skipf(why, err)
	}
	c := &cluster{bin, clusterDir(t)}
	c.run(t, "initdb", "-D", c.dir, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync")
	settings := fmt.Sprintf("unix_socket_directories='%s'\nlisten_addresses=''\nfsync=off\nfull_page_writes=off\n"+
		"max_connections=30\nmax_prepared_transactions=5\nwal_level=replica\n", c.dir)
	if err := os.WriteFile(filepath.Join(c.dir, "postgresql.auto.conf"), []byte(settings), 0o666); err != nil { //nolint:gosec // the server's user reads it
		t.Fatal(err)
	}
	c.start(t)
	return c
}

// clusterDir returns a directory that the server's user owns, with a path short enough
// for a socket.
func clusterDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cluster-")
	noError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	if c := unprivileged(t); c != nil {
		noError(t, os.Chown(dir, int(c.Uid), int(c.Gid)))
	}
	return dir
}

// unprivileged returns the user that runs the server if the test runs as root.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if account, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(account.Uid, 10, 32)
			gid, _ := strconv.ParseUint(account.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("as root, the server needs a user postgres or nobody")
	return nil
}

func (c *cluster) run(t *testing.T, program string, args ...string) {
	t.Helper()
	if filepath.Base(program) == program && program != "cp" {
		program = filepath.Join(c.bin, program)
	}
	cmd := goexec.CommandContext(context.Background(), program, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t)}
	if out, err := cmd.CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		t.Fatalf("%s: %v\n%s\n%s", program, err, out, log)
	}
}

// start starts the server, and stops it when the test ends.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	c.run(t, "pg_ctl", "-w", "-D", c.dir, "-l", filepath.Join(c.dir, "log"), "-o", "-p 5432", "start")
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(c.dir, "postmaster.pid")); err == nil {
			c.stop(t, "immediate")
		}
	})
}

// stop stops the server in mode fast, or in mode immediate, which equals a crash.
func (c *cluster) stop(t *testing.T, mode string) {
	t.Helper()
	c.run(t, "pg_ctl", "-w", "-D", c.dir, "-m", mode, "stop")
}

// standby returns a standby of the server, which it stops and starts for the copy.
func (c *cluster) standby(t *testing.T) *cluster {
	t.Helper()
	s := &cluster{c.bin, clusterDir(t)}
	c.stop(t, "fast")
	s.run(t, "cp", "-a", c.dir+"/.", s.dir)
	c.start(t)
	settings := fmt.Sprintf("unix_socket_directories='%s'\nlisten_addresses=''\nfsync=off\nmax_connections=30\nmax_prepared_transactions=5\n"+
		"hot_standby=on\nprimary_conninfo='host=%s port=5432 user=postgres'\n", s.dir, c.dir)
	for name, text := range map[string]string{"postgresql.auto.conf": settings, "standby.signal": ""} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o666); err != nil { //nolint:gosec // as above
			t.Fatal(err)
		}
	}
	s.start(t)
	return s
}

func (c *cluster) promote(t *testing.T) {
	t.Helper()
	c.run(t, "pg_ctl", "-w", "-D", c.dir, "promote")
}

func (c *cluster) dsn() string {
	return fmt.Sprintf("host=%s port=5432 user=postgres dbname=postgres sslmode=disable", c.dir)
}

// open returns a pool to the cluster, or, if there are several, to the one that accepts
// writes.
func open(t *testing.T, driver string, params string, clusters ...*cluster) *sql.DB {
	t.Helper()
	var hosts, ports []string
	for _, c := range clusters {
		hosts, ports = append(hosts, c.dir), append(ports, "5432")
	}
	if len(clusters) > 1 {
		params += " target_session_attrs=read-write"
	}
	db, err := sql.Open(driver, fmt.Sprintf("host=%s port=%s user=postgres dbname=postgres sslmode=disable %s",
		strings.Join(hosts, ","), strings.Join(ports, ","), params))
	noError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestWatchSurvivesRestartsAndCrashes(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDriverNames(t, func(t *testing.T, driver string) {
		c := newCluster(t)
		db := open(t, driver, "", c)
		exec(t, db, "CREATE SEQUENCE no")
		w := watch(t, load(t, db), 20e6)
		for i, mode := range []string{"fast", "immediate"} {
			c.stop(t, mode)
			for event := w.next(); ; event = w.next() {
				if event.Err != nil {
					break
				}
			}
			c.start(t)
			exec(t, open(t, driver, "", c), fmt.Sprintf("CREATE SEQUENCE s%d", i))
			_, before := w.until(fmt.Sprintf("sequence public.s%d added", i))
			for _, e := range before {
				if e.Published {
					t.Errorf("after a restart (%s): got %v, want no new snapshot without a change", mode, e)
				}
			}
		}
	})
}

// After a failover a watch reports the changes on the new primary.
func TestWatchFollowsAFailover(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDriverNames(t, func(t *testing.T, driver string) {
		primary := newCluster(t)
		exec(t, open(t, driver, "", primary), "CREATE TYPE mood AS ENUM ('sad')")
		standby := primary.standby(t)
		both := load(t, open(t, driver, "", primary, standby))
		follows := watch(t, both, 20e6)
		stays := load(t, open(t, driver, "", standby))
		promoted := watch(t, stays, 20e6)
		same(t, "is a standby before the failover", stays.Server().Standby, true)

		exec(t, open(t, driver, "", primary), "ALTER TYPE mood ADD VALUE 'ok'")
		follows.until(`["sad" "ok"]`)
		promoted.until(`["sad" "ok"]`)

		primary.stop(t, "immediate")
		for event := follows.next(); event.Err == nil; {
			event = follows.next()
		}
		standby.promote(t)
		event := promoted.next()
		if !event.Published || event.Changes != nil || stays.Server().Standby {
			t.Errorf("event after the promotion: got %v, want a new snapshot without changes", event)
		}
		if want := "no structure changed; the server is "; !strings.HasPrefix(event.String(), want) {
			t.Errorf("event after the promotion: got %q, want prefix %q", event, want)
		}
		exec(t, open(t, driver, "", standby), "ALTER TYPE mood ADD VALUE 'happy'")
		follows.until(`["sad" "ok" "happy"]`)
		promoted.until(`["sad" "ok" "happy"]`)
		same(t, "is a standby after the failover", both.Server().Standby, false)
	})
}

// After a crash transaction IDs may repeat, so an equal snapshot proves nothing.
func TestSignsDoNotOutliveARestart(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDriverNames(t, func(t *testing.T, driver string) {
		c := newCluster(t)
		for _, mode := range []string{"fast", "immediate"} {
			db := open(t, driver, "", c)
			m := load(t, db)
			sign := m.Registry().Sign()
			same(t, "the sign holds before", unchanged(t, db, sign), m.Server().Major >= 14)
			c.stop(t, mode)
			c.start(t)
			same(t, "the sign holds after a stop, "+mode, unchanged(t, open(t, driver, "", c), sign), false)
		}
	})
}

func TestEveryChangeIsNoticedOnAStandby(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDriverNames(t, func(t *testing.T, driver string) {
		primary := newCluster(t)
		standby := primary.standby(t)
		writer, reader := open(t, driver, "", primary), open(t, driver, "", standby)
		noticeEveryChange(t, "standby_"+driver, writer, func(params string) massive.Querier { return open(t, driver, params, standby) }, func() {
			replayed(t, writer, reader)
		})

		// While an old transaction runs, a standby's snapshot is equal before and after
		// another commit.
		exec(t, writer, "CREATE SEQUENCE slow; CREATE TABLE rows (n int)")
		replayed(t, writer, reader)
		old, slow := conn(t, writer), conn(t, writer)
		exec(t, old, "BEGIN; INSERT INTO rows VALUES (1)")
		exec(t, slow, "BEGIN; ALTER SEQUENCE slow MAXVALUE 7")
		exec(t, writer, "INSERT INTO rows VALUES (2)")
		replayed(t, writer, reader)
		m := load(t, reader)
		before := one[string](t, reader, "SELECT pg_current_snapshot()::text")
		exec(t, slow, "COMMIT")
		replayed(t, writer, reader)
		changes, err := m.Reload(t.Context())
		same(t, "reload sees a commit that the snapshot's text does not show", len(changes) == 1 && err == nil, true)
		t.Logf("the snapshot was %s and is %s", before, one[string](t, reader, "SELECT pg_current_snapshot()::text"))
		exec(t, old, "ROLLBACK")
	})
}

func TestReservingValuesOnAStandbyIsReadOnly(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDriverNames(t, func(t *testing.T, driver string) {
		primary := newCluster(t)
		exec(t, open(t, driver, "", primary), "CREATE SEQUENCE s INCREMENT 10")
		s := sequence(t, load(t, open(t, driver, "", primary.standby(t))), "s")
		_, err := s.NextValue(t.Context())
		mustBe(t, err, massive.ErrReadOnly)
		_, err = s.NextValues(t.Context(), 7)
		mustBe(t, err, massive.ErrReadOnly)
		_, err = s.NextBlock(t.Context())
		mustBe(t, err, massive.ErrReadOnly)
	})
}

// replayed waits until the standby has replayed every commit of its primary.
func replayed(t *testing.T, primary, standby massive.Querier) {
	t.Helper()
	eventually(t, standby, "the standby has replayed it", "SELECT pg_last_wal_replay_lsn() >= '"+
		one[string](t, primary, "SELECT pg_current_wal_flush_lsn()::text")+"'")
}
