package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/printable"
)

// A LabelError says that a text is none of an enum's labels. It wraps [dialect.ErrLabelUnknown].
type LabelError struct {
	Label  string
	Labels []string // all that the enum has, in its order
	Near   []string // those not far from Label; at most three, the nearest first
}

// UnknownLabel returns the error of a label that is not one of these.
func UnknownLabel(label string, labels []string) *LabelError {
	text := func(l string) string { return l }
	return &LabelError{Label: label, Labels: slices.Clone(labels), Near: nearest(label, labels, text, func(string) int { return 0 })}
}

func (e *LabelError) Error() string {
	text := fmt.Sprintf("%v: %s is none of %s", dialect.ErrLabelUnknown, printable.Brief(e.Label), printable.Quoted(e.Labels))
	if len(e.Near) > 0 {
		text += "; did you mean " + dialect.Few(e.Near, " or ", printable.Brief) + "?"
	}
	return dialect.Cut(text, dialect.MaxText)
}

// Unwrap returns [dialect.ErrLabelUnknown].
func (e *LabelError) Unwrap() error { return dialect.ErrLabelUnknown }

// AddEnumLabel adds a label to an enum in the database; the registry stays as it is. Where the enum has it already,
// and tolerant is set, that is no error, and added is false. It asks nothing of the database where the label can't be
// one, or where check returns an error for the registry as it would be then. Errors: [dialect.ErrNotFound], [dialect.ErrInvalid],
// [dialect.ErrDrift], [dialect.ErrLabelExists], [dialect.ErrLabelUnknown] for a neighbour that the enum doesn't have,
// [dialect.ErrPermission], [dialect.ErrReadOnly], [dialect.ErrBusy], [dialect.ErrUnavailable].
func (r *Registry) AddEnumLabel(ctx context.Context, name, label string, at dialect.LabelPlace, tolerant bool, check func(*Registry) error,
) (added bool, err error) {
	const op = dialect.OpAddLabel
	e, err := find(r, &r.enums, name)
	if err != nil {
		return false, err
	}
	switch at.Side {
	case dialect.AtEnd, dialect.BeforeLabel, dialect.AfterLabel:
	default:
		return false, fail(op, e.def.Name, fmt.Errorf("%w: a label has no side %d", dialect.ErrInvalid, at.Side))
	}
	if at.Side == dialect.AtEnd && at.Neighbour != "" {
		return false, fail(op, e.def.Name, fmt.Errorf("%w: the place names the label %q and no side of it", dialect.ErrInvalid, at.Neighbour))
	}
	alterer, err := r.alterer(ctx, e, []string{label, at.Neighbour})
	if err != nil {
		return false, fail(op, e.def.Name, err)
	}
	if !slices.Contains(e.def.Labels, label) {
		longer := slices.Clone(e.def.Labels)
		place := len(longer)
		if i := slices.Index(longer, at.Neighbour); at.Side != dialect.AtEnd && i >= 0 {
			place = i
			if at.Side == dialect.AfterLabel {
				place++
			}
		}
		if err := r.foresee(e, slices.Insert(longer, place, label), check); err != nil {
			return false, fail(op, e.def.Name, err)
		}
	}
	err = once(ctx, r.access.querier, func(q dialect.Querier) (err error) {
		added, err = alterer.AddEnumLabel(ctx, q, e.def.Name, label, at, tolerant)
		return err
	})
	if err != nil {
		return false, r.explainEnum(ctx, e, op, err)
	}
	return added, nil
}

// RenameEnumLabel gives a label of an enum another text in the database, in every row that has it; the registry stays
// as it is. Otherwise as [Registry.AddEnumLabel].
func (r *Registry) RenameEnumLabel(ctx context.Context, name, from, to string, check func(*Registry) error) error {
	const op = dialect.OpRenameLabel
	e, err := find(r, &r.enums, name)
	if err != nil {
		return err
	}
	alterer, err := r.alterer(ctx, e, []string{from, to})
	if err != nil {
		return fail(op, e.def.Name, err)
	}
	if i := slices.Index(e.def.Labels, from); i >= 0 && !slices.Contains(e.def.Labels, to) {
		renamed := slices.Clone(e.def.Labels)
		renamed[i] = to
		if err := r.foresee(e, renamed, check); err != nil {
			return fail(op, e.def.Name, err)
		}
	}
	err = once(ctx, r.access.querier, func(q dialect.Querier) error {
		return alterer.RenameEnumLabel(ctx, q, e.def.Name, from, to)
	})
	if err != nil {
		return r.explainEnum(ctx, e, op, err)
	}
	return nil
}

// alterer is what alters the enum, given labels that can be some.
func (r *Registry) alterer(ctx context.Context, e *enum, labels []string) (dialect.Dialect, error) {
	for _, l := range labels {
		if err := CheckLabel(l, r.access.server.MaxNameBytes); err != nil {
			return nil, err
		}
	}
	alterer, err := operation(ctx, &r.access)
	if err != nil {
		return nil, fmt.Errorf("enum %s: %w", e.def.Name, err)
	}
	return alterer, nil
}

// foresee checks the registry as it would be if the enum had these labels. A nil check passes.
func (r *Registry) foresee(e *enum, labels []string, check func(*Registry) error) error {
	if check == nil {
		return nil
	}
	def := *e.def
	def.Labels = labels
	err := check(r.replace(e, newEnum(&def, nil, e.access)))
	if err != nil {
		return fmt.Errorf("this program's own expectation forbids it, and nothing was changed: %w", err)
	}
	return nil
}

func (r *Registry) explainEnum(ctx context.Context, e *enum, op dialect.Op, err error) error {
	return explain(ctx, &r.access, dialect.Failure{Op: op, Name: e.def.Name, Enum: e.def, Err: err})
}

// ExplainEnum finds out what an error of a program's own statement says about an enum's labels. It returns an error that
// wraps err and [dialect.ErrLabelUnknown] or [dialect.ErrLabelUncommitted]. It returns other errors unchanged.
func (r *Registry) ExplainEnum(name string, err error) error {
	e, errName := find(r, &r.enums, name)
	if err == nil || errName != nil {
		return err
	}
	known := r.access.dialect.Classify(dialect.Failure{Op: dialect.OpUseLabel, Name: e.def.Name, Enum: e.def, Err: err})
	if errors.Is(known, dialect.ErrLabelUnknown) || errors.Is(known, dialect.ErrLabelUncommitted) {
		return fail(dialect.OpUseLabel, e.def.Name, &cause{known, err})
	}
	return err
}
