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

// Expect makes [Load], and every Reload after it, fail unless the database is as expected. No snapshot that breaks an
// expectation is published, so a program finds only what it was written for. The error wraps [ErrDrift], as [Drifts],
// which list everything that differs. Two expectations that contradict each other always give ErrDrift. Errors:
// [ErrInvalid] for an expectation that no database can meet, such as a label that is not UTF-8.
func Expect(expectations ...Expectation) LoadOption {
	return LoadOption{option.New("Expect", func(s *selection) error {
		if len(expectations) == 0 {
			return fmt.Errorf("%w: no expectation is given", ErrInvalid)
		}
		s.expect = slices.Clone(expectations)
		return nil
	})}
}

// Verify reads the structures again, as [DB.Reload] does, and checks what was expected at Load and what is expected here,
// for example in CI or after a migration. It publishes nothing. Nil means that everything is as expected. Errors: as for
// [Load], and [ErrInvalid] if nothing is expected, here or at Load.
func (m *DB) Verify(ctx context.Context, expectations ...Expectation) error {
	sel := m.selection
	sel.expect = slices.Concat(sel.expect, expectations)
	if len(sel.expect) == 0 {
		return &Error{Op: dialect.OpVerify, Err: fmt.Errorf("%w: nothing is expected: give Verify, or Load, an expectation", ErrInvalid)}
	}
	if _, err := load(ctx, m.querier, m.dialect, sel); err != nil {
		return &Error{Op: dialect.OpVerify, Err: cause(err)}
	}
	return nil
}

// An Expectation is something that a program takes for granted of a structure, such as the labels of an enum that it has
// constants for. [EnumIs] and [RowsAre] make one. It never changes, and is safe for concurrent use. The zero value is
// refused.
type Expectation struct {
	kind    Kind
	name    Name       // as the program wrote it
	invalid error      // why it can't be
	enum    *enumShape // nil for one about another kind
	rows    *rowShape  // likewise
}

// An ExpectOption changes what an expectation tolerates. Each may be given once. The zero value is refused.
type ExpectOption struct{ set option.Option[tolerance] }

// A tolerance is what options say.
type tolerance struct{ extra bool }

// AllowExtra tolerates what the database has beyond what is expected: further labels of an enum, wherever they stand
// among the expected ones, or further columns of a view.
func AllowExtra() ExpectOption {
	return ExpectOption{option.Set("AllowExtra", func(t *tolerance) { t.extra = true })}
}

// An enumShape is labels in their order.
type enumShape struct {
	labels []string
	extra  bool // others may stand among them
}

// EnumIs expects an enum to exist, under a name as for [DB.Enum], and to have exactly these labels, in this order: the
// constants of a Go type whose kind is string.
//
//	massive.Expect(massive.EnumIs("mood", []Mood{Sad, Ok, Happy}))
//
// With [AllowExtra], or if T allows it by [AllowsExtra], the database may have other labels, too, wherever they stand.
// Without values the enum must have no label. An empty label is one like any other. Labels that were appended locally
// don't count. Calls that take the expectation return [ErrInvalid] if a label repeats, is longer than the server allows,
// is not UTF-8 or holds a NUL.
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
	n, err := dialect.ParseName(name)
	return Expectation{kind: k, name: n, invalid: err}
}

// tolerance applies the options, and keeps their error.
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

// consistent refuses expectations that can't be met, whatever the database holds.
func (sel *selection) consistent() error {
	for i, e := range sel.expect {
		switch {
		case e.kind == 0:
			return fmt.Errorf("%w: expectation %d is the zero Expectation", ErrInvalid, i+1)
		case e.invalid != nil:
			return fmt.Errorf("what is expected of %s %s: %w", e.kind, e.name, e.invalid)
		case !sel.Has(e.kind):
			return fmt.Errorf("%w: something is expected of %s %s, and Only excludes that kind", ErrInvalid, e.kind, e.name)
		}
	}
	return nil
}

// A comparison compares a registry with what is expected of it.
type comparison struct {
	*Registry
	dialect dialect.Dialect
	querier Querier
}

