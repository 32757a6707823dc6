package registry

import (
	"context"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// A Matview is a materialized view as it was loaded, with its operations. It is safe for concurrent use as far
// as its querier is. Programs get theirs from a [Registry]; the interface may grow.
type Matview interface {
	// Name is the view's, with its schema.
	Name() dialect.Name
	// Columns are the view's, in order. The slice is the caller's.
	Columns() []dialect.Column
	// Indexes are the view's, by name, each with the reason why a concurrent refresh can't use it, if so. The
	// slice is the caller's.
	Indexes() []dialect.Index
	// Populated tells whether the view could be read when it was loaded.
	Populated() bool
	// MayRefresh tells whether the role that loaded the view has the right to refresh it.
	MayRefresh() bool
	// Owner is the role that owns the view.
	Owner() string
	// Comment is the one set on the view, empty for none.
	Comment() string

	// DependsOn are the materialized views that the view reads, itself or through plain views, as they were loaded: by
	// schema and name, each once, those that the load's patterns left out included. What it reads through a function
	// is not known. [Graph.Upstream] goes on through those. The slice is the caller's.
	DependsOn() []dialect.Name
	// Dependents are the materialized views that read this one, themselves or through plain views, likewise.
	Dependents() []dialect.Name

	// Definition asks the database for the query behind the view. The server prints it,
	// by the session's settings and search path. It may wait for whoever refreshes or
	// alters the view or what it reads, as long as ctx lets it. Errors: ErrNotFound.
	Definition(ctx context.Context) (string, error)

	// Refresh fills the view anew from its query and waits until that is done; without options it holds off
	// the view's readers meanwhile. Within a transaction others see the new rows when it commits. Errors:
	// ErrPermission, ErrReadOnly, ErrNotFound, ErrDuplicateRows, ErrDeadlock; ErrNotPopulated where it reads another
	// view that has no data; ErrBusy with LockTimeout, SkipIfBusy or a lock_timeout of the session; with Concurrently
	// ErrNoUniqueIndex and ErrNotPopulated, too; ErrInvalid for options that don't go together; ErrUnsupported with
	// ConcurrentlyIfPossible, LockTimeout or SkipIfBusy through a querier that prepares each statement.
	Refresh(ctx context.Context, opts ...RefreshOption) (RefreshResult, error)

	// CheckRefresh tells whether the role that loaded the view could refresh it with data in
	// that mode, going by what was loaded and asking nobody: nil if it could. Else the error
	// has [Blockers], each with its reason and, where there is one, the statement that
	// would mend it; [errors.Is] reaches ErrNoUniqueIndex, ErrNotPopulated, ErrPermission
	// and ErrReadOnly. A view without data that this one depends on is one of them in both
	// modes, since a refresh fails as long as it is empty. What is only found out by
	// refreshing, rows that break the index, it can't tell.
	CheckRefresh(mode RefreshMode) error

	// Select reads the view's rows into dest, a pointer to a slice of structs (or, for a view of one column, of
	// plain values), through sqlx: columns go to fields by their db tag or lower-cased name. The mapper, and
	// Unsafe, of a *sqlx.DB or *sqlx.Tx that the structure works through are honoured. The tail is SQL of the
	// caller's own that goes behind the FROM clause (where, order by, limit …), empty for all rows in no order;
	// args are for its placeholders, written as the driver has them. What dest held is overwritten; after an
	// error it holds the rows read before it.
	//
	// Errors: ErrInvalid for a dest that is none, ErrNotPopulated, ErrPermission; ErrNotFound, also for a view that
	// was recreated or altered without a column that was loaded: call Reload and look it up again.
	Select(ctx context.Context, dest any, tail string, args ...any) error

	// Get reads the first row that Select would into dest, a pointer to a struct (or, for a view of one column, to a
	// plain value). The rows behind it are read and thrown away: say LIMIT 1 in the tail where there may be many.
	// Without a row the error wraps [sql.ErrNoRows]; else as Select's.
	Get(ctx context.Context, dest any, tail string, args ...any) error

	// Count is the number of rows that Select would read. Errors as Select's.
	Count(ctx context.Context, tail string, args ...any) (int64, error)

	// stream begins to read rows, for [Rows].
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
