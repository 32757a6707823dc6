package registry

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/querier"
)

// An Error says which operation failed, on which structure, and why. If the cause is
// known, [errors.Is] finds a sentinel of package dialect. If the caller's context ended
// the operation, it finds [context.Canceled] or [context.DeadlineExceeded], with every
// driver. [errors.As] finds the driver's own error. The text takes at most
// [dialect.MaxText] bytes.
type Error struct {
	Op   dialect.Op
	Name dialect.Name // the structure's name; zero if Op is not on one structure, or if the name was malformed
	Err  error        // never nil
}

func (e *Error) Error() string {
	text := "massive: " + string(e.Op)
	if e.Name != (dialect.Name{}) {
		text += " " + dialect.Cut(e.Name.String(), dialect.MaxText/4)
	}
	if e.Err == nil { // a zero Error
		return text + ": no cause is known"
	}
	return dialect.Cut(text+": "+e.Err.Error(), dialect.MaxText)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func fail(op dialect.Op, n dialect.Name, err error) error { return &Error{op, n, err} }

// explain wraps the error of a dialect's operation in an [*Error], with its cause: see
// [Known].
func explain(ctx context.Context, a *access, f dialect.Failure) error {
	if err := a.busyError(ctx, f); err != nil {
		f.Err = err
	}
	return fail(f.Op, f.Name, Known(ctx, a.dialect, f))
}

// Explain wraps the error of a dialect's operation in an [*Error], with its cause: see
// [Known]. Package massive uses it for its own operations.
func Explain(ctx context.Context, d dialect.Dialect, q dialect.Querier, f dialect.Failure) error {
	return explain(ctx, &access{dialect: d, querier: q}, f)
}

// busyError returns the driver's specific error if a transaction's connection is busy
// with rows. For a busy connection pgx returns driver.ErrBadConn, as for a lost one.
// Preparing a statement returns the specific error and sends nothing.
func (a *access) busyError(ctx context.Context, f dialect.Failure) error {
	q, ok := a.querier.(interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	})
	if !ok || !querier.IsTransaction(q) || !errors.Is(f.Err, driver.ErrBadConn) || contexts.Ended(ctx) != nil {
		return nil
	}
	stmt, err := q.PrepareContext(ctx, "SELECT 1 AS massive")
	if err == nil {
		defer func() { _ = stmt.Close() }()
		return nil
	}
	f.Err = err
	if !errors.Is(a.dialect.Classify(f), dialect.ErrInvalid) {
		return nil
	}
	return err
}

// Known returns an error that wraps f.Err and its cause. The cause is ctx's error if ctx
// ended the operation, [dialect.ErrUnavailable] if the connection was lost, or the result
// of the dialect's Classify. If no cause is known, Known returns f.Err. Package massive
// uses it for errors of other functions, such as wakers.
func Known(ctx context.Context, d dialect.Dialect, f dialect.Failure) error {
	var lacking dialect.Unsupported
	if errors.As(f.Err, &lacking) {
		return fmt.Errorf("%w: the %s dialect can't %s", dialect.ErrUnsupported, d.Name(), string(lacking))
	}
	known := d.Classify(f)
	ended := contexts.Ended(ctx)
	switch {
	case ended != nil && unanswered(known, f.Err):
		if errors.Is(f.Err, ended) {
			return f.Err
		}
		known = ended
	case known == nil && connectionLost(f.Err):
		known = dialect.ErrUnavailable
	}
	if known == nil {
		return f.Err
	}
	return &cause{known, f.Err}
}

// unanswered reports whether the end of the context explains err better than known does.
// After a driver's cancel request a server answers that the statement was canceled.
func unanswered(known, err error) bool {
	if Answered(err) {
		return errors.Is(known, dialect.ErrServerTimeout)
	}
	return known == nil || errors.Is(known, dialect.ErrUnavailable)
}

// Answered reports whether the error is a server's answer. An answer has the cause even
// if the context has ended.
func Answered(err error) bool {
	var s interface{ SQLState() string }
	return errors.As(err, &s) && s.SQLState() != ""
}

// connectionLost reports whether err is about a server that was not reached or a lost
// connection: a network error, or an error that database/sql and its drivers return then.
func connectionLost(err error) bool {
	var network *net.OpError
	var name *net.DNSError
	return errors.As(err, &network) || errors.As(err, &name) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// A cause is a driver's error with its known cause.
type cause struct {
	known error
	err   error
}

func (c *cause) Error() string   { return c.known.Error() + ": " + c.err.Error() }
func (c *cause) Unwrap() []error { return []error{c.known, c.err} }

// operation returns the dialect for an operation with a context. Errors:
// [dialect.ErrInvalid] if ctx, the database or the dialect is nil.
func operation(ctx context.Context, a *access) (dialect.Dialect, error) {
	if err := contexts.Check(ctx); err != nil {
		return nil, err
	}
	return a.dialect, a.check()
}

// Check returns an error if q or d is nil, or an interface with a nil pointer. Errors:
// [dialect.ErrInvalid].
func Check(d dialect.Dialect, q dialect.Querier) error {
	return (&access{dialect: d, querier: q}).check()
}
