package main

import (
	"context"
	"fmt"
	"slices"
)

// lines are all lines, in the order of the table.
var lines = slices.Concat(peerLines, rowLines, sequenceLines, refreshLines, replaceLines, lookupLines, loadLines)

// A line compares an operation of the library with its limit.
type line struct {
	name  string // for -run; at most 15 characters, no spaces
	what  string // describes the operation and its limit in BENCHMARKS.md
	peer  string // the alternative in the first table of BENCHMARKS.md; "" for none
	bar   bar
	modes []mode // drivers and modes; nil for all
	long  bool   // excluded from short runs
	runs  int    // number of runs, whose median counts; 0 means 1
	once  bool   // each run takes one sample of each side, without a warm-up
	// uncounted lines have no limit for counts, since their sides send different statements.
	uncounted bool
	setup     func(ctx context.Context, s *stage) (*contest, error)
}

// A contest has a line's sides, set up for one driver and mode.
type contest struct {
	ours side
	// bare are the forms by hand. The fastest of them is the limit.
	bare []side
	// others are measured in the same rounds and printed. They have no bar.
	others []side
	// background runs repeatedly in another goroutine during the measurement, unless nil.
	background func(ctx context.Context) error
	// clock is the clock of the samples; nil for elapsed time.
	clock clock
}

// A side does an operation n times, one after another.
type side struct {
	name   string // a short description for the table
	do     func(ctx context.Context, n int) error
	blocks func(ctx context.Context) (float64, error) // counts the blocks that the server reads; nil if not counted
}

// each returns a side that calls f once for each operation.
func each(name string, f func(ctx context.Context) error) side {
	return side{name: name, do: func(ctx context.Context, n int) error {
		for range n {
			if err := f(ctx); err != nil {
				return err
			}
		}
		return nil
	}}
}

// A bar has the limits that a line must meet.
type bar struct {
	ratio float64 // maximum of ours, as a multiple of bare
	worst float64 // maximum ratio in any of several runs; 0 for no maximum
	more  float64 // allocations of ours allowed beyond ratio times bare's
	most  float64 // maximum allocations of ours; 0 for no maximum
}

// level allows for an index that has one more level on our side. Then each lookup reads
// one more block.
const level = 1.25

// missed describes the bars that a result misses: by its ratio, and by its counts.
func (l line) missed(r *result) (ratio string, counts []string) {
	b := l.bar
	if r.Ratio.Median > b.ratio {
		ratio = fmt.Sprintf("ratio %.3f, bar %.2f", r.Ratio.Median, b.ratio)
	} else if b.worst > 0 && r.Worst > b.worst {
		ratio = fmt.Sprintf("ratio %.3f in one run, bar %.2f", r.Worst, b.worst)
	}
	if l.uncounted {
		return ratio, nil
	}
	limit := func(what string, ours, most float64) {
		if ours > most+0.05 { // other goroutines allocate, too
			counts = append(counts, fmt.Sprintf("%.1f %s, at most %.1f", ours, what, most))
		}
	}
	times := max(1, b.ratio)
	limit("statements", r.Ours.Statements, r.Bare.Statements)
	limit("round trips", r.Ours.Trips, r.Bare.Trips)
	limit("blocks", r.Ours.Blocks, level*times*r.Bare.Blocks)
	limit("allocations", r.Ours.Allocs, times*r.Bare.Allocs+b.more)
	if b.most > 0 {
		limit("allocations", r.Ours.Allocs, b.most)
	}
	return ratio, counts
}
