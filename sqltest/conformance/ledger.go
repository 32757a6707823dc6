package conformance

// The ledger of refreshes. These rules call the dialect itself.

import (
	"context"
	"database/sql"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

// ledger is where the catalogs of the ledger rules have their ledger.
var ledger = dialect.Ledger{Schema: "ledger"}

var (
	oneLedger = []sqltest.Ledger{{Schema: ledger.Schema}}
	recorded  = sqltest.Catalog{Ledgers: oneLedger, Matviews: oneView.Matviews}
)

func ledgerRules() []rule {
	return []rule{
		ledgerCreate(),
		ledgerMissing(),
		ledgerDenied(),
		ledgerOptional(),
		ledgerReadOnly(),
		ledgerRecord(),
		ledgerAsOf(),
		ledgerSources(),
		ledgerDoubt(),
		ledgerOthers(),
		ledgerRollback(),
		ledgerFailure(),
		ledgerViews(),
		ledgerRunning(),
		ledgerOlder(),
		ledgerImproved(),
		ledgerBusy(),
		ledgerWait(),
	}
}

// explained returns an error of the dialect as massive does.
func (c *check) explained(ctx context.Context, op dialect.Op, view dialect.Name, err error) error {
	if err == nil {
		return nil
	}
	f := dialect.Failure{Op: op, Name: view, Err: err}
	if view != (dialect.Name{}) {
		f.Matview = &dialect.MatviewDef{Object: dialect.Object{Name: view}}
	}
	return registry.Explain(ctx, c.db.Dialect(), c.q, f)
}

func inPublic(view string) dialect.Name { return dialect.Name{Schema: "public", Name: view} }

// refresh refreshes a view through q, and records it in the ledger.
func (c *check) refresh(ctx context.Context, q massive.Querier, view string, how dialect.Refresh) (dialect.Refreshed, error) {
	if how.Record == nil {
		how.Record = &ledger
	}
	done, err := c.db.Dialect().RefreshMatview(ctx, q, inPublic(view), how)
	return done, c.explained(ctx, dialect.OpRefresh, inPublic(view), err)
}

// refreshed refreshes a view, and checks the result.
func (c *check) refreshed(q massive.Querier, view string, how dialect.Refresh, want dialect.Refreshed) {
	c.Helper()
	done, err := c.refresh(c.Context(), q, view, how)
	c.ok(err)
	c.want("the result of the refresh of "+view, done, want)
}

// committed commits the transaction of c.q, if it is one, and begins another. Within one
// transaction a dialect may not notice a refresh without a record.
func (c *check) committed() {
	c.Helper()
	if tx, ok := c.q.(*sql.Tx); ok {
		c.ok(tx.Commit())
		c.q = begin(c, c.db.DB(), nil)
		c.m = c.m.With(c.q)
	}
}

// isRecorded is the result of a blocking refresh that is recorded.
var isRecorded = dialect.Refreshed{Recorded: true}

// freshness reads the freshness of a view.
func (c *check) freshness(q massive.Querier, view string) dialect.Freshness {
	c.Helper()
	all, err := c.db.Dialect().Freshness(c.Context(), q, ledger, []dialect.Name{inPublic(view)})
	c.ok(c.explained(c.Context(), dialect.OpFreshness, inPublic(view), err))
	if len(all) != 1 || all[0].Name != inPublic(view) {
		c.Fatalf("%s\n\tthe freshness of %s: got %v, want that view", c.rule.says, view, all)
	}
	return all[0]
}

// dataAge reads a view's age, which is -1 if it is unknown.
func (c *check) dataAge(view string) time.Duration {
	c.Helper()
	age, known, err := c.db.Dialect().DataAge(c.Context(), c.q, ledger, inPublic(view))
	c.ok(c.explained(c.Context(), dialect.OpFreshness, inPublic(view), err))
	if !known {
		return -1
	}
	if age < 0 {
		c.Errorf("%s\n\tthe age of %s: got %v, want 0 or more", c.rule.says, view, age)
	}
	return age
}

// doubts checks why the age of a view is unknown, or that it is known.
func (c *check) doubts(what, view string, want dialect.Doubt) {
	c.Helper()
	f := c.freshness(c.q, view)
	c.want("the doubt about "+what, f.Doubt, want)
	c.want("AsOf is known, of "+what, !f.AsOf.IsZero(), want == 0)
	c.want("DataAsOf is known, of "+what, !f.DataAsOf.IsZero(), want == 0)
	c.want("the age is known, of "+what, c.dataAge(view) >= 0, want == 0)
}

// ordered checks that no time is before the previous one.
func (c *check) ordered(what string, times ...time.Time) {
	c.Helper()
	for i := 1; i < len(times); i++ {
		if times[i].Before(times[i-1]) {
			c.Errorf("%s\n\t%s: got %v, want times in ascending order", c.rule.says, what, times)
		}
	}
}

// ledgerErrors returns the error of each operation on the ledger, by name.
func (c *check) ledgerErrors() map[string]error {
	d, ctx, v := c.db.Dialect(), c.Context(), inPublic("v")
	_, freshness := d.Freshness(ctx, c.q, ledger, nil)
	_, _, age := d.DataAge(ctx, c.q, ledger, v)
	_, refresh := c.refresh(ctx, c.q, "v", dialect.Refresh{})
	_, older := c.refresh(ctx, c.q, "v", dialect.Refresh{IfOlder: true, OlderThan: time.Hour})
	return map[string]error{
		"CheckLedger": c.explained(c.Context(), dialect.OpLedger, dialect.Name{}, d.CheckLedger(ctx, c.q, ledger)),
		"Freshness":   c.explained(c.Context(), dialect.OpFreshness, dialect.Name{}, freshness), "DataAge": c.explained(c.Context(), dialect.OpFreshness, v, age),
		"RecordFailure": c.recordFailure(c.q, "v", "a reason"),
		"a refresh":     refresh, "a refresh by age": older,
	}
}

// unusable checks that each operation on the ledger returns the error, and that a refresh
// changes nothing.
func (c *check) unusable(want error) {
	c.Helper()
	c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{2}}})
	for what, err := range c.ledgerErrors() {
		if err == nil {
			c.Errorf("%s\n\t%s: got no error, want %v", c.rule.says, what, want)
			continue
		}
		c.fails(err, want)
	}
	c.want("the rows after the refreshes", c.numbers(c.matview("v")), []int64{1})
}

