package massive_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func ExampleLoad() {
	// A program passes its *sql.DB and postgres.New().
	fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "invoice_no", Start: 1000}}})
	defer fake.DB().Close()
	m, err := massive.Load(context.Background(), fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range m.Sequences() {
		fmt.Println(s.Name(), s.Def().Start)
	}
	// Output: public.invoice_no 1000
}

func ExampleDB_InSchema() {
	fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{
		{Name: "acme.invoice_no", Start: 100}, {Name: "beta.invoice_no", Start: 200},
	}})
	defer fake.DB().Close()
	m, err := massive.Load(context.Background(), fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	for _, tenant := range []string{"acme", "beta"} {
		numbers, err := m.InSchema(tenant).Sequence("invoice_no")
		if err != nil {
			log.Fatal(err)
		}
		no, err := numbers.NextValue(context.Background())
		fmt.Println(numbers.Name(), no, err)
	}
	// Output:
	// acme.invoice_no 100 <nil>
	// beta.invoice_no 200 <nil>
}

func ExampleOnly() {
	fake, _ := shop()
	defer fake.DB().Close()
	m, err := massive.Load(context.Background(), fake.DB(), fake, massive.Only(massive.KindEnum))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(m.Matviews()), len(m.Enums()), len(m.Sequences()))
	_, err = m.Matview("daily_sales")
	fmt.Println(err)
	// Output:
	// 0 1 0
	// massive: look up daily_sales: materialized view not found: that kind was not loaded: the option Only excludes it
}

func ExampleInclude() {
	fake, _ := shop()
	defer fake.DB().Close()
	m, err := massive.Load(context.Background(), fake.DB(), fake, massive.Include("daily_*", "public.*_no"))
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range m.Matviews() {
		fmt.Println(v.Name())
	}
	for _, s := range m.Sequences() {
		fmt.Println(s.Name())
	}
	// Output:
	// public.daily_sales
	// public.batch_no
	// public.invoice_no
	// public.ticket_no
}

func ExampleExclude() {
	fake, _ := shop()
	defer fake.DB().Close()
	m, err := massive.Load(context.Background(), fake.DB(), fake, massive.Exclude("*_days"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = m.Matview("best_days")
	fmt.Println(err)
	// Output: massive: look up best_days: materialized view not found: public.best_days was not loaded: it is excluded by *_days
}

func ExampleWithKeySequences() {
	fake, _ := shop()
	defer fake.DB().Close()
	m, err := massive.Load(context.Background(), fake.DB(), fake, massive.WithKeySequences())
	if err != nil {
		log.Fatal(err)
	}
	ids, err := m.Sequence("orders_id_seq")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ids.Name(), "is the sequence of", ids.Def().KeyOf)
	// Output: public.orders_id_seq is the sequence of public.orders.id
}

// The program has constants for labels. It refuses to start on a database with other
// labels.
func ExampleExpect() {
	fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"ok", "sad", "glum"}}}})
	defer fake.DB().Close()
	_, err := massive.Load(context.Background(), fake.DB(), fake,
		massive.Expect(massive.EnumIs("mood", []Mood{Sad, Ok, Happy})))
	fmt.Println(errors.Is(err, massive.ErrDrift))
	fmt.Println(err)
	// Output:
	// true
	// massive: load: drift: enum public.mood: missing labels ["happy"]; extra labels ["glum"]; reordered labels ["sad"]; the program has ["sad" "ok" "happy"], the database ["ok" "sad" "glum"]
}

func ExampleEnumIs() {
	fake, m := shop()
	defer fake.DB().Close()
	err := m.Verify(context.Background(), massive.EnumIs("order_status", []string{"placed", "paid", "lost"}))
	fmt.Println(err)
	// Output: massive: verify: drift: enum public.order_status: missing labels ["lost"]; extra labels ["shipped"]
}

