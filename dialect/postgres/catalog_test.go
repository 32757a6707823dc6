package postgres

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

func TestCatalogText(t *testing.T) {
	t.Parallel()
	branches := map[string]string{
		"server": "current_setting('server_version')", "relations": "ELSE 'relation' END", "columns": "'column', NULL", "edges": "'edge', NULL",
		"numbers": "'number', s.seqtypid", "enums": "THEN 'enum' ELSE", "comments": "'comment', NULL",
	}
	for _, c := range []struct {
		kinds []dialect.Kind
		want  []string
	}{
		{nil, []string{"server", "relations", "enums", "comments", "columns", "edges", "numbers"}},
		{[]dialect.Kind{dialect.KindMatview}, []string{"server", "relations", "comments", "columns", "edges"}},
		{[]dialect.Kind{dialect.KindEnum}, []string{"server", "enums", "comments"}},
		{[]dialect.Kind{dialect.KindSequence}, []string{"server", "relations", "comments", "numbers"}},
		{[]dialect.Kind{dialect.KindSequence, dialect.KindMatview}, []string{"server", "relations", "comments", "columns", "edges", "numbers"}},
	} {
		text := catalogText(dialect.Filter{Kinds: c.kinds}, separator)
		from := 0
		for _, branch := range c.want {
			at := strings.Index(text[from:], branches[branch])
			if at < 0 {
				t.Errorf("kinds %v: branch %s is missing, or not in order; want %v", c.kinds, branch, c.want)
				break
			}
			from += at
		}
		for branch, sign := range branches {
			if want := slices.Contains(c.want, branch); strings.Contains(text, sign) != want {
				t.Errorf("kinds %v: branch %s is present: %v; want %v", c.kinds, branch, !want, want)
			}
		}
		if !strings.HasPrefix(text, "WITH path AS") || !strings.HasSuffix(strings.TrimSpace(text), "FETCH FIRST 1 ROW WITH TIES") {
			t.Errorf("kinds %v: the statement's head or tail is missing", c.kinds)
		}
		if strings.Contains(text, "\nUNION ALL\n)") || strings.Contains(text, "(\nUNION ALL") {
			t.Errorf("kinds %v: UNION ALL is the first or last part of a query", c.kinds)
		}
		for _, never := range []string{"--", "/*", "$1", "?", ";"} {
			if strings.Contains(text, never) {
				t.Errorf("kinds %v: the statement has a %s: no comments, no parameters, one statement", c.kinds, never)
			}
		}
	}
	// The core applies the patterns.
	p, err := dialect.ParsePattern("x.*")
	if err != nil {
		t.Fatal(err)
	}
	f := dialect.Filter{Include: []dialect.Pattern{p}, Exclude: []dialect.Pattern{p}}
	if catalogText(f, separator) != catalogText(dialect.Filter{}, separator) {
		t.Errorf("patterns change the catalog statement; the core applies them")
	}
}

// serverRow is the first row of every catalog. It has PostgreSQL 15.18, the schemas app
// and public on the search path, the schema stats, and the schema locked without USAGE.
var serverRow = []driver.Value{
	"server", int64(150018), int64(63), "clerk", "", `{UTF8,LATIN1,shop,"15.18 (Debian)","7 1 sign"}`,
	`{{11,pg_catalog,u,1,0},{100,app,u,2,1},{101,public,u,3,2},{102,stats,u,0,0},{103,locked,"",0,0}}`,
}

func catalogAnswer(rows ...[]driver.Value) answer {
	return answer{rows: append([][]driver.Value{serverRow}, rows...)}
}

