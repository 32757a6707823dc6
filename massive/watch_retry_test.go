package massive_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A blinking dialect makes a number of polls fail.
type blinking struct {
	*sqltest.Fake
	blinks atomic.Int64
	alarm  atomic.Bool // the next poll loads
}

var errBlink = errors.New("a blink")

func (b *blinking) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (bool, error) {
	if b.blinks.Load() > 0 {
		b.blinks.Add(-1)
		return false, errBlink
	}
	if b.alarm.CompareAndSwap(true, false) {
		return false, nil
	}
	return b.Fake.Unchanged(ctx, q, since)
}

func (b *blinking) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	if b.blinks.Load() > 0 {
		b.blinks.Add(-1)
		return nil, errBlink
	}
	return b.Fake.Load(ctx, q, f)
}

// After a failed poll a watch with a long interval retries after 1, 2, 4 … 30 seconds.
func TestWatchRetriesWithBackoff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		every time.Duration
		want  []time.Duration // between the polls
	}{
		{time.Hour, []time.Duration{1, 2, 4, 8, 16, 30, 30}},
		{5 * time.Second, []time.Duration{1, 2, 4, 5, 5, 5, 5}},
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := sqltest.New(sqltest.Catalog{})
			db := fake.DB()
			defer db.Close()
			b := &blinking{Fake: fake}
			m, err := massive.Load(t.Context(), db, b)
			noError(t, err)
			b.blinks.Store(int64(len(c.want)))
			ctx, stop := context.WithCancel(t.Context())
			began := time.Now()
			var failed []time.Duration
			err = m.Watch(ctx, c.every, func(e massive.Event) {
				failed = append(failed, time.Since(began))
				switch {
				case e.Err == nil:
					same(t, "failures before a poll succeeded", e.Failures, len(c.want))
					stop()
				case !errors.Is(e.Err, errBlink):
					t.Errorf("unexpected event %v", e)
				}
			})
			mustBe(t, err, context.Canceled)
			var at time.Duration
			want := []time.Duration{0}
			for _, pause := range c.want {
				at += pause * time.Second
				want = append(want, at)
			}
			equal(t, "polls, with interval "+c.every.String(), failed, want)
		})
	}
}

func TestEventStrings(t *testing.T) {
	t.Parallel()
	fake := sqltest.New(sqltest.Catalog{})
	defer fake.DB().Close()
	m, err := massive.Load(t.Context(), fake.DB(), fake)
	noError(t, err)
	for want, e := range map[string]massive.Event{
		"a blink": {Err: errBlink, Changes: massive.Changes{}, Published: true},
		"no structure changed; the server is fake, standby false, role tester, search path [public]": {Published: true, Registry: m.Registry()},
		"the server is reached again, after 3 failures":                                              {Failures: 3, Registry: m.Registry()},
		"the server is reached again, after a failure":                                               {Failures: 1, Registry: m.Registry()},
		"the database is as expected again":                                                          {Registry: m.Registry()},
	} {
		same(t, "an event", e.String(), want)
	}
}

// Watch reports when a drift is over, even if the new snapshot equals the one before the
// drift.
func TestWatchReportsTheEndOfADrift(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "ok"}}}})
		db := fake.DB()
		defer db.Close()
		b := &blinking{Fake: fake}
		m, err := massive.Load(t.Context(), db, b, massive.Expect(massive.EnumIs("mood", []string{"sad", "ok"}, massive.AllowExtra())))
		noError(t, err)
		other, err := massive.Load(t.Context(), db, b) // without expectations
		noError(t, err)
		mood, err := massive.BindEnum[string](other, "mood")
		noError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		events := make(chan massive.Event, 100)
		ended := make(chan error)
		go func() { ended <- m.Watch(ctx, time.Second, func(e massive.Event) { events <- e }) }()
		// step runs do, lets the watch poll, and compares the events.
		step := func(what string, do func(), want ...string) {
			t.Helper()
			do()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			texts := []string{}
			for len(events) > 0 {
				e := <-events
				text := e.String()
				if e.Err != nil && !errors.Is(e.Err, massive.ErrDrift) {
					text = "failed"
				} else if e.Err != nil {
					text = "drift"
				}
				texts = append(texts, fmt.Sprint(text, ", ", e.Failures))
			}
			equal(t, what, texts, want)
		}
		rename := func(from, to string) func() {
			return func() {
				noError(t, mood.RenameValue(t.Context(), from, to))
			}
		}
		again := "the database is as expected again, 0"
		step("nothing", func() {})
		step("a drift", rename("ok", "fine"), "drift, 0")
		step("the drift is over", rename("fine", "ok"), again)
		step("another drift", rename("ok", "fine"), "drift, 0")
		step("polls that fail, after which the drift is reported again", func() { b.blinks.Store(2) }, "failed, 1", "failed, 2", "drift, 2")
		step("another difference", rename("sad", "glum"), "drift, 0")
		step("a load that finds the same drift", func() { b.alarm.Store(true) })
		step("an unrelated change during the drift", func() { fake.Do(t, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "no"}}}) })
		step("the drift is over, with the unrelated change", func() { rename("fine", "ok")(); rename("glum", "sad")() }, "sequence public.no added, 0")
		step("a third drift", rename("ok", "fine"), "drift, 0")
		step("the third drift is over after a failed poll", func() { rename("fine", "ok")(); b.blinks.Store(1) }, "failed, 1", "the server is reached again, after a failure, 1")
		stop()
		mustBe(t, <-ended, context.Canceled)
	})
}
