package sqltest_test

// A catalog is the same in the fake and in a database that is filled with it.

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A typed row has fields whose type is not their kind's.
type typed struct {
	At    sql.NullTime
	Then  sql.Null[time.Time]
	Small sql.NullInt16
	Wide  uint64
	Plain uint
	Doc   json.RawMessage
	Bytes []byte
	Mood  string
	Body  []byte
}

var typedColumns = []dialect.Column{
	{Name: "at", Type: "timestamp with time zone"}, {Name: "then", Type: "timestamp with time zone"}, {Name: "small", Type: "smallint"},
	{Name: "wide", Type: "bigint"}, {Name: "plain", Type: "bigint"}, {Name: "doc", Type: "jsonb"}, {Name: "bytes", Type: "bytea"},
	{Name: "mood", Type: "text"}, {Name: "body", Type: "bytea"},
}

// Columns get the types of their fields, into which they go again.
func TestTypesOfFields(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 5, 1, 12, 30, 0, 0, time.UTC)
	rows := []typed{
		{
			sql.NullTime{Time: at, Valid: true}, sql.Null[time.Time]{V: at, Valid: true}, sql.NullInt16{Int16: 3, Valid: true}, 4, 5,
			json.RawMessage(`{"a": "\\"}`), []byte("x\x00"), "ok", []byte("{}"),
		},
		{Doc: json.RawMessage("{}"), Bytes: nil, Mood: "sad", Body: []byte("[]")},
	}
	declared := append([]dialect.Column(nil), typedColumns...)
	declared[7].Type, declared[8].Type = "mood", "json" // what only Columns can say
	onEach(t, sqltest.Catalog{
		Enums:    []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "ok"}}},
		Matviews: []sqltest.Matview{{Name: "a", Rows: rows}, {Name: "b", Rows: rows, Columns: declared}},
	}, func(t *testing.T, p place) {
		for name, columns := range map[string][]dialect.Column{"a": typedColumns, "b": declared} {
			v, err := p.m.Matview(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Columns(); fmt.Sprint(got) != fmt.Sprint(columns) {
				t.Errorf("%s has columns %v, want %v", name, got, columns)
			}
			if err := p.m.Verify(t.Context(), massive.RowsAre[typed](name)); err != nil {
				t.Errorf("rows do not go into what they came from: %v", err)
			}
			var got []typed
			if err := v.Select(t.Context(), &got, ""); err != nil || fmt.Sprint(utc(got)) != fmt.Sprint(rows) {
				t.Errorf("%s holds %v, %v, want %v", name, got, err, rows)
			}
			if len(got) > 1 && got[1].Bytes != nil {
				t.Errorf("nil bytes are %v, not NULL", got[1].Bytes)
			}
		}
	})
}

// utc are the rows with their times where the drivers' may be anywhere.
func utc(rows []typed) []typed {
	for i := range rows {
		rows[i].At.Time, rows[i].Then.V = rows[i].At.Time.UTC(), rows[i].Then.V.UTC()
	}
	return rows
}

// No rows are none, and other columns are refused.
func TestSetRowsToNone(t *testing.T) {
	t.Parallel()
	onEach(t, viewAndSequence, func(t *testing.T, p place) {
		if says := told(func(t testing.TB) {
			p.do(t, sqltest.SetRows{Matview: "v", Rows: []struct{ Other int64 }{{7}}})
		}); !strings.Contains(says, "view public.v has columns [{n bigint}], and the rows [{other bigint}]") {
			t.Errorf("rows of other columns: %q", says)
		}
		p.do(t, sqltest.SetRows{Matview: "v"})
		v, err := p.m.Matview("v")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := v.Count(t.Context(), ""); err != nil || n != 0 {
			t.Errorf("the view has %d rows, %v", n, err)
		}
	})
}

// What the server says of a catalog that can't be is said of a structure.
func TestFillNamesWhatCannotBe(t *testing.T) {
	t.Parallel()
	d := pgtest.NewDatabase(t)
	for says, c := range map[string]sqltest.Catalog{
		"public.b: ERROR: could not create unique index": {Matviews: []sqltest.Matview{
			{Name: "a", Rows: []pair{{1, "x"}}}, {Name: "b", Rows: []pair{{1, "x"}, {1, "y"}}, Unique: []string{"n"}}, {Name: "c", Rows: []pair{}},
		}},
		`public.v: ERROR: type "nosuch" does not exist`: {Matviews: []sqltest.Matview{{Name: "v", Columns: []dialect.Column{{Name: "a", Type: "nosuch"}}}}},
		"view public.v: its columns are [{a text}]":     {Matviews: []sqltest.Matview{{Name: "v", Columns: []dialect.Column{{Name: "a", Type: "text"}}, Rows: []pair{}}}},
	} {
		if err := d.FillContext(t.Context(), c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}
