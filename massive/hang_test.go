package massive_test

import (
	"context"
	"database/sql"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// While it hangs, a stuck querier ignores the context and waits for release, as lib/pq
// does if the network drops packets.
type stuck struct {
	massive.Querier
	hangs   atomic.Bool
	release chan struct{}
	waiting atomic.Int64
}

func (d *stuck) wait(ctx context.Context) context.Context {
	if !d.hangs.Load() {
		return ctx
	}
	d.waiting.Add(1)
	defer d.waiting.Add(-1)
	<-d.release
	return context.WithoutCancel(ctx)
}

func (d *stuck) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return d.Querier.ExecContext(d.wait(ctx), query, args...)
}

func (d *stuck) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return d.Querier.QueryContext(d.wait(ctx), query, args...)
}

func (d *stuck) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return d.Querier.QueryRowContext(d.wait(ctx), query, args...)
}

// onStuck runs f in a synctest bubble with a fake whose querier can hang.
func onStuck(t *testing.T, f func(t *testing.T, fake *sqltest.Fake, d *stuck, m *massive.DB)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}})
		db := fake.DB()
		defer db.Close()
		d := &stuck{Querier: db, release: make(chan struct{})}
		m, err := massive.Load(t.Context(), d, fake)
		noError(t, err)
		f(t, fake, d, m)
		close(d.release)
		synctest.Wait()
		same(t, "calls that have not returned", d.waiting.Load(), 0)
	})
}

// Watch returns a second after its context ends even if the driver does not. It does not
// publish anything that the driver returns later.
func TestWatchEndsIfTheDriverHangs(t *testing.T) {
	t.Parallel()
	onStuck(t, func(t *testing.T, fake *sqltest.Fake, d *stuck, m *massive.DB) {
		before := m.Registry()
		d.hangs.Store(true)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- m.Watch(ctx, time.Hour, func(e massive.Event) { t.Errorf("unexpected event %v", e) })
		}()
		time.Sleep(time.Millisecond) // until the first poll has begun
		same(t, "calls that have not returned", d.waiting.Load(), 1)
		fake.Do(t, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "late"}}})
		stop()
		began := time.Now()
		mustBe(t, <-ended, context.Canceled)
		same(t, "Watch returned after", time.Since(began), time.Second)
		d.hangs.Store(false)
		d.release <- struct{}{}
		synctest.Wait()
		same(t, "snapshot after the driver returned", m.Registry(), before)
	})
}

// A poll that exceeds PollTimeout fails even if the driver hangs. The watch retries, with
// at most four calls pending.
func TestPollsTimeOutIfTheDriverHangs(t *testing.T) {
	t.Parallel()
	onStuck(t, func(t *testing.T, fake *sqltest.Fake, d *stuck, m *massive.DB) {
		d.hangs.Store(true)
		w := watch(t, m, time.Minute, massive.PollTimeout(10*time.Second))
		for i := range 4 {
			event := w.next()
			mustBe(t, event.Err, context.DeadlineExceeded, "massive: watch: ", "the driver has not returned", "the previous snapshot stays in use")
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
			t.Errorf("got %d failures before, want at least 5", event.Failures)
		}
		mustBe(t, w.end(), context.Canceled)
	})
}

// Watch returns a second after its context ends even if the waker ignores it.
func TestWatchEndsIfTheWakerHangs(t *testing.T) {
	t.Parallel()
	onStuck(t, func(t *testing.T, _ *sqltest.Fake, d *stuck, m *massive.DB) {
		w := watch(t, m, time.Hour, massive.WithWaker(wakerFunc(func(context.Context) error { <-d.release; return nil })))
		time.Sleep(time.Millisecond)
		began := time.Now()
		mustBe(t, w.end(), context.Canceled)
		same(t, "Watch returned after", time.Since(began), time.Second)
	})
}

type wakerFunc func(context.Context) error

func (f wakerFunc) Wait(ctx context.Context) error { return f(ctx) }

// If the driver hangs, fetches still time out, and Close still returns and ends waiting
// calls of Next.
func TestAllocatorClosesIfTheDriverHangs(t *testing.T) {
	t.Parallel()
	onStuck(t, func(t *testing.T, _ *sqltest.Fake, d *stuck, m *massive.DB) {
		a, err := massive.NewAllocator(sequence(t, m, "s"), massive.RefillTimeout(5*time.Second), massive.BlockSize(8))
		noError(t, err)
		allocated(t, a, 1)
		d.hangs.Store(true)
		allocated(t, a, 2, 3, 4, 5, 6, 7, 8) // and fetch ahead
		began := time.Now()
		_, err = a.Next(t.Context())
		mustBe(t, err, context.DeadlineExceeded, "massive: allocate from public.s: ", "the driver has not returned")
		same(t, "the fetch timed out after", time.Since(began), 6*time.Second)

		waiting := make(chan error, 1)
		go func() { _, err := a.Next(t.Context()); waiting <- err }()
		synctest.Wait()
		began = time.Now()
		a.Close()
		mustBe(t, <-waiting, massive.ErrClosed)
		same(t, "Close returned after", time.Since(began), time.Second)
		same(t, "calls that have not returned", d.waiting.Load(), 2)
	})
}

// Watch and Allocator.Close return even if the network drops all packets.
func TestOperationsEndOnADeadNetwork(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s; CREATE SEQUENCE no`, func(t *testing.T, e *env) {
		network, far := e.wired(t, "sslmode=disable")
		t.Cleanup(network.hangUp) // before the pool closes
		m := far.load(t)
		a, err := massive.NewAllocator(sequence(t, m, "s"))
		noError(t, err)
		allocated(t, a, 1)
		w := watch(t, m, time.Millisecond)
		exec(t, e.pool, "CREATE SEQUENCE seen")
		w.until("sequence public.seen added")
		network.drop()
		time.Sleep(20 * time.Millisecond) // a poll is under way
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
				network.hangUp()
				t.Fatalf("%s did not end in %s", what, patience)
			}
		}
	})
}
