package registry

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/option"
)

// A RefreshMode is the way a view is refreshed.
type RefreshMode int

// The modes of a refresh.
const (
	// ModeBlocking blocks readers until the refresh is done.
	ModeBlocking RefreshMode = iota + 1
	// ModeConcurrent lets readers see the old rows until the refresh is done.
	ModeConcurrent
)

// String returns "blocking" or "concurrent".
func (m RefreshMode) String() string {
	switch m {
	case ModeBlocking:
		return "blocking"
	case ModeConcurrent:
		return "concurrent"
	default:
		return "no mode"
	}
}

// A RefreshOutcome says how a refresh ended.
type RefreshOutcome int

// The outcomes. OutcomeSkippedUpstream, OutcomeFailed and OutcomeCancelled occur only in
// reports of package massive. A single refresh that returns an error has no outcome,
// except for OutcomeSkippedBusy.
const (
	// OutcomeRefreshed means that the view has its new rows.
	OutcomeRefreshed RefreshOutcome = iota + 1
	// OutcomeEmptied means that the view has no data and can't be read until the next
	// refresh.
	OutcomeEmptied
	// OutcomeJoined means that RefreshIfOlderThan waited for a refresh by another call or
	// session, and the rows are young enough now.
	OutcomeJoined
	// OutcomeFresh means that RefreshIfOlderThan did nothing, because the rows were young
	// enough.
	OutcomeFresh
	// OutcomeSkippedBusy means that the refresh was skipped, because another refresh of
	// the view was running or waiting.
	OutcomeSkippedBusy
	// OutcomeSkippedUpstream means that the refresh was skipped, because a view that this
	// one depends on was not refreshed.
	OutcomeSkippedUpstream
	// OutcomeFailed means that the refresh returned an error.
	OutcomeFailed
	// OutcomeCancelled means that the run ended before or during the refresh.
	OutcomeCancelled
)

// String returns the outcome in a word.
func (o RefreshOutcome) String() string {
	switch o {
	case OutcomeRefreshed:
		return "refreshed"
	case OutcomeEmptied:
		return "emptied"
	case OutcomeJoined:
		return "joined"
	case OutcomeFresh:
		return "fresh"
	case OutcomeSkippedBusy:
		return "skipped: busy"
	case OutcomeSkippedUpstream:
		return "skipped"
	case OutcomeFailed:
		return "failed"
	case OutcomeCancelled:
		return "cancelled"
	default:
		return "no outcome"
	}
}

// A RefreshResult is the result of a refresh. After an error only Recorded is set, and
// the Outcome OutcomeSkippedBusy, which comes with an error.
type RefreshResult struct {
	Outcome RefreshOutcome
	Mode    RefreshMode // the mode that was used; zero if nothing was refreshed
	// Why says in words why the mode was used: "the default", "requested", "possible",
	// "not concurrently: not populated".
	Why string
	// Prevented says why a refresh with ConcurrentlyIfPossible was not concurrent:
	// BlockerNotPopulated, BlockerNoUniqueIndex or BlockerNoUsableIndex. Otherwise it is
	// zero.
	Prevented dialect.BlockerReason
	// Duration is the time from the call to the end of the statement. It includes the
	// wait for a connection of the pool and for locks.
	Duration time.Duration
	// Recorded means that the ledger has a record of this refresh or of its failure. A
	// failure in a transaction, by a lock or by the end of the context is not recorded.
	Recorded bool
}

// String returns the result in a line: "refreshed in 20ms (blocking, the default)". After
// an error it is "not refreshed".
func (r RefreshResult) String() string {
	if r.Outcome == 0 {
		return "not refreshed"
	}
	took := r.Duration.Round(time.Microsecond)
	if r.Mode == 0 {
		return fmt.Sprintf("%s, after %v", r.Outcome, took)
	}
	return fmt.Sprintf("%s in %v (%s, %s)", r.Outcome, took, r.Mode, r.Why)
}

// A RefreshOption changes how a view is refreshed. Each option may be given once. The
// zero value is invalid.
type RefreshOption struct {
	set option.Option[dialect.Refresh]
}

// Concurrently lets readers see the old rows during the refresh. The view must have data
// and a unique index on columns, without expressions and without WHERE
// (https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html).
func Concurrently() RefreshOption {
	return RefreshOption{option.Set("Concurrently", func(r *dialect.Refresh) { r.Concurrently = true })}
}

// ConcurrentlyIfPossible refreshes as [Concurrently] does if the view, as it is now, has
// data and a usable unique index. Otherwise the refresh blocks readers. [RefreshResult]
// has the mode and the reason. It takes one round trip, and a transaction can continue.
//
// If the new rows violate the index, the refresh fails with [dialect.ErrDuplicateRows]
// and does not retry in the other mode. Neither does it after an error of the view's
// query. A REPEATABLE READ or SERIALIZABLE transaction may see an old state of the view.
// If the concurrent refresh then fails, the refresh retries in the other mode.
func ConcurrentlyIfPossible() RefreshOption {
	return RefreshOption{option.Set("ConcurrentlyIfPossible", func(r *dialect.Refresh) { r.IfPossible = true })}
}

