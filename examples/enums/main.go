// Enums is a program whose constants are newer than its database. At the start it finds
// the drift, fixes it and verifies the fix. Then it reads and writes typed values, and
// adds a label inside a transaction.
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
	"github.com/massivedb/massive-go/examples/internal/demo"
	"github.com/massivedb/massive-go/massive"
)

// A Status is the state of an order.
type Status string

// The statuses, in the order in which an order gets them.
const (
	Placed   Status = "placed"
	Paid     Status = "paid"
	Packed   Status = "packed"
	Shipped  Status = "shipped"
	Returned Status = "returned"
)

// Labels returns all statuses. The database must have these labels, and an EnumOf accepts
// them.
func (Status) Labels() []Status { return []Status{Placed, Paid, Packed, Shipped, Returned} }

// An Order is a row of the table.
type Order struct {
	ID     int64
	Status massive.EnumOf[Status]
	Past   massive.EnumArrayOf[Status]
}

// A Tally is a row of the view.
type Tally struct {
	Status Status
	Orders int64
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

// expected returns this program's expectations of the database.
func expected() []massive.Expectation {
	return []massive.Expectation{
		massive.EnumIs("order_status", Status("").Labels()),
		massive.RowsAre[Tally]("tallies"),
	}
}

func main() { demo.Main("enums", run) }

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	driver, err := demo.Parse("enums", args, nil)
	if err != nil {
		return err
	}
	db, err := demo.Open(ctx, driver, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return walk(ctx, out, db.DB)
}

func walk(ctx context.Context, out io.Writer, db *sql.DB) error {
	fmt.Fprintln(out, "The program starts")
	_, err := massive.Load(ctx, db, postgres.New(), massive.Expect(expected()...))
	if !errors.Is(err, massive.ErrDrift) {
		return fmt.Errorf("the load should report drift, and returned: %w", err)
	}
	fmt.Fprintln(out, " ", err)
	var drifts massive.Drifts
	if !errors.As(err, &drifts) {
		return err
	}
	if err := fix(ctx, out, db, drifts); err != nil {
		return err
	}

	fmt.Fprintln(out, "\nThe program starts again")
	m, err := massive.Load(ctx, db, postgres.New(), massive.Expect(expected()...))
	if err != nil {
		return err
	}
	status, err := massive.BindEnum[Status](m, "order_status")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  Values: %q\n", status.Values())
	_, err = status.Parse("shippd")
	fmt.Fprintln(out, "  Parse:", err)
	err = status.AddValue(ctx, "lost")
	fmt.Fprintln(out, "  AddValue:", err)

	if err := values(ctx, out, db); err != nil {
		return err
	}
	return transaction(ctx, out, db)
}

// fix gives the enum the labels of this program, as a migration would.
func fix(ctx context.Context, out io.Writer, db *sql.DB, drifts massive.Drifts) error {
	fmt.Fprintln(out, "\nThe drift is fixed")
	m, err := massive.Load(ctx, db, postgres.New()) // without expectations
	if err != nil {
		return err
	}
	status, err := massive.BindEnum[Status](m, "order_status")
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
	if err := status.RenameValue(ctx, "settled", Paid); err != nil {
		return err
	}
	fmt.Fprintf(out, "  RenameValue: %q\n", status.Values())
	for _, label := range drifts[0].Missing {
		all := Status("").Labels()
		before := all[slices.Index(all, Status(label))-1] // the first label is not missing
		added, err := status.EnsureValue(ctx, Status(label), massive.After(before))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  EnsureValue %s: added %v: %q\n", label, added, status.Values())
	}
	if err := m.Verify(ctx, expected()...); err != nil {
		return err
	}
	fmt.Fprintln(out, "  Verify: the database is as expected")
	return nil
}

// values writes typed values into the table and reads them.
func values(ctx context.Context, out io.Writer, db *sql.DB) error {
	fmt.Fprintln(out, "\nTyped values")
	_, err := db.ExecContext(ctx, "INSERT INTO orders (status, past) VALUES ($1, $2), ($3, $4)",
		massive.EnumValue(Packed), massive.EnumArray(Placed, Paid), massive.EnumOf[Status]{}, massive.EnumArray[Status]())
	if err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, "SELECT id, status, past FROM orders ORDER BY id")
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
	_, err = db.ExecContext(ctx, "INSERT INTO orders (status) VALUES ($1)", massive.EnumValue(Status("shippd")))
	var unknown *massive.LabelError
	if !errors.As(err, &unknown) {
		return fmt.Errorf("a text that is not a label was written: %w", err)
	}
	fmt.Fprintln(out, "  INSERT:", unknown)
	return nil
}

// transaction adds a label in a transaction. Until the commit only the transaction sees
// it, and no statement can use it.
func transaction(ctx context.Context, out io.Writer, db *sql.DB) error {
	fmt.Fprintln(out, "\nInside a transaction")
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	status, err := massive.BindEnum[Status](m, "order_status")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	inside := status.With(tx)
	if err := inside.AddValue(ctx, "lost", massive.Before(Returned)); err != nil {
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
