package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/massive"
)

// A simulation is a database with a ledger, whose refreshes take a given time. With
// synctest that time is exact.
type simulation struct {
	stub.Defaults
	mu      sync.Mutex
	catalog dialect.Catalog
	views   map[string]*simulated
	down    bool
	log     []ran // the refreshes that took place
	tries   map[string][]time.Time
}

// A simulated view.
type simulated struct {
	id                 int64
	reads              []string
	takes              time.Duration
	fails              error
	asOf, dataAsOf     time.Time
	took               time.Duration
	failures           int
	text               string
	failedAt           time.Time
	running            bool
	since              time.Time
	by                 string
	elsewhere, stopped bool // another session refreshes it; its refreshes ignore their context
	hidden, unrecorded bool // the ledger does not show that; it has no record of refreshes
	busy               int  // how many refreshes were skipped
}

// A ran is a refresh that has ended.
type ran struct {
	view, by   string
	start, end time.Time
}

// A simulatedPool is a replica's pool. It counts the calls at the same time.
type simulatedPool struct {
	stub.Querier
	name      string
	open      atomic.Int64 // MaxOpenConns
	now, most int
}

func (p *simulatedPool) Stats() sql.DBStats {
	return sql.DBStats{MaxOpenConnections: int(p.open.Load())}
}

var errDown = &stub.DriverError{State: "08006", Text: "connection refused"}

// newSimulation returns a simulation of views, each as "name reads reads".
func newSimulation(takes time.Duration, views ...string) *simulation {
	s := &simulation{views: map[string]*simulated{}, tries: map[string][]time.Time{}}
	s.catalog.SearchPath = []string{"public"}
	for _, v := range views {
		s.create(takes, v)
	}
	return s
}

func (s *simulation) create(takes time.Duration, view string) {
	words := strings.Fields(view)
	v := &simulated{id: int64(len(s.catalog.Matviews) + 1 + 100*len(s.tries)), reads: words[1:], takes: takes}
	s.views[words[0]] = v
	def := dialect.MatviewDef{Object: stub.Visible("public." + words[0]), Populated: true, MayRefresh: true}
	def.ID = v.id
	for _, r := range v.reads {
		def.Reads = append(def.Reads, s.views[r].id)
	}
	s.catalog.Matviews = append(s.catalog.Matviews, def)
}

func (s *simulation) drop(view string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.views, view)
	s.catalog.Matviews = slices.DeleteFunc(s.catalog.Matviews, func(d dialect.MatviewDef) bool { return d.Name.Name == view })
}

// set changes a view.
func (s *simulation) set(view string, f func(*simulated)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.views[view])
}

func (s *simulation) Name() string { return "simulation" }

func (s *simulation) Load(context.Context, dialect.Querier, dialect.Filter) (*dialect.Catalog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.catalog
	c.Matviews = slices.Clone(c.Matviews)
	return &c, nil
}

func (s *simulation) Classify(f dialect.Failure) error {
	if errors.Is(f.Err, error(errDown)) {
		return dialect.ErrUnavailable
	}
	return nil
}

func (s *simulation) CheckLedger(context.Context, dialect.Querier, dialect.Ledger) error { return nil }

// use counts a call on the replica's pool, and fails if the server is down.
func (s *simulation) use(q dialect.Querier) (release func(), err error) {
	p := q.(*simulatedPool)
	p.now++
	p.most = max(p.most, p.now)
	release = func() { s.mu.Lock(); p.now--; s.mu.Unlock() }
	if s.down {
		err = errDown
	}
	return release, err
}

func (s *simulation) Freshness(_ context.Context, q dialect.Querier, _ dialect.Ledger, _ []dialect.Name) (rows []dialect.Freshness, err error) {
	s.mu.Lock()
	release, err := s.use(q)
	defer release()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.views)) {
		v := s.views[name]
		f := dialect.Freshness{
			ID: v.id, Name: stub.Of("public." + name), Now: time.Now(), AsOf: v.asOf, DataAsOf: v.dataAsOf, By: v.by,
			Failures: v.failures, FailedAt: v.failedAt,
		}
		if v.failures > 0 {
			f.Error = v.text
		}
		if !v.asOf.IsZero() {
			f.Started, f.Finished = v.asOf, v.asOf.Add(v.took)
		}
		if v.running || v.elsewhere && !v.hidden {
			f.Running = &dialect.RunningRefresh{By: "another", Since: v.since}
		}
		rows = append(rows, f)
	}
	return rows, nil
}

