package conformance

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
	"github.com/massivedb/massive-go/sqltest"
)

// watched is a catalog with structures of each kind.
func watched() sqltest.Catalog {
	return sqltest.Catalog{
		SearchPath: []string{"early", "public"},
		Matviews:   []sqltest.Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "early.w", Rows: []number{{1}}}},
		Enums:      []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "happy"}}, {Name: "early.e"}},
		Sequences:  []sqltest.Sequence{{Name: "s"}, {Name: "early.q"}},
	}
}

// changesSeen lists changes that a load shows, in the order in which they are made, each
// with its kind.
var changesSeen = []struct {
	kind    dialect.Kind
	changes []sqltest.Change
}{
	{dialect.KindEnum, []sqltest.Change{sqltest.AddLabel{Enum: "mood", Label: "elated"}}},
	{dialect.KindEnum, []sqltest.Change{sqltest.AddLabel{Enum: "mood", Label: "ok", Before: "happy"}}},
	{dialect.KindEnum, []sqltest.Change{sqltest.AddLabel{Enum: "early.e", Label: "first"}}},
	{dialect.KindSequence, []sqltest.Change{sqltest.Create{Sequences: []sqltest.Sequence{{Name: "s2", Max: 9}}}}},
	{dialect.KindEnum, []sqltest.Change{sqltest.Create{Enums: []sqltest.Enum{{Name: "e2", Labels: []string{"a"}}}}}},
	{dialect.KindMatview, []sqltest.Change{sqltest.Create{Matviews: []sqltest.Matview{{Name: "v2", Rows: []number{{1}}}}}}},
	{dialect.KindMatview, []sqltest.Change{sqltest.Create{Tables: []string{"early.v"}}}},                       // hides a view
	{dialect.KindSequence, []sqltest.Change{sqltest.Create{Sequences: []sqltest.Sequence{{Name: "early.s"}}}}}, // hides a sequence
	{dialect.KindSequence, []sqltest.Change{sqltest.Rename{Name: "s2", To: "s3"}}},
	{dialect.KindEnum, []sqltest.Change{sqltest.Rename{Name: "e2", To: "e3"}}},
	{dialect.KindMatview, []sqltest.Change{sqltest.Rename{Name: "v2", To: "v3"}}},
	{dialect.KindMatview, []sqltest.Change{sqltest.Drop{Name: "early.v"}}},
	{dialect.KindSequence, []sqltest.Change{sqltest.Drop{Name: "s3"}}},
	{dialect.KindEnum, []sqltest.Change{sqltest.Drop{Name: "e3"}}},
	{dialect.KindMatview, []sqltest.Change{sqltest.Drop{Name: "v3"}}},
	// The same labels in another order.
	{dialect.KindEnum, []sqltest.Change{sqltest.Drop{Name: "mood"}, sqltest.Create{Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"elated", "sad", "ok", "happy"}}}}}},
	// Recreated with the same definition.
	{dialect.KindSequence, []sqltest.Change{sqltest.Drop{Name: "s"}, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "s"}}}}},
}

func watchRules() []rule {
	return []rule{
		watchSign(),
		watchHarmless(),
		watchTransactions(),
		watchPublishes(),
		watchOutage(),
		watchBad(),
	}
}

func watchSign() rule {
	return rule{
		name: "watch/sign",
		says: "After a change that a new load would show, Unchanged returns false for " +
			"the previous load's sign",
		needs: []Operation{Unchanged}, adapts: true, catalog: watched(),
		check: func(c *check) {
			for _, seen := range changesSeen {
				if !c.has(seen.kind) {
					continue
				}
				cat, err := c.db.Dialect().Load(c.Context(), c.db.DB(), dialect.Filter{})
				c.ok(err)
				c.db.Do(c, seen.changes...)
				what := fmt.Sprintf("%+v", seen.changes)
				unchanged, err := registry.Unchanged(c.Context(), c.db.DB(), c.db.Dialect(), cat.Sign)
				c.ok(err)
				c.want("Unchanged, after "+what, unchanged, false)
				loaded, err := c.m.Reload(c.Context())
				c.ok(err)
				c.want("Reload returns changes, after "+what, len(loaded) > 0, true)
				loaded, err = c.m.Reload(c.Context())
				c.ok(err)
				c.want("the changes of a second Reload, after "+what, loaded, massive.Changes(nil))
			}
		},
	}
}

