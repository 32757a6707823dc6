package conformance_test

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// runMutations break what plans and runs are made of.
type runMutations struct {
	filtered   func(f dialect.Filter, cat *dialect.Catalog)
	refreshErr func(err error) error
}

// Rules of plans and runs are kept by the library on top of what a dialect does, so that the same break can be one of
// several rules: each has to notice by itself.
var runMutants = []mutation{
	{"what a pattern leaves out not loaded", "is left out of a plan, with the reason, and passes the order on", func(m *mutant) {
		m.filtered = func(f dialect.Filter, cat *dialect.Catalog) {
			cat.Matviews = slices.DeleteFunc(cat.Matviews, func(v dialect.MatviewDef) bool {
				_, omitted := f.Excludes(v.Name)
				return omitted
			})
		}
	}},
	{"what a pattern leaves out reads nothing", "is left out of a plan, with the reason, and passes the order on", func(m *mutant) {
		m.filtered = func(f dialect.Filter, cat *dialect.Catalog) {
			for i, v := range cat.Matviews {
				if _, omitted := f.Excludes(v.Name); omitted {
					cat.Matviews[i].Reads = nil
				}
			}
		}
	}},
	{"readers of a dropped view stay", "views that read a dropped one go with it", func(m *mutant) {
		var first *dialect.Catalog
		m.filtered = func(_ dialect.Filter, cat *dialect.Catalog) {
			if first == nil {
				first = &dialect.Catalog{Matviews: slices.Clone(cat.Matviews)}
				return
			}
			cat.Matviews = first.Matviews
		}
	}},
	{"plain views lost, to a selection", "Views takes the named ones, Upstream and Downstream", onLoad(func(cat *dialect.Catalog) { cat.Views = nil })},
	{"a failure taken for done", "where a view fails, what depends on it is skipped", swallowing},
	{"a failure of nobody's", "the error is that view's", without(massive.ErrDuplicateRows)},
	{"busy is silent, in a run", "with SkipIfBusy a view that another refreshes is skipped", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Busy = false
			return done
		}
	}},
	{"busy found out by a lock timeout", "is skipped, what depends on it too, and the rest is refreshed, in a transaction as well", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			if how.SkipIfBusy { // which fails a transaction
				how.SkipIfBusy, how.LockTimeout = false, 20*time.Millisecond
			}
			return how, false
		}
	}},
	{"blockers unknown to a plan", "a plan foresees the mode that ConcurrentlyIfPossible comes to", func(m *mutant) {
		m.blockers = func([]dialect.Blocker) []dialect.Blocker { return nil }
	}},
	{"what prevented it lost, to a plan", "a plan foresees the mode that ConcurrentlyIfPossible comes to, and why", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Prevented = 0
			return done
		}
	}},
	{"what is gone taken for done", "a view dropped between plan and run is ErrNotFound", swallowing},
	{"what is gone not known, in a run", "a view dropped between plan and run is ErrNotFound", without(massive.ErrNotFound)},
	{"transaction ignored by a run", "in a transaction a failure ends the run", func(m *mutant) {
		m.querier = func(dialect.Querier) dialect.Querier { return m.DB() }
		m.context = func(ctx context.Context) (context.Context, context.CancelFunc) { // it may wait for the very transaction
			return context.WithTimeout(ctx, time.Second)
		}
	}},
	{"a failure taken for done, in a transaction", "in a transaction a failure ends the run", swallowing},
	{"a connection kept", "a run uses no more connections than the pool may open", func(m *mutant) {
		m.querier = func(q dialect.Querier) dialect.Querier {
			if pool, ok := q.(*sql.DB); ok {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if conn, err := pool.Conn(ctx); err == nil {
					return conn // which nobody closes
				}
			}
			return q
		}
	}},
	{"no connection taken for busy", "a run that gets no connection ends with its context", func(m *mutant) {
		m.classify = func(f dialect.Failure, right error) error {
			if errors.Is(f.Err, context.DeadlineExceeded) {
				return massive.ErrBusy
			}
			return right
		}
	}},
	{"context ignored where there is no connection", "a run that gets no connection ends with its context", heedless(context.Canceled)},
	{"context ignored by a run", "a run that is cancelled ends the refreshes under way", heedless(context.DeadlineExceeded)},
	{"a cancel taken for done", "a run that is cancelled ends the refreshes under way", swallowing},
	{"if possible holds off all readers", "ConcurrentlyIfPossible holds readers off only where it has to", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.IfPossible = false
			return how, false
		}
	}},
	{"if possible does nothing", "ConcurrentlyIfPossible holds readers off only where it has to", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) { return how, true }
	}},
}

// rowMutants read other rows than there are.
var rowMutants = []mutation{
	{"the first row lost", "Get reads the first row", answering(func(rows reflect.Value) reflect.Value { return rows.Slice(1, rows.Len()) })},
	{"the last row lost", "Rows reads one row after the other", answering(func(rows reflect.Value) reflect.Value { return rows.Slice(0, rows.Len()-1) })},
	{"the last row lost, to Select", "Select reads columns into fields by name", answering(func(rows reflect.Value) reflect.Value { return rows.Slice(0, rows.Len()-1) })},
	{"the last row twice", "Rows reads one row after the other", answering(func(rows reflect.Value) reflect.Value {
		return reflect.AppendSlice(rows.Slice3(0, rows.Len(), rows.Len()), rows.Slice(rows.Len()-1, rows.Len()))
	})},
}

// answering makes a fake whose rows are others, where there are any, to whoever reads them, and not to whoever counts.
func answering(with func(rows reflect.Value) reflect.Value) func(m *mutant) {
	return func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) {
			c.Matviews = slices.Clone(c.Matviews) // which are the rule's own
			for i := range c.Matviews {
				all := reflect.ValueOf(c.Matviews[i].Rows)
				if all.Len() > 0 {
					all = with(all)
				}
				c.Matviews[i].Select = func(string, []any) (any, error) { return all.Interface(), nil }
			}
		}
		m.read = func(view dialect.MatviewDef, _ string) (dialect.MatviewDef, string) { return view, "as above" }
	}
}

// swallowing makes every refresh that fails look like one that is done.
func swallowing(m *mutant) { m.refreshErr = func(error) error { return nil } }

// heedless is a mutant that pays no attention to its caller's context, and ends by itself a second later, with that error.
// (One that never does ends its rule too, and takes longer: hangingMutants.)
func heedless(with error) func(m *mutant) {
	return func(m *mutant) {
		m.context = func(ctx context.Context) (context.Context, context.CancelFunc) {
			on := context.WithoutCancel(ctx)
			if errors.Is(with, context.DeadlineExceeded) {
				return context.WithTimeout(on, time.Second)
			}
			on, cancel := context.WithCancel(on)
			late := time.AfterFunc(time.Second, cancel)
			return on, func() { late.Stop(); cancel() }
		}
	}
}
