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

// An Event is a report of [DB.Watch]: a new snapshot, a poll that failed or found the
// database not as expected, or the first poll that succeeds after that. The last kind has
// neither Changes nor Err, and Published is false.
type Event struct {
	// Changes has the differences from the previous snapshot. It is nil for an error. It
	// is also nil if the new snapshot differs in something else: the server, for example
	// a promoted standby, the search path, or the excluded structures.
	Changes Changes
	// Registry is the current snapshot. It is never nil.
	Registry *Registry
	// Published means that Registry is new.
	Published bool
	// Err is why the poll failed, or how the database differs from what is expected.
	// Otherwise it is nil. After an error the snapshot stays, and Watch continues.
	Err error
	// Failures is the number of failed polls in a row. If this poll succeeded, it is the
	// number of failed polls before it. [ErrDrift] and an error of the waker are not
	// failures of a poll.
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
		return "the server is reached again, after a failure"
	default:
		return fmt.Sprintf("the server is reached again, after %d failures", e.Failures)
	}
}

// A Waker makes a watch poll immediately, before its interval is over. The packages
// dialect/postgres/pgxwake and dialect/postgres/pqwake implement it for each driver, by
// LISTEN and NOTIFY.
type Waker interface {
	// Wait blocks until something may have changed. It returns nil immediately if a
	// change may have been missed, for example after a reconnect. If it can't listen, it
	// returns an error. Watch then calls it again later, and Wait reconnects. It returns
	// soon after ctx ends.
	Wait(ctx context.Context) error
}

// A WatchOption changes how [DB.Watch] polls. Each option may be given once. The zero value
// is invalid.
type WatchOption struct{ set option.Option[watch] }

// WithWaker makes Watch poll when w wakes it, and still at every interval. It polls
// immediately unless its last poll ended less than [MinGap] ago. Watch reports an error
// of w as an [Event], which does not count as a failed poll. The error is
// [ErrUnavailable] if the waker lost its connection or did not reach the server, and
// [ErrClosed] if the waker was closed. Otherwise the dialect classifies the server's
// answer, for example as [ErrReadOnly] on a standby.
func WithWaker(w Waker) WatchOption {
	return WatchOption{option.New("WithWaker", func(o *watch) error {
		if querier.IsNil(w) {
			return fmt.Errorf("%w: the waker is nil", ErrInvalid)
		}
		o.waker = w
		return nil
	})}
}

// MinGap sets the shortest time between the end of a poll and a poll that a [Waker]
// causes. It limits the cost of a flood of notifications, which any role of the database
// may send. The first wake after a quiet time causes a poll immediately. Further wakes
// cause one poll at the end of the gap, so none is lost. If the interval is shorter than
// the gap, the interval applies. The default is 100 milliseconds. If d is not positive,
// Watch returns [ErrInvalid].
func MinGap(d time.Duration) WatchOption {
	return WatchOption{option.New("MinGap", func(o *watch) error {
		if d <= 0 {
			return fmt.Errorf("%w: %s is not above 0", ErrInvalid, d)
		}
		o.gap = d
		return nil
	})}
}

// minGap is the default of MinGap.
const minGap = 100 * time.Millisecond

// PollTimeout sets how long one poll, including a load, may take before it fails. The
// default is one minute. So a connection that died silently does not stop the watch. A
// driver that ignores the end of its context gets a second more. Then Watch abandons the
// driver's call, which keeps its connection until the driver returns. While four such
// calls run, further polls fail with [ErrUnavailable].
func PollTimeout(d time.Duration) WatchOption {
	return WatchOption{option.New("PollTimeout", func(o *watch) error {
		if d <= 0 {
			return fmt.Errorf("%w: %s is not above 0", ErrInvalid, d)
		}
		o.within = d
		return nil
	})}
}

// pollTimeout is the default of PollTimeout.
const pollTimeout = time.Minute

