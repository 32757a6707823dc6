package massive_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// A shape makes a catalog of about n views with one kind of dependency graph.
type shape struct {
	name string
	make func(n int) *dialect.Catalog
}

// A builder builds a catalog of views with IDs from 1.
type builder struct{ dialect.Catalog }

func (d *builder) matview(id int, reads ...int64) {
	d.Matviews = append(d.Matviews, dialect.MatviewDef{
		Object: dialect.Object{ID: int64(id), Name: dialect.Name{Schema: "app", Name: fmt.Sprintf("m%06d", id)}, Visible: true},
		Reads:  reads, Populated: true, MayRefresh: true,
	})
}

func (d *builder) plain(id int, reads ...int64) {
	d.Views = append(d.Views, dialect.ViewDef{ID: int64(id), Name: dialect.Name{Schema: "app", Name: fmt.Sprintf("p%06d", id)}, Reads: reads})
}

// wide has n/2 views, a plain view that reads them all, and n/2 views that read that.
func wide(n int, own bool) *builder {
	var d builder
	low := make([]int64, n/2)
	for i := range low {
		low[i] = int64(i + 1)
		d.matview(i + 1)
	}
	d.plain(n+1, low...)
	for i := range n / 2 {
		reads := []int64{int64(n + 1)}
		if own {
			reads = append(reads, low[i])
		}
		d.matview(n/2+i+1, reads...)
	}
	return &d
}

var shapes = []shape{
	{"unrelated", func(n int) *dialect.Catalog {
		var d builder
		for i := range n {
			d.matview(i + 1)
		}
		return &d.Catalog
	}},
	{"chain", func(n int) *dialect.Catalog {
		var d builder
		d.matview(1)
		for i := 2; i <= n; i++ {
			d.matview(i, int64(i-1))
		}
		return &d.Catalog
	}},
	{"plain chain", func(n int) *dialect.Catalog {
		var d builder
		d.matview(1)
		for i := 2; i < n; i++ {
			d.plain(i, int64(i-1))
		}
		d.matview(n, int64(n-1))
		return &d.Catalog
	}},
	{"one over all", func(n int) *dialect.Catalog {
		var d builder
		all := make([]int64, n-1)
		for i := range all {
			all[i] = int64(i + 1)
			d.matview(i + 1)
		}
		d.matview(n, all...)
		return &d.Catalog
	}},
	{"all over one", func(n int) *dialect.Catalog {
		var d builder
		d.matview(1)
		for i := 2; i <= n; i++ {
			d.matview(i, 1)
		}
		return &d.Catalog
	}},
	{"all over one plain over all", func(n int) *dialect.Catalog { return &wide(n, false).Catalog }},
	{"the same and one each", func(n int) *dialect.Catalog { return &wide(n, true).Catalog }},
	{"plain over plain over all", func(n int) *dialect.Catalog {
		d := wide(n, false)
		for i := range n / 2 {
			v := &d.Matviews[n/2+i]
			d.plain(2*n+i, v.Reads...)
			v.Reads = []int64{int64(2*n + i)}
		}
		return &d.Catalog
	}},
	{"diamonds", func(n int) *dialect.Catalog {
		var d builder
		d.matview(1)
		for i := 2; i+2 <= n; i += 3 {
			d.plain(i, int64(i-1))
			d.plain(i+1, int64(i-1))
			d.matview(i+2, int64(i), int64(i+1))
		}
		return &d.Catalog
	}},
	{"plain diamonds", func(n int) *dialect.Catalog {
		var d builder
		d.matview(1)
		i := 2
		for ; i+2 <= n; i += 3 {
			d.plain(i, int64(i-1))
			d.plain(i+1, int64(i-1))
			d.plain(i+2, int64(i), int64(i+1))
		}
		d.matview(i, int64(i-1))
		return &d.Catalog
	}},
	{"a cycle", func(n int) *dialect.Catalog {
		var d builder
		d.plain(1, int64(n))
		for i := 2; i <= n; i++ {
			d.matview(i, int64(i-1))
		}
		return &d.Catalog
	}},
	{"a chain and a cycle", func(n int) *dialect.Catalog {
		var d builder
		d.plain(1, 2)
		d.matview(2, 1)
		for i := 3; i <= n; i++ {
			d.matview(i, int64(i-1))
		}
		return &d.Catalog
	}},
	{"cycles of two", func(n int) *dialect.Catalog {
		var d builder
		for i := 1; i < n; i += 2 {
			d.plain(i, int64(i+1))
			d.matview(i+1, int64(i), int64(max(1, i-1)))
		}
		return &d.Catalog
	}},
}

