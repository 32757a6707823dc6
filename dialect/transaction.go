package dialect

import "context"

// A TransactionDialect sets savepoints
// (https://www.postgresql.org/docs/current/sql-savepoint.html). [NoTransactions] has a default for
// each method. The querier is a transaction. The name is the library's own and consists of
// lower-case letters and underscores.
type TransactionDialect interface {
	// SetSavepoint sets a savepoint.
	SetSavepoint(ctx context.Context, q Querier, name string) error

	// RollbackToSavepoint undoes what the transaction did since the savepoint, a failure included,
	// and forgets the savepoint. It releases the locks that the transaction took since. A server may
	// keep some until the transaction ends: Postgres keeps the lock of a sequence whose values were
	// taken, set or restarted.
	RollbackToSavepoint(ctx context.Context, q Querier, name string) error

	// ReleaseSavepoint forgets the savepoint and keeps what the transaction did since.
	ReleaseSavepoint(ctx context.Context, q Querier, name string) error
}

// NoTransactions is the [TransactionDialect] of a database without savepoints. Its methods return
// an [Unsupported] error.
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
