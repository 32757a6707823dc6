package massive

import (
	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// An Error says which operation failed, on which structure, and why: fields Op, Name and
// Err. Every error of an operation is one. Methods: Error, Unwrap.
//
// If the cause is known, [errors.Is] finds one of the sentinels of this package, for
// example [ErrNotFound] or [ErrBusy]. If the caller's context ended the operation, it
// finds [context.Canceled] or [context.DeadlineExceeded]. Both hold for every driver.
// [errors.As] finds the driver's own error.
type Error = registry.Error

// The sentinels, for [errors.Is]. They are those of package dialect.
var (
	// ErrInvalid means that the call is wrong, for example a nil argument, a malformed
	// name, or options that contradict each other.
	ErrInvalid = dialect.ErrInvalid
	// ErrNotFound means that the structure was not loaded, or was dropped since.
	ErrNotFound = dialect.ErrNotFound
	// ErrUnsupported means that the dialect, the server or the querier does not support
	// the operation. It wraps [errors.ErrUnsupported].
	ErrUnsupported = dialect.ErrUnsupported
	// ErrPermission means that the role lacks the right.
	ErrPermission = dialect.ErrPermission
	// ErrReadOnly means that the transaction is read-only, or the server is a standby.
	ErrReadOnly = dialect.ErrReadOnly
	// ErrNotPopulated means that the view, or a view that it reads, has no data yet.
	ErrNotPopulated = dialect.ErrNotPopulated
	// ErrNoUniqueIndex means that the view has no unique index that a concurrent refresh
	// can use.
	ErrNoUniqueIndex = dialect.ErrNoUniqueIndex
	// ErrDuplicateRows means that the view's new rows violate its unique index.
	ErrDuplicateRows = dialect.ErrDuplicateRows
	// ErrBusy means that another session holds a lock, or refreshes the view.
	ErrBusy = dialect.ErrBusy
	// ErrDeadlock means that the server ended the statement to break a deadlock.
	ErrDeadlock = dialect.ErrDeadlock
	// ErrServerTimeout means that the server ended the statement, by a timeout or because
	// an administrator canceled it.
	ErrServerTimeout = dialect.ErrServerTimeout
	// ErrUnavailable means that the server was not reached, or the connection was lost. A
	// statement that was already sent may have taken effect.
	ErrUnavailable = dialect.ErrUnavailable
	// ErrTxAborted means that the transaction failed earlier. Only a rollback is
	// possible.
	ErrTxAborted = dialect.ErrTxAborted
	// ErrExhausted means that the sequence has reached its last value.
	ErrExhausted = dialect.ErrExhausted
	// ErrClosed means that the [Allocator] or the [Waker] is closed.
	ErrClosed = dialect.ErrClosed
	// ErrOutOfRange means that the value is outside the sequence's bounds.
	ErrOutOfRange = dialect.ErrOutOfRange
	// ErrLabelExists means that the enum already has the label.
	ErrLabelExists = dialect.ErrLabelExists
	// ErrLabelUnknown means that the enum does not have the label.
	ErrLabelUnknown = dialect.ErrLabelUnknown
	// ErrLabelUncommitted means that the transaction that added the label has not
	// committed, so that no statement can use the label yet.
	ErrLabelUncommitted = dialect.ErrLabelUncommitted
	// ErrDrift means that the database is not as the program expects; see [Expect].
	ErrDrift = dialect.ErrDrift
)

// A NotFoundError says why a name was not found, and which similar names exist. It wraps
// [ErrNotFound]. Methods: Error, Unwrap.
type NotFoundError = registry.NotFoundError

// The reasons of a [NotFoundError].
const (
	// ReasonUnknown means that no loaded structure has the name.
	ReasonUnknown = registry.ReasonUnknown
	// ReasonOtherKind means that a structure of another kind, or a plain view, has the
	// name. It can also be a table that a loaded sequence belongs to.
	ReasonOtherKind = registry.ReasonOtherKind
	// ReasonKindExcluded means that [Only] excludes structures of that kind.
	ReasonKindExcluded = registry.ReasonKindExcluded
	// ReasonOffSearchPath means that the structure's schema is not on the search path.
	ReasonOffSearchPath = registry.ReasonOffSearchPath
	// ReasonHidden means that an object in an earlier schema of the search path has the
	// same name.
	ReasonHidden = registry.ReasonHidden
	// ReasonExcluded means that [Include] or [Exclude] excludes the structure.
	ReasonExcluded = registry.ReasonExcluded
	// ReasonKeySequence means that a primary key draws on the sequence, and
	// [WithKeySequences] was not given.
	ReasonKeySequence = registry.ReasonKeySequence
	// ReasonUnreadable means that a name, label or column of the structure is not UTF-8.
	ReasonUnreadable = registry.ReasonUnreadable
	// ReasonNoMatch means that a pattern matches no loaded structure.
	ReasonNoMatch = registry.ReasonNoMatch
)
