package registry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/querier"
)

// A Recorder records the refreshes of a database's views in a ledger, and reports them.
// Registries with the same querier share it, so that concurrent calls share a refresh. Its
// fields must not change after the first use. A nil or zero Recorder does nothing.
type Recorder struct {
	Ledger    *dialect.Ledger                       // nil records nothing
	OnRefresh []func(context.Context, RefreshEvent) // called after each refresh

	mu      sync.Mutex
	flights map[flightKey]*flight
}

// A RefreshEvent is the end of a Refresh or RefreshIfOlderThan.
type RefreshEvent struct {
	View   dialect.Name
	Op     dialect.Op
	Start  time.Time
	Result RefreshResult
	Err    error // nil if the view is refreshed or fresh
}

// forked returns a Recorder for another querier.
func (r *Recorder) forked() *Recorder {
	if r == nil {
		return nil
	}
	return &Recorder{Ledger: r.Ledger, OnRefresh: r.OnRefresh}
}

func (r *Recorder) ledger() *dialect.Ledger {
	if r == nil {
		return nil
	}
	return r.Ledger
}

func (r *Recorder) report(ctx context.Context, e RefreshEvent) {
	if r == nil {
		return
	}
	for _, f := range r.OnRefresh {
		f(ctx, e)
	}
}

// CheckLedger checks that the recorder's ledger exists and is safe. Errors: those of
// [dialect.LedgerDialect], as an [*Error].
func CheckLedger(ctx context.Context, q dialect.Querier, d dialect.Dialect, r *Recorder) error {
	if err := d.CheckLedger(ctx, q, *r.Ledger); err != nil {
		return Explain(ctx, d, q, dialect.Failure{Op: dialect.OpLedger, Name: dialect.Name{Name: r.Ledger.Schema}, Err: err})
	}
	return nil
}

func errNoLedger() error {
	return fmt.Errorf("%w: no ledger records refreshes; create it with CreateLedger, and load with WithLedger", dialect.ErrInvalid)
}

// failureTime limits how long recording a failure takes.
const failureTime = 5 * time.Second

// recordFailure records a failed refresh, and reports whether it did. A failure of the
// statement that records is not reported: the caller gets the error of the refresh.
func (m *matview) recordFailure(ctx context.Context, err error) bool {
	_, pooled := querier.AsPool(m.querier)
	if m.recorder.ledger() == nil || !pooled || contexts.Ended(ctx) != nil || errors.Is(err, dialect.ErrBusy) {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureTime)
	defer cancel()
	why := err
	if e := (*Error)(nil); errors.As(err, &e) {
		why = e.Err
	}
	return m.dialect.RecordFailure(ctx, m.querier, *m.recorder.Ledger, m.def.Name, dialect.Cut(why.Error(), dialect.MaxText)) == nil
}

// Freshness reads what the ledger knows about the loaded views, by schema and name. Views
// that were dropped since the load are missing. Errors: those of [Matview].Freshness.
func (r *Registry) Freshness(ctx context.Context) ([]dialect.Freshness, error) {
	all, err := r.access.freshness(ctx, dialect.Name{}, nil)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(f dialect.Freshness) bool {
		_, loaded := r.matviews.get(f.Name)
		return !loaded
	}), nil
}

func (m *matview) Freshness(ctx context.Context) (dialect.Freshness, error) {
	all, err := m.access.freshness(ctx, m.def.Name, []dialect.Name{m.def.Name})
	if err != nil {
		return dialect.Freshness{}, err
	}
	if len(all) == 0 {
		return dialect.Freshness{}, fail(dialect.OpFreshness, m.def.Name, dialect.ErrNotFound)
	}
	return all[0], nil
}

