package registry_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// lookups returns the three lookups of a registry as functions of one type.
func lookups(r *registry.Registry) map[dialect.Kind]func(string) (dialect.Name, error) {
	return map[dialect.Kind]func(string) (dialect.Name, error){
		dialect.KindMatview: func(name string) (dialect.Name, error) {
			m, err := r.Matview(name)
			if err != nil {
				return dialect.Name{}, nilWith(err, m == nil)
			}
			return m.Name(), nil
		},
		dialect.KindEnum: func(name string) (dialect.Name, error) {
			e, err := r.Enum(name)
			if err != nil {
				return dialect.Name{}, nilWith(err, e == nil)
			}
			return e.Name(), nil
		},
		dialect.KindSequence: func(name string) (dialect.Name, error) {
			s, err := r.Sequence(name)
			if err != nil {
				return dialect.Name{}, nilWith(err, s == nil)
			}
			return s.Name(), nil
		},
	}
}

// nilWith returns err, or an error if a lookup returned a structure with err. An
// interface with a nil pointer is not nil.
func nilWith(err error, isNil bool) error {
	if !isNil {
		return fmt.Errorf("a structure that is not nil, with the error: %w", err)
	}
	return err
}

func TestLookup(t *testing.T) {
	t.Parallel()
	all := []dialect.Object{
		stub.Visible(`app.daily`), stub.Hidden(`public.daily`, "table app.daily"), stub.Object(`stats.weekly`), stub.Visible(`app."Daily"`),
		stub.Visible(`"Odd.Schema"."Odd ""Name"""`), stub.Object(`"a.b".c`), stub.Object(`a."b.c"`), stub.Visible(`app.größe`),
	}
	cat := &dialect.Catalog{
		SearchPath: []string{"app", "public", "Odd.Schema"}, Matviews: stub.Matviews(all...), Enums: stub.Enums(all...), Sequences: stub.Sequences(all...),
	}
	plain, _, _ := stubbed(cat, registry.Selection{})
	for what, r := range map[string]*registry.Registry{"the registry": plain, "On": plain.On(&stub.Querier{})} {
		for kind, lookup := range lookups(r) {
			for want, spellings := range map[string][]string{
				`app.daily`:                   {`daily`, `"daily"`, `app.daily`, `"app"."daily"`, `app."daily"`, `"app".daily`},
				`public.daily`:                {`public.daily`, `"public"."daily"`, `public."daily"`},
				`stats.weekly`:                {`stats.weekly`, `"stats".weekly`},
				`app."Daily"`:                 {`Daily`, `"Daily"`, `app.Daily`, `app."Daily"`, `"app"."Daily"`},
				`"Odd.Schema"."Odd ""Name"""`: {`"Odd.Schema"."Odd ""Name"""`, `"Odd ""Name"""`},
				`"a.b".c`:                     {`"a.b".c`, `"a.b"."c"`},
				`a."b.c"`:                     {`a."b.c"`, `"a"."b.c"`},
				`app."größe"`:                 {`größe`, `"größe"`, `app.größe`, `app."größe"`},
			} {
				for _, s := range spellings {
					if got, err := lookup(s); err != nil || got != stub.Of(want) {
						t.Errorf("%s: the %s %s is %v, error %v; want %s", what, kind, s, got, err, want)
					}
				}
			}
		}
	}
}

