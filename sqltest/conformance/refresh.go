package conformance

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

var ifPossible = []massive.RefreshOption{massive.ConcurrentlyIfPossible()}

// oneView is a catalog with a view that can be refreshed concurrently.
var oneView = sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}}}

// refreshRules are about how a refresh chooses its mode, skips a busy view and times out.
func refreshRules() []rule {
	return []rule{
		refreshIfPossible(),
		refreshIfPossibleLocks(),
		refreshBusy(),
		refreshLockTimeout(),
		refreshAnalyze(),
		refreshCan(),
		selectOne(),
	}
}

func refreshIfPossible() rule {
	return rule{
		name: "refresh/if possible",
		says: "With ConcurrentlyIfPossible, Refresh is concurrent if the view is " +
			"populated and has a unique index, and blocking otherwise. The result has " +
			"the reason",
		needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "fit", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "none", Rows: []number{{1}}},
			{Name: "empty", Rows: []number{{1}}, Unique: []string{"n"}, Unpopulated: true},
		}},
		check: func(c *check) {
			for _, r := range []struct {
				view      string
				mode      massive.RefreshMode
				why       string
				prevented dialect.BlockerReason
			}{
				{"fit", massive.ModeConcurrent, "possible", 0},
				{"none", massive.ModeBlocking, "not concurrently: no unique index", massive.BlockerNoUniqueIndex},
				{"empty", massive.ModeBlocking, "not concurrently: not populated", massive.BlockerNotPopulated},
				{"empty", massive.ModeConcurrent, "possible", 0},
			} {
				c.db.Do(c, sqltest.SetRows{Matview: r.view, Rows: []number{{2}}})
				result, err := c.matview(r.view).Refresh(c.Context(), ifPossible...)
				c.ok(err)
				c.want("the outcome for "+r.view, result.Outcome, massive.OutcomeRefreshed)
				c.want("the mode for "+r.view, result.Mode, r.mode)
				c.want("the reason of the mode for "+r.view, result.Why, r.why)
				c.want("the blocker of a concurrent refresh for "+r.view, result.Prevented, r.prevented)
				c.want("the rows of "+r.view, c.numbers(c.matview(r.view)), []int64{2})
			}
		},
	}
}

func refreshIfPossibleLocks() rule {
	return rule{
		name: "refresh/if possible, locks",
		says: "With ConcurrentlyIfPossible, Refresh blocks readers only if a concurrent " +
			"refresh is not possible. If the view's query fails, it does not retry in " +
			"blocking mode",
		needs: []Operation{SelectMatview, RefreshMatview},
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "fit", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "none", Rows: []number{{1}}},
			{Name: "low", Rows: []number{{1}}}, {Name: "high", Rows: []number{{1}}, Unique: []string{"n"}, Reads: []string{"low"}},
		}},
		check: func(c *check) {
			read := func(name string) func(context.Context) error {
				return func(ctx context.Context) error { return c.matview(name).Select(ctx, &[]int64{}, "") }
			}
			tx, inside := c.other(nil)
			for _, name := range []string{"fit", "none"} {
				_, err := matviewOf(c, inside, name).Refresh(c.Context(), ifPossible...)
				c.ok(err)
			}
			c.passes("reading the view that is refreshed concurrently", read("fit"))
			c.blocks("reading the view that is refreshed in blocking mode", read("none"))
			c.ok(tx.Rollback())
			// An error of the view's query is no reason to try blocking mode, which waits
			// for readers.
			_, err := c.matview("low").Refresh(c.Context(), massive.WithNoData())
			c.ok(err)
			tx, inside = c.other(nil)
			c.numbers(matviewOf(c, inside, "high"))
			_, err = c.matview("high").Refresh(c.Context(), append(ifPossible, massive.LockTimeout(20*time.Second))...)
			c.fails(err, massive.ErrNotPopulated, "public.high")
			c.ok(tx.Rollback())
		},
	}
}

