// Package dialect is the contract with a database plugin. It says how to read materialized views,
// enums and sequences out of a catalog, and how to work with each of them.
//
// A plugin implements [Dialect]: the three methods of its own, and one interface per kind. For each
// kind there is a struct whose methods return an [Unsupported] error: [NoMatviews], [NoEnums],
// [NoSequences], [NoTransactions]. [NoSign] belongs to [ChangeDetector]. A plugin embeds all five
// and overrides the methods that its database has. So it may lack one operation alone, and a later
// release can add a method without breaking it.
//
// A plugin returns plain data ([Catalog] and its definitions) and the driver's raw errors. The core
// validates input before it calls a plugin, and wraps errors afterwards. A plugin keeps no state
// per connection and is safe for concurrent use.
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

// A Dialect knows one database product. Embed [NoMatviews], [NoEnums], [NoSequences],
// [NoTransactions] and [NoSign] in a type that implements it.
type Dialect interface {
	// Name returns the product's name for messages: "postgres".
	Name() string

	// Load reads the structures of the kinds that f asks for, in all schemas that users can create,
	// from one consistent snapshot of the catalog. It may ignore the rest of f: the core applies the
	// patterns, so that it can say what they excluded. The Catalog belongs to the caller.
	//
	// If the server is another product, or too old, the error wraps [ErrUnsupported] and names the
	// server.
	Load(ctx context.Context, q Querier, f Filter) (*Catalog, error)

	// Classify maps f.Err to an error that wraps one of the package's sentinels, or returns nil if none
	// applies. Its text names the way out if one is known. It must not wrap f.Err, which the core does,
	// and must not query the database.
	Classify(f Failure) error

	MatviewDialect
	EnumDialect
	SequenceDialect
	TransactionDialect
	ChangeDetector
}

// A Failure is an operation that a plugin returned an error from.
type Failure struct {
	Op       Op
	Name     Name         // the structure's, zero where Op is [OpLoad]
	Matview  *MatviewDef  // as it was loaded, nil where Op is not about one
	Sequence *SequenceDef // likewise
	Enum     *EnumDef     // likewise
	Err      error        // as the plugin returned it
}

// An Op is what was being done when something failed, in words that go before a structure's name.
type Op string

// The operations of the library, as errors name them.
const (
	OpLoad                Op = "load"
	OpReload              Op = "reload"
	OpVerify              Op = "verify"
	OpWatch               Op = "watch"
	OpLookup              Op = "look up"
	OpAppend              Op = "append to"
	OpDefinition          Op = "read the definition of"
	OpRefresh             Op = "refresh"
	OpRefreshConcurrently Op = "refresh concurrently"
	OpRefreshIfPossible   Op = "refresh concurrently if possible"
	OpSelect              Op = "select from"
	OpCount               Op = "count the rows of"
	OpLastValue           Op = "last value of"
	OpNextValue           Op = "next value of"
	OpReset               Op = "reset"
	OpResetTo             Op = "reset to a value"
	OpRestart             Op = "restart"
	OpNextValues          Op = "next values of"
	OpNextBlock           Op = "next block of"
	OpSetValue            Op = "set the value of"
	OpExhaustion          Op = "look for exhaustion"
	OpLag                 Op = "compare with its column"
	OpCatchUp             Op = "catch up"
	OpAllocate            Op = "allocate from"
	OpPlan                Op = "plan refreshes"
	OpRefreshAll          Op = "refresh views"
)
