// Package dialect is what a database plugin implements: how to read materialized views, enums and sequences
// out of a catalog, and how to work with each of them.
//
// A plugin implements [Dialect], and of the capability interfaces those that its database has:
// [MatviewReader], [MatviewRefresher], [RowChecker], [EnumReader], [EnumAlterer], [SequenceReader], [SequenceMover],
// [SequenceReserver], [SequenceSetter], [SequenceAuditor], [SequenceMender], [Savepointer],
// [ChangeDetector]. It returns plain data ([Catalog] and its definitions) and the driver's raw errors; the core validates
// input before it calls a plugin, and wraps errors after. A plugin keeps no state per connection and is safe for
// concurrent use.
//
// Programs that use the library don't need this package: they import massive and one plugin.
package dialect

import (
	"context"
	"database/sql"
	"time"
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

// A MatviewReader reads materialized views: their definitions and their rows.
type MatviewReader interface {
	// MatviewDefinition is the query that the view was made from, as the database prints it.
	MatviewDefinition(ctx context.Context, q Querier, view Name) (string, error)

	// SelectMatview is the statement, and its arguments, that reads the view's columns by name and in order,
	// followed by the caller's own tail (where, order by, limit …), which may be empty and whose placeholders
	// are the caller's.
	SelectMatview(view *MatviewDef, tail string, args []any) (query string, queryArgs []any)

	// CountMatview is the statement, and its arguments, that counts the rows which SelectMatview's returns: one
	// row of one integer.
	CountMatview(view *MatviewDef, tail string, args []any) (query string, queryArgs []any)
}

// A MatviewRefresher fills materialized views anew.
type MatviewRefresher interface {
	// RefreshMatview refreshes a view in that way, and says how it went. Where SkipIfBusy or IfPossible ask for it,
	// an outcome that is no error must leave a transaction that q is in alive.
	RefreshMatview(ctx context.Context, q Querier, view Name, how Refresh) (Refreshed, error)

	// RefreshBlockers are what, by the loaded picture, keeps the role from refreshing the view, or from
	// refreshing it concurrently. It does not talk to the database. Nil is nothing.
	RefreshBlockers(view *MatviewDef, on Server, concurrently bool) []Blocker
}

// Refresh is how a materialized view is to be refreshed. Its zero value refreshes with data and blocks readers.
// The core sees to it that NoData is never set beside Concurrently or IfPossible, and only one of these two.
type Refresh struct {
	Concurrently bool // readers go on meanwhile
	IfPossible   bool // as Concurrently where the view is populated and has an index for it, else blocking
	NoData       bool // empty the view and leave it unpopulated

	// LockTimeout is how long each lock is waited for, in whole milliseconds; then it fails with [ErrBusy]. Zero
	// leaves that to the session. No such setting outlasts the refresh.
	LockTimeout time.Duration
	// SkipIfBusy does nothing where another refresh of the view runs or waits to: [Refreshed.Busy].
	SkipIfBusy bool
}

// Refreshed is how a refresh went that did not fail.
type Refreshed struct {
	Busy         bool          // nothing was done, since another refresh of the view runs or waits to
	Waited       bool          // nothing was done, since a lock was not to be had in the time allowed; Busy is true, too
	Concurrently bool          // readers went on
	Prevented    BlockerReason // with IfPossible, what made it block: BlockerNoUniqueIndex, BlockerNoUsableIndex or NotPopulated; else 0
}

// A Blocker is something that keeps a materialized view from being refreshed. It is an error that wraps the
// sentinel of the refresh that it would make fail.
type Blocker struct {
	Reason BlockerReason
	Detail string // in words, what it is
	Fix    string // the statement that would mend it; empty where no statement does
}

// A BlockerReason says what a [Blocker] is about. Its zero value is none.
type BlockerReason int

// The reasons.
const (
	// BlockerNoUniqueIndex: a concurrent refresh needs a unique index, and there is none. [ErrNoUniqueIndex].
	BlockerNoUniqueIndex BlockerReason = iota + 1
	// BlockerNoUsableIndex: there are unique indexes, but only ones that a concurrent refresh can't use: partial, on an
	// expression, invalid … [ErrNoUniqueIndex].
	BlockerNoUsableIndex
	// NotPopulated: a concurrent refresh needs a view that has data. [ErrNotPopulated].
	BlockerNotPopulated
	// NotAllowed: the role lacks the right. [ErrPermission].
	BlockerNotAllowed
	// OnStandby: the server is a standby, which takes no changes of its own. [ErrReadOnly].
	BlockerOnStandby
)

// String is the reason in words: "no unique index".
func (r BlockerReason) String() string {
	switch r {
	case BlockerNoUniqueIndex:
		return "no unique index"
	case BlockerNoUsableIndex:
		return "no usable unique index"
	case BlockerNotPopulated:
		return "not populated"
	case BlockerNotAllowed:
		return "not allowed"
	case BlockerOnStandby:
		return "on a standby"
	default:
		return "nothing"
	}
}

// Error tells the blocker and the statement that removes it, in at most [MaxText] bytes.
// A long statement is cut there; Mend has it whole.
func (h Blocker) Error() string {
	text := h.Reason.String()
	if h.Detail != "" {
		text += ": " + h.Detail
	}
	if h.Fix != "" {
		text += "; " + h.Fix
	}
	return Cut(text, MaxText)
}

// Unwrap is the sentinel.
func (h Blocker) Unwrap() error {
	switch h.Reason {
	case BlockerNoUniqueIndex, BlockerNoUsableIndex:
		return ErrNoUniqueIndex
	case BlockerNotPopulated:
		return ErrNotPopulated
	case BlockerNotAllowed:
		return ErrPermission
	case BlockerOnStandby:
		return ErrReadOnly
	default:
		return nil
	}
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