func refreshBusy() rule {
	return rule{
		name: "refresh/busy",
		says: "If another session refreshes the view, Refresh with SkipIfBusy returns " +
			"ErrBusy immediately, and the caller's transaction stays usable. A reader " +
			"does not make the view busy",
		needs: []Operation{SelectMatview, RefreshMatview}, each: true, catalog: oneView,
		check: func(c *check) {
			skip := func(opts ...massive.RefreshOption) (massive.RefreshResult, error) {
				return c.matview("v").Refresh(c.Context(), append(opts, massive.SkipIfBusy())...)
			}
			for _, opts := range [][]massive.RefreshOption{nil, concurrently} {
				tx, inside := c.other(nil)
				_, err := matviewOf(c, inside, "v").Refresh(c.Context(), opts...)
				c.ok(err)
				for _, ours := range [][]massive.RefreshOption{nil, concurrently, ifPossible} {
					result, err := skip(ours...)
					c.fails(err, massive.ErrBusy, "public.v", "another refresh", "SkipIfBusy")
					c.want("the outcome during another refresh", result.Outcome, massive.OutcomeSkippedBusy)
				}
				c.ok(tx.Rollback())
			}
			tx, inside := c.other(nil)
			c.want("the rows that a reader sees", c.numbers(matviewOf(c, inside, "v")), []int64{1})
			result, err := skip(concurrently...)
			c.ok(err)
			c.want("the outcome while another session reads the view", result.Outcome, massive.OutcomeRefreshed)
			c.ok(tx.Rollback())
			if _, ok := c.q.(*sql.Tx); !ok { // the transaction itself holds the view's lock now
				tx, inside = c.other(nil)
				c.numbers(matviewOf(c, inside, "v"))
				result, err = skip(massive.LockTimeout(50 * time.Millisecond))
				c.fails(err, massive.ErrBusy, "public.v", "lock timeout", "SkipIfBusy")
				c.want("the outcome after waiting for a reader", result.Outcome, massive.OutcomeSkippedBusy)
				c.ok(tx.Rollback())
			}
			result, err = skip()
			c.ok(err)
			c.want("the outcome without other sessions", result.Outcome, massive.OutcomeRefreshed)
			if _, ok := c.q.(*sql.Tx); ok {
				return // the transaction itself holds the view's lock now
			}
			// A refresh that waits for a reader counts, too.
			tx, inside = c.other(nil)
			c.numbers(matviewOf(c, inside, "v"))
			ctx, cancel := context.WithCancel(c.Context())
			done := make(chan error, 1)
			waiting := c.matview("v")
			if _, ok := c.q.(*sql.Conn); ok {
				waiting = matviewOf(c, c.load(), "v") // through the pool
			}
			go func() {
				_, err := waiting.Refresh(ctx)
				done <- err
			}()
			c.eventually("SkipIfBusy returns ErrBusy while another refresh waits", func() bool {
				// If the other refresh starts between the check and the lock, the timeout
				// returns ErrBusy.
				_, err := skip(massive.Concurrently(), massive.LockTimeout(time.Second))
				return errors.Is(err, massive.ErrBusy)
			})
			cancel()
			c.fails(<-done, context.Canceled)
			c.ok(tx.Rollback())
		},
	}
}

