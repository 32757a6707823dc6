package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func Example() {
	db, done := shop()
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
	// Output: refreshed concurrent <nil> [placed paid shipped] false <nil> 1000 <nil>
	// massive: look up daily_sale: materialized view not found; did you mean
	// public.daily_sales?
}

// Structures bound to a transaction: what it takes from a sequence stays taken, what it
// resets is undone with it.
func ExampleDB_With() {
	db, done := shop()
	defer done()
	ctx := context.Background()
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		log.Fatal(err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	inside, err := m.With(tx).Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	no, err := inside.NextValue(ctx)
	fmt.Println("inside:", no, err)
	if err := tx.Rollback(); err != nil {
		log.Fatal(err)
	}
	outside, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	no, err = outside.NextValue(ctx)
	fmt.Println("outside:", no, err)
	// Output:
	// inside: 1000 <nil>
	// outside: 1001 <nil>
}

// Errors are told apart by sentinel, under every driver.
func ExampleErrNoUniqueIndex() {
	db, done := shop()
	defer done()
	ctx := context.Background()
	m, err := massive.Load(ctx, db, postgres.New(), massive.Include("public.*"))
	if err != nil {
		log.Fatal(err)
	}
	best, err := m.Matview("best_days")
	if err != nil {
		log.Fatal(err)
	}
	_, err = best.Refresh(ctx, massive.Concurrently())
	if errors.Is(err, massive.ErrNoUniqueIndex) {
		result, err := best.Refresh(ctx)
		fmt.Println(result.Mode, err)
	}
	// Output:
	// blocking <nil>
}

// shop is a database with a structure of each kind.
func shop() (db *sql.DB, done func()) {
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
		CREATE MATERIALIZED VIEW best_days AS SELECT day FROM daily_sales;
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
