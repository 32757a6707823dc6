package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// watched is a catalog with something of each kind.
func watched() Catalog {
	return Catalog{
		SearchPath: []string{"early", "public"},
		Matviews:   []Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "early.w", Rows: []number{{1}}}},
		Enums:      []Enum{{Name: "mood", Labels: []string{"sad", "happy"}}, {Name: "early.e"}},
		Sequences:  []Sequence{{Name: "s"}, {Name: "early.q"}},
	}
}

// changesSeen are changes of what is loaded, each made behind the one before.
var changesSeen = [][]Change{
	{AddLabel{Enum: "mood", Label: "elated"}},
	{AddLabel{Enum: "mood", Label: "ok", Before: "happy"}},
	{AddLabel{Enum: "early.e", Label: "first"}},
	{Create{Sequences: []Sequence{{Name: "s2", Max: 9}}}},
	{Create{Enums: []Enum{{Name: "e2", Labels: []string{"a"}}}}},
	{Create{Matviews: []Matview{{Name: "v2", Rows: []number{{1}}}}}},
	{Create{Tables: []string{"early.v"}}},              // hides a view
	{Create{Sequences: []Sequence{{Name: "early.s"}}}}, // hides a sequence
	{Rename{Name: "s2", To: "s3"}}, {Rename{Name: "e2", To: "e3"}}, {Rename{Name: "v2", To: "v3"}},
	{Drop{Name: "early.v"}}, {Drop{Name: "s3"}}, {Drop{Name: "e3"}}, {Drop{Name: "v3"}},
	// The same labels in another order.
	{Drop{Name: "mood"}, Create{Enums: []Enum{{Name: "mood", Labels: []string{"elated", "sad", "ok", "happy"}}}}},
	// The same in all it says, made anew.
	{Drop{Name: "s"}, Create{Sequences: []Sequence{{Name: "s"}}}},
}