// dropLedger drops the ledger's tables. Its schema remains.
func (c *check) dropLedger() {
	c.Helper()
	c.db.Do(c, sqltest.Drop{Name: ledger.Schema + ".freshness"}, sqltest.Drop{Name: ledger.Schema + ".history"})
}

func (c *check) createLedger(q massive.Querier) {
	c.Helper()
	c.ok(c.explained(c.Context(), dialect.OpLedger, dialect.Name{}, c.db.Dialect().CreateLedger(c.Context(), q, dialect.LedgerDefinition{Ledger: ledger})))
}

// recordFailure records a failure of a view.
func (c *check) recordFailure(q massive.Querier, view, why string) error {
	v := inPublic(view)
	return c.explained(c.Context(), dialect.OpRefresh, v, c.db.Dialect().RecordFailure(c.Context(), q, ledger, v, why))
}

func ledgerCreate() rule {
	return rule{
		name: "ledger/create",
		says: "CreateLedger creates a ledger that CheckLedger accepts. It keeps the records " +
			"of a ledger that exists. A rollback undoes it",
		needs: []Operation{CreateLedger}, catalog: recorded,
		check: func(c *check) {
			d := c.db.Dialect()
			accepted := func(q massive.Querier) error {
				return c.explained(c.Context(), dialect.OpLedger, dialect.Name{}, d.CheckLedger(c.Context(), q, ledger))
			}
			c.dropLedger()
			tx, _ := c.other(nil)
			c.createLedger(tx)
			c.ok(accepted(tx))
			c.ok(tx.Rollback())
			c.fails(accepted(c.q), massive.ErrNotFound)
			c.createLedger(c.q)
			c.ok(accepted(c.q))
			c.ok(c.recordFailure(c.q, "v", "a reason"))
			c.createLedger(c.q)
			c.want("the reason that was recorded before CreateLedger", c.freshness(c.q, "v").Error, "a reason")
			text, err := d.LedgerDDL(dialect.LedgerDefinition{Ledger: ledger})
			c.ok(c.explained(c.Context(), dialect.OpLedger, dialect.Name{}, err))
			c.want("LedgerDDL returned a text", text != "", true)
		},
	}
}

func ledgerMissing() rule {
	return rule{
		name: "ledger/missing",
		says: "Without a ledger, CheckLedger, Freshness, DataAge, RecordFailure and a " +
			"recorded refresh return ErrNotFound, and the view keeps its rows. DataAge also " +
			"returns ErrNotFound if there is no view of that name",
		needs: []Operation{SelectMatview, RefreshMatview, CreateLedger}, catalog: recorded,
		check: func(c *check) {
			_, _, err := c.db.Dialect().DataAge(c.Context(), c.q, ledger, inPublic("w"))
			c.fails(c.explained(c.Context(), dialect.OpFreshness, inPublic("w"), err), massive.ErrNotFound)
			c.dropLedger()
			c.unusable(massive.ErrNotFound)
		},
	}
}

