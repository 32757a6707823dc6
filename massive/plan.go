package massive

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/option"
	"github.com/massivedb/massive-go/internal/printable"
	"github.com/massivedb/massive-go/internal/querier"
	"github.com/massivedb/massive-go/registry"
)

// A PlanOption changes what a [Plan] refreshes and how. Each option may be given once. The
// zero value is invalid.
type PlanOption struct{ set option.Option[planning] }

// A planning combines the options of a plan with the snapshot that they apply to.
type planning struct {
	db       *DB
	registry *Registry
	network  *network

	views                []int32 // the views that Views names
	named                bool
	upstream, downstream bool
	parallel             int // 0 if Parallel was not given
	stopOnError          bool
	savepoints           bool
	hints                map[dialect.Name]time.Duration
	refresh              []RefreshOption
	ifOlder              bool
	olderThan            time.Duration
	how                  dialect.Refresh                   // the refresh options combined
	report               []func(context.Context, Progress) // callbacks, called with the run's context
}

// Views refreshes these views instead of all views. It refreshes no others unless
// [Upstream] or [Downstream] is given. Names are as for [DB.Matview], or patterns as for
// [Include], such as tenant_*.sales. A pattern that matches no loaded view is
// [ErrNotFound].
func Views(names ...string) PlanOption {
	return PlanOption{option.New("Views", func(p *planning) error {
		if len(names) == 0 {
			return fmt.Errorf("%w: no view is named", ErrInvalid)
		}
		p.named = true
		added, byName := make(map[int32]bool, len(names)), make(map[int32]bool, len(names))
		add := func(n int32) {
			if !added[n] {
				added[n] = true
				p.views = append(p.views, n)
			}
		}
		for _, name := range names {
			views, pattern, err := viewsNamed(p.registry, name)
			if err != nil {
				return err
			}
			for _, view := range views {
				n := p.network.find(view)
				if !pattern && byName[n] {
					return fmt.Errorf("%w: view %s is named twice", ErrInvalid, view)
				}
				byName[n] = byName[n] || !pattern
				add(n)
			}
		}
		return nil
	})}
}

// Upstream also refreshes, first, every materialized view that the named views depend on,
// directly or indirectly.
func Upstream() PlanOption {
	return PlanOption{option.Set("Upstream", func(p *planning) { p.upstream = true })}
}

// Downstream also refreshes, afterwards, every materialized view that depends on the
// named views, directly or indirectly.
func Downstream() PlanOption {
	return PlanOption{option.Set("Downstream", func(p *planning) { p.downstream = true })}
}

// Parallel lets up to n refreshes run at a time. Each refresh uses a connection of the
// pool, so that at most as many run as the pool may open. Without Parallel, and on a
// transaction or a single connection, refreshes run one at a time.
func Parallel(n int) PlanOption {
	return PlanOption{option.New("Parallel", func(p *planning) error {
		if n < 1 {
			return fmt.Errorf("%w: %d is less than 1", ErrInvalid, n)
		}
		p.parallel = n
		return nil
	})}
}

// StopOnError starts no further refresh after a refresh has failed. Running refreshes
// continue to their end. Without StopOnError, a run only skips the views that depend on
// the failed view. A busy view is not a failure.
func StopOnError() PlanOption {
	return PlanOption{option.Set("StopOnError", func(p *planning) { p.stopOnError = true })}
}

// Savepoints lets a run in a transaction continue after a failure: each refresh gets a
// savepoint, and a failed refresh is rolled back to it. Without Savepoints, a failure
// fails the transaction and ends the run. The querier must be a transaction, with methods
// Commit and Rollback. If the dialect does not support savepoints, the run ends with
// [ErrUnsupported].
func Savepoints() PlanOption {
	return PlanOption{option.New("Savepoints", func(p *planning) error {
		if !querier.IsTransaction(p.db.querier) {
			return fmt.Errorf("%w: a savepoint needs a transaction, and a %T is not one", ErrInvalid, p.db.querier)
		}
		p.savepoints = true
		return registry.Check(p.db.dialect, p.db.querier)
	})}
}

// RefreshWith refreshes each view with these options. Without options it has no effect.
func RefreshWith(opts ...RefreshOption) PlanOption {
	return PlanOption{option.New("RefreshWith", func(p *planning) (err error) {
		p.refresh = slices.Clone(opts)
		p.how, err = registry.RefreshOptions(opts)
		return err
	})}
}

