package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

var rowLines = []line{
	rows("Select/sqlx", "read 100,000 rows into a slice of structs; limit: sqlx.Select", 0.85, selecting, sqlxSelect),
	rows("Select/hand", "the same; limit: rows.Scan by hand", 1.05, selecting, handSelect),
	rows("Select/CPU", "the same; limit: the CPU time of sqlx.Select in the program", 0.70, selecting, sqlxSelect),
	rows("Rows/sqlx", "read 100,000 rows one by one; limit: sqlx's StructScan", 0.85, iterating, sqlxRows),
	rows("Rows/hand", "the same; limit: rows.Scan by hand", 1.05, iterating, handRows),
	rows("Rows/CPU", "the same; limit: the CPU time of sqlx's StructScan in the program", 0.70, iterating, sqlxRows),
}

type sale struct {
	ID    int64
	Shop  string
	Total float64
	Paid  bool
}

const salesQuery = "SELECT id, shop, total, paid FROM public.daily"

// A reader reads all sales and returns their number.
type reader func(ctx context.Context, view massive.Matview, db *sqlx.DB) (int, error)

// rows compares two ways to read the same rows. If its name ends in "/CPU", it compares
// CPU time.
func rows(name, what string, most float64, ours, bare reader) line {
	_, limit, _ := strings.Cut(what, "limit: ")
	l := line{name: name, what: what, peer: "sqlx", bar: bar{ratio: most}}
	clock := wallTime
	switch name[len(name)-4:] {
	case "hand":
		l.peer = "rows.Scan"
	case "/CPU":
		l.peer, l.modes, clock = "", defaultModes, cpuTime
	}
	l.setup = func(ctx context.Context, s *stage) (*contest, error) {
		n := 100_000
		if s.short {
			n = 10_000
		}
		view, db, err := s.matview(ctx, fmt.Sprintf(`CREATE MATERIALIZED VIEW daily AS
			SELECT i AS id, 'shop ' || i %% 100 AS shop, i / 100.0::float8 AS total, i %% 3 = 0 AS paid
			FROM generate_series(1::bigint, %d) i`, n))
		if err != nil {
			return nil, err
		}
		x := sqlx.NewDb(db, s.mode.driver)
		reads := func(name string, r reader) side {
			return each(name, func(ctx context.Context) error {
				got, err := r(ctx, view, x)
				if err == nil && got != n {
					err = fmt.Errorf("got %d rows, want %d", got, n)
				}
				return err
			})
		}
		return &contest{ours: reads("massive", ours), bare: []side{reads(limit, bare)}, clock: clock}, nil
	}
	return l
}

func selecting(ctx context.Context, view massive.Matview, _ *sqlx.DB) (int, error) {
	var sales []sale
	err := view.Select(ctx, &sales, "")
	return len(sales), err
}

func sqlxSelect(ctx context.Context, _ massive.Matview, db *sqlx.DB) (int, error) {
	var sales []sale
	err := db.SelectContext(ctx, &sales, salesQuery)
	return len(sales), err
}

func handSelect(ctx context.Context, _ massive.Matview, db *sqlx.DB) (int, error) {
	var sales []sale
	err := scan(ctx, db.DB, func(s *sale) { sales = append(sales, *s) })
	return len(sales), err
}

func iterating(ctx context.Context, view massive.Matview, _ *sqlx.DB) (n int, err error) {
	for _, err := range massive.Rows[sale](ctx, view, "") {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func sqlxRows(ctx context.Context, _ massive.Matview, db *sqlx.DB) (n int, err error) {
	rows, err := db.QueryxContext(ctx, salesQuery)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		var s sale
		if err := rows.StructScan(&s); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}

func handRows(ctx context.Context, _ massive.Matview, db *sqlx.DB) (n int, err error) {
	err = scan(ctx, db.DB, func(*sale) { n++ })
	return n, err
}

// scan reads the sales with rows.Scan into one struct, and calls f for each.
func scan(ctx context.Context, db *sql.DB, f func(*sale)) error {
	rows, err := db.QueryContext(ctx, salesQuery)
	if err != nil {
		return err
	}
	defer rows.Close()
	var s sale
	for rows.Next() {
		if err := rows.Scan(&s.ID, &s.Shop, &s.Total, &s.Paid); err != nil {
			return err
		}
		f(&s)
	}
	return rows.Err()
}

var refreshLines = []line{
	fresh("Fresh/pgx", 2, oneMode),
	fresh("Fresh/others", 4.5, []mode{libpq, pgxExec, pgxSimple}),
	{
		name: "Refresh", what: "refresh an empty view; limit: REFRESH MATERIALIZED VIEW", peer: "SQL by hand",
		bar: bar{ratio: 1.05, more: 8},
		setup: func(ctx context.Context, s *stage) (*contest, error) {
			view, db, err := s.matview(ctx, "CREATE MATERIALIZED VIEW daily AS SELECT 1 AS id WHERE false")
			if err != nil {
				return nil, err
			}
			return &contest{
				ours: each("Refresh", func(ctx context.Context) error {
					_, err := view.Refresh(ctx)
					return err
				}),
				bare: []side{
					execution(db, "REFRESH MATERIALIZED VIEW daily"),
					execution(db, "REFRESH MATERIALIZED VIEW public.daily"),
				},
			}, nil
		},
	},
}

// fresh compares the answer that rows are young enough with SELECT 1.
func fresh(name string, most float64, in []mode) line {
	return line{
		name: name, what: "RefreshIfOlderThan of a fresh view; limit: SELECT 1", bar: bar{ratio: most}, modes: in,
		uncounted: true,
		setup: func(ctx context.Context, s *stage) (*contest, error) {
			db, err := s.open(ctx, "CREATE MATERIALIZED VIEW daily AS SELECT 1 AS id")
			if err != nil {
				return nil, err
			}
			if err := massive.CreateLedger(ctx, db, postgres.New(), "massive"); err != nil {
				return nil, err
			}
			m, err := massive.Load(ctx, db, postgres.New(), massive.WithLedger("massive"))
			if err != nil {
				return nil, err
			}
			view, err := m.Matview("daily")
			if err != nil {
				return nil, err
			}
			if _, err := view.Refresh(ctx); err != nil {
				return nil, err
			}
			return &contest{
				ours: each("RefreshIfOlderThan", func(ctx context.Context) error {
					result, err := view.RefreshIfOlderThan(ctx, time.Hour)
					if err == nil && result.Outcome != massive.OutcomeFresh {
						err = fmt.Errorf("the outcome is %v, want fresh", result.Outcome)
					}
					return err
				}),
				bare: []side{number(db, "SELECT 1")},
			}, nil
		},
	}
}

func execution(db *sql.DB, text string) side {
	return each(text, func(ctx context.Context) error {
		_, err := db.ExecContext(ctx, text)
		return err
	})
}

// matview returns the view daily, which the SQL creates, and its pool.
func (s *stage) matview(ctx context.Context, made string) (massive.Matview, *sql.DB, error) {
	m, db, err := s.load(ctx, made)
	if err != nil {
		return nil, nil, err
	}
	view, err := m.Matview("daily")
	return view, db, err
}
