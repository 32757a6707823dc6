package massive

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A LabelError says that a text is none of an enum's labels, and which are near: Error, Unwrap.
type LabelError = registry.LabelError

// A BoundEnum is an enum as a type of the program's own whose kind is string. It reads the current snapshot of its DB, so
// that it follows each reload, AppendLocalLabels and AddValue without a lock. It is safe for concurrent use if its DB is.
// The zero value is not usable; call [BindEnum]. It has no labels, and its methods that return an error return
// [ErrInvalid].
//
// If a later snapshot has no such enum, the BoundEnum has no labels, and Parse and Enum return [ErrNotFound]. If the enum
// comes back, it finds it again. [Expect] keeps a snapshot without it from being published.
type BoundEnum[T ~string] struct {
	m    *DB
	name string
	last atomic.Pointer[found]
}

// A found is what the enum's name leads to in one registry.
type found struct {
	in   *Registry
	enum Enum // nil where err is not
	err  error
}

// BindEnum binds an enum, by a name as for [DB.Enum], to a type of the program's own:
//
//	mood, err := massive.BindEnum[Mood](m, "mood")
//	happy, err := mood.Parse(text)
//
// It looks the name up in each snapshot. If the type is string, any enum can be bound. Errors: as for [DB.Enum], and
// [ErrInvalid] for a nil DB.
func BindEnum[T ~string](m *DB, name string) (*BoundEnum[T], error) {
	if m == nil {
		return nil, &Error{Op: dialect.OpLookup, Err: fmt.Errorf("%w: the DB is nil; Load makes one", ErrInvalid)}
	}
	b := &BoundEnum[T]{m: m, name: name}
	_, err := b.Enum()
	if err != nil {
		return nil, err
	}
	return b, nil
}

// With returns the same enum of m.With(q), where m is the DB that it is bound to. It starts from the current snapshot, and
// a label altered through it inside a transaction changes no other DB's.
func (b *BoundEnum[T]) With(q Querier) *BoundEnum[T] {
	return &BoundEnum[T]{m: b.db().With(q), name: b.name}
}

// Enum returns the enum in the current snapshot. Errors: as for [DB.Enum].
func (b *BoundEnum[T]) Enum() (Enum, error) {
	f := b.find()
	return f.enum, f.err
}

// db returns the DB that it is bound to: for a zero BoundEnum a zero one, which says so.
func (b *BoundEnum[T]) db() *DB {
	if b.m == nil {
		return new(DB)
	}
	return b.m
}

func (b *BoundEnum[T]) find() *found {
	r := b.db().Registry()
	if f := b.last.Load(); f != nil && f.in == r {
		return f
	}
	f := &found{in: r}
	f.enum, f.err = r.Enum(b.name)
	b.last.Store(f)
	return f
}

// String returns the name that it was bound by.
func (b *BoundEnum[T]) String() string { return b.name }

// Values returns the labels in the type's order, locally appended ones last. The slice is the caller's.
func (b *BoundEnum[T]) Values() []T {
	f := b.find()
	if f.enum == nil {
		return nil
	}
	values := make([]T, 0, f.enum.Len())
	for _, l := range f.enum.All() {
		values = append(values, T(l))
	}
	return values
}

// Parse returns the value whose label is exactly this text. Errors: [ErrLabelUnknown], as a [*LabelError] that names the
// enum's labels and those that are near; [ErrNotFound].
func (b *BoundEnum[T]) Parse(label string) (T, error) {
	f := b.find()
	if f.enum == nil {
		return "", f.err
	}
	if !f.enum.Contains(label) {
		return "", &Error{Op: dialect.OpParseLabel, Name: f.enum.Name(), Err: registry.UnknownLabel(label, f.enum.Values())}
	}
	return T(label), nil
}

// Contains reports whether the enum has the value.
func (b *BoundEnum[T]) Contains(v T) bool { return b.Position(v) >= 0 }

// Position returns the value's place in the type's order, from 0, or -1 if the enum doesn't have it.
func (b *BoundEnum[T]) Position(v T) int {
	f := b.find()
	if f.enum == nil {
		return -1
	}
	return f.enum.Position(string(v))
}

// Compare orders two values as the database does. Values that the enum doesn't have come last, by their bytes.
func (b *BoundEnum[T]) Compare(v, w T) int {
	f := b.find()
	if f.enum == nil {
		return strings.Compare(string(v), string(w))
	}
	return f.enum.Compare(string(v), string(w))
}

// A Place is where AddValue puts a label: [Before] another one, or [After] it. The zero value is refused.
type Place struct{ place dialect.LabelPlace }

