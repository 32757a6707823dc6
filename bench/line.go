package main

import (
	"context"
	"fmt"
	"slices"
)

// lines are the table's, in its order.
var lines = slices.Concat(peerLines, rowLines, sequenceLines, refreshLines, lookupLines, loadLines)

// A line is an operation of the library and its limit.
type line struct {
	name   string // for -run; at most 15 characters, no spaces
	what   string // the operation and its limit, for readers of the table
	beside string // what people use instead, for the first table of BENCHMARKS.md; "" for none
	bar    bar
	modes  []mode // the drivers and modes that it runs on; nil for all
	long   bool   // not in a short run
	runs   int    // set up and measured this often; the median counts; 0 is 1
	cpu    bool   // compare this process's CPU time instead of time
	// uncounted lines have no limit for counts: their two sides do not do the same.
	uncounted bool
	setup     func(ctx context.Context, s *stage) (*contest, error)
}

// A contest is a line's sides, ready to run on one driver and mode.
type contest struct {
	ours side
	// bare are forms that a user could write by hand. The fastest is the limit.
	bare []side
	// beside are measured in the same rounds and printed. They have no bar.
	beside []side
	// meanwhile runs in another goroutine, over and over, during the measurement. Nil for nothing.
	meanwhile func(ctx context.Context) error
}

// A side does an operation n times, one after another.
type side struct {
	name   string // in a few words, for readers of the table
	do     func(ctx context.Context, n int) error
	blocks func(ctx context.Context) (float64, error) // how many blocks the server reads; nil if not counted
}

// each returns a side that calls f for each operation.
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

// A bar is what a line has to reach.
type bar struct {
	ratio float64 // the most that ours may take, as a multiple of bare
	worst float64 // the most in any run of several; 0 for no such bar
	more  float64 // how many allocations ours may make beyond ratio times bare's
	most  float64 // the most allocations of ours; 0 for no such bar
}

// missed says what a result misses: its ratio, and its counts.
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
	limit("blocks", r.Ours.Blocks, times*r.Bare.Blocks)
	limit("allocations", r.Ours.Allocs, times*r.Bare.Allocs+b.more)
	if b.most > 0 {
		limit("allocations", r.Ours.Allocs, b.most)
	}
	return ratio, counts
}
