package massive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/option"
	"github.com/massivedb/massive-go/internal/promptly"
	"github.com/massivedb/massive-go/internal/querier"
)

// A Policy says how old the rows of some views may be, for [DB.KeepFresh]. The zero value
// is invalid: TargetLag must be set.
type Policy struct {
	// Views has names or patterns, as for the option [Views]. If it is empty, the policy
	// is for all loaded views.
	Views []string
	// TargetLag is the age that the rows should not exceed, through everything that the
	// views read. It must be above 0.
	TargetLag time.Duration
	// Refresh has the options of each refresh. ConcurrentlyIfPossible suits most views.
	// SkipIfBusy is implied.
	Refresh []RefreshOption
	// MaxBackoff is the longest pause between attempts to refresh a view that fails. The
	// first pause is one second, and each failure doubles it. 0 means five minutes.
	MaxBackoff time.Duration
}

// defaultBackoff is the default of MaxBackoff. firstBackoff is the pause after the first
// failure.
const (
	defaultBackoff = 5 * time.Minute
	firstBackoff   = time.Second
)

// A KeepFreshOption changes how [DB.KeepFresh] works. Each option may be given once. The
// zero value is invalid.
type KeepFreshOption struct{ set option.Option[keeper] }

// KeepParallel lets up to n refreshes run at a time. Each refresh uses a connection of the
// pool, and reading the ledger uses one more for a moment. So KeepFresh uses at most n + 1
// connections, and never more than the pool may open. The default is 1. With 1, a slow
// refresh delays the refreshes of all other views.
func KeepParallel(n int) KeepFreshOption {
	return KeepFreshOption{option.New("KeepParallel", func(k *keeper) error {
		if n < 1 {
			return fmt.Errorf("%w: %d is less than 1", ErrInvalid, n)
		}
		k.parallel = n
		return nil
	})}
}

// OnFreshness calls f for each event, one at a time, on the goroutine that called
// KeepFresh. Refreshes that run continue meanwhile, but no other begins. f may use the DB.
func OnFreshness(f func(FreshnessEvent)) KeepFreshOption {
	return KeepFreshOption{option.New("OnFreshness", func(k *keeper) error {
		if f == nil {
			return fmt.Errorf("%w: the function is nil", ErrInvalid)
		}
		k.report = append(k.report, func(_ context.Context, e FreshnessEvent) { f(e) })
		return nil
	})}
}

// LogFreshness logs the events that [OnFreshness] would get: failures at level Error, views
// that are behind at Warn, refreshes by other sessions at Debug, and others at Info. The
// handler gets the context of KeepFresh.
func LogFreshness(l *slog.Logger) KeepFreshOption {
	return KeepFreshOption{option.New("LogFreshness", func(k *keeper) error {
		if l == nil {
			return fmt.Errorf("%w: the logger is nil", ErrInvalid)
		}
		k.report = append(k.report, func(ctx context.Context, e FreshnessEvent) { e.log(ctx, l) })
		return nil
	})}
}

// KeepFresh keeps the rows of views younger than their target lags, until ctx is done. It
// returns ctx's error. Usually it runs in its own goroutine, in every replica of a
// program: the replicas share the work through the ledger, and refresh each view once. If
// a replica dies, another one takes over. It needs [WithLedger].
//
// A refresh begins so early that it ends within the target lag, judged by the duration of
// the last one. It begins no sooner than at half the lag, and a view is refreshed at most
// half of the time. So a view whose refresh takes longer than a third of its lag can't
// reach its target. KeepFresh reports that: see [FreshnessEvent].
//
// KeepFresh also keeps the views that the policies' views read, directly or indirectly,
// if the role may refresh them. Their lag is at most that of their readers. A view that no
// policy names has the options of its reader with the smallest lag. A view is refreshed
// after the views that it reads. It is not refreshed again while its rows are old only
// because those of a view that it reads are.
//
// KeepFresh reads the ledger with one statement for all views. It reads when a view is
// due, after each refresh, and eight times per smallest target lag, but at most ten times
// in a second and at least every 30 seconds. It follows reloads of m, for example by
// [DB.Watch]: views may come and go. It does not reload m itself.
//
// A view that fails is retried after a pause that grows up to MaxBackoff. The ledger
// counts the failures of all replicas. The other views don't wait. KeepFresh continues
// after restarts and failovers of the server if the querier is a *sql.DB, which
// reconnects.
//
// When ctx ends, KeepFresh cancels its refreshes and waits for their end. If the driver
// ignores the context, as lib/pq does while the network drops packets, KeepFresh returns a
// second later. The driver's call and its connection then last until the driver returns.
//
// Errors: [ErrInvalid] for a wrong policy or option, two different policies for one view,
// no ledger, or a querier that is a transaction; [ErrNotFound] for a name or pattern
// without a view; otherwise ctx's error.
func (m *DB) KeepFresh(ctx context.Context, policies []Policy, opts ...KeepFreshOption) error {
	k := &keeper{db: m, parallel: 1, views: map[Name]*kept{}, problems: map[string]Name{}, done: make(chan attempt)}
	if err := k.check(ctx, policies, opts); err != nil {
		return &Error{Op: dialect.OpKeepFresh, Err: err}
	}
	running, stop := context.WithCancel(ctx)
	defer func() { // also if a function of the caller panics
		stop()
		for ; k.running > 0; k.running-- {
			<-k.done
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			stop()
			for k.running > 0 {
				k.finish(ctx, <-k.done)
			}
			return &Error{Op: dialect.OpKeepFresh, Err: ctx.Err()}
		case a := <-k.done:
			k.finish(ctx, a)
		case <-timer.C:
		}
		if ctx.Err() == nil {
			timer.Reset(k.step(ctx, running))
		}
	}
}

