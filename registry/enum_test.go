package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// labels returns n labels, neither in the order of their bytes nor in the reverse order.
func labels(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("l%02d", i*11%n))
	}
	return all
}

func withEnum(labels ...string) *registry.Registry {
	cat := &dialect.Catalog{Server: dialect.Server{MaxNameBytes: 63}, Enums: []dialect.EnumDef{{Object: stub.Visible("app.mood"), Labels: labels}}}
	r, _, _ := stubbed(cat, registry.Selection{})
	return r
}

// An enum searches few labels one by one, and many in a map. This tests both and the
// limit.
func TestEnum(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 7, 8, 9, 100} {
		want := labels(n)
		base := withEnum(slices.Clone(want)...)
		grown := base
		if n > 0 {
			// The same labels, with the last one appended locally.
			var err error
			if grown, err = withEnum(slices.Clone(want[:n-1])...).AppendLocalLabels("mood", want[n-1]); err != nil {
				t.Fatal(err)
			}
		}
		for what, r := range map[string]*registry.Registry{"loaded": base, "appended to": grown} {
			e := enum(t, r, "mood")
			what = fmt.Sprintf("an enum of %d labels, %s", n, what)
			if got := e.Values(); !slices.Equal(got, want) {
				t.Errorf("%s: Values() = %q; want %q", what, got, want)
			}
			if e.Len() != n {
				t.Errorf("%s: Len() = %d", what, e.Len())
			}
			next := 0
			for i, l := range e.All() {
				if i != next || l != want[i] {
					t.Errorf("%s: All() yields %d, %q; want %d, %q", what, i, l, next, want[next])
				}
				next++
			}
			if next != n {
				t.Errorf("%s: All() yields %d labels", what, next)
			}
			for i, l := range want {
				if e.Position(l) != i || !e.Contains(l) {
					t.Errorf("%s: Position(%q) = %d, Contains %v; want %d, true", what, l, e.Position(l), e.Contains(l), i)
				}
			}
			for _, l := range []string{"", "L00", "l00 ", " l00", "l0", "l999"} {
				if e.Position(l) != -1 || e.Contains(l) {
					t.Errorf("%s: Position(%q) = %d, Contains %v; want -1, false: labels are exact", what, l, e.Position(l), e.Contains(l))
				}
			}
		}
	}
}

func TestEnumCompare(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 20} {
		// In the type's order, then unknown labels by bytes.
		ordered := append(labels(n), "", "a", "aa", "b", "l")
		e := enum(t, withEnum(ordered[:n]...), "mood")
		for i, a := range ordered {
			for j, b := range ordered {
				got := e.Compare(a, b)
				if got > 0 != (i > j) || got < 0 != (i < j) {
					t.Errorf("%d labels: Compare(%q, %q) = %d; want the sign of %d", n, a, b, got, i-j)
				}
			}
		}
		shuffled := slices.Clone(ordered)
		slices.Sort(shuffled)
		slices.SortFunc(shuffled, e.Compare)
		if !slices.Equal(shuffled, ordered) {
			t.Errorf("%d labels: sorted by Compare: %q; want %q", n, shuffled, ordered)
		}
	}
}

func TestEnumMetadata(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(stub.Shop(), registry.Selection{})
	longer, err := r.AppendLocalLabels("mood", "elated")
	noError(t, err)
	for _, r := range []*registry.Registry{r, longer} {
		e := enum(t, r, "mood")
		if e.Name() != stub.Of("app.mood") || e.Owner() != "bob" || e.Comment() != "how it goes" {
			t.Errorf("enum %v of %q, comment %q; want app.mood of bob, how it goes", e.Name(), e.Owner(), e.Comment())
		}
	}
	if e := enum(t, r, `stats."a.b"`); e.Owner() != "" || e.Comment() != "" || e.Len() != 0 || len(e.Values()) != 0 {
		t.Errorf("an enum of no labels has %q", e.Values())
	}
}

func TestEnumIsReadOnly(t *testing.T) {
	t.Parallel()
	e := enum(t, withEnum("sad", "ok", "happy"), "mood")
	values := e.Values()
	values[0] = "changed"
	values = append(values[:1], "x", "y")
	_ = values
	if got, want := e.Values(), []string{"sad", "ok", "happy"}; !slices.Equal(got, want) {
		t.Errorf("after its caller changed a slice of values the enum has %q; want %q", got, want)
	}
}

