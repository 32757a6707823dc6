package massive_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// longNames returns n names of 63 bytes that need quotes.
func longNames(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s %06d%s", prefix, i, strings.Repeat(`"`, 63-7-len(prefix)))
	}
	return all
}

// checkBound checks a text's length and that it contains each string.
func checkBound(t *testing.T, what, text string, says ...string) {
	t.Helper()
	if len(text) > dialect.MaxText || !utf8.ValidString(text) {
		t.Errorf("%s: got %d bytes, want at most %d bytes of valid UTF-8: %.300s", what, len(text), dialect.MaxText, text)
	}
	for _, s := range says {
		if !strings.Contains(text, s) {
			t.Errorf("%s: %q is missing in: %.2000s", what, s, text)
		}
	}
}

// A lookup's error text does not grow with the database or the name.
func TestNotFoundTextIsBounded(t *testing.T) {
	t.Parallel()
	schemas := longNames("s", 500)
	everywhere := func(hide bool) (all []dialect.Object) {
		for _, s := range schemas {
			o := dialect.Object{Name: dialect.Name{Schema: s, Name: "no"}}
			if hide {
				o.HiddenBy = "table " + o.Name.String()
			}
			all = append(all, o)
		}
		return all
	}
	var include []dialect.Pattern
	for _, s := range schemas {
		include = append(include, stub.Patterns(dialect.Name{Schema: s, Name: "x"}.Quoted())...)
	}
	var plain []dialect.ViewDef
	var tables []dialect.SequenceDef
	for i, s := range schemas {
		plain = append(plain, dialect.ViewDef{ID: int64(i), Name: dialect.Name{Schema: s, Name: "no"}})
		tables = append(tables, dialect.SequenceDef{
			Object:  dialect.Object{Name: dialect.Name{Schema: s, Name: "seq"}},
			OwnedBy: &dialect.ColumnRef{Table: dialect.Name{Schema: s, Name: "no"}, Column: "n"},
		})
	}
	for _, c := range []struct {
		what   string
		cat    *dialect.Catalog
		sel    registry.Selection
		reason registry.NotFoundReason
		exists int
		says   string
	}{
		{"off the search path", &dialect.Catalog{Enums: stub.Enums(everywhere(false)...)}, registry.Selection{}, registry.ReasonOffSearchPath, 500, "and 495 more"},
		{"off a long search path", &dialect.Catalog{SearchPath: longNames("p", 200), Enums: stub.Enums(stub.Object("app.no"))}, registry.Selection{},
			registry.ReasonOffSearchPath, 1, "and 195 more"},
		{"hidden", &dialect.Catalog{SearchPath: schemas, Enums: stub.Enums(everywhere(true)...)}, registry.Selection{}, registry.ReasonHidden, 500, "and 495 more"},
		{"not included", &dialect.Catalog{Enums: stub.Enums(stub.Object("app.no"))}, registry.Selection{Filter: dialect.Filter{Include: include}},
			registry.ReasonExcluded, 1, "and 495 more"},
		{"plain views", &dialect.Catalog{SearchPath: schemas, Views: plain}, registry.Selection{}, registry.ReasonOtherKind, 500, "and 495 more"},
		{"tables", &dialect.Catalog{SearchPath: schemas, Sequences: tables}, registry.Selection{}, registry.ReasonOtherKind, 500, "and 495 more"},
	} {
		r := snapshot(c.cat, c.sel)
		_, err := r.Enum("no")
		var why *massive.NotFoundError
		if !errors.As(err, &why) || why.Reason != c.reason || len(why.Exists) != c.exists {
			t.Errorf("%s: got error %v, want reason %v and %d names", c.what, err, c.reason, c.exists)
			continue
		}
		checkBound(t, c.what, err.Error(), c.says)
		checkBound(t, c.what, why.Error(), c.says)
	}
	r, _, _ := stubbed(stub.Shop())
	for _, c := range []struct{ name, says string }{
		{strings.Repeat("a", 1<<20), "the server's limit is 63"},
		{strings.Repeat("a", 1<<20) + ".", "has an empty part"},
		{strings.Repeat("a.", 1<<20), "has more than two parts"},
		{`"` + strings.Repeat("ä", 1<<20), "opens a quote and does not close it"},
	} {
		_, err := r.Enum(c.name)
		if !errors.Is(err, dialect.ErrInvalid) {
			t.Errorf("%.10s…: got error %.100v, want ErrInvalid", c.name, err)
			continue
		}
		checkBound(t, "a long name", err.Error(), c.says)
	}
}

