package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A stub is a dialect that queries no database. Its fields are what it answers, and it keeps what it was asked.
type stub struct {
	defaults

	catalog *dialect.Catalog
	state   dialect.SequenceState
	next    int64

	refreshed *dialect.Refreshed                                           // nil for what was asked for
	blockers  func(on dialect.Server, concurrently bool) []dialect.Blocker // nil for what the view says

	fails  error                       // of every operation
	during func()                      // runs within every operation, if not nil
	known  func(dialect.Failure) error // Classify, if not nil

	mu       sync.Mutex
	calls    []call
	failures []dialect.Failure
}

// A call is one of a dialect's methods, with what it was given.
type call struct {
	method  string
	querier dialect.Querier
	name    dialect.Name
	how     dialect.Refresh
	at      int64 // noValue for none
}

const noValue = -1 << 62

var _ dialect.Dialect = (*stub)(nil)

func (s *stub) called(c call) error {
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	if s.during != nil {
		s.during()
	}
	return s.fails
}

func (s *stub) Name() string { return "stub" }

func (s *stub) Load(_ context.Context, q dialect.Querier, _ dialect.Filter) (*dialect.Catalog, error) {
	if err := s.called(call{method: "Load", querier: q}); err != nil {
		return nil, err
	}
	return s.catalog, nil
}

func (s *stub) Classify(f dialect.Failure) error {
	s.failures = append(s.failures, f)
	if s.known == nil {
		return nil
	}
	return s.known(f)
}

func (s *stub) MatviewDefinition(_ context.Context, q dialect.Querier, view dialect.Name) (string, error) {
	return " SELECT 1;", s.called(call{method: "MatviewDefinition", querier: q, name: view})
}

func (s *stub) SelectMatview(*dialect.MatviewDef, string, []any) (string, []any, error) {
	return "", nil, nil
}
func (s *stub) CountMatview(*dialect.MatviewDef, string, []any) (string, []any, error) {
	return "", nil, nil
}

func (s *stub) RefreshMatview(_ context.Context, q dialect.Querier, view dialect.Name, how dialect.Refresh) (dialect.Refreshed, error) {
	done := dialect.Refreshed{Concurrently: how.Concurrently}
	if s.refreshed != nil {
		done = *s.refreshed
	}
	return done, s.called(call{method: "RefreshMatview", querier: q, name: view, how: how})
}

func (s *stub) RefreshBlockers(view *dialect.MatviewDef, on dialect.Server, concurrently bool) (all []dialect.Blocker, _ error) {
	if s.blockers != nil {
		return s.blockers(on, concurrently), nil
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

func (s *stub) SequenceState(_ context.Context, q dialect.Querier, seq dialect.Name) (dialect.SequenceState, error) {
	return s.state, s.called(call{method: "SequenceState", querier: q, name: seq})
}

func (s *stub) NextSequenceValue(_ context.Context, q dialect.Querier, seq dialect.Name) (int64, error) {
	return s.next, s.called(call{method: "NextSequenceValue", querier: q, name: seq})
}

func (s *stub) RestartSequence(_ context.Context, q dialect.Querier, seq dialect.Name, at *int64) error {
	c := call{method: "RestartSequence", querier: q, name: seq, at: noValue}
	if at != nil {
		c.at = *at
	}
	return s.called(c)
}

// defaults are those of all kinds.
type defaults struct {
	dialect.NoMatviews
	dialect.NoEnums
	dialect.NoSequences
	dialect.NoTransactions
	dialect.NoSign
}

// A bare dialect only loads.
type bare struct {
	defaults
	loads interface {
		Name() string
		Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error)
		Classify(f dialect.Failure) error
	}
}

func (b bare) Name() string { return b.loads.Name() }

func (b bare) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	return b.loads.Load(ctx, q, f)
}

func (b bare) Classify(f dialect.Failure) error { return b.loads.Classify(f) }

// A querier is none that could be asked anything. Two of them are told apart by their addresses.
type querier struct{ _ int }

func (*querier) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, errors.New("the stub's statements go nowhere")
}

func (*querier) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errors.New("the stub's statements go nowhere")
}

func (*querier) QueryRowContext(context.Context, string, ...any) *sql.Row { return nil }

// A driverError is what a driver would return.
type driverError struct{ State, Text string }

func (e *driverError) Error() string    { return "driver: " + e.Text }
func (e *driverError) SQLState() string { return e.State }

// of is a name, or panics.
func of(text string) dialect.Name {
	n, err := dialect.ParseName(text)
	if err != nil {
		panic(err)
	}
	return n
}

func names(texts ...string) (all []dialect.Name) {
	for _, t := range texts {
		all = append(all, of(t))
	}
	return all
}

