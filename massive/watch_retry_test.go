package massive_test

import (
	"context"
	"errors"
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
	blinks int
}

var errBlink = errors.New("a blink")

func (b *blinking) Look(ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
	if b.blinks > 0 {
		b.blinks--
		return "", false, errBlink
	}
	return b.Fake.Look(ctx, q, f, since)
}

// Behind a look that failed a watch does not wait for a long interval: what woke it may not come again.
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
			if err != nil {
				t.Fatal(err)
			}
			b.blinks = len(c.want)
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
	if err != nil {
		t.Fatal(err)
	}
	for want, e := range map[string]massive.Event{
		"a blink": {Err: errBlink, Changes: massive.Changes{}, Published: true},
		"no structure changed; the server is fake, standby false, role tester, search path [public]": {Published: true, Registry: m.Registry()},
		"the database is reached again, after 3 failures":                                            {Failures: 3, Registry: m.Registry()},
	} {
		same(t, "an event", e.String(), want)
	}
}
