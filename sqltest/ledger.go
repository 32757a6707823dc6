package sqltest

// The ledger of refreshes, and the clock.

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
)

// A Ledger describes a ledger of refreshes, as massive.CreateLedger creates it. Its tables
// are freshness and history.
type Ledger struct {
	// Schema is the schema of the tables.
	Schema string
	// NotOwned gives the ledger to another role. The test's role has no rights on it.
	NotOwned bool
	// NoteOthers also records refreshes without a record, as massive.NoteOthers does. A
	// superuser owns the ledger. The test's role may use it, unless NotOwned is set. One
	// ledger of a catalog can have it.
	NoteOthers bool
}

// A ledger is the state of a ledger. The matviews have its records.
type ledger struct {
	notOwned bool
	others   bool // it records refreshes without a record
}

// A record is a view's row in a ledger. It is replaced, never modified.
type record struct {
	name              dialect.Name // of the view
	content           *content     // of the view; another one means that somebody else refreshed or altered it
	asOf, dataAsOf    time.Time
	started, finished time.Time // zero if there is no refresh
	concurrently      bool
	failures          int
	failedAt          time.Time
	why               string
}

// A recordKey identifies a record.
type recordKey struct {
	schema string // of the ledger
	view   *matview
}

// Advance moves the fake's clock forward by d, or back if d is negative. Otherwise the
// clock follows [time.Now]. Freshness is relative to the fake's clock; timeouts are not.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead += d
}

// now returns the time of the fake's clock.
func (f *Fake) now() time.Time { return time.Now().Add(f.ahead).UTC().Round(0) }

func ledgerTables(schema string) []dialect.Name {
	return []dialect.Name{{Schema: schema, Name: "freshness"}, {Schema: schema, Name: "history"}}
}

func (f *Fake) addLedger(spec Ledger) error {
	if spec.Schema == "" || strings.HasPrefix(spec.Schema, "pg_") {
		return invalid("a ledger in schema %q: name another schema", spec.Schema)
	}
	for _, n := range ledgerTables(spec.Schema) {
		if err := f.free(n, table); err != nil {
			return err
		}
	}
	for schema, l := range f.ledgers {
		if spec.NoteOthers && l.others {
			return invalid("ledgers with NoteOthers in schemas %q and %q: a database can have one", schema, spec.Schema)
		}
	}
	f.putLedger(spec.Schema, ledger{spec.NotOwned, spec.NoteOthers})
	return nil
}

func (f *Fake) putLedger(schema string, l ledger) {
	f.ledgers[schema] = l
	for _, n := range ledgerTables(schema) {
		f.tables[n] = true
	}
}

// dropLedger drops the ledger, with its records, if the table is one of its tables.
func (f *Fake) dropLedger(table dialect.Name) {
	if _, ok := f.ledgers[table.Schema]; !ok || !slices.Contains(ledgerTables(table.Schema), table) {
		return
	}
	delete(f.ledgers, table.Schema)
	for _, v := range f.views {
		delete(v.records, table.Schema)
	}
}

// lookLedger returns the ledger that the session sees.
func (s *session) lookLedger(schema string) (ledger, error) {
	l, ok := s.ledgers[schema]
	if !ok {
		l, ok = s.fake.ledgers[schema]
	}
	switch {
	case !ok:
		return l, fmt.Errorf("%w: there is no ledger in schema %q; create it with CreateLedger", dialect.ErrNotFound, schema)
	case l.notOwned:
		return l, &Error{Code: "42501", Message: "permission denied for table freshness"}
	}
	return l, nil
}

// record returns the view's record that the session sees, or an empty one.
func (s *session) record(schema string, v *matview) *record {
	r := s.records[recordKey{schema, v}]
	if r == nil {
		r = v.records[schema]
	}
	if r == nil || r.name != v.name {
		r = &record{name: v.name}
	}
	return r
}

// doubt says why the age of the view's rows is unknown.
func (s *session) doubt(r *record, v *matview) dialect.Doubt {
	switch {
	case !s.content(v).populated:
		return dialect.DoubtEmpty
	case r.finished.IsZero():
		return dialect.DoubtUnrecorded
	case r.content != s.content(v):
		return dialect.DoubtTouched
	case r.asOf.After(s.fake.now()):
		return dialect.DoubtClock
	}
	return 0
}

// ages returns AsOf and DataAsOf of the view. They are zero if unknown.
func (s *session) ages(schema string, v *matview) (asOf, dataAsOf time.Time) {
	r := s.record(schema, v)
	if s.doubt(r, v) != 0 {
		return time.Time{}, time.Time{}
	}
	return r.asOf, r.dataAsOf
}

