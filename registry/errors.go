package registry

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"

	"github.com/massivedb/massive-go/dialect"
)

// An Error says what failed, on which structure, and why. [errors.Is] reaches a sentinel of package dialect
// where the cause is known, and [context.Canceled] or [context.DeadlineExceeded] where the caller's context
// ended it, whatever the driver says then; [errors.As] reaches the driver's own error.
type Error struct {
	Op   dialect.Op
	Name dialect.Name // the structure's; zero where Op is about none, or where its name could not be read
	Err  error        // never nil
}

func (e *Error) Error() string {
	text := "massive: " + string(e.Op)
	if e.Name != (dialect.Name{}) {
		text += " " + e.Name.String()
	}
	return text + ": " + e.Err.Error()
}

// Unwrap is Err.
func (e *Error) Unwrap() error { return e.Err }

func fail(op dialect.Op, n dialect.Name, err error) error { return &Error{op, n, err} }

// explain wraps the error that a dialect returned from an operation: it adds what the dialect's Classify makes
// of it, and the end of ctx if that was the cause.
func explain(ctx context.Context, d dialect.Dialect, f dialect.Failure) error {
	c := cause{err: f.Err, known: d.Classify(f)}
	if ended := ctx.Err(); ended != nil && (c.known == nil && !answered(f.Err) || errors.Is(c.known, dialect.ErrServerTimeout)) {
		// Asked to cancel, a server says that somebody cancelled the statement; it was the caller.
		c.known = nil
		if !errors.Is(f.Err, ended) {
			c.known = ended
		}
	}
	if c.known == nil && lost(f.Err) {
		c.known = dialect.ErrUnavailable
	}
	if c.known == nil {
		return fail(f.Op, f.Name, f.Err)
	}
	return fail(f.Op, f.Name, &c)
}

// answered tells whether the error is a server's answer, which says what went wrong whatever the context did then.
func answered(err error) bool {
	var s interface{ SQLState() string }
	return errors.As(err, &s) && s.SQLState() != ""
}

// lost tells whether the connection was: an error of the network's, or what database/sql and its drivers say then.
func lost(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// A cause is a driver's error beside what is known of it.
type cause struct {
	known error
	err   error
}

func (c *cause) Error() string   { return c.known.Error() + ": " + c.err.Error() }
func (c *cause) Unwrap() []error { return []error{c.known, c.err} }

// capability is what the dialect can do, or an error: one that wraps [dialect.ErrUnsupported] where it can't.
func capability[T any](a *access) (T, error) {
	var none T
	if err := a.check(); err != nil {
		return none, err
	}
	if t, ok := a.dialect.(T); ok {
		return t, nil
	}
	return none, fmt.Errorf("%w: the %s dialect is no %s",
		dialect.ErrUnsupported, a.dialect.Name(), reflect.TypeFor[T]().Name())
}
