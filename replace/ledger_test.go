package replace_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/replace"
)

// sourced has a new query for small that reads another materialized view.
const sourced = "SELECT t.id, t.a, s.b, 1 AS more FROM app.t JOIN app.source s ON s.id = t.id"

// recorded returns a database with a ledger in the schema "my ledger" and a source whose
// refresh is recorded.
func (e *env) recorded(opts ...massive.LedgerDDLOption) *massive.DB {
	e.t.Helper()
	e.exec("CREATE MATERIALIZED VIEW app.source AS SELECT id, b FROM app.t; CREATE MATERIALIZED VIEW app.empty AS SELECT id FROM app.base WITH NO DATA")
	if err := massive.CreateLedger(e.t.Context(), e.pool, postgres.New(), "my ledger", opts...); err != nil {
		e.t.Fatal(err)
	}
	m, err := massive.Load(e.t.Context(), e.pool, postgres.New(), massive.WithLedger("my ledger"))
	if err != nil {
		e.t.Fatal(err)
	}
	e.refresh(m, "app.source")
	e.refresh(m, "app.base")
	return m
}

func (e *env) refresh(m *massive.DB, name string) {
	e.t.Helper()
	v, err := m.Matview(name)
	if err == nil {
		_, err = v.Refresh(e.t.Context())
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) freshness(m *massive.DB) map[string]dialect.Freshness {
	e.t.Helper()
	all, err := m.Freshness(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	byName := map[string]dialect.Freshness{}
	for _, f := range all {
		byName[f.Name.String()] = f
	}
	return byName
}

// The new views are recorded as refreshed as of their fill, and their data as of that of
// everything that they read.
func TestFillIsRecorded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, driver string
		opts         []massive.LedgerDDLOption
		transaction  bool
		refill       bool
		role         bool
	}{
		{name: "lib/pq", driver: "postgres"},
		{name: "pgx", driver: "pgx"},
		{name: "refreshes by others are noted, too", driver: "pgx", opts: []massive.LedgerDDLOption{massive.NoteOthers()}},
		{name: "a caller's transaction", driver: "postgres", transaction: true},
		{name: "filled twice", driver: "pgx", refill: true},
		{name: "an ordinary owner", driver: "postgres", role: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, c.driver)
			role := e.roles.Replace("$role")
			if c.role {
				c.opts = append(c.opts, massive.LedgerWriters(role))
			}
			m := e.recorded(c.opts...)
			if c.role {
				e.exec(strings.ReplaceAll(`DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ROLE', current_database()); END $$;
					GRANT USAGE, CREATE ON SCHEMA app TO ROLE; GRANT SELECT ON app.t, app.source TO ROLE;
					ALTER MATERIALIZED VIEW app.base OWNER TO ROLE; ALTER MATERIALIZED VIEW app.dep OWNER TO ROLE; ALTER MATERIALIZED VIEW app.last OWNER TO ROLE;
					ALTER MATERIALIZED VIEW app.empty OWNER TO ROLE; ALTER VIEW app.mid OWNER TO ROLE; ALTER VIEW app.plain OWNER TO ROLE`, "ROLE", role))
				e.refresh(m, "app.source") // the GRANT made its age unknown
			}
			source := e.freshness(m)["app.source"]
			bound, commit := m, func() error { return nil }
			if c.transaction {
				tx, err := e.pool.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = tx.Rollback() }()
				bound, commit = m.With(tx), tx.Commit
			}
			if c.role {
				conn, err := e.pool.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				bound, commit = m.With(conn), func() error { _, err := conn.ExecContext(t.Context(), "RESET ROLE"); return err }
				if _, err := conn.ExecContext(t.Context(), "SET ROLE "+role); err != nil {
					t.Fatal(err)
				}
			}
			var refilled time.Time
			r, err := replace.Plan(t.Context(), bound, "app.base", sourced, replace.OnProgress(func(p replace.Progress) {
				if c.refill && p.Phase == replace.PhaseWait && p.Count == 1 {
					e.exec("REFRESH MATERIALIZED VIEW app.base")
					if err := e.pool.QueryRowContext(t.Context(), "SELECT clock_timestamp()").Scan(&refilled); err != nil {
						t.Error(err)
					}
				}
			}))
			if err != nil {
				t.Fatal(err)
			}
			report, err := r.Run(t.Context())
			if err == nil {
				err = commit()
			}
			if err != nil {
				t.Fatal(err)
			}
			got := e.freshness(m)
			asOf := report.Filled
			for _, name := range []string{"app.base", "app.dep", "app.last"} { // each is filled after the one before, or at the same time
				f := got[name]
				if f.Doubt != 0 || f.AsOf.Before(asOf) || f.AsOf.Before(refilled) || f.AsOf.After(f.Now) || f.Finished.Before(f.AsOf) || f.By == "" {
					t.Errorf("%s: got %+v, want rows as of %v or later", name, f, asOf)
				}
				if !f.DataAsOf.Equal(source.AsOf) {
					t.Errorf("%s: the data is as of %v, want the age of its source, %v", name, f.DataAsOf, source.AsOf)
				}
			}
			if f := got["app.empty"]; f.Doubt != dialect.DoubtEmpty {
				t.Errorf("the view without data: got %+v", f)
			}
			if _, err := m.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			v, err := m.Matview("app.last")
			if err != nil {
				t.Fatal(err)
			}
			if result, err := v.RefreshIfOlderThan(t.Context(), time.Hour); err != nil || result.Outcome != registry.OutcomeFresh {
				t.Errorf("a refresh by age: got %v, %v; want none", result, err)
			}
			var wrong int
			if err := e.pool.QueryRowContext(t.Context(), `SELECT count(*) FROM "my ledger".history WHERE schema <> 'app'`).Scan(&wrong); err != nil || wrong != 0 {
				t.Errorf("got %d entries of the history under other names, %v", wrong, err)
			}
		})
	}
}

