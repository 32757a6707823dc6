package registry

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
	"github.com/massivedb/massive-go/internal/querier"
)

// A PlanOption changes what a [Plan] refreshes and how. Each may be given once. The zero value is refused.
type PlanOption struct {
	name  string
	apply func(*Registry, *planning) error
}

// A planning is what the options of a plan say.
type planning struct {
	views                []*matview // those that Views names
	named                bool
	upstream, downstream bool
	parallel             int // 0 where Parallel was not given
	stopOnError          bool
	savepoints           bool
	hints                map[dialect.Name]time.Duration
	refresh              []RefreshOption
	how                  dialect.Refresh                   // what refresh comes to
	report               []func(context.Context, Progress) // with the run's context
}

// Views refreshes these views instead of all, and no others unless [Upstream] or [Downstream] say so. Names are as for
// [Registry.Matview].
func Views(names ...string) PlanOption {
	return PlanOption{"Views", func(r *Registry, p *planning) error {
		if len(names) == 0 {
			return fmt.Errorf("%w: no view is named", dialect.ErrInvalid)
		}
		p.named = true
		seen := make(map[*matview]bool, len(names))
		for _, name := range names {
			m, err := find(r, &r.matviews, name)
			if err != nil {
				return fmt.Errorf("%s: %w", dialect.Cut(name, dialect.MaxText/10), bare(err))
			}
			if seen[m] {
				return fmt.Errorf("%w: view %s is named twice", dialect.ErrInvalid, m)
			}
			seen[m] = true
			p.views = append(p.views, m)
		}
		return nil
	}}
}

// bare is an error of the library without what it was doing.
func bare(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // what it wraps is asked for
		return e.Err
	}
	return err
}

// Upstream refreshes what the named views depend on, directly or not, too, before them.
func Upstream() PlanOption {
	return PlanOption{"Upstream", func(_ *Registry, p *planning) error { p.upstream = true; return nil }}
}

// Downstream refreshes what depends on the named views, directly or not, too, behind them.
func Downstream() PlanOption {
	return PlanOption{"Downstream", func(_ *Registry, p *planning) error { p.downstream = true; return nil }}
}

// Parallel lets up to n refreshes run at a time, each on a connection of the pool, and never more than the pool may
// open. Without it, and on a transaction or a single connection, they run one at a time.
func Parallel(n int) PlanOption {
	return PlanOption{"Parallel", func(_ *Registry, p *planning) error {
		if n < 1 {
			return fmt.Errorf("%w: %d at a time is not possible; it takes 1 or more", dialect.ErrInvalid, n)
		}
		p.parallel = n
		return nil
	}}
}

// StopOnError starts no further refresh once one has failed. Those that run then go on to their end. Without it only
// what depends on the failed view is left out. A busy view is not a failure.
func StopOnError() PlanOption {
	return PlanOption{"StopOnError", func(_ *Registry, p *planning) error { p.stopOnError = true; return nil }}
}

// Savepoints lets a run in a transaction outlive a failure: each refresh gets a savepoint, and one that fails is taken
// back alone. Without it a failure ends the run, since it fails the transaction. It needs a querier that is a
// transaction, which is one with methods Commit and Rollback. If the dialect can't set savepoints, the run ends with
// [dialect.ErrUnsupported].
func Savepoints() PlanOption {
	return PlanOption{"Savepoints", func(r *Registry, p *planning) error {
		if !querier.IsTransaction(r.access.querier) {
			return fmt.Errorf("%w: a savepoint needs a transaction, and %T is none", dialect.ErrInvalid, r.access.querier)
		}
		p.savepoints = true
		return r.access.check()
	}}
}

// RefreshWith refreshes each view with these options. Without any it changes nothing.
func RefreshWith(opts ...RefreshOption) PlanOption {
	return PlanOption{"RefreshWith", func(_ *Registry, p *planning) (err error) {
		p.refresh = slices.Clone(opts)
		p.how, err = refreshOptions(opts)
		return err
	}}
}

// DurationsOf tells the plan how long views took before, in the report of an earlier run: of those whose turn it is, the
// one with the longest way to the end of the run goes first. Views that the report doesn't know count as its average. A
// zero report says nothing, and then the way with the most views goes first.
func DurationsOf(last RefreshReport) PlanOption {
	return PlanOption{"DurationsOf", func(_ *Registry, p *planning) error {
		p.hints = make(map[dialect.Name]time.Duration, len(last.Views))
		for _, v := range last.Views {
			if v.Outcome == OutcomeRefreshed || v.Outcome == OutcomeEmptied {
				p.hints[v.Name] = v.Duration
			}
		}
		return nil
	}}
}