// An error's text does not grow with the number of labels and columns.
func TestDriftTextIsBounded(t *testing.T) {
	t.Parallel()
	all := longNames("l", 2000)
	moved := append(slices.Clone(all[1000:]), all[:1000]...)
	var expectations []massive.Expectation
	cat := &dialect.Catalog{}
	for _, n := range longNames("e", 300) {
		cat.Enums = append(cat.Enums, dialect.EnumDef{Object: dialect.Object{Name: dialect.Name{Schema: "app", Name: n}}, Labels: all})
		expectations = append(expectations, massive.EnumIs(dialect.Name{Schema: "app", Name: n}.Quoted(), longNames("x", 2000)))
	}
	_, err := expecting(cat, expectations...)
	var drifts massive.Drifts
	if !errors.As(err, &drifts) || !errors.Is(err, dialect.ErrDrift) || len(drifts) != 300 {
		t.Fatalf("got error %.300v, want 300 drifts", err)
	}
	checkBound(t, "the load", err.Error(), "and 295 more")
	checkBound(t, "drifts", drifts.Error(), "and 295 more")
	checkBound(t, "one of them", drifts[0].Error(), "and 1995 more")

	for what, expected := range map[string][]string{"moved": moved, "missing": append(slices.Clone(all), longNames("y", 900)...), "extra": all[:10]} {
		_, err := expecting(&dialect.Catalog{Enums: cat.Enums[:1]}, massive.EnumIs(cat.Enums[0].Name.Quoted(), expected))
		if !errors.Is(err, dialect.ErrDrift) {
			t.Errorf("%s: got error %.300v, want ErrDrift", what, err)
			continue
		}
		checkBound(t, what, err.Error(), "more")
	}
	// With short labels nothing is cut off.
	short := make([]string, 2000)
	for i := range short {
		short[i] = fmt.Sprint("l", i)
	}
	_, err = expecting(moods(short...), massive.EnumIs("app.mood", append([]string{"new"}, short[1:]...)))
	if got, want := fmt.Sprint(err), `massive: load: drift: enum app.mood: missing labels ["new"]; extra labels ["l0"]`; got != want {
		t.Errorf("one label of 2,000 differs: got\n\t%.300s\nwant\n\t%s", got, want)
	}

	checkBound(t, "an unknown label", registry.UnknownLabel(strings.Repeat("z", 1<<20), all).Error(), "and 1995 more")
	r := snapshotOf(all...)
	for _, label := range []string{all[0], strings.Repeat("z", 1<<20), "\x00" + strings.Repeat("z", 1<<20)} {
		_, err := r.AppendLocalLabels("mood", label)
		if err == nil {
			t.Errorf("label %.20q was appended", label)
			continue
		}
		checkBound(t, "a label that can't be appended", err.Error())
	}
	checkBound(t, "a mismatch", massive.Mismatch{
		Column: all[0], Type: strings.Repeat("t", 1<<20), Field: strings.Repeat("f", 1<<20), Why: "why not",
	}.String(), "why not")
}

