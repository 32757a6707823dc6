// Afterrestore checks a database that was restored from a dump. It moves the sequences
// that are behind their tables, refreshes all views, and compares an enum with the
// program's labels.
//
//	go run ./examples/afterrestore "host=localhost dbname=shop"
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: afterrestore DSN")
	}
	db, err := sql.Open("pgx", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := repair(context.Background(), os.Stdout, db); err != nil {
		log.Fatal(err)
	}
}

func repair(ctx context.Context, out io.Writer, sqlDB *sql.DB) error {
	db, err := massive.Load(ctx, sqlDB, postgres.New())
	if err != nil {
		return err
	}
	lags, err := db.CatchUp(ctx)
	for _, moved := range lags.Behind {
		fmt.Fprintln(out, moved.Lag)
	}
	for _, unknown := range lags.Unknown {
		err = errors.Join(err, fmt.Errorf("%s: %w", unknown.Sequence, unknown.Err))
	}
	if err != nil {
		return err
	}
	report, err := db.RefreshAll(ctx, massive.RefreshWith(massive.Analyze()))
	for _, v := range report.Views {
		fmt.Fprintln(out, v.Name, v.Outcome)
	}
	labels := massive.EnumIs("status", []string{"placed", "packed", "paid"})
	return errors.Join(err, db.Verify(ctx, labels))
}
