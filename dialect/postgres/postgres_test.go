package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

func TestLiteral(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		``:           `''`,
		`daily`:      `'daily'`,
		`it's`:       `'it''s'`,
		`''`:         `''''''`,
		`"a"."b"`:    `'"a"."b"'`,
		`a\b`:        ` E'a\\b'`,
		`\`:          ` E'\\'`,
		`\'`:         ` E'\\'''`,
		`'; DROP --`: `'''; DROP --'`,
		`größe`:      `'größe'`,
		"a\nb":       "'a\nb'",
	} {
		if got := literal(s); got != want {
			t.Errorf("literal(%s) = %s; want %s", s, got, want)
		}
	}
	if got, want := regclass(dialect.Name{Schema: `it's`, Name: `a"b\`}), ` E'"it''s"."a""b\\"'::pg_catalog.regclass`; got != want {
		t.Errorf("regclass = %s; want %s", got, want)
	}
}

// A literal reads back as the input, with standard_conforming_strings on or off.
func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"", "a", "it's", `a\'b`, `\\`, `'\`, "\n", `E'`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		constant := literal(s)
		body, escapes := strings.CutPrefix(constant, ` E'`)
		if !escapes {
			body = strings.TrimPrefix(constant, `'`)
		}
		var read strings.Builder
		closed := false
		for i := 0; i < len(body); i++ {
			switch {
			case closed:
				t.Fatalf("literal(%q) = %s continues after its end", s, constant)
			case body[i] == '\'' && i+1 < len(body) && body[i+1] == '\'', body[i] == '\\' && escapes && i+1 < len(body):
				i++
				read.WriteByte(body[i])
			case body[i] == '\'':
				closed = true
			case body[i] == '\\':
				t.Fatalf("literal(%q) = %s has a backslash that standard_conforming_strings changes", s, constant)
			default:
				read.WriteByte(body[i])
			}
		}
		if !closed || read.String() != s {
			t.Errorf("literal(%q) = %s reads as %q, closed: %v", s, constant, read.String(), closed)
		}
	})
}

func TestSelectMatview(t *testing.T) {
	t.Parallel()
	view := &dialect.MatviewDef{
		Object:  dialect.Object{Name: dialect.Name{Schema: "app", Name: `a"b`}},
		Columns: []dialect.Column{{Name: "day"}, {Name: `Odd "N`}},
	}
	args := []any{1, "x"}
	for tail, want := range map[string]string{
		``:                           `SELECT "day", "Odd ""N" FROM "app"."a""b"`,
		`WHERE day = $1 -- the last`: "SELECT \"day\", \"Odd \"\"N\" FROM \"app\".\"a\"\"b\"\nWHERE day = $1 -- the last",
	} {
		got, gotArgs, err := postgres{}.SelectMatview(view, tail, args)
		if err != nil || got != want || !slices.Equal(gotArgs, args) {
			t.Errorf("SelectMatview(tail %q) = %q, %v; want %q, %v", tail, got, gotArgs, want, args)
		}
	}
}

// If a concurrent drop makes a catalog function raise XX000, the statement is sent once
// more.
func TestLoadRetriesOnce(t *testing.T) {
	t.Parallel()
	dropped := &stateError{State: "XX000", Text: "cache lookup failed for relation 1"}
	second := &stateError{State: "XX000", Text: "cache lookup failed for relation 2"}
	cancelled := &stateError{State: "57014", Text: "canceled"}
	for _, c := range []struct {
		rule    string
		answers []answer
		want    error
	}{
		{"the second try succeeds", []answer{{err: dropped}, catalogAnswer()}, nil},
		{"the second try fails, and the first error is returned", []answer{{err: dropped}, {err: second}}, dropped},
		{"an error after some rows is retried, too", []answer{{rows: catalogAnswer().rows, broke: dropped}, catalogAnswer()}, nil},
		{"no other error is retried", []answer{{err: cancelled}}, cancelled},
	} {
		n := 0
		db, server := serve(t, func(string) answer { n++; return c.answers[n-1] })
		cat, err := New().Load(t.Context(), db, dialect.Filter{})
		if !errors.Is(err, c.want) || (cat == nil) != (err != nil) {
			t.Errorf("%s: Load returns %v, error %v; want error %v", c.rule, cat, err, c.want)
		}
		if sent := server.texts(t); len(sent) != len(c.answers) {
			t.Errorf("%s: %d statements were sent; want %d", c.rule, len(sent), len(c.answers))
		}
	}
}

