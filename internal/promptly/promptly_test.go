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

// Do returns f's result if f returns within the grace period.
func TestCallWithinGraceReturnsItsResult(t *testing.T) {
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

// Do abandons a call that does not return. At most Most abandoned calls run at a time.
func TestCallPastGraceIsAbandoned(t *testing.T) {
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
				t.Errorf("an abandoned call returns %v; want DeadlineExceeded", err)
			}
			if took := time.Since(began); took != 5*time.Second+promptly.Grace {
				t.Errorf("it took %s", took)
			}
		}
		if err := do(); !errors.Is(err, dialect.ErrUnavailable) {
			t.Errorf("with Most abandoned calls, Do returns %v; want ErrUnavailable", err)
		}
		if called.Load() != promptly.Most {
			t.Errorf("f was called %d times; want %d", called.Load(), promptly.Most)
		}
		close(release)
		synctest.Wait()
		if err := do(); err != nil {
			t.Errorf("after the abandoned calls returned, Do returns %v; want nil", err)
		}
	})
}

// A panic of f reaches the caller of Do, which can recover from it.
func TestPanicReachesCaller(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := recover(); p != "oh" {
			t.Errorf("Do panics with %v; want oh", p)
		}
	}()
	var calls promptly.Calls
	_, err := promptly.Do(t.Context(), &calls, func(context.Context) (int, error) { panic("oh") })
	t.Errorf("Do returns %v; want a panic", err)
}
