package tabulate_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest/internal/tabulate"
)

// Key, Stamp and inner are embedded in the rows of the tests.
type (
	Key   struct{ ID int64 }
	Stamp struct {
		At *time.Time `db:"made_at"`
	}
	inner struct{ Note sql.NullString }
)

func TestSlice(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 5, 1, 12, 0, 0, 1, time.FixedZone("", 3600))
	kept := at.Round(time.Microsecond).UTC()
	type plain struct {
		Name   string `db:"label"`
		Count  int32
		Left   bool `db:"-"`
		hidden int
	}
	type embedding struct {
		Key
		Name string
		*Stamp
		inner
	}
	type shadowing struct {
		Key
		ID string
	}
	type blob []byte
	type typed struct {
		A    sql.NullTime
		B    sql.Null[time.Time]
		C    sql.Null[float32]
		D    sql.NullInt32
		E    *sql.NullByte
		F, G json.RawMessage
		H    blob
		I    []byte
		J    uint
		K    uint64
		L    sql.Null[string]
	}
	type nested struct {
		Key Key `db:"key"`
		N   int16
	}
	for name, c := range map[string]struct {
		given   any
		columns []dialect.Column
		rows    [][]driver.Value
		says    string
	}{
		"plain": {
			given:   []plain{{"a", 1, true, 2}},
			columns: []dialect.Column{{Name: "label", Type: "text"}, {Name: "count", Type: "integer"}},
			rows:    [][]driver.Value{{"a", int64(1)}},
		},
		"pointers": {
			given:   []*Key{{1}, {2}},
			columns: []dialect.Column{{Name: "id", Type: "bigint"}},
			rows:    [][]driver.Value{{int64(1)}, {int64(2)}},
		},
		"embedded, as declared": {
			given: []embedding{{Key{1}, "x", &Stamp{&at}, inner{sql.NullString{String: "n", Valid: true}}}, {Key: Key{2}}},
			columns: []dialect.Column{
				{Name: "id", Type: "bigint"}, {Name: "name", Type: "text"},
				{Name: "made_at", Type: "timestamp with time zone"}, {Name: "note", Type: "text"},
			},
			rows: [][]driver.Value{{int64(1), "x", kept, "n"}, {int64(2), "", nil, nil}},
		},
		"of several types": {
			given: []typed{{
				sql.NullTime{Time: at, Valid: true}, sql.Null[time.Time]{V: at, Valid: true}, sql.Null[float32]{}, sql.NullInt32{Int32: 7, Valid: true},
				&sql.NullByte{Byte: 8, Valid: true}, json.RawMessage("{}"), nil, blob("x"), nil, 9, 10, sql.Null[string]{},
			}},
			columns: []dialect.Column{
				{Name: "a", Type: "timestamp with time zone"}, {Name: "b", Type: "timestamp with time zone"}, {Name: "c", Type: "real"},
				{Name: "d", Type: "integer"}, {Name: "e", Type: "smallint"}, {Name: "f", Type: "jsonb"}, {Name: "g", Type: "jsonb"},
				{Name: "h", Type: "bytea"}, {Name: "i", Type: "bytea"}, {Name: "j", Type: "bigint"}, {Name: "k", Type: "bigint"},
				{Name: "l", Type: "text"},
			},
			rows: [][]driver.Value{{kept, kept, nil, int64(7), int64(8), []byte("{}"), nil, []byte("x"), nil, int64(9), int64(10), nil}},
		},
		"the outer of two": {
			given:   []shadowing{{Key{1}, "x"}},
			columns: []dialect.Column{{Name: "id", Type: "text"}},
			rows:    [][]driver.Value{{"x"}},
		},
		"none":             {given: []Key{}, columns: []dialect.Column{{Name: "id", Type: "bigint"}}, rows: [][]driver.Value{}},
		"nothing":          {},
		"a field of more":  {given: []nested{{}}, says: "row 0, column key: "},
		"a nil":            {given: []*Key{{1}, nil}, says: "row 1 is nil"},
		"no slice":         {given: Key{}, says: "rows are a slice of structs, not tabulate_test.Key"},
		"no structs":       {given: []int{1}, says: "rows are a slice of structs, not []int"},
		"pointers to them": {given: []**Key{}, says: "rows are a slice of structs, not []**tabulate_test.Key"},
	} {
		columns, rows, err := tabulate.Slice(c.given)
		switch {
		case c.says != "":
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: got %v, want an error that says %q", name, err, c.says)
			}
		case err != nil || !reflect.DeepEqual(columns, c.columns) || !reflect.DeepEqual(rows, c.rows):
			t.Errorf("%s: got %v, %v, %v, want %v, %v", name, columns, rows, err, c.columns, c.rows)
		}
	}
}
