package conformance_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
)

// ledgerMutations has the functions of a mutant that change the ledger's operations.
type ledgerMutations struct {
	createLedger  func(ctx context.Context, q dialect.Querier, l dialect.LedgerDefinition) error
	freshness     func(all []dialect.Freshness)
	dataAge       func(age time.Duration, known bool, err error) (time.Duration, bool, error)
	recordFailure func(ctx context.Context, q dialect.Querier, l dialect.Ledger, view dialect.Name, why string) error
	recording     func(ctx context.Context, q dialect.Querier, view dialect.Name, how *dialect.Refresh)
}

func (m *mutant) CreateLedger(ctx context.Context, q dialect.Querier, l dialect.LedgerDefinition) error {
	if m.createLedger != nil {
		return m.createLedger(ctx, q, l)
	}
	return m.Fake.CreateLedger(ctx, q, l)
}

func (m *mutant) Freshness(ctx context.Context, q dialect.Querier, l dialect.Ledger, views []dialect.Name) ([]dialect.Freshness, error) {
	all, err := m.Fake.Freshness(ctx, q, l, views)
	if m.freshness != nil {
		m.freshness(all)
	}
	return all, err
}

func (m *mutant) DataAge(ctx context.Context, q dialect.Querier, l dialect.Ledger, view dialect.Name) (time.Duration, bool, error) {
	age, known, err := m.Fake.DataAge(ctx, q, l, view)
	if m.dataAge != nil {
		return m.dataAge(age, known, err)
	}
	return age, known, err
}

func (m *mutant) RecordFailure(ctx context.Context, q dialect.Querier, l dialect.Ledger, view dialect.Name, why string) error {
	if m.recordFailure != nil {
		return m.recordFailure(ctx, q, l, view, why)
	}
	return m.Fake.RecordFailure(ctx, q, l, view, why)
}

func onFreshness(change func(f *dialect.Freshness)) func(m *mutant) {
	return func(m *mutant) {
		m.freshness = func(all []dialect.Freshness) {
			for i := range all {
				change(&all[i])
			}
		}
	}
}

func onRefresh(change func(how *dialect.Refresh)) func(m *mutant) {
	return func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			change(&how)
			return how, false
		}
	}
}

