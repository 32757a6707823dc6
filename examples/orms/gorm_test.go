package orms

import (
	"database/sql"
	"errors"
	"testing"

	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// Order is a model of GORM, Bun and sqlx.
type Order struct {
	Day    string
	Total  int
	Status massive.EnumOf[Status]
}

func TestGORM(t *testing.T) {
	t.Parallel()
	for _, prepare := range []bool{false, true} {
		eachDriverNamed(t, map[bool]string{true: "prepare ", false: ""}[prepare], func(t *testing.T, driver string, database *pgtest.Database) {
			ctx := t.Context()
			gormDB, err := gorm.Open(gormpostgres.New(gormpostgres.Config{Conn: database.Open(t, driver)}), &gorm.Config{PrepareStmt: prepare})
			check(t, err)

			sqlDB, err := gormDB.DB()
			check(t, err)
			db, err := massive.Load(ctx, sqlDB, postgres.New())
			check(t, err)
			checkOperations(t, db, "$1")

			checkTransaction(t, sqlDB, func(f func(in *massive.DB) error) error {
				return gormDB.Transaction(func(tx *gorm.DB) error {
					order := Order{Day: "tuesday", Total: 7, Status: massive.EnumValue(Paid)}
					if err := tx.Create(&order).Error; err != nil {
						return err
					}
					return f(db.With(gormTx(tx)))
				})
			})

			var order Order
			if err := gormDB.Where("status = ? AND day = ?", massive.EnumValue(Paid), "tuesday").Take(&order).Error; err != nil || order.Status.V != Paid {
				t.Errorf("got %v, %v", order, err)
			}

			// In a nested transaction, GORM uses a savepoint of the same *sql.Tx.
			err = gormDB.Transaction(func(tx *gorm.DB) error {
				return tx.Transaction(func(nested *gorm.DB) error {
					if _, ok := gormTx(nested).(*sql.Tx); !ok || gormTx(nested) != gormTx(tx) {
						t.Error("a nested transaction has another *sql.Tx")
					}
					return nil
				})
			})
			check(t, err)

			// A pool that prepares each statement can't send several in one message.
			err = gormDB.Transaction(func(tx *gorm.DB) error {
				sales, err := db.With(tx.Statement.ConnPool).Matview("daily_sales")
				check(t, err)
				_, err = sales.Refresh(ctx, massive.SkipIfBusy())
				return err
			})
			if prepare != errors.Is(err, massive.ErrUnsupported) {
				t.Errorf("with PrepareStmt=%t, ConnPool itself: got %v", prepare, err)
			}
		})
	}
}

// gormTx returns the *sql.Tx of GORM's transaction, also if GORM prepares statements.
func gormTx(tx *gorm.DB) massive.Querier {
	if prepared, ok := tx.Statement.ConnPool.(*gorm.PreparedStmtTX); ok {
		return prepared.Tx
	}
	return tx.Statement.ConnPool
}
