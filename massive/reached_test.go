package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/dialect/postgres/pgxwake"
	"github.com/massivedb/massive-go/dialect/postgres/pqwake"
	"github.com/massivedb/massive-go/massive"
)

// With every driver, ErrUnavailable means that the server was not reached or the
// connection was lost, and nothing else.
func TestUnavailableMeansNotReachedOrLost(t *testing.T) {
	t.Parallel()
	const setup = `CREATE SEQUENCE s; CREATE MATERIALIZED VIEW w AS SELECT 1 AS id; CREATE TYPE mood AS ENUM ('sad');
		CREATE MATERIALIZED VIEW v AS SELECT i AS id FROM generate_series(1, 20000) i`
	onDrivers(t, setup, func(t *testing.T, e *env) {
		for name, c := range map[string]struct {
			do   func(*testing.T, *env) error
			want error
		}{
			"connection refused":                   {connecting("host=127.0.0.1 port=1 sslmode=disable"), massive.ErrUnavailable},
			"connection refused, two hosts":        {connecting("host=127.0.0.1,127.0.0.1 port=1,2 sslmode=disable"), massive.ErrUnavailable},
			"no such socket":                       {connecting("host=/nonexistent sslmode=disable"), massive.ErrUnavailable},
			"no such host":                         {dialing(context.Background(), noSuchHost), massive.ErrUnavailable},
			"no standby":                           {attributes("target_session_attrs=standby"), massive.ErrUnavailable},
			"no standby, two hosts":                {noStandbyInAList, massive.ErrUnavailable},
			"no read-only session":                 {attributes("target_session_attrs=read-only"), massive.ErrUnavailable},
			"no TLS":                               {answering("N"), massive.ErrUnavailable},
			"broken TLS":                           {answering("S\x00\x00\x00\x00\x00\x00\x00\x00"), massive.ErrUnavailable},
			"hangs up while connecting":            {answering(""), massive.ErrUnavailable},
			"the driver's own timeout":             {silent("connect_timeout=1"), massive.ErrUnavailable},
			"a deadline while dialing":             {deadlineWhileDialing, context.DeadlineExceeded},
			"a cancel while dialing":               {cancelWhileDialing, context.Canceled},
			"terminated backend":                   {terminated(1), massive.ErrUnavailable},
			"terminated backend, second operation": {terminated(2), massive.ErrUnavailable},
			"unknown role":                         {attributes("user=nobody_of_that_name"), nil},

			"next value inside a loop": {insideLoop(func(t *testing.T, m *massive.DB) error {
				_, err := sequence(t, m, "s").NextValue(t.Context())
				return err
			}), massive.ErrInvalid},
			"reset inside a loop": {insideLoop(func(t *testing.T, m *massive.DB) error {
				return sequence(t, m, "s").Reset(t.Context())
			}), massive.ErrInvalid},
			"refresh inside a loop": {insideLoop(func(t *testing.T, m *massive.DB) error {
				_, err := matview(t, m, "w").Refresh(t.Context())
				return err
			}), massive.ErrInvalid},
			"refresh with a lock timeout inside a loop": {insideLoop(func(t *testing.T, m *massive.DB) error {
				_, err := matview(t, m, "w").Refresh(t.Context(), massive.LockTimeout(time.Minute))
				return err
			}), massive.ErrInvalid},
			"count inside a loop": {insideLoop(func(t *testing.T, m *massive.DB) error {
				_, err := matview(t, m, "w").Count(t.Context(), "")
				return err
			}), massive.ErrInvalid},
			"count with an argument inside a loop": {insideLoop(func(t *testing.T, m *massive.DB) error {
				_, err := matview(t, m, "w").Count(t.Context(), "WHERE id = $1", 1)
				return err
			}), massive.ErrInvalid},
			"add a label inside a loop": {insideLoop(func(t *testing.T, m *massive.DB) error {
				b, err := massive.BindEnum[string](m, "mood")
				noError(t, err)
				_, err = b.EnsureValue(t.Context(), "ok")
				return err
			}), massive.ErrInvalid},
			"reload inside a loop": {insideLoop(func(t *testing.T, m *massive.DB) error {
				_, err := m.Reload(t.Context())
				return err
			}), massive.ErrInvalid},
			"a run inside a loop": {insideLoop(func(t *testing.T, m *massive.DB) error {
				_, err := m.RefreshAll(t.Context(), massive.Views("w"), massive.Savepoints())
				return err
			}), massive.ErrInvalid},

			"a cancel during SAVEPOINT":   {cancelDuring("SAVEPOINT", "w"), context.Canceled},
			"a cancel during the refresh": {cancelDuring("REFRESH", "w"), context.Canceled},
			"a cancel during RELEASE":     {cancelDuring("RELEASE", "w"), context.Canceled},

			"a waker, connection refused": {waking("host=127.0.0.1 port=1 sslmode=disable", nil), massive.ErrUnavailable},
			"a waker without TLS":         {wakingWithoutTLS, massive.ErrUnavailable},
			"a closed waker": {waking("", func(_ *env, w wakerCloser) {
				w.Close()
			}), massive.ErrClosed},
			"a waker that lost its connection": {waking("", func(e *env, _ wakerCloser) {
				eventually(t, e.pool, "the waker listens", `SELECT EXISTS (`+listeners+`)`)
				exec(t, e.pool, `SELECT pg_terminate_backend(pid) FROM (`+listeners+`) l`)
			}), massive.ErrUnavailable},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				err := c.do(t, e)
				if err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Fatalf("got error %v, want %v", err, c.want)
				}
				for _, other := range []error{massive.ErrUnavailable, massive.ErrInvalid, massive.ErrClosed, context.Canceled} {
					if other != c.want && errors.Is(err, other) { //nolint:errorlint // compares identity
						t.Errorf("error %v also matches %q", err, other)
					}
				}
			})
		}
	})
}

