package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func Example() {
	db, done := openPostgres()
	defer done()
	ctx := context.Background()

	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		log.Fatal(err)
	}
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	result, err := sales.Refresh(ctx, massive.Concurrently())
	fmt.Println(result.Outcome, result.Mode, err)

	status, err := m.Enum("order_status")
	fmt.Println(status.Values(), status.Contains("lost"), err)

	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	no, err := invoices.NextValue(ctx)
	fmt.Println(no, err)

	_, err = m.Matview("daily_sale")
	fmt.Println(err)
	// Output:
	// refreshed concurrent <nil>
	// [placed paid shipped] false <nil>
	// 1000 <nil>
	// massive: look up daily_sale: materialized view not found; did you mean public.daily_sales?
}

// A Day is a row of the materialized view daily_sales.
type Day struct {
	Day   string
	Total int
}

// shop returns the database of the examples, and its structures. The database is a fake,
// so that the examples run without a server. A program calls Load with a *sql.DB and
// postgres.New().
func shop() (*sqltest.Fake, *massive.DB) {
	fake := sqltest.New(shopCatalog)
	m, err := massive.Load(context.Background(), fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	return fake, m
}

var shopCatalog = sqltest.Catalog{
	Matviews: []sqltest.Matview{
		{
			Name: "daily_sales", Query: "SELECT day, sum(total) AS total FROM orders GROUP BY day",
			Rows: []Day{{"monday", 5}, {"tuesday", 7}}, Unique: []string{"day"},
			Select: func(string, []any) (any, error) { return []Day{{"tuesday", 7}}, nil },
		},
		{Name: "best_days", Rows: []Day{{"tuesday", 7}}, Reads: []string{"daily_sales"}},
		{Name: "stock", Rows: []Day{}},
	},
	Enums: []sqltest.Enum{{
		Name: "order_status", Labels: []string{"placed", "paid", "shipped"},
		UsedBy: []sqltest.EnumColumn{{Column: "orders.status"}},
	}},
	Sequences: []sqltest.Sequence{
		{Name: "invoice_no", Start: 1000},
		{Name: "batch_no", Increment: 100},
		{Name: "orders_id_seq", KeyOf: "orders.id", ColumnType: "integer", Holds: []int64{1, 2, 41}},
		{Name: "ticket_no", Max: 4},
	},
}

// inAnotherSession changes the database of the examples without the program's knowledge.
func inAnotherSession(fake *sqltest.Fake, changes ...sqltest.Change) {
	fake.Do(new(testing.T), changes...)
}

// openPostgres opens a Postgres database with a structure of each kind.
func openPostgres() (db *sql.DB, done func()) {
	ctx := context.Background()
	server, err := pgtest.Shared()
	if err != nil {
		log.Fatal(err)
	}
	database, err := server.CreateDatabase(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if db, err = sql.Open("pgx", database.DSN()); err != nil {
		log.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, `
		CREATE MATERIALIZED VIEW daily_sales AS SELECT 1 AS day, 2 AS total; CREATE UNIQUE INDEX ON daily_sales (day);
		CREATE TYPE order_status AS ENUM ('placed', 'paid', 'shipped');
		CREATE SEQUENCE invoice_no START 1000;`); err != nil {
		log.Fatal(err)
	}
	return db, func() {
		err := errors.Join(db.Close(), database.Drop(ctx))
		if err != nil {
			log.Fatal(err)
		}
	}
}
