// Package pgxwake implements a waker for [massive.WithWaker] with LISTEN, over pgx. The
// waker wakes a watch when the server sends a notification. Run the SQL of
// [postgres.ChangeTrigger] first: it makes the server send NOTIFY.
//
//	waker := pgxwake.New(dsn, "massive")
//	defer waker.Close()
//	go m.Watch(ctx, time.Minute, onChange, massive.WithWaker(waker))
//
// A Waker has its own connection. It must connect to the server directly: behind a pooler
// in transaction mode, LISTEN has no effect. A standby does not accept LISTEN.
//
// [massive.WithWaker]: https://pkg.go.dev/github.com/massivedb/massive-go/massive#WithWaker
// [postgres.ChangeTrigger]: https://pkg.go.dev/github.com/massivedb/massive-go/dialect/postgres#ChangeTrigger
package pgxwake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/massivedb/massive-go/dialect"
)

// A Waker listens on a channel. Only one goroutine may call Wait at a time. Close may be
// called at any time. The zero value is not usable; call New.
type Waker struct {
	dsn, channel string

	// A pgx.Conn is not safe for concurrent use. During a Wait, only that Wait uses conn;
	// otherwise Close may.
	conn *pgx.Conn

	mu      sync.Mutex
	closed  bool
	waiting *wait // nil if no Wait is running
}

// A wait is a running call of Wait.
type wait struct {
	cancel context.CancelFunc
	over   chan struct{} // closed when Wait returns
}

// New returns a waker that listens on the channel. dsn is a pgx connection string. The
// first Wait connects.
func New(dsn, channel string) *Waker { return &Waker{dsn: dsn, channel: channel} }

// ErrClosed is the error of Wait after Close. It wraps [dialect.ErrClosed].
var ErrClosed = fmt.Errorf("pgxwake: %w", dialect.ErrClosed)

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
		return fmt.Errorf("pgxwake: %w: the context is nil", dialect.ErrInvalid)
	}
	waiting, done, err := w.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	step := "listen"
	if w.conn == nil {
		step, err = w.connect(waiting)
	} else if _, err = w.conn.WaitForNotification(waiting); err != nil {
		_ = w.drop()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case waiting.Err() != nil:
		return ErrClosed
	}
	return fmt.Errorf("pgxwake: %s on channel %s: %w", step, w.channel, err)
}

// begin returns a context that Close cancels, and a function to call at the end of Wait.
func (w *Waker) begin(ctx context.Context) (context.Context, func(), error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, nil, ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	this := &wait{cancel, make(chan struct{})}
	w.waiting = this
	return ctx, func() {
		cancel()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.closed {
			_ = w.drop()
		}
		w.waiting = nil
		close(this.over)
	}, nil
}

// connect connects and listens. If it fails, step is the step that failed.
func (w *Waker) connect(ctx context.Context) (step string, err error) {
	if w.conn, err = pgx.Connect(ctx, w.dsn); err != nil {
		return "connect", err
	}
	if _, err = w.conn.Exec(ctx, "LISTEN "+pgx.Identifier{w.channel}.Sanitize()); err != nil {
		_ = w.drop()
	}
	return "listen", err
}

// drop closes the connection, if there is one.
func (w *Waker) drop() error {
	if w.conn == nil {
		return nil
	}
	defer func() { w.conn = nil }()
	return shut(w.conn)
}

// Close ends a running Wait and closes the connection. When it returns, both have ended.
// Call it after the watch has ended.
func (w *Waker) Close() error {
	w.mu.Lock()
	w.closed = true
	waiting := w.waiting
	if waiting == nil {
		defer w.mu.Unlock()
		return w.drop()
	}
	w.mu.Unlock()
	waiting.cancel()
	<-waiting.over
	return nil
}

// shut closes a connection, and waits at most a second for the server.
func shut(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return conn.Close(ctx)
}
