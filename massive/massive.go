// Package massive loads a database's materialized views, enums and sequences from behind any *[sql.DB]. After that they
// are values with methods.
//
//	m, err := massive.Load(ctx, db, postgres.New())
//	stats, err := m.Matview("daily_sales")
//	res, err := stats.Refresh(ctx, massive.Concurrently())
//
// A program imports this package and the dialect of its database. Both work through the driver that the program opened
// its database with, and never close it. The interfaces [Matview], [Enum] and [Sequence] are declared in package registry.
// Package dialect has what a database plugin implements.
//
// A handle belongs to its snapshot: what it says never changes, and its operations go to the database by name. A lookup
// costs some 15 ns, so look up where you use.
//
// An operation returns when its driver does. pgx returns soon after the context ends. lib/pq does not if the network drops
// packets: set TCP_USER_TIMEOUT and keepalive by pq.Connector.Dialer, since its DSN has no such settings. [DB.Watch] and
// [Allocator] don't wait for the driver.
package massive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// The types of other packages that programs write in their own signatures. Their methods are documented where they are
// declared.
type (
	// A Matview is a materialized view: Name, Columns, Indexes, Populated, MayRefresh, Owner, Comment, DependsOn,
	// Dependents, Definition, Refresh, CheckRefresh, Select, Get, Count.
	Matview = registry.Matview
	// An Enum is an enumerated type: Name, Values, All, Len, Contains, Position, Compare, Owner, Comment, UsedBy.
	Enum = registry.Enum
	// A Sequence is a sequence: Name, Def, Owner, Comment, LastValue, State, NextValue, NextValues, NextBlock, SetValue,
	// Lag, CatchUp, Reset, ResetTo, Restart.
	Sequence = registry.Sequence
	// A Registry is one snapshot: Matview, Enum, Sequence, Matviews, Enums, Sequences, Excluded, UnmatchedPatterns,
	// Server, SearchPath.
	Registry = registry.Registry
	// Changes are what differs between two snapshots: String. Each is a [registry.Change].
	Changes = registry.Changes
	// A Querier runs statements, as a *sql.DB, *sql.Conn, *sql.Tx, or one of sqlx's: ExecContext, QueryContext,
	// QueryRowContext.
	Querier = dialect.Querier
	// A Name is a structure's, with its schema: String, Quoted, Append, Compare.
	Name = dialect.Name
	// A Kind is one of the three kinds of structure: String.
	Kind = dialect.Kind
)

// What can become of a structure between two snapshots.
const (
	ChangeAdded    = registry.ChangeAdded
	ChangeRemoved  = registry.ChangeRemoved
	ChangeModified = registry.ChangeModified
)

// A DB holds a snapshot of the structures of one database. Lookups read it without a lock, and [DB.Reload] replaces it.
// A DB is safe for concurrent use if its querier is: a *sql.DB is, and a *sql.Tx takes one operation at a time. The zero
// value is not usable; call [Load]. Its lookups and operations return [ErrInvalid].
type DB struct {
	dialect   dialect.Dialect
	querier   dialect.Querier
	selection selection

	current atomic.Pointer[registry.Registry]

	// Writers of current take turns. A load gets a number when it begins and is published unless one that began
	// later was.
	writing          sync.Mutex
	began, published uint64
	sign             dialect.Sign // the latest moment at which a load found what is published
}

// Load reads the structures of the database behind q with one statement. q is usually a *sql.DB. Load never closes or
// configures it.
//
// The snapshot is consistent, and Load waits for no lock on a user's relation. Bare names are resolved along the search
// path of the connection that Load used. No other setting of the session or the database changes the result.
//
// Text must arrive as UTF-8. lib/pq asks for it. pgx does not: if the database has another encoding, put
// client_encoding=UTF8 into its DSN. In a database with the encoding SQL_ASCII, [DB.Excluded] lists structures with a
// name, label or column that is not UTF-8.
//
// Errors: [ErrInvalid] for a nil argument, wrong options, or a pattern with % that matches nothing; [ErrUnsupported] for
// a server that is too old or that the dialect doesn't know, and for a connection whose text is not UTF-8; [ErrDrift] if
// the database is not as [Expect] says; the driver's.
func Load(ctx context.Context, q Querier, d dialect.Dialect, opts ...LoadOption) (*DB, error) {
	sel, err := selected(opts)
	if err != nil {
		return nil, &Error{Op: dialect.OpLoad, Err: err}
	}
	first, err := load(ctx, q, d, sel)
	if err != nil {
		return nil, err
	}
	if err := checkPatterns(first.UnmatchedPatterns()); err != nil {
		return nil, &Error{Op: dialect.OpLoad, Err: err}
	}
	m := &DB{dialect: d, querier: q, selection: sel, sign: first.Sign()}
	m.current.Store(first)
	return m, nil
}

