// Pgxpool shares a pgxpool.Pool between pgx and massive. One transaction copies rows with
// pgx and refreshes a materialized view with massive.
//
//	go run ./examples/pgxpool "host=localhost dbname=shop"
package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: pgxpool DSN")
	}
	if err := run(context.Background(), os.Stdout, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, dsn string) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close() // after sqlDB.Close
	sqlDB := stdlib.OpenDBFromPool(pool)
	defer sqlDB.Close()
	db, err := massive.Load(ctx, sqlDB, postgres.New())
	if err != nil {
		return err
	}

	orders := [][]any{{"monday", 5}, {"tuesday", 50}, {"tuesday", 20}}
	if err := importOrders(ctx, out, sqlDB, db, orders); err != nil {
		return err
	}

	rows, err := pool.Query(ctx, "SELECT day || ' ' || total FROM daily_sales ORDER BY day")
	if err != nil {
		return err
	}
	days, err := pgx.CollectRows(rows, pgx.RowTo[string])
	fmt.Fprintln(out, days)
	return err
}

// importOrders copies rows into the table orders (day, total) and refreshes the view
// daily_sales, in one transaction.
func importOrders(ctx context.Context, out io.Writer, sqlDB *sql.DB, db *massive.DB, orders [][]any) error {
	conn, err := sqlDB.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil) // not pgx's Begin: a pgx.Tx is no querier
	if err != nil {
		return err
	}
	defer tx.Rollback() // no effect after the commit

	var copied int64
	if err := conn.Raw(func(driverConn any) (err error) {
		native := driverConn.(*stdlib.Conn).Conn() // the *pgx.Conn of tx
		copied, err = native.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"day", "total"}, pgx.CopyFromRows(orders))
		return err
	}); err != nil {
		return err
	}

	sales, err := db.With(tx).Matview("daily_sales")
	if err != nil {
		return err
	}
	result, err := sales.Refresh(ctx, massive.Analyze())
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d rows copied, %s %s\n", copied, sales.Name(), result.Outcome)
	return nil
}
