// Package massive makes a database's materialized views, enums and sequences values with
// methods. It works through any *[sql.DB].
//
//	m, err := massive.Load(ctx, db, postgres.New())
//	sales, err := m.Matview("daily_sales")
//	result, err := sales.Refresh(ctx, massive.Concurrently())
//
// A program imports this package and the dialect of its database, here dialect/postgres.
// Both use the driver that the program opened its database with. They never configure or
// close the database.
//
// # Loading
//
// [Load] reads the structures with one statement and returns a [DB]. [Only], [Include],
// [Exclude] and [WithKeySequences] select structures. [DB.Excluded] lists the structures
// that were not loaded, with the reason.
//
// [DB.Matview], [DB.Enum] and [DB.Sequence] find a structure by name, from memory. A
// structure belongs to its snapshot, a [Registry]: its data never changes, and its
// operations address the database by name. [DB.Reload] replaces the snapshot and returns
// the [Changes]. A lookup takes about 15 ns, so look a structure up each time you use it.
//
// [DB.InSchema] resolves bare names in a given schema first, for example in the schema of
// a tenant.
//
// [Expect] makes Load and Reload fail if the database is not as the program expects:
// [EnumIs], [RowsAre]. [DB.Verify] checks the same in CI or after a migration.
//
// # Materialized views
//
// A [Matview] has Refresh, CheckRefresh, Select, Get, Count, Definition and Size.
// [Rows] iterates over rows in constant memory. Refresh takes the options [Concurrently],
// [ConcurrentlyIfPossible], [WithNoData], [Analyze], [LockTimeout] and [SkipIfBusy].
//
// [DB.RefreshAll] refreshes many views, each after the views that it depends on.
// [DB.PlanRefresh] returns the order as a [Plan] without running it. [Views], [Upstream]
// and [Downstream] select views. [Parallel], [StopOnError], [Savepoints], [RefreshWith],
// [DurationsOf], [OnProgress] and [LogProgress] change the run. [DB.Graph] returns the
// dependencies, also for Mermaid and Graphviz.
//
// With [WithLedger], the database records when each view was refreshed; [CreateLedger]
// creates the ledger. [DB.Freshness] returns the age of the rows of each view.
// RefreshIfOlderThan of a [Matview] and [IfOlderThan] refresh only views that are too old,
// once for all processes. [DB.KeepFresh] refreshes views before they are too old, in every
// replica of a program, by a [Policy]. [OnRefresh] reports each refresh.
//
// # Enums
//
// An [Enum] has its labels in memory: Values, Contains, Position, Compare. [BindEnum]
// binds an enum to a string type of the program. The [BoundEnum] parses labels and
// follows each reload. AddValue, EnsureValue and RenameValue alter the enum in the
// database.
//
// [EnumOf] and [EnumArrayOf] are fields of structs that accept only declared labels.
// [AllowsExtra] accepts other labels, too, for rolling deploys.
//
// # Sequences
//
// A [Sequence] has NextValue, NextValues, NextBlock, LastValue, State, SetValue, Reset,
// ResetTo and Restart. Lag and CatchUp compare it with the columns that draw on it;
// [DB.Lag] and [DB.CatchUp] compare all sequences, for example after a restore.
// [NewAllocator] fetches values ahead, in blocks. [DB.Exhaustion] reports which sequences
// and key columns are almost full.
//
// # Following changes
//
// [DB.Watch] polls for changes, publishes a new snapshot and calls a function. With a
// [Waker] it also polls when the database sends a notification.
//
// # Transactions and poolers
//
// [DB.With] and [BoundEnum.With] run operations in a transaction or on one connection.
// Operations keep no session state. They work behind a transaction pooler such as
// PgBouncer with the driver settings that docs/poolers.md lists.
//
// An operation returns when its driver does. pgx returns soon after the context ends.
// lib/pq does not if the network drops packets: set TCP_USER_TIMEOUT and keepalive in
// pq.Connector.Dialer, since its DSN has no such settings. [DB.Watch] and [Allocator]
// don't wait for the driver.
//
// # Errors
//
// Every error of an operation is an [*Error]. [errors.Is] finds its cause with every
// driver:
//
//   - of the call: [ErrInvalid], [ErrUnsupported], [ErrClosed]
//   - of the database's structures: [ErrNotFound], [ErrDrift]
//   - of rights: [ErrPermission], [ErrReadOnly]
//   - of a view: [ErrNotPopulated], [ErrNoUniqueIndex], [ErrDuplicateRows], [ErrBusy]
//   - of a sequence: [ErrExhausted], [ErrOutOfRange]
//   - of an enum: [ErrLabelExists], [ErrLabelUnknown], [ErrLabelUncommitted]
//   - of the server or the transaction: [ErrDeadlock], [ErrServerTimeout],
//     [ErrTxAborted], [ErrUnavailable]
//
// [NotFoundError], [LabelError], [Drifts] and [Blockers] have the details, for
// [errors.As].
//
// # Testing
//
// Package sqltest is a fake database for unit tests, which needs no server. Package
// sqltest/pgtest starts a Postgres server for tests. Package sqltest/conformance tests a
// dialect.
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

