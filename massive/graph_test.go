package massive_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/massive"
)

// views returns a catalog of views and the views that they read, in any order. "b < a v"
// is a materialized view b that reads a and v. "(v) < a" is a plain view v.
func views(lines ...string) *dialect.Catalog {
	cat := &dialect.Catalog{Server: dialect.Server{User: "clerk"}}
	ids := map[string]int64{}
	id := func(name string) int64 {
		if ids[name] == 0 {
			ids[name] = int64(100 + len(ids))
		}
		return ids[name]
	}
	for _, line := range lines {
		head, tail, _ := strings.Cut(line, " < ")
		name, plain := strings.CutPrefix(head, "(")
		name = strings.TrimSuffix(name, ")")
		var reads []int64
		for _, r := range strings.Fields(tail) {
			reads = append(reads, id(r))
		}
		if plain {
			cat.Views = append(cat.Views, dialect.ViewDef{ID: id(name), Name: qualified(name), Reads: reads})
			continue
		}
		cat.Matviews = append(cat.Matviews, dialect.MatviewDef{
			Object: dialect.Object{ID: id(name), Name: qualified(name), Visible: true}, Reads: reads, Populated: true, MayRefresh: true,
		})
	}
	return cat
}

// qualified returns the name, in schema public if it has none.
func qualified(text string) dialect.Name {
	n := stub.Of(text)
	if n.Schema == "" {
		n.Schema = "public"
	}
	return n
}

func short(names []dialect.Name) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = strings.TrimPrefix(n.String(), "public.")
	}
	return strings.Join(texts, " ")
}

func TestDependsOnIsACopy(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(views("c < b", "b < a", "a"))
	v := matview(t, r, "b")
	v.DependsOn()[0], v.Dependents()[0] = dialect.Name{}, dialect.Name{}
	for _, v := range []massive.Matview{v, matview(t, r.With(&stub.Querier{}), "b")} {
		same(t, "dependencies and dependents", short(v.DependsOn())+" "+short(v.Dependents()), "a c")
	}
}

// Views that a pattern excludes are in the graph and link the views around them.
func TestGraphHasExcludedViews(t *testing.T) {
	t.Parallel()
	cat := views("a", "tmp_b < a", "c < v", "(v) < tmp_b", "(top) < c", "(over_tables)", "(above) < over_tables")
	r, _, _ := stubbed(cat, massive.Exclude("*.tmp_*"))
	if got := short(matview(t, r, "c").DependsOn()); got != "tmp_b" {
		t.Errorf("c depends on %q, want tmp_b", got)
	}
	g := r.Graph()
	wantNodes := []massive.GraphNode{
		{Name: stub.Of("public.a"), Materialized: true}, {Name: stub.Of("public.c"), Materialized: true},
		{Name: stub.Of("public.tmp_b"), Materialized: true, Excluded: "it is excluded by *.tmp_*"},
		{Name: stub.Of("public.top")}, {Name: stub.Of("public.v")},
	}
	if !slices.Equal(g.Nodes, wantNodes) {
		t.Errorf("nodes: got\n\t%+v\nwant\n\t%+v", g.Nodes, wantNodes)
	}
	wantEdges := []massive.GraphEdge{
		{View: stub.Of("public.c"), Reads: stub.Of("public.v")}, {View: stub.Of("public.tmp_b"), Reads: stub.Of("public.a")},
		{View: stub.Of("public.top"), Reads: stub.Of("public.c")}, {View: stub.Of("public.v"), Reads: stub.Of("public.tmp_b")},
	}
	if !slices.Equal(g.Edges, wantEdges) {
		t.Errorf("edges: got\n\t%+v\nwant\n\t%+v", g.Edges, wantEdges)
	}
	if got := short(g.Upstream(stub.Of("public.c"))); got != "a tmp_b" {
		t.Errorf("upstream of c: got %q, want a tmp_b", got)
	}
	if got := short(g.Downstream(stub.Of("public.a"))); got != "tmp_b c" {
		t.Errorf("downstream of a: got %q, want tmp_b c", got)
	}
	if got := g.Upstream(stub.Of("public.none")); len(got) != 0 {
		t.Errorf("upstream of an unknown view: got %v, want none", got)
	}

	none, _, _ := stubbed(views("a"), massive.Only(massive.KindEnum))
	if g := none.Graph(); len(g.Nodes)+len(g.Edges) > 0 {
		t.Errorf("the graph of a load without materialized views: got %+v, want an empty graph", g)
	}
}

// In random graphs, Upstream lists each view after the views that it reads, and
// Downstream is its inverse.
func TestGraphOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		cat := randomViews(rand.New(rand.NewPCG(seed, 1)), 30, 60)
		r, _, _ := stubbed(cat)
		g := r.Graph()
		for _, m := range r.Matviews() {
			up := g.Upstream(m.Name())
			for i, n := range up {
				v := matview(t, r, n.String())
				for _, d := range v.DependsOn() {
					if at := slices.Index(up, d); at < 0 || at >= i {
						t.Fatalf("seed %d: upstream of %s: %s has index %d and reads %s, which has index %d", seed, m.Name(), n, i, d, at)
					}
				}
				if !slices.Contains(g.Downstream(n), m.Name()) {
					t.Fatalf("seed %d: %s is upstream of %s, which is not downstream of it", seed, n, m.Name())
				}
			}
			for _, d := range m.DependsOn() {
				if !slices.Contains(up, d) {
					t.Fatalf("seed %d: %s depends on %s, which is not upstream of it", seed, m.Name(), d)
				}
			}
		}
	}
}

