package sqltest

import (
	"context"
	"database/sql/driver"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
)

// An enum is the state of an enum.
type enum struct {
	id     int64
	name   dialect.Name
	spec   Enum
	labels []string // replaced, never modified
	lock   lock
	used   []dialect.EnumColumn // sorted by table; in a table, as in the Catalog
}

func (f *Fake) addEnum(spec Enum) error {
	n, err := parseName(spec.Name)
	if err == nil {
		err = f.free(n, enumerated)
	}
	if err != nil {
		return err
	}
	e := &enum{id: f.id(), name: n, spec: spec, labels: slices.Clone(spec.Labels)}
	for i, l := range spec.Labels {
		if err := e.bad(l); err != nil {
			return err
		}
		if slices.Contains(spec.Labels[:i], l) {
			return invalid("enum %s: label %q is listed twice", n, l)
		}
	}
	f.enums[n] = e
	for _, c := range spec.UsedBy {
		if err := f.use(e, c); err != nil {
			return err
		}
	}
	return nil
}

// bad returns an error if no enum can have the label.
func (e *enum) bad(label string) error {
	switch {
	case len(label) > maxNameBytes:
		return invalid("enum %s: label %q is %d bytes long; the limit is %d", e.name, label, len(label), maxNameBytes)
	case strings.Contains(label, "\x00") || !utf8.ValidString(label):
		return invalid("enum %s: label %q is not valid UTF-8, or contains a NUL byte", e.name, label)
	}
	return nil
}

// use adds a column to the enum's UsedBy, and creates its table if necessary.
func (f *Fake) use(e *enum, c EnumColumn) error {
	at, err := columnRef(c.Column)
	if err != nil || at == nil {
		return invalid("enum %s: UsedBy has the column %q; write it as table.column", e.name, c.Column)
	}
	for _, other := range f.enums {
		if slices.ContainsFunc(other.used, func(u dialect.EnumColumn) bool { return u.Relation == at.Table && u.Column == at.Column }) {
			return invalid("enum %s: the column %s is already of the enum %s", e.name, at, other.name)
		}
	}
	if f.columns[*at] != nil {
		return invalid("enum %s: the column %s already belongs to a sequence", e.name, at)
	}
	used := dialect.EnumColumn{Relation: at.Table, Kind: "table", Column: at.Column, Array: c.Array}
	if c.Domain != "" {
		n, err := parseName(c.Domain)
		if err != nil {
			return err
		}
		used.Through = []dialect.Name{n}
	}
	if !f.tables[at.Table] {
		if err := f.free(at.Table, table); err != nil {
			return err
		}
		f.tables[at.Table] = true
	}
	e.used = append(e.used, used)
	e.sortUsed()
	return nil
}

func (e *enum) sortUsed() {
	slices.SortStableFunc(e.used, func(a, b dialect.EnumColumn) int { return a.Relation.Compare(b.Relation) })
}

// typeName returns a type's name as the server prints it: with its schema if the search
// path does not find it.
func (f *Fake) typeName(n dialect.Name) string {
	for _, schema := range f.path {
		switch first := (dialect.Name{Schema: schema, Name: n.Name}); {
		case first == n:
			return printed(dialect.Name{Name: n.Name})
		case f.what(first, false) != "":
			return printed(n) // first hides it
		}
	}
	return printed(n)
}

// bare matches names that the server prints without quotes. It ignores reserved words.
var bare = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// printed returns a name as the server prints it.
func printed(n dialect.Name) string {
	text := n.Name
	if !bare.MatchString(text) {
		text = dialect.Name{Name: text}.Quoted()
	}
	if n.Schema == "" {
		return text
	}
	return printed(dialect.Name{Name: n.Schema}) + "." + text
}

func (e *enum) owner() string {
	if e.spec.NotOwned {
		return them
	}
	return us
}

func (f *Fake) enumDef(s *session, e *enum) dialect.EnumDef {
	return dialect.EnumDef{Object: f.object(e.id, e.name, e.spec.Comment, e.owner(), false), Labels: s.enumLabels(e)}
}

// enumLabels returns the labels that the session sees.
func (s *session) enumLabels(e *enum) []string {
	if labels, ok := s.labels[e]; ok {
		return labels
	}
	return e.labels
}

// EnumColumns implements [dialect.EnumDialect]. It returns the columns in the enum's
// UsedBy.
func (f *Fake) EnumColumns(ctx context.Context, q dialect.Querier, name dialect.Name) (used []dialect.EnumColumn, err error) {
	err = f.ask(ctx, q, Call{Op: dialect.OpUsedBy, Name: name}, func(context.Context, *session) ([]driver.Value, error) {
		e := f.enums[name]
		if e == nil {
			return nil, nil // no row: the statement succeeds on a server
		}
		used = slices.Clone(e.used)
		for i := range used {
			u := &used[i]
			switch {
			case u.Through != nil:
				u.Type, u.Through = f.typeName(u.Through[0]), slices.Clone(u.Through)
			case u.Array:
				u.Type = f.typeName(e.name) + "[]"
			default:
				u.Type = f.typeName(e.name)
			}
		}
		return []driver.Value{true}, nil
	}, new(bool))
	return used, err
}