func TestLoadWithAnEndedContext(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"XX000", "42601", ""} {
		ctx, cancel := context.WithCancel(t.Context())
		raw := &stateError{State: state, Text: "failed"}
		db, server := serve(t, func(string) answer { cancel(); return answer{err: raw} })
		if _, err := New().Load(ctx, db, dialect.Filter{}); err != error(raw) { //nolint:errorlint // it must be the identical error
			t.Errorf("state %q under an ended context: error %v; want the driver's own", state, err)
		}
		if sent := server.texts(t); len(sent) != 1 {
			t.Errorf("state %q under an ended context: %d statements; want no second one", state, len(sent))
		}
	}
}

func TestLoadRejectsOldServers(t *testing.T) {
	t.Parallel()
	for version, rejected := range map[int64]bool{90624: true, 120022: true, 130000: false, 180004: false} {
		db, _ := serve(t, func(string) answer {
			return row1("server", version, int64(63), "me", "", `{UTF8,UTF8,db,"12.22 (Debian)",""}`, "{}")
		})
		cat, err := New().Load(t.Context(), db, dialect.Filter{})
		if !rejected {
			if err != nil || cat.Server.Major != int(version/10000) {
				t.Errorf("server %d: %+v, error %v; want its catalog", version, cat, err)
			}
			continue
		}
		const want = "not supported here: unsupported operation: the server is PostgreSQL 12.22 (Debian), and this dialect needs 13 or newer"
		if !errors.Is(err, dialect.ErrUnsupported) || err.Error() != want || cat != nil {
			t.Errorf("server %d: %v, error\n\t%v\nwant nil and one that wraps ErrUnsupported:\n\t%s", version, cat, err, want)
		}
	}
}

