package registry

// Scanning of rows by sqlx's rules. Unlike sqlx it maps columns to fields, and computes
// the pointers to scan into, once for all rows.

import (
	"database/sql"
	"fmt"
	"reflect"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"
)

// A rowScanner scans each row into the same value. The caller copies the value.
type rowScanner struct {
	rows    *sqlx.Rows
	into    reflect.Value // addressable
	targets []any         // the pointer to scan into, for each column
	fields  [][]int       // the path to the field, for each column
	moving  []int         // the columns whose field is behind a pointer, which changes with each row
	sqlx    bool          // sqlx scans, because a column has no field, and sqlx knows if that is allowed
}

// newRowScanner returns a scanner into a struct or, for one column, into a plain value.
func newRowScanner(rows *sqlx.Rows, into reflect.Value) (*rowScanner, error) {
	s := &rowScanner{rows: rows, into: into}
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	if t := into.Type(); t.Kind() != reflect.Struct || scans(t) || len(rows.Mapper.TypeMap(t).Index) == 0 {
		if len(columns) > 1 {
			return nil, fmt.Errorf("non-struct dest type %s with >1 columns (%d)", t.Kind(), len(columns))
		}
		s.targets = []any{target(into.Addr().Interface())}
		return s, nil
	}
	s.targets = make([]any, len(columns))
	s.fields = rows.Mapper.TraversalsByName(into.Type(), columns)
	for i, path := range s.fields {
		switch {
		case len(path) == 0:
			s.sqlx = true
		case behindPointer(into.Type(), path):
			s.moving = append(s.moving, i)
		default:
			s.targets[i] = target(reflectx.FieldByIndexes(into, path).Addr().Interface())
		}
	}
	return s, nil
}

// scan reads the current row. It does not change fields without a column.
func (s *rowScanner) scan() error {
	if s.sqlx {
		return s.rows.StructScan(s.into.Addr().Interface())
	}
	for _, i := range s.moving {
		s.targets[i] = reflectx.FieldByIndexes(s.into, s.fields[i]).Addr().Interface()
	}
	return s.rows.Scan(s.targets...)
}

// behindPointer reports whether the path to a field leads through a pointer.
func behindPointer(t reflect.Type, path []int) bool {
	for _, i := range path[:len(path)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

// target returns the value that database/sql scans into, given a pointer. It avoids
// database/sql's reflection for the common number types, which would take most of a row's
// time.
func target(p any) any {
	switch p := p.(type) {
	case *int64:
		return number[int64, int64]{p}
	case *int:
		return number[int, int64]{p}
	case *int32:
		return number[int32, int64]{p}
	case *float64:
		return number[float64, float64]{p}
	default:
		return p
	}
}

// A number stores a driver's value directly if it has the expected type and fits.
// Otherwise it converts as database/sql does.
type number[T int | int32 | int64 | float64, V int64 | float64] struct{ p *T }

func (n number[T, V]) Scan(src any) error {
	if v, ok := src.(V); ok {
		if t := T(v); V(t) == v {
			*n.p = t
			return nil
		}
	}
	var null sql.Null[T]
	if err := null.Scan(src); err != nil {
		return err
	}
	if !null.Valid {
		return fmt.Errorf("converting NULL to %s is unsupported", reflect.TypeFor[T]().Kind())
	}
	*n.p = null.V
	return nil
}

// scanAll reads all rows into the empty slice that dest points to.
func scanAll(rows *sqlx.Rows, dest any) error {
	all := reflect.ValueOf(dest).Elem()
	element := all.Type().Elem()
	base := reflectx.Deref(element)
	row := reflect.New(base).Elem()
	s, err := newRowScanner(rows, row)
	if err != nil {
		return err
	}
	if s.sqlx {
		return sqlx.StructScan(rows, dest)
	}
	for n := 0; rows.Next(); n++ {
		row.SetZero()
		if err := s.scan(); err != nil {
			return err
		}
		if n == all.Cap() {
			all.Grow(1)
		}
		all.SetLen(n + 1)
		if element == base {
			all.Index(n).Set(row)
		} else {
			p := reflect.New(base)
			p.Elem().Set(row)
			all.Index(n).Set(p)
		}
	}
	return rows.Err()
}

// scans reports whether a pointer to the type is an [sql.Scanner].
func scans(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]())
}
