// Package querier distinguishes pools, connections and transactions by their methods. So
// it works for the types of database/sql and sqlx, and for types that wrap them.
package querier

import (
	"database/sql"
	"reflect"

	"github.com/jmoiron/sqlx"
)

// IsNil reports whether v is nil or an interface with a nil pointer.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// IsTransaction reports whether q has the methods Commit and Rollback, as *sql.Tx and
// *sqlx.Tx do.
func IsTransaction(q any) bool {
	_, ok := q.(interface {
		Commit() error
		Rollback() error
	})
	return ok && !IsNil(q)
}

// IsForeignTransaction reports whether q is a transaction that is neither a *sql.Tx nor a
// *sqlx.Tx. Such a type may send statements in its own way.
func IsForeignTransaction(q any) bool {
	switch q.(type) {
	case *sql.Tx, *sqlx.Tx:
		return false
	default:
		return IsTransaction(q)
	}
}

// A Pool is a pool of connections, such as a *sql.DB.
type Pool interface{ Stats() sql.DBStats }

// AsPool returns q as a pool, and whether it is one.
func AsPool(q any) (Pool, bool) {
	p, ok := q.(Pool)
	return p, ok && !IsNil(q)
}
