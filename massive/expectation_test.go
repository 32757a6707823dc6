package massive_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// moods returns a catalog with one enum, app.mood.
func moods(labels ...string) *dialect.Catalog {
	return &dialect.Catalog{
		Server:     dialect.Server{MaxNameBytes: 63},
		SearchPath: []string{"app"},
		Enums: []dialect.EnumDef{{
			Object: dialect.Object{ID: 1, Name: dialect.Name{Schema: "app", Name: "mood"}, Visible: true}, Labels: labels,
		}},
	}
}

func expecting(cat *dialect.Catalog, es ...massive.Expectation) (*stub.Dialect, error) {
	d := &stub.Dialect{Catalog: cat}
	_, err := massive.Load(context.Background(), &stub.Querier{}, d, massive.Expect(es...))
	return d, err
}

func TestDriftLists(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expected, actual          string
		missing, extra, reordered string
	}{
		{"a b c", "a b c", "", "", ""},
		{"a b c", "a c", "b", "", ""},
		{"a b c", "a x b y c", "", "x y", ""},
		{"a b c", "c b a", "", "", "a b"},
		{"a b c d e", "a c d b e", "", "", "b"},
		{"a b c d e", "e a b c d", "", "", "e"},
		{"a b c d", "b a d c", "", "", "a c"},
		{"a b c d", "x d b y", "a c", "x y", "b"},
		{"a", "", "a", "", ""},
	} {
		_, err := expecting(moods(strings.Fields(c.actual)...), massive.EnumIs("mood", strings.Fields(c.expected)))
		var ds massive.Drifts
		if c.missing+c.extra+c.reordered == "" {
			if err != nil {
				t.Errorf("%s, found %s: got %v, want no error", c.expected, c.actual, err)
			}
			continue
		}
		if !errors.As(err, &ds) || len(ds) != 1 || !errors.Is(err, dialect.ErrDrift) {
			t.Errorf("%s, found %s: got %v, want one drift", c.expected, c.actual, err)
			continue
		}
		var d *massive.DriftError
		if !errors.As(err, &d) || d != ds[0] || d.Name != (dialect.Name{Schema: "app", Name: "mood"}) || d.Kind != dialect.KindEnum {
			t.Errorf("%s, found %s: no *DriftError of the enum in %v", c.expected, c.actual, err)
		}
		for what, got := range map[string][2]string{
			"missing":   {strings.Join(d.Missing, " "), c.missing},
			"extra":     {strings.Join(d.Extra, " "), c.extra},
			"reordered": {strings.Join(d.Reordered, " "), c.reordered},
			"expected":  {strings.Join(d.Expected, " "), c.expected},
			"actual":    {strings.Join(d.Actual, " "), c.actual},
		} {
			if got[0] != got[1] {
				t.Errorf("%s, found %s: %s %q, want %q", c.expected, c.actual, what, got[0], got[1])
			}
		}
	}
}

// Reordered is a smallest set of labels without which the rest is in order.
func TestReorderedIsMinimal(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		want := strings.Split("abcdefg"[:1+random.IntN(7)], "")
		got := slices.Clone(want)
		random.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		_, err := expecting(moods(got...), massive.EnumIs("mood", want))
		var moved []string
		var d *massive.DriftError
		if errors.As(err, &d) {
			moved = d.Reordered
		}
		in := func(all []string) (kept []string) {
			for _, l := range all {
				if !slices.Contains(moved, l) {
					kept = append(kept, l)
				}
			}
			return kept
		}
		if !slices.Equal(in(want), in(got)) {
			t.Errorf("%v, found %v: without reordered labels %v they still differ", want, got, moved)
		}
		if fewest := len(want) - longest(want, got); len(moved) != fewest {
			t.Errorf("%v, found %v: got reordered labels %v, want %d labels", want, got, moved, fewest)
		}
	}
}

// longest returns the length of the longest common subsequence, by trying all.
func longest(a, b []string) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	if a[0] == b[0] {
		return 1 + longest(a[1:], b[1:])
	}
	return max(longest(a[1:], b), longest(a, b[1:]))
}

func TestExpectationsOfManyLabels(t *testing.T) {
	t.Parallel()
	var labels []string
	for i := range 20000 {
		labels = append(labels, fmt.Sprintf("%05d", i))
	}
	turned := slices.Concat(labels[1:], labels[:1])
	_, err := expecting(moods(turned...), massive.EnumIs("mood", labels))
	var d *massive.DriftError
	if !errors.As(err, &d) || !slices.Equal(d.Reordered, labels[:1]) {
		t.Errorf("the first of %d labels moved to the end: got %.200v, want it alone as reordered", len(labels), err)
	}
}