// A ledger that another role could use to run code stops the run, and nothing has changed.
// If records are optional, the run continues without them. None of that code runs.
func TestUnsafeLedgerIsNotUsed(t *testing.T) {
	t.Parallel()
	e := newSmall(t, "pgx")
	m := e.recorded()
	optional, err := massive.Load(t.Context(), e.pool, postgres.New(), massive.WithLedger("my ledger", massive.RecordsOptional()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := replace.Plan(t.Context(), m, "app.base", smallQuery)
	if err != nil {
		t.Fatal(err)
	}
	o, err := replace.Plan(t.Context(), optional, "app.base", smallQuery)
	if err != nil {
		t.Fatal(err)
	}
	e.exec(`CREATE SEQUENCE app.ran; CREATE FUNCTION app.hit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''app.ran''); RETURN NEW; END';
		CREATE TRIGGER x BEFORE INSERT OR UPDATE OR DELETE ON "my ledger".freshness FOR EACH STATEMENT EXECUTE FUNCTION app.hit()`)
	before := e.catalog()
	if _, err := r.Run(t.Context()); !errors.Is(err, massive.ErrInvalid) || !strings.Contains(err.Error(), "its table freshness has a trigger") {
		t.Errorf("got %v, want ErrInvalid", err)
	}
	e.same(before)
	if _, err := o.Run(t.Context()); err != nil {
		t.Errorf("with RecordsOptional: %v", err)
	}
	if f := e.freshness(optional)["app.base"]; f.Doubt != dialect.DoubtUnrecorded {
		t.Errorf("with RecordsOptional: got %+v, want no record", f)
	}
	var ran bool
	if err := e.pool.QueryRowContext(t.Context(), "SELECT is_called FROM app.ran").Scan(&ran); err != nil || ran {
		t.Errorf("the trigger ran: %v, %v", ran, err)
	}
}

// Readers that overlap all the time don't keep the swap off.
func TestOverlappingReaders(t *testing.T) {
	t.Parallel()
	e := newSmall(t, "pgx")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := replace.Plan(ctx, e.load(), "app.base", smallQuery, replace.LockTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	reading, stop := context.WithCancel(ctx)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for reading.Err() == nil {
				if _, err := e.pool.ExecContext(ctx, "SELECT pg_sleep(0.3 + random() / 10) FROM (SELECT FROM app.base LIMIT 1) b"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	_, err = r.Run(ctx)
	stop()
	readers.Wait()
	if err != nil {
		t.Error(err)
	}
}

// GiveUpAfter ends a run whose views are refreshed again and again.
func TestGiveUpAfterRefreshesByOthers(t *testing.T) {
	t.Parallel()
	e := newSmall(t, "pgx")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := replace.Plan(ctx, e.load(), "app.base", smallQuery, replace.GiveUpAfter(time.Millisecond), replace.OnProgress(func(p replace.Progress) {
		if p.Phase == replace.PhaseSwap {
			e.exec("REFRESH MATERIALIZED VIEW app.base")
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(ctx); !errors.Is(err, massive.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
}