// listeners selects the connections of the test's wakers.
const listeners = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%' AND application_name = 'lost'`

// loaded loads through a pool, closes it and returns the error.
func loaded(ctx context.Context, db *sql.DB, err error) error {
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = massive.Load(ctx, db, postgres.New())
	return err
}

func connecting(dsn string) func(*testing.T, *env) error {
	return func(t *testing.T, e *env) error {
		db, err := sql.Open(e.driver, dsn+" user=nobody dbname=none")
		return loaded(t.Context(), db, err)
	}
}

// attributes connects to the test's server, which is a primary.
func attributes(params string) func(*testing.T, *env) error {
	return func(t *testing.T, e *env) error {
		db, err := sql.Open(e.driver, e.DSN()+" "+params)
		return loaded(t.Context(), db, err)
	}
}

func noStandbyInAList(t *testing.T, e *env) error {
	c, err := pgx.ParseConfig(e.DSN())
	noError(t, err)
	return attributes(fmt.Sprintf("host=%s,%[1]s port=%d,%[2]d target_session_attrs=standby", c.Host, c.Port))(t, e)
}

// answering connects to a server that sends text after the first message and hangs up.
func answering(text string) func(*testing.T, *env) error {
	return func(t *testing.T, e *env) error {
		db, err := sql.Open(e.driver, server(t, func(c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 8))
			_, _ = io.WriteString(c, text)
		})+" user=nobody dbname=none sslmode=require")
		return loaded(t.Context(), db, err)
	}
}

// silent connects to a server that never answers.
func silent(params string) func(*testing.T, *env) error {
	return func(t *testing.T, e *env) error {
		db, err := sql.Open(e.driver, server(t, func(c net.Conn) {
			_, _ = io.Copy(io.Discard, c)
		})+" user=nobody dbname=none sslmode=disable "+params)
		return loaded(t.Context(), db, err)
	}
}

// server serves each connection by f until the test ends. dsn is its host and port.
func server(t *testing.T, f func(net.Conn)) (dsn string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	noError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	return "host=" + host + " port=" + port
}

// A dialer works as the dialer of either driver.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, _ time.Duration) (net.Conn, error) {
	return d(context.Background(), network, address)
}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d(ctx, network, address)
}

// noSuchHost fails as net.Dialer does for a name that does not resolve.
func noSuchHost(_ context.Context, network, _ string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: "db.invalid", IsNotFound: true}}
}

// dialing loads through a pool that dials with d.
func dialing(ctx context.Context, d dialer) func(*testing.T, *env) error {
	return func(t *testing.T, e *env) error {
		const dsn = "host=db.invalid user=nobody dbname=none sslmode=disable"
		if e.driver == "postgres" {
			c, err := pq.NewConnector(dsn)
			noError(t, err)
			c.Dialer(d)
			return loaded(ctx, sql.OpenDB(c), nil)
		}
		c, err := pgx.ParseConfig(dsn)
		noError(t, err)
		c.DialFunc = d.DialContext
		c.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
			_, err := d(ctx, "tcp", host)
			var missing *net.DNSError
			if errors.As(err, &missing) {
				return nil, missing
			}
			return []string{"127.0.0.1"}, nil
		}
		return loaded(ctx, stdlib.OpenDB(*c), nil)
	}
}

