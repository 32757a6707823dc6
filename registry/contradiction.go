package registry

// Whether expectations of one structure can be met together, whatever the database holds.

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/jmoiron/sqlx/reflectx"

	"github.com/massivedb/massive-go/dialect"
)

// contradiction is the error of expectations of one structure that can't all be met. It names no more of them than
// contradict each other: without any one of those the others could be. Whether the names of two expectations mean one
// structure is up to name; rows are mapped by m. Of several structures it is about the one whose contradiction shows
// first in the order of the expectations.
func contradiction(all []Expectation, name func(*Expectation) dialect.Name, m *reflectx.Mapper) error {
	type structure struct {
		kind dialect.Kind
		name dialect.Name
	}
	together := map[structure][]int{} // of each structure, its places in all
	for i := range all {
		s := structure{all[i].kind, name(&all[i])}
		together[s] = append(together[s], i)
	}
	first := len(all)
	var err error
	for s, places := range together {
		if len(places) == 1 || places[0] > first { // one by itself always can be met
			continue
		}
		es := make([]*Expectation, len(places))
		for i, at := range places {
			es[i] = &all[at]
		}
		possible := enumsPossible
		if s.kind == dialect.KindMatview {
			possible = func(es []*Expectation) bool { return rowsPossible(es, m) }
		}
		if possible(es) {
			continue
		}
		impossible := fewest(es, possible)
		if at := places[slices.Index(es, impossible[len(impossible)-1])]; at < first {
			first, err = at, contradicting(s.kind, s.name, impossible, m)
		}
	}
	return err
}

// fewest is a part of expectations that are not possible, and would be without any one of its own. Each round finds the
// last one that the earlier ones need to be impossible together with those found: it asks a few times, not for each
// expectation.
func fewest(es []*Expectation, possible func([]*Expectation) bool) []*Expectation {
	var found []*Expectation
	for len(found) == 0 || possible(found) {
		last := sort.Search(len(es), func(i int) bool { return !possible(slices.Concat(es[:i+1], found)) })
		found = slices.Insert(found, 0, es[last])
		es = es[:last]
	}
	return found
}

func contradicting(k dialect.Kind, n dialect.Name, es []*Expectation, m *reflectx.Mapper) error {
	what, noun := make([]string, len(es)), ""
	for i, e := range es {
		extra := ""
		if e.enum != nil && e.enum.extra || e.rows != nil && e.rows.extra {
			extra = " (and others)"
		}
		switch {
		case e.enum != nil:
			what[i], noun = quoted(e.enum.labels)+extra, "labels "
		case single(e.rows.row):
			what[i] = fmt.Sprintf("%s with one column%s", e.rows.row, extra)
		default:
			what[i] = fmt.Sprintf("%s with columns %s%s", e.rows.row, quoted(columnsOf(e.rows.fields(m))), extra)
		}
	}
	number := "two"
	if len(es) > 2 {
		number = fmt.Sprint(len(es))
	}
	last := len(what) - 1
	all := dialect.Few(what[:last], ", ", strings.Clone) + " and " + what[last]
	if len(what) > 5 {
		all = dialect.Few(what, ", ", strings.Clone)
	}
	return fmt.Errorf("%w: %s expectations of %s %s contradict each other: %s%s", dialect.ErrInvalid, number, k, n, noun, all)
}

// enumsPossible tells whether an enum could have labels that meet all of the expectations: one that allows no others
// has all labels of the rest, and the orders that they ask for have no circle.
func enumsPossible(es []*Expectation) bool {
	behind := map[string][]string{} // those that have to come behind each label
	before := map[string]int{}      // how many steps lead to it
	for _, e := range es {
		for i, l := range e.enum.labels {
			before[l] += 0
			if i > 0 {
				behind[e.enum.labels[i-1]] = append(behind[e.enum.labels[i-1]], l)
				before[l]++
			}
		}
	}
	for _, e := range es {
		if !e.enum.extra && len(e.enum.labels) < len(before) {
			return false
		}
	}
	var free []string // labels that nothing has to come before any more
	for l, n := range before {
		if n == 0 {
			free = append(free, l)
		}
	}
	placed := 0
	for ; placed < len(free); placed++ {
		for _, l := range behind[free[placed]] {
			if before[l]--; before[l] == 0 {
				free = append(free, l)
			}
		}
	}
	return placed == len(before) // the rest is a circle, and what comes behind one
}

// rowsPossible tells whether a view could have columns that all of the expectations have a field for, as far as they
// allow no others, and those that each of them needs. Types are not looked at.
func rowsPossible(es []*Expectation, m *reflectx.Mapper) bool {
	needed := map[string]bool{}
	for _, e := range es {
		if !single(e.rows.row) {
			for _, c := range columnsOf(e.rows.fields(m)) {
				needed[c] = true
			}
		}
	}
	for _, e := range es {
		if single(e.rows.row) {
			if !e.rows.extra && len(needed) > 1 {
				return false
			}
			continue
		}
		_, known := e.rows.fields(m)
		for c := range needed {
			f := known[c]
			if f == nil && !e.rows.extra || f != nil && !single(reflectx.Deref(f.Field.Type)) {
				return false
			}
		}
	}
	return true
}

// columnsOf are the columns that the fields are for.
func columnsOf(fields []field, _ map[string]*reflectx.FieldInfo) []string {
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = f.column
	}
	return columns
}
