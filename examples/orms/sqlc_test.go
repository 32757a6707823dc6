package orms

import (
	"errors"
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/examples/orms/shop"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestSQLC(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, driver string, database *pgtest.Database) {
		ctx := t.Context()
		sqlDB := database.Open(t, driver)

		queries := shop.New(sqlDB) // generated
		db, err := massive.Load(ctx, sqlDB, postgres.New(),
			massive.Expect(massive.EnumIs("order_status", shop.AllOrderStatusValues())))
		check(t, err)
		checkOperations(t, db, "$1")

		checkTransaction(t, sqlDB, func(f func(in *massive.DB) error) error {
			tx, err := sqlDB.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			order := shop.AddOrderParams{Day: "tuesday", Total: 7, Status: shop.OrderStatusPaid}
			if err := queries.WithTx(tx).AddOrder(ctx, order); err != nil {
				return err
			}
			if err := f(db.With(tx)); err != nil {
				return err
			}
			return tx.Commit()
		})

		database.Exec(t, "ALTER TYPE order_status ADD VALUE 'packed'")
		if _, err := db.Reload(ctx); !errors.Is(err, massive.ErrDrift) {
			t.Errorf("with a label that the generated code lacks: got %v, want ErrDrift", err)
		}
	})
}

// TestNativePGX holds that pgx's own types are not queriers, and that a *sql.DB can share
// their pool.
func TestNativePGX(t *testing.T) {
	t.Parallel()
	querier := reflect.TypeFor[massive.Querier]()
	for _, native := range []reflect.Type{reflect.TypeFor[pgx.Tx](), reflect.TypeFor[*pgx.Conn](), reflect.TypeFor[*pgxpool.Pool]()} {
		if native.Implements(querier) {
			t.Errorf("%s is a querier", native)
		}
	}
	database := pgtest.NewDatabase(t)
	database.Exec(t, schema)
	ctx := t.Context()
	pool, err := pgxpool.New(ctx, database.DSN())
	check(t, err)
	defer pool.Close()
	sqlDB := stdlib.OpenDBFromPool(pool) // for massive; queries := shop.New(pool)
	defer sqlDB.Close()
	db, err := massive.Load(ctx, sqlDB, postgres.New())
	check(t, err)
	checkOperations(t, db, "$1")

	checkTransaction(t, sqlDB, func(f func(in *massive.DB) error) error {
		conn, err := sqlDB.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		err = conn.Raw(func(driverConn any) error {
			native := driverConn.(*stdlib.Conn).Conn() // queries := shop.New(native)
			_, err := native.Exec(ctx, "INSERT INTO orders VALUES ('tuesday', 7, 'paid')")
			return err
		})
		if err != nil {
			return err
		}
		if err := f(db.With(tx)); err != nil {
			return err
		}
		return tx.Commit()
	})
}