func TestLoadReadsTheCatalog(t *testing.T) {
	t.Parallel()
	db, server := serve(t, func(string) answer {
		const view, plain, table, facts = 16400, 16500, 16900, 16901
		return catalogAnswer(
			[]driver.Value{"m", nil, int64(100), "ada", "pm", `{16400}`, "daily"},
			[]driver.Value{"m", nil, int64(103), "ada", "ma", `{16401}`, "empty"},
			[]driver.Value{"v", nil, int64(102), "ada", "", `{16500}`, "Plain View"},
			[]driver.Value{"S", nil, int64(101), "bob", "rnsx", `{16700}`, "order_no"},
			[]driver.Value{"S", nil, int64(101), "bob", "rn", `{16701}`, "orders_id_seq"},
			[]driver.Value{"S", nil, int64(103), "bob", "rnsx", `{16702}`, "tight"},
			[]driver.Value{"S", nil, int64(99), "bob", "rnsx", `{16703}`, "of_another_session"},
			[]driver.Value{"relation", nil, int64(11), nil, "r", "{1259}", "other"},
			[]driver.Value{"column", nil, nil, `"date"`, "o", fmt.Sprintf("{%d}", view<<16|1), "day"},
			[]driver.Value{"column", nil, nil, "numeric(10,2)", "o", fmt.Sprintf("{%d}", view<<16|2), "Total, net"},
			[]driver.Value{"index", int64(1), nil, "1 2", "uiv", `{16400}`, `{17001}`},
			[]driver.Value{"index", int64(1), nil, "2", "ivp", `{16400}`, `{17002}`},
			[]driver.Value{"name", nil, nil, nil, nil, "{17001,17002}", "daily_idx\x1ftotal_idx"},
			[]driver.Value{"edge", nil, nil, nil, nil, `{26500,26400,26400,26999}`, `{16400,16500,16401,16400}`},
			[]driver.Value{"rule", nil, nil, nil, nil, `{26500,26400}`, `{16500,16400}`},
			[]driver.Value{"enum", nil, int64(100), "bob", nil, `{16600}`, "mood"},
			[]driver.Value{"enum", nil, int64(101), "bob", nil, `{16601}`, "mood"},
			[]driver.Value{"enum", nil, int64(11), "x", nil, `{16800}`, "of_the_system"},
			[]driver.Value{"label", nil, nil, nil, nil, `{16600,16600,16600,16800}`, "sad\x1fso so\x1fhappy\x1fa"},
			[]driver.Value{"type", nil, int64(100), nil, "e", "{16600}", "mood"},
			[]driver.Value{"comment", nil, nil, nil, nil, `{16400,16700}`, `{"sales by day",numbers}`},
			[]driver.Value{"comment", nil, nil, nil, nil, nil, nil},
			[]driver.Value{"number", int64(20), nil, nil, "", `{16700}`, `{1,1,1,9223372036854775807,1}`},
			[]driver.Value{"number", int64(23), nil, nil, "y", `{16701}`, `{-1,-2,-100,-1,20}`},
			[]driver.Value{"number", int64(21), nil, nil, "", `{16702}`, `{5,1,1,32767,1}`},
			[]driver.Value{"tie", nil, nil, nil, "i", `{16701}`, fmt.Sprintf("{%d}", table<<16|1)},
			[]driver.Value{"tie", nil, nil, nil, "a", `{16702}`, fmt.Sprintf("{%d}", facts<<16|3)},
			[]driver.Value{"tie", nil, nil, nil, "d", `{16700}`, fmt.Sprintf("{%d}", facts<<16|4)},
			[]driver.Value{"table", nil, int64(101), "bob", "r", `{16900}`, "orders"},
			[]driver.Value{"table", nil, int64(102), "eve", "r", `{16901}`, "My T"},
			[]driver.Value{"field", nil, nil, nil, nil, fmt.Sprintf("{%d,%d,%d}", table<<16|1, facts<<16|3, facts<<16|4), "id\x1fa.b\x1fno"},
			[]driver.Value{"key", nil, nil, `{1}`, nil, `{16900}`, nil},
			[]driver.Value{"key", nil, nil, `{4}`, nil, `{16901}`, nil},
		)
	})
	got, err := New().Load(t.Context(), db, dialect.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	want := &dialect.Catalog{
		Server: dialect.Server{
			Version: "15.18 (Debian)", Major: 15, Database: "shop", User: "clerk", MaxNameBytes: 63,
		},
		SearchPath: []string{"app", "public"},
		Matviews: []dialect.MatviewDef{{
			Object: dialect.Object{
				ID: 16400, Name: dialect.Name{Schema: "app", Name: "daily"}, Owner: "ada", Comment: "sales by day", Visible: true,
			},
			Columns: []dialect.Column{{Name: "day", Type: "date"}, {Name: "Total, net", Type: "numeric(10,2)"}},
			Indexes: []dialect.Index{
				{Name: "daily_idx", Columns: []string{"day"}, Included: []string{"Total, net"}, Unique: true},
				{Name: "total_idx", Columns: []string{"Total, net"}, Unfit: "it is not unique"},
			},
			Populated: true, MayRefresh: true, Reachable: true, Reads: []int64{16401, 16500},
		}, {
			// Without USAGE on its schema, the role can't refresh it even with the right
			// to.
			Object:  dialect.Object{ID: 16401, Name: dialect.Name{Schema: "locked", Name: "empty"}, Owner: "ada"},
			Columns: []dialect.Column{}, SuperOwner: true,
		}},
		Views: []dialect.ViewDef{{ID: 16500, Name: dialect.Name{Schema: "stats", Name: "Plain View"}, Reads: []int64{16400}}},
		Enums: []dialect.EnumDef{{
			Object: dialect.Object{ID: 16600, Name: dialect.Name{Schema: "app", Name: "mood"}, Owner: "bob", Visible: true},
			Labels: []string{"sad", "so so", "happy"},
		}, {
			Object: dialect.Object{ID: 16601, Name: dialect.Name{Schema: "public", Name: "mood"}, Owner: "bob", HiddenBy: "enum app.mood"},
		}},
		Sequences: []dialect.SequenceDef{{
			Object: dialect.Object{
				ID: 16700, Name: dialect.Name{Schema: "public", Name: "order_no"}, Owner: "bob", Comment: "numbers", Visible: true,
			},
			Type: "bigint", Start: 1, Increment: 1, Min: 1, Max: 1<<63 - 1, Cache: 1,
			Rights: dialect.SequenceRights{Read: true, Next: true, Set: true, Restart: true},
		}, {
			Object: dialect.Object{ID: 16701, Name: dialect.Name{Schema: "public", Name: "orders_id_seq"}, Owner: "bob", Visible: true},
			Type:   "integer", Start: -1, Increment: -2, Min: -100, Max: -1, Cache: 20, Cycle: true, Identity: true,
			OwnedBy: &dialect.ColumnRef{Table: dialect.Name{Schema: "public", Name: "orders"}, Column: "id"},
			KeyOf:   &dialect.ColumnRef{Table: dialect.Name{Schema: "public", Name: "orders"}, Column: "id"},
			Rights:  dialect.SequenceRights{Read: true, Next: true},
		}, {
			Object: dialect.Object{ID: 16702, Name: dialect.Name{Schema: "locked", Name: "tight"}, Owner: "bob"},
			Type:   "smallint", Start: 5, Increment: 1, Min: 1, Max: 32767, Cache: 1,
			OwnedBy: &dialect.ColumnRef{Table: dialect.Name{Schema: "stats", Name: "My T"}, Column: "a.b"},
		}},
	}
	for _, part := range []struct {
		what      string
		got, want any
	}{
		{"server", got.Server, want.Server},
		{"search path", got.SearchPath, want.SearchPath},
		{"materialized views", got.Matviews, want.Matviews},
		{"views", got.Views, want.Views},
		{"enums", got.Enums, want.Enums},
		{"sequences", got.Sequences, want.Sequences},
	} {
		if !reflect.DeepEqual(part.got, part.want) {
			t.Errorf("%s:\n\t%+v\nwant\n\t%+v", part.what, part.got, part.want)
		}
	}
	if sent := server.texts(t); len(sent) != 1 || sent[0] != catalogText(dialect.Filter{}, separator) {
		t.Errorf("Load sent %d statements; want the catalog's, once", len(sent))
	}
}

// The kind's letter gives the word for a hiding object. It differs between relations and
// types.
func TestHiddenBy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ of, kind, want string }{
		{"m", "r", "table app.x"},
		{"m", "p", "partitioned table app.x"},
		{"m", "f", "foreign table app.x"},
		{"m", "v", "view app.x"},
		{"m", "m", "materialized view app.x"},
		{"m", "S", "sequence app.x"},
		{"S", "i", "index app.x"},
		{"S", "I", "index app.x"},
		{"S", "c", "type app.x"},
		{"S", "?", "relation app.x"},
		{"enum", "c", "the row type of app.x"},
		{"enum", "d", "domain app.x"},
		{"enum", "e", "enum app.x"},
		{"enum", "b", "type app.x"},
		{"enum", "r", "range type app.x"},
		{"enum", "m", "multirange type app.x"},
	} {
		kind := "relation"
		if c.of == "enum" {
			kind = "type"
		}
		db, _ := serve(t, func(string) answer {
			return catalogAnswer(
				[]driver.Value{c.of, nil, int64(101), "bob", "", `{16400}`, "x"},
				[]driver.Value{kind, nil, int64(100), nil, c.kind, "{1,2}", "y\x1fx"}, []driver.Value{kind, nil, int64(11), nil, "r", "{3}", "y"},
			)
		})
		cat, err := New().Load(t.Context(), db, dialect.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		var o dialect.Object
		switch c.of {
		case "m":
			o = cat.Matviews[0].Object
		case "S":
			o = cat.Sequences[0].Object
		default:
			o = cat.Enums[0].Object
		}
		if o.HiddenBy != c.want || o.Visible {
			t.Errorf("hider %s of a row %s: hidden by %q, visible %v; want %q, false", c.kind, c.of, o.HiddenBy, o.Visible, c.want)
		}
	}
}

