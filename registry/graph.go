package registry

import (
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// A Graph is which views read which, as it was loaded: plain data, and the caller's. A plain view is in it if it reads
// a materialized view, directly or through other plain views; the others carry nothing from one materialized view to
// another. What a function reads leaves no edge, since the database doesn't know it. It is empty where materialized
// views weren't loaded. Its zero value has no views.
type Graph struct {
	Nodes []GraphNode // by schema and name
	Edges []GraphEdge // each once, by View and then by Reads
}

// A GraphNode is a view.
type GraphNode struct {
	Name         dialect.Name
	Materialized bool
	// Excluded says why a materialized view was left out of what was loaded: "it is excluded by *.tmp_*". It is empty
	// for one that wasn't. A view left out passes on the order of those before and behind it all the same.
	Excluded string
}

// A GraphEdge says that the query of View names Reads.
type GraphEdge struct{ View, Reads dialect.Name }

// Upstream are the materialized views that a view depends on, directly and through others, itself apart; those that
// depend on nothing come first, and none before what it reads. A name that isn't in the graph has none.
func (g Graph) Upstream(view dialect.Name) []dialect.Name { return g.reach(view, false) }

// Downstream are the materialized views that depend on a view, directly and through others, itself apart; none comes
// before what it reads. A name that isn't in the graph has none.
func (g Graph) Downstream(view dialect.Name) []dialect.Name {
	all := g.reach(view, true)
	slices.Reverse(all)
	return all
}

// reach is a depth-first walk that notes a view after all that it leads to. It keeps its own
// stack: a chain of views may be deeper than is good for the program's.
func (g Graph) reach(view dialect.Name, down bool) []dialect.Name {
	d := newDiagram(g)
	from, ok := d.number[view]
	if !ok {
		return nil
	}
	next := make([][]int, len(d.nodes))
	for _, e := range g.Edges {
		a, b := d.number[e.View], d.number[e.Reads]
		if down {
			a, b = b, a
		}
		next[a] = append(next[a], b)
	}
	type visit struct {
		node int
		rest []int
	}
	seen := make([]bool, len(d.nodes))
	seen[from] = true
	stack := []visit{{from, next[from]}}
	var all []dialect.Name
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.rest) > 0 {
			n := top.rest[0]
			top.rest = top.rest[1:]
			if !seen[n] {
				seen[n] = true
				stack = append(stack, visit{n, next[n]})
			}
			continue
		}
		if n := d.nodes[top.node]; top.node != from && n.Materialized {
			all = append(all, n.Name)
		}
		stack = stack[:len(stack)-1]
	}
	return all
}

// A network is a snapshot's graph, in the form that plans are made from: views are numbers, in the order of their
// names, and so edges cost a number each. It is made once a snapshot, when it is first asked for, and never changes.
type network struct {
	nodes          []node
	reads, readers [][]int32 // of each node, ascending
	place          map[*dialect.MatviewDef]int32

	// before and after are the edges that runs keep to: reads and readers, but for cycles (see breakCycles).
	before, after [][]int32
	order         []int32   // all nodes, none before one that it waits for
	cycles        [][]int32 // nodes that read each other, by name

	// empty is the part of reads that leads to a view without data, directly or through plain
	// views. It is nil if all views have data.
	empty [][]int32
}

// A node is a view. A plain one has no def.
type node struct {
	name     dialect.Name
	def      *dialect.MatviewDef
	excluded string
	carries  bool // it is materialized, or reads what is
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
		s := source{node{name: def.Name, def: def, carries: true}, def.ID, def.Reads}
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
			// A plain view that reads no view is an edge's end without being a node.
			if to, ok := ids[id]; ok && to != int32(i) {
				g.reads[i] = append(g.reads[i], to)
			}
		}
		slices.Sort(g.reads[i])
		g.reads[i] = slices.Compact(g.reads[i])
	}
	g.readers = reversed(g.reads)
	g.carry()
	g.findEmpty()
	g.breakCycles()
	return g
}

// turned is the edges the other way round.
func reversed(edges [][]int32) [][]int32 {
	count := make([]int32, len(edges))
	total := 0
	for _, to := range edges {
		for _, n := range to {
			count[n]++
		}
		total += len(to)
	}
	room := make([]int32, 0, total)
	back := make([][]int32, len(edges))
	for i, n := range count {
		back[i] = room[len(room) : len(room) : len(room)+int(n)]
		room = room[:len(room)+int(n)]
	}
	for i, to := range edges {
		for _, n := range to {
			back[n] = append(back[n], int32(i))
		}
	}
	return back
}

// carry marks the plain views that read a materialized one, directly or not.
func (g *network) carry() {
	var stack []int32
	for i := range g.nodes {
		if g.nodes[i].carries {
			stack = append(stack, int32(i))
		}
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, r := range g.readers[i] {
			if !g.nodes[r].carries {
				g.nodes[r].carries = true
				stack = append(stack, r)
			}
		}
	}
}