func TestEnumAllocates(t *testing.T) { // not parallel: AllocsPerRun counts all goroutines
	var iterating []float64
	for _, n := range []int{8, 1000} {
		e := enum(t, withEnum(labels(n)...), "mood")
		last := fmt.Sprintf("l%02d", n-1)
		if got := testing.AllocsPerRun(100, func() {
			if !e.Contains(last) || e.Contains("no") || e.Position("no") >= 0 || e.Compare(last, "no") >= 0 || e.Len() != n {
				t.Error("wrong")
			}
		}); got != 0 {
			t.Errorf("a look at an enum of %d labels allocates %v times; want 0", n, got)
		}
		iterating = append(iterating, testing.AllocsPerRun(100, func() {
			for _, l := range e.All() {
				if l == "no" {
					t.Error("wrong")
				}
			}
		}))
	}
	if iterating[0] != iterating[1] || iterating[0] > 3 {
		t.Errorf("iterating over 8 and 1000 labels allocates %v times; want the iterator alone, no copy", iterating)
	}
}

// An append does not change earlier registries and enums. Two appends to one registry are
// independent.
func TestAppendLabels(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(stub.Shop(), registry.Selection{})
	before := enum(t, r, "mood")
	check := func(what string, e registry.Enum, want ...string) {
		t.Helper()
		if got := e.Values(); !slices.Equal(got, want) || e.Len() != len(want) {
			t.Errorf("%s: %q; want %q", what, got, want)
		}
		for i, l := range want {
			if e.Position(l) != i {
				t.Errorf("%s: Position(%q) = %d; want %d", what, l, e.Position(l), i)
			}
		}
	}
	appended := func(r *registry.Registry, name string, labels ...string) *registry.Registry {
		t.Helper()
		longer, err := r.AppendLocalLabels(name, labels...)
		noError(t, err)
		return longer
	}
	a := appended(r, "mood", "elated", "It's \"so-so\"")
	b := appended(r, "app.mood", "gloomy")
	aa := appended(a, `"app"."mood"`, "blue", "red", "green", "black") // more labels than a linear search handles
	ab := appended(a, "mood", "bored")
	none := appended(a, "mood")

	check("the enum handed out before", before, "sad", "ok", "happy")
	check("the receiver's", enum(t, r, "mood"), "sad", "ok", "happy")
	check("a first append", enum(t, a, "mood"), "sad", "ok", "happy", "elated", `It's "so-so"`)
	check("by its schema", enum(t, a, "app.mood"), "sad", "ok", "happy", "elated", `It's "so-so"`)
	check("another spelling", enum(t, a, `app."mood"`), "sad", "ok", "happy", "elated", `It's "so-so"`)
	check("another append to the same", enum(t, b, "mood"), "sad", "ok", "happy", "gloomy")
	check("an append to an append", enum(t, aa, "mood"), "sad", "ok", "happy", "elated", `It's "so-so"`, "blue", "red", "green", "black")
	check("another one", enum(t, ab, "mood"), "sad", "ok", "happy", "elated", `It's "so-so"`, "bored")
	check("no label", enum(t, none, "mood"), "sad", "ok", "happy", "elated", `It's "so-so"`)
	check("another enum", enum(t, aa, `stats."a.b"`))

	for _, r := range []*registry.Registry{a, b, aa} {
		checkNames(t, "enums after an append", namesOf(r.Enums()), stub.Names("app.mood", `stats."a.b"`))
		check("in the list", r.Enums()[0], enum(t, r, "mood").Values()...)
		if !slices.Equal(omissions(r), omissions(aa)) || len(r.Matviews()) != 3 || len(r.Sequences()) != 2 {
			t.Errorf("an append to an enum changes other structures")
		}
	}
}

