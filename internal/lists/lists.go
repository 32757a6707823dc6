// Package lists compares lists whose texts are unique.
package lists

import "slices"

// A Difference is the difference between an expected and an actual list.
type Difference struct {
	Missing   []string // expected and not actual, in the expected order
	Extra     []string // actual and not expected, in the actual order
	Reordered []string // the fewest texts that must move to put all in order, in the expected order
}

// Compare returns how actual differs from expected. Each list must have unique texts.
func Compare(expected, actual []string) (d Difference) {
	place := make(map[string]int, len(actual))
	for i, l := range actual {
		place[l] = i
	}
	known := make(map[string]bool, len(expected))
	var both []string
	var places []int
	for _, l := range expected {
		known[l] = true
		if i, ok := place[l]; ok {
			both, places = append(both, l), append(places, i)
		} else {
			d.Missing = append(d.Missing, l)
		}
	}
	for _, l := range actual {
		if !known[l] {
			d.Extra = append(d.Extra, l)
		}
	}
	for i, stays := range longestRise(places) {
		if !stays {
			d.Reordered = append(d.Reordered, both[i])
		}
	}
	return d
}

// longestRise marks the members of a longest increasing subsequence. The numbers must be
// unique.
func longestRise(numbers []int) []bool {
	var ends []int // ends[k] is the index of the smallest end of an increasing subsequence of length k+1
	before := make([]int, len(numbers))
	for i, n := range numbers {
		at, _ := slices.BinarySearchFunc(ends, n, func(end, n int) int { return numbers[end] - n })
		before[i] = -1
		if at > 0 {
			before[i] = ends[at-1]
		}
		if at == len(ends) {
			ends = append(ends, i)
		} else {
			ends[at] = i
		}
	}
	marked := make([]bool, len(numbers))
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = before[i] {
			marked[i] = true
		}
	}
	return marked
}