func ledgerDenied() rule {
	return rule{
		name: "ledger/denied",
		says: "If the role has no rights on the ledger, CheckLedger, Freshness, DataAge, " +
			"RecordFailure and a recorded refresh return ErrPermission, and the view keeps " +
			"its rows",
		needs: []Operation{SelectMatview, RefreshMatview, CreateLedger}, rights: true,
		catalog: sqltest.Catalog{Ledgers: []sqltest.Ledger{{Schema: ledger.Schema, NotOwned: true}}, Matviews: oneView.Matviews},
		check:   func(c *check) { c.unusable(massive.ErrPermission) },
	}
}

func ledgerOptional() rule {
	return rule{
		name: "ledger/optional",
		says: "With Ledger.Optional, a refresh succeeds without a record if the ledger can't " +
			"be used, and is recorded otherwise",
		needs: []Operation{SelectMatview, RefreshMatview, CreateLedger}, each: true, catalog: recorded,
		check: func(c *check) {
			optional, none := ledger, dialect.Ledger{Schema: "nowhere", Optional: true}
			optional.Optional = true
			for i, how := range []dialect.Refresh{{}, {Concurrently: true}, {IfOlder: true, OlderThan: time.Hour}} {
				how.Record = &none
				c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{int64(i + 2)}}})
				c.refreshed(c.q, "v", how, dialect.Refreshed{Concurrently: how.Concurrently})
				c.want("the rows", c.numbers(c.matview("v")), []int64{int64(i + 2)})
			}
			c.doubts("a view without a record", "v", dialect.DoubtUnrecorded)
			c.refreshed(c.q, "v", dialect.Refresh{Record: &optional}, isRecorded)
			c.doubts("a view with a record", "v", 0)
		},
	}
}

func ledgerReadOnly() rule {
	return rule{
		name: "ledger/read-only",
		says: "In a read-only transaction Freshness and DataAge work. A recorded refresh and " +
			"RecordFailure return ErrReadOnly",
		needs: []Operation{RefreshMatview, CreateLedger}, catalog: recorded,
		check: func(c *check) {
			c.refreshed(c.q, "v", dialect.Refresh{}, isRecorded)
			pool := c.q
			for _, write := range []func(q massive.Querier) error{
				func(q massive.Querier) error {
					_, err := c.refresh(c.Context(), q, "v", dialect.Refresh{})
					return err
				},
				func(q massive.Querier) error { return c.recordFailure(q, "v", "a reason") },
			} {
				tx, _ := c.other(&sql.TxOptions{ReadOnly: true})
				c.q = tx
				c.doubts("a view in a read-only transaction", "v", 0)
				c.fails(write(tx), massive.ErrReadOnly)
				c.q = pool
				c.ok(tx.Rollback())
			}
		},
	}
}

func ledgerRecord() rule {
	return rule{
		name: "ledger/record",
		says: "A recorded refresh, in each mode, sets AsOf between the call and its end, and " +
			"also when it began and ended, how, and by whom. Without upstream views DataAsOf " +
			"is AsOf",
		needs: []Operation{RefreshMatview, CreateLedger}, each: true, catalog: recorded,
		check: func(c *check) {
			for _, r := range []struct {
				how  dialect.Refresh
				want dialect.Refreshed
			}{
				{dialect.Refresh{}, isRecorded},
				{dialect.Refresh{Concurrently: true}, dialect.Refreshed{Recorded: true, Concurrently: true}},
				{dialect.Refresh{IfPossible: true, Analyze: true}, dialect.Refreshed{Recorded: true, Concurrently: true}},
				{dialect.Refresh{SkipIfBusy: true, LockTimeout: time.Minute}, isRecorded},
				{dialect.Refresh{IfOlder: true, Concurrently: true}, dialect.Refreshed{Recorded: true, Concurrently: true}},
			} {
				if c.harness.NoLockTimeout {
					r.how.LockTimeout = 0
				}
				before := c.freshness(c.q, "v")
				c.refreshed(c.q, "v", r.how, r.want)
				f := c.freshness(c.q, "v")
				c.want("the doubt", f.Doubt, dialect.Doubt(0))
				c.ordered("the times of the call, AsOf, the refresh's end, and the next reading", before.Now, f.AsOf, f.Finished, f.Now)
				c.ordered("the times of the call, the refresh's begin, and its end", before.Now, f.Started, f.Finished)
				c.want("DataAsOf is AsOf", f.DataAsOf.Equal(f.AsOf), true)
				c.want("Concurrently", f.Concurrently, r.want.Concurrently)
				c.want("By says who", f.By != "", true)
				if age, known := f.DataAge(); !known || c.dataAge("v") < age {
					c.Errorf("%s\n\tDataAge is less than the age that Freshness returned before, %v", c.rule.says, age)
				}
			}
		},
	}
}

