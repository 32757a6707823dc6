package replace_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/replace"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

var phases = []replace.Phase{replace.PhaseBuild, replace.PhaseFill, replace.PhaseWait, replace.PhaseSwap}

// at calls f when a phase begins for the nth time.
func at(phase replace.Phase, n int, f func()) replace.Option {
	return replace.OnProgress(func(p replace.Progress) {
		if p == (replace.Progress{Phase: phase, Count: n}) {
			f()
		}
	})
}

func (e *env) plan(opts ...replace.Option) *replace.Replacement {
	e.t.Helper()
	r, err := replace.Plan(e.t.Context(), e.load(), "app.base", smallQuery, opts...)
	if err != nil {
		e.t.Fatal(err)
	}
	return r
}

// script runs the script, and rolls back if it fails.
func (e *env) script(r *replace.Replacement) error {
	e.t.Helper()
	c, err := e.pool.Conn(context.Background())
	if err != nil {
		e.t.Fatal(err)
	}
	defer c.Close()
	_, err = c.ExecContext(context.Background(), r.String())
	if err != nil {
		if _, back := c.ExecContext(context.Background(), "ROLLBACK"); back != nil {
			e.t.Fatal(back)
		}
	}
	return err
}

// unchanged checks that the catalog is exactly as before, and that no session of the
// database is in a transaction.
func (e *env) unchanged(before map[string]bool) {
	e.t.Helper()
	e.eventually("no session is in a transaction", `SELECT NOT EXISTS (SELECT FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend')`)
	if gone, added := minus(before, e.catalog()), minus(e.catalog(), before); gone != nil || added != nil {
		e.t.Errorf("the catalog changed: lost %q, added %q", gone, added)
	}
}

// replaced checks that the catalog is as before, except for the new query, and that each
// view has the rows that the condition selects.
func (e *env) replaced(before map[string]bool, where string, rows int) {
	e.t.Helper()
	e.same(before)
	for _, view := range []string{"base", "dep", "last", "mid", "plain"} {
		var n int
		if err := e.pool.QueryRow("SELECT count(*) FROM app." + view + " WHERE " + where).Scan(&n); err != nil || n != rows {
			e.t.Errorf("%s: got %d rows, %v; want %d", view, n, err, rows)
		}
	}
	if _, err := e.pool.Exec("SELECT more FROM app.base"); err != nil {
		e.t.Errorf("the new column: %v", err)
	}
}

func (e *env) eventually(rule, text string) {
	e.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		var ok bool
		if err := e.pool.QueryRow(text).Scan(&ok); err != nil {
			e.t.Errorf("%s: %v", rule, err)
			return
		}
		if ok {
			return
		}
		if time.Now().After(deadline) {
			e.t.Errorf("not in twenty seconds: %s", rule)
			return
		}
	}
}

// begin runs a statement in a transaction of another session. The result commits it.
func (e *env) begin(text string) (commit func()) {
	e.t.Helper()
	tx, err := e.pool.BeginTx(context.Background(), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := tx.Exec(text); err != nil {
		e.t.Fatal(err)
	}
	once := sync.OnceFunc(func() {
		if err := tx.Commit(); err != nil {
			e.t.Error(err)
		}
	})
	e.t.Cleanup(once)
	return once
}

// waits is true while a session waits for a lock with the condition.
func waits(condition string) string {
	return "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.datname = current_database() AND NOT l.granted AND " + condition + ")"
}

// If another session changes what the plan has seen, in any phase, the run is undone.
func TestOthersChangeTheViewsDuringARun(t *testing.T) {
	t.Parallel()
	for i, c := range []struct{ name, sql, undo string }{
		{"grant", "GRANT SELECT ON app.base TO PUBLIC", "REVOKE SELECT ON app.base FROM PUBLIC"},
		{"new dependent", "CREATE VIEW app.x AS SELECT id FROM app.dep", "DROP VIEW app.x"},
		{"column grant", "GRANT SELECT (id) ON app.mid TO PUBLIC", "REVOKE SELECT (id) ON app.mid FROM PUBLIC"},
		{"index", "CREATE INDEX i ON app.last (id)", "DROP INDEX app.i"},
		{"dropped dependent", "DROP VIEW app.plain", "CREATE VIEW app.plain AS SELECT id, a FROM app.base"},
		{"dropped materialized dependent", "DROP MATERIALIZED VIEW app.dep", "CREATE MATERIALIZED VIEW app.dep AS SELECT id, a FROM app.base"},
		{"dropped view", "ALTER MATERIALIZED VIEW app.base RENAME TO gone", "ALTER MATERIALIZED VIEW app.gone RENAME TO base"},
		{"renamed dependent", "ALTER VIEW app.mid RENAME TO other", "ALTER VIEW app.other RENAME TO mid"},
		{"moved dependent", "CREATE SCHEMA IF NOT EXISTS z; ALTER MATERIALIZED VIEW app.dep SET SCHEMA z", "ALTER MATERIALIZED VIEW z.dep SET SCHEMA app"},
		{"new owner", "ALTER VIEW app.plain OWNER TO $role", "ALTER VIEW app.plain OWNER TO CURRENT_USER; DROP OWNED BY $role"},
		{"view without data", "REFRESH MATERIALIZED VIEW app.last WITH NO DATA", "REFRESH MATERIALIZED VIEW app.last"},
		{"other query", "CREATE OR REPLACE VIEW app.mid AS SELECT id, upper(a) AS a FROM app.base", "CREATE OR REPLACE VIEW app.mid AS SELECT id, a FROM app.base"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, []string{"postgres", "pgx"}[i%2])
			for n, phase := range phases {
				if n != (i+2)%4 && !testrun.All() {
					continue // each phase for some of the changes
				}
				var before map[string]bool
				r := e.plan(at(phase, 1, func() { e.exec(e.roles.Replace(c.sql)); before = e.catalog() }))
				if _, err := r.Run(t.Context()); !errors.Is(err, replace.ErrChanged) {
					t.Errorf("%s: got error %v, want ErrChanged", phase, err)
				}
				e.unchanged(before)
				if err := e.script(r); state(err) != "55000" {
					t.Errorf("the script: got error %v, want SQLSTATE 55000", err)
				}
				e.unchanged(before)
				e.exec(e.roles.Replace(c.undo))
			}
		})
	}
}

