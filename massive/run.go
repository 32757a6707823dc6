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

// Run refreshes the plan's views. Each refresh begins when the views that it depends on
// are done. If a view fails or is busy, Run skips the views that depend on it, also
// through views that the plan excludes, and continues with the others. With
// [StopOnError], and in a transaction without [Savepoints], a failure ends the run. A
// failure also fails such a transaction, which undoes refreshes that the report has as
// done. When ctx ends, Run cancels the running refreshes and begins no others. It returns
// when no refresh is running.
//
// A transaction keeps its locks until it ends. Suppose that it refreshes a view in
// blocking mode, and then a view that reads it. A refresh of the second view in another
// session at the same time is a deadlock, also in a run on a pool: the server fails one
// of them with [ErrDeadlock]. The plan warns of it. To avoid it, refresh with
// [Concurrently] in the transaction, or with [SkipIfBusy] everywhere.
//
// The error is nil if every view was refreshed. Otherwise it joins the errors of the
// views, including busy views, and ctx's error if that ended the run. [errors.Is] finds
// each error, and the report has the error of each view. If busy views are no failure,
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

// A run executes a plan. One goroutine owns it. Refreshes run on other goroutines and
// send their results to it.
type run struct {
	plan   *Plan
	report RefreshReport
	waits  []int32 // of each node, the number of nodes that it still waits for
	lost   []bool  // nodes that wait for a node that was not refreshed
	ready  queue
	done   int
	ended  string // why no further refresh begins, or empty
	emit   func(Progress)
}

// A refreshed is the result of one refresh.
type refreshed struct {
	node   int32
	start  time.Time
	took   time.Duration
	result RefreshResult
	err    error
	fatal  bool // the transaction can't continue
}

func newRun(p *Plan) *run {
	r := &run{
		plan: p, waits: make([]int32, len(p.network.views)), lost: make([]bool, len(p.network.views)),
		ready: queue{urgency: p.urgency}, emit: func(Progress) {},
	}
	r.report.Start = time.Now()
	// The pool's limit may have changed since the plan was made.
	r.report.Parallel, _ = parallelism(p.planning.db.querier, p.planning.parallel)
	r.report.Views = make([]ViewReport, len(p.steps))
	for i, n := range p.steps {
		mode, why, _ := foresee(p.network.views[n].Matview, p.planning.how)
		r.report.Views[i] = ViewReport{Name: p.network.views[n].Name, Mode: mode, Why: why}
	}
	return r
}

// follow executes the plan and calls the callbacks. On a pool it does both at the same
// time, so that no refresh waits for a callback. Otherwise it takes turns, since a
// callback may use the only connection.
func (r *run) follow(ctx context.Context) {
	callbacks := r.plan.planning.report
	callAll := func(p Progress) {
		for _, f := range callbacks {
			f(ctx, p)
		}
	}
	if _, pooled := querier.AsPool(r.plan.planning.db.querier); len(callbacks) == 0 || !pooled {
		if len(callbacks) > 0 {
			r.emit = callAll
		}
		r.execute(ctx)
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
		r.execute(running)
	}()
	// If a callback panics, or ends its goroutine as t.FailNow does, the run must end,
	// too.
	defer func() {
		cancel()
		<-finished
	}()
	for news.take(callAll) {
	}
}

