// Package digraph has algorithms on directed graphs. Nodes are numbered from 0, and
// edges[n] lists the nodes that n leads to. All algorithms take time and space linear in
// nodes and edges. None is recursive.
package digraph

import "slices"

// Reversed returns the reversed edges, each list ascending.
func Reversed(edges [][]int32) [][]int32 {
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

// Sorted returns the nodes in topological order: each after the nodes in before. Nodes in
// a cycle or after a cycle are missing. After is the reverse of before.
func Sorted(before, after [][]int32) []int32 {
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

// Cycles returns the strongly connected components with more than one node, each
// ascending. It also returns the number of each node's component. It is Tarjan's
// algorithm with an explicit stack.
func Cycles(edges [][]int32) (cycles [][]int32, component []int32) {
	const none = -1
	number, low := make([]int32, len(edges)), make([]int32, len(edges))
	component = make([]int32, len(edges))
	for i := range number {
		number[i], component[i] = none, none
	}
	type visit struct {
		node int32
		next int
	}
	var path []visit
	var open []int32
	var numbers, components int32
	for root := range edges {
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
			if v.next < len(edges[n]) {
				to := edges[n][v.next]
				v.next++
				if number[to] == none {
					path = append(path, visit{to, 0})
				} else if component[to] == none {
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
			begin := len(open) - 1 // search from the end: in a long chain all nodes are open
			for open[begin] != n {
				begin--
			}
			members := slices.Clone(open[begin:])
			open = open[:begin]
			for _, m := range members {
				component[m] = components
			}
			components++
			if len(members) > 1 {
				slices.Sort(members)
				cycles = append(cycles, members)
			}
		}
	}
	return cycles, component
}
