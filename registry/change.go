package registry

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/lists"
	"github.com/massivedb/massive-go/internal/printable"
)

// A Change says how a structure differs between two registries.
type Change struct {
	Kind dialect.Kind
	Name dialect.Name
	What ChangeKind
	// Details has the differences, for ChangeModified: "labels ["a" "b"] → ["a" "b"
	// "c"]". For a long list it names five items that are new, gone or moved, and the
	// number of the others.
	Details []string
}

// A ChangeKind is the kind of a change.
type ChangeKind int

// The kinds of change. A renamed structure is removed under its old name and added under
// the new one.
const (
	// ChangeAdded means that only the second registry has the structure.
	ChangeAdded ChangeKind = iota + 1
	// ChangeRemoved means that only the first registry has the structure.
	ChangeRemoved
	// ChangeModified means that both have a structure of that name, with differences.
	ChangeModified
)

// String returns the change in a word.
func (k ChangeKind) String() string {
	switch k {
	case ChangeAdded:
		return "added"
	case ChangeRemoved:
		return "removed"
	case ChangeModified:
		return "changed"
	default:
		return "no change"
	}
}

// String returns the change in a line of at most [dialect.MaxText] bytes:
// "enum app.mood changed: labels ["a" "b"] → ["a" "b" "c"]".
func (c Change) String() string {
	text := c.Kind.String() + " " + c.Name.String() + " " + c.What.String()
	if len(c.Details) > 0 {
		text += ": " + strings.Join(c.Details, "; ")
	}
	return dialect.Cut(printable.Text(text), dialect.MaxText)
}

// Changes are the differences between two registries, by kind, schema and name. Nil means
// none.
type Changes []Change

// String returns the changes, a line each.
func (cs Changes) String() string {
	lines := make([]string, len(cs))
	for i, c := range cs {
		lines[i] = c.String()
	}
	return strings.Join(lines, "\n")
}

// Diff returns what changed in the database from one registry to another. Labels appended
// locally don't count.
func Diff(from, to *Registry) Changes {
	if from == to {
		return nil
	}
	var cs Changes
	reads := diffReads(&from.snapshot, &to.snapshot)
	cs = diffIndex(cs, &from.matviews, &to.matviews, func(a, b *matview) []string {
		d := diffMatview(a.def, b.def)
		if r, ok := reads[b.def.ID]; ok && a.def.ID == b.def.ID {
			d = append(d, r)
		}
		return d
	})
	cs = diffIndex(cs, &from.enums, &to.enums, func(a, b *enum) []string { return diffEnum(a.def, b.def) })
	cs = diffIndex(cs, &from.sequences, &to.sequences, func(a, b *sequence) []string { return diffSequence(a.def, b.def) })
	return cs
}

// diffIndex merges two sorted indexes and appends their differences to cs.
func diffIndex[T structure](cs Changes, from, to *index[T], details func(a, b T) []string) Changes {
	a, b := from.sorted(), to.sorted()
	for len(a) > 0 || len(b) > 0 {
		var order int
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = a[0].object().Name.Compare(b[0].object().Name)
		}
		switch {
		case order < 0:
			cs = append(cs, Change{Kind: from.kind, Name: a[0].object().Name, What: ChangeRemoved})
			a = a[1:]
		case order > 0:
			cs = append(cs, Change{Kind: from.kind, Name: b[0].object().Name, What: ChangeAdded})
			b = b[1:]
		default:
			if d := details(a[0], b[0]); len(d) > 0 {
				cs = append(cs, Change{Kind: from.kind, Name: a[0].object().Name, What: ChangeModified, Details: d})
			}
			a, b = a[1:], b[1:]
		}
	}
	return cs
}

// A difference collects the differences between two definitions, in words.
type difference []string

func (d *difference) note(what string, from, to any) {
	*d = append(*d, fmt.Sprintf("%s %v → %v", what, from, to))
}

func compare[T comparable](d *difference, what string, from, to T) {
	if from != to {
		d.note(what, from, to)
	}
}

// short is the number of items up to which a change has the whole list.
const short = 5

// listChange describes the difference between two lists: both lists if they are short, or
// the items that are new, gone or moved.
func listChange(what string, from, to []string) string {
	if max(len(from), len(to)) <= short {
		return shortChange(what, from, to)
	}
	d := lists.Compare(from, to)
	return longChange(what, len(from), len(to),
		listed(d.Extra, strings.Clone), listed(d.Missing, strings.Clone), listed(d.Reordered, strings.Clone))
}

func shortChange(what string, from, to []string) string {
	return dialect.Cut(fmt.Sprintf("%s %s → %s", what, listed(from, strings.Clone), listed(to, strings.Clone)), dialect.MaxText)
}

