package massive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// What a program expects of the database.
type (
	// An Expectation is something that a program takes for granted of a structure: [EnumIs], [RowsAre].
	Expectation = registry.Expectation
	// An ExpectOption changes what an expectation tolerates: [AllowExtra].
	ExpectOption = registry.ExpectOption
	// A DriftError says how a structure differs from what is expected of it.
	DriftError = registry.DriftError
	// Drifts are all that differs, in the order of the expectations.
	Drifts = registry.Drifts
	// A Mismatch is a column whose values don't go into its field.
	Mismatch = registry.Mismatch
)

// Expect makes the load fail, and every Reload after it, unless all of the expectations are met: no picture that
// breaks them is ever published, so that what a lookup finds is what the program was written for. The error wraps
// [ErrDrift], as [Drifts], which list all that differs. Expectations that can't be met whatever the database holds
// (an enum's labels in two orders, or in orders that together go round in a circle; two structs for all columns of one
// view, and of different ones; a label that is not UTF-8 …) give [ErrInvalid], which names those that contradict each other.
func Expect(expectations ...Expectation) LoadOption {
	return LoadOption{"Expect", func(s *registry.Selection) error {
		if len(expectations) == 0 {
			return fmt.Errorf("%w: no expectation is given", ErrInvalid)
		}
		s.Expect = slices.Clone(expectations)
		return nil
	}}
}

// EnumIs expects an enum to exist, under a name as for [DB.Enum], and to have exactly
// these labels, in this order: the constants of a Go type whose kind is string.
//
//	massive.Expect(massive.EnumIs("mood", []Mood{Sad, Ok, Happy}))
//
// With [AllowExtra], or if T allows it by [AllowsExtra], the database may have other
// labels, too, wherever they stand. Without values the enum must have no label. An empty
// label is one like any other. Labels that were appended locally don't count. Calls that
// take the expectation return [ErrInvalid] if a label repeats, is longer than the server
// allows, is not UTF-8 or holds a NUL.
func EnumIs[T ~string](name string, values []T, opts ...ExpectOption) Expectation {
	if extra := AllowExtra(); allowsExtra[T]() && !slices.Contains(opts, extra) {
		opts = append(slices.Clone(opts), extra)
	}
	return registry.EnumIs(name, values, opts...)
}

// RowsAre expects a materialized view to exist, under a name as for [DB.Matview], and its rows to be read whole into
// values of type T, as [Matview].Select reads them:
//
//	massive.Expect(massive.RowsAre[Daily]("daily_sales"))
//
// T is a struct whose fields each have a column, as sqlx maps them (by the mapper of a *sqlx.DB or *sqlx.Tx that the
// structures are loaded through), or a plain value for a view of one column. A column that no field is for is an
// error, unless [AllowExtra] says otherwise, for a sqlx that is Unsafe. So is a column whose type the field can't take,
// whatever the driver: text in an int64, a bigint in an int32, an enum in an int (where [Only] leaves the enums out
// nothing tells that a type is one, and its column passes for whatever field). A field that scans by itself takes any.
// Whether there are NULLs is not looked at. A T that no row goes into is [ErrInvalid].
func RowsAre[T any](name string, opts ...ExpectOption) Expectation {
	return registry.RowsAre[T](name, opts...)
}

// AllowExtra tolerates what the database has beyond what is expected: further labels of an enum, further columns of
// a view.
func AllowExtra() ExpectOption { return registry.AllowExtra() }

// Verify reads the structures once more, as Reload does, and checks them against what was expected at Load and what
// is expected here, for instance in CI, or behind a migration. It publishes nothing. Nil means that all is met; with
// nothing to check, here or from Load, it is [ErrInvalid]. Other errors as for [Load], [ErrDrift] among them.
func (m *DB) Verify(ctx context.Context, expectations ...Expectation) error {
	sel := m.selection
	sel.Expect = slices.Concat(sel.Expect, expectations)
	if len(sel.Expect) == 0 {
		return &Error{Op: dialect.OpVerify, Err: fmt.Errorf("%w: nothing is expected: give Verify, or Load, an expectation", ErrInvalid)}
	}
	_, err := registry.Load(ctx, m.querier, m.dialect, sel)
	var e *Error
	if errors.As(err, &e) {
		return &Error{Op: dialect.OpVerify, Err: e.Err}
	}
	return err
}
