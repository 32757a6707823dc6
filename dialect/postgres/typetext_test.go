package postgres

import "testing"

func TestTypeText(t *testing.T) {
	t.Parallel()
	const own, theirs = true, false
	for _, c := range []struct {
		text  string
		own   bool
		major int
		want  string
	}{
		{"integer", own, 15, "integer"},
		{`"text"`, own, 15, "text"},
		{`"text"[]`, own, 15, "text[]"},
		{`"json"`, own, 15, "json"},
		{`"char"`, own, 15, `"char"`},
		{`pg_catalog.text`, own, 15, "text"},
		{`"pg_catalog"."text"[]`, own, 15, "text[]"},
		{`"pg_catalog"."money"`, own, 15, "pg_catalog.money"},
		{"timestamp(3) with time zone", own, 15, "timestamp(3) with time zone"},
		{`"text"`, theirs, 15, `"text"`},
		{`text`, theirs, 15, `"text"`},
		{`"text"[]`, theirs, 15, `"text"[]`},
		{`"app"."text"`, theirs, 15, "app.text"},
		{`"bigint"`, theirs, 15, `"bigint"`},
		{`"mood"`, theirs, 15, "mood"},
		{`"app"."mood"[]`, theirs, 15, "app.mood[]"},
		{`"Odd Type"`, theirs, 15, `"Odd Type"`},
		{`"a""b"."""".x`, theirs, 15, `"a""b"."""".x`},
		{`app."a.b"(1,"c.d")`, theirs, 15, `app."a.b"(1,"c.d")`},
		{`"geometry"(Point,4326)`, theirs, 15, "geometry(Point,4326)"},
		{`"json_value"`, theirs, 15, "json_value"},
		{`"json_value"`, theirs, 17, `"json_value"`},
		{`"1a"`, theirs, 15, `"1a"`},
		{`"a$b"`, theirs, 15, `"a$b"`},
		{`"`, theirs, 15, `"`},
		{`""`, theirs, 15, `""`},
	} {
		if got := typeText(c.text, c.own, c.major); got != c.want {
			t.Errorf("typeText(%s, %t, %d) = %s, want %s", c.text, c.own, c.major, got, c.want)
		}
	}
}
