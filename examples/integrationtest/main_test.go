// Package billing_test tests the service of examples/unittest on a real Postgres. It
// creates a database once. Each test uses a copy, which is much faster to create.
package billing_test

import (
	"context"
	"errors"
	"log"
	"testing"

	billing "github.com/massivedb/massive-go/examples/unittest"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// shop is the template database of all tests. Without Postgres it is nil, and Copy skips
// the test with the reason.
var shop *pgtest.Database

func TestMain(m *testing.M) {
	server, err := pgtest.Shared() // or Start, with settings
	if err == nil {
		// The test binary exits after TestMain returns, so that this runs. If a test
		// panics, it does not run, and pgtest stops its server by other means.
		defer server.Stop()
		log.Print("pgtest: ", server.Origin())
		shop, err = newShop(context.Background(), server)
	}
	if err != nil && !errors.Is(err, pgtest.ErrNoPostgres) {
		log.Panic(err) // log.Fatal would not run deferred functions
	}
	m.Run()
}

// newShop creates the database with SQL. A migration tool would use database.DSN(), or a
// pool of OpenContext. Close that pool before the first copy.
func newShop(ctx context.Context, server *pgtest.Server) (*pgtest.Database, error) {
	database, err := server.CreateDatabase(ctx)
	if err != nil {
		return nil, err
	}
	return database, database.ExecContext(ctx, `
		CREATE SEQUENCE invoice_no START 9998 MAXVALUE 9999;
		CREATE TYPE order_status AS ENUM ('placed', 'paid');
		CREATE TABLE orders (day text, total bigint);
		INSERT INTO orders VALUES ('monday', 5), ('friday', 70), ('sunday', 50);
		CREATE MATERIALIZED VIEW daily_sales AS SELECT day, sum(total)::bigint AS total FROM orders GROUP BY day;
		CREATE UNIQUE INDEX ON daily_sales (day);`)
}

// onDrivers runs a test with lib/pq and with pgx, each on a new copy of the shop.
func onDrivers(t *testing.T, f func(t *testing.T, database *pgtest.Database, m *massive.DB)) {
	t.Parallel()
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			database := shop.Copy(t)
			m, err := massive.Load(t.Context(), database.Open(t, driver), postgres.New())
			if err != nil {
				t.Fatal(err)
			}
			f(t, database, m)
		})
	}
}

func TestReport(t *testing.T) {
	onDrivers(t, func(t *testing.T, database *pgtest.Database, m *massive.DB) {
		database.Exec(t, `INSERT INTO orders VALUES ('monday', 100)`)
		const want = "monday 105\nfriday 70\n"
		if got, err := billing.New(m).Report(t.Context()); got != want || err != nil {
			t.Errorf("got report %q and error %v, want %q", got, err, want)
		}
	})
}

// This test does not see the order that the other test inserted.
func TestReportOfTheWeek(t *testing.T) {
	onDrivers(t, func(t *testing.T, _ *pgtest.Database, m *massive.DB) {
		const want = "friday 70\nsunday 50\n"
		if got, err := billing.New(m).Report(t.Context()); got != want || err != nil {
			t.Errorf("got report %q and error %v, want %q", got, err, want)
		}
	})
}
