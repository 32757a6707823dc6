package sqltest_test

// Connections of the fake, compared with those of the Postgres drivers.

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

// A place is one of the databases on which a test runs.
type place struct {
	name string
	db   *sql.DB
	m    *massive.DB
	do   func(testing.TB, ...sqltest.Change)
}

// onEach runs a test on the fake and on Postgres with each driver. All hold the catalog.
func onEach(t *testing.T, c sqltest.Catalog, test func(*testing.T, place)) {
	t.Helper()
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		f := sqltest.New(c)
		m, err := massive.Load(t.Context(), f.DB(), f, massive.WithKeySequences())
		noError(t, err)
		test(t, place{"fake", f.DB(), m, f.Do})
	})
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			d := pgtest.NewDatabase(t)
			d.Fill(t, c)
			db := d.Open(t, driver)
			m, err := massive.Load(t.Context(), db, postgres.New(), massive.WithKeySequences())
			noError(t, err)
			test(t, place{driver, db, m, d.Do})
		})
	}
}

var viewAndSequence = sqltest.Catalog{
	Matviews:  []sqltest.Matview{{Name: "v", Rows: []struct{ N int64 }{{1}, {2}}}},
	Sequences: []sqltest.Sequence{{Name: "s"}},
}

// A transaction with open rows runs no other operation.
func TestOpenRowsBlockTransaction(t *testing.T) {
	t.Parallel()
	for last, how := range map[int64]string{1: "closed early", 2: "read to the end"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			onEach(t, viewAndSequence, func(t *testing.T, p place) {
				tx, err := p.db.BeginTx(t.Context(), nil)
				noError(t, err)
				defer tx.Rollback()
				m := p.m.With(tx)
				v := found(t, m.Matview, "v")
				s := found(t, m.Sequence, "s")
				for n, err := range massive.Rows[int64](t.Context(), v, "") {
					noError(t, err)
					if _, err := s.NextValue(t.Context()); err == nil {
						t.Errorf("NextValue at row %d: got no error, want one", n)
					}
					if last == 1 {
						break
					}
				}
				if value, err := s.NextValue(t.Context()); err != nil || value != 1 {
					t.Errorf("NextValue after the rows: got %d, %v", value, err)
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A connection with open rows returns an error that explains it. With pgx the operation
// waits forever.
func TestOpenRowsAreNamed(t *testing.T) {
	t.Parallel()
	f := sqltest.New(viewAndSequence)
	m := load(t, f)
	conn, err := f.DB().Conn(t.Context())
	noError(t, err)
	defer conn.Close()
	v := found(t, m.With(conn).Matview, "v")
	for _, err := range massive.Rows[int64](t.Context(), v, "") {
		noError(t, err)
		const says = "the connection has open rows"
		if _, err := v.Refresh(t.Context()); !errors.Is(err, massive.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("a refresh during open rows: got error %v", err)
		}
		if _, err := conn.BeginTx(t.Context(), nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("a transaction during open rows: got error %v", err)
		}
		if err := conn.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("a ping during open rows: got error %v", err)
		}
	}
	if _, err := v.Refresh(t.Context()); err != nil {
		t.Errorf("after the last row: got error %v, want none", err)
	}
}

// A transaction that can't begin because its context has ended leaves no lock and no
// connection.
func TestFailedBeginLeavesNothing(t *testing.T) {
	t.Parallel()
	onEach(t, viewAndSequence, func(t *testing.T, p place) {
		conn, err := p.db.Conn(t.Context())
		noError(t, err)
		defer conn.Close()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, errBegin := conn.BeginTx(ended, nil) // with lib/pq there is no error, and database/sql ends the transaction
		err = refreshOf("v")(t.Context(), p.m.With(conn))
		if p.name == "fake" && (!errors.Is(errBegin, context.Canceled) || err == nil) {
			t.Errorf("BeginTx: got error %v, and %v on the connection, want the connection closed", errBegin, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := refreshOf("v")(ctx, p.m); err != nil {
			t.Errorf("an operation after it: got error %v, want none", err)
		}
	})
}

// A Select function that panics or ends its goroutine makes the Select return an error,
// and leaves no lock and no connection.
func TestSelectFunctionPanics(t *testing.T) {
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
		noError(t, err)
		for _, m := range []*massive.DB{m, m.With(tx)} {
			v := found(t, m.Matview, "v")
			if err := v.Select(t.Context(), &[]int64{}, "LIMIT 1"); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want %q", err, says)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := refreshOf("v")(ctx, m); err != nil {
			t.Errorf("%s: a refresh after it: got error %v, want none", says, err)
		}
		if err := tx.Rollback(); err != nil || f.DB().Stats().InUse > 0 {
			t.Errorf("%s: got error %v at the end of the transaction and %d open connections, want none", says, err, f.DB().Stats().InUse)
		}
	}
}

type panicking struct{}

func (panicking) Value() (driver.Value, error) { panic("a value's") }

// The error of a SQL statement is one short line that names the likely mistake.
func TestSQLErrorIsOneLine(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{})
	_, err := massive.Load(t.Context(), f.DB(), postgres.New())
	if !errors.Is(err, sqltest.ErrNoDatabase) || len(err.Error()) > 600 || strings.Contains(err.Error(), "\n") ||
		!strings.Contains(err.Error(), "pass the fake as the dialect, massive.Load(ctx, fake.DB(), fake)") {
		t.Errorf("the Postgres dialect on the fake's DB: got error %v", err)
	}
	_, err = f.DB().ExecContext(t.Context(), "UPDATE orders\n\tSET note = ''", []string{"what pgx takes"}, map[string]int{}, struct{}{})
	if !errors.Is(err, sqltest.ErrNoDatabase) || !strings.HasSuffix(err.Error(), ": UPDATE orders SET note = ''") ||
		strings.Contains(err.Error(), "fake as the dialect") {
		t.Errorf("SQL with unusual arguments: got error %v", err)
	}
}
