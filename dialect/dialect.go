// Package dialect is the contract between the library and a database plugin, called a
// dialect. Programs that use the library don't need this package: they import massive and
// one dialect.
//
// # Writing a dialect
//
// A dialect implements [Dialect]. Embed [NoMatviews], [NoEnums], [NoSequences],
// [NoTransactions] and [NoSign]. Then write Name, Load and Classify, and override each
// method that your database supports. The embedded methods return an [Unsupported] error,
// so that a dialect can lack a single operation. A later release may add methods: a
// dialect that embeds these types still compiles.
//
// Package sqltest/conformance tests a dialect against this contract. The comments
// describe the behavior of Postgres. Its Harness has a trait for each behavior that
// another database may have instead, for example a restart that no rollback undoes.
//
// # Inputs
//
// The core consists of packages massive and registry. It checks input before it calls a
// dialect:
//
//   - The context and the querier are never nil. The context may have ended.
//   - A [Name] parameter has its schema and comes from a [Catalog] of this dialect. Its
//     texts are valid UTF-8. The structure may have been dropped, renamed or recreated
//     since the load.
//   - A definition, such as a *[MatviewDef], comes from such a Catalog, too. The dialect
//     must not change it.
//   - A label parameter is valid UTF-8, contains no NUL byte, and has at most
//     [Server].MaxNameBytes bytes.
//   - Options do not contradict each other.
//
// # Queriers
//
// A [Querier] is a connection pool, a connection or the caller's transaction. Behind a
// transaction pooler, two statements outside a transaction may reach different sessions.
// So a dialect keeps no state per connection, prepares no statements, and leaves no
// settings behind. It never commits or rolls back the caller's transaction.
//
// # Errors
//
// A method returns the driver's error unchanged, or an error that wraps a sentinel of
// this package. The core passes it to [Dialect].Classify and adds the operation and the
// structure's name. It recognizes the end of the context and lost connections itself. If
// a method returns an error, the core ignores the other results.
//
// "Errors" in a method's comment lists the sentinels that the method's error must wrap
// after Classify. The following sentinels apply to every method that queries the
// database, and the lists omit them: [ErrPermission], [ErrReadOnly], [ErrBusy] for a lock
// timeout, [ErrDeadlock], [ErrServerTimeout], [ErrTxAborted] and [ErrUnavailable].
//
// # Concurrency
//
// A dialect is safe for concurrent use. The core calls it from many goroutines, with one
// querier or with several.
package dialect

import (
	"context"
	"database/sql"
)

// A Querier runs statements: a *[sql.DB], *[sql.Conn] or *[sql.Tx], one of sqlx's types,
// or a wrapper of such a value. It is safe for concurrent use if the value is.
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

// A Dialect implements the library's operations for one database product. The package
// comment says how to write one.
type Dialect interface {
	// Name returns the product's name for messages, for example "postgres".
	Name() string

	// Load reads all structures of the kinds that f selects, in all schemas except the
	// system's, and returns them as a new Catalog. The core owns the Catalog afterwards.
	// Load may ignore f.Include and f.Exclude: the core applies them, because it reports
	// the excluded structures.
	//
	// Load must read everything from one consistent snapshot. It must check
	// [sql.Rows.Err]: a lost connection must not shorten the Catalog.
	//
	// Errors: [ErrUnsupported], with the server's name and version in the text, if the
	// server is another product or too old.
	Load(ctx context.Context, q Querier, f Filter) (*Catalog, error)

	// Classify maps f.Err to an error that wraps one of this package's sentinels, or
	// returns nil if none applies. The text says how to fix the cause, if that is known.
	// Classify must not wrap f.Err and must not query the database. f.Err is never nil.
	Classify(f Failure) error

	MatviewDialect
	EnumDialect
	SequenceDialect
	TransactionDialect
	ChangeDetector
}

// A Failure is an operation that failed, for [Dialect].Classify.
type Failure struct {
	Op       Op
	Name     Name         // the structure's name; zero if Op is not on one structure
	Matview  *MatviewDef  // the view as it was loaded; nil if Op is not on a view
	Sequence *SequenceDef // the sequence as it was loaded; nil if Op is not on a sequence
	Enum     *EnumDef     // the enum as it was loaded; nil if Op is not on an enum
	Err      error        // the error of the dialect or of the driver
}

// An Op is the operation of an error. Its text precedes the structure's name in messages:
// "refresh public.daily".
type Op string

// The operations on a whole database, on materialized views and on sequences.
const (
	// OpLoad loads the structures of a database.
	OpLoad Op = "load"
	// OpReload loads the structures again.
	OpReload Op = "reload"
	// OpVerify compares the database with a program's expectations.
	OpVerify Op = "verify"
	// OpWatch polls for changes.
	OpWatch Op = "watch"
	// OpLookup finds a structure by name. It does not call the dialect.
	OpLookup Op = "look up"
	// OpAppend appends local labels to an enum. It does not call the dialect.
	OpAppend Op = "append to"
	// OpDefinition reads the query of a materialized view.
	OpDefinition Op = "read the definition of"
	// OpSize reads the size of a materialized view.
	OpSize Op = "read the size of"
	// OpRefresh refreshes a materialized view and blocks its readers.
	OpRefresh Op = "refresh"
	// OpRefreshConcurrently refreshes a materialized view without blocking its readers.
	OpRefreshConcurrently Op = "refresh concurrently"
	// OpRefreshIfPossible refreshes concurrently if the view allows it, else as
	// OpRefresh.
	OpRefreshIfPossible Op = "refresh concurrently if possible"
	// OpRefreshIfOlder refreshes a materialized view if its rows are older than a limit.
	OpRefreshIfOlder Op = "refresh if older"
	// OpKeepFresh keeps materialized views within a target lag.
	OpKeepFresh Op = "keep fresh"
	// OpFreshness reads how old the rows of materialized views are.
	OpFreshness Op = "read the freshness of"
	// OpLedger creates or checks the ledger of refreshes.
	OpLedger Op = "prepare the ledger"
	// OpSelect reads a materialized view's rows.
	OpSelect Op = "select from"
	// OpCount counts a materialized view's rows.
	OpCount Op = "count the rows of"
	// OpLastValue reads a sequence's state.
	OpLastValue Op = "last value of"
	// OpNextValue takes one value.
	OpNextValue Op = "next value of"
	// OpReset makes 1 the next value.
	OpReset Op = "reset"
	// OpResetTo makes a given value the next value.
	OpResetTo Op = "reset to a value"
	// OpRestart makes the declared start the next value.
	OpRestart Op = "restart"
	// OpNextValues takes several values in one call.
	OpNextValues Op = "next values of"
	// OpNextBlock takes one value that stands for a block.
	OpNextBlock Op = "next block of"
	// OpSetValue sets the last or next value, and a rollback does not undo it.
	OpSetValue Op = "set the value of"
	// OpExhaustion finds sequences that have used up most of their values.
	OpExhaustion Op = "look for exhaustion"
	// OpLag compares a sequence with the columns that draw on it.
	OpLag Op = "read the lag of"
	// OpCatchUp moves a sequence past the values in its columns.
	OpCatchUp Op = "catch up"
	// OpAllocate takes a value from an allocator.
	OpAllocate Op = "allocate from"
	// OpPlan plans the refresh of several views.
	OpPlan Op = "plan refreshes"
	// OpRefreshAll runs a plan.
	OpRefreshAll Op = "refresh views"
)
