package dialect_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]dialect.Name{
		`daily`:               {Name: "daily"},
		`app.daily`:           {Schema: "app", Name: "daily"},
		`"daily"`:             {Name: "daily"},
		`"app"."daily"`:       {Schema: "app", Name: "daily"},
		`"app".daily`:         {Schema: "app", Name: "daily"},
		`app."daily"`:         {Schema: "app", Name: "daily"},
		`Daily`:               {Name: "Daily"}, // no case folding
		`"a.b"."c.d"`:         {Schema: "a.b", Name: "c.d"},
		`"say ""hi"""`:        {Name: `say "hi"`},
		`""""`:                {Name: `"`},
		`""""."""."""`:        {Schema: `"`, Name: `"."`},
		`odd name.it's; -- \`: {Schema: "odd name", Name: `it's; -- \`},
		` app . daily `:       {Schema: " app ", Name: " daily "},
		`größe.日本`:            {Schema: "größe", Name: "日本"},
		"a\xff.b\xfe":         {Schema: "a\xff", Name: "b\xfe"},
		`*.tmp_?`:             {Schema: "*", Name: "tmp_?"},
		`$1`:                  {Name: "$1"},
	} {
		got, err := dialect.ParseName(text)
		if err != nil || got != want {
			t.Errorf("ParseName(%q) = %#v, %v; want %#v, nil", text, got, err, want)
		}
	}
}

func TestParseNameRejectsMalformed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:            `invalid argument: the name is empty`,
		`""`:          `invalid argument: name "\"\"" has an empty part`,
		`.`:           `invalid argument: name "." has an empty part`,
		`.daily`:      `invalid argument: name ".daily" has an empty part`,
		`app.`:        `invalid argument: name "app." has an empty part`,
		`"app".`:      `invalid argument: name "\"app\"." has an empty part`,
		`app.""`:      `invalid argument: name "app.\"\"" has an empty part`,
		`a.b.c`:       `invalid argument: name "a.b.c" has more than two parts; put double quotes around a part that contains a dot`,
		`a.b.`:        `invalid argument: name "a.b." has more than two parts; put double quotes around a part that contains a dot`,
		`"a"."b"."c"`: `invalid argument: name "\"a\".\"b\".\"c\"" has more than two parts; put double quotes around a part that contains a dot`,
		`"daily`:      `invalid argument: name "\"daily" opens a quote and does not close it`,
		`"`:           `invalid argument: name "\"" opens a quote and does not close it`,
		`"""`:         `invalid argument: name "\"\"\"" opens a quote and does not close it`,
		`app."daily`:  `invalid argument: name "app.\"daily" opens a quote and does not close it`,
		`da"ily`:      `invalid argument: name "da\"ily" has a quote inside a part; quote the whole part and double the quote`,
		`app.da"ily"`: `invalid argument: name "app.da\"ily\"" has a quote inside a part; quote the whole part and double the quote`,
		`"app"daily`:  `invalid argument: name "\"app\"daily" has text after a closing quote`,
		`"app"x`:      `invalid argument: name "\"app\"x" has text after a closing quote`,
		`"app" .x`:    `invalid argument: name "\"app\" .x" has text after a closing quote`,
		"\x00a":       `invalid argument: name "\x00a" contains a NUL byte`,
		"a\x00b":      `invalid argument: name "a\x00b" contains a NUL byte`,
		"a.\"b\x00\"": `invalid argument: name "a.\"b\x00\"" contains a NUL byte`,
	} {
		got, err := dialect.ParseName(text)
		if !errors.Is(err, dialect.ErrInvalid) {
			t.Errorf("ParseName(%q): error %v; want one that wraps ErrInvalid", text, err)
			continue
		}
		if err.Error() != want {
			t.Errorf("ParseName(%q) says\n\t%s\nwant\n\t%s", text, err, want)
		}
		if got != (dialect.Name{}) {
			t.Errorf("ParseName(%q) = %#v with an error; want a zero Name", text, got)
		}
	}
}

func TestParseNameAllocatesNothing(t *testing.T) { // not parallel: AllocsPerRun counts all goroutines
	for _, text := range []string{`daily`, `app.daily`, `"app"."daily"`, `app."Odd Name"`, `"a.b".c`} {
		n := testing.AllocsPerRun(100, func() {
			if _, err := dialect.ParseName(text); err != nil {
				t.Error(err)
			}
		})
		if n != 0 {
			t.Errorf("ParseName(%q) allocates %v times; only a doubled quote may", text, n)
		}
	}
}

