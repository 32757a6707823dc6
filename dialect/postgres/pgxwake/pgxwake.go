// Package pgxwake wakes a watch (massive.WakeOn) by LISTEN, over pgx. The server is told to send NOTIFY by the SQL of
// postgres.ChangeTrigger.
//
//	waker := pgxwake.New(dsn, "massive")
//	defer waker.Close()
//	go m.Watch(ctx, time.Minute, tell, massive.WakeOn(waker))
//
// It takes a connection of its own, which must lead to the server itself: behind a pooler in transaction mode LISTEN
// has no effect. A standby takes no LISTEN.
package pgxwake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Waker listens on a channel. Wait is for one goroutine at a time; Close may be called at any time.
type Waker struct {
	dsn, channel string

	mu     sync.Mutex
	conn   *pgx.Conn
	closed bool
}

// New makes a waker that listens on that channel. It connects, to what dsn says as pgx reads it, when it is first
// waited on, and again whenever the connection is lost.
func New(dsn, channel string) *Waker { return &Waker{dsn: dsn, channel: channel} }

// ErrClosed is what Wait returns behind Close.
var ErrClosed = errors.New("pgxwake: closed")

// Wait returns nil when the channel was notified, and when it has just connected: something may have been missed. It
// returns an error when it can't connect, or the connection is lost.
func (w *Waker) Wait(ctx context.Context) error {
	conn, err := w.connection()
	if err != nil {
		return err
	}
	if conn == nil {
		return w.connect(ctx)
	}
	if _, err := conn.WaitForNotification(ctx); err != nil {
		w.drop()
		return w.failed(ctx, "listen", err)
	}
	return nil
}

// connection is the one that there is.
func (w *Waker) connection() (*pgx.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	return w.conn, nil
}

func (w *Waker) connect(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, w.dsn)
	if err != nil {
		return w.failed(ctx, "connect", err)
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{w.channel}.Sanitize()); err != nil {
		_ = shut(conn)
		return w.failed(ctx, "listen", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		_ = shut(conn)
		return ErrClosed
	}
	w.conn = conn
	return nil
}

func (w *Waker) failed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, errClosed := w.connection(); errClosed != nil {
		return errClosed
	}
	return fmt.Errorf("pgxwake: %s on channel %s: %w", what, w.channel, err)
}

func (w *Waker) drop() {
	w.mu.Lock()
	conn := w.conn
	w.conn = nil
	w.mu.Unlock()
	if conn != nil {
		_ = shut(conn)
	}
}

// Close closes the connection, if there is one, and ends a Wait. Call it when the watch has ended.
func (w *Waker) Close() error {
	w.mu.Lock()
	w.closed = true
	conn := w.conn
	w.conn = nil
	w.mu.Unlock()
	if conn == nil {
		return nil
	}
	return shut(conn)
}

// shut says goodbye to the server, and doesn't wait long for it to hear.
func shut(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return conn.Close(ctx)
}