func ledgerAsOf() rule {
	return rule{
		name: "ledger/as of",
		says: "If a refresh waits for a lock, AsOf is a moment before the wait, since the rows " +
			"may be as old",
		needs: []Operation{SelectMatview, RefreshMatview, CreateLedger}, catalog: recorded,
		check: func(c *check) {
			reader, inside := c.other(nil)
			c.numbers(matviewOf(c, inside, "v"))
			ended := make(chan error, 1)
			go func() {
				_, err := c.refresh(c.Context(), c.db.DB(), "v", dialect.Refresh{})
				ended <- err
			}()
			// The waiting refresh blocks later readers. On a busy machine, a reader can also run
			// out of time before the refresh has begun.
			blocked := 0
			c.eventually("a refresh that waits for a reader blocks later readers", func() bool {
				ctx, cancel := context.WithTimeout(c.Context(), soon)
				defer cancel()
				if blocked++; c.matview("v").Select(ctx, &[]int64{}, "") == nil {
					blocked = 0
				}
				return blocked == 3
			})
			waiting := c.freshness(c.q, "v").Now
			c.ok(reader.Rollback())
			c.ok(<-ended)
			f := c.freshness(c.q, "v")
			c.want("the doubt", f.Doubt, dialect.Doubt(0))
			c.ordered("AsOf, a moment during the wait, and the refresh's end", f.AsOf, waiting, f.Finished)
		},
	}
}

func ledgerSources() rule {
	return rule{
		name: "ledger/sources",
		says: "DataAsOf is the earliest of AsOf and of DataAsOf of the materialized views that " +
			"the view reads, directly or through plain views, when it was refreshed. It is " +
			"unknown if one of them is unknown",
		needs: []Operation{RefreshMatview, CreateLedger}, each: true,
		catalog: sqltest.Catalog{
			Ledgers: oneLedger,
			Matviews: []sqltest.Matview{
				{Name: "low", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "side", Rows: []number{{1}}},
				{Name: "mid", Rows: []number{{1}}, Reads: []string{"plain"}}, {Name: "high", Rows: []number{{1}}, Reads: []string{"mid", "side"}},
			},
			Views: []sqltest.View{{Name: "plain", Reads: []string{"plainer"}}, {Name: "plainer", Reads: []string{"low"}}},
		},
		check: func(c *check) {
			data := func(what, view string, want time.Time) {
				c.Helper()
				f := c.freshness(c.q, view)
				if !f.DataAsOf.Equal(want) || f.DataAsOf.IsZero() != (c.dataAge(view) < 0) || f.AsOf.IsZero() {
					c.Errorf("%s\n\t%s: got DataAsOf %v of a view as of %v, want %v", c.rule.says, what, f.DataAsOf, f.AsOf, want)
				}
			}
			for _, v := range []string{"low", "side", "mid", "high"} {
				c.refreshed(c.q, v, dialect.Refresh{}, isRecorded)
			}
			low := c.freshness(c.q, "low").AsOf
			data("a view that reads a view through plain views", "mid", low)
			data("a view that reads it through another one", "high", low)
			c.refreshed(c.q, "low", dialect.Refresh{Concurrently: true}, dialect.Refreshed{Recorded: true, Concurrently: true})
			data("a view whose upstream view was refreshed later", "mid", low)
			c.refreshed(c.q, "high", dialect.Refresh{}, isRecorded)
			data("a view that was refreshed before the view between", "high", low)
			low = c.freshness(c.q, "low").AsOf
			c.refreshed(c.q, "side", dialect.Refresh{}, isRecorded)
			c.refreshed(c.q, "mid", dialect.Refresh{}, isRecorded)
			c.refreshed(c.q, "high", dialect.Refresh{}, isRecorded)
			data("a view that was refreshed after all others", "high", low)

			c.committed()
			_, err := c.matview("low").Refresh(c.Context())
			c.ok(err)
			data("a view whose upstream view was refreshed without a record", "mid", low)
			c.refreshed(c.q, "mid", dialect.Refresh{}, isRecorded)
			c.refreshed(c.q, "high", dialect.Refresh{}, isRecorded)
			data("a view that read rows of an unknown age", "mid", time.Time{})
			data("a view that read them through another one", "high", time.Time{})
		},
	}
}

