// Package lists compares lists of different texts.
package lists

import "slices"

// A Difference is what is not the same in two lists.
type Difference struct {
	Missing   []string // expected and not there, in the order expected
	Extra     []string // there and not expected, in the order there
	Reordered []string // the fewest that would have to move for the others to be in order, in the order expected
}

// Compare lists how a list differs from the expected one. No text is in a list twice.
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

// longestRise marks the members of a longest subsequence that rises. The numbers differ from each other.
func longestRise(numbers []int) []bool {
	var ends []int // by length less one: the place of the least number that such a subsequence ends with
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