func watchRules() []rule {
	return []rule{{
		name: "watch/looks", says: "a look notices every change that a load would bring, once, and nothing else",
		needs: []Capability{ChangeDetector}, catalog: watched(),
		check: func(c *check) {
			look := c.lookout()
			c.want("the first look", look(), true)
			for range 4 {
				c.want("a look where nothing was changed", look(), false)
			}
			for _, changes := range changesSeen {
				c.db.Do(c, changes...)
				what := fmt.Sprintf("%+v", changes)
				c.want("a look behind "+what, look(), true)
				loaded, err := c.m.Reload(c.Context())
				c.ok(err)
				c.want("a load behind it has changes", len(loaded) > 0, true)
				c.want("a second look behind "+what, look(), false)
			}
		},
	}, {
		name: "watch/load", says: "a load tells what it has seen, so that the next look misses nothing which was changed back since another look",
		needs: []Capability{ChangeDetector}, catalog: watched(),
		check: func(c *check) {
			detector, ok := c.db.Dialect().(dialect.ChangeDetector)
			if !ok {
				c.Fatalf("%s\n\tthe dialect is no ChangeDetector", c.rule.says)
			}
			load := func() (*dialect.Catalog, dialect.Sight) {
				cat, seen, err := detector.LoadSeen(c.Context(), c.db.DB(), dialect.Filter{})
				c.ok(err)
				return cat, seen
			}
			changed := func(since dialect.Sight) bool {
				_, changed, err := detector.Look(c.Context(), c.db.DB(), dialect.Filter{}, since)
				c.ok(err)
				return changed
			}
			before, seen := load()
			c.want("a look behind a load", changed(seen), false)
			c.db.Do(c, Create{Sequences: []Sequence{{Name: "made"}}})
			after, seen := load()
			c.want("sequences more", len(after.Sequences)-len(before.Sequences), 1)
			c.want("a look behind a load of what was made", changed(seen), false)
			c.db.Do(c, Drop{Name: "made"})
			c.want("a look when it is gone again", changed(seen), true)
		},
	}, {
		name: "watch/harmless", says: "values taken, rows and refreshes are no change",
		needs:   []Capability{ChangeDetector, MatviewRefresher, SequenceMover},
		catalog: watched(),
		check: func(c *check) {
			look := c.lookout()
			look()
			c.next(c.sequence("s"), 1, 2)
			c.db.Do(c, SetRows{Matview: "v", Rows: []number{{2}, {3}}})
			_, err := c.matview("v").Refresh(c.Context())
			c.ok(err)
			look() // a look may suspect what a load then clears
			changes, err := c.m.Reload(c.Context())
			c.ok(err)
			c.want("what a load says", changes, massive.Changes(nil))
			c.want("a look then", look(), false)
		},
	}, {
		name: "watch/transactions", says: "a change is noticed when its transaction commits, whatever was committed meanwhile, and not before",
		needs: []Capability{ChangeDetector, MatviewRefresher}, catalog: watched(),
		check: func(c *check) {
			look := c.lookout()
			look()
			tx, inside := c.other(nil)
			_, err := matviewOf(c, inside, "v").Refresh(c.Context(), massive.WithNoData())
			c.ok(err)
			c.want("a look while the transaction runs", look(), false)
			c.want("and another", look(), false)
			c.db.Do(c, AddLabel{Enum: "mood", Label: "elated"})
			c.want("a look behind another's change", look(), true)
			c.want("and another", look(), false)
			c.want("and another", look(), false)
			c.ok(tx.Commit())
			c.want("a look behind the commit", look(), true)
			_, err = c.m.Reload(c.Context())
			c.ok(err)
			c.want("populated", c.matview("v").Populated(), false)

			tx, inside = c.other(nil)
			_, err = matviewOf(c, inside, "v").Refresh(c.Context())
			c.ok(err)
			c.ok(tx.Rollback())
			look()
			changes, err := c.m.Reload(c.Context())
			c.ok(err)
			c.want("what a transaction that was rolled back changed", changes, massive.Changes(nil))
		},
	}, {
		name: "watch/publishes", says: "Watch publishes what others change, tells it, and keeps local labels",
		needs: []Capability{ChangeDetector}, catalog: watched(),
		check: func(c *check) {
			c.ok(c.m.AppendEnum("mood", "local"))
			events, end := c.watch(c.m)
			for _, step := range []struct {
				change Change
				says   string
			}{
				{AddLabel{Enum: "mood", Label: "elated"}, `enum public.mood changed: labels ["sad" "happy"] → ["sad" "happy" "elated"]`},
				{Create{Sequences: []Sequence{{Name: "made"}}}, "sequence public.made added"},
				{Drop{Name: "made"}, "sequence public.made removed"},
			} {
				c.db.Do(c, step.change)
				event := c.event(events)
				c.ok(event.Err)
				c.want("the event", event.String(), step.says)
				c.want("its registry is the published one", event.Registry == c.m.Registry() && event.Published, true)
			}
			c.want("labels", c.enum("mood").Values(), []string{"sad", "happy", "elated", "local"})
			c.want("how it ends", errors.Is(end(), context.Canceled), true)
			c.db.Do(c, AddLabel{Enum: "mood", Label: "late"})
			c.want("labels when it has ended", c.enum("mood").Values(), []string{"sad", "happy", "elated", "local"})
		},
	}, {
		name: "watch/outage", says: "Watch tells each look that fails, goes on, and tells when looks succeed again, with what changed meanwhile",
		needs: []Capability{ChangeDetector}, catalog: watched(),
		check: func(c *check) {
			flaky := &flaky{Querier: c.db.DB()}
			m, err := massive.Load(c.Context(), flaky, c.db.Dialect())
			c.ok(err)
			events, end := c.watch(m)
			flaky.down.Store(true)
			for i := range 3 {
				event := c.event(events)
				c.fails(event.Err, context.Canceled, "massive: watch: ", "what was loaded before stays in use")
				c.want("failures in a row", event.Failures, i+1)
				c.want("the picture stays", event.Registry == m.Registry() && !event.Published, true)
			}
			c.db.Do(c, AddLabel{Enum: "mood", Label: "elated"})
			flaky.down.Store(false)
			event := c.event(events)
			for event.Err != nil {
				event = c.event(events)
			}
			c.want("failures before it", event.Failures >= 3, true)
			if event.Changes == nil { // the outage may have ended between the look and its load
				event = c.event(events)
			}
			c.want("what changed", event.String(), `enum public.mood changed: labels ["sad" "happy"] → ["sad" "happy" "elated"]`)
			c.want("how it ends", errors.Is(end(), context.Canceled), true)
		},
	}, {
		name: "watch/bad", says: "Watch refuses an interval that is not positive, no function, a transaction, and options that are none",
		needs: []Capability{ChangeDetector}, catalog: watched(),
		check: func(c *check) {
			ctx, tell := c.Context(), func(massive.Event) {}
			c.fails(c.m.Watch(ctx, 0, tell), massive.ErrInvalid, "massive: watch: ", "the interval is 0s")
			c.fails(c.m.Watch(ctx, -time.Second, tell), massive.ErrInvalid, "the interval is -1s")
			c.fails(c.m.Watch(ctx, time.Second, nil), massive.ErrInvalid, "is nil")
			c.fails(c.m.With(begin(c.T, c.db.DB(), nil)).Watch(ctx, time.Second, tell), massive.ErrInvalid, "a transaction can't be watched")
			c.fails(c.m.With(nil).Watch(ctx, time.Second, tell), massive.ErrInvalid, "the database is nil")
			c.fails(c.m.Watch(ctx, time.Second, tell, massive.WatchOption{}), massive.ErrInvalid, "the zero WatchOption")
			c.fails(c.m.Watch(ctx, time.Second, tell, massive.WakeOn(nil)), massive.ErrInvalid, "option WakeOn", "nil")
			c.fails(c.m.Watch(ctx, time.Second, tell, massive.LookWithin(0)), massive.ErrInvalid, "option LookWithin")
			c.fails(c.m.Watch(ctx, time.Second, tell, massive.LookWithin(1), massive.LookWithin(1)), massive.ErrInvalid, "given twice")
		},
	}}
}

