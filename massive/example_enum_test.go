package massive_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func ExampleEnum_values() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := m.Enum("order_status")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Values(), status.Len())
	for i, label := range status.All() {
		fmt.Println(i, label)
	}
	// Output:
	// [placed paid shipped] 3
	// 0 placed
	// 1 paid
	// 2 shipped
}

func ExampleEnum_contains() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := m.Enum("order_status")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Contains("paid"), status.Contains("Paid"), status.Contains("lost"))
	// Output: true false false
}

func ExampleEnum_position() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := m.Enum("order_status")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Position("placed"), status.Position("paid"), status.Position("lost"))
	// Output: 0 1 -1
}

func ExampleEnum_compare() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := m.Enum("order_status")
	if err != nil {
		log.Fatal(err)
	}
	labels := []string{"shipped", "placed", "paid"}
	slices.SortFunc(labels, status.Compare)
	fmt.Println(labels)
	// Output: [placed paid shipped]
}

func ExampleEnum_usedBy() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := m.Enum("order_status")
	if err != nil {
		log.Fatal(err)
	}
	columns, err := status.UsedBy(context.Background())
	for _, c := range columns {
		fmt.Println(c.Relation, c.Column)
	}
	fmt.Println(err)
	// Output:
	// public.orders status
	// <nil>
}

// An OrderStatus is a label of the enum order_status.
type OrderStatus string

func ExampleBindEnum() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	paid, err := status.Parse("paid")
	fmt.Println(paid, err)
	fmt.Println(status.Values(), status.Compare(paid, "shipped"))
	// Output:
	// paid <nil>
	// [placed paid shipped] -1
}

func ExampleBoundEnum_Parse() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	_, err = status.Parse("payd")
	fmt.Println(err)
	var unknown *massive.LabelError
	fmt.Println(errors.As(err, &unknown), unknown.Near)
	// Output:
	// massive: parse a label of public.order_status: label unknown: "payd" is not one of ["placed" "paid" "shipped"]; did you mean "paid"?
	// true [paid]
}

func ExampleBoundEnum_AddValue() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.AddValue(context.Background(), "returned"))
	fmt.Println(status.Values())
	// Output:
	// <nil>
	// [placed paid shipped returned]
}

// Any number of programs may do this when they start.
func ExampleBoundEnum_EnsureValue() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		fmt.Println(status.EnsureValue(context.Background(), "returned"))
	}
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleBoundEnum_RenameValue() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.RenameValue(context.Background(), "shipped", "sent"))
	fmt.Println(status.Values())
	// Output:
	// <nil>
	// [placed paid sent]
}

// A rollback undoes an added label.
func ExampleBoundEnum_With() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	tx, err := fake.DB().BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	inside := status.With(tx)
	fmt.Println(inside.AddValue(ctx, "returned"), inside.Values())
	fmt.Println(tx.Rollback(), status.Values())
	// Output:
	// <nil> [placed paid shipped returned]
	// <nil> [placed paid shipped]
}

func ExampleBefore() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	err = status.AddValue(context.Background(), "packed", massive.Before("shipped"))
	fmt.Println(status.Values(), err)
	// Output: [placed paid packed shipped] <nil>
}

func ExampleAfter() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	err = status.AddValue(context.Background(), "packed", massive.After("paid"))
	fmt.Println(status.Values(), err)
	// Output: [placed paid packed shipped] <nil>
}

// A field of a struct reads the labels that its type declares.
func ExampleEnumOf() {
	var m massive.EnumOf[Mood]
	fmt.Println(m.Scan("happy"), m.V, m.Valid)
	fmt.Println(m.Scan(nil), m.Valid)
	fmt.Println(m.Scan("bored"))
	// Output:
	// <nil> happy true
	// <nil> false
	// massive: read a massive_test.Mood: label unknown: "bored" is not one of ["sad" "ok" "happy"]
}

func ExampleEnumValue() {
	row := struct{ Mood, Before massive.EnumOf[Mood] }{Mood: massive.EnumValue(Happy)}
	fmt.Println(row.Mood.Value())
	fmt.Println(row.Before.Value())
	// Output:
	// happy <nil>
	// <nil> <nil>
}

// An array as an argument of a statement. A label that the type does not declare is an
// error.
func ExampleEnumArray() {
	fmt.Println(massive.EnumArray(Sad, Happy).Value())
	_, err := massive.EnumArray(Ok, Mood("bored")).Value()
	fmt.Println(err)
	// Output:
	// {"sad","happy"} <nil>
	// massive: write a massive_test.Mood: element 2 of 2: label unknown: "bored" is not one of ["sad" "ok" "happy"]
}

// A Status is an enum of a program that also runs while the database has labels of the
// next version.
type Status string

const (
	Placed Status = "placed"
	Paid   Status = "paid"
)

func (Status) Labels() []Status { return []Status{Placed, Paid} }
func (Status) AllowExtra() bool { return true }

// The next version of the program has added a label. The old version reads it.
func ExampleAllowsExtra() {
	fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "status", Labels: []string{"placed", "packed", "paid"}}}})
	defer fake.DB().Close()
	_, err := massive.Load(context.Background(), fake.DB(), fake, massive.Expect(massive.EnumIs("status", Status("").Labels())))
	fmt.Println(err)

	var status massive.EnumOf[Status]
	fmt.Println(status.Scan("packed"))
	switch status.V {
	case Placed, Paid:
		fmt.Println("known")
	default:
		fmt.Println("a label of the next version:", status)
	}
	// Output:
	// <nil>
	// <nil>
	// a label of the next version: packed
}

// The program's own SQL fails on a label that the enum does not have.
func ExampleBoundEnum_Explain() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	// A program gets this error from its driver.
	var failed error = &sqltest.Error{Code: "22P02", Message: `invalid input value for enum order_status: "lost"`}
	fmt.Println(errors.Is(status.Explain(failed), massive.ErrLabelUnknown))
	// Output: true
}

func ExampleBoundEnum_Contains() {
	fake, m := shop()
	defer fake.DB().Close()
	status, err := massive.BindEnum[OrderStatus](m, "order_status")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Contains("paid"), status.Contains("lost"))
	// Output: true false
}