func watchHarmless() rule {
	return rule{
		name: "watch/harmless",
		says: "Taking values, changing rows and refreshing views are not changes: Reload " +
			"returns none",
		needs: []Operation{RefreshMatview, NextSequenceValue}, adapts: true, catalog: watched(),
		check: func(c *check) {
			if c.has(dialect.KindSequence) {
				c.next(c.sequence("s"), 1, 2)
			}
			if c.has(dialect.KindMatview) {
				c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{2}, {3}}})
				_, err := c.matview("v").Refresh(c.Context())
				c.ok(err)
			}
			changes, err := c.m.Reload(c.Context())
			c.ok(err)
			c.want("the changes of Reload", changes, massive.Changes(nil))
		},
	}
}

func watchTransactions() rule {
	return rule{
		name: "watch/transactions",
		says: "Reload reports a change after its transaction commits, not before, and " +
			"regardless of other commits in between",
		needs: []Operation{RefreshMatview}, catalog: sqltest.Catalog{SearchPath: watched().SearchPath, Matviews: watched().Matviews},
		check: func(c *check) {
			reloads := func(m *massive.DB, what string, want int) {
				c.Helper()
				changes, err := m.Reload(c.Context())
				c.ok(err)
				c.want(what, len(changes), want)
			}
			reload := func(what string, want int) { c.Helper(); reloads(c.m, what, want) }
			tx, inside := c.other(nil)
			_, err := matviewOf(c, inside, "v").Refresh(c.Context(), massive.WithNoData())
			c.ok(err)
			reloads(inside, "the number of changes in the transaction itself", 1)
			reload("the number of changes while the transaction is open", 0)
			c.db.Do(c, sqltest.Create{Matviews: []sqltest.Matview{{Name: "another", Rows: []number{{1}}}}})
			reload("the number of changes after another session committed one", 1)
			reload("the number of changes since", 0)
			c.ok(tx.Commit())
			reload("the number of changes after the transaction committed", 1)
			c.want("populated", c.matview("v").Populated(), false)

			tx, inside = c.other(nil)
			_, err = matviewOf(c, inside, "v").Refresh(c.Context())
			c.ok(err)
			c.ok(tx.Rollback())
			reload("the number of changes after a rollback", 0)
		},
	}
}

func watchPublishes() rule {
	return rule{
		name: "watch/publishes",
		says: "Watch publishes the changes of other sessions, reports each as an event, " +
			"and keeps local labels",
		adapts: true, catalog: watched(),
		check: func(c *check) {
			enums := c.has(dialect.KindEnum)
			if enums {
				c.ok(c.m.AppendLocalLabels("mood", "local"))
			}
			makes, kind := c.something("made")
			events, end := c.watch(c.m)
			for _, step := range []struct {
				kind   dialect.Kind
				change sqltest.Change
				says   string
			}{
				{dialect.KindEnum, sqltest.AddLabel{Enum: "mood", Label: "elated"}, "enum public.mood changed: " + c.relabelled(`["sad" "happy"]`, `["sad" "happy" "elated"]`)},
				{kind, makes, kind.String() + " public.made added"},
				{kind, sqltest.Drop{Name: "made"}, kind.String() + " public.made removed"},
			} {
				if !c.has(step.kind) {
					continue
				}
				c.db.Do(c, step.change)
				event := c.event(events)
				c.ok(event.Err)
				c.want("the event", event.String(), step.says)
				c.want("the event's registry is the published one", event.Registry == c.m.Registry() && event.Published, true)
			}
			if enums {
				c.want("labels", c.enum("mood").Values(), []string{"sad", "happy", "elated", "local"})
			}
			c.want("Watch returned context.Canceled", errors.Is(end(), context.Canceled), true)
			before := listed(c.m)
			makes, _ = c.something("late")
			c.db.Do(c, makes)
			c.want("the structures after Watch ended", listed(c.m), before)
			if enums {
				c.db.Do(c, sqltest.AddLabel{Enum: "mood", Label: "late"})
				c.want("the labels after Watch ended", c.enum("mood").Values(), []string{"sad", "happy", "elated", "local"})
			}
		},
	}
}

