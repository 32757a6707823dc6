package sqltest_test

// The ledger of the fake, and its clock. The conformance suite has what it has in common
// with a server.

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

var (
	ledger = dialect.Ledger{Schema: "ledger"}
	daily  = dialect.Name{Schema: "public", Name: "daily"}
)

var dailyWithLedger = sqltest.Catalog{
	Ledgers:  []sqltest.Ledger{{Schema: "ledger"}},
	Matviews: []sqltest.Matview{{Name: "daily", Rows: []struct{ N int64 }{{1}}}},
}

// dailyFreshness returns the freshness of the view daily.
func dailyFreshness(t *testing.T, f *sqltest.Fake) dialect.Freshness {
	t.Helper()
	all, err := f.Freshness(t.Context(), f.DB(), ledger, []dialect.Name{daily})
	if err != nil || len(all) != 1 {
		t.Fatalf("got %v, %v; want one view", all, err)
	}
	return all[0]
}

func refreshDaily(t *testing.T, f *sqltest.Fake, how dialect.Refresh) dialect.Refreshed {
	t.Helper()
	done, err := f.RefreshMatview(t.Context(), f.DB(), daily, how)
	noError(t, err)
	return done
}

func TestAdvanceMakesRowsOlder(t *testing.T) {
	t.Parallel()
	f := sqltest.New(dailyWithLedger)
	refreshDaily(t, f, dialect.Refresh{Record: &ledger})
	how := dialect.Refresh{Record: &ledger, IfOlder: true, OlderThan: time.Hour}
	if done := refreshDaily(t, f, how); !done.Fresh {
		t.Errorf("got %+v, want a fresh view", done)
	}
	f.Advance(time.Hour)
	if age, known, err := f.DataAge(t.Context(), f.DB(), ledger, daily); err != nil || !known || age < time.Hour {
		t.Errorf("got the age %v, %v, %v; want an hour or more", age, known, err)
	}
	if done := refreshDaily(t, f, how); done.Fresh || !done.Recorded {
		t.Errorf("got %+v, want a recorded refresh", done)
	}
	if age, known := dailyFreshness(t, f).Age(); !known || age < 0 || age >= time.Hour {
		t.Errorf("got the age %v, %v; want less than an hour", age, known)
	}
}

func TestClockThatRunsBackMakesAgeUnknown(t *testing.T) {
	t.Parallel()
	f := sqltest.New(dailyWithLedger)
	refreshDaily(t, f, dialect.Refresh{Record: &ledger})
	f.Advance(-time.Hour)
	got := dailyFreshness(t, f)
	if _, known := got.Age(); known || got.Doubt != dialect.DoubtClock || got.Started.IsZero() {
		t.Errorf("got %+v, want DoubtClock and the begin of the refresh", got)
	}
}

func TestLedgersOfCatalog(t *testing.T) {
	t.Parallel()
	c := dailyWithLedger
	c.Ledgers = []sqltest.Ledger{{Schema: "ledger"}, {Schema: "theirs", NotOwned: true}}
	f := sqltest.New(c)
	for schema, want := range map[string]error{"ledger": nil, "theirs": dialect.ErrPermission, "none": dialect.ErrNotFound} {
		err := f.CheckLedger(t.Context(), f.DB(), dialect.Ledger{Schema: schema})
		if err != nil {
			err = errors.Join(err, f.Classify(dialect.Failure{Op: dialect.OpLedger, Err: err}))
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", schema, err, want)
		}
	}
}

// A recorded refresh is not noted in another ledger. A database has at most one ledger
// that notes.
func TestLedgerThatNotes(t *testing.T) {
	t.Parallel()
	c := dailyWithLedger
	c.Ledgers = []sqltest.Ledger{{Schema: "ledger"}, {Schema: "notes", NoteOthers: true}}
	f := sqltest.New(c)
	doubts := func(what string, want, wantNotes dialect.Doubt) {
		t.Helper()
		notes, err := f.Freshness(t.Context(), f.DB(), dialect.Ledger{Schema: "notes"}, nil)
		if err != nil || len(notes) != 1 {
			t.Fatal(notes, err)
		}
		if got := dailyFreshness(t, f).Doubt; got != want || notes[0].Doubt != wantNotes {
			t.Errorf("after %s: got doubts %v and %v, want %v and %v", what, got, notes[0].Doubt, want, wantNotes)
		}
	}
	refreshDaily(t, f, dialect.Refresh{})
	doubts("a refresh without a record", dialect.DoubtUnrecorded, 0)
	refreshDaily(t, f, dialect.Refresh{Record: &ledger})
	doubts("a recorded refresh", 0, dialect.DoubtTouched)
	refreshDaily(t, f, dialect.Refresh{Record: &dialect.Ledger{Schema: "none", Optional: true}})
	doubts("a refresh whose ledger is missing", dialect.DoubtTouched, 0)

	c.Ledgers[0].NoteOthers = true
	f = sqltest.New(c)
	if _, err := f.Load(t.Context(), f.DB(), dialect.Filter{}); !errors.Is(err, dialect.ErrInvalid) {
		t.Errorf("two ledgers that note: got %v", err)
	}
}

