package postgres_test

import (
	"fmt"

	"github.com/massivedb/massive-go/dialect/postgres"
)

// The dialect imports no driver: it works through whatever *sql.DB, *sql.Conn or *sql.Tx
// it is handed, opened by lib/pq or pgx, and one value serves all of them.
func ExampleNew() {
	fmt.Println(postgres.New().Name())
	// Output: postgres
}
