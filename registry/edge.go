package registry

import (
	"cmp"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// sameEdges tells whether the views of two snapshots read the same views.
// Plain views that read none are no part of that.
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
	return slices.EqualFunc(a.matviews.sorted, b.matviews.sorted, func(v, w *matview) bool {
		return v.def.ID == w.def.ID && sameSet(v.def.Reads, w.def.Reads)
	}) && slices.EqualFunc(sorted(a.views), sorted(b.views), func(v, w dialect.ViewDef) bool {
		return v.ID == w.ID && v.Name == w.Name && sameSet(v.Reads, w.Reads)
	})
}

// sameAside tells whether the materialized views that patterns leave out are the same to plans: which have data, and what
// they read.
func sameAside(a, b *snapshot) bool {
	sorted := func(views []*dialect.MatviewDef) []*dialect.MatviewDef {
		return slices.SortedFunc(slices.Values(views), func(v, w *dialect.MatviewDef) int { return cmp.Compare(v.ID, w.ID) })
	}
	return slices.EqualFunc(sorted(a.aside), sorted(b.aside), func(v, w *dialect.MatviewDef) bool {
		return v.ID == w.ID && v.Populated == w.Populated && sameSet(v.Reads, w.Reads)
	})
}

func sameSet(a, b []int64) bool {
	return slices.Equal(a, b) || slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// diffReads says in words, by the view's ID, which materialized views read others than before, directly or through
// plain views.
func diffReads(from, to *snapshot) map[int64]string {
	if sameEdges(from, to) {
		return nil
	}
	before, after := newReading(from), newReading(to)
	words := map[int64]string{}
	for _, m := range to.matviews.sorted {
		if !before.has(m.def.ID) {
			continue
		}
		a, b := before.of(m.def.ID), after.of(m.def.ID)
		if !slices.Equal(a, b) {
			words[m.def.ID] = listChange("reads", texts(before.names(a), dialect.Name.String), texts(after.names(b), dialect.Name.String))
		}
	}
	return words
}

// A reading follows edges through plain views up to the materialized ones behind them.
type reading struct {
	matviews map[int64]reader // those left out by a pattern, too
	views    map[int64][]int64
	done     map[int64][]int64 // what a plain view leads to
}

// A reader is a materialized view, and the views that it reads.
type reader struct {
	name  dialect.Name
	reads []int64
}

func newReading(s *snapshot) *reading {
	r := &reading{matviews: map[int64]reader{}, views: map[int64][]int64{}, done: map[int64][]int64{}}
	for _, m := range s.matviews.sorted {
		r.matviews[m.def.ID] = reader{m.def.Name, m.def.Reads}
	}
	for _, o := range s.omissions {
		if o.Kind == dialect.KindMatview {
			r.matviews[o.object.ID] = reader{name: o.Name}
		}
	}
	for _, v := range s.views {
		r.views[v.ID] = v.Reads
	}
	return r
}

func (r *reading) has(id int64) bool { _, ok := r.matviews[id]; return ok }

// of is the materialized views that the query of one leads to, sorted by ID.
func (r *reading) of(matview int64) []int64 { return r.behind(r.matviews[matview].reads) }

func (r *reading) behind(ids []int64) []int64 {
	var all []int64
	for _, id := range ids {
		if r.has(id) {
			all = append(all, id)
			continue
		}
		known, ok := r.done[id]
		if !ok {
			r.done[id] = nil // views can't read in a circle; should a dialect say so, it ends here
			known = r.behind(r.views[id])
			r.done[id] = known
		}
		all = append(all, known...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// names are the views' by name.
func (r *reading) names(ids []int64) []dialect.Name {
	names := make([]dialect.Name, len(ids))
	for i, id := range ids {
		names[i] = r.matviews[id].name
	}
	slices.SortFunc(names, dialect.Name.Compare)
	return names
}