// A watch is one call of Watch.
type watch struct {
	db     *DB
	every  time.Duration
	within time.Duration
	gap    time.Duration
	waker  Waker
	report func(Event)
	calls  promptly.Calls

	failures int
	drift    error // the drift that the last poll found, or nil
}

// Watch polls until ctx is done. It polls immediately, and then every interval. When
// something changed, it publishes a new snapshot, as [DB.Reload] does, and calls fn. It
// returns ctx's error. Usually it runs in its own goroutine:
//
//	go m.Watch(ctx, time.Second, func(e massive.Event) { log.Println(e) })
//
// A poll first checks, in one round trip, whether anything was committed on the whole
// server since the last load. If the database can't rule that out, the poll loads. If the
// server is written to all the time, each poll loads: choose an interval of at least
// fifty times the duration of a load. Each poll also loads on a standby, before
// PostgreSQL 14, and with a dialect that can't check.
//
// A poll that finds no change does not call fn. Labels appended locally stay; only a
// Reload drops them. Watch does not report changes that the program's own reloads have
// published.
//
// Watch reports each failed poll and tries again. If the querier is a *sql.DB, which
// reconnects, Watch continues after restarts and failovers. With a long interval, it
// tries again earlier: after a second at first, and after at most half a minute.
//
// If the database is not as expected at [Load] ([Expect]), Watch reports that once, with
// [ErrDrift]. It reports the difference again if it changes, or after failed polls. The
// snapshot stays until the database is as expected again. Watch reports that, too, if
// necessary by an event without changes.
//
// Watch calls fn in its own goroutine, one event at a time. The next poll waits for fn.
// fn may use m in any way. Watch publishes a snapshot before it calls fn.
//
// Watch returns soon after ctx ends. If the driver ignores the context, as lib/pq does
// while the network drops packets, Watch returns a second later. The driver's call, its
// goroutine and its connection then last until the driver returns, and nothing more is
// published.
//
// Errors: [ErrInvalid] for an interval that is not positive, a nil fn, wrong options, or
// a querier that is a transaction; otherwise ctx's error.
func (m *DB) Watch(ctx context.Context, every time.Duration, fn func(Event), opts ...WatchOption) error {
	m = m.root()
	w := &watch{db: m, every: every, within: pollTimeout, gap: minGap, report: fn}
	if err := w.check(ctx, opts); err != nil {
		return &Error{Op: dialect.OpWatch, Err: err}
	}
	ctx, stop := context.WithCancel(ctx)
	wake := w.listen(ctx)
	defer wake.wait()
	defer stop()

	timer := time.NewTimer(0)
	defer timer.Stop()
	var polled, due time.Time // the end of the last poll, and the next poll by the interval
	woken := wake.woken       // nil if a wake has already set the timer
	for {
		select {
		case <-ctx.Done():
			return &Error{Op: dialect.OpWatch, Err: ctx.Err()}
		case <-timer.C:
		case <-woken:
			if soonest := polled.Add(w.gap); time.Now().Before(soonest) {
				woken = nil
				if soonest.Before(due) {
					timer.Reset(time.Until(soonest))
				}
				continue
			}
		case err := <-wake.failed:
			err = registry.Known(ctx, m.dialect, dialect.Failure{Op: dialect.OpWatch, Err: err})
			w.report(Event{Registry: m.Registry(), Err: &Error{Op: dialect.OpWatch, Err: fmt.Errorf(
				"the waker failed; until it works again, changes are only found at the interval: %w", err)}})
			continue
		}
		select {
		case <-wake.woken: // the poll covers this wake, too
		default:
		}
		w.poll(ctx)
		polled, woken = time.Now(), wake.woken
		due = polled.Add(w.pause())
		timer.Reset(time.Until(due))
	}
}

// pause returns the time until the next poll. After a failure it is short, even if the
// interval is long: the wake that caused the failed poll does not come again.
func (w *watch) pause() time.Duration {
	if w.failures == 0 {
		return w.every
	}
	return min(retryFirst<<min(w.failures-1, 5), maxPause, w.every)
}

