package massive

import (
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// A Graph has the loaded dependencies between views, as plain data. It is the caller's. A
// plain view is included if it reads a materialized view, directly or through other plain
// views. The database doesn't know what a function reads, so such dependencies are
// missing. If materialized views weren't loaded, the graph is empty. The zero value has
// no views.
type Graph struct {
	Nodes []GraphNode // by schema and name
	Edges []GraphEdge // each once, by View and then by Reads
}

// A GraphNode is a view.
type GraphNode struct {
	Name         dialect.Name
	Materialized bool
	// Excluded says why a materialized view was not loaded: "it is excluded by *.tmp_*".
	// It is empty if the view was loaded. Plans also respect the order of the views
	// before and after an excluded view.
	Excluded string
}

// A GraphEdge means that the query of View reads Reads.
type GraphEdge struct{ View, Reads dialect.Name }

// Upstream returns the materialized views that a view depends on, directly or indirectly,
// without the view itself. Each view comes after the views that it reads. If the graph
// does not have the view, the result is empty.
func (g Graph) Upstream(view dialect.Name) []dialect.Name { return g.reach(view, false) }

// Downstream returns the materialized views that depend on a view, directly or
// indirectly, without the view itself. Each view comes after the views that it reads. If
// the graph does not have the view, the result is empty.
func (g Graph) Downstream(view dialect.Name) []dialect.Name {
	all := g.reach(view, true)
	slices.Reverse(all)
	return all
}

// reach returns the materialized views that a depth-first search reaches from the view,
// in postorder. It uses an explicit stack, since a chain of views may be long.
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

// Graph returns the dependencies between views, as they were loaded. It includes
// materialized views that a pattern excluded, and the plain views between materialized
// views.
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