// An error's text is bounded even if the driver's is not. errors.As still finds the
// driver's error.
func TestDriverErrorTextIsBounded(t *testing.T) {
	t.Parallel()
	r, s, _ := stubbed(stub.Shop())
	s.Fails = &stub.DriverError{State: "XX000", Text: strings.Repeat("ü", 1<<20)}
	_, err := sequence(t, r, "order_no").NextValue(t.Context())
	checkBound(t, "a driver's error", err.Error(), "massive: next value of public.order_no: driver: ü")
	var own *stub.DriverError
	if !errors.As(err, &own) || len(own.Text) != 2<<20 {
		t.Errorf("errors.As does not find the driver's error")
	}
	checkBound(t, "a long name", (&registry.Error{
		Op: dialect.OpLookup, Name: dialect.Name{Schema: strings.Repeat("a", 1<<20), Name: "b"}, Err: dialect.ErrNotFound,
	}).Error(), ": not found")

	hs := make(massive.Blockers, 1000)
	for i := range hs {
		hs[i] = dialect.Blocker{Reason: dialect.BlockerNotPopulated, Detail: fmt.Sprint("number ", i), Fix: strings.Repeat("m", 10_000)}
	}
	checkBound(t, "a blocker", hs[0].Error(), "not populated: number 0; mmm")
	checkBound(t, "blockers", hs.Error(), "number 4", "; and 995 more")
	if !errors.Is(hs, dialect.ErrNotPopulated) {
		t.Error("errors.Is does not find the sentinel of a blocker")
	}
}

// A run's error text names five failed views. The error wraps the errors of all.
func TestRunErrorTextIsBounded(t *testing.T) {
	t.Parallel()
	lines := make([]string, 2000)
	for i := range lines {
		lines[i] = fmt.Sprintf("v%04d", i)
	}
	r, s, _ := stubbed(views(lines...))
	s.Fails = &stub.DriverError{State: "XX000", Text: strings.Repeat("x", 100_000)}
	report, err := r.RefreshAll(t.Context())
	checkBound(t, "the run", err.Error(), "2000 failed:\n", "public.v0000", "public.v0004", "\nand 1995 more")
	n := 0
	var count func(error)
	count = func(err error) {
		switch e := err.(type) { //nolint:errorlint // counts every joined error
		case *stub.DriverError:
			n++
		case interface{ Unwrap() []error }:
			for _, each := range e.Unwrap() {
				count(each)
			}
		case interface{ Unwrap() error }:
			count(e.Unwrap())
		}
	}
	count(err)
	if n != 2000 {
		t.Errorf("the run's error wraps %d errors, want 2000", n)
	}
	text := strings.TrimSuffix(report.String(), "\n")
	if got := strings.Count(text, "\n"); got != 2000 {
		t.Errorf("the report has %d lines of views, want 2000", got)
	}
	for line := range strings.Lines(text) {
		checkBound(t, "a line of the report", strings.TrimSuffix(line, "\n"))
	}
}