func refreshLockTimeout() rule {
	return rule{
		name: "refresh/lock timeout",
		says: "If a refresh waits longer than its LockTimeout for a lock, it returns " +
			"ErrBusy. The timeout applies to that refresh only",
		needs: []Operation{SelectMatview, RefreshMatview}, catalog: oneView,
		check: func(c *check) {
			tx, inside := c.other(nil)
			c.numbers(matviewOf(c, inside, "v"))
			_, err := c.matview("v").Refresh(c.Context(), massive.LockTimeout(20*time.Millisecond))
			c.fails(err, massive.ErrBusy, "refresh public.v")
			result, err := c.matview("v").Refresh(c.Context(), massive.LockTimeout(20*time.Millisecond), massive.SkipIfBusy())
			c.fails(err, massive.ErrBusy, "SkipIfBusy")
			c.want("the outcome, with SkipIfBusy", result.Outcome, massive.OutcomeSkippedBusy)

			c.ok(tx.Rollback())

			tx, inside = c.other(nil)
			_, err = matviewOf(c, inside, "v").Refresh(c.Context(), massive.LockTimeout(time.Minute), massive.Concurrently())
			c.ok(err)
			skipping, skips := c.other(nil)
			result, err = matviewOf(c, skips, "v").Refresh(c.Context(), massive.LockTimeout(20*time.Millisecond), massive.SkipIfBusy())
			c.fails(err, massive.ErrBusy)
			c.want("the outcome during another refresh", result.Outcome, massive.OutcomeSkippedBusy)
			c.want("the rows in the transaction that skipped", c.numbers(matviewOf(c, skips, "v")), []int64{1})
			c.blocks("a refresh without LockTimeout, after one with it in the same transaction", func(ctx context.Context) error {
				_, err := matviewOf(c, skips, "v").Refresh(ctx)
				return err
			})
			_ = skipping.Rollback() // the ended context may have ended it
			c.ok(tx.Rollback())
		},
	}
}

func refreshAnalyze() rule {
	return rule{
		name: "refresh/analyze",
		says: "Refresh with Analyze refreshes in the mode and with the limits of its other " +
			"options. If it fails, the view keeps its old rows",
		needs: []Operation{SelectMatview, RefreshMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []number{{0}}, Unique: []string{"n"}}}},
		check: func(c *check) {
			analyze := func(opts ...massive.RefreshOption) (massive.RefreshResult, error) {
				return c.matview("v").Refresh(c.Context(), append(opts, massive.Analyze())...)
			}
			for i, r := range []struct {
				opts []massive.RefreshOption
				mode massive.RefreshMode
			}{
				{nil, massive.ModeBlocking},
				{concurrently, massive.ModeConcurrent},
				{ifPossible, massive.ModeConcurrent},
				{[]massive.RefreshOption{massive.SkipIfBusy(), massive.LockTimeout(time.Minute)}, massive.ModeBlocking},
			} {
				c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{int64(i + 1)}}})
				result, err := analyze(r.opts...)
				c.ok(err)
				c.want("the outcome", result.Outcome, massive.OutcomeRefreshed)
				c.want("the mode", result.Mode, r.mode)
				c.want("the rows", c.numbers(c.matview("v")), []int64{int64(i + 1)})
			}
			if tx, ok := c.q.(*sql.Tx); ok {
				c.ok(tx.Commit()) // it holds the view's lock
				return
			}
			tx, inside := c.other(nil)
			c.numbers(matviewOf(c, inside, "v"))
			_, err := analyze(concurrently...)
			c.ok(err) // concurrent, so that it does not wait for the reader
			if !c.harness.NoLockTimeout {
				_, err = analyze(massive.LockTimeout(20 * time.Millisecond))
				c.fails(err, massive.ErrBusy)
			}
			c.ok(tx.Rollback())
			c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{5}, {5}}})
			_, err = analyze(concurrently...)
			c.fails(err, massive.ErrDuplicateRows)
			c.want("the rows after a failure", c.numbers(c.matview("v")), []int64{4})
		},
	}
}