// IfOlderThan refreshes only the views whose rows are older than d, as RefreshIfOlderThan
// of a [Matview] does. A view that is refreshed after a view that it reads is older, too,
// if its rows came from the old ones. It needs [WithLedger]. It contradicts [WithNoData].
func IfOlderThan(d time.Duration) PlanOption {
	return PlanOption{option.New("IfOlderThan", func(p *planning) error {
		if d < 0 {
			return fmt.Errorf("%w: %v is less than 0", ErrInvalid, d)
		}
		if p.db.selection.Recorder.Ledger == nil {
			return errNoLedger()
		}
		p.ifOlder, p.olderThan = true, d
		return nil
	})}
}

// DurationsOf prioritizes the critical path by the durations in an earlier report: of the
// views that can begin, the view with the longest path to the end of the run begins
// first. Views that are missing in the report count as its average. If the report is
// zero, the path with the most views is first.
func DurationsOf(last RefreshReport) PlanOption {
	return PlanOption{option.Set("DurationsOf", func(p *planning) {
		p.hints = make(map[dialect.Name]time.Duration, len(last.Views))
		for _, v := range last.Views {
			if v.Outcome == OutcomeRefreshed || v.Outcome == OutcomeEmptied {
				p.hints[v.Name] = v.Duration
			}
		}
	})}
}

// OnProgress calls f when a refresh begins and when a view is done. Calls come one at a
// time, in order, on the goroutine that called Run, and hold no connection. On a pool,
// refreshes don't wait for f, but the end of the run does. On a transaction or a single
// connection, the next refresh waits for f, so that f may use the connection.
func OnProgress(f func(Progress)) PlanOption {
	return PlanOption{option.New("OnProgress", func(p *planning) error {
		if f == nil {
			return fmt.Errorf("%w: the function is nil", ErrInvalid)
		}
		p.report = append(p.report, func(_ context.Context, pr Progress) { f(pr) })
		return nil
	})}
}

// LogProgress logs the calls that [OnProgress] would make. It logs a failed view at level
// Error, a cancelled view at Warn, and everything else at Info, also busy views. The
// handler gets the context of [Plan.Run].
func LogProgress(l *slog.Logger) PlanOption {
	return PlanOption{option.New("LogProgress", func(p *planning) error {
		if l == nil {
			return fmt.Errorf("%w: the logger is nil", ErrInvalid)
		}
		p.report = append(p.report, func(ctx context.Context, pr Progress) { pr.log(ctx, l) })
		return nil
	})}
}

func (m *DB) planning(opts []PlanOption) (*planning, error) {
	if m.root().current.Load() == nil {
		return nil, fmt.Errorf("%w: the DB is the zero value; call Load", ErrInvalid)
	}
	p := &planning{db: m, registry: m.Registry()}
	p.network = newNetwork(p.registry)
	if err := option.Apply(p, "PlanOption", opts, func(o PlanOption) option.Option[planning] { return o.set }); err != nil {
		return nil, err
	}
	if p.ifOlder && p.how.NoData {
		return nil, fmt.Errorf("%w: options IfOlderThan and WithNoData contradict each other", ErrInvalid)
	}
	if !p.named && (p.upstream || p.downstream) {
		return nil, fmt.Errorf("%w: options Upstream and Downstream need option Views; without it all views are refreshed",
			ErrInvalid)
	}
	if !m.selection.Has(dialect.KindMatview) {
		return nil, fmt.Errorf("%w: materialized views were not loaded: Only excludes them", ErrInvalid)
	}
	return p, nil
}

// A Plan says which views a run refreshes, in which order, and which views it excludes. It
// belongs to its snapshot; Run notices later changes of the database. A plan may be run
// several times. It is safe for concurrent use if its querier is. Changes to its fields
// don't affect Run. The zero value refreshes nothing.
type Plan struct {
	Steps    []Step         // in the order of a run with one refresh at a time
	Excluded []ExcludedView // the other materialized views, by schema and name
	// Parallel is the largest number of refreshes that run at a time. It accounts for the
	// limit of the pool when the plan was made.
	Parallel int
	// WhyParallel gives the reason for Parallel: "the default", "requested", "the pool
	// opens no more connections" ….
	WhyParallel string

	planning *planning
	network  *network
	steps    []int32 // the nodes that are steps, in order
	at       []int32 // of each node, its index in steps, or -1
	urgency  []time.Duration
}