func TestLedgerTablesAreTables(t *testing.T) {
	t.Parallel()
	f := sqltest.New(dailyWithLedger)
	if err := f.CreateLedger(t.Context(), f.DB(), dialect.LedgerDefinition{Ledger: ledger}); err != nil {
		t.Errorf("a ledger that exists: %v", err)
	}
	for _, change := range []sqltest.Change{sqltest.Drop{Name: "ledger.freshness"}, sqltest.Rename{Name: "ledger.history", To: "old"}} {
		f := sqltest.New(dailyWithLedger)
		f.Do(t, change)
		if err := f.CheckLedger(t.Context(), f.DB(), ledger); err == nil {
			t.Errorf("after %+v the ledger is still accepted", change)
		}
		err := f.CreateLedger(t.Context(), f.DB(), dialect.LedgerDefinition{Ledger: ledger})
		if want := "already exists"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("after %+v: got %v, want an error with %q", change, err, want)
		}
	}
	for _, tables := range []string{"ledger.freshness", "ledger.history"} {
		c := dailyWithLedger
		c.Tables = []string{tables}
		f := sqltest.New(c)
		if _, err := f.Load(t.Context(), f.DB(), dialect.Filter{}); !errors.Is(err, dialect.ErrInvalid) {
			t.Errorf("a ledger and a table %s: got %v", tables, err)
		}
	}
}

func TestPlannedFreshness(t *testing.T) {
	t.Parallel()
	f := sqltest.New(dailyWithLedger)
	failure := errors.New("down")
	f.Next(t, dialect.OpFreshness, "", sqltest.Fail(failure))
	f.Next(t, dialect.OpFreshness, "daily", sqltest.Fail(failure), sqltest.Fail(failure))
	f.Next(t, dialect.OpRefreshIfOlder, "daily", sqltest.Fail(failure))
	f.Next(t, dialect.OpLedger, "", sqltest.Fail(failure))
	if _, err := f.Freshness(t.Context(), f.DB(), ledger, nil); !errors.Is(err, failure) {
		t.Errorf("all views: got %v", err)
	}
	if _, err := f.Freshness(t.Context(), f.DB(), ledger, []dialect.Name{daily}); !errors.Is(err, failure) {
		t.Errorf("one view: got %v", err)
	}
	if _, _, err := f.DataAge(t.Context(), f.DB(), ledger, daily); !errors.Is(err, failure) {
		t.Errorf("the age: got %v", err)
	}
	how := dialect.Refresh{Record: &ledger, IfOlder: true, IfPossible: true, SkipIfBusy: true}
	if _, err := f.RefreshMatview(t.Context(), f.DB(), daily, how); !errors.Is(err, failure) {
		t.Errorf("the refresh: got %v", err)
	}
	if err := f.CheckLedger(t.Context(), f.DB(), ledger); !errors.Is(err, failure) {
		t.Errorf("the check: got %v", err)
	}
	if err := f.RecordFailure(t.Context(), f.DB(), ledger, daily, "down"); err != nil {
		t.Error(err)
	}
	if _, err := f.Freshness(t.Context(), f.DB(), ledger, []dialect.Name{daily, daily}); err != nil {
		t.Error(err)
	}
	f.WantCalls(t, "read the freshness of", "read the freshness of public.daily", "read the freshness of public.daily",
		"refresh if older public.daily concurrently if possible, unless busy", "record the failure of public.daily", "read the freshness of 2 views")
}

