package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// An Expectation is something that a program takes for granted of a structure, such as the labels of an enum that it
// has constants for. It is checked whenever structures are loaded that are selected with it. It never changes, and is
// safe for concurrent use. The zero value is refused.
type Expectation struct {
	kind    dialect.Kind
	name    dialect.Name // as the program wrote it
	invalid error        // why it can't be
	enum    *enumShape   // nil for one about another kind
	rows    *rowShape    // likewise
}

// An ExpectOption changes what an expectation tolerates. Each may be given once. The zero value is refused.
type ExpectOption struct{ name string }

// AllowExtra tolerates what the database has beyond what is expected: further labels of an enum, wherever they stand
// among the expected ones, or further columns of a view.
func AllowExtra() ExpectOption { return ExpectOption{"AllowExtra"} }

// An enumShape is labels in their order.
type enumShape struct {
	labels []string
	extra  bool // others may stand among them
}

// EnumIs expects an enum to exist and to have exactly these labels, in this order. The
// name is as for a lookup. Without values the enum must have no label. Calls that take
// the expectation return [dialect.ErrInvalid] if a label repeats, is longer than the
// server allows, is not UTF-8 or holds a NUL.
func EnumIs[T ~string](name string, values []T, opts ...ExpectOption) Expectation {
	e := expectation(dialect.KindEnum, name)
	shape := &enumShape{labels: make([]string, len(values))}
	for i, v := range values {
		shape.labels[i] = string(v)
	}
	e.enum = shape
	if e.invalid == nil {
		shape.extra, e.invalid = allowsExtra(opts)
	}
	if e.invalid == nil {
		e.invalid = shape.check()
	}
	return e
}

func expectation(k dialect.Kind, name string) Expectation {
	n, err := dialect.ParseName(name)
	return Expectation{kind: k, name: n, invalid: err}
}

func allowsExtra(opts []ExpectOption) (extra bool, err error) {
	for i, o := range opts {
		if o.name == "" {
			return false, fmt.Errorf("%w: option %d is the zero ExpectOption", dialect.ErrInvalid, i+1)
		}
		if extra {
			return false, fmt.Errorf("%w: option %s is given twice", dialect.ErrInvalid, o.name)
		}
		extra = true
	}
	return extra, nil
}

func (s *enumShape) check() error {
	seen := make(map[string]bool, len(s.labels))
	for _, l := range s.labels {
		if err := checkLabel(l, 0); err != nil {
			return err
		}
		if seen[l] {
			return fmt.Errorf("%w: label %s is given twice", dialect.ErrInvalid, brief(l))
		}
		seen[l] = true
	}
	return nil
}

// consistent is the error of expectations that can't be met, whatever the database behind q holds.
func (sel *Selection) consistent(q dialect.Querier) error {
	for i, e := range sel.Expect {
		switch {
		case e.kind == 0:
			return fmt.Errorf("%w: expectation %d is the zero Expectation", dialect.ErrInvalid, i+1)
		case e.invalid != nil:
			return fmt.Errorf("what is expected of %s %s: %w", e.kind, e.name, e.invalid)
		case !sel.Has(e.kind):
			return fmt.Errorf("%w: something is expected of %s %s, and Only leaves that kind out", dialect.ErrInvalid, e.kind, e.name)
		}
	}
	return contradiction(sel.Expect, func(e *Expectation) dialect.Name { return e.name }, mapper(q))
}

// compare lists how labels differ from the expected ones, extra ones always.
func (s *enumShape) compare(labels []string) (d DriftError) {
	place := make(map[string]int, len(labels))
	for i, l := range labels {
		place[l] = i
	}
	expected := make(map[string]bool, len(s.labels))
	var both []string
	var places []int
	for _, l := range s.labels {
		expected[l] = true
		if i, ok := place[l]; ok {
			both, places = append(both, l), append(places, i)
		} else {
			d.Missing = append(d.Missing, l)
		}
	}
	for _, l := range labels {
		if !expected[l] {
			d.Extra = append(d.Extra, l)
		}
	}
	for i, stays := range longestRise(places) {
		if !stays {
			d.Reordered = append(d.Reordered, both[i])
		}
	}
	return d
}

// longestRise marks the members of a longest subsequence that rises. The numbers differ from each other.
func longestRise(numbers []int) []bool {
	var ends []int // by length less one: the place of the least number that such a subsequence ends with
	before := make([]int, len(numbers))
	for i, n := range numbers {
		at, _ := slices.BinarySearchFunc(ends, n, func(end, n int) int { return numbers[end] - n })
		before[i] = -1
		if at > 0 {
			before[i] = ends[at-1]
		}
		if at == len(ends) {
			ends = append(ends, i)
		} else {
			ends[at] = i
		}
	}
	marked := make([]bool, len(numbers))
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = before[i] {
			marked[i] = true
		}
	}
	return marked
}

// meets is the error where the registry is not as expected: [Drifts], all of them, or one that wraps
// [dialect.ErrInvalid] where only now it shows that the expectations can't be met.
func (r *Registry) meets(all []Expectation) error {
	err := contradiction(all, func(e *Expectation) dialect.Name {
		if e.kind == dialect.KindMatview {
			if found, ok := r.matviews.get(e.name); ok {
				return found.def.Name
			}
		} else if found, ok := r.enums.get(e.name); ok {
			return found.def.Name
		}
		return e.name
	}, mapper(r.access.querier))
	if err != nil {
		return err
	}
	var drifts Drifts
	const suggested = 100 // looking for near names takes long, and a database may lack everything
	unknown := 0
	for _, e := range all {
		drift, err := r.drift(&e)
		if err != nil {
			return fmt.Errorf("what is expected of %s %s: %w", e.kind, e.name, err)
		}
		if drift == nil {
			continue
		}
		drifts = append(drifts, drift)
		if why, ok := drift.Err.(*NotFoundError); ok && why.Reason == ReasonUnknown && unknown < suggested { //nolint:errorlint // it is ours
			unknown++
			if why.Near = near(why.Name, r.enums.sorted); why.Kind == dialect.KindMatview {
				why.Near = near(why.Name, r.matviews.sorted)
			}
		}
	}
	if drifts == nil {
		return nil // and not a Drifts that is nil
	}
	return drifts
}

// drift is nil where the expectation is met.
func (r *Registry) drift(e *Expectation) (*DriftError, error) {
	if e.rows != nil {
		return r.driftOfRows(e)
	}
	for _, l := range e.enum.labels {
		if err := checkLabel(l, r.access.server.MaxNameBytes); err != nil {
			return nil, err
		}
	}
	found, err := search(r, &r.enums, e.name.Quoted())
	if err != nil {
		return notThere(e, err, e.enum.labels)
	}
	d := e.enum.compare(found.def.Labels)
	if e.enum.extra {
		d.Extra = nil
	}
	if len(d.Missing) == 0 && len(d.Extra) == 0 && len(d.Reordered) == 0 {
		return nil, nil
	}
	d.Kind, d.Name = e.kind, found.def.Name
	d.Expected, d.Actual = slices.Clone(e.enum.labels), slices.Clone(found.def.Labels)
	return &d, nil
}

// notThere is the drift of a structure that was not found, with all that is missing of it.
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
			parts = append(parts, p.word+" "+what+" "+quoted(p.list))
		}
	}
	if len(e.Reordered) > 0 {
		parts = append(parts, fmt.Sprintf("the program has %s, the database %s", quoted(e.Expected), quoted(e.Actual)))
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