// A Step is the refresh of one view.
type Step struct {
	Name dialect.Name
	// Mode is the mode that the refresh will use, as far as the snapshot shows. Why gives
	// the reason.
	Mode RefreshMode
	Why  string
	// Level is 1 if the view waits for no other view. Otherwise it is one more than the
	// highest level of the views that it waits for. A view begins when those are done; it
	// does not wait for other views of their level.
	Level int
	// Warnings say why the refresh would fail, or would not get the newest rows, as far
	// as the snapshot shows.
	Warnings []string
}

// An ExcludedView is a materialized view that a plan does not refresh.
type ExcludedView struct {
	Name dialect.Name
	// Why gives the reason in words: "Views does not name it; public.daily, which is
	// refreshed, depends on it: option Upstream adds it".
	Why string
	// Related means that the view depends on a view of the plan, or a view of the plan
	// depends on it.
	Related bool
}

// PlanRefresh plans the refresh of all loaded views or, with [Views], of some views: the
// order, the modes, and which views are excluded and why. It does not query the database;
// [Plan.Run] runs the plan. A step warns if the run could deadlock with a refresh in
// another session. Errors: [ErrInvalid], [ErrNotFound], [ErrUnsupported].
func (m *DB) PlanRefresh(opts ...PlanOption) (*Plan, error) {
	options, err := m.planning(opts)
	if err != nil {
		return nil, &Error{Op: dialect.OpPlan, Err: err}
	}
	p := &Plan{planning: options, network: options.network}
	p.Parallel, p.WhyParallel = parallelism(m.querier, options.parallel)
	chosen := p.choose()
	p.weigh(chosen)
	p.arrange(chosen)
	p.describe()
	return p, nil
}

// RefreshAll refreshes all loaded views or, with [Views], some views, each after the
// views that it depends on. It is PlanRefresh and [Plan.Run]. The report has the error of
// each view, and the returned error joins them. The report is complete even after a
// failure or a cancel. In a transaction without [Savepoints] a failure fails the
// transaction, and the rollback undoes refreshes that the report has as done.
//
// A transaction keeps its locks until it ends. So a run in a transaction can deadlock
// with a refresh in another session: one of them fails with [ErrDeadlock]. The plan warns
// of it. To avoid it, use RefreshWith([Concurrently]()) in the transaction, or
// RefreshWith([SkipIfBusy]()) everywhere.
func (m *DB) RefreshAll(ctx context.Context, opts ...PlanOption) (RefreshReport, error) {
	p, err := m.PlanRefresh(opts...)
	if err != nil {
		return RefreshReport{}, err
	}
	return p.Run(ctx)
}

// parallelism returns the number of refreshes that can run at a time, and the reason.
func parallelism(q dialect.Querier, asked int) (n int, why string) {
	n, why = max(asked, 1), "requested"
	if asked == 0 {
		why = "the default"
	}
	if n == 1 {
		return n, why
	}
	if querier.IsNil(q) {
		return 1, "there is no database"
	}
	pool, ok := querier.AsPool(q)
	switch {
	case !ok && querier.IsTransaction(q):
		return 1, "a transaction runs one statement at a time"
	case !ok:
		return 1, fmt.Sprintf("a %T is not a pool: it has no method Stats() sql.DBStats", q)
	}
	if most := pool.Stats().MaxOpenConnections; most > 0 && most < n {
		return most, "the pool opens no more connections"
	}
	return n, why
}

// choose marks the nodes that are refreshed.
func (p *Plan) choose() []bool {
	g := p.network
	chosen := make([]bool, len(g.views))
	if !p.planning.named {
		for i := range g.views {
			chosen[i] = g.loaded(int32(i))
		}
		return chosen
	}
	for _, n := range p.planning.views {
		chosen[n] = true
	}
	spread := func(edges [][]int32) {
		seen := make([]bool, len(g.views))
		stack := slices.Clone(p.planning.views)
		for len(stack) > 0 {
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, to := range edges[n] {
				if !seen[to] {
					seen[to] = true
					chosen[to] = chosen[to] || g.loaded(to)
					stack = append(stack, to)
				}
			}
		}
	}
	if p.planning.upstream {
		spread(g.reads)
	}
	if p.planning.downstream {
		spread(g.readers)
	}
	return chosen
}

