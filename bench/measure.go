package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// A sample is one operation, or as many as take this long: the shorter, the more of them pass undisturbed by whatever
// else the machine is doing.
const sample = 20 * time.Microsecond

// A round is samples of each side in turn, for about this long on each. Of a side's samples in a round the median
// counts, and of the rounds' ratios the median again: a sample that was interrupted counts for nothing, and a machine
// that is slow for longer than a round is slow for both.
const (
	round      = 5 * time.Millisecond
	mostInTurn = 51
)

// slow is an operation that is not done more often than its figures need: most of a full run is made of those.
const slow = 100 * time.Millisecond

// A figure is what one side took.
type figure struct {
	Form        string  `json:"form"`
	Nanoseconds float64 `json:"ns_per_op"` // the median
	Allocs      float64 `json:"allocs_per_op"`
	Bytes       float64 `json:"bytes_per_op"`
	Ratio       *spread `json:"ratio_to_bare,omitempty"` // of what is shown beside
}

// A spread is a median and its quartiles.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{quantile(sorted, 0.5), quantile(sorted, 0.25), quantile(sorted, 0.75)}
}

// quantile is that of sorted values, between two neighbours by their distance.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// A result is a line measured on one driver and mode.
type result struct {
	Line   string   `json:"line"`
	Mode   string   `json:"mode"`
	Ours   figure   `json:"ours"`
	Bare   *figure  `json:"bare,omitempty"`
	Ratio  spread   `json:"ratio"` // ours to bare, by rounds; zero without a bare side
	Rounds int      `json:"rounds"`
	Beside []figure `json:"beside,omitempty"`
	Tried  []figure `json:"tried,omitempty"` // the forms that bare is the fastest of
	Bar    string   `json:"bar"`
	Worse  float64  `json:"worse"` // how many times worse than the bar; at most 1 where it is met
}

func (w *workbench) measureLine(ctx context.Context, l line, m mode) (_ *result, err error) {
	s := &stage{workbench: w, mode: m}
	defer func() { err = errors.Join(err, s.close()) }()
	c, err := l.setup(ctx, s)
	if err != nil {
		return nil, err
	}
	r := &result{Line: l.name, Mode: m.name, Bar: l.bar.String()}

	var bare *side
	if len(c.bare) == 1 {
		bare = &c.bare[0]
	} else if len(c.bare) > 1 {
		tried, err := w.race(ctx, c.bare, bar{}, w.perLine/4, false)
		if err != nil {
			return nil, err
		}
		best := 0
		for i, t := range tried {
			r.Tried = append(r.Tried, t.figure)
			if t.Nanoseconds < tried[best].Nanoseconds {
				best = i
			}
		}
		bare = &c.bare[best]
	}

	sides := []side{c.ours}
	if bare != nil {
		sides = append(sides, *bare)
	}
	sides = append(sides, c.beside...)
	allocs, err := allocations(ctx, sides)
	if err != nil {
		return nil, err
	}
	stop := func() error { return nil }
	if c.meanwhile != nil {
		stop = start(ctx, c.meanwhile)
	}
	against := l.bar
	if bare == nil {
		against = bar{}
	}
	all, err := w.race(ctx, sides, against, w.perLine, c.meanwhile != nil)
	if err = errors.Join(err, stop()); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Allocs, all[i].Bytes = allocs[i].Allocs, allocs[i].Bytes
	}
	r.Ours, r.Rounds = all[0].figure, len(all[0].rounds)
	rest := all[1:]
	if bare != nil {
		r.Bare, rest = &all[1].figure, all[2:]
		r.Ratio = ratio(all[0].rounds, all[1].rounds)
	}
	for _, b := range rest {
		if bare != nil {
			toBare := ratio(b.rounds, all[1].rounds)
			b.Ratio = &toBare
		}
		r.Beside = append(r.Beside, b.figure)
	}
	r.Worse = l.bar.worse(r)
	return r, nil
}

// A runner is a side with what it took.
type runner struct {
	figure
	side    side
	n       int           // operations in a sample
	took    time.Duration // a sample took that when it was tried
	samples []float64     // of the round, nanoseconds an operation
	rounds  []float64     // the medians of the rounds
}

// ratio is that of two sides, round by round.
func ratio(a, b []float64) spread {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return spreadOf(ratios)
}

// race runs the sides in turn for about that long, and longer where the first one's ratio to the second is too near the
// bar to tell. Each turn has an order of its own, so that no side always comes behind
// the same one: it matters by some hundredths. Unless something else is going on meanwhile, a round starts on a collected heap, and so does
// a sample that may leave a lot behind.
func (w *workbench) race(ctx context.Context, sides []side, against bar, d time.Duration, disturbed bool) ([]*runner, error) {
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
	for rounds := 0; w.goesOn(rounds, time.Since(began), d) || w.doubts(all, against, time.Since(began)); rounds++ {
		if !disturbed {
			runtime.GC()
		}
		for range turns {
			for _, i := range rand.Perm(len(all)) {
				if err := all[i].sample(ctx, disturbed); err != nil {
					return nil, err
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

// goesOn tells whether there is another round, after so many that took so long and were to take d.
func (e effort) goesOn(rounds int, took, d time.Duration) bool {
	return took < d || rounds < leastRounds || rounds < e.minRounds && took < e.patience
}

// doubts tells whether the bar is within two standard errors of the median ratio, and there is time left to be surer.
// The error of a median is 1.25 standard deviations by the root of the number, and the quartiles are 1.35 of those apart.
func (e effort) doubts(all []*runner, against bar, took time.Duration) bool {
	if against.ratio == 0 || took >= e.doubt {
		return false
	}
	r := ratio(all[0].rounds, all[1].rounds)
	err := 1.25 / 1.35 * (r.High - r.Low) / math.Sqrt(float64(len(all[0].rounds)))
	return math.Abs(r.Median-against.ratio) < 2*err
}

// leastRounds are those that a median with quartiles takes.
const leastRounds = 5

func (r *runner) sample(ctx context.Context, disturbed bool) error {
	if r.took > round && !disturbed {
		runtime.GC()
	}
	began := time.Now()
	if err := r.side.do(ctx, r.n); err != nil {
		return fmt.Errorf("%s: %w", r.side.name, err)
	}
	r.samples = append(r.samples, float64(time.Since(began).Nanoseconds())/float64(r.n))
	return nil
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

// allocations counts what an operation of each side allocates, in this process, the driver's part included.
func allocations(ctx context.Context, sides []side) ([]figure, error) {
	figures := make([]figure, len(sides))
	for i, s := range sides {
		if err := s.do(ctx, 1); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		n := 100
		began := time.Now()
		if err := s.do(ctx, 1); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		switch took := time.Since(began); {
		case took > slow:
			n = 1
		case took > time.Millisecond:
			n = 3
		case took < 10*time.Microsecond:
			n = 10_000
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		if err := s.do(ctx, n); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		runtime.ReadMemStats(&after)
		figures[i].Allocs = math.Round(float64(after.Mallocs-before.Mallocs)/float64(n)*10) / 10
		figures[i].Bytes = math.Round(float64(after.TotalAlloc-before.TotalAlloc) / float64(n))
	}
	return figures, nil
}

// start runs f over and over until the function that it returns is called, which returns f's error.
func start(ctx context.Context, f func(context.Context) error) (stop func() error) {
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		for running.Err() == nil {
			// A call that has begun is let end: a cancelled one would cost the connection.
			if err := f(ctx); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return func() error {
		cancel()
		return <-done
	}
}