// If the statement fails as on another product, Load queries the product's version. Other
// errors are returned unchanged.
func TestLoadNamesUnknownServer(t *testing.T) {
	t.Parallel()
	const (
		version = "SELECT pg_catalog.version()"
		mysql   = "SELECT version() LIMIT 0, 1"
		sqlite  = "SELECT sqlite_version() LIMIT 0, 1"
	)
	syntax := &stateError{State: "42601", Text: "syntax error at or near FETCH"}
	for _, c := range []struct {
		rule    string
		err     error
		answers map[string]string
		want    string // in the error's text; empty for the driver's own error
		queries int    // after the catalog statement
	}{
		{"another product", syntax, map[string]string{version: "CockroachDB CCL v23.1"},
			`the server is "CockroachDB CCL v23.1", and this dialect needs PostgreSQL 13 or newer: syntax error at or near FETCH`, 1},
		{"another product, no state", errors.New("near WITH: syntax error"), map[string]string{mysql: "8.0.36-mysql"},
			`the server is "8.0.36-mysql", and this dialect needs PostgreSQL 13 or newer: near WITH: syntax error`, 2},
		{"SQLite", errors.New("no such table"), map[string]string{sqlite: "3.45.1"},
			`the server is "SQLite 3.45.1", and this dialect needs PostgreSQL 13 or newer: no such table`, 3},
		{"a feature that the server lacks", &stateError{State: "0A000", Text: "no LATERAL"}, map[string]string{version: "Redshift 1"},
			`the server is "Redshift 1", and this dialect needs PostgreSQL 13 or newer: no LATERAL`, 1},
		{"H2 over pgx", io.ErrUnexpectedEOF, map[string]string{version: "PostgreSQL 8.2.23 server protocol using H2 2.1.214"},
			`the server is "PostgreSQL 8.2.23 server protocol using H2 2.1.214", and this dialect needs PostgreSQL 13 or newer: unexpected EOF`, 1},
		{"H2 over lib/pq", errors.New("pq: server error: \x00\x01SERROR"), nil,
			"the server violates PostgreSQL's protocol, so it is another product: pq: server error: \x00\x01SERROR", 0},
		{"a lost connection to PostgreSQL", io.ErrUnexpectedEOF, map[string]string{version: "PostgreSQL 15.18 on x86_64"}, "", 1},
		{"too old", syntax, map[string]string{version: "PostgreSQL 12.22 on x86_64"},
			`the server is PostgreSQL 12.22, and this dialect needs 13 or newer`, 1},
		{"far too old", syntax, map[string]string{version: "PostgreSQL 9.6.24 on x86_64"},
			`the server is PostgreSQL 9.6.24, and this dialect needs 13 or newer`, 1},
		{"new enough: a bug of the dialect", syntax, map[string]string{version: "PostgreSQL 18.4 on x86_64"}, "", 1},
		{"just new enough", syntax, map[string]string{version: "PostgreSQL 13.0 on x86_64"}, "", 1},
		{"a version that can't be read", syntax, map[string]string{version: "PostgreSQL 19devel on x86_64"}, "", 1},
		{"no version query succeeds", syntax, nil, "", 3},
		{"a missing right", &stateError{State: "42501", Text: "permission denied"}, map[string]string{version: "x"}, "", 0},
		{"a cancelled statement", &stateError{State: "57014", Text: "canceled"}, map[string]string{version: "x"}, "", 0},
		{"a failed login", &stateError{State: "28P01", Text: "password"}, map[string]string{version: "x"}, "", 0},
	} {
		db, server := serve(t, func(text string) answer {
			if text == catalogText(dialect.Filter{}, separator) {
				return answer{err: c.err}
			}
			if v := c.answers[text]; v != "" {
				return row1(v)
			}
			return answer{err: errors.New("unexpected statement")}
		})
		cat, err := New().Load(t.Context(), db, dialect.Filter{})
		if cat != nil || err == nil {
			t.Errorf("%s: Load returns %v, error %v; want nil and an error", c.rule, cat, err)
			continue
		}
		if got := errors.Is(err, dialect.ErrUnsupported) && errors.Is(err, errors.ErrUnsupported); got != (c.want != "") {
			t.Errorf("%s: error %v wraps ErrUnsupported: %v; want %v", c.rule, err, got, c.want != "")
		}
		want := c.err.Error()
		if c.want != "" {
			want = dialect.ErrUnsupported.Error() + ": " + c.want
		}
		if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error\n\t%v\nwant\n\t%s", c.rule, err, want)
		}
		// An error that wraps io.ErrUnexpectedEOF is ErrUnavailable.
		wraps := c.want == "" || !errors.Is(c.err, io.ErrUnexpectedEOF)
		if errors.Is(err, c.err) != wraps {
			t.Errorf("%s: error %q wraps the driver's own, %q: %t; want %t", c.rule, err, c.err, !wraps, wraps)
		}
		if sent := server.texts(t); len(sent) != 1+c.queries {
			t.Errorf("%s: sent %d queries after the catalog statement; want %d", c.rule, len(sent)-1, c.queries)
		}
	}
}

// If the connection fails, Load does not query the server's version.
func TestLoadStopsAfterFailedConnection(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	db, server := serve(t, func(string) answer { return answer{err: refused} })
	if _, err := New().Load(t.Context(), db, dialect.Filter{}); !errors.Is(err, refused) {
		t.Errorf("error %v; want %v", err, refused)
	}
	if sent := server.texts(t); len(sent) != 1 {
		t.Errorf("after a failed connection, %d more statements were sent: %q", len(sent)-1, sent[1:])
	}
}
