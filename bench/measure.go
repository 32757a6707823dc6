package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// A sample is one operation, or as many operations as take this long. Short samples are
// rarely interrupted.
const sample = 20 * time.Microsecond

// A round takes samples of each side in turn, for about this long per side. The result is
// the median of the rounds' ratios, and each round uses the medians of its samples. So an
// interrupted sample has no effect, and a slow phase of the machine slows both sides.
const (
	round      = 5 * time.Millisecond
	mostInTurn = 51
)

// A figure has the time and counts of one operation of a side.
type figure struct {
	Form        string  `json:"form"`
	Nanoseconds float64 `json:"ns"` // the median
	counts
	Ratio float64 `json:"ratio,omitempty"` // ours to this; only for others
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

// ratio returns the spread of the ratios of two sides, round by round.
func ratio(a, b []float64) spread {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return spreadOf(ratios)
}

// A result has the figures of a line on one driver and mode.
type result struct {
	Line         string   `json:"line"`
	Mode         string   `json:"mode"`
	Ours         figure   `json:"ours"`
	Bare         figure   `json:"bare"`
	Ratio        spread   `json:"ratio"`           // ours to bare: of the rounds, or of the runs if there are several
	Worst        float64  `json:"worst,omitempty"` // the maximum of several runs
	Rounds       int      `json:"rounds"`          // in a run
	Others       []figure `json:"others,omitempty"`
	Bar          float64  `json:"bar"`
	MissedRatio  string   `json:"missed_ratio,omitempty"`
	MissedCounts []string `json:"missed_counts,omitempty"`
}

// measureLine returns the run with the median ratio.
func (w *workbench) measureLine(ctx context.Context, l line, m mode) (*result, error) {
	n := max(1, l.runs)
	if w.short {
		n = 1
	}
	var runs []*result
	var medians []float64
	for range n {
		r := &result{Line: l.name, Mode: m.name, Bar: l.bar.ratio}
		if err := w.runLine(ctx, l, m, r); err != nil {
			return nil, err
		}
		runs, medians = append(runs, r), append(medians, r.Ratio.Median)
	}
	slices.SortFunc(runs, func(a, b *result) int { return cmp.Compare(a.Ratio.Median, b.Ratio.Median) })
	r := runs[n/2]
	if n > 1 {
		r.Ratio, r.Worst = spreadOf(medians), slices.Max(medians)
	}
	r.MissedRatio, r.MissedCounts = l.missed(r)
	if w.short {
		r.MissedRatio = "" // only a full run checks ratios
	}
	return r, nil
}

// runLine sets up a line, measures it, and stores the figures in r.
func (w *workbench) runLine(ctx context.Context, l line, m mode, r *result) (err error) {
	s := &stage{workbench: w, mode: m}
	defer func() { err = errors.Join(err, s.close()) }()
	c, err := l.setup(ctx, s)
	if err != nil {
		return err
	}
	if c.clock == nil {
		c.clock = wallTime
	}
	var all []*runner
	if l.once {
		all, err = once(ctx, append([]side{c.ours}, c.bare...), c.clock)
	} else {
		all, err = w.compare(ctx, s, c)
	}
	if err != nil {
		return err
	}
	r.Ours, r.Bare, r.Rounds = all[0].figure, all[1].figure, len(all[0].rounds)
	r.Ratio = ratio(all[0].rounds, all[1].rounds)
	for _, b := range all[2:] {
		b.Ratio = ratio(all[0].rounds, b.rounds).Median
		r.Others = append(r.Others, b.figure)
	}
	return nil
}

// compare counts and measures our side, the fastest form by hand, and the others.
func (w *workbench) compare(ctx context.Context, s *stage, c *contest) ([]*runner, error) {
	bare := c.bare[0]
	if len(c.bare) > 1 {
		// Find the fastest form in separate rounds: in the measured rounds, chance would decide.
		tried, err := w.race(ctx, c.bare, c.clock, w.perLine/4, false)
		if err != nil {
			return nil, err
		}
		bare = slices.MinFunc(tried, func(a, b *runner) int { return int(a.Nanoseconds - b.Nanoseconds) }).side
	}
	sides := append([]side{c.ours, bare}, c.others...)
	counted := make([]counts, len(sides))
	for i, side := range sides {
		var err error
		if counted[i], err = s.count(ctx, side); err != nil {
			return nil, fmt.Errorf("%s: %w", side.name, err)
		}
	}
	stop := func() error { return nil }
	if c.background != nil {
		stop = start(ctx, c.background)
	}
	all, err := w.race(ctx, sides, c.clock, w.perLine, c.background != nil)
	if err = errors.Join(err, stop()); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].counts = counted[i]
	}
	return all, nil
}

// A runner has a side and its samples.
type runner struct {
	figure
	side    side
	n       int           // operations in a sample
	took    time.Duration // by a sample, from calibrate
	samples []float64     // of the current round, in nanoseconds per operation
	rounds  []float64     // the medians of the rounds
}

// A clock returns a time that grows, for example elapsed time or CPU time.
type clock func() (time.Duration, error)

var started = time.Now()

func wallTime() (time.Duration, error) { return time.Since(started), nil }

// race runs the sides in turn for about d. The order of each turn is random: a fixed order
// changes ratios by some hundredths. Each round, and each sample longer than a round, starts
// after a garbage collection, unless busy says that another goroutine runs.
func (w *workbench) race(ctx context.Context, sides []side, clock clock, d time.Duration, busy bool) ([]*runner, error) {
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
		if !busy {
			runtime.GC()
		}
		for range turns {
			for _, i := range rand.Perm(len(all)) {
				if err := all[i].sample(ctx, clock, busy); err != nil {
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

// once takes one sample of each side, in random order.
func once(ctx context.Context, sides []side, clock clock) ([]*runner, error) {
	all := make([]*runner, len(sides))
	for _, i := range rand.Perm(len(sides)) {
		r := &runner{figure: figure{Form: sides[i].name}, side: sides[i], n: 1}
		if err := r.sample(ctx, clock, false); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Form, err)
		}
		r.Nanoseconds, r.rounds = r.samples[0], r.samples
		all[i] = r
	}
	return all, nil
}

func (r *runner) sample(ctx context.Context, clock clock, busy bool) error {
	if r.took > round && !busy {
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

// calibrate warms up a side, and finds the number of operations in a sample.
func (r *runner) calibrate(ctx context.Context) error {
	if err := r.side.do(ctx, 1); err != nil { // connects, prepares
		return err
	}
	for r.n = 1; ; r.n *= 2 {
		r.took = time.Hour
		for range 5 { // the minimum, since any may be interrupted
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

// start runs f repeatedly until stop is called. Stop returns f's error.
func start(ctx context.Context, f func(context.Context) error) (stop func() error) {
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		var err error
		for running.Err() == nil && err == nil {
			err = f(ctx) // not the context running: cancelling a call would close the connection
		}
		done <- err
	}()
	return func() error {
		cancel()
		return <-done
	}
}
