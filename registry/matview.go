package registry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

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

	// Definition asks the database for the query behind the view. It may wait for whoever refreshes or alters
	// the view or what it reads, as long as ctx lets it. Errors: ErrNotFound.
	Definition(ctx context.Context) (string, error)

	// Refresh fills the view anew from its query and waits until that is done; without options it holds off
	// the view's readers meanwhile. Within a transaction others see the new rows when it commits. Errors:
	// ErrPermission, ErrReadOnly, ErrNotFound, ErrDuplicateRows, ErrBusy, ErrDeadlock; with Concurrently
	// ErrNoUniqueIndex and ErrNotPopulated, too; ErrInvalid for options that don't go together.
	Refresh(ctx context.Context, opts ...RefreshOption) (RefreshResult, error)

	// Select reads the view's rows into dest, a pointer to a slice of structs (or, for a view of one column, of
	// plain values), through sqlx: columns go to fields by their db tag or lower-cased name. The mapper, and
	// Unsafe, of a *sqlx.DB or *sqlx.Tx that the structure works through are honoured. The tail is SQL of the
	// caller's own that goes behind the FROM clause (where, order by, limit …), empty for all rows in no order;
	// args are for its placeholders, written as the driver has them. What dest held is overwritten; after an
	// error it holds the rows read before it. Errors: ErrNotPopulated, ErrPermission, ErrNotFound.
	Select(ctx context.Context, dest any, tail string, args ...any) error
}

// A RefreshMode is the way a view is refreshed.
type RefreshMode int

// The modes. A refresh reports one of them.
const (
	// Blocking holds off readers until it is done.
	Blocking RefreshMode = iota + 1
	// Concurrent lets readers see the old rows until it is done.
	Concurrent
)

// String is "blocking" or "concurrent".
func (m RefreshMode) String() string {
	switch m {
	case Blocking:
		return "blocking"
	case Concurrent:
		return "concurrent"
	default:
		return "no mode"
	}
}

// A RefreshOutcome is what became of a refresh.
type RefreshOutcome int

// The outcomes. A failed refresh has none: it returns an error.
const (
	// Refreshed: the view has its new rows.
	Refreshed RefreshOutcome = iota + 1
	// Emptied: the view has no rows and can't be read until it is refreshed again.
	Emptied
)

// String is the outcome in a word.
func (o RefreshOutcome) String() string {
	switch o {
	case Refreshed:
		return "refreshed"
	case Emptied:
		return "emptied"
	default:
		return "no outcome"
	}
}

// A RefreshResult says what a refresh did. After an error it is zero.
type RefreshResult struct {
	Outcome  RefreshOutcome
	Mode     RefreshMode   // the one used
	Why      string        // that mode: "the default", "asked for"
	Duration time.Duration // from sending the statement to its end
}

// String is the result in a line.
func (r RefreshResult) String() string {
	return fmt.Sprintf("%s in %v (%s, %s)", r.Outcome, r.Duration.Round(time.Microsecond), r.Mode, r.Why)
}

// A RefreshOption changes how a view is refreshed. Each may be given once. The zero value is refused.
type RefreshOption struct {
	name  string
	apply func(*dialect.Refresh)
}

// Concurrently lets readers go on with the old rows while the view is refreshed. It needs a unique index on
// columns only and without WHERE, and a view that is populated
// (https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html).
func Concurrently() RefreshOption {
	return RefreshOption{"Concurrently", func(r *dialect.Refresh) { r.Concurrently = true }}
}

// WithNoData empties the view: it gives its space back and can't be read until the next refresh.
func WithNoData() RefreshOption {
	return RefreshOption{"WithNoData", func(r *dialect.Refresh) { r.NoData = true }}
}

func refreshOptions(opts []RefreshOption) (dialect.Refresh, error) {
	var how dialect.Refresh
	for i, o := range opts {
		if o.apply == nil {
			return how, fmt.Errorf("%w: option %d is the zero RefreshOption", dialect.ErrInvalid, i+1)
		}
		if slices.ContainsFunc(opts[:i], func(p RefreshOption) bool { return p.name == o.name }) {
			return how, fmt.Errorf("%w: option %s is given twice", dialect.ErrInvalid, o.name)
		}
		o.apply(&how)
	}
	if how.Concurrently && how.NoData {
		return how, fmt.Errorf("%w: options Concurrently and WithNoData contradict each other: an emptied view can't be read",
			dialect.ErrInvalid)
	}
	return how, nil
}

type matview struct {
	def *dialect.MatviewDef
	*access
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
	return explain(ctx, m.dialect, dialect.Failure{Op: op, Name: m.def.Name, Matview: m.def, Err: err})
}

func (m *matview) Definition(ctx context.Context) (string, error) {
	reader, err := capability[dialect.MatviewReader](m.access)
	if err != nil {
		return "", fail(dialect.OpDefinition, m.def.Name, err)
	}
	query, err := reader.MatviewDefinition(ctx, m.querier, m.def.Name)
	if err != nil {
		return "", m.explain(ctx, dialect.OpDefinition, err)
	}
	return query, nil
}

func (m *matview) Refresh(ctx context.Context, opts ...RefreshOption) (RefreshResult, error) {
	how, err := refreshOptions(opts)
	if err != nil {
		return RefreshResult{}, fail(dialect.OpRefresh, m.def.Name, err)
	}
	op, result := dialect.OpRefresh, RefreshResult{Outcome: Refreshed, Mode: Blocking, Why: "the default"}
	if how.Concurrently {
		op, result.Mode, result.Why = dialect.OpRefreshConcurrently, Concurrent, "asked for"
	}
	if how.NoData {
		result.Outcome = Emptied
	}
	refresher, err := capability[dialect.MatviewRefresher](m.access)
	if err != nil {
		return RefreshResult{}, fail(op, m.def.Name, err)
	}
	start := time.Now()
	if err := refresher.RefreshMatview(ctx, m.querier, m.def.Name, how); err != nil {
		return RefreshResult{}, m.explain(ctx, op, err)
	}
	result.Duration = time.Since(start)
	return result, nil
}

func (m *matview) Select(ctx context.Context, dest any, tail string, args ...any) error {
	reader, err := capability[dialect.MatviewReader](m.access)
	if err != nil {
		return fail(dialect.OpSelect, m.def.Name, err)
	}
	query, queryArgs := reader.SelectMatview(m.def, tail, args)
	if err := sqlx.SelectContext(ctx, rowser(m.querier), dest, query, queryArgs...); err != nil {
		return m.explain(ctx, dialect.OpSelect, err)
	}
	return nil
}

// rowser is q as sqlx reads rows from it: as it is, where it is one of sqlx's own with a mapper of its own.
func rowser(q dialect.Querier) sqlx.QueryerContext {
	if x, ok := q.(sqlx.QueryerContext); ok {
		return x
	}
	return plain{q}
}

// plain reads rows from a querier that knows nothing of sqlx, with sqlx's default mapper.
type plain struct{ dialect.Querier }

func (p plain) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	rows, err := p.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	// A new sqlx.DB has the default mapper as it is now: a program may have set sqlx.NameMapper.
	return &sqlx.Rows{Rows: rows, Mapper: sqlx.NewDb(nil, "").Mapper}, nil
}

// QueryRowxContext completes [sqlx.QueryerContext]. sqlx gives no way to make its Row outside a querier of its
// own, and nothing here asks for one.
func (plain) QueryRowxContext(context.Context, string, ...any) *sqlx.Row { return nil }
