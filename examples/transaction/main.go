// Transaction writes an invoice and takes its number in one transaction, through DB.With.
// A rollback undoes a reset of the sequence, but does not give back a number that was
// taken.
//
//	go run ./examples/transaction "host=localhost dbname=shop"
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: transaction DSN")
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	return invoice(ctx, db, m, "42.00")
}

// invoice inserts a row into the table invoices (no, total), with a number of the
// sequence invoice_no.
func invoice(ctx context.Context, db *sql.DB, m *massive.DB, total string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // no effect after the commit
	numbers, err := m.With(tx).Sequence("invoice_no")
	if err != nil {
		return err
	}
	no, err := numbers.NextValue(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO invoices (no, total) VALUES ($1, $2)", no, total); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	fmt.Println("invoice", no)
	return nil
}