// freshness reads the freshness of these views, or of all views. Name is for errors.
func (a *access) freshness(ctx context.Context, name dialect.Name, views []dialect.Name) ([]dialect.Freshness, error) {
	d, err := operation(ctx, a)
	if err == nil && a.recorder.ledger() == nil {
		err = errNoLedger()
	}
	if err != nil {
		return nil, fail(dialect.OpFreshness, name, err)
	}
	all, err := d.Freshness(ctx, a.querier, *a.recorder.Ledger, views)
	if err != nil {
		return nil, explain(ctx, a, dialect.Failure{Op: dialect.OpFreshness, Name: name, Err: err})
	}
	return all, nil
}

func (m *matview) RefreshIfOlderThan(ctx context.Context, d time.Duration, opts ...RefreshOption) (RefreshResult, error) {
	start := time.Now()
	how, err := RefreshOptions(opts)
	if err == nil {
		_, err = operation(ctx, m.access)
	}
	switch {
	case err != nil:
	case d < 0:
		err = fmt.Errorf("%w: the age is %v, less than 0", dialect.ErrInvalid, d)
	case how.NoData:
		err = fmt.Errorf("%w: WithNoData empties the view", dialect.ErrInvalid)
	case m.recorder.ledger() == nil:
		err = errNoLedger()
	}
	if err != nil {
		return RefreshResult{}, fail(dialect.OpRefreshIfOlder, m.def.Name, err)
	}
	how.IfOlder = true
	w := wanted{m, how, start, d}
	var result RefreshResult
	switch _, pooled := querier.AsPool(m.querier); {
	case !pooled:
		w.how.Wait = !how.SkipIfBusy
		result, err = w.try(ctx)
	case how.SkipIfBusy:
		if result, _, err = w.look(ctx); err == nil && result.Outcome == 0 {
			result, err = w.try(ctx)
		}
	default:
		result, err = w.join(ctx)
	}
	if result.Outcome != 0 {
		result.Duration = time.Since(start)
	}
	m.recorder.report(ctx, RefreshEvent{m.def.Name, dialect.OpRefreshIfOlder, start, result, err})
	return result, err
}

// A wanted is one call of RefreshIfOlderThan.
type wanted struct {
	view   *matview
	how    dialect.Refresh
	called time.Time
	age    time.Duration // the rows may be so old when it was called
}

// youngEnough reports whether rows that are as of the moment t satisfy the call.
func (w wanted) youngEnough(t time.Time) bool { return !t.IsZero() && !t.Before(w.called.Add(-w.age)) }

// look reads the age of the rows. If they are young enough, the outcome is OutcomeFresh.
// The rows are as of asOf or later, by this process's clock; it is zero if unknown.
func (w wanted) look(ctx context.Context) (result RefreshResult, asOf time.Time, err error) {
	m, sent := w.view, time.Now()
	age, known, err := m.dialect.DataAge(ctx, m.querier, *m.recorder.Ledger, m.def.Name)
	if err != nil {
		return result, asOf, m.explain(ctx, dialect.OpRefreshIfOlder, err)
	}
	// The database computed the age after the statement was sent.
	if known {
		asOf = sent.Add(-age)
	}
	if w.youngEnough(asOf) {
		result.Outcome = OutcomeFresh
	}
	return result, asOf, nil
}

// try refreshes if the rows are older than the call allows. The database judges the age
// later than the call: the limit grows by that time.
func (w wanted) try(ctx context.Context) (RefreshResult, error) {
	w.how.OlderThan = w.age + min(time.Since(w.called), math.MaxInt64-w.age)
	return w.view.refresh(ctx, dialect.OpRefreshIfOlder, w.how)
}

// A flight is a refresh that several calls of this process wait for.
type flight struct {
	of      wanted // the first call
	cancel  context.CancelFunc
	waiting int // the calls; guarded by the recorder's mutex

	landed chan struct{} // closed when the following are set
	result RefreshResult
	err    error
	judged time.Time // a moment before the last try; the rows of a refresh are as of later
	asOf   time.Time // the rows are as of this moment or later, with everything that the view reads; zero if unknown
	taken  bool      // a call has returned the outcome of the flight itself; guarded by the recorder's mutex
}

