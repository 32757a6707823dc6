// Replace gives a view a new query, while a dashboard reads it and the views that depend on
// it. The program prints the phases and the longest time that a reader waited.
//
//	go run ./examples/replace                    on a temporary server, with 300 000 rows
//	go run ./examples/replace -driver postgres   the same with lib/pq
//	go run ./examples/replace -rows 2000000 -readers 8
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/examples/internal/demo"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/replace"
)

// schema creates a view with two levels of dependents. The dashboard is a plain view on the
// first and the last of them.
const schema = `
CREATE TABLE orders (shop int, day date, total numeric(10,2));
INSERT INTO orders SELECT n %% 1000, date '2026-01-01' + n / 1000 %% 365, n %% 97 FROM generate_series(1, %d) n;
CREATE MATERIALIZED VIEW daily_sales AS SELECT shop, day, sum(total) AS total FROM orders GROUP BY shop, day;
CREATE UNIQUE INDEX ON daily_sales (shop, day);
CREATE MATERIALIZED VIEW shop_sales AS SELECT shop, sum(total) AS total FROM daily_sales GROUP BY shop;
CREATE UNIQUE INDEX ON shop_sales (shop);
CREATE MATERIALIZED VIEW best_shops AS SELECT shop, total FROM shop_sales ORDER BY total DESC LIMIT 10;
CREATE VIEW dashboard AS SELECT b.shop, b.total, d.total AS last_day
  FROM best_shops b, LATERAL (SELECT total FROM daily_sales WHERE shop = b.shop ORDER BY day DESC LIMIT 1) d;
ANALYZE;`

// query adds a column to daily_sales.
const query = "SELECT shop, day, sum(total) AS total, count(*) AS orders FROM orders GROUP BY shop, day"

func main() { demo.Main("replace", run) }

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	var rows, readers int
	driver, err := demo.Parse("replace", args, func(f *flag.FlagSet) {
		f.IntVar(&rows, "rows", 300000, "the rows of the table")
		f.IntVar(&readers, "readers", 4, "the readers of the dashboard")
	})
	if err != nil {
		return err
	}
	db, err := demo.Open(ctx, driver, fmt.Sprintf(schema, rows))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}

	start := time.Now()
	say := func(text string) { fmt.Fprintf(out, "%6.2fs  %s\n", time.Since(start).Seconds(), text) }
	dashboard := read(ctx, db.DB, readers)
	defer func() { _ = dashboard.stop() }()
	r, err := replace.Plan(ctx, m, "daily_sales", query, replace.OnProgress(func(p replace.Progress) { say(string(p.Phase)) }))
	if err != nil {
		return err
	}
	say(fmt.Sprintf("planned: %v are rebuilt, %v are replaced in place", r.Rebuilt, r.Replaced))
	if _, err := r.Run(ctx); err != nil {
		return err
	}
	say("committed")
	if err := dashboard.stop(); err != nil {
		return err
	}
	changes, err := m.Reload(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%v\n\n%d reads of the dashboard; the longest took %v\n", changes, dashboard.reads, dashboard.longest.Round(time.Microsecond))
	return nil
}

// A dashboard is read every few milliseconds.
type dashboard struct {
	stop func() error // ends the reads, and returns their first error

	mu      sync.Mutex
	reads   int
	longest time.Duration
	err     error
}

// read begins to read.
func read(ctx context.Context, db *sql.DB, readers int) *dashboard {
	done := make(chan struct{})
	var all sync.WaitGroup
	var d dashboard
	for range readers {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(5 * time.Millisecond):
				}
				if !d.once(ctx, db) {
					return
				}
			}
		})
	}
	d.stop = sync.OnceValue(func() error {
		close(done)
		all.Wait()
		return d.err
	})
	return &d
}

// once reads once. It returns false after an error.
func (d *dashboard) once(ctx context.Context, db *sql.DB) bool {
	start := time.Now()
	var shops int
	err := db.QueryRowContext(ctx, "SELECT count(last_day) FROM dashboard").Scan(&shops)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	d.longest = max(d.longest, time.Since(start))
	if err == nil && shops != 10 {
		err = fmt.Errorf("the dashboard has %d shops, want 10", shops)
	}
	d.err = errors.Join(d.err, err)
	return err == nil
}
