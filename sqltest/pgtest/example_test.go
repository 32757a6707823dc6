package pgtest_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A program that wants a Postgres for as long as it runs.
func ExampleStart() {
	ctx := context.Background()
	server, err := pgtest.Start(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Stop()

	database, err := server.CreateDatabase(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer database.Drop(ctx) // only a server that somebody else runs would keep it

	db, err := sql.Open("pgx", database.DSN())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	var mood string
	err = db.QueryRowContext(ctx, `SELECT 'happy'`).Scan(&mood)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(mood)
	// Output: happy
}
