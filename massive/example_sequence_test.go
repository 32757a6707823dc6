package massive_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func ExampleSequence_nextValue() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	tickets, err := m.Sequence("ticket_no")
	if err != nil {
		log.Fatal(err)
	}
	for range 5 {
		no, err := tickets.NextValue(ctx)
		fmt.Println(no, errors.Is(err, massive.ErrExhausted))
	}
	// Output:
	// 1 false
	// 2 false
	// 3 false
	// 4 false
	// 0 true
}

func ExampleSequence_nextValues() {
	fake, m := shop()
	defer fake.DB().Close()
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(invoices.NextValues(context.Background(), 3))
	// Output: [1000 1001 1002] <nil>
}

func ExampleSequence_nextBlock() {
	fake, m := shop()
	defer fake.DB().Close()
	batches, err := m.Sequence("batch_no") // INCREMENT BY 100
	if err != nil {
		log.Fatal(err)
	}
	block, err := batches.NextBlock(context.Background())
	fmt.Println(block.First, block.Last, block.Len(), err)
	// Output: 1 100 100 <nil>
}

func ExampleSequence_lastValue() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := invoices.NextValues(ctx, 3); err != nil {
		log.Fatal(err)
	}
	fmt.Println(invoices.LastValue(ctx))
	// Output: 1002 <nil>
}

func ExampleSequence_state() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	tickets, err := m.Sequence("ticket_no")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := tickets.NextValue(ctx); err != nil {
		log.Fatal(err)
	}
	state, err := tickets.State(ctx)
	fmt.Printf("last %d, next %d, %d left, %.0f %% used, %v\n",
		state.Last, state.Next, state.Remaining, 100*state.Used, err)
	// Output: last 1, next 2, 3 left, 25 % used, <nil>
}

func ExampleSequence_setValue() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(invoices.SetValue(ctx, 2000, true))
	fmt.Println(invoices.NextValue(ctx))
	// Output:
	// <nil>
	// 2001 <nil>
}

// Rows were restored with values of their own: the sequence would hand them out again.
func ExampleSequence_lag() {
	fake, _ := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.WithKeySequences())
	if err != nil {
		log.Fatal(err)
	}
	ids, err := m.Sequence("orders_id_seq")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ids.Lag(ctx))
	// Output: public.orders.id is at 41, and its sequence is behind: the next value is 1 <nil>
}

// Rows were restored with values of their own: the sequence continues after them.
func ExampleSequence_catchUp() {
	fake, _ := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.WithKeySequences())
	if err != nil {
		log.Fatal(err)
	}
	ids, err := m.Sequence("orders_id_seq")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ids.CatchUp(ctx))
	fmt.Println(ids.NextValue(ctx))
	// Output:
	// moved <nil>
	// 42 <nil>
}

// Programs give ids out of blocks of 100, so that 250 is a value of the third block.
func ExampleInBlocks() {
	fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{
		{Name: "orders_id_seq", Increment: 100, KeyOf: "orders.id", Holds: []int64{250}},
	}})
	defer fake.DB().Close()
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.WithKeySequences())
	if err != nil {
		log.Fatal(err)
	}
	ids, err := m.Sequence("orders_id_seq")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ids.CatchUp(ctx, massive.InBlocks()))
	fmt.Println(ids.NextBlock(ctx))
	// Output:
	// moved <nil>
	// {301 400 100} <nil>
}

// A restore has filled the tables, and one sequence is behind. A role without SELECT on
// another sequence can't compare it.
func ExampleDB_Lag() {
	fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{
		{Name: "orders_id_seq", KeyOf: "orders.id", Holds: []int64{1, 1000}},
		{Name: "lines_id_seq", KeyOf: "lines.id", Start: 8, Holds: []int64{7}},
		{Name: "hidden_seq", Feeds: []string{"hidden.id"}, Rights: &dialect.SequenceRights{Next: true}},
	}})
	defer fake.DB().Close()
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	lags, err := m.Lag(ctx)
	fmt.Println(lags, err)
	fmt.Println(lags.Behind[0].Lag.State.Next, len(lags.Level))
	// Output:
	// of 3 sequences 1 were behind, 1 were not, 0 have no column, 1 are unknown
	// public.orders_id_seq: public.orders.id is at 1000, and its sequence is behind: the next value is 1; after CatchUp it is 1001
	// public.hidden_seq: permission denied: the role must have SELECT on it, and USAGE on its schema <nil>
	// 1 1
}

// After a restore, CatchUp moves each sequence that is behind.
func ExampleDB_CatchUp() {
	fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{
		{Name: "orders_id_seq", KeyOf: "orders.id", Holds: []int64{1, 1000}},
		{Name: "invoice_no", Feeds: []string{"invoices.no"}, Holds: []int64{17}},
		{Name: "ticket_no"},
	}})
	defer fake.DB().Close()
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake)
	if err != nil {
		log.Fatal(err)
	}
	lags, err := m.CatchUp(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, moved := range lags.Behind {
		fmt.Println(moved.Sequence, moved.Lag.State.Next, "to", moved.To)
	}
	fmt.Println(lags.Untied[0].Sequence, len(lags.Unknown))
	lags, err = m.Lag(ctx)
	fmt.Println(len(lags.Behind), err)
	// Output:
	// public.invoice_no 1 to 18
	// public.orders_id_seq 1 to 1001
	// public.ticket_no 0
	// 0 <nil>
}