func TestSetRowsDoesNotTouchRecord(t *testing.T) {
	t.Parallel()
	f := sqltest.New(dailyWithLedger)
	refreshDaily(t, f, dialect.Refresh{Record: &ledger})
	f.Do(t, sqltest.SetRows{Matview: "daily"})
	if got := dailyFreshness(t, f); got.Doubt != 0 {
		t.Errorf("got %v, want a known age", got.Doubt)
	}
	f.Do(t, sqltest.Rename{Name: "daily", To: "other"}, sqltest.Rename{Name: "other", To: "daily"})
	if got := dailyFreshness(t, f); got.Doubt != dialect.DoubtTouched {
		t.Errorf("got %v, want DoubtTouched", got.Doubt)
	}
}

// In a bubble the fake's clock is the bubble's, so that sleeping makes rows older.
func TestLedgerInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := sqltest.New(dailyWithLedger)
		defer f.DB().Close()
		refreshDaily(t, f, dialect.Refresh{Record: &ledger})
		time.Sleep(time.Hour)
		if age, known, err := f.DataAge(t.Context(), f.DB(), ledger, daily); err != nil || !known || age != time.Hour {
			t.Errorf("got the age %v, %v, %v; want an hour", age, known, err)
		}
	})
}

// recording loads the fake with its ledger.
func recording(t *testing.T, f *sqltest.Fake) (*massive.DB, massive.Matview) {
	t.Helper()
	m, err := massive.Load(t.Context(), f.DB(), f, massive.WithLedger("ledger"))
	noError(t, err)
	v := found(t, m.Matview, "daily")
	return m, v
}

func TestRefreshByAgeInAnotherProcess(t *testing.T) {
	t.Parallel()
	f := sqltest.New(dailyWithLedger)
	_, view := recording(t, f)
	second, _ := recording(t, f)
	tx, err := f.DB().BeginTx(t.Context(), nil)
	noError(t, err)
	other := found(t, second.With(tx).Matview, "daily")
	if result, err := other.RefreshIfOlderThan(t.Context(), 0); err != nil || result.Outcome != massive.OutcomeRefreshed {
		t.Fatalf("got %v, %v; want refreshed", result, err)
	}
	if result, err := view.RefreshIfOlderThan(t.Context(), time.Hour, massive.SkipIfBusy()); !errors.Is(err, massive.ErrBusy) {
		t.Errorf("during the other refresh: got %v, %v; want ErrBusy", result, err)
	}
	if fresh, err := view.Freshness(t.Context()); err != nil || fresh.Running == nil {
		t.Errorf("during the other refresh: got %+v, %v; want that it is running", fresh, err)
	}
	noError(t, tx.Commit())
	if result, err := view.RefreshIfOlderThan(t.Context(), time.Hour, massive.SkipIfBusy()); err != nil || result.Outcome != massive.OutcomeFresh {
		t.Errorf("after the other refresh: got %v, %v; want fresh", result, err)
	}
}

func TestPlannedFailureOfRefreshByAgeIsRecorded(t *testing.T) {
	t.Parallel()
	f := sqltest.New(dailyWithLedger)
	_, view := recording(t, f)
	f.Next(t, dialect.OpRefreshIfOlder, "daily", sqltest.Fail(massive.ErrDuplicateRows))
	if _, err := view.RefreshIfOlderThan(t.Context(), time.Hour); !errors.Is(err, massive.ErrDuplicateRows) {
		t.Errorf("got %v, want ErrDuplicateRows", err)
	}
	if fresh, err := view.Freshness(t.Context()); err != nil || fresh.Failures != 1 || !strings.Contains(fresh.Error, "duplicate rows") {
		t.Errorf("got %+v, %v; want one failure, by duplicate rows", fresh, err)
	}
	f.Next(t, dialect.OpFreshness, "daily", sqltest.Fail(massive.ErrUnavailable))
	if _, err := view.RefreshIfOlderThan(t.Context(), time.Hour); !errors.Is(err, massive.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestLedgerWithoutRights(t *testing.T) {
	t.Parallel()
	c := dailyWithLedger
	c.Ledgers = []sqltest.Ledger{{Schema: "ledger", NotOwned: true}}
	f := sqltest.New(c)
	if _, err := massive.Load(t.Context(), f.DB(), f, massive.WithLedger("ledger")); !errors.Is(err, massive.ErrPermission) {
		t.Errorf("got %v, want ErrPermission", err)
	}
}
