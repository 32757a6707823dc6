package massive_test

import (
	"context"
	"database/sql"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A deaf querier ignores the context, and waits until it is released while it hangs, as lib/pq does where the network
// swallows packets.
type deaf struct {
	massive.Querier
	hangs   atomic.Bool
	release chan struct{}
	waiting atomic.Int64
}

func (d *deaf) wait(ctx context.Context) context.Context {
	if !d.hangs.Load() {
		return ctx
	}
	d.waiting.Add(1)
	defer d.waiting.Add(-1)
	<-d.release
	return context.WithoutCancel(ctx)
}

func (d *deaf) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return d.Querier.ExecContext(d.wait(ctx), query, args...)
}

func (d *deaf) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return d.Querier.QueryContext(d.wait(ctx), query, args...)
}

func (d *deaf) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return d.Querier.QueryRowContext(d.wait(ctx), query, args...)
}

// onDeaf runs f with a fake whose querier can be made deaf, and a second of patience for what ignores its context.
func onDeaf(t *testing.T, f func(t *testing.T, fake *sqltest.Fake, d *deaf, m *massive.DB)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}})
		db := fake.DB()
		defer db.Close()
		d := &deaf{Querier: db, release: make(chan struct{})}
		m, err := massive.Load(t.Context(), d, fake)
		if err != nil {
			t.Fatal(err)
		}
		f(t, fake, d, m)
		close(d.release)
		synctest.Wait()
		same(t, "calls that have not returned", d.waiting.Load(), 0)
	})
}

// A watch returns a second after its context ends even if the driver does not, and what the driver returns later is not
// published.
func TestWatchEndsWhateverTheDriverDoes(t *testing.T) {
	t.Parallel()
	onDeaf(t, func(t *testing.T, fake *sqltest.Fake, d *deaf, m *massive.DB) {
		before := m.Registry()
		d.hangs.Store(true)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- m.Watch(ctx, time.Hour, func(e massive.Event) { t.Errorf("it tells %v", e) })
		}()
		time.Sleep(time.Millisecond) // until its first look has begun
		same(t, "calls that have not returned", d.waiting.Load(), 1)
		fake.Do(t, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "late"}}})
		stop()
		began := time.Now()
		mustBe(t, <-ended, context.Canceled)
		same(t, "it ended after", time.Since(began), time.Second)
		d.hangs.Store(false)
		d.release <- struct{}{}
		synctest.Wait()
		same(t, "the snapshot when the driver has returned", m.Registry(), before)
	})
}

// A look that is over its time fails whatever the driver does, the watch tries again, and few calls pile up.
func TestLooksEndWhateverTheDriverDoes(t *testing.T) {
	t.Parallel()
	onDeaf(t, func(t *testing.T, fake *sqltest.Fake, d *deaf, m *massive.DB) {
		d.hangs.Store(true)
		w := watch(t, m, time.Minute, massive.PollTimeout(10*time.Second))
		for i := range 4 {
			event := w.next()
			mustBe(t, event.Err, context.DeadlineExceeded, "massive: watch: ", "the driver has not returned", "what was loaded before stays in use")
			same(t, "failures", event.Failures, i+1)
			same(t, "calls that have not returned", d.waiting.Load(), int64(i+1))
		}
		mustBe(t, w.next().Err, massive.ErrUnavailable, "massive: watch: ", "4 earlier calls have not returned")
		same(t, "calls that have not returned", d.waiting.Load(), 4)
		fake.Do(t, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "late"}}})
		d.hangs.Store(false)
		d.release <- struct{}{}
		event, _ := w.until("sequence public.late added")
		if event.Failures < 5 {
			t.Errorf("it counts %d failures before", event.Failures)
		}
		mustBe(t, w.end(), context.Canceled)
	})
}

// A waker that ignores its context does not keep a watch either.
func TestWatchEndsWhateverTheWakerDoes(t *testing.T) {
	t.Parallel()
	onDeaf(t, func(t *testing.T, _ *sqltest.Fake, d *deaf, m *massive.DB) {
		w := watch(t, m, time.Hour, massive.WithWaker(wakerFunc(func(context.Context) error { <-d.release; return nil })))
		time.Sleep(time.Millisecond)
		began := time.Now()
		mustBe(t, w.end(), context.Canceled)
		same(t, "it ended after", time.Since(began), time.Second)
	})
}

type wakerFunc func(context.Context) error