// lookout returns a function that looks at the database again and again.
func (c *check) lookout() func() bool {
	var seen dialect.Sight
	return func() bool {
		c.Helper()
		now, changed, err := registry.Look(c.Context(), c.q, c.db.Dialect(), registry.Selection{}, seen)
		c.ok(err)
		seen = now
		return changed
	}
}

// watchInterval is the suite's.
const watchInterval = 5 * time.Millisecond

// watch watches until end is called, which returns how it ended, or the rule ends.
func (c *check) watch(m *massive.DB) (events <-chan massive.Event, end func() error) {
	told := make(chan massive.Event)
	ctx, cancel := context.WithCancel(c.T.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- m.Watch(ctx, watchInterval, func(e massive.Event) {
			select {
			case told <- e:
			case <-ctx.Done():
			}
		})
	}()
	end = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	c.Cleanup(func() { _ = end() })
	return told, end
}

// event is the next one.
func (c *check) event(events <-chan massive.Event) massive.Event {
	c.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(c.patience):
		c.Fatalf("%s\n\tnothing was told in %s", c.rule.says, c.patience)
		return massive.Event{}
	}
}

func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// watchIn is the error of a watch in a context, nil if that is the context's.
func (c *check) watchIn(ctx context.Context) error {
	if err := c.m.Watch(ctx, time.Hour, func(massive.Event) {}); !errors.Is(err, ctx.Err()) {
		return err
	}
	return nil
}

// A flaky database can't be reached while it is down.
type flaky struct {
	massive.Querier
	down atomic.Bool
}

func (f *flaky) context(ctx context.Context) context.Context {
	if f.down.Load() {
		return endedContext()
	}
	return ctx
}

func (f *flaky) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return f.Querier.ExecContext(f.context(ctx), query, args...)
}

func (f *flaky) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return f.Querier.QueryContext(f.context(ctx), query, args...)
}

func (f *flaky) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return f.Querier.QueryRowContext(f.context(ctx), query, args...)
}