func ledgerDoubt() rule {
	return rule{
		name: "ledger/doubt",
		says: "The age of a view's rows is unknown if the view was refreshed without a record, " +
			"recreated, renamed or emptied, or never refreshed with a record. Freshness says why",
		needs: []Operation{RefreshMatview, CreateLedger}, catalog: recorded,
		check: func(c *check) {
			c.doubts("a view that was never refreshed", "v", dialect.DoubtUnrecorded)
			f := c.freshness(c.q, "v")
			c.want("the begin and the end of a refresh that is not recorded", []time.Time{f.Started, f.Finished}, []time.Time{{}, {}})
			for _, opts := range [][]massive.RefreshOption{nil, concurrently} {
				c.refreshed(c.q, "v", dialect.Refresh{}, isRecorded)
				c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{2}}})
				c.doubts("a view that was refreshed", "v", 0)
				_, err := c.matview("v").Refresh(c.Context(), opts...)
				c.ok(err)
				c.doubts("a view that was refreshed without a record", "v", dialect.DoubtTouched)
				f := c.freshness(c.q, "v")
				c.want("the refresh that is recorded has an end", !f.Finished.IsZero(), true)
			}
			c.refreshed(c.q, "v", dialect.Refresh{NoData: true}, isRecorded)
			c.doubts("a view that was emptied", "v", dialect.DoubtEmpty)
			_, err := c.matview("v").Refresh(c.Context())
			c.ok(err)
			c.doubts("a view that was emptied, and refreshed without a record", "v", dialect.DoubtTouched)

			c.refreshed(c.q, "v", dialect.Refresh{}, isRecorded)
			c.db.Do(c, sqltest.Rename{Name: "v", To: "w"}, sqltest.Rename{Name: "w", To: "v"})
			c.doubts("a view that was renamed, and back", "v", dialect.DoubtTouched)

			c.ok(c.recordFailure(c.q, "v", "a reason"))
			c.db.Do(c, sqltest.Rename{Name: "v", To: "w"})
			c.doubts("a view that was renamed", "w", dialect.DoubtUnrecorded)
			c.ok(c.recordFailure(c.q, "w", "a reason"))
			f = c.freshness(c.q, "w")
			c.want("the failures of a view that was renamed", f.Failures, 1)
			c.want("the refresh before the renaming is not recorded", f.Finished.IsZero() && f.By == "", true)
			c.db.Do(c, sqltest.Rename{Name: "w", To: "v"})
			c.refreshed(c.q, "v", dialect.Refresh{}, isRecorded)
			c.db.Do(c, sqltest.Drop{Name: "v"}, sqltest.Create{Matviews: oneView.Matviews})
			c.doubts("a view that was recreated", "v", dialect.DoubtUnrecorded)
		},
	}
}

func ledgerOthers() rule {
	return rule{
		name: "ledger/others",
		says: "With NoteOthers, a refresh without a record is recorded, too, in each mode. " +
			"DataAsOf is then AsOf, or unknown if the view reads materialized views. A " +
			"rollback undoes the record",
		needs: []Operation{RefreshMatview, CreateLedger},
		catalog: sqltest.Catalog{
			Ledgers: []sqltest.Ledger{{Schema: ledger.Schema, NoteOthers: true}},
			Matviews: []sqltest.Matview{
				{Name: "v", Rows: []number{{1}}, Unique: []string{"n"}}, {Name: "high", Rows: []number{{1}}, Reads: []string{"v"}},
			},
		},
		check: func(c *check) {
			def := dialect.LedgerDefinition{Ledger: ledger, NoteOthers: true}
			_, err := c.db.Dialect().LedgerDDL(def)
			err = c.explained(c.Context(), dialect.OpLedger, dialect.Name{}, err)
			if c.harness.NoNoteOthers {
				c.fails(err, massive.ErrUnsupported)
				c.fails(c.explained(c.Context(), dialect.OpLedger, dialect.Name{}, c.db.Dialect().CreateLedger(c.Context(), c.q, def)), massive.ErrUnsupported)
				return
			}
			c.ok(err)
			for _, opts := range [][]massive.RefreshOption{nil, concurrently, {massive.Analyze()}} {
				before := c.freshness(c.q, "v")
				_, err := c.matview("v").Refresh(c.Context(), opts...)
				c.ok(err)
				c.doubts("a view that was refreshed without a record", "v", 0)
				f := c.freshness(c.q, "v")
				c.ordered("the times of the call, AsOf, the refresh's end, and the next reading", before.Now, f.AsOf, f.Finished, f.Now)
				c.ordered("the times of the call, the refresh's begin, and its end", before.Now, f.Started, f.Finished)
				c.want("DataAsOf is AsOf", f.DataAsOf.Equal(f.AsOf), true)
				c.want("By says who", f.By != "", true)
			}
			_, err = c.matview("high").Refresh(c.Context())
			c.ok(err)
			f := c.freshness(c.q, "high")
			c.want("AsOf is known, of a view that reads another one", !f.AsOf.IsZero(), true)
			c.want("DataAsOf of a view that reads another one", f.DataAsOf, time.Time{})
			c.refreshed(c.q, "high", dialect.Refresh{}, isRecorded)
			low := c.freshness(c.q, "v").AsOf
			c.want("DataAsOf after a recorded refresh is that of the other view", c.freshness(c.q, "high").DataAsOf.Equal(low), true)

			tx, inside := c.other(nil)
			_, err = matviewOf(c, inside, "v").Refresh(c.Context())
			c.ok(err)
			c.want("AsOf in the transaction is later", c.freshness(tx, "v").AsOf.After(low), true)
			c.ok(tx.Rollback())
			c.doubts("a view whose refresh was rolled back", "v", 0)
			c.want("AsOf after the rollback is as before", c.freshness(c.q, "v").AsOf.Equal(low), true)
			_, err = c.matview("v").Refresh(c.Context(), massive.WithNoData())
			c.ok(err)
			c.doubts("a view that was emptied", "v", dialect.DoubtEmpty)
		},
	}
}

