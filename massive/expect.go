package massive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/lists"
	"github.com/massivedb/massive-go/internal/option"
	"github.com/massivedb/massive-go/internal/printable"
	"github.com/massivedb/massive-go/registry"
)

// Expect makes [Load], and every Reload after it, fail unless the database is as
// expected. A snapshot that violates an expectation is never published. The error wraps
// [ErrDrift], as [Drifts] with all differences. If two expectations contradict each
// other, the error is always ErrDrift. Errors: [ErrInvalid] for an expectation that no
// database can meet, such as a label that is not UTF-8.
func Expect(expectations ...Expectation) LoadOption {
	return LoadOption{option.New("Expect", func(s *selection) error {
		if len(expectations) == 0 {
			return fmt.Errorf("%w: no expectation is given", ErrInvalid)
		}
		s.expect = slices.Clone(expectations)
		return nil
	})}
}

// Verify reads the structures again and checks the expectations of Load and the given
// ones, for example in CI or after a migration. It publishes nothing. If it returns nil,
// the database is as expected. Errors: as for [Load], and [ErrInvalid] if there is no
// expectation.
func (m *DB) Verify(ctx context.Context, expectations ...Expectation) error {
	sel := m.selection
	sel.expect = slices.Concat(sel.expect, expectations)
	for i := range expectations {
		sel.expect[len(m.selection.expect)+i].schema = m.schema
	}
	if len(sel.expect) == 0 {
		return &Error{Op: dialect.OpVerify, Err: fmt.Errorf("%w: nothing is expected: pass an expectation to Verify or Load", ErrInvalid)}
	}
	if _, err := load(ctx, m.querier, m.dialect, sel); err != nil {
		return &Error{Op: dialect.OpVerify, Err: cause(err)}
	}
	return nil
}

// VerifyColumns checks the expectations of Load as if a view had these columns, before
// the view is altered. It checks them against the snapshot, and queries nothing. The types
// are written as those of [DB.Matview]'s Columns. Without expectations it returns nil.
// Errors: [ErrDrift], as [Drifts] with all differences.
func (m *DB) VerifyColumns(view Name, columns []dialect.Column) error {
	c := comparison{Registry: m.Registry(), dialect: m.dialect, querier: m.querier, view: view, columns: columns}
	if err := c.meets(m.selection.expect); err != nil {
		return &Error{Op: dialect.OpVerify, Name: view, Err: err}
	}
	return nil
}

// An Expectation is something that a program assumes about a structure, such as the labels
// of an enum. [EnumIs] and [RowsAre] return one. An Expectation never changes, and is
// safe for concurrent use. The zero value is invalid.
type Expectation struct {
	kind    Kind
	name    Name            // as the program wrote it
	pattern dialect.Pattern // of the names; zero without a wildcard
	schema  string          // resolves a bare name before the search path; empty for none
	invalid error           // why no database can meet it
	enum    *enumShape      // nil for another kind
	rows    *rowShape       // nil for another kind
}

// An ExpectOption changes what an expectation tolerates. Each option may be given once. The
// zero value is invalid.
type ExpectOption struct{ set option.Option[tolerance] }

// A tolerance combines the options of an expectation.
type tolerance struct{ extra bool }

// AllowExtra tolerates what the database has in addition: other labels of an enum, at any
// place among the expected labels, or other columns of a view.
func AllowExtra() ExpectOption {
	return ExpectOption{option.Set("AllowExtra", func(t *tolerance) { t.extra = true })}
}

// An enumShape has the expected labels in order.
type enumShape struct {
	labels []string
	extra  bool // other labels are tolerated
}

// EnumIs expects an enum to exist and to have exactly these labels, in this order. The
// name is as for [DB.Enum], or a pattern as for [Include], such as tenant_*.mood: then
// every loaded enum that matches is compared, and at least one must match. The labels are
// usually the constants of a Go string type:
//
//	massive.Expect(massive.EnumIs("mood", []Mood{Sad, Ok, Happy}))
//
// With [AllowExtra], or if T implements [AllowsExtra], the database may have other
// labels, too, at any place. Without values the enum must have no labels. The empty text
// is a valid label. Locally appended labels don't count. Calls that take the expectation
// return [ErrInvalid] if a label repeats, is longer than the server allows, is not UTF-8
// or contains a NUL byte.
func EnumIs[T ~string](name string, values []T, opts ...ExpectOption) Expectation {
	e := expectation(KindEnum, name)
	tolerated := e.tolerance(opts)
	shape := &enumShape{labels: make([]string, len(values)), extra: tolerated.extra || allowsExtra[T]()}
	for i, v := range values {
		shape.labels[i] = string(v)
	}
	e.enum = shape
	if e.invalid == nil {
		e.invalid = shape.check()
	}
	return e
}

