// Package pgxwake wakes a watch (massive.WithWaker) by LISTEN, over pgx. The server is told to send NOTIFY by the SQL of
// postgres.ChangeTrigger.
//
//	waker := pgxwake.New(dsn, "massive")
//	defer waker.Close()
//	go m.Watch(ctx, time.Minute, tell, massive.WithWaker(waker))
//
// It takes a connection of its own, which must lead to the server itself: behind a pooler in transaction mode LISTEN
// has no effect. A standby takes no LISTEN.
package pgxwake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/massivedb/massive-go/dialect"
)

// A Waker listens on a channel. Wait is for one goroutine at a time; Close may be called at any time.
type Waker struct {
	dsn, channel string

	// A pgx.Conn bears one user at a time: while a Wait is under way conn is that Wait's alone, and else Close's.
	conn *pgx.Conn

	mu      sync.Mutex
	closed  bool
	waiting *wait // nil where nobody waits
}

// A wait is one call of Wait, as Close sees it.
type wait struct {
	cancel context.CancelFunc
	over   chan struct{} // closed when it is
}

// New makes a waker that listens on that channel. It connects, to what dsn says as pgx reads it, when it is first
// waited on, and again whenever the connection is lost.
func New(dsn, channel string) *Waker { return &Waker{dsn: dsn, channel: channel} }

// ErrClosed is what Wait returns after Close. It wraps [dialect.ErrClosed].
var ErrClosed = fmt.Errorf("pgxwake: %w", dialect.ErrClosed)

// Wait returns nil when the channel was notified, and when it has just connected: something may have been missed. It
// returns an error when it can't connect, or the connection is lost.
//
// Errors: [ErrClosed] after Close, [dialect.ErrInvalid] for a nil context, ctx's error, and otherwise the
// driver's. A watch tells that as [massive.WithWaker] says.
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
	what := "listen"
	if w.conn == nil {
		what, err = w.connect(waiting)
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
	return fmt.Errorf("pgxwake: %s on channel %s: %w", what, w.channel, err)
}

// begin makes a context that Close ends, and says what to call at the end of the Wait that uses it.
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

// connect connects and listens, and says which of them failed.
func (w *Waker) connect(ctx context.Context) (what string, err error) {
	if w.conn, err = pgx.Connect(ctx, w.dsn); err != nil {
		return "connect", err
	}
	if _, err = w.conn.Exec(ctx, "LISTEN "+pgx.Identifier{w.channel}.Sanitize()); err != nil {
		_ = w.drop()
	}
	return "listen", err
}

// drop shuts the connection, if there is one.
func (w *Waker) drop() error {
	if w.conn == nil {
		return nil
	}
	defer func() { w.conn = nil }()
	return shut(w.conn)
}

// Close ends a Wait, and closes the connection, if there is one: when it returns neither is there any more. Call it when
// the watch has ended.
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

// shut says goodbye to the server, and doesn't wait long for it to hear.
func shut(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return conn.Close(ctx)
}
