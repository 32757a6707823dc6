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

// A cluster is a server that a test stops, starts, copies and promotes.
type cluster struct {
	bin, dir string // the binaries; the data directory, with the socket
}

// newCluster makes one of the binaries that the shared server has, and starts it.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	bin := one[string](t, pgtest.NewDatabase(t).Open(t, "pgx"), "SELECT setting FROM pg_config WHERE name = 'BINDIR'")
	if _, err := os.Stat(filepath.Join(bin, "pg_ctl")); err != nil {
		const why = "it stops and starts a server of its own, whose binaries have to be here: %v"
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

// clusterDir is a directory whose path is short enough for a socket, and which the server's user owns.
func clusterDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cluster-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if c := unprivileged(t); c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// unprivileged is whom a server of root's runs as.
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
	t.Fatal("there is no user to run a server as")
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

// start starts the server, and sees to it that it ends with the test.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	c.run(t, "pg_ctl", "-w", "-D", c.dir, "-l", filepath.Join(c.dir, "log"), "-o", "-p 5432", "start")
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(c.dir, "postmaster.pid")); err == nil {
			c.stop(t, "immediate")
		}
	})
}

// stop stops the server: fast, or, as a crash does, immediately.
func (c *cluster) stop(t *testing.T, mode string) {
	t.Helper()
	c.run(t, "pg_ctl", "-w", "-D", c.dir, "-m", mode, "stop")
}

// standby is a copy of the server that follows it. For the copy it is stopped and started again.
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

// dsn leads to the server's database.
func (c *cluster) dsn() string {
	return fmt.Sprintf("host=%s port=5432 user=postgres dbname=postgres sslmode=disable", c.dir)
}

// open is a pool to whichever of the clusters takes connections that may write, or, of one alone, to that one.
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
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
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

func TestWatchOverRestartsAndCrashes(t *testing.T) {
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
					t.Errorf("a server that was stopped (%s) and started: %v", mode, e)
				}
			}
		}
	})
}

// A watch goes over to the server that takes over, and sees what is changed there.
func TestWatchOverAFailover(t *testing.T) {
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
		same(t, "the one is a standby", stays.Server().Standby, true)

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
			t.Errorf("when the standby is promoted, its watch tells %v", event)
		}
		if want := "no structure changed; the server is "; !strings.HasPrefix(event.String(), want) {
			t.Errorf("it prints as %q", event)
		}
		exec(t, open(t, driver, "", standby), "ALTER TYPE mood ADD VALUE 'happy'")
		follows.until(`["sad" "ok" "happy"]`)
		promoted.until(`["sad" "ok" "happy"]`)
		same(t, "neither is a standby", both.Server().Standby, false)
	})
}

// After a crash transaction numbers are given out once more, so that a snapshot may read as it did.
func TestNoSignOutlivesACrash(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDriverNames(t, func(t *testing.T, driver string) {
		c := newCluster(t)
		for _, mode := range []string{"fast", "immediate"} {
			db := open(t, driver, "", c)
			m := load(t, db)
			sign := m.Registry().Sign()
			same(t, "it holds before", unchanged(t, db, sign), m.Server().Major >= 14)
			c.stop(t, mode)
			c.start(t)
			same(t, "it holds after a stop, "+mode, unchanged(t, open(t, driver, "", c), sign), false)
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

		// While an old transaction runs, a standby's snapshot reads the same before and after another's commit.
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
		same(t, "a commit that a snapshot does not show", len(changes) == 1 && err == nil, true)
		t.Logf("the snapshot was %s and is %s", before, one[string](t, reader, "SELECT pg_current_snapshot()::text"))
		exec(t, old, "ROLLBACK")
	})
}

// What reserves values is refused on a standby by the sentinel for it.
func TestValuesAreReadOnlyOnAStandby(t *testing.T) {
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

// replayed waits until a standby shows all that was committed on its primary, where a commit waits until it is flushed.
func replayed(t *testing.T, primary, standby massive.Querier) {
	t.Helper()
	eventually(t, standby, "the standby has replayed it", "SELECT pg_last_wal_replay_lsn() >= '"+
		one[string](t, primary, "SELECT pg_current_wal_flush_lsn()::text")+"'")
}