func ExampleSequence_reset() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	tickets, err := m.Sequence("ticket_no")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := tickets.NextValues(ctx, 3); err != nil {
		log.Fatal(err)
	}
	fmt.Println(tickets.Reset(ctx))
	fmt.Println(tickets.NextValue(ctx))
	// Output:
	// <nil>
	// 1 <nil>
}

func ExampleSequence_resetTo() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	tickets, err := m.Sequence("ticket_no") // its last value is 4
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tickets.ResetTo(ctx, 3))
	fmt.Println(tickets.NextValue(ctx))
	fmt.Println(errors.Is(tickets.ResetTo(ctx, 5), massive.ErrOutOfRange))
	// Output:
	// <nil>
	// 3 <nil>
	// true
}

func ExampleSequence_restart() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	invoices, err := m.Sequence("invoice_no") // START 1000
	if err != nil {
		log.Fatal(err)
	}
	if _, err := invoices.NextValues(ctx, 3); err != nil {
		log.Fatal(err)
	}
	fmt.Println(invoices.Restart(ctx))
	fmt.Println(invoices.NextValue(ctx))
	// Output:
	// <nil>
	// 1000 <nil>
}

func ExampleNewAllocator() {
	fake, m := shop()
	defer fake.DB().Close()
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	ids, err := massive.NewAllocator(invoices)
	if err != nil {
		log.Fatal(err)
	}
	defer ids.Close()
	for range 3 { // one round trip for all of them
		fmt.Println(ids.Next(context.Background()))
	}
	// Output:
	// 1000 <nil>
	// 1001 <nil>
	// 1002 <nil>
}

func ExampleBlockSize() {
	fake, m := shop()
	defer fake.DB().Close()
	tickets, err := m.Sequence("ticket_no")
	if err != nil {
		log.Fatal(err)
	}
	ids, err := massive.NewAllocator(tickets, massive.BlockSize(3))
	if err != nil {
		log.Fatal(err)
	}
	defer ids.Close()
	fmt.Println(ids.Next(context.Background()))
	// Output: 1 <nil>
}

// One value of the sequence stands for a hundred ids.
func ExampleHiLo() {
	fake, m := shop()
	defer fake.DB().Close()
	batches, err := m.Sequence("batch_no") // INCREMENT BY 100
	if err != nil {
		log.Fatal(err)
	}
	ids, err := massive.NewAllocator(batches, massive.HiLo(100))
	if err != nil {
		log.Fatal(err)
	}
	defer ids.Close()
	for range 3 {
		fmt.Println(ids.Next(context.Background()))
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}

func ExampleRefillTimeout() {
	fake, m := shop()
	defer fake.DB().Close()
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	ids, err := massive.NewAllocator(invoices, massive.RefillTimeout(2*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer ids.Close()
	fmt.Println(ids.Next(context.Background()))
	// Output: 1000 <nil>
}

func ExampleAllocator_Close() {
	fake, m := shop()
	defer fake.DB().Close()
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	ids, err := massive.NewAllocator(invoices)
	if err != nil {
		log.Fatal(err)
	}
	ids.Close()
	_, err = ids.Next(context.Background())
	fmt.Println(errors.Is(err, massive.ErrClosed))
	// Output: true
}

// An integer key is nearly full.
func ExampleDB_Exhaustion() {
	fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{
		{Name: "orders_id_seq", KeyOf: "orders.id", ColumnType: "integer", Start: 2_000_000_000},
	}})
	defer fake.DB().Close()
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.WithKeySequences())
	if err != nil {
		log.Fatal(err)
	}
	if _, err := m.Sequences()[0].NextValue(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Exhaustion(ctx))
	// Output:
	// 1 of 1 sequences are used up to 75 % or more
	// public.orders.id (integer) is 93.1 % used: at 2000000000, 147483647 left up to 2147483647, where the column is full (sequence public.orders_id_seq) <nil>
}

func ExampleAtLeast() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	tickets, err := m.Sequence("ticket_no")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := tickets.NextValues(ctx, 2); err != nil {
		log.Fatal(err)
	}
	use, err := m.Exhaustion(ctx, massive.AtLeast(0.5))
	fmt.Println(use.Above, err)
	// Output: [sequence public.ticket_no is 50.0 % used: at 2, 2 left up to 4, where the sequence ends] <nil>
}

// A block is fetched once, and its values need no further round trip.
func ExampleAllocator_Next() {
	fake, m := shop()
	defer fake.DB().Close()
	invoices, err := m.Sequence("invoice_no")
	if err != nil {
		log.Fatal(err)
	}
	ids, err := massive.NewAllocator(invoices, massive.BlockSize(100))
	if err != nil {
		log.Fatal(err)
	}
	defer ids.Close()
	for range 2 {
		no, err := ids.Next(context.Background())
		fmt.Println(no, err)
	}
	// Output:
	// 1000 <nil>
	// 1001 <nil>
}