// A database with more labels than the program knows, as during a deploy, is as expected.
func ExampleAllowExtra() {
	fake, m := shop()
	defer fake.DB().Close()
	known := []string{"placed", "paid"}
	err := m.Verify(context.Background(), massive.EnumIs("order_status", known, massive.AllowExtra()))
	fmt.Println(err)
	// Output: <nil>
}

func ExampleRowsAre() {
	type sale struct {
		Day      string
		Total    int32
		Currency string
	}
	fake, m := shop()
	defer fake.DB().Close()
	err := m.Verify(context.Background(), massive.RowsAre[sale]("daily_sales"))
	fmt.Println(err)
	// Output: massive: verify: drift: materialized view public.daily_sales: missing columns ["currency"]; column total of type bigint does not fit into Total int32: it has 64 bits, and the field has 32
}

// A check in CI or after a migration, without a new snapshot.
func ExampleDB_Verify() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	expected := massive.EnumIs("order_status", []string{"placed", "paid", "shipped"})
	fmt.Println(m.Verify(ctx, expected))

	inAnotherSession(fake, sqltest.AddLabel{Enum: "order_status", Label: "returned"})
	fmt.Println(m.Verify(ctx, expected))
	// Output:
	// <nil>
	// massive: verify: drift: enum public.order_status: extra labels ["returned"]
}

// A check before a view gets other columns.
func ExampleDB_VerifyColumns() {
	fake, _ := shop()
	defer fake.DB().Close()
	type sale struct {
		Day   string
		Total int64
	}
	m, err := massive.Load(context.Background(), fake.DB(), fake, massive.Expect(massive.RowsAre[sale]("daily_sales")))
	if err != nil {
		log.Fatal(err)
	}
	sales := massive.Name{Schema: "public", Name: "daily_sales"}
	fmt.Println(m.VerifyColumns(sales, []dialect.Column{{Name: "total", Type: "bigint"}}))
	// Output: massive: verify public.daily_sales: drift: materialized view public.daily_sales: missing columns ["day"]
}

func ExampleDB_Reload() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	inAnotherSession(fake, sqltest.AddLabel{Enum: "order_status", Label: "returned"}, sqltest.Drop{Name: "stock"})

	changes, err := m.Reload(ctx)
	fmt.Println(changes, err)
	changes, err = m.Reload(ctx)
	fmt.Println(len(changes), err)
	// Output:
	// materialized view public.stock removed
	// enum public.order_status changed: labels ["placed" "paid" "shipped"] → ["placed" "paid" "shipped" "returned"] <nil>
	// 0 <nil>
}

// A structure of m.With(tx) works inside the transaction. A rollback does not give a
// value back.
func ExampleDB_With() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	tx, err := fake.DB().BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	inside, err := m.With(tx).Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(inside.NextValue(ctx))
	fmt.Println(tx.Rollback())
	outside, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outside.NextValue(ctx))
	// Output:
	// 1000 <nil>
	// <nil>
	// 1001 <nil>
}

func ExampleDB_AppendLocalLabels() {
	fake, m := shop()
	defer fake.DB().Close()
	if err := m.AppendLocalLabels("order_status", "returned"); err != nil {
		log.Fatal(err)
	}
	status, err := m.Enum("order_status")
	fmt.Println(status.Values(), err)
	// Output: [placed paid shipped returned] <nil>
}

// Lookups in one snapshot agree with each other, also if a reload comes between them.
func ExampleDB_Registry() {
	fake, m := shop()
	defer fake.DB().Close()
	before := m.Registry()
	inAnotherSession(fake, sqltest.Drop{Name: "stock"})
	if _, err := m.Reload(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(before.Matviews()), len(m.Registry().Matviews()))
	// Output: 3 2
}

func ExampleDB_Matview() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("public.daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sales.Name(), sales.Populated(), sales.MayRefresh())
	_, err = m.Matview("dayly_sales")
	fmt.Println(err)
	// Output:
	// public.daily_sales true true
	// massive: look up dayly_sales: materialized view not found; did you mean public.daily_sales?
}

