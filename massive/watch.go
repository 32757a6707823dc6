package massive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/option"
	"github.com/massivedb/massive-go/internal/promptly"
	"github.com/massivedb/massive-go/internal/querier"
	"github.com/massivedb/massive-go/registry"
)

// An Event is what [DB.Watch] reports: a new snapshot, a poll that failed or found the database not as expected, or that
// polls succeed again. The last kind has neither Changes nor an Err, and Published is false.
type Event struct {
	// Changes are what differs from the previous snapshot. They are nil for an error. They are also nil if the new snapshot
	// differs in something else: the server, for example a standby that was promoted, the search path, or what is excluded.
	Changes Changes
	// Registry is the current snapshot. It is never nil.
	Registry *Registry
	// Published says that Registry is new.
	Published bool
	// Err is why the poll failed, or how the database is not as expected. It is nil if the poll succeeded and found the
	// database as expected. After an error the snapshot stays, and the watch goes on.
	Err error
	// Failures counts the polls in a row that failed. If this poll succeeded, it counts those before it. A poll that finds
	// the database not as expected ([ErrDrift]) did not fail, and neither does a poll because its waker failed.
	Failures int
}

// String returns the event in a line, or with a line for each change.
func (e Event) String() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Changes != nil:
		return e.Changes.String()
	case e.Published:
		s := e.Registry.Server()
		return fmt.Sprintf("no structure changed; the server is %s, standby %t, role %s, search path [%s]",
			s.Version, s.Standby, s.User, dialect.Few(e.Registry.SearchPath(), " ", strings.Clone))
	}
	switch e.Failures {
	case 0:
		return "the database is as expected again"
	case 1:
		return "the database is reached again, after a failure"
	default:
		return fmt.Sprintf("the database is reached again, after %d failures", e.Failures)
	}
}

// A Waker makes a watch poll immediately, before its interval is over. The packages dialect/postgres/pgxwake and
// dialect/postgres/pqwake have one for each driver, on LISTEN and NOTIFY.
type Waker interface {
	// Wait blocks until something may have changed. It returns nil immediately if a change may have been missed, for
	// example after a reconnect. If it can't listen, it returns an error. Watch then calls it again a while later, and Wait
	// reconnects. It returns soon after ctx ends.
	Wait(ctx context.Context) error
}

// A WatchOption changes how [DB.Watch] goes about it. Each may be given once. The zero value is refused.
type WatchOption struct{ set option.Option[watch] }

// WithWaker makes the watch poll when w wakes it, and still at every interval. The watch polls immediately unless its last
// poll ended less than [MinGap] ago. Watch reports an error of w as an [Event], which does not count as a failed poll. It
// is [ErrUnavailable] if the waker did not reach its server or lost the connection, [ErrClosed] if it was closed, or what
// the dialect maps the server's answer to, for example [ErrReadOnly] on a standby.
func WithWaker(w Waker) WatchOption {
	return WatchOption{option.New("WithWaker", func(o *watch) error {
		if querier.IsNil(w) {
			return fmt.Errorf("%w: the waker is nil", ErrInvalid)
		}
		o.waker = w
		return nil
	})}
}

// MinGap sets the shortest time between the end of a poll and a poll that a [Waker] causes. It limits the cost of a flood of
// notifications, which any role of the database may send. The first wake after a quiet time causes a poll immediately.
// Wakes within the gap cause one poll together, at its end; none is lost. If the watch's interval is shorter than the gap,
// the interval counts. The default is 100 milliseconds. If d is not positive, Watch returns [ErrInvalid].
func MinGap(d time.Duration) WatchOption {
	return WatchOption{option.New("MinGap", func(o *watch) error {
		if d <= 0 {
			return fmt.Errorf("%w: a gap of %s between two polls", ErrInvalid, d)
		}
		o.gap = d
		return nil
	})}
}

// minGap is the gap unless the program says otherwise.
const minGap = 100 * time.Millisecond

// PollTimeout sets how long one poll may take, with the load that may follow, before it fails. The default is a minute. So
// a connection that died silently does not stop the watch. A driver that ignores the end of its context gets a second
// more. The watch then goes on without that call, which keeps its connection until the driver returns. While four such
// calls run, further polls fail with [ErrUnavailable].
func PollTimeout(d time.Duration) WatchOption {
	return WatchOption{option.New("PollTimeout", func(o *watch) error {
		if d <= 0 {
			return fmt.Errorf("%w: a poll can't be done within %s", ErrInvalid, d)
		}
		o.within = d
		return nil
	})}
}

