package massive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// What is known of enums besides their labels.
type (
	// An EnumColumn is a column whose values are an enum's: [Enum].UsedBy.
	EnumColumn = dialect.EnumColumn
	// A LabelError says that a text is none of an enum's labels, and which are near.
	LabelError = registry.LabelError
)

// A BoundEnum is an enum as a type of the program's own whose kind is string. It has no picture of its own: it reads
// the one that its DB holds at the time, so that it follows every reload, AppendLocalLabels and AddValue, without a lock. It
// is safe for concurrent use as far as its DB is. The zero value is not usable; call [BindEnum]: it has no labels,
// and what returns an error returns [ErrInvalid].
//
// Where a later picture has no such enum any more, it has no labels, Parse and Enum give [ErrNotFound], and an enum of
// that name that comes back is found again. [Expect] keeps such a picture from being published.
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
// The name is looked up in each picture anew. Where the type is to be string, any enum can be bound. Errors: as for
// [DB.Enum], and [ErrInvalid] for a nil DB.
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

// With is the same enum in the picture of m.With(q), for a DB m that it is bound to: what is altered through it inside
// a transaction changes that picture alone. It is bound to the picture as it is now.
func (b *BoundEnum[T]) With(q Querier) *BoundEnum[T] {
	return &BoundEnum[T]{m: b.db().With(q), name: b.name}
}

// Enum is the enum in the current picture, with what else is known of it. Errors as for [DB.Enum].
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

// String is the name that it was bound by.
func (b *BoundEnum[T]) String() string { return b.name }

// Values are the labels in the type's order, locally appended ones last. The slice is the caller's.
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

// Parse is the value whose label is exactly this text. The error wraps [ErrLabelUnknown], as a [*LabelError] that
// names the enum's labels and those that are near, or [ErrNotFound].
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

// Contains tells whether the enum has the value.
func (b *BoundEnum[T]) Contains(v T) bool { return b.Position(v) >= 0 }

// Position is the value's place in the type's order, from 0, or -1 for one that it doesn't have.
func (b *BoundEnum[T]) Position(v T) int {
	f := b.find()
	if f.enum == nil {
		return -1
	}
	return f.enum.Position(string(v))
}

// Compare orders two values as the database does, and those that it doesn't have behind, by their bytes.
func (b *BoundEnum[T]) Compare(v, w T) int {
	f := b.find()
	if f.enum == nil {
		return strings.Compare(string(v), string(w))
	}
	return f.enum.Compare(string(v), string(w))
}

// A Place is where AddValue puts a label: [Before] one, or [After] one. The zero value is refused.
type Place struct{ place dialect.LabelPlace }

// Before is the place before that label.
func Before[T ~string](label T) Place {
	return Place{dialect.LabelPlace{Side: dialect.BeforeLabel, Neighbour: string(label)}}
}

// After is the place behind that label.
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

// AddValue adds a label to the enum in the database, at its end or at the place that is given, and brings the picture
// up to date, as Reload does: nothing that was handed out before changes. It needs the type's ownership, and waits for
// whoever is altering it (https://www.postgresql.org/docs/current/sql-altertype.html). A label can't be taken away.
//
// Within a transaction (m.With(tx), or a DB that was loaded from one) it is undone with that, and the picture is that
// DB's alone; reload the others when it has committed. Until then no statement, of that transaction or another, may use
// the label: the server answers 55P04, which the library's own operations return as [ErrLabelUncommitted], with the
// rule, and which Explain finds in an error of the program's own.
//
// Errors: [ErrLabelExists], [ErrLabelUnknown] for a neighbour that the enum doesn't have, [ErrPermission],
// [ErrReadOnly], [ErrNotFound], [ErrBusy]; [ErrInvalid] for a label that is too long, not UTF-8 or holds
// a NUL; [ErrUnavailable] where the connection was lost, and the label may have been added; [ErrDrift] where the
// enum would not be what was expected at Load any more: then nothing was changed. An error that says that the label was
// added comes of the reload behind it.
func (b *BoundEnum[T]) AddValue(ctx context.Context, label T, at ...Place) error {
	_, err := b.add(ctx, label, at, false)
	return err
}

// EnsureValue is AddValue for a label that may be there: then it changes nothing, wherever the label stands, and added
// is false. That is said truly however many do it at a time, and leaves a caller's transaction alive; where the connection
// is lost it is [ErrUnavailable], and not known. It needs PL/pgSQL, which every database has unless it was dropped, and
// a querier that does not prepare each statement: else it is [ErrUnsupported]. Where added is true beside an error, the
// label was added.
func (b *BoundEnum[T]) EnsureValue(ctx context.Context, label T, at ...Place) (added bool, err error) {
	return b.add(ctx, label, at, true)
}

func (b *BoundEnum[T]) add(ctx context.Context, label T, at []Place, tolerant bool) (bool, error) {
	where, err := place(at)
	if err != nil {
		return false, b.fail(dialect.OpAddLabel, err)
	}
	added, err := b.db().Registry().AddEnumLabel(ctx, b.name, string(label), where, tolerant, b.db().selection.Expect)
	if err != nil {
		return false, err
	}
	return added, b.follow(ctx, dialect.OpAddLabel, "the label was added")
}

// RenameValue gives a label another text in the database, and with it every row that has it, and brings the picture up
// to date, as AddValue does. Errors: [ErrLabelUnknown] for from, [ErrLabelExists] for to, and as for AddValue.
func (b *BoundEnum[T]) RenameValue(ctx context.Context, from, to T) error {
	err := b.db().Registry().RenameEnumLabel(ctx, b.name, string(from), string(to), b.db().selection.Expect)
	if err != nil {
		return err
	}
	return b.follow(ctx, dialect.OpRenameLabel, "the label was renamed")
}

// follow brings the picture up to date with what was done.
func (b *BoundEnum[T]) follow(ctx context.Context, op dialect.Op, done string) error {
	_, err := b.m.reload(ctx, false)
	if err != nil {
		return b.fail(op, fmt.Errorf("%s, but the picture is not up to date: %w", done, cause(err)))
	}
	return nil
}

// Explain says what an error of the program's own SQL tells about the enum: that a label is none of its
// ([ErrLabelUnknown]), or was added by the same transaction ([ErrLabelUncommitted]). Any other is returned as it is.
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
	var e *Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
