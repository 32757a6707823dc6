package registry_test

import (
	"slices"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// chain returns a catalog in which app.far reads app.near through two plain views.
func chain() *dialect.Catalog {
	view := func(id int64, name string, reads ...int64) dialect.MatviewDef {
		return dialect.MatviewDef{Object: dialect.Object{ID: id, Name: stub.Of(name), Visible: true}, Reads: reads}
	}
	return &dialect.Catalog{
		Matviews: []dialect.MatviewDef{view(1, "app.near"), view(2, "app.far", 11), view(3, "app.other"), view(4, "tmp.excluded")},
		Views:    []dialect.ViewDef{{ID: 11, Name: stub.Of("app.a"), Reads: []int64{12}}, {ID: 12, Name: stub.Of("app.b"), Reads: []int64{1}}},
	}
}

// Diff follows plain views. If a plain view is replaced, the materialized views that read
// it change.
func TestDiffOfReadsThroughPlainViews(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(c *dialect.Catalog){
		"": func(c *dialect.Catalog) { c.Views[0].Name = stub.Of("app.renamed") },
		"materialized view app.far changed: reads [app.near] → []": func(c *dialect.Catalog) { c.Views = c.Views[:1]; c.Views[0].Reads = nil },
		"materialized view app.far changed: reads [app.near] → [app.near app.other]": func(c *dialect.Catalog) {
			c.Views[0].Reads = []int64{3, 12}
		},
		"materialized view app.far changed: reads [app.near] → [app.near tmp.excluded]": func(c *dialect.Catalog) {
			c.Matviews[1].Reads = []int64{11, 4}
		},
		"materialized view app.far changed: comment \"\" → \"x\"; reads [app.near] → [app.other]": func(c *dialect.Catalog) {
			c.Matviews[1].Reads, c.Matviews[1].Comment = []int64{3}, "x"
		},
	} {
		pattern, err := dialect.ParsePattern("tmp.*")
		noError(t, err)
		sel := registry.Selection{Filter: dialect.Filter{Exclude: []dialect.Pattern{pattern}}}
		from, _, _ := stubbed(chain(), sel)
		changed := chain()
		change(changed)
		to, _, _ := stubbed(changed, sel)
		if got := registry.Diff(from, to).String(); got != want {
			t.Errorf("changes %q, want %q", got, want)
		}
		if registry.Same(from, to) {
			t.Errorf("%q: Same returns true", want)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	a, _, _ := stubbed(stub.Shop(), registry.Selection{})
	shuffled := stub.Shop()
	slices.Reverse(shuffled.Matviews)
	slices.Reverse(shuffled.Enums)
	slices.Reverse(shuffled.Views)
	if b, _, _ := stubbed(shuffled, registry.Selection{}); !registry.Same(a, b) {
		t.Error("Same returns false for another order")
	}
	longer, err := a.AppendLocalLabels("mood", "elated")
	noError(t, err)
	if !registry.Same(a, longer) {
		t.Error("Same returns false for local labels")
	}
	for what, change := range map[string]func(c *dialect.Catalog){
		"the server":      func(c *dialect.Catalog) { c.Server.Standby = !c.Server.Standby },
		"the search path": func(c *dialect.Catalog) { c.SearchPath = append(slices.Clone(c.SearchPath), "more") },
		"an excluded sequence": func(c *dialect.Catalog) {
			c.Sequences = slices.DeleteFunc(slices.Clone(c.Sequences), func(s dialect.SequenceDef) bool { return s.KeyOf != nil })
		},
		"labels": func(c *dialect.Catalog) { c.Enums[0].Labels = []string{"other"} },
	} {
		changed := stub.Shop()
		change(changed)
		if b, _, _ := stubbed(changed, registry.Selection{}); registry.Same(a, b) {
			t.Errorf("%s differs, and Same returns true", what)
		}
	}
}

// Same compares excluded views by the attributes that plans depend on.
func TestSameComparesExcludedViews(t *testing.T) {
	t.Parallel()
	sel := registry.Selection{Filter: dialect.Filter{Exclude: stub.Patterns("tmp.*")}}
	a, _, _ := stubbed(chain(), sel)
	for what, c := range map[string]struct {
		change func(c *dialect.MatviewDef)
		same   bool
	}{
		"populated": {func(d *dialect.MatviewDef) { d.Populated = true }, false},
		"reads":     {func(d *dialect.MatviewDef) { d.Reads = []int64{11} }, false},
		"columns":   {func(d *dialect.MatviewDef) { d.Columns = []dialect.Column{{Name: "x"}} }, true},
	} {
		changed := chain()
		c.change(&changed.Matviews[3])
		slices.Reverse(changed.Matviews)
		b, _, _ := stubbed(changed, sel)
		if registry.Same(a, b) != c.same {
			t.Errorf("%s differs, and Same returns %t", what, !c.same)
		}
		none := registry.Selection{Filter: dialect.Filter{Kinds: []dialect.Kind{dialect.KindEnum}}}
		x, _, _ := stubbed(chain(), none)
		if y, _, _ := stubbed(changed, none); !registry.Same(x, y) {
			t.Errorf("%s differs in a kind that was not loaded, and Same returns false", what)
		}
	}
}

func TestKeepLabels(t *testing.T) {
	t.Parallel()
	old, _, _ := stubbed(stub.Shop(), registry.Selection{})
	old, err := old.AppendLocalLabels("mood", "elated", "late")
	noError(t, err)
	now := stub.Shop()
	for i := range now.Enums {
		if now.Enums[i].Name == stub.Of("app.mood") {
			now.Enums[i].Labels = []string{"late", "sad"}
		}
	}
	r, _, _ := stubbed(now, registry.Selection{})
	kept := r.KeepLabels(old)
	e, err := kept.Enum("app.mood")
	noError(t, err)
	if got, want := e.Values(), []string{"late", "sad", "elated"}; !slices.Equal(got, want) {
		t.Errorf("labels %q, want %q", got, want)
	}
	if e, _ := r.Enum("app.mood"); e.Len() != 2 {
		t.Error("KeepLabels changed its receiver")
	}
	dropped, err := kept.DropLabels().Enum("app.mood")
	noError(t, err)
	if got, want := dropped.Values(), []string{"late", "sad"}; !slices.Equal(got, want) {
		t.Errorf("labels %q after DropLabels, want %q", got, want)
	}
	if r.DropLabels() != r {
		t.Error("DropLabels copied a registry without local labels")
	}
	now.Enums = nil
	r, _, _ = stubbed(now, registry.Selection{})
	if r.KeepLabels(old) != r {
		t.Error("KeepLabels kept labels of an enum that no longer exists")
	}
}
