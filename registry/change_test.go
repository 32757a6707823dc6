package registry_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

func diff(from, to *dialect.Catalog) registry.Changes {
	a, _, _ := stubbed(from, registry.Selection{KeySequences: true})
	b, _, _ := stubbed(to, registry.Selection{KeySequences: true})
	return registry.Diff(a, b)
}

func TestDiffOfEqualRegistries(t *testing.T) {
	t.Parallel()
	shuffled := stub.Shop()
	slices.Reverse(shuffled.Matviews)
	slices.Reverse(shuffled.Enums)
	slices.Reverse(shuffled.Sequences)
	elsewhere := stub.Shop()
	elsewhere.Server, elsewhere.SearchPath, elsewhere.Views = dialect.Server{User: "else"}, nil, []dialect.ViewDef{{ID: 1}}
	for what, to := range map[string]*dialect.Catalog{"itself": stub.Shop(), "itself in another order": shuffled, "another server's": elsewhere} {
		if cs := diff(stub.Shop(), to); cs != nil {
			t.Errorf("from a registry to %s: %v; want nil", what, cs)
		}
	}
	r, _, _ := stubbed(stub.Shop(), registry.Selection{})
	if cs := registry.Diff(r, r); cs != nil {
		t.Errorf("from a registry to itself: %v; want nil", cs)
	}
	if cs := diff(&dialect.Catalog{}, &dialect.Catalog{}); cs != nil {
		t.Errorf("between two empty ones: %v; want nil", cs)
	}
	if s := registry.Changes(nil).String(); s != "" {
		t.Errorf("no changes print as %q; want an empty text", s)
	}
}

// Local labels are not a change of the database, in either registry.
func TestDiffIgnoresLocalLabels(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(stub.Shop(), registry.Selection{})
	longer, err := r.AppendLocalLabels("mood", "elated")
	noError(t, err)
	for what, cs := range map[string]registry.Changes{
		"appending": registry.Diff(r, longer), "dropping": registry.Diff(longer, r),
	} {
		if cs != nil {
			t.Errorf("%s labels locally: %v; want no change", what, cs)
		}
	}
	// If the database has the label now, that is a change.
	cat := stub.Shop()
	cat.Enums[1].Labels = append(slices.Clone(cat.Enums[1].Labels), "elated")
	now, _, _ := stubbed(cat, registry.Selection{})
	want := `enum app.mood changed: labels ["sad" "ok" "happy"] → ["sad" "ok" "happy" "elated"]`
	if got := registry.Diff(longer, now).String(); got != want {
		t.Errorf("from a local label to the database's own:\n\t%s\nwant\n\t%s", got, want)
	}
}

