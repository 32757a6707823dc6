package dialect_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
)

func pattern(t *testing.T, text string) dialect.Pattern {
	t.Helper()
	p, err := dialect.ParsePattern(text)
	if err != nil {
		t.Fatalf("ParsePattern(%q): %v", text, err)
	}
	return p
}

func name(t *testing.T, text string) dialect.Name {
	t.Helper()
	n, err := dialect.ParseName(text)
	if err != nil {
		t.Fatalf("ParseName(%q): %v", text, err)
	}
	return n
}

func TestPatternMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern string
		yes, no []string // names, quoted if necessary
	}{
		{`daily`, []string{`app.daily`, `stats.daily`}, []string{`app.daily2`, `app.dail`, `daily.x`, `app.Daily`}},
		{`app.daily`, []string{`app.daily`}, []string{`stats.daily`, `app.daily2`, `app2.daily`}},
		{`stats.*`, []string{`stats.daily`, `stats."a.b"`}, []string{`stats2.daily`, `app.stats`}},
		{`*.tmp_*`, []string{`app.tmp_`, `x.tmp_old`}, []string{`app.tmp`, `tmp_.app`, `app.xtmp_`}},
		{`tmp_*`, []string{`app.tmp_x`, `stats.tmp_x`}, []string{`tmp_x.app`}},
		{`s*.d?y`, []string{`s.day`, `stats.däy`, `stats.d日y`}, []string{`stats.dy`, `stats.daay`, `app.day`}},
		{`?`, []string{`app.a`, `app."ä"`, `app."."`}, []string{`app.ab`}},
		{`a*b*c`, []string{`x.abc`, `x.aXbYc`, `x.abcbc`}, []string{`x.abcb`, `x.acb`, `x.bc`}},
		{`**`, []string{`x.a`}, nil},
		{`*?`, []string{`x.a`, `x.ab`}, nil},
		{`"*"`, []string{`app."*"`}, []string{`app.daily`}},
		{`"what?".x`, []string{`"what?".x`}, []string{`whats.x`}},
		{`"a*".b*`, []string{`"a*".bc`}, []string{`ab.bc`, `"a*".c`}},
		{`a*."b*"`, []string{`ab."b*"`}, []string{`ab.bc`}},
		{`"say ""*"""."x""?"`, []string{`"say ""*"""."x""?"`}, []string{`"say ""hi"""."x""?"`, `"say ""*"""."x""y"`}},
		{`"a""b".?`, []string{`"a""b".c`}, []string{`"a""b".cd`, `ab.c`}},
		{`"""a""".?`, []string{`"""a""".x`}, []string{`"""a""".xy`, `a.x`}},
		{`"a.b".c*`, []string{`"a.b".cd`}, []string{`a."b.cd"`}},
	} {
		p := pattern(t, c.pattern)
		for _, n := range c.yes {
			if !p.Match(name(t, n)) {
				t.Errorf("pattern %s does not match %s", c.pattern, n)
			}
		}
		for _, n := range c.no {
			if p.Match(name(t, n)) {
				t.Errorf("pattern %s matches %s", c.pattern, n)
			}
		}
		if p.String() != c.pattern {
			t.Errorf("String() = %q; want the pattern as it was written, %q", p, c.pattern)
		}
	}
}

func TestZeroPatternMatchesNothing(t *testing.T) {
	t.Parallel()
	var p dialect.Pattern
	for _, n := range []dialect.Name{{}, {Name: "a"}, {Schema: "a", Name: "b"}} {
		if p.Match(n) {
			t.Errorf("a zero Pattern matches %#v", n)
		}
	}
	if p.String() != "" {
		t.Errorf("a zero Pattern's String() = %q; want none", p)
	}
}

func TestParsePatternRejectsMalformed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:       `pattern "": invalid argument: the name is empty`,
		`a.*.c`:  `pattern "a.*.c": invalid argument: name "a.*.c" has more than two parts; put double quotes around a part that contains a dot`,
		`*.`:     `pattern "*.": invalid argument: name "*." has an empty part`,
		`"tmp_*`: `pattern "\"tmp_*": invalid argument: name "\"tmp_*" opens a quote and does not close it`,
		`tmp"*"`: `pattern "tmp\"*\"": invalid argument: name "tmp\"*\"" has a quote inside a part; quote the whole part and double the quote`,
	} {
		p, err := dialect.ParsePattern(text)
		if !errors.Is(err, dialect.ErrInvalid) || err.Error() != want {
			t.Errorf("ParsePattern(%q): error\n\t%v\nwant one that wraps ErrInvalid and says\n\t%s", text, err, want)
		}
		if p.String() != "" || p.Match(dialect.Name{Schema: "a", Name: "tmp_"}) {
			t.Errorf("ParsePattern(%q) gives %q with an error; want a zero Pattern", text, p)
		}
	}
}

// A matcher that tries every split takes exponential time on this pattern.
func TestPatternForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{
		"daily": {false, false}, "d*": {true, false}, "a.d?": {true, true}, "?.d": {true, true}, "a.d": {false, true}, `"*"."?"`: {false, true}, `"*"`: {false, false},
	} {
		p := pattern(t, text)
		if got := [2]bool{p.HasWildcard(), p.HasSchema()}; got != want {
			t.Errorf("pattern %s: HasWildcard, HasSchema = %v, want %v", text, got, want)
		}
	}
	if (dialect.Pattern{}).HasWildcard() || (dialect.Pattern{}).HasSchema() {
		t.Errorf("the zero Pattern has a wildcard or a schema")
	}
}

