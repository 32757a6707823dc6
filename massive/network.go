package massive

import (
	"slices"

	"github.com/massivedb/massive-go/internal/digraph"
	"github.com/massivedb/massive-go/registry"
)

// A network has the views of a snapshot in the form that plans use. A view is identified
// by its index, also called node.
type network struct {
	views          []registry.View
	reads, readers [][]int32 // of each view, ascending
	carries        []bool    // of each view, whether it is or reads a materialized view

	// before and after are the edges that define the order. They are reads and readers,
	// except in cycles; see breakCycles.
	before, after [][]int32
	order         []int32   // all views in topological order
	cycles        [][]int32 // groups of views that read each other, by name
}

func newNetwork(r *Registry) *network {
	g := &network{views: r.Views()}
	g.reads, g.carries = make([][]int32, len(g.views)), make([]bool, len(g.views))
	for i, v := range g.views {
		g.reads[i], g.carries[i] = v.Reads, v.Matview != nil
	}
	g.readers = digraph.Reversed(g.reads)
	g.carry()
	g.breakCycles()
	return g
}

// loaded reports whether the view was loaded and can be refreshed.
func (g *network) loaded(n int32) bool { return g.views[n].Matview != nil && g.views[n].Excluded == "" }

// carry marks the plain views that read a materialized view, directly or indirectly.
func (g *network) carry() {
	var stack []int32
	for i := range g.views {
		if g.carries[i] {
			stack = append(stack, int32(i))
		}
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, r := range g.readers[i] {
			if !g.carries[r] {
				g.carries[r] = true
				stack = append(stack, r)
			}
		}
	}
}

// breakCycles computes the order. Views may read each other in a cycle: CREATE OR REPLACE
// VIEW can make a plain view read a materialized view that reads it. Such views have no
// right order. Each cycle becomes a chain, with its plain views first and then its
// materialized views by name. The chain waits for everything that one of its views reads.
func (g *network) breakCycles() {
	g.before, g.after = g.reads, g.readers
	if g.order = digraph.Sorted(g.before, g.after); len(g.order) == len(g.views) {
		return
	}
	var component []int32
	g.cycles, component = digraph.Cycles(g.reads)
	first, last := make([]int32, len(g.views)), make([]int32, len(g.views)) // of the chain that a node is in
	for i := range g.views {
		first[i], last[i] = int32(i), int32(i)
	}
	g.before = make([][]int32, len(g.views))
	for _, members := range g.cycles {
		chain := slices.Clone(members)
		slices.SortStableFunc(chain, func(a, b int32) int {
			switch aPlain, bPlain := g.views[a].Matview == nil, g.views[b].Matview == nil; {
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
			if component[i] != component[n] {
				g.before[first[i]] = append(g.before[first[i]], last[n])
			}
		}
	}
	for i := range g.before {
		slices.Sort(g.before[i])
		g.before[i] = slices.Compact(g.before[i])
	}
	g.after = digraph.Reversed(g.before)
	g.order = digraph.Sorted(g.before, g.after)
}

// find returns the index of the view of that name.
func (g *network) find(n Name) int32 {
	i, _ := slices.BinarySearchFunc(g.views, n, func(v registry.View, n Name) int { return v.Name.Compare(n) })
	return int32(i)
}
