package conformance_test

import (
	"database/sql"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestFake(t *testing.T) {
	t.Parallel()
	conformance.Run(t, conformance.Harness{
		Open: func(_ *testing.T, c sqltest.Catalog) conformance.Database { return sqltest.New(c) },
	})
}

// A real is a database on a real server, opened in one mode of a driver.
type real struct {
	*pgtest.Database
	db *sql.DB
}

func (r real) DB() *sql.DB              { return r.db }
func (r real) Dialect() dialect.Dialect { return postgres.New() }

// Postgres passes the suite with each driver, in each mode.
func TestPostgres(t *testing.T) {
	t.Parallel()
	for _, mode := range []struct {
		name, driver string
		params       []string
		long         bool // only if MASSIVE_TEST_ALL is set
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
			conformance.Run(t, conformance.Harness{
				Open: func(t *testing.T, c sqltest.Catalog) conformance.Database {
					t.Helper()
					d, pool := testrun.Filled(t, c, mode.driver, mode.params...)
					return real{d, pool}
				},
			})
		})
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
