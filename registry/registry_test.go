package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

func namesOf[T interface{ Name() dialect.Name }](all []T) (ns []dialect.Name) {
	for _, s := range all {
		ns = append(ns, s.Name())
	}
	return ns
}

func checkNames(t *testing.T, what string, got, want []dialect.Name) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v; want %v", what, got, want)
	}
}

// Lists are sorted by schema, then by name, byte by byte, for any order of the catalog.
func TestListsAreSorted(t *testing.T) {
	t.Parallel()
	all := []dialect.Object{
		stub.Object("b.a"), stub.Visible("a.b"), stub.Object(`a."B"`), stub.Object("a.a"), stub.Object(`"B".z`), stub.Object("ä.a"), stub.Object(`"a.b".a`), stub.Object("c.a"),
	}
	want := stub.Names(`"B".z`, `a."B"`, "a.a", "a.b", `"a.b".a`, "b.a", "c.a", "ä.a")
	plain, _, _ := stubbed(&dialect.Catalog{Matviews: stub.Matviews(all...), Enums: stub.Enums(all...), Sequences: stub.Sequences(all...)}, registry.Selection{})
	for what, r := range map[string]*registry.Registry{"the registry": plain, "On": plain.On(&stub.Querier{})} {
		for range 2 {
			ms, es, ss := r.Matviews(), r.Enums(), r.Sequences()
			checkNames(t, what+"'s materialized views", namesOf(ms), want)
			checkNames(t, what+"'s enums", namesOf(es), want)
			checkNames(t, what+"'s sequences", namesOf(ss), want)
			clear(ms) // the slices are the caller's
			clear(es)
			clear(ss)
		}
	}
}

func TestStructuresPrintAsTheirNames(t *testing.T) {
	t.Parallel()
	plain, _, _ := stubbed(stub.Shop(), registry.Selection{})
	for what, r := range map[string]*registry.Registry{"the registry": plain, "On": plain.On(&stub.Querier{})} {
		got := fmt.Sprint(matview(t, r, "Odd Name"), enum(t, r, "mood"), sequence(t, r, "order_no"))
		if want := `app."Odd Name" app.mood public.order_no`; got != want {
			t.Errorf("%s: structures print as %s; want %s", what, got, want)
		}
	}
}

type omission struct {
	kind      dialect.Kind
	name, why string
	key       string // empty if there is none
}

func omissions(r *registry.Registry) (all []omission) {
	for _, o := range r.Excluded() {
		m := omission{o.Kind, o.Name.String(), o.Why, ""}
		if o.KeyOf != nil {
			m.key = o.KeyOf.String()
		}
		all = append(all, m)
	}
	return all
}

// A Selection selects structures. Excluded lists all others with the reason, except those
// of kinds that the filter does not select.
func TestSelection(t *testing.T) {
	t.Parallel()
	const (
		mv, en, sq = dialect.KindMatview, dialect.KindEnum, dialect.KindSequence
	)
	key := omission{sq, "public.orders_id_seq", "it is the key sequence of public.orders.id", "public.orders.id"}
	for _, c := range []struct {
		rule                       string
		sel                        registry.Selection
		matviews, enums, sequences []dialect.Name
		omitted                    []omission
	}{
		{
			"everything except sequences of keys", registry.Selection{},
			stub.Names(`app."Odd Name"`, "app.daily", "stats.weekly"), stub.Names("app.mood", `stats."a.b"`), stub.Names("public.order_no", "stats.ticket"),
			[]omission{key},
		}, {
			"everything", registry.Selection{KeySequences: true},
			stub.Names(`app."Odd Name"`, "app.daily", "stats.weekly"), stub.Names("app.mood", `stats."a.b"`),
			stub.Names("public.order_no", "public.orders_id_seq", "stats.ticket"), nil,
		}, {
			"enums alone", registry.Selection{Filter: dialect.Filter{Kinds: []dialect.Kind{en}}},
			nil, stub.Names("app.mood", `stats."a.b"`), nil, nil,
		}, {
			"sequences and views", registry.Selection{Filter: dialect.Filter{Kinds: []dialect.Kind{sq, mv}}},
			stub.Names(`app."Odd Name"`, "app.daily", "stats.weekly"), nil, stub.Names("public.order_no", "stats.ticket"), []omission{key},
		}, {
			"patterns; excluded structures are sorted by kind and name", registry.Selection{Filter: dialect.Filter{
				Include: stub.Patterns("app.*", "public.*"), Exclude: stub.Patterns("daily", "public.*"),
			}},
			stub.Names(`app."Odd Name"`), stub.Names("app.mood"), nil,
			[]omission{
				{mv, "app.daily", "it is excluded by daily", ""},
				{mv, "stats.weekly", "it is not included by app.*, public.*", ""},
				{en, `stats."a.b"`, "it is not included by app.*, public.*", ""},
				{sq, "public.order_no", "it is excluded by public.*", ""},
				{sq, "public.orders_id_seq", "it is excluded by public.*", ""},
				{sq, "stats.ticket", "it is not included by app.*, public.*", ""},
			},
		}, {
			"patterns apply to sequences of keys, too", registry.Selection{
				Filter: dialect.Filter{Kinds: []dialect.Kind{sq}, Exclude: stub.Patterns("orders_*")}, KeySequences: true,
			},
			nil, nil, stub.Names("public.order_no", "stats.ticket"), []omission{{sq, "public.orders_id_seq", "it is excluded by orders_*", ""}},
		},
	} {
		r, _, _ := stubbed(stub.Shop(), c.sel)
		checkNames(t, c.rule+": materialized views", namesOf(r.Matviews()), c.matviews)
		checkNames(t, c.rule+": enums", namesOf(r.Enums()), c.enums)
		checkNames(t, c.rule+": sequences", namesOf(r.Sequences()), c.sequences)
		if got := omissions(r); !slices.Equal(got, c.omitted) {
			t.Errorf("%s: omitted\n\t%+v\nwant\n\t%+v", c.rule, got, c.omitted)
		}
	}
}

