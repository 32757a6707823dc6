package postgres

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

func TestCatalogText(t *testing.T) {
	t.Parallel()
	branches := map[string]string{
		"server": "current_setting('server_version')", "matviews": "SELECT 'm'", "views": "SELECT 'v'",
		"enums": "SELECT 'e'", "sequences": "SELECT 's'",
	}
	for _, c := range []struct {
		kinds []dialect.Kind
		want  []string
	}{
		{nil, []string{"server", "matviews", "views", "enums", "sequences"}},
		{[]dialect.Kind{dialect.KindMatview}, []string{"server", "matviews", "views"}},
		{[]dialect.Kind{dialect.KindEnum}, []string{"server", "enums"}},
		{[]dialect.Kind{dialect.KindSequence}, []string{"server", "sequences"}},
		{[]dialect.Kind{dialect.KindSequence, dialect.KindMatview}, []string{"server", "matviews", "views", "sequences"}},
	} {
		text := catalogText(dialect.Filter{Kinds: c.kinds})
		from := 0
		for _, branch := range c.want {
			at := strings.Index(text[from:], branches[branch])
			if at < 0 {
				t.Errorf("kinds %v: branch %s is not there, or not in its place; want %v", c.kinds, branch, c.want)
				break
			}
			from += at
		}
		for branch, sign := range branches {
			if want := slices.Contains(c.want, branch); strings.Contains(text, sign) != want {
				t.Errorf("kinds %v: branch %s is there: %v; want %v", c.kinds, branch, !want, want)
			}
		}
		if got, want := strings.Count(text, "\nUNION ALL\nSELECT "), len(c.want)-1; got != want {
			t.Errorf("kinds %v: %d times UNION ALL; want %d, between the branches", c.kinds, got, want)
		}
		if !strings.HasPrefix(text, "WITH path AS") || !strings.HasSuffix(strings.TrimSpace(text), "FETCH FIRST 1 ROW WITH TIES") {
			t.Errorf("kinds %v: the statement's head or tail is not in its place", c.kinds)
		}
		if strings.Contains(text, "\nUNION ALL\n)") || strings.Contains(text, "(\nUNION ALL") {
			t.Errorf("kinds %v: a UNION ALL stands at an end", c.kinds)
		}
		for _, never := range []string{"--", "/*", "$1", "?", ";"} {
			if strings.Contains(text, never) {
				t.Errorf("kinds %v: the statement has a %s: no comments, no parameters, one statement", c.kinds, never)
			}
		}
	}
	// Patterns are the core's business.
	p, err := dialect.ParsePattern("x.*")
	if err != nil {
		t.Fatal(err)
	}
	if f := (dialect.Filter{Include: []dialect.Pattern{p}, Exclude: []dialect.Pattern{p}}); catalogText(f) != catalogText(dialect.Filter{}) {
		t.Errorf("patterns change the catalog statement; the core applies them")
	}
}

func TestParseIndex(t *testing.T) {
	t.Parallel()
	columns := []dialect.Column{{Name: "day"}, {Name: "shop"}, {Name: "total"}}
	for _, c := range []struct {
		flags, keys, numbers string
		want                 dialect.Index
	}{
		{"uiv", "1", "1", dialect.Index{Columns: []string{"day"}, Unique: true}},
		{"uiv", "2", "2 1", dialect.Index{Columns: []string{"shop", "day"}, Unique: true}},
		{"uiv", "1", "3 1 2", dialect.Index{Columns: []string{"total"}, Included: []string{"day", "shop"}, Unique: true}},
		{"iv", "1", "1", dialect.Index{Columns: []string{"day"}, Unfit: "it is not unique"}},
		{"ivpx", "1", "0", dialect.Index{Columns: []string{""}, Unfit: "it is not unique"}},
		{"uivp", "1", "1", dialect.Index{Columns: []string{"day"}, Unique: true, Unfit: "it is partial (it has a WHERE)"}},
		{"uivx", "2", "0 1", dialect.Index{Columns: []string{"", "day"}, Unique: true, Unfit: "it is on an expression"}},
		{"ui", "1", "1", dialect.Index{Columns: []string{"day"}, Unique: true, Unfit: "it is invalid (its build failed)"}},
		{"uv", "1", "1", dialect.Index{Columns: []string{"day"}, Unique: true, Unfit: "it is checked late (deferrable)"}},
	} {
		c.want.Name = "some_idx"
		got, err := parseIndex(columns, "some_idx", c.flags, c.keys, c.numbers)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("parseIndex(flags %s, keys %s, numbers %s) =\n\t%#v, %v\nwant\n\t%#v", c.flags, c.keys, c.numbers, got, err, c.want)
		}
	}
	for _, c := range []struct{ keys, numbers, want string }{
		{"x", "1", `strconv.Atoi: parsing "x": invalid syntax`},
		{"1", "4", `index some_idx has column number 4 of 3`},
		{"1", "1 x", `index some_idx has column number x of 3`},
	} {
		if _, err := parseIndex(columns, "some_idx", "uiv", c.keys, c.numbers); err == nil || err.Error() != c.want {
			t.Errorf("parseIndex(keys %s, numbers %s): error %v; want %s", c.keys, c.numbers, err, c.want)
		}
	}
}