// Types of other packages that programs use in their own signatures. Their methods are
// documented in the package that declares them.
type (
	// Matview is a materialized view. Methods: Name, Columns, Indexes, Populated,
	// MayRefresh, Owner, Comment, DependsOn, Dependents, Definition, Size,
	// Refresh, RefreshIfOlderThan, Freshness, CheckRefresh, Select, Get, Count.
	Matview = registry.Matview
	// Enum is an enumerated type. Methods: Name, Values, All, Len, Contains, Position,
	// Compare, Owner, Comment, UsedBy.
	Enum = registry.Enum
	// Sequence is a sequence. Methods: Name, Def, Owner, Comment, LastValue, State,
	// NextValue, NextValues, NextBlock, SetValue, Lag, CatchUp, Reset, ResetTo, Restart.
	Sequence = registry.Sequence
	// Registry is one snapshot. Methods: Matview, Enum, Sequence, Matviews, Enums,
	// Sequences, Match, InSchema, Freshness, Excluded, UnmatchedPatterns, Server,
	// SearchPath.
	Registry = registry.Registry
	// Changes lists the differences between two snapshots, each a [registry.Change].
	// Method: String.
	Changes = registry.Changes
	// Querier runs statements: a *sql.DB, *sql.Conn, *sql.Tx, or one of sqlx's. Methods:
	// ExecContext, QueryContext, QueryRowContext.
	Querier = dialect.Querier
	// Name is the name of a structure with its schema. Methods: String, Quoted, Append,
	// Compare.
	Name = dialect.Name
	// Kind is one of the three kinds of structure. Method: String.
	Kind = dialect.Kind
)

// The kinds of [registry.Change].
const (
	// ChangeAdded means that the structure is new, or has a new name.
	ChangeAdded = registry.ChangeAdded
	// ChangeRemoved means that the structure was dropped, or has another name.
	ChangeRemoved = registry.ChangeRemoved
	// ChangeModified means that the structure differs.
	ChangeModified = registry.ChangeModified
)

// A DB holds a snapshot of the structures of one database. Lookups read it without a lock,
// and [DB.Reload] replaces it. DB is safe for concurrent use if its querier is. A *sql.DB
// is safe; a *sql.Tx takes one operation at a time. The zero value is not usable; call
// [Load]. Lookups and operations of the zero value return [ErrInvalid].
type DB struct {
	dialect   dialect.Dialect
	querier   dialect.Querier
	selection selection

	// A DB of InSchema uses the state of base. The fields after resolved are unused.
	base     *DB
	schema   string
	resolved atomic.Pointer[inSchema]

	current atomic.Pointer[registry.Registry]

	// writing serializes changes of current. Each load gets a number when it begins. Its
	// result is published unless a load that began later has published first.
	writing          sync.Mutex
	began, published uint64
	sign             dialect.Sign // of the latest load that found the published structures
}

// An inSchema is a snapshot whose bare names are resolved in a schema first.
type inSchema struct{ of, registry *Registry }