// findEmpty finds the edges that lead to views without data. CheckRefresh follows these
// alone. So asking all of many views is cheap if they have data.
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

// breakCycles finds the order. Views may read each other in a cycle: CREATE OR REPLACE VIEW can make a plain view read
// a materialized one that reads it. Such views have no right order; each cycle becomes a chain, its plain views first
// and then its materialized ones by name, behind all that any of them waits for and before all that waits for any.
func (g *network) breakCycles() {
	g.before, g.after = g.reads, g.readers
	if g.order = sorted(g.before, g.after); len(g.order) == len(g.nodes) {
		return
	}
	cycle := g.findCycles()
	first, last := make([]int32, len(g.nodes)), make([]int32, len(g.nodes)) // of the chain that a node is in
	for i := range g.nodes {
		first[i], last[i] = int32(i), int32(i)
	}
	g.before = make([][]int32, len(g.nodes))
	for _, members := range g.cycles {
		chain := slices.Clone(members)
		slices.SortStableFunc(chain, func(a, b int32) int {
			switch aPlain, bPlain := g.nodes[a].def == nil, g.nodes[b].def == nil; {
			case aPlain == bPlain:
				return 0
			case aPlain:
				return -1
			default:
				return 1
			}
		})
		for i, n := range chain {
			first[n], last[n] = chain[0], chain[len(chain)-1]
			if i > 0 {
				g.before[n] = append(g.before[n], chain[i-1])
			}
		}
	}
	for i, to := range g.reads {
		for _, n := range to {
			if cycle[i] != cycle[n] {
				g.before[first[i]] = append(g.before[first[i]], last[n])
			}
		}
	}
	for i := range g.before {
		slices.Sort(g.before[i])
		g.before[i] = slices.Compact(g.before[i])
	}
	g.after = reversed(g.before)
	g.order = sorted(g.before, g.after)
}

// sorted is the nodes, each behind those that it waits for. Those in a cycle, and behind one, are missing.
func sorted(before, after [][]int32) []int32 {
	waits := make([]int32, len(before))
	order := make([]int32, 0, len(before))
	for i, b := range before {
		if waits[i] = int32(len(b)); waits[i] == 0 {
			order = append(order, int32(i))
		}
	}
	for next := 0; next < len(order); next++ {
		for _, n := range after[order[next]] {
			if waits[n]--; waits[n] == 0 {
				order = append(order, n)
			}
		}
	}
	return order
}

// findCircles numbers the strongly connected parts of the graph (Tarjan's algorithm, with a stack of its own) and
// notes those of more than one view.
func (g *network) findCycles() (part []int32) {
	const none = -1
	number, low := make([]int32, len(g.nodes)), make([]int32, len(g.nodes))
	part = make([]int32, len(g.nodes))
	for i := range number {
		number[i], part[i] = none, none
	}
	type visit struct {
		node int32
		next int
	}
	var path []visit
	var open []int32
	var numbers, parts int32
	for root := range g.nodes {
		if number[root] != none {
			continue
		}
		path = append(path, visit{int32(root), 0})
		for len(path) > 0 {
			v := &path[len(path)-1]
			n := v.node
			if v.next == 0 {
				number[n], low[n] = numbers, numbers
				numbers++
				open = append(open, n)
			}
			if v.next < len(g.reads[n]) {
				to := g.reads[n][v.next]
				v.next++
				if number[to] == none {
					path = append(path, visit{to, 0})
				} else if part[to] == none {
					low[n] = min(low[n], number[to])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				above := path[len(path)-1].node
				low[above] = min(low[above], low[n])
			}
			if low[n] != number[n] {
				continue
			}
			begin := len(open) - 1 // from the end: a chain of views is open as a whole
			for open[begin] != n {
				begin--
			}
			members := slices.Clone(open[begin:])
			open = open[:begin]
			for _, m := range members {
				part[m] = parts
			}
			parts++
			if len(members) > 1 {
				slices.Sort(members)
				g.cycles = append(g.cycles, members)
			}
		}
	}
	return part
}

// neighbours are the materialized views that are one step away along the edges, plain views in between apart, by
// schema and name.
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

// unpopulated returns the views without data that a refresh of the view fails on: those
// that it reads, itself or through plain views, and those that keep these from being
// refreshed. None comes before what it reads.
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

// Graph is which views read which, materialized ones that a pattern left out and the plain views between them
// included.
func (r *Registry) Graph() Graph {
	var g Graph
	if r.network == nil {
		return g
	}
	n := r.network()
	for i, node := range n.nodes {
		if !node.carries {
			continue
		}
		g.Nodes = append(g.Nodes, GraphNode{node.name, node.def != nil, node.excluded})
		for _, to := range n.reads[i] {
			if n.nodes[to].carries {
				g.Edges = append(g.Edges, GraphEdge{node.name, n.nodes[to].name})
			}
		}
	}
	return g
}
