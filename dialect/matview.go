package dialect

import (
	"context"
	"reflect"
	"time"
)

// A MatviewDialect reads and refreshes materialized views. [NoMatviews] has a default for
// each method.
type MatviewDialect interface {
	// MatviewDefinition returns the view's query as the database prints it. Errors:
	// [ErrNotFound].
	MatviewDefinition(ctx context.Context, q Querier, view Name) (string, error)

	// MatviewSize returns how many bytes the view uses, with its indexes. Errors:
	// [ErrNotFound].
	MatviewSize(ctx context.Context, q Querier, view Name) (int64, error)

	// SelectMatview returns the statement that reads the view, and its arguments. It does
	// not query the database. The statement selects view.Columns by name, in their order,
	// so that it fails if the view was recreated without one. The caller's tail (WHERE,
	// ORDER BY, LIMIT) follows the FROM clause. It may be empty. SelectMatview must not
	// change the tail's placeholders, and args are their values.
	//
	// Errors of the statement: [ErrNotFound], also for a missing column of view.Columns;
	// [ErrNotPopulated].
	SelectMatview(view *MatviewDef, tail string, args []any) (query string, queryArgs []any, err error)

	// CountMatview returns a statement that counts the rows of SelectMatview's statement,
	// and its arguments. The statement returns one row with one integer. Otherwise as
	// SelectMatview.
	CountMatview(view *MatviewDef, tail string, args []any) (query string, queryArgs []any, err error)

	// RefreshMatview refreshes the view and reports how. If how.SkipIfBusy or
	// how.IfPossible is set and there is no error, q's transaction can continue.
	//
	// Errors:
	//   - [ErrNotFound]
	//   - [ErrDuplicateRows] if a concurrent refresh finds rows that the unique index
	//     can't tell apart
	//   - [ErrNotPopulated] if the view reads a view without data, or if how.Concurrently
	//     is set and the view has no data itself
	//   - [ErrNoUniqueIndex] if how.Concurrently is set and no unique index is usable
	//   - [ErrUnsupported] for an option that the server or q does not support
	RefreshMatview(ctx context.Context, q Querier, view Name, how Refresh) (Refreshed, error)

	// RefreshBlockers returns everything in the loaded data that would block a refresh of
	// the view, or nil. If concurrently is set, that is a concurrent refresh. On is the
	// server of the same load. The core adds views without data that the view depends on.
	// RefreshBlockers does not query the database.
	RefreshBlockers(view *MatviewDef, on Server, concurrently bool) ([]Blocker, error)

	// CheckColumn returns why database/sql can't scan values of a column type into a
	// field type. If they fit, or if the dialect doesn't know, why is empty. The column
	// type is written as in [Column].Type. The field type is never a pointer, an
	// interface or a type with a Scan method. CheckColumn does not query the database.
	//
	// Known reports whether the dialect knows the column type. If it doesn't, and the
	// type has an enum's name, the core expects labels in the column.
	CheckColumn(column string, field reflect.Type) (why string, known bool, err error)

	LedgerDialect
}

// NoMatviews is the [MatviewDialect] of a database without materialized views. Its
// methods return an [Unsupported] error.
type NoMatviews struct{ NoLedger }

var _ MatviewDialect = NoMatviews{}

// MatviewDefinition returns an [Unsupported] error.
func (NoMatviews) MatviewDefinition(context.Context, Querier, Name) (string, error) {
	return "", Unsupported("print the queries of materialized views")
}

// MatviewSize returns an [Unsupported] error.
func (NoMatviews) MatviewSize(context.Context, Querier, Name) (int64, error) {
	return 0, Unsupported("read the sizes of materialized views")
}

// SelectMatview returns an [Unsupported] error.
func (NoMatviews) SelectMatview(*MatviewDef, string, []any) (string, []any, error) {
	return "", nil, Unsupported("read materialized views")
}

// CountMatview returns an [Unsupported] error.
func (NoMatviews) CountMatview(*MatviewDef, string, []any) (string, []any, error) {
	return "", nil, Unsupported("count the rows of materialized views")
}

// RefreshMatview returns an [Unsupported] error.
func (NoMatviews) RefreshMatview(context.Context, Querier, Name, Refresh) (Refreshed, error) {
	return Refreshed{}, Unsupported("refresh materialized views")
}

// RefreshBlockers returns an [Unsupported] error.
func (NoMatviews) RefreshBlockers(*MatviewDef, Server, bool) ([]Blocker, error) {
	return nil, Unsupported("refresh materialized views")
}

// CheckColumn returns an [Unsupported] error.
func (NoMatviews) CheckColumn(string, reflect.Type) (why string, known bool, err error) {
	return "", false, Unsupported("compare column types with Go types")
}

