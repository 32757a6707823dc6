package sqltest_test

import (
	"context"
	"database/sql"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestFake(t *testing.T) {
	t.Parallel()
	sqltest.TestDialect(t, sqltest.Harness{
		Open: func(_ *testing.T, c sqltest.Catalog) sqltest.Database { return sqltest.New(c) },
	})
}

// A real is a database of a real server, through one driver's mode.
type real struct {
	*pgtest.Database
	db *sql.DB
}

func (r real) DB() *sql.DB              { return r.db }
func (r real) Dialect() dialect.Dialect { return postgres.New() }

// templates are databases that hold a catalog each: made once, and copied for each case, since a rule has one catalog
// in every mode, and over DB, Conn and Tx.
type templates struct {
	t   *testing.T // for as long as which they are there
	mu  sync.Mutex
	all []*template
}

type template struct {
	catalog sqltest.Catalog
	mu      sync.Mutex
	db      *pgtest.Database // nil until it is filled
}

func newTemplates(t *testing.T) *templates {
	t.Helper()
	pgtest.NewDatabase(t) // or skip
	return &templates{t: t}
}

// database is one that holds the catalog, and is t's own.
func (ts *templates) database(t *testing.T, c sqltest.Catalog) *pgtest.Database {
	t.Helper()
	ts.mu.Lock()
	i := slices.IndexFunc(ts.all, func(tp *template) bool { return reflect.DeepEqual(tp.catalog, c) })
	if i < 0 {
		i = len(ts.all)
		ts.all = append(ts.all, &template{catalog: c})
	}
	tp := ts.all[i]
	ts.mu.Unlock()

	tp.mu.Lock()
	defer tp.mu.Unlock()
	if tp.db == nil {
		server, err := pgtest.Shared()
		if err != nil {
			t.Fatal(err)
		}
		db, err := server.CreateDatabase(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ts.t.Cleanup(func() {
			if err := db.Drop(context.Background()); err != nil {
				ts.t.Error(err)
			}
		})
		db.Fill(t, c)
		tp.db = db
	}
	return tp.db.Copy(t)
}

// The real thing keeps to the same rules, over each driver and mode.
func TestPostgres(t *testing.T) {
	t.Parallel()
	made := newTemplates(t)
	for _, mode := range []struct {
		name, driver string
		params       []string
		long         bool // only where everything is run
	}{
		{"pq", "postgres", nil, false},
		{"pgx", "pgx", nil, false},
		{"pgx exec", "pgx", []string{"default_query_exec_mode=exec"}, true},
		{"pgx simple", "pgx", []string{"default_query_exec_mode=simple_protocol"}, true},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			if mode.long {
				testrun.Long(t)
			}
			sqltest.TestDialect(t, sqltest.Harness{
				Open: func(t *testing.T, c sqltest.Catalog) sqltest.Database {
					t.Helper()
					d := made.database(t, c)
					return real{d, d.Open(t, mode.driver, mode.params...)}
				},
			})
		})
	}
}
