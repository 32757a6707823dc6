package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// A structure with a name that is not UTF-8 is excluded. Excluded, lookups and Views
// report the reason.
func TestNamesThatAreNotUTF8AreExcluded(t *testing.T) {
	t.Parallel()
	object := func(id int64, schema, name string) dialect.Object {
		return dialect.Object{ID: id, Name: dialect.Name{Schema: schema, Name: name}, Visible: true, Comment: "\xff"}
	}
	catalog := &dialect.Catalog{
		Matviews: []dialect.MatviewDef{
			{Object: object(1, "app", "good"), Columns: []dialect.Column{{Name: "é"}}, Reads: []int64{2}},
			{Object: object(2, "app", "column"), Columns: []dialect.Column{{Name: "a"}, {Name: "\xff"}}, Populated: true},
			{Object: object(3, "app", "view\xff")},
		},
		Enums: []dialect.EnumDef{
			{Object: object(4, "app", "good"), Labels: []string{"é"}}, {Object: object(5, "app", "label"), Labels: []string{"a", "b\xff"}},
			{Object: object(6, "sch\xff", "mood")},
		},
		Sequences: []dialect.SequenceDef{
			{Object: object(7, "app", "good_no"), Increment: 1}, {Object: object(8, "app", "no\xff"), Increment: 1},
			{Object: object(9, "app", "key\xff"), Increment: 1, KeyOf: &dialect.ColumnRef{Column: "id"}},
		},
	}
	exclude, err := dialect.ParsePattern("label")
	noError(t, err)
	for _, f := range []dialect.Filter{{}, {Exclude: []dialect.Pattern{exclude}}} {
		r := registry.New(catalog, registry.Selection{Filter: f}, &stub.Dialect{}, &stub.Querier{})
		if len(r.Matviews()) != 1 || len(r.Enums()) != 1 || len(r.Sequences()) != 1 {
			t.Errorf("loaded %v, %v, %v", r.Matviews(), r.Enums(), r.Sequences())
		}
		var got []string
		for _, o := range r.Excluded() {
			got = append(got, fmt.Sprintf("%s: %s", o.Kind, o.Why))
		}
		want := []string{
			`materialized view: its column "\xff" is not UTF-8`, `materialized view: its name "view\xff" is not UTF-8`,
			`enum: its label "b\xff" is not UTF-8`, `enum: the name of its schema, "sch\xff", is not UTF-8`,
			`sequence: its name "key\xff" is not UTF-8`, `sequence: its name "no\xff" is not UTF-8`,
		}
		if len(f.Exclude) > 0 {
			want[2] = "enum: it is excluded by label"
		}
		if !slices.Equal(got, want) {
			t.Errorf("excluded:\n%q\nwant\n%q", got, want)
		}
		_, err := r.Matview("column")
		var why *registry.NotFoundError
		if !errors.As(err, &why) || why.Reason != registry.ReasonUnreadable || why.Reason.String() != "not UTF-8" || !strings.Contains(err.Error(), `app.column was not loaded: its column "\xff" is not UTF-8`) {
			t.Errorf("looked up: %v", err)
		}
		for _, n := range r.Views() {
			if (n.Excluded == "") != (n.Name.Name == "good") {
				t.Errorf("Views says of %q: %q", n.Name.Name, n.Excluded)
			}
		}
	}
}