// A keeper is one call of KeepFresh. One goroutine owns it. Refreshes run on other
// goroutines and send their results to it.
type keeper struct {
	db       *DB
	parallel int
	report   []func(context.Context, FreshnessEvent)
	policies []policy
	calls    promptly.Calls

	plan     keepPlan        // of the latest snapshot
	views    map[Name]*kept  // all that were kept since the beginning
	problems map[string]Name // the problems that were reported, with their views
	running  int
	done     chan attempt

	looked   time.Time     // when the latest reading ended
	lookTook time.Duration // how long it took
	nextLook time.Time
	lost     error // why the ledger can't be read, or nil
	losses   int   // failed readings in a row
}

// An attempt is the result of a refresh.
type attempt struct {
	view   *kept
	asOf   time.Time // of the reading before it
	start  time.Time
	result RefreshResult
	err    error
}

// check applies the options, and returns an error if the policies can't be followed.
func (k *keeper) check(ctx context.Context, policies []Policy, opts []KeepFreshOption) error {
	m := k.db
	switch err := contexts.Check(ctx); {
	case err != nil:
		return err
	case m.root().current.Load() == nil:
		return fmt.Errorf("%w: the DB is the zero value; call Load", ErrInvalid)
	case querier.IsNil(m.querier):
		return fmt.Errorf("%w: the querier is nil; use a DB that was loaded from a *sql.DB", ErrInvalid)
	case querier.IsTransaction(m.querier):
		return fmt.Errorf("%w: a transaction can't keep views fresh: it would stay open all the time; use a *sql.DB", ErrInvalid)
	case m.selection.Recorder.Ledger == nil:
		return errNoLedger()
	case len(policies) == 0:
		return fmt.Errorf("%w: no policy is given", ErrInvalid)
	}
	if err := option.Apply(k, "KeepFreshOption", opts, func(o KeepFreshOption) option.Option[keeper] { return o.set }); err != nil {
		return err
	}
	for i, given := range policies {
		p, err := newPolicy(given)
		if err != nil {
			return fmt.Errorf("policy %d: %w", i+1, err)
		}
		k.policies = append(k.policies, p)
	}
	var problems []problem
	k.plan, problems = newKeepPlan(m.Registry(), k.policies)
	if len(problems) > 0 {
		return problems[0].err
	}
	return nil
}

func (k *keeper) tell(ctx context.Context, e FreshnessEvent) {
	for _, f := range k.report {
		f(ctx, e)
	}
}

