package sqltest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func Example() {
	type day struct {
		Day   string
		Total int
	}
	fake := sqltest.New(sqltest.Catalog{
		Matviews:  []sqltest.Matview{{Name: "daily_sales", Rows: []day{{"monday", 5}, {"friday", 7}}, Unique: []string{"day"}}},
		Enums:     []sqltest.Enum{{Name: "status", Labels: []string{"placed", "paid"}}},
		Sequences: []sqltest.Sequence{{Name: "invoice_no", Start: 7, Max: 8}},
	})
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		fmt.Println(err)
		return
	}

	sales, _ := m.Matview("daily_sales")
	result, err := sales.Refresh(ctx, massive.Concurrently())
	fmt.Println(result.Outcome, result.Mode, err)
	var days []day
	err = sales.Select(ctx, &days, "")
	fmt.Println(days, err)

	invoices, _ := m.Sequence("invoice_no")
	for range 3 {
		no, err := invoices.NextValue(ctx)
		fmt.Println(no, errors.Is(err, massive.ErrExhausted))
	}
	for _, c := range fake.Calls() {
		fmt.Println(c)
	}
	// Output:
	// refreshed concurrent <nil>
	// [{monday 5} {friday 7}] <nil>
	// 7 false
	// 8 false
	// 0 true
	// load
	// refresh concurrently public.daily_sales
	// select from public.daily_sales
	// next value of public.invoice_no
	// next value of public.invoice_no
	// next value of public.invoice_no
}