// OnProgress calls f when a refresh begins and when a view is done with, whatever came of it. Calls come one at a time,
// in order, on the goroutine that the run was started on, and hold no connection. On a pool no refresh waits for them,
// though the run's end does; on a transaction or a single connection the next refresh waits, so that f may use it.
func OnProgress(f func(Progress)) PlanOption {
	return PlanOption{"OnProgress", func(_ *Registry, p *planning) error {
		if f == nil {
			return fmt.Errorf("%w: the function is nil", dialect.ErrInvalid)
		}
		p.report = append(p.report, func(_ context.Context, pr Progress) { f(pr) })
		return nil
	}}
}

// LogProgress logs what OnProgress tells: at level Info, but a view that was cancelled at Warn, and one that failed at Error.
// A view that is busy, or waits for one that is, is no fault: somebody else refreshes it. A handler finds in the context what the context of [Plan.Run] holds, such as a trace.
func LogProgress(l *slog.Logger) PlanOption {
	return PlanOption{"LogProgress", func(_ *Registry, p *planning) error {
		if l == nil {
			return fmt.Errorf("%w: the logger is nil", dialect.ErrInvalid)
		}
		p.report = append(p.report, func(ctx context.Context, pr Progress) { pr.log(ctx, l) })
		return nil
	}}
}

func (r *Registry) planning(opts []PlanOption) (*planning, error) {
	if r.network == nil {
		return nil, errZero()
	}
	p := &planning{}
	for i, o := range opts {
		if o.apply == nil {
			return nil, fmt.Errorf("%w: option %d is the zero PlanOption", dialect.ErrInvalid, i+1)
		}
		if slices.ContainsFunc(opts[:i], func(other PlanOption) bool { return other.name == o.name }) {
			return nil, fmt.Errorf("%w: option %s is given twice; give it everything at once", dialect.ErrInvalid, o.name)
		}
		if err := o.apply(r, p); err != nil {
			return nil, fmt.Errorf("option %s: %w", o.name, err)
		}
	}
	if !p.named && (p.upstream || p.downstream) {
		return nil, fmt.Errorf("%w: options Upstream and Downstream say what goes with Views, and without it all views are refreshed",
			dialect.ErrInvalid)
	}
	if !r.filter.Has(dialect.KindMatview) {
		return nil, fmt.Errorf("%w: materialized views were not loaded: Only left them out", dialect.ErrInvalid)
	}
	return p, nil
}

// A Plan says which views are to be refreshed, in which order, and what is left out. It belongs to its snapshot: what has
// changed in the database since is found out when it is run. It may be run several times, and is safe for concurrent use
// as far as its querier is; what a caller does to its fields changes nothing of what it runs. Its zero value refreshes
// nothing.
type Plan struct {
	Steps    []Step         // in the order in which they begin where they run one at a time
	Excluded []ExcludedView // the other materialized views, by schema and name
	// Parallel is how many refreshes run at a time at most, by the pool's limit when the plan was made.
	Parallel int
	// WhyParallel says why so many: "the default", "asked for", "the pool opens no more connections" ….
	WhyParallel string

	registry *Registry
	planning *planning
	network  *network
	steps    []int32 // the nodes that are steps, in order
	at       []int32 // of each node, its place among the steps; -1 for none
	urgency  []time.Duration
}

// A Step is the refresh of one view.
type Step struct {
	Name dialect.Name
	// Mode is the one that is used as far as the loaded picture tells, and Why says why.
	Mode RefreshMode
	Why  string
	// Level is 1 for a view that waits for no other, and else one more than that of the last that it waits for. A view
	// begins when those that it depends on are done, whatever else is going on at their level.
	Level int
	// Warnings are what stands in its way, or makes it less than it seems, as far as the loaded picture tells.
	Warnings []string
}

// An ExcludedView is a materialized view that a plan does not refresh.
type ExcludedView struct {
	Name dialect.Name
	Why  string // in words: "it was not asked for; public.daily, which is refreshed, reads it: Upstream takes it in"
	// Related says that it depends on a view of the plan, or a view of the plan on it.
	Related bool
}

