package massive

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/querier"
	"github.com/massivedb/massive-go/registry"
)

// Run refreshes the plan's views, each as soon as those that it depends on are done. If a view fails or is busy, Run skips
// the views that depend on it, also through views that the plan excludes, and goes on with the rest. With [StopOnError],
// and in a transaction without [Savepoints], a failure ends the run. It fails the transaction, so that its end undoes
// refreshes that the report has as done. When ctx ends, Run cancels the refreshes under way and begins no others. It
// returns when none is under way.
//
// A transaction keeps its locks until it ends. If it refreshes a view blocking, and then a view that reads it, a refresh of
// the second view elsewhere at the same time is a deadlock, also with a run on a pool: the server fails one of them with
// [ErrDeadlock]. The plan warns of it. It does not happen if the transaction refreshes with [Concurrently], or if all of
// them refresh with [SkipIfBusy].
//
// The error is nil if every view was refreshed. It joins the errors of the views that were not, busy ones included, and
// ctx's error if that ended the run; [errors.Is] finds each. The report has each by itself. If busy views are no failure,
// because another process refreshes them, use the report's Count(OutcomeFailed).
func (p *Plan) Run(ctx context.Context) (RefreshReport, error) {
	if err := contexts.Check(ctx); err != nil {
		return RefreshReport{}, fail(dialect.OpRefreshAll, dialect.Name{}, err)
	}
	if p.planning == nil {
		return RefreshReport{Parallel: 1}, nil
	}
	if err := registry.Check(p.planning.db.dialect, p.planning.db.querier); err != nil {
		return RefreshReport{}, fail(dialect.OpRefreshAll, dialect.Name{}, err)
	}
	r := newRun(p)
	r.follow(ctx)
	r.report.Duration = time.Since(r.report.Start)
	return r.report, r.err(ctx)
}

// A run is a plan that is being carried out. One goroutine has it; refreshes run on others, and send what came of them.
type run struct {
	plan   *Plan
	report RefreshReport
	waits  []int32 // of each node, how many it still waits for
	lost   []bool  // nodes that wait for one that was not refreshed
	ready  queue
	done   int
	ended  string // why no further refresh begins; empty while they do
	emit   func(Progress)
}

// A refreshed is what came of one refresh.
type refreshed struct {
	node   int32
	start  time.Time
	took   time.Duration
	result RefreshResult
	err    error
	fatal  bool // the transaction is of no more use
}

func newRun(p *Plan) *run {
	r := &run{
		plan: p, waits: make([]int32, len(p.network.views)), lost: make([]bool, len(p.network.views)),
		ready: queue{urgency: p.urgency}, emit: func(Progress) {},
	}
	r.report.Start = time.Now()
	r.report.Parallel, _ = parallelism(p.planning.db.querier, p.planning.parallel) // the pool's limit may have changed since
	r.report.Views = make([]ViewReport, len(p.steps))
	for i, n := range p.steps {
		mode, why, _ := foresee(p.network.views[n].Matview, p.planning.how)
		r.report.Views[i] = ViewReport{Name: p.network.views[n].Name, Mode: mode, Why: why}
	}
	return r
}

// follow carries out the plan and tells of it. On a pool it does the one beside the other, so that no refresh waits for a
// callback; elsewhere by turns, since a callback may use the one connection that there is.
func (r *run) follow(ctx context.Context) {
	callbacks := r.plan.planning.report
	tell := func(p Progress) {
		for _, f := range callbacks {
			f(ctx, p)
		}
	}
	if _, pooled := querier.AsPool(r.plan.planning.db.querier); len(callbacks) == 0 || !pooled {
		if len(callbacks) > 0 {
			r.emit = tell
		}
		r.carryOut(ctx)
		return
	}
	running, cancel := context.WithCancel(ctx)
	var news mailbox
	news.arrived = make(chan struct{}, 1)
	r.emit = news.put
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer news.close()
		r.carryOut(running)
	}()
	// A callback may panic, or end its goroutine as t.FailNow does: then the run ends, and this waits for it.
	defer func() {
		cancel()
		<-finished
	}()
	for news.take(tell) {
	}
}

