// Package stub is a dialect for tests that query no database.
package stub

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A Dialect queries no database. Its fields are the results of its methods, and it
// records the calls.
type Dialect struct {
	Defaults

	Catalog *dialect.Catalog
	State   dialect.SequenceState
	Next    int64

	Refreshed *dialect.Refreshed                                           // nil for the mode of the call
	Blockers  func(on dialect.Server, concurrently bool) []dialect.Blocker // nil for the view's own blockers

	Fails  error                       // the error of every operation
	During func()                      // called within every operation, if not nil
	Known  func(dialect.Failure) error // called by Classify, if not nil

	mu       sync.Mutex
	Calls    []Call
	Failures []dialect.Failure
}

// A Call is a call of a dialect's method, with its arguments.
type Call struct {
	Method  string
	Querier dialect.Querier
	Name    dialect.Name
	How     dialect.Refresh
	At      int64 // NoValue if there is none
}

// NoValue is the At of a Call without a value.
const NoValue = -1 << 62

var _ dialect.Dialect = (*Dialect)(nil)

func (s *Dialect) called(c Call) error {
	s.mu.Lock()
	s.Calls = append(s.Calls, c)
	s.mu.Unlock()
	if s.During != nil {
		s.During()
	}
	return s.Fails
}

func (s *Dialect) Name() string { return "stub" }

func (s *Dialect) Load(_ context.Context, q dialect.Querier, _ dialect.Filter) (*dialect.Catalog, error) {
	if err := s.called(Call{Method: "Load", Querier: q}); err != nil {
		return nil, err
	}
	return s.Catalog, nil
}

func (s *Dialect) Classify(f dialect.Failure) error {
	s.Failures = append(s.Failures, f)
	if s.Known == nil {
		return nil
	}
	return s.Known(f)
}

func (s *Dialect) MatviewDefinition(_ context.Context, q dialect.Querier, view dialect.Name) (string, error) {
	return " SELECT 1;", s.called(Call{Method: "MatviewDefinition", Querier: q, Name: view})
}

func (s *Dialect) MatviewSize(_ context.Context, q dialect.Querier, view dialect.Name) (int64, error) {
	return 8192, s.called(Call{Method: "MatviewSize", Querier: q, Name: view})
}

func (s *Dialect) SelectMatview(*dialect.MatviewDef, string, []any) (string, []any, error) {
	return "", nil, nil
}
func (s *Dialect) CountMatview(*dialect.MatviewDef, string, []any) (string, []any, error) {
	return "", nil, nil
}

func (s *Dialect) RefreshMatview(_ context.Context, q dialect.Querier, view dialect.Name, how dialect.Refresh) (dialect.Refreshed, error) {
	done := dialect.Refreshed{Concurrently: how.Concurrently}
	if s.Refreshed != nil {
		done = *s.Refreshed
	}
	return done, s.called(Call{Method: "RefreshMatview", Querier: q, Name: view, How: how})
}

func (s *Dialect) RefreshBlockers(view *dialect.MatviewDef, on dialect.Server, concurrently bool) (all []dialect.Blocker, _ error) {
	if s.Blockers != nil {
		return s.Blockers(on, concurrently), nil
	}
	for _, h := range []struct {
		reason dialect.BlockerReason
		is     bool
	}{
		{dialect.BlockerNotAllowed, !view.MayRefresh},
		{dialect.BlockerNotPopulated, concurrently && !view.Populated},
		{dialect.BlockerNoUniqueIndex, concurrently && !slices.ContainsFunc(view.Indexes, func(i dialect.Index) bool { return i.Unfit == "" })},
	} {
		if h.is {
			all = append(all, dialect.Blocker{Reason: h.reason})
		}
	}
	return all, nil
}

func (s *Dialect) SequenceState(_ context.Context, q dialect.Querier, seq dialect.Name) (dialect.SequenceState, error) {
	return s.State, s.called(Call{Method: "SequenceState", Querier: q, Name: seq})
}

