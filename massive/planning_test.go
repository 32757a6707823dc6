package massive_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/massive"
)

// A pool is a querier that opens at most so many connections, or any number if 0.
type pool struct {
	stub.Querier
	most int
}

func (p *pool) Stats() sql.DBStats { return sql.DBStats{MaxOpenConnections: p.most} }

// A transaction is a querier with Commit and Rollback.
type transaction struct{ stub.Querier }

func (*transaction) Commit() error   { return nil }
func (*transaction) Rollback() error { return nil }

func planOf(t *testing.T, r *massive.DB, opts ...massive.PlanOption) *massive.Plan {
	t.Helper()
	p, err := r.PlanRefresh(opts...)
	noError(t, err)
	return p
}

func steps(p *massive.Plan) string {
	var all []dialect.Name
	for _, s := range p.Steps {
		all = append(all, s.Name)
	}
	return short(all)
}

func TestPlanSelection(t *testing.T) {
	t.Parallel()
	// a → b → c → d, with plain views between, b → x, and lonely.
	r, _, _ := stubbed(views("d < c", "c < v", "(v) < b", "b < a", "a", "x < b", "lonely"))
	for _, c := range []struct {
		opts     []massive.PlanOption
		steps    string
		excluded []string
	}{
		{nil, "a b c d lonely x", nil},
		{[]massive.PlanOption{massive.Views("c")}, "c", []string{
			"public.a: Views does not name it; public.c, which is refreshed, depends on it: option Upstream adds it",
			"public.b: Views does not name it; public.c, which is refreshed, depends on it: option Upstream adds it",
			"public.d: Views does not name it; it depends on public.c, which is refreshed: option Downstream adds it",
			"public.lonely: Views does not name it", "public.x: Views does not name it",
		}},
		{[]massive.PlanOption{massive.Views("c"), massive.Upstream()}, "a b c", []string{
			"public.d: Views does not name it; it depends on public.c, which is refreshed: option Downstream adds it",
			"public.lonely: Views does not name it",
			"public.x: Views does not name it; it depends on public.b, which is refreshed: option Downstream adds it",
		}},
		{[]massive.PlanOption{massive.Views("c"), massive.Downstream()}, "c d", nil},
		{[]massive.PlanOption{massive.Upstream(), massive.Views("public.c"), massive.Downstream()}, "a b c d", nil},
		{[]massive.PlanOption{massive.Views("d", "a")}, "a d", nil},
	} {
		p := planOf(t, r, c.opts...)
		if got := steps(p); got != c.steps {
			t.Errorf("got steps %q, want %q", got, c.steps)
		}
		var excluded []string
		for _, l := range p.Excluded {
			excluded = append(excluded, l.Name.String()+": "+l.Why)
		}
		if c.excluded != nil && !slices.Equal(excluded, c.excluded) {
			t.Errorf("%s: got excluded views\n\t%q\nwant\n\t%q", c.steps, excluded, c.excluded)
		}
		if len(p.Excluded)+len(p.Steps) != 6 {
			t.Errorf("%s: got %d steps and %d excluded views, want 6 in all", c.steps, len(p.Steps), len(p.Excluded))
		}
	}
}

func TestPlanString(t *testing.T) {
	t.Parallel()
	cat := views("daily", "stats.weekly < v", "(v) < daily", "monthly < stats.weekly daily", "tmp_x < monthly", "year < tmp_x", "other", "more")
	for i := range cat.Matviews {
		m := &cat.Matviews[i]
		m.Populated, m.MayRefresh = m.Name.Name != "daily", m.Name.Name != "monthly"
		if m.Name.Name == "stats.weekly" || m.Name.Name == "daily" {
			m.Indexes = []dialect.Index{{Name: "i", Unique: true}}
		}
	}
	s, q := &stub.Dialect{}, &pool{most: 3}
	r := loadedFrom(cat, s, q, massive.Exclude("tmp_*"))

	const all = `refresh 6 of 7 materialized views, at most 3 at a time (the pool opens no more connections)
  1. public.daily    concurrent, requested
     ! not populated
  2. stats.weekly    concurrent, requested; after public.daily
     ! no unique index
  3. public.monthly  concurrent, requested; after public.daily, stats.weekly
     ! not allowed
     ! no unique index
  4. public.more     concurrent, requested
     ! no unique index
  5. public.other    concurrent, requested
     ! no unique index
  6. public.year     concurrent, requested; after public.monthly
     ! no unique index
     ! it reads public.tmp_x, which is not in the plan and depends on a view of the plan: it gets the old rows
  excluded: public.tmp_x: it is excluded by tmp_*; public.year, which is refreshed, depends on it; it depends on public.monthly, which is refreshed
`
	p := planOf(t, r, massive.Parallel(8), massive.RefreshWith(massive.Concurrently()))
	if got := p.String(); got != all {
		t.Errorf("got\n%s\nwant\n%s", got, all)
	}
	const some = `refresh 1 of 7 materialized views, one at a time (the default)
  1. stats.weekly  blocking, the default
     ! it reads public.daily, which is not populated and not in the plan: the refresh fails
  excluded: public.daily: Views does not name it; stats.weekly, which is refreshed, depends on it: option Upstream adds it
  excluded: public.monthly: Views does not name it; it depends on stats.weekly, which is refreshed: option Downstream adds it
  excluded: public.tmp_x: it is excluded by tmp_*; it depends on stats.weekly, which is refreshed
  excluded: public.year: Views does not name it; it depends on stats.weekly, which is refreshed: option Downstream adds it
  excluded: 2 more, unrelated to the steps
`
	if got := planOf(t, r, massive.Views("stats.weekly")).String(); got != some {
		t.Errorf("got\n%s\nwant\n%s", got, some)
	}
	empty, _, _ := stubbed(&dialect.Catalog{})
	if got, want := planOf(t, empty).String(), "refresh nothing: there is no materialized view\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	none, _, _ := stubbed(views("a"), massive.Exclude("a"))
	if got, want := planOf(t, none).String(),
		"refresh nothing: every materialized view is excluded\n  excluded: public.a: it is excluded by a\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := new(massive.Plan).String(); got != "refresh nothing: there is no materialized view\n" {
		t.Errorf("the zero plan: got %q", got)
	}
}

