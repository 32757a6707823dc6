package conformance_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// An enumMutant breaks operations on enums. A function that is set replaces or changes
// the fake's.
type enumMutant struct {
	add    func(label string, at dialect.LabelPlace, tolerant bool) (string, dialect.LabelPlace, bool)
	added  func(added bool, err error) (bool, error)
	locks  func(ctx context.Context, q dialect.Querier, enum dialect.Name, label string) error // if the label existed
	rename func(from, to string) (string, string, bool)
	used   func(used []dialect.EnumColumn, err error) ([]dialect.EnumColumn, error)
	unfit  func(why string) string
}

func (m *mutant) AddEnumLabel(ctx context.Context, q dialect.Querier, enum dialect.Name, label string, at dialect.LabelPlace,
	tolerant bool,
) (bool, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	if m.add != nil {
		label, at, tolerant = m.add(label, at, tolerant)
	}
	added, err := m.Fake.AddEnumLabel(ctx, q, enum, label, at, tolerant)
	if m.locks != nil && err == nil && !added {
		err = m.locks(ctx, q, enum, label)
	}
	if m.added != nil {
		return m.added(added, err)
	}
	return added, err
}

func (m *mutant) RenameEnumLabel(ctx context.Context, q dialect.Querier, enum dialect.Name, from, to string) error {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	if m.rename != nil {
		var skip bool
		if from, to, skip = m.rename(from, to); skip {
			return nil
		}
	}
	return m.Fake.RenameEnumLabel(ctx, q, enum, from, to)
}

func (m *mutant) EnumColumns(ctx context.Context, q dialect.Querier, enum dialect.Name) ([]dialect.EnumColumn, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	used, err := m.Fake.EnumColumns(ctx, q, enum)
	if m.used != nil {
		return m.used(used, err)
	}
	return used, err
}

func (m *mutant) CheckColumn(column string, field reflect.Type) (why string, known bool, err error) {
	why, known, err = m.Fake.CheckColumn(column, field)
	if m.unfit != nil {
		why = m.unfit(why)
	}
	return why, known, err
}