// upstream returns DataAsOf of each materialized view that v reads.
func (s *session) upstream(schema string, v *matview) (all []time.Time) {
	for _, m := range materialized(v.reads) {
		_, t := s.ages(schema, m)
		all = append(all, t)
	}
	return all
}

// least returns the earliest of the times. It is zero if one of them is.
func least(times []time.Time) time.Time {
	if len(times) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(times, time.Time.Compare)
}

// older reports whether a refresh with IfOlder refreshes a view whose rows must be as of
// the limit or later.
func (s *session) older(schema string, v *matview, limit time.Time) bool {
	asOf, dataAsOf := s.ages(schema, v)
	return asOf.Before(limit) || dataAsOf.Before(limit) && least(s.upstream(schema, v)).After(dataAsOf)
}

// LedgerDDL implements [dialect.LedgerDialect]. It returns the statements of the Postgres
// dialect.
func (f *Fake) LedgerDDL(l dialect.LedgerDefinition) (string, error) {
	return postgres.New().LedgerDDL(l)
}

// CreateLedger implements [dialect.LedgerDialect].
func (f *Fake) CreateLedger(ctx context.Context, q dialect.Querier, l dialect.LedgerDefinition) error {
	return f.ask(ctx, q, Call{Op: dialect.OpLedger}, func(ctx context.Context, s *session) ([]driver.Value, error) {
		if _, err := f.LedgerDDL(l); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return nil, err // the name is invalid
		}
		if err := f.creating.acquire(ctx, s, exclusive); err != nil {
			return nil, err
		}
		made, err := s.lookLedger(l.Schema)
		if made.notOwned || err == nil && (made.others || !l.NoteOthers) {
			return nil, err
		}
		if err := s.writable("CREATE TABLE"); err != nil {
			return nil, err
		}
		for _, n := range ledgerTables(l.Schema) {
			if err != nil && f.what(n, true) != "" {
				return nil, &Error{Code: "42P07", Message: fmt.Sprintf(`relation "%s" already exists`, n.Name)}
			}
		}
		s.ledgers[l.Schema] = ledger{others: l.NoteOthers}
		return nil, nil
	})
}

// CheckLedger implements [dialect.LedgerDialect]. All owners of ledgers are trusted.
func (f *Fake) CheckLedger(ctx context.Context, q dialect.Querier, l dialect.Ledger) error {
	return f.ask(ctx, q, Call{Op: dialect.OpLedger}, func(_ context.Context, s *session) ([]driver.Value, error) {
		_, err := s.lookLedger(l.Schema)
		return nil, err
	})
}

// Freshness implements [dialect.LedgerDialect].
func (f *Fake) Freshness(ctx context.Context, q dialect.Querier, l dialect.Ledger, views []dialect.Name) (all []dialect.Freshness, err error) {
	call := Call{Op: dialect.OpFreshness}
	switch {
	case views == nil:
	case len(views) == 1:
		call.Name = views[0]
	default:
		call.Detail = fmt.Sprintf("%d views", len(views))
	}
	err = f.ask(ctx, q, call, func(_ context.Context, s *session) ([]driver.Value, error) {
		if _, err := s.lookLedger(l.Schema); err != nil {
			return nil, err
		}
		for n, v := range f.views {
			if views == nil || slices.Contains(views, n) {
				all = append(all, s.freshness(l.Schema, v))
			}
		}
		slices.SortFunc(all, func(a, b dialect.Freshness) int {
			return cmp.Or(strings.Compare(a.Name.Schema, b.Name.Schema), strings.Compare(a.Name.Name, b.Name.Name))
		})
		return nil, nil
	})
	return all, err
}

func (s *session) freshness(schema string, v *matview) dialect.Freshness {
	r := s.record(schema, v)
	fresh := dialect.Freshness{
		ID: v.id, Name: v.name, Now: s.fake.now(), Doubt: s.doubt(r, v),
		Started: r.started, Finished: r.finished, Concurrently: r.concurrently,
		Failures: r.failures, FailedAt: r.failedAt, Error: r.why,
	}
	fresh.AsOf, fresh.DataAsOf = s.ages(schema, v)
	if !r.finished.IsZero() {
		fresh.By = us
	}
	var since []time.Time
	for _, l := range []*lock{&v.lock, &v.turn} {
		for other, held := range l.held {
			if other != s && held&(exclusive|accessExclusive) != 0 {
				since = append(since, other.began)
			}
		}
	}
	if len(since) > 0 {
		fresh.Running = &dialect.RunningRefresh{By: us, Since: least(since)}
	}
	return fresh
}

