package sqltest_test

// A catalog means the same in the fake and in a database that pgtest fills with it.

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A typed row has fields of named types.
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

// A column has the type of its field, and its values scan into the field.
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
	declared[7].Type, declared[8].Type = "mood", "json" // types that only Columns can set
	onEach(t, sqltest.Catalog{
		Enums:    []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "ok"}}},
		Matviews: []sqltest.Matview{{Name: "a", Rows: rows}, {Name: "b", Rows: rows, Columns: declared}},
	}, func(t *testing.T, p place) {
		for name, columns := range map[string][]dialect.Column{"a": typedColumns, "b": declared} {
			v := found(t, p.m.Matview, name)
			if got := v.Columns(); fmt.Sprint(got) != fmt.Sprint(columns) {
				t.Errorf("%s: got columns %v, want %v", name, got, columns)
			}
			if err := p.m.Verify(t.Context(), massive.RowsAre[typed](name)); err != nil {
				t.Errorf("Verify of the row type: got error %v, want none", err)
			}
			var got []typed
			if err := v.Select(t.Context(), &got, ""); err != nil || fmt.Sprint(utc(got)) != fmt.Sprint(rows) {
				t.Errorf("%s: got rows %v, %v, want %v", name, got, err, rows)
			}
			if len(got) > 1 && got[1].Bytes != nil {
				t.Errorf("nil bytes: got %v, want NULL", got[1].Bytes)
			}
		}
	})
}

// utc converts the times of rows to UTC, since drivers return other zones.
func utc(rows []typed) []typed {
	for i := range rows {
		rows[i].At.Time, rows[i].Then.V = rows[i].At.Time.UTC(), rows[i].Then.V.UTC()
	}
	return rows
}

// SetRows with nil means no rows. Rows with other columns are rejected.
func TestSetRowsToNone(t *testing.T) {
	t.Parallel()
	onEach(t, viewAndSequence, func(t *testing.T, p place) {
		if says := failureOf(func(t testing.TB) {
			p.do(t, sqltest.SetRows{Matview: "v", Rows: []struct{ Other int64 }{{7}}})
		}); !strings.Contains(says, "view public.v has columns [{n bigint}], and the rows [{other bigint}]") {
			t.Errorf("rows with other columns: got failure %q", says)
		}
		p.do(t, sqltest.SetRows{Matview: "v"})
		v := found(t, p.m.Matview, "v")
		if _, err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := v.Count(t.Context(), ""); err != nil || n != 0 {
			t.Errorf("after SetRows with nil: got %d rows, %v, want 0", n, err)
		}
	})
}

// If a catalog is invalid, the server's error names the structure.
func TestFillNamesTheInvalidStructure(t *testing.T) {
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

// The fake rejects catalogs that Postgres rejects.
func TestFakeRejectsWhatPostgresRejects(t *testing.T) {
	t.Parallel()
	text := func(kind string) []dialect.Column { return []dialect.Column{{Name: "s", Type: kind}} }
	holding := func(kind, value string) sqltest.Catalog {
		return sqltest.Catalog{
			Enums:    []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}}},
			Matviews: []sqltest.Matview{{Name: "v", Columns: text(kind), Rows: []struct{ S string }{{value}}}},
		}
	}
	column := func(enums ...string) (all []sqltest.Enum) {
		for _, name := range enums {
			all = append(all, sqltest.Enum{Name: name, UsedBy: []sqltest.EnumColumn{{Column: "t.x"}}})
		}
		return all
	}
	d := pgtest.NewDatabase(t)
	for says, c := range map[string]sqltest.Catalog{
		"it is a primary key and already has the value 3":                 {Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "t.id", Holds: []int64{3, 3}}}},
		"it can't be a primary key, because it has the value 3 twice":     {Sequences: []sqltest.Sequence{{Name: "s", OwnedBy: "t.id", Holds: []int64{3, 3}}, {Name: "q", KeyOf: "t.id"}}},
		"its table already has the primary key public.t.id":               {Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "t.id"}, {Name: "q", KeyOf: "t.no"}}},
		"the column public.t.x is already of the enum public.a":           {Enums: column("a", "b")},
		"column public.t.x: it already has the enum public.a as its type": {Enums: column("a"), Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "t.x"}}},
		"whose table is in another schema":                                {Sequences: []sqltest.Sequence{{Name: "s", OwnedBy: "app.t.id"}}},
		"so the test's role owns the sequence and can restart it":         {Sequences: []sqltest.Sequence{{Name: "s", OwnedBy: "t.id", Rights: &dialect.SequenceRights{Read: true}}}},
		`two columns are named "s"`:                                       {Matviews: []sqltest.Matview{{Name: "v", Columns: append(text("text"), text("text")...)}}},
		`column "s" has type integer, but a row has the value "x"`:        holding("integer", "x"),
		`type smallint, but a row has the value "32768"`:                  holding("smallint", "32768"),
		`type numeric(10,2), but a row has the value ""`:                  holding("numeric(10,2)", ""),
		`type boolean, but a row has the value "perhaps"`:                 holding("boolean", "perhaps"),
		`type jsonb, but a row has the value "{"`:                         holding("jsonb", "{"),
		`type mood, but a row has the value "merry"`:                      holding("mood", "merry"),
		`type timestamp with time zone, but a row has the value "true"`:   {Matviews: []sqltest.Matview{{Name: "v", Columns: text("timestamp with time zone"), Rows: []struct{ S bool }{{true}}}}},
		"takes a value from the sequence public.s: sqltest: nextval: r":   {Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "t.id", Max: 2}, {Name: "q", OwnedBy: "t.no", Holds: []int64{7, 8, 9}}}},
		"it is a primary key and already has the value 1":                 {Sequences: []sqltest.Sequence{{Name: "s", KeyOf: "t.id", Holds: []int64{1}}, {Name: "q", OwnedBy: "t.no", Holds: []int64{7}}}},
	} {
		f := sqltest.New(c)
		_, err := massive.Load(t.Context(), f.DB(), f)
		if !errors.Is(err, massive.ErrInvalid) || !strings.Contains(err.Error(), strings.TrimSpace(says)) {
			t.Errorf("got %v, want ErrInvalid with the text %q", err, says)
		}
		if err := d.FillContext(t.Context(), c); err == nil {
			t.Errorf("Postgres accepted the catalog of %q, want an error", says)
			noError(t, d.Clear(t.Context()))
		}
	}
}

