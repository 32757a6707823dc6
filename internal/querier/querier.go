// Package querier tells what kind of querier a program has handed over, by the methods that it has: those of database/sql
// and of sqlx, and whatever wraps them, are told in one way everywhere.
package querier

import (
	"database/sql"
	"reflect"

	"github.com/jmoiron/sqlx"
)

// IsNil tells whether there is nothing: it sees a nil pointer behind an interface, too.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// IsTransaction tells whether it can be committed and rolled back, as *sql.Tx and *sqlx.Tx can.
func IsTransaction(q any) bool {
	_, ok := q.(interface {
		Commit() error
		Rollback() error
	})
	return ok && !IsNil(q)
}

// IsForeignTransaction reports whether q is a transaction of a type other than database/sql's and
// sqlx's own: it may send statements in a way of its own.
func IsForeignTransaction(q any) bool {
	switch q.(type) {
	case *sql.Tx, *sqlx.Tx:
		return false
	default:
		return IsTransaction(q)
	}
}

// A Pool is many connections, as a *sql.DB is, and not one of them.
type Pool interface{ Stats() sql.DBStats }

// AsPool is q as a pool, if it is one.
func AsPool(q any) (Pool, bool) {
	p, ok := q.(Pool)
	return p, ok && !IsNil(q)
}
