package registry

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/printable"
)

// An Enum is an enumerated type as it was loaded, with labels that were appended locally.
// Its labels are in memory and never change. Only UsedBy queries the database. An Enum is
// safe for concurrent use; UsedBy is if its querier is. A [Registry] returns Enums. Later
// releases may add methods.
type Enum interface {
	// Name returns the type's name, with its schema.
	Name() dialect.Name
	// Values returns the labels in the type's order, locally appended ones last. The
	// slice is the caller's.
	Values() []string
	// All iterates over positions, from 0, and labels, without a copy.
	All() iter.Seq2[int, string]
	// Len returns the number of labels.
	Len() int
	// Contains reports whether the enum has the label, exactly as it is written.
	Contains(label string) bool
	// Position returns the label's place in the type's order, from 0, or -1 if the enum
	// doesn't have it.
	Position(label string) int
	// Compare orders two labels as the database does, by position. It is negative if a
	// comes before b. Labels that the enum doesn't have come last, by their bytes, so
	// that [slices.SortFunc] can use Compare.
	Compare(a, b string) int
	// Owner returns the role that owns the type.
	Owner() string
	// Comment returns the type's comment, or an empty text.
	Comment() string

	// UsedBy reads from the database which columns hold the enum or arrays of it, also
	// through domains and ranges. They are columns of tables, foreign tables, views,
	// materialized views and composite types, in the order of the relations' names and of
	// the columns in each. Temporary relations are skipped. Errors: ErrNotFound.
	UsedBy(ctx context.Context) ([]dialect.EnumColumn, error)
}

type enum struct {
	def       *dialect.EnumDef
	labels    []string       // def's labels, then those appended locally
	positions map[string]int // nil if there are few labels
	*access
}

// fewLabels is the number of labels up to which a linear search is as fast as a map.
const fewLabels = 8

func newEnum(def *dialect.EnumDef, local []string, a *access) *enum {
	e := enumOf(def, local, a)
	return &e
}

func enumOf(def *dialect.EnumDef, local []string, a *access) enum {
	e := enum{def: def, labels: def.Labels, access: a}
	if len(local) > 0 {
		e.labels = slices.Concat(def.Labels, local)
	}
	if len(e.labels) > fewLabels {
		e.positions = make(map[string]int, len(e.labels))
		for i, l := range e.labels {
			e.positions[l] = i
		}
	}
	return e
}

// append returns the enum with further local labels.
func (e *enum) append(labels []string, maxBytes int) (*enum, error) {
	local := e.labels[len(e.def.Labels):]
	seen := make(map[string]bool, len(labels))
	for _, l := range labels {
		if err := CheckLabel(l, maxBytes); err != nil {
			return nil, err
		}
		if e.Contains(l) || seen[l] {
			return nil, fmt.Errorf("%w: %s", dialect.ErrLabelExists, printable.Brief(l))
		}
		seen[l] = true
	}
	return newEnum(e.def, slices.Concat(local, labels), e.access), nil
}

// CheckLabel returns an error for a label that no enum can have. If maxBytes is 0, there
// is no limit. Errors: [dialect.ErrInvalid].
func CheckLabel(l string, maxBytes int) error {
	switch {
	case strings.IndexByte(l, 0) >= 0:
		return fmt.Errorf("%w: label %s contains a NUL byte", dialect.ErrInvalid, printable.Brief(l))
	case !utf8.ValidString(l):
		return fmt.Errorf("%w: label %s is not valid UTF-8", dialect.ErrInvalid, printable.Brief(l))
	case maxBytes > 0 && len(l) > maxBytes:
		return fmt.Errorf("%w: label %s is %d bytes long; the server's limit is %d", dialect.ErrInvalid, printable.Brief(l), len(l), maxBytes)
	}
	return nil
}

func (e *enum) object() *dialect.Object     { return &e.def.Object }
func (e *enum) Name() dialect.Name          { return e.def.Name }
func (e *enum) String() string              { return e.def.Name.String() }
func (e *enum) Values() []string            { return slices.Clone(e.labels) }
func (e *enum) All() iter.Seq2[int, string] { return slices.All(e.labels) }
func (e *enum) Len() int                    { return len(e.labels) }
func (e *enum) Contains(label string) bool  { return e.Position(label) >= 0 }
func (e *enum) Owner() string               { return e.def.Owner }
func (e *enum) Comment() string             { return e.def.Comment }

func (e *enum) Position(label string) int {
	if e.positions == nil {
		return slices.Index(e.labels, label)
	}
	if i, ok := e.positions[label]; ok {
		return i
	}
	return -1
}

func (e *enum) Compare(a, b string) int {
	i, j := e.Position(a), e.Position(b)
	switch {
	case i < 0 && j < 0:
		return strings.Compare(a, b)
	case i < 0:
		return 1
	case j < 0:
		return -1
	default:
		return cmp.Compare(i, j)
	}
}

func (e *enum) explain(ctx context.Context, op dialect.Op, err error) error {
	return explain(ctx, e.access, dialect.Failure{Op: op, Name: e.def.Name, Enum: e.def, Err: err})
}

func (e *enum) UsedBy(ctx context.Context) ([]dialect.EnumColumn, error) {
	d, err := operation(ctx, e.access)
	if err != nil {
		return nil, fail(dialect.OpUsedBy, e.def.Name, err)
	}
	columns, err := d.EnumColumns(ctx, e.querier, e.def.Name)
	if err != nil {
		return nil, e.explain(ctx, dialect.OpUsedBy, err)
	}
	return columns, nil
}
