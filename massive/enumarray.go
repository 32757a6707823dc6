package massive

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// An EnumArrayOf is an array of an enum, such as a column of type mood[], as a field that is read and written with any
// driver; its elements are as [EnumOf] has them, NULL ones too. Nil is NULL, which is not the empty array. Arrays of
// several dimensions are [ErrInvalid].
type EnumArrayOf[T Labeled[T]] []EnumOf[T]

// EnumArray is an array of these values, none of them NULL. Without any it is the empty array.
func EnumArray[T Labeled[T]](values ...T) EnumArrayOf[T] {
	a := make(EnumArrayOf[T], len(values))
	for i, v := range values {
		a[i] = EnumValue(v)
	}
	return a
}

// Values are the elements. The error wraps [ErrInvalid] where one of them is NULL. The slice is the caller's.
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

// Scan reads an array as the server writes it, or NULL, for [database/sql].
func (a *EnumArrayOf[T]) Scan(src any) error {
	*a = nil
	var text string
	switch s := src.(type) {
	case nil:
		return nil
	case string:
		text = s
	case []byte:
		text = string(s)
	default:
		return enumError[T](opScan, fmt.Errorf("%w: a %T is no array", ErrInvalid, src))
	}
	elements, err := parseElements(text)
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

// Value is the array as the server reads it, or nil for NULL, for [database/sql].
func (a EnumArrayOf[T]) Value() (driver.Value, error) {
	if a == nil {
		return nil, nil
	}
	elements := make([]string, len(a))
	for i, e := range a {
		if !e.Valid {
			elements[i] = "NULL"
			continue
		}
		if _, err := labelOf[T](string(e.V)); err != nil {
			return nil, enumError[T](opStore, fmt.Errorf("element %d of %d: %w", i+1, len(a), err))
		}
		elements[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(e.V)) + `"`
	}
	return "{" + strings.Join(elements, ",") + "}", nil
}

// parseElements reads an array of one dimension (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). A
// NULL element is nil.
func parseElements(text string) ([]*string, error) {
	bad := func(why string) ([]*string, error) {
		return nil, fmt.Errorf("%w: array %q %s", ErrInvalid, dialect.Cut(text, dialect.MaxText/10), why)
	}
	s := text
	if strings.HasPrefix(s, "[") { // bounds, which the server writes where the first index is not 1
		bounds, rest, ok := strings.Cut(s, "=")
		if !ok {
			return bad("has bounds and nothing else")
		}
		if strings.Count(bounds, "[") > 1 {
			return bad("has several dimensions")
		}
		s = rest
	}
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return bad("stands in no braces")
	}
	elements := []*string{}
	if s == "{}" {
		return elements, nil
	}
	for s = s[1:]; ; {
		var element strings.Builder
		quoted := strings.HasPrefix(s, `"`)
		i := 0
		if quoted {
			for i = 1; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
				if i < len(s) {
					element.WriteByte(s[i])
				}
			}
			i++
		} else {
			for ; i < len(s) && s[i] != ',' && s[i] != '}'; i++ {
				if s[i] == '{' {
					return bad("has several dimensions")
				}
				if s[i] == '"' {
					return bad("has a quote inside an element")
				}
				if s[i] == '\\' {
					i++
				}
				if i < len(s) {
					element.WriteByte(s[i])
				}
			}
		}
		e := element.String()
		switch {
		case i >= len(s):
			return bad("does not end")
		case !quoted && e == "":
			return bad("has an element of nothing")
		case !quoted && strings.EqualFold(e, "NULL"):
			elements = append(elements, nil)
		default:
			elements = append(elements, &e)
		}
		switch {
		case s[i] == ',':
			s = s[i+1:]
		case s[i:] == "}":
			return elements, nil
		default:
			return bad("goes on behind an element")
		}
	}
}
