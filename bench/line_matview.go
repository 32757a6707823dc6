package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

var refresh = line{
	name: "Refresh",
	what: "refresh a view that is empty",
	bar:  bar{ratio: 1.05},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		view, db, err := s.matview(ctx, "CREATE MATERIALIZED VIEW daily AS SELECT 1 AS id WHERE false")
		if err != nil {
			return nil, err
		}
		by := func(name, text string) side {
			return each(name, func(ctx context.Context) error {
				_, err := db.ExecContext(ctx, text)
				return err
			})
		}
		return &contest{
			ours: each("Refresh", func(ctx context.Context) error {
				_, err := view.Refresh(ctx)
				return err
			}),
			bare: []side{
				by("REFRESH … daily", "REFRESH MATERIALIZED VIEW daily"),
				by("REFRESH … public.daily", "REFRESH MATERIALIZED VIEW public.daily"),
			},
		}, nil
	},
}

// A sale is a row of the view that Select is measured on.
type sale struct {
	ID    int64
	Shop  string
	Total float64
	Paid  bool
}

const (
	saleRows = 100_000
	saleText = "SELECT id, shop, total, paid FROM public.daily"
)

var selectRows = line{
	name: "Select",
	what: fmt.Sprintf("read %d rows of a view into structs, beside sqlx alone", saleRows),
	bar:  bar{ratio: 1.05},
	setup: func(ctx context.Context, s *stage) (*contest, error) {
		view, db, err := s.matview(ctx, fmt.Sprintf(`CREATE MATERIALIZED VIEW daily AS
			SELECT i AS id, 'shop ' || i %% 100 AS shop, i / 100.0::float8 AS total, i %% 3 = 0 AS paid
			FROM generate_series(1::bigint, %d) i`, saleRows))
		if err != nil {
			return nil, err
		}
		x := sqlx.NewDb(db, s.mode.driver)
		full := func(sales []sale, err error) error {
			if err == nil && len(sales) != saleRows {
				return fmt.Errorf("%d rows came, not %d", len(sales), saleRows)
			}
			return err
		}
		return &contest{
			ours: each("Select", func(ctx context.Context) error {
				var sales []sale
				err := view.Select(ctx, &sales, "")
				return full(sales, err)
			}),
			bare: []side{
				each("sqlx, columns by name", func(ctx context.Context) error {
					var sales []sale
					err := sqlx.SelectContext(ctx, x, &sales, saleText)
					return full(sales, err)
				}),
				each("sqlx, *", func(ctx context.Context) error {
					var sales []sale
					err := sqlx.SelectContext(ctx, x, &sales, "SELECT * FROM daily")
					return full(sales, err)
				}),
			},
			beside: []side{each("scanned by hand", func(ctx context.Context) error {
				sales, err := scanSales(ctx, db)
				return full(sales, err)
			})},
		}, nil
	},
}

func scanSales(ctx context.Context, db *sql.DB) (sales []sale, err error) {
	rows, err := db.QueryContext(ctx, saleText)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s sale
		if err := rows.Scan(&s.ID, &s.Shop, &s.Total, &s.Paid); err != nil {
			return nil, err
		}
		sales = append(sales, s)
	}
	return sales, rows.Err()
}

// matview is the view daily that the SQL makes, with the pool that it works through.
func (s *stage) matview(ctx context.Context, made string) (massive.Matview, *sql.DB, error) {
	db, err := s.open(ctx, made)
	if err != nil {
		return nil, nil, err
	}
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return nil, nil, err
	}
	view, err := m.Matview("daily")
	return view, db, err
}
