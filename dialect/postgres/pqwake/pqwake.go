// Package pqwake wakes a watch (massive.WithWaker) by LISTEN, over lib/pq. The server is told to send NOTIFY by the SQL of
// postgres.ChangeTrigger.
//
//	waker := pqwake.New(dsn, "massive")
//	defer waker.Close()
//	go m.Watch(ctx, time.Minute, tell, massive.WithWaker(waker))
//
// It takes a connection of its own, which must lead to the server itself: behind a pooler in transaction mode LISTEN
// has no effect. A standby takes no LISTEN.
package pqwake

import (
	"context"
	"fmt"
	"sync"

	"github.com/lib/pq"

	"github.com/massivedb/massive-go/dialect"
)

// A Waker listens on a channel. Wait is for one goroutine at a time; Close may be called at any time.
type Waker struct {
	dsn, channel string

	mu     sync.Mutex
	conn   *connection
	closed bool
	cancel context.CancelFunc // of the Wait that is under way; nil at first
}

// A connection is one to the server, and what it was notified of.
type connection struct {
	*pq.ListenerConn
	heard chan *pq.Notification // closed when the connection is lost
}

// New makes a waker that listens on that channel. It connects, to what dsn says as lib/pq reads it, when it is first
// waited on, and again whenever the connection is lost. A connect_timeout in the dsn bounds an attempt.
func New(dsn, channel string) *Waker { return &Waker{dsn: dsn, channel: channel} }

// ErrClosed is what Wait returns after Close. It wraps [dialect.ErrClosed].
var ErrClosed = fmt.Errorf("pqwake: %w", dialect.ErrClosed)

// Wait returns nil when the channel was notified, and when it has just connected: something may have been missed. It
// returns an error when it can't connect, or the connection is lost.
//
// Errors: [ErrClosed] after Close, [dialect.ErrInvalid] for a nil context, ctx's error, and otherwise the
// driver's. A watch tells that as [massive.WithWaker] says.
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
		err = w.hear(waiting, conn)
	}
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return ErrClosed // it was Close that ended it
	}
	return err
}

// hear waits for a notification.
func (w *Waker) hear(ctx context.Context, conn *connection) error {
	select {
	case _, ok := <-conn.heard:
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
	_ = conn.Close() // it is lost, and says so
	return fmt.Errorf("pqwake: listen on channel %s: connection lost: %w", w.channel, err)
}

// connect connects in the background, since lib/pq offers no context for it.
func (w *Waker) connect(ctx context.Context) error {
	type attempt struct {
		conn *connection
		err  error
	}
	done := make(chan attempt, 1)
	go func() {
		conn := &connection{heard: make(chan *pq.Notification, 16)}
		var err error
		if conn.ListenerConn, err = pq.NewListenerConn(w.dsn, conn.heard); err == nil {
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

// end closes the connection, and takes what it may still have to say.
func (c *connection) end() {
	_ = c.Close()
	for range c.heard { // until it is closed
	}
}

// Close closes the connection, if there is one, and ends a Wait. An attempt to connect, which can't be cut off, goes on
// behind it until it comes to something, and is closed then. Call it when the watch has ended.
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