func (s *Dialect) NextSequenceValue(_ context.Context, q dialect.Querier, seq dialect.Name) (int64, error) {
	return s.Next, s.called(Call{Method: "NextSequenceValue", Querier: q, Name: seq})
}

func (s *Dialect) RestartSequence(_ context.Context, q dialect.Querier, seq dialect.Name, at *int64) error {
	c := Call{Method: "RestartSequence", Querier: q, Name: seq, At: NoValue}
	if at != nil {
		c.At = *at
	}
	return s.called(c)
}

// Defaults has the default methods of all kinds.
type Defaults struct {
	dialect.NoMatviews
	dialect.NoEnums
	dialect.NoSequences
	dialect.NoTransactions
	dialect.NoSign
}

// A Bare dialect can only load.
type Bare struct {
	Defaults
	Loads interface {
		Name() string
		Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error)
		Classify(f dialect.Failure) error
	}
}

func (b Bare) Name() string { return b.Loads.Name() }

func (b Bare) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	return b.Loads.Load(ctx, q, f)
}

func (b Bare) Classify(f dialect.Failure) error { return b.Loads.Classify(f) }

// A Querier fails every statement. It is not empty, so that two Queriers have different
// addresses.
type Querier struct{ _ int }

func (*Querier) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, errors.New("the stub runs no statements")
}

func (*Querier) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errors.New("the stub runs no statements")
}

func (*Querier) QueryRowContext(context.Context, string, ...any) *sql.Row { return nil }

// A DriverError is an error as a driver returns it.
type DriverError struct{ State, Text string }

func (e *DriverError) Error() string    { return "driver: " + e.Text }
func (e *DriverError) SQLState() string { return e.State }

// Of parses a name, or panics.
func Of(text string) dialect.Name {
	n, err := dialect.ParseName(text)
	if err != nil {
		panic(err)
	}
	return n
}

// Names parses names, or panics.
func Names(texts ...string) (all []dialect.Name) {
	for _, t := range texts {
		all = append(all, Of(t))
	}
	return all
}

// Visible returns a structure that its bare name finds.
func Visible(name string) dialect.Object { return dialect.Object{Name: Of(name), Visible: true} }

// Object returns a structure whose schema is not on the search path.
func Object(name string) dialect.Object { return dialect.Object{Name: Of(name)} }

// Hidden returns a structure that another object hides.
func Hidden(name, by string) dialect.Object {
	return dialect.Object{Name: Of(name), HiddenBy: by}
}

// Matviews returns views without columns and indexes.
func Matviews(objects ...dialect.Object) (defs []dialect.MatviewDef) {
	for _, o := range objects {
		defs = append(defs, dialect.MatviewDef{Object: o})
	}
	return defs
}

// Enums returns enums without labels.
func Enums(objects ...dialect.Object) (defs []dialect.EnumDef) {
	for _, o := range objects {
		defs = append(defs, dialect.EnumDef{Object: o})
	}
	return defs
}

// Sequences returns sequences with zero definitions.
func Sequences(objects ...dialect.Object) (defs []dialect.SequenceDef) {
	for _, o := range objects {
		defs = append(defs, dialect.SequenceDef{Object: o})
	}
	return defs
}

// Key returns a sequence that a primary key draws on.
func Key(o dialect.Object, table, column string) dialect.SequenceDef {
	return dialect.SequenceDef{Object: o, KeyOf: &dialect.ColumnRef{Table: Of(table), Column: column}}
}

