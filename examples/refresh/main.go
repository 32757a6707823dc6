// Refresh creates materialized and plain views that depend on each other, on a temporary
// Postgres server. It prints the plan of a refresh and the graph of the views, and
// refreshes all of them in parallel, with a line for each event. Then it refreshes again,
// with a view that fails.
//
//	go run ./examples/refresh                    on a temporary server
//	go run ./examples/refresh -driver postgres   the same with lib/pq
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/examples/internal/demo"
	"github.com/massivedb/massive-go/massive"
)

// schema creates the views. The pg_sleep makes them slow to refresh, as real materialized
// views are.
const schema = `
CREATE SCHEMA raw; CREATE SCHEMA report;
CREATE TABLE orders (shop text, day date, total numeric(10,2));
INSERT INTO orders VALUES ('north', '2026-03-01', 19.90), ('north', '2026-03-02', 5.10), ('south', '2026-03-02', 42);

CREATE MATERIALIZED VIEW raw.sales AS SELECT shop, day, total FROM orders, pg_sleep(0.3);
CREATE MATERIALIZED VIEW raw.shops AS SELECT DISTINCT shop FROM orders, pg_sleep(0.2);
CREATE UNIQUE INDEX ON raw.shops (shop);
CREATE MATERIALIZED VIEW raw.holidays AS SELECT date '2026-03-01' AS day FROM pg_sleep(0.1);

CREATE VIEW sales_of_shops AS SELECT s.shop, s.day, s.total FROM raw.sales s JOIN raw.shops USING (shop);

CREATE MATERIALIZED VIEW daily AS
  SELECT day, sum(total) AS total FROM sales_of_shops, pg_sleep(0.4) GROUP BY day;
CREATE MATERIALIZED VIEW by_shop AS
  SELECT shop, sum(total) AS total FROM sales_of_shops, pg_sleep(0.2) GROUP BY shop;
CREATE VIEW workdays AS SELECT d.day, d.total FROM daily d WHERE d.day NOT IN (SELECT h.day FROM raw.holidays h);
CREATE MATERIALIZED VIEW report.weekly AS
  SELECT date_trunc('week', day)::date AS week, sum(total) AS total FROM workdays, pg_sleep(0.2) GROUP BY 1;
CREATE MATERIALIZED VIEW report.best_shop AS
  SELECT shop FROM by_shop, pg_sleep(0.1) ORDER BY total DESC LIMIT 1;
CREATE MATERIALIZED VIEW report.summary AS
  SELECT (SELECT max(total) FROM report.weekly) AS best_week, (SELECT shop FROM report.best_shop) AS best_shop FROM pg_sleep(0.1);`

// broken makes the next refresh of raw.shops fail: its new unique index finds a
// duplicate.
const broken = `
DROP INDEX raw.shops_shop_idx;
CREATE UNIQUE INDEX ON raw.shops ((left(shop, 1)));
INSERT INTO orders VALUES ('nowhere', '2026-03-03', 1);`

func main() { demo.Main("refresh", run) }

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	var parallel int
	driver, err := demo.Parse("refresh", args, func(f *flag.FlagSet) {
		f.IntVar(&parallel, "parallel", 4, "the number of concurrent refreshes")
	})
	if err != nil {
		return err
	}
	db, err := demo.Open(ctx, driver, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err := massive.Load(ctx, db.DB, postgres.New())
	if err != nil {
		return err
	}

	plan, err := m.PlanRefresh(massive.Parallel(parallel))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The plan: %s\nThe graph, for mermaid.live:\n%s\n", plan, m.Graph().Mermaid())

	fmt.Fprintln(out, "The run:")
	show := massive.OnProgress(func(p massive.Progress) { fmt.Fprintln(out, p) })
	report, err := m.RefreshAll(ctx, massive.Parallel(parallel), show)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d refreshed\n", report.Count(massive.OutcomeRefreshed))

	if _, err := db.ExecContext(ctx, broken); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nThe run with a view that fails, views on the critical path first:")
	report, err = m.RefreshAll(ctx, massive.Parallel(parallel), massive.DurationsOf(report), show)
	if !errors.Is(err, massive.ErrDuplicateRows) {
		return fmt.Errorf("the view should fail with duplicate rows, and the run returned: %w", err)
	}
	fmt.Fprintf(out, "%d refreshed, %d failed, %d skipped\nThe error: %v\n", report.Count(massive.OutcomeRefreshed),
		report.Count(massive.OutcomeFailed), report.Count(massive.OutcomeSkippedUpstream), err)
	return nil
}