func TestPlanRefusesBadOptions(t *testing.T) {
	t.Parallel()
	s := &stub.Dialect{}
	r := loadedFrom(views("daily", "sales"), s, &pool{})
	for says, opts := range map[string][]massive.PlanOption{
		"option 2 is the zero PlanOption":                                      {massive.Parallel(2), {}},
		"option Parallel is given twice":                                       {massive.Parallel(2), massive.Parallel(2)},
		"option Views: invalid argument: no view":                              {massive.Views()},
		"view public.daily is named twice":                                     {massive.Views("daily", `"public"."daily"`)},
		`opens a quote and does not close it`:                                  {massive.Views(`"a`)},
		"option Parallel: invalid argument: 0 is less than 1":                  {massive.Parallel(0)},
		"option Parallel: invalid argument: -3 is less than 1":                 {massive.Parallel(-3)},
		"Upstream and Downstream need option Views":                            {massive.Upstream()},
		"Downstream need option Views; without it":                             {massive.Downstream()},
		"option OnProgress: invalid argument: the func":                        {massive.OnProgress(nil)},
		"option LogProgress: invalid argument: the log":                        {massive.LogProgress(nil)},
		"Concurrently and WithNoData contradict":                               {massive.RefreshWith(massive.Concurrently(), massive.WithNoData())},
		"Analyze and WithNoData contradict":                                    {massive.RefreshWith(massive.Analyze(), massive.WithNoData())},
		"option 1 is the zero RefreshOption":                                   {massive.RefreshWith(massive.RefreshOption{})},
		"a savepoint needs a transaction, and a *massive_test.pool is not one": {massive.Savepoints()},
	} {
		p, err := r.PlanRefresh(opts...)
		e := stub.Failed(t, err, dialect.OpPlan, dialect.Name{})
		if p != nil || !errors.Is(e, dialect.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, %q; want ErrInvalid with text %q", p, err, says)
		}
		report, err := r.RefreshAll(t.Context(), opts...)
		if !errors.Is(err, dialect.ErrInvalid) || report.Views != nil {
			t.Errorf("%s: RefreshAll returned %v, %v", says, report, err)
		}
	}
	_, err := r.PlanRefresh(massive.Views("sales", "dayly"))
	var unknown *massive.NotFoundError
	if !errors.As(err, &unknown) || len(unknown.Near) != 1 || err.Error() !=
		"massive: plan refreshes: option Views: dayly: materialized view not found; did you mean public.daily?" {
		t.Errorf("an unknown view: got %v", err)
	}
	_, err = loadedFrom(views("a"), s, &pool{}, massive.Only(massive.KindEnum)).PlanRefresh()
	if !errors.Is(err, dialect.ErrInvalid) || !strings.Contains(err.Error(), "materialized views were not loaded: Only excludes them") {
		t.Errorf("without materialized views: got %v, want ErrInvalid", err)
	}
	stub.CheckCalls(t, s)
	report, err := loadedFrom(views("a"), s, &transaction{}).RefreshAll(t.Context(), massive.Savepoints())
	if !errors.Is(err, dialect.ErrUnsupported) || !strings.Contains(err.Error(), "the stub dialect can't set savepoints") ||
		report.Count(massive.OutcomeFailed) != 1 {
		t.Errorf("a dialect without savepoints: got %v, %v, want ErrUnsupported", report, err)
	}
	stub.CheckCalls(t, s)
}