func watchOutage() rule {
	return rule{
		name: "watch/outage",
		says: "Watch reports each poll that fails, and continues. When a poll succeeds " +
			"again, Watch reports that, and what changed meanwhile",
		adapts: true, catalog: watched(),
		check: func(c *check) {
			flaky := &flaky{Querier: c.db.DB()}
			m, err := massive.Load(c.Context(), flaky, c.db.Dialect())
			c.ok(err)
			events, end := c.watch(m)
			flaky.down.Store(true)
			for i := range 3 {
				event := c.event(events)
				c.fails(event.Err, context.Canceled, "massive: watch: ", "the previous snapshot stays in use")
				c.want("the number of failures in a row", event.Failures, i+1)
				c.want("the snapshot is unchanged", event.Registry == m.Registry() && !event.Published, true)
			}
			makes, kind := c.something("made")
			c.db.Do(c, makes)
			flaky.down.Store(false)
			event := c.event(events)
			for event.Err != nil {
				event = c.event(events)
			}
			c.want("the event counts the failures before it", event.Failures >= 3, true)
			if event.Changes == nil { // the first poll may have run before the change
				event = c.event(events)
			}
			c.want("what changed", event.String(), kind.String()+" public.made added")
			c.want("Watch returned context.Canceled", errors.Is(end(), context.Canceled), true)
		},
	}
}

func watchBad() rule {
	return rule{
		name: "watch/bad",
		says: "Watch returns ErrInvalid for an interval that is not positive, a nil " +
			"function, a transaction, and invalid options",
		adapts: true, catalog: watched(),
		check: func(c *check) {
			ctx, fn := c.Context(), func(massive.Event) {}
			c.fails(c.m.Watch(ctx, 0, fn), massive.ErrInvalid, "massive: watch: ", "the interval is 0s")
			c.fails(c.m.Watch(ctx, -time.Second, fn), massive.ErrInvalid, "the interval is -1s")
			c.fails(c.m.Watch(ctx, time.Second, nil), massive.ErrInvalid, "is nil")
			c.fails(c.m.With(begin(c, c.db.DB(), nil)).Watch(ctx, time.Second, fn), massive.ErrInvalid, "a transaction can't be watched")
			c.fails(c.m.With(nil).Watch(ctx, time.Second, fn), massive.ErrInvalid, "the querier is nil")
			c.fails(c.m.Watch(ctx, time.Second, fn, massive.WatchOption{}), massive.ErrInvalid, "the zero WatchOption")
			c.fails(c.m.Watch(ctx, time.Second, fn, massive.WithWaker(nil)), massive.ErrInvalid, "option WithWaker", "nil")
			c.fails(c.m.Watch(ctx, time.Second, fn, massive.PollTimeout(0)), massive.ErrInvalid, "option PollTimeout")
			c.fails(c.m.Watch(ctx, time.Second, fn, massive.MinGap(0)), massive.ErrInvalid, "option MinGap")
			c.fails(c.m.Watch(ctx, time.Second, fn, massive.PollTimeout(1), massive.PollTimeout(1)), massive.ErrInvalid, "given twice")
		},
	}
}

// watchInterval is the poll interval of the suite.
const watchInterval = 5 * time.Millisecond

// watch runs Watch until end is called or the rule ends. end returns the error of Watch.
func (c *check) watch(m *massive.DB) (events <-chan massive.Event, end func() error) {
	sent := make(chan massive.Event)
	ctx, cancel := context.WithCancel(c.T.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- m.Watch(ctx, watchInterval, func(e massive.Event) {
			select {
			case sent <- e:
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
	c.Cleanup(func() { undo(end) })
	return sent, end
}

// event returns the next event.
func (c *check) event(events <-chan massive.Event) massive.Event {
	c.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(c.patience):
		c.Fatalf("%s\n\tgot no event within %s, want one", c.rule.says, c.patience)
		return massive.Event{}
	}
}

func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
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
