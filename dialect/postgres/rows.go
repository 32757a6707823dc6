package postgres

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// A class is the columns whose values drivers return alike.
type class int

const (
	otherClass    class = iota // as text, or as whatever the driver makes of it
	integerClass               // int64
	floatClass                 // float64
	numberClass                // a number as text
	booleanClass               // bool
	textClass                  // string
	documentClass              // string or []byte
	bytesClass                 // []byte
	timeClass                  // time.Time
	arrayClass                 // text in braces
)

// classes are those of the server's own types, as format_type writes them, without a part
// in parentheses. No other type has such a name: see typeText. A type that is missing
// here, such as a domain or one of an extension, fits every field.
var classes = map[string]class{
	"smallint": integerClass, "integer": integerClass, "bigint": integerClass,
	"real": floatClass, "double precision": floatClass, "numeric": numberClass,
	"boolean": booleanClass, "bytea": bytesClass,
	"text": textClass, "character varying": textClass, "character": textClass,
	"json": documentClass, "jsonb": documentClass, "uuid": documentClass, "xml": documentClass, "inet": documentClass,
	"cidr": documentClass, "interval": documentClass,
	"time without time zone": otherClass, "time with time zone": otherClass, "bit": otherClass, "bit varying": otherClass,
	"date": timeClass, "timestamp without time zone": timeClass, "timestamp with time zone": timeClass,
}

// integerBits are the sizes of the integer types.
var integerBits = map[string]int{"smallint": 16, "integer": 32, "bigint": 64}

var (
	timeType  = reflect.TypeFor[time.Time]()
	bytesType = reflect.TypeFor[[]byte]()
)

// CheckColumn knows what database/sql makes of what lib/pq and pgx return. A test goes
// over all types with both.
func (postgres) CheckColumn(column string, field reflect.Type) (why string, known bool, err error) {
	base := column
	if before, rest, ok := strings.Cut(base, "("); ok {
		_, after, _ := strings.Cut(rest, ")")
		base = before + after
	}
	c, known := classes[base]
	if strings.HasSuffix(base, "[]") {
		c, known = arrayClass, true
	}
	return unfit(base, c, field), known, nil
}

// unfit says why values of a class don't go into a field; empty if they may.
func unfit(base string, c class, field reflect.Type) string {
	switch kind := field.Kind(); {
	case field == bytesType, field == reflect.TypeFor[string]():
		return "" // which take anything
	case field == timeType:
		if c != timeClass && c != otherClass {
			return "it is no point in time"
		}
	case kind == reflect.Bool:
		if c != booleanClass && c != otherClass {
			return "it is not boolean"
		}
	case reflect.Int <= kind && kind <= reflect.Uint64:
		switch {
		case c == otherClass:
		case c != integerClass:
			return "it is no integer"
		case field.Bits() < integerBits[base]:
			return fmt.Sprintf("it has %d bits, and the field %d", integerBits[base], field.Bits())
		}
	case kind == reflect.Float32, kind == reflect.Float64:
		if c != integerClass && c != numberClass && c != floatClass && c != otherClass {
			return "it is no number"
		}
	case kind == reflect.String:
		if c == integerClass || c == booleanClass || c == timeClass || c == floatClass {
			return "only a plain string takes what is no text"
		}
	case kind == reflect.Slice && field.Elem().Kind() == reflect.Uint8:
		if c != otherClass && c != documentClass && c != bytesClass && c != numberClass && c != arrayClass {
			return "only a plain []byte takes it"
		}
	case c == arrayClass:
		return "an array is read by a type that scans it, as pq.Array and massive.EnumArrayOf do"
	default:
		return "no column is read into such a type"
	}
	return ""
}
