package massive_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func ExampleDB_Watch() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx, cancel := context.WithCancel(context.Background())
	inAnotherSession(fake, sqltest.AddLabel{Enum: "order_status", Label: "returned"})
	err := m.Watch(ctx, time.Second, func(e massive.Event) {
		fmt.Println(e)
		cancel()
	})
	fmt.Println(err)
	// Output:
	// enum public.order_status changed: labels ["placed" "paid" "shipped"] → ["placed" "paid" "shipped" "returned"]
	// massive: watch: context canceled
}

// A channelWaker wakes a watch for each value of the channel. A program uses pgxwake or
// pqwake.
type channelWaker chan struct{}

func (c channelWaker) Wait(ctx context.Context) error {
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func ExampleWithWaker() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	waker := make(channelWaker, 1)
	inAnotherSession(fake, sqltest.AddLabel{Enum: "order_status", Label: "returned"})
	m.Watch(ctx, time.Hour, func(e massive.Event) {
		fmt.Println(e)
		if e.Changes[0].Kind == massive.KindSequence {
			cancel()
			return
		}
		inAnotherSession(fake, sqltest.Rename{Name: "invoice_no", To: "bill_no"})
		waker <- struct{}{} // without it the watch would poll an hour later
	}, massive.WithWaker(waker))
	// Output:
	// enum public.order_status changed: labels ["placed" "paid" "shipped"] → ["placed" "paid" "shipped" "returned"]
	// sequence public.bill_no added
	// sequence public.invoice_no removed
}

// Three notifications arrive within the gap, and do not cause three polls.
func ExampleMinGap() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	waker := make(channelWaker, 3)
	for range 3 {
		waker <- struct{}{}
	}
	m.Watch(ctx, time.Hour, func(massive.Event) {}, massive.WithWaker(waker), massive.MinGap(time.Minute))
	fmt.Println(len(fake.Calls()) - 1) // without the load
	// Output: 1
}

// A poll that hangs fails, and the watch continues.
func ExamplePollTimeout() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx, cancel := context.WithCancel(context.Background())
	fake.Next(new(testing.T), dialect.OpWatch, "", sqltest.Hang())
	m.Watch(ctx, time.Second, func(e massive.Event) {
		fmt.Println(e.Failures, errors.Is(e.Err, context.DeadlineExceeded))
		cancel()
	}, massive.PollTimeout(10*time.Millisecond))
	// Output: 1 true
}
