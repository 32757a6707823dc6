// Package tabulate turns Go values into columns and rows.
package tabulate

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/dialect"
)

// sqlTypes are the types that a view's columns have by their fields', where nothing else says.
var sqlTypes = map[reflect.Kind]string{
	reflect.Bool: "boolean", reflect.String: "text", reflect.Int: "bigint", reflect.Int8: "smallint", reflect.Int16: "smallint",
	reflect.Int32: "integer", reflect.Int64: "bigint", reflect.Uint8: "smallint", reflect.Uint16: "integer",
	reflect.Uint32: "bigint", reflect.Float32: "real", reflect.Float64: "double precision",
}

// Slice turns a slice of structs into columns, as sqlx maps fields, and rows. Nil has neither.
func Slice(given any) ([]dialect.Column, [][]driver.Value, error) {
	if given == nil {
		return nil, nil, nil
	}
	slice := reflect.ValueOf(given)
	element := slice.Type()
	if element.Kind() == reflect.Slice {
		element = element.Elem()
	}
	if slice.Kind() != reflect.Slice || element.Kind() != reflect.Struct {
		return nil, nil, fmt.Errorf("rows are a slice of structs, not %T", given)
	}
	var columns []dialect.Column
	var fields [][]int
	for _, field := range sqlx.NewDb(nil, "").Mapper.TypeMap(element).Index {
		if len(field.Index) != 1 || field.Field.PkgPath != "" {
			continue
		}
		columns = append(columns, dialect.Column{Name: field.Name, Type: sqlType(field.Zero.Type())})
		fields = append(fields, field.Index)
	}
	rows := make([][]driver.Value, slice.Len())
	for i := range rows {
		rows[i] = make([]driver.Value, len(fields))
		for j, field := range fields {
			value, err := driver.DefaultParameterConverter.ConvertValue(slice.Index(i).FieldByIndex(field).Interface())
			if err != nil {
				return nil, nil, fmt.Errorf("row %d, column %s: %w", i, columns[j].Name, err)
			}
			if at, ok := value.(time.Time); ok {
				value = at.Round(time.Microsecond).UTC() // an instant, as finely as Postgres keeps it
			}
			rows[i][j] = value
		}
	}
	return columns, rows, nil
}

func sqlType(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "timestamp with time zone"
	case t == reflect.TypeFor[[]byte]():
		return "bytea"
	case sqlTypes[t.Kind()] != "":
		return sqlTypes[t.Kind()]
	}
	return "text"
}