func ledgerRollback() rule {
	return rule{
		name:  "ledger/rollback",
		says:  "The record of a refresh commits with the refresh. A rollback undoes both",
		needs: []Operation{RefreshMatview, CreateLedger}, catalog: recorded,
		check: func(c *check) {
			c.refreshed(c.q, "v", dialect.Refresh{}, isRecorded)
			first := c.freshness(c.q, "v").AsOf
			var inside time.Time
			for _, commit := range []bool{false, true} {
				tx, _ := c.other(nil)
				c.refreshed(tx, "v", dialect.Refresh{Concurrently: true}, dialect.Refreshed{Recorded: true, Concurrently: true})
				inside = c.freshness(tx, "v").AsOf
				c.want("AsOf in the transaction is later", inside.After(first), true)
				c.want("AsOf in another session, before the end of the transaction", c.freshness(c.q, "v").AsOf.Equal(first), true)
				if commit {
					c.ok(tx.Commit())
				} else {
					c.ok(tx.Rollback())
					c.want("AsOf after the rollback is as before", c.freshness(c.q, "v").AsOf.Equal(first), true)
					c.doubts("a view whose refresh was rolled back", "v", 0)
				}
			}
			c.want("AsOf after the commit is as in the transaction", c.freshness(c.q, "v").AsOf.Equal(inside), true)
		},
	}
}

func ledgerFailure() rule {
	return rule{
		name: "ledger/failure",
		says: "RecordFailure counts the failures since the latest recorded refresh, and keeps " +
			"the last reason. It does not affect AsOf. A recorded refresh resets the count",
		needs: []Operation{RefreshMatview, CreateLedger}, each: true, catalog: recorded,
		check: func(c *check) {
			fail := func(why string) {
				c.Helper()
				c.ok(c.recordFailure(c.q, "v", why))
			}
			failures := func(what string, count int, why string) dialect.Freshness {
				c.Helper()
				f := c.freshness(c.q, "v")
				c.want("the number of failures "+what, f.Failures, count)
				c.want("the reason "+what, f.Error, why)
				c.want("FailedAt is set "+what, !f.FailedAt.IsZero(), count > 0)
				return f
			}
			fail("first")
			f := failures("without a refresh", 1, "first")
			c.want("the doubt about a view with a failure only", f.Doubt, dialect.DoubtUnrecorded)
			c.refreshed(c.q, "v", dialect.Refresh{}, isRecorded)
			before := failures("after a refresh", 0, "")
			fail("second")
			fail(`the "third", isn't it?`)
			f = failures("after a refresh and two failures", 2, `the "third", isn't it?`)
			c.ordered("the times before the failures, of the last one, and after it", before.Now, f.FailedAt, f.Now)
			c.want("AsOf is as before the failures", f.AsOf.Equal(before.AsOf), true)
			c.doubts("a view with failures", "v", 0)
			c.refreshed(c.q, "v", dialect.Refresh{}, isRecorded)
			failures("after another refresh", 0, "")
		},
	}
}

