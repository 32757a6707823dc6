package massive_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A noting dialect records when polls begin, and can delay them.
type noting struct {
	*sqltest.Fake
	takes time.Duration

	mu    sync.Mutex
	began time.Time
	polls []time.Duration
}

func (n *noting) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (bool, error) {
	n.mu.Lock()
	n.polls = append(n.polls, time.Since(n.began))
	n.mu.Unlock()
	time.Sleep(n.takes)
	return n.Fake.Unchanged(ctx, q, since)
}

// An alarm is a waker that wakes at given times, and then every step, if it is set.
type alarm struct {
	began time.Time
	at    []time.Duration
	step  time.Duration
}

func (a *alarm) Wait(ctx context.Context) error {
	var next <-chan time.Time
	switch {
	case len(a.at) > 0:
		next = time.After(time.Until(a.began.Add(a.at[0])))
		a.at = a.at[1:]
	case a.step > 0:
		next = time.After(a.step)
	}
	select {
	case <-next:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wakes cause at most one poll per gap. The first wake after a quiet time polls
// immediately, and no wake is lost.
func TestWatchPollsOncePerGap(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		what  string
		alarm alarm
		takes time.Duration
		every time.Duration
		opts  []massive.WatchOption
		want  []time.Duration // in the first second
	}{
		{what: "no wake", want: []time.Duration{0}},
		{what: "a wake in the gap", alarm: alarm{at: []time.Duration{30 * ms}}, want: []time.Duration{0, 100 * ms}},
		{what: "a wake after a quiet time", alarm: alarm{at: []time.Duration{500 * ms}}, want: []time.Duration{0, 500 * ms}},
		{what: "wakes soon after a poll", alarm: alarm{at: []time.Duration{500 * ms, 510 * ms, 520 * ms, 590 * ms}}, want: []time.Duration{0, 500 * ms, 600 * ms}},
		{what: "a wake during a poll", alarm: alarm{at: []time.Duration{50 * ms}}, takes: 200 * ms, want: []time.Duration{0, 300 * ms}},
		{
			what: "a flood", alarm: alarm{step: ms / 10},
			want: []time.Duration{0, 100 * ms, 200 * ms, 300 * ms, 400 * ms, 500 * ms, 600 * ms, 700 * ms, 800 * ms, 900 * ms},
		},
		{
			what: "a flood and another gap", alarm: alarm{step: ms}, opts: []massive.WatchOption{massive.MinGap(300 * ms)},
			want: []time.Duration{0, 300 * ms, 600 * ms, 900 * ms},
		},
		{
			what: "a flood and an interval shorter than the gap", alarm: alarm{step: ms}, every: 250 * ms, opts: []massive.WatchOption{massive.MinGap(time.Hour)},
			want: []time.Duration{0, 250 * ms, 500 * ms, 750 * ms},
		},
		{
			what: "the interval after a wake", alarm: alarm{at: []time.Duration{350 * ms}}, every: 250 * ms,
			want: []time.Duration{0, 250 * ms, 350 * ms, 600 * ms, 850 * ms},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := sqltest.New(sqltest.Catalog{})
				db := fake.DB()
				defer db.Close()
				d := &noting{Fake: fake, takes: c.takes}
				m, err := massive.Load(t.Context(), db, d)
				noError(t, err)
				if c.every == 0 {
					c.every = time.Hour
				}
				ctx, stop := context.WithTimeout(t.Context(), time.Second-ms/2)
				defer stop()
				c.alarm.began, d.began = time.Now(), time.Now()
				err = m.Watch(ctx, c.every, func(e massive.Event) { t.Errorf("unexpected event %v", e) }, append(c.opts, massive.WithWaker(&c.alarm))...)
				mustBe(t, err, context.DeadlineExceeded)
				if !slices.Equal(d.polls, c.want) {
					t.Errorf("got polls at %v, want %v", d.polls, c.want)
				}
			})
		})
	}
}

// A flood of notifications causes at most one poll per gap, and a change after it is
// seen.
func TestWatchUnderAFloodOfNotifications(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		const gap = 300 * time.Millisecond
		q := &statementCounter{Querier: e.pool}
		m := load(t, q)
		waker := wakerOf(e, "c")
		t.Cleanup(func() { _ = waker.Close() })
		began := time.Now()
		q.n.Store(0)
		w := watch(t, m, time.Hour, massive.WithWaker(waker), massive.MinGap(gap))
		eventually(t, e.pool, "the waker listens", `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle')`)
		attacker := newConn(t, e)
		for range 3000 {
			exec(t, attacker, "NOTIFY c")
		}
		statements := q.n.Load()
		// A poll is at most two statements.
		if most := 2*(int64(time.Since(began)/gap)+2) + 1; statements > most {
			t.Errorf("the watch sent %d statements in %s, want at most %d", statements, time.Since(began), most)
		}
		exec(t, attacker, "CREATE SEQUENCE behind; NOTIFY c")
		w.until("sequence public.behind added")
	})
}