// Two expectations that contradict each other are ErrDrift with any database.
func TestContradictoryExpectationsDrift(t *testing.T) {
	t.Parallel()
	exact := func(labels ...string) massive.Expectation { return massive.EnumIs("mood", labels) }
	lax := func(labels ...string) massive.Expectation {
		return massive.EnumIs("mood", labels, massive.AllowExtra())
	}
	for _, c := range []struct {
		one, two   massive.Expectation
		contradict bool
	}{
		{exact("a", "b", "c"), exact("a", "b", "c"), false},
		{exact("a", "b"), exact("b", "a"), true},
		{exact("a", "b", "c"), exact("a"), true},
		{exact("a", "b", "c"), lax("a", "c"), false},
		{exact("a", "b", "c"), lax("c", "a"), true},
		{exact("a", "b", "c"), lax("a", "d"), true},
		{lax("a", "b"), lax("b", "c"), false},
		{lax("a", "b"), lax("b", "x", "a"), true},
	} {
		for _, es := range [][]massive.Expectation{{c.one, c.two}, {c.two, c.one}} {
			if _, err := expecting(moods("a", "b", "c"), es...); errors.Is(err, dialect.ErrDrift) != c.contradict {
				t.Errorf("%+v: got error %v, want drift %v", es, err, c.contradict)
			}
		}
	}
	var err error
	// A label that is too long is ErrInvalid, not drift.
	_, err = expecting(moods("a"), lax("a", strings.Repeat("b", 64)))
	if !errors.Is(err, dialect.ErrInvalid) || errors.Is(err, dialect.ErrDrift) {
		t.Errorf("a label of 64 bytes: got %v, want ErrInvalid and not ErrDrift", err)
	}
	// So is a name that is too long.
	_, err = expecting(moods("a"), massive.EnumIs(strings.Repeat("m", 64), []string{"a"}))
	if !errors.Is(err, dialect.ErrInvalid) || errors.Is(err, dialect.ErrDrift) {
		t.Errorf("a name of 64 bytes: got %v, want ErrInvalid and not ErrDrift", err)
	}
}

func TestInvalidLabelsAreNotSent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("b", 64)
	for _, c := range []struct {
		label string
		at    dialect.LabelPlace
		want  error
		sends bool
	}{
		{"new", dialect.LabelPlace{}, nil, true},
		{"new", dialect.LabelPlace{Side: dialect.BeforeLabel, Neighbour: "b"}, nil, true},
		{"a", dialect.LabelPlace{}, nil, true}, // only the database knows if it exists
		{"new", dialect.LabelPlace{Side: dialect.BeforeLabel, Neighbour: "nobody"}, nil, true},
		{"", dialect.LabelPlace{}, nil, true},
		{"new", dialect.LabelPlace{Side: dialect.BeforeLabel}, nil, true}, // the empty label
		{"a\x00", dialect.LabelPlace{}, dialect.ErrInvalid, false},
		{"a\xff", dialect.LabelPlace{}, dialect.ErrInvalid, false},
		{"new", dialect.LabelPlace{Side: dialect.BeforeLabel, Neighbour: "a\xff"}, dialect.ErrInvalid, false},
		{long, dialect.LabelPlace{}, dialect.ErrInvalid, false},
		{"new", dialect.LabelPlace{Side: dialect.AfterLabel, Neighbour: long}, dialect.ErrInvalid, false},
		{"new", dialect.LabelPlace{Side: dialect.AfterLabel + 1, Neighbour: "a"}, dialect.ErrInvalid, false},
		{"new", dialect.LabelPlace{Side: -1}, dialect.ErrInvalid, false},
		{"new", dialect.LabelPlace{Neighbour: "a"}, dialect.ErrInvalid, false},
	} {
		d := &altering{Dialect: &stub.Dialect{Catalog: moods("a", "b")}}
		r := registry.New(d.Catalog, registry.Selection{}, d, &stub.Querier{})
		added, err := r.AddEnumLabel(t.Context(), "mood", c.label, c.at, true, nil)
		if !errors.Is(err, c.want) || added != c.sends || (len(d.sent) > 0) != c.sends {
			t.Errorf("%q at %+v: got added %v, error %v, sent %q; want error %v, sent %t", c.label, c.at, added, err, d.sent, c.want, c.sends)
		}
		if e, _ := r.Enum("mood"); e.Len() != 2 {
			t.Errorf("the registry changed: got %v", e.Values())
		}
	}
	d := &altering{Dialect: &stub.Dialect{Catalog: moods("a", "b")}}
	expect := []massive.Expectation{massive.EnumIs("mood", []string{"a", "b"})}
	m, err := massive.Load(t.Context(), &stub.Querier{}, d, massive.Expect(expect...))
	noError(t, err)
	mood, err := massive.BindEnum[string](m, "mood")
	noError(t, err)
	err = mood.AddValue(t.Context(), "c")
	errRename := mood.RenameValue(t.Context(), "a", "c")
	if !errors.Is(err, dialect.ErrDrift) || !errors.Is(errRename, dialect.ErrDrift) || len(d.sent) > 0 {
		t.Errorf("against an expectation: got errors %v, %v, sent %q; want ErrDrift and nothing sent", err, errRename, d.sent)
	}
	if err := m.Registry().RenameEnumLabel(t.Context(), "mood", "a", "", nil); err != nil {
		t.Errorf("rename to the empty label: %v", err)
	}
	bareOne := loadedFrom(moods("a"), stub.Bare{Loads: d}, &stub.Querier{}).Registry()
	_, err = bareOne.AddEnumLabel(t.Context(), "mood", "c", dialect.LabelPlace{}, false, nil)
	e, _ := bareOne.Enum("mood")
	_, errUsed := e.UsedBy(t.Context())
	for _, err := range []error{err, errUsed, bareOne.RenameEnumLabel(t.Context(), "mood", "a", "c", nil)} {
		if !errors.Is(err, dialect.ErrUnsupported) {
			t.Errorf("a dialect that only loads: got %v, want ErrUnsupported", err)
		}
	}
}

// An altering stub records the labels that it would send.
type altering struct {
	*stub.Dialect
	sent []string
}

func (a *altering) AddEnumLabel(_ context.Context, _ dialect.Querier, _ dialect.Name, label string, at dialect.LabelPlace, _ bool) (bool, error) {
	a.sent = append(a.sent, fmt.Sprint(label, at))
	return true, nil
}

func (a *altering) RenameEnumLabel(_ context.Context, _ dialect.Querier, _ dialect.Name, from, to string) error {
	a.sent = append(a.sent, from+" "+to)
	return nil
}
