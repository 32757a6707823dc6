// Rollingdeploy runs version 1 of a program while a migration adds a label, a view's
// column and a sequence, and then starts version 2.
//
//	go run ./examples/rollingdeploy                    on a temporary server
//	go run ./examples/rollingdeploy -driver postgres   the same with lib/pq
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/examples/internal/demo"
	"github.com/massivedb/massive-go/massive"
)

// schema is the database of version 1.
const schema = `
CREATE TYPE order_status AS ENUM ('placed', 'paid');
CREATE TABLE orders (id int, day text, total int, status order_status);
INSERT INTO orders VALUES (1, 'monday', 5, 'placed');
CREATE MATERIALIZED VIEW daily_sales AS SELECT day, sum(total)::int AS total FROM orders GROUP BY day;
CREATE UNIQUE INDEX ON daily_sales (day);`

// The migration to version 2. A view gets a column by being recreated, in one transaction.
const (
	addLabel  = `ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'packed' BEFORE 'paid'`
	addColumn = `
BEGIN;
DROP MATERIALIZED VIEW daily_sales;
CREATE MATERIALIZED VIEW daily_sales AS SELECT day, sum(total)::int AS total, count(*)::int AS orders FROM orders GROUP BY day;
CREATE UNIQUE INDEX ON daily_sales (day);
COMMIT;`
	addSequence = `CREATE SEQUENCE invoice_no START 1000`
)

// A strict version 1 knows its labels and columns only.
type (
	strictStatus string
	daily        struct {
		Day   string
		Total int
	}
)

func (strictStatus) Labels() []strictStatus { return []strictStatus{"placed", "paid"} }

// A tolerant version 1 accepts further labels.
type status string

func (status) Labels() []status { return []status{"placed", "paid"} }
func (status) AllowExtra() bool { return true }

// Version 2 uses the new label and the new column.
type (
	status2 string
	daily2  struct {
		Day           string
		Total, Orders int
	}
)

func (status2) Labels() []status2 { return []status2{"placed", "packed", "paid"} }
func (status2) AllowExtra() bool  { return true }

func main() { demo.Main("rollingdeploy", run) }

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	driver, err := demo.Parse("rollingdeploy", args, nil)
	if err != nil {
		return err
	}
	db, err := demo.Open(ctx, driver, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	strictPool := sqlx.NewDb(db.DB, driver)
	pool := strictPool.Unsafe() // reads rows that have more columns than the struct has fields

	strict, err := start(ctx, "strict", strictPool,
		massive.EnumIs("order_status", strictStatus("").Labels()),
		massive.RowsAre[daily]("daily_sales"))
	if err != nil {
		return err
	}
	tolerant, err := start(ctx, "tolerant", pool,
		massive.EnumIs("order_status", status("").Labels()),
		massive.RowsAre[daily]("daily_sales", massive.AllowExtra()))
	if err != nil {
		return errors.Join(err, strict.end())
	}
	defer func() { err = errors.Join(err, tolerant.end()) }()

	fmt.Fprintln(out, "Version 2 is deployed before its migration:")
	_, err = startVersion2(ctx, pool)
	fmt.Fprintf(out, "  %v\n", err)

	fmt.Fprintln(out, "The migration adds a label. An order gets it.")
	err = migrate(ctx, out, db, addLabel, strict, tolerant)
	if err == nil {
		_, err = db.ExecContext(ctx, "UPDATE orders SET status = 'packed'")
	}
	if err == nil {
		fmt.Fprintf(out, "  strict, EnumOf: %v\n", rewrite[strictStatus](ctx, pool))
		fmt.Fprintf(out, "  tolerant, EnumOf: %v\n", rewrite[status](ctx, pool))
		fmt.Fprintln(out, "The migration adds a column:")
		err = migrate(ctx, out, db, addColumn, strict, tolerant)
	}
	if err == nil {
		fmt.Fprintf(out, "  strict, Select: %v\n", report[daily](ctx, strict.db))
		fmt.Fprintf(out, "  tolerant, Select: %v\n", report[daily](ctx, tolerant.db))
		fmt.Fprintf(out, "  tolerant, Select without Unsafe: %v\n", report[daily](ctx, tolerant.db.With(strictPool)))
	}
	if err := errors.Join(err, strict.end()); err != nil {
		return err
	}
	fmt.Fprintln(out, "The migration adds a sequence:")
	if err := migrate(ctx, out, db, addSequence, tolerant); err != nil {
		return err
	}

	fmt.Fprintln(out, "Version 2 is deployed:")
	two, err := startVersion2(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, two.end()) }()
	fmt.Fprintf(out, "  version 2, Select: %v\n", report[daily2](ctx, two.db))
	return nil
}

func startVersion2(ctx context.Context, pool *sqlx.DB) (*instance, error) {
	return start(ctx, "version 2", pool,
		massive.EnumIs("order_status", status2("").Labels()),
		massive.RowsAre[daily2]("daily_sales", massive.AllowExtra()))
}

// An instance is a running program, which watches the database.
type instance struct {
	name   string
	db     *massive.DB
	events <-chan massive.Event
	end    func() error
}

// start loads the structures, checks what the program expects, and watches.
func start(ctx context.Context, name string, pool *sqlx.DB, expects ...massive.Expectation) (*instance, error) {
	db, err := massive.Load(ctx, pool, postgres.New(), massive.Expect(expects...))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	events, done := make(chan massive.Event, 10), make(chan error, 1)
	go func() { done <- db.Watch(ctx, 20*time.Millisecond, func(e massive.Event) { events <- e }) }()
	return &instance{name, db, events, func() error {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}}, nil
}

// migrate runs the statement, and prints what each instance's Watch reports.
func migrate(ctx context.Context, out io.Writer, db *demo.Database, statement string, instances ...*instance) error {
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return err
	}
	for _, i := range instances {
		select {
		case e := <-i.events:
			fmt.Fprintf(out, "  %s, Watch: %v\n", i.name, e)
		case <-time.After(30 * time.Second):
			return fmt.Errorf("%s: no event within 30 seconds", i.name)
		}
	}
	return nil
}

// rewrite reads the order's status and writes it back.
func rewrite[S massive.Labeled[S]](ctx context.Context, pool *sqlx.DB) any {
	var s massive.EnumOf[S]
	if err := pool.QueryRowContext(ctx, "SELECT status FROM orders WHERE id = 1").Scan(&s); err != nil {
		return err
	}
	if _, err := pool.ExecContext(ctx, "UPDATE orders SET status = $1 WHERE id = 1", s); err != nil {
		return err
	}
	return fmt.Sprintf("read and wrote back %q", s)
}

// report reads the view's rows.
func report[T any](ctx context.Context, db *massive.DB) any {
	sales, err := db.Matview("daily_sales")
	if err != nil {
		return err
	}
	var rows []T
	if err := sales.Select(ctx, &rows, "WHERE total > $1", 0); err != nil {
		return err
	}
	return fmt.Sprintf("%+v", rows)
}