// DataAge implements [dialect.LedgerDialect].
func (f *Fake) DataAge(ctx context.Context, q dialect.Querier, l dialect.Ledger, view dialect.Name) (age time.Duration, known bool, err error) {
	err = f.ask(ctx, q, Call{Op: dialect.OpFreshness, Name: view}, func(_ context.Context, s *session) ([]driver.Value, error) {
		if _, err := s.lookLedger(l.Schema); err != nil {
			return nil, err
		}
		v := f.views[view]
		if v == nil {
			return nil, missing(view)
		}
		age, known = s.freshness(l.Schema, v).DataAge()
		return nil, nil
	})
	return age, known, err
}

// RecordFailure implements [dialect.LedgerDialect].
func (f *Fake) RecordFailure(ctx context.Context, q dialect.Querier, l dialect.Ledger, view dialect.Name, why string) error {
	return f.ask(ctx, q, Call{Op: opRecordFailure, Name: view}, func(ctx context.Context, s *session) ([]driver.Value, error) {
		if _, err := s.lookLedger(l.Schema); err != nil {
			return nil, err
		}
		v := f.views[view]
		if v == nil {
			return nil, missing(view)
		}
		if err := s.writable("INSERT"); err != nil {
			return nil, err
		}
		if err := v.row.acquire(ctx, s, exclusive); err != nil {
			return nil, err
		}
		r := *s.record(l.Schema, v)
		r.failures++
		r.failedAt, r.why = f.now(), why
		s.records[recordKey{l.Schema, v}] = &r
		return nil, nil
	})
}

// opRecordFailure is the operation of RecordFailure, as in Call.Op.
const opRecordFailure dialect.Op = "record the failure of"

// refreshRecorded refreshes the view, if it is old enough for how.IfOlder, and records the
// refresh.
func (f *Fake) refreshRecorded(ctx context.Context, s *session, view dialect.Name, how dialect.Refresh) (dialect.Refreshed, error) {
	called, v := f.now(), f.views[view]
	if v == nil {
		return f.refresh(ctx, s, view, how)
	}
	usable := false
	var ledgers []string // that record it
	if how.Record != nil {
		_, err := s.lookLedger(how.Record.Schema)
		if err != nil && !how.Record.Optional {
			return dialect.Refreshed{}, err
		}
		if usable = err == nil; usable {
			ledgers = []string{how.Record.Schema}
		}
	}
	for schema, l := range f.ledgers {
		if l.others && !usable {
			ledgers = append(ledgers, schema)
		}
	}
	if how.IfOlder {
		before := s.modes()
		waited, busy, err := s.takeTurn(ctx, v, how)
		if err != nil || busy {
			return dialect.Refreshed{Busy: busy}, err
		}
		if usable && !s.older(how.Record.Schema, v, called.Add(-how.OlderThan)) {
			s.releaseTo(before) // the server rolls back a subtransaction
			return dialect.Refreshed{Fresh: true, Waited: waited}, nil
		}
	}
	asOf := f.now()
	sources := make([]time.Time, len(ledgers)) // the earliest DataAsOf before the refresh
	for i, schema := range ledgers {
		sources[i] = least(append(s.upstream(schema, v), asOf))
	}
	done, err := f.refresh(ctx, s, view, how)
	if err != nil || done.Busy {
		return done, err
	}
	defer func(before time.Duration) { s.patience = before }(s.patience)
	s.patience = patience // as the server waits for the row
	for i, schema := range ledgers {
		if v.row.acquire(ctx, s, exclusive) != nil {
			return done, ctx.Err() // without a record, unless the context ended
		}
		r := &record{name: view, content: s.content(v), started: asOf, finished: f.now(), concurrently: usable && done.Concurrently}
		if !how.NoData {
			r.asOf, r.dataAsOf = asOf, least(append(s.upstream(schema, v), sources[i]))
		}
		if !usable && len(materialized(v.reads)) > 0 { // a trigger does not know them before the refresh
			r.dataAsOf = time.Time{}
		}
		s.records[recordKey{schema, v}] = r
	}
	done.Recorded = usable
	return done, nil
}

// takeTurn takes the lock that a refresh with IfOlder or SkipIfBusy holds. If another
// session holds it, takeTurn waits if how.Wait is set, and otherwise reports busy. A role
// without the right to refresh never takes it.
func (s *session) takeTurn(ctx context.Context, v *matview, how dialect.Refresh) (waited, busy bool, err error) {
	switch {
	case v.spec.NotOwned:
		return false, false, nil
	case how.SkipIfBusy && v.lock.refreshing(s):
		return false, true, nil
	case v.turn.try(s, exclusive):
		return false, false, nil
	case !how.Wait || how.SkipIfBusy:
		return false, true, nil
	}
	return true, false, v.turn.acquire(ctx, s, exclusive)
}