func (s *simulation) DataAge(_ context.Context, q dialect.Querier, _ dialect.Ledger, n dialect.Name) (time.Duration, bool, error) {
	s.mu.Lock()
	release, err := s.use(q)
	defer release()
	defer s.mu.Unlock()
	v := s.views[n.Name]
	if v == nil {
		err = dialect.ErrNotFound
	}
	if err != nil || v.dataAsOf.IsZero() {
		return 0, false, err
	}
	return time.Since(v.dataAsOf), true, nil
}

// sources returns the least DataAsOf of what the view reads, and whether it is known.
func (s *simulation) sources(v *simulated) (oldest time.Time, known bool) {
	for i, r := range v.reads {
		if at := s.views[r].dataAsOf; i == 0 || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest, !oldest.IsZero()
}

func (s *simulation) RefreshMatview(ctx context.Context, q dialect.Querier, n dialect.Name, how dialect.Refresh) (dialect.Refreshed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	release, err := s.use(q)
	defer func() { s.mu.Unlock(); release(); s.mu.Lock() }()
	if err != nil {
		return dialect.Refreshed{}, err
	}
	v := s.views[n.Name]
	if v == nil {
		return dialect.Refreshed{}, dialect.ErrNotFound
	}
	if !how.SkipIfBusy || !how.IfOlder || how.Wait {
		return dialect.Refreshed{}, fmt.Errorf("KeepFresh refreshes with %+v", how)
	}
	if v.running || v.elsewhere {
		v.busy++
		return dialect.Refreshed{Busy: true}, nil
	}
	limit := time.Now().Add(-how.OlderThan)
	oldest, known := s.sources(v)
	older := v.asOf.Before(limit) || v.dataAsOf.Before(limit) && len(v.reads) > 0 && known && oldest.After(v.dataAsOf)
	if how.IfOlder && !older {
		return dialect.Refreshed{Fresh: true}, nil
	}
	began := time.Now()
	s.tries[n.Name] = append(s.tries[n.Name], began)
	v.running, v.since = true, began
	s.mu.Unlock()
	if v.stopped {
		time.Sleep(v.takes)
	} else {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(v.takes):
		}
	}
	s.mu.Lock()
	v.running = false
	switch {
	case s.down:
		return dialect.Refreshed{}, errDown
	case err == nil && v.fails != nil:
		return dialect.Refreshed{}, v.fails
	case err != nil:
		return dialect.Refreshed{}, err
	}
	s.log = append(s.log, ran{n.Name, q.(*simulatedPool).name, began, time.Now()})
	if v.unrecorded {
		return dialect.Refreshed{}, nil
	}
	v.asOf, v.dataAsOf, v.took, v.failures, v.by = began, began, v.takes, 0, q.(*simulatedPool).name
	if len(v.reads) > 0 && oldest.Before(began) {
		v.dataAsOf = oldest // zero if unknown
	}
	return dialect.Refreshed{Recorded: true}, nil
}

func (s *simulation) RecordFailure(_ context.Context, q dialect.Querier, _ dialect.Ledger, n dialect.Name, text string) error {
	s.mu.Lock()
	release, err := s.use(q)
	defer release()
	defer s.mu.Unlock()
	if err == nil {
		v := s.views[n.Name]
		v.failures, v.failedAt, v.text = v.failures+1, time.Now(), text
	}
	return err
}

// A keeping is a replica that keeps views fresh.
type keeping struct {
	m      *massive.DB
	pool   *simulatedPool
	events []massive.FreshnessEvent
	ended  chan error
	stop   context.CancelFunc
}

// load loads the simulation for a replica.
func (s *simulation) load(t *testing.T, name string) (*massive.DB, *simulatedPool) {
	t.Helper()
	pool := &simulatedPool{name: name}
	m, err := massive.Load(t.Context(), pool, s, massive.WithLedger("ledger"))
	noError(t, err)
	return m, pool
}

