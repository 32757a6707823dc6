package dialect

import (
	"context"
	"reflect"
	"time"
)

// A MatviewDialect reads and refreshes materialized views. [NoMatviews] has a default for each
// method.
type MatviewDialect interface {
	// MatviewDefinition returns the query behind the view, as the database prints it.
	MatviewDefinition(ctx context.Context, q Querier, view Name) (string, error)

	// SelectMatview returns the statement that reads the view's columns by name and in order, and
	// its arguments. The caller's own tail (where, order by, limit …) follows the FROM clause. The
	// tail may be empty, and its placeholders are the caller's.
	SelectMatview(view *MatviewDef, tail string, args []any) (query string, queryArgs []any, err error)

	// CountMatview returns the statement that counts the rows of SelectMatview's statement, and its
	// arguments. It gives one row of one integer.
	CountMatview(view *MatviewDef, tail string, args []any) (query string, queryArgs []any, err error)

	// RefreshMatview refreshes the view and reports how it went. If SkipIfBusy or IfPossible is set,
	// an outcome without an error leaves q's transaction alive.
	RefreshMatview(ctx context.Context, q Querier, view Name, how Refresh) (Refreshed, error)

	// RefreshBlockers returns what blocks a refresh by the role, or a concurrent one. It goes by what
	// was loaded and does not query the database. Nil means that nothing blocks it.
	RefreshBlockers(view *MatviewDef, on Server, concurrently bool) ([]Blocker, error)

	// CheckColumn returns why database/sql can't scan values of a column of this type into a field
	// of that type. The column's type is as the catalog writes it. If the values fit, or if it isn't
	// known, why is empty. If known is false and the type has an enum's name, the core takes the
	// values for labels. The core asks neither for pointers, nor for types that scan by
	// themselves, nor for interfaces.
	CheckColumn(column string, field reflect.Type) (why string, known bool, err error)
}

// NoMatviews is the [MatviewDialect] of a database without materialized views. Its methods return
// an [Unsupported] error.
type NoMatviews struct{}

var _ MatviewDialect = NoMatviews{}

// MatviewDefinition returns an [Unsupported] error.
func (NoMatviews) MatviewDefinition(context.Context, Querier, Name) (string, error) {
	return "", Unsupported("print the queries of materialized views")
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