// weigh computes each node's urgency: the shortest time from its beginning until
// everything that waits for it can be done.
func (p *Plan) weigh(chosen []bool) {
	g := p.network
	usual := time.Second // without hints any duration works: the urgency then counts views
	if known := p.planning.hints; len(known) > 0 {
		var total time.Duration
		for _, d := range known {
			total += d
		}
		usual = max(total/time.Duration(len(known)), 1)
	}
	p.urgency = make([]time.Duration, len(g.views))
	for _, n := range slices.Backward(g.order) {
		var rest time.Duration
		for _, to := range g.after[n] {
			rest = max(rest, p.urgency[to])
		}
		if chosen[n] {
			took, ok := p.planning.hints[g.views[n].Name]
			if !ok {
				took = usual
			}
			rest += took
		}
		p.urgency[n] = rest
	}
}

// arrange puts the chosen nodes in the order of a run with one refresh at a time.
func (p *Plan) arrange(chosen []bool) {
	g := p.network
	p.at = make([]int32, len(g.views))
	level := make([]int, len(g.views))
	waits := make([]int32, len(g.views))
	for i := range g.views {
		p.at[i] = -1
		waits[i] = int32(len(g.before[i]))
	}
	ready := &queue{urgency: p.urgency}
	var through []int32 // nodes without a refresh, which are done immediately
	put := func(n int32) {
		if chosen[n] {
			heap.Push(ready, n)
		} else {
			through = append(through, n)
		}
	}
	for i := range g.views {
		if waits[i] == 0 {
			put(int32(i))
		}
	}
	for len(through) > 0 || ready.Len() > 0 {
		var n int32
		if len(through) > 0 {
			n, through = through[len(through)-1], through[:len(through)-1]
		} else {
			n = heap.Pop(ready).(int32)
			level[n]++
			p.at[n] = int32(len(p.steps))
			p.steps = append(p.steps, n)
			p.Steps = append(p.Steps, Step{Name: g.views[n].Name, Level: level[n]})
		}
		for _, to := range g.after[n] {
			level[to] = max(level[to], level[n])
			if waits[to]--; waits[to] == 0 {
				put(to)
			}
		}
	}
}

// A queue is a heap of the nodes that can begin, the most urgent first, then by name.
type queue struct {
	urgency []time.Duration
	nodes   []int32
}

func (q *queue) Len() int      { return len(q.nodes) }
func (q *queue) Swap(i, j int) { q.nodes[i], q.nodes[j] = q.nodes[j], q.nodes[i] }
func (q *queue) Push(n any)    { q.nodes = append(q.nodes, n.(int32)) }

func (q *queue) Less(i, j int) bool {
	a, b := q.nodes[i], q.nodes[j]
	return cmp.Or(cmp.Compare(q.urgency[b], q.urgency[a]), cmp.Compare(a, b)) < 0
}

func (q *queue) Pop() any {
	n := q.nodes[len(q.nodes)-1]
	q.nodes = q.nodes[:len(q.nodes)-1]
	return n
}

