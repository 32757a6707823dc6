package dialect

import "context"

// A Savepointer marks points in a transaction that it can be taken back to
// (https://www.postgresql.org/docs/current/sql-savepoint.html). The querier is a transaction, and the name one of the
// library's own, of lower-case letters and underscores.
type Savepointer interface {
	// SetSavepoint marks a point. A further one of the same name hides it.
	SetSavepoint(ctx context.Context, q Querier, name string) error

	// RollbackToSavepoint takes back what the transaction did since the point, a failure included, lets go of the locks
	// that it took since, and forgets the point. A server may keep some to the transaction's end: Postgres keeps the one
	// that a sequence was opened with to take, set or restart its values.
	RollbackToSavepoint(ctx context.Context, q Querier, name string) error

	// ReleaseSavepoint forgets the point, and keeps what the transaction did since.
	ReleaseSavepoint(ctx context.Context, q Querier, name string) error
}