// lookWithin is how long a look may take unless the program says otherwise.
const pollTimeout = time.Minute

// A watch is one call of Watch.
type watch struct {
	db     *DB
	every  time.Duration
	within time.Duration
	gap    time.Duration
	waker  Waker
	tell   func(Event)
	calls  promptly.Calls

	failures int
	drift    error // how the database is not as expected, by the last look; nil if it is
}

// Watch polls until ctx is done. It polls immediately, and then every interval. When something changed, it publishes a new
// snapshot, as [DB.Reload] does, and calls fn. It returns the context's error, so that it usually runs in a goroutine of
// its own:
//
//	go m.Watch(ctx, time.Second, func(e massive.Event) { log.Println(e) })
//
// A poll first asks, in one round trip, whether anything was committed on the whole server since the last load. If the
// database can't rule that out, the poll loads. If the server is written to all the time, each poll loads: choose an
// interval of at least fifty times the duration of a load. Each poll also loads on a standby, before PostgreSQL 14, and
// with a dialect without a sign. A poll that finds no change does not call fn. Labels appended locally stay; only a Reload
// drops them. Watch does not report what the program itself reloads meanwhile.
//
// Watch reports each poll that fails, and tries again, also over restarts and failovers if the querier is a *sql.DB, which
// reconnects. With a long interval it tries earlier: after a second at first, and after half a minute at most. If the
// database is not as expected at [Load] ([Expect]), Watch reports that once, with [ErrDrift], and again if the difference
// changes or after failed polls. The snapshot stays until the database is as expected again. Watch reports that, too, if
// necessary by an event without changes.
//
// Watch calls fn in its own goroutine, one event at a time. The next poll waits for fn. fn may use m in any way. Watch
// publishes a snapshot before it calls fn.
//
// Watch returns soon after ctx ends. If the driver ignores the context, as lib/pq does while the network drops packets,
// Watch returns a second later. The driver's call, its goroutine and its connection then last until the driver returns,
// and nothing more is published.
//
// Errors: [ErrInvalid] for an interval that is not positive, a nil fn, wrong options, or a querier that is a transaction.
func (m *DB) Watch(ctx context.Context, every time.Duration, fn func(Event), opts ...WatchOption) error {
	w := &watch{db: m, every: every, within: pollTimeout, gap: minGap, tell: fn}
	if err := w.check(ctx, opts); err != nil {
		return &Error{Op: dialect.OpWatch, Err: err}
	}
	ctx, stop := context.WithCancel(ctx)
	wake := w.listen(ctx)
	defer wake.wait()
	defer stop()

	timer := time.NewTimer(0)
	defer timer.Stop()
	var looked, due time.Time // when the last look ended, and when the interval has the next one
	heard := wake.heard       // nil when a wake has set the timer already
	for {
		select {
		case <-ctx.Done():
			return &Error{Op: dialect.OpWatch, Err: ctx.Err()}
		case <-timer.C:
		case <-heard:
			if soonest := looked.Add(w.gap); time.Now().Before(soonest) {
				heard = nil
				if soonest.Before(due) {
					timer.Reset(time.Until(soonest))
				}
				continue
			}
		case err := <-wake.failed:
			err = registry.Known(ctx, m.dialect, dialect.Failure{Op: dialect.OpWatch, Err: err})
			w.tell(Event{Registry: m.Registry(), Err: &Error{Op: dialect.OpWatch, Err: fmt.Errorf(
				"the waker failed, and changes are only seen at the interval until it is back: %w", err)}})
			continue
		}
		select {
		case <-wake.heard: // the look sees what it was about
		default:
		}
		w.look(ctx)
		looked, heard = time.Now(), wake.heard
		due = looked.Add(w.pause())
		timer.Reset(time.Until(due))
	}
}

// pause is how long to wait for the next look. What woke the one that failed does not come again, so that the interval,
// which may be long where there is a waker, is not waited for then.
func (w *watch) pause() time.Duration {
	if w.failures == 0 {
		return w.every
	}
	return min(retryFirst<<min(w.failures-1, 5), pauseMost, w.every)
}

// retryFirst is how long behind the first failed look the next one is, and pauseMost behind the last.
const retryFirst = time.Second

