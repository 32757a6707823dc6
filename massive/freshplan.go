package massive

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A policy is a [Policy] whose options were checked.
type policy struct {
	views []string
	terms
	opts []RefreshOption // with SkipIfBusy
}

// The terms of two policies for one view must be equal.
type terms struct {
	lag, backoff time.Duration
	how          dialect.Refresh
}

func newPolicy(given Policy) (policy, error) {
	p := policy{slices.Clone(given.Views), terms{lag: given.TargetLag, backoff: given.MaxBackoff}, slices.Clone(given.Refresh)}
	switch {
	case p.lag <= 0:
		return p, fmt.Errorf("%w: the target lag is %v; it must be above 0, for example time.Minute", ErrInvalid, p.lag)
	case p.backoff < 0:
		return p, fmt.Errorf("%w: MaxBackoff is %v, less than 0", ErrInvalid, p.backoff)
	case p.backoff == 0:
		p.backoff = defaultBackoff
	}
	var err error
	if p.how, err = registry.RefreshOptions(p.opts); err != nil {
		return p, err
	}
	if p.how.NoData {
		return p, fmt.Errorf("%w: WithNoData empties the views", ErrInvalid)
	}
	if !p.how.SkipIfBusy {
		p.how.SkipIfBusy = true
		p.opts = append(p.opts, SkipIfBusy())
	}
	return p, nil
}

// A target is a view that is kept fresh.
type target struct {
	view Matview
	terms
	opts  []RefreshOption
	named string // how a policy names it, or empty
}

// A keepPlan says which views are kept fresh, and how, according to a snapshot and the latest
// reading of the ledger.
type keepPlan struct {
	registry *Registry
	network  *network
	targets  []*target     // of each node, or nil
	smallest time.Duration // the smallest target lag

	rows map[Name]dialect.Freshness // of loaded views
	read time.Time                  // when the reading began
}

// A problem is a part of a policy that can't be followed.
type problem struct {
	name    string // that has no view, as it was written; or empty
	view    Name
	err     error
	pattern bool // that matches nothing
}

// newKeepPlan finds the views that the policies keep fresh. If two policies differ for a view,
// the first one applies, and the problem is returned.
func newKeepPlan(r *Registry, policies []policy) (keepPlan, []problem) {
	p := keepPlan{registry: r, network: newNetwork(r), smallest: forever}
	p.targets = make([]*target, len(p.network.views))
	var problems []problem
	for _, by := range policies {
		add := func(name Name, named string) {
			n := p.network.find(name)
			switch t := p.targets[n]; {
			case t == nil:
				p.targets[n] = &target{view: p.network.views[n].Matview, terms: by.terms, opts: by.opts, named: named}
			case t.terms != by.terms:
				problems = append(problems, problem{view: name, err: fmt.Errorf(
					"%w: two policies with different lags or options are for view %s", ErrInvalid, name)})
			case t.named == "":
				t.named = named
			}
		}
		if len(by.views) == 0 {
			for _, view := range r.Matviews() {
				add(view.Name(), "")
			}
		}
		for _, name := range by.views {
			views, pattern, err := viewsNamed(r, name)
			if err != nil {
				view, _ := dialect.ParseName(name)
				problems = append(problems, problem{name: name, view: view, err: err, pattern: pattern})
			}
			named := name
			if pattern {
				named = ""
			}
			for _, view := range views {
				add(view, named)
			}
		}
	}
	p.addUpstream()
	return p, problems
}

// viewsNamed returns the views that a name or a pattern means, and whether it is a
// pattern.
func viewsNamed(r *Registry, name string) (views []Name, pattern bool, err error) {
	if p, err := dialect.ParsePattern(name); err == nil && p.HasWildcard() {
		if views = r.Match(KindMatview, p); len(views) == 0 {
			return nil, true, registry.NoMatch(KindMatview, p)
		}
		return views, true, nil
	}
	view, err := r.Matview(name)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", dialect.Cut(name, dialect.MaxText/10), cause(err))
	}
	return []Name{view.Name()}, false, nil
}

// addUpstream adds the views that the targets read, and applies the lag of readers.
func (p *keepPlan) addUpstream() {
	g := p.network
	strictest := make([]*target, len(g.views)) // of each node, the reader with the smallest lag
	for _, n := range slices.Backward(g.order) {
		var reader *target
		for _, to := range g.after[n] {
			of := p.targets[to]
			if of == nil {
				of = strictest[to]
			}
			if of != nil && (reader == nil || of.lag < reader.lag) {
				reader = of
			}
		}
		strictest[n] = reader
		t := p.targets[n]
		switch {
		case reader == nil:
		case t != nil:
			t.lag = min(t.lag, reader.lag)
		case g.loaded(n) && g.views[n].Matview.MayRefresh():
			p.targets[n] = &target{view: g.views[n].Matview, terms: reader.terms, opts: reader.opts}
		}
		if t := p.targets[n]; t != nil {
			p.smallest = min(p.smallest, t.lag)
		}
	}
}

