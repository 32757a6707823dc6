package mariadb_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	_ "github.com/go-sql-driver/mysql"

	"github.com/massivedb/massive-go/dialect/mariadb"
	"github.com/massivedb/massive-go/massive"
)

// The directory quickstart has a program that runs on a temporary server.
func ExampleNew() {
	ctx := context.Background()
	sqlDB, err := sql.Open("mysql", "user:password@tcp(localhost)/shop")
	if err != nil {
		log.Fatal(err)
	}
	db, err := massive.Load(ctx, sqlDB, mariadb.New())
	if err != nil {
		log.Fatal(err)
	}
	invoices, err := db.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	no, err := invoices.NextValue(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("invoice", no)
}
