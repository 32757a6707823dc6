package massive

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

// Graph returns which views read which, as they were loaded. Materialized views that a pattern excluded, and the plain
// views between them, are in it.
func (m *DB) Graph() Graph {
	var g Graph
	n := newNetwork(m.Registry())
	for i, v := range n.views {
		if !n.carries[i] {
			continue
		}
		g.Nodes = append(g.Nodes, GraphNode{v.Name, v.Matview != nil, v.Excluded})
		for _, to := range v.Reads {
			if n.carries[to] {
				g.Edges = append(g.Edges, GraphEdge{v.Name, n.views[to].Name})
			}
		}
	}
	return g
}
