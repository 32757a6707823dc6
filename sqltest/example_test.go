package sqltest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func Example() {
	type day struct {
		Day   string
		Total int
	}
	fake := sqltest.New(sqltest.Catalog{
		Matviews: []sqltest.Matview{{
			Name:   "daily_sales",
			Rows:   []day{{"monday", 5}, {"friday", 7}},
			Unique: []string{"day"},
		}},
		Enums:     []sqltest.Enum{{Name: "status", Labels: []string{"placed", "paid"}}},
		Sequences: []sqltest.Sequence{{Name: "invoice_no", Start: 7, Max: 8}},
	})
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}

	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	result, err := sales.Refresh(ctx, massive.Concurrently())
	fmt.Println(result.Outcome, result.Mode, err)
	var days []day
	err = sales.Select(ctx, &days, "")
	fmt.Println(days, err)

	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		no, err := invoices.NextValue(ctx)
		fmt.Println(no, errors.Is(err, massive.ErrExhausted))
	}
	// Output:
	// refreshed concurrent <nil>
	// [{monday 5} {friday 7}] <nil>
	// 7 false
	// 8 false
	// 0 true
}

// A transaction of the fake's DB works as in Postgres: a rollback undoes a reset, and does not
// give back a value.
func ExampleFake_DB() {
	fake, m := shop()
	ctx := context.Background()
	tx, err := fake.DB().BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	no, err := invoiceNo(m.With(tx)).NextValue(ctx)
	fmt.Println(no, err)
	fmt.Println(tx.Rollback())
	no, err = invoiceNo(m).NextValue(ctx)
	fmt.Println(no, err)

	_, err = fake.DB().ExecContext(ctx, "DELETE FROM orders")
	fmt.Println(errors.Is(err, sqltest.ErrNoDatabase))
	// Output:
	// 1 <nil>
	// <nil>
	// 2 <nil>
	// true
}

// An invalid catalog makes each load fail.
func ExampleNew_invalid() {
	fake := sqltest.New(sqltest.Catalog{
		Sequences: []sqltest.Sequence{{Name: "invoice_no", Start: 9, Max: 5}},
	})
	_, err := massive.Load(context.Background(), fake.DB(), fake)
	fmt.Println(err)
	// Output: massive: load: invalid argument: sqltest: sequence public.invoice_no: its start 9 is not between 1 and 5
}

// The server gives up on an operation that waits too long for a lock.
func ExampleCatalog_lockTimeout() {
	fake := sqltest.New(sqltest.Catalog{
		Sequences:   []sqltest.Sequence{{Name: "invoice_no"}},
		LockTimeout: 10 * time.Millisecond,
	})
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	tx, err := fake.DB().BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback()
	fmt.Println(invoiceNo(m.With(tx)).Reset(ctx)) // locks the sequence until the transaction ends
	_, err = invoiceNo(m).NextValue(ctx)
	fmt.Println(errors.Is(err, massive.ErrBusy))
	// Output:
	// <nil>
	// true
}

// The Select function answers reads that have a tail.
func ExampleMatview_select() {
	type day struct {
		Day   string
		Total int
	}
	week := []day{{"monday", 5}, {"friday", 7}, {"sunday", 1}}
	fake := sqltest.New(sqltest.Catalog{Matviews: []sqltest.Matview{{
		Name: "daily_sales",
		Rows: week,
		Select: func(tail string, args []any) (any, error) {
			fmt.Println(tail, args)
			return week[:args[0].(int)], nil
		},
	}}})
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	var days []day
	err = sales.Select(ctx, &days, "LIMIT $1", 2)
	fmt.Println(days, err)
	// Output:
	// LIMIT $1 [2]
	// [{monday 5} {friday 7}] <nil>
}

// Reads connects views, so that a plan refreshes them in order. Here a plain view is between two
// materialized views.
func ExampleView() {
	type row struct{ Total int }
	fake := sqltest.New(sqltest.Catalog{
		Matviews: []sqltest.Matview{
			{Name: "report", Rows: []row{{12}}, Reads: []string{"open_days"}},
			{Name: "daily", Rows: []row{{5}, {7}}},
		},
		Views: []sqltest.View{{Name: "open_days", Reads: []string{"daily"}}},
	})
	m, err := massive.Load(context.Background(), fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := m.PlanRefresh()
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range plan.Steps {
		fmt.Println(step.Name)
	}
	// Output:
	// public.daily
	// public.report
}

// An enum of another role can't be altered.
func ExampleEnum() {
	fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{
		Name:     "status",
		Labels:   []string{"placed", "paid"},
		NotOwned: true,
		UsedBy:   []sqltest.EnumColumn{{Column: "orders.status"}},
	}}})
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	status, err := m.Enum("status")
	if err != nil {
		log.Fatal(err)
	}
	columns, err := status.UsedBy(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range columns {
		fmt.Println(c.Relation, c.Column, c.Type)
	}
	bound, err := massive.BindEnum[string](m, "status")
	if err != nil {
		log.Fatal(err)
	}
	err = bound.AddValue(ctx, "lost")
	fmt.Println(errors.Is(err, massive.ErrPermission))
	// Output:
	// public.orders status status
	// true
}