func state(err error) string {
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return ""
}

// Readers never see older rows than before: if another session refreshes an old view after
// the new ones were filled, Run fills them again.
func TestOthersRefreshDuringARun(t *testing.T) {
	t.Parallel()
	for i, sql := range []string{
		"REFRESH MATERIALIZED VIEW app.base",
		"REFRESH MATERIALIZED VIEW CONCURRENTLY app.base",
		"REFRESH MATERIALIZED VIEW app.base; REFRESH MATERIALIZED VIEW app.last",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, []string{"postgres", "pgx"}[i%2])
			e.exec("CREATE UNIQUE INDEX u ON app.base (id)")
			for n, phase := range phases[1:] {
				if n != i && !testrun.All() {
					continue
				}
				before := e.catalog()
				r := e.plan(at(phase, 1, func() { e.exec(fmt.Sprintf("INSERT INTO app.t VALUES (%d, 'late', 1); %s", 1000+n, sql)) }))
				report, err := r.Run(t.Context())
				if err != nil || report.Fills != 2 {
					t.Errorf("%s: got %+v, %v; want two fills", phase, report, err)
				}
				e.replaced(before, fmt.Sprintf("id = %d", 1000+n), 1)
			}
		})
	}
}

// A refresh that another session has not committed yet is waited for, and then counts.
func TestOthersCommitARefreshDuringTheWait(t *testing.T) {
	t.Parallel()
	e := newSmall(t, "postgres")
	before := e.catalog()
	var commit func()
	r := e.plan(replace.OnProgress(func(p replace.Progress) {
		switch p {
		case replace.Progress{Phase: replace.PhaseFill, Count: 1}:
			commit = e.begin("INSERT INTO app.t VALUES (1000, 'late', 1); REFRESH MATERIALIZED VIEW app.dep")
		case replace.Progress{Phase: replace.PhaseWait, Count: 1}:
			time.AfterFunc(200*time.Millisecond, commit)
		}
	}))
	report, err := r.Run(t.Context())
	if err != nil || report.Fills != 2 || report.Tries != 2 {
		t.Errorf("got %+v, %v; want two fills and two tries", report, err)
	}
	e.replaced(before, "id = 1000", 1)
}

// Maintenance by others neither fails a run nor makes it fill again.
func TestOthersVacuumDuringARun(t *testing.T) {
	t.Parallel()
	e := newSmall(t, "pgx")
	c, err := e.pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := e.catalog()
	for _, text := range []string{"VACUUM (FREEZE, ANALYZE) app.base, app.dep, app.last", "ANALYZE app.base", "REINDEX TABLE app.t"} {
		for _, phase := range phases {
			r := e.plan(at(phase, 1, func() {
				if _, err := c.ExecContext(t.Context(), text); err != nil {
					t.Errorf("%s, %s: %v", text, phase, err)
				}
			}))
			if report, err := r.Run(t.Context()); err != nil || report.Fills != 1 || report.Tries != 1 {
				t.Errorf("%s, %s: got %+v, %v; want one fill and one try", text, phase, report, err)
			}
			if !testrun.All() {
				break
			}
		}
	}
	e.replaced(before, "true", 100)
}