// describe fills in the modes, reasons and warnings of steps, and the excluded views. It
// passes facts along edges from node to node, so that the work is linear in the edges,
// not in the pairs of views that plain views connect.
func (p *Plan) describe() {
	const none = -1
	g := p.network
	nodes := len(g.views)
	// For each node, one example: a step that it depends on, a step that depends on it,
	// and, through plain views only, an unpopulated and an outdated view that it reads
	// and that are not in the plan.
	above, below := make([]int32, nodes), make([]int32, nodes)
	empty, outdated := make([]int32, nodes), make([]int32, nodes)
	for _, n := range g.order {
		above[n], below[n], empty[n], outdated[n] = none, none, none, none
		for _, from := range g.before[n] {
			if p.at[from] != none {
				above[n] = from
				continue
			}
			above[n] = max(above[n], above[from])
			switch view := g.views[from].Matview; {
			case view == nil:
				empty[n], outdated[n] = max(empty[n], empty[from]), max(outdated[n], outdated[from])
				continue
			case !view.Populated():
				empty[n] = from
			}
			if above[from] != none {
				outdated[n] = from
			}
		}
	}
	for _, n := range slices.Backward(g.order) {
		for _, to := range g.after[n] {
			if p.at[to] != none {
				below[n] = to
			} else {
				below[n] = max(below[n], below[to])
			}
		}
	}
	how := p.planning.how
	for i, n := range p.steps {
		s := &p.Steps[i]
		s.Mode, s.Why, s.Warnings = foresee(g.views[n].Matview, how)
		if e := empty[n]; e != none && !how.NoData {
			s.Warnings = append(s.Warnings, fmt.Sprintf("it reads %s, which is not populated and not in the plan: the refresh fails", g.views[e].Name))
		}
		if o := outdated[n]; o != none && !how.NoData {
			s.Warnings = append(s.Warnings, fmt.Sprintf("it reads %s, which is not in the plan and depends on a view of the plan: "+
				"it gets the old rows", g.views[o].Name))
		}
	}
	p.warnOfDeadlock()
	for _, members := range g.cycles {
		p.warnOfCycle(members)
	}
	for n := range g.views {
		if g.views[n].Matview == nil || p.at[n] != none {
			continue
		}
		l := ExcludedView{Name: g.views[n].Name, Why: g.views[n].Excluded, Related: above[n] != none || below[n] != none}
		if l.Why == "" {
			l.Why = "Views does not name it"
		}
		for _, tie := range []struct {
			step   int32
			option string
			says   string
		}{
			{below[n], "Upstream", "%s, which is refreshed, depends on it"},
			{above[n], "Downstream", "it depends on %s, which is refreshed"},
		} {
			if tie.step == none {
				continue
			}
			l.Why += "; " + fmt.Sprintf(tie.says, g.views[tie.step].Name)
			if g.views[n].Excluded == "" {
				l.Why += ": option " + tie.option + " adds it"
			}
		}
		p.Excluded = append(p.Excluded, l)
	}
}

// warnOfDeadlock warns if the run holds the lock of a view until its transaction ends,
// and refreshes a second view that reads it. If another session refreshes the second
// view, it waits for the first view, and the run waits for the other session. Only the
// first such step gets the warning.
func (p *Plan) warnOfDeadlock() {
	if !querier.IsTransaction(p.planning.db.querier) || p.planning.how.SkipIfBusy {
		return
	}
	const none = -1
	g := p.network
	locked := make([]int32, len(g.views)) // of each node, a step that it reads and that blocks its readers
	for _, n := range g.order {
		locked[n] = none
		for _, from := range g.before[n] {
			switch at := p.at[from]; {
			case at != none && p.Steps[at].Mode == ModeBlocking:
				locked[n] = from
			case at == none && g.views[from].Matview == nil:
				locked[n] = max(locked[n], locked[from])
			}
		}
	}
	for i, n := range p.steps {
		if from := locked[n]; from != none {
			p.Steps[i].Warnings = append(p.Steps[i].Warnings, fmt.Sprintf("it reads %s, which stays locked until the transaction "+
				"ends: a refresh of this view in another session at the same time is a deadlock; refresh with SkipIfBusy or Concurrently", g.views[from].Name))
			return
		}
	}
}

// warnOfCycle adds a warning to steps that read each other.
func (p *Plan) warnOfCycle(members []int32) {
	var names []dialect.Name
	materialized := 0
	for _, n := range members {
		names = append(names, p.network.views[n].Name)
		if p.network.views[n].Matview != nil {
			materialized++
		}
	}
	says := dialect.Few(names, ", ", dialect.Name.String) + " read each other: "
	if materialized == 1 {
		says += "a refresh reads the rows of the previous refresh"
	} else {
		says += "no order is right, and the materialized views are refreshed by name"
	}
	for _, n := range members {
		if at := p.at[n]; at >= 0 {
			p.Steps[at].Warnings = append(p.Steps[at].Warnings, says)
		}
	}
}

// foresee returns the mode of a refresh, the reason, and what blocks the refresh, as far
// as the snapshot shows.
func foresee(view Matview, how dialect.Refresh) (mode RefreshMode, why string, obstacles []string) {
	mode, why = ModeBlocking, "the default"
	switch {
	case how.Concurrently:
		mode, why = ModeConcurrent, "requested"
	case how.IfPossible:
		mode, why = ModeConcurrent, "possible"
	}
	blockers, err := registry.OwnBlockers(view, mode)
	if err != nil {
		return mode, why, []string{cause(err).Error()}
	}
	for _, b := range blockers {
		switch {
		case !how.IfPossible || b.Reason == dialect.BlockerNotAllowed || b.Reason == dialect.BlockerOnStandby:
			obstacles = append(obstacles, b.Error())
		case mode == ModeConcurrent:
			mode, why = ModeBlocking, "not concurrently: "+b.Reason.String()
		}
	}
	return mode, why, obstacles
}

