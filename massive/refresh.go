package massive

import (
	"context"
	"iter"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A RefreshOption changes how a view is refreshed.
type RefreshOption = registry.RefreshOption

// Concurrently lets readers go on with the old rows while the view is refreshed. It needs a unique index on
// columns only and without WHERE, and a view that is populated.
func Concurrently() RefreshOption { return registry.Concurrently() }

// ConcurrentlyIfPossible refreshes as [Concurrently] does where the view, as it is now, is populated and has a unique
// index for it, and blocks readers where not: the result says which, and why. It is one round trip, and leaves a
// transaction alive whatever it finds; only rows that break the index are found too late, and fail it.
func ConcurrentlyIfPossible() RefreshOption { return registry.ConcurrentlyIfPossible() }

// WithNoData empties the view: it gives its space back and can't be read until the next refresh.
func WithNoData() RefreshOption { return registry.WithNoData() }

// LockTimeout is how long the refresh waits for each lock that it needs before it fails with [ErrBusy]: more than zero,
// at most 24 days, in milliseconds, rounded up. It holds for this refresh alone, in a transaction too.
func LockTimeout(d time.Duration) RefreshOption { return registry.LockTimeout(d) }

// SkipIfBusy gives way to another refresh of the view, of whatever client and either mode, that is running or waiting
// to: nothing is done then, the outcome is [OutcomeSkippedBusy] and the error wraps [ErrBusy], at once; a transaction lives on. A
// hundred that ask at the same moment give one refresh. [registry.SkipIfBusy] says what may still slip in between, and
// which lock it holds.
func SkipIfBusy() RefreshOption { return registry.SkipIfBusy() }

// What a refresh returns.
type (
	// A RefreshResult says what a refresh did.
	RefreshResult = registry.RefreshResult
	// A RefreshMode is the way it was done.
	RefreshMode = registry.RefreshMode
	// A RefreshOutcome is what became of the view.
	RefreshOutcome = registry.RefreshOutcome
)

// The modes and outcomes of a refresh.
const (
	ModeBlocking   = registry.ModeBlocking
	ModeConcurrent = registry.ModeConcurrent

	OutcomeRefreshed   = registry.OutcomeRefreshed
	OutcomeEmptied     = registry.OutcomeEmptied
	OutcomeSkippedBusy = registry.OutcomeSkippedBusy
)

// What keeps a view from being refreshed, as CheckRefresh tells it.
type (
	// Blockers are the error that has all of them.
	Blockers = registry.Blockers
	// A Blocker is one, with the statement that would mend it.
	Blocker = dialect.Blocker
	// A BlockerReason says what it is about.
	BlockerReason = dialect.BlockerReason
)

// The reasons.
const (
	BlockerNoUniqueIndex = dialect.BlockerNoUniqueIndex
	BlockerNoUsableIndex = dialect.BlockerNoUsableIndex
	BlockerNotPopulated  = dialect.BlockerNotPopulated
	BlockerNotAllowed    = dialect.BlockerNotAllowed
	BlockerOnStandby     = dialect.BlockerOnStandby
)

// Rows are the rows that view's Select would read, one at a time and in constant memory, however many there are: T is
// a struct, a pointer to one, or, for a view of one column, a plain value. The statement runs anew for each loop. An
// error ends the loop, as the second value beside a zero T; errors are those of Select.
//
// A loop that ends early returns at once on a *sql.DB: the statement is cancelled, at the price of its connection, which
// the pool replaces. On a *sql.Tx or *sql.Conn, which would not survive that, the rest of the rows is read and thrown
// away first; say LIMIT in the tail where that would be many.
//
// A transaction or a connection does nothing else before the loop is over: it is busy with the rows. An operation
// on it returns [ErrInvalid], but pgx waits forever if it is a *sql.Conn, and may break a transaction by the
// attempt, so that only a rollback is left.
func Rows[T any](ctx context.Context, view Matview, tail string, args ...any) iter.Seq2[T, error] {
	return registry.Rows[T](ctx, view, tail, args...)
}
