package orms

import (
	"reflect"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestEnt(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, driver string, database *pgtest.Database) {
		ctx := t.Context()
		drv := entsql.OpenDB(dialect.Postgres, database.Open(t, driver))
		// client := ent.NewClient(ent.Driver(drv))

		sqlDB := drv.DB()
		db, err := massive.Load(ctx, sqlDB, postgres.New())
		check(t, err)
		checkOperations(t, db, "$1")

		checkTransaction(t, sqlDB, func(f func(in *massive.DB) error) error {
			tx, err := sqlDB.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			inTx := entsql.NewDriver(dialect.Postgres, entsql.Conn{ExecQuerier: tx})
			// client := ent.NewClient(ent.Driver(inTx))
			insert, args := entsql.Dialect(dialect.Postgres).Insert("orders").
				Columns("day", "total", "status").Values("tuesday", 7, massive.EnumValue(Paid)).Query()
			if err := inTx.Exec(ctx, insert, args, nil); err != nil {
				return err
			}
			if err := f(db.With(tx)); err != nil {
				return err
			}
			return tx.Commit()
		})
	})
	// A transaction that ent began has no QueryRowContext.
	if reflect.TypeFor[*entsql.Tx]().Implements(reflect.TypeFor[massive.Querier]()) {
		t.Error("ent's own transaction is a querier")
	}
}