// A mailbox keeps progress until the callbacks can be called.
type mailbox struct {
	mu      sync.Mutex
	waiting []Progress
	closed  bool
	arrived chan struct{} // has one token after a change
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

// take waits for progress, passes it to f, and returns false if the mailbox is closed.
func (m *mailbox) take(f func(Progress)) bool {
	<-m.arrived
	m.mu.Lock()
	all, more := m.waiting, !m.closed
	m.waiting = nil
	m.mu.Unlock()
	for _, p := range all {
		f(p)
	}
	return more
}

// execute runs the refreshes. When it returns, each view has its outcome and no refresh
// is running.
func (r *run) execute(ctx context.Context) {
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

// refresh runs one refresh, in a savepoint if the plan has Savepoints.
func (p *Plan) refresh(ctx context.Context, n int32) (res refreshed) {
	const savepoint = "massive_refresh"
	view := p.network.views[n].Matview
	res = refreshed{node: n, start: time.Now()}
	defer func() { res.took = time.Since(res.start) }()
	if !p.planning.savepoints {
		res.result, res.err = p.planning.refreshView(ctx, view)
		// A failure fails the transaction, unless SkipIfBusy found the view busy without
		// an error of the server. A transaction that the program began by SQL on a
		// connection is recognized by ErrTxAborted.
		left := errors.Is(res.err, dialect.ErrBusy) && !registry.Answered(res.err)
		res.fatal = res.err != nil && !left && querier.IsTransaction(p.planning.db.querier) || errors.Is(res.err, dialect.ErrTxAborted)
		return res
	}
	savepoints := p.planning.db.dialect
	err := savepoints.SetSavepoint(ctx, p.planning.db.querier, savepoint)
	if err != nil {
		res.err, res.fatal = p.savepointError(ctx, view, err), true
		return res
	}
	res.result, res.err = p.planning.refreshView(ctx, view)
	// The savepoint must be released or rolled back even if ctx has ended.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if res.err == nil {
		err = savepoints.ReleaseSavepoint(after, p.planning.db.querier, savepoint)
	} else {
		err = savepoints.RollbackToSavepoint(after, p.planning.db.querier, savepoint)
	}
	if err != nil {
		res.fatal = true
		err = p.savepointError(ctx, view, err)
		switch ended := contexts.Ended(ctx); {
		case res.err == nil:
			res.err = err
		case ended == nil || !errors.Is(res.err, ended): // otherwise err repeats the context's error
			res.err = errors.Join(res.err, err)
		}
	}
	return res
}

func (p *planning) refreshView(ctx context.Context, view Matview) (RefreshResult, error) {
	if p.ifOlder {
		return view.RefreshIfOlderThan(ctx, p.olderThan, p.refresh...)
	}
	return view.Refresh(ctx, p.refresh...)
}

// savepointError returns the error of a savepoint that could not be set, released or
// rolled back to.
func (p *Plan) savepointError(ctx context.Context, view Matview, err error) error {
	return p.planning.db.explain(ctx, dialect.Failure{
		Op: dialect.OpRefreshAll, Name: view.Name(), Err: fmt.Errorf("its savepoint: %w", err),
	})
}

// view returns the report of a node's step.
func (r *run) view(n int32) *ViewReport { return &r.report.Views[r.plan.at[n]] }

// begin reaches the nodes that wait for nothing.
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

// reach handles a node that waits for nothing more: a step is queued, and any other node
// is passed.
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

// pass marks a node as done and appends to stack the nodes that wait for nothing more.
func (r *run) pass(n int32, stack []int32) []int32 {
	for _, to := range r.plan.network.after[n] {
		if r.waits[to]--; r.waits[to] == 0 {
			stack = append(stack, to)
		}
	}
	return stack
}

// note records the result of a refresh and decides how the run continues.
func (r *run) note(ctx context.Context, res refreshed) {
	v := r.view(res.node)
	v.Start, v.Duration, v.Err = res.start, res.took, res.err
	ended := contexts.Ended(ctx)
	switch {
	case res.err == nil:
		v.Outcome = res.result.Outcome
		if res.result.Mode != 0 { // else nothing was refreshed, and the planned mode stays
			v.Mode, v.Why = res.result.Mode, res.result.Why
		}
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
	case res.fatal && !errors.Is(res.err, dialect.ErrUnsupported):
		// An unsupported operation sends nothing, and does not fail the transaction.
		r.ended = fmt.Sprintf("the transaction failed with %s", v.Name)
	case res.fatal, r.plan.planning.stopOnError && v.Outcome == OutcomeFailed:
		r.ended = fmt.Sprintf("the run stopped when %s failed", v.Name)
	}
}

// reasonOf returns an error's text without the operation and the name.
func reasonOf(err error) string { return dialect.Cut(cause(err).Error(), dialect.MaxText) }

// skipDependents skips everything that depends on a node, directly or indirectly.
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
	// Report them in the plan's order.
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

// err joins the errors of the run.
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

// A runError joins the errors of a run. Its text has the first five.
type runError struct {
	summary string
	errs    []error
}

func (e *runError) Error() string   { return e.summary + ":\n" + dialect.Few(e.errs, "\n", error.Error) }
func (e *runError) Unwrap() []error { return e.errs }