// A mailbox keeps what is to be told until somebody listens.
type mailbox struct {
	mu      sync.Mutex
	waiting []Progress
	closed  bool
	arrived chan struct{} // holds one token where something has changed
}

func (m *mailbox) put(p Progress) {
	m.mu.Lock()
	m.waiting = append(m.waiting, p)
	m.mu.Unlock()
	m.signal()
}

func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.signal()
}

func (m *mailbox) signal() {
	select {
	case m.arrived <- struct{}{}:
	default:
	}
}

// take waits for something to tell, tells it, and says whether there may be more.
func (m *mailbox) take(tell func(Progress)) bool {
	<-m.arrived
	m.mu.Lock()
	all, more := m.waiting, !m.closed
	m.waiting = nil
	m.mu.Unlock()
	for _, p := range all {
		tell(p)
	}
	return more
}

// carryOut does the refreshes. When it returns each view has its outcome, and no refresh is under way.
func (r *run) carryOut(ctx context.Context) {
	results := make(chan refreshed)
	running := 0
	r.begin()
	for {
		for running < r.report.Parallel && r.ready.Len() > 0 && r.ended == "" {
			if contexts.Ended(ctx) != nil {
				r.ended = "the context ended"
				break
			}
			n := heap.Pop(&r.ready).(int32)
			running++
			v := r.view(n)
			v.Start = time.Now()
			r.emit(Progress{*v, r.done, len(r.report.Views)})
			go func() { results <- r.plan.refresh(ctx, n) }()
		}
		if running == 0 {
			break
		}
		res := <-results
		running--
		r.note(ctx, res)
	}
	for i := range r.report.Views {
		if v := &r.report.Views[i]; v.Outcome == 0 {
			v.Outcome, v.Reason = OutcomeCancelled, r.ended
			r.end(v)
		}
	}
}

// refresh does one refresh, within a savepoint where they were asked for.
func (p *Plan) refresh(ctx context.Context, n int32) (res refreshed) {
	const savepoint = "massive_refresh"
	view := p.network.views[n].Matview
	res = refreshed{node: n, start: time.Now()}
	defer func() { res.took = time.Since(res.start) }()
	if !p.planning.savepoints {
		res.result, res.err = view.Refresh(ctx, p.planning.refresh...)
		// A transaction lives on only where the server was asked and found the view busy, without an error of its own. One
		// that a program runs by hand on a connection is known by what it says once it has failed.
		left := errors.Is(res.err, dialect.ErrBusy) && !registry.Answered(res.err)
		res.fatal = res.err != nil && !left && querier.IsTransaction(p.planning.db.querier) || errors.Is(res.err, dialect.ErrTxAborted)
		return res
	}
	marks := p.planning.db.dialect
	err := marks.SetSavepoint(ctx, p.planning.db.querier, savepoint)
	if err != nil {
		res.err, res.fatal = p.unmarked(ctx, view, err), true
		return res
	}
	res.result, res.err = view.Refresh(ctx, p.planning.refresh...)
	// What was done is not to be left half marked because ctx ends just now. A dead connection says so by itself.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if res.err == nil {
		err = marks.ReleaseSavepoint(after, p.planning.db.querier, savepoint)
	} else {
		err = marks.RollbackToSavepoint(after, p.planning.db.querier, savepoint)
	}
	if err != nil {
		res.fatal = true
		err = p.unmarked(ctx, view, err)
		switch ended := contexts.Ended(ctx); {
		case res.err == nil:
			res.err = err
		case ended == nil || !errors.Is(res.err, ended): // else err says the same
			res.err = errors.Join(res.err, err)
		}
	}
	return res
}

// unmarked is the error of a savepoint that could not be.
func (p *Plan) unmarked(ctx context.Context, view Matview, err error) error {
	return p.planning.db.explain(ctx, dialect.Failure{
		Op: dialect.OpRefreshAll, Name: view.Name(), Err: fmt.Errorf("its savepoint: %w", err),
	})
}

// view is the report of a step.
func (r *run) view(n int32) *ViewReport { return &r.report.Views[r.plan.at[n]] }

// begin puts in line what waits for nothing.
func (r *run) begin() {
	g := r.plan.network
	for i := range g.views {
		r.waits[i] = int32(len(g.before[i]))
	}
	for i := range g.views {
		if len(g.before[i]) == 0 {
			r.reach(int32(i))
		}
	}
}

