package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/printable"
)

// A LabelError says that a text is not a label of an enum. It wraps
// [dialect.ErrLabelUnknown].
type LabelError struct {
	Label  string   // the text
	Labels []string // the enum's labels, in order
	Near   []string // at most three labels that are similar to Label, the most similar first
}

// UnknownLabel returns the error of a label that is not in labels.
func UnknownLabel(label string, labels []string) *LabelError {
	text := func(l string) string { return l }
	return &LabelError{Label: label, Labels: slices.Clone(labels), Near: nearest(label, labels, text, func(string) int { return 0 })}
}

func (e *LabelError) Error() string {
	text := fmt.Sprintf("%v: %s is not one of %s", dialect.ErrLabelUnknown, printable.Brief(e.Label), printable.Quoted(e.Labels))
	if len(e.Near) > 0 {
		text += "; did you mean " + dialect.Few(e.Near, " or ", printable.Brief) + "?"
	}
	return dialect.Cut(text, dialect.MaxText)
}

// Unwrap returns [dialect.ErrLabelUnknown].
func (e *LabelError) Unwrap() error { return dialect.ErrLabelUnknown }

// AddEnumLabel adds a label to an enum in the database and reports whether it did. The
// registry does not change. If the enum already has the label and tolerant is set, added
// is false and there is no error.
//
// AddEnumLabel first calls check with the registry that the change would lead to. If
// check returns an error, or the label is invalid, the database does not change. A nil
// check allows everything.
//
// Errors: [dialect.ErrNotFound], [dialect.ErrInvalid], [dialect.ErrLabelExists],
// [dialect.ErrPermission], [dialect.ErrReadOnly], [dialect.ErrBusy],
// [dialect.ErrUnavailable]; [dialect.ErrLabelUnknown] for a neighbour that the enum
// doesn't have; those of check, such as [dialect.ErrDrift].
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
		return false, fail(op, e.def.Name, fmt.Errorf("%w: LabelSide(%d) is not a side of a label", dialect.ErrInvalid, at.Side))
	}
	if at.Side == dialect.AtEnd && at.Neighbour != "" {
		return false, fail(op, e.def.Name, fmt.Errorf("%w: the place has the neighbour %q and no side", dialect.ErrInvalid, at.Neighbour))
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
		if err := r.checkChange(e, slices.Insert(longer, place, label), check); err != nil {
			return false, fail(op, e.def.Name, err)
		}
	}
	err = withoutRetry(ctx, r.access.querier, func(q dialect.Querier) (err error) {
		added, err = alterer.AddEnumLabel(ctx, q, e.def.Name, label, at, tolerant)
		return err
	})
	if err != nil {
		return false, r.explainEnum(ctx, e, op, err)
	}
	return added, nil
}

// RenameEnumLabel renames a label of an enum in the database, in all rows that have it.
// The registry does not change. Check and errors are as for [Registry.AddEnumLabel].
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
		if err := r.checkChange(e, renamed, check); err != nil {
			return fail(op, e.def.Name, err)
		}
	}
	err = withoutRetry(ctx, r.access.querier, func(q dialect.Querier) error {
		return alterer.RenameEnumLabel(ctx, q, e.def.Name, from, to)
	})
	if err != nil {
		return r.explainEnum(ctx, e, op, err)
	}
	return nil
}

// alterer checks the labels, and returns the dialect that alters the enum.
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

// checkChange calls check with the registry in which the enum has these labels.
func (r *Registry) checkChange(e *enum, labels []string, check func(*Registry) error) error {
	if check == nil {
		return nil
	}
	def := *e.def
	def.Labels = labels
	err := check(r.replace(e, newEnum(&def, nil, e.access)))
	if err != nil {
		return fmt.Errorf("an expectation of this program forbids it; nothing was changed: %w", err)
	}
	return nil
}

func (r *Registry) explainEnum(ctx context.Context, e *enum, op dialect.Op, err error) error {
	return explain(ctx, &r.access, dialect.Failure{Op: op, Name: e.def.Name, Enum: e.def, Err: err})
}

// ExplainEnum explains an error of a program's own statement that used a label of the
// enum. If err is about the label, ExplainEnum returns an error that wraps err and
// [dialect.ErrLabelUnknown] or [dialect.ErrLabelUncommitted]. Otherwise it returns err.
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