func TestLookupAllocates(t *testing.T) { // not parallel: AllocsPerRun counts all goroutines
	cat := stub.Shop()
	cat.Matviews = append(cat.Matviews, stub.Matviews(stub.Visible(`app."say ""hi"""`))...)
	r, _, _ := stubbed(cat, registry.Selection{})
	check := func(rule, name string, want float64, lookup func() error) {
		t.Helper()
		if got := testing.AllocsPerRun(100, func() {
			if err := lookup(); err != nil {
				t.Error(err)
			}
		}); got != want {
			t.Errorf("%s: a lookup of %s allocates %v times; want %v", rule, name, got, want)
		}
	}
	on := r.On(&stub.Querier{})
	for _, name := range []string{
		`daily`, `app.daily`, `"app"."daily"`, `"daily"`, `app."daily"`, `"app".daily`, `Odd Name`, `"Odd Name"`, `app."Odd Name"`,
		`"app"."Odd Name"`, `"app".Odd Name`, `"say ""hi"""`, `app."say ""hi"""`,
	} {
		check("in its own registry", name, 0, func() error { _, err := r.Matview(name); return err })
		check("through On", name, 1, func() error { _, err := on.Matview(name); return err })
	}
	for _, name := range []string{`mood`, `app.mood`, `"app".mood`, `"mood"`, `stats."a.b"`, `"stats"."a.b"`} {
		check("in its own registry", name, 0, func() error { _, err := r.Enum(name); return err })
		check("through On", name, 1, func() error { _, err := on.Enum(name); return err })
	}
	for _, name := range []string{`order_no`, `public.order_no`, `"public"."order_no"`, `"public".order_no`, `"order_no"`} {
		check("in its own registry", name, 0, func() error { _, err := r.Sequence(name); return err })
		check("through On", name, 1, func() error { _, err := on.Sequence(name); return err })
	}
}

// A lookup finds the name that ParseName returns for the spelling, although most lookups
// do not parse it.
func FuzzLookup(f *testing.F) {
	for _, spelling := range []string{
		`a`, `"a"`, `a.b`, `"a"."b"`, `a."b"`, `"a".b`, `"a.b"`, `"a.b".c`, `"a""b"`, `"a"b`, `a"b`, `"a"."b".`, `"a".`, `."b"`, `"`, `""`,
		`"".b`, `a.""`, `a.b"c"`, `"a".b.c`, `A b."é"`, "\x00", "\"\x00\"",
	} {
		f.Add(`a`, `b`, spelling)
		if n, err := dialect.ParseName(spelling); err == nil {
			f.Add(cmp.Or(n.Schema, "public"), n.Name, spelling)
		}
	}
	f.Add(`a"b`, `c`, `a"b."c"`)
	f.Add(`a.b`, `c`, `a.b."c"`)
	f.Fuzz(func(t *testing.T, schema, name, spelling string) {
		if schema == "" || name == "" || strings.Contains(schema+name, "\x00") || !utf8.ValidString(schema) || !utf8.ValidString(name) {
			t.Skip("not a valid name")
		}
		one := dialect.Object{ID: 1, Name: dialect.Name{Schema: schema, Name: name}, Visible: true}
		r, _, _ := stubbed(&dialect.Catalog{SearchPath: []string{schema}, Sequences: stub.Sequences(one)}, registry.Selection{})
		for _, s := range []string{spelling, one.Name.String(), one.Name.Quoted(), dialect.Name{Name: name}.Quoted()} {
			n, err := dialect.ParseName(s)
			want := err == nil && n.Name == name && (n.Schema == "" || n.Schema == schema)
			if _, err := r.Sequence(s); (err == nil) != want {
				t.Errorf("%v looked up as %q, which is parsed as %+v: error %v", one.Name, s, n, err)
			}
		}
	})
}