// longChange describes which items of a list are new, gone or moved, and its old and new
// length. The parts are results of listed.
func longChange(what string, from, to int, added, gone, moved string) string {
	var parts []string
	for _, p := range []struct{ word, list string }{{"new", added}, {"gone", gone}, {"moved", moved}} {
		if p.list != listed[string](nil, nil) {
			parts = append(parts, p.word+" "+p.list)
		}
	}
	return dialect.Cut(fmt.Sprintf("%s (%d → %d): %s", what, from, to, strings.Join(parts, ", ")), dialect.MaxText)
}

// listed returns a list in brackets.
func listed[T any](all []T, text func(T) string) string {
	return "[" + dialect.Few(all, " ", text) + "]"
}

// texts returns the text of each item.
func texts[T any](all []T, text func(T) string) []string {
	each := make([]string, len(all))
	for i, t := range all {
		each[i] = text(t)
	}
	return each
}

func (d *difference) object(a, b *dialect.Object) {
	if a.ID != b.ID {
		*d = append(*d, "recreated")
	}
	compare(d, "owner", a.Owner, b.Owner)
	if a.Comment != b.Comment {
		d.note("comment", printable.Brief(a.Comment), printable.Brief(b.Comment))
	}
	compare(d, "visible by its bare name", a.Visible, b.Visible)
	if a.HiddenBy != b.HiddenBy {
		d.note("hidden by", printable.Brief(a.HiddenBy), printable.Brief(b.HiddenBy))
	}
}

func diffMatview(a, b *dialect.MatviewDef) []string {
	var d difference
	d.object(&a.Object, &b.Object)
	if !slices.Equal(a.Columns, b.Columns) {
		column := func(c dialect.Column) string { return fmt.Sprint(c) }
		d = append(d, listChange("columns", texts(a.Columns, column), texts(b.Columns, column)))
	}
	if !slices.EqualFunc(a.Indexes, b.Indexes, sameIndex) {
		d = append(d, listChange("indexes", texts(a.Indexes, indexText), texts(b.Indexes, indexText)))
	}
	compare(&d, "populated", a.Populated, b.Populated)
	compare(&d, "may be refreshed", a.MayRefresh, b.MayRefresh)
	compare(&d, "schema may be used", a.Reachable, b.Reachable)
	compare(&d, "owner can act as a superuser", a.SuperOwner, b.SuperOwner)
	return d
}

func sameIndex(a, b dialect.Index) bool {
	return a.Name == b.Name && a.Unique == b.Unique && a.Unfit == b.Unfit && a.Invalid == b.Invalid &&
		slices.Equal(a.Columns, b.Columns) && slices.Equal(a.Included, b.Included)
}

// indexText returns an index as a change shows it: "daily_idx(day, shop) unique".
func indexText(x dialect.Index) string {
	text := x.Name + "(" + dialect.Few(x.Columns, ", ", strings.Clone) + ")"
	if len(x.Included) > 0 {
		text += " including (" + dialect.Few(x.Included, ", ", strings.Clone) + ")"
	}
	if x.Unique {
		text += " unique"
	}
	switch {
	case x.Invalid:
		text += ", but it is invalid"
	case x.Unique && x.Unfit != "":
		text += ", but " + x.Unfit
	}
	return text
}

func diffEnum(a, b *dialect.EnumDef) []string {
	var d difference
	d.object(&a.Object, &b.Object)
	if !slices.Equal(a.Labels, b.Labels) {
		d = append(d, listChange("labels", texts(a.Labels, strconv.Quote), texts(b.Labels, strconv.Quote)))
	}
	return d
}

func diffSequence(a, b *dialect.SequenceDef) []string {
	var d difference
	d.object(&a.Object, &b.Object)
	compare(&d, "type", a.Type, b.Type)
	compare(&d, "start", a.Start, b.Start)
	compare(&d, "increment", a.Increment, b.Increment)
	compare(&d, "minimum", a.Min, b.Min)
	compare(&d, "maximum", a.Max, b.Max)
	compare(&d, "cache", a.Cache, b.Cache)
	compare(&d, "cycle", a.Cycle, b.Cycle)
	compare(&d, "owned by", column(a.OwnedBy), column(b.OwnedBy))
	compare(&d, "identity", a.Identity, b.Identity)
	compare(&d, "key of", column(a.KeyOf), column(b.KeyOf))
	compare(&d, "rights", a.Rights, b.Rights)
	return d
}

// column returns *c, or the zero ColumnRef if c is nil.
func column(c *dialect.ColumnRef) dialect.ColumnRef {
	if c == nil {
		return dialect.ColumnRef{}
	}
	return *c
}
