package massive

import (
	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// An Error says what failed, on which structure, and why: fields Op, Name and Err; methods Error and Unwrap. Every error of
// an operation is one. [errors.Is] reaches one of the sentinels below if the cause is known, and [context.Canceled] or
// [context.DeadlineExceeded] if the caller's context ended the operation, under every driver. [errors.As] reaches the
// driver's own error.
type Error = registry.Error

// A NotFoundError says why a name was not found, and which names near it exist: Error, Unwrap.
type NotFoundError = registry.NotFoundError

// The reasons why a name is not found.
const (
	ReasonUnknown       = registry.ReasonUnknown
	ReasonOtherKind     = registry.ReasonOtherKind
	ReasonKindExcluded  = registry.ReasonKindExcluded
	ReasonOffSearchPath = registry.ReasonOffSearchPath
	ReasonHidden        = registry.ReasonHidden
	ReasonExcluded      = registry.ReasonExcluded
	ReasonKeySequence   = registry.ReasonKeySequence
	ReasonUnreadable    = registry.ReasonUnreadable
)

// What can go wrong, for [errors.Is].
var (
	ErrInvalid       = dialect.ErrInvalid       // the call itself is wrong
	ErrNotFound      = dialect.ErrNotFound      // not loaded, or gone since
	ErrUnsupported   = dialect.ErrUnsupported   // wraps [errors.ErrUnsupported]
	ErrPermission    = dialect.ErrPermission    // the role lacks the right
	ErrReadOnly      = dialect.ErrReadOnly      // a read-only transaction, or a standby
	ErrNotPopulated  = dialect.ErrNotPopulated  // the view, or one it reads, has no data yet
	ErrNoUniqueIndex = dialect.ErrNoUniqueIndex // nothing for a concurrent refresh to use
	ErrDuplicateRows = dialect.ErrDuplicateRows // the view's new rows break its unique index
	ErrBusy          = dialect.ErrBusy          // somebody else holds the lock, or refreshes the view
	ErrDeadlock      = dialect.ErrDeadlock      // the server broke a deadlock
	ErrServerTimeout = dialect.ErrServerTimeout // the server ended the statement, not the caller's context
	ErrUnavailable   = dialect.ErrUnavailable   // the server was not reached, or the connection lost: it may have been done
	ErrTxAborted     = dialect.ErrTxAborted     // the transaction failed earlier
	ErrExhausted     = dialect.ErrExhausted     // the sequence has reached its last value
	ErrClosed        = dialect.ErrClosed        // the allocator, or the waker, was closed
	ErrOutOfRange    = dialect.ErrOutOfRange    // the value is outside the sequence's bounds
	ErrLabelExists   = dialect.ErrLabelExists   // the enum has that label
	ErrLabelUnknown  = dialect.ErrLabelUnknown  // the enum has no such label
	ErrDrift         = dialect.ErrDrift         // the database is not what the program expects

	// The transaction that added the label can't use it before it commits.
	ErrLabelUncommitted = dialect.ErrLabelUncommitted
)
