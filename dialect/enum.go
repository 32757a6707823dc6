package dialect

import "context"

// The operations on enums.
const (
	// OpAddLabel adds a label.
	OpAddLabel Op = "add a label to"
	// OpRenameLabel renames a label.
	OpRenameLabel Op = "rename a label of"
	// OpUsedBy finds the columns that hold the enum.
	OpUsedBy Op = "look for the columns of"
	// OpParseLabel checks a text against the loaded labels. It does not call the dialect.
	OpParseLabel Op = "parse a label of"
	// OpUseLabel is a statement of the program's own. Classify finds out whether its
	// error is about a label of the enum: [ErrLabelUnknown] or [ErrLabelUncommitted].
	OpUseLabel Op = "use a label of"
)

// An EnumDialect finds the columns of enums and changes their labels. [NoEnums] has a
// default for each method.
type EnumDialect interface {
	// EnumColumns returns the columns that hold the enum or arrays of it, also through
	// domains and ranges. They are in the order of the relations' names and of the
	// columns in each relation. Errors: [ErrNotFound].
	EnumColumns(ctx context.Context, q Querier, enum Name) ([]EnumColumn, error)

	// AddEnumLabel adds a label and reports whether it did. Once the transaction has
	// committed, the label must be usable in existing columns. If the enum already has
	// the label and tolerant is set, added is false, there is no error, and q's
	// transaction can continue. If tolerant is not set, the error is [ErrLabelExists].
	// Added must be right even if another client adds the same label at the same time.
	//
	// If the program's querier is a *sql.DB, the core passes one connection of it: a pool
	// may send a statement twice, and the second time the label exists.
	//
	// Errors: [ErrNotFound]; [ErrLabelExists]; [ErrLabelUnknown] for a neighbour that the
	// enum doesn't have.
	AddEnumLabel(ctx context.Context, q Querier, enum Name, label string, at LabelPlace, tolerant bool) (added bool, err error)

	// RenameEnumLabel renames a label, in all rows that have it. As for AddEnumLabel, the
	// core passes one connection of a *sql.DB.
	//
	// Errors: [ErrNotFound]; [ErrLabelUnknown] if the enum doesn't have the label from;
	// [ErrLabelExists] if it already has the label to.
	RenameEnumLabel(ctx context.Context, q Querier, enum Name, from, to string) error
}

// NoEnums is the [EnumDialect] of a database without enums. Its methods return an
// [Unsupported] error.
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

// An EnumColumn is a column that holds values of an enum.
type EnumColumn struct {
	Relation Name
	Kind     string // the relation's kind, for example "table", "view" or "composite type"
	Column   string
	Type     string // the column's type as SQL writes it: "mood", "mood[]"
	Array    bool   // the column holds arrays
	// Through has the domains and ranges between the column's type and the enum, the
	// column's first. It is empty for a column of the enum itself or of arrays of it.
	Through []Name
}

// String returns the column in a line: "table public.people.moods of type mood[]".
func (c EnumColumn) String() string {
	return c.Kind + " " + ColumnRef{c.Relation, c.Column}.String() + " of type " + c.Type
}

// A LabelPlace is the place of a new label in an enum's order. The zero LabelPlace is the
// end.
type LabelPlace struct {
	Side LabelSide // the core passes only the three constants
	// Neighbour is the label next to the new one. It is empty if Side is AtEnd. It may
	// also be empty otherwise, because "" is a valid label.
	Neighbour string
}

// A LabelSide says where a new label goes.
type LabelSide int

// The sides of a label.
const (
	// AtEnd places the new label after all others.
	AtEnd LabelSide = iota
	// BeforeLabel places the new label immediately before its neighbour.
	BeforeLabel
	// AfterLabel places the new label immediately after its neighbour.
	AfterLabel
)