func ExampleDB_Enum() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := m.Enum("order_status")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Name(), status.Values())
	// Output: public.order_status [placed paid shipped]
}

func ExampleDB_Sequence() {
	fake, m := shop()
	defer fake.DB().Close()
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(invoices.Name(), invoices.Def().Start, invoices.Def().Increment)
	// Output: public.invoice_no 1000 1
}

func ExampleDB_Matviews() {
	fake, m := shop()
	defer fake.DB().Close()
	for _, v := range m.Matviews() {
		fmt.Println(v.Name())
	}
	// Output:
	// public.best_days
	// public.daily_sales
	// public.stock
}

func ExampleDB_Enums() {
	fake, m := shop()
	defer fake.DB().Close()
	for _, e := range m.Enums() {
		fmt.Println(e.Name(), e.Values())
	}
	// Output: public.order_status [placed paid shipped]
}

func ExampleDB_Sequences() {
	fake, m := shop()
	defer fake.DB().Close()
	for _, s := range m.Sequences() {
		fmt.Println(s.Name())
	}
	// Output:
	// public.batch_no
	// public.invoice_no
	// public.ticket_no
}

func ExampleDB_Excluded() {
	fake, m := shop()
	defer fake.DB().Close()
	for _, e := range m.Excluded() {
		fmt.Printf("%s %s: %s\n", e.Kind, e.Name, e.Why)
	}
	// Output: sequence public.orders_id_seq: it is the key sequence of public.orders.id
}

func ExampleDB_UnmatchedPatterns() {
	fake, _ := shop()
	defer fake.DB().Close()
	m, err := massive.Load(context.Background(), fake.DB(), fake, massive.Exclude("*_days", "tmp_*"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.UnmatchedPatterns())
	// Output: [tmp_*]
}

func ExampleDB_Server() {
	fake, m := shop()
	defer fake.DB().Close()
	server := m.Server()
	fmt.Println("standby:", server.Standby)
	fmt.Println("a label has at most", server.MaxNameBytes, "bytes")
	// Output:
	// standby: false
	// a label has at most 63 bytes
}

func ExampleDB_SearchPath() {
	fake, m := shop()
	defer fake.DB().Close()
	fmt.Println(m.SearchPath())
	// Output: [public]
}

// A sentinel finds the cause, with every driver.
func ExampleErrNoUniqueIndex() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	best, err := m.Matview("best_days")
	if err != nil {
		log.Fatal(err)
	}
	_, err = best.Refresh(ctx, massive.Concurrently())
	if errors.Is(err, massive.ErrNoUniqueIndex) {
		result, err := best.Refresh(ctx)
		fmt.Println(result.Mode, err)
	}
	// Output: blocking <nil>
}

func ExampleNotFoundError() {
	fake, m := shop()
	defer fake.DB().Close()
	_, err := m.Enum("daily_sales")
	var why *massive.NotFoundError
	if errors.As(err, &why) {
		fmt.Println(why.Reason == massive.ReasonOtherKind)
	}
	fmt.Println(err)
	// Output:
	// true
	// massive: look up daily_sales: enum not found: a materialized view of that name exists
}

func ExampleDrifts() {
	fake, m := shop()
	defer fake.DB().Close()
	err := m.Verify(context.Background(), massive.EnumIs("order_status", []string{"placed", "paid", "lost"}))
	var drifts massive.Drifts
	if errors.As(err, &drifts) {
		for _, d := range drifts {
			fmt.Println(d.Name, d.Missing, d.Extra)
		}
	}
	// Output: public.order_status [lost] [shipped]
}

// A package that adds operations of one database sends its own statements.
func ExampleDB_Querier() {
	fake, m := shop()
	defer fake.DB().Close()
	fmt.Println(m.Querier() == massive.Querier(fake.DB()))
	// Output: true
}

func ExampleDB_Dialect() {
	fake, m := shop()
	defer fake.DB().Close()
	fmt.Println(m.Dialect().Name())
	// Output: fake
}
