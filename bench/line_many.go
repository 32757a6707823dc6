package main

import (
	"context"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// many is how many values the lines about many values take at a time.
const many = 1_000

var nextValues = line{
	name: "NextValues",
	what: "take a thousand values at once, beside a thousand times one",
	bar:  bar{faster: 60},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		seq, _, err := s.sequence(ctx)
		if err != nil {
			return nil, err
		}
		return &contest{
			ours: each("NextValues(1000)", func(ctx context.Context) error {
				_, err := seq.NextValues(ctx, many)
				return err
			}),
			bare: []side{each("1,000 × NextValue", func(ctx context.Context) error {
				for range many {
					if _, err := seq.NextValue(ctx); err != nil {
						return err
					}
				}
				return nil
			})},
		}, nil
	},
}

var allocatorBlocks = line{
	name: "AllocatorBlocks",
	what: "take a thousand values from an allocator of blocks of a thousand, beside NextValues",
	bar:  bar{ratio: 1 / 0.9},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		seq, _, err := s.sequence(ctx)
		if err != nil {
			return nil, err
		}
		a, err := massive.NewAllocator(seq, massive.BlocksOf(many))
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, a.Close)
		return &contest{
			ours: each("1,000 × Next", func(ctx context.Context) error {
				for range many {
					if _, err := a.Next(ctx); err != nil {
						return err
					}
				}
				return nil
			}),
			bare: []side{each("NextValues(1000)", func(ctx context.Context) error {
				_, err := seq.NextValues(ctx, many)
				return err
			})},
		}, nil
	},
}

var allocatorHiLo = line{
	name: "AllocatorHiLo",
	what: "take a value from an allocator by HiLo with an increment of 10,000: 20 million a second are 50 ns each",
	bar:  inMemory(0),
	// Between two blocks nothing goes through a driver.
	modes: []mode{libpq, pgxDefault},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		db, err := s.open(ctx, "CREATE SEQUENCE order_no INCREMENT 10000")
		if err != nil {
			return nil, err
		}
		m, err := massive.Load(ctx, db, postgres.New())
		if err != nil {
			return nil, err
		}
		seq, err := m.Sequence("order_no")
		if err != nil {
			return nil, err
		}
		a, err := massive.NewAllocator(seq, massive.HiLo(10_000))
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, a.Close)
		return &contest{ours: side{"Next", func(ctx context.Context, n int) error {
			for range n {
				if _, err := a.Next(ctx); err != nil {
					return err
				}
			}
			return nil
		}}}, nil
	},
}
