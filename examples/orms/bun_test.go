package orms

import (
	"context"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestBun(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, driver string, database *pgtest.Database) {
		ctx := t.Context()
		bunDB := bun.NewDB(database.Open(t, driver), pgdialect.New())

		db, err := massive.Load(ctx, bunDB.DB, postgres.New())
		check(t, err)
		checkOperations(t, db, "$1")

		checkTransaction(t, bunDB.DB, func(f func(in *massive.DB) error) error {
			return bunDB.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				order := Order{Day: "tuesday", Total: 7, Status: massive.EnumValue(Paid)}
				if _, err := tx.NewInsert().Model(&order).Exec(ctx); err != nil {
					return err
				}
				return f(db.With(tx.Tx))
			})
		})

		var order Order
		if err := bunDB.NewSelect().Model(&order).Where("day = ?", "tuesday").Scan(ctx); err != nil || order.Status.V != Paid {
			t.Errorf("got %v, %v", order, err)
		}
	})
}

// TestBunAsQuerier passes Bun's own types: Bun's placeholders are then those of a tail.
func TestBunAsQuerier(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, driver string, database *pgtest.Database) {
		ctx := t.Context()
		bunDB := bun.NewDB(database.Open(t, driver), pgdialect.New())
		statements := &counter{}
		bunDB.AddQueryHook(statements)

		db, err := massive.Load(ctx, bunDB, postgres.New())
		check(t, err)
		checkOperations(t, db, "?")
		if statements.n == 0 {
			t.Error("Bun's hook saw no statement")
		}

		checkTransaction(t, bunDB.DB, func(f func(in *massive.DB) error) error {
			return bunDB.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?, ?, ?)", "tuesday", 7, "paid"); err != nil {
					return err
				}
				return f(db.With(tx))
			})
		})
	})
}

// A counter is a hook of Bun that counts statements.
type counter struct{ n int }

func (c *counter) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (c *counter) AfterQuery(context.Context, *bun.QueryEvent)                        { c.n++ }
