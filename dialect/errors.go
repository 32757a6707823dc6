package dialect

import (
	"errors"
	"fmt"
)

// The sentinels, for [errors.Is]. If the cause of an error is known, the error wraps one
// of them and the driver's own error.
var (
	// ErrInvalid means that the call is wrong: for example a nil argument, a malformed
	// name, options that contradict each other, or a connection that is still reading
	// rows.
	ErrInvalid = errors.New("invalid argument")
	// ErrNotFound means that no structure of that kind and name was loaded. It also means
	// that the structure was dropped, renamed or recreated with other columns since the
	// load.
	ErrNotFound = errors.New("not found")
	// ErrUnsupported means that the dialect, the server or the querier does not support
	// the operation. It wraps [errors.ErrUnsupported].
	ErrUnsupported = fmt.Errorf("not supported here: %w", errors.ErrUnsupported)
	// ErrPermission means that the role lacks the right.
	ErrPermission = errors.New("permission denied")
	// ErrReadOnly means that the transaction is read-only, or the server is a standby.
	ErrReadOnly = errors.New("read-only")
	// ErrNotPopulated means that the materialized view, or a view that it reads, has no
	// data yet.
	ErrNotPopulated = errors.New("not populated")
	// ErrNoUniqueIndex means that a concurrent refresh finds no unique index that it can
	// use.
	ErrNoUniqueIndex = errors.New("no usable unique index")
	// ErrDuplicateRows means that the materialized view's new rows violate its unique
	// index.
	ErrDuplicateRows = errors.New("duplicate rows")
	// ErrBusy means that another session held a lock until the lock timeout. It also
	// means that a refresh was skipped, because another refresh of the view is running.
	ErrBusy = errors.New("busy")
	// ErrDeadlock means that the server ended this statement to break a deadlock.
	ErrDeadlock = errors.New("deadlock")
	// ErrServerTimeout means that the server ended the statement after one of its
	// timeouts, or because an administrator canceled it. If the caller's context ended,
	// the error is [context.Canceled] or [context.DeadlineExceeded] instead.
	ErrServerTimeout = errors.New("ended by the server")
	// ErrUnavailable means that the server can't be reached, accepts no connections, or
	// closed this one. It covers all failures to connect: DNS, TLS, target_session_attrs
	// and the driver's own timeout. A statement that was already sent may have taken
	// effect. A retry may succeed. The end of the caller's context is not ErrUnavailable.
	ErrUnavailable = errors.New("server unavailable")
	// ErrTxAborted means that the transaction failed earlier. Only a rollback is
	// possible.
	ErrTxAborted = errors.New("transaction already failed")
	// ErrExhausted means that the sequence has reached its last value.
	ErrExhausted = errors.New("exhausted")
	// ErrClosed means that the allocator or the waker is closed.
	ErrClosed = errors.New("closed")
	// ErrOutOfRange means that the value is outside the sequence's bounds.
	ErrOutOfRange = errors.New("out of range")
	// ErrLabelExists means that the enum already has the label.
	ErrLabelExists = errors.New("label exists")
	// ErrLabelUnknown means that the enum does not have the label.
	ErrLabelUnknown = errors.New("label unknown")
	// ErrLabelUncommitted means that the transaction that added the label has not
	// committed. Until then no statement can use the label.
	ErrLabelUncommitted = errors.New("label not committed yet")
	// ErrDrift means that the database differs from the program's expectations.
	ErrDrift = errors.New("drift")
)

// An Unsupported error names an operation that a dialect does not support, in words that
// follow "can't": "take values". It wraps [ErrUnsupported]. The core adds the operation,
// the structure and the dialect's name.
type Unsupported string

// Error returns "not supported here" and the name of the operation.
func (u Unsupported) Error() string {
	return ErrUnsupported.Error() + ": the dialect can't " + string(u)
}

// Unwrap returns [ErrUnsupported].
func (u Unsupported) Unwrap() error { return ErrUnsupported }
