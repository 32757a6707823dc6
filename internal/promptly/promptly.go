// Package promptly limits how long calls of a driver outlast their context. lib/pq, for
// example, does not return when the context ends while the network drops packets.
package promptly

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// Grace is the time that a call has to return after its context has ended. Then Do
// abandons it.
const Grace = time.Second

// Most is the number of abandoned calls that may still run, per Calls.
const Most = 4

// Calls counts the abandoned calls that still run. The zero value is ready to use. It is
// safe for concurrent use.
type Calls struct{ abandoned atomic.Int64 }

// Do calls f in a new goroutine and returns its result. If f has not returned within
// Grace after ctx ended, Do abandons it and returns the context's error. Then f runs
// until the driver returns, and its result is discarded. If f panics before that, Do
// panics with the same value.
//
// Errors: those of f; the context's; [dialect.ErrUnavailable], without a call of f, while
// Most abandoned calls run.
func Do[T any](ctx context.Context, calls *Calls, f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
		panic any
	}
	outcome := func(r result) (T, error) {
		if r.panic != nil {
			panic(r.panic) //nolint:forbidigo // the panic of f
		}
		return r.value, r.err
	}
	var none T
	if calls.abandoned.Load() >= Most {
		return none, fmt.Errorf("%w: %d earlier calls have not returned although their contexts ended: "+
			"the driver still waits for the network", dialect.ErrUnavailable, Most)
	}
	done := make(chan result, 1)
	var passed atomic.Bool // set by the goroutine or by Do, whichever finishes first
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
	if passed.Swap(true) { // f has returned in the meantime
		calls.abandoned.Add(-1)
	}
	return none, fmt.Errorf("%w, and the driver has not returned: its call runs until the network connection times out", ctx.Err())
}