func ledgerViews() rule {
	return rule{
		name: "ledger/views",
		says: "Freshness returns all materialized views, or those of these names, by schema " +
			"and name. It skips views that do not exist",
		needs: []Operation{CreateLedger}, each: true,
		catalog: sqltest.Catalog{
			Ledgers: oneLedger, Tables: []string{"t"}, Views: []sqltest.View{{Name: "plain"}},
			Matviews: []sqltest.Matview{
				{Name: "b", Rows: []number{{1}}}, {Name: `"A"`, Rows: []number{{1}}}, {Name: "far.c", Rows: []number{{1}}}, {Name: "a", Rows: []number{{1}}, Unpopulated: true},
			},
		},
		check: func(c *check) {
			cat, err := c.db.Dialect().Load(c.Context(), c.q, dialect.Filter{})
			c.ok(err)
			ids := map[dialect.Name]int64{}
			for _, v := range cat.Matviews {
				ids[v.Name] = v.ID
			}
			names := func(views []dialect.Name) []string {
				all, err := c.db.Dialect().Freshness(c.Context(), c.q, ledger, views)
				c.ok(c.explained(c.Context(), dialect.OpFreshness, dialect.Name{}, err))
				texts := []string{}
				for _, f := range all {
					texts = append(texts, f.Name.String())
					c.want("the ID of "+f.Name.String(), f.ID, ids[f.Name])
				}
				return texts
			}
			all := []string{"far.c", `public."A"`, "public.a", "public.b"}
			if c.harness.FoldsCase {
				all = []string{"far.c", "public.a", "public.b"}
			}
			c.want("all views", names(nil), all)
			c.want("some views", names([]dialect.Name{inPublic("b"), inPublic("none"), {Schema: "far", Name: "c"}, inPublic("t"), inPublic("plain"), inPublic("b")}),
				[]string{"far.c", "public.b"})
			c.want("no views", names([]dialect.Name{}), []string{})
		},
	}
}

func ledgerRunning() rule {
	return rule{
		name: "ledger/running",
		says: "Freshness and DataAge do not wait for a refresh, and do not block one. Freshness " +
			"reports that a refresh is running in another session",
		needs: []Operation{RefreshMatview, CreateLedger}, catalog: recorded,
		check: func(c *check) {
			for _, how := range []dialect.Refresh{{}, {Concurrently: true}, {IfOlder: true}} {
				tx, _ := c.other(nil)
				done, err := c.refresh(c.Context(), tx, "v", how)
				c.ok(err)
				c.want("the refresh is recorded", done.Recorded, true)
				f := c.freshness(c.q, "v")
				if f.Running == nil || f.Running.By == "" || f.Running.Since.After(f.Now) {
					c.Errorf("%s\n\tduring the refresh %+v: got %+v, want a refresh by somebody since before %v", c.rule.says, how, f.Running, f.Now)
				}
				c.dataAge("v")
				c.want("the refresh that is running in the own session", c.freshness(tx, "v").Running, (*dialect.RunningRefresh)(nil))
				c.ok(tx.Commit())
				c.want("the refresh that is running after the commit", c.freshness(c.q, "v").Running, (*dialect.RunningRefresh)(nil))
			}
			reader, _ := c.other(nil)
			pool := c.q
			c.q = reader
			c.doubts("a view that is read in a transaction", "v", 0)
			c.q = pool
			c.refreshed(c.q, "v", dialect.Refresh{}, isRecorded)
			c.ok(reader.Rollback())
		},
	}
}

func ledgerOlder() rule {
	return rule{
		name: "ledger/older",
		says: "With IfOlder, a refresh refreshes if the age of the rows is unknown or more than " +
			"OlderThan. Otherwise it does nothing and returns Fresh",
		needs: []Operation{SelectMatview, RefreshMatview, CreateLedger}, each: true, catalog: recorded,
		check: func(c *check) {
			fresh := dialect.Refreshed{Fresh: true}
			hour := dialect.Refresh{IfOlder: true, OlderThan: time.Hour}
			rows := func(want int64) {
				c.Helper()
				c.want("the rows", c.numbers(c.matview("v")), []int64{want})
			}
			for i, mode := range []dialect.Refresh{{}, {Concurrently: true}, {IfPossible: true}, {SkipIfBusy: true}, {Wait: true}} {
				mode.IfOlder, mode.OlderThan = true, time.Hour
				done := dialect.Refreshed{Recorded: true, Concurrently: mode.Concurrently || mode.IfPossible}
				n := int64(10 * (i + 1))
				c.committed()
				_, err := c.matview("v").Refresh(c.Context())
				c.ok(err)
				c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{n + 1}}})
				c.refreshed(c.q, "v", mode, done) // since its age is unknown
				rows(n + 1)
				c.db.Do(c, sqltest.SetRows{Matview: "v", Rows: []number{{n + 2}}})
				c.refreshed(c.q, "v", mode, fresh)
				rows(n + 1)
				mode.OlderThan = 0
				c.refreshed(c.q, "v", mode, done)
				rows(n + 2)
			}
			c.refreshed(c.q, "v", dialect.Refresh{NoData: true}, isRecorded)
			c.refreshed(c.q, "v", hour, isRecorded)
		},
	}
}