// check takes the options, and refuses what can't be watched.
func (w *watch) check(ctx context.Context, opts []WatchOption) error {
	switch {
	case querier.IsNil(ctx):
		return fmt.Errorf("%w: the context is nil", ErrInvalid)
	case w.every <= 0:
		return fmt.Errorf("%w: the interval is %s; give one above 0, such as time.Second", ErrInvalid, w.every)
	case w.tell == nil:
		return fmt.Errorf("%w: the function to call with what changed is nil", ErrInvalid)
	}
	if querier.IsNil(w.db.querier) || w.db.dialect == nil {
		return fmt.Errorf("%w: the database is nil; watch one that was loaded from a *sql.DB", ErrInvalid)
	}
	if querier.IsTransaction(w.db.querier) {
		return fmt.Errorf("%w: a transaction can't be watched: it would stay open as long as the watch; "+
			"watch a *sql.DB", ErrInvalid)
	}
	return option.Apply(w, "WatchOption", opts, func(o WatchOption) option.Option[watch] { return o.set })
}

// look looks once, and tells what came of it.
func (w *watch) look(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, w.within)
	defer cancel()
	event, err := promptly.Do(within, &w.calls, w.db.see)
	if own := (*Error)(nil); err != nil && !errors.As(err, &own) { // it was abandoned
		err = stays(dialect.OpWatch, err)
	}
	switch {
	case err != nil && ctx.Err() != nil: // the end of the watch itself
	case errors.Is(err, ErrDrift): // seen well enough
		told := w.failures == 0 && w.drift != nil && w.drift.Error() == err.Error()
		if !told {
			w.tell(Event{Registry: w.db.Registry(), Err: err, Failures: w.failures})
		}
		w.failures, w.drift = 0, err
	case err != nil:
		w.failures++
		w.tell(Event{Registry: w.db.Registry(), Err: err, Failures: w.failures})
	case event.Published || w.failures > 0 || w.drift != nil:
		event.Failures, w.failures, w.drift = w.failures, 0, nil
		w.tell(event)
	}
}

// see brings the snapshot up to date without being asked: it publishes nothing unless something differs,
// and keeps local labels.
func (m *DB) see(ctx context.Context) (Event, error) {
	r, err := m.renew(ctx, dialect.OpWatch, true)
	if err != nil {
		return Event{}, err
	}
	m.writing.Lock()
	defer m.writing.Unlock()
	before := m.Registry()
	switch {
	case r.next == nil, r.number < m.published:
		return Event{Registry: before}, nil
	case registry.Same(before, r.next):
		m.published, m.sign = r.number, r.next.Sign()
		return Event{Registry: before}, nil
	}
	next := r.next.KeepLabels(before)
	changes := registry.Diff(before, next)
	if err := ctx.Err(); err != nil { // the watch may have abandoned this look: nobody would tell what it published
		return Event{}, stays(dialect.OpWatch, err)
	}
	m.publish(r.number, next)
	return Event{Changes: changes, Registry: next, Published: true}, nil
}

// A listener runs the Wait loop of a watch's waker.
type listener struct {
	heard  chan struct{}
	failed chan error
	done   chan struct{} // closed when nobody listens any more
}

// How long a waker that failed is left alone: the first time, and at most, which holds for failed looks, too.
const (
	pauseFirst = 100 * time.Millisecond
	pauseMost  = 30 * time.Second
)

// listen waits for the waker, if there is one, until the context ends.
func (w *watch) listen(ctx context.Context) *listener {
	e := &listener{heard: make(chan struct{}, 1), failed: make(chan error), done: make(chan struct{})}
	if w.waker == nil {
		close(e.done)
		return e
	}
	go func() {
		defer close(e.done)
		for pause := pauseFirst; ctx.Err() == nil; {
			err := w.waker.Wait(ctx)
			if err == nil {
				pause = pauseFirst
				select {
				case e.heard <- struct{}{}:
				default: // a look is due already
				}
				continue
			}
			select {
			case e.failed <- err:
			case <-ctx.Done():
				return
			}
			select {
			case <-time.After(pause):
				pause = min(2*pause, pauseMost)
			case <-ctx.Done():
			}
		}
	}()
	return e
}

// wait waits until nobody listens any more. A waker that ignores its context is abandoned like a look.
func (e *listener) wait() {
	grace := time.NewTimer(promptly.Grace)
	defer grace.Stop()
	select {
	case <-e.done:
	case <-grace.C:
	}
}
