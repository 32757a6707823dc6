package promptly_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/promptly"
)

// A call that returns in time returns what it returns, also within the grace after its context ended.
func TestCallsThatReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls promptly.Calls
		failed := errors.New("failed")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 2 * promptly.Most {
			got, err := promptly.Do(ctx, &calls, func(ctx context.Context) (int, error) {
				<-ctx.Done()
				time.Sleep(promptly.Grace - 1)
				return 7, failed
			})
			if got != 7 || !errors.Is(err, failed) {
				t.Errorf("got %d, %v", got, err)
			}
		}
	})
}

// A call that does not return is abandoned, and only so many run on at a time.
func TestCallsThatDoNotReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls promptly.Calls
		release := make(chan struct{})
		var called atomic.Int64
		ignoring := func(context.Context) (int, error) {
			called.Add(1)
			<-release
			return 7, nil
		}
		do := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := promptly.Do(ctx, &calls, ignoring)
			return err
		}
		for range promptly.Most {
			began := time.Now()
			if err := do(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a call that is abandoned returns %v", err)
			}
			if took := time.Since(began); took != 5*time.Second+promptly.Grace {
				t.Errorf("it took %s", took)
			}
		}
		if err := do(); !errors.Is(err, dialect.ErrUnavailable) {
			t.Errorf("one too many returns %v", err)
		}
		if called.Load() != promptly.Most {
			t.Errorf("%d calls, want %d", called.Load(), promptly.Most)
		}
		close(release)
		synctest.Wait()
		if err := do(); err != nil {
			t.Errorf("a call after the others returned gives %v", err)
		}
	})
}

// A panic comes to the caller, who may recover from it.
func TestCallsThatPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := recover(); p != "oh" {
			t.Errorf("it panics with %v", p)
		}
	}()
	var calls promptly.Calls
	_, err := promptly.Do(t.Context(), &calls, func(context.Context) (int, error) { panic("oh") })
	t.Errorf("it returns, %v", err)
}