// A malformed row fails the load, and the error names it. Skipping it would be silent.
func TestLoadRejectsMalformedRows(t *testing.T) {
	t.Parallel()
	view := []driver.Value{"m", nil, int64(100), "bob", "", `{7}`, "x"}
	row := func(kind string, rest ...driver.Value) []driver.Value {
		return append(append([]driver.Value{kind}, rest...), make([]driver.Value, 6-len(rest))...)
	}
	for _, c := range []struct {
		rows [][]driver.Value
		want string
	}{
		{[][]driver.Value{row("m")}, `catalog row m: it came before the server's own row`},
		{[][]driver.Value{serverRow, row("z")}, `catalog row z: its kind is unknown`},
		{[][]driver.Value{serverRow, row("m", nil, int64(100), "", "", "{7", "x")}, `catalog row m: array "{7": no braces`},
		{[][]driver.Value{serverRow, row("m", nil, int64(100), "", "", "{7,8}", "x")}, `catalog row m: names and numbers do not match: 2 numbers and 1 names`},
		{[][]driver.Value{serverRow, row("comment", nil, nil, nil, nil, "{7}", "{x")}, `catalog row comment: array "{x": no closing brace`},
		{[][]driver.Value{serverRow, row("comment", nil, nil, nil, nil, "{7,8}", "{x}")}, `catalog row comment: it has 2 numbers and 1 comments`},
		{[][]driver.Value{serverRow, view, row("index", int64(1), nil, "x", "", "{7}", "{9}")}, `catalog row index: strconv.ParseInt: parsing "x": invalid syntax`},
		{[][]driver.Value{serverRow, view, row("index", int64(2), nil, "1", "", "{7}", "{9}")}, `catalog row index: 2 key columns of 1`},
		{[][]driver.Value{serverRow, view, row("index", int64(1), nil, "1", "", "{7}", "{9}"), row("name", nil, nil, nil, nil, "{9}", "i")}, `index i has column number 1 of 0`},
		{[][]driver.Value{serverRow, view, row("index", int64(1), nil, "1", "", "{7}", "{9}")}, `index 9 has no name`},
		{[][]driver.Value{serverRow, row("edge", nil, nil, nil, nil, "{7}", "{x}")}, `catalog row edge: array "{x}": strconv.ParseInt: parsing "x": invalid syntax`},
		{[][]driver.Value{serverRow, row("edge", nil, nil, nil, nil, "{7}", "{8,9}")}, `catalog row edge: it has 1 and 2 numbers`},
		{[][]driver.Value{serverRow, row("number", int64(20), nil, nil, "", "{7}", "{1,1}")}, `catalog row number: it has 2 numbers, not 5`},
		{[][]driver.Value{serverRow, row("number", int64(25), nil, nil, "", "{7}", "{1,1,1,1,1}")}, `catalog row number: its type's oid is 25`},
		{[][]driver.Value{serverRow, row("key", nil, nil, "{x}", nil, "{7}")}, `catalog row key: array "{x}": strconv.ParseInt: parsing "x": invalid syntax`},
		{[][]driver.Value{row("server", int64(1), nil, "", "", `{UTF8,UTF8,db,1,""}`, "{a}")}, `catalog row server: array "{a}": no opening brace`},
		{[][]driver.Value{row("server", int64(1), nil, "", "", `{UTF8,UTF8,db,1,""}`, "{{a,b}}")}, `catalog row server: array "{{a,b}}" has a row of 2 elements, not 5`},
		{[][]driver.Value{row("server", int64(1), nil, "", "", `{UTF8,UTF8,db,1,""}`, "{{x,b,u,1,1}}")}, `catalog row server: strconv.ParseInt: parsing "x": invalid syntax`},
		{[][]driver.Value{row("server", int64(1), nil, "", "", "{UTF8,UTF8,db}", "{}")}, `catalog row server: it has 3 texts`},
		{[][]driver.Value{row("server", int64(1), nil, "", "", "{a", "{}")}, `array "{a": no closing brace`},
		{[][]driver.Value{row("server", int64(1), nil, "", "", "{UTF8}", "{}")}, `the server row has the encodings ["UTF8"], not two`},
		{nil, `the catalog query returned no rows`},
	} {
		db, _ := serve(t, func(string) answer { return answer{rows: c.rows} })
		cat, err := readCatalog(t.Context(), db, dialect.Filter{}, separator)
		if err == nil || err.Error() != c.want || cat != nil {
			t.Errorf("rows %v return %v, error\n\t%v\nwant nil, error\n\t%s", c.rows, cat, err, c.want)
		}
	}
}

