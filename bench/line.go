package main

import (
	"context"
	"fmt"
	"time"
)

// lines are the table's, in its order. Each lives in a file of its own, named after what it is about.
var lines = []line{
	itself,
	load, load10000, loadAmongTables, reload,
	lookQuiet, lookBusy,
	nextValue, lastValue, nextValues, allocatorBlocks, allocatorHiLo,
	refresh, refreshAll, refreshUneven, planRefresh,
	selectRows,
	lookup, lookupQuoted, lookupReloading, lookupWith, contains, containsReloading,
}

// A line is an operation of the library beside the same by hand.
type line struct {
	name string // for -run; no spaces
	what string // in a sentence, for readers of the table
	bar  bar
	// modes are the drivers and modes that it runs on; nil for all.
	modes []mode
	long  bool // not in a short run: to make its database takes too long
	setup func(ctx context.Context, s *stage) (*contest, error)
}

// A contest is a line's two sides, ready to run on one driver and mode.
type contest struct {
	ours side
	// bare are the forms that a user could write by hand: the fastest of them stands in the table. Nil where the
	// bar needs none.
	bare []side
	// beside are measured in the same rounds and shown beneath: what is not right everywhere, or less than asked.
	beside []side
	// meanwhile runs in another goroutine, over and over, while ours is measured. Nil for none.
	meanwhile func(ctx context.Context) error
}

// A side does an operation n times, one after another.
type side struct {
	name string // in a few words, for readers of the table
	do   func(ctx context.Context, n int) error
}

// each is a side that calls f for each operation. What takes less than a microsecond brings a loop of its own.
func each(name string, f func(ctx context.Context) error) side {
	return side{name, func(ctx context.Context, n int) error {
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
	// ratio is the most that ours may take, as a multiple of bare; 0 for no such bar.
	ratio float64
	// faster is how many times faster than bare ours has to be; 0 for no such bar.
	faster float64
	// within is the most that an operation may take, and allocs how many allocations it may make; 0 for no bar.
	within time.Duration
	allocs float64
}

// String is the bar as the table has it: "≤ 1.05 ×".
func (b bar) String() string {
	switch {
	case b.ratio > 0:
		return fmt.Sprintf("≤ %.2f ×", b.ratio)
	case b.faster > 0:
		return fmt.Sprintf("≥ %.0f × faster", b.faster)
	case b.within > 0:
		return fmt.Sprintf("≤ %v, %.0f allocs", b.within, b.allocs)
	default:
		return "none"
	}
}

// worse is how many times worse than the bar a result is: at most 1 where the bar is met. An allocation too many is
// a miss of any tolerance.
func (b bar) worse(r *result) float64 {
	switch {
	case b.ratio > 0:
		return r.Ratio.Median / b.ratio
	case b.faster > 0:
		return r.Ratio.Median * b.faster
	case b.within > 0:
		over := r.Ours.Nanoseconds / float64(b.within.Nanoseconds())
		if r.Ours.Allocs > b.allocs+0.01 {
			over = max(over, 2) * (1 + r.Ours.Allocs - b.allocs)
		}
		return over
	default:
		return 0
	}
}
