package orms

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestSQLX(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, driver string, database *pgtest.Database) {
		ctx := t.Context()
		sqlxDB := sqlx.NewDb(database.Open(t, driver), driver)

		db, err := massive.Load(ctx, sqlxDB, postgres.New())
		check(t, err)
		checkOperations(t, db, sqlxDB.Rebind("?"))

		checkTransaction(t, sqlxDB.DB, func(f func(in *massive.DB) error) error {
			tx, err := sqlxDB.BeginTxx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			order := Order{Day: "tuesday", Total: 7, Status: massive.EnumValue(Paid)}
			if _, err := tx.NamedExecContext(ctx, "INSERT INTO orders VALUES (:day, :total, :status)", order); err != nil {
				return err
			}
			if err := f(db.With(tx)); err != nil {
				return err
			}
			return tx.Commit()
		})

		sales, err := db.Matview("daily_sales")
		check(t, err)
		if n, err := sales.Count(ctx, "WHERE day = :day", "monday"); err == nil {
			t.Errorf("a named parameter in a tail: got %d rows, want an error", n)
		}

		var order Order
		if err := sqlxDB.GetContext(ctx, &order, "SELECT * FROM orders WHERE day = 'tuesday'"); err != nil || order.Status.V != Paid {
			t.Errorf("got %v, %v", order, err)
		}
	})
}
