package massive

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A LabelError says that an enum does not have a label, and which labels are similar. It
// wraps [ErrLabelUnknown]. Methods: Error, Unwrap.
type LabelError = registry.LabelError

// A BoundEnum is an enum as a string type of the program. It reads the current snapshot of
// its DB, without a lock. So it follows each reload, AppendLocalLabels and AddValue. It
// is safe for concurrent use if its DB is. The zero value is not usable; call [BindEnum].
// It has no labels, and its methods that return an error return [ErrInvalid].
//
// If a later snapshot has no such enum, the BoundEnum has no labels, and Parse and Enum
// return [ErrNotFound]. If the enum exists again, the BoundEnum finds it again. To keep a
// snapshot without the enum from being published, use [Expect].
type BoundEnum[T ~string] struct {
	m    *DB
	name string
	last atomic.Pointer[found]
}

// A found is the result of looking the name up in one registry.
type found struct {
	in   *Registry
	enum Enum // nil if err is not nil
	err  error
}

// BindEnum binds an enum to a string type of the program. The name is as for [DB.Enum]:
//
//	mood, err := massive.BindEnum[Mood](m, "mood")
//	happy, err := mood.Parse(text)
//
// It looks the name up in each snapshot. If T is string, it binds an enum without a type
// of its own. Errors: as for [DB.Enum], and [ErrInvalid] for a nil DB.
func BindEnum[T ~string](m *DB, name string) (*BoundEnum[T], error) {
	if m == nil {
		return nil, &Error{Op: dialect.OpLookup, Err: fmt.Errorf("%w: the DB is nil; call Load", ErrInvalid)}
	}
	b := &BoundEnum[T]{m: m, name: name}
	_, err := b.Enum()
	if err != nil {
		return nil, err
	}
	return b, nil
}

// With returns the same enum of m.With(q), if m is the DB that b is bound to. It starts
// with the current snapshot. A label altered through it inside a transaction does not
// change other DBs.
func (b *BoundEnum[T]) With(q Querier) *BoundEnum[T] {
	return &BoundEnum[T]{m: b.db().With(q), name: b.name}
}

// Enum returns the enum in the current snapshot. Errors: as for [DB.Enum].
func (b *BoundEnum[T]) Enum() (Enum, error) {
	f := b.find()
	return f.enum, f.err
}

// db returns the DB that b is bound to, or a zero DB, whose methods return [ErrInvalid].
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

// String returns the name that b was bound with.
func (b *BoundEnum[T]) String() string { return b.name }

// Values returns the labels in the type's order. Locally appended labels are last. The
// slice is the caller's.
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

// Parse returns the value whose label is exactly this text. Errors: [ErrLabelUnknown], as
// a [*LabelError] with the enum's labels and the similar ones; [ErrNotFound].
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

// Position returns the value's place in the type's order, from 0, or -1 if the enum
// doesn't have it.
func (b *BoundEnum[T]) Position(v T) int {
	f := b.find()
	if f.enum == nil {
		return -1
	}
	return f.enum.Position(string(v))
}

// Compare orders two values as the database does. Values that the enum doesn't have come
// last, in the order of their bytes.
func (b *BoundEnum[T]) Compare(v, w T) int {
	f := b.find()
	if f.enum == nil {
		return strings.Compare(string(v), string(w))
	}
	return f.enum.Compare(string(v), string(w))
}

// A Place is the position at which AddValue puts a label: [Before] or [After] another
// label. The zero value is invalid.
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
		return dialect.LabelPlace{}, fmt.Errorf("%w: %d places are given; give at most one", ErrInvalid, len(at))
	case at[0] == Place{}:
		return dialect.LabelPlace{}, fmt.Errorf("%w: the place is the zero Place; give Before(label) or After(label)", ErrInvalid)
	}
	return at[0].place, nil
}

// AddValue adds a label to the enum in the database, at its end or at the given place,
// and then reloads. It needs ownership of the type, and waits for other sessions that
// alter it (https://www.postgresql.org/docs/current/sql-altertype.html). A label can't be
// removed.
//
// Inside a transaction (m.With(tx), or a DB that was loaded from a transaction), only
// that DB gets the label, and a rollback removes it. Reload other DBs after the commit.
// Before the commit no statement may use the label, in any transaction: the server
// returns SQLSTATE 55P04. Operations of the library return that as [ErrLabelUncommitted],
// and Explain finds it in an error of the program's own SQL.
//
// Errors:
//
//   - [ErrLabelExists]
//   - [ErrLabelUnknown] for a neighbour that the enum doesn't have
//   - [ErrPermission], [ErrReadOnly], [ErrNotFound], [ErrBusy]
//   - [ErrInvalid] for a label that is too long, is not UTF-8 or contains a NUL byte
//   - [ErrUnavailable] if the connection was lost; the label may have been added
//   - [ErrDrift] if the enum would not be as [Expect] says; nothing was changed
//
// If the error says that the label was added, only the reload failed.
func (b *BoundEnum[T]) AddValue(ctx context.Context, label T, at ...Place) error {
	_, err := b.add(ctx, label, at, false)
	return err
}

// EnsureValue adds a label like AddValue, unless the label exists. If it exists, at any
// place, EnsureValue changes nothing and added is false. The result is right even if many
// programs do it at the same time, and a caller's transaction stays usable. If the
// connection is lost, the error is [ErrUnavailable] and added is not known. If added is
// true and the error is not nil, the label was added and the reload failed.
//
// EnsureValue needs PL/pgSQL, which every database has unless it was dropped, and a
// querier that does not prepare each statement. Without them it returns [ErrUnsupported].
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

// RenameValue renames a label in the database and then reloads. Rows with the old label
// then have the new label. Errors: [ErrLabelUnknown] for from, [ErrLabelExists] for to,
// and as for AddValue.
func (b *BoundEnum[T]) RenameValue(ctx context.Context, from, to T) error {
	err := b.db().Registry().RenameEnumLabel(ctx, b.name, string(from), string(to), b.db().expected)
	if err != nil {
		return err
	}
	return b.follow(ctx, dialect.OpRenameLabel, "the label was renamed")
}

// follow reloads after a change of the database.
func (b *BoundEnum[T]) follow(ctx context.Context, op dialect.Op, done string) error {
	_, err := b.m.reload(ctx, false)
	if err != nil {
		return b.fail(op, fmt.Errorf("%s, but the reload failed: %w", done, cause(err)))
	}
	return nil
}

// Explain examines an error of the program's own SQL. If the enum has no such label, the
// result wraps [ErrLabelUnknown]. If an open transaction added the label, it wraps
// [ErrLabelUncommitted]. Explain returns all other errors unchanged.
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

// cause returns the error that an [*Error] wraps, so that an [*Error] of another
// operation can wrap it.
func cause(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // only the outermost error counts
		return e.Err
	}
	return err
}
