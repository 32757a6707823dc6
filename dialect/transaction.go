package dialect

import "context"

// A TransactionDialect sets savepoints in the caller's transaction
// (https://www.postgresql.org/docs/current/sql-savepoint.html). [NoTransactions] has a
// default for each method. The core chooses the name, from lower-case letters and
// underscores.
type TransactionDialect interface {
	// SetSavepoint sets a savepoint.
	SetSavepoint(ctx context.Context, q Querier, name string) error

	// RollbackToSavepoint undoes everything since the savepoint and removes the
	// savepoint. A failed transaction becomes usable again. Locks taken since are
	// released, except those that the server keeps until the transaction ends: Postgres
	// keeps the lock of a sequence. If there is no such savepoint, it returns an error.
	RollbackToSavepoint(ctx context.Context, q Querier, name string) error

	// ReleaseSavepoint removes the savepoint and keeps everything done since. If there is
	// no such savepoint, it returns an error.
	ReleaseSavepoint(ctx context.Context, q Querier, name string) error
}

// NoTransactions is the [TransactionDialect] of a database without savepoints. Its
// methods return an [Unsupported] error.
type NoTransactions struct{}

var _ TransactionDialect = NoTransactions{}

const setSavepoints Unsupported = "set savepoints"

// SetSavepoint returns an [Unsupported] error.
func (NoTransactions) SetSavepoint(context.Context, Querier, string) error { return setSavepoints }

// RollbackToSavepoint returns an [Unsupported] error.
func (NoTransactions) RollbackToSavepoint(context.Context, Querier, string) error {
	return setSavepoints
}

// ReleaseSavepoint returns an [Unsupported] error.
func (NoTransactions) ReleaseSavepoint(context.Context, Querier, string) error { return setSavepoints }
