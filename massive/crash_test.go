//go:build unix

package massive_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// The crash test runs only if this variable is set, since it takes minutes.
const crashing = "MASSIVE_TEST_CRASH"

// crashSequences has the test's sequences. Workers report values by index.
var crashSequences = []struct {
	name     string
	how      string
	asserted bool // no value may come twice
}{
	{"plain", "NextValues and plain allocators", true},
	{"hilo", "allocators by HiLo", true},
	{"mixed", "NextValue and NextValues, mixed", false},
	{"short", "NextValues of 1 to 32", true},
	{"blocks", "NextBlock", true},
}

const (
	crashSchema = `CREATE SEQUENCE plain; CREATE SEQUENCE hilo INCREMENT 50; CREATE SEQUENCE mixed; CREATE SEQUENCE short;
		CREATE SEQUENCE blocks INCREMENT 10`
	crashWorkers = 8
	crashes      = 12
	crashValues  = 10_000_000 // of asserted sequences
)

// No value that was returned without an error is returned again after a crash of the
// server.
func TestNoValueTwiceOverCrashes(t *testing.T) {
	if os.Getenv(crashing) == "" {
		t.Skipf("takes minutes; set %s=1 to run it, as .ci/nightly does", crashing)
	}
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			c := newCluster(t)
			exec(t, open(t, driver, "", c), crashSchema)
			same(t, "synchronous_commit", one[string](t, open(t, driver, "", c), "SHOW synchronous_commit"), "on")

			var got tally
			stop := got.start(t, driver, c.dsn())
			for i := range crashes {
				got.wait(t, int64(i+1)*crashValues/(crashes+1))
				c.stop(t, "immediate")
				c.start(t)
			}
			got.wait(t, crashValues)
			stop()
			for i, s := range crashSequences {
				values, twice := got.count(i)
				text := fmt.Sprintf("%s: %d of %d values came twice in %d crashes", s.how, twice, values, crashes)
				if s.asserted && (twice > 0 || values == 0) {
					t.Error(text)
					continue
				}
				t.Log(text)
			}
		})
	}
}

// A tally collects the values that workers report.
type tally struct {
	asserted atomic.Int64

	mu     sync.Mutex
	values [5][]int64 // by sequence
}

// start starts the workers. stop stops them and waits.
func (y *tally) start(t *testing.T, driver, dsn string) (stop func()) {
	t.Helper()
	var stops []func()
	for range crashWorkers {
		cmd, in, out := startWorker(t, "crash", driver, dsn)
		read := make(chan error, 1)
		go func() { read <- y.read(out) }()
		stops = append(stops, func() {
			in.Close()
			if err := errors.Join(<-read, cmd.Wait()); err != nil {
				t.Errorf("worker failed: %v", err)
			}
		})
	}
	return func() {
		var wg sync.WaitGroup
		for _, stop := range stops {
			wg.Go(stop)
		}
		wg.Wait()
	}
}

// read reads a worker's reports: the sequence's index, the number of values, the values.
func (y *tally) read(from io.Reader) error {
	in := bufio.NewReaderSize(from, 1<<16)
	for {
		var head [2]int64
		if err := binary.Read(in, binary.NativeEndian, &head); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		values := make([]int64, head[1])
		if err := binary.Read(in, binary.NativeEndian, values); err != nil {
			return err
		}
		y.mu.Lock()
		y.values[head[0]] = append(y.values[head[0]], values...)
		y.mu.Unlock()
		if crashSequences[head[0]].asserted {
			y.asserted.Add(head[1])
		}
	}
}

// wait waits until workers have reported n values of asserted sequences.
func (y *tally) wait(t *testing.T, n int64) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); y.asserted.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the workers reported %d values in five minutes, want %d", y.asserted.Load(), n)
		}
	}
}

// count returns the number of values of a sequence, and how many of them are repeated.
func (y *tally) count(sequence int) (values, twice int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	all := y.values[sequence]
	slices.Sort(all)
	return len(all), len(all) - len(slices.Compact(all))
}

// runWorker takes values and reports the values that came without an error, until its
// context ends.
func runWorker(ctx context.Context, driver, dsn string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(3) // the server takes 30
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	m, err := massive.Load(ctx, db, postgres.New())
	if err != nil {
		return err
	}
	w := &worker{ctx: ctx, stop: stop, out: bufio.NewWriterSize(os.Stdout, 1<<16)}
	var takers sync.WaitGroup
	take := func(sequence int, some func(s massive.Sequence) func() ([]int64, error)) {
		s, err := m.Sequence(crashSequences[sequence].name)
		if err != nil {
			stop(err)
			return
		}
		next := some(s)
		takers.Go(func() { w.take(int64(sequence), next) })
	}
	many := func(n func() int) func(s massive.Sequence) func() ([]int64, error) {
		return func(s massive.Sequence) func() ([]int64, error) {
			return func() ([]int64, error) {
				values, err := s.NextValues(ctx, n())
				if err != nil {
					return nil, err
				}
				return values, nil
			}
		}
	}
	allocated := func(o massive.AllocatorOption) func(s massive.Sequence) func() ([]int64, error) {
		return func(s massive.Sequence) func() ([]int64, error) {
			a, err := massive.NewAllocator(s, o)
			if err != nil {
				stop(err)
				return nil
			}
			return func() ([]int64, error) { return several(100, func() (int64, error) { return a.Next(ctx) }) }
		}
	}
	short := 0
	take(0, many(func() int { return 1000 }))
	take(0, allocated(massive.BlockSize(1000)))
	take(1, allocated(massive.HiLo(50)))
	take(2, many(func() int { return 100 }))
	take(2, func(s massive.Sequence) func() ([]int64, error) {
		return func() ([]int64, error) { return several(1, func() (int64, error) { return s.NextValue(ctx) }) }
	})
	take(3, many(func() int { short++; return 1 + short%32 }))
	take(4, func(s massive.Sequence) func() ([]int64, error) {
		return func() ([]int64, error) {
			b, err := s.NextBlock(ctx)
			if err != nil {
				return nil, err
			}
			return slices.Collect(b.All()), nil
		}
	})
	takers.Wait()
	return errors.Join(w.out.Flush(), unlessCanceled(context.Cause(ctx)))
}

func unlessCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// several returns up to n values, and the first error.
func several(n int, next func() (int64, error)) ([]int64, error) {
	var values []int64
	for range n {
		v, err := next()
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
	return values, nil
}

// A worker writes the values that it took to its output.
type worker struct {
	ctx  context.Context
	stop context.CancelCauseFunc

	mu  sync.Mutex
	out *bufio.Writer
}

// take takes values of a sequence until the worker's context ends.
func (w *worker) take(sequence int64, next func() ([]int64, error)) {
	for w.ctx.Err() == nil {
		values, err := next()
		if len(values) > 0 {
			w.report(sequence, values)
		}
		if err != nil && w.ctx.Err() == nil {
			if !errors.Is(err, massive.ErrUnavailable) {
				w.stop(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func (w *worker) report(sequence int64, values []int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, data := range []any{[2]int64{sequence, int64(len(values))}, values} {
		if err := binary.Write(w.out, binary.NativeEndian, data); err != nil {
			w.stop(err)
		}
	}
}
