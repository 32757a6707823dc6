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

// A Refresh says how to refresh a materialized view. Its zero value refreshes with data and blocks
// readers. The core never sets NoData together with Concurrently or IfPossible, nor these two together.
type Refresh struct {
	Concurrently bool // readers aren't blocked
	IfPossible   bool // as Concurrently if the view is populated and has an index for it, else blocking
	NoData       bool // empty the view and leave it unpopulated

	// LockTimeout limits the wait for each lock, in whole milliseconds. After that the refresh fails
	// with [ErrBusy]. Zero leaves the limit to the session. The setting does not outlast the refresh.
	LockTimeout time.Duration
	// SkipIfBusy does nothing if another refresh of the view runs or waits: [Refreshed.Busy].
	SkipIfBusy bool
}

// Refreshed says how a refresh went that did not fail.
type Refreshed struct {
	Busy         bool // nothing was done: another refresh of the view runs or waits
	Waited       bool // nothing was done: the lock timeout ended the wait for a lock. Busy is true, too
	Concurrently bool // readers weren't blocked
	// Prevented says why a refresh with IfPossible blocked readers: BlockerNoUniqueIndex,
	// BlockerNoUsableIndex or BlockerNotPopulated. Otherwise it is 0.
	Prevented BlockerReason
}

// A Blocker blocks the refresh of a materialized view. It is an error that wraps the sentinel of the
// refresh that would fail.
type Blocker struct {
	Reason BlockerReason
	Detail string // the blocker in words
	Fix    string // the statement that removes it, or empty
}

// A BlockerReason says what a [Blocker] is about. Its zero value is none.
type BlockerReason int

// The reasons.
const (
	// BlockerNoUniqueIndex: a concurrent refresh needs a unique index, and there is none. [ErrNoUniqueIndex].
	BlockerNoUniqueIndex BlockerReason = iota + 1
	// BlockerNoUsableIndex: a concurrent refresh can't use any of the unique indexes, for example because
	// they are partial, on an expression or invalid. [ErrNoUniqueIndex].
	BlockerNoUsableIndex
	// BlockerNotPopulated: a concurrent refresh needs a view that has data. [ErrNotPopulated].
	BlockerNotPopulated
	// BlockerNotAllowed: the role lacks the right. [ErrPermission].
	BlockerNotAllowed
	// BlockerOnStandby: the server is a standby, which takes no changes of its own. [ErrReadOnly].
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

// Error tells the blocker and the statement that removes it, in at most [MaxText] bytes.
// A long statement is cut there; Fix has all of it.
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

// Unwrap returns the sentinel.
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
