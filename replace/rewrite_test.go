package replace

import (
	"testing"

	"github.com/massivedb/massive-go/massive"
)

func TestRewrite(t *testing.T) {
	t.Parallel()
	shadows := map[massive.Name]string{{Schema: "app", Name: "base"}: "s1", {Schema: "Odd.Schema", Name: `b"c`}: "s2"}
	for _, c := range []struct{ rule, query, want string }{
		{"a relation in FROM", "SELECT base.a FROM app.base", "SELECT base.a FROM s1.base"},
		{"lists and joins", `SELECT 1 FROM (app.base b JOIN "Odd.Schema"."b""c" ON ((b.x = 1))), ONLY app.base`, `SELECT 1 FROM (s1.base b JOIN s2."b""c" ON ((b.x = 1))), ONLY s1.base`},
		{"a list after a join", "SELECT FROM app.base a JOIN t USING (x, y), app.base", "SELECT FROM s1.base a JOIN t USING (x, y), s1.base"},
		{"subqueries", "SELECT ( SELECT 1 FROM app.base WHERE (app.base = 1)), app.base FROM t", "SELECT ( SELECT 1 FROM s1.base WHERE (app.base = 1)), app.base FROM t"},
		{"a column of an alias stays", "SELECT app.base FROM x app WHERE (app.base = 1)", "SELECT app.base FROM x app WHERE (app.base = 1)"},
		{"a function stays", "SELECT 1 FROM app.base(1), app.base", "SELECT 1 FROM app.base(1), s1.base"},
		{"strings stay", "SELECT ' FROM app.base ''' FROM app.base", "SELECT ' FROM app.base ''' FROM s1.base"},
		{"a column after another FROM stays", "SELECT EXTRACT(day FROM app.base), (1 IS DISTINCT FROM app.base) FROM app.base", "SELECT EXTRACT(day FROM app.base), (1 IS DISTINCT FROM app.base) FROM s1.base"},
		{"other relations stay", "SELECT 1 FROM rep.base, app.other", "SELECT 1 FROM rep.base, app.other"},
	} {
		if got := rewrite(c.query, shadows); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.rule, got, c.want)
		}
	}
}

func TestExtended(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ query, rewritten, got, want string }{
		{"FROM a.b", "FROM s.b", "FROM s.b", "FROM a.b"},
		{"FROM a.b t(x, y), a.b", "FROM s.b t(x, y), s.b", `FROM s.b t(x, y, "Z "), s.b`, `FROM a.b t(x, y, "Z "), a.b`},
		{"FROM a.b t(x), (y)", "FROM s.b t(x), (y)", "FROM s.b t(x, c, d), (y)", "FROM a.b t(x, c, d), (y)"},
		{"f(x)", "f(x)", "f(x, 1)", ""},
		{"f(x)", "f(x)", "f(x, y.z)", ""},
		{"f(x)", "f(x)", "f(x::text)", ""},
		{"f(x) a", "f(x) a", "f(x)", ""},
		{"f(x)", "f(x)", "f(x) a", ""},
	} {
		if got, ok := extended(c.query, c.rewritten, c.got); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: got %q, %t; want %q", c.got, got, ok, c.want)
		}
	}
}

func TestStatement(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, want string
		ok         bool
	}{
		{"SELECT 1", "SELECT 1", true},
		{" SELECT 1 ; -- end\n;", "SELECT 1", true},
		{"SELECT ';', $$;$$, $a$;$$;$a$, E'\\';', \";\", 1 /* ; /* ; */ ; */", "SELECT ';', $$;$$, $a$;$$;$a$, E'\\';', \";\", 1 /* ; /* ; */ ; */", true},
		{"SELECT 1; SELECT 2", "", false},
		{"SELECT 1 -- \r; SELECT 2", "", false},
		{" -- nothing", "", false},
		{"", "", false},
	} {
		if got, ok := statement(c.text); got != c.want || ok != c.ok {
			t.Errorf("%q: got %q, %t; want %q, %t", c.text, got, ok, c.want, c.ok)
		}
	}
}

// The tokens of any text are the text, and rewriting without shadows changes nothing.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{"SELECT a.b FROM app.base", "'", `"`, "$a$", "E'\\", "/*/", ")(", "$1", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := join(tokens(text)); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
		if got := rewrite(text, nil); got != text {
			t.Errorf("rewritten: got %q, want %q", got, text)
		}
		statement(text)
	})
}
