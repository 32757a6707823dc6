package registry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// sameEdges reports whether the views of two snapshots read the same views. Plain views
// that read no view don't count.
func sameEdges(a, b *snapshot) bool {
	sorted := func(views []dialect.ViewDef) (readers []dialect.ViewDef) {
		for _, v := range views {
			if len(v.Reads) > 0 {
				readers = append(readers, v)
			}
		}
		slices.SortFunc(readers, func(v, w dialect.ViewDef) int { return cmp.Compare(v.ID, w.ID) })
		return readers
	}
	return slices.EqualFunc(a.matviews.sorted(), b.matviews.sorted(), func(v, w *matview) bool {
		return v.def.ID == w.def.ID && sameSet(v.def.Reads, w.def.Reads)
	}) && slices.EqualFunc(sorted(a.views), sorted(b.views), func(v, w dialect.ViewDef) bool {
		return v.ID == w.ID && v.Name == w.Name && sameSet(v.Reads, w.Reads)
	})
}

// sameExcludedViews reports whether the materialized views that patterns exclude are
// equal for plans: which of them have data, and which views they read.
func sameExcludedViews(a, b *snapshot) bool {
	sorted := func(views []*dialect.MatviewDef) []*dialect.MatviewDef {
		return slices.SortedFunc(slices.Values(views), func(v, w *dialect.MatviewDef) int { return cmp.Compare(v.ID, w.ID) })
	}
	return slices.EqualFunc(sorted(a.excludedViews), sorted(b.excludedViews), func(v, w *dialect.MatviewDef) bool {
		return v.ID == w.ID && v.Populated == w.Populated && sameSet(v.Reads, w.Reads)
	})
}

func sameSet(a, b []int64) bool {
	return slices.Equal(a, b) || slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// diffReads returns, by view ID, how the materialized views that a view reads have
// changed, in words. A view reads another one directly or through plain views.
//
// If many views read a plain view that itself reads many views, the number of pairs is
// their product. So diffReads groups the views that read the same such wide views,
// compares each group once, and adds each view's few other reads.
func diffReads(from, to *snapshot) map[int64]string {
	if sameEdges(from, to) {
		return nil
	}
	before, after := newReading(from), newReading(to)
	type member struct {
		view          int64
		before, after []int64
	}
	type group struct {
		before, after []int64 // the wide plain views
		members       []member
	}
	groups := map[string]*group{}
	for _, m := range to.matviews.sorted() {
		id := m.def.ID
		if _, known := before.matviews[id]; !known {
			continue
		}
		a, wideA := before.reachable(before.matviews[id].reads, before.narrow)
		b, wideB := after.reachable(after.matviews[id].reads, after.narrow)
		key := fmt.Sprint(wideA, wideB)
		if groups[key] == nil {
			groups[key] = &group{before: wideA, after: wideB}
		}
		groups[key].members = append(groups[key].members, member{id, a, b})
	}
	words := map[int64]string{}
	for _, g := range groups {
		c := newComparison(before, g.before, after, g.after)
		for _, m := range g.members {
			if text := c.words(m.before, m.after); text != "" {
				words[m.view] = text
			}
		}
	}
	return words
}

// A reading follows the edges of a snapshot through plain views to materialized views.
type reading struct {
	matviews map[int64]reader // including views that a pattern excludes
	views    map[int64][]int64
	readers  map[int64]int // the number of views that read each plain view
}

// A reader is a materialized view with the views that it reads.
type reader struct {
	name  dialect.Name
	reads []int64
}

func newReading(s *snapshot) *reading {
	r := &reading{matviews: map[int64]reader{}, views: map[int64][]int64{}, readers: map[int64]int{}}
	for _, m := range s.matviews.sorted() {
		r.matviews[m.def.ID] = reader{m.def.Name, m.def.Reads}
	}
	for _, o := range s.excluded {
		if o.Kind == dialect.KindMatview {
			r.matviews[o.object.ID] = reader{name: o.Name}
		}
	}
	for _, v := range s.views {
		r.views[v.ID] = v.Reads
	}
	for _, m := range r.matviews {
		for _, id := range m.reads {
			r.readers[id]++
		}
	}
	for _, v := range s.views {
		for _, id := range v.Reads {
			r.readers[id]++
		}
	}
	return r
}

// narrow reports whether a plain view has few edges, so that diffReads can follow them
// once for each of its readers.
func (r *reading) narrow(view int64) bool {
	const few = 64
	return len(r.views[view])+r.readers[view] <= few
}

// reachable returns the materialized views that are reachable from ids, and the plain
// views that it did not follow, both by ID.
func (r *reading) reachable(ids []int64, follow func(view int64) bool) (matviews, ends []int64) {
	seen := map[int64]bool{} // views can read each other in a cycle
	stack := slices.Clone(ids)
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[id] {
			continue
		}
		seen[id] = true
		if _, ok := r.matviews[id]; ok {
			matviews = append(matviews, id)
		} else if follow(id) {
			stack = append(stack, r.views[id]...)
		} else {
			ends = append(ends, id)
		}
	}
	slices.Sort(matviews)
	slices.Sort(ends)
	return matviews, ends
}

