// Package contexts checks contexts for operations on a database.
package contexts

import (
	"context"
	"fmt"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/querier"
)

// Check returns an error for a nil context, with which database/sql would panic and keep
// its mutex locked. Errors: [dialect.ErrInvalid].
func Check(ctx context.Context) error {
	if querier.IsNil(ctx) {
		return fmt.Errorf("%w: the context is nil; pass context.Background() if there is none", dialect.ErrInvalid)
	}
	return nil
}

// Ended returns ctx's error, or [context.DeadlineExceeded] as soon as its deadline has
// passed. A driver's own timer for the deadline may fire before the context's.
func Ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return context.DeadlineExceeded
	}
	return nil
}
