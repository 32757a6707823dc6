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

// A RefreshResult says what a refresh did: String.
type RefreshResult = registry.RefreshResult

// A RefreshMode is the way a view is refreshed: String.
type RefreshMode = registry.RefreshMode

// The modes and outcomes of a refresh.
const (
	ModeBlocking   = registry.ModeBlocking
	ModeConcurrent = registry.ModeConcurrent

	OutcomeRefreshed   = registry.OutcomeRefreshed
	OutcomeEmptied     = registry.OutcomeEmptied
	OutcomeSkippedBusy = registry.OutcomeSkippedBusy

	// Only views in a [RefreshReport] have these.
	OutcomeSkippedUpstream = registry.OutcomeSkippedUpstream
	OutcomeFailed          = registry.OutcomeFailed
	OutcomeCancelled       = registry.OutcomeCancelled
)

// Blockers are what keeps a view from being refreshed, as CheckRefresh of a [Matview] returns them: Error, Unwrap. Each is a
// [dialect.Blocker], with the statement that fixes it.
type Blockers = registry.Blockers

// What a blocker is about.
const (
	BlockerNoUniqueIndex = dialect.BlockerNoUniqueIndex
	BlockerNoUsableIndex = dialect.BlockerNoUsableIndex
	BlockerNotPopulated  = dialect.BlockerNotPopulated
	BlockerNotAllowed    = dialect.BlockerNotAllowed
	BlockerOnStandby     = dialect.BlockerOnStandby
)

// Rows iterates over the rows that view's Select would read, in constant memory. T is a struct, a pointer to one, or, for a
// view of one column, a plain value. Each loop runs the statement again. An error ends the loop: it is the second value,
// beside a zero T. Errors are those of Select.
//
// A loop that ends early returns immediately on a *sql.DB: Rows cancels the statement, and the pool replaces its
// connection. On a *sql.Tx or *sql.Conn, Rows first reads the rest of the rows and throws it away. Put LIMIT into the tail
// if that would be many.
//
// During the loop a transaction or a connection can't do anything else. An operation on it returns [ErrInvalid]. With pgx
// an operation on a *sql.Conn waits forever, and one on a transaction may break it, so that only a rollback is left.
func Rows[T any](ctx context.Context, view Matview, tail string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var row, none T
		r, err := registry.ReadRows(ctx, view, &row, tail, args...)
		if err != nil {
			yield(none, err)
			return
		}
		defer r.Close()
		for {
			more, err := r.Next()
			if err != nil {
				yield(none, err)
				return
			}
			if !more || !yield(row, nil) {
				return
			}
		}
	}
}
