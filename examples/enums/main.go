// Enums starts a program whose constants are ahead of its database: the drift is found as it starts, mended and
// verified. Then it reads and writes typed values, and adds a label inside a transaction.
//
//	go run ./examples/enums                    a server of its own, gone afterwards
//	go run ./examples/enums -driver postgres   the same over lib/pq
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

// A Status is what the program has constants for.
type Status string

// The statuses, in the order in which an order passes through them.
const (
	Placed   Status = "placed"
	Paid     Status = "paid"
	Packed   Status = "packed"
	Shipped  Status = "shipped"
	Returned Status = "returned"
)

// Labels are all of them: what the database must have, and what an EnumOf takes.
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

// schema is the database as the program before this one left it.
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

// expected is what this program takes for granted.
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
		return fmt.Errorf("drift is expected, and the load says: %w", err)
	}
	fmt.Fprintln(out, " ", err)
	var drifts massive.Drifts
	if !errors.As(err, &drifts) {
		return err
	}
	if err := mend(ctx, out, db, drifts); err != nil {
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

// mend brings the enum to where the program is, as a migration would.
func mend(ctx context.Context, out io.Writer, db *sql.DB, drifts massive.Drifts) error {
	fmt.Fprintln(out, "\nThe drift is mended")
	m, err := massive.Load(ctx, db, postgres.New()) // and expects nothing
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
		fmt.Fprintln(out, "  concerned:", c)
	}
	// That one label is another with a new name nobody can tell from the labels.
	if err := status.RenameValue(ctx, "settled", Paid); err != nil {
		return err
	}
	fmt.Fprintf(out, "  RenameValue: %q\n", status.Values())
	for _, label := range drifts[0].Missing {
		all := Status("").Labels()
		before := all[slices.Index(all, Status(label))-1] // what is missing is never the first
		added, err := status.EnsureValue(ctx, Status(label), massive.After(before))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  EnsureValue %s: added %v: %q\n", label, added, status.Values())
	}
	if err := m.Verify(ctx, expected()...); err != nil {
		return err
	}
	fmt.Fprintln(out, "  Verify: all is as expected")
	return nil
}

// values go into the table and out of it.
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
		return fmt.Errorf("what is no label was written: %w", err)
	}
	fmt.Fprintln(out, "  refused:", unknown)
	return nil
}

// transaction adds a label that only the transaction sees, and that it can't use yet.
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
	fmt.Fprintf(out, "  its picture:       %q\n", inside.Values())
	fmt.Fprintf(out, "  everybody else's:  %q\n", status.Values())
	_, err = tx.ExecContext(ctx, "UPDATE orders SET status = 'lost'")
	err = inside.Explain(err)
	if !errors.Is(err, massive.ErrLabelUncommitted) {
		return fmt.Errorf("a label that is not committed was used: %w", err)
	}
	fmt.Fprintln(out, "  used at once:", err)
	return tx.Rollback()
}