// Changes, plans and reports have a line per structure. No line grows with the database.
func TestReportLinesAreBounded(t *testing.T) {
	t.Parallel()
	all := longNames("l", 2000)
	columns := func(names []string) (cs []dialect.Column) {
		for _, n := range names {
			cs = append(cs, dialect.Column{Name: n, Type: strings.Repeat("t", 100)})
		}
		return cs
	}
	indexes := func(names []string) (is []dialect.Index) {
		for _, n := range names {
			is = append(is, dialect.Index{Name: n, Columns: names[:32], Unique: true, Unfit: "it is partial"})
		}
		return is
	}
	enum := func(labels []string) dialect.EnumDef {
		return dialect.EnumDef{Object: dialect.Object{ID: 1, Name: stub.Of("app.e"), Comment: strings.Repeat("c", len(labels)*1000)}, Labels: labels}
	}
	matview := func(names []string) dialect.MatviewDef {
		return dialect.MatviewDef{Object: dialect.Object{ID: 2, Name: stub.Of("app.v")}, Columns: columns(names), Indexes: indexes(names)}
	}
	from := snapshot(&dialect.Catalog{
		Enums: []dialect.EnumDef{enum(all)}, Matviews: []dialect.MatviewDef{matview(all)}}, registry.Selection{})
	to := snapshot(&dialect.Catalog{
		Enums: []dialect.EnumDef{enum(append([]string{"first"}, all[1:]...))}, Matviews: []dialect.MatviewDef{matview(all[3:])}}, registry.Selection{})
	changes := registry.Diff(from, to)
	if len(changes) != 2 {
		t.Fatalf("got %d changes, want one of the view and one of the enum", len(changes))
	}
	for _, c := range changes {
		checkBound(t, "a change", c.String())
		for _, d := range c.Details {
			checkBound(t, "a change's detail", d)
		}
	}

	// A change of labels names them.
	a, b := snapshotOf("a", "b", "c", "d", "e", "f"), snapshotOf("a", "x", "c", "d", "f", "e")
	want := `enum app.mood changed: labels (6 → 6): new ["x"], gone ["b"], moved ["e"]`
	if got := registry.Diff(a, b).String(); got != want {
		t.Errorf("the change: got\n\t%s\nwant\n\t%s", got, want)
	}

	names := make([]string, 500)
	for i := range names {
		names[i] = `"` + strings.Repeat("\x01", 55) + fmt.Sprintf("%06d", i) + `"`
	}
	names[499] += " < " + strings.Join(names[:499], " ")
	cat := views(names...)
	for i := range cat.Matviews {
		cat.Matviews[i].Populated = false
	}
	r, _, _ := stubbed(cat)
	for _, opts := range [][]massive.PlanOption{nil, {massive.Views(cat.Matviews[499].Name.Quoted())}} {
		text := strings.TrimSuffix(planOf(t, r, opts...).String(), "\n")
		if got := strings.Count(text, "\n"); got < 500 {
			t.Errorf("the plan has %d lines, want at least one for each of 500 views", got)
		}
		for line := range strings.Lines(text) {
			checkBound(t, "a line of the plan", strings.TrimSuffix(line, "\n"))
		}
	}

	e := massive.Exhaustion{Looked: 400}
	for range 200 {
		e.Above = append(e.Above, massive.SequenceUse{Sequence: stub.Of(`a."` + strings.Repeat("s", 63) + `"`), ColumnType: strings.Repeat("t", 130)})
		e.Unknown = append(e.Unknown, massive.UnknownUse{Sequence: stub.Of("app.s"), Err: errors.New(strings.Repeat("x", 100_000))})
	}
	if got := strings.Count(e.String(), "\n"); got != 400 {
		t.Errorf("the exhaustion has %d lines of sequences, want 400", got)
	}
	for line := range strings.Lines(e.String()) {
		checkBound(t, "a line of the exhaustion", strings.TrimSuffix(line, "\n"))
	}
}

func TestZeroLagPrintsAsNotCompared(t *testing.T) {
	t.Parallel()
	if got, want := (registry.SequenceLag{}).String(), "not compared"; got != want {
		t.Errorf("the zero lag prints as %q, want %q", got, want)
	}
}

func TestUnmatchedPatternsOfSelections(t *testing.T) {
	t.Parallel()
	cat := stub.Shop()
	for _, c := range []struct {
		rule             string
		include, exclude []string
		keys             bool
		kinds            []dialect.Kind
		want             []string
	}{
		{"no patterns", nil, nil, false, nil, nil},
		{"all match", []string{"app.*", "public.order_no"}, []string{"*.weekly", "mood"}, false, nil, nil},
		{"include patterns come first", []string{"apps.*", "app.*"}, []string{"tmp_*", "weekly"}, false, nil, []string{"apps.*", "tmp_*"}},
		{"an excluded structure counts as matched", []string{"app.mood", "public.*"}, []string{"app.*"}, false, nil, nil},
		{"a key's sequence counts as matched", []string{"*.orders_id_seq"}, nil, false, nil, nil},
		{"a loaded key's sequence counts as matched", []string{"*.orders_id_seq"}, nil, true, nil, nil},
		{"a kind that is not loaded does not count", []string{"app.mood", "daily"}, nil, false, []dialect.Kind{dialect.KindMatview}, []string{"app.mood"}},
		{"quotes make a wildcard literal", []string{`"app*".*`, `app.*`}, nil, false, nil, []string{`"app*".*`}},
	} {
		f := dialect.Filter{Include: stub.Patterns(c.include...), Exclude: stub.Patterns(c.exclude...), Kinds: c.kinds}
		r := snapshot(cat, registry.Selection{Filter: f, KeySequences: c.keys})
		if got := r.UnmatchedPatterns(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got unmatched patterns %q, want %q", c.rule, got, c.want)
		}
	}
}
