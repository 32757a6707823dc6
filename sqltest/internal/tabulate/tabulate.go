// Package tabulate turns Go values into columns and rows.
package tabulate

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"

	"github.com/massivedb/massive-go/dialect"
)

// sqlTypes has the default type of a column by the kind of its field.
var sqlTypes = map[reflect.Kind]string{
	reflect.Bool: "boolean", reflect.String: "text", reflect.Int: "bigint", reflect.Int8: "smallint", reflect.Int16: "smallint",
	reflect.Int32: "integer", reflect.Int64: "bigint", reflect.Uint8: "smallint", reflect.Uint16: "integer",
	reflect.Uint32: "bigint", reflect.Uint: "bigint", reflect.Uint64: "bigint", // drivers accept no greater values
	reflect.Float32: "real", reflect.Float64: "double precision",
}

// Slice returns the columns and rows of a slice of structs, or of pointers to structs. It
// maps fields as sqlx does. Nil has no columns and no rows.
func Slice(given any) ([]dialect.Column, [][]driver.Value, error) {
	if given == nil {
		return nil, nil, nil
	}
	slice := reflect.ValueOf(given)
	element := slice.Type()
	if element.Kind() == reflect.Slice {
		element = reflectx.Deref(element.Elem())
	}
	if slice.Kind() != reflect.Slice || element.Kind() != reflect.Struct {
		return nil, nil, fmt.Errorf("rows are a slice of structs, not %T", given)
	}
	fields := fields(element)
	columns := make([]dialect.Column, len(fields))
	for i, field := range fields {
		columns[i] = dialect.Column{Name: field.Path, Type: sqlType(field.Field.Type)}
	}
	rows := make([][]driver.Value, slice.Len())
	for i := range rows {
		row := slice.Index(i)
		if row.Kind() == reflect.Pointer {
			if row = row.Elem(); !row.IsValid() {
				return nil, nil, fmt.Errorf("row %d is nil", i)
			}
		}
		rows[i] = make([]driver.Value, len(fields))
		for j, field := range fields {
			v, err := row.FieldByIndexErr(field.Index)
			if err != nil { // the embedded pointer is nil: NULL
				continue
			}
			value, err := driver.DefaultParameterConverter.ConvertValue(v.Interface())
			if err != nil {
				return nil, nil, fmt.Errorf("row %d, column %s: %w", i, columns[j].Name, err)
			}
			switch of := value.(type) {
			case time.Time:
				value = of.Round(time.Microsecond).UTC() // the precision of Postgres
			case []byte:
				if of == nil { // drivers write nil as NULL
					value = nil
				}
			}
			rows[i][j] = value
		}
	}
	return columns, rows, nil
}

// SameNames reports whether two lists of columns have the same names in the same order.
func SameNames(a, b []dialect.Column) bool {
	return slices.EqualFunc(a, b, func(a, b dialect.Column) bool { return a.Name == b.Name })
}

// fields returns the fields that are columns, in the order of declaration: those of the
// struct and of its embedded structs.
func fields(element reflect.Type) []*reflectx.FieldInfo {
	tree := sqlx.NewDb(nil, "").Mapper.TypeMap(element)
	var all []*reflectx.FieldInfo
	for _, field := range tree.Index {
		own := tree.Names[field.Path] == field && field.Field.IsExported()
		for parent := field.Parent; own && parent != nil && parent != tree.Tree; parent = parent.Parent {
			own = parent.Embedded
		}
		if own {
			all = append(all, field)
		}
	}
	slices.SortFunc(all, func(a, b *reflectx.FieldInfo) int { return slices.Compare(a.Index, b.Index) })
	return all
}

func sqlType(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t.PkgPath() == "database/sql" && t.NumField() == 2 && t.Field(1).Name == "Valid" {
		t = t.Field(0).Type // of sql.NullTime, or sql.Null[time.Time]
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "timestamp with time zone"
	case t == reflect.TypeFor[json.RawMessage]():
		return "jsonb"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !t.Implements(reflect.TypeFor[driver.Valuer]()):
		return "bytea"
	case sqlTypes[t.Kind()] != "":
		return sqlTypes[t.Kind()]
	}
	return "text"
}