func refreshCan() rule {
	return rule{
		name: "refresh/check",
		says: "CheckRefresh predicts the error that a refresh would return. If the " +
			"dialect knows a statement that fixes the problem, the error contains it",
		needs: []Operation{RefreshMatview},
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "fit", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "none", Rows: []number{{1}}},
			{Name: "empty", Rows: []number{{1}}, Unique: []string{"n"}, Unpopulated: true},
			{Name: "foreign", Rows: []number{{1}}, Unique: []string{"n"}, NotOwned: true},
			{Name: "up", Rows: []number{{1}}, Unpopulated: true},
			{Name: "down", Rows: []number{{1}}, Unique: []string{"n"}, Unpopulated: true, Reads: []string{"between"}},
		}, Views: []sqltest.View{{Name: "between", Reads: []string{"up"}}}},
		check: func(c *check) {
			for _, r := range []struct {
				view string
				mode massive.RefreshMode
				is   error // nil if it can be refreshed
			}{
				{"down", massive.ModeBlocking, massive.ErrNotPopulated},
				{"up", massive.ModeBlocking, nil},
				{"fit", massive.ModeBlocking, nil},
				{"fit", massive.ModeConcurrent, nil},
				{"none", massive.ModeBlocking, nil},
				{"none", massive.ModeConcurrent, massive.ErrNoUniqueIndex},
				{"empty", massive.ModeConcurrent, massive.ErrNotPopulated},
				{"empty", massive.ModeBlocking, nil},
				{"foreign", massive.ModeBlocking, massive.ErrPermission},
				{"foreign", massive.ModeConcurrent, massive.ErrPermission},
			} {
				var opts []massive.RefreshOption
				if r.mode == massive.ModeConcurrent {
					opts = concurrently
				}
				if r.view == "foreign" && c.harness.NoRights {
					r.is = nil
				}
				fixes := c.fixes(r.view, r.mode == massive.ModeConcurrent)
				err := c.matview(r.view).CheckRefresh(r.mode)
				_, failed := c.matview(r.view).Refresh(c.Context(), opts...)
				if r.is == nil {
					c.ok(err)
					c.ok(failed)
				} else {
					c.fails(err, r.is, append(fixes, "refresh", "public."+r.view)...)
					c.fails(failed, r.is)
				}
			}
			c.fails(c.matview("fit").CheckRefresh(9), massive.ErrInvalid)
		},
	}
}

func selectOne() rule {
	return rule{
		name: "select/one",
		says: "Get returns the first row, or sql.ErrNoRows. Count returns the number of " +
			"rows. Rows iterates over them",
		needs: []Operation{SelectMatview}, each: true,
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "v", Rows: []number{{1}, {2}, {3}}}, {Name: "none", Rows: []number{}}, {Name: "empty", Rows: []number{}, Unpopulated: true},
		}},
		check: func(c *check) {
			var n number
			c.ok(c.matview("v").Get(c.Context(), &n, ""))
			c.want("Get returned one of the rows", n.N >= 1 && n.N <= 3, true) // rows come in any order
			err := c.matview("none").Get(c.Context(), &n, "")
			c.want("Get without a row returns sql.ErrNoRows", errors.Is(err, sql.ErrNoRows), true)
			for name, want := range map[string]int64{"v": 3, "none": 0} {
				got, err := c.matview(name).Count(c.Context(), "")
				c.ok(err)
				c.want("the number of rows of "+name, got, want)
			}
			var all []int64
			for n, err := range massive.Rows[int64](c.Context(), c.matview("v"), "") {
				c.ok(err)
				all = append(all, n)
			}
			slices.Sort(all)
			c.want("the rows", all, []int64{1, 2, 3})
			for _, err := range massive.Rows[int64](c.Context(), c.matview("v"), "") {
				c.ok(err)
				break
			}
			c.want("the rows after a loop that ended early", c.numbers(c.matview("v")), []int64{1, 2, 3})
			c.fails(c.matview("empty").Get(c.Context(), &n, ""), massive.ErrNotPopulated, "select from public.empty")
			c.freshTx()
			_, err = c.matview("empty").Count(c.Context(), "")
			c.fails(err, massive.ErrNotPopulated, "count the rows of public.empty")
			c.freshTx()
			var errs []error
			for _, err := range massive.Rows[int64](c.Context(), c.matview("empty"), "") {
				errs = append(errs, err)
			}
			c.want("the number of errors of a loop over a view that can't be read", len(errs), 1)
			c.fails(errors.Join(errs...), massive.ErrNotPopulated, "select from public.empty")
		},
	}
}

// eventually waits until so returns true.
func (c *check) eventually(what string, so func() bool) {
	c.Helper()
	for deadline := time.Now().Add(c.patience); !so(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			c.Fatalf("%s\n\twaited %v, want within that time: %s", c.rule.says, c.patience, what)
		}
	}
}
