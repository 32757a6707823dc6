package dialect

import (
	"context"
	"time"
)

// A LedgerDialect records refreshes of materialized views in the database, so that every
// program knows how old a view's rows are. [NoLedger] has a default for each method.
//
// A ledger is a pair of tables in one schema: the latest refresh of each view, and a
// bounded history. A refresh with [Refresh].Record writes its own record, in its own
// transaction. Times are of the database's clock.
//
// The rows of a view are as of the moment just before the refresh's query took its
// snapshot. The end of the refresh says nothing: a refresh takes its snapshot before it
// waits for locks.
//
// A record counts only for the view that it was written for, and only if nothing has
// refreshed or altered that view since. Otherwise the age is unknown: see [Doubt].
type LedgerDialect interface {
	// LedgerDDL returns the statements that create the ledger, for a migration tool. They
	// fail if the schema is not safe, see CheckLedger. LedgerDDL does not query the
	// database.
	LedgerDDL(l LedgerDefinition) (string, error)

	// CreateLedger runs LedgerDDL's statements in one transaction. It changes nothing if
	// the ledger exists already and CheckLedger accepts it; with NoteOthers it then
	// creates what NoteOthers needs. Errors: as for CheckLedger.
	CreateLedger(ctx context.Context, q Querier, l LedgerDefinition) error

	// CheckLedger checks that the ledger exists, that the role may use it, and that only
	// trusted roles can change its definition. Trusted are superusers, the current role
	// and l.Owners.
	//
	// Errors:
	//   - [ErrNotFound] if the schema or a table does not exist
	//   - [ErrPermission] if the role lacks a right
	//   - [ErrUnsupported] for a ledger of another layout
	//   - [ErrInvalid] if another role owns the schema or a table, may create in the
	//     schema, or if a table has triggers, rules, policies or such
	CheckLedger(ctx context.Context, q Querier, l Ledger) error

	// Freshness returns what the ledger knows about these views, or about all
	// materialized views if views is nil, by schema and name. It skips views that don't
	// exist. It takes one statement. Errors: as for CheckLedger.
	Freshness(ctx context.Context, q Querier, l Ledger, views []Name) ([]Freshness, error)

	// DataAge returns how old the view's rows are, through everything that the view
	// reads: the age of [Freshness].DataAsOf. If known is false, the age is unknown.
	// DataAge takes one short statement and no lock that a refresh waits for.
	//
	// Errors: [ErrNotFound] if the view or the ledger does not exist.
	DataAge(ctx context.Context, q Querier, l Ledger, view Name) (age time.Duration, known bool, err error)

	// RecordFailure records that a refresh failed, and why. It leaves the other values of
	// the record unchanged. Errors: as for CheckLedger.
	RecordFailure(ctx context.Context, q Querier, l Ledger, view Name, why string) error
}

// A Ledger says where a ledger is.
type Ledger struct {
	Schema string   // the schema of the ledger's tables
	Owners []string // further roles that may own the schema and the tables
	// Optional refreshes without a record if the ledger can't be used. Otherwise such a
	// refresh fails before it begins.
	Optional bool
}

// A LedgerDefinition says how to create a ledger.
type LedgerDefinition struct {
	Ledger
	Writers []string // roles that get the rights to read the ledger and to record refreshes
	// NoteOthers also records the refreshes of programs that don't use the ledger. On
	// Postgres it takes a superuser, who then owns the ledger. LedgerDDL and CreateLedger
	// return [ErrUnsupported] if the database can't.
	NoteOthers bool
}

// Freshness is what a ledger knows about one materialized view. Times are of the
// database's clock.
type Freshness struct {
	ID   int64
	Name Name
	Now  time.Time // when this was read

	// AsOf is the moment of which the view's rows are. It is zero if it is unknown; Doubt
	// says why.
	AsOf  time.Time
	Doubt Doubt
	// DataAsOf is the earliest AsOf of the view and of everything that it read: the rows
	// have every change that was committed before. It is zero if one of them was unknown.
	DataAsOf time.Time

	// The latest recorded refresh. Started and Finished are zero if there is none.
	Started, Finished time.Time
	Concurrently      bool
	By                string // the program's application name or, without one, its role
	// The failures since that refresh.
	Failures int
	FailedAt time.Time
	Error    string

	Running *RunningRefresh // the refresh that is running, as far as the role may see; or nil
}

// Age returns the age of the view's rows, and false if it is unknown.
func (f Freshness) Age() (age time.Duration, known bool) { return since(f.AsOf, f.Now) }

// DataAge returns the age of the view's oldest source, and false if it is unknown.
func (f Freshness) DataAge() (age time.Duration, known bool) { return since(f.DataAsOf, f.Now) }

func since(t, now time.Time) (time.Duration, bool) {
	if t.IsZero() {
		return 0, false
	}
	return now.Sub(t), true
}

// Took returns the duration of the latest recorded refresh, or 0.
func (f Freshness) Took() time.Duration { return f.Finished.Sub(f.Started) }

// A RunningRefresh is a refresh in progress.
type RunningRefresh struct {
	By    string    // the program's application name or, without one, its role; empty if unknown
	Since time.Time // when its statement began; zero if the role may not see that
}

// A Doubt says why the age of a view's rows is unknown. The zero Doubt means that it is
// known.
type Doubt int

// The doubts.
const (
	// DoubtUnrecorded means that no refresh of the view is recorded. A view that was
	// dropped and recreated, renamed, or restored has no record.
	DoubtUnrecorded Doubt = iota + 1
	// DoubtTouched means that the view was refreshed or altered since, without a record.
	DoubtTouched
	// DoubtEmpty means that the view has no data.
	DoubtEmpty
	// DoubtClock means that the record is later than the database's clock.
	DoubtClock
)

// String returns the doubt in words: "refreshed or altered by others".
func (d Doubt) String() string {
	switch d {
	case 0:
		return "known"
	case DoubtUnrecorded:
		return "no refresh is recorded"
	case DoubtTouched:
		return "refreshed or altered without a record"
	case DoubtEmpty:
		return "no data"
	case DoubtClock:
		return "recorded later than the database's clock"
	default:
		return "unknown"
	}
}

// NoLedger is the [LedgerDialect] of a database without a ledger. Its methods return an
// [Unsupported] error. [NoMatviews] embeds it.
type NoLedger struct{}

var _ LedgerDialect = NoLedger{}

const recordRefreshes Unsupported = "record refreshes"

// LedgerDDL returns an [Unsupported] error.
func (NoLedger) LedgerDDL(LedgerDefinition) (string, error) { return "", recordRefreshes }

// CreateLedger returns an [Unsupported] error.
func (NoLedger) CreateLedger(context.Context, Querier, LedgerDefinition) error {
	return recordRefreshes
}

// CheckLedger returns an [Unsupported] error.
func (NoLedger) CheckLedger(context.Context, Querier, Ledger) error { return recordRefreshes }

// Freshness returns an [Unsupported] error.
func (NoLedger) Freshness(context.Context, Querier, Ledger, []Name) ([]Freshness, error) {
	return nil, recordRefreshes
}

// DataAge returns an [Unsupported] error.
func (NoLedger) DataAge(context.Context, Querier, Ledger, Name) (age time.Duration, known bool, err error) {
	return 0, false, recordRefreshes
}

// RecordFailure returns an [Unsupported] error.
func (NoLedger) RecordFailure(context.Context, Querier, Ledger, Name, string) error {
	return recordRefreshes
}
