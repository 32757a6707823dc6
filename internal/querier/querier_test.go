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
	undone      struct{ *sql.DB } // has Rollback and no Commit
)

func (undone) Rollback() error { return nil }

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		q                          any
		isNil, pool, isTransaction bool
		foreign                    bool
	}{
		{nil, true, false, false, false},
		{(*sql.DB)(nil), true, false, false, false},
		{(*sql.Tx)(nil), true, false, false, false},
		{&sql.DB{}, false, true, false, false},
		{&sqlx.DB{}, false, true, false, false},
		{wrapped{}, false, true, false, false},
		{&sql.Tx{}, false, false, true, false},
		{&sqlx.Tx{}, false, false, true, false},
		{transaction{}, false, false, true, true},
		{&sql.Conn{}, false, false, false, false},
		{&sqlx.Conn{}, false, false, false, false},
		{undone{}, false, true, false, false},
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
		if got := querier.IsForeignTransaction(c.q); got != c.foreign {
			t.Errorf("%T is a transaction of another type: %t", c.q, got)
		}
	}
}
