package massive

import (
	"context"
	"iter"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A RefreshOption changes how a view is refreshed. Each option may be given once. The type
// has no methods.
type RefreshOption = registry.RefreshOption

// Concurrently lets readers see the old rows during the refresh. It needs a populated
// view with a unique index on columns only and without WHERE.
func Concurrently() RefreshOption { return registry.Concurrently() }

// ConcurrentlyIfPossible refreshes concurrently if the view is populated and has a unique
// index for it, at the time of the refresh. Otherwise the refresh blocks readers. The
// result says which mode was used, and why. It takes one round trip and keeps a
// transaction usable. If the new rows violate the index, the refresh fails, since
// Postgres finds that too late.
func ConcurrentlyIfPossible() RefreshOption { return registry.ConcurrentlyIfPossible() }

// WithNoData empties the view and frees its space. The view can't be read until the next
// refresh.
func WithNoData() RefreshOption { return registry.WithNoData() }

// Analyze also collects the planner's statistics of the new rows, in the same message and
// transaction. It needs no other right than the refresh. If it fails, the refresh fails
// and the view keeps its old rows. After a blocking refresh, readers also wait for it.
// It contradicts [WithNoData].
func Analyze() RefreshOption { return registry.Analyze() }

// LockTimeout sets how long the refresh waits for each lock before it fails with
// [ErrBusy]. It must be more than zero and at most 24 days, and is rounded up to
// milliseconds. It applies to this refresh only, also inside a transaction.
func LockTimeout(d time.Duration) RefreshOption { return registry.LockTimeout(d) }

// SkipIfBusy skips the refresh if another refresh of the view is running or waiting, in
// any client and mode. Then the outcome is [OutcomeSkippedBusy] and the error wraps
// [ErrBusy], immediately. A transaction stays usable. If a hundred clients refresh at the
// same moment, one client does it. [registry.SkipIfBusy] documents the lock that it
// holds, and what can happen between the check and the lock.
func SkipIfBusy() RefreshOption { return registry.SkipIfBusy() }

// A RefreshResult says what a refresh did. Method: String.
type RefreshResult = registry.RefreshResult

// A RefreshMode is the way a view is refreshed. Method: String.
type RefreshMode = registry.RefreshMode

// The modes of a refresh.
const (
	// ModeBlocking blocks readers until the refresh is done.
	ModeBlocking = registry.ModeBlocking
	// ModeConcurrent lets readers see the old rows until the refresh is done.
	ModeConcurrent = registry.ModeConcurrent
)

// The outcomes of a refresh. Only views in a [RefreshReport] have one of the last three.
const (
	// OutcomeRefreshed means that the view has its new rows.
	OutcomeRefreshed = registry.OutcomeRefreshed
	// OutcomeEmptied means that the view has no rows and can't be read until the next
	// refresh.
	OutcomeEmptied = registry.OutcomeEmptied
	// OutcomeJoined means that the refresh of another call or session made the rows young
	// enough.
	OutcomeJoined = registry.OutcomeJoined
	// OutcomeFresh means that the rows were young enough, and nothing was done.
	OutcomeFresh = registry.OutcomeFresh
	// OutcomeSkippedBusy means that the view was busy, and nothing was done.
	OutcomeSkippedBusy = registry.OutcomeSkippedBusy
	// OutcomeSkippedUpstream means that a view that this view depends on was not
	// refreshed.
	OutcomeSkippedUpstream = registry.OutcomeSkippedUpstream
	// OutcomeFailed means that the refresh returned an error.
	OutcomeFailed = registry.OutcomeFailed
	// OutcomeCancelled means that the run ended before or during the refresh.
	OutcomeCancelled = registry.OutcomeCancelled
)

// Blockers lists what blocks a refresh; CheckRefresh of a [Matview] returns it. Each is a
// [dialect.Blocker], with the statement that fixes it. Methods: Error, Unwrap.
type Blockers = registry.Blockers

// The reasons of a [dialect.Blocker].
const (
	// BlockerNoUniqueIndex means that a concurrent refresh needs a unique index, and the
	// view has none.
	BlockerNoUniqueIndex = dialect.BlockerNoUniqueIndex
	// BlockerNoUsableIndex means that a concurrent refresh can't use any of the view's
	// unique indexes.
	BlockerNoUsableIndex = dialect.BlockerNoUsableIndex
	// BlockerNotPopulated means that the view, or a view that it reads, has no data.
	BlockerNotPopulated = dialect.BlockerNotPopulated
	// BlockerNotAllowed means that the role lacks the right.
	BlockerNotAllowed = dialect.BlockerNotAllowed
	// BlockerOnStandby means that the server is a standby.
	BlockerOnStandby = dialect.BlockerOnStandby
)

// Rows iterates over the rows that view's Select reads, in constant memory. T is a
// struct, a pointer to a struct or, for a view of one column, a plain value. Each loop
// runs the statement again. An error ends the loop: it is the second value, next to a
// zero T. The errors are those of Select.
//
// If a loop ends early on a *sql.DB, it returns immediately: Rows cancels the statement,
// and the pool replaces its connection. On a *sql.Tx or *sql.Conn, Rows reads the
// remaining rows and drops them. Put LIMIT into the tail if there may be many.
//
// During the loop, a transaction or connection can run nothing else; an operation on it
// returns [ErrInvalid]. With pgx, an operation on a *sql.Conn waits forever. With pgx, an
// operation on a transaction may break it, so that only a rollback is possible.
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