// A sequence that feeds a primary key is behind if the column has greater values.
func ExampleSequence() {
	fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{{
		Name:       "orders_id_seq",
		KeyOf:      "orders.id",
		ColumnType: "integer",
		Holds:      []int64{1, 2, 500},
	}}})
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.WithKeySequences())
	if err != nil {
		log.Fatal(err)
	}
	ids, err := m.Sequence("orders_id_seq")
	if err != nil {
		log.Fatal(err)
	}
	lag, err := ids.Lag(ctx)
	fmt.Println(lag.Behind, lag.Furthest, err)
	_, err = ids.CatchUp(ctx)
	fmt.Println(err)
	id, err := ids.NextValue(ctx)
	fmt.Println(id, err)
	// Output:
	// true 500 <nil>
	// <nil>
	// 501 <nil>
}

// Do changes the database as another session would. A reload sees the changes.
func ExampleFake_Do() {
	t, done := exampleTest() // in a test: t *testing.T
	defer done()
	fake, m := shop()

	fake.Do(t,
		sqltest.AddLabel{Enum: "status", Label: "lost", Before: "paid"},
		sqltest.Create{Sequences: []sqltest.Sequence{{Name: "customer_no"}}},
		sqltest.Rename{Name: "invoice_no", To: "bill_no"},
		sqltest.Drop{Name: "daily_sales"},
	)
	changes, err := m.Reload(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range changes {
		fmt.Println(c)
	}
	// Output:
	// materialized view public.daily_sales removed
	// enum public.status changed: labels ["placed" "paid"] → ["placed" "lost" "paid"]
	// sequence public.bill_no added
	// sequence public.customer_no added
	// sequence public.invoice_no removed
}

// The view has the new rows after its next refresh.
func ExampleSetRows() {
	t, done := exampleTest() // in a test: t *testing.T
	defer done()
	fake, m := shop()
	ctx := context.Background()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}

	fake.Do(t, sqltest.SetRows{Matview: "daily_sales", Rows: []struct{ Total int }{{5}, {7}}})
	before, err := sales.Count(ctx, "")
	fmt.Println(before, err)
	if _, err := sales.Refresh(ctx); err != nil {
		log.Fatal(err)
	}
	after, err := sales.Count(ctx, "")
	fmt.Println(after, err)
	// Output:
	// 1 <nil>
	// 2 <nil>
}

// A row with an explicit id puts the sequence of the ids behind.
func ExampleInsert() {
	t, done := exampleTest() // in a test: t *testing.T
	defer done()
	fake, m := shop()
	ctx := context.Background()

	fake.Do(t, sqltest.Insert{Column: "invoices.no", Value: 500})
	lag, err := invoiceNo(m).Lag(ctx)
	fmt.Println(lag.Behind, lag.Furthest, err)
	// Output: true 500 <nil>
}

// A row with a label checks that a column accepts the label.
func ExampleInsertLabel() {
	t, done := exampleTest() // in a test: t *testing.T
	defer done()
	fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{
		Name:   "status",
		Labels: []string{"placed"},
		UsedBy: []sqltest.EnumColumn{{Column: "orders.status"}},
	}}})
	fake.Do(t,
		sqltest.AddLabel{Enum: "status", Label: "lost"},
		sqltest.InsertLabel{Column: "orders.status", Label: "lost"},
	)
	fmt.Println("inserted")
	// Output: inserted
}

// The first refresh fails, the second takes longer, and the third is normal.
func ExampleFake_Next() {
	t, done := exampleTest() // in a test: t *testing.T
	defer done()
	fake, m := shop()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}

	fake.Next(t, dialect.OpRefresh, "daily_sales",
		sqltest.Fail(massive.ErrDuplicateRows), sqltest.Slow(10*time.Millisecond))
	for range 3 {
		result, err := sales.Refresh(context.Background())
		fmt.Println(result.Outcome, errors.Is(err, massive.ErrDuplicateRows))
	}
	// Output:
	// no outcome true
	// refreshed false
	// refreshed false
}

// An error with a SQLSTATE is classified as the server's error is.
func ExampleFail() {
	t, done := exampleTest() // in a test: t *testing.T
	defer done()
	fake, m := shop()

	fake.Next(t, dialect.OpNextValue, "invoice_no",
		sqltest.Fail(&sqltest.Error{Code: "42501", Message: "permission denied for sequence invoice_no"}))
	_, err := invoiceNo(m).NextValue(context.Background())
	fmt.Println(errors.Is(err, massive.ErrPermission))
	// Output: true
}

