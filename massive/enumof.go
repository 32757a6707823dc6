package massive

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// Labeled is the constraint of [EnumOf], a string type that declares its labels:
//
//	type Mood string
//
//	func (Mood) Labels() []Mood { return []Mood{Sad, Ok, Happy} }
//
// EnumOf calls Labels on the zero value, for each value that it reads or writes. Labels
// must return the same list each time, and no label twice. To accept other labels, too,
// the type implements [AllowsExtra].
type Labeled[T any] interface {
	~string
	Labels() []T
}

// AllowsExtra is an optional interface of a [Labeled] type. It is for deploys during
// which the database has labels that the running program does not know yet:
//
//	func (Mood) AllowExtra() bool { return true }
//
// If AllowExtra returns true, [EnumOf] and [EnumArrayOf] read and write every label, and
// [EnumIs] tolerates additional labels as with [AllowExtra]. The database still refuses a
// label that it does not have. A switch over such values needs a default case. AllowExtra
// is called on the zero value and must return the same result each time.
type AllowsExtra interface {
	AllowExtra() bool
}

// allowsExtra reports whether T implements AllowsExtra and returns true.
func allowsExtra[T ~string]() bool {
	a, ok := any(T("")).(AllowsExtra)
	return ok && a.AllowExtra()
}

// An EnumOf is a nullable enum value as a field of a struct. It works with lib/pq and
// pgx/stdlib over database/sql, and with pgx alone. The enum's type need not be
// registered in pgx, except for CopyFrom.
//
// EnumOf reads and writes only labels that T declares, unless T implements [AllowsExtra].
// EnumOf needs no loaded structures. The zero value is NULL. If V is set and Valid is
// false, writing the value is an error. Make values with [EnumValue].
//
// In JSON the value is a string or null, and a string as the key of a map. EnumOf is a
// plain value: copies are independent, and concurrent reads are safe.
//
// Errors of reading and writing:
//
//   - [ErrLabelUnknown], as a [*LabelError]
//   - [ErrInvalid] if V is set without Valid, if Labels returns nothing or repeats a
//     label, or for a value that is not text
type EnumOf[T Labeled[T]] struct {
	V     T
	Valid bool // V is not NULL
}

var (
	_ sql.Scanner              = (*EnumOf[anyLabel])(nil)
	_ driver.Valuer            = EnumOf[anyLabel]{}
	_ json.Marshaler           = EnumOf[anyLabel]{}
	_ json.Unmarshaler         = (*EnumOf[anyLabel])(nil)
	_ encoding.TextMarshaler   = EnumOf[anyLabel]{}
	_ encoding.TextUnmarshaler = (*EnumOf[anyLabel])(nil)
	_ sql.Scanner              = (*EnumArrayOf[anyLabel])(nil)
	_ driver.Valuer            = EnumArrayOf[anyLabel]{}
)

type anyLabel string

func (anyLabel) Labels() []anyLabel { return nil }

// EnumValue returns v as a value that is not NULL. It does not check v. Writing the value
// does.
func EnumValue[T Labeled[T]](v T) EnumOf[T] { return EnumOf[T]{v, true} }

// String returns the label, or an empty string for NULL.
func (e EnumOf[T]) String() string {
	if !e.Valid {
		return ""
	}
	return string(e.V)
}

// Scan reads a label or NULL, for database/sql and pgx. After an error e is NULL.
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
		return enumError[T](opScan, fmt.Errorf("%w: a label is text, not a value of type %T", ErrInvalid, src))
	}
	v, err := labelOf[T](label)
	if err != nil {
		return enumError[T](opScan, err)
	}
	*e = EnumOf[T]{v, true}
	return nil
}

// Value returns the label, or nil for NULL, for database/sql and pgx.
func (e EnumOf[T]) Value() (driver.Value, error) {
	if err := e.check(); err != nil {
		return nil, enumError[T](opStore, err)
	}
	if !e.Valid {
		return nil, nil
	}
	return string(e.V), nil
}

// check returns the error of a value that can't be written.
func (e EnumOf[T]) check() error {
	switch {
	case e.Valid:
		_, err := labelOf[T](string(e.V))
		return err
	case e.V != "":
		return fmt.Errorf("%w: V is %q and Valid is false; use EnumValue(%[2]q), "+
			"or the zero EnumOf for NULL", ErrInvalid, string(e.V))
	default:
		return nil
	}
}

// MarshalJSON returns the label as a string, or null.
func (e EnumOf[T]) MarshalJSON() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, enumError[T](opStore, err)
	}
	if !e.Valid {
		return []byte("null"), nil
	}
	return json.Marshal(string(e.V))
}

// UnmarshalJSON reads a label or null.
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

// MarshalText returns the label, for example as the key of a JSON object. NULL has no
// text and is [ErrInvalid].
func (e EnumOf[T]) MarshalText() ([]byte, error) {
	err := e.check()
	if err == nil && !e.Valid {
		err = fmt.Errorf("%w: NULL has no text and can't be a key of a JSON object", ErrInvalid)
	}
	if err != nil {
		return nil, enumError[T](opStore, err)
	}
	return []byte(e.V), nil
}

// UnmarshalText reads a label.
func (e *EnumOf[T]) UnmarshalText(text []byte) error { return e.Scan(string(text)) }

// The operations of values.
const (
	opScan  = "read"
	opStore = "write"
)

// fewLabels limits the check for repeated labels: it is quadratic, and runs for each
// value.
const fewLabels = 8

// labelOf returns the label as a T if T declares or allows it. It is called for each
// value that is read, and does not allocate. For more than fewLabels labels it only
// checks whether this label repeats.
func labelOf[T Labeled[T]](label string) (T, error) {
	var zero T
	declared := zero.Labels()
	i := slices.Index(declared, T(label))
	if i < 0 {
		return unlisted[T](label, declared)
	}
	if slices.Contains(declared[i+1:], T(label)) {
		return zero, errRepeats(label)
	}
	if len(declared) <= fewLabels {
		for i, l := range declared {
			if slices.Contains(declared[:i], l) {
				return zero, errRepeats(string(l))
			}
		}
	}
	return T(label), nil
}

// unlisted returns a label that T does not declare, if T allows it.
func unlisted[T Labeled[T]](label string, declared []T) (T, error) {
	labels := make([]string, len(declared))
	seen := make(map[T]bool, len(declared))
	for i, l := range declared {
		if seen[l] {
			return "", errRepeats(string(l))
		}
		labels[i], seen[l] = string(l), true
	}
	switch {
	case allowsExtra[T]() && utf8.ValidString(label) && strings.IndexByte(label, 0) < 0:
		return T(label), nil
	case allowsExtra[T]():
		return "", fmt.Errorf("%w: label %q is not UTF-8, or contains a NUL byte", ErrInvalid, label)
	case len(declared) == 0:
		return "", fmt.Errorf("%w: its method Labels returns no labels", ErrInvalid)
	default:
		return "", registry.UnknownLabel(label, labels)
	}
}

func errRepeats(label string) error {
	return fmt.Errorf("%w: its method Labels returns %q twice", ErrInvalid, label)
}

func enumError[T any](op string, err error) error {
	return &Error{Op: dialect.Op(op + " a " + reflect.TypeFor[T]().String()), Err: err}
}
