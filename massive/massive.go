// Package massive makes a database's materialized views, enums and sequences first-class in Go: one call loads
// them from the database behind any *[sql.DB], and after that they are values with methods.
//
//	m, err := massive.Load(ctx, db, postgres.New())
//	stats, err := m.Matview("daily_sales")
//	res, err := stats.Refresh(ctx, massive.Concurrently())
//
// A program imports this package and the dialect of its database; both work through whatever driver the program
// has opened its database with, and never close it. Most names here stand for types of package registry, which
// holds what was loaded, and of package dialect, which a database plugin implements.
//
// An operation returns when its driver does. pgx returns soon after the context ends. lib/pq does not while the network
// swallows packets: set TCP_USER_TIMEOUT and keepalive by pq.Connector.Dialer, since lib/pq knows no such settings in
// its DSN. [DB.Watch] and [Allocator] don't wait for the driver.
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

// The types of what is loaded.
type (
	// A Matview is a materialized view.
	Matview = registry.Matview
	// An Enum is an enumerated type.
	Enum = registry.Enum
	// A Sequence is a sequence.
	Sequence = registry.Sequence
	// A Registry is one snapshot of all of them.
	Registry = registry.Registry
	// An Excluded is a structure that exists and was left out.
	Excluded = registry.Excluded
	// Changes are what differs between two snapshots.
	Changes = registry.Changes
	// A Change is one of them.
	Change = registry.Change
	// A ChangeKind is what became of a structure.
	ChangeKind = registry.ChangeKind
	// A Querier runs statements: a *sql.DB, *sql.Conn, *sql.Tx, or sqlx's.
	Querier = dialect.Querier
)

// The plain data that they return.
type (
	// A Name is a structure's, with its schema.
	Name = dialect.Name
	// A Column is one of a view's.
	Column = dialect.Column
	// An Index is one of a view's.
	Index = dialect.Index
	// A SequenceDef is what was loaded of a sequence.
	SequenceDef = dialect.SequenceDef
	// A Server is the one that answered.
	Server = dialect.Server
)

// What can become of a structure between two snapshots.
const (
	ChangeAdded    = registry.ChangeAdded
	ChangeRemoved  = registry.ChangeRemoved
	ChangeModified = registry.ChangeModified
)

// A DB is the structures of one database. It holds a snapshot of them, which lookups read without a lock and
// [DB.Reload] replaces. It is safe for concurrent use as far as its querier is, which for a *sql.DB is wholly,
// and for a *sql.Tx one operation at a time. The zero value is
// not usable; call [Load]: lookups in it, and operations, return [ErrInvalid].
type DB struct {
	dialect   dialect.Dialect
	querier   dialect.Querier
	selection registry.Selection

	current atomic.Pointer[registry.Registry]

	// Writers of current take turns. A load gets a number when it begins and is published unless one that began
	// later was.
	writing          sync.Mutex
	began, published uint64
	sign             dialect.Sign // the latest moment at which a load found what is published
}

// Load reads the structures of the database behind q with one statement and returns them.
// q is usually a *sql.DB, and stays the caller's: it is used, never closed or configured.
//
// The snapshot is one consistent picture, whatever others are changing meanwhile, and
// waits for nobody's lock. Bare names are resolved along the search path of the
// connection that the load ran on. No other setting of the session or the database
// changes what a load answers. Text must arrive as UTF-8, which lib/pq asks for. pgx does
// not: give it client_encoding=UTF8 in the DSN for a database of another encoding. In a
// database of the encoding SQL_ASCII a structure whose name, label or column is not UTF-8
// is listed by [DB.Excluded].
//
// Errors: [ErrInvalid] for a nil argument, wrong options, or a pattern with % that
// matches nothing, [ErrUnsupported] for a server that the dialect doesn't know or that is
// too old, or for a connection whose text is not UTF-8, [ErrDrift] where the database is
// not as [Expect] says, and what the driver says.
func Load(ctx context.Context, q Querier, d dialect.Dialect, opts ...LoadOption) (*DB, error) {
	sel, err := selection(opts)
	if err != nil {
		return nil, &Error{Op: dialect.OpLoad, Err: err}
	}
	first, err := registry.Load(ctx, q, d, sel)
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

// Reload brings the snapshot up to date, and returns what changed in the database since the one before.
// It first asks, in one round trip, whether anything was committed since. If the database can't rule
// that out, Reload loads the structures again and publishes the new snapshot. Labels appended locally
// are gone either way. Structures handed out before stay as they were.
//
// A reload that fails, for [ErrDrift] too, leaves the old snapshot in place. One that began before another and ends
// after it publishes nothing, since the other's snapshot is the newer, and returns what changed up to that one.
// Errors as for [Load].
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
		r.next, err = registry.Load(ctx, m.querier, m.dialect, m.selection)
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
	var e *Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return &Error{Op: op, Err: fmt.Errorf("%w (what was loaded before stays in use)", err)}
}