// A kept is the state of a view that is kept fresh.
type kept struct {
	target *target
	// jitter is a random number from 0 to 1. It makes each replica act at another moment.
	jitter float64

	row      dialect.Freshness // of the latest reading
	exists   bool              // in that reading
	missing  bool              // and this was reported
	unknown  time.Time         // since when the age has been unknown; zero if it is known
	outdated bool              // a refresh has ended since that reading
	own      bool              // the next change of the row comes from this process
	reported lagCause          // the reported reasons why the view is behind

	running   bool // a refresh by this process
	floor     time.Duration
	notBefore time.Time // the next refresh begins no earlier
	busy      string    // why the last refresh was skipped, or empty
	failures  int       // of this process since the last refresh
	failedAt  time.Time
	err       error
}

// take takes a row of the ledger, which was read at that time.
func (v *kept) take(row dialect.Freshness, exists bool, at time.Time) {
	if row.ID != v.row.ID { // a new view
		v.failures, v.notBefore, v.own, v.unknown = 0, time.Time{}, false, time.Time{}
	}
	if !row.AsOf.Equal(v.row.AsOf) {
		v.own = false
		if !row.AsOf.IsZero() {
			v.failures, v.busy = 0, ""
		}
		v.jitter = rand.Float64() //nolint:gosec // see jitter
	}
	switch {
	case !row.DataAsOf.IsZero():
		v.unknown = time.Time{}
	case v.unknown.IsZero():
		v.unknown = at
	}
	v.row, v.exists, v.outdated = row, exists, false
}

// beginAt returns the age at which a refresh begins, so that it ends within the lag with
// something to spare. Floor is the smallest such age: a view is refreshed at most twice per
// lag, and at most half of the time.
func beginAt(lag, took time.Duration) (age, floor time.Duration) {
	floor = max(lag/2, 2*took)
	return max(lag-lag/32-took*5/4, floor), floor
}

const forever = time.Duration(1<<63 - 1)

// A lagCause is the kind of a reason why a view is behind. Causes are bits.
type lagCause uint8

const (
	unreachable lagCause = 1 << iota
	failing
	slow
	upstream
	occupied // by another session
	limited  // by KeepParallel
	late
)

// A reason says why a view is behind.
type reason struct {
	cause lagCause
	text  string
}

// A verdict says what to do with a view.
type verdict struct {
	view    *kept
	due     bool              // its rows are old, and a refresh makes them younger
	pausing bool              // after a failure or another attempt
	now     dialect.Freshness // the latest reading, as of now
	age     time.Duration     // refresh the view if its rows are older
	ready   bool              // begin now
	wait    time.Duration     // look again after this time; 0 if nothing is to be waited for
	overdue float64           // in target lags
	young   bool              // the age is known and within the target
	left    time.Duration     // if young: until it no longer is
	behind  bool
	because reason // if the view is behind
}

// sources is what a node reads, through nodes that are no materialized views.
type sources struct {
	any     bool
	known   bool      // the age of each is known
	oldest  time.Time // the least DataAsOf
	limits  Name      // the source of that, or a source of unknown age
	holds   Name      // a source that is due or being refreshed
	holding bool
}

func (s *sources) add(o sources) {
	if !o.any {
		return
	}
	switch {
	case !s.any:
		s.known, s.oldest, s.limits = o.known, o.oldest, o.limits
	case !s.known:
	case !o.known, o.oldest.Before(s.oldest):
		s.known, s.oldest, s.limits = o.known, o.oldest, o.limits
	}
	if o.holding && !s.holding {
		s.holds, s.holding = o.holds, true
	}
	s.any = true
}