// PlanRefresh plans the refresh of all views that were loaded or, with [Views], of some. It asks the database nothing.
// Errors: ErrInvalid for options that don't go together or materialized views that weren't loaded, ErrNotFound for a
// view that isn't there, ErrUnsupported for savepoints that the dialect doesn't have.
//
// A step warns if the run could deadlock with a refresh elsewhere: see [Plan.Run].
func (r *Registry) PlanRefresh(opts ...PlanOption) (*Plan, error) {
	options, err := r.planning(opts)
	if err != nil {
		return nil, fail(dialect.OpPlan, dialect.Name{}, err)
	}
	p := &Plan{registry: r, planning: options, network: r.network()}
	p.Parallel, p.WhyParallel = parallelism(r.access.querier, options.parallel)
	chosen := p.choose()
	p.weigh(chosen)
	p.arrange(chosen)
	p.describe()
	return p, nil
}

// RefreshAll plans and runs: see [Registry.PlanRefresh] and [Plan.Run].
func (r *Registry) RefreshAll(ctx context.Context, opts ...PlanOption) (RefreshReport, error) {
	p, err := r.PlanRefresh(opts...)
	if err != nil {
		return RefreshReport{}, err
	}
	return p.Run(ctx)
}

// parallelism returns how many refreshes can run at a time, and why.
func parallelism(q dialect.Querier, asked int) (n int, why string) {
	n, why = max(asked, 1), "asked for"
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
		return 1, "a transaction does one thing at a time"
	case !ok:
		return 1, fmt.Sprintf("a %T is no pool, which would have a method Stats() sql.DBStats", q)
	}
	if most := pool.Stats().MaxOpenConnections; most > 0 && most < n {
		return most, "the pool opens no more connections"
	}
	return n, why
}