func TestLookupRejectsMalformedNames(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(stub.Shop(), registry.Selection{})
	long := strings.Repeat("a", 64)
	for kind, lookup := range lookups(r) {
		for _, c := range []struct {
			name string
			of   dialect.Name // the Name of the error; zero if the name can't be parsed
			want string
		}{
			{``, dialect.Name{}, `massive: look up: invalid argument: the name is empty`},
			{`a.`, dialect.Name{}, `massive: look up: invalid argument: name "a." has an empty part`},
			{`"daily`, dialect.Name{}, `massive: look up: invalid argument: name "\"daily" opens a quote and does not close it`},
			{`a.b.c`, dialect.Name{}, `massive: look up: invalid argument: name "a.b.c" has more than two parts; ` +
				`put double quotes around a part that contains a dot`},
			{long, stub.Of(long), `massive: look up ` + long + `: invalid argument: a part of the name is 64 bytes long; ` +
				`the server's limit is 63`},
			{long + ".x", stub.Of(long + ".x"), `massive: look up ` + long + `.x: invalid argument: a part of the name is 64 bytes long; ` +
				`the server's limit is 63`},
		} {
			_, err := lookup(c.name)
			stub.Failed(t, err, dialect.OpLookup, c.of)
			if !errors.Is(err, dialect.ErrInvalid) || errors.Is(err, dialect.ErrNotFound) || err.Error() != c.want {
				t.Errorf("%s %q: error\n\t%v\nwant one that wraps ErrInvalid, not ErrNotFound, and says\n\t%s", kind, c.name, err, c.want)
			}
		}
		// The limit counts bytes, and includes the maximum.
		for name, want := range map[string]error{
			strings.Repeat("a", 63): dialect.ErrNotFound, strings.Repeat("ä", 31): dialect.ErrNotFound, strings.Repeat("ä", 32): dialect.ErrInvalid,
		} {
			if _, err := lookup(name); !errors.Is(err, want) {
				t.Errorf("%s of %d bytes: error %v; want one that wraps %q", kind, len(name), err, want)
			}
		}
	}
	cat := stub.Shop()
	cat.Server.MaxNameBytes = 0
	r, _, _ = stubbed(cat, registry.Selection{})
	if _, err := r.Enum(long); !errors.Is(err, dialect.ErrNotFound) {
		t.Errorf("a long name on a server without a limit: error %v; want ErrNotFound", err)
	}
}