// The server cancels an autovacuum of an old view that would take minutes, because the
// guard waits for it.
func TestRunDuringAnAutovacuum(t *testing.T) {
	t.Parallel()
	settings := []pgtest.Option{pgtest.Setting("autovacuum", "on"), pgtest.Setting("autovacuum_naptime", "1s"),
		pgtest.Setting("autovacuum_vacuum_cost_delay", "100ms"), pgtest.Setting("autovacuum_vacuum_cost_limit", "1")}
	pgtest.NewDatabase(t) // skips or fails if there is no Postgres
	server, err := pgtest.Start(t.Context(), settings...)
	if errors.Is(err, errors.ErrUnsupported) && !required() {
		t.Skipf("SKIPPED: needs a server with its own settings, which the one of MASSIVE_POSTGRES_URL can't have: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	d := server.NewDatabase(t)
	e := smallIn(t, d, d.Open(t, "pgx"))
	before := e.catalog()
	// A session that ends reports at once what it has changed.
	changes := d.Open(t, "postgres")
	_, err = changes.Exec("INSERT INTO app.t SELECT g, 'a' || g, g FROM generate_series(101, 50000) g; REFRESH MATERIALIZED VIEW app.base")
	if err := errors.Join(err, changes.Close()); err != nil {
		t.Fatal(err)
	}
	const worker = `SELECT EXISTS (SELECT FROM pg_stat_activity JOIN pg_locks l USING (pid)
		WHERE backend_type = 'autovacuum worker' AND l.relation = 'app.base'::regclass AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted)`
	e.eventually("a worker has the view", worker)
	report, err := e.plan(at(replace.PhaseSwap, 1, func() { e.eventually("a worker has the view at the swap", worker) })).Run(t.Context())
	if err != nil || report.Tries != 1 || report.Fills != 1 {
		t.Errorf("got %+v, %v; want one try and one fill", report, err)
	}
	e.replaced(before, "true", 50000)
}

// A session that analyzes an old view has the lock of an autovacuum. Run waits for it at
// the guard, and readers read meanwhile.
func TestReadersReadWhileTheGuardWaits(t *testing.T) {
	t.Parallel()
	e := newSmall(t, "pgx")
	before := e.catalog()
	ended := make(chan struct{})
	r := e.plan(at(replace.PhaseSwap, 1, func() {
		commit := e.begin("ANALYZE app.base")
		go func() {
			defer close(ended)
			defer commit()
			e.eventually("the guard waits", waits("l.mode = 'ShareUpdateExclusiveLock'"))
			for _, view := range []string{"base", "dep", "last", "mid", "plain"} {
				if _, err := e.pool.Exec("SELECT FROM app." + view); err != nil {
					t.Error(err)
				}
			}
			e.eventually("the guard waits after the readers have read", waits("l.mode = 'ShareUpdateExclusiveLock'"))
		}()
	}))
	report, err := r.Run(t.Context())
	<-ended
	if err != nil || report.Tries != 1 {
		t.Errorf("got %+v, %v; want one try", report, err)
	}
	e.replaced(before, "true", 100)
}

// Run waits for a reader that began earlier, without a lock: others can refresh and read.
func TestRunWaitsForALongReader(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"SELECT FROM app.last", "DECLARE c CURSOR FOR TABLE app.plain"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, "postgres")
			before := e.catalog()
			commit := e.begin(text)
			ended := make(chan struct{})
			r := e.plan(at(replace.PhaseWait, 1, func() {
				go func() {
					defer close(ended)
					defer commit()
					for range 3 {
						e.eventually("it looks at the locks", `SELECT EXISTS (SELECT FROM pg_stat_activity
							WHERE datname = current_database() AND state = 'idle in transaction' AND query LIKE '%virtualtransaction%')`)
						e.exec("SELECT FROM app.base; REFRESH MATERIALIZED VIEW app.dep")
					}
				}()
			}))
			report, err := r.Run(t.Context())
			<-ended
			if err != nil {
				t.Errorf("got %+v, %v", report, err)
			}
			e.replaced(before, "true", 100)
		})
	}
}

