package sqltest

import (
	"context"
	"errors"
	"time"
)

// timeouts has the server's timeouts; 0 means none.
type timeouts struct{ lock, statement time.Duration }

// The errors of the server when a timeout has passed.
var (
	errLockTimeout      = &Error{Code: "55P03", Message: "canceling statement due to lock timeout"}
	errStatementTimeout = &Error{Code: "57014", Message: "canceling statement due to statement timeout"}
)

// within returns a context that ends after d with the reason as its cause. If d is 0 it
// returns ctx.
func within(ctx context.Context, d time.Duration, reason error) (context.Context, context.CancelFunc) {
	if d == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, reason)
}

// ended returns why a context ended: a timeout of the server, or ctx.Err(). It ignores
// the caller's own cause, which a server does not know.
func ended(ctx context.Context) error {
	for _, timeout := range []*Error{errLockTimeout, errStatementTimeout} {
		if errors.Is(context.Cause(ctx), timeout) {
			return timeout
		}
	}
	return ctx.Err()
}
