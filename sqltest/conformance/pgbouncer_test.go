package conformance_test

// The suite through PgBouncer in transaction mode, in which many connections share a
// server session.

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/bouncer"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestPgBouncer(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	b := bouncer.Start(t, 3) // the rules about locks need three sessions at once
	for _, mode := range bouncer.Modes {
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, conformance.Harness{
				Pooled: true,
				Open: func(t *testing.T, c sqltest.Catalog) conformance.Database {
					t.Helper()
					d, _ := testrun.Filled(t, c, "pgx")
					b.Serve(t, d)
					return real{d, b.Open(t, d, mode.Driver, mode.Params...)}
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
	b := bouncer.Start(t, 3)
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
	for _, mode := range bouncer.Modes {
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.NewDatabase(t)
			d.Fill(t, catalog)
			b.Serve(t, d)
			db := b.Open(t, d, mode.Driver, mode.Params...)
			db.SetMaxIdleConns(clients)
			m, err := massive.Load(t.Context(), db, postgres.New())
			noError(t, err)
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
					if !mode.Args {
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
	b := bouncer.Start(t, 1) // both connections get the same session
	d := pgtest.NewDatabase(t)
	d.Fill(t, sqltest.Catalog{
		Matviews:  []sqltest.Matview{{Name: "v", Rows: []struct{ N int64 }{{1}}, Unique: []string{"n"}}},
		Sequences: []sqltest.Sequence{{Name: "s"}},
	})
	b.Serve(t, d)
	ctx := t.Context()
	m, err := massive.Load(ctx, b.Open(t, d, "pgx", "default_query_exec_mode=exec"), postgres.New())
	noError(t, err)
	db := b.Open(t, d, "pgx")
	next := func() error {
		conn, err := db.Conn(ctx)
		noError(t, err)
		t.Cleanup(func() { conn.Close() })
		s, err := m.With(conn).Sequence("s")
		noError(t, err)
		_, err = s.NextValue(ctx)
		return err
	}
	if err := next(); err != nil {
		t.Errorf("the first connection: %v", err)
	}
	err = next()
	var refused *pgconn.PgError
	switch {
	case b.KeepsStatements:
		if err != nil {
			t.Errorf("the second connection: %v, and max_prepared_statements is set", err)
		}
	case !errors.As(err, &refused) || refused.Code != "42P05":
		t.Errorf("the second connection: got %v, want 42P05", err)
	}

	m = m.With(db)
	s, err := m.Sequence("s")
	noError(t, err)
	v, err := m.Matview("v")
	noError(t, err)
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