// keep starts a replica.
func (s *simulation) keep(t *testing.T, name string, policies []massive.Policy, opts ...massive.KeepFreshOption) *keeping {
	t.Helper()
	k := &keeping{ended: make(chan error, 1)}
	k.m, k.pool = s.load(t, name)
	ctx, stop := context.WithCancel(t.Context())
	k.stop = stop
	opts = append(opts, massive.OnFreshness(func(e massive.FreshnessEvent) {
		s.mu.Lock()
		k.events = append(k.events, e)
		s.mu.Unlock()
	}))
	go func() { k.ended <- k.m.KeepFresh(ctx, policies, opts...) }()
	return k
}

// end ends a replica and waits for the end of its call.
func (k *keeping) end(t *testing.T) {
	t.Helper()
	k.stop()
	mustBe(t, <-k.ended, context.Canceled, "massive: keep fresh")
}

// count returns the number of events of a kind for a view.
func (k *keeping) count(kind massive.FreshnessKind, view string) (n int) {
	for _, e := range k.events {
		if e.Kind == kind && (view == "" || e.View.Name == view) {
			n++
		}
	}
	return n
}

// whys returns the reasons why a view was reported as behind.
func (k *keeping) whys(view string) (all []string) {
	for _, e := range k.events {
		if e.Kind == massive.FreshnessBehind && e.View.Name == view {
			all = append(all, e.Why)
		}
	}
	return all
}

// oldest runs the simulation for some time and returns the greatest age of the view's
// data.
func (s *simulation) oldest(d time.Duration, view string) (age time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		age = max(age, time.Since(s.views[view].dataAsOf))
		s.mu.Unlock()
	}
	return age
}

// runs returns the refreshes of a view, by their beginning. They must not overlap.
func (s *simulation) runs(t *testing.T, view string) (all []ran) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.log {
		if r.view == view {
			all = append(all, r)
		}
	}
	for i := range all {
		if i > 0 && all[i].start.Before(all[i-1].end) {
			t.Errorf("refreshes of %s overlap: %v", view, all[i-1:i+1])
		}
	}
	return all
}

func simulate(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

const second = time.Second

// Three replicas keep a view within its target, and each refresh takes place once.
func TestKeepFreshHoldsItsTarget(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(300*time.Millisecond, "v")
		policies := []massive.Policy{{TargetLag: 2 * second}}
		var all []*keeping
		for i := range 3 {
			all = append(all, s.keep(t, fmt.Sprint("replica ", i), policies))
		}
		time.Sleep(second)
		if age := s.oldest(60*second, "v"); age > 2*second {
			t.Errorf("the rows were %v old, want at most 2s", age)
		}
		refreshed, joined := 0, 0
		for _, k := range all {
			k.end(t)
			refreshed += k.count(massive.FreshnessRefreshed, "v")
			joined += k.count(massive.FreshnessJoined, "v")
			same(t, "behind "+strings.Join(k.whys("v"), ", "), len(k.whys("v")), 0)
			if k.pool.most > 2 {
				t.Errorf("a replica used %d connections at a time, want at most 2", k.pool.most)
			}
		}
		runs := s.runs(t, "v")
		same(t, "events of refreshes", refreshed, len(runs))
		if len(runs) < 31 || len(runs) > 42 {
			t.Errorf("%d refreshes in a minute, want one each 1.5 to 2 seconds", len(runs))
		}
		if least := 2 * (refreshed - 2); joined < least {
			t.Errorf("%d events of refreshes by others, want at least %d", joined, least)
		}
		t.Logf("%d refreshes, %d joined", refreshed, joined)
	})
}

// A chain of views has the target lag at its end, although only that is in a policy.
func TestKeepFreshRefreshesUpstreamFirst(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(200*time.Millisecond, "a", "b a", "c b")
		k := s.keep(t, "one", []massive.Policy{{Views: []string{"c"}, TargetLag: 3 * second}})
		other := s.keep(t, "two", []massive.Policy{{Views: []string{"c"}, TargetLag: 3 * second}})
		time.Sleep(second)
		if age := s.oldest(60*second, "c"); age > 3*second {
			t.Errorf("the rows were %v old, want at most 3s", age)
		}
		k.end(t)
		other.end(t)
		var order strings.Builder
		for _, r := range s.log {
			order.WriteString(r.view)
		}
		if want := strings.Repeat("abc", 30); !strings.HasPrefix(want, order.String()[:3*20]) {
			t.Errorf("the refreshes were %s, want abc again and again", &order)
		}
		for _, r := range []string{"a", "b", "c"} {
			if n := len(s.runs(t, r)); n < 20 || n > 42 {
				t.Errorf("%d refreshes of %s in a minute, want 20 to 42", n, r)
			}
		}
	})
}

