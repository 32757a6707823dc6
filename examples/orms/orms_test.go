package orms

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

const schema = `
CREATE TYPE order_status AS ENUM ('placed', 'paid');
CREATE SEQUENCE invoice_no START 1000;
CREATE TABLE orders (day text, total int, status order_status);
INSERT INTO orders VALUES ('monday', 5, 'paid');
CREATE MATERIALIZED VIEW daily_sales AS SELECT day, sum(total)::int AS total FROM orders GROUP BY day;
CREATE UNIQUE INDEX ON daily_sales (day);`

// Status is the type of the column orders.status.
type Status string

const (
	Placed Status = "placed"
	Paid   Status = "paid"
)

// Labels makes Status usable with massive.EnumOf.
func (Status) Labels() []Status { return []Status{Placed, Paid} }

// Daily is a row of the view daily_sales.
type Daily struct {
	Day   string
	Total int
}

// eachDriver runs a test with both drivers, each on a database of its own.
func eachDriver(t *testing.T, test func(t *testing.T, driver string, database *pgtest.Database)) {
	eachDriverNamed(t, "", test)
}

// eachDriverNamed is eachDriver with a prefix of the subtests' names.
func eachDriverNamed(t *testing.T, prefix string, test func(t *testing.T, driver string, database *pgtest.Database)) {
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(prefix+driver, func(t *testing.T) {
			t.Parallel()
			database := pgtest.NewDatabase(t)
			database.Exec(t, schema)
			test(t, driver, database)
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkOperations runs the operations that differ most in the messages that they send.
// The tail's placeholder is the driver's, or the wrapper's; the other one fails.
func checkOperations(t *testing.T, db *massive.DB, placeholder string) {
	t.Helper()
	ctx := t.Context()
	sales, err := db.Matview("daily_sales")
	check(t, err)
	result, err := sales.Refresh(ctx, massive.Concurrently(), massive.SkipIfBusy())
	if err != nil || result.Mode != massive.ModeConcurrent {
		t.Errorf("refresh: got %v, %v", result, err)
	}
	var rows []Daily
	if err := sales.Select(ctx, &rows, "WHERE total > "+placeholder+" ORDER BY day", 4); err != nil || len(rows) != 1 || rows[0] != (Daily{"monday", 5}) {
		t.Errorf("select: got %v, %v", rows, err)
	}
	other := map[string]string{"$1": "?", "?": "$1"}[placeholder]
	if n, err := sales.Count(ctx, "WHERE total > "+other, 4); err == nil {
		t.Errorf("count with the placeholder %s: got %d, want an error", other, n)
	}
	invoices, err := db.Sequence("invoice_no")
	check(t, err)
	if no, err := invoices.NextValue(ctx); err != nil || no != 1000 {
		t.Errorf("next value: got %d, %v, want 1000", no, err)
	}
	if numbers, err := invoices.NextValues(ctx, 3); err != nil || len(numbers) != 3 {
		t.Errorf("next values: got %v, %v", numbers, err)
	}
	status, err := massive.BindEnum[Status](db, "order_status")
	check(t, err)
	if added, err := status.EnsureValue(ctx, Paid); err != nil || added {
		t.Errorf("ensure value: got %t, %v, want no label added", added, err)
	}
}

// days returns the rows of the view, by another connection than a test's transaction.
func days(t *testing.T, pool *sql.DB) (n int) {
	t.Helper()
	check(t, pool.QueryRowContext(t.Context(), "SELECT count(*) FROM daily_sales").Scan(&n))
	return n
}

// errRollback rolls back a transaction that a function runs in.
var errRollback = errors.New("roll back")

// checkTransaction holds that run's function and the view's refresh use one transaction:
// the refresh has the order that add inserts, and the rollback undoes both. Run runs a
// function in a transaction, and rolls back if it returns an error.
func checkTransaction(t *testing.T, pool *sql.DB, run func(f func(in *massive.DB) error) error) {
	t.Helper()
	for _, end := range []error{errRollback, nil} {
		err := run(func(in *massive.DB) error {
			sales, err := in.Matview("daily_sales")
			if err != nil {
				return err
			}
			if _, err := sales.Refresh(t.Context(), massive.Concurrently()); err != nil {
				return err
			}
			if n, err := sales.Count(t.Context(), ""); err != nil || n != 2 {
				t.Errorf("in the transaction: got %d rows, %v, want 2", n, err)
			}
			if n := days(t, pool); n != 1 {
				t.Errorf("outside, before the commit: got %d rows, want 1", n)
			}
			return end
		})
		if !errors.Is(err, end) {
			t.Errorf("got %v, want %v", err, end)
		}
	}
	if n := days(t, pool); n != 2 {
		t.Errorf("after the commit: got %d rows, want 2", n)
	}
}