// retryFirst is the pause after the first failed poll. maxPause is the longest pause.
const retryFirst = time.Second

// check applies the options, and returns an error if the DB can't be watched.
func (w *watch) check(ctx context.Context, opts []WatchOption) error {
	switch {
	case querier.IsNil(ctx):
		return fmt.Errorf("%w: the context is nil", ErrInvalid)
	case w.every <= 0:
		return fmt.Errorf("%w: the interval is %s; it must be above 0, for example time.Second", ErrInvalid, w.every)
	case w.report == nil:
		return fmt.Errorf("%w: the function is nil", ErrInvalid)
	}
	if querier.IsNil(w.db.querier) || w.db.dialect == nil {
		return fmt.Errorf("%w: the querier is nil; watch a DB that was loaded from a *sql.DB", ErrInvalid)
	}
	if querier.IsTransaction(w.db.querier) {
		return fmt.Errorf("%w: a transaction can't be watched: it would stay open as long as the watch; "+
			"watch a *sql.DB", ErrInvalid)
	}
	return option.Apply(w, "WatchOption", opts, func(o WatchOption) option.Option[watch] { return o.set })
}

// poll polls once and reports the result.
func (w *watch) poll(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, w.within)
	defer cancel()
	event, err := promptly.Do(within, &w.calls, w.db.update)
	if own := (*Error)(nil); err != nil && !errors.As(err, &own) { // the call was abandoned
		err = keptSnapshot(dialect.OpWatch, err)
	}
	switch {
	case err != nil && ctx.Err() != nil: // the watch ends
	case errors.Is(err, ErrDrift): // the poll itself succeeded
		reported := w.failures == 0 && w.drift != nil && w.drift.Error() == err.Error()
		if !reported {
			w.report(Event{Registry: w.db.Registry(), Err: err, Failures: w.failures})
		}
		w.failures, w.drift = 0, err
	case err != nil:
		w.failures++
		w.report(Event{Registry: w.db.Registry(), Err: err, Failures: w.failures})
	case event.Published || w.failures > 0 || w.drift != nil:
		event.Failures, w.failures, w.drift = w.failures, 0, nil
		w.report(event)
	}
}

// update renews the snapshot for a watch. Unlike Reload, it publishes only a snapshot
// that differs, and keeps local labels.
func (m *DB) update(ctx context.Context) (Event, error) {
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
	if err := ctx.Err(); err != nil { // if the watch abandoned this call, no event would report the changes
		return Event{}, keptSnapshot(dialect.OpWatch, err)
	}
	m.publish(r.number, next)
	return Event{Changes: changes, Registry: next, Published: true}, nil
}

// A listener runs the Wait loop of a watch's waker.
type listener struct {
	woken  chan struct{}
	failed chan error
	done   chan struct{} // closed when the loop has ended
}

const (
	firstPause = 100 * time.Millisecond // after the first failure of a waker
	maxPause   = 30 * time.Second       // after many failures, of a waker or of polls
)

// listen starts the Wait loop, if there is a waker. It ends with ctx.
func (w *watch) listen(ctx context.Context) *listener {
	e := &listener{woken: make(chan struct{}, 1), failed: make(chan error), done: make(chan struct{})}
	if w.waker == nil {
		close(e.done)
		return e
	}
	go func() {
		defer close(e.done)
		for pause := firstPause; ctx.Err() == nil; {
			err := w.waker.Wait(ctx)
			if err == nil {
				pause = firstPause
				select {
				case e.woken <- struct{}{}:
				default: // a wake is already pending
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
				pause = min(2*pause, maxPause)
			case <-ctx.Done():
			}
		}
	}()
	return e
}

// wait waits for the end of the loop, at most for the grace period: a waker may ignore
// its context.
func (e *listener) wait() {
	grace := time.NewTimer(promptly.Grace)
	defer grace.Stop()
	select {
	case <-e.done:
	case <-grace.C:
	}
}
