package main

import (
	"context"
	"database/sql"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// orderNo is a database with a sequence.
const orderNo = "CREATE SEQUENCE order_no"

var nextValue = line{
	name: "NextValue",
	what: "take a value from a sequence",
	bar:  bar{ratio: 1.05},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		seq, db, err := s.sequence(ctx)
		if err != nil {
			return nil, err
		}
		prepared, err := prepare(ctx, db, "SELECT nextval('order_no')")
		if err != nil {
			return nil, err
		}
		return &contest{
			ours: each("NextValue", func(ctx context.Context) error {
				_, err := seq.NextValue(ctx)
				return err
			}),
			bare: []side{
				number("nextval('order_no')", db, "SELECT nextval('order_no')"),
				number("nextval('public.order_no')", db, "SELECT nextval('public.order_no')"),
				number("nextval('order_no'::regclass)", db, "SELECT nextval('order_no'::regclass)"),
				number("nextval($1)", db, "SELECT nextval($1)", "order_no"),
				number("nextval($1::text::regclass)", db, "SELECT nextval($1::text::regclass)", "order_no"),
				numberByRows("nextval('order_no') through Rows", db, "SELECT nextval('order_no')"),
			},
			beside: []side{prepared},
		}, nil
	},
}

var lastValue = line{
	name: "LastValue",
	what: "read a sequence's last value",
	bar:  bar{ratio: 1.05},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		seq, db, err := s.sequence(ctx)
		if err != nil {
			return nil, err
		}
		prepared, err := prepare(ctx, db, "SELECT last_value FROM order_no")
		if err != nil {
			return nil, err
		}
		return &contest{
			ours: each("LastValue", func(ctx context.Context) error {
				_, err := seq.LastValue(ctx)
				return err
			}),
			bare: []side{
				number("pg_sequence_last_value('order_no')", db, "SELECT pg_sequence_last_value('order_no')"),
				number("last_value FROM order_no", db, "SELECT last_value FROM order_no"),
				number("last_value FROM public.order_no", db, "SELECT last_value FROM public.order_no"),
				number("last_value FROM \"public\".\"order_no\"", db, `SELECT last_value FROM "public"."order_no"`),
				numberByRows("last_value FROM order_no through Rows", db, "SELECT last_value FROM order_no"),
			},
			beside: []side{prepared},
		}, nil
	},
}

// sequence is one that has been used, with the pool that it works through.
func (s *stage) sequence(ctx context.Context) (massive.Sequence, *sql.DB, error) {
	db, err := s.open(ctx, orderNo)
	if err != nil {
		return nil, nil, err
	}
	m, err := massive.Load(ctx, db, postgres.New())
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

// number reads one number by hand.
func number(name string, db *sql.DB, query string, args ...any) side {
	return each(name, func(ctx context.Context) error {
		var v int64
		return db.QueryRowContext(ctx, query, args...).Scan(&v)
	})
}

// numberByRows is the same without a Row.
func numberByRows(name string, db *sql.DB, query string) side {
	return each(name, func(ctx context.Context) error {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		var v int64
		for rows.Next() {
			if err := rows.Scan(&v); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// prepare is a prepared statement for one number, which breaks behind a transaction pooler. Its text is no other's: pgx
// would take its statement for that, too.
func prepare(ctx context.Context, db *sql.DB, query string) (side, error) {
	statement, err := db.PrepareContext(ctx, query+" /* prepared */") //nolint:sqlclosecheck // it ends with its pool
	if err != nil {
		return side{}, err
	}
	return each("prepared", func(ctx context.Context) error {
		var v int64
		return statement.QueryRowContext(ctx).Scan(&v)
	}), nil
}
