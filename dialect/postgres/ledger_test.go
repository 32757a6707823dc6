package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/sqltest/pgtest"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
)

func TestMain(m *testing.M) {
	if err := testrun.Set(); err != nil {
		panic(err)
	}
	os.Exit(testrun.Run{M: m}.Run())
}

var (
	d      = postgres.New()
	ledger = dialect.Ledger{Schema: "my ledger"}
	daily  = dialect.Name{Schema: "public", Name: "daily"}
	weekly = dialect.Name{Schema: "public", Name: "weekly"}
)

// A site is a database with the views daily, weekly (which reads daily through a plain
// view) and a ledger.
type site struct {
	*pgtest.Database
	driver string
	pool   *sql.DB
}

func onDrivers(t *testing.T, f func(t *testing.T, s *site)) {
	t.Parallel()
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			f(t, newSite(t, driver))
		})
	}
}

func newSite(t testing.TB, driver string, params ...string) *site {
	t.Helper()
	db, pool := testrun.Database(t, driver, params...)
	s := &site{db, driver, pool}
	s.exec(t, pool, `CREATE TABLE sales (id int);
		CREATE MATERIALIZED VIEW daily AS SELECT id, clock_timestamp() AS made FROM sales; CREATE UNIQUE INDEX ON daily (id);
		CREATE VIEW between AS SELECT id FROM daily;
		CREATE MATERIALIZED VIEW weekly AS SELECT id FROM between; CREATE UNIQUE INDEX ON weekly (id)`)
	noError(t, d.CreateLedger(t.Context(), pool, dialect.LedgerDefinition{Ledger: ledger}))
	return s
}

func (s *site) exec(t testing.TB, q dialect.Querier, text string) {
	t.Helper()
	if _, err := q.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t testing.TB, err, sentinel error, says ...string) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("got %v; want %v", err, sentinel)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error %q does not say %q", err, text)
		}
	}
}

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %+v; want %+v", what, got, want)
	}
}

func one[T any](t testing.TB, q dialect.Querier, text string) (v T) {
	t.Helper()
	if err := q.QueryRowContext(context.WithoutCancel(t.Context()), text).Scan(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func (s *site) refresh(t testing.TB, q dialect.Querier, view dialect.Name, how dialect.Refresh) dialect.Refreshed {
	t.Helper()
	if how.Record == nil {
		how.Record = &ledger
	}
	r, err := d.RefreshMatview(t.Context(), q, view, how)
	noError(t, err)
	return r
}

func (s *site) fresh(t testing.TB, q dialect.Querier, view dialect.Name) dialect.Freshness {
	t.Helper()
	all, err := d.Freshness(t.Context(), q, ledger, []dialect.Name{view})
	noError(t, err)
	if len(all) != 1 {
		t.Fatalf("%d views; want 1", len(all))
	}
	age, known, err := d.DataAge(t.Context(), q, ledger, view)
	noError(t, err)
	f := all[0]
	same(t, "DataAge knows the age", known, !f.DataAsOf.IsZero())
	if known && (age < 0 || age < f.Now.Sub(f.DataAsOf)) {
		t.Errorf("DataAge is %v, and before it was %v", age, f.Now.Sub(f.DataAsOf))
	}
	return f
}

// The library's refreshes and those of other clients are each noted once.
func TestNoteOthers(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		define := dialect.LedgerDefinition{Ledger: ledger, NoteOthers: true}
		noError(t, d.CreateLedger(t.Context(), s.pool, define))
		noError(t, d.CreateLedger(t.Context(), s.pool, define)) // changes nothing
		entries := func() int64 {
			return one[int64](t, s.pool, `SELECT entries FROM "my ledger".freshness WHERE name = 'daily'`)
		}
		s.refresh(t, s.pool, daily, dialect.Refresh{})
		same(t, "entries after ours", entries(), 1)
		for i, text := range []string{
			"REFRESH MATERIALIZED VIEW daily", "REFRESH MATERIALIZED VIEW CONCURRENTLY daily", "DO 'BEGIN REFRESH MATERIALIZED VIEW daily; END'",
		} {
			before := one[time.Time](t, s.pool, "SELECT clock_timestamp()")
			s.exec(t, s.pool, text)
			same(t, "entries after "+text, entries(), int64(i+2))
			f := s.fresh(t, s.pool, daily)
			same(t, "doubt after "+text, f.Doubt, 0)
			same(t, "data as of after "+text, f.DataAsOf, f.AsOf)
			if f.AsOf.Before(before) || f.AsOf.After(one[time.Time](t, s.pool, "SELECT min(made) FROM (SELECT clock_timestamp() AS made) x")) {
				t.Errorf("%s: %v is as of %v", text, before, f.AsOf)
			}
		}
		tx, err := s.pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		noError(t, err)
		began := one[time.Time](t, tx, "SELECT now()")
		s.exec(t, tx, "REFRESH MATERIALIZED VIEW daily")
		noError(t, tx.Commit())
		same(t, "the rows are as of the snapshot", s.fresh(t, s.pool, daily).AsOf.Equal(began), true)
		s.exec(t, s.pool, "REFRESH MATERIALIZED VIEW weekly")
		same(t, "weekly's doubt", s.fresh(t, s.pool, weekly).Doubt, 0)
		same(t, "weekly's data is of an unknown moment", s.fresh(t, s.pool, weekly).DataAsOf, time.Time{})
		other := dialect.Ledger{Schema: "other"}
		noError(t, d.CreateLedger(t.Context(), s.pool, dialect.LedgerDefinition{Ledger: other}))
		same(t, "result", s.refresh(t, s.pool, daily, dialect.Refresh{Record: &other}), dialect.Refreshed{Recorded: true})
		same(t, "doubt after a record in another ledger", s.fresh(t, s.pool, daily).Doubt, dialect.DoubtTouched)
		same(t, "result", s.refresh(t, s.pool, daily, dialect.Refresh{Record: &dialect.Ledger{Schema: "gone", Optional: true}}), dialect.Refreshed{})
		same(t, "doubt after a refresh whose ledger is missing", s.fresh(t, s.pool, daily).Doubt, 0)
		s.exec(t, s.pool, "REFRESH MATERIALIZED VIEW daily WITH NO DATA")
		same(t, "doubt", s.fresh(t, s.pool, daily).Doubt, dialect.DoubtEmpty)
	})
}

// The reason of a failure may be any text.
func TestRecordFailure(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		noError(t, d.RecordFailure(t.Context(), s.pool, ledger, daily, "why\x00\xff"))
		same(t, "failures", s.fresh(t, s.pool, daily).Failures, 1)
		noError(t, d.RecordFailure(t.Context(), s.pool, ledger, daily, "it's \\ so"))
		same(t, "error", s.fresh(t, s.pool, daily).Error, "it's \\ so")
		mustBe(t, d.Classify(dialect.Failure{Name: dialect.Name{Schema: "public", Name: "none"}, Matview: &dialect.MatviewDef{},
			Err: d.RecordFailure(t.Context(), s.pool, ledger, dialect.Name{Schema: "public", Name: "none"}, "x")}), dialect.ErrNotFound)
	})
}