func expectation(k Kind, name string) Expectation {
	e := Expectation{kind: k}
	e.name, e.invalid = dialect.ParseName(name)
	if p, err := dialect.ParsePattern(name); err == nil && p.HasWildcard() {
		e.pattern = p
	}
	return e
}

// tolerance applies the options and stores their error.
func (e *Expectation) tolerance(opts []ExpectOption) (t tolerance) {
	err := option.Apply(&t, "ExpectOption", opts, func(o ExpectOption) option.Option[tolerance] { return o.set })
	if e.invalid == nil {
		e.invalid = err
	}
	return t
}

func (s *enumShape) check() error {
	seen := make(map[string]bool, len(s.labels))
	for _, l := range s.labels {
		if err := registry.CheckLabel(l, 0); err != nil {
			return err
		}
		if seen[l] {
			return fmt.Errorf("%w: label %s is given twice", ErrInvalid, printable.Brief(l))
		}
		seen[l] = true
	}
	return nil
}

// consistent returns an error if no database can meet the expectations.
func (sel *selection) consistent() error {
	for i, e := range sel.expect {
		switch {
		case e.kind == 0:
			return fmt.Errorf("%w: expectation %d is the zero Expectation", ErrInvalid, i+1)
		case e.invalid != nil:
			return fmt.Errorf("the expectation of %s %s: %w", e.kind, e.name, e.invalid)
		case !sel.Has(e.kind):
			return fmt.Errorf("%w: %s %s has an expectation, and Only excludes that kind", ErrInvalid, e.kind, e.name)
		}
	}
	return nil
}

// A comparison compares a registry with expectations.
type comparison struct {
	*Registry
	dialect dialect.Dialect
	querier Querier
	// The columns of this view are compared instead of those in the registry.
	view    Name
	columns []dialect.Column
}

// meets returns [Drifts] with all differences, or nil. It returns an error that wraps
// [ErrInvalid] if the server does not allow such a long label.
func (c comparison) meets(all []Expectation) error {
	c.Registry = c.DropLabels()
	var drifts Drifts
	const suggested = 100 // limits the slow search for similar names
	unknown := 0
	for _, e := range c.expand(all) {
		drift, err := c.drift(&e)
		if err != nil {
			return fmt.Errorf("the expectation of %s %s: %w", e.kind, e.name, err)
		}
		if drift == nil {
			continue
		}
		drifts = append(drifts, drift)
		if why, ok := drift.Err.(*NotFoundError); ok && why.Reason == ReasonUnknown && unknown < suggested { //nolint:errorlint // notThere does not wrap it
			unknown++
			c.Suggest(why)
		}
	}
	if drifts == nil {
		return nil // a nil Drifts would not be a nil error
	}
	return drifts
}

// expand replaces each expectation that has a pattern by one for each matching structure.
// A pattern without a match stays.
func (c comparison) expand(all []Expectation) []Expectation {
	expanded := make([]Expectation, 0, len(all))
	for _, e := range all {
		if !e.pattern.HasWildcard() {
			expanded = append(expanded, e)
			continue
		}
		matching := c.InSchema(e.schema).Match(e.kind, e.pattern)
		if len(matching) == 0 {
			expanded = append(expanded, e)
		}
		for _, n := range matching {
			one := e
			one.name, one.pattern = n, dialect.Pattern{}
			expanded = append(expanded, one)
		}
	}
	return expanded
}

// find returns a nil error if the structure exists.
func (c comparison) find(e *Expectation) error {
	if e.pattern.HasWildcard() {
		return &Error{Op: dialect.OpLookup, Err: registry.NoMatch(e.kind, e.pattern)}
	}
	return c.Find(e.kind, e.name)
}

// drift returns nil if the database meets the expectation.
func (c comparison) drift(e *Expectation) (*DriftError, error) {
	c.Registry = c.InSchema(e.schema)
	if e.rows != nil {
		return c.driftOfRows(e)
	}
	for _, l := range e.enum.labels {
		if err := registry.CheckLabel(l, c.Server().MaxNameBytes); err != nil {
			return nil, err
		}
	}
	if err := c.find(e); err != nil {
		return notThere(e, err, e.enum.labels)
	}
	found, err := c.Enum(e.name.Quoted())
	if err != nil {
		return nil, err
	}
	actual := found.Values()
	d := lists.Compare(e.enum.labels, actual)
	if e.enum.extra {
		d.Extra = nil
	}
	if len(d.Missing) == 0 && len(d.Extra) == 0 && len(d.Reordered) == 0 {
		return nil, nil
	}
	return &DriftError{
		Kind: e.kind, Name: found.Name(), Missing: d.Missing, Extra: d.Extra, Reordered: d.Reordered,
		Expected: slices.Clone(e.enum.labels), Actual: actual,
	}, nil
}

