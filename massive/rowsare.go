package massive

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// A rowShape describes the type that a view's rows are read into.
type rowShape struct {
	row   reflect.Type // a struct, or the type of the only column
	extra bool         // other columns are tolerated
}

// RowsAre expects a materialized view to exist and its rows to fit into values of type T,
// as Select of a [Matview] reads them. The name is as for [DB.Matview], or a pattern as
// for [EnumIs].
//
//	massive.Expect(massive.RowsAre[Daily]("daily_sales"))
//
// T is a struct with a field for each column, mapped as in sqlx, or a plain value for a
// view of one column. If the structures are loaded through a *sqlx.DB or *sqlx.Tx, its
// mapper applies. A field without a column is an error. A column without a field is an
// error, too, unless [AllowExtra] is given, for a sqlx that is Unsafe.
//
// Each column must fit into its field with every driver. It does not fit if it is, for
// example, text in an int64, a bigint in an int32, or an enum in an int. A field that
// implements [sql.Scanner] fits any column. RowsAre does not check for NULLs. If [Only]
// excludes enums, RowsAre does not recognize an enum's column, and it fits any field. If
// no row fits into T, calls that take the expectation return [ErrInvalid].
func RowsAre[T any](name string, opts ...ExpectOption) Expectation {
	e := expectation(dialect.KindMatview, name)
	e.rows = &rowShape{row: reflectx.Deref(reflect.TypeFor[T]()), extra: e.tolerance(opts).extra}
	if e.invalid == nil {
		e.invalid = e.rows.check()
	}
	return e
}

var (
	scannerType = reflect.TypeFor[sql.Scanner]()
	timeType    = reflect.TypeFor[time.Time]()
	bytesType   = reflect.TypeFor[[]byte]()
)

func scans(t reflect.Type) bool { return reflect.PointerTo(t).Implements(scannerType) }

// single reports whether a value of the type is read from one column.
func single(t reflect.Type) bool {
	return scans(t) || t == timeType || t.Kind() != reflect.Struct
}

func (s *rowShape) check() error {
	t := s.row
	switch kind := t.Kind(); {
	case scans(t), t == timeType:
		return nil
	case kind == reflect.Struct && len(mapper(nil).TypeMap(t).Index) == 0:
		return fmt.Errorf("%w: rows can't be read into %s, which has no exported field", dialect.ErrInvalid, t)
	case kind == reflect.Map, kind == reflect.Func, kind == reflect.Chan, kind == reflect.Interface, kind == reflect.Pointer,
		kind == reflect.Array, kind == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		return fmt.Errorf("%w: rows can't be read into %s; give a struct, or a plain value for a view of one column",
			dialect.ErrInvalid, t)
	}
	return nil
}

// mapper returns the mapper that sqlx uses with q.
func mapper(q dialect.Querier) *reflectx.Mapper {
	switch x := q.(type) {
	case *sqlx.DB:
		return x.Mapper
	case *sqlx.Conn:
		return x.Mapper
	case *sqlx.Tx:
		return x.Mapper
	default:
		return sqlx.NewDb(nil, "").Mapper
	}
}

// A field is the target of a column's values.
type field struct {
	column string // empty for the only column of a view, which may have any name
	words  string // the declaration: "Total int64"
	typ    reflect.Type
}

// fields returns the fields of the struct that columns are read into, in its order, and
// all possible column names.
func (s *rowShape) fields(m *reflectx.Mapper) (fields []field, known map[string]*reflectx.FieldInfo) {
	all := m.TypeMap(s.row)
	var leaves []*reflectx.FieldInfo
	for _, f := range all.Index {
		if all.Names[f.Path] == f && single(reflectx.Deref(f.Field.Type)) && !within(f) {
			leaves = append(leaves, f)
		}
	}
	slices.SortFunc(leaves, func(a, b *reflectx.FieldInfo) int { return slices.Compare(a.Index, b.Index) })
	for _, f := range leaves {
		fields = append(fields, field{f.Path, f.Field.Name + " " + f.Field.Type.String(), f.Field.Type})
	}
	return fields, all.Names
}

// within reports whether the field is part of a value that is read from one column, such
// as Valid of a [sql.NullString].
func within(f *reflectx.FieldInfo) bool {
	for p := f.Parent; p != nil && p.Parent != nil; p = p.Parent {
		if single(reflectx.Deref(p.Field.Type)) {
			return true
		}
	}
	return false
}

// driftOfRows returns nil if the view's rows are as expected.
func (c comparison) driftOfRows(e *Expectation) (*DriftError, error) {
	var fields []field
	var known map[string]*reflectx.FieldInfo
	if single(e.rows.row) {
		fields = []field{{"", e.rows.row.String(), e.rows.row}}
	} else {
		fields, known = e.rows.fields(mapper(c.querier))
	}
	if err := c.find(e); err != nil {
		var missing []string
		for _, f := range fields {
			if f.column != "" {
				missing = append(missing, f.column)
			}
		}
		return notThere(e, err, missing)
	}
	view, err := c.Matview(e.name.Quoted())
	if err != nil {
		return nil, err
	}
	d := &DriftError{Kind: e.kind, Name: view.Name()}
	columns := view.Columns()
	if view.Name() == c.view {
		columns = c.columns
	}
	for i, column := range columns {
		_, has := known[column.Name]
		if single(e.rows.row) {
			has = i == 0
		}
		if !has && !e.rows.extra {
			d.Extra = append(d.Extra, column.Name)
		}
	}
	for _, f := range fields {
		i := slices.IndexFunc(columns, func(c dialect.Column) bool { return f.column == "" || c.Name == f.column })
		if i < 0 {
			d.Missing = append(d.Missing, f.column)
			continue
		}
		why, err := c.unfit(columns[i].Type, f.typ)
		if err != nil {
			return nil, registry.Known(context.Background(), c.dialect, dialect.Failure{Op: dialect.OpVerify, Err: err})
		}
		if why != "" {
			d.Mismatched = append(d.Mismatched, Mismatch{columns[i].Name, columns[i].Type, f.words, why})
		}
	}
	// A column whose name is that of a nested struct with fields of its own can't be
	// read.
	for _, column := range columns {
		if f := known[column.Name]; f != nil && !single(reflectx.Deref(f.Field.Type)) {
			d.Mismatched = append(d.Mismatched, Mismatch{
				column.Name, column.Type, f.Field.Name + " " + f.Field.Type.String(), "it is a struct that does not implement sql.Scanner",
			})
		}
	}
	if len(d.Missing) == 0 && len(d.Extra) == 0 && len(d.Mismatched) == 0 {
		return nil, nil
	}
	return d, nil
}

// unfit returns why a column's values don't fit into a field, or an empty text if they
// may.
func (c comparison) unfit(column string, t reflect.Type) (why string, err error) {
	if scans(t) || t.Kind() == reflect.Interface {
		return "", nil
	}
	t = reflectx.Deref(t)
	if scans(t) || t.Kind() == reflect.Interface {
		return "", nil
	}
	why, known, err := c.dialect.CheckColumn(column, t)
	switch {
	case err != nil || known || !c.hasEnum(column):
		return why, err
	case t.Kind() == reflect.String || t == bytesType:
		return "", nil
	default:
		return "the labels of an enum are text", nil
	}
}

// hasEnum reports whether a column's type, as the dialect writes it, is an enum, even an
// enum that a pattern excludes.
func (c comparison) hasEnum(typ string) bool {
	n, err := dialect.ParseName(typ)
	return err == nil && c.Knows(KindEnum, n)
}
