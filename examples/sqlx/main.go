// Sqlx reads a view's rows into structs through a *sqlx.DB with its own mapper, which
// uses json tags.
//
//	go run ./examples/sqlx "host=localhost dbname=shop"
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// A Sale is a row of the view daily_sales (day, total).
type Sale struct {
	When  string `json:"day"`
	Total string `json:"total"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: sqlx DSN")
	}
	if err := best(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func best(ctx context.Context, dsn string) error {
	db, err := sqlx.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	db.Mapper = reflectx.NewMapperFunc("json", strings.ToLower)
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	view, err := m.Matview("daily_sales")
	if err != nil {
		return err
	}
	var sales []Sale
	if err := view.Select(ctx, &sales, "WHERE total > $1 ORDER BY total DESC LIMIT 3", 10); err != nil {
		return err
	}
	for _, s := range sales {
		fmt.Println(s.When, s.Total)
	}
	return nil
}
