package sqltest_test

// Connections of the fake's, where drivers of Postgres have something to say.

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A place is a database that a test runs on, as on others.
type place struct {
	name string
	db   *sql.DB
	m    *massive.DB
	do   func(testing.TB, ...sqltest.Change)
}

// onEach runs a test on a fake that holds the catalog, and on Postgres over each driver, which does the same.
func onEach(t *testing.T, c sqltest.Catalog, test func(*testing.T, place)) {
	t.Helper()
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		f := sqltest.New(c)
		m, err := massive.Load(t.Context(), f.DB(), f, massive.WithKeySequences())
		if err != nil {
			t.Fatal(err)
		}
		test(t, place{"fake", f.DB(), m, f.Do})
	})
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			d := pgtest.NewDatabase(t)
			d.Fill(t, c)
			db := d.Open(t, driver)
			m, err := massive.Load(t.Context(), db, postgres.New(), massive.WithKeySequences())
			if err != nil {
				t.Fatal(err)
			}
			test(t, place{driver, db, m, d.Do})
		})
	}
}

var viewAndSequence = sqltest.Catalog{
	Matviews:  []sqltest.Matview{{Name: "v", Rows: []struct{ N int64 }{{1}, {2}}}},
	Sequences: []sqltest.Sequence{{Name: "s"}},
}

// A transaction whose rows are being read does nothing else before they are.
func TestNothingRunsBesideOpenRows(t *testing.T) {
	t.Parallel()
	for last, how := range map[int64]string{1: "closed early", 2: "read to the end"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			onEach(t, viewAndSequence, func(t *testing.T, p place) {
				tx, err := p.db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer tx.Rollback()
				m := p.m.With(tx)
				v, err := m.Matview("v")
				if err != nil {
					t.Fatal(err)
				}
				s, err := m.Sequence("s")
				if err != nil {
					t.Fatal(err)
				}
				for n, err := range massive.Rows[int64](t.Context(), v, "") {
					if err != nil {
						t.Fatal(err)
					}
					if _, err := s.NextValue(t.Context()); err == nil {
						t.Errorf("beside row %d the transaction takes a value", n)
					}
					if last == 1 {
						break
					}
				}
				if value, err := s.NextValue(t.Context()); err != nil || value != 1 {
					t.Errorf("behind the rows the transaction takes %d, %v", value, err)
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A connection's, too: there pgx waits for ever, and the fake says so.
func TestOpenRowsAreNamed(t *testing.T) {
	t.Parallel()
	f := sqltest.New(viewAndSequence)
	m := load(t, f)
	conn, err := f.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	v, err := m.With(conn).Matview("v")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range massive.Rows[int64](t.Context(), v, "") {
		if err != nil {
			t.Fatal(err)
		}
		const says = "the connection has open rows"
		if _, err := v.Refresh(t.Context()); !errors.Is(err, massive.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("a refresh beside open rows: %v", err)
		}
		if _, err := conn.BeginTx(t.Context(), nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("a transaction beside open rows: %v", err)
		}
		if err := conn.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("a ping beside open rows: %v", err)
		}
	}
	if _, err := v.Refresh(t.Context()); err != nil {
		t.Errorf("behind the last row: %v", err)
	}
}

// A transaction that can't begin, since its context has ended, is nobody's: nothing of it stays.
func TestNoTransactionIsLeftBehind(t *testing.T) {
	t.Parallel()
	onEach(t, viewAndSequence, func(t *testing.T, p place) {
		conn, err := p.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, errBegin := conn.BeginTx(ended, nil) // of which lib/pq says nothing: database/sql ends it behind its back
		err = refreshOf("v")(t.Context(), p.m.With(conn))
		if p.name == "fake" && (!errors.Is(errBegin, context.Canceled) || err == nil) {
			t.Errorf("the transaction begins with %v, and the connection lives on (%v)", errBegin, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := refreshOf("v")(ctx, p.m); err != nil {
			t.Errorf("others wait for it: %v", err)
		}
	})
}

// A Select function that doesn't return is an error of the Select's, which leaves no lock and no connection behind.
func TestASelectFunctionThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	for says, answer := range map[string]func() any{
		"it panicked: mine":      func() any { panic("mine") },
		"it panicked: a value's": func() any { return []struct{ N panicking }{{}} },
		"it ended its goroutine, as t.Fatal does; return an er": func() any { runtime.Goexit(); return nil },
	} {
		f := sqltest.New(sqltest.Catalog{Matviews: []sqltest.Matview{{
			Name: "v", Rows: []struct{ N int64 }{{1}}, Select: func(string, []any) (any, error) { return answer(), nil },
		}}})
		m := load(t, f)
		tx, err := f.DB().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*massive.DB{m, m.With(tx)} {
			v, err := m.Matview("v")
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Select(t.Context(), &[]int64{}, "LIMIT 1"); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want %q", err, says)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := refreshOf("v")(ctx, m); err != nil {
			t.Errorf("%s: nobody can refresh the view any more: %v", says, err)
		}
		if err := tx.Rollback(); err != nil || f.DB().Stats().InUse > 0 {
			t.Errorf("%s: the transaction ends with %v, and %d connections are left", says, err, f.DB().Stats().InUse)
		}
	}
}

type panicking struct{}

func (panicking) Value() (driver.Value, error) { panic("a value's") }

// An error of SQL is a line, and says what is likely to be meant.
func TestSQLIsCutToALine(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{})
	_, err := massive.Load(t.Context(), f.DB(), postgres.New())
	if !errors.Is(err, sqltest.ErrNoDatabase) || len(err.Error()) > 600 || strings.Contains(err.Error(), "\n") ||
		!strings.Contains(err.Error(), "pass the fake as the dialect, massive.Load(ctx, fake.DB(), fake)") {
		t.Errorf("the dialect of Postgres on the fake's DB gives %v", err)
	}
	_, err = f.DB().ExecContext(t.Context(), "UPDATE orders\n\tSET note = ''", []string{"what pgx takes"}, map[string]int{}, struct{}{})
	if !errors.Is(err, sqltest.ErrNoDatabase) || !strings.HasSuffix(err.Error(), ": UPDATE orders SET note = ''") ||
		strings.Contains(err.Error(), "fake as the dialect") {
		t.Errorf("SQL with arguments that not every driver takes gives %v", err)
	}
}