// visible, hidden and object are what a structure has: one that its bare name finds, one that something hides, and
// one off the search path.
func visible(name string) dialect.Object { return dialect.Object{Name: of(name), Visible: true} }
func object(name string) dialect.Object  { return dialect.Object{Name: of(name)} }

func hidden(name, by string) dialect.Object {
	return dialect.Object{Name: of(name), HiddenBy: by}
}

func matviews(objects ...dialect.Object) (defs []dialect.MatviewDef) {
	for _, o := range objects {
		defs = append(defs, dialect.MatviewDef{Object: o})
	}
	return defs
}

func enums(objects ...dialect.Object) (defs []dialect.EnumDef) {
	for _, o := range objects {
		defs = append(defs, dialect.EnumDef{Object: o})
	}
	return defs
}

func sequences(objects ...dialect.Object) (defs []dialect.SequenceDef) {
	for _, o := range objects {
		defs = append(defs, dialect.SequenceDef{Object: o})
	}
	return defs
}

// key is a sequence that feeds a primary key.
func key(o dialect.Object, table, column string) dialect.SequenceDef {
	return dialect.SequenceDef{Object: o, KeyOf: &dialect.ColumnRef{Table: of(table), Column: column}}
}

// shop is a catalog with something of each kind, its search path app and public.
func shop() *dialect.Catalog {
	daily := dialect.MatviewDef{
		Object:  dialect.Object{ID: 1, Name: of("app.daily"), Owner: "ada", Comment: "sales by day", Visible: true},
		Columns: []dialect.Column{{Name: "day", Type: "date"}, {Name: "total", Type: "numeric(10,2)"}},
		Indexes: []dialect.Index{
			{Name: "daily_idx", Columns: []string{"day"}, Unique: true},
			{Name: "total_idx", Columns: []string{"total"}, Unfit: "it is not unique"},
		},
		Populated: true, MayRefresh: true,
	}
	weekly := dialect.MatviewDef{
		Object:  object("stats.weekly"),
		Columns: []dialect.Column{{Name: "week", Type: "date"}, {Name: "total", Type: "bigint"}},
		Indexes: []dialect.Index{{Name: "weekly_idx", Columns: []string{"week"}, Included: []string{"total"}, Unique: true}},
	}
	mood := dialect.EnumDef{
		Object: dialect.Object{ID: 2, Name: of("app.mood"), Owner: "bob", Comment: "how it goes", Visible: true},
		Labels: append(make([]string, 0, 10), "sad", "ok", "happy"), // room behind the labels, which no append may use
	}
	orderNo := dialect.SequenceDef{
		Object: dialect.Object{ID: 3, Name: of("public.order_no"), Owner: "bob", Comment: "numbers", Visible: true},
		Type:   "bigint", Start: 1, Increment: 1, Min: 1, Max: 999, Cache: 1,
		OwnedBy: &dialect.ColumnRef{Table: of("public.orders"), Column: "no"},
		Rights:  dialect.SequenceRights{Read: true, Next: true},
	}
	return &dialect.Catalog{
		Server:     dialect.Server{Version: "15.18", Major: 15, Database: "shop", User: "clerk", MaxNameBytes: 63},
		SearchPath: []string{"app", "public"},
		Matviews:   append(matviews(visible(`app."Odd Name"`)), daily, weekly),
		Enums:      append(enums(object(`stats."a.b"`)), mood),
		Sequences: append([]dialect.SequenceDef{key(visible("public.orders_id_seq"), "public.orders", "id")},
			append(sequences(object("stats.ticket")), orderNo)...),
	}
}

func patterns(texts ...string) (ps []dialect.Pattern) {
	for _, t := range texts {
		p, err := dialect.ParsePattern(t)
		if err != nil {
			panic(err)
		}
		ps = append(ps, p)
	}
	return ps
}

// stubbed is a registry of the catalog that works through a stub.
func stubbed(cat *dialect.Catalog, sel registry.Selection) (*registry.Registry, *stub, *querier) {
	s, q := &stub{catalog: cat}, &querier{}
	return registry.New(cat, sel, s, q), s, q
}

func matview(t *testing.T, r *registry.Registry, name string) registry.Matview {
	t.Helper()
	m, err := r.Matview(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func enum(t *testing.T, r *registry.Registry, name string) registry.Enum {
	t.Helper()
	e, err := r.Enum(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func sequence(t *testing.T, r *registry.Registry, name string) registry.Sequence {
	t.Helper()
	s, err := r.Sequence(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// failed is the library's error in err, after a look at what it says it is about.
func failed(t *testing.T, err error, op dialect.Op, name dialect.Name) *registry.Error {
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

func checkCalls(t *testing.T, s *stub, want ...call) {
	t.Helper()
	if !slices.Equal(s.calls, want) {
		t.Errorf("the dialect was called\n\t%+v\nwant\n\t%+v", s.calls, want)
	}
}
