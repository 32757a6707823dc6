package registry_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// moods is a catalog of one enum.
func moods(labels ...string) *dialect.Catalog {
	return &dialect.Catalog{
		Server:     dialect.Server{MaxNameBytes: 63},
		SearchPath: []string{"app"},
		Enums: []dialect.EnumDef{{
			Object: dialect.Object{ID: 1, Name: dialect.Name{Schema: "app", Name: "mood"}, Visible: true}, Labels: labels,
		}},
	}
}

func expecting(cat *dialect.Catalog, es ...registry.Expectation) (*stub, error) {
	d := &stub{catalog: cat}
	_, err := registry.Load(context.Background(), &querier{}, d, registry.Selection{Expect: es})
	return d, err
}

func TestDrift(t *testing.T) {
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
		_, err := expecting(moods(strings.Fields(c.actual)...), registry.EnumIs("mood", strings.Fields(c.expected)))
		var ds registry.Drifts
		if c.missing+c.extra+c.reordered == "" {
			if err != nil {
				t.Errorf("%s, found %s: %v", c.expected, c.actual, err)
			}
			continue
		}
		if !errors.As(err, &ds) || len(ds) != 1 || !errors.Is(err, dialect.ErrDrift) {
			t.Errorf("%s, found %s: %v", c.expected, c.actual, err)
			continue
		}
		var d *registry.DriftError
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

// What is said to be out of place is all that is: the rest is in order, and no fewer labels would do.
func TestReorderedIsTheFewest(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		want := strings.Split("abcdefg"[:1+random.IntN(7)], "")
		got := slices.Clone(want)
		random.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		_, err := expecting(moods(got...), registry.EnumIs("mood", want))
		var moved []string
		var d *registry.DriftError
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
			t.Errorf("%v, found %v: without %v they still differ", want, got, moved)
		}
		if fewest := len(want) - longest(want, got); len(moved) != fewest {
			t.Errorf("%v, found %v: %v are said to be out of place, and %d would do", want, got, moved, fewest)
		}
	}
}

// longest is the length of a longest common subsequence, found by trying all.
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
	_, err := expecting(moods(turned...), registry.EnumIs("mood", labels))
	var d *registry.DriftError
	if !errors.As(err, &d) || !slices.Equal(d.Reordered, labels[:1]) {
		t.Errorf("of %d labels the first went last: %.200v", len(labels), err)
	}
}

func TestExpectationsThatCantBe(t *testing.T) {
	t.Parallel()
	exact := func(labels ...string) registry.Expectation { return registry.EnumIs("mood", labels) }
	lax := func(labels ...string) registry.Expectation {
		return registry.EnumIs("mood", labels, registry.AllowExtra())
	}
	for _, c := range []struct {
		one, two   registry.Expectation
		contradict bool
	}{
		{exact("a", "b"), exact("a", "b"), false},
		{exact("a", "b"), exact("b", "a"), true},
		{exact("a", "b"), exact("a"), true},
		{exact("a", "b", "c"), lax("a", "c"), false},
		{exact("a", "b", "c"), lax("c", "a"), true},
		{exact("a", "b", "c"), lax("a", "d"), true},
		{lax("a", "b"), lax("b", "c"), false},
		{lax("a", "b"), lax("x"), false},
		{lax("a", "b"), lax("b", "x", "a"), true},
	} {
		for _, es := range [][]registry.Expectation{{c.one, c.two}, {c.two, c.one}} {
			d, err := expecting(moods("a", "b", "c"), es...)
			if got := errors.Is(err, dialect.ErrInvalid); got != c.contradict {
				t.Errorf("%+v: contradict %v (%v)", es, got, err)
			}
			if c.contradict && len(d.calls) > 0 {
				t.Errorf("%+v: the database was asked", es)
			}
		}
	}
	// Only the catalog tells that two names are one.
	_, err := expecting(moods("a", "b"), exact("a", "b"), registry.EnumIs("app.mood", []string{"b", "a"}))
	if !errors.Is(err, dialect.ErrInvalid) || errors.Is(err, dialect.ErrDrift) {
		t.Errorf("two orders under two names: %v", err)
	}
	// And only the server how long a label can be.
	_, err = expecting(moods("a"), lax("a", strings.Repeat("b", 64)))
	if !errors.Is(err, dialect.ErrInvalid) || errors.Is(err, dialect.ErrDrift) {
		t.Errorf("a label of 64 bytes: %v", err)
	}
	// A name that no structure can have is no drift either.
	_, err = expecting(moods("a"), registry.EnumIs(strings.Repeat("m", 64), []string{"a"}))
	if !errors.Is(err, dialect.ErrInvalid) || errors.Is(err, dialect.ErrDrift) {
		t.Errorf("a name of 64 bytes: %v", err)
	}
}

