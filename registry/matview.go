package registry

import (
	"context"
	"slices"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// A Matview is a materialized view as it was loaded, with its operations. It is safe for
// concurrent use if its querier is. A [Registry] returns it. Later releases may add
// methods.
//
// Look a view up each time you use it; a lookup takes about 15 ns. A kept Matview has the
// columns and indexes of its load, also after a reload. Its operations use the name. So
// they use a recreated view, and return ErrNotFound after a drop or a rename.
type Matview interface {
	// Name returns the view's name, with its schema.
	Name() dialect.Name
	// Columns returns the view's columns, in order. The slice is the caller's.
	Columns() []dialect.Column
	// Indexes returns the view's indexes, by name. If a concurrent refresh can't use an
	// index, its Unfit says why. If its build failed, it is Invalid. The slice is the
	// caller's.
	Indexes() []dialect.Index
	// Populated reports whether the view could be read when it was loaded.
	Populated() bool
	// MayRefresh reports whether the role that loaded the view has the right to refresh
	// it.
	MayRefresh() bool
	// Owner returns the role that owns the view.
	Owner() string
	// Comment returns the view's comment, or an empty text.
	Comment() string

	// DependsOn returns the materialized views that the view reads, directly or through
	// plain views, as they were loaded. They are in the order of schema and name, and
	// include views that the load's patterns exclude. Views that it reads through a
	// function are not known. The slice is the caller's.
	DependsOn() []dialect.Name
	// Dependents returns the materialized views that read this view. Otherwise as
	// DependsOn.
	Dependents() []dialect.Name

	// Definition reads the view's query from the database. The server prints it by the
	// session's settings and search path. Definition may wait, until ctx ends, for
	// sessions that refresh or alter the view or a relation that it reads. Errors:
	// ErrNotFound.
	Definition(ctx context.Context) (string, error)

	// Size reads how many bytes the view uses, with its indexes and TOAST. Size may wait,
	// until ctx ends, for sessions that alter the view or refresh it without
	// Concurrently. Errors: ErrNotFound.
	Size(ctx context.Context) (int64, error)

	// Refresh runs the view's query again and waits until the view has the new rows.
	// Without options it blocks readers of the view. Inside a transaction others see the
	// new rows after the commit.
	//
	// Errors:
	//   - ErrPermission, ErrReadOnly, ErrNotFound, ErrDuplicateRows, ErrDeadlock
	//   - ErrNotPopulated if the view reads a view without data
	//   - ErrBusy with LockTimeout, SkipIfBusy or the session's lock_timeout
	//   - with Concurrently also ErrNoUniqueIndex, and ErrNotPopulated for the view
	//     itself
	//   - ErrInvalid for options that contradict each other
	//   - ErrUnsupported with Analyze, ConcurrentlyIfPossible, LockTimeout or SkipIfBusy
	//     through a querier that prepares each statement
	Refresh(ctx context.Context, opts ...RefreshOption) (RefreshResult, error)

	// RefreshIfOlderThan refreshes the view if its rows are older than d, and returns when
	// they are not. It needs a ledger: see massive.WithLedger. Any number of calls, in any
	// number of processes, cause one refresh. With d = 0 the rows have everything that was
	// committed before the call.
	//
	// The rows are older than d if their age is unknown; if the view's last refresh is
	// longer ago; or if a view that it reads had older rows then, and has been refreshed
	// since.
	//
	// The outcome is OutcomeFresh if nothing was to be done, OutcomeRefreshed if this call
	// refreshed, and OutcomeJoined if it waited for the refresh of another call or
	// session. With SkipIfBusy the call does not wait: its outcome is OutcomeSkippedBusy,
	// and the error wraps ErrBusy.
	//
	// On a pool, a waiting call takes no connection most of the time. It joins a call of
	// the same process with the same options, and polls for those of others. The refresh
	// of several calls is canceled when the context of the last one has ended. In a
	// transaction or on a connection, the call waits for a lock until the other session's
	// transaction ends. REPEATABLE READ and SERIALIZABLE transactions can't see the other
	// session's record: the error is ErrUnsupported.
	//
	// Errors: as for Refresh; ErrInvalid for a negative d, WithNoData, or no ledger.
	RefreshIfOlderThan(ctx context.Context, d time.Duration, opts ...RefreshOption) (RefreshResult, error)

	// Freshness reads from the ledger how old the view's rows are, and when and by whom
	// the view was refreshed. Errors: ErrNotFound; ErrInvalid if there is no ledger;
	// ErrPermission.
	Freshness(ctx context.Context) (dialect.Freshness, error)

	// CheckRefresh reports whether the role that loaded the view could refresh it with
	// data in that mode. It uses the loaded data and does not query the database. It
	// returns nil if nothing blocks the refresh. Otherwise the error has [Blockers], each
	// with its reason and, if there is one, the statement that fixes it. [errors.Is]
	// reaches ErrNoUniqueIndex, ErrNotPopulated, ErrPermission and ErrReadOnly.
	//
	// If the view depends on a view without data, both modes are blocked. CheckRefresh
	// can't tell whether new rows would violate the index.
	CheckRefresh(mode RefreshMode) error

	// Select reads the view's rows into dest, a pointer to a slice of structs or, for a
	// view of one column, of plain values. It maps columns to fields as sqlx does, by the
	// db tag or the lower-cased name. If the querier is a *sqlx.DB or *sqlx.Tx, its
	// mapper and Unsafe apply.
	//
	// The tail is the caller's SQL after the FROM clause, for example WHERE, ORDER BY and
	// LIMIT. An empty tail reads all rows, in no order. args are the values of its
	// placeholders, which have the driver's syntax. Select overwrites dest. After an
	// error dest has the rows that were read before it.
	//
	// Errors: ErrInvalid for a wrong dest; ErrNotPopulated, ErrPermission; ErrNotFound,
	// also if the view no longer has a loaded column: then call Reload and look it up
	// again.
	Select(ctx context.Context, dest any, tail string, args ...any) error

	// Get reads the first row that Select would read into dest, a pointer to a struct or,
	// for a view of one column, to a plain value. It discards the other rows; put
	// LIMIT 1 into the tail if there may be many. If there is no row, the error wraps
	// [sql.ErrNoRows]. Other errors: as for Select.
	Get(ctx context.Context, dest any, tail string, args ...any) error

	// Count returns how many rows Select would read. Errors: as for Select.
	Count(ctx context.Context, tail string, args ...any) (int64, error)

	// stream starts the query for [ReadRows].
	stream(ctx context.Context, tail string, args []any) (*stream, error)
}

type matview struct {
	def *dialect.MatviewDef
	*access
	network func() *network
}

func (m *matview) object() *dialect.Object   { return &m.def.Object }
func (m *matview) Name() dialect.Name        { return m.def.Name }
func (m *matview) String() string            { return m.def.Name.String() }
func (m *matview) Columns() []dialect.Column { return slices.Clone(m.def.Columns) }
func (m *matview) Populated() bool           { return m.def.Populated }
func (m *matview) MayRefresh() bool          { return m.def.MayRefresh }
func (m *matview) Owner() string             { return m.def.Owner }
func (m *matview) Comment() string           { return m.def.Comment }

func (m *matview) Indexes() []dialect.Index {
	all := slices.Clone(m.def.Indexes)
	for i := range all {
		all[i].Columns = slices.Clone(all[i].Columns)
		all[i].Included = slices.Clone(all[i].Included)
	}
	return all
}

func (m *matview) explain(ctx context.Context, op dialect.Op, err error) error {
	return explain(ctx, m.access, dialect.Failure{Op: op, Name: m.def.Name, Matview: m.def, Err: err})
}

func (m *matview) Definition(ctx context.Context) (string, error) {
	d, err := operation(ctx, m.access)
	if err != nil {
		return "", fail(dialect.OpDefinition, m.def.Name, err)
	}
	query, err := d.MatviewDefinition(ctx, m.querier, m.def.Name)
	if err != nil {
		return "", m.explain(ctx, dialect.OpDefinition, err)
	}
	return query, nil
}

func (m *matview) Size(ctx context.Context) (int64, error) {
	d, err := operation(ctx, m.access)
	if err != nil {
		return 0, fail(dialect.OpSize, m.def.Name, err)
	}
	size, err := d.MatviewSize(ctx, m.querier, m.def.Name)
	if err != nil {
		return 0, m.explain(ctx, dialect.OpSize, err)
	}
	return size, nil
}
