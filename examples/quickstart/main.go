// Quickstart creates a small shop on a temporary Postgres server. It uses the shop's
// materialized view, enum and sequence, and prints each step with its result.
//
//	go run ./examples/quickstart                    on a temporary server
//	go run ./examples/quickstart -driver postgres   the same with lib/pq
//	go run ./examples/quickstart -dsn "host=…"      lists the structures of your database, and changes nothing
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/examples/internal/demo"
	"github.com/massivedb/massive-go/massive"
)

// schema creates the shop. The pg_sleep makes the view slow to refresh, as real
// materialized views are.
const schema = `
CREATE TABLE orders (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  day    date NOT NULL,
  total  numeric(10,2) NOT NULL
);
CREATE TYPE order_status AS ENUM ('placed', 'paid', 'shipped');
CREATE SEQUENCE invoice_no START 1000;
CREATE MATERIALIZED VIEW daily_sales AS
  SELECT day, count(*) AS orders, sum(total) AS total FROM orders, pg_sleep(0.3) GROUP BY day;
CREATE UNIQUE INDEX ON daily_sales (day);
INSERT INTO orders (day, total) VALUES ('2026-03-01', 19.90), ('2026-03-01', 5.10), ('2026-03-02', 42);`

func main() { demo.Main("quickstart", run) }

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	var dsn string
	driver, err := demo.Parse("quickstart", args, func(f *flag.FlagSet) {
		f.StringVar(&dsn, "dsn", "", "your database, to list its structures (default: a temporary server)")
	})
	if err != nil {
		return err
	}
	if dsn != "" {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		m, err := massive.Load(ctx, db, postgres.New())
		if err != nil {
			return err
		}
		inspect(out, m)
		return nil
	}

	db, err := demo.Open(ctx, driver, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return walk(ctx, out, db.DB)
}

// inspect prints the structures that were loaded.
func inspect(out io.Writer, m *massive.DB) {
	server := m.Server()
	fmt.Fprintf(out, "Database %s on PostgreSQL %s, as %s, search path %v\n",
		server.Database, server.Version, server.User, m.SearchPath())
	for _, v := range m.Matviews() {
		fmt.Fprintf(out, "  materialized view %s: %d columns, populated %v", v.Name(), len(v.Columns()), v.Populated())
		for _, i := range v.Indexes() {
			if i.Unfit == "" {
				fmt.Fprintf(out, ", can refresh concurrently by %s", i.Name)
				break
			}
		}
		fmt.Fprintln(out)
	}
	for _, e := range m.Enums() {
		fmt.Fprintf(out, "  enum %s: %q\n", e.Name(), e.Values())
	}
	for _, s := range m.Sequences() {
		def := s.Def()
		fmt.Fprintf(out, "  sequence %s: %s from %d by %d\n", s.Name(), def.Type, def.Start, def.Increment)
	}
	for _, o := range m.Excluded() {
		fmt.Fprintf(out, "  excluded: %s %s, because %s\n", o.Kind, o.Name, o.Why)
	}
}

// walk uses each of the shop's structures.
func walk(ctx context.Context, out io.Writer, db *sql.DB) error {
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	inspect(out, m)
	if err := walkMatview(ctx, out, m); err != nil {
		return err
	}
	if err := walkEnum(ctx, out, db, m); err != nil {
		return err
	}
	return walkSequence(ctx, out, db, m)
}

// A day is a row of daily_sales.
type day struct {
	Day    time.Time
	Orders int
	Total  string
}

func walkMatview(ctx context.Context, out io.Writer, m *massive.DB) error {
	fmt.Fprintln(out, "\nA materialized view: daily_sales")
	sales, err := m.Matview("daily_sales")
	if err != nil {
		return err
	}
	first, err := sales.Refresh(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "  Refresh:", first)

	refreshed := make(chan error, 1)
	var second massive.RefreshResult
	go func() {
		var err error
		second, err = sales.Refresh(ctx, massive.Concurrently())
		refreshed <- err
	}()
	reads := 0
	for waiting := true; waiting; {
		select {
		case err := <-refreshed:
			if err != nil {
				return err
			}
			waiting = false
		case <-time.After(20 * time.Millisecond):
			if err := sales.Select(ctx, &[]day{}, "WHERE total > $1", 10); err != nil {
				return err
			}
			reads++
		}
	}
	fmt.Fprintf(out, "  Refresh(Concurrently()): %s; %d reads succeeded during the refresh\n", second, reads)

	var rows []day
	if err := sales.Select(ctx, &rows, "ORDER BY day"); err != nil {
		return err
	}
	for _, r := range rows {
		fmt.Fprintf(out, "  Select: %s orders %d, total %s\n", r.Day.Format(time.DateOnly), r.Orders, r.Total)
	}
	return nil
}

func walkEnum(ctx context.Context, out io.Writer, db *sql.DB, m *massive.DB) error {
	fmt.Fprintln(out, "\nAn enum: order_status")
	status, err := m.Enum("order_status")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  Values: %q\n", status.Values())
	if err := m.AppendLocalLabels("order_status", "returned"); err != nil {
		return err
	}
	if status, err = m.Enum("order_status"); err != nil {
		return err
	}
	fmt.Fprintf(out, "  AppendLocalLabels, in this program only: %q\n", status.Values())
	if _, err := db.ExecContext(ctx, "ALTER TYPE order_status ADD VALUE 'packed' BEFORE 'shipped'"); err != nil {
		return err
	}
	changes, err := m.Reload(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "  Reload:", changes)
	return nil
}

func walkSequence(ctx context.Context, out io.Writer, db *sql.DB, m *massive.DB) error {
	fmt.Fprintln(out, "\nA sequence: invoice_no")
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		return err
	}
	next := func(how string, s massive.Sequence) error {
		v, err := s.NextValue(ctx)
		if err == nil {
			fmt.Fprintf(out, "  NextValue%s: %d\n", how, v)
		}
		return err
	}
	if err := next("", invoices); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // no effect after the transaction has ended
	inside, err := m.With(tx).Sequence("invoice_no")
	if err != nil {
		return err
	}
	if err := next(" in a transaction that is rolled back", inside); err != nil {
		return err
	}
	if err := tx.Rollback(); err != nil {
		return err
	}
	if err := next(" after the rollback, which does not give the value back", invoices); err != nil {
		return err
	}
	if err := invoices.ResetTo(ctx, 2000); err != nil {
		return err
	}
	last, err := invoices.LastValue(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  ResetTo(2000): the last value is %d\n", last)
	if err := next(" after the reset", invoices); err != nil {
		return err
	}
	_, err = m.Sequence("orders_id_seq")
	fmt.Fprintln(out, "  Another name:", err)
	return nil
}