// A view that fails is tried at growing intervals, by one replica or another. Other views
// don't wait for it.
func TestKeepFreshBacksOff(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(100*time.Millisecond, "good", "bad", "reader bad")
		broken := &stub.DriverError{State: "22012", Text: "division by zero"}
		s.set("bad", func(v *simulated) { v.fails = broken })
		policies := []massive.Policy{{TargetLag: 2 * second, MaxBackoff: 8 * second}}
		var all []*keeping
		for i := range 3 {
			all = append(all, s.keep(t, fmt.Sprint("replica ", i), policies))
		}
		time.Sleep(second)
		if age := s.oldest(60*second, "good"); age > 2*second {
			t.Errorf("the rows of the good view were %v old, want at most 2s", age)
		}
		// 0, 1, 3, 7, 15, 23, 31 … seconds, and at most one further try by each other replica
		if n := len(s.tries["bad"]); n < 9 || n > 3*11 {
			t.Errorf("%d tries in a minute: %v", n, s.tries["bad"])
		}
		s.set("bad", func(v *simulated) { v.fails = nil })
		time.Sleep(10 * second)
		for _, k := range all {
			k.end(t)
			why := k.whys("bad")
			if len(why) == 0 || !strings.HasSuffix(why[0], "division by zero") {
				t.Errorf("the view is behind because %q, want once the error", why)
			}
			same(t, "recoveries", k.count(massive.FreshnessRecovered, "bad"), 1)
		}
		failed := 0
		for _, k := range all {
			failed += k.count(massive.FreshnessFailed, "bad")
		}
		t.Logf("%d tries failed, %d events", len(s.tries["bad"]), failed)
	})
}

// If a replica dies during a refresh, another one takes over within one poll.
func TestKeepFreshReplacesADeadReplica(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(400*time.Millisecond, "v")
		policies := []massive.Policy{{TargetLag: 4 * second}}
		var all []*keeping
		for i := range 3 {
			all = append(all, s.keep(t, fmt.Sprint("replica ", i), policies))
		}
		for range 2 {
			running := func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.views["v"].running && len(s.log) >= 3
			}
			for running() {
				time.Sleep(time.Millisecond)
			}
			for !running() {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(200 * time.Millisecond)
			// The server ends the refresh of the dead replica.
			for i, k := range all {
				s.mu.Lock()
				runs := k.pool.now > 0
				s.mu.Unlock()
				if runs {
					k.end(t)
					all = slices.Delete(all, i, i+1)
					break
				}
			}
			died := time.Now()
			time.Sleep(time.Millisecond)
			for !running() {
				time.Sleep(time.Millisecond)
			}
			if took := time.Since(died); took > second/2 {
				t.Errorf("another replica took over after %v, want an eighth of the lag", took)
			}
			if age := s.oldest(20*second, "v"); age > 4*second+700*time.Millisecond {
				t.Errorf("the rows were %v old", age)
			}
		}
		same(t, "replicas that live", len(all), 1)
		all[0].end(t)
	})
}

// A view whose refresh takes longer than its target lag is refreshed half of the time. Views
// that don't read it don't wait.
func TestKeepFreshReportsASlowView(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(100*time.Millisecond, "quick", "slow")
		s.set("slow", func(v *simulated) { v.takes = 3 * second })
		k := s.keep(t, "one", []massive.Policy{{TargetLag: 2 * second}}, massive.KeepParallel(2))
		time.Sleep(4 * second)
		if age := s.oldest(60*second, "quick"); age > 2*second {
			t.Errorf("the rows of the other view were %v old, want at most 2s", age)
		}
		k.end(t)
		if n := len(s.runs(t, "slow")); n < 9 || n > 12 {
			t.Errorf("%d refreshes in 64 seconds, want one each 6 seconds", n)
		}
		if why := k.whys("slow"); len(why) == 0 || !strings.HasPrefix(why[0], "a refresh takes 2.") {
			t.Errorf("the view is behind because %q", why)
		}
		same(t, "recoveries", k.count(massive.FreshnessRecovered, "slow") <= 1, true)
	})
}

