package postgres

import (
	"database/sql/driver"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

func TestEnumColumnsReadsRows(t *testing.T) {
	t.Parallel()
	mood := dialect.Name{Schema: "app", Name: "mood"}
	head := []driver.Value{"e", "", "", "", "150018", false, "{}"}
	for says, c := range map[string]struct {
		answer answer
		want   int
	}{
		"":                  {answer{rows: [][]driver.Value{head, {"r", "app", "t", "c", "mood[]", true, `{{app,"a d"},{x,y}}`}}}, 1},
		"no rows":           {answer{}, 0},
		"connection lost":   {answer{rows: [][]driver.Value{head}, broke: errors.New("connection lost")}, 0},
		"a row of":          {answer{rows: [][]driver.Value{head, {"r", "app", "t", "c", "mood", false, `{{app}}`}}}, 0},
		"rejected":          {answer{err: errors.New("rejected")}, 0},
		"expected 7 destin": {answer{rows: [][]driver.Value{{"e"}}}, 0},
		`parsing "x"`:       {answer{rows: [][]driver.Value{{"e", "", "", "", "x", false, "{}"}}}, 0},
	} {
		db, _ := serve(t, func(string) answer { return c.answer })
		got, err := postgres{}.EnumColumns(t.Context(), db, mood)
		if says == "" {
			want := dialect.EnumColumn{
				Relation: dialect.Name{Schema: "app", Name: "t"}, Kind: "table", Column: "c", Type: "mood[]", Array: true,
				Through: []dialect.Name{{Schema: "app", Name: "a d"}, {Schema: "x", Name: "y"}},
			}
			if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
				t.Errorf("got %+v, %v", got, err)
			}
			continue
		}
		if err == nil || len(got) != 0 || !strings.Contains(err.Error(), says) && says != "expected 7 destin" {
			t.Errorf("%s: got %v, %v", says, got, err)
		}
	}
}

func TestClassifyEnum(t *testing.T) {
	t.Parallel()
	def := &dialect.EnumDef{Object: dialect.Object{Name: dialect.Name{Schema: "app", Name: "mood"}}, Labels: []string{"sad", "ok"}}
	for _, c := range []struct {
		op          dialect.Op
		state, text string
		routine     string
		want        error
		says        string
	}{
		{op: dialect.OpAddLabel, state: "42710", want: dialect.ErrLabelExists},
		{op: dialect.OpRenameLabel, state: "42710", want: dialect.ErrLabelExists},
		{op: dialect.OpAddLabel, state: "22023", want: dialect.ErrLabelUnknown, says: `its labels were ["sad" "ok"]`},
		{op: dialect.OpAddLabel, state: "42704", want: dialect.ErrNotFound, says: "Reload"},
		{op: dialect.OpAddLabel, state: "42809", want: dialect.ErrNotFound},
		{op: dialect.OpAddLabel, state: "3F000", want: dialect.ErrNotFound},
		{op: dialect.OpRenameLabel, state: "42501", want: dialect.ErrPermission, says: "must be its owner"},
		{op: dialect.OpAddLabel, state: "25006", want: dialect.ErrReadOnly},
		{op: dialect.OpAddLabel, state: "55P03", want: dialect.ErrBusy},
		{op: dialect.OpAddLabel, state: "25P02", want: dialect.ErrTxAborted},
		{op: dialect.OpAddLabel, state: "55P04", want: dialect.ErrLabelUncommitted, says: "commit before"},
		{op: dialect.OpUseLabel, state: "55P04", want: dialect.ErrLabelUncommitted},
		{op: dialect.OpUseLabel, state: "22P02", text: `invalid input value for enum app.mood: "x"`, routine: "enum_in", want: dialect.ErrLabelUnknown, says: "sad"},
		{op: dialect.OpUseLabel, state: "22P02", text: `ungültiger Eingabewert für Enum mood: »x«`, routine: "enum_in", want: dialect.ErrLabelUnknown, says: "sad"},
		{op: dialect.OpUseLabel, state: "22P02", text: `对于枚举mood的输入值无效: "x"`, routine: "enum_in", want: dialect.ErrLabelUnknown, says: "sad"},
		{op: dialect.OpUseLabel, state: "22P02", text: `invalid input value for enum other: "x"`, routine: "enum_in"},
		{op: dialect.OpUseLabel, state: "22P02", text: `invalid input value for enum other: "mood"`, routine: "enum_in"},
		{op: dialect.OpUseLabel, state: "22P02", text: `invalid input value for enum other: "a mood: b"`, routine: "enum_in"},
		{op: dialect.OpUseLabel, state: "22P02", text: `invalid input value for enum mood_level: "x"`, routine: "enum_in"},
		{op: dialect.OpUseLabel, state: "22P02", text: `invalid input value for enum moods: "mood"`, routine: "enum_in"},
		{op: dialect.OpUseLabel, state: "22P02", text: `invalid input syntax for type integer: "mood"`, routine: "pg_strtoint32"},
		{op: dialect.OpUseLabel, state: "42P01", text: `relation "x" does not exist`},
		{op: dialect.OpUseLabel, state: "42704"},
		{op: dialect.OpUsedBy, state: "XX000"},
	} {
		err := postgres{}.Classify(dialect.Failure{
			Op: c.op, Name: def.Name, Enum: def, Err: &stateError{State: c.state, Text: c.text, Routine: c.routine},
		})
		switch {
		case c.want == nil && err != nil, c.want != nil && !errors.Is(err, c.want):
			t.Errorf("%s, %s %s: %v, want %v", c.op, c.state, c.text, err, c.want)
		case c.want != nil && !strings.Contains(err.Error(), c.says):
			t.Errorf("%s, %s: %v does not say %q", c.op, c.state, err, c.says)
		}
	}
}