func TestPatternMatchIsNotExponential(t *testing.T) {
	t.Parallel()
	p := pattern(t, strings.Repeat("*a", 200)+"*b")
	long := dialect.Name{Schema: "x", Name: strings.Repeat("a", 5_000)}
	if p.Match(long) {
		t.Errorf("a pattern that ends in b matches a name of a's")
	}
	long.Name += "b"
	if !p.Match(long) {
		t.Errorf("*a… *b does not match a…b")
	}
}

func TestFilterHas(t *testing.T) {
	t.Parallel()
	kinds := []dialect.Kind{dialect.KindMatview, dialect.KindEnum, dialect.KindSequence}
	for _, k := range kinds {
		if !(dialect.Filter{}).Has(k) {
			t.Errorf("a zero Filter doesn't have %s; it selects everything", k)
		}
		for _, only := range kinds {
			if got := (dialect.Filter{Kinds: []dialect.Kind{only}}).Has(k); got != (k == only) {
				t.Errorf("a Filter for %s alone: Has(%s) = %v", only, k, got)
			}
		}
	}
}

func TestFilterExcludes(t *testing.T) {
	t.Parallel()
	all := func(texts ...string) (ps []dialect.Pattern) {
		for _, text := range texts {
			ps = append(ps, pattern(t, text))
		}
		return ps
	}
	for _, c := range []struct {
		rule   string
		filter dialect.Filter
		name   string
		why    string // empty if the filter does not exclude the name
	}{
		{"a zero filter takes all", dialect.Filter{}, `app.daily`, ""},
		{"kinds do not affect names", dialect.Filter{Kinds: []dialect.Kind{dialect.KindEnum}}, `app.daily`, ""},
		{"included", dialect.Filter{Include: all(`app.*`)}, `app.daily`, ""},
		{"included by the second", dialect.Filter{Include: all(`stats.*`, `d*`)}, `app.daily`, ""},
		{"not included", dialect.Filter{Include: all(`app.*`, `"x y".?`)}, `stats.daily`, `not included by app.*, "x y".?`},
		{"excluded", dialect.Filter{Exclude: all(`*.tmp_*`)}, `app.tmp_a`, `excluded by *.tmp_*`},
		{"not excluded", dialect.Filter{Exclude: all(`*.tmp_*`)}, `app.daily`, ``},
		{"the first pattern that excludes is named", dialect.Filter{Exclude: all(`x`, `*.a*`, `a*`)}, `app.ab`, `excluded by *.a*`},
		{"Exclude wins", dialect.Filter{Include: all(`app.*`), Exclude: all(`*.tmp_*`)}, `app.tmp_a`, `excluded by *.tmp_*`},
		{"included and not excluded", dialect.Filter{Include: all(`app.*`), Exclude: all(`*.tmp_*`)}, `app.daily`, ``},
		{"neither", dialect.Filter{Include: all(`app.*`), Exclude: all(`*.tmp_*`)}, `stats.daily`, `not included by app.*`},
	} {
		why, excluded := c.filter.Excludes(name(t, c.name))
		if why != c.why || excluded != (c.why != "") {
			t.Errorf("%s: Excludes(%s) = %q, %v; want %q, %v", c.rule, c.name, why, excluded, c.why, c.why != "")
		}
	}
}

// naive is the shortest correct matcher of * and ?, without regard to time.
func naive(pattern, s []rune, literally bool) bool {
	if len(pattern) == 0 {
		return len(s) == 0
	}
	if !literally && pattern[0] == '*' {
		return naive(pattern[1:], s, literally) || len(s) > 0 && naive(pattern, s[1:], literally)
	}
	return len(s) > 0 && (pattern[0] == s[0] || !literally && pattern[0] == '?') && naive(pattern[1:], s[1:], literally)
}

func FuzzPattern(f *testing.F) {
	f.Add("", false, "tmp_*", false, "app", "tmp_x")
	f.Add("st?ts", false, "*", true, "stats", "*")
	f.Add("a*b", true, "a*b?c*", false, "a*b", "aabbxccc")
	f.Add(`"`, true, `*"?`, true, `"`, `*"?`)
	f.Add(`"a"`, true, "?", false, `"a"`, "x")
	f.Add("*", false, "*a*b*a", false, "größe", "aabba")
	f.Fuzz(func(t *testing.T, schema string, schemaQuoted bool, name string, nameQuoted bool, inSchema, inName string) {
		if !utf8.ValidString(schema+name+inSchema+inName) || len(inSchema) > 20 || len(inName) > 20 ||
			strings.Count(schema, "*") > 5 || strings.Count(name, "*") > 5 {
			t.Skip("the naive matcher would take too long")
		}
		part := func(s string, quoted bool) string {
			if quoted {
				return dialect.Name{Name: s}.Quoted()
			}
			if strings.ContainsAny(s, `."`) {
				t.Skip("a part that needs quotes")
			}
			return s
		}
		text := part(name, nameQuoted)
		if schema != "" {
			text = part(schema, schemaQuoted) + "." + text
		}
		p, err := dialect.ParsePattern(text)
		if err != nil {
			if name != "" && !strings.Contains(text, "\x00") {
				t.Errorf("ParsePattern(%q): %v", text, err)
			}
			return
		}
		want := (schema == "" || naive([]rune(schema), []rune(inSchema), schemaQuoted)) &&
			naive([]rune(name), []rune(inName), nameQuoted)
		n := dialect.Name{Schema: inSchema, Name: inName}
		if got := p.Match(n); got != want {
			t.Errorf("pattern %s: Match(%v) = %v; want %v", text, n, got, want)
		}
	})
}