// WithNoData empties the view and frees its space. The view can't be read until the next
// refresh.
func WithNoData() RefreshOption {
	return RefreshOption{option.Set("WithNoData", func(r *dialect.Refresh) { r.NoData = true })}
}

// Analyze also runs ANALYZE on the view, in the same message and transaction
// (https://www.postgresql.org/docs/current/sql-analyze.html). So the planner never sees
// the new rows with the statistics of the old ones. It needs no right beyond that to
// refresh, and contradicts [WithNoData].
//
// The refresh and ANALYZE succeed or fail together: after an error the view has its old
// rows. If the right is revoked during the refresh, the error is [dialect.ErrPermission].
// [LockTimeout] applies to ANALYZE, too. After a blocking refresh, readers also wait for
// ANALYZE.
func Analyze() RefreshOption {
	return RefreshOption{option.Set("Analyze", func(r *dialect.Refresh) { r.Analyze = true })}
}

// LockTimeout limits how long the refresh waits for each lock, on the view and on the
// relations that it reads. After that it fails with [dialect.ErrBusy]. The limit is more
// than zero and at most 24 days, and is rounded up to milliseconds. It applies only to
// this refresh, also inside a transaction. Without it the session's lock_timeout applies
// (https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT).
func LockTimeout(d time.Duration) RefreshOption {
	return RefreshOption{option.New("LockTimeout", func(r *dialect.Refresh) error {
		if most := math.MaxInt32 * time.Millisecond; d <= 0 || d > most {
			return fmt.Errorf("%w: it is %v; it must be more than zero and at most %v", dialect.ErrInvalid, d, most)
		}
		r.LockTimeout = d
		return nil
	})}
}

// SkipIfBusy skips the refresh if another refresh of the view, of any client and mode, is
// running or waiting. Refresh then returns immediately, with [OutcomeSkippedBusy] and
// [dialect.ErrBusy]. The same happens if another statement blocks readers of the view,
// such as ALTER. A reader never makes the view busy. A transaction can continue.
//
// If a hundred clients refresh at the same moment, one refreshes and the others skip. A
// client without SkipIfBusy may start a REFRESH between the check and the lock. Then, or
// if a reader blocks the refresh, it waits as long as LockTimeout or the session's
// lock_timeout allows, and skips. The error has the reason.
//
// Until the refresh or the caller's transaction ends, SkipIfBusy holds an advisory lock:
// in pg_locks, classid 1835103091 (the letters "mass") and objid the view's oid.
func SkipIfBusy() RefreshOption {
	return RefreshOption{option.Set("SkipIfBusy", func(r *dialect.Refresh) { r.SkipIfBusy = true })}
}

// RefreshOptions combines the options. Package massive uses it for plans. Errors:
// [dialect.ErrInvalid].
func RefreshOptions(opts []RefreshOption) (dialect.Refresh, error) {
	var how dialect.Refresh
	if err := option.Apply(&how, "RefreshOption", opts, func(o RefreshOption) option.Option[dialect.Refresh] { return o.set }); err != nil {
		return how, err
	}
	for _, c := range []struct {
		given    bool
		and, why string
	}{
		{how.Concurrently && how.NoData, "Concurrently and WithNoData", "an emptied view can't be read"},
		{how.IfPossible && how.NoData, "ConcurrentlyIfPossible and WithNoData", "an emptied view can't be read"},
		{how.Analyze && how.NoData, "Analyze and WithNoData", "an emptied view has no rows to analyze"},
		{how.Concurrently && how.IfPossible, "Concurrently and ConcurrentlyIfPossible", "if a concurrent refresh is not possible, one fails and the other blocks readers"},
	} {
		if c.given {
			return how, fmt.Errorf("%w: options %s contradict each other: %s", dialect.ErrInvalid, c.and, c.why)
		}
	}
	return how, nil
}

func (m *matview) Refresh(ctx context.Context, opts ...RefreshOption) (RefreshResult, error) {
	how, err := RefreshOptions(opts)
	if err != nil {
		return RefreshResult{}, fail(dialect.OpRefresh, m.def.Name, err)
	}
	op := dialect.OpRefresh
	switch {
	case how.Concurrently:
		op = dialect.OpRefreshConcurrently
	case how.IfPossible:
		op = dialect.OpRefreshIfPossible
	}
	start := time.Now()
	result, err := m.refresh(ctx, op, how)
	m.recorder.report(ctx, RefreshEvent{m.def.Name, op, start, result, err})
	return result, err
}

