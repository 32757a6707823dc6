// Enums is a program whose constants are newer than its database. At the start it finds
// the drift, fixes it and verifies the fix. Then it reads and writes typed values, and
// adds a label inside a transaction. The command massive generated its constants, in
// package db.
//
//	go run ./examples/enums                    on a temporary server
//	go run ./examples/enums -driver postgres   the same with lib/pq
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/examples/enums/db"
	"github.com/massivedb/massive-go/examples/internal/demo"
	"github.com/massivedb/massive-go/massive"
)

// An Order is a row of the table.
type Order struct {
	ID     int64
	Status massive.EnumOf[db.OrderStatus]
	Past   massive.EnumArrayOf[db.OrderStatus]
}

// schema creates the database for the previous version of the program.
const schema = `
CREATE TYPE order_status AS ENUM ('placed', 'settled', 'shipped');
CREATE DOMAIN open_status AS order_status CHECK (VALUE <> 'shipped');
CREATE TABLE orders (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  status  order_status,
  past    order_status[] NOT NULL DEFAULT '{}'
);
CREATE TABLE reminders (status open_status);
CREATE MATERIALIZED VIEW tallies AS SELECT status, count(*) AS orders FROM orders GROUP BY status;
INSERT INTO orders (status) VALUES ('settled');`

func main() { demo.Main("enums", run) }

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	driver, err := demo.Parse("enums", args, nil)
	if err != nil {
		return err
	}
	pool, err := demo.Open(ctx, driver, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return walk(ctx, out, pool.DB)
}

func walk(ctx context.Context, out io.Writer, pool *sql.DB) error {
	fmt.Fprintln(out, "The program starts")
	_, err := massive.Load(ctx, pool, postgres.New(), massive.Expect(db.Expected()...))
	if !errors.Is(err, massive.ErrDrift) {
		return fmt.Errorf("the load should report drift, and returned: %w", err)
	}
	fmt.Fprintln(out, " ", err)
	var drifts massive.Drifts
	if !errors.As(err, &drifts) {
		return err
	}
	if err := fix(ctx, out, pool, drifts); err != nil {
		return err
	}

	fmt.Fprintln(out, "\nThe program starts again")
	m, err := massive.Load(ctx, pool, postgres.New(), massive.Expect(db.Expected()...))
	if err != nil {
		return err
	}
	status, err := massive.BindEnum[db.OrderStatus](m, "order_status")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  Values: %q\n", status.Values())
	_, err = status.Parse("shippd")
	fmt.Fprintln(out, "  Parse:", err)
	err = status.AddValue(ctx, "lost")
	fmt.Fprintln(out, "  AddValue:", err)

	if err := values(ctx, out, pool); err != nil {
		return err
	}
	return transaction(ctx, out, pool)
}

// fix gives the enum the labels of this program, as a migration would.
func fix(ctx context.Context, out io.Writer, pool *sql.DB, drifts massive.Drifts) error {
	fmt.Fprintln(out, "\nThe drift is fixed")
	m, err := massive.Load(ctx, pool, postgres.New()) // without expectations
	if err != nil {
		return err
	}
	status, err := massive.BindEnum[db.OrderStatus](m, "order_status")
	if err != nil {
		return err
	}
	enum, err := status.Enum()
	if err != nil {
		return err
	}
	columns, err := enum.UsedBy(ctx)
	if err != nil {
		return err
	}
	for _, c := range columns {
		fmt.Fprintln(out, "  UsedBy:", c)
	}
	// The labels don't show that one was renamed; the programmer knows.
	if err := status.RenameValue(ctx, "settled", db.OrderStatusPaid); err != nil {
		return err
	}
	fmt.Fprintf(out, "  RenameValue: %q\n", status.Values())
	for _, label := range drifts[0].Missing {
		all := db.OrderStatus("").Labels()
		before := all[slices.Index(all, db.OrderStatus(label))-1] // the first label is not missing
		added, err := status.EnsureValue(ctx, db.OrderStatus(label), massive.After(before))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  EnsureValue %s: added %v: %q\n", label, added, status.Values())
	}
	if err := m.Verify(ctx, db.Expected()...); err != nil {
		return err
	}
	fmt.Fprintln(out, "  Verify: the database is as expected")
	return nil
}

// values writes typed values into the table and reads them.
func values(ctx context.Context, out io.Writer, pool *sql.DB) error {
	fmt.Fprintln(out, "\nTyped values")
	_, err := pool.ExecContext(ctx, "INSERT INTO orders (status, past) VALUES ($1, $2), ($3, $4)",
		massive.EnumValue(db.OrderStatusPacked), massive.EnumArray(db.OrderStatusPlaced, db.OrderStatusPaid), massive.EnumOf[db.OrderStatus]{}, massive.EnumArray[db.OrderStatus]())
	if err != nil {
		return err
	}
	rows, err := pool.QueryContext(ctx, "SELECT id, status, past FROM orders ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var o Order
		if err := rows.Scan(&o.ID, &o.Status, &o.Past); err != nil {
			return err
		}
		fmt.Fprintf(out, "  order %d: %q (NULL: %v), was %v\n", o.ID, o.Status, !o.Status.Valid, o.Past)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "INSERT INTO orders (status) VALUES ($1)", massive.EnumValue(db.OrderStatus("shippd")))
	var unknown *massive.LabelError
	if !errors.As(err, &unknown) {
		return fmt.Errorf("a text that is not a label was written: %w", err)
	}
	fmt.Fprintln(out, "  INSERT:", unknown)
	return nil
}

// transaction adds a label in a transaction. Until the commit only the transaction sees
// it, and no statement can use it.
func transaction(ctx context.Context, out io.Writer, pool *sql.DB) error {
	fmt.Fprintln(out, "\nInside a transaction")
	m, err := massive.Load(ctx, pool, postgres.New())
	if err != nil {
		return err
	}
	status, err := massive.BindEnum[db.OrderStatus](m, "order_status")
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	inside := status.With(tx)
	if err := inside.AddValue(ctx, "lost", massive.Before(db.OrderStatusReturned)); err != nil {
		return err
	}
	fmt.Fprintf(out, "  in the transaction:  %q\n", inside.Values())
	fmt.Fprintf(out, "  outside of it:       %q\n", status.Values())
	_, err = tx.ExecContext(ctx, "UPDATE orders SET status = 'lost'")
	err = inside.Explain(err)
	if !errors.Is(err, massive.ErrLabelUncommitted) {
		return fmt.Errorf("an uncommitted label was used: %w", err)
	}
	fmt.Fprintln(out, "  UPDATE:", err)
	return tx.Rollback()
}
