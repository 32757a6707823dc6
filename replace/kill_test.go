//go:build unix

package replace_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/bouncer"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/replace"
)

// The tests start this binary again as a process that replaces app.base. They pass the
// driver, the DSN, and the phase in which the process stops.
const victimDriver, victimDSN, victimStops = "MASSIVE_TEST_REPLACE_DRIVER", "MASSIVE_TEST_REPLACE_DSN", "MASSIVE_TEST_REPLACE_STOPS"

func init() {
	if driver := os.Getenv(victimDriver); driver != "" {
		fmt.Println(runVictim(driver, os.Getenv(victimDSN), replace.Phase(os.Getenv(victimStops))))
		os.Exit(1)
	}
}

// slowQuery waits, in a fill, for a lock of the test.
const slowQuery = "SELECT id, a, b, (SELECT 1 FROM pg_advisory_lock_shared(7)) AS more FROM app.t"

// runVictim prints each phase before it begins.
func runVictim(driver, dsn string, stops replace.Phase) error {
	ctx := context.Background()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	r, err := replace.Plan(ctx, m, "app.base", slowQuery, replace.LockTimeout(time.Minute), replace.OnProgress(func(p replace.Progress) {
		fmt.Println(p.Phase)
		if p.Phase == stops {
			select {}
		}
	}))
	if err != nil {
		return err
	}
	_, err = r.Run(ctx)
	return err
}

// A victim is a process that replaces app.base.
type victim struct {
	*exec.Cmd
	printed *bufio.Scanner
}

func startVictim(t *testing.T, driver, dsn string, stops replace.Phase) *victim {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimDriver+"="+driver, victimDSN+"="+dsn, victimStops+"="+string(stops))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return &victim{cmd, bufio.NewScanner(out)}
}

// kill kills the process when it begins the phase, and when the condition is true.
func (v *victim) kill(e *env, phase replace.Phase, condition string) {
	e.t.Helper()
	for v.printed.Scan() && v.printed.Text() != string(phase) {
	}
	if got := v.printed.Text(); got != string(phase) {
		e.t.Fatalf("the process printed %q, want phase %s", got, phase)
	}
	if condition != "" {
		e.eventually("the process waits", condition)
	}
	if err := v.Process.Kill(); err != nil {
		e.t.Error(err)
	}
	_ = v.Wait() // it was killed
}

// If the process is killed in any phase, nothing has changed, nothing is left, and the
// views can be replaced.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	const readers = "SELECT FROM app.base, app.dep, app.last"
	for i, c := range []struct {
		name      string
		phase     replace.Phase
		stops     bool
		holds     string // a lock of another session
		condition string
	}{
		{"at the beginning", replace.PhaseBuild, true, "", ""},
		{"after the build", replace.PhaseFill, true, "", ""},
		{"in the middle of the fill", replace.PhaseFill, false, "SELECT pg_advisory_xact_lock(7)", waits("l.locktype = 'advisory'")},
		{"after the fill", replace.PhaseWait, true, "", ""},
		{"in the wait", replace.PhaseWait, false, readers, ""},
		{"before the swap", replace.PhaseSwap, true, "", ""},
		{"in the guard", replace.PhaseSwap, false, "ANALYZE app.last", waits("l.mode = 'ShareUpdateExclusiveLock'")},
		{"in the middle of the swap", replace.PhaseSwap, false, "SELECT pg_advisory_xact_lock(1)", waits("l.locktype = 'advisory'")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			driver := []string{"postgres", "pgx"}[i%2]
			e := newSmall(t, driver)
			e.exec(pauseAtDrop)
			t.Cleanup(func() { e.exec("DROP EVENT TRIGGER massive_pause") })
			before := e.catalog()
			stops, release := replace.Phase(""), func() {}
			if c.stops {
				stops = c.phase
			}
			if c.holds != "" {
				tx, err := e.pool.BeginTx(context.Background(), nil)
				if err == nil {
					_, err = tx.Exec(c.holds)
				}
				if err != nil {
					t.Fatal(err)
				}
				release = func() { tx.Rollback() }
				defer release()
			}
			startVictim(t, driver, e.dsn, stops).kill(e, c.phase, c.condition)
			release()
			e.afterTheKill(before)
		})
	}
}

func (e *env) afterTheKill(before map[string]bool) {
	e.t.Helper()
	e.eventually("the session of the killed process has ended", `SELECT NOT EXISTS (SELECT FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%massive\_%' AND xact_start IS NOT NULL)`)
	e.unchanged(before)
	if _, err := e.plan().Run(e.t.Context()); err != nil {
		e.t.Error(err)
	}
	e.replaced(before, "true", 100)
}

// PgBouncer ends the server's session if the process is killed.
func TestKilledProcessBehindPgBouncer(t *testing.T) {
	t.Parallel()
	b := bouncer.Start(t, 2)
	for _, phase := range phases[1:] {
		e := newSmall(t, "pgx")
		b.Serve(t, e.database)
		before := e.catalog()
		startVictim(t, "pgx", b.DSN(e.database.Name())+" default_query_exec_mode=exec", phase).kill(e, phase, "")
		e.afterTheKill(before)
		if !testrun.All() {
			break
		}
	}
}