// While the server is down, the rows become older than the target. Afterwards they are
// refreshed at once.
func TestKeepFreshSurvivesOutages(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(100*time.Millisecond, "v")
		k := s.keep(t, "one", []massive.Policy{{TargetLag: 2 * second}})
		down := func(is bool) { s.mu.Lock(); s.down = is; s.mu.Unlock() }
		time.Sleep(10 * second)
		down(true)
		time.Sleep(10 * second)
		down(false)
		time.Sleep(6 * second)
		if age := s.oldest(20*second, "v"); age > 2*second {
			t.Errorf("the rows were %v old after the outage", age)
		}
		k.end(t)
		var got []string
		for _, e := range k.events {
			if e.Kind != massive.FreshnessRefreshed && (len(got) == 0 || got[len(got)-1] != e.String()) {
				got = append(got, e.Kind.String()+": "+e.String())
			}
		}
		if len(got) < 4 || got[0] != "failed: massive: read the freshness of: server unavailable: driver: connection refused" ||
			!strings.HasPrefix(got[1], "behind: public.v is behind its target of 2s: its rows are 2s") && !strings.HasPrefix(got[1], "behind: public.v is behind its target of 2s: its rows are 2.0") ||
			!strings.HasSuffix(got[1], "old: the ledger can't be read: server unavailable: driver: connection refused") ||
			got[2] != "recovered: the ledger can be read again" || got[len(got)-1] != "recovered: public.v is within its target again" {
			t.Errorf("got events\n%s", strings.Join(got, "\n"))
		}
	})
}

// KeepFresh never uses more connections than KeepParallel and the pool allow.
func TestKeepFreshLimitsConnections(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		parallel int
		open     int64
		views    int
		takes    time.Duration
		want     int
	}{
		{1, 0, 12, second / 5, 2},
		{3, 0, 12, second / 5, 4},
		{3, 2, 12, second / 5, 2},
		{3, 1, 12, second / 5, 1},
		{1, 1, 2, 4 * second, 1}, // longer than the time between two readings
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			simulate(t, func(t *testing.T) {
				var views []string
				for i := range c.views {
					views = append(views, fmt.Sprint("v", i))
				}
				s := newSimulation(c.takes, views...)
				k := s.keep(t, "one", []massive.Policy{{TargetLag: 20 * second}}, massive.KeepParallel(c.parallel))
				k.pool.open.Store(c.open)
				time.Sleep(60 * second)
				k.end(t)
				same(t, "connections at a time", k.pool.most, c.want)
				for _, v := range views {
					if n := len(s.runs(t, v)); n < 3 || n > 6 {
						t.Errorf("%d refreshes of %s, want 3 to 6", n, v)
					}
				}
			})
		})
	}
}

// A view that the ledger does not know, or that another session locks, is not tried again
// and again.
func TestKeepFreshPausesWithoutProgress(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(10*time.Millisecond, "locked", "unrecorded")
		s.set("locked", func(v *simulated) { v.elsewhere, v.hidden = true, true })
		s.set("unrecorded", func(v *simulated) { v.unrecorded = true })
		k := s.keep(t, "one", []massive.Policy{{TargetLag: 2 * second}})
		time.Sleep(10 * second)
		k.end(t)
		if n := s.views["locked"].busy; n < 20 || n > 101 {
			t.Errorf("%d tries in ten seconds, want at most ten in a second", n)
		}
		if n := len(s.runs(t, "unrecorded")); n < 5 || n > 11 {
			t.Errorf("%d refreshes in ten seconds, want at most two per target lag", n)
		}
		if why := k.whys("locked"); len(why) != 1 || !strings.HasPrefix(why[0], "busy: another refresh of it is running") {
			t.Errorf("the locked view is behind because %q", why)
		}
	})
}

// A refresh that ends in spite of the end of the context is reported.
func TestKeepFreshReportsItsLastRefresh(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(500*time.Millisecond, "v")
		s.set("v", func(v *simulated) { v.stopped = true })
		k := s.keep(t, "one", []massive.Policy{{TargetLag: time.Minute}})
		time.Sleep(100 * time.Millisecond)
		k.end(t)
		same(t, "reported refreshes", k.count(massive.FreshnessRefreshed, "v"), 1)
	})
}