// checkNotFound compares all fields. Text is the message after "… not found", or * for
// any.
func checkNotFound(t *testing.T, rule string, err error, want registry.NotFoundError, text string) {
	t.Helper()
	stub.Failed(t, err, dialect.OpLookup, want.Name)
	var got *registry.NotFoundError
	if !errors.As(err, &got) || !errors.Is(err, dialect.ErrNotFound) {
		t.Errorf("%s: error %v (%T); want a *NotFoundError that wraps ErrNotFound", rule, err, err)
		return
	}
	if got.Kind != want.Kind || got.Name != want.Name {
		t.Errorf("%s: looked for %v %v; want %v %v", rule, got.Kind, got.Name, want.Kind, want.Name)
	}
	if got.Reason != want.Reason {
		t.Errorf("%s: reason %d; want %d (%v)", rule, got.Reason, want.Reason, err)
	}
	if !slices.Equal(got.Exists, want.Exists) {
		t.Errorf("%s: Exists %v; want %v", rule, got.Exists, want.Exists)
	}
	if !slices.Equal(got.Near, want.Near) {
		t.Errorf("%s: Near %v; want %v", rule, got.Near, want.Near)
	}
	if full := "massive: look up " + want.Name.String() + ": " + want.Kind.String() + " not found" + text; text != "*" && err.Error() != full {
		t.Errorf("%s: it says\n\t%s\nwant\n\t%s", rule, err, full)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	const (
		mv, en, sq = dialect.KindMatview, dialect.KindEnum, dialect.KindSequence
	)
	path := []string{"app", "public"}
	for _, c := range []struct {
		rule    string
		catalog dialect.Catalog
		sel     registry.Selection
		kind    dialect.Kind
		name    string
		want    registry.NotFoundError // without Kind and Name
		text    string
	}{
		{
			"nothing exists", dialect.Catalog{}, registry.Selection{}, en, "mood",
			registry.NotFoundError{Reason: registry.ReasonUnknown}, "",
		}, {
			"a schema that isn't there", dialect.Catalog{Enums: stub.Enums(stub.Visible("app.colour"))}, registry.Selection{}, en, "nowhere.mood",
			registry.NotFoundError{Reason: registry.ReasonUnknown}, "",
		}, {
			"no similar name", dialect.Catalog{Enums: stub.Enums(stub.Visible("app.mood"), stub.Visible("app.colour"))}, registry.Selection{}, en, "modo",
			registry.NotFoundError{Reason: registry.ReasonUnknown}, "",
		}, {
			"a similar name", dialect.Catalog{Enums: stub.Enums(stub.Visible("app.moods"), stub.Visible("app.colour"))}, registry.Selection{}, en, "mood",
			registry.NotFoundError{Reason: registry.ReasonUnknown, Near: stub.Names("app.moods")}, "; did you mean app.moods?",
		}, {
			"two similar names", dialect.Catalog{Enums: stub.Enums(stub.Object(`stats."Mood"`), stub.Visible("app.moods"))}, registry.Selection{}, en, "app.mood",
			registry.NotFoundError{Reason: registry.ReasonUnknown, Near: stub.Names("app.moods", `stats."Mood"`)},
			`; did you mean app.moods or stats."Mood"?`,
		},

		{
			"an enum of that bare name", dialect.Catalog{Enums: stub.Enums(stub.Visible("app.mood"))}, registry.Selection{}, mv, "mood",
			registry.NotFoundError{Reason: registry.ReasonOtherKind, Exists: stub.Names("app.mood")}, ": an enum of that name exists",
		}, {
			"an enum of that name", dialect.Catalog{Enums: stub.Enums(stub.Object("stats.mood"))}, registry.Selection{}, sq, "stats.mood",
			registry.NotFoundError{Reason: registry.ReasonOtherKind, Exists: stub.Names("stats.mood")}, ": an enum of that name exists",
		}, {
			"a view of that name", dialect.Catalog{Matviews: stub.Matviews(stub.Object("app.x"))}, registry.Selection{}, sq, "app.x",
			registry.NotFoundError{Reason: registry.ReasonOtherKind, Exists: stub.Names("app.x")}, ": a materialized view of that name exists",
		}, {
			"a sequence of that name", dialect.Catalog{Sequences: stub.Sequences(stub.Object("app.x"))}, registry.Selection{}, en, "app.x",
			registry.NotFoundError{Reason: registry.ReasonOtherKind, Exists: stub.Names("app.x")}, ": a sequence of that name exists",
		}, {
			"an enum of that name off the search path is not what a bare name means", dialect.Catalog{Enums: stub.Enums(stub.Object("stats.mood"))},
			registry.Selection{}, mv, "mood", registry.NotFoundError{Reason: registry.ReasonUnknown}, "",
		},

		{
			"sequences were not loaded", dialect.Catalog{Sequences: stub.Sequences(stub.Visible("app.x"))},
			registry.Selection{Filter: dialect.Filter{Kinds: []dialect.Kind{mv, en}}}, sq, "x",
			registry.NotFoundError{Reason: registry.ReasonKindExcluded}, ": that kind was not loaded: the option Only excludes it",
		},

		{
			"off the search path", dialect.Catalog{SearchPath: path, Matviews: stub.Matviews(stub.Object("stats.weekly"))},
			registry.Selection{}, mv, "weekly", registry.NotFoundError{Reason: registry.ReasonOffSearchPath, Exists: stub.Names("stats.weekly")},
			": stats.weekly exists, but its schema is not on the search path (app, public); look it up with its schema",
		}, {
			"off the search path, twice", dialect.Catalog{SearchPath: path, Enums: stub.Enums(stub.Object(`"S 1".mood`), stub.Object("stats.mood"))},
			registry.Selection{}, en, `"mood"`, registry.NotFoundError{Reason: registry.ReasonOffSearchPath, Exists: stub.Names(`"S 1".mood`, "stats.mood")}, "*",
		}, {
			"in another schema", dialect.Catalog{SearchPath: path, Matviews: stub.Matviews(stub.Object("stats.weekly"))},
			registry.Selection{}, mv, "app.weekly", registry.NotFoundError{Reason: registry.ReasonUnknown, Near: stub.Names("stats.weekly")},
			"; did you mean stats.weekly?",
		},

		{
			"hidden", dialect.Catalog{SearchPath: path, Enums: stub.Enums(stub.Hidden("public.mood", "the row type of app.mood"))},
			registry.Selection{}, en, "mood", registry.NotFoundError{Reason: registry.ReasonHidden, Exists: stub.Names("public.mood")},
			": public.mood is hidden by the row type of app.mood, which comes before it on the search path; look it up as public.mood",
		}, {
			"hidden, without HiddenBy", dialect.Catalog{SearchPath: path, Sequences: stub.Sequences(stub.Object(`public."Odd N"`))},
			registry.Selection{}, sq, "Odd N", registry.NotFoundError{Reason: registry.ReasonHidden, Exists: stub.Names(`public."Odd N"`)},
			`: public."Odd N" is hidden by something of that name, which comes before it on the search path; look it up as public."Odd N"`,
		},

		{
			"excluded, bare", dialect.Catalog{SearchPath: path, Enums: stub.Enums(stub.Visible("app.tmp_mood"))},
			registry.Selection{Filter: dialect.Filter{Exclude: stub.Patterns("*.tmp_*")}}, en, "tmp_mood",
			registry.NotFoundError{Reason: registry.ReasonExcluded, Exists: stub.Names("app.tmp_mood")}, ": app.tmp_mood was not loaded: it is excluded by *.tmp_*",
		}, {
			"not included, with its schema", dialect.Catalog{SearchPath: path, Matviews: stub.Matviews(stub.Object("stats.weekly"))},
			registry.Selection{Filter: dialect.Filter{Include: stub.Patterns("app.*", "public.*")}}, mv, "stats.weekly",
			registry.NotFoundError{Reason: registry.ReasonExcluded, Exists: stub.Names("stats.weekly")},
			": stats.weekly was not loaded: it is not included by app.*, public.*",
		}, {
			"excluded, bare, off the search path", dialect.Catalog{SearchPath: path, Matviews: stub.Matviews(stub.Object("stats.weekly"))},
			registry.Selection{Filter: dialect.Filter{Exclude: stub.Patterns("stats.*")}}, mv, "weekly",
			registry.NotFoundError{Reason: registry.ReasonExcluded, Exists: stub.Names("stats.weekly")}, ": stats.weekly was not loaded: it is excluded by stats.*",
		}, {
			"another name is excluded", dialect.Catalog{SearchPath: path, Enums: stub.Enums(stub.Visible("app.tmp_x"), stub.Object("stats.tmp_y"))},
			registry.Selection{Filter: dialect.Filter{Exclude: stub.Patterns("tmp_*")}}, en, "mood",
			registry.NotFoundError{Reason: registry.ReasonUnknown}, "",
		}, {
			"a name in another schema is excluded", dialect.Catalog{SearchPath: path, Enums: stub.Enums(stub.Visible("app.mood"))},
			registry.Selection{Filter: dialect.Filter{Exclude: stub.Patterns("mood")}}, en, "stats.mood",
			registry.NotFoundError{Reason: registry.ReasonUnknown}, "",
		}, {
			"another kind's omission is none, off the search path", dialect.Catalog{SearchPath: path, Enums: stub.Enums(stub.Object("stats.x"))},
			registry.Selection{Filter: dialect.Filter{Exclude: stub.Patterns("x")}}, mv, "x",
			registry.NotFoundError{Reason: registry.ReasonUnknown}, "",
		}, {
			"another kind's omission", dialect.Catalog{SearchPath: path, Enums: stub.Enums(stub.Visible("app.x"))},
			registry.Selection{Filter: dialect.Filter{Exclude: stub.Patterns("app.*")}}, mv, "app.x",
			registry.NotFoundError{Reason: registry.ReasonOtherKind, Exists: stub.Names("app.x")},
			": an enum of that name was not loaded: it is excluded by app.*",
		},

		{
			"a key's, bare", dialect.Catalog{SearchPath: path, Sequences: []dialect.SequenceDef{stub.Key(stub.Visible("app.o_id_seq"), "app.o", "id")}},
			registry.Selection{}, sq, "o_id_seq", registry.NotFoundError{Reason: registry.ReasonKeySequence, Exists: stub.Names("app.o_id_seq")},
			": app.o_id_seq was not loaded: it is the key sequence of app.o.id; load it with WithKeySequences()",
		}, {
			"a key's, with its schema", dialect.Catalog{SearchPath: path, Sequences: []dialect.SequenceDef{stub.Key(stub.Object("x.o_id_seq"), `"O"`, "Id")}},
			registry.Selection{}, sq, `"x"."o_id_seq"`, registry.NotFoundError{Reason: registry.ReasonKeySequence, Exists: stub.Names("x.o_id_seq")},
			`: x.o_id_seq was not loaded: it is the key sequence of "O"."Id"; load it with WithKeySequences()`,
		},
	} {
		r, _, _ := stubbed(&c.catalog, c.sel)
		_, err := lookups(r)[c.kind](c.name)
		c.want.Kind, c.want.Name = c.kind, stub.Of(c.name)
		checkNotFound(t, c.rule, err, c.want, c.text)
		_, err = lookups(r.On(nil))[c.kind](c.name)
		checkNotFound(t, c.rule+", through On", err, c.want, c.text)
	}
}

// If several reasons apply, the error has the most specific one. Each step removes the
// previous step's reason.
func TestNotFoundHasTheMostSpecificReason(t *testing.T) {
	t.Parallel()
	c := &dialect.Catalog{
		SearchPath: []string{"app", "b", "public"},
		Enums:      stub.Enums(stub.Visible("public.x")),
		Sequences: append(
			stub.Sequences(stub.Hidden("b.x", "table app.x"), stub.Object("stats.x"), stub.Object("left.x"), stub.Visible("app.xx")),
			stub.Key(stub.Visible("app.x"), "app.o", "id"), stub.Key(stub.Object("key.x"), "key.o", "id"),
		),
	}
	filter := registry.Selection{Filter: dialect.Filter{Exclude: stub.Patterns("app.x", "left.*")}}
	for _, step := range []struct {
		rule, gone string
		sel        registry.Selection
		reason     registry.NotFoundReason
		exists     []dialect.Name
		near       []dialect.Name
	}{
		{"a pattern excludes a key's sequence of the bare name", "", filter, registry.ReasonExcluded, stub.Names("app.x"), nil},
		{"a pattern excludes a sequence of the bare name", "", registry.Selection{Filter: filter.Filter, KeySequences: true},
			registry.ReasonExcluded, stub.Names("app.x"), nil},
		{"it is hidden", "app.x", filter, registry.ReasonHidden, stub.Names("b.x"), nil},
		{"it is off the search path", "b.x", filter, registry.ReasonOffSearchPath, stub.Names("stats.x"), nil},
		{"it is off the search path and a key's", "stats.x", filter, registry.ReasonKeySequence, stub.Names("key.x"), nil},
		{"it is off the search path and a pattern's", "key.x", filter, registry.ReasonExcluded, stub.Names("left.x"), nil},
		{"it is an enum", "left.x", filter, registry.ReasonOtherKind, stub.Names("public.x"), nil},
	} {
		c.Sequences = slices.DeleteFunc(slices.Clone(c.Sequences), func(s dialect.SequenceDef) bool {
			return s.Name.String() == step.gone
		})
		r, _, _ := stubbed(c, step.sel)
		_, err := r.Sequence("x")
		checkNotFound(t, step.rule, err, registry.NotFoundError{
			Kind: dialect.KindSequence, Name: stub.Of("x"), Reason: step.reason, Exists: step.exists, Near: step.near,
		}, "*")

		left := step.sel
		left.Kinds = []dialect.Kind{dialect.KindEnum}
		r, _, _ = stubbed(c, left)
		_, err = r.Sequence("x")
		checkNotFound(t, step.rule+", but that kind was not loaded", err, registry.NotFoundError{
			Kind: dialect.KindSequence, Name: stub.Of("x"), Reason: registry.ReasonKindExcluded,
		}, "*")
	}
	c.Enums = nil
	r, _, _ := stubbed(c, filter)
	_, err := r.Sequence("x")
	checkNotFound(t, "it is nothing", err, registry.NotFoundError{
		Kind: dialect.KindSequence, Name: stub.Of("x"), Reason: registry.ReasonUnknown, Near: stub.Names("app.xx"),
	}, "; did you mean app.xx?")
}

func TestNear(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		exist  []dialect.Name
		lookup string
		want   []dialect.Name
	}{
		{"letter case is no distance", stub.Names(`app."DAILY"`, `app.dailys`), `Daily`, stub.Names(`app."DAILY"`, `app.dailys`)},
		{"a letter more, less, other", stub.Names(`app.daiily`, `app.daiy`, `app.dayly`), `daily`, stub.Names(`app.daiily`, `app.daiy`, `app.dayly`)},
		{"a letter more or less at the ends", stub.Names(`app.aily`, `app.dail`, `app.xdaily`), `daily`, stub.Names(`app.aily`, `app.dail`, `app.xdaily`)},
		{"a third of the length is near", stub.Names(`app.abcdxy`), `abcdef`, stub.Names(`app.abcdxy`)},
		{"more is far", stub.Names(`app.abcxyz`, `app.abc`, `app.abcdefxyz`), `abcdef`, nil},
		{"a common end alone is far", stub.Names(`app.abcabc`), `xyzuvwabc`, nil},
		{"a short name may still be off by one", stub.Names(`app.b`, `app.ab`, `app.bc`), `a`, stub.Names(`app.ab`, `app.b`)},
		{
			"the nearest first, three at most", stub.Names(`app.abcdxy`, `app.abcdefx`, `b.abcdex`, `app.abxyef`, `c.abcdefy`), `abcdef`,
			stub.Names(`app.abcdefx`, `b.abcdex`, `c.abcdefy`),
		},
		{"equally near ones by name", stub.Names(`b.abcdxx`, `a.abcdyy`), `abcdef`, stub.Names(`a.abcdyy`, `b.abcdxx`)},
		{"the right name in another schema", stub.Names(`b.daily`, `a.daily`), `app.daily`, stub.Names(`a.daily`, `b.daily`)},
		{"another schema is one step off", stub.Names(`b.abcdef`, `app.abcdex`, `a.abcdxy`, `app.abcdef2`), `app.abcdef`,
			stub.Names(`app.abcdef2`, `app.abcdex`, `b.abcdef`)},
	} {
		cat := &dialect.Catalog{SearchPath: []string{"app", "a", "b", "c"}}
		for _, n := range c.exist {
			cat.Sequences = append(cat.Sequences, dialect.SequenceDef{Object: dialect.Object{Name: n, Visible: true}})
			cat.Enums = append(cat.Enums, dialect.EnumDef{Object: dialect.Object{Name: dialect.Name{Schema: "e", Name: n.Name + "e"}}})
		}
		r, _, _ := stubbed(cat, registry.Selection{})
		_, err := r.Sequence(c.lookup)
		checkNotFound(t, c.rule, err, registry.NotFoundError{
			Kind: dialect.KindSequence, Name: stub.Of(c.lookup), Reason: registry.ReasonUnknown, Near: c.want,
		}, "*")
	}
}
