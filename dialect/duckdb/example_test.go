//go:build cgo

package duckdb_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/massivedb/massive-go/dialect/duckdb"
	"github.com/massivedb/massive-go/massive"
)

// shop has an order that was inserted with a number of its own, as a restore does.
var shop = []string{
	"CREATE TYPE order_status AS ENUM ('placed', 'paid', 'shipped')",
	"CREATE SEQUENCE orders_id",
	"CREATE TABLE orders (id BIGINT PRIMARY KEY DEFAULT nextval('orders_id'), status order_status)",
	"CREATE SEQUENCE invoice_no START 1000",
	"CREATE TABLE invoices (no BIGINT UNIQUE DEFAULT nextval('invoice_no'), total DECIMAL(10, 2))",
	"INSERT INTO invoices VALUES (1005, 42)",
}

// A tour of a small shop, in memory.
func Example() {
	ctx := context.Background()
	db := must(sql.Open("duckdb", "")) // "shop.db" is a file
	defer db.Close()
	for _, statement := range shop {
		must(db.ExecContext(ctx, statement))
	}
	m := must(massive.Load(ctx, db, duckdb.New()))
	fmt.Println("database", m.Server().Database, "search path", m.SearchPath())
	for _, o := range m.Excluded() {
		fmt.Println("excluded:", o.Name, "because", o.Why)
	}

	status := must(massive.BindEnum[string](m, "order_status"))
	fmt.Println(status.Values(), status.Contains("lost"))
	_, err := status.EnsureValue(ctx, "lost")
	fmt.Println(err)

	invoices := must(m.Sequence("invoice_no"))
	fmt.Println("NextValue:", must(invoices.NextValue(ctx)))
	tx := must(db.BeginTx(ctx, nil))
	inside := must(m.With(tx).Sequence("invoice_no"))
	fmt.Println("in a transaction:", must(inside.NextValue(ctx)))
	if err := tx.Rollback(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("after its rollback:", must(invoices.NextValue(ctx)))
	fmt.Println("Lag:", must(invoices.Lag(ctx)))
	must(invoices.CatchUp(ctx))
	state := must(invoices.State(ctx))
	fmt.Println("after CatchUp, the next value is", state.Next)
	fmt.Println(invoices.ResetTo(ctx, 2000))

	// Output:
	// database memory search path [main]
	// excluded: main.orders_id because it is the key sequence of main.orders.id
	// [placed paid shipped] false
	// massive: add a label to main.order_status: not supported here: unsupported operation: the duckdb dialect can't add labels to enums, because existing columns keep their copies of the labels
	// NextValue: 1000
	// in a transaction: 1001
	// after its rollback: 1002
	// Lag: main.invoices.no is at 1005, and its sequence is behind: the next value is 1003
	// after CatchUp, the next value is 1006
	// massive: reset to a value main.invoice_no: not supported here: unsupported operation: the duckdb dialect can't restart sequences
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
