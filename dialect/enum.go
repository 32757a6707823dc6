package dialect

import (
	"context"
	"reflect"
)

// The operations on enums, as errors name them.
const (
	OpAddLabel    Op = "add a label to"
	OpRenameLabel Op = "rename a label of"
	OpUsedBy      Op = "look for the columns of"
	OpParseLabel  Op = "parse a label of"
	OpUseLabel    Op = "use a label of"
)

// An EnumReader finds out what the load leaves out of enums.
type EnumReader interface {
	// EnumColumns are the columns whose values are the enum's, by relation and place in it.
	EnumColumns(ctx context.Context, q Querier, enum Name) ([]EnumColumn, error)
}

// An EnumColumn is a column whose values are an enum's.
type EnumColumn struct {
	Relation Name
	Kind     string // of the relation: "table", "view", "materialized view", "composite type" …
	Column   string
	Type     string // the column's, as SQL writes it: "mood", "mood[]"
	Array    bool   // it holds arrays of the enum
	// Through are the types between the column's and the enum, from the column's on: domains and ranges. Empty for
	// a column of the enum itself, or of its arrays.
	Through []Name
}

// String is the column in a line: "table public.people.moods of type mood[]".
func (c EnumColumn) String() string {
	return c.Kind + " " + ColumnRef{c.Relation, c.Column}.String() + " of type " + c.Type
}

// An EnumAlterer changes the labels of enums.
type EnumAlterer interface {
	// AddEnumLabel adds a label. Where the enum has it already, and tolerant is set, that is no error, a caller's
	// transaction lives on, and added is false.
	AddEnumLabel(ctx context.Context, q Querier, enum Name, label string, at LabelPlace, tolerant bool) (added bool, err error)

	// RenameEnumLabel gives a label another text.
	RenameEnumLabel(ctx context.Context, q Querier, enum Name, from, to string) error
}

// A LabelPlace is where a new label goes. Its zero value is the end. The core passes on
// no other side than those below, and no neighbour with AtEnd.
type LabelPlace struct {
	Side      LabelSide
	Neighbour string // the label to go beside; it may be empty, since "" is a label, too
}

// A LabelSide is a side of a label. Its zero value is AtEnd.
type LabelSide int

// The sides of a label, and the end of all labels.
const (
	AtEnd LabelSide = iota
	BeforeLabel
	AfterLabel
)

// A RowChecker knows which columns go into which Go values.
type RowChecker interface {
	// CheckColumn says why values of a column of this type, as the catalog writes it, don't go
	// into a Go value of that type through database/sql, whatever the driver. If they do, or if
	// it isn't known, why is empty. If known is false the core takes a column whose type has an
	// enum's name for one of the enum. The core asks for neither pointers, nor types that scan
	// by themselves, nor interfaces.
	CheckColumn(column string, field reflect.Type) (why string, known bool)
}