// AddEnumLabel implements [dialect.EnumDialect]. Other sessions see the label after the
// commit.
func (f *Fake) AddEnumLabel(ctx context.Context, q dialect.Querier, name dialect.Name, label string, at dialect.LabelPlace,
	tolerant bool,
) (added bool, err error) {
	call := Call{Op: dialect.OpAddLabel, Name: name, Detail: fmt.Sprintf("%q", label)}
	switch at.Side {
	case dialect.BeforeLabel:
		call.Detail += fmt.Sprintf(" before %q", at.Neighbour)
	case dialect.AfterLabel:
		call.Detail += fmt.Sprintf(" after %q", at.Neighbour)
	case dialect.AtEnd:
	}
	err = f.ask(ctx, q, call, func(ctx context.Context, s *session) ([]driver.Value, error) {
		held := s.fake.enums[name] != nil && s.locks[&s.fake.enums[name].lock]
		e, err := s.alter(ctx, name)
		if err != nil {
			return nil, err
		}
		labels := s.enumLabels(e)
		if slices.Contains(labels, label) {
			if !tolerant {
				return nil, labelExists(label)
			}
			if !held { // on a server, the rollback of a subtransaction releases it
				e.lock.drop(s)
			}
			return nil, nil
		}
		place := len(labels)
		if at.Side != dialect.AtEnd {
			if place = slices.Index(labels, at.Neighbour); place < 0 {
				return nil, noLabel(at.Neighbour)
			}
			if at.Side == dialect.AfterLabel {
				place++
			}
		}
		s.labels[e] = slices.Insert(slices.Clone(labels), place, label)
		added = true
		return nil, nil
	})
	return added && err == nil, err
}

// RenameEnumLabel implements [dialect.EnumDialect]. Other sessions see the new label
// after the commit.
func (f *Fake) RenameEnumLabel(ctx context.Context, q dialect.Querier, name dialect.Name, from, to string) error {
	call := Call{Op: dialect.OpRenameLabel, Name: name, Detail: fmt.Sprintf("%q to %q", from, to)}
	return f.ask(ctx, q, call, func(ctx context.Context, s *session) ([]driver.Value, error) {
		e, err := s.alter(ctx, name)
		if err != nil {
			return nil, err
		}
		labels := slices.Clone(s.enumLabels(e))
		i := slices.Index(labels, from)
		switch {
		case i < 0:
			return nil, noLabel(from)
		case slices.Contains(labels, to):
			return nil, labelExists(to)
		}
		labels[i] = to
		s.labels[e] = labels
		return nil, nil
	})
}

// alter locks the enum of that name as ALTER TYPE does: against other changes, not
// against readers.
func (s *session) alter(ctx context.Context, name dialect.Name) (*enum, error) {
	if err := s.writable("ALTER TYPE"); err != nil {
		return nil, err
	}
	e := s.fake.enums[name]
	switch {
	case e == nil && s.fake.what(name, false) != "":
		return nil, &Error{Code: "42809", Message: s.fake.typeName(name) + " is not an enum"}
	case e == nil:
		return nil, noType(name)
	case e.spec.NotOwned:
		return nil, &Error{Code: "42501", Message: "must be owner of type " + s.fake.typeName(name)}
	}
	if err := e.lock.acquire(ctx, s, exclusive); err != nil {
		return nil, err
	}
	if s.fake.enums[name] != e { // it was dropped meanwhile
		return nil, noType(name)
	}
	return e, nil
}

func noType(n dialect.Name) error {
	return &Error{Code: "42704", Message: fmt.Sprintf("type \"%s.%s\" does not exist", n.Schema, n.Name)}
}

func noLabel(label string) error {
	return &Error{Code: "22023", Message: fmt.Sprintf(`"%s" is not an existing enum label`, label)}
}

func labelExists(label string) error {
	return &Error{Code: "42710", Message: fmt.Sprintf(`enum label "%s" already exists`, label)}
}

// InsertLabel is a [Change] that inserts a row with the label into a table column whose
// type is an enum. Column is the column, as table.column. The change fails if the enum
// lacks the label.
type InsertLabel struct{ Column, Label string }

func (c InsertLabel) apply(f *Fake) error {
	ref, err := columnRef(c.Column)
	if err != nil || ref == nil {
		return invalid("the column is %q; write it as table.column", c.Column)
	}
	for _, e := range f.enums {
		if !slices.ContainsFunc(e.used, func(u dialect.EnumColumn) bool {
			return u.Relation == ref.Table && u.Column == ref.Column && !u.Array
		}) {
			continue
		}
		if !slices.Contains(e.labels, c.Label) {
			return invalid("column %s: the enum %s has no label %q", ref, e.name, c.Label)
		}
		return nil
	}
	return invalid("there is no column %s whose type is an enum", ref)
}
