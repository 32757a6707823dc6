// Package promptly runs calls that may not return when their context ends. A driver may ignore the context while the
// network swallows its packets: lib/pq does.
package promptly

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// Grace is how long a call may take to return after its context ended, before it is abandoned.
const Grace = time.Second

// Most is how many abandoned calls of one Calls may run on.
const Most = 4

// Calls counts the abandoned calls of one user. Its zero value is ready to use, from any number of goroutines.
type Calls struct{ abandoned atomic.Int64 }

// Do calls f in another goroutine and returns its result. If f has not returned Grace after ctx ended, Do abandons it and
// returns the context's error: f then runs on until the driver returns, and its result is dropped. While Most abandoned
// calls run on, Do calls nothing. A panic of f is one of Do, unless Do has abandoned it. Errors: f's own, the context's,
// [dialect.ErrUnavailable].
func Do[T any](ctx context.Context, calls *Calls, f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
		panic any
	}
	outcome := func(r result) (T, error) {
		if r.panic != nil {
			panic(r.panic) //nolint:forbidigo // it is f that panics
		}
		return r.value, r.err
	}
	var none T
	if calls.abandoned.Load() >= Most {
		return none, fmt.Errorf("%w: %d earlier calls have not returned, long after their contexts ended: "+
			"the driver still waits for the network", dialect.ErrUnavailable, Most)
	}
	done := make(chan result, 1)
	var passed atomic.Bool // the first of the two sides to end here sets it; the second one sees it
	go func() {
		var r result
		func() {
			defer func() { r.panic = recover() }()
			r.value, r.err = f(ctx)
		}()
		done <- r
		if passed.Swap(true) {
			calls.abandoned.Add(-1)
		}
	}()
	select {
	case r := <-done:
		return outcome(r)
	case <-ctx.Done():
	}
	grace := time.NewTimer(Grace)
	defer grace.Stop()
	select {
	case r := <-done:
		return outcome(r)
	case <-grace.C:
	}
	calls.abandoned.Add(1)
	if passed.Swap(true) { // it has returned just now
		calls.abandoned.Add(-1)
	}
	return none, fmt.Errorf("%w, and the driver has not returned: its call runs on until the network gives up", ctx.Err())
}
