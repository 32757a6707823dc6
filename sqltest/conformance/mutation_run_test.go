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

// runMutations break operations that plans and runs use.
type runMutations struct {
	filtered   func(f dialect.Filter, cat *dialect.Catalog)
	refreshErr func(err error) error
}

// The library implements plans and runs on top of a dialect. One defect of a dialect can
// break several rules, and each rule must notice it by itself.
var runMutants = []mutation{
	{"excluded views not loaded", "A plan excludes a view that a pattern excluded, and gives the reason", func(m *mutant) {
		m.filtered = func(f dialect.Filter, cat *dialect.Catalog) {
			cat.Matviews = slices.DeleteFunc(cat.Matviews, func(v dialect.MatviewDef) bool {
				_, omitted := f.Excludes(v.Name)
				return omitted
			})
		}
	}},
	{"dependencies of excluded views lost", "A plan excludes a view that a pattern excluded, and gives the reason", func(m *mutant) {
		m.filtered = func(f dialect.Filter, cat *dialect.Catalog) {
			for i, v := range cat.Matviews {
				if _, omitted := f.Excludes(v.Name); omitted {
					cat.Matviews[i].Reads = nil
				}
			}
		}
	}},
	{"views that read a dropped view stay", "When a view is dropped, the views that read it are dropped with it", func(m *mutant) {
		var first *dialect.Catalog
		m.filtered = func(_ dialect.Filter, cat *dialect.Catalog) {
			if first == nil {
				first = &dialect.Catalog{Matviews: slices.Clone(cat.Matviews)}
				return
			}
			cat.Matviews = first.Matviews
		}
	}},
	{"plain views lost for Upstream", "Views selects the named views, Upstream adds all that they depend on, and Downstream adds all that depend on them", onLoad(func(cat *dialect.Catalog) { cat.Views = nil })},
	{"failed refresh reported as refreshed", "If a view fails, RefreshAll skips the views that depend on it and refreshes the others", swallowing},
	{"failed refresh without a sentinel", "If a view fails, RefreshAll skips the views that depend on it and refreshes the others", without(massive.ErrDuplicateRows)},
	{"busy without an error in a run", "With SkipIfBusy, RefreshAll skips a view that another session refreshes, and the views that depend on it", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Busy = false
			return done
		}
	}},
	{"busy detected only by a lock timeout", "With SkipIfBusy, RefreshAll skips a view that another session refreshes, and the views that depend on it", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			if how.SkipIfBusy { // the failure aborts a transaction
				how.SkipIfBusy, how.LockTimeout = false, 20*time.Millisecond
			}
			return how, false
		}
	}},
	{"blockers unknown in a plan", "A plan predicts the mode that ConcurrentlyIfPossible chooses for each view, and the reason", func(m *mutant) {
		m.blockers = func([]dialect.Blocker) []dialect.Blocker { return nil }
	}},
	{"reason of a blocking refresh lost in a plan", "A plan predicts the mode that ConcurrentlyIfPossible chooses for each view, and the reason", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Prevented = 0
			return done
		}
	}},
	{"what is gone taken for done", "If a view is dropped after the plan was made, Run reports ErrNotFound for that view and refreshes the views that don't depend on it", swallowing},
	{"what is gone not known, in a run", "If a view is dropped after the plan was made, Run reports ErrNotFound for that view and refreshes the views that don't depend on it", without(massive.ErrNotFound)},
	{"transaction ignored by a run", "In a transaction, a view that fails ends the run, and the remaining views are cancelled", func(m *mutant) {
		m.querier = func(dialect.Querier) dialect.Querier { return m.DB() }
		m.context = func(ctx context.Context) (context.Context, context.CancelFunc) { // it may wait for its own transaction
			return context.WithTimeout(ctx, time.Second)
		}
	}},
	{"a failure taken for done, in a transaction", "In a transaction, a view that fails ends the run, and the remaining views are cancelled", swallowing},
	{"a connection kept", "A run uses no more connections than the pool allows, and holds none during a callback", func(m *mutant) {
		m.querier = func(q dialect.Querier) dialect.Querier {
			if pool, ok := q.(*sql.DB); ok {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if conn, err := pool.Conn(ctx); err == nil {
					return conn // never closed
				}
			}
			return q
		}
	}},
	{"no connection taken for busy", "If a run gets no connection from the pool, it ends when its context ends", func(m *mutant) {
		m.classify = func(f dialect.Failure, right error) error {
			if errors.Is(f.Err, context.DeadlineExceeded) {
				return massive.ErrBusy
			}
			return right
		}
	}},
	{"context ignored while waiting for a connection", "If a run gets no connection from the pool, it ends when its context ends", heedless(context.Canceled)},
	{"context ignored by a run", "When its context is cancelled, a run ends the refreshes in progress and starts no others", heedless(context.DeadlineExceeded)},
	{"cancelled refresh reported as refreshed", "When its context is cancelled, a run ends the refreshes in progress and starts no others", swallowing},
	{"ConcurrentlyIfPossible always blocks readers", "With ConcurrentlyIfPossible, Refresh blocks readers only if a concurrent refresh is not possible", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.IfPossible = false
			return how, false
		}
	}},
	{"ConcurrentlyIfPossible does not refresh", "With ConcurrentlyIfPossible, Refresh blocks readers only if a concurrent refresh is not possible", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) { return how, true }
	}},
}

// rowMutants return wrong rows.
var rowMutants = []mutation{
	{"the first row lost", "Get returns the first row, or sql.ErrNoRows", answering(func(rows reflect.Value) reflect.Value { return rows.Slice(1, rows.Len()) })},
	{"the last row lost", "Get returns the first row, or sql.ErrNoRows", answering(func(rows reflect.Value) reflect.Value { return rows.Slice(0, rows.Len()-1) })},
	{"the last row lost in Select", "Select reads each column into the struct field of the same name", answering(func(rows reflect.Value) reflect.Value { return rows.Slice(0, rows.Len()-1) })},
	{"the last row twice", "Get returns the first row, or sql.ErrNoRows", answering(func(rows reflect.Value) reflect.Value {
		return reflect.AppendSlice(rows.Slice3(0, rows.Len(), rows.Len()), rows.Slice(rows.Len()-1, rows.Len()))
	})},
}

// answering makes a fake whose reads return changed rows, while counts are right.
func answering(with func(rows reflect.Value) reflect.Value) func(m *mutant) {
	return func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) {
			c.Matviews = slices.Clone(c.Matviews) // the rule's catalog must not change
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

// swallowing makes each refresh that fails return no error.
func swallowing(m *mutant) { m.refreshErr = func(error) error { return nil } }

// heedless makes a fake that ignores the caller's context and returns the error after a
// second. hangingMutants never return.
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
