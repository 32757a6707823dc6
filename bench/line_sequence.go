package main

import (
	"context"
	"database/sql"

	"github.com/massivedb/massive-go/massive"
)

var sequenceLines = []line{
	oneValue("Itself", "check of the benchmark: a statement by hand; limit: the same statement", nil, "SELECT nextval('order_no')"),
	oneValue("NextValue", "take a value from a sequence; limit: SELECT nextval(…)", massive.Sequence.NextValue,
		"SELECT nextval('order_no')", "SELECT nextval('public.order_no')", "SELECT nextval('order_no'::regclass)"),
	oneValue("LastValue", "read a sequence's last value; limit: the fastest SELECT", massive.Sequence.LastValue,
		"SELECT pg_sequence_last_value('order_no')", "SELECT last_value FROM order_no", "SELECT last_value FROM public.order_no"),
	{
		name: "NextValues", what: "take 1,000 values at once; limit: the same statement by hand",
		bar: bar{ratio: 1.05, more: 10},
		setup: func(ctx context.Context, s *stage) (*contest, error) {
			seq, db, err := s.sequence(ctx)
			if err != nil {
				return nil, err
			}
			return &contest{
				ours: each("NextValues(1000)", func(ctx context.Context) error {
					_, err := seq.NextValues(ctx, 1_000)
					return err
				}),
				bare: []side{each("nextval … FROM generate_series", func(ctx context.Context) error {
					_, err := nextByHand(ctx, db)
					return err
				})},
				// A loop of 1,000 would leave little time for the rest of a round.
				others: []side{each("one value", func(ctx context.Context) error {
					_, err := seq.NextValue(ctx)
					return err
				})},
			}, nil
		},
	},
}

// oneValue compares an operation that returns one value with statements by hand. If do is
// nil, it compares the first statement with itself.
func oneValue(name, what string, do func(massive.Sequence, context.Context) (int64, error), statements ...string) line {
	l := line{name: name, what: what, bar: bar{ratio: 1.05, more: 4}}
	if do != nil {
		l.peer = "SQL by hand"
	}
	l.setup = func(ctx context.Context, s *stage) (*contest, error) {
		seq, db, err := s.sequence(ctx)
		if err != nil {
			return nil, err
		}
		c := &contest{ours: number(db, statements[0])}
		if do != nil {
			c.ours = each(name, func(ctx context.Context) error {
				_, err := do(seq, ctx)
				return err
			})
		}
		for _, text := range statements {
			c.bare = append(c.bare, number(db, text))
		}
		return c, nil
	}
	return l
}

// sequence returns a used sequence and its pool.
func (s *stage) sequence(ctx context.Context) (massive.Sequence, *sql.DB, error) {
	m, db, err := s.load(ctx, "CREATE SEQUENCE order_no")
	if err != nil {
		return nil, nil, err
	}
	seq, err := m.Sequence("order_no")
	if err != nil {
		return nil, nil, err
	}
	_, err = seq.NextValue(ctx)
	return seq, db, err
}

// number returns a side that runs a query and scans one number.
func number(db *sql.DB, query string) side {
	return each(query, func(ctx context.Context) error {
		var v int64
		return db.QueryRowContext(ctx, query).Scan(&v)
	})
}

// nextByHand takes 1,000 values by one statement.
func nextByHand(ctx context.Context, db *sql.DB) (values []int64, err error) {
	values = make([]int64, 0, 1_000)
	rows, err := db.QueryContext(ctx, "SELECT nextval('order_no') FROM generate_series(1, 1000)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}
