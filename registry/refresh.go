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

// The modes. A refresh reports one of them.
const (
	// Blocking holds off readers until it is done.
	ModeBlocking RefreshMode = iota + 1
	// Concurrent lets readers see the old rows until it is done.
	ModeConcurrent
)

// String is "blocking" or "concurrent".
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

// A RefreshOutcome is what became of a refresh.
type RefreshOutcome int

// The outcomes. Those of a single refresh are Refreshed, Emptied and OutcomeSkippedBusy, and a failed one has none: it returns an
// error. The others are for views in a [RefreshReport].
const (
	// Refreshed: the view has its new rows.
	OutcomeRefreshed RefreshOutcome = iota + 1
	// Emptied: the view has no rows and can't be read until it is refreshed again.
	OutcomeEmptied
	// OutcomeSkippedBusy: nothing was done, since another refresh of the view was running or waiting to.
	OutcomeSkippedBusy
	// OutcomeSkippedUpstream: something that the view depends on was not refreshed.
	OutcomeSkippedUpstream
	// Failed: the refresh ended with an error.
	OutcomeFailed
	// Cancelled: the run ended before, or while, the view was refreshed.
	OutcomeCancelled
)

// String is the outcome in a word.
func (o RefreshOutcome) String() string {
	switch o {
	case OutcomeRefreshed:
		return "refreshed"
	case OutcomeEmptied:
		return "emptied"
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

// A RefreshResult says what a refresh did. After an error it is zero, but for the outcome OutcomeSkippedBusy, which comes with one.
type RefreshResult struct {
	Outcome RefreshOutcome
	Mode    RefreshMode // the one used; zero where the outcome is OutcomeSkippedBusy
	// Why that mode was used, in words: "the default", "asked for", "possible", "not concurrently: not populated".
	Why string
	// Prevented is what kept a refresh with ConcurrentlyIfPossible from being concurrent:
	// NotPopulated, BlockerNoUniqueIndex or BlockerNoUsableIndex. Else it is zero.
	Prevented dialect.BlockerReason
	// Duration is the time from the call to the end of the statement. It includes the wait
	// for a connection of the pool, and for locks.
	Duration time.Duration
}

// String is the result in a line: "refreshed in 20ms (blocking, the default)", or "not refreshed" for that of an error.
func (r RefreshResult) String() string {
	if r.Outcome == 0 {
		return "not refreshed"
	}
	took := r.Duration.Round(time.Microsecond)
	if r.Outcome == OutcomeSkippedBusy {
		return fmt.Sprintf("%s, after %v", r.Outcome, took)
	}
	return fmt.Sprintf("%s in %v (%s, %s)", r.Outcome, took, r.Mode, r.Why)
}

// A RefreshOption changes how a view is refreshed. Each may be given once. The zero value is refused.
type RefreshOption struct {
	set option.Option[dialect.Refresh]
}

// Concurrently lets readers go on with the old rows while the view is refreshed. It needs a unique index on
// columns only and without WHERE, and a view that is populated
// (https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html).
func Concurrently() RefreshOption {
	return RefreshOption{option.Set("Concurrently", func(r *dialect.Refresh) { r.Concurrently = true })}
}

// ConcurrentlyIfPossible refreshes as [Concurrently] does where the view, as it is now, is populated and has a unique
// index for it, and blocks readers where not: the result says which, and why. It is one round trip, and leaves a
// transaction alive whatever it finds. Rows that break the index are found too late, and fail it with
// [dialect.ErrDuplicateRows]; what the view's query fails with, fails it as it would in either mode, without keeping
// readers off. Only a transaction that is REPEATABLE READ or SERIALIZABLE sees the view as it was, and tries once more in
// the other mode then.
func ConcurrentlyIfPossible() RefreshOption {
	return RefreshOption{option.Set("ConcurrentlyIfPossible", func(r *dialect.Refresh) { r.IfPossible = true })}
}

// WithNoData empties the view: it gives its space back and can't be read until the next refresh.
func WithNoData() RefreshOption {
	return RefreshOption{option.Set("WithNoData", func(r *dialect.Refresh) { r.NoData = true })}
}

// LockTimeout is how long the refresh waits for each lock that it needs, the view's own and those of what the view
// reads, before it fails with [dialect.ErrBusy]: more than zero, at most 24 days, in milliseconds, rounded up. It holds
// for this refresh alone, in a transaction too; without it the session's lock_timeout holds
// (https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT).
func LockTimeout(d time.Duration) RefreshOption {
	return RefreshOption{option.New("LockTimeout", func(r *dialect.Refresh) error {
		if most := math.MaxInt32 * time.Millisecond; d <= 0 || d > most {
			return fmt.Errorf("%w: it is %v: give it more than zero, and at most %v", dialect.ErrInvalid, d, most)
		}
		r.LockTimeout = d
		return nil
	})}
}

// SkipIfBusy gives way to another refresh of the view, of whatever client and either mode, that is running or waiting
// to: nothing is done then, the outcome is [OutcomeSkippedBusy] and the error wraps [dialect.ErrBusy], at once. So does whatever else
// keeps readers off the view, such as altering it. A reader never makes it busy. A transaction that it is part of lives
// on.
//
// A hundred that ask at the same moment give one refresh. Somebody who doesn't give way, another program's REFRESH, may
// still come in between this look and the lock; then the refresh waits for it, as long as LockTimeout, or the session's,
// allows, and is skipped where that ends, as it is behind a reader whom it has waited for so long: the error says so. It holds an advisory lock of the transaction's for as long as it runs, in a
// transaction until that ends: classid 1835103091 (the letters "mass") and objid the view's oid in pg_locks.
func SkipIfBusy() RefreshOption {
	return RefreshOption{option.Set("SkipIfBusy", func(r *dialect.Refresh) { r.SkipIfBusy = true })}
}

// RefreshOptions returns what the options say together. Package massive uses it for plans. Error: [dialect.ErrInvalid].
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
		{how.Concurrently && how.IfPossible, "Concurrently and ConcurrentlyIfPossible", "one fails where the other blocks"},
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
	d, err := operation(ctx, m.access)
	if err != nil {
		return RefreshResult{}, fail(op, m.def.Name, err)
	}
	start := time.Now()
	done, err := d.RefreshMatview(ctx, m.querier, m.def.Name, how)
	if err != nil {
		return RefreshResult{}, m.explain(ctx, op, err)
	}
	result := refreshResult(how, done)
	result.Duration = time.Since(start)
	if done.Busy {
		why := "another refresh of it runs or waits, or it is being altered"
		if done.Waited {
			why = "a lock on it, or on what it reads, was not to be had within the lock timeout"
		}
		return result, fail(op, m.def.Name, fmt.Errorf("%w: %s; it was skipped, as SkipIfBusy asks", dialect.ErrBusy, why))
	}
	return result, nil
}

func refreshResult(how dialect.Refresh, done dialect.Refreshed) RefreshResult {
	if done.Busy {
		return RefreshResult{Outcome: OutcomeSkippedBusy}
	}
	r := RefreshResult{Outcome: OutcomeRefreshed, Mode: ModeBlocking, Why: "the default", Prevented: done.Prevented}
	if how.NoData {
		r.Outcome = OutcomeEmptied
	}
	if done.Concurrently {
		r.Mode, r.Why = ModeConcurrent, "asked for"
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

// Blockers are what keeps a view from being refreshed: at least one. [errors.Is] reaches the sentinel of each.
type Blockers []dialect.Blocker

func (hs Blockers) Error() string {
	return dialect.Few(hs, "; and ", dialect.Blocker.Error)
}

// Unwrap is each of them.
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
		return fail(op, m.def.Name, fmt.Errorf("%w: RefreshMode(%d) is none", dialect.ErrInvalid, int(mode)))
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

// emptyUpstream says that a view which another depends on has no data. The statement is
// the one that the dialect has for the upstream view itself.
func emptyUpstream(d dialect.Dialect, up *dialect.MatviewDef, on dialect.Server) dialect.Blocker {
	h := dialect.Blocker{Reason: dialect.BlockerNotPopulated, Detail: "it depends on " + up.Name.String() + ", which has no data"}
	blockers, _ := d.RefreshBlockers(up, on, true) // they only add the statement
	for _, own := range blockers {
		if own.Reason == dialect.BlockerNotPopulated {
			h.Fix = own.Fix
		}
	}
	return h
}

// OwnBlockers returns what keeps the view from being refreshed in the mode, as far as the snapshot tells, and apart from
// the views that it depends on. Package massive uses it for plans. Error: [dialect.ErrUnsupported].
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
