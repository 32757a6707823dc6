package replace_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/replace"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func ExamplePlan() {
	ctx := context.Background()
	server, err := pgtest.Shared()
	if err != nil {
		log.Fatal(err)
	}
	database, err := server.CreateDatabase(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer database.Drop(ctx)
	db, err := sql.Open("pgx", database.DSN())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE orders (day date, total numeric);
CREATE MATERIALIZED VIEW daily AS SELECT day, sum(total) AS total FROM orders GROUP BY day;
CREATE UNIQUE INDEX ON daily (day);
CREATE MATERIALIZED VIEW best AS SELECT max(total) AS total FROM daily;
CREATE VIEW today AS SELECT total FROM daily WHERE day = current_date`); err != nil {
		log.Fatal(err)
	}

	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		log.Fatal(err)
	}
	r, err := replace.Plan(ctx, m, "daily", "SELECT day, sum(total) AS total, count(*) AS orders FROM orders GROUP BY day")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("rebuilt:", r.Rebuilt, "replaced:", r.Replaced)
	if _, err := r.Run(ctx); err != nil {
		log.Fatal(err)
	}
	changes, err := m.Reload(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changes)
	// Output:
	// rebuilt: [public.daily public.best] replaced: [public.today]
	// materialized view public.best changed: recreated
	// materialized view public.daily changed: recreated; columns [{day date} {total numeric}] → [{day date} {total numeric} {orders bigint}]
}
