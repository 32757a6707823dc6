package querier_test

import (
	"database/sql"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/internal/querier"
)

type (
	wrapped     struct{ *sql.DB }
	transaction struct{ *sql.Tx }
	undone      struct{ *sql.DB } // which can be rolled back, and not committed
)

func (undone) Rollback() error { return nil }

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		q                          any
		isNil, pool, isTransaction bool
	}{
		{nil, true, false, false},
		{(*sql.DB)(nil), true, false, false},
		{(*sql.Tx)(nil), true, false, false},
		{&sql.DB{}, false, true, false},
		{&sqlx.DB{}, false, true, false},
		{wrapped{}, false, true, false},
		{&sql.Tx{}, false, false, true},
		{&sqlx.Tx{}, false, false, true},
		{transaction{}, false, false, true},
		{&sql.Conn{}, false, false, false},
		{&sqlx.Conn{}, false, false, false},
		{undone{}, false, true, false},
	} {
		if got := querier.IsNil(c.q); got != c.isNil {
			t.Errorf("%T is nil: %t", c.q, got)
		}
		if _, got := querier.AsPool(c.q); got != c.pool {
			t.Errorf("%T is a pool: %t", c.q, got)
		}
		if got := querier.IsTransaction(c.q); got != c.isTransaction {
			t.Errorf("%T is a transaction: %t", c.q, got)
		}
	}
}