// If the caller's function panics, KeepFresh waits for its refreshes, too.
func TestKeepFreshEndsItsRefreshesIfAFunctionPanics(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(500*time.Millisecond, "quick", "slow")
		s.set("quick", func(v *simulated) { v.takes = 0 })
		s.set("slow", func(v *simulated) { v.stopped = true })
		m, pool := s.load(t, "one")
		func() {
			defer func() { same(t, "panic", recover(), any("oh")) }()
			_ = m.KeepFresh(t.Context(), []massive.Policy{{TargetLag: time.Minute}}, massive.KeepParallel(2),
				massive.OnFreshness(func(massive.FreshnessEvent) { panic("oh") }))
		}()
		s.mu.Lock()
		defer s.mu.Unlock()
		same(t, "calls that run", pool.now, 0)
	})
}

// KeepFresh follows reloads: views come, go and are recreated.
func TestKeepFreshFollowsReloads(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(100*time.Millisecond, "day_a", "named")
		k := s.keep(t, "one", []massive.Policy{{Views: []string{"day_*"}, TargetLag: 2 * second}, {Views: []string{"named"}, TargetLag: 4 * second}})
		reload := func() {
			if _, err := k.m.Reload(t.Context()); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(10 * second)
		s.mu.Lock()
		s.create(100*time.Millisecond, "day_b")
		s.mu.Unlock()
		reload()
		time.Sleep(10 * second)
		if n := len(s.runs(t, "day_b")); n < 4 {
			t.Errorf("%d refreshes of a new view, want at least 4", n)
		}
		s.drop("day_a")
		s.drop("named")
		time.Sleep(5 * second) // before the reload, too
		reload()
		time.Sleep(5 * second)
		before := len(s.runs(t, "named"))
		s.mu.Lock()
		s.create(100*time.Millisecond, "named")
		s.mu.Unlock()
		reload()
		time.Sleep(10 * second)
		if n := len(s.runs(t, "named")); n < before+2 {
			t.Errorf("%d refreshes of a recreated view, want at least 2", n-before)
		}
		k.end(t)
		var got []string
		for _, e := range k.events {
			if e.Kind != massive.FreshnessRefreshed {
				got = append(got, fmt.Sprintf("%s %v", e.Kind, e.View))
				if e.Kind == massive.FreshnessFailed {
					mustBe(t, e.Err, massive.ErrNotFound)
				}
			}
		}
		want := []string{"failed public.named", "recovered public.named"}
		if !slices.Equal(got, want) {
			t.Errorf("got events %q, want %q", got, want)
		}
	})
}

// A view that another session refreshes is left alone. Its readers wait.
func TestKeepFreshWaitsForOtherSessions(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(100*time.Millisecond, "a", "b a")
		k := s.keep(t, "one", []massive.Policy{{Views: []string{"b"}, TargetLag: 2 * second}})
		time.Sleep(10 * second)
		s.set("a", func(v *simulated) { v.elsewhere, v.since = true, time.Now() })
		a, b := len(s.runs(t, "a")), len(s.runs(t, "b"))
		time.Sleep(10 * second)
		if n := len(s.runs(t, "a")); n > a+1 {
			t.Errorf("%d refreshes of a busy view", n-a)
		}
		if n := len(s.runs(t, "b")); n > b+1 {
			t.Errorf("%d refreshes of a view that reads a busy view", n-b)
		}
		s.set("a", func(v *simulated) { v.elsewhere = false })
		time.Sleep(10 * second)
		k.end(t)
		if len(k.whys("a")) == 0 || len(k.whys("b")) == 0 || !strings.Contains(k.whys("b")[0], "it waits for public.a") {
			t.Errorf("the busy view is behind because %q, and its reader because %q", k.whys("a"), k.whys("b"))
		}
		same(t, "recoveries", k.count(massive.FreshnessRecovered, ""), 2)
	})
}

// KeepFresh returns a second after its context ends even if the driver does not.
func TestKeepFreshEndsIfTheDriverHangs(t *testing.T) {
	simulate(t, func(t *testing.T) {
		s := newSimulation(time.Minute, "v")
		s.set("v", func(v *simulated) { v.stopped = true })
		k := s.keep(t, "one", []massive.Policy{{TargetLag: 2 * second}})
		time.Sleep(10 * second)
		began := time.Now()
		k.end(t)
		same(t, "KeepFresh returned after", time.Since(began), time.Second)
		time.Sleep(time.Minute) // until the driver's call returns
	})
}

