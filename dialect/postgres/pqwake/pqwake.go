// Package pqwake implements a waker for [massive.WithWaker] with LISTEN, over lib/pq. The
// waker wakes a watch when the server sends a notification. Run the SQL of
// [postgres.ChangeTrigger] first: it makes the server send NOTIFY.
//
//	waker := pqwake.New(dsn, "massive")
//	defer waker.Close()
//	go m.Watch(ctx, time.Minute, onChange, massive.WithWaker(waker))
//
// A Waker has its own connection. It must connect to the server directly: behind a pooler
// in transaction mode, LISTEN has no effect. A standby does not accept LISTEN.
//
// [massive.WithWaker]: https://pkg.go.dev/github.com/massivedb/massive-go/massive#WithWaker
// [postgres.ChangeTrigger]: https://pkg.go.dev/github.com/massivedb/massive-go/dialect/postgres#ChangeTrigger
package pqwake

import (
	"context"
	"fmt"
	"sync"

	"github.com/lib/pq"

	"github.com/massivedb/massive-go/dialect"
)

// A Waker listens on a channel. Only one goroutine may call Wait at a time. Close may be
// called at any time. The zero value is not usable; call New.
type Waker struct {
	dsn, channel string

	mu     sync.Mutex
	conn   *connection
	closed bool
	cancel context.CancelFunc // cancels the last Wait; nil before the first
}

// A connection has a connection to the server and its notifications.
type connection struct {
	*pq.ListenerConn
	notified chan *pq.Notification // closed when the connection is lost
}

// New returns a waker that listens on the channel. dsn is a lib/pq connection string. The
// first Wait connects. Set connect_timeout in dsn to limit an attempt: lib/pq can't
// cancel it.
func New(dsn, channel string) *Waker { return &Waker{dsn: dsn, channel: channel} }

// ErrClosed is the error of Wait after Close. It wraps [dialect.ErrClosed].
var ErrClosed = fmt.Errorf("pqwake: %w", dialect.ErrClosed)

// Wait blocks until the channel is notified. If it has no connection, it connects, and
// returns nil immediately, because a notification may have been missed. If connecting
// fails, or the connection is lost, Wait returns an error, and the next Wait connects
// again. [massive.WithWaker] says how a watch handles errors.
//
// Errors: [ErrClosed] after Close; [dialect.ErrInvalid] if ctx is nil; ctx's error; the
// driver's.
//
// [massive.WithWaker]: https://pkg.go.dev/github.com/massivedb/massive-go/massive#WithWaker
func (w *Waker) Wait(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("pqwake: %w: the context is nil", dialect.ErrInvalid)
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	w.mu.Lock()
	conn, closed := w.conn, w.closed
	w.cancel = cancel
	w.mu.Unlock()
	var err error
	switch {
	case closed:
		return ErrClosed
	case conn == nil:
		err = w.connect(waiting)
	default:
		err = w.receive(waiting, conn)
	}
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return ErrClosed // Close cancelled it
	}
	return err
}

// receive waits for a notification.
func (w *Waker) receive(ctx context.Context, conn *connection) error {
	select {
	case _, ok := <-conn.notified:
		if ok {
			return nil
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.conn = nil
	err := conn.Err()
	_ = conn.Close() // returns an error, since the connection is lost
	return fmt.Errorf("pqwake: listen on channel %s: connection lost: %w", w.channel, err)
}

// connect connects in the background, since NewListenerConn takes no context.
func (w *Waker) connect(ctx context.Context) error {
	type attempt struct {
		conn *connection
		err  error
	}
	done := make(chan attempt, 1)
	go func() {
		conn := &connection{notified: make(chan *pq.Notification, 16)}
		var err error
		if conn.ListenerConn, err = pq.NewListenerConn(w.dsn, conn.notified); err == nil {
			if _, err = conn.Listen(w.channel); err != nil {
				conn.end()
			}
		}
		done <- attempt{conn, err}
	}()
	select {
	case a := <-done:
		if a.err != nil {
			return fmt.Errorf("pqwake: connect and listen on channel %s: %w", w.channel, a.err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.closed {
			a.conn.end()
			return ErrClosed
		}
		w.conn = a.conn
		return nil
	case <-ctx.Done():
		go func() {
			if a := <-done; a.err == nil {
				a.conn.end()
			}
		}()
		return ctx.Err()
	}
}

// end closes the connection, and drains its notifications.
func (c *connection) end() {
	_ = c.Close()
	for range c.notified { // until lib/pq closes it
	}
}

// Close ends a running Wait and closes the connection. An attempt to connect can't be
// cancelled. It continues in the background, and its connection is closed then. Call
// Close after the watch has ended.
func (w *Waker) Close() error {
	w.mu.Lock()
	conn := w.conn
	w.closed, w.conn = true, nil
	if w.cancel != nil {
		w.cancel()
	}
	w.mu.Unlock()
	if conn == nil {
		return nil
	}
	conn.end()
	return nil
}
