// Pgx refreshes all materialized views through pgx/v5/stdlib. It is the smallest useful
// program.
//
//	go run ./examples/pgx "host=localhost dbname=shop"
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
		log.Fatal("usage: pgx DSN")
	}
	if err := refresh(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func refresh(ctx context.Context, dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	for _, v := range m.Matviews() {
		result, err := v.Refresh(ctx)
		if err != nil {
			return err
		}
		fmt.Println(v.Name(), result.Outcome, result.Mode)
	}
	return nil
}