// Load does not split a name that contains the separator.
func TestNamesMayContainTheSeparator(t *testing.T) {
	t.Parallel()
	rare := func(names ...string) string { return strings.Join(names, rareSeparator) }
	db, server := serve(t, func(text string) answer {
		label := []driver.Value{"label", nil, nil, nil, nil, "{16600,16600}", "a\x1fb\x1fc"}
		if text == catalogText(dialect.Filter{}, rareSeparator) {
			label[6] = rare("a\x1fb", "c")
		} else if text != catalogText(dialect.Filter{}, separator) {
			t.Errorf("Load sent %s", text)
		}
		return catalogAnswer([]driver.Value{"enum", nil, int64(100), "bob", "e", "{16600}", "mood"}, label)
	})
	cat, err := New().Load(t.Context(), db, dialect.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a\x1fb", "c"}; !slices.Equal(cat.Enums[0].Labels, want) {
		t.Errorf("labels %q, want %q", cat.Enums[0].Labels, want)
	}
	if sent := server.texts(t); len(sent) != 2 {
		t.Errorf("Load sent %d statements, want 2", len(sent))
	}
}

func TestReadCatalogReturnsErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("the connection broke")
	for what, a := range map[string]answer{
		"the statement's":          {err: broken},
		"one after all rows":       {rows: [][]driver.Value{serverRow}, broke: broken},
		"one before the first row": {broke: broken},
	} {
		db, _ := serve(t, func(string) answer { return a })
		if cat, err := readCatalog(t.Context(), db, dialect.Filter{}, separator); err != broken || cat != nil { //nolint:errorlint // it must be the identical error
			t.Errorf("%s error: got %v, error %v; want nil and %v itself, not a shorter catalog", what, cat, err, broken)
		}
	}
	db, _ := serve(t, func(string) answer { return row1("server", "no number", nil, nil, nil, nil, nil) })
	if _, err := readCatalog(t.Context(), db, dialect.Filter{}, separator); err == nil || !strings.Contains(err.Error(), "Scan error on column index 1") {
		t.Errorf("a row that can't be scanned gives %v; want Scan's error", err)
	}
}
