package postgres_test

import (
	"fmt"

	"github.com/massivedb/massive-go/dialect/postgres"
)

// The dialect imports no driver. The same value works with every *sql.DB, *sql.Conn and
// *sql.Tx, opened by lib/pq or pgx.
func ExampleNew() {
	fmt.Println(postgres.New().Name())
	// Output: postgres
}