// Before returns the place before that label.
func Before[T ~string](label T) Place {
	return Place{dialect.LabelPlace{Side: dialect.BeforeLabel, Neighbour: string(label)}}
}

// After returns the place after that label.
func After[T ~string](label T) Place {
	return Place{dialect.LabelPlace{Side: dialect.AfterLabel, Neighbour: string(label)}}
}

func place(at []Place) (dialect.LabelPlace, error) {
	switch {
	case len(at) == 0:
		return dialect.LabelPlace{}, nil
	case len(at) > 1:
		return dialect.LabelPlace{}, fmt.Errorf("%w: %d places are given; a label goes to one", ErrInvalid, len(at))
	case at[0] == Place{}:
		return dialect.LabelPlace{}, fmt.Errorf("%w: the place is the zero Place; give Before(label) or After(label)", ErrInvalid)
	}
	return at[0].place, nil
}

// AddValue adds a label to the enum in the database, at its end or at the given place, and then reloads. It needs ownership
// of the type, and waits for others who alter it (https://www.postgresql.org/docs/current/sql-altertype.html). A label
// can't be removed.
//
// Inside a transaction (m.With(tx), or a DB that was loaded from one) a rollback undoes it, and only that DB has the label.
// Reload the others after the commit. Until then no statement may use the label, of that transaction or another: the
// server answers 55P04. The library's operations return that as [ErrLabelUncommitted], and Explain finds it in an error of
// the program's own.
//
// Errors: [ErrLabelExists]; [ErrLabelUnknown] for a neighbour that the enum doesn't have; [ErrPermission], [ErrReadOnly],
// [ErrNotFound], [ErrBusy]; [ErrInvalid] for a label that is too long, is not UTF-8 or holds a NUL; [ErrUnavailable] if
// the connection was lost, and the label may have been added; [ErrDrift] if the enum would not be as expected at Load,
// and nothing was changed. If the error says that the label was added, the reload after it failed.
func (b *BoundEnum[T]) AddValue(ctx context.Context, label T, at ...Place) error {
	_, err := b.add(ctx, label, at, false)
	return err
}

// EnsureValue is AddValue for a label that may exist. If it exists, at whatever place, EnsureValue changes nothing and added
// is false. Added is right also if many programs do it at the same time, and a caller's transaction lives on. If the
// connection is lost, the error is [ErrUnavailable] and added is not known. EnsureValue needs PL/pgSQL, which every
// database has unless somebody dropped it, and a querier that does not prepare each statement; without them it returns
// [ErrUnsupported]. If added is true beside an error, the label was added.
func (b *BoundEnum[T]) EnsureValue(ctx context.Context, label T, at ...Place) (added bool, err error) {
	return b.add(ctx, label, at, true)
}

func (b *BoundEnum[T]) add(ctx context.Context, label T, at []Place, tolerant bool) (bool, error) {
	where, err := place(at)
	if err != nil {
		return false, b.fail(dialect.OpAddLabel, err)
	}
	added, err := b.db().Registry().AddEnumLabel(ctx, b.name, string(label), where, tolerant, b.db().expected)
	if err != nil {
		return false, err
	}
	return added, b.follow(ctx, dialect.OpAddLabel, "the label was added")
}

// RenameValue gives a label another text in the database, in every row that has it, and then reloads. Errors:
// [ErrLabelUnknown] for from, [ErrLabelExists] for to, and as for AddValue.
func (b *BoundEnum[T]) RenameValue(ctx context.Context, from, to T) error {
	err := b.db().Registry().RenameEnumLabel(ctx, b.name, string(from), string(to), b.db().expected)
	if err != nil {
		return err
	}
	return b.follow(ctx, dialect.OpRenameLabel, "the label was renamed")
}

// follow reloads after the database was changed.
func (b *BoundEnum[T]) follow(ctx context.Context, op dialect.Op, done string) error {
	_, err := b.m.reload(ctx, false)
	if err != nil {
		return b.fail(op, fmt.Errorf("%s, but the reload failed: %w", done, cause(err)))
	}
	return nil
}

// Explain finds out what an error of the program's own SQL says about the enum: that it has no such label
// ([ErrLabelUnknown]), or that an open transaction added it ([ErrLabelUncommitted]). It returns any other error unchanged.
func (b *BoundEnum[T]) Explain(err error) error {
	return b.db().Registry().ExplainEnum(b.name, err)
}

func (b *BoundEnum[T]) fail(op dialect.Op, err error) error {
	e := &Error{Op: op, Err: err}
	if f := b.find(); f.enum != nil {
		e.Name = f.enum.Name()
	}
	return e
}

// cause is what an error of the library's wraps, so that another operation's can wrap it.
func cause(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // what it wraps is asked for
		return e.Err
	}
	return err
}