// load loads a registry, and compares it with what is expected.
func load(ctx context.Context, q Querier, d dialect.Dialect, sel selection) (*Registry, error) {
	if err := sel.consistent(); err != nil {
		return nil, &Error{Op: dialect.OpLoad, Err: err}
	}
	r, err := registry.Load(ctx, q, d, sel.Selection)
	if err != nil {
		return nil, err
	}
	if err := (comparison{r, d, q}).meets(sel.expect); err != nil {
		return nil, &Error{Op: dialect.OpLoad, Err: err}
	}
	return r, nil
}

// Reload brings the snapshot up to date, and returns what changed in the database since the previous snapshot. It first
// asks, in one round trip, whether anything was committed since. If the database can't rule that out, Reload loads the
// structures again and publishes a new snapshot. Either way it drops labels appended locally. Handles from before don't
// change.
//
// If a reload fails, also with [ErrDrift], the old snapshot stays. If another reload began later and ended earlier, its
// snapshot stays, and Reload returns what changed up to that one. Errors: as for [Load].
func (m *DB) Reload(ctx context.Context) (Changes, error) { return m.reload(ctx, true) }

// reload is Reload. If something is known to have been committed it need not ask.
func (m *DB) reload(ctx context.Context, ask bool) (Changes, error) {
	r, err := m.renew(ctx, dialect.OpReload, ask)
	if err != nil {
		return nil, err
	}
	m.writing.Lock()
	from, to := m.Registry(), r.next
	switch {
	case r.number < m.published:
		from, to = r.before, from
	case to == nil:
		from, to = r.before, from.DropLabels()
		m.current.Store(to)
	default:
		m.publish(r.number, to)
	}
	m.writing.Unlock()
	return registry.Diff(from, to), nil
}

// A renewal is a Reload under way, or a watch's look.
type renewal struct {
	number uint64             // in the order in which they began
	before *registry.Registry // what was published then
	next   *registry.Registry // what was loaded; nil if nothing was committed since before
}

// renew loads what there is now. If it asks, it loads nothing unless something was committed since what is published
// was loaded.
func (m *DB) renew(ctx context.Context, op dialect.Op, ask bool) (renewal, error) {
	m.writing.Lock()
	m.began++
	r, since := renewal{number: m.began, before: m.Registry()}, m.sign
	m.writing.Unlock()
	if !ask {
		since = "" // of which nothing can be told
	}

	unchanged, err := registry.Unchanged(ctx, m.querier, m.dialect, since)
	if err == nil && !unchanged {
		r.next, err = load(ctx, m.querier, m.dialect, m.selection)
	}
	if err == nil {
		return r, nil
	}
	if errors.Is(err, ErrDrift) { // the next one loads, whatever was committed
		m.writing.Lock()
		m.sign = ""
		m.writing.Unlock()
	}
	return r, stays(op, err)
}

// stays is the error of what leaves the published snapshot as it is.
func stays(op dialect.Op, err error) error {
	return &Error{Op: op, Err: fmt.Errorf("%w (what was loaded before stays in use)", cause(err))}
}

// publish makes next the current snapshot. The caller holds the lock.
func (m *DB) publish(number uint64, next *registry.Registry) {
	m.published, m.sign = number, next.Sign()
	m.current.Store(next)
}

