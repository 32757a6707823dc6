package massive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/promptly"
	"github.com/massivedb/massive-go/internal/querier"
	"github.com/massivedb/massive-go/registry"
)

// An Event is what [DB.Watch] has to tell: that the picture changed, that a look at the database failed or found it not as
// expected, or that all is well again. One of the last kind has neither Changes nor an Err, and Published is false.
type Event struct {
	// Changes are what differs from the picture that was published before. They are nil for an error, and where the
	// new picture differs in something else: the server (a standby that was promoted, say), the search path, or what
	// is left out.
	Changes Changes
	// Registry is the picture that is published now. Never nil.
	Registry *Registry
	// Published says that it is a new one.
	Published bool
	// Err is why the look failed, or how the database is not as expected; nil if the look succeeded and all is as
	// expected. The picture stays what it was, and the watch goes on.
	Err error
	// Failures counts the looks in a row that failed: up to this one, if it failed, else those before this one, which
	// is then the first to succeed again. A look that finds what is not as expected ([ErrDrift]), or a waker that
	// fails, is no failed look.
	Failures int
}

// String is the event in a line, or, of several changes, in a line each.
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

// A Waker makes a watch look at once, instead of when its interval is over. The packages dialect/postgres/pgxwake and
// dialect/postgres/pqwake have one for each driver, on LISTEN and NOTIFY.
type Waker interface {
	// Wait returns nil when something may have changed, at once if something may have since the last Wait or, as
	// after a lost connection, can't be told. It returns an error when it can't hear any more, and is called again,
	// a while later, to try anew; so it connects again by itself. It returns soon after the context ends.
	Wait(ctx context.Context) error
}

// A WatchOption changes how [DB.Watch] goes about it. Each may be given once. The zero value is refused.
type WatchOption struct {
	name  string
	apply func(*watch) error
}

// WithWaker makes the watch look when w wakes it, and still at every interval: notifications are only a short cut. The watch
// looks at once unless its last look ended less than [MinGap] ago. An error of w is told as an [Event], and does not
// count as a failed look: [ErrUnavailable] if the waker did not reach its server or lost the connection, [ErrClosed] if
// it was closed, or as the dialect classifies the server's answer, for example [ErrReadOnly] on a standby.
func WithWaker(w Waker) WatchOption {
	return WatchOption{"WithWaker", func(o *watch) error {
		if querier.IsNil(w) {
			return fmt.Errorf("%w: the waker is nil", ErrInvalid)
		}
		o.waker = w
		return nil
	}}
}

// MinGap is the shortest time between the end of a look and a look that a [Waker] causes. It bounds the cost of a flood of
// notifications, which any role of the database may send. The first wake after a quiet time causes a look at once. Wakes
// within the gap cause one look together, at its end; none is lost. If the watch's interval is shorter than the gap, the
// interval counts instead. Unless given it is 100 milliseconds. A d that is not positive is [ErrInvalid].
func MinGap(d time.Duration) WatchOption {
	return WatchOption{"MinGap", func(o *watch) error {
		if d <= 0 {
			return fmt.Errorf("%w: a gap of %s between two looks", ErrInvalid, d)
		}
		o.gap = d
		return nil
	}}
}

// minGap is the gap unless the program says otherwise.
const minGap = 100 * time.Millisecond

// PollTimeout is how long one look at the database, and the load that may follow it, may take together before they fail:
// a connection that died silently must not end the watch. Unless given it is a minute. A driver that ignores the end of
// its context gets a second more. The watch then goes on without that call, which keeps its connection until the
// driver returns. While four such calls run on, further looks fail with [ErrUnavailable].
func PollTimeout(d time.Duration) WatchOption {
	return WatchOption{"PollTimeout", func(o *watch) error {
		if d <= 0 {
			return fmt.Errorf("%w: a look can't be done within %s", ErrInvalid, d)
		}
		o.within = d
		return nil
	}}
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

// Watch keeps the snapshot up to date until ctx is done. It looks at once, and then every interval. If something
// changed it publishes a new snapshot, as [DB.Reload] does, and calls fn with what changed. It returns the context's
// error; so it usually runs in a goroutine of its own:
//
//	go m.Watch(ctx, time.Second, func(e massive.Event) { log.Println(e) })
//
// A look first asks, in one round trip, whether anything was committed since the last load, on the whole server. If the
// database can't rule that out, the look loads. On a database that is written to all the time each look loads:
// choose an interval of at least fifty times what a load takes. On a standby, before PostgreSQL 14, and for a
// dialect without a sign, each look loads, too. A look that finds no change calls nothing. Labels
// that were appended locally stay, through whatever is published: only a Reload drops them. What the program reloads by
// itself meanwhile is not told again.
//
// A look that fails is told, too, each one, and the next look tries again, for as long as it takes: over restarts and
// failovers, if the querier is a *sql.DB, which connects anew. Where the interval is long that is sooner, a second
// later at first, and half a minute later at most. Of what was expected at [Load] ([Expect]) and is not so
// any more, one event tells, with [ErrDrift], and it is told again where it comes to something else or behind failed
// looks. The picture stays as it is until the database is as expected again, which is told, too, if by nothing else then
// by an event without changes.
//
// fn is called in the goroutine of Watch, one event at a time, and holds up the next look while it runs; it may use m
// in any way. The picture is published before fn is called.
//
// Watch returns soon after ctx ends, whatever the driver does. If the driver ignores the context, as lib/pq does while
// the network swallows packets, Watch returns a second later: the driver's call, its goroutine and its connection then
// last until the driver returns. It publishes nothing any more.
//
// Errors: [ErrInvalid] for an interval that is not positive, a nil fn, wrong options, or a querier that is a
// transaction, which can't wait.
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
	for i, o := range opts {
		if o.apply == nil {
			return fmt.Errorf("%w: option %d is the zero WatchOption", ErrInvalid, i+1)
		}
		if slices.ContainsFunc(opts[:i], func(p WatchOption) bool { return p.name == o.name }) {
			return fmt.Errorf("%w: option %s is given twice", ErrInvalid, o.name)
		}
		if err := o.apply(w); err != nil {
			return fmt.Errorf("option %s: %w", o.name, err)
		}
	}
	return nil
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