// A task returns the function to measure on a catalog.
type task struct {
	name string
	of   func(b testing.TB, cat func() *dialect.Catalog) func()
}

func registryOf(cat *dialect.Catalog) *massive.DB {
	return loadedFrom(cat, &stub.Dialect{}, &pool{})
}

func must[T any](b testing.TB) func(T, error) T {
	return func(v T, err error) T {
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
}

// change removes a dependency of the first plain view or, without plain views, of the
// last view.
func change(cat *dialect.Catalog) *dialect.Catalog {
	if len(cat.Views) > 0 {
		v := &cat.Views[0]
		v.Reads = v.Reads[:len(v.Reads)-1]
	} else {
		v := &cat.Matviews[len(cat.Matviews)-1]
		v.Reads = append(slices.Clone(v.Reads[:max(0, len(v.Reads)-1)]), cat.Matviews[0].ID)
	}
	return cat
}

var sink any

var tasks = []task{
	{"load and plan", func(b testing.TB, cat func() *dialect.Catalog) func() {
		c := cat()
		return func() { sink = must[*massive.Plan](b)(registryOf(c).PlanRefresh(massive.Parallel(8))) }
	}},
	{"Plan.String", func(b testing.TB, cat func() *dialect.Catalog) func() {
		p := must[*massive.Plan](b)(registryOf(cat()).PlanRefresh())
		return func() { sink = p.String() }
	}},
	{"plan of one and all around it", func(b testing.TB, cat func() *dialect.Catalog) func() {
		r := registryOf(cat())
		name := r.Matviews()[len(r.Matviews())/2].Name().String()
		return func() {
			sink = must[*massive.Plan](b)(r.PlanRefresh(massive.Views(name), massive.Upstream(), massive.Downstream())).String()
		}
	}},
	{"plan of one", func(b testing.TB, cat func() *dialect.Catalog) func() {
		r := registryOf(cat())
		name := r.Matviews()[len(r.Matviews())/2].Name().String()
		return func() { sink = must[*massive.Plan](b)(r.PlanRefresh(massive.Views(name))).String() }
	}},
	{"plan in a transaction", func(b testing.TB, cat func() *dialect.Catalog) func() {
		r := registryOf(cat()).With(&transaction{})
		return func() { sink = must[*massive.Plan](b)(r.PlanRefresh()).String() }
	}},
	{"Graph, Mermaid, DOT", func(_ testing.TB, cat func() *dialect.Catalog) func() {
		r := registryOf(cat())
		return func() {
			g := r.Graph()
			sink = g.Mermaid() + g.DOT()
		}
	}},
	{"Upstream and Downstream", func(_ testing.TB, cat func() *dialect.Catalog) func() {
		r := registryOf(cat())
		g := r.Graph()
		all := r.Matviews()
		return func() {
			for _, i := range []int{0, len(all) - 1} {
				sink = g.Upstream(all[i].Name())
				sink = g.Downstream(all[i].Name())
			}
		}
	}},
	{"DependsOn and Dependents", func(_ testing.TB, cat func() *dialect.Catalog) func() {
		all := registryOf(cat()).Matviews()
		return func() {
			for _, i := range []int{0, len(all) - 1} {
				sink = all[i].DependsOn()
				sink = all[i].Dependents()
			}
		}
	}},
	{"CheckRefresh of all", func(b testing.TB, cat func() *dialect.Catalog) func() {
		all := registryOf(cat()).Matviews()
		return func() {
			for _, m := range all {
				if err := m.CheckRefresh(massive.ModeBlocking); err != nil {
					b.Fatal(err)
				}
			}
		}
	}},
	{"CheckRefresh over empty ones", func(_ testing.TB, cat func() *dialect.Catalog) func() {
		c := cat()
		for i := range c.Matviews {
			c.Matviews[i].Populated = false
		}
		all := registryOf(c).Matviews()
		return func() {
			for _, i := range []int{0, len(all) - 1} {
				if err := all[i].CheckRefresh(massive.ModeBlocking); err != nil {
					sink = err.Error()
				}
			}
		}
	}},
	{"Diff and Same", func(_ testing.TB, cat func() *dialect.Catalog) func() {
		from, to := registryOf(cat()), registryOf(change(cat()))
		return func() {
			sink = registry.Diff(from.Registry(), to.Registry()).String()
			sink = registry.Same(from.Registry(), to.Registry())
		}
	}},
	{"Run", func(b testing.TB, cat func() *dialect.Catalog) func() {
		p := must[*massive.Plan](b)(registryOf(cat()).PlanRefresh(massive.Parallel(8)))
		return func() {
			sink = must[massive.RefreshReport](b)(p.Run(context.Background())).String()
		}
	}},
	{"Run that fails", func(_ testing.TB, cat func() *dialect.Catalog) func() {
		s := &stub.Dialect{Fails: dialect.ErrBusy}
		r := loadedFrom(cat(), s, &pool{})
		return func() {
			s.Calls, s.Failures = nil, nil
			report, err := r.RefreshAll(context.Background(), massive.OnProgress(func(massive.Progress) {}))
			sink = report.String() + err.Error()
		}
	}},
}

// manyEnums returns a catalog of n enums of three labels, in one schema.
func manyEnums(n int) *dialect.Catalog {
	return &dialect.Catalog{Enums: stub.Many(n, false).Enums, SearchPath: []string{"public"}}
}

// others has tasks on n structures without dependencies.
var others = []struct {
	name string
	of   func(b testing.TB, n int) func()
}{
	{"NotFoundError", func(_ testing.TB, n int) func() {
		r := registryOf(stub.Many(n, false))
		return func() {
			_, err := r.Enum("enum_")
			_, err2 := r.Sequence("other.enum_7")
			sink = err.Error() + err2.Error()
		}
	}},
	{"Diff of everything", func(_ testing.TB, n int) func() {
		a, c := registryOf(stub.Many(n, false)), registryOf(stub.Many(n, true))
		return func() { sink = registry.Diff(a.Registry(), c.Registry()).String() }
	}},
	{"expectations of one enum", func(b testing.TB, n int) func() {
		var all []massive.Expectation
		for range n {
			all = append(all, massive.EnumIs("enum_0", []string{"sad", "ok", "happy"}))
		}
		return func() { must[*stub.Dialect](b)(expecting(manyEnums(1), all...)) }
	}},
	{"two contradictory expectations of many", func(_ testing.TB, n int) func() {
		var all []massive.Expectation
		for range n {
			all = append(all, massive.EnumIs("enum_0", []string{"sad", "ok", "happy"}))
		}
		all[n-1] = massive.EnumIs("enum_0", []string{"sad"})
		return func() { _, sink = expecting(manyEnums(1), all...) }
	}},
	{"expectations of many enums", func(b testing.TB, n int) func() {
		var all []massive.Expectation
		for i := range n {
			all = append(all, massive.EnumIs(fmt.Sprintf("enum_%d", i), []string{"sad", "ok", "happy"}))
		}
		return func() { must[*stub.Dialect](b)(expecting(manyEnums(n), all...)) }
	}},
	{"expectations of enums that are missing", func(_ testing.TB, n int) func() {
		var all []massive.Expectation
		for i := range n {
			all = append(all, massive.EnumIs(fmt.Sprintf("enom_%d", i), []string{"sad", "ok", "happy"}))
		}
		return func() { _, sink = expecting(manyEnums(n), all...) }
	}},
	{"labels", func(b testing.TB, n int) func() {
		var labels []string
		for i := range n {
			labels = append(labels, fmt.Sprint("label ", i))
		}
		return func() {
			r := must[*massive.Registry](b)(registryOf(manyEnums(1)).Registry().AppendLocalLabels("enum_0", labels...))
			sink = registryOf(manyEnums(1)).Registry().KeepLabels(r)
		}
	}},
}

// grown reports how much longer a task takes for ten times the size, by its fastest run.
// The small task runs on ten catalogs, so that both use the same memory.
func grown(b *testing.B, of func(n int) func()) {
	b.Helper()
	few, many := make([]func(), large/small), of(large)
	for i := range few {
		few[i] = of(small)
		few[i]() // the first call builds the snapshot's graph
	}
	many()
	less, more := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	timed := func(least *time.Duration, fs ...func()) {
		runtime.GC()
		start := time.Now()
		for _, f := range fs {
			f()
		}
		*least = min(*least, time.Since(start))
	}
	for b.Loop() {
		timed(&less, few...)
		timed(&more, many)
	}
	b.ReportMetric(float64(more)/float64(less)*large/small, "growth")
	b.ReportMetric(float64(more.Microseconds())/1000, "ms/large")
}

const small, large = 10_000, 100_000

// BenchmarkGrowth reports as "growth" the time of a task for 100,000 views divided by the
// time for 10,000. It should be at most 12.
func BenchmarkGrowth(b *testing.B) {
	for _, s := range shapes {
		for _, t := range tasks {
			b.Run(s.name+": "+t.name, func(b *testing.B) {
				grown(b, func(n int) func() { return t.of(b, func() *dialect.Catalog { return s.make(n) }) })
			})
		}
	}
	for _, t := range others {
		b.Run(t.name, func(b *testing.B) { grown(b, func(n int) func() { return t.of(b, n) }) })
	}
}

// Allocated bytes grow linearly with the number of views, in every task.
func TestMemoryGrowsLinearly(t *testing.T) { // not parallel, since other tests allocate
	testrun.Long(t)
	const few, times, most = 240, 10, 16 // maps and lists grow in leaps
	check := func(name string, of func(n int) func()) {
		var bytes [2]uint64
		for i, n := range []int{few, times * few} {
			bytes[i] = allocatedBytes(of(n))
		}
		if grown := float64(bytes[1]) / float64(max(bytes[0], 10_000)); grown > most {
			t.Errorf("%s: %d bytes for %d, %.1f times as many for %d times the size; want at most %d times", name, bytes[0], few, grown, times, most)
		}
	}
	for _, s := range shapes {
		for _, k := range tasks {
			check(s.name+": "+k.name, func(n int) func() { return k.of(t, func() *dialect.Catalog { return s.make(n) }) })
		}
	}
	for _, k := range others {
		check(k.name, func(n int) func() { return k.of(t, n) })
	}
}

// allocatedBytes returns how many bytes the second run of f allocates.
func allocatedBytes(f func()) uint64 {
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Keeping local labels copies the list of all enums once, not once per enum with local
// labels.
func TestKeepLabelsCopiesEnumsOnce(t *testing.T) { // not parallel, since other tests allocate
	cat := manyEnums(1000)
	bytes := func(labelled int) uint64 {
		old := registryOf(cat).Registry()
		for _, e := range cat.Enums[:labelled] {
			old = must[*massive.Registry](t)(old.AppendLocalLabels(e.Name.String(), "elated"))
		}
		now := registryOf(manyEnums(1000)).Registry()
		return allocatedBytes(func() { sink = now.KeepLabels(old) })
	}
	if one, fifty := bytes(1), bytes(50); fifty > 2*one {
		t.Errorf("KeepLabels: got %d bytes for 1 enum and %d for 50, want at most twice as many", one, fifty)
	}
}

// tangle returns random views. Some plain views read very many, and are read by very
// many.
func tangle(rnd *rand.Rand, n int) *dialect.Catalog {
	var d builder
	for i := 1; i <= n; i++ {
		var reads []int64
		edges := rnd.IntN(4)
		if rnd.IntN(20) == 0 {
			edges = 100
		}
		for range min(edges, i-1) {
			reads = append(reads, 1+rnd.Int64N(int64(i-1)))
		}
		if i > n/2 && rnd.IntN(2) == 0 {
			reads = append(reads, int64(n/2)) // a plain view, see below
		}
		if i == n/2 || rnd.IntN(3) == 0 {
			d.plain(i, reads...)
		} else {
			d.matview(i, reads...)
		}
	}
	return &d.Catalog
}

// Diff reports the difference of DependsOn in the two snapshots.
func TestDiffReportsChangesOfDependsOn(t *testing.T) {
	t.Parallel()
	changed := 0
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		was, is := tangle(rand.New(rand.NewPCG(seed, 4)), 300), tangle(rand.New(rand.NewPCG(seed, 4)), 300)
		for range 1 + rnd.IntN(4) {
			if v := &is.Views[rnd.IntN(len(is.Views))]; len(v.Reads) > 0 {
				v.Reads = append(slices.Clone(v.Reads[rnd.IntN(len(v.Reads)):]), 1)
			}
			if rnd.IntN(2) == 0 {
				wide := slices.IndexFunc(is.Views, func(v dialect.ViewDef) bool { return v.ID == 150 })
				is.Views[wide].Reads = append(is.Views[wide].Reads, 1+rnd.Int64N(149))
			}
			m := &is.Matviews[len(is.Matviews)/2+rnd.IntN(len(is.Matviews)/2)]
			m.Reads = append(m.Reads, 1+rnd.Int64N(m.ID-1))
		}
		from, to := registryOf(was), registryOf(is)
		got := map[dialect.Name]string{}
		for _, c := range registry.Diff(from.Registry(), to.Registry()) {
			got[c.Name] = strings.Join(c.Details, "; ")
		}
		listed := func(names []dialect.Name) string { return "[" + dialect.Few(names, " ", dialect.Name.String) + "]" }
		for _, m := range to.Matviews() {
			a, b := matview(t, from, m.Name().String()).DependsOn(), m.DependsOn()
			want := ""
			switch {
			case slices.Equal(a, b):
			case max(len(a), len(b)) <= 5:
				want = fmt.Sprintf("reads %s → %s", listed(a), listed(b))
			default:
				var parts []string
				if added := lacking(b, a); len(added) > 0 {
					parts = append(parts, "new "+listed(added))
				}
				if gone := lacking(a, b); len(gone) > 0 {
					parts = append(parts, "gone "+listed(gone))
				}
				want = fmt.Sprintf("reads (%d → %d): %s", len(a), len(b), strings.Join(parts, ", "))
			}
			if got[m.Name()] != want {
				t.Fatalf("seed %d: Diff of %s: got %q, want %q", seed, m.Name(), got[m.Name()], want)
			}
			if want != "" {
				changed++
			}
		}
	}
	if changed < 1000 {
		t.Errorf("the random catalogs have %d changes, want at least 1000", changed)
	}
}

// lacking returns the names that are not in others, which is sorted.
func lacking(names, others []dialect.Name) (lacking []dialect.Name) {
	for _, n := range names {
		if _, found := slices.BinarySearchFunc(others, n, dialect.Name.Compare); !found {
			lacking = append(lacking, n)
		}
	}
	return lacking
}

// A line of a plan names the first three steps that the step waits for, directly or
// through plain views and views that are not refreshed.
func TestPlanNamesFirstPredecessors(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		cat := tangle(rnd, 120)
		reads := map[int64][]int64{}
		for _, v := range cat.Views {
			reads[v.ID] = v.Reads
		}
		ids := map[dialect.Name]int64{}
		var named []string
		for _, m := range cat.Matviews {
			reads[m.ID], ids[m.Name] = m.Reads, m.ID
			if len(named) == 0 || rnd.IntN(3) > 0 {
				named = append(named, m.Name.String())
			}
		}
		p := planOf(t, registryOf(cat), massive.Views(named...))
		step := map[int64]int{}
		for i, s := range p.Steps {
			step[ids[s.Name]] = i
		}
		lines := slices.DeleteFunc(strings.Split(p.String(), "\n")[1:], func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "!") })
		for i, s := range p.Steps {
			seen := map[int64]bool{}
			var before []int
			var walk func(id int64)
			walk = func(id int64) {
				for _, r := range reads[id] {
					if seen[r] {
						continue
					}
					seen[r] = true
					if at, ok := step[r]; ok {
						before = append(before, at)
					} else {
						walk(r)
					}
				}
			}
			walk(ids[s.Name])
			slices.Sort(before)
			var names []string
			for k, at := range before {
				if k == 3 {
					names = append(names, "others")
					break
				}
				names = append(names, p.Steps[at].Name.String())
			}
			if _, got, _ := strings.Cut(lines[i], "; after "); got != strings.Join(names, ", ") {
				t.Fatalf("seed %d: predecessors in the line of %s: got %q, want %q", seed, s.Name, got, names)
			}
		}
	}
}

// If very many expected enums are missing, only the first hundred errors suggest similar
// names.
func TestNearNamesAreLimited(t *testing.T) {
	t.Parallel()
	var all []massive.Expectation
	for i := range 150 {
		all = append(all, massive.EnumIs(fmt.Sprintf("enom_%d", i), []string{"sad"}))
	}
	_, err := expecting(manyEnums(150), all...)
	var drifts massive.Drifts
	if !errors.As(err, &drifts) || len(drifts) != 150 {
		t.Fatalf("got error %v, want 150 drifts", err)
	}
	for i, d := range drifts {
		var why *massive.NotFoundError
		if !errors.As(d, &why) || (len(why.Near) > 0) != (i < 100) {
			t.Errorf("drift %d: got %v, want similar names only for the first 100", i, d)
		}
	}
}