// A Refresh says how to refresh a materialized view. The zero Refresh fills the view with
// data and blocks readers. The core sets at most one of Concurrently, IfPossible and
// NoData. It does not set both Analyze and NoData.
type Refresh struct {
	// Concurrently refreshes without blocking readers. If the view can't be refreshed so,
	// the refresh fails.
	Concurrently bool
	// IfPossible refreshes as Concurrently if the view, as it is now, has data and a
	// usable unique index. Otherwise the refresh blocks readers.
	IfPossible bool
	// NoData empties the view and leaves it unpopulated.
	NoData bool
	// Analyze also collects the planner's statistics of the new rows, atomically with the
	// refresh. If that fails, the refresh fails and the view keeps its old rows.
	Analyze bool

	// LockTimeout limits the wait for each lock. After that the refresh fails with
	// [ErrBusy] or, with SkipIfBusy, is skipped. The dialect rounds it up to the server's
	// unit. Zero means that the session's own limit applies. The session's setting must
	// be unchanged afterwards.
	LockTimeout time.Duration
	// SkipIfBusy does nothing, and sets [Refreshed].Busy, if another refresh of the view
	// is running or waiting.
	SkipIfBusy bool

	// Record records the refresh in this ledger, in the refresh's own transaction. Nil
	// records nothing. NoData is recorded as a view without data.
	//
	// The dialect checks the ledger before the refresh, as CheckLedger does. If the check
	// fails, so does the refresh, unless Record.Optional is set. If the record can't be
	// written after that, the refresh succeeds without it: see [Refreshed].Recorded.
	Record *Ledger
	// IfOlder refreshes only if the view's rows are older than OlderThan, and otherwise
	// sets [Refreshed].Fresh. Record is set, NoData is not.
	//
	// The rows are older if AsOf is unknown or more than OlderThan before the statement
	// began. They are also older if that is true of DataAsOf and a refresh would improve
	// it, because the views that the view reads have been refreshed since.
	//
	// At most one such refresh of a view runs at a time. If another one is running, the
	// dialect waits for it and then looks again if Wait is set. Otherwise it sets
	// [Refreshed].Busy immediately. It returns [ErrUnsupported] in a transaction that
	// keeps one snapshot, since it could not see the record of another session.
	IfOlder   bool
	OlderThan time.Duration
	Wait      bool
}

// Refreshed is the result of a refresh without an error.
type Refreshed struct {
	// Busy means that the refresh was skipped, which only SkipIfBusy and IfOlder allow.
	Busy bool
	// Waited means, with Busy, that the refresh waited for a lock as long as the lock
	// timeout allows. With Fresh it means that another session's refresh was waited for.
	Waited bool
	// Fresh means that nothing was done, because the rows are not older than IfOlder
	// allows.
	Fresh bool
	// Recorded means that the ledger has a record of this refresh.
	Recorded bool
	// Concurrently means that readers were not blocked.
	Concurrently bool
	// Prevented says why a refresh with IfPossible blocked readers: BlockerNoUniqueIndex,
	// BlockerNoUsableIndex or BlockerNotPopulated. Otherwise it is 0.
	Prevented BlockerReason
}

// A Blocker is a reason why a refresh of a materialized view would fail. As an error it
// wraps the sentinel that the refresh would return.
type Blocker struct {
	Reason BlockerReason
	Detail string // more about the reason, in words; may be empty
	Fix    string // the SQL statement that removes the blocker; may be empty
}

// A BlockerReason is the kind of a [Blocker]. The zero BlockerReason means that nothing
// blocks.
type BlockerReason int

// The reasons, each with the sentinel that a Blocker wraps.
const (
	// BlockerNoUniqueIndex means that a concurrent refresh needs a unique index, and the
	// view has none: [ErrNoUniqueIndex].
	BlockerNoUniqueIndex BlockerReason = iota + 1
	// BlockerNoUsableIndex means that a concurrent refresh can't use any of the view's
	// unique indexes. For example, they are partial, on an expression or invalid:
	// [ErrNoUniqueIndex].
	BlockerNoUsableIndex
	// BlockerNotPopulated means that a concurrent refresh needs data, and the view has
	// none: [ErrNotPopulated].
	BlockerNotPopulated
	// BlockerNotAllowed means that the role lacks the right: [ErrPermission].
	BlockerNotAllowed
	// BlockerOnStandby means that the server is a read-only standby: [ErrReadOnly].
	BlockerOnStandby
)

// String returns the reason in words: "no unique index".
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

// Error returns the reason, the detail and the statement that removes the blocker. It
// cuts the text at [MaxText] bytes; Fix has the whole statement.
func (b Blocker) Error() string {
	text := b.Reason.String()
	if b.Detail != "" {
		text += ": " + b.Detail
	}
	if b.Fix != "" {
		text += "; " + b.Fix
	}
	return Cut(text, MaxText)
}

// Unwrap returns the sentinel of the reason.
func (b Blocker) Unwrap() error {
	switch b.Reason {
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