// judge returns what to do with each existing view, each after the views that it reads. It
// has no effect on the views, except for their floor.
func (p *keepPlan) judge(now time.Time, views map[Name]*kept) (all []*verdict) {
	g := p.network
	// An age that a refresh must not wait for, so that the readers begin in time.
	begin := make([]time.Duration, len(g.views))
	for _, n := range slices.Backward(g.order) {
		need := forever
		for _, to := range g.after[n] {
			need = min(need, begin[to])
		}
		begin[n] = need
		if t := p.targets[n]; t != nil {
			if v := views[t.view.Name()]; v != nil {
				begin[n], v.floor = beginAt(min(t.lag, need), v.row.Took())
			}
		}
	}
	above := make([]sources, len(g.views)) // what a node reads
	as := make([]sources, len(g.views))    // what a node is to its readers
	for _, n := range g.order {
		for _, from := range g.before[n] {
			above[n].add(as[from])
		}
		if g.views[n].Matview == nil {
			as[n] = above[n]
			continue
		}
		name := g.views[n].Name
		row, exists := p.rows[name]
		as[n] = sources{any: true, known: !row.DataAsOf.IsZero(), oldest: row.DataAsOf, limits: name, holds: name, holding: row.Running != nil}
		var v *kept
		if t := p.targets[n]; t != nil {
			v = views[name]
		}
		if v == nil || !exists {
			continue
		}
		d := v.judge(now, now.Sub(p.read), begin[n], above[n])
		as[n].holding = as[n].holding || v.running || v.outdated || d.due && !d.pausing
		all = append(all, d)
	}
	return all
}

// judge judges a view that exists, some time after the latest reading. Its refresh begins
// at the age begin.
func (v *kept) judge(now time.Time, elapsed, begin time.Duration, reads sources) *verdict {
	row := v.row
	row.Now = row.Now.Add(elapsed)
	d := &verdict{view: v, now: row, age: begin - time.Duration(float64(begin/16)*v.jitter)}
	var left time.Duration
	age, known := row.Age()
	data, dataKnown := row.DataAge()
	if known {
		left = d.age - age
		if reads.any && reads.known && reads.oldest.After(row.DataAsOf) { // a refresh gets newer rows
			left = min(left, d.age-data) // if the age of the data is unknown, data is 0
			if !dataKnown {
				left = 0
			}
		}
	}
	d.due = left <= 0
	d.overdue = float64(-left) / float64(v.target.lag)
	if !known {
		d.overdue = 1e9
	}
	rest := max(v.notBefore.Sub(now), v.backoff(now, row))
	d.pausing = rest > 0
	switch {
	case v.running || v.outdated: // the end of the refresh, or the next reading, is the next step
	case !d.due:
		d.wait = left
	case d.pausing:
		d.wait = rest
	case row.Running != nil:
		d.wait = max(row.Took()/4, shortestPoll)
	default:
		d.ready = !reads.holding
	}
	d.young, d.left = dataKnown && data <= v.target.lag, v.target.lag-data
	d.behind = dataKnown && data > v.target.lag ||
		!dataKnown && (row.Failures+v.failures > 0 || now.Sub(v.unknown) > v.target.lag)
	if d.behind {
		d.because = v.because(d, begin, reads)
	}
	return d
}

// backoff returns the rest of the pause after failures, of any process.
func (v *kept) backoff(now time.Time, row dialect.Freshness) (rest time.Duration) {
	for _, f := range []struct {
		failures int
		since    time.Duration
	}{
		{v.failures, now.Sub(v.failedAt)},
		{row.Failures, row.Now.Sub(row.FailedAt)},
	} {
		if f.failures > 0 {
			pause := v.target.backoff
			if f.failures < 30 {
				pause = min(pause, firstBackoff<<(f.failures-1))
			}
			pause -= time.Duration(float64(pause/8) * v.jitter)
			rest = max(rest, pause-max(f.since, 0))
		}
	}
	return rest
}

// because returns why the view is behind.
func (v *kept) because(d *verdict, begin time.Duration, reads sources) reason {
	row := d.now
	took := row.Took()
	if row.Running != nil && !row.Running.Since.IsZero() {
		took = max(took, row.Now.Sub(row.Running.Since))
	}
	switch failures := max(row.Failures, v.failures); {
	case failures > 0:
		why := row.Error
		if v.failures > 0 {
			why = reasonOf(v.err)
		}
		if failures == 1 {
			return reason{failing, "its refresh failed: " + why}
		}
		return reason{failing, fmt.Sprintf("%d attempts to refresh it failed: %s", failures, why)}
	case begin+took > v.target.lag:
		return reason{slow, fmt.Sprintf("a refresh takes %v", took.Round(time.Millisecond))}
	case reads.holding:
		return reason{upstream, fmt.Sprintf("it waits for %s, which is due or being refreshed", reads.holds)}
	case !d.due && reads.any && !reads.known:
		return reason{upstream, fmt.Sprintf("it reads %s, whose rows are of unknown age", reads.limits)}
	case !d.due && reads.any:
		return reason{upstream, fmt.Sprintf("it reads %s, whose rows are as old", reads.limits)}
	case row.Running != nil && !v.running:
		return reason{occupied, "another session refreshes it: " + row.Running.By}
	case v.busy != "":
		return reason{occupied, v.busy}
	default:
		return reason{late, "its refresh began late"}
	}
}
