// Quickstart creates a small shop on a temporary MariaDB server. It uses the shop's
// sequence, and prints each step with its result.
//
//	go run ./quickstart                                            on a temporary server
//	go run ./quickstart -dsn "user:password@tcp(localhost)/shop"   lists the sequences of your database, and changes nothing
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"

	_ "github.com/go-sql-driver/mysql"

	"github.com/massivedb/massive-go/dialect/mariadb"
	"github.com/massivedb/massive-go/dialect/mariadb/internal/server"
	"github.com/massivedb/massive-go/massive"
)

// schema creates the shop. The last row was inserted with a number of its own, as a
// restore does.
var schema = []string{
	"CREATE DATABASE shop",
	"USE shop",
	"CREATE SEQUENCE orders_id NOCACHE",
	"CREATE TABLE orders (id bigint PRIMARY KEY DEFAULT NEXTVAL(orders_id), total decimal(10,2))",
	"CREATE SEQUENCE invoice_no START WITH 1000 NOCACHE",
	"CREATE TABLE invoices (no bigint UNIQUE DEFAULT NEXTVAL(invoice_no), total decimal(10,2))",
	"INSERT INTO orders (total) VALUES (19.90), (5.10)",
}

func main() {
	dsn := flag.String("dsn", "", "your database, to list its sequences (default: a temporary server)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *dsn); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, dsn string) error {
	if dsn != "" {
		return open(ctx, dsn, func(db *sql.DB) error {
			_, err := inspect(ctx, out, db)
			return err
		})
	}
	s, err := server.Start(ctx)
	if err != nil {
		return err
	}
	defer s.Stop()
	err = open(ctx, s.DSN(""), func(db *sql.DB) error {
		db.SetMaxOpenConns(1) // USE sets the database of one connection
		for _, statement := range schema {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return open(ctx, s.DSN("shop"), func(db *sql.DB) error { return walk(ctx, out, db) })
}

func open(ctx context.Context, dsn string, use func(db *sql.DB) error) error {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	return use(db)
}

// inspect prints the structures that were loaded.
func inspect(ctx context.Context, out io.Writer, db *sql.DB) (*massive.DB, error) {
	m, err := massive.Load(ctx, db, mariadb.New())
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "Database %s on MariaDB %s, as %s, search path %v\n", m.Server().Database, m.Server().Version, m.Server().User, m.SearchPath())
	for _, s := range m.Sequences() {
		def := s.Def()
		fmt.Fprintf(out, "  sequence %s: from %d by %d\n", s.Name(), def.Start, def.Increment)
	}
	for _, o := range m.Excluded() {
		fmt.Fprintf(out, "  excluded: %s %s, because %s\n", o.Kind, o.Name, o.Why)
	}
	return m, nil
}

// walk uses the shop's sequence.
func walk(ctx context.Context, out io.Writer, db *sql.DB) error {
	m, err := inspect(ctx, out, db)
	if err != nil {
		return err
	}
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		return err
	}
	next := func(when string, m *massive.DB) error {
		s, err := m.Sequence("invoice_no")
		if err != nil {
			return err
		}
		v, err := s.NextValue(ctx)
		if err == nil {
			fmt.Fprintf(out, "  NextValue%s: %d\n", when, v)
		}
		return err
	}
	fmt.Fprintln(out, "\nA sequence: invoice_no")
	if err := next("", m); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := next(" in a transaction that is rolled back", m.With(tx)); err != nil {
		return err
	}
	if err := tx.Rollback(); err != nil {
		return err
	}
	if err := next(" after the rollback, which does not give the value back", m); err != nil {
		return err
	}
	if err := invoices.ResetTo(ctx, 2000); err != nil {
		return err
	}
	state, err := invoices.State(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  ResetTo(2000): the next value is %d, and %d are left\n", state.Next, state.Remaining)
	if err := next(" after the reset", m); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "INSERT INTO invoices VALUES (2500, 42)"); err != nil {
		return err
	}
	lag, err := invoices.Lag(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  Lag after a row with its own number: %s\n", lag)
	if _, err := invoices.CatchUp(ctx); err != nil {
		return err
	}
	if err := next(" after CatchUp", m); err != nil {
		return err
	}
	_, err = invoices.LastValue(ctx)
	fmt.Fprintf(out, "  LastValue: %v\n", err)
	_, err = m.Sequence("orders_id")
	fmt.Fprintf(out, "  Another name: %v\n", err)
	return nil
}