// Wrong policies are errors before anything starts.
func TestKeepFreshRefusesWrongPolicies(t *testing.T) {
	t.Parallel()
	s := newSimulation(0, "a", "b a", "day_a")
	m, _ := s.load(t, "one")
	bare, err := massive.Load(t.Context(), &simulatedPool{}, s)
	noError(t, err)
	minute := func(views ...string) massive.Policy { return massive.Policy{Views: views, TargetLag: time.Minute} }
	hour := func(views ...string) massive.Policy { return massive.Policy{Views: views, TargetLag: time.Hour} }
	for _, c := range []struct {
		rule     string
		m        *massive.DB
		policies []massive.Policy
		opts     []massive.KeepFreshOption
		is       error
		says     string
	}{
		{"no policy", m, nil, nil, massive.ErrInvalid, "no policy"},
		{"zero lag", m, []massive.Policy{minute("a"), {}}, nil, massive.ErrInvalid, "policy 2: invalid argument: the target lag is 0s"},
		{"negative lag", m, []massive.Policy{{TargetLag: -1}}, nil, massive.ErrInvalid, "the target lag is -1ns"},
		{"negative backoff", m, []massive.Policy{{TargetLag: 1, MaxBackoff: -1}}, nil, massive.ErrInvalid, "MaxBackoff is -1ns"},
		{"unknown view", m, []massive.Policy{minute("c")}, nil, massive.ErrNotFound, "c: "},
		{"pattern without views", m, []massive.Policy{minute("week_*")}, nil, massive.ErrNotFound, "week_*"},
		{"two lags", m, []massive.Policy{minute("a", "b"), hour("b")}, nil, massive.ErrInvalid, "two policies with different lags or options are for view public.b"},
		{"two lags by pattern", m, []massive.Policy{minute("day_*"), hour()}, nil, massive.ErrInvalid, "public.day_a"},
		{"two options", m, []massive.Policy{minute("a"), {Views: []string{"a"}, TargetLag: time.Minute, Refresh: []massive.RefreshOption{massive.Concurrently()}}}, nil, massive.ErrInvalid, "public.a"},
		{"emptied views", m, []massive.Policy{{TargetLag: 1, Refresh: []massive.RefreshOption{massive.WithNoData()}}}, nil, massive.ErrInvalid, "WithNoData"},
		{"zero refresh option", m, []massive.Policy{{TargetLag: 1, Refresh: []massive.RefreshOption{{}}}}, nil, massive.ErrInvalid, "zero RefreshOption"},
		{"zero option", m, []massive.Policy{minute()}, []massive.KeepFreshOption{{}}, massive.ErrInvalid, "zero KeepFreshOption"},
		{"no refresh", m, []massive.Policy{minute()}, []massive.KeepFreshOption{massive.KeepParallel(0)}, massive.ErrInvalid, "KeepParallel"},
		{"nil function", m, []massive.Policy{minute()}, []massive.KeepFreshOption{massive.OnFreshness(nil)}, massive.ErrInvalid, "OnFreshness"},
		{"nil logger", m, []massive.Policy{minute()}, []massive.KeepFreshOption{massive.LogFreshness(nil)}, massive.ErrInvalid, "LogFreshness"},
		{"no ledger", bare, []massive.Policy{minute()}, nil, massive.ErrInvalid, "CreateLedger"},
		{"no querier", m.With(nil), []massive.Policy{minute()}, nil, massive.ErrInvalid, "querier is nil"},
		{"a transaction", m.With(&transaction{}), []massive.Policy{minute()}, nil, massive.ErrInvalid, "transaction"},
		{"the zero DB", new(massive.DB), []massive.Policy{minute()}, nil, massive.ErrInvalid, "zero value"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			mustBe(t, c.m.KeepFresh(t.Context(), c.policies, c.opts...), c.is, "massive: keep fresh", c.says)
		})
	}
	var none context.Context
	mustBe(t, m.KeepFresh(none, []massive.Policy{minute()}), massive.ErrInvalid)
	same(t, "tries", len(s.tries), 0)
}