// String returns a line for each step, and for each excluded view that is related to a
// step. No line is longer than [dialect.MaxText] bytes. Invisible characters in a name,
// such as a line break, are escaped as in Go.
func (p *Plan) String() string {
	var b strings.Builder
	total := len(p.Steps) + len(p.Excluded)
	switch {
	case total == 0:
		b.WriteString("refresh nothing: there is no materialized view\n")
	case len(p.Steps) == 0:
		b.WriteString("refresh nothing: every materialized view is excluded\n")
	default:
		older := ""
		if p.planning != nil && p.planning.ifOlder {
			older = fmt.Sprintf(" if their rows are older than %v", p.planning.olderThan)
		}
		fmt.Fprintf(&b, "refresh %d of %d materialized views%s, %s (%s)\n", len(p.Steps), total, older, atATime(p.Parallel), p.WhyParallel)
	}
	width := 0
	for _, s := range p.Steps {
		width = max(width, utf8.RuneCountInString(printable.Text(s.Name.String())))
	}
	digits := len(fmt.Sprint(len(p.Steps)))
	before := p.predecessors()
	for i, s := range p.Steps {
		line := fmt.Sprintf("  %*d. %-*s  %s, %s", digits, i+1, width, printable.Text(s.Name.String()), s.Mode, s.Why)
		if i < len(p.steps) {
			if places := before[p.steps[i]]; len(places) > 0 {
				line += "; after " + printable.Text(p.after(places))
			}
		}
		b.WriteString(dialect.Cut(line, dialect.MaxText) + "\n")
		for _, w := range s.Warnings {
			line := fmt.Sprintf("  %*s  ! %s", digits, "", printable.Text(w))
			b.WriteString(dialect.Cut(line, dialect.MaxText) + "\n")
		}
	}
	unrelated := 0
	for _, l := range p.Excluded {
		if l.Related || len(p.Steps) == 0 || !p.planning.named {
			line := printable.Text(fmt.Sprintf("  excluded: %s: %s", l.Name, l.Why))
			b.WriteString(dialect.Cut(line, dialect.MaxText) + "\n")
		} else {
			unrelated++
		}
	}
	switch unrelated {
	case 0:
	case 1:
		b.WriteString("  excluded: 1 more, unrelated to the steps\n")
	default:
		fmt.Fprintf(&b, "  excluded: %d more, unrelated to the steps\n", unrelated)
	}
	return b.String()
}

func atATime(n int) string {
	if n == 1 {
		return "one at a time"
	}
	return fmt.Sprintf("at most %d at a time", n)
}

// most is the largest number of predecessors that a line of the plan names.
const most = 3

// predecessors returns, for each node, the indexes of the first steps that it waits for,
// directly or through nodes that are no steps. It returns one more than a line names.
// Each node takes them from the nodes before it, so that the work is linear in the edges.
func (p *Plan) predecessors() [][]int32 {
	if p.network == nil {
		return nil
	}
	first := make([][]int32, len(p.network.views))
	for _, n := range p.network.order {
		for _, from := range p.network.before[n] {
			if at := p.at[from]; at >= 0 {
				first[n] = earliest(first[n], at)
				continue
			}
			for _, at := range first[from] {
				first[n] = earliest(first[n], at)
			}
		}
	}
	return first
}

// earliest inserts an index into the ascending list of the first ones, if it is small
// enough.
func earliest(first []int32, at int32) []int32 {
	i, known := slices.BinarySearch(first, at)
	if known || i > most {
		return first
	}
	first = slices.Insert(first, i, at)
	return first[:min(len(first), most+1)]
}

// after names the steps at these indexes, or the first of them.
func (p *Plan) after(places []int32) string {
	names := make([]string, 0, most+1)
	for i, at := range places {
		if i == most {
			names = append(names, "others")
			break
		}
		names = append(names, p.network.views[p.steps[at]].Name.String())
	}
	return strings.Join(names, ", ")
}
