package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/massivedb/massive-go/replace"
)

var replaceLines = []line{
	replacing("Replace", 1_000_000, 3, defaultModes),
	replacing("Replace/5M", 5_000_000, 1, oneMode),
}

// salesViews creates a view with a given query, and its dependents.
const salesViews = `CREATE MATERIALIZED VIEW sales AS %s;
CREATE UNIQUE INDEX sales_id ON sales (id);
CREATE INDEX sales_customer ON sales (customer) INCLUDE (amount);
CREATE VIEW large_sales AS SELECT customer, amount FROM sales WHERE amount > 10;
CREATE MATERIALIZED VIEW customers AS SELECT customer, sum(amount)::bigint AS total FROM large_sales GROUP BY customer;
CREATE UNIQUE INDEX customers_customer ON customers (customer);
CREATE VIEW top_customers AS SELECT customer, total FROM customers ORDER BY total DESC LIMIT 10;
GRANT SELECT ON sales, large_sales, customers, top_customers TO pg_monitor`

// salesReaders are the queries of the readers. They read no plain view, since DROP … CASCADE
// and readers of a dependent view wait for each other: one of them fails with a deadlock.
var salesReaders = []string{
	"SELECT amount::bigint FROM sales WHERE id = 7",
	"SELECT count(amount) FROM sales WHERE customer = 7",
	"SELECT total FROM customers WHERE customer = 7",
	"SELECT max(total) FROM customers",
}

// replacing compares how long readers wait while a view's query is replaced.
func replacing(name string, of, runs int, in []mode) line {
	return line{
		name: name,
		what: fmt.Sprintf("longest wait of a reader while the query of a view of %d million rows is replaced, with three dependents "+
			"(short runs: 10,000 rows); limit: DROP … CASCADE, CREATE, indexes and grants in one transaction", of/1_000_000),
		peer: "SQL by hand", bar: bar{ratio: 1.0 / 50}, modes: in, long: of > 1_000_000, runs: runs, once: true,
		setup: func(ctx context.Context, s *stage) (*contest, error) {
			n := of
			if s.short {
				n = 10_000
			}
			const query = "SELECT id, customer, amount * %d AS amount, note FROM public.orders"
			made := fmt.Sprintf(`CREATE TABLE orders AS SELECT i AS id, i %% 1000 AS customer, (i %% 97)::numeric AS amount, 'note ' || i AS note
				FROM generate_series(1, %d) i; ANALYZE orders; `, n) + fmt.Sprintf(salesViews, fmt.Sprintf(query, 1))
			m, db, err := s.load(ctx, made)
			if err != nil {
				return nil, err
			}
			var readers []*sql.DB
			for range salesReaders {
				reader, err := s.open(ctx, made)
				if err != nil {
					return nil, err
				}
				readers = append(readers, reader)
			}
			var waited time.Duration
			waits := func(name string, change func(ctx context.Context) error) side {
				return each(name, func(ctx context.Context) error {
					longest, err := longestWait(ctx, readers, change)
					waited += longest
					return err
				})
			}
			return &contest{
				clock: func() (time.Duration, error) { return waited, nil },
				ours: waits("Run", func(ctx context.Context) error {
					r, err := replace.Plan(ctx, m, "sales", fmt.Sprintf(query, 2))
					if err == nil {
						_, err = r.Run(ctx)
					}
					return err
				}),
				bare: []side{waits("DROP … CASCADE", func(ctx context.Context) error {
					tx, err := db.BeginTx(ctx, nil)
					if err != nil {
						return err
					}
					defer tx.Rollback()
					_, err = tx.ExecContext(ctx, "DROP MATERIALIZED VIEW sales CASCADE; "+fmt.Sprintf(salesViews, fmt.Sprintf(query, 3)))
					if err == nil {
						err = tx.Commit()
					}
					return err
				})},
			}, nil
		},
	}
}

// longestWait returns the longest time of a reader's query while change runs.
func longestWait(ctx context.Context, readers []*sql.DB, change func(ctx context.Context) error) (time.Duration, error) {
	waits := make([]time.Duration, len(readers))
	var stops []func() error
	var failed error
	for i, db := range readers {
		read := number(db, salesReaders[i]).do
		if failed = read(ctx, 1); failed != nil { // connects, prepares
			break
		}
		stops = append(stops, start(ctx, func(ctx context.Context) error {
			began := time.Now()
			err := read(ctx, 1)
			waits[i] = max(waits[i], time.Since(began))
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Millisecond):
			}
			return err
		}))
	}
	if failed == nil {
		failed = change(ctx)
	}
	for i, stop := range stops {
		failed = errors.Join(failed, stop(), number(readers[i], salesReaders[i]).do(ctx, 1)) // reads after the change
	}
	return slices.Max(waits), failed
}
