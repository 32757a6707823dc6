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

// A blinking dialect fails as many looks as it is told.
type blinking struct {
	*sqltest.Fake
	blinks atomic.Int64
	alarm  atomic.Bool // the next look suspects something
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

// Behind a look that failed a watch does not wait for a long interval: what woke it may
// not come again.
func TestWatchTriesAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		every time.Duration
		want  []time.Duration // between the looks
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
					same(t, "failures before it went well", e.Failures, len(c.want))
					stop()
				case !errors.Is(e.Err, errBlink):
					t.Errorf("it tells %v", e)
				}
			})
			mustBe(t, err, context.Canceled)
			var at time.Duration
			want := []time.Duration{0}
			for _, pause := range c.want {
				at += pause * time.Second
				want = append(want, at)
			}
			equal(t, "looks each "+c.every.String(), failed, want)
		})
	}
}

// An event says in a line what has happened.
func TestEventsInWords(t *testing.T) {
	t.Parallel()
	fake := sqltest.New(sqltest.Catalog{})
	defer fake.DB().Close()
	m, err := massive.Load(t.Context(), fake.DB(), fake)
	noError(t, err)
	for want, e := range map[string]massive.Event{
		"a blink": {Err: errBlink, Changes: massive.Changes{}, Published: true},
		"no structure changed; the server is fake, standby false, role tester, search path [public]": {Published: true, Registry: m.Registry()},
		"the database is reached again, after 3 failures":                                            {Failures: 3, Registry: m.Registry()},
		"the database is reached again, after a failure":                                             {Failures: 1, Registry: m.Registry()},
		"the database is as expected again":                                                          {Registry: m.Registry()},
	} {
		same(t, "an event", e.String(), want)
	}
}

// A program that went by a drift, and does less since, hears of it when the database is
// as expected again, also where what changed back and forth changed nothing.
func TestWatchTellsWhenADriftIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := sqltest.New(sqltest.Catalog{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "ok"}}}})
		db := fake.DB()
		defer db.Close()
		b := &blinking{Fake: fake}
		m, err := massive.Load(t.Context(), db, b, massive.Expect(massive.EnumIs("mood", []string{"sad", "ok"}, massive.AllowExtra())))
		noError(t, err)
		other, err := massive.Load(t.Context(), db, b) // which expects nothing
		noError(t, err)
		mood, err := massive.BindEnum[string](other, "mood")
		noError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		told := make(chan massive.Event, 100)
		ended := make(chan error)
		go func() { ended <- m.Watch(ctx, time.Second, func(e massive.Event) { told <- e }) }()
		// step does something and lets the watch look, until it has told all it has to.
		step := func(what string, do func(), want ...string) {
			t.Helper()
			do()
			time.Sleep(10 * time.Second)
			synctest.Wait()
			texts := []string{}
			for len(told) > 0 {
				e := <-told
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
				if err := mood.RenameValue(t.Context(), from, to); err != nil {
					t.Error(err)
				}
			}
		}
		again := "the database is as expected again, 0"
		step("nothing", func() {})
		step("a drift", rename("ok", "fine"), "drift, 0")
		step("it is over", rename("fine", "ok"), again)
		step("another", rename("ok", "fine"), "drift, 0")
		step("looks that fail meanwhile, behind which it is told again", func() { b.blinks.Store(2) }, "failed, 1", "failed, 2", "drift, 2")
		step("one that comes to something else", rename("sad", "glum"), "drift, 0")
		step("a load that finds the same", func() { b.alarm.Store(true) })
		step("a change beside it", func() { fake.Do(t, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "no"}}}) })
		step("it is over, with what else changed", func() { rename("fine", "ok")(); rename("glum", "sad")() }, "sequence public.no added, 0")
		step("a drift that is over behind looks that fail", rename("ok", "fine"), "drift, 0")
		step("it is over", func() { rename("fine", "ok")(); b.blinks.Store(1) }, "failed, 1", "the database is reached again, after a failure, 1")
		stop()
		mustBe(t, <-ended, context.Canceled)
	})
}
