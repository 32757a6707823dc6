package postgres_test

import (
	"fmt"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
)

// The dialect imports no driver: it works through whatever *sql.DB, *sql.Conn or *sql.Tx it is handed, opened by
// lib/pq or pgx, and one value serves all of them.
func ExampleNew() {
	d := postgres.New()
	fmt.Println(d.Name())

	_, refreshes := d.(dialect.MatviewRefresher)
	_, moves := d.(dialect.SequenceMover)
	fmt.Println("refreshes materialized views:", refreshes)
	fmt.Println("moves sequences:", moves)
	// Output:
	// postgres
	// refreshes materialized views: true
	// moves sequences: true
}