func (f wakerFunc) Wait(ctx context.Context) error { return f(ctx) }

// An allocator is closed, its fetches are over in time, and who waits for one is told, whatever the driver does.
func TestAllocatorsEndWhateverTheDriverDoes(t *testing.T) {
	t.Parallel()
	onDeaf(t, func(t *testing.T, _ *sqltest.Fake, d *deaf, m *massive.DB) {
		a, err := massive.NewAllocator(sequence(t, m, "s"), massive.RefillTimeout(5*time.Second), massive.BlockSize(8))
		if err != nil {
			t.Fatal(err)
		}
		allocated(t, a, 1)
		d.hangs.Store(true)
		allocated(t, a, 2, 3, 4, 5, 6, 7, 8) // and fetches ahead
		began := time.Now()
		_, err = a.Next(t.Context())
		mustBe(t, err, context.DeadlineExceeded, "massive: allocate from public.s: ", "the driver has not returned")
		same(t, "the fetch is over after", time.Since(began), 6*time.Second)

		waiting := make(chan error, 1)
		go func() { _, err := a.Next(t.Context()); waiting <- err }()
		synctest.Wait()
		began = time.Now()
		a.Close()
		mustBe(t, <-waiting, massive.ErrClosed)
		same(t, "it was closed after", time.Since(began), time.Second)
		same(t, "calls that have not returned", d.waiting.Load(), 2)
	})
}

// A hole is a way to the server that may swallow all that is sent, and tells nobody.
type hole struct {
	network, address string
	swallows         atomic.Bool
	host, port       string

	mu    sync.Mutex
	conns []net.Conn
}

// behindAHole opens the test's database through a hole, over TCP.
func (e *env) behindAHole(t *testing.T) (*hole, *sql.DB) {
	t.Helper()
	config, err := pgconn.ParseConfig(e.DSN())
	if err != nil {
		t.Fatal(err)
	}
	if config.TLSConfig != nil {
		t.Skip("the server asks for TLS under its own name")
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{}
	h.network, h.address = pgconn.NetworkAddress(config.Host, config.Port)
	h.host, h.port, _ = net.SplitHostPort(l.Addr().String())
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { h.serve(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		h.close()
		open.Wait()
	})
	db := e.Open(t, e.driver, "host="+h.host+" port="+h.port+" sslmode=disable")
	t.Cleanup(h.close) // before the pool is closed
	return h, db
}

func (h *hole) serve(client net.Conn) {
	server, err := (&net.Dialer{}).DialContext(context.Background(), h.network, h.address)
	if err != nil {
		client.Close()
		return
	}
	h.mu.Lock()
	h.conns = append(h.conns, client, server)
	h.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { h.pass(server, client) })
	both.Go(func() { h.pass(client, server) })
	both.Wait()
}

// pass passes on what comes, until either side is closed.
func (h *hole) pass(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 1<<14)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !h.swallows.Load() {
			if _, err := to.Write(buffer[:n]); err != nil {
				_, _ = io.Copy(io.Discard, from)
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// close ends all connections.
func (h *hole) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		c.Close()
	}
	h.conns = nil
}

// Over a network that swallows packets a watch and an allocator end, with either driver.
func TestWhatEndsBehindABlackhole(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s; CREATE SEQUENCE no`, func(t *testing.T, e *env) {
		h, db := e.behindAHole(t)
		m := load(t, db)
		a, err := massive.NewAllocator(sequence(t, m, "s"))
		if err != nil {
			t.Fatal(err)
		}
		allocated(t, a, 1)
		w := watch(t, m, time.Millisecond)
		exec(t, e.pool, "CREATE SEQUENCE seen")
		w.until("sequence public.seen added")
		h.swallows.Store(true)
		time.Sleep(20 * time.Millisecond) // a look is under way
		next := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				_, err = a.Next(context.Background())
			}
			next <- err
		}()
		time.Sleep(20 * time.Millisecond) // so is a fetch
		for what, ends := range map[string]struct {
			end  func() error
			with error
		}{
			"the watch":     {w.end, context.Canceled},
			"the allocator": {func() error { a.Close(); return <-next }, massive.ErrClosed},
		} {
			over := make(chan error, 1)
			go func() { over <- ends.end() }()
			select {
			case err := <-over:
				mustBe(t, err, ends.with)
			case <-time.After(patience):
				h.close()
				t.Fatalf("%s did not end in %s", what, patience)
			}
		}
	})
}
