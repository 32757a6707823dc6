package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// A sample is one operation, or as many as take this long. Short samples are rarely
// interrupted.
const sample = 20 * time.Microsecond

// A round is samples of each side in turn, for about this long on each. The median of a
// side's samples counts in a round, and the median of the rounds' ratios in the end: an
// interrupted sample counts for nothing, and a machine that is slow for longer than a round
// is slow for both.
const (
	round      = 5 * time.Millisecond
	mostInTurn = 51
)

// A figure is what an operation of one side takes.
type figure struct {
	Form        string  `json:"form"`
	Nanoseconds float64 `json:"ns"` // the median
	counts
	Ratio float64 `json:"ratio,omitempty"` // ours to this, of what is measured beside
}

// A spread is a median and its quartiles.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

func spreadOf(values []float64) spread {
	v, n := slices.Sorted(slices.Values(values)), len(values)
	return spread{v[n/2], v[n/4], v[n*3/4]}
}

// ratio compares two sides round by round.
func ratio(a, b []float64) spread {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return spreadOf(ratios)
}

// A result is a line measured on one driver and mode.
type result struct {
	Line         string   `json:"line"`
	Mode         string   `json:"mode"`
	Ours         figure   `json:"ours"`
	Bare         figure   `json:"bare"`
	Ratio        spread   `json:"ratio"`           // ours to bare, of rounds, or of runs if there are several
	Worst        float64  `json:"worst,omitempty"` // of several runs
	Rounds       int      `json:"rounds"`          // of a run
	Beside       []figure `json:"beside,omitempty"`
	Bar          float64  `json:"bar"`
	MissedRatio  string   `json:"missed_ratio,omitempty"`
	MissedCounts []string `json:"missed_counts,omitempty"`
}

func (w *workbench) measureLine(ctx context.Context, l line, m mode) (*result, error) {
	r := &result{Line: l.name, Mode: m.name, Bar: l.bar.ratio}
	var medians []float64
	for range max(1, l.runs) {
		if err := w.runLine(ctx, l, m, r); err != nil {
			return nil, err
		}
		medians = append(medians, r.Ratio.Median)
	}
	if l.runs > 1 {
		r.Ratio, r.Worst = spreadOf(medians), slices.Max(medians)
	}
	r.MissedRatio, r.MissedCounts = l.missed(r)
	if w.short {
		r.MissedRatio = "" // that is for a full run
	}
	return r, nil
}

// runLine sets a line up, measures it, and puts the figures into r.
func (w *workbench) runLine(ctx context.Context, l line, m mode, r *result) (err error) {
	s := &stage{workbench: w, mode: m}
	defer func() { err = errors.Join(err, s.close()) }()
	c, err := l.setup(ctx, s)
	if err != nil {
		return err
	}
	clock := clock(wallTime)
	if l.cpu {
		clock = cpuTime
	}
	bare := c.bare[0]
	if len(c.bare) > 1 {
		// The fastest form is found in rounds of its own. In the rounds that count, the luckiest would win.
		tried, err := w.race(ctx, c.bare, clock, w.perLine/4, false)
		if err != nil {
			return err
		}
		bare = slices.MinFunc(tried, func(a, b *runner) int { return int(a.Nanoseconds - b.Nanoseconds) }).side
	}
	sides := append([]side{c.ours, bare}, c.beside...)
	counted := make([]counts, len(sides))
	for i, side := range sides {
		if counted[i], err = s.count(ctx, side); err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
	}
	stop := func() error { return nil }
	if c.meanwhile != nil {
		stop = start(ctx, c.meanwhile)
	}
	all, err := w.race(ctx, sides, clock, w.perLine, c.meanwhile != nil)
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	for i := range all {
		all[i].counts = counted[i]
	}
	r.Ours, r.Bare, r.Beside, r.Rounds = all[0].figure, all[1].figure, nil, len(all[0].rounds)
	r.Ratio = ratio(all[0].rounds, all[1].rounds)
	for _, b := range all[2:] {
		b.Ratio = ratio(all[0].rounds, b.rounds).Median
		r.Beside = append(r.Beside, b.figure)
	}
	return nil
}

// A runner is a side and what it took.
type runner struct {
	figure
	side    side
	n       int           // operations in a sample
	took    time.Duration // by a sample when it was tried
	samples []float64     // of the round, nanoseconds an operation
	rounds  []float64     // the medians of the rounds
}

// A clock tells the time, or the CPU time, since some moment.
type clock func() (time.Duration, error)

var started = time.Now()

func wallTime() (time.Duration, error) { return time.Since(started), nil }

// race runs the sides in turn for about d. Each turn has a random order: a fixed neighbour
// matters by some hundredths. Unless something else runs meanwhile, a round starts on a
// collected heap, and so does a sample that is longer than a round.
func (w *workbench) race(ctx context.Context, sides []side, clock clock, d time.Duration, disturbed bool) ([]*runner, error) {
	all := make([]*runner, len(sides))
	turns := mostInTurn
	for i, s := range sides {
		r := &runner{figure: figure{Form: s.name}, side: s}
		if err := r.calibrate(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		turns = max(1, min(turns, int(round/r.took)))
		all[i] = r
	}
	began := time.Now()
	for rounds := 0; rounds < w.minRounds || time.Since(began) < d; rounds++ {
		if !disturbed {
			runtime.GC()
		}
		for range turns {
			for _, i := range rand.Perm(len(all)) {
				if err := all[i].sample(ctx, clock, disturbed); err != nil {
					return nil, fmt.Errorf("%s: %w", all[i].Form, err)
				}
			}
		}
		for _, r := range all {
			r.rounds = append(r.rounds, spreadOf(r.samples).Median)
			r.samples = r.samples[:0]
		}
	}
	for _, r := range all {
		r.Nanoseconds = spreadOf(r.rounds).Median
	}
	return all, nil
}

func (r *runner) sample(ctx context.Context, clock clock, disturbed bool) error {
	if r.took > round && !disturbed {
		runtime.GC()
	}
	began, err := clock()
	if err != nil {
		return err
	}
	if err := r.side.do(ctx, r.n); err != nil {
		return err
	}
	ended, err := clock()
	r.samples = append(r.samples, float64(ended-began)/float64(r.n))
	return err
}

// calibrate warms a side up and finds how many operations make a sample.
func (r *runner) calibrate(ctx context.Context) error {
	if err := r.side.do(ctx, 1); err != nil { // connects, prepares
		return err
	}
	for r.n = 1; ; r.n *= 2 {
		r.took = time.Hour
		for range 5 { // the least, since any may be interrupted
			began := time.Now()
			if err := r.side.do(ctx, r.n); err != nil {
				return err
			}
			if r.took = min(r.took, time.Since(began)); r.took > round {
				return nil
			}
		}
		if r.took >= sample/2 {
			return nil
		}
	}
}

// start runs f over and over until stop is called, which returns f's error.
func start(ctx context.Context, f func(context.Context) error) (stop func() error) {
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		var err error
		for running.Err() == nil && err == nil {
			err = f(ctx) // not running: a call that is cancelled would cost the connection
		}
		done <- err
	}()
	return func() error {
		cancel()
		return <-done
	}
}