// A side has the materialized views behind some wide plain views in one snapshot.
type side struct {
	*reading
	all  map[int64]bool
	only []int64 // the views that the other side does not have, by name
}

// A comparison compares the views behind wide plain views, before and after.
type comparison struct{ before, after side }

func newComparison(before *reading, wideBefore []int64, after *reading, wideAfter []int64) *comparison {
	c := &comparison{before: side{reading: before}, after: side{reading: after}}
	everything := func(int64) bool { return true }
	a, _ := before.reachable(wideBefore, everything)
	b, _ := after.reachable(wideAfter, everything)
	c.before.all, c.after.all = setOf(a), setOf(b)
	c.before.only, c.after.only = c.before.lacking(a, c.after.all), c.after.lacking(b, c.before.all)
	return c
}

// words describes how the reads of a view have changed, or returns an empty text. Before
// and after are the views that it reads without the wide ones.
func (c *comparison) words(before, after []int64) string {
	a, b := c.before.direct(before), c.after.direct(after)
	gone, added := c.before.without(&c.after, a, after), c.after.without(&c.before, b, before)
	if len(gone) == 0 && len(added) == 0 {
		return ""
	}
	const what = "reads"
	if from, to := len(c.before.all)+len(a), len(c.after.all)+len(b); max(from, to) > short {
		return longChange(what, from, to, listed(added, c.after.text), listed(gone, c.before.text), listed[string](nil, nil))
	}
	return shortChange(what, c.before.whole(a), c.after.whole(b))
}

// direct returns the ids that are not behind the wide views.
func (s *side) direct(ids []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return s.all[id] })
}

// without returns, by name, the views that this side has and the other side doesn't. Own
// and others are the views that a view reads without the wide ones, on this side and on
// the other.
func (s *side) without(other *side, own, others []int64) []int64 {
	left := s.only
	if slices.ContainsFunc(others, func(id int64) bool { return s.all[id] && !other.all[id] }) {
		there := setOf(others)
		left = slices.DeleteFunc(slices.Clone(left), func(id int64) bool { return there[id] })
	}
	if more := s.lacking(own, other.all, setOf(others)); len(more) > 0 {
		left = s.byName(slices.Concat(left, more))
	}
	return left
}

// lacking returns, by name, the ids that are in none of the sets.
func (r *reading) lacking(ids []int64, sets ...map[int64]bool) []int64 {
	return r.byName(slices.DeleteFunc(slices.Clone(ids), func(id int64) bool {
		return slices.ContainsFunc(sets, func(set map[int64]bool) bool { return set[id] })
	}))
}

// whole returns the names of all views that a view reads.
func (s *side) whole(own []int64) []string {
	return texts(s.byName(slices.Concat(own, slices.Collect(maps.Keys(s.all)))), s.text)
}

func (r *reading) text(view int64) string { return r.matviews[view].name.String() }

func (r *reading) byName(views []int64) []int64 {
	slices.SortFunc(views, func(v, w int64) int { return r.matviews[v].name.Compare(r.matviews[w].name) })
	return views
}

func setOf(ids []int64) map[int64]bool {
	set := make(map[int64]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}