func TestNameText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          dialect.Name
		plain, quoted string
	}{
		{dialect.Name{Name: "daily"}, `daily`, `"daily"`},
		{dialect.Name{Schema: "app", Name: "daily"}, `app.daily`, `"app"."daily"`},
		{dialect.Name{Schema: "app", Name: "_x$1"}, `app._x$1`, `"app"."_x$1"`},
		{dialect.Name{Schema: "az", Name: "z09"}, `az.z09`, `"az"."z09"`},
		{dialect.Name{Schema: "App", Name: "daily"}, `"App".daily`, `"App"."daily"`},
		{dialect.Name{Schema: "app", Name: "1st"}, `app."1st"`, `"app"."1st"`},
		{dialect.Name{Schema: "app", Name: "$1"}, `app."$1"`, `"app"."$1"`},
		{dialect.Name{Schema: "app", Name: "a b"}, `app."a b"`, `"app"."a b"`},
		{dialect.Name{Schema: "a.b", Name: "c"}, `"a.b".c`, `"a.b"."c"`},
		{dialect.Name{Name: `say "hi"`}, `"say ""hi"""`, `"say ""hi"""`},
		{dialect.Name{Name: "größe"}, `"größe"`, `"größe"`},
		{dialect.Name{}, `""`, `""`},
	} {
		if got := c.name.String(); got != c.plain {
			t.Errorf("%#v.String() = %s; want %s: quote a part that is not a plain lower-case identifier", c.name, got, c.plain)
		}
		if got := c.name.Quoted(); got != c.quoted {
			t.Errorf("%#v.Quoted() = %s; want %s: quote every part", c.name, got, c.quoted)
		}
	}
}

func TestNameCompare(t *testing.T) {
	t.Parallel()
	ordered := []dialect.Name{
		{}, {Name: "z"}, {Schema: "B", Name: "b"}, {Schema: "a", Name: "z"}, {Schema: "a.b", Name: "a"}, {Schema: "b", Name: "a"},
		{Schema: "b", Name: "aa"}, {Schema: "b", Name: "ä"},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%v.Compare(%v) = %d; want %d: by schema, then by name, bytewise", a, b, got, want)
			}
		}
	}
	if !slices.IsSortedFunc(ordered, dialect.Name.Compare) {
		t.Errorf("%v is not sorted by Compare", ordered)
	}
}

// ParseName returns a valid name from both of its texts.
func FuzzName(f *testing.F) {
	f.Add("", "daily")
	f.Add("app", "daily")
	f.Add("a.b", `c"d`)
	f.Add(`"`, `".`)
	f.Add("Größe", "日本\xff")
	f.Add("1", "$")
	f.Fuzz(func(t *testing.T, schema, name string) {
		if name == "" || strings.Contains(schema+name, "\x00") {
			t.Skip("no name has an empty part or a NUL byte")
		}
		n := dialect.Name{Schema: schema, Name: name}
		for _, text := range []string{n.String(), n.Quoted()} {
			if got, err := dialect.ParseName(text); err != nil || got != n {
				t.Errorf("ParseName(%q) = %#v, %v; want %#v, nil", text, got, err, n)
			}
		}
	})
}

// ParseName rejects a text, or returns a name whose own text parses to the same name.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", `"a"."b"`, `""""`, `"a`, `a"b`, "a.b.c", "a\x00", `.`, `"".x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := dialect.ParseName(text)
		if err != nil {
			if !errors.Is(err, dialect.ErrInvalid) {
				t.Errorf("ParseName(%q): %v does not wrap ErrInvalid", text, err)
			}
			return
		}
		if n.Name == "" || strings.Contains(n.Schema+n.Name, "\x00") {
			t.Errorf("ParseName(%q) = %#v, which is no valid name", text, n)
		}
		if again, err := dialect.ParseName(n.String()); err != nil || again != n {
			t.Errorf("ParseName(%q) = %#v, but its text %q reads as %#v, %v", text, n, n.String(), again, err)
		}
	})
}
