package pgtest_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A program starts a Postgres server that runs until the program ends.
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
	defer database.Drop(ctx) // needed only on an external server

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
