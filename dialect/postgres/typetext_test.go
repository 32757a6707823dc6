package postgres

import "testing"

func TestTypeText(t *testing.T) {
	t.Parallel()
	const builtIn, user = true, false
	for _, c := range []struct {
		text  string
		own   bool
		major int
		want  string
	}{
		{"integer", builtIn, 15, "integer"},
		{`"text"`, builtIn, 15, "text"},
		{`"text"[]`, builtIn, 15, "text[]"},
		{`"json"`, builtIn, 15, "json"},
		{`"char"`, builtIn, 15, `"char"`},
		{`pg_catalog.text`, builtIn, 15, "text"},
		{`"pg_catalog"."text"[]`, builtIn, 15, "text[]"},
		{`"pg_catalog"."money"`, builtIn, 15, "pg_catalog.money"},
		{"timestamp(3) with time zone", builtIn, 15, "timestamp(3) with time zone"},
		{`"text"`, user, 15, `"text"`},
		{`text`, user, 15, `"text"`},
		{`"text"[]`, user, 15, `"text"[]`},
		{`"app"."text"`, user, 15, "app.text"},
		{`"bigint"`, user, 15, `"bigint"`},
		{`"mood"`, user, 15, "mood"},
		{`"app"."mood"[]`, user, 15, "app.mood[]"},
		{`"Odd Type"`, user, 15, `"Odd Type"`},
		{`"a""b"."""".x`, user, 15, `"a""b"."""".x`},
		{`app."a.b"(1,"c.d")`, user, 15, `app."a.b"(1,"c.d")`},
		{`"geometry"(Point,4326)`, user, 15, "geometry(Point,4326)"},
		{`"json_value"`, user, 15, "json_value"},
		{`"json_value"`, user, 17, `"json_value"`},
		{`"1a"`, user, 15, `"1a"`},
		{`"a$b"`, user, 15, `"a$b"`},
		{`"`, user, 15, `"`},
		{`""`, user, 15, `""`},
	} {
		if got := typeText(c.text, c.own, c.major); got != c.want {
			t.Errorf("typeText(%s, %t, %d) = %s, want %s", c.text, c.own, c.major, got, c.want)
		}
	}
}
