// Package dialect is what a database plugin implements: how to read materialized views, enums and sequences
// out of a catalog, and how to work with each of them.
//
// A plugin implements [Dialect], and of the capability interfaces those that its database has:
// [MatviewReader], [MatviewRefresher], [SequenceReader], [SequenceMover]. It returns plain data ([Catalog]
// and its definitions) and the driver's raw errors; the core validates input before it calls a plugin, and
// wraps errors after. A plugin keeps no state per connection and is safe for concurrent use.
//
// Programs that use the library don't need this package: they import massive and one plugin.
package dialect

import (
	"context"
	"database/sql"
)

// A Querier runs statements: a *[sql.DB], *[sql.Conn] or *[sql.Tx], sqlx's types, or whatever wraps them.
// It is safe for concurrent use when the value behind it is.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

var (
	_ Querier = (*sql.DB)(nil)
	_ Querier = (*sql.Conn)(nil)
	_ Querier = (*sql.Tx)(nil)
)

// A Dialect knows one database product. What not every database has is a capability, an interface of its own
// that the core finds by assertion; an operation whose capability a dialect lacks gives [ErrUnsupported].
type Dialect interface {
	// Name is the product's, for messages: "postgres".
	Name() string

	// Load reads the structures of the kinds that f asks for, those of all schemas that users may have made,
	// from one consistent view of the catalog. It need not look at f otherwise: the core applies the patterns,
	// so that it can say what they left out. The Catalog belongs to the caller.
	//
	// A server which is another product, or too old, gives an error that wraps [ErrUnsupported] and names the
	// server.
	Load(ctx context.Context, q Querier, f Filter) (*Catalog, error)

	// Classify says what went wrong in the library's terms: an error that wraps one of the package's sentinels,
	// with the way out in its text where one is known, or nil for what is not known better than the driver's
	// own error says it. It must not wrap f.Err, which the core does, and must not talk to the database.
	Classify(f Failure) error
}

// A Failure is an operation that a plugin returned an error from.
type Failure struct {
	Op       Op
	Name     Name         // the structure's, zero where Op is [OpLoad]
	Matview  *MatviewDef  // as it was loaded, nil where Op is not about one
	Sequence *SequenceDef // likewise
	Err      error        // as the plugin returned it
}

// An Op is what was being done when something failed, in words that go before a structure's name.
type Op string

// The operations of the library, as errors name them.
const (
	OpLoad                Op = "load"
	OpReload              Op = "reload"
	OpLookup              Op = "look up"
	OpAppend              Op = "append to"
	OpDefinition          Op = "read the definition of"
	OpRefresh             Op = "refresh"
	OpRefreshConcurrently Op = "refresh concurrently"
	OpSelect              Op = "select from"
	OpLastValue           Op = "last value of"
	OpNextValue           Op = "next value of"
	OpReset               Op = "reset"
	OpResetTo             Op = "reset to a value"
	OpRestart             Op = "restart"
)

// A MatviewReader reads materialized views: their definitions and their rows.
type MatviewReader interface {
	// MatviewDefinition is the query that the view was made from, as the database prints it.
	MatviewDefinition(ctx context.Context, q Querier, view Name) (string, error)

	// SelectMatview is the statement, and its arguments, that reads the view's columns by name and in order,
	// followed by the caller's own tail (where, order by, limit …), which may be empty and whose placeholders
	// are the caller's.
	SelectMatview(view *MatviewDef, tail string, args []any) (query string, queryArgs []any)
}

// A MatviewRefresher fills materialized views anew.
type MatviewRefresher interface {
	RefreshMatview(ctx context.Context, q Querier, view Name, how Refresh) error
}

// Refresh is how a materialized view is to be refreshed. Its zero value refreshes with data and blocks readers.
// The core sees to it that Concurrently and NoData are never both set.
type Refresh struct {
	Concurrently bool // readers go on meanwhile
	NoData       bool // empty the view and leave it unpopulated
}

// A SequenceReader looks at sequences without moving them.
type SequenceReader interface {
	SequenceState(ctx context.Context, q Querier, seq Name) (SequenceState, error)
}

// SequenceState is where a sequence stands.
type SequenceState struct {
	// Last is the value that was handed out last, or, while Called is false, the one that will be next. With a
	// cache above 1 it is the last value reserved by any connection.
	Last int64
	// Called says that Last has been handed out. It is false for a new sequence and after a reset.
	Called bool
}

// A SequenceMover takes values from sequences and starts them over.
type SequenceMover interface {
	// NextSequenceValue reserves a value and returns it.
	NextSequenceValue(ctx context.Context, q Querier, seq Name) (int64, error)

	// RestartSequence makes the value at the next one, or, if at is nil, the sequence's declared start. It is
	// undone with the transaction that it runs in.
	RestartSequence(ctx context.Context, q Querier, seq Name, at *int64) error
}