// choose marks the nodes to be refreshed.
func (p *Plan) choose() []bool {
	g := p.network
	chosen := make([]bool, len(g.nodes))
	if !p.planning.named {
		for i := range g.nodes {
			chosen[i] = g.nodes[i].def != nil && g.nodes[i].excluded == ""
		}
		return chosen
	}
	named := make([]int32, len(p.planning.views))
	for i, v := range p.planning.views {
		named[i] = g.place[v.def]
		chosen[named[i]] = true
	}
	spread := func(edges [][]int32) {
		seen := make([]bool, len(g.nodes))
		stack := slices.Clone(named)
		for len(stack) > 0 {
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, to := range edges[n] {
				if !seen[to] {
					seen[to] = true
					chosen[to] = chosen[to] || g.nodes[to].def != nil && g.nodes[to].excluded == ""
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

// weigh finds each node's urgency: the time from its beginning to the end of all that waits for it, at best.
func (p *Plan) weigh(chosen []bool) {
	g := p.network
	usual := time.Second // any will do where nothing is known: then it counts views
	if known := p.planning.hints; len(known) > 0 {
		var total time.Duration
		for _, d := range known {
			total += d
		}
		usual = max(total/time.Duration(len(known)), 1)
	}
	p.urgency = make([]time.Duration, len(g.nodes))
	for _, n := range slices.Backward(g.order) {
		var behind time.Duration
		for _, to := range g.after[n] {
			behind = max(behind, p.urgency[to])
		}
		if chosen[n] {
			took, ok := p.planning.hints[g.nodes[n].name]
			if !ok {
				took = usual
			}
			behind += took
		}
		p.urgency[n] = behind
	}
}

// arrange puts the chosen nodes in the order in which one worker would take them.
func (p *Plan) arrange(chosen []bool) {
	g := p.network
	p.at = make([]int32, len(g.nodes))
	level := make([]int, len(g.nodes))
	waits := make([]int32, len(g.nodes))
	for i := range g.nodes {
		p.at[i] = -1
		waits[i] = int32(len(g.before[i]))
	}
	ready := &queue{urgency: p.urgency}
	var through []int32 // nodes that are done as soon as it is their turn
	put := func(n int32) {
		if chosen[n] {
			heap.Push(ready, n)
		} else {
			through = append(through, n)
		}
	}
	for i := range g.nodes {
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
			p.Steps = append(p.Steps, Step{Name: g.nodes[n].name, Level: level[n]})
		}
		for _, to := range g.after[n] {
			level[to] = max(level[to], level[n])
			if waits[to]--; waits[to] == 0 {
				put(to)
			}
		}
	}
}

// A queue has the nodes whose turn it is, the most urgent one first and else by name.
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

// describe says of each view what the plan has in mind with it. What is known of a view is handed on from node to node,
// so that the work grows with the edges and not with the pairs of views that plain ones tie together.
func (p *Plan) describe() {
	const none = -1
	g := p.network
	nodes := len(g.nodes)
	// Of each node one witness: a step that it depends on, a step that depends on it, and, through plain views alone, an
	// unpopulated view and an outdated one that it reads and that are not refreshed.
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
			switch def := g.nodes[from].def; {
			case def == nil:
				empty[n], outdated[n] = max(empty[n], empty[from]), max(outdated[n], outdated[from])
				continue
			case !def.Populated:
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
		s.Mode, s.Why, s.Warnings = foresee(p.registry, g.nodes[n].def, how)
		if e := empty[n]; e != none && !how.NoData {
			s.Warnings = append(s.Warnings, fmt.Sprintf("it reads %s, which is not populated and not in the plan: that fails", g.nodes[e].name))
		}
		if o := outdated[n]; o != none && !how.NoData {
			s.Warnings = append(s.Warnings, fmt.Sprintf("it reads %s, which is not in the plan and reads what is refreshed here: "+
				"it gets the old rows", g.nodes[o].name))
		}
	}
	p.warnOfDeadlock()
	for _, members := range g.cycles {
		p.warnOfCircle(members)
	}
	for n := range g.nodes {
		if g.nodes[n].def == nil || p.at[n] != none {
			continue
		}
		l := ExcludedView{Name: g.nodes[n].name, Why: g.nodes[n].excluded, Related: above[n] != none || below[n] != none}
		if l.Why == "" {
			l.Why = "it was not asked for"
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
			l.Why += "; " + fmt.Sprintf(tie.says, g.nodes[tie.step].name)
			if g.nodes[n].excluded == "" {
				l.Why += ": " + tie.option + " takes it in"
			}
		}
		p.Excluded = append(p.Excluded, l)
	}
}

// warnOfDeadlock warns of a run that keeps the lock of one view, until its transaction ends, when it
// refreshes another view that reads the first. A refresh of the second view elsewhere then waits for the
// first, and the run waits for that refresh. The first such step says so for all.
func (p *Plan) warnOfDeadlock() {
	if !querier.IsTransaction(p.registry.access.querier) || p.planning.how.SkipIfBusy {
		return
	}
	const none = -1
	g := p.network
	locked := make([]int32, len(g.nodes)) // of each node, a step that it reads and that blocks its readers
	for _, n := range g.order {
		locked[n] = none
		for _, from := range g.before[n] {
			switch at := p.at[from]; {
			case at != none && p.Steps[at].Mode == ModeBlocking:
				locked[n] = from
			case at == none && g.nodes[from].def == nil:
				locked[n] = max(locked[n], locked[from])
			}
		}
	}
	for i, n := range p.steps {
		if from := locked[n]; from != none {
			p.Steps[i].Warnings = append(p.Steps[i].Warnings, fmt.Sprintf("it reads %s, which stays locked until the transaction "+
				"ends: refreshing this view elsewhere at the same time is a deadlock; refresh with SkipIfBusy or Concurrently", g.nodes[from].name))
			return
		}
	}
}

// warnOfCircle says of steps that read each other what comes of it.
func (p *Plan) warnOfCircle(members []int32) {
	var names []dialect.Name
	materialized := 0
	for _, n := range members {
		names = append(names, p.network.nodes[n].name)
		if p.network.nodes[n].def != nil {
			materialized++
		}
	}
	says := dialect.Few(names, ", ", dialect.Name.String) + " read each other: "
	if materialized == 1 {
		says += "a refresh gets what the one before it left"
	} else {
		says += "no order is right, and the materialized ones go by name"
	}
	for _, n := range members {
		if at := p.at[n]; at >= 0 {
			p.Steps[at].Warnings = append(p.Steps[at].Warnings, says)
		}
	}
}

// foresee is what the loaded picture tells of a refresh: its mode and why, and what is in its way.
func foresee(r *Registry, def *dialect.MatviewDef, how dialect.Refresh) (mode RefreshMode, why string, obstacles []string) {
	mode, why = ModeBlocking, "the default"
	switch {
	case how.Concurrently:
		mode, why = ModeConcurrent, "asked for"
	case how.IfPossible:
		mode, why = ModeConcurrent, "possible"
	}
	if querier.IsNil(r.access.dialect) {
		return mode, why, nil // running the plan will say so
	}
	blockers, err := r.access.dialect.RefreshBlockers(def, r.access.server, mode == ModeConcurrent)
	if err != nil {
		err = Known(context.Background(), r.access.dialect, dialect.Failure{Op: dialect.OpPlan, Name: def.Name, Matview: def, Err: err})
		return mode, why, []string{err.Error()}
	}
	for _, h := range blockers {
		switch {
		case !how.IfPossible || h.Reason == dialect.BlockerNotAllowed || h.Reason == dialect.BlockerOnStandby:
			obstacles = append(obstacles, h.Error())
		case mode == ModeConcurrent:
			mode, why = ModeBlocking, notConcurrently(h.Reason)
		}
	}
	return mode, why, obstacles
}

// String is the plan, a line for each step and for each view left out that has to do with
// one. No line is longer than [dialect.MaxText] bytes. What can't be seen in a name, such
// as a line break, stands there as Go writes it.
func (p *Plan) String() string {
	var b strings.Builder
	total := len(p.Steps) + len(p.Excluded)
	switch {
	case total == 0:
		b.WriteString("refresh nothing: there is no materialized view\n")
	case len(p.Steps) == 0:
		b.WriteString("refresh nothing: every materialized view is left out\n")
	default:
		fmt.Fprintf(&b, "refresh %d of %d materialized views, %s (%s)\n", len(p.Steps), total, atATime(p.Parallel), p.WhyParallel)
	}
	width := 0
	for _, s := range p.Steps {
		width = max(width, utf8.RuneCountInString(printable(s.Name.String())))
	}
	digits := len(fmt.Sprint(len(p.Steps)))
	before := p.predecessors()
	for i, s := range p.Steps {
		line := fmt.Sprintf("  %*d. %-*s  %s, %s", digits, i+1, width, printable(s.Name.String()), s.Mode, s.Why)
		if i < len(p.steps) {
			if places := before[p.steps[i]]; len(places) > 0 {
				line += "; after " + printable(p.after(places))
			}
		}
		b.WriteString(dialect.Cut(line, dialect.MaxText) + "\n")
		for _, w := range s.Warnings {
			line := fmt.Sprintf("  %*s  ! %s", digits, "", printable(w))
			b.WriteString(dialect.Cut(line, dialect.MaxText) + "\n")
		}
	}
	unrelated := 0
	for _, l := range p.Excluded {
		if l.Related || len(p.Steps) == 0 || !p.planning.named {
			line := printable(fmt.Sprintf("  left out: %s: %s", l.Name, l.Why))
			b.WriteString(dialect.Cut(line, dialect.MaxText) + "\n")
		} else {
			unrelated++
		}
	}
	switch unrelated {
	case 0:
	case 1:
		b.WriteString("  left out: 1 more that has nothing to do with these\n")
	default:
		fmt.Fprintf(&b, "  left out: %d more that have nothing to do with these\n", unrelated)
	}
	return b.String()
}

func atATime(n int) string {
	if n == 1 {
		return "one at a time"
	}
	return fmt.Sprintf("at most %d at a time", n)
}

// most is how many of the steps that a step waits for its line names.
const most = 3

// predecessors returns, for each node, the places of the first steps that it waits for,
// directly or through nodes that are no steps: one more than a line names. Each node takes
// them from the nodes before it. So the work grows with the edges, not with the pairs.
func (p *Plan) predecessors() [][]int32 {
	if p.network == nil {
		return nil
	}
	first := make([][]int32, len(p.network.nodes))
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

// earliest adds a place to the ascending first ones, if it is one of them.
func earliest(first []int32, at int32) []int32 {
	i, known := slices.BinarySearch(first, at)
	if known || i > most {
		return first
	}
	first = slices.Insert(first, i, at)
	return first[:min(len(first), most+1)]
}

// after names the steps at these places, or the first few of them.
func (p *Plan) after(places []int32) string {
	names := make([]string, 0, most+1)
	for i, at := range places {
		if i == most {
			names = append(names, "others")
			break
		}
		names = append(names, p.network.nodes[p.steps[at]].name.String())
	}
	return strings.Join(names, ", ")
}