// With returns a DB that shares m's snapshot and runs operations through q: a *sql.Tx, *sql.Conn, *sqlx.Tx or any other
// querier. Reload and AppendLocalLabels on it do not affect m. If q is nil, lookups work and operations return
// [ErrInvalid].
func (m *DB) With(q Querier) *DB {
	r := m.Registry()
	w := &DB{dialect: m.dialect, querier: q, selection: m.selection, sign: r.Sign()}
	w.current.Store(r.On(q))
	return w
}

// AppendLocalLabels adds labels to the end of an enum, in this program's snapshot only. Handles from later lookups have
// them, until the next Reload; AddValue, EnsureValue and RenameValue reload, too. Handles from before and the database
// don't have them. Errors: [ErrNotFound], [ErrLabelExists], [ErrInvalid].
func (m *DB) AppendLocalLabels(name string, labels ...string) error {
	if len(labels) == 0 {
		return &Error{Op: dialect.OpAppend, Err: fmt.Errorf("%w: no label is given for enum %s", ErrInvalid, name)}
	}
	m.writing.Lock()
	defer m.writing.Unlock()
	next, err := m.Registry().AppendLocalLabels(name, labels...)
	if err != nil {
		return err
	}
	m.current.Store(next)
	return nil
}

// Registry returns the current snapshot. Several lookups in it see the same structures, also if a reload comes between
// them.
func (m *DB) Registry() *Registry {
	if r := m.current.Load(); r != nil {
		return r
	}
	return new(Registry)
}

// Matview returns the materialized view of that name. A bare name is resolved along the search path, as the database does.
// In schema.name, put a part that holds a dot or a quote into double quotes. Names are exact, as they are in the catalog.
// Errors: [ErrNotFound], as a [*NotFoundError] that says why and what is there instead; [ErrInvalid].
func (m *DB) Matview(name string) (Matview, error) {
	return m.Registry().Matview(name)
}

// Enum returns the enum of that name. Names and errors are as for [DB.Matview].
func (m *DB) Enum(name string) (Enum, error) {
	return m.Registry().Enum(name)
}

// Sequence returns the sequence of that name. Names and errors are as for [DB.Matview].
func (m *DB) Sequence(name string) (Sequence, error) {
	return m.Registry().Sequence(name)
}

// Matviews returns all materialized views that were loaded, by schema and name. The slice is the caller's.
func (m *DB) Matviews() []Matview { return m.Registry().Matviews() }

// Enums returns all enums that were loaded, by schema and name. The slice is the caller's.
func (m *DB) Enums() []Enum { return m.Registry().Enums() }

// Sequences returns all sequences that were loaded, by schema and name. Sequences of primary keys are excluded unless
// [WithKeySequences] is given. The slice is the caller's.
func (m *DB) Sequences() []Sequence { return m.Registry().Sequences() }

// Excluded returns the structures that exist and were not loaded, each with the reason: sequences of primary keys, those
// that [Include] and [Exclude] exclude, and those with a name, label or column that is not UTF-8. The slice is the
// caller's.
func (m *DB) Excluded() []registry.Excluded { return m.Registry().Excluded() }

// UnmatchedPatterns returns the patterns of [Include] and [Exclude] that match nothing
// that was loaded or left out, as they were written. A misspelled pattern is one of them.
// The slice is the caller's.
func (m *DB) UnmatchedPatterns() []string { return m.Registry().UnmatchedPatterns() }

// Server returns what the snapshot came from: the server's version, the database, the role.
func (m *DB) Server() dialect.Server { return m.Registry().Server() }

// SearchPath returns the schemas that bare names were resolved along, in order. The slice is the caller's.
func (m *DB) SearchPath() []string { return m.Registry().SearchPath() }

// fail returns an error of an operation.
func fail(op dialect.Op, n Name, err error) error { return &Error{Op: op, Name: n, Err: err} }

// explain returns the error of a failure of the dialect's.
func (m *DB) explain(ctx context.Context, f dialect.Failure) error {
	return registry.Explain(ctx, m.dialect, m.querier, f)
}

// expected compares a registry that would be published with what was expected at Load.
func (m *DB) expected(r *Registry) error {
	return comparison{r, m.dialect, m.querier}.meets(m.selection.expect)
}