// deadlineWhileDialing dials until the dialer's own timer fires at the context's
// deadline, possibly before the context ends.
func deadlineWhileDialing(t *testing.T, e *env) error {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	return dialing(ctx, func(ctx context.Context, network, _ string) (net.Conn, error) {
		if d, ok := ctx.Deadline(); ok {
			time.Sleep(time.Until(d))
		}
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
	})(t, e)
}

func cancelWhileDialing(t *testing.T, e *env) error {
	ctx, cancel := context.WithCancel(t.Context())
	return dialing(ctx, func(ctx context.Context, network, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	})(t, e)
}

// terminated returns the error of the nth operation after the transaction's backend was
// terminated.
func terminated(nth int) func(*testing.T, *env) error {
	return func(t *testing.T, e *env) (err error) {
		m := e.load(t)
		tx := e.begin(t)
		defer tx.Rollback()
		pid := one[int](t, tx, "SELECT pg_backend_pid()")
		exec(t, e.pool, fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid))
		eventually(t, e.pool, "the backend is gone", fmt.Sprintf("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %d)", pid))
		for range nth {
			_, err = sequence(t, m.With(tx), "s").NextValue(t.Context())
		}
		return err
	}
}

// insideLoop returns the error of an operation in a transaction while Rows reads from it.
func insideLoop(op func(*testing.T, *massive.DB) error) func(*testing.T, *env) error {
	return func(t *testing.T, e *env) (err error) {
		for _, tail := range []string{"", "LIMIT 2"} { // whether or not all rows have arrived
			tx := e.begin(t)
			m := e.load(t).With(tx)
			for range massive.Rows[int](t.Context(), matview(t, m, "v"), tail) {
				err = op(t, m)
				mustBe(t, err, massive.ErrInvalid, "finish the loop")
				break
			}
			_ = tx.Rollback()
		}
		return err
	}
}

// A canceller is a transaction whose context ends when it sends a certain statement.
type canceller struct {
	*sql.Tx
	cancel context.CancelFunc
	on     string
}

func (c canceller) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if len(query) >= len(c.on) && query[:len(c.on)] == c.on {
		c.cancel()
		for { // until database/sql has rolled it back
			if _, err := c.Tx.ExecContext(context.Background(), "SELECT 1"); errors.Is(err, sql.ErrTxDone) {
				break
			}
		}
	}
	return c.Tx.ExecContext(ctx, query, args...)
}

// cancelDuring returns the error of a run with savepoints whose context ends when the
// statement is sent.
func cancelDuring(statement, view string) func(*testing.T, *env) error {
	return func(t *testing.T, e *env) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tx, err := e.pool.BeginTx(ctx, nil)
		noError(t, err)
		defer tx.Rollback()
		report, err := e.load(t).With(canceller{tx, cancel, statement}).RefreshAll(ctx, massive.Views(view), massive.Savepoints())
		if n := report.Count(massive.OutcomeCancelled); n != 1 {
			t.Errorf("got %d cancelled views, want 1: %v", n, report)
		}
		return err
	}
}

// A wakerCloser is a waker of either driver.
type wakerCloser interface {
	massive.Waker
	Close() error
}

// waking starts a watch with a waker on dsn, runs f, and returns the first error of an
// event.
func waking(dsn string, f func(*env, wakerCloser)) func(*testing.T, *env) error {
	return func(t *testing.T, e *env) error {
		if dsn == "" {
			dsn = e.DSN() + " application_name=lost"
		}
		var waker wakerCloser = pqwake.New(dsn, "c")
		if e.driver == "pgx" {
			waker = pgxwake.New(dsn, "c")
		}
		defer waker.Close()
		w := watch(t, e.load(t), time.Hour, massive.WithWaker(waker))
		defer func() { _ = w.end() }()
		if f != nil {
			f(e, waker)
		}
		for {
			if event := w.next(); event.Err != nil {
				return event.Err
			}
		}
	}
}

func wakingWithoutTLS(t *testing.T, e *env) error {
	return waking(server(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 8))
		_, _ = io.WriteString(c, "N")
	})+" user=nobody dbname=none sslmode=require", nil)(t, e)
}