// The times between two readings of the ledger.
const (
	shortestLook = 20 * time.Millisecond // after a refresh
	shortestPoll = 100 * time.Millisecond
	longestPoll  = 30 * time.Second
	lookTimeout  = 10 * time.Second
	// After a failed reading.
	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// interval returns the time between two readings if no view is due.
func (k *keeper) interval() time.Duration {
	return min(max(k.plan.smallest/8, shortestPoll), longestPoll)
}

// again returns the pause before another look at a view that could not be refreshed now.
func (k *keeper) again(v *kept) time.Duration {
	return min(max(v.row.Took()/4, shortestPoll), k.interval())
}

// step reads the ledger if that is due, begins the refreshes that are due, and returns the
// time until the next step. Refreshes get the context running.
func (k *keeper) step(ctx, running context.Context) time.Duration {
	total, _ := parallelism(k.db.querier, k.parallel+1)
	looks := k.running < total && !time.Now().Before(k.nextLook)
	if looks {
		k.follow(ctx)
		k.look(ctx)
	}
	if ctx.Err() != nil {
		return 0
	}
	verdicts := k.plan.judge(time.Now(), k.views)
	if k.lost == nil {
		k.beginDue(running, verdicts, min(k.parallel, total))
	}
	if looks || k.running >= total { // older readings don't have the refreshes of others
		k.warn(ctx, verdicts)
	}
	if looks {
		wait := k.interval() - rand.N(k.interval()/8) //nolint:gosec // so that replicas don't read at the same time
		for _, v := range verdicts {
			if v.wait > 0 {
				wait = min(wait, v.wait)
			}
			if v.young { // report it when it no longer is
				wait = min(wait, v.left+time.Millisecond)
			}
		}
		if k.lost != nil {
			wait = min(firstRetry<<min(k.losses-1, 10), lastRetry, wait)
		}
		k.nextLook = k.looked.Add(max(wait, shortestLook))
	}
	if k.running >= total { // the end of a refresh causes the next step
		return k.interval()
	}
	return max(time.Until(k.nextLook), 0)
}

// beginDue begins the refreshes that are ready, the most overdue first.
func (k *keeper) beginDue(ctx context.Context, verdicts []*verdict, most int) {
	ready := slices.DeleteFunc(slices.Clone(verdicts), func(v *verdict) bool { return !v.ready })
	slices.SortStableFunc(ready, func(a, b *verdict) int { return cmp.Compare(b.overdue, a.overdue) })
	for _, v := range ready {
		if k.running >= most {
			v.because = reason{limited, fmt.Sprintf("%d other refreshes are running, and KeepParallel allows no more", k.running)}
			continue
		}
		k.begin(ctx, v)
	}
}

// begin begins a refresh, which judges the age again.
func (k *keeper) begin(ctx context.Context, v *verdict) {
	a := attempt{view: v.view, asOf: v.view.row.AsOf, start: time.Now()}
	k.running++
	v.view.running, v.view.busy = true, ""
	view, age, opts := v.view.target.view, v.age, v.view.target.opts
	go func() {
		a.result, a.err = promptly.Do(ctx, &k.calls, func(ctx context.Context) (RefreshResult, error) {
			return view.RefreshIfOlderThan(ctx, age-age/64, opts...) // even if the database's clock is slower
		})
		k.done <- a
	}()
}

// finish records the result of a refresh. The ledger is read again before the view's next
// refresh, and before that of its readers.
func (k *keeper) finish(ctx context.Context, a attempt) {
	k.running--
	v, now := a.view, time.Now()
	v.running, v.outdated = false, true
	if soon := k.looked.Add(max(shortestLook, 4*k.lookTook)); soon.Before(k.nextLook) {
		k.nextLook = soon
	}
	e := FreshnessEvent{View: v.target.view.Name(), Freshness: v.row, TargetLag: v.target.lag, Result: a.result, Err: a.err}
	switch {
	case a.err == nil && a.result.Outcome == OutcomeRefreshed:
		v.failures, v.own = 0, a.result.Recorded && v.row.AsOf.Equal(a.asOf)
		v.notBefore = a.start.Add(max(v.floor, 2*a.result.Duration))
		e.Kind = FreshnessRefreshed
	case a.err == nil: // another session was faster; usually the next reading shows it
		v.notBefore = now.Add(k.again(v))
		if v.row.AsOf.Equal(a.asOf) {
			return
		}
		e.Kind = FreshnessJoined
	case errors.Is(a.err, ErrBusy):
		v.notBefore, v.busy = now.Add(k.again(v)), reasonOf(a.err)
		return
	case ctx.Err() != nil: // the refresh was canceled
		return
	default:
		v.failures++
		v.failedAt, v.err = now, a.err
		e.Kind = FreshnessFailed
	}
	k.tell(ctx, e)
}

// look reads the ledger.
func (k *keeper) look(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	start := time.Now()
	rows, err := promptly.Do(within, &k.calls, k.plan.registry.Freshness)
	k.looked, k.lookTook = time.Now(), time.Since(start)
	switch {
	case err != nil && ctx.Err() != nil:
	case err != nil:
		if k.losses++; k.losses == 1 {
			k.tell(ctx, FreshnessEvent{Kind: FreshnessFailed, Err: err})
		}
		k.lost = err
	default:
		if k.lost != nil {
			k.lost, k.losses = nil, 0
			k.tell(ctx, FreshnessEvent{Kind: FreshnessRecovered})
		}
		k.note(ctx, rows, start)
	}
}

// note takes the rows of a reading that began at that time.
func (k *keeper) note(ctx context.Context, rows []dialect.Freshness, at time.Time) {
	k.plan.rows = make(map[Name]dialect.Freshness, len(rows))
	for _, row := range rows {
		k.plan.rows[row.Name] = row
	}
	k.plan.read = at
	for _, t := range k.plan.targets {
		if t == nil {
			continue
		}
		v, name := k.views[t.view.Name()], t.view.Name()
		row, exists := k.plan.rows[name]
		e := FreshnessEvent{View: name, Freshness: row, TargetLag: t.lag}
		switch {
		case !exists && !v.missing:
			v.missing = true
			if t.named != "" {
				e.Kind, e.Err = FreshnessFailed, fail(dialect.OpKeepFresh, name, fmt.Errorf("%w: the view was dropped or renamed", ErrNotFound))
			}
		case exists && v.missing:
			v.missing = false
			if t.named != "" {
				e.Kind = FreshnessRecovered
			}
		case exists && v.exists && row.ID == v.row.ID && row.AsOf.After(v.row.AsOf) && !v.own && !v.running:
			e.Kind = FreshnessJoined
		}
		v.take(row, exists, at)
		if e.Kind != 0 {
			k.tell(ctx, e)
		}
	}
}

// follow adapts the plan to a new snapshot.
func (k *keeper) follow(ctx context.Context) {
	r := k.db.Registry()
	if r != k.plan.registry {
		next, problems := newKeepPlan(r, k.policies)
		next.rows, next.read = k.plan.rows, k.plan.read
		k.plan = next
		k.tellProblems(ctx, problems)
	}
	for _, t := range k.plan.targets {
		if t == nil {
			continue
		}
		if v := k.views[t.view.Name()]; v != nil {
			v.target = t
		} else {
			k.views[t.view.Name()] = &kept{target: t, jitter: rand.Float64()} //nolint:gosec // see kept
		}
	}
}

// tellProblems reports the problems of a new plan, and those that have gone. A pattern
// without views is no problem, since views may come later.
func (k *keeper) tellProblems(ctx context.Context, problems []problem) {
	gone := maps.Clone(k.problems)
	for _, p := range problems {
		text := p.err.Error()
		delete(gone, text)
		if _, told := k.problems[text]; told || p.pattern || p.name != "" && k.missing(p.name) {
			continue
		}
		k.problems[text] = p.view
		k.tell(ctx, FreshnessEvent{Kind: FreshnessFailed, View: p.view, Err: fail(dialect.OpKeepFresh, p.view, p.err)})
	}
	for text, view := range gone {
		delete(k.problems, text)
		k.tell(ctx, FreshnessEvent{Kind: FreshnessRecovered, View: view})
	}
}

// missing reports whether a view that a policy names so was reported as missing.
func (k *keeper) missing(name string) bool {
	for _, v := range k.views {
		if v.missing && v.target.named == name {
			return true
		}
	}
	return false
}

// warn reports views that are behind their targets, and views that no longer are. While a
// view is behind, each reason is reported once.
func (k *keeper) warn(ctx context.Context, verdicts []*verdict) {
	for _, d := range verdicts {
		v := d.view
		e := FreshnessEvent{View: v.target.view.Name(), Freshness: d.now, TargetLag: v.target.lag}
		switch {
		case d.behind:
			if k.lost != nil {
				d.because = reason{unreachable, "the ledger can't be read: " + reasonOf(k.lost)}
			}
			if v.reported&d.because.cause != 0 || v.reported != 0 && d.because.cause == late {
				continue
			}
			v.reported |= d.because.cause
			e.Kind, e.Why = FreshnessBehind, d.because.text
		case d.young && v.reported != 0 && k.lost == nil:
			v.reported = 0
			e.Kind = FreshnessRecovered
		default:
			continue
		}
		k.tell(ctx, e)
	}
}