// reach is for a node whose turn it is: a step gets in line, and anything else is passed.
func (r *run) reach(n int32) {
	stack := []int32{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if r.plan.at[n] >= 0 {
			heap.Push(&r.ready, n)
			continue
		}
		stack = r.pass(n, stack)
	}
}

// pass takes a node for done, and appends those whose turn it is now.
func (r *run) pass(n int32, stack []int32) []int32 {
	for _, to := range r.plan.network.after[n] {
		if r.waits[to]--; r.waits[to] == 0 {
			stack = append(stack, to)
		}
	}
	return stack
}

// note writes down what came of a refresh, and draws the consequences.
func (r *run) note(ctx context.Context, res refreshed) {
	v := r.view(res.node)
	v.Start, v.Duration, v.Err = res.start, res.took, res.err
	ended := contexts.Ended(ctx)
	switch {
	case res.err == nil:
		v.Outcome, v.Mode, v.Why = res.result.Outcome, res.result.Mode, res.result.Why
	case ended != nil && errors.Is(res.err, ended):
		v.Outcome, v.Reason = OutcomeCancelled, "the context ended"
	case errors.Is(res.err, dialect.ErrBusy):
		v.Outcome, v.Reason = OutcomeSkippedBusy, reasonOf(res.err)
	default:
		v.Outcome, v.Reason = OutcomeFailed, reasonOf(res.err)
	}
	r.end(v)
	if res.err == nil {
		for _, n := range r.pass(res.node, nil) {
			r.reach(n)
		}
		return
	}
	if v.Outcome != OutcomeCancelled {
		became := "failed"
		if v.Outcome == OutcomeSkippedBusy {
			became = "is busy"
		}
		r.skipDependents(res.node, fmt.Sprintf("it depends on %s, which %s", v.Name, became))
	}
	switch {
	case r.ended != "":
	case ended != nil:
		r.ended = "the context ended"
	case res.fatal && !errors.Is(res.err, dialect.ErrUnsupported): // what can't be done was not begun
		r.ended = fmt.Sprintf("the transaction failed with %s", v.Name)
	case res.fatal, r.plan.planning.stopOnError && v.Outcome == OutcomeFailed:
		r.ended = fmt.Sprintf("the run stopped when %s failed", v.Name)
	}
}

// reasonOf is an error's text without what was done, and to what.
func reasonOf(err error) string { return dialect.Cut(cause(err).Error(), dialect.MaxText) }

// skipDependents skips everything that waits for a node, directly or not.
func (r *run) skipDependents(n int32, reason string) {
	stack := []int32{n}
	var steps []int32
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, to := range r.plan.network.after[n] {
			if r.lost[to] {
				continue
			}
			r.lost[to] = true
			stack = append(stack, to)
			if at := r.plan.at[to]; at >= 0 {
				steps = append(steps, at)
			}
		}
	}
	// Told in the plan's order, as everything is where it has no other.
	slices.Sort(steps)
	for _, at := range steps {
		v := &r.report.Views[at]
		v.Outcome, v.Reason = OutcomeSkippedUpstream, reason
		r.end(v)
	}
}

func (r *run) end(v *ViewReport) {
	r.done++
	r.emit(Progress{*v, r.done, len(r.report.Views)})
}

// err joins what went wrong.
func (r *run) err(ctx context.Context) error {
	var errs []error
	cancelled := false
	for _, v := range r.report.Views {
		if v.Err != nil {
			errs = append(errs, v.Err)
		}
		cancelled = cancelled || v.Outcome == OutcomeCancelled
	}
	if ended := contexts.Ended(ctx); cancelled && ended != nil {
		errs = append([]error{ended}, errs...)
	}
	if len(errs) == 0 {
		return nil
	}
	return fail(dialect.OpRefreshAll, dialect.Name{}, &runError{r.report.summary(), errs})
}

// A runError joins what went wrong in a run. Its text has the first five errors.
type runError struct {
	summary string
	errs    []error
}

func (e *runError) Error() string   { return e.summary + ":\n" + dialect.Few(e.errs, "\n", error.Error) }
func (e *runError) Unwrap() []error { return e.errs }