func TestDiffOrder(t *testing.T) {
	t.Parallel()
	catalog := func(gone, stays []dialect.Object, comment string) *dialect.Catalog {
		commented := slices.Clone(stays)
		for i := range commented {
			commented[i].Comment = comment
		}
		all := append(slices.Clone(gone), commented...)
		slices.Reverse(all)
		return &dialect.Catalog{Matviews: stub.Matviews(all...), Enums: stub.Enums(all...), Sequences: stub.Sequences(all...)}
	}
	stays := []dialect.Object{stub.Object("a.b"), stub.Object("b.b")}
	cs := diff(
		catalog([]dialect.Object{stub.Object("a.a"), stub.Object("b.z"), stub.Object("c.old")}, stays, ""),
		catalog([]dialect.Object{stub.Object("a.c"), stub.Object("b.a"), stub.Object("c.new")}, stays, "x"),
	)
	var want []string
	for _, kind := range []string{"materialized view", "enum", "sequence"} {
		for _, what := range []string{
			`a.a removed`, `a.b changed: comment "" → "x"`, `a.c added`, `b.a added`, `b.b changed: comment "" → "x"`, `b.z removed`,
			`c.new added`, `c.old removed`,
		} {
			want = append(want, kind+" "+what)
		}
	}
	if got := strings.Split(cs.String(), "\n"); !slices.Equal(got, want) {
		t.Errorf("changes\n\t%s\nwant, by kind, schema and name,\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	first := registry.Change{Kind: dialect.KindMatview, Name: stub.Of("a.a"), What: registry.ChangeRemoved}
	second := registry.Change{Kind: dialect.KindMatview, Name: stub.Of("a.b"), What: registry.ChangeModified, Details: []string{`comment "" → "x"`}}
	if !reflect.DeepEqual(cs[0], first) || !reflect.DeepEqual(cs[1], second) {
		t.Errorf("the first two changes are\n\t%+v\nwant\n\t%+v", cs[:2], []registry.Change{first, second})
	}
}

// defs has the definitions of shop that TestDiffWords changes.
type defs struct {
	daily   *dialect.MatviewDef
	mood    *dialect.EnumDef
	orderNo *dialect.SequenceDef
}

func TestDiffWords(t *testing.T) {
	t.Parallel()
	const (
		daily = "materialized view app.daily changed: "
		mood  = "enum app.mood changed: "
		no    = "sequence public.order_no changed: "
	)
	for want, change := range map[string]func(defs){
		daily + `recreated`:              func(d defs) { d.daily.ID = 99 },
		daily + `owner ada → bob`:        func(d defs) { d.daily.Owner = "bob" },
		daily + `populated true → false`: func(d defs) { d.daily.Populated = false },
		daily + `may be refreshed true → false`: func(d defs) {
			d.daily.MayRefresh = false
		},
		daily + `indexes [daily_idx(day) unique total_idx(total)] → [daily_idx(total, day) unique total_idx(total)]`: func(d defs) {
			d.daily.Indexes[0].Columns = []string{"total", "day"}
		},
		daily + `indexes [daily_idx(day) unique total_idx(total)] → [daily_idx(day) unique]`: func(d defs) {
			d.daily.Indexes = d.daily.Indexes[:1]
		},
		daily + `indexes [daily_idx(day) unique total_idx(total)] → [daily_idx(day) unique, but it is partial total_idx(total)]`: func(d defs) {
			d.daily.Indexes[0].Unfit = "it is partial"
		},
		daily + `indexes [daily_idx(day) unique total_idx(total)] → [daily_idx(day) unique total_idx(total), but it is invalid]`: func(d defs) {
			d.daily.Indexes[1].Invalid = true
		},
		mood + `recreated; owner bob → ada; comment "how it goes" → "so"`: func(d defs) {
			d.mood.ID, d.mood.Owner, d.mood.Comment = 99, "ada", "so"
		},
		mood + `comment "how it goes" → ""`: func(d defs) { d.mood.Comment = "" },
		mood + `visible by its bare name true → false; hidden by "" → "table a.mood"`: func(d defs) {
			d.mood.Visible, d.mood.HiddenBy = false, "table a.mood"
		},
		mood + `labels ["sad" "ok" "happy"] → ["ok" "sad" "so so"]`: func(d defs) {
			d.mood.Labels = []string{"ok", "sad", "so so"}
		},
		mood + `labels ["sad" "ok" "happy"] → []`: func(d defs) { d.mood.Labels = nil },
		no + `type bigint → integer; maximum 999 → 2147483647`: func(d defs) {
			d.orderNo.Type, d.orderNo.Max = "integer", 2147483647
		},
		no + `start 1 → 5; increment 1 → -2; minimum 1 → -9; cache 1 → 20; cycle false → true`: func(d defs) {
			d.orderNo.Start, d.orderNo.Increment, d.orderNo.Min, d.orderNo.Cache, d.orderNo.Cycle = 5, -2, -9, 20, true
		},
		no + `owned by public.orders.no → none`: func(d defs) { d.orderNo.OwnedBy = nil },
		no + `owned by public.orders.no → public.orders."No"; identity false → true; key of none → public.orders."No"`: func(d defs) {
			d.orderNo.OwnedBy.Column, d.orderNo.Identity = "No", true
			d.orderNo.KeyOf = &dialect.ColumnRef{Table: d.orderNo.OwnedBy.Table, Column: "No"}
		},
		no + `rights read, next → none`: func(d defs) {
			d.orderNo.Rights = dialect.SequenceRights{}
		},
	} {
		to := stub.Shop()
		change(defs{&to.Matviews[1], &to.Enums[1], &to.Sequences[2]})
		if got := diff(stub.Shop(), to).String(); got != want {
			t.Errorf("changes\n\t%s\nwant\n\t%s", got, want)
		}
	}

	to := stub.Shop()
	to.Matviews[1].Columns[0].Type = "timestamp"
	got := diff(stub.Shop(), to).String()
	if from, to, _ := strings.Cut(got, " → "); !strings.HasPrefix(from, daily+"columns ") ||
		!strings.Contains(from, "day date") || !strings.Contains(to, "day timestamp") {
		t.Errorf("a column of another type: %s; want the columns before and after", got)
	}
}

// Diff reports a change of every field of a definition, with the old and the new value.
// That includes fields that are added later.
func TestDiffSeesEveryField(t *testing.T) {
	t.Parallel()
	full := func() *dialect.Catalog {
		c := stub.Shop()
		c.Matviews[1].Indexes[0].Included = []string{"total"}
		return &dialect.Catalog{Matviews: c.Matviews[1:2], Enums: c.Enums[1:], Sequences: c.Sequences[2:]}
	}
	cat := full()
	for _, root := range []struct {
		kind string
		def  func(*dialect.Catalog) reflect.Value
	}{
		{"MatviewDef", func(c *dialect.Catalog) reflect.Value { return reflect.ValueOf(&c.Matviews[0]).Elem() }},
		{"EnumDef", func(c *dialect.Catalog) reflect.Value { return reflect.ValueOf(&c.Enums[0]).Elem() }},
		{"SequenceDef", func(c *dialect.Catalog) reflect.Value { return reflect.ValueOf(&c.Sequences[0]).Elem() }},
	} {
		leaves := leaves(root.def(cat), root.kind)
		if len(leaves) < 8 {
			t.Errorf("%s has only the fields %v", root.kind, leaves)
		}
		for i, path := range leaves {
			if path == "MatviewDef.Reads" {
				continue // diffReads compares names instead, and a view can't read others without being recreated
			}
			changed := full()
			nr := 0
			walk(root.def(changed), root.kind, func(_ string, v reflect.Value) {
				if nr == i {
					alter(v)
				}
				nr++
			})
			there, back := diff(full(), changed), diff(changed, full())
			if len(there) == 0 {
				t.Errorf("%s changes, and Diff reports no change", path)
			} else if path != root.kind+".Object.ID" && there.String() == back.String() {
				t.Errorf("%s changes, and the text does not show the values:\n\t%s", path, there)
			}
		}
	}
}

// walk visits the fields of a definition that have no fields of their own. Of a list it
// visits the first element. It visits empty lists and nil pointers themselves.
func walk(v reflect.Value, path string, visit func(path string, v reflect.Value)) {
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case v.Kind() == reflect.Slice && v.Len() > 0:
		walk(v.Index(0), path+"[0]", visit)
	case v.Kind() == reflect.Pointer && !v.IsNil():
		walk(v.Elem(), path, visit)
	default:
		visit(path, v)
	}
}

func leaves(v reflect.Value, path string) (all []string) {
	walk(v, path, func(p string, _ reflect.Value) { all = append(all, p) })
	return all
}

func alter(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int64:
		v.SetInt(v.Int() + 1000)
	case reflect.String:
		v.SetString(v.String() + "_changed")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		walk(v, "", func(_ string, f reflect.Value) { alter(f) })
	default:
		panic(fmt.Sprintf("a definition has a field of type %s", v.Type()))
	}
}

func TestChangeKindWords(t *testing.T) {
	t.Parallel()
	for k, want := range map[registry.ChangeKind]string{
		registry.ChangeAdded: "added", registry.ChangeRemoved: "removed", registry.ChangeModified: "changed", 0: "no change", 9: "no change",
	} {
		if got := k.String(); got != want {
			t.Errorf("ChangeKind(%d).String() = %q; want %q", int(k), got, want)
		}
	}
}