func TestPlanParallelism(t *testing.T) {
	t.Parallel()
	four := []massive.PlanOption{massive.Parallel(4)}
	for _, c := range []struct {
		q    dialect.Querier
		opts []massive.PlanOption
		n    int
		why  string
	}{
		{&pool{}, nil, 1, "the default"},
		{&pool{}, four, 4, "requested"},
		{&pool{most: 4}, four, 4, "requested"},
		{&pool{most: 1}, four, 1, "the pool opens no more connections"},
		{&pool{most: 1}, []massive.PlanOption{massive.Parallel(1)}, 1, "requested"},
		{&transaction{}, four, 1, "a transaction runs one statement at a time"},
		{&stub.Querier{}, four, 1, "a *stub.Querier is not a pool: it has no method Stats() sql.DBStats"},
		{nil, four, 1, "there is no database"},
		{(*sql.DB)(nil), four, 1, "there is no database"},
	} {
		r := loadedFrom(views("a"), &stub.Dialect{}, c.q)
		p := planOf(t, r, c.opts...)
		if p.Parallel != c.n || p.WhyParallel != c.why {
			t.Errorf("%T: got %d at a time (%s), want %d (%s)", c.q, p.Parallel, p.WhyParallel, c.n, c.why)
		}
	}
}

// A plan of a random graph and selection has each selected view once, after its upstream.
func TestPlanOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		r, _, _ := stubbed(randomViews(rnd, 25, rnd.IntN(60)), massive.Exclude("v00?"))
		var all []string
		for _, m := range r.Matviews() {
			all = append(all, m.Name().String())
		}
		if len(all) == 0 {
			continue
		}
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		named := all[:1+rnd.IntN(len(all))]
		up, down := rnd.IntN(2) == 0, rnd.IntN(2) == 0
		g := r.Graph()
		want := map[string]bool{}
		opts := []massive.PlanOption{massive.Views(named...)}
		for _, n := range named {
			want[n] = true
			if up {
				for _, u := range g.Upstream(stub.Of(n)) {
					want[u.String()] = true
				}
			}
			if down {
				for _, d := range g.Downstream(stub.Of(n)) {
					want[d.String()] = true
				}
			}
		}
		if up {
			opts = append(opts, massive.Upstream())
		}
		if down {
			opts = append(opts, massive.Downstream())
		}
		p := planOf(t, r, opts...)
		at := map[dialect.Name]int{}
		for i, s := range p.Steps {
			if _, twice := at[s.Name]; twice || !want[s.Name.String()] {
				t.Fatalf("seed %d: step %s is repeated or not selected", seed, s.Name)
			}
			at[s.Name] = i
		}
		for n := range want {
			if _, ok := at[stub.Of(n)]; !ok && !strings.HasPrefix(n, "public.v00") {
				t.Fatalf("seed %d: %s is missing", seed, n)
			}
		}
		for n, i := range at {
			for _, u := range g.Upstream(n) {
				if j, ok := at[u]; ok && j >= i {
					t.Fatalf("seed %d: %s comes before %s, which it depends on:\n%s", seed, n, u, p)
				}
				if j, ok := at[u]; ok && p.Steps[j].Level >= p.Steps[i].Level {
					t.Fatalf("seed %d: %s has level %d, and %s, which it depends on, %d", seed, n, p.Steps[i].Level, u, p.Steps[j].Level)
				}
			}
		}
	}
}

// If 2,000 views read one plain view over 2,000 others, the plan stays small.
func TestPlanThroughOnePlainView(t *testing.T) {
	t.Parallel()
	const n = 2000
	var lines, low []string
	for i := range n {
		low = append(low, fmt.Sprintf("low%d", i))
		lines = append(lines, low[i], fmt.Sprintf("high%d < v", i))
	}
	lines = append(lines, "(v) < "+strings.Join(low, " "))
	r, _, _ := stubbed(views(lines...))
	p := planOf(t, r)
	if len(p.Steps) != 2*n || !strings.HasPrefix(p.Steps[n-1].Name.Name, "low") || !strings.HasPrefix(p.Steps[n].Name.Name, "high") {
		t.Errorf("got %d steps, want %d, low ones first", len(p.Steps), 2*n)
	}
	text := p.String()
	if !strings.Contains(text, "after public.low0, public.low1, public.low10, others") || len(text) > 150*2*n {
		t.Errorf("got a text of %d bytes: %.300s", len(text), text)
	}
	if g := r.Graph(); len(g.Nodes) != 2*n+1 || len(g.Edges) != 2*n {
		t.Errorf("got %d nodes and %d edges, want %d and %d", len(g.Nodes), len(g.Edges), 2*n+1, 2*n)
	}
}