// The operation returns when its context ends.
func ExampleHang() {
	t, done := exampleTest() // in a test: t *testing.T
	defer done()
	fake, m := shop()

	fake.Next(t, dialect.OpNextValue, "invoice_no", sqltest.Hang())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := invoiceNo(m).NextValue(ctx)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

// The operation succeeds after the delay.
func ExampleSlow() {
	t, done := exampleTest() // in a test: t *testing.T
	defer done()
	fake, m := shop()

	fake.Next(t, dialect.OpNextValue, "invoice_no", sqltest.Slow(10*time.Millisecond))
	start := time.Now()
	no, err := invoiceNo(m).NextValue(context.Background())
	fmt.Println(no, err, time.Since(start) >= 10*time.Millisecond)
	// Output: 1 <nil> true
}

// Calls has every operation, with its error.
func ExampleFake_Calls() {
	fake, m := shop()
	ctx := context.Background()
	if _, err := invoiceNo(m).NextValue(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(invoiceNo(m).ResetTo(ctx, -5) != nil)
	for _, c := range fake.Calls() {
		fmt.Printf("%v: %v\n", c, c.Err)
	}
	// Output:
	// true
	// load: <nil>
	// next value of public.invoice_no: <nil>
	// restart public.invoice_no at -5: sqltest: RESTART value (-5) cannot be less than MINVALUE (1) (22023)
}

// WantCalls fails the test if other operations reached the fake.
func ExampleFake_WantCalls() {
	t, done := exampleTest() // in a test: t *testing.T
	defer done()
	fake, m := shop()
	if _, err := m.RefreshAll(context.Background()); err != nil {
		log.Fatal(err)
	}
	fake.WantCalls(t, "refresh public.daily_sales", "next value of public.invoice_no")
	// Output:
	// test failed: sqltest: operation 2: got nothing, want "next value of public.invoice_no"
	// 	got all:  ["refresh public.daily_sales"]
	// 	want all: ["refresh public.daily_sales" "next value of public.invoice_no"]
}

// shop returns a fake and its structures.
func shop() (*sqltest.Fake, *massive.DB) {
	fake := sqltest.New(sqltest.Catalog{
		Matviews:  []sqltest.Matview{{Name: "daily_sales", Rows: []struct{ Total int }{{5}}}},
		Enums:     []sqltest.Enum{{Name: "status", Labels: []string{"placed", "paid"}}},
		Sequences: []sqltest.Sequence{{Name: "invoice_no", OwnedBy: "invoices.no", Feeds: []string{"invoices.no"}}},
	})
	m, err := massive.Load(context.Background(), fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	return fake, m
}

// invoiceNo returns the sequence of shop.
func invoiceNo(m *massive.DB) massive.Sequence {
	s, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	return s
}

// exampleTest returns a testing.TB that prints its failures, and a function that ends it.
func exampleTest() (t testing.TB, done func()) {
	r := &recorder{}
	return r, func() {
		for _, cleanup := range r.cleanups {
			cleanup()
		}
		for _, failure := range r.failures {
			fmt.Println("test failed:", failure)
		}
	}
}

// A catalog's ledger exists from the start. A DB without it refreshes as another program
// would.
func ExampleLedger() {
	fake := sqltest.New(sqltest.Catalog{
		Ledgers:  []sqltest.Ledger{{Schema: "massive"}},
		Matviews: []sqltest.Matview{{Name: "daily_sales"}},
	})
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.WithLedger("massive"))
	if err != nil {
		log.Fatal(err)
	}
	other, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range []*massive.DB{m, other} {
		if _, err := m.RefreshAll(ctx); err != nil {
			log.Fatal(err)
		}
	}
	all, err := m.Freshness(ctx)
	for _, f := range all {
		fmt.Println(f.Name, f.Doubt)
	}
	fmt.Println(err)
	// Output:
	// public.daily_sales refreshed or altered without a record
	// <nil>
}

func ExampleFake_Advance() {
	fake := sqltest.New(sqltest.Catalog{
		Ledgers:  []sqltest.Ledger{{Schema: "massive"}},
		Matviews: []sqltest.Matview{{Name: "daily_sales"}},
	})
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.WithLedger("massive"))
	if err != nil {
		log.Fatal(err)
	}
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range []time.Duration{0, 10 * time.Minute, time.Hour} {
		fake.Advance(d)
		result, err := sales.RefreshIfOlderThan(ctx, 30*time.Minute)
		fmt.Println(result.Outcome, err)
	}
	// Output:
	// refreshed <nil>
	// fresh <nil>
	// refreshed <nil>
}