// Load reads the structures of the database behind q with one statement. q is usually a
// *sql.DB. Load never closes or configures it.
//
// The snapshot is consistent, and Load waits for no lock on a user's relation. Bare names
// are resolved along the search path of the connection that Load used. No other setting
// of the session or the database changes the result.
//
// Text must arrive as UTF-8. lib/pq requests that itself. For pgx, put
// client_encoding=UTF8 into the DSN if the database has another encoding. In a database
// with the encoding SQL_ASCII, [DB.Excluded] lists structures with a name, label or
// column that is not UTF-8.
//
// Errors:
//
//   - [ErrInvalid] for a nil argument, wrong options, or a pattern with % that matches
//     nothing
//   - [ErrUnsupported] for a server that is too old or that the dialect doesn't know, and
//     for a connection whose text is not UTF-8
//   - [ErrDrift] if the database is not as [Expect] says
//   - with [WithLedger], [ErrNotFound], [ErrPermission] or [ErrInvalid] for the ledger
//   - the driver's error
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
	if sel.Recorder.Ledger != nil {
		if err := registry.CheckLedger(ctx, q, d, sel.Recorder); err != nil {
			return nil, err
		}
	}
	m := &DB{dialect: d, querier: q, selection: sel, sign: first.Sign()}
	m.current.Store(first)
	return m, nil
}

// load loads a registry and checks the expectations.
func load(ctx context.Context, q Querier, d dialect.Dialect, sel selection) (*Registry, error) {
	if err := sel.consistent(); err != nil {
		return nil, &Error{Op: dialect.OpLoad, Err: err}
	}
	r, err := registry.Load(ctx, q, d, sel.Selection)
	if err != nil {
		return nil, err
	}
	if err := (comparison{Registry: r, dialect: d, querier: q}).meets(sel.expect); err != nil {
		return nil, &Error{Op: dialect.OpLoad, Err: err}
	}
	return r, nil
}

// Reload updates the snapshot. It returns what changed in the database since the previous
// snapshot. First, it checks in one round trip whether anything was committed since. If
// the database can't rule that out, Reload loads the structures and publishes a new
// snapshot. Either way it drops labels appended locally. Structures from earlier lookups
// don't change.
//
// If a reload fails, also with [ErrDrift], the old snapshot stays. If another reload
// began later and ended earlier, its snapshot stays, and Reload returns the changes up to
// that one. Errors: as for [Load].
func (m *DB) Reload(ctx context.Context) (Changes, error) { return m.reload(ctx, true) }