var ledgerMutants = []mutation{
	{"failures can't be recorded", saysCapabilities, func(m *mutant) {
		m.recordFailure = func(context.Context, dialect.Querier, dialect.Ledger, dialect.Name, string) error {
			return errNotImplemented
		}
	}},
	{"ledger created outside the transaction", "CreateLedger creates a ledger that CheckLedger accepts", func(m *mutant) {
		m.createLedger = func(ctx context.Context, _ dialect.Querier, l dialect.LedgerDefinition) error {
			return m.Fake.CreateLedger(ctx, m.DB(), l)
		}
	}},
	{"age without a ledger", "Without a ledger, CheckLedger, Freshness, DataAge, RecordFailure and a recorded refresh return ErrNotFound", func(m *mutant) {
		m.dataAge = func(age time.Duration, known bool, _ error) (time.Duration, bool, error) { return age, known, nil }
	}},
	{"no right to record, and no error", "If the role has no rights on the ledger, CheckLedger, Freshness, DataAge, RecordFailure and a recorded refresh return ErrPermission", func(m *mutant) {
		m.recordFailure = func(ctx context.Context, q dialect.Querier, l dialect.Ledger, view dialect.Name, why string) error {
			_ = m.Fake.RecordFailure(ctx, q, l, view, why)
			return nil
		}
	}},
	{"refresh before the check of the ledger", "If the role has no rights on the ledger, CheckLedger, Freshness, DataAge, RecordFailure and a recorded refresh return ErrPermission", func(m *mutant) {
		m.recording = func(ctx context.Context, q dialect.Querier, view dialect.Name, _ *dialect.Refresh) {
			_, _ = m.Fake.RefreshMatview(ctx, q, view, dialect.Refresh{})
		}
	}},
	{"Optional ignored", "With Ledger.Optional, a refresh succeeds without a record if the ledger can't be used", onRefresh(func(how *dialect.Refresh) {
		if how.Record != nil {
			how.Record = &dialect.Ledger{Schema: how.Record.Schema}
		}
	})},
	{"failure recorded outside the transaction", "In a read-only transaction Freshness and DataAge work", func(m *mutant) {
		m.recordFailure = func(ctx context.Context, _ dialect.Querier, l dialect.Ledger, view dialect.Name, why string) error {
			return m.Fake.RecordFailure(ctx, m.DB(), l, view, why)
		}
	}},
	{"mode not recorded", "A recorded refresh, in each mode, sets AsOf between the call and its end", onFreshness(func(f *dialect.Freshness) { f.Concurrently = false })},
	{"record not reported", "A recorded refresh, in each mode, sets AsOf between the call and its end", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Recorded = false
			return done
		}
	}},
	{"as of the end", "If a refresh waits for a lock, AsOf is a moment before the wait", onFreshness(func(f *dialect.Freshness) {
		if f.Doubt == 0 {
			f.AsOf, f.DataAsOf = f.Finished, f.Finished
		}
	})},
	{"upstream views ignored", "DataAsOf is the earliest of AsOf and of DataAsOf of the materialized views that the view reads", onFreshness(func(f *dialect.Freshness) { f.DataAsOf = f.AsOf })},
	{"refreshes without a record ignored", "The age of a view's rows is unknown if the view was refreshed without a record, recreated, renamed or emptied", onFreshness(func(f *dialect.Freshness) {
		if f.Doubt == dialect.DoubtTouched {
			f.Doubt, f.AsOf, f.DataAsOf = 0, f.Started, f.Started
		}
	})},
	{"age of a doubtful record", "The age of a view's rows is unknown if the view was refreshed without a record, recreated, renamed or emptied", func(m *mutant) {
		m.dataAge = func(age time.Duration, _ bool, err error) (time.Duration, bool, error) { return age, true, err }
	}},
	{"refreshes without a record not noted", "With NoteOthers, a refresh without a record is recorded, too", func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) { c.Ledgers = []sqltest.Ledger{{Schema: c.Ledgers[0].Schema}} }
	}},
	{"sources of a noted refresh guessed", "With NoteOthers, a refresh without a record is recorded, too", onFreshness(func(f *dialect.Freshness) {
		if f.DataAsOf.IsZero() {
			f.DataAsOf = f.AsOf
		}
	})},
	{"noted as of the end", "With NoteOthers, a refresh without a record is recorded, too", onFreshness(func(f *dialect.Freshness) {
		if f.Doubt == 0 {
			f.AsOf, f.DataAsOf = f.Now, f.Now
		}
	})},
	{"latest AsOf kept", "The record of a refresh commits with the refresh. A rollback undoes both", func(m *mutant) {
		var mu sync.Mutex
		var latest time.Time
		onFreshness(func(f *dialect.Freshness) {
			mu.Lock()
			defer mu.Unlock()
			if f.AsOf.After(latest) {
				latest = f.AsOf
			}
			f.AsOf = latest
		})(m)
	}},
	{"failures not counted", "RecordFailure counts the failures since the latest recorded refresh", onFreshness(func(f *dialect.Freshness) { f.Failures = min(f.Failures, 1) })},
	{"views unordered", "Freshness returns all materialized views, or those of these names, by schema and name", func(m *mutant) {
		m.freshness = func(all []dialect.Freshness) { slices.Reverse(all) }
	}},
	{"running refresh not reported", "Freshness and DataAge do not wait for a refresh, and do not block one", onFreshness(func(f *dialect.Freshness) { f.Running = nil })},
	{"every age too old", "With IfOlder, a refresh refreshes if the age of the rows is unknown or more than OlderThan", onRefresh(func(how *dialect.Refresh) { how.OlderThan = 0 })},
	{"no age too old", "With IfOlder, a refresh refreshes if the age of the rows is unknown or more than OlderThan", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) { return how, how.IfOlder }
	}},
	{"refreshed without an improvement", "With IfOlder, a view that read older rows of another view is refreshed only if that view has been refreshed since", func(m *mutant) {
		m.recording = func(ctx context.Context, q dialect.Querier, view dialect.Name, how *dialect.Refresh) {
			if age, known, err := m.Fake.DataAge(ctx, q, *how.Record, view); err == nil && (!known || age > how.OlderThan) {
				how.OlderThan = 0
			}
		}
	}},
	{"busy view waited for", "While a refresh by age runs in another session, a refresh with IfOlder returns Busy immediately", onRefresh(func(how *dialect.Refresh) {
		how.Wait = true
	})},
	{"busy view not waited for", "With Wait, a refresh with IfOlder waits for a refresh by age in another session", onRefresh(func(how *dialect.Refresh) {
		how.Wait = false
	})},
	{"wait not reported", "With Wait, a refresh with IfOlder waits for a refresh by age in another session", func(m *mutant) {
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			done.Waited = false
			return done
		}
	}},
}
