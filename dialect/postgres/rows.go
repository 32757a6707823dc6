package postgres

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// A class groups column types whose values drivers return in the same form.
type class int

const (
	otherClass    class = iota // text, or another type, depending on the driver
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

// classes maps the built-in types, as format_type writes them without a modifier. No
// other type has such a name: see typeText. A type that is missing here, such as a domain
// or an extension's type, fits every field.
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

// integerBits has the sizes of the integer types in bits.
var integerBits = map[string]int{"smallint": 16, "integer": 32, "bigint": 64}

var (
	timeType  = reflect.TypeFor[time.Time]()
	bytesType = reflect.TypeFor[[]byte]()
)

// CheckColumn knows how database/sql converts the values that lib/pq and pgx return. A
// test checks all types with both drivers.
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

// unfit returns why a field can't hold values of a class, or "" if it may.
func unfit(base string, c class, field reflect.Type) string {
	switch kind := field.Kind(); {
	case field == bytesType, field == reflect.TypeFor[string]():
		return "" // these accept every value
	case field == timeType:
		if c != timeClass && c != otherClass {
			return "it is not a date or timestamp"
		}
	case kind == reflect.Bool:
		if c != booleanClass && c != otherClass {
			return "it is not boolean"
		}
	case reflect.Int <= kind && kind <= reflect.Uint64:
		switch {
		case c == otherClass:
		case c != integerClass:
			return "it is not an integer"
		case field.Bits() < integerBits[base]:
			return fmt.Sprintf("it has %d bits, and the field has %d", integerBits[base], field.Bits())
		}
	case kind == reflect.Float32, kind == reflect.Float64:
		if c != integerClass && c != numberClass && c != floatClass && c != otherClass {
			return "it is not a number"
		}
	case kind == reflect.String:
		if c == integerClass || c == booleanClass || c == timeClass || c == floatClass {
			return "it is not text, so it needs the type string itself"
		}
	case kind == reflect.Slice && field.Elem().Kind() == reflect.Uint8:
		if c != otherClass && c != documentClass && c != bytesClass && c != numberClass && c != arrayClass {
			return "it needs the type []byte itself"
		}
	case c == arrayClass:
		return "an array needs a type that scans it, such as pq.Array or massive.EnumArrayOf"
	default:
		return "database/sql can't scan a column into this type"
	}
	return ""
}