// meets returns an error if the registry is not as expected: [Drifts], which has all of them, or one that wraps
// [ErrInvalid] for a label that the server has no room for.
func (c comparison) meets(all []Expectation) error {
	c.Registry = c.DropLabels()
	var drifts Drifts
	const suggested = 100 // looking for near names takes long, and a database may lack everything
	unknown := 0
	for _, e := range all {
		drift, err := c.drift(&e)
		if err != nil {
			return fmt.Errorf("what is expected of %s %s: %w", e.kind, e.name, err)
		}
		if drift == nil {
			continue
		}
		drifts = append(drifts, drift)
		if why, ok := drift.Err.(*NotFoundError); ok && why.Reason == ReasonUnknown && unknown < suggested { //nolint:errorlint // it is ours
			unknown++
			c.Suggest(why)
		}
	}
	if drifts == nil {
		return nil // and not a Drifts that is nil
	}
	return drifts
}

// drift returns nil if the expectation is met.
func (c comparison) drift(e *Expectation) (*DriftError, error) {
	if e.rows != nil {
		return c.driftOfRows(e)
	}
	for _, l := range e.enum.labels {
		if err := registry.CheckLabel(l, c.Server().MaxNameBytes); err != nil {
			return nil, err
		}
	}
	if err := c.Find(e.kind, e.name); err != nil {
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

// notThere returns the drift of a structure that was not found, with everything that is missing of it.
func notThere(e *Expectation, err error, missing []string) (*DriftError, error) {
	var why *NotFoundError
	if !errors.As(err, &why) {
		return nil, errors.Unwrap(err) // the name can't be one
	}
	return &DriftError{Kind: e.kind, Name: e.name, Missing: slices.Clone(missing), Err: why}, nil
}

// A DriftError says how a structure differs from what the program expects of it. It wraps [dialect.ErrDrift].
type DriftError struct {
	Kind dialect.Kind
	Name dialect.Name // the structure's; as the program wrote it where there is none of that name

	// Missing are the labels, or columns, that are expected and not there, in the program's order.
	Missing []string
	// Extra are those that are there and not expected, in the database's order. With AllowExtra there are none.
	Extra []string
	// Reordered are labels that are expected and there, in another place: the fewest that would have to move for the
	// others to be in order, in the program's order.
	Reordered []string
	// Mismatched are columns whose type does not go into the field that is meant for them, in the program's order.
	Mismatched []Mismatch

	// Expected and Actual are all labels, of the program and of the database, each in its order. Empty for a view.
	Expected, Actual []string

	// Err says why there is no such structure, as a [*NotFoundError]. Nil where there is one.
	Err error
}

// A Mismatch is a column whose values don't go into its field.
type Mismatch struct {
	Column string
	Type   string // the database's: "text"
	Field  string // of the struct, with its type: "Total int64"
	Why    string
}

// String is the mismatch in a line of at most [dialect.MaxText] bytes.
func (m Mismatch) String() string {
	return dialect.Cut(fmt.Sprintf("column %s of type %s does not go into %s: %s",
		dialect.Name{Name: m.Column}, dialect.Cut(m.Type, dialect.MaxText/8), dialect.Cut(m.Field, dialect.MaxText/8), m.Why), dialect.MaxText)
}

// Error names at most five labels, or columns, of each list, and counts the rest. It
// takes at most [dialect.MaxText] bytes.
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

// Unwrap is [dialect.ErrDrift], and Err.
func (e *DriftError) Unwrap() []error {
	if e.Err != nil {
		return []error{dialect.ErrDrift, e.Err}
	}
	return []error{dialect.ErrDrift}
}

// Drifts are all that differs from what a program expects, in the order of its expectations. [errors.As] finds them
// all at once, or the first as a [*DriftError].
type Drifts []*DriftError

// Error is the first five drifts, a line each, and how many more there are. It takes at
// most [dialect.MaxText] bytes.
func (ds Drifts) Error() string { return dialect.Few(ds, "\n", (*DriftError).Error) }

// Unwrap is each of them.
func (ds Drifts) Unwrap() []error {
	errs := make([]error, len(ds))
	for i, d := range ds {
		errs[i] = d
	}
	return errs
}