// serverRow is the first row of every catalog: PostgreSQL 15.18, schemas app and public on the search path, stats off
// it, and locked, which the role may not use.
var serverRow = []driver.Value{
	"d", int64(150018), int64(63), "shop", "clerk", "15.18 (Debian)", "", "{UTF8,LATIN1}",
	`{app,public}`, `{{100,app,u},{101,public,u},{102,stats,u},{103,locked,""}}`, nil,
}

func catalogAnswer(rows ...[]driver.Value) answer {
	return answer{rows: append([][]driver.Value{serverRow}, rows...)}
}

func TestLoadReadsTheCatalog(t *testing.T) {
	t.Parallel()
	db, server := serve(t, func(string) answer {
		return catalogAnswer(
			[]driver.Value{
				"m", int64(16400), int64(100), "daily", "ada", "sales by day", "pvr", nil,
				`{{day,"\"date\"",o},{"Total, net","numeric(10,2)",o}}`, `{{daily_idx,uiv,1,1 2},{total_idx,ivp,1,2}}`, `{16500,16401}`,
			},
			[]driver.Value{"m", int64(16401), int64(103), "empty", "ada", nil, "r", nil, `{}`, nil, `{}`},
			[]driver.Value{"v", int64(16500), int64(102), "Plain View", nil, nil, nil, nil, nil, nil, `{16400}`},
			[]driver.Value{"e", int64(16600), int64(100), "mood", "bob", nil, "v", nil, `{sad,"so so",happy}`, nil, nil},
			[]driver.Value{"e", int64(16601), int64(101), "mood", "bob", nil, "", "eapp", `{}`, nil, nil},
			[]driver.Value{
				"s", int64(16700), int64(101), "order_no", "bob", "numbers", "vrnsx", nil, `{20,1,1,1,9223372036854775807,1}`, nil, nil,
			},
			[]driver.Value{
				"s", int64(16701), int64(101), "orders_id_seq", "bob", nil, "yvirn", nil, `{23,-1,-2,-100,-1,20}`,
				`{101,orders,id}`, `{101,orders,id}`,
			},
			[]driver.Value{"s", int64(16702), int64(103), "tight", "bob", nil, "rnsx", nil, `{21,5,1,1,32767,1}`, `{102,"My T","a.b"}`, nil},
			[]driver.Value{"e", int64(16800), int64(11), "of_the_system", "x", nil, "", nil, `{a}`, nil, nil},
			[]driver.Value{"z", int64(16801), int64(11), "of_the_system", "x", nil, "", nil, nil, nil, nil},
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
			Populated: true, MayRefresh: true, Reachable: true, Reads: []int64{16500, 16401},
		}, {
			// Without USAGE on its schema the role can't refresh it, whatever its rights on it.
			Object:  dialect.Object{ID: 16401, Name: dialect.Name{Schema: "locked", Name: "empty"}, Owner: "ada"},
			Columns: []dialect.Column{},
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
	if sent := server.texts(t); len(sent) != 1 || sent[0] != catalogText(dialect.Filter{}) {
		t.Errorf("Load sent %d statements; want the catalog's, once", len(sent))
	}
}

func TestStandby(t *testing.T) {
	t.Parallel()
	var rd reading
	if err := rd.add(&row{kind: sql.RawBytes("d"), id: 130000, flags: sql.RawBytes("s")}); err != nil {
		t.Fatal(err)
	}
	if s := rd.catalog().Server; !s.Standby || s.Major != 13 {
		t.Errorf("server %+v; want a standby of major 13", s)
	}
}

func text(s string) sql.NullString { return sql.NullString{String: s, Valid: true} }

// What hides an object is told by its kind's letter, which means one thing for relations and another for types.
func TestHiddenBy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, hider, want string
	}{
		{"m", "rapp", "table app.x"},
		{"m", "papp", "partitioned table app.x"},
		{"m", "fapp", "foreign table app.x"},
		{"m", "vapp", "view app.x"},
		{"m", "mapp", "materialized view app.x"},
		{"m", "SMy Schema", `sequence "My Schema".x`},
		{"m", "iapp", "index app.x"},
		{"m", "Iapp", "index app.x"},
		{"s", "capp", "type app.x"},
		{"s", "tpg_toast", "TOAST table pg_toast.x"},
		{"s", "?app", "relation app.x"},
		{"e", "capp", "the row type of app.x"},
		{"e", "dapp", "domain app.x"},
		{"e", "eapp", "enum app.x"},
		{"e", "bpg_catalog", "type pg_catalog.x"},
		{"e", "papp", "pseudo-type app.x"},
		{"e", "rapp", "range type app.x"},
		{"e", "mapp", "multirange type app.x"},
		{"e", "", ""},
	} {
		rd := reading{schemas: map[int64]schema{1: {"public", true}}, searchPath: []string{"app", "public"}}
		r := row{kind: sql.RawBytes(c.kind), id: 9, ns: sql.NullInt64{Int64: 1, Valid: true}, name: "x", hider: text(c.hider)}
		if c.kind == "s" {
			r.a = text("{20,1,1,1,9,1}")
		}
		if err := rd.add(&r); err != nil {
			t.Errorf("hider %q of a row %s: %v", c.hider, c.kind, err)
			continue
		}
		var o dialect.Object
		switch c.kind {
		case "m":
			o = rd.catalog().Matviews[0].Object
		case "e":
			o = rd.catalog().Enums[0].Object
		case "s":
			o = rd.catalog().Sequences[0].Object
		}
		if o.HiddenBy != c.want || o.Visible {
			t.Errorf("hider %q of a row %s: hidden by %q, visible %v; want %q, false", c.hider, c.kind, o.HiddenBy, o.Visible, c.want)
		}
	}
}

// A row that is not as it should be stops the load and is named: a shorter list would be a silent lie.
func TestLoadRefusesOddRows(t *testing.T) {
	t.Parallel()
	at := func(values ...driver.Value) []driver.Value {
		return append(values, make([]driver.Value, 11-len(values))...)
	}
	matview := func(columns, indexes, reads string) []driver.Value {
		return []driver.Value{"m", int64(7), int64(100), "x", "", nil, "", nil, columns, indexes, reads}
	}
	sequence := func(numbers string, owned, key driver.Value) []driver.Value {
		return []driver.Value{"s", int64(7), int64(100), "x", "", nil, "", nil, numbers, owned, key}
	}
	const numbers = `{20,1,1,1,9,1}`
	for _, c := range []struct {
		rows [][]driver.Value
		want string
	}{
		{[][]driver.Value{at("e", int64(7), int64(100), "x")}, `catalog row e 7 "x": it came before the server's own row`},
		{[][]driver.Value{serverRow, at("z", int64(7), int64(100), "x")}, `catalog row z 7 "x": its kind is unknown`},
		{[][]driver.Value{serverRow, {"e", int64(7), int64(100), "x", nil, nil, nil, nil, "{a", nil, nil}}, `catalog row e 7 "x": array "{a": no closing brace`},
		{[][]driver.Value{serverRow, {"v", int64(7), int64(100), "x", nil, nil, nil, nil, nil, nil, "{a}"}}, `catalog row v 7 "x": array "{a}": strconv.ParseInt: parsing "a": invalid syntax`},
		{[][]driver.Value{serverRow, matview("{a}", "", "")}, `catalog row m 7 "x": array "{a}": no opening brace`},
		{[][]driver.Value{serverRow, matview("{{a,b}}", "", "")}, `catalog row m 7 "x": array "{{a,b}}" has a row of 2 elements, not 3`},
		{[][]driver.Value{serverRow, matview("{{a,b,-}}", "{{a,b}}", "")}, `catalog row m 7 "x": array "{{a,b}}" has a row of 2 elements, not 4`},
		{[][]driver.Value{serverRow, matview("{{a,b,-}}", "{{i,uiv,1,2}}", "")}, `catalog row m 7 "x": index i has column number 2 of 1`},
		{[][]driver.Value{serverRow, matview("{{a,b,-}}", "", "{x}")}, `catalog row m 7 "x": array "{x}": strconv.ParseInt: parsing "x": invalid syntax`},
		{[][]driver.Value{serverRow, sequence("{20,1}", nil, nil)}, `catalog row s 7 "x": it has 2 numbers, not 6`},
		{[][]driver.Value{serverRow, sequence("{x}", nil, nil)}, `catalog row s 7 "x": array "{x}": strconv.ParseInt: parsing "x": invalid syntax`},
		{[][]driver.Value{serverRow, sequence("{25,1,1,1,9,1}", nil, nil)}, `catalog row s 7 "x": its type's oid is 25`},
		{[][]driver.Value{serverRow, sequence(numbers, "{1,t}", nil)}, `catalog row s 7 "x": its column "{1,t}" has 2 parts, not 3`},
		{[][]driver.Value{serverRow, sequence(numbers, nil, "{1,t")}, `catalog row s 7 "x": array "{1,t": no closing brace`},
		{[][]driver.Value{serverRow, sequence(numbers, nil, "{x,t,c}")}, `catalog row s 7 "x": strconv.ParseInt: parsing "x": invalid syntax`},
		{[][]driver.Value{{"d", int64(1), nil, "db", nil, nil, nil, "{UTF8,UTF8}", "{a", nil, nil}}, `catalog row d 1 "db": array "{a": no closing brace`},
		{[][]driver.Value{{"d", int64(1), nil, "db", nil, nil, nil, "{UTF8,UTF8}", nil, "{{a,b}}", nil}}, `catalog row d 1 "db": array "{{a,b}}" has a row of 2 elements, not 3`},
		{[][]driver.Value{{"d", int64(1), nil, "db", nil, nil, nil, "{UTF8,UTF8}", nil, "{{a,b,u}}", nil}}, `catalog row d 1 "db": strconv.ParseInt: parsing "a": invalid syntax`},
		{[][]driver.Value{{"d", int64(1), nil, "db", nil, nil, nil, "{a", nil, nil, nil}}, `array "{a": no closing brace`},
		{[][]driver.Value{{"d", int64(1), nil, "db", nil, nil, nil, "{UTF8}", nil, nil, nil}}, `the server row has the encodings ["UTF8"], not two`},
		{nil, `the catalog came back empty`},
	} {
		db, _ := serve(t, func(string) answer { return answer{rows: c.rows} })
		cat, _, err := readCatalog(t.Context(), db, "the catalog")
		if err == nil || err.Error() != c.want || cat != nil {
			t.Errorf("rows %v give %v, error\n\t%v\nwant nil, error\n\t%s", c.rows, cat, err, c.want)
		}
	}
}

func TestReadCatalogPassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("the connection broke")
	for what, a := range map[string]answer{
		"the statement's":          {err: broken},
		"one behind all rows":      {rows: [][]driver.Value{serverRow}, broke: broken},
		"one before the first row": {broke: broken},
	} {
		db, _ := serve(t, func(string) answer { return a })
		if cat, _, err := readCatalog(t.Context(), db, ""); err != broken || cat != nil { //nolint:errorlint // the very same
			t.Errorf("%s error: got %v, error %v; want nil and %v itself: a broken stream is no shorter catalog", what, cat, err, broken)
		}
	}
	db, _ := serve(t, func(string) answer { return row1("d", "no number", nil, "", nil, nil, nil, nil, nil, nil, nil) })
	if _, _, err := readCatalog(t.Context(), db, ""); err == nil || !strings.Contains(err.Error(), "Scan error on column index 1") {
		t.Errorf("a row that can't be scanned gives %v; want Scan's error", err)
	}
}

// A server that is promoted while the statement runs is a standby in the sight as long as it is one in the picture.
func TestLoadSeenWhilePromoted(t *testing.T) {
	t.Parallel()
	for _, standby := range []bool{true, false} {
		first := slices.Clone(serverRow)
		var later int64 = 1
		if standby {
			first[6], later = "s", 0
		}
		db, _ := serve(t, func(string) answer {
			return answer{rows: [][]driver.Value{
				first, {"f", later, nil, "standby", nil, nil, nil, nil, nil, nil, nil}, {"f", int64(7), nil, "server", nil, "x", nil, nil, nil, nil, nil},
			}}
		})
		_, seen, err := postgres{}.LoadSeen(t.Context(), db, dialect.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		now, err := decodeSight(seen)
		if err != nil {
			t.Fatal(err)
		}
		if got := now.Prints[standbyPart] != ""; got != standby {
			t.Errorf("the sight has a standby: %v; want %v", got, standby)
		}
	}
}