// notThere returns the drift of a structure that was not found. Everything that is
// expected of it is missing.
func notThere(e *Expectation, err error, missing []string) (*DriftError, error) {
	var why *NotFoundError
	if !errors.As(err, &why) {
		return nil, errors.Unwrap(err) // the name is invalid
	}
	return &DriftError{Kind: e.kind, Name: e.name, Missing: slices.Clone(missing), Err: why}, nil
}

// A DriftError says how a structure differs from what the program expects. It wraps
// [ErrDrift].
type DriftError struct {
	Kind dialect.Kind
	Name dialect.Name // the structure's; if it does not exist, the name as the program wrote it

	// Missing has the labels, or columns, that are expected and do not exist, in the
	// program's order.
	Missing []string
	// Extra has the labels, or columns, that exist and are not expected, in the
	// database's order. With AllowExtra it is empty.
	Extra []string
	// Reordered has the labels that exist at another place than expected, in the
	// program's order. It is the smallest set that would have to move to put the other
	// labels in order.
	Reordered []string
	// Mismatched has the columns whose type does not fit into their field, in the
	// program's order.
	Mismatched []Mismatch

	// Expected and Actual have all labels, of the program and of the database, each in
	// its order. They are empty for a view.
	Expected, Actual []string

	// Err is a [*NotFoundError] if the structure does not exist. Otherwise it is nil.
	Err error
}

// A Mismatch is a column whose values don't fit into its field.
type Mismatch struct {
	Column string
	Type   string // in the database: "text"
	Field  string // in the struct, with its type: "Total int64"
	Why    string // in words
}

// String returns the mismatch in a line of at most [dialect.MaxText] bytes.
func (m Mismatch) String() string {
	return dialect.Cut(fmt.Sprintf("column %s of type %s does not fit into %s: %s",
		dialect.Name{Name: m.Column}, dialect.Cut(m.Type, dialect.MaxText/8), dialect.Cut(m.Field, dialect.MaxText/8), m.Why), dialect.MaxText)
}

// Error names at most five labels, or columns, of each list, and counts the rest. The
// text has at most [dialect.MaxText] bytes.
func (e *DriftError) Error() string { return dialect.Cut(e.text(), dialect.MaxText) }

func (e *DriftError) text() string {
	text := fmt.Sprintf("%v: %s %s: ", dialect.ErrDrift, e.Kind, e.Name)
	if e.Err != nil {
		return text + e.Err.Error()
	}
	what := "labels"
	if e.Kind == dialect.KindMatview {
		what = "columns"
	}
	var parts []string
	for _, p := range []struct {
		word string
		list []string
	}{{"missing", e.Missing}, {"extra", e.Extra}, {"reordered", e.Reordered}} {
		if len(p.list) > 0 {
			parts = append(parts, p.word+" "+what+" "+printable.Quoted(p.list))
		}
	}
	if len(e.Reordered) > 0 {
		parts = append(parts, fmt.Sprintf("the program has %s, the database %s", printable.Quoted(e.Expected), printable.Quoted(e.Actual)))
	}
	if len(e.Mismatched) > 0 {
		parts = append(parts, dialect.Few(e.Mismatched, "; ", Mismatch.String))
	}
	return text + strings.Join(parts, "; ")
}

// Unwrap returns [ErrDrift] and Err.
func (e *DriftError) Unwrap() []error {
	if e.Err != nil {
		return []error{dialect.ErrDrift, e.Err}
	}
	return []error{dialect.ErrDrift}
}

// Drifts lists all differences from what a program expects, in the order of its
// expectations. [errors.As] finds the list, or its first element as a [*DriftError].
type Drifts []*DriftError

// Error returns the first five drifts, a line each, and the number of the others. The
// text has at most [dialect.MaxText] bytes.
func (ds Drifts) Error() string { return dialect.Few(ds, "\n", (*DriftError).Error) }

// Unwrap returns all drifts.
func (ds Drifts) Unwrap() []error {
	errs := make([]error, len(ds))
	for i, d := range ds {
		errs[i] = d
	}
	return errs
}