// publish makes next the current snapshot. The caller holds the lock.
func (m *DB) publish(number uint64, next *registry.Registry) {
	m.published, m.sign = number, next.Sign()
	m.current.Store(next)
}

// With is the same snapshot, with operations that go through q: a *sql.Tx, *sql.Conn, *sqlx.Tx or any other
// querier. What changes the picture through it, as Reload and AppendLocalLabels do, changes that of the returned DB
// alone. With a nil q lookups work, and operations fail with [ErrInvalid].
func (m *DB) With(q Querier) *DB {
	r := m.Registry()
	w := &DB{dialect: m.dialect, querier: q, selection: m.selection, sign: r.Sign()}
	w.current.Store(r.On(q))
	return w
}

// AppendLocalLabels puts further labels at the end of an enum, in this program's picture only: values handed out from
// now on have them, until the next Reload, such as the one behind AddValue, EnsureValue and RenameValue; ones handed out before, and the database, don't. Errors:
// [ErrNotFound], [ErrLabelExists], [ErrInvalid].
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

// Registry is the current snapshot: several lookups in it see the same picture, whatever is reloaded between
// them.
func (m *DB) Registry() *Registry {
	if r := m.current.Load(); r != nil {
		return r
	}
	return new(Registry)
}

// Matview is the materialized view of that name: a bare one as the database resolves it along the search path,
// or schema.name, each part in double quotes where it holds a dot or a quote. Names are exact, as they stand in
// the catalog. The error wraps [ErrNotFound], as a [*NotFoundError] that says why and what is there instead, or
// [ErrInvalid].
func (m *DB) Matview(name string) (Matview, error) {
	return m.Registry().Matview(name)
}

// Enum is the enum of that name; names and errors as for [DB.Matview].
func (m *DB) Enum(name string) (Enum, error) {
	return m.Registry().Enum(name)
}

// Sequence is the sequence of that name; names and errors as for [DB.Matview].
func (m *DB) Sequence(name string) (Sequence, error) {
	return m.Registry().Sequence(name)
}

// Matviews are all materialized views that were loaded, by schema and name. The slice is the caller's.
func (m *DB) Matviews() []Matview { return m.Registry().Matviews() }

// Enums are all enums that were loaded, by schema and name. The slice is the caller's.
func (m *DB) Enums() []Enum { return m.Registry().Enums() }

// Sequences are all sequences that were loaded, by schema and name: those of primary keys are not among them,
// unless [WithKeySequences] asked for them. The slice is the caller's.
func (m *DB) Sequences() []Sequence { return m.Registry().Sequences() }

// Excluded returns the structures that exist and were left out, each with the reason: sequences
// of primary keys, what Include and Exclude leave out, and what has a name, label or column
// that is not UTF-8. The slice is the caller's.
func (m *DB) Excluded() []Excluded { return m.Registry().Excluded() }

// UnmatchedPatterns returns the patterns of [Include] and [Exclude] that match nothing
// that was loaded or left out, as they were written. A misspelled pattern is one of them.
// The slice is the caller's.
func (m *DB) UnmatchedPatterns() []string { return m.Registry().UnmatchedPatterns() }

// Server is the one that the snapshot came from: its version, the database, the role.
func (m *DB) Server() Server { return m.Registry().Server() }

// SearchPath is the schemas that bare names were resolved along, in order. The slice is the caller's.
func (m *DB) SearchPath() []string { return m.Registry().SearchPath() }
