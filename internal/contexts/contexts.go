// Package contexts asks contexts what operations on a database have to know.
package contexts

import (
	"context"
	"fmt"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/querier"
)

// Check refuses a nil context: database/sql would panic, and keep its mutex. Error: [dialect.ErrInvalid].
func Check(ctx context.Context) error {
	if querier.IsNil(ctx) {
		return fmt.Errorf("%w: the context is nil; pass context.Background() if there is none", dialect.ErrInvalid)
	}
	return nil
}

// Ended returns ctx's error. A deadline that has passed counts at once: a driver's own timer, which it set to that
// deadline, may fire before the context's.
func Ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return context.DeadlineExceeded
	}
	return nil
}
