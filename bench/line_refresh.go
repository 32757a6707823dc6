package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// uneven is how many views RefreshUneven refreshes, and how many at a time.
const uneven, atATime = 40, 4

var refreshUneven = line{
	name:  "RefreshUneven",
	what:  "refresh forty views that sleep unevenly, two deep chains among them, four at a time, by an earlier report's durations, beside the best order that a search finds",
	bar:   bar{ratio: 1.15},
	modes: []mode{libpq, pgxDefault},
	long:  true,
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		rnd := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // the same each time
		sleeps, reads := make([]time.Duration, uneven), make([][]int, uneven)
		var made strings.Builder
		for i := range uneven {
			sleeps[i] = time.Duration(50+rnd.IntN(250)) * time.Millisecond
			switch {
			case i >= uneven-20 && i < uneven-2: // two chains of ten, the last by name
				reads[i+2] = []int{i}
			case i > 6 && i < uneven-20:
				reads[i] = []int{rnd.IntN(i)}
			}
			fmt.Fprintf(&made, "CREATE MATERIALIZED VIEW s%03d AS SELECT 1 AS n FROM pg_sleep(%f)", i, sleeps[i].Seconds())
			for j, r := range reads[i] {
				fmt.Fprintf(&made, ", s%03d r%d", r, j)
			}
			made.WriteString(" WITH NO DATA;\n")
		}
		db, err := s.open(ctx, made.String())
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(atATime)
		db.SetMaxIdleConns(atATime)
		m, err := massive.Load(ctx, db, postgres.New())
		if err != nil {
			return nil, err
		}
		report, err := m.RefreshAll(ctx, massive.Parallel(atATime))
		if err != nil {
			return nil, err
		}
		best := shortest(rnd, sleeps, reads, atATime)
		return &contest{
			ours: each("RefreshAll(Parallel(4))", func(ctx context.Context) error {
				_, err := m.RefreshAll(ctx, massive.Parallel(atATime), massive.DurationsOf(report))
				return err
			}),
			bare: []side{each("the best order's sleeps", func(ctx context.Context) error {
				_, err := db.ExecContext(ctx, fmt.Sprintf("SELECT pg_sleep(%f)", best.Seconds()))
				return err
			})},
		}, nil
	},
}

// shortest is the shortest time that a search finds for tasks on so many workers: it tries random orders, and from the best
// of them changes that make it no worse.
func shortest(rnd *rand.Rand, took []time.Duration, reads [][]int, workers int) time.Duration {
	n := len(took)
	after := make([][]int, n)
	for i, all := range reads {
		for _, r := range all {
			after[r] = append(after[r], i)
		}
	}
	try := func(urgency []float64) time.Duration {
		left := make([]int, n)
		var ready []int
		for i := range n {
			if left[i] = len(reads[i]); left[i] == 0 {
				ready = append(ready, i)
			}
		}
		until := map[int]time.Duration{} // of those under way
		var now time.Duration
		for len(ready) > 0 || len(until) > 0 {
			for len(until) < workers && len(ready) > 0 {
				next := 0
				for i := range ready {
					if urgency[ready[i]] > urgency[ready[next]] {
						next = i
					}
				}
				until[ready[next]] = now + took[ready[next]]
				ready = append(ready[:next], ready[next+1:]...)
			}
			first := -1
			for task, at := range until {
				if first < 0 || at < until[first] || at == until[first] && task < first {
					first = task
				}
			}
			now = until[first]
			delete(until, first)
			for _, a := range after[first] {
				if left[a]--; left[a] == 0 {
					ready = append(ready, a)
				}
			}
		}
		return now
	}
	best, order := time.Duration(1<<62), make([]float64, n)
	for round := range 5000 {
		urgency := append([]float64(nil), order...)
		for i := range urgency {
			if round < 1000 || rnd.IntN(n) < 2 {
				urgency[i] = rnd.Float64()
			}
		}
		if d := try(urgency); d <= best {
			best, order = d, urgency
		}
	}
	return best
}