// reload is Reload. If check is false, it loads without checking for commits first.
func (m *DB) reload(ctx context.Context, check bool) (Changes, error) {
	m = m.root()
	r, err := m.renew(ctx, dialect.OpReload, check)
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

// A renewal is a Reload, or a poll of a watch, in progress.
type renewal struct {
	number uint64             // in the order of their beginning
	before *registry.Registry // the snapshot that was published at the beginning
	next   *registry.Registry // the loaded snapshot; nil if nothing was committed since before
}

// renew loads the structures. If check is true, it loads nothing unless something was
// committed since the published snapshot was loaded.
func (m *DB) renew(ctx context.Context, op dialect.Op, check bool) (renewal, error) {
	m.writing.Lock()
	m.began++
	r, since := renewal{number: m.began, before: m.Registry()}, m.sign
	m.writing.Unlock()
	if !check {
		since = "" // Unchanged returns false for an empty sign
	}

	unchanged, err := registry.Unchanged(ctx, m.querier, m.dialect, since)
	if err == nil && !unchanged {
		r.next, err = load(ctx, m.querier, m.dialect, m.selection)
	}
	if err == nil {
		return r, nil
	}
	if errors.Is(err, ErrDrift) { // the next renewal must load, to check the expectations
		m.writing.Lock()
		m.sign = ""
		m.writing.Unlock()
	}
	return r, keptSnapshot(op, err)
}

// keptSnapshot returns the error of a renewal that kept the published snapshot.
func keptSnapshot(op dialect.Op, err error) error {
	return &Error{Op: op, Err: fmt.Errorf("%w (the previous snapshot stays in use)", cause(err))}
}

// publish makes next the current snapshot. The caller must hold m.writing.
func (m *DB) publish(number uint64, next *registry.Registry) {
	m.published, m.sign = number, next.Sign()
	m.current.Store(next)
}

// With returns a DB that shares m's snapshot and runs operations through q: a *sql.Tx,
// *sql.Conn, *sqlx.Tx or any other querier. Reload and AppendLocalLabels on it do not
// affect m. If q is nil, lookups work and operations return [ErrInvalid].
//
// With does not read the search path of q: names are resolved as in m.
func (m *DB) With(q Querier) *DB {
	r := m.root().Registry()
	w := &DB{dialect: m.dialect, querier: q, selection: m.selection, sign: r.Sign()}
	w.current.Store(r.On(q))
	return w.InSchema(m.schema)
}

// InSchema returns a DB whose bare names are resolved in that schema first, and then
// along the search path. Use it for schemas with the same structures, such as a schema
// for each tenant. Lookups, plans, [DB.Verify] and [BindEnum] follow it.
//
// The DB is not a copy: both have the same snapshot and querier, and Reload, Watch and
// AppendLocalLabels of either affect both. So a call is cheap. If the schema does not
// exist, lookups of bare names return [ErrNotFound], unless the search path has the name.
// If schema is empty, bare names are resolved along the search path only.
func (m *DB) InSchema(schema string) *DB {
	root := m.root()
	if schema == "" {
		return root
	}
	return &DB{dialect: m.dialect, querier: m.querier, selection: m.selection, base: root, schema: schema}
}

// root returns the DB that has the state of m.
func (m *DB) root() *DB {
	if m.base != nil {
		return m.base
	}
	return m
}

// AppendLocalLabels adds labels to the end of an enum in this program's snapshot. It does
// not change the database or enums from earlier lookups. The labels last until the next
// Reload; AddValue, EnsureValue and RenameValue also reload. Errors: [ErrNotFound],
// [ErrLabelExists], [ErrInvalid].
func (m *DB) AppendLocalLabels(name string, labels ...string) error {
	if len(labels) == 0 {
		return &Error{Op: dialect.OpAppend, Err: fmt.Errorf("%w: no label is given for enum %s", ErrInvalid, name)}
	}
	root := m.root()
	root.writing.Lock()
	defer root.writing.Unlock()
	next, err := m.Registry().AppendLocalLabels(name, labels...)
	if err != nil {
		return err
	}
	root.current.Store(next.InSchema(""))
	return nil
}

// Registry returns the current snapshot. Lookups in it see the same structures, even if a
// reload comes between them.
func (m *DB) Registry() *Registry {
	r := m.root().current.Load()
	if r == nil {
		return new(Registry)
	}
	if m.schema == "" {
		return r
	}
	last := m.resolved.Load()
	if last == nil || last.of != r {
		last = &inSchema{r, r.InSchema(m.schema)}
		m.resolved.Store(last)
	}
	return last.registry
}

// Matview returns the materialized view of that name. A bare name is resolved along the
// search path, as in the database. In schema.name, put double quotes around a part that
// holds a dot or a quote. Names are exact, as in the catalog: Daily is not daily. Errors:
// [ErrNotFound], as a [*NotFoundError] with the reason and similar names; [ErrInvalid].
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

// Matviews returns all loaded materialized views, by schema and name. The slice is the
// caller's.
func (m *DB) Matviews() []Matview { return m.Registry().Matviews() }

// Enums returns all loaded enums, by schema and name. The slice is the caller's.
func (m *DB) Enums() []Enum { return m.Registry().Enums() }

// Sequences returns all loaded sequences, by schema and name. Sequences of primary keys
// are excluded unless [WithKeySequences] is given. The slice is the caller's.
func (m *DB) Sequences() []Sequence { return m.Registry().Sequences() }

// Excluded returns the structures that exist and were not loaded, each with the reason.
// These are sequences of primary keys, structures that [Include] and [Exclude] exclude,
// and structures with a name, label or column that is not UTF-8. The slice is the
// caller's.
func (m *DB) Excluded() []registry.Excluded { return m.Registry().Excluded() }

// UnmatchedPatterns returns the patterns of [Include] and [Exclude] that match no loaded
// or excluded structure, as they were written. Use it to find misspelled patterns. The
// slice is the caller's.
func (m *DB) UnmatchedPatterns() []string { return m.Registry().UnmatchedPatterns() }

// Server describes the source of the snapshot: the server's version, the database, the
// role.
func (m *DB) Server() dialect.Server { return m.Registry().Server() }

// SearchPath returns the schemas that bare names are resolved along, in order. The slice
// is the caller's.
func (m *DB) SearchPath() []string { return m.Registry().SearchPath() }

// fail returns the error of an operation on a structure.
func fail(op dialect.Op, n Name, err error) error { return &Error{Op: op, Name: n, Err: err} }

// explain returns the error for a failure of the dialect.
func (m *DB) explain(ctx context.Context, f dialect.Failure) error {
	return registry.Explain(ctx, m.dialect, m.querier, f)
}

// expected checks a registry against the expectations of Load before it is published.
func (m *DB) expected(r *Registry) error {
	return comparison{Registry: r, dialect: m.dialect, querier: m.querier}.meets(m.selection.expect)
}