// A caller that changes a result does not change the registry.
func TestResultsAreCopies(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(stub.Shop(), registry.Selection{})
	want := omissions(r)
	all := r.Excluded()
	if len(all) != 1 || all[0].KeyOf == nil {
		t.Fatalf("omitted %+v; want the key's sequence", all)
	}
	all[0].KeyOf.Column = "changed"
	all[0].Why = "changed"
	if got := omissions(r); !slices.Equal(got, want) {
		t.Errorf("a caller who changes an Excluded changes the registry's: %+v; want %+v", got, want)
	}

	path := r.SearchPath()
	path[0] = "changed"
	if got, want := r.SearchPath(), []string{"app", "public"}; !slices.Equal(got, want) {
		t.Errorf("a caller who changes the search path changes the registry's: %v; want %v", got, want)
	}
	if got, want := r.Server(), stub.Shop().Server; got != want {
		t.Errorf("the server is %+v; want %+v", got, want)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	s, q := &stub.Dialect{Catalog: stub.Shop()}, &stub.Querier{}
	d := &filtering{Dialect: s}
	sel := registry.Selection{
		Filter: dialect.Filter{
			Kinds: []dialect.Kind{dialect.KindSequence, dialect.KindEnum}, Include: stub.Patterns("app.*", "public.*"), Exclude: stub.Patterns("x"),
		},
		KeySequences: true,
	}
	r, err := registry.Load(t.Context(), q, d, sel)
	noError(t, err)
	if !reflect.DeepEqual(d.filter, sel.Filter) {
		t.Errorf("the dialect got the filter %+v; want %+v", d.filter, sel.Filter)
	}
	stub.CheckCalls(t, s, stub.Call{Method: "Load", Querier: q})
	checkNames(t, "materialized views", namesOf(r.Matviews()), nil)
	checkNames(t, "enums", namesOf(r.Enums()), stub.Names("app.mood"))
	checkNames(t, "sequences", namesOf(r.Sequences()), stub.Names("public.order_no", "public.orders_id_seq"))
	if got, want := r.Server(), stub.Shop().Server; got != want {
		t.Errorf("the server is %+v; want %+v", got, want)
	}

	// The structures use the same dialect and querier.
	s.Next = 7
	if v, err := sequence(t, r, "order_no").NextValue(t.Context()); v != 7 || err != nil {
		t.Errorf("NextValue = %d, %v; want 7, nil", v, err)
	}
	stub.CheckCalls(t, s, stub.Call{Method: "Load", Querier: q}, stub.Call{Method: "NextSequenceValue", Querier: q, Name: stub.Of("public.order_no")})
}

// filtering records the filter of Load.
type filtering struct {
	*stub.Dialect
	filter dialect.Filter
}

func (d *filtering) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	d.filter = f
	return d.Dialect.Load(ctx, q, f)
}

