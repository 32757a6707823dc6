package massive

import (
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/pgarray"
)

// An EnumArrayOf is an array of an enum as a field of a struct, for example for a column of
// type mood[]. It works with the same drivers as [EnumOf]. Elements may be NULL. A nil
// EnumArrayOf is NULL, which is not the empty array. Arrays with several dimensions are
// [ErrInvalid]. Other errors are those of [EnumOf].
//
// lib/pq sends arrays as text. There, a NULL element needs the setting array_nulls, which
// is on by default.
type EnumArrayOf[T Labeled[T]] []EnumOf[T]

// EnumArray returns an array of values that are not NULL. Without values it returns the
// empty array.
func EnumArray[T Labeled[T]](values ...T) EnumArrayOf[T] {
	a := make(EnumArrayOf[T], len(values))
	for i, v := range values {
		a[i] = EnumValue(v)
	}
	return a
}

// Values returns the elements in a new slice. If an element is NULL, the error wraps
// [ErrInvalid].
func (a EnumArrayOf[T]) Values() ([]T, error) {
	values := make([]T, len(a))
	for i, e := range a {
		if !e.Valid {
			return nil, enumError[T](opScan, fmt.Errorf("%w: element %d of %d is NULL", ErrInvalid, i+1, len(a)))
		}
		values[i] = e.V
	}
	return values, nil
}

// Scan reads an array or NULL, for database/sql and pgx. It reads the text format, and
// the binary format, which pgx uses for a registered type. After an error a is nil.
func (a *EnumArrayOf[T]) Scan(src any) error {
	*a = nil
	var elements []*string
	var err error
	switch s := src.(type) {
	case nil:
		return nil
	case string:
		elements, err = parseElements(s)
	case []byte:
		if len(s) > 0 && s[0] == 0 { // binary starts with an int32; text starts with { or [
			elements, err = parseBinary(s)
		} else {
			elements, err = parseElements(string(s))
		}
	default:
		err = fmt.Errorf("%w: a value of type %T is not an array", ErrInvalid, src)
	}
	if err != nil {
		return enumError[T](opScan, err)
	}
	read := make(EnumArrayOf[T], len(elements))
	for i, e := range elements {
		if e == nil {
			continue
		}
		v, err := labelOf[T](*e)
		if err != nil {
			return enumError[T](opScan, fmt.Errorf("element %d of %d: %w", i+1, len(elements), err))
		}
		read[i] = EnumOf[T]{v, true}
	}
	*a = read
	return nil
}

// Value returns the array as text, or nil for NULL, for database/sql and pgx.
func (a EnumArrayOf[T]) Value() (driver.Value, error) {
	if a == nil {
		return nil, nil
	}
	elements := make([]string, len(a))
	for i, e := range a {
		if err := e.check(); err != nil {
			return nil, enumError[T](opStore, fmt.Errorf("element %d of %d: %w", i+1, len(a), err))
		}
		if !e.Valid {
			elements[i] = "NULL"
			continue
		}
		elements[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(e.V)) + `"`
	}
	return "{" + strings.Join(elements, ",") + "}", nil
}

// parseBinary reads an array of one dimension in the format of array_send: the number of
// dimensions, a flag for NULLs, the element type, for each dimension its length and lower
// bound, and for each element its length (-1 for NULL) and bytes. All numbers have four
// bytes. A NULL element is nil.
func parseBinary(s []byte) ([]*string, error) {
	cut := func() (n int32, ok bool) {
		if len(s) < 4 {
			return 0, false
		}
		n, s = int32(binary.BigEndian.Uint32(s)), s[4:] //nolint:gosec // the number is signed
		return n, true
	}
	whole := s
	bad := func(why string) ([]*string, error) {
		return nil, fmt.Errorf("%w: array %q %s", ErrInvalid, whole, why)
	}
	dimensions, _ := cut()
	_, _ = cut()
	if _, ok := cut(); !ok {
		return bad("does not end")
	}
	if dimensions > 1 {
		return bad("has several dimensions")
	}
	elements := []*string{}
	if dimensions == 1 {
		count, _ := cut()
		if _, ok := cut(); !ok || count < 0 || int(count) > len(s)/4 {
			return bad("does not end")
		}
		for range count {
			n, ok := cut()
			switch {
			case !ok || n < -1 || int(n) > len(s):
				return bad("does not end")
			case n == -1:
				elements = append(elements, nil)
			default:
				e := string(s[:n])
				elements, s = append(elements, &e), s[n:]
			}
		}
	}
	if len(s) > 0 {
		return bad("has bytes after its elements")
	}
	return elements, nil
}

// parseElements reads an array of one dimension. A NULL element is nil.
func parseElements(text string) ([]*string, error) {
	bad := func(why string) ([]*string, error) {
		return nil, fmt.Errorf("%w: array %q %s", ErrInvalid, dialect.Cut(text, dialect.MaxText/10), why)
	}
	s := text
	if strings.HasPrefix(s, "[") { // the server writes bounds if the lower bound is not 1
		bounds, rest, ok := strings.Cut(s, "=")
		if !ok {
			return bad("has bounds and nothing else")
		}
		if strings.Count(bounds, "[") > 1 {
			return bad("has several dimensions")
		}
		s = rest
	}
	if s == "{}" {
		return []*string{}, nil
	}
	nulls := map[int]bool{}
	texts, rest, err := pgarray.Braces(s, nil, func(i int, element string) error {
		switch {
		case element == "":
			return errors.New("an empty element")
		case strings.Contains(element, "{"):
			return errors.New("several dimensions")
		case strings.ContainsAny(element, `"\`):
			return errors.New("a quote or a backslash inside an element")
		}
		nulls[i] = strings.EqualFold(element, "NULL")
		return nil
	})
	switch {
	case err != nil:
		return bad("has " + err.Error())
	case rest != "":
		return bad("has text after its closing brace")
	}
	elements := make([]*string, len(texts))
	for i := range texts {
		if !nulls[i] {
			elements[i] = &texts[i]
		}
	}
	return elements, nil
}