func ledgerImproved() rule {
	return rule{
		name: "ledger/improved",
		says: "With IfOlder, a view that read older rows of another view is refreshed only if " +
			"that view has been refreshed since",
		needs: []Operation{RefreshMatview, CreateLedger},
		catalog: sqltest.Catalog{
			Ledgers: oneLedger, Views: []sqltest.View{{Name: "plain", Reads: []string{"low"}}},
			Matviews: []sqltest.Matview{{Name: "low", Rows: []number{{1}}}, {Name: "high", Rows: []number{{1}}, Reads: []string{"plain"}}},
		},
		check: func(c *check) {
			// The limit lies between DataAsOf and AsOf. On a slow machine it passes AsOf
			// before the refresh begins, and the attempt says nothing.
			for range 20 {
				c.refreshed(c.q, "low", dialect.Refresh{}, isRecorded)
				<-time.After(2 * soon)
				c.refreshed(c.q, "high", dialect.Refresh{}, isRecorded)
				f := c.freshness(c.q, "high")
				how := dialect.Refresh{IfOlder: true, OlderThan: f.Now.Sub(f.AsOf) + soon}
				done, err := c.refresh(c.Context(), c.q, "high", how)
				c.ok(err)
				after := c.freshness(c.q, "high")
				if after.Now.Add(-how.OlderThan).After(f.AsOf) {
					continue
				}
				c.want("the result without a refresh of the other view", done, dialect.Refreshed{Fresh: true})
				c.refreshed(c.q, "low", dialect.Refresh{}, isRecorded)
				c.refreshed(c.q, "high", how, isRecorded)
				c.want("DataAsOf is that of the other view", c.freshness(c.q, "high").DataAsOf.Equal(c.freshness(c.q, "low").AsOf), true)
				return
			}
			c.Skip("the machine is too slow: 20 attempts took too long")
		},
	}
}

func ledgerBusy() rule {
	return rule{
		name: "ledger/busy",
		says: "While a refresh by age runs in another session, a refresh with IfOlder returns " +
			"Busy immediately, and the caller's transaction stays usable. A reader, or a " +
			"refresh by age that found fresh rows, does not make the view busy",
		needs: []Operation{SelectMatview, RefreshMatview, CreateLedger}, each: true, catalog: recorded,
		check: func(c *check) {
			holder, _ := c.other(nil)
			c.refreshed(holder, "v", dialect.Refresh{IfOlder: true, Concurrently: true}, dialect.Refreshed{Recorded: true, Concurrently: true})
			for _, how := range []dialect.Refresh{{}, {Concurrently: true}, {IfPossible: true}, {SkipIfBusy: true}} {
				how.IfOlder = true
				c.refreshed(c.q, "v", how, dialect.Refreshed{Busy: true})
			}
			c.numbers(c.matview("v"))
			c.ok(holder.Commit())

			holder, inside := c.other(nil)
			c.numbers(matviewOf(c, inside, "v"))
			c.refreshed(holder, "v", dialect.Refresh{IfOlder: true, OlderThan: time.Hour}, dialect.Refreshed{Fresh: true})
			c.refreshed(c.q, "v", dialect.Refresh{IfOlder: true, Concurrently: true}, dialect.Refreshed{Recorded: true, Concurrently: true})
			c.ok(holder.Rollback())
		},
	}
}

func ledgerWait() rule {
	return rule{
		name: "ledger/wait",
		says: "With Wait, a refresh with IfOlder waits for a refresh by age in another session, " +
			"and returns Fresh and Waited if the rows are then fresh",
		needs: []Operation{RefreshMatview, CreateLedger}, catalog: recorded,
		check: func(c *check) {
			how := dialect.Refresh{IfOlder: true, OlderThan: time.Hour, Wait: true}
			holder, _ := c.other(nil)
			c.refreshed(holder, "v", how, isRecorded)
			c.blocks("a refresh by age, during another one", func(ctx context.Context) error {
				_, err := c.refresh(ctx, c.q, "v", how)
				return err
			})
			c.ok(holder.Rollback())
			for range 20 {
				holder, _ := c.other(nil)
				// With Wait, since the server may still execute a statement that was cancelled.
				_, err := c.refresh(c.Context(), holder, "v", dialect.Refresh{IfOlder: true, Wait: true})
				c.ok(err)
				type outcome struct {
					done dialect.Refreshed
					err  error
				}
				ended := make(chan outcome, 1)
				go func() {
					done, err := c.refresh(c.Context(), c.db.DB(), "v", how)
					ended <- outcome{done, err}
				}()
				<-time.After(soon / 3)
				c.ok(holder.Commit())
				o := <-ended
				c.ok(o.err)
				if o.done == (dialect.Refreshed{Fresh: true}) {
					continue // it began after the commit
				}
				c.want("the result after the wait", o.done, dialect.Refreshed{Fresh: true, Waited: true})
				return
			}
			c.Errorf("%s\n\tgot no Waited in 20 attempts, want it", c.rule.says)
		},
	}
}