// A flightKey identifies flights that are interchangeable, except for the age.
type flightKey struct {
	view dialect.Name
	how  dialect.Refresh
}

// join looks at the rows. If they are too old, it waits for a flight that satisfies the
// call, and begins one if there is none.
func (w wanted) join(ctx context.Context) (RefreshResult, error) {
	r := w.view.recorder
	key := flightKey{w.view.def.Name, w.how}
	for waited := false; ; waited = true {
		r.mu.Lock()
		f, first := r.flights[key], false
		if f == nil {
			r.mu.Unlock()
			result, asOf, err := w.look(ctx)
			if waited && result.Outcome == OutcomeFresh {
				result.Outcome = OutcomeJoined
			}
			if err != nil || result.Outcome != 0 {
				return result, err
			}
			r.mu.Lock()
			if f = r.flights[key]; f == nil {
				f, first = w.depart(ctx, key, asOf), true
			}
		}
		f.waiting++
		r.mu.Unlock()
		select {
		case <-f.landed:
		case <-ctx.Done():
			r.leave(key, f)
			return RefreshResult{}, w.view.explain(ctx, dialect.OpRefreshIfOlder, ctx.Err())
		}
		if f.err != nil {
			return f.result, f.err
		}
		if first || w.satisfiedBy(f) {
			return f.outcome(r, waited), nil
		}
	}
}

// depart begins a flight. The caller holds the recorder's mutex.
func (w wanted) depart(ctx context.Context, key flightKey, asOf time.Time) *flight {
	r := w.view.recorder
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{of: w, cancel: cancel, landed: make(chan struct{}), asOf: asOf}
	if r.flights == nil {
		r.flights = make(map[flightKey]*flight)
	}
	r.flights[key] = f
	go func() {
		defer cancel()
		f.fly(ctx)
		r.mu.Lock()
		if r.flights[key] == f {
			delete(r.flights, key)
		}
		r.mu.Unlock()
		close(f.landed)
	}()
	return f
}

// leave ends a call's wait. The last call cancels the flight and waits for its end.
func (r *Recorder) leave(key flightKey, f *flight) {
	r.mu.Lock()
	f.waiting--
	last := f.waiting == 0
	if last && r.flights[key] == f {
		delete(r.flights, key) // a later call must not join it
	}
	r.mu.Unlock()
	if last {
		f.cancel()
		<-f.landed
	}
}

// satisfiedBy reports whether a flight that another call began satisfies the call. A
// refresh does if it began after the call. Otherwise the rows that the flight found must be
// young enough for this call, too.
func (w wanted) satisfiedBy(f *flight) bool {
	return f.result.Outcome == OutcomeRefreshed && !w.called.After(f.judged) || w.youngEnough(f.asOf)
}

// outcome returns the result for one of the calls. One call gets the outcome of the flight
// itself; the others joined it.
func (f *flight) outcome(r *Recorder, waited bool) RefreshResult {
	if f.result.Outcome == OutcomeFresh {
		if waited {
			return RefreshResult{Outcome: OutcomeJoined}
		}
		return f.result
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.taken {
		return RefreshResult{Outcome: OutcomeJoined}
	}
	f.taken = true
	return f.result
}

// fly tries until the rows are young enough for the first call. While another session
// refreshes, it looks again and again: each look takes a connection for a moment only.
func (f *flight) fly(ctx context.Context) {
	w := f.of
	for {
		f.judged = time.Now()
		if f.result, f.err = w.try(ctx); f.result.Outcome != OutcomeSkippedBusy {
			return
		}
		pause := min(max(time.Since(w.called)/8, shortestPause), longestPause)
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done(): // the look fails
		}
		if f.result, f.asOf, f.err = w.look(ctx); f.err != nil {
			return
		}
		if f.result.Outcome == OutcomeFresh {
			f.result.Outcome = OutcomeJoined
			return
		}
	}
}

// The pauses between two looks while another session refreshes.
const (
	shortestPause = 10 * time.Millisecond
	longestPause  = time.Second
)
