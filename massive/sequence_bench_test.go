package massive_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// These benchmarks compare ways of getting many values. Each round times both, and the
// metric is the ratio of the medians.
//
//	go test -run '^$' -bench Sequence -benchtime 20x ./massive

func benchSequence(b *testing.B, driver, setup string) (massive.Sequence, *sql.DB) {
	b.Helper()
	e := newEnv(b, driver)
	e.Exec(b, setup)
	e.pool.SetMaxIdleConns(4)
	m, err := massive.Load(context.Background(), e.pool, postgres.New())
	if err != nil {
		b.Fatal(err)
	}
	s, err := m.Sequence("s")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.NextValues(context.Background(), 1000); err != nil { // lets the driver prepare the statement
		b.Fatal(err)
	}
	return s, e.pool
}

// medians runs each side once per round and returns the median times.
func medians(b *testing.B, sides ...func() error) []time.Duration {
	b.Helper()
	times := make([][]time.Duration, len(sides))
	for b.Loop() {
		for i, side := range sides {
			start := time.Now()
			if err := side(); err != nil {
				b.Fatal(err)
			}
			times[i] = append(times[i], time.Since(start))
		}
	}
	all := make([]time.Duration, len(sides))
	for i, t := range times {
		slices.Sort(t)
		all[i] = t[len(t)/2]
	}
	return all
}

func onBenchDrivers(b *testing.B, f func(b *testing.B, driver string)) {
	b.Helper()
	for _, driver := range []string{"postgres", "pgx"} {
		b.Run(driver, func(b *testing.B) { f(b, driver) })
	}
}

// BenchmarkSequenceNextValues compares NextValues(1000) with a thousand calls of
// NextValue.
func BenchmarkSequenceNextValues(b *testing.B) {
	onBenchDrivers(b, func(b *testing.B, driver string) {
		s, _ := benchSequence(b, driver, "CREATE SEQUENCE s")
		ctx := context.Background()
		t := medians(b,
			func() error { _, err := s.NextValues(ctx, 1000); return err },
			func() error {
				for range 1000 {
					if _, err := s.NextValue(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		b.ReportMetric(float64(t[1])/float64(t[0]), "×faster-than-one-by-one")
	})
}

// BenchmarkSequenceNextValuesBare compares NextValues(1000) with the same statement in
// database/sql. It is a benchmark of its own, since a thousand round trips would disturb
// it.
func BenchmarkSequenceNextValuesBare(b *testing.B) {
	onBenchDrivers(b, func(b *testing.B, driver string) {
		s, db := benchSequence(b, driver, "CREATE SEQUENCE s")
		ctx := context.Background()
		t := medians(b,
			func() error { _, err := s.NextValues(ctx, 1000); return err },
			func() error {
				rows, err := db.QueryContext(ctx, `SELECT pg_catalog.nextval('"public"."s"')::bigint FROM pg_catalog.generate_series(1, 1000)`)
				if err != nil {
					return err
				}
				defer rows.Close()
				values := make([]int64, 0, 1000)
				for rows.Next() {
					var v int64
					if err := rows.Scan(&v); err != nil {
						return err
					}
					values = append(values, v)
				}
				if len(values) != 1000 {
					return fmt.Errorf("got %d values, want 1000", len(values))
				}
				return rows.Err()
			})
		b.ReportMetric(float64(t[0])/float64(t[1]), "×bare")
		b.ReportMetric(float64(t[0].Microseconds()), "µs/1000values")
	})
}

// BenchmarkSequenceAllocatorBlocks compares an allocator with NextValues of the same
// blocks.
func BenchmarkSequenceAllocatorBlocks(b *testing.B) {
	onBenchDrivers(b, func(b *testing.B, driver string) {
		s, _ := benchSequence(b, driver, "CREATE SEQUENCE s")
		a, err := massive.NewAllocator(s)
		if err != nil {
			b.Fatal(err)
		}
		defer a.Close()
		const blocks = 20
		ctx := context.Background()
		t := medians(b,
			func() error {
				for range blocks * 1000 {
					if _, err := a.Next(ctx); err != nil {
						return err
					}
				}
				return nil
			},
			func() error {
				for range blocks {
					if _, err := s.NextValues(ctx, 1000); err != nil {
						return err
					}
				}
				return nil
			})
		b.ReportMetric(float64(t[1])/float64(t[0]), "×NextValues'-rate")
		b.ReportMetric(blocks*1000/t[0].Seconds(), "values/s")
	})
}

// BenchmarkSequenceAllocatorHiLo measures HiLo with 10,000 values per block.
func BenchmarkSequenceAllocatorHiLo(b *testing.B) {
	onBenchDrivers(b, func(b *testing.B, driver string) {
		s, _ := benchSequence(b, driver, "CREATE SEQUENCE s INCREMENT 10000")
		a, err := massive.NewAllocator(s, massive.HiLo(10_000))
		if err != nil {
			b.Fatal(err)
		}
		defer a.Close()
		const values = 2_000_000
		ctx, cancel := context.WithCancel(context.Background()) // cancellable, as a caller's is
		defer cancel()
		t := medians(b, func() error {
			for range values {
				if _, err := a.Next(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		b.ReportMetric(values/t[0].Seconds(), "values/s")
	})
}