// Each two can be met, and all of them can't: what is named are those that it takes.
func TestExpectationsThatCantBeTogether(t *testing.T) {
	t.Parallel()
	lax := func(labels ...string) registry.Expectation {
		return registry.EnumIs("mood", labels, registry.AllowExtra())
	}
	circle := []registry.Expectation{lax("x", "a"), lax("a", "b"), lax("b", "x", "c"), lax("c", "y"), lax("b", "c"), lax("c", "a")}
	d, err := expecting(moods("a", "b", "c"), circle...)
	const says = `invalid argument: 3 expectations of enum mood contradict each other: labels ["x" "a"] (and others), ["a" "b"] (and others) and ["b" "x" "c"] (and others)`
	if !errors.Is(err, dialect.ErrInvalid) || !strings.HasSuffix(err.Error(), says) || len(d.calls) > 0 {
		t.Errorf("a circle of three: %v, asked %v", err, d.calls)
	}
	if _, err := expecting(moods("a", "b", "x", "c", "y"), circle[1:5]...); err != nil {
		t.Errorf("without a circle: %v", err)
	}
	// Only the catalog tells that the names are one.
	_, err = expecting(moods("a"), lax("a", "b"), registry.EnumIs("app.mood", []string{"b", "c"}, registry.AllowExtra()), lax("c", "a"))
	if !errors.Is(err, dialect.ErrInvalid) || !strings.Contains(err.Error(), "3 expectations of enum app.mood") {
		t.Errorf("a circle under two names: %v", err)
	}
}

// Expectations are refused if, and only if, no enum meets them all.
func TestContradictionIsWhatNoEnumMeets(t *testing.T) {
	t.Parallel()
	enums := arrangements("abcd")
	random := rand.New(rand.NewPCG(3, 4))
	var refused int
	for range 400 {
		var es []registry.Expectation
		for range 2 + random.IntN(4) {
			labels := enums[random.IntN(len(enums))]
			var opts []registry.ExpectOption
			if labels = labels[:min(len(labels), 3)]; random.IntN(8) > 0 {
				opts = append(opts, registry.AllowExtra())
			}
			es = append(es, registry.EnumIs("mood", labels, opts...))
		}
		possible := slices.ContainsFunc(enums, func(labels []string) bool {
			return !slices.ContainsFunc(es, func(e registry.Expectation) bool {
				_, err := expecting(moods(labels...), e)
				return err != nil
			})
		})
		_, err := expecting(moods("a"), es...)
		if errors.Is(err, dialect.ErrInvalid) == possible {
			t.Errorf("%+v: some enum meets them: %v, and the error is %v", es, possible, err)
		}
		if !possible {
			refused++
		}
	}
	if refused < 50 || refused > 350 {
		t.Errorf("%d of 400 can't be met", refused)
	}
}

// arrangements are all orders of all choices of the letters, the one of none first.
func arrangements(letters string) (all [][]string) {
	all = [][]string{nil}
	for i := 0; i < len(all); i++ {
		for _, l := range strings.Split(letters, "") {
			if !slices.Contains(all[i], l) {
				all = append(all, slices.Concat(all[i], []string{l}))
			}
		}
	}
	return all
}

// reading is a stub for which any column goes into any field.
type reading struct{ *stub }

func (reading) CheckColumn(string, reflect.Type) (string, bool, error) { return "", false, nil }

