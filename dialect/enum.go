package dialect

import "context"

// The operations on enums, as errors name them.
const (
	OpAddLabel    Op = "add a label to"
	OpRenameLabel Op = "rename a label of"
	OpUsedBy      Op = "look for the columns of"
	OpParseLabel  Op = "parse a label of"
	OpUseLabel    Op = "use a label of"
)

// An EnumDialect finds the columns of enums and changes their labels. [NoEnums] has a default for
// each method.
type EnumDialect interface {
	// EnumColumns returns the columns whose values are the enum's, by relation and place in it.
	EnumColumns(ctx context.Context, q Querier, enum Name) ([]EnumColumn, error)

	// AddEnumLabel adds a label and reports whether it did. The label must be usable in existing
	// columns of the enum once the transaction has committed. If the enum has the label already and
	// tolerant is set, that is no error, and q's transaction stays alive. AddEnumLabel must not
	// commit q's transaction.
	AddEnumLabel(ctx context.Context, q Querier, enum Name, label string, at LabelPlace, tolerant bool) (added bool, err error)

	// RenameEnumLabel gives a label another text. It must not commit q's transaction.
	RenameEnumLabel(ctx context.Context, q Querier, enum Name, from, to string) error
}

// NoEnums is the [EnumDialect] of a database without enums. Its methods return an [Unsupported]
// error.
type NoEnums struct{}

var _ EnumDialect = NoEnums{}

// EnumColumns returns an [Unsupported] error.
func (NoEnums) EnumColumns(context.Context, Querier, Name) ([]EnumColumn, error) {
	return nil, Unsupported("find the columns of enums")
}

// AddEnumLabel returns an [Unsupported] error.
func (NoEnums) AddEnumLabel(context.Context, Querier, Name, string, LabelPlace, bool) (bool, error) {
	return false, Unsupported("add labels to enums")
}

// RenameEnumLabel returns an [Unsupported] error.
func (NoEnums) RenameEnumLabel(context.Context, Querier, Name, string, string) error {
	return Unsupported("rename the labels of enums")
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
