package dialect

import (
	"errors"
	"fmt"
)

// What can go wrong, for [errors.Is]. An error of the library reaches one of these where the cause is known,
// and the driver's own error besides.
var (
	// ErrInvalid: the call itself is wrong, whatever the database holds: a nil argument, a name that cannot be
	// one, options that contradict each other, a connection that is still busy with the rows of a loop.
	ErrInvalid = errors.New("invalid argument")
	// ErrNotFound: no structure of that kind and name was loaded, or it was dropped, renamed or recreated
	// with other columns since.
	ErrNotFound = errors.New("not found")
	// ErrUnsupported: the dialect, the server or a querier that prepares each statement can't do it. It
	// wraps [errors.ErrUnsupported].
	ErrUnsupported = fmt.Errorf("not supported here: %w", errors.ErrUnsupported)
	// ErrPermission: the role lacks the right.
	ErrPermission = errors.New("permission denied")
	// ErrReadOnly: the transaction is read-only, or the server is a standby.
	ErrReadOnly = errors.New("read-only")
	// ErrNotPopulated: the materialized view, or one that it reads, has no data yet.
	ErrNotPopulated = errors.New("not populated")
	// ErrNoUniqueIndex: the materialized view has no unique index that a concurrent refresh could use.
	ErrNoUniqueIndex = errors.New("no usable unique index")
	// ErrDuplicateRows: the materialized view's new rows break its unique index.
	ErrDuplicateRows = errors.New("duplicate rows")
	// ErrBusy: a lock was not to be had within the lock timeout, or the refresh was to be skipped where another runs.
	ErrBusy = errors.New("busy")
	// ErrDeadlock: the database broke a deadlock by failing this statement.
	ErrDeadlock = errors.New("deadlock")
	// ErrServerTimeout: the server ended the statement, by one of its timeouts or because somebody cancelled
	// it there. A caller's own context gives [context.Canceled] or [context.DeadlineExceeded] instead.
	ErrServerTimeout = errors.New("ended by the server")
	// ErrUnavailable: the server was not reached, takes no connection now, or ended this one, and
	// nothing else. It also covers a failed connection attempt: no host resolves, speaks TLS or has the
	// wanted target_session_attrs, or none answers within the driver's own timeout. What had been sent
	// may have been done. A later try may succeed. The end of the caller's context is not this error.
	ErrUnavailable = errors.New("server unavailable")
	// ErrTxAborted: the transaction failed earlier, and does nothing more until it is rolled back.
	ErrTxAborted = errors.New("transaction already failed")
	// ErrExhausted: the sequence has reached its last value.
	ErrExhausted = errors.New("exhausted")
	// ErrClosed: the allocator, or the waker, was closed.
	ErrClosed = errors.New("closed")
	// ErrOutOfRange: the value is outside the sequence's bounds.
	ErrOutOfRange = errors.New("out of range")
	// ErrLabelExists: the enum has that label already.
	ErrLabelExists = errors.New("label exists")
	// ErrLabelUnknown: the enum has no such label.
	ErrLabelUnknown = errors.New("label unknown")
	// ErrLabelUncommitted: the label was added by this very transaction, which can't use it before it commits.
	ErrLabelUncommitted = errors.New("label not committed yet")
	// ErrDrift: the database is not what the program expects of it.
	ErrDrift = errors.New("drift")
)

// An Unsupported error says what a dialect can't do, in words that follow "can't": "take values". It
// wraps [ErrUnsupported]. The core adds the operation, the structure and the dialect's name.
type Unsupported string

// Error returns "not supported here" and what the dialect can't do.
func (u Unsupported) Error() string {
	return ErrUnsupported.Error() + ": the dialect can't " + string(u)
}

// Unwrap returns [ErrUnsupported].
func (u Unsupported) Unwrap() error { return ErrUnsupported }