// Expectations of rows are refused if, and only if, no columns meet them all.
func TestContradictionIsWhatNoColumnsMeet(t *testing.T) {
	t.Parallel()
	type (
		a   struct{ A int }
		b   struct{ B int }
		ab  struct{ B, A int }
		abc struct{ A, B, C int }
		in  struct{ C struct{ D int } } // reads c.d, and nothing goes into c
	)
	rows := []func(opts ...registry.ExpectOption) registry.Expectation{
		func(opts ...registry.ExpectOption) registry.Expectation { return registry.RowsAre[a]("days", opts...) },
		func(opts ...registry.ExpectOption) registry.Expectation { return registry.RowsAre[b]("days", opts...) },
		func(opts ...registry.ExpectOption) registry.Expectation {
			return registry.RowsAre[*ab]("days", opts...)
		},
		func(opts ...registry.ExpectOption) registry.Expectation {
			return registry.RowsAre[abc]("days", opts...)
		},
		func(opts ...registry.ExpectOption) registry.Expectation { return registry.RowsAre[in]("days", opts...) },
		func(opts ...registry.ExpectOption) registry.Expectation {
			return registry.RowsAre[string]("days", opts...)
		},
	}
	var es []registry.Expectation
	for _, r := range rows {
		es = append(es, r(), r(registry.AllowExtra()))
	}
	load := func(columns []string, es ...registry.Expectation) error {
		view := dialect.MatviewDef{Object: dialect.Object{ID: 1, Name: dialect.Name{Schema: "app", Name: "days"}, Visible: true}}
		for _, c := range columns {
			view.Columns = append(view.Columns, dialect.Column{Name: c, Type: "integer"})
		}
		cat := &dialect.Catalog{SearchPath: []string{"app"}, Matviews: []dialect.MatviewDef{view}}
		_, err := registry.Load(t.Context(), &querier{}, reading{&stub{catalog: cat}}, registry.Selection{Expect: es})
		return err
	}
	var views [][]string // by their columns
	for _, letters := range []string{"abc", "abcd"} {
		for _, columns := range arrangements(letters) {
			if slices.IsSorted(columns) {
				if i := slices.Index(columns, "d"); i >= 0 {
					columns[i] = "c.d"
				}
				views = append(views, columns)
			}
		}
	}
	var refused, met int
	for i, one := range es {
		for j, two := range es[:i+1] {
			for _, three := range es[:j+1] {
				possible := slices.ContainsFunc(views, func(columns []string) bool {
					return load(columns, one) == nil && load(columns, two) == nil && load(columns, three) == nil
				})
				err := load([]string{"z"}, one, two, three)
				if errors.Is(err, dialect.ErrInvalid) == possible {
					t.Errorf("%+v, %+v and %+v: some view meets them: %v, and the error is %v", one, two, three, possible, err)
				}
				if possible {
					met++
				} else {
					refused++
				}
			}
		}
	}
	if refused < 50 || met < 50 {
		t.Errorf("%d can't be met, and %d can", refused, met)
	}
}

func TestAlteringAnEnumAsksForWhatCanBe(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("b", 64)
	for _, c := range []struct {
		label string
		at    dialect.LabelPlace
		want  error
		asks  bool
	}{
		{"new", dialect.LabelPlace{}, nil, true},
		{"new", dialect.LabelPlace{Side: dialect.BeforeLabel, Neighbour: "b"}, nil, true},
		{"a", dialect.LabelPlace{}, nil, true}, // whether it is there the database knows
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
		d := &altering{stub: &stub{catalog: moods("a", "b")}}
		r, err := registry.Load(t.Context(), &querier{}, d, registry.Selection{})
		if err != nil {
			t.Fatal(err)
		}
		added, err := r.AddEnumLabel(t.Context(), "mood", c.label, c.at, true, nil)
		if !errors.Is(err, c.want) || added != c.asks || (len(d.asked) > 0) != c.asks {
			t.Errorf("%q at %+v: added %v, error %v, asked %q", c.label, c.at, added, err, d.asked)
		}
		if e, _ := r.Enum("mood"); e.Len() != 2 {
			t.Errorf("the registry has changed: %v", e.Values())
		}
	}
	d := &altering{stub: &stub{catalog: moods("a", "b")}}
	expect := []registry.Expectation{registry.EnumIs("mood", []string{"a", "b"})}
	r, err := registry.Load(t.Context(), &querier{}, d, registry.Selection{Expect: expect})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.AddEnumLabel(t.Context(), "mood", "c", dialect.LabelPlace{}, false, expect)
	errRename := r.RenameEnumLabel(t.Context(), "mood", "a", "c", expect)
	if !errors.Is(err, dialect.ErrDrift) || !errors.Is(errRename, dialect.ErrDrift) || len(d.asked) > 0 {
		t.Errorf("what is not expected is done: %v, %v, asked %q", err, errRename, d.asked)
	}
	if err := r.RenameEnumLabel(t.Context(), "mood", "a", "", nil); err != nil {
		t.Errorf("renamed to the empty label: %v", err)
	}
	bareOne := registry.New(moods("a"), registry.Selection{}, bare{loads: d}, &querier{})
	_, err = bareOne.AddEnumLabel(t.Context(), "mood", "c", dialect.LabelPlace{}, false, nil)
	e, _ := bareOne.Enum("mood")
	_, errUsed := e.UsedBy(t.Context())
	for _, err := range []error{err, errUsed, bareOne.RenameEnumLabel(t.Context(), "mood", "a", "c", nil)} {
		if !errors.Is(err, dialect.ErrUnsupported) {
			t.Errorf("of a dialect that only loads: %v", err)
		}
	}
}

// An altering stub is asked to alter enums, too.
type altering struct {
	*stub
	asked []string
}

func (a *altering) AddEnumLabel(_ context.Context, _ dialect.Querier, _ dialect.Name, label string, at dialect.LabelPlace, _ bool) (bool, error) {
	a.asked = append(a.asked, fmt.Sprint(label, at))
	return true, nil
}

func (a *altering) RenameEnumLabel(_ context.Context, _ dialect.Querier, _ dialect.Name, from, to string) error {
	a.asked = append(a.asked, from+" "+to)
	return nil
}