// On returns the same structures with another querier.
func TestOn(t *testing.T) {
	t.Parallel()
	r, s, q := stubbed(stub.Shop(), registry.Selection{})
	tx := &stub.Querier{}
	on := r.On(tx)
	ctx := t.Context()
	for _, c := range []struct {
		r *registry.Registry
		q dialect.Querier
	}{{on, tx}, {r, q}, {on.On(q), q}} {
		s.Calls = nil
		if _, err := matview(t, c.r, "daily").Refresh(ctx); err != nil {
			t.Error(err)
		}
		if _, err := sequence(t, c.r, "order_no").NextValue(ctx); err != nil {
			t.Error(err)
		}
		if _, err := c.r.Matviews()[1].Definition(ctx); err != nil {
			t.Error(err)
		}
		if err := c.r.Sequences()[0].Restart(ctx); err != nil {
			t.Error(err)
		}
		stub.CheckCalls(t, s,
			stub.Call{Method: "RefreshMatview", Querier: c.q, Name: stub.Of("app.daily")},
			stub.Call{Method: "NextSequenceValue", Querier: c.q, Name: stub.Of("public.order_no")},
			stub.Call{Method: "MatviewDefinition", Querier: c.q, Name: stub.Of("app.daily")},
			stub.Call{Method: "RestartSequence", Querier: c.q, Name: stub.Of("public.order_no"), At: stub.NoValue})
	}
	if on.Server() != r.Server() || !slices.Equal(on.SearchPath(), r.SearchPath()) || !slices.Equal(omissions(on), omissions(r)) {
		t.Errorf("On changes the snapshot")
	}
	if cs := registry.Diff(r, on); cs != nil {
		t.Errorf("On changes the structures: %v", cs)
	}

	longer, err := on.AppendLocalLabels("mood", "elated")
	noError(t, err)
	s.Calls = nil
	if _, err := sequence(t, longer, "order_no").NextValue(ctx); err != nil {
		t.Error(err)
	}
	stub.CheckCalls(t, s, stub.Call{Method: "NextSequenceValue", Querier: tx, Name: stub.Of("public.order_no")})
}

// With a nil querier or dialect, also as a nil pointer in an interface, operations return
// ErrInvalid. Lookups work.
func TestNilArguments(t *testing.T) {
	t.Parallel()
	const (
		noDatabase = "invalid argument: the database is nil; pass a *sql.DB, a connection or a transaction"
		noDialect  = "invalid argument: the dialect is nil; pass a dialect, for example postgres.New()"
	)
	for _, c := range []struct {
		what string
		q    dialect.Querier
		d    dialect.Dialect
		want string
	}{
		{"a nil querier", nil, &stub.Dialect{}, noDatabase},
		{"a nil *sql.DB", (*sql.DB)(nil), &stub.Dialect{}, noDatabase},
		{"a nil *sql.Tx", (*sql.Tx)(nil), &stub.Dialect{}, noDatabase},
		{"a nil *sql.Conn", (*sql.Conn)(nil), &stub.Dialect{}, noDatabase},
		{"a nil dialect", &stub.Querier{}, nil, noDialect},
		{"a nil pointer to a dialect", &stub.Querier{}, (*stub.Dialect)(nil), noDialect},
		{"two nils", nil, nil, noDatabase},
	} {
		r, err := registry.Load(t.Context(), c.q, c.d, registry.Selection{})
		stub.Failed(t, err, dialect.OpLoad, dialect.Name{})
		if want := "massive: load: " + c.want; r != nil || !errors.Is(err, dialect.ErrInvalid) || err.Error() != want {
			t.Errorf("Load with %s: %v, error\n\t%v\nwant nil, and one that wraps ErrInvalid and says\n\t%s", c.what, r, err, want)
		}
		made := registry.New(stub.Shop(), registry.Selection{}, c.d, c.q)
		moved := registry.New(stub.Shop(), registry.Selection{}, c.d, &stub.Querier{}).On(c.q)
		for _, r := range []*registry.Registry{made, moved} {
			for _, o := range operations {
				err := o.do(t.Context(), r)
				stub.Failed(t, err, o.op, o.name)
				if want := "massive: " + string(o.op) + " " + o.name.String() + ": " + c.want; !errors.Is(err, dialect.ErrInvalid) || err.Error() != want {
					t.Errorf("%s with %s: error\n\t%v\nwant one that wraps ErrInvalid and says\n\t%s", o.what, c.what, err, want)
				}
			}
			if !enum(t, r, "mood").Contains("ok") {
				t.Errorf("with %s the enum mood has no ok", c.what)
			}
		}
	}
}
