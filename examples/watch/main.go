// Watch follows changes of a database. Another connection adds labels to an enum. The
// program has the new label after the next poll or, with LISTEN, immediately.
//
//	go run ./examples/watch                    on a temporary server
//	go run ./examples/watch -driver postgres   the same with lib/pq
//	go run ./examples/watch -dsn "host=…"      watches your database until Ctrl-C, and changes nothing
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/dialect/postgres/pgxwake"
	"github.com/massivedb/massive-go/dialect/postgres/pqwake"
	"github.com/massivedb/massive-go/examples/internal/demo"
	"github.com/massivedb/massive-go/massive"
)

func main() { demo.Main("watch", run) }

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	var dsn string
	var every time.Duration
	driver, err := demo.Parse("watch", args, func(f *flag.FlagSet) {
		f.StringVar(&dsn, "dsn", "", "your database, to watch it (default: a temporary server)")
		f.DurationVar(&every, "every", time.Second, "the interval of polls")
	})
	if err != nil {
		return err
	}
	if dsn != "" {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		return follow(ctx, out, db, every)
	}

	db, err := demo.Open(ctx, driver, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return demonstrate(ctx, out, db.DB, driver, db.DSN)
}

// follow prints changes until the context ends.
func follow(ctx context.Context, out io.Writer, db *sql.DB, every time.Duration) error {
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Watching %s: %d materialized views, %d enums, %d sequences\n",
		m.Server().Database, len(m.Matviews()), len(m.Enums()), len(m.Sequences()))
	err = m.Watch(ctx, every, func(e massive.Event) { fmt.Fprintln(out, e) })
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// demonstrate changes a database from another connection, and prints the enum before and
// after.
func demonstrate(ctx context.Context, out io.Writer, db *sql.DB, driver, dsn string) (err error) {
	trigger, _, err := postgres.ChangeTrigger("public", "shop_changed")
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "CREATE TYPE order_status AS ENUM ('placed', 'paid')"); err != nil {
		return err
	}
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	show := func() error {
		status, err := m.Enum("order_status")
		if err == nil {
			fmt.Fprintf(out, "  order_status is %q\n", status.Values())
		}
		return err
	}
	if err := show(); err != nil {
		return err
	}

	fmt.Fprintln(out, "Polling every 50 ms, while another connection adds a label:")
	events, end := watch(ctx, m, 50*time.Millisecond)
	if err := change(ctx, db, events, out, "ALTER TYPE order_status ADD VALUE 'shipped'"); err != nil {
		return errors.Join(err, end())
	}
	if err := errors.Join(show(), end()); err != nil {
		return err
	}

	fmt.Fprintln(out, "Polling every hour, with LISTEN as waker:")
	if _, err := db.ExecContext(ctx, trigger); err != nil {
		return err
	}
	var waker interface {
		massive.Waker
		io.Closer
	} = pgxwake.New(dsn, "shop_changed")
	if driver == "postgres" {
		waker = pqwake.New(dsn, "shop_changed")
	}
	defer func() { err = errors.Join(err, waker.Close()) }()
	events, end = watch(ctx, m, time.Hour, massive.WithWaker(waker))
	if err := change(ctx, db, events, out, "ALTER TYPE order_status ADD VALUE 'packed' BEFORE 'shipped'"); err != nil {
		return errors.Join(err, end())
	}
	return errors.Join(show(), end())
}

// watch runs Watch in a new goroutine until end is called.
func watch(ctx context.Context, m *massive.DB, every time.Duration, opts ...massive.WatchOption) (events <-chan massive.Event, end func() error) {
	ctx, cancel := context.WithCancel(ctx)
	received, done := make(chan massive.Event, 10), make(chan error, 1)
	go func() { done <- m.Watch(ctx, every, func(e massive.Event) { received <- e }, opts...) }()
	return received, func() error {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
}

// change runs a statement on another connection of the pool, and waits for the watch's
// event.
func change(ctx context.Context, db *sql.DB, events <-chan massive.Event, out io.Writer, statement string) error {
	fmt.Fprintln(out, " ", statement)
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return err
	}
	select {
	case e := <-events:
		fmt.Fprintln(out, " ", e)
		return e.Err
	case <-time.After(30 * time.Second):
		return errors.New("the watch reported no event within 30 seconds")
	}
}