var enumMutants = []mutation{
	{"column does not accept a new label", "After the commit, an added label can be stored in a column that existed before", func(m *mutant) {
		m.change = func(t testing.TB, c sqltest.Change) {
			if into, ok := c.(sqltest.InsertLabel); ok && into.Label != "sad" {
				t.Errorf("the column does not accept %q", into.Label)
			}
		}
	}},
	{"label added at the end", "AddValue adds a label at the given place, in the database and in the program's snapshot", func(m *mutant) {
		m.add = func(label string, _ dialect.LabelPlace, tolerant bool) (string, dialect.LabelPlace, bool) {
			return label, dialect.LabelPlace{}, tolerant
		}
	}},
	{"label added on the wrong side", "AddValue adds a label at the given place, in the database and in the program's snapshot", func(m *mutant) {
		m.add = func(label string, at dialect.LabelPlace, tolerant bool) (string, dialect.LabelPlace, bool) {
			switch at.Side {
			case dialect.BeforeLabel:
				at.Side = dialect.AfterLabel
			case dialect.AfterLabel:
				at.Side = dialect.BeforeLabel
			case dialect.AtEnd:
			}
			return label, at, tolerant
		}
	}},
	{"existing label accepted by AddValue", "Adding a label that exists returns ErrLabelExists", func(m *mutant) {
		m.add = func(label string, at dialect.LabelPlace, _ bool) (string, dialect.LabelPlace, bool) {
			return label, at, true
		}
	}},
	{"existing label rejected by EnsureValue", "EnsureValue accepts a label that exists, reports whether it added the label, and keeps the caller's transaction usable", func(m *mutant) {
		m.add = func(label string, at dialect.LabelPlace, _ bool) (string, dialect.LabelPlace, bool) {
			return label, at, false
		}
	}},
	{"added is always true", "EnsureValue accepts a label that exists, reports whether it added the label, and keeps the caller's transaction usable", func(m *mutant) {
		m.added = func(_ bool, err error) (bool, error) { return true, err }
	}},
	{"added is always false", "EnsureValue accepts a label that exists, reports whether it added the label, and keeps the caller's transaction usable", func(m *mutant) {
		m.added = func(_ bool, err error) (bool, error) { return false, err }
	}},
	{"error of AddValue lost", "Using an enum that was dropped, renamed or replaced after the load returns ErrNotFound", func(m *mutant) {
		m.added = func(added bool, _ error) (bool, error) { return added, nil }
	}},
	{"renaming does nothing", "RenameValue changes the text of a label and keeps its position", func(m *mutant) {
		m.rename = func(from, to string) (string, string, bool) { return from, to, true }
	}},
	{"unknown neighbour reported as existing label", "Adding a label that exists returns ErrLabelExists", func(m *mutant) {
		m.classify = func(f dialect.Failure, right error) error {
			if f.Op == dialect.OpAddLabel && right != nil {
				return massive.ErrLabelExists
			}
			return right
		}
	}},
	{"enum altered outside its transaction", "Other sessions see a transaction's changes to an enum after the commit, and never after a rollback", func(m *mutant) {
		m.querier = func(dialect.Querier) dialect.Querier { return m.DB() }
	}},
	{"altered enum not locked", "A change to an enum blocks other changes to it until its transaction ends", func(m *mutant) {
		m.querier = func(dialect.Querier) dialect.Querier { return m.DB() }
	}},
	{"EnsureValue of an existing label keeps the lock", "A change to an enum blocks other changes to it until its transaction ends", func(m *mutant) {
		m.locks = func(ctx context.Context, q dialect.Querier, enum dialect.Name, label string) error {
			return errors.Join(m.Fake.RenameEnumLabel(ctx, q, enum, label, "meanwhile"), m.Fake.RenameEnumLabel(ctx, q, enum, "meanwhile", label))
		}
	}},
	{"enum altered by another role", "Altering an enum that another role owns returns ErrPermission", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			cat.Enums[i].Owner = cat.Server.User
		}
	})},
	{"UsedBy unordered", "UsedBy lists the columns of an enum, also in arrays and through domains, by table and position", func(m *mutant) {
		m.used = func(used []dialect.EnumColumn, err error) ([]dialect.EnumColumn, error) {
			used = slices.Clone(used)
			slices.Reverse(used)
			return used, err
		}
	}},
	{"UsedBy without arrays", "UsedBy lists the columns of an enum, also in arrays and through domains, by table and position", func(m *mutant) {
		m.used = func(used []dialect.EnumColumn, err error) ([]dialect.EnumColumn, error) {
			return slices.DeleteFunc(slices.Clone(used), func(c dialect.EnumColumn) bool { return c.Array }), err
		}
	}},
	{"UsedBy without domains", "UsedBy lists the columns of an enum, also in arrays and through domains, by table and position", func(m *mutant) {
		m.used = func(used []dialect.EnumColumn, err error) ([]dialect.EnumColumn, error) {
			return slices.DeleteFunc(slices.Clone(used), func(c dialect.EnumColumn) bool { return c.Through != nil }), err
		}
	}},
	{"UsedBy of a dropped enum is empty", "Using an enum that was dropped, renamed or replaced after the load returns ErrNotFound", func(m *mutant) {
		m.used = func(used []dialect.EnumColumn, _ error) ([]dialect.EnumColumn, error) { return used, nil }
	}},
	{"every column fits every field", "If a view's columns do not fit the struct, Verify returns ErrDrift", func(m *mutant) {
		m.unfit = func(string) string { return "" }
	}},
	{"no column fits any field", "If a view's columns do not fit the struct, Verify returns ErrDrift", func(m *mutant) {
		m.unfit = func(string) string { return "it doesn't" }
	}},
	{"two names of one enum treated as two enums", "If several expectations name the same enum, in either form of its name, each must be met", onObjects(func(o *dialect.Object) {
		o.Visible = false
	})},
	{"labels lost on load", "If an enum's labels differ from the expected ones, Load, Reload and Verify return ErrDrift", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			cat.Enums[i].Labels = cat.Enums[i].Labels[:min(2, len(cat.Enums[i].Labels))]
		}
	})},
}