// refresh runs one refresh, and records a failure.
func (m *matview) refresh(ctx context.Context, op dialect.Op, how dialect.Refresh) (RefreshResult, error) {
	d, err := operation(ctx, m.access)
	if err != nil {
		return RefreshResult{}, fail(op, m.def.Name, err)
	}
	how.Record = m.recorder.ledger()
	start := time.Now()
	done, err := d.RefreshMatview(ctx, m.querier, m.def.Name, how)
	if err != nil {
		err = m.explain(ctx, op, err)
		return RefreshResult{Recorded: m.recordFailure(ctx, err)}, err
	}
	result := refreshResult(how, done)
	result.Duration = time.Since(start)
	if done.Busy {
		why := "another refresh of it is running or waiting, or another session alters it"
		if done.Waited {
			why = "it waited for a lock, on it or on a relation that it reads, until the lock timeout"
		}
		return result, fail(op, m.def.Name, fmt.Errorf("%w: %s; SkipIfBusy skipped it", dialect.ErrBusy, why))
	}
	return result, nil
}

func refreshResult(how dialect.Refresh, done dialect.Refreshed) RefreshResult {
	switch {
	case done.Busy:
		return RefreshResult{Outcome: OutcomeSkippedBusy}
	case done.Fresh && done.Waited:
		return RefreshResult{Outcome: OutcomeJoined}
	case done.Fresh:
		return RefreshResult{Outcome: OutcomeFresh}
	}
	r := RefreshResult{
		Outcome: OutcomeRefreshed, Mode: ModeBlocking, Why: "the default", Prevented: done.Prevented, Recorded: done.Recorded,
	}
	if how.NoData {
		r.Outcome = OutcomeEmptied
	}
	if done.Concurrently {
		r.Mode, r.Why = ModeConcurrent, "requested"
	}
	if how.IfPossible {
		r.Why = "possible"
		if !done.Concurrently {
			r.Why = notConcurrently(done.Prevented)
		}
	}
	return r
}

func notConcurrently(why dialect.BlockerReason) string { return "not concurrently: " + why.String() }

// Blockers is the error of a refresh that is blocked, for at least one reason.
// [errors.Is] finds each reason's sentinel.
type Blockers []dialect.Blocker

func (hs Blockers) Error() string {
	return dialect.Few(hs, "; and ", dialect.Blocker.Error)
}

// Unwrap returns the blockers.
func (hs Blockers) Unwrap() []error {
	errs := make([]error, len(hs))
	for i, h := range hs {
		errs[i] = h
	}
	return errs
}

func (m *matview) CheckRefresh(mode RefreshMode) error {
	op := dialect.OpRefresh
	switch mode {
	case ModeBlocking:
	case ModeConcurrent:
		op = dialect.OpRefreshConcurrently
	default:
		return fail(op, m.def.Name, fmt.Errorf("%w: RefreshMode(%d) is not a mode; use ModeBlocking or ModeConcurrent", dialect.ErrInvalid, int(mode)))
	}
	if err := m.check(); err != nil {
		return fail(op, m.def.Name, err)
	}
	hs, err := m.dialect.RefreshBlockers(m.def, m.server, mode == ModeConcurrent)
	if err != nil {
		return m.explain(context.Background(), op, err)
	}
	for _, up := range m.network().unpopulated(m.def) {
		hs = append(hs, emptyUpstream(m.dialect, up, m.server))
	}
	if len(hs) > 0 {
		return fail(op, m.def.Name, Blockers(hs))
	}
	return nil
}

// emptyUpstream returns the blocker of a view that depends on a view without data. Its
// Fix is the dialect's statement for the upstream view.
func emptyUpstream(d dialect.Dialect, up *dialect.MatviewDef, on dialect.Server) dialect.Blocker {
	h := dialect.Blocker{Reason: dialect.BlockerNotPopulated, Detail: "it depends on " + up.Name.String() + ", which has no data"}
	blockers, _ := d.RefreshBlockers(up, on, true) // without them only the statement is missing
	for _, own := range blockers {
		if own.Reason == dialect.BlockerNotPopulated {
			h.Fix = own.Fix
		}
	}
	return h
}

// OwnBlockers returns everything in the snapshot that blocks a refresh of the view in the
// mode, except the views that it depends on. Package massive uses it for plans. Errors:
// [dialect.ErrUnsupported].
func OwnBlockers(view Matview, mode RefreshMode) ([]dialect.Blocker, error) {
	m, ok := view.(*matview)
	if !ok {
		return nil, nil
	}
	blockers, err := m.dialect.RefreshBlockers(m.def, m.server, mode == ModeConcurrent)
	if err != nil {
		return nil, m.explain(context.Background(), dialect.OpPlan, err)
	}
	return blockers, nil
}
