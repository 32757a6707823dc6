package massive

import (
	"context"
	"iter"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A RefreshOption changes how a view is refreshed. It has no methods.
type RefreshOption = registry.RefreshOption

// Concurrently lets readers see the old rows during the refresh. It needs a populated view with a unique index on columns
// only and without WHERE.
func Concurrently() RefreshOption { return registry.Concurrently() }

// ConcurrentlyIfPossible refreshes as [Concurrently] does if the view, as it is now, is populated and has a unique index for
// it. Otherwise the refresh blocks readers. The result says which, and why. It takes one round trip and leaves a
// transaction alive, unless the new rows violate the index: that is found too late, and fails the refresh.
func ConcurrentlyIfPossible() RefreshOption { return registry.ConcurrentlyIfPossible() }

// WithNoData empties the view. It frees the view's space, and the view can't be read until the next refresh.
func WithNoData() RefreshOption { return registry.WithNoData() }

// LockTimeout sets how long the refresh waits for each lock before it fails with [ErrBusy]. It is more than zero and at most
// 24 days, and rounded up to milliseconds. It applies to this refresh only, also inside a transaction.
func LockTimeout(d time.Duration) RefreshOption { return registry.LockTimeout(d) }

// SkipIfBusy skips the refresh if another refresh of the view, of any client and mode, is running or waiting. The outcome is
// then [OutcomeSkippedBusy], and the error wraps [ErrBusy], immediately. A transaction lives on. If a hundred clients ask
// at the same moment, one refreshes. [registry.SkipIfBusy] says what may happen between the check and the lock, and which
// lock it holds.
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

// Blockers say what blocks a refresh, as CheckRefresh of a [Matview] returns them: Error, Unwrap. Each is a
// [dialect.Blocker], with the statement that fixes it.
type Blockers = registry.Blockers

// The reasons of a blocker.
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