// A reader that begins after the wait makes the try fail, and the next one succeeds.
func TestRunTriesAgainAfterAReader(t *testing.T) {
	t.Parallel()
	e := newSmall(t, "pgx")
	before := e.catalog()
	var commit func()
	r := e.plan(replace.LockTimeout(30*time.Millisecond), replace.OnProgress(func(p replace.Progress) {
		switch p {
		case replace.Progress{Phase: replace.PhaseSwap, Count: 1}:
			commit = e.begin("SELECT FROM app.base")
		case replace.Progress{Phase: replace.PhaseWait, Count: 2}:
			e.exec("SELECT FROM app.base, app.dep, app.last") // the failed try has no lock left
			commit()
		}
	}))
	report, err := r.Run(t.Context())
	if err != nil || report.Tries != 2 || report.Fills != 1 {
		t.Errorf("got %+v, %v; want two tries and one fill", report, err)
	}
	e.replaced(before, "true", 100)
}

// A right that another session grants and commits while the swap waits for that session is
// not lost.
func TestARightIsGrantedDuringTheSwap(t *testing.T) {
	t.Parallel()
	for i, text := range []string{"GRANT SELECT ON app.base TO PUBLIC", "GRANT SELECT (id) ON app.dep TO PUBLIC", "GRANT SELECT ON app.mid TO PUBLIC"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, []string{"postgres", "pgx"}[i%2])
			ended := make(chan struct{})
			var before map[string]bool
			r := e.plan(replace.LockTimeout(20*time.Second), at(replace.PhaseSwap, 1, func() {
				commit := e.begin(text)
				go func() {
					defer close(ended)
					e.eventually("the swap waits", waits("l.locktype IN ('transactionid', 'relation')"))
					commit()
					before = e.catalog()
				}()
			}))
			_, err := r.Run(t.Context())
			<-ended
			if !errors.Is(err, replace.ErrChanged) {
				t.Errorf("got error %v, want ErrChanged", err)
			}
			e.unchanged(before)
			again := e.plan()
			if _, err := again.Run(t.Context()); err != nil {
				t.Error(err)
			}
			e.replaced(before, "true", 100)
		})
	}
}

// pauseAtDrop makes the first drop of a swap wait for an advisory lock of the test.
const pauseAtDrop = `CREATE FUNCTION app.pause() RETURNS event_trigger LANGUAGE plpgsql AS 'begin perform pg_advisory_xact_lock(1); end';
	CREATE EVENT TRIGGER massive_pause ON ddl_command_start WHEN TAG IN ('DROP MATERIALIZED VIEW') EXECUTE FUNCTION app.pause()`

// A right that another session grants between the check of the catalog and the drops is not
// lost: the GRANT fails, or gives it on the new view.
func TestNoRightIsLostAfterTheCheck(t *testing.T) {
	t.Parallel()
	for i, right := range []string{"SELECT ON app.base", "SELECT ON app.mid", "SELECT (id, b) ON app.base", "SELECT (a, id) ON app.dep", "SELECT (b) ON app.base"} {
		t.Run(right, func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, []string{"postgres", "pgx"}[i%2])
			// A column option that the guard could change.
			e.exec("ALTER MATERIALIZED VIEW app.dep ALTER COLUMN id SET (n_distinct_inherited=-0.5, n_distinct=7)")
			r := e.plan(replace.LockTimeout(20 * time.Second))
			before := e.catalog()
			e.exec(pauseAtDrop)
			open := e.begin("SELECT pg_advisory_xact_lock(1)")
			granted := make(chan error, 1)
			go func() {
				e.eventually("the first drop waits", waits("l.locktype = 'advisory'"))
				go func() {
					_, err := e.pool.Exec(e.roles.Replace("GRANT " + right + " TO $role"))
					granted <- err
				}()
				// It waits for the swap, or has ended.
				for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline) && len(granted) == 0; time.Sleep(2 * time.Millisecond) {
					var waiting bool
					if err := e.pool.QueryRow(waits("l.locktype IN ('transactionid', 'relation')")).Scan(&waiting); err != nil || waiting {
						break
					}
				}
				open()
			}()
			_, err := r.Run(t.Context())
			if err != nil {
				t.Error(err)
			}
			err = <-granted
			e.exec("DROP EVENT TRIGGER massive_pause; DROP FUNCTION app.pause()")
			var has bool
			_, view, _ := strings.Cut(right, " ON ")
			if err := e.pool.QueryRow(e.roles.Replace("SELECT has_any_column_privilege('$role', '" + view + "', 'SELECT')")).Scan(&has); err != nil {
				t.Fatal(err)
			}
			if has != (err == nil) {
				t.Errorf("the GRANT ended with error %v, and the role has the right: %t", err, has)
			}
			e.exec(e.roles.Replace("REVOKE " + right + " FROM $role"))
			e.same(before)
		})
	}
}
