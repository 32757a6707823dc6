package massive

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// Labeled is a type of the program's own whose kind is string and that declares its labels, for [EnumOf]:
//
//	type Mood string
//
//	func (Mood) Labels() []Mood { return []Mood{Sad, Ok, Happy} }
//
// Labels is called on the zero value, and must answer alike each time.
type Labeled[T any] interface {
	~string
	Labels() []T
}

// An EnumOf is a value of an enum, or NULL, as a field of a struct that is read from the database and written to it,
// with any driver. It takes only what T declares for a label, both ways: anything else is [ErrLabelUnknown], as a
// [*LabelError], so that a label which the database has and the program doesn't never passes for one. It needs no
// loaded structures. The zero value is NULL.
//
// In JSON it is a string, or null.
type EnumOf[T Labeled[T]] struct {
	V     T
	Valid bool // V is not NULL
}

var (
	_ sql.Scanner      = (*EnumOf[anyLabel])(nil)
	_ driver.Valuer    = EnumOf[anyLabel]{}
	_ json.Marshaler   = EnumOf[anyLabel]{}
	_ json.Unmarshaler = (*EnumOf[anyLabel])(nil)
	_ sql.Scanner      = (*EnumArrayOf[anyLabel])(nil)
	_ driver.Valuer    = EnumArrayOf[anyLabel]{}
)

type anyLabel string

func (anyLabel) Labels() []anyLabel { return nil }

// EnumValue is a value that is not NULL. Whether it is a label shows when it is written.
func EnumValue[T Labeled[T]](v T) EnumOf[T] { return EnumOf[T]{v, true} }

// String is the label, empty for NULL.
func (e EnumOf[T]) String() string {
	if !e.Valid {
		return ""
	}
	return string(e.V)
}

// Scan reads a label, or NULL, for [database/sql].
func (e *EnumOf[T]) Scan(src any) error {
	*e = EnumOf[T]{}
	var label string
	switch s := src.(type) {
	case nil:
		return nil
	case string:
		label = s
	case []byte:
		label = string(s)
	default:
		return enumError[T](opScan, fmt.Errorf("%w: a label is a text, and not of type %T", ErrInvalid, src))
	}
	v, err := labelOf[T](label)
	if err != nil {
		return enumError[T](opScan, err)
	}
	*e = EnumOf[T]{v, true}
	return nil
}

// Value is the label, or nil for NULL, for [database/sql].
func (e EnumOf[T]) Value() (driver.Value, error) {
	if !e.Valid {
		return nil, nil
	}
	if _, err := labelOf[T](string(e.V)); err != nil {
		return nil, enumError[T](opStore, err)
	}
	return string(e.V), nil
}

// MarshalJSON is the label as a string, or null.
func (e EnumOf[T]) MarshalJSON() ([]byte, error) {
	if !e.Valid {
		return []byte("null"), nil
	}
	if _, err := labelOf[T](string(e.V)); err != nil {
		return nil, enumError[T](opStore, err)
	}
	return json.Marshal(string(e.V))
}

// UnmarshalJSON reads a label, or null.
func (e *EnumOf[T]) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("null")) {
		*e = EnumOf[T]{}
		return nil
	}
	var label string
	if err := json.Unmarshal(text, &label); err != nil {
		return err
	}
	return e.Scan(label)
}

// The operations of values that know of no structure.
const (
	opScan  = "read"
	opStore = "write"
)

// labelOf is the label as one of those that T declares.
func labelOf[T Labeled[T]](label string) (T, error) {
	var zero T
	declared := zero.Labels()
	if slices.Contains(declared, T(label)) {
		return T(label), nil
	}
	if len(declared) == 0 {
		return zero, fmt.Errorf("%w: its method Labels declares none", ErrInvalid)
	}
	labels := make([]string, len(declared))
	for i, l := range declared {
		labels[i] = string(l)
	}
	return zero, registry.UnknownLabel(label, labels)
}

func enumError[T any](op string, err error) error {
	return &Error{Op: dialect.Op(op + " a " + reflect.TypeFor[T]().String()), Err: err}
}