// randomViews returns a catalog of n views, a third of them plain. Later views read some
// earlier views.
func randomViews(rnd *rand.Rand, n, edges int) *dialect.Catalog {
	names := make([]string, n)
	reads := make([][]string, n)
	for i, nr := range rnd.Perm(n) {
		names[i] = fmt.Sprintf("v%03d", nr)
		if rnd.IntN(3) == 0 {
			names[i] = "(p" + names[i][1:] + ")"
		}
	}
	for range edges {
		from := 1 + rnd.IntN(n-1)
		reads[from] = append(reads[from], strings.Trim(names[rnd.IntN(from)], "()"))
	}
	lines := make([]string, n)
	for i := range lines {
		lines[i] = names[i] + " < " + strings.Join(reads[i], " ")
	}
	return views(lines...)
}

func TestGraphDiagrams(t *testing.T) {
	t.Parallel()
	name := func(n string) dialect.Name { return dialect.Name{Schema: "s", Name: n} }
	g := massive.Graph{
		Nodes: []massive.GraphNode{
			{Name: name("plain"), Materialized: true}, {Name: name(`a"]b`)}, {Name: name("two\nlines\\n"), Materialized: true, Excluded: "so"},
			{Name: name("größe #1; `x`"), Materialized: true}, {Name: name("&amp;\u202e"), Materialized: true},
		},
		Edges: []massive.GraphEdge{{View: name(`a"]b`), Reads: name("plain")}, {View: name("other"), Reads: name(`a"]b`)}},
	}
	const mermaid = `flowchart LR
  v0["s.plain"]
  v1(["s.#34;a#34;#34;#93;b#34;"])
  v2["s.#34;two#92;nlines#92;n#34;"]:::excluded
  v3["s.#34;größe #35;1#59; #96;x#96;#34;"]
  v4["s.#34;#38;amp#59;#92;u202e#34;"]
  v5(["s.other"])
  v0 --> v1
  v1 --> v5
  classDef excluded stroke-dasharray:4 4
`
	if got := g.Mermaid(); got != mermaid {
		t.Errorf("Mermaid: got\n%s\nwant\n%s", got, mermaid)
	}
	const dot = `digraph views {
  rankdir=LR;
  node [shape=box];
  v0 [label="s.plain"];
  v1 [label="s.\"a\"\"]b\"", style="rounded"];
  v2 [label="s.\"two\\nlines\\n\"", style="dashed"];
  v3 [label="s.\"größe #1; ` + "`x`" + `\""];
  v4 [label="s.\"&amp;amp;\\u202e\""];
  v5 [label="s.other", style="rounded"];
  v0 -> v1;
  v1 -> v5;
}
`
	if got := g.DOT(); got != dot {
		t.Errorf("DOT: got\n%s\nwant\n%s", got, dot)
	}
	if got, want := (massive.Graph{}).Mermaid(), "flowchart LR\n"; got != want {
		t.Errorf("an empty graph in Mermaid: got %q, want %q", got, want)
	}
}

// Views can read each other in a cycle. Lookups and plans end, and the plan has each
// view.
func TestCycles(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(views("a", "self < v", "(v) < self a", "z < one", "one < (w) w", "(w) < two", "two < one x", "x < a", "end < z self"))
	if got := short(matview(t, r, "self").DependsOn()); got != "a self" {
		t.Errorf("self depends on %q, want a self", got)
	}
	if got := short(r.Graph().Upstream(stub.Of("public.end"))); !strings.HasPrefix(got, "a ") || len(strings.Fields(got)) != 6 {
		t.Errorf("upstream of end: got %q, want 6 views, a first", got)
	}
	p, err := r.PlanRefresh()
	noError(t, err)
	at := map[string]int{}
	for i, s := range p.Steps {
		at[s.Name.Name] = i
	}
	if len(at) != 7 || len(p.Steps) != 7 {
		t.Fatalf("got the plan\n%s\nwant 7 steps", p)
	}
	for _, before := range []string{"a x", "x one", "one two", "two z", "z end", "a self", "self end"} {
		b, a, _ := strings.Cut(before, " ")
		if at[b] >= at[a] {
			t.Errorf("%s must come before %s:\n%s", b, a, p)
		}
	}
	for _, says := range []string{
		"! public.self, public.v read each other: a refresh reads the rows of the previous refresh",
		"! public.one, public.two, public.w read each other: no order is right, and the materialized views are refreshed by name",
	} {
		if !strings.Contains(p.String(), says) {
			t.Errorf("%q is missing in the plan:\n%s", says, p)
		}
	}
}
