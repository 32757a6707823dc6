package sqltest

import (
	"context"
	"errors"
	"time"
)

// timeouts are the server's limits; 0 is none.
type timeouts struct{ lock, statement time.Duration }

// What the server says when one has passed.
var (
	errLockTimeout      = &Error{Code: "55P03", Message: "canceling statement due to lock timeout"}
	errStatementTimeout = &Error{Code: "57014", Message: "canceling statement due to statement timeout"}
)

// within is a context that ends d from now for the given reason, unless d is none.
func within(ctx context.Context, d time.Duration, reason error) (context.Context, context.CancelFunc) {
	if d == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, reason)
}

// ended is why a context has ended: the server's own reason, or the caller's error, without the cause that the caller
// may have given, which does not get to the server.
func ended(ctx context.Context) error {
	for _, timeout := range []*Error{errLockTimeout, errStatementTimeout} {
		if errors.Is(context.Cause(ctx), timeout) {
			return timeout
		}
	}
	return ctx.Err()
}