func TestAppendLabelsRejectsInvalid(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 32)
	for _, c := range []struct {
		labels []string
		is     error
		want   string
	}{
		{[]string{"", ""}, dialect.ErrLabelExists, `label exists: ""`},
		{[]string{"a\x00"}, dialect.ErrInvalid, `invalid argument: label "a\x00" contains a NUL byte`},
		{[]string{"\x00"}, dialect.ErrInvalid, `invalid argument: label "\x00" contains a NUL byte`},
		{[]string{"new", "a\xff"}, dialect.ErrInvalid, `invalid argument: label "a\xff" is not valid UTF-8`},
		{[]string{long}, dialect.ErrInvalid, `invalid argument: label "` + long + `" is 64 bytes long; the server's limit is 63`},
		{[]string{"ok"}, dialect.ErrLabelExists, `label exists: "ok"`},
		{[]string{"new", "ok"}, dialect.ErrLabelExists, `label exists: "ok"`},
		{[]string{"new", "new"}, dialect.ErrLabelExists, `label exists: "new"`},
		{[]string{"local"}, dialect.ErrLabelExists, `label exists: "local"`},
		{[]string{"ok", ""}, dialect.ErrLabelExists, `label exists: "ok"`},
	} {
		r, err := withEnum("sad", "ok", "happy").AppendLocalLabels("mood", "local")
		noError(t, err)
		got, err := r.AppendLocalLabels("mood", c.labels...)
		stub.Failed(t, err, dialect.OpAppend, stub.Of("app.mood"))
		if want := "massive: append to app.mood: " + c.want; got != nil || !errors.Is(err, c.is) || err.Error() != want {
			t.Errorf("AppendLocalLabels(%q): %v, error\n\t%v\nwant nil and\n\t%s", c.labels, got, err, want)
		}
		if got := enum(t, r, "mood").Values(); !slices.Equal(got, []string{"sad", "ok", "happy", "local"}) {
			t.Errorf("AppendLocalLabels(%q) fails and leaves %q", c.labels, got)
		}
	}

	r := withEnum("ok")
	_, err := r.AppendLocalLabels("mod", "x")
	if !errors.Is(err, dialect.ErrNotFound) || !strings.Contains(err.Error(), "did you mean app.mood?") {
		t.Errorf("an append to an enum that isn't there: error %v; want ErrNotFound and the similar name", err)
	}
	if _, err := r.AppendLocalLabels("a.b.c", "x"); !errors.Is(err, dialect.ErrInvalid) {
		t.Errorf("an append to a malformed name: error %v; want ErrInvalid", err)
	}
	if _, err := r.AppendLocalLabels("mood", strings.Repeat("a", 63), "Ok", "ok "); err != nil {
		t.Errorf("labels of maximum length, or that differ in case or blanks: error %v", err)
	}
	unlimited, _, _ := stubbed(&dialect.Catalog{Enums: stub.Enums(stub.Visible("app.mood"))}, registry.Selection{})
	if _, err := unlimited.AppendLocalLabels("mood", long); err != nil {
		t.Errorf("a long label on a server without a limit: error %v", err)
	}
}

// Many goroutines append to one registry and read it. This is mainly for the race
// detector.
func TestAppendLabelsConcurrently(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(stub.Shop(), registry.Selection{})
	before := enum(t, r, "mood")
	want := []string{"sad", "ok", "happy"}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			mine := r
			for j := range 20 {
				longer, err := mine.AppendLocalLabels("mood", fmt.Sprintf("%d-%d", i, j))
				if err != nil {
					t.Error(err)
					return
				}
				mine = longer
			}
			e, err := mine.Enum("mood")
			if err != nil {
				t.Error(err)
				return
			}
			if e.Len() != 23 || !e.Contains(fmt.Sprintf("%d-19", i)) || e.Contains(fmt.Sprintf("%d-0", i+1)) {
				t.Errorf("goroutine %d has %q; want its own 20 labels after the first three", i, e.Values())
			}
		})
		all.Go(func() {
			for range 200 {
				if !slices.Equal(before.Values(), want) || before.Position("happy") != 2 || before.Contains("0-0") {
					t.Errorf("the earlier enum has %q; want %q", before.Values(), want)
				}
				for i, l := range before.All() {
					if want[i] != l {
						t.Errorf("All() yields %q at %d; want %q", l, i, want[i])
					}
				}
				if e, err := r.Enum("mood"); err != nil || e.Len() != 3 {
					t.Errorf("the registry's enum: %v, error %v; want 3 labels", e, err)
				}
			}
		})
	}
	all.Wait()
}