// Shop returns a catalog with structures of each kind and the search path app, public.
func Shop() *dialect.Catalog {
	daily := dialect.MatviewDef{
		Object:  dialect.Object{ID: 1, Name: Of("app.daily"), Owner: "ada", Comment: "sales by day", Visible: true},
		Columns: []dialect.Column{{Name: "day", Type: "date"}, {Name: "total", Type: "numeric(10,2)"}},
		Indexes: []dialect.Index{
			{Name: "daily_idx", Columns: []string{"day"}, Unique: true},
			{Name: "total_idx", Columns: []string{"total"}, Unfit: "it is not unique"},
		},
		Populated: true, MayRefresh: true,
	}
	weekly := dialect.MatviewDef{
		Object:  Object("stats.weekly"),
		Columns: []dialect.Column{{Name: "week", Type: "date"}, {Name: "total", Type: "bigint"}},
		Indexes: []dialect.Index{{Name: "weekly_idx", Columns: []string{"week"}, Included: []string{"total"}, Unique: true}},
	}
	mood := dialect.EnumDef{
		Object: dialect.Object{ID: 2, Name: Of("app.mood"), Owner: "bob", Comment: "how it goes", Visible: true},
		Labels: append(make([]string, 0, 10), "sad", "ok", "happy"), // spare capacity, which an append must not use
	}
	orderNo := dialect.SequenceDef{
		Object: dialect.Object{ID: 3, Name: Of("public.order_no"), Owner: "bob", Comment: "numbers", Visible: true},
		Type:   "bigint", Start: 1, Increment: 1, Min: 1, Max: 999, Cache: 1,
		OwnedBy: &dialect.ColumnRef{Table: Of("public.orders"), Column: "no"},
		Rights:  dialect.SequenceRights{Read: true, Next: true},
	}
	return &dialect.Catalog{
		Server:     dialect.Server{Version: "15.18", Major: 15, Database: "shop", User: "clerk", MaxNameBytes: 63},
		SearchPath: []string{"app", "public"},
		Matviews:   append(Matviews(Visible(`app."Odd Name"`)), daily, weekly),
		Enums:      append(Enums(Object(`stats."a.b"`)), mood),
		Sequences: append([]dialect.SequenceDef{Key(Visible("public.orders_id_seq"), "public.orders", "id")},
			append(Sequences(Object("stats.ticket")), orderNo)...),
	}
}

// Patterns parses patterns, or panics.
func Patterns(texts ...string) (ps []dialect.Pattern) {
	for _, t := range texts {
		p, err := dialect.ParsePattern(t)
		if err != nil {
			panic(err)
		}
		ps = append(ps, p)
	}
	return ps
}

// CheckCalls compares the dialect's calls with the expected ones.
func CheckCalls(t *testing.T, s *Dialect, want ...Call) {
	t.Helper()
	if !slices.Equal(s.Calls, want) {
		t.Errorf("the dialect was called\n\t%+v\nwant\n\t%+v", s.Calls, want)
	}
}

// Failed returns the [*registry.Error] in err, and checks its operation and name.
func Failed(t *testing.T, err error, op dialect.Op, name dialect.Name) *registry.Error {
	t.Helper()
	var e *registry.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T); want a *registry.Error", err, err)
	}
	if e.Op != op || e.Name != name || e.Err == nil {
		t.Errorf("error %v has Op %q, Name %#v, Err %v; want %q, %#v and a cause", err, e.Op, e.Name, e.Err, op, name)
	}
	return e
}

// Many returns a catalog with n structures of each kind. They are in one schema or, if
// schemas is set, each in its own.
func Many(n int, schemas bool) *dialect.Catalog {
	cat := &dialect.Catalog{SearchPath: []string{"public"}, Server: dialect.Server{MaxNameBytes: 63}}
	object := func(kind string, i int) dialect.Object {
		o := dialect.Object{ID: int64(i), Name: dialect.Name{Schema: "public", Name: fmt.Sprintf("%s_%d", kind, i)}, Visible: true}
		if schemas {
			o.Name = dialect.Name{Schema: fmt.Sprintf("tenant_%d", i), Name: kind}
			o.Visible = false
		}
		return o
	}
	for i := range n {
		cat.Matviews = append(cat.Matviews, dialect.MatviewDef{
			Object: object("view", i), Columns: []dialect.Column{{Name: "id", Type: "bigint"}},
		})
		cat.Enums = append(cat.Enums, dialect.EnumDef{Object: object("enum", i), Labels: []string{"sad", "ok", "happy"}})
		cat.Sequences = append(cat.Sequences, dialect.SequenceDef{Object: object("sequence", i), Increment: 1})
	}
	return cat
}