// The fake and Postgres accept unusual texts of a type.
func TestValuesThatFit(t *testing.T) {
	t.Parallel()
	type row struct {
		A, B, C, D string
		E          int64
		F          []byte
	}
	c := sqltest.Catalog{
		Enums: []sqltest.Enum{{Name: "mood", Labels: []string{" sad"}}},
		Matviews: []sqltest.Matview{{
			Name: "v", Rows: []row{{" 5 ", "NaN", "On", " sad", 7, []byte("1.5")}},
			Columns: []dialect.Column{
				{Name: "a", Type: "integer"}, {Name: "b", Type: "numeric"}, {Name: "c", Type: "boolean"}, {Name: "d", Type: "public.mood"},
				{Name: "e", Type: "text"}, {Name: "f", Type: "real"},
			},
		}},
	}
	f := sqltest.New(c)
	load(t, f)
	pgtest.NewDatabase(t).Fill(t, c)
	if said := failureOf(func(t testing.TB) {
		f.Do(t, sqltest.SetRows{Matview: "v", Rows: []row{{A: "five", B: "1", C: "t", D: " sad", F: []byte("1")}}})
	}); !strings.Contains(said, `view public.v: column "a" has type integer, but a row has the value "five"`) {
		t.Errorf("rows that do not fit: got failure %q", said)
	}
}

// Inserting a value for one column takes values from the sequences that feed the other
// columns.
func TestRowsDrawOnSequences(t *testing.T) {
	t.Parallel()
	onEach(t, sqltest.Catalog{Sequences: []sqltest.Sequence{
		{Name: "key", KeyOf: "t.id", Cache: 3}, {Name: "fed", Feeds: []string{"t.seen", "u.seen"}, Increment: 10}, {Name: "no", Feeds: []string{"t.no"}, Holds: []int64{5}},
	}}, func(t *testing.T, p place) {
		p.do(t, sqltest.Insert{Column: "t.no", Value: 6}, sqltest.Insert{Column: "u.seen", Value: 7}, sqltest.Insert{Column: "t.id", Value: 9})
		for name, want := range map[string]string{
			"key": "public.t.id is at 9, and its sequence is behind: the next value is 4",
			"fed": "public.t.seen is at 21, and its sequence is not behind: the next value is 31",
			"no":  "public.t.no is at 6, and its sequence is behind: the next value is 2",
		} {
			s := found(t, p.m.Sequence, name)
			if lag, err := s.Lag(t.Context()); err != nil || fmt.Sprint(lag) != want {
				t.Errorf("%s: %v, %v, want %s", name, lag, err, want)
			}
		}
	})
}

// Insert waits for a restart of a sequence that feeds another column.
func TestInsertWaitsForRestart(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "key", KeyOf: "t.id"}, {Name: "no", OwnedBy: "t.no"}}})
	m, err := massive.Load(t.Context(), f.DB(), f, massive.WithKeySequences())
	noError(t, err)
	tx, err := f.DB().BeginTx(t.Context(), nil)
	noError(t, err)
	defer tx.Rollback()
	noError(t, sequenceOp("key", restarted)(t.Context(), m.With(tx)))
	f.Do(t, sqltest.Insert{Column: "t.id", Value: 5})
	if said := failureOf(func(t testing.TB) { f.Do(t, sqltest.Insert{Column: "t.no", Value: 5}) }); !strings.Contains(said, "public.key is locked by") {
		t.Errorf("got failure %q", said)
	}
}
