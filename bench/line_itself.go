package main

import "context"

// itself measures the harness: one statement beside the same one. A ratio away from 1 is the harness's own.
var itself = line{
	name: "Itself",
	what: "the harness: a statement by hand beside the very same",
	bar:  bar{ratio: 1.05},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		db, err := s.open(ctx, orderNo)
		if err != nil {
			return nil, err
		}
		next := func(ctx context.Context) error {
			var v int64
			return db.QueryRowContext(ctx, "SELECT nextval('order_no')").Scan(&v)
		}
		return &contest{ours: each("by hand", next), bare: []side{each("by hand", next)}}, nil
	},
}
