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

// An Error says what failed, on which structure, and why. [errors.Is] reaches a sentinel of package dialect if the cause is
// known, and [context.Canceled] or [context.DeadlineExceeded] if the caller's context ended the operation, under every
// driver. [errors.As] reaches the driver's own error. The text takes at most [dialect.MaxText] bytes.
type Error struct {
	Op   dialect.Op
	Name dialect.Name // the structure's; zero where Op is about none, or where its name could not be read
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

// explain wraps an error that a dialect returned from an operation: see [Known].
func explain(ctx context.Context, a *access, f dialect.Failure) error {
	if err := a.refusal(ctx, f); err != nil {
		f.Err = err
	}
	return fail(f.Op, f.Name, Known(ctx, a.dialect, f))
}

// Explain returns the [*Error] of a failure of the dialect's, with what is known of its cause: see [Known]. Package massive
// uses it for operations of its own.
func Explain(ctx context.Context, d dialect.Dialect, q dialect.Querier, f dialect.Failure) error {
	return explain(ctx, &access{dialect: d, querier: q}, f)
}

// refusal returns what the driver means by a bad connection, if the connection is a transaction's
// and only busy with rows: pgx calls a connection bad if it could not send anything on it. Asked to
// prepare a statement, it says which of the two it is, and sends nothing either.
func (a *access) refusal(ctx context.Context, f dialect.Failure) error {
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

// Known returns f.Err with what is known of it: it also wraps the sentinel that the
// dialect's Classify maps it to, or ctx's error if ctx ended the operation, or
// [dialect.ErrUnavailable] if the connection was lost. Package massive uses it for errors
// that do not come from an operation, such as those of a waker.
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
	case known == nil && lost(f.Err):
		known = dialect.ErrUnavailable
	}
	if known == nil {
		return f.Err
	}
	return &cause{known, f.Err}
}

// unanswered reports whether the end of the context explains err better than known does.
// A server that is asked to cancel a statement answers that somebody cancelled it.
func unanswered(known, err error) bool {
	if Answered(err) {
		return errors.Is(known, dialect.ErrServerTimeout)
	}
	return known == nil || errors.Is(known, dialect.ErrUnavailable)
}

// Answered reports whether the error is a server's answer, which says what went wrong whatever the context did then.
func Answered(err error) bool {
	var s interface{ SQLState() string }
	return errors.As(err, &s) && s.SQLState() != ""
}

// lost reports whether err says that the server was not reached or the connection was lost: an
// error of the network, or what database/sql and its drivers return then.
func lost(err error) bool {
	var network *net.OpError
	var name *net.DNSError
	return errors.As(err, &network) || errors.As(err, &name) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// A cause is a driver's error beside what is known of it.
type cause struct {
	known error
	err   error
}

func (c *cause) Error() string   { return c.known.Error() + ": " + c.err.Error() }
func (c *cause) Unwrap() []error { return []error{c.known, c.err} }

// operation returns the dialect, for an operation that takes a context. Errors: [dialect.ErrInvalid] if
// ctx, the database or the dialect is nil.
func operation(ctx context.Context, a *access) (dialect.Dialect, error) {
	if err := contexts.Check(ctx); err != nil {
		return nil, err
	}
	return a.dialect, a.check()
}

// Check reports what is missing. It sees a nil pointer behind an interface, too. Error: [dialect.ErrInvalid].
func Check(d dialect.Dialect, q dialect.Querier) error {
	return (&access{dialect: d, querier: q}).check()
}
