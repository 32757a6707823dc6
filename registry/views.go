package registry

import (
	"slices"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/digraph"
)

// A network is the dependency graph of the views. Its nodes are numbered in the order of
// their names. A snapshot computes its network on first use, once.
type network struct {
	nodes          []node
	reads, readers [][]int32 // for each node, ascending
	place          map[*dialect.MatviewDef]int32

	// empty is the part of reads that leads to a view without data, directly or through
	// plain views. It is nil if all views have data.
	empty [][]int32
}

// A node is a view.
type node struct {
	name     dialect.Name
	def      *dialect.MatviewDef // nil for a plain view
	excluded string              // why a materialized view was excluded, or empty
}

func newNetwork(matviews []dialect.MatviewDef, views []dialect.ViewDef, f dialect.Filter) *network {
	type source struct {
		node
		id    int64
		reads []int64
	}
	if !f.Has(dialect.KindMatview) {
		matviews, views = nil, nil
	}
	sources := make([]source, 0, len(matviews)+len(views))
	for i := range matviews {
		def := &matviews[i]
		s := source{node{name: def.Name, def: def}, def.ID, def.Reads}
		if why, omitted := f.Excludes(def.Name); omitted {
			s.excluded = "it is " + why
		} else {
			s.excluded = unreadableView(def)
		}
		sources = append(sources, s)
	}
	for _, v := range views {
		if len(v.Reads) > 0 {
			sources = append(sources, source{node{name: v.Name}, v.ID, v.Reads})
		}
	}
	slices.SortFunc(sources, func(a, b source) int { return a.name.Compare(b.name) })

	g := &network{nodes: make([]node, len(sources)), place: make(map[*dialect.MatviewDef]int32, len(matviews))}
	ids := make(map[int64]int32, len(sources))
	for i, s := range sources {
		g.nodes[i] = s.node
		ids[s.id] = int32(i)
		if s.def != nil {
			g.place[s.def] = int32(i)
		}
	}
	g.reads = make([][]int32, len(sources))
	for i, s := range sources {
		for _, id := range s.reads {
			// A plain view that reads no view is not a node.
			if to, ok := ids[id]; ok && to != int32(i) {
				g.reads[i] = append(g.reads[i], to)
			}
		}
		slices.Sort(g.reads[i])
		g.reads[i] = slices.Compact(g.reads[i])
	}
	g.readers = digraph.Reversed(g.reads)
	g.findEmpty()
	return g
}

// findEmpty computes the edges that lead to views without data. CheckRefresh follows only
// these, so that checking many views with data is cheap.
func (g *network) findEmpty() {
	leads := make([]bool, len(g.nodes))
	var stack []int32
	for i, n := range g.nodes {
		if n.def != nil && !n.def.Populated {
			leads[i] = true
			stack = append(stack, int32(i))
		}
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, r := range g.readers[i] {
			if g.nodes[r].def == nil && !leads[r] {
				leads[r] = true
				stack = append(stack, r)
			}
		}
	}
	if !slices.Contains(leads, true) {
		return
	}
	g.empty = make([][]int32, len(g.nodes))
	for i, to := range g.reads {
		for _, n := range to {
			if leads[n] {
				g.empty[i] = append(g.empty[i], n)
			}
		}
	}
}

// neighbours returns the materialized views that the edges lead to, directly or through
// plain views, by schema and name.
func (g *network) neighbours(def *dialect.MatviewDef, edges [][]int32) []dialect.Name {
	seen := map[int32]bool{}
	var found []int32
	stack := slices.Clone(edges[g.place[def]])
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		if g.nodes[n].def != nil {
			found = append(found, n)
		} else {
			stack = append(stack, edges[n]...)
		}
	}
	slices.Sort(found)
	names := make([]dialect.Name, len(found))
	for i, n := range found {
		names[i] = g.nodes[n].name
	}
	return names
}

// unpopulated returns the views without data that block a refresh of the view: views
// that it reads, directly or through plain views, and views that block their refreshes in
// turn. Each comes after the views that it reads.
func (g *network) unpopulated(def *dialect.MatviewDef) []*dialect.MatviewDef {
	type visit struct {
		node int32
		rest []int32
	}
	if g.empty == nil {
		return nil
	}
	seen := map[int32]bool{g.place[def]: true}
	stack := []visit{{g.place[def], g.empty[g.place[def]]}}
	var found []*dialect.MatviewDef
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.rest) > 0 {
			n := top.rest[0]
			top.rest = top.rest[1:]
			if !seen[n] {
				seen[n] = true
				stack = append(stack, visit{n, g.empty[n]})
			}
			continue
		}
		if d := g.nodes[top.node].def; d != nil && d != def {
			found = append(found, d)
		}
		stack = stack[:len(stack)-1]
	}
	return found
}

func (m *matview) DependsOn() []dialect.Name {
	g := m.network()
	return g.neighbours(m.def, g.reads)
}

func (m *matview) Dependents() []dialect.Name {
	g := m.network()
	return g.neighbours(m.def, g.readers)
}

// A View is a materialized view that was loaded or excluded, or a plain view that reads a
// view.
type View struct {
	Name     dialect.Name
	Matview  Matview // nil for a plain view
	Excluded string  // why a materialized view was excluded, in words: "it is excluded by *.tmp_*"; or empty
	Reads    []int32 // the indexes of the views that its query reads, ascending
}

// Views returns the views by schema and name, for graphs and plans. If materialized views
// weren't loaded, it returns none. Views that a view reads through a function are not
// known. The slice is the caller's, but Reads must not be changed.
func (r *Registry) Views() []View {
	if r.network == nil {
		return nil
	}
	g := r.network()
	all, handles := make([]View, len(g.nodes)), make([]matview, len(g.nodes))
	for i, n := range g.nodes {
		all[i] = View{Name: n.name, Excluded: n.excluded, Reads: g.reads[i]}
		if n.def != nil {
			handles[i] = matview{n.def, &r.access, r.network}
			all[i].Matview = &handles[i]
		}
	}
	return all
}
