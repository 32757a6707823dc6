package massive_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"

	"github.com/massivedb/massive-go/massive"
)

type (
	Embedded struct {
		A int64
		B *string
	}
	Behind  struct{ C, D int }
	entire  struct{ Embedded }
	partly  struct{ *Behind }
	pointed struct {
		Behind *Behind `db:"behind"`
		A      int64
	}
	upper string
	apart struct {
		Text string
		Null bool
	}
)

func (u *upper) Scan(src any) error {
	switch s := src.(type) {
	case nil:
		return errors.New("it is NULL")
	case []byte:
		*u = upper(strings.ToUpper(string(s)))
	default:
		*u = upper(strings.ToUpper(fmt.Sprint(s)))
	}
	return nil
}

func (a *apart) Scan(src any) error {
	a.Null = src == nil
	if b, ok := src.([]byte); ok {
		src = string(b)
	}
	a.Text = fmt.Sprint(src)
	return nil
}

// rowTypes has queries and the types into which their rows are read.
var rowTypes = map[string]struct {
	columns string
	rows    string
	into    []any
}{
	"integers": {"a, b, c, d", "(1::bigint, 2::int, 3::smallint, 4::bigint), (-9223372036854775808, 2147483647, -32768, 3000000000), (5, NULL, 6, 7)", []any{
		struct{ A, B, C, D int64 }{}, struct{ A, B, C, D int }{}, struct{ A, B, C, D int32 }{}, struct{ A, B, C, D *int32 }{}, struct{ A, B, C, D *int }{},
		struct{ A, B, C, D string }{}, struct{ A, B, C, D *string }{}, struct{ A, B, C, D float64 }{}, struct{ A, B, C, D sql.NullInt64 }{}, struct{ A, B, C, D any }{},
		struct{ A, B, C, D uint8 }{}, struct{ A, B, C, D bool }{}, struct{ A, B, C, D upper }{}, struct{ A, B, C, D apart }{}, struct{ A, B, C, D []byte }{},
		Embedded{}, entire{}, partly{}, struct {
			Embedded
			*Behind
		}{}, struct{ A, B, C int64 }{}, new(int64), int64(0),
	}},
	"numbers": {"a, b", "(1.5::float8, 2.25::numeric), ('NaN', NULL), (3, 4), (1e300, 12345678901234567890)", []any{
		struct{ A, B float64 }{}, struct{ A, B *float64 }{}, struct{ A, B int64 }{}, struct{ A, B string }{}, struct {
			A float32
			B []byte
		}{}, struct{ A, B any }{},
	}},
	"texts": {"a, b", "('x'::text, '{\"k\": 1}'::json), ('12', NULL), ('', 'null')", []any{
		struct{ A, B string }{}, struct {
			A upper
			B json.RawMessage
		}{}, struct {
			A apart
			B *json.RawMessage
		}{}, struct {
			A *string
			B sql.NullString
		}{}, struct {
			A int64
			B *string
		}{}, struct{ A, B []byte }{}, struct {
			A string
			B *apart
		}{},
	}},
	"times": {"a, b", "(timestamptz '2026-01-02 03:04:05Z', true), (NULL, false)", []any{
		struct {
			A *time.Time
			B bool
		}{}, struct {
			A time.Time
			B bool
		}{}, struct {
			A sql.NullTime
			B string
		}{}, struct {
			A any
			B int
		}{},
	}},
	"one column": {"a", "(1::bigint), (2), (NULL)", []any{int64(0), 0, int32(0), "", new(int64), upper(""), apart{}, sql.NullInt64{}, []byte{}, any(nil), struct{ A int64 }{}, time.Time{}, struct{}{}}},
	"dots":       {`"behind.c", "behind.d", a`, "(1, 2, 3::bigint), (4, 5, 6)", []any{pointed{}, &pointed{}}},
	"no rows":    {"a", "(1) LIMIT 0", []any{0, struct{ A int }{}, struct{ Other int }{}, struct{ A, B int }{}}},
}

// sqlxQueriers returns queriers of sqlx: plain, with Unsafe, with a mapper.
func sqlxQueriers(e *env) map[string]massive.Querier {
	plain, unsafe, mapped := sqlx.NewDb(e.pool, e.driver), sqlx.NewDb(e.pool, e.driver).Unsafe(), sqlx.NewDb(e.pool, e.driver)
	mapped.Mapper = reflectx.NewMapperTagFunc("json", strings.ToLower, nil)
	return map[string]massive.Querier{"sqlx": plain, "sqlx, unsafe": unsafe, "sqlx, with a mapper": mapped}
}

// Select and Get return the same values and errors as sqlx.
func TestRowsAreReadAsSqlxReadsThem(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		views := map[string]string{}
		for name, c := range rowTypes {
			view := strings.ReplaceAll(name, " ", "_")
			views[name] = view
			exec(t, e.pool, fmt.Sprintf("CREATE MATERIALIZED VIEW %s AS SELECT * FROM (VALUES %s) v (%s)", view, c.rows, c.columns))
		}
		m := e.load(t)
		for by, q := range sqlxQueriers(e) {
			for name, c := range rowTypes {
				v := matview(t, m.With(q), views[name])
				for _, into := range c.into {
					element := reflect.TypeOf(&into).Elem()
					if into != nil {
						element = reflect.TypeOf(into)
					}
					for _, element := range []reflect.Type{element, reflect.PointerTo(element)} {
						what := fmt.Sprintf("%s through %s into []%v", name, by, element)
						want, got := reflect.New(reflect.SliceOf(element)), reflect.New(reflect.SliceOf(element))
						wantErr := sqlx.SelectContext(t.Context(), q.(sqlx.QueryerContext), want.Interface(), fmt.Sprintf("SELECT %s FROM %s", c.columns, views[name]))
						gotErr := v.Select(t.Context(), got.Interface(), "")
						sameRows(t, what, got.Elem(), gotErr, want.Elem(), wantErr)

						if name == "no rows" {
							continue // Get returns ErrNoRows for any type
						}
						wantOne, gotOne := reflect.New(element), reflect.New(element)
						wantErr = sqlxGet(t.Context(), q, wantOne, fmt.Sprintf("SELECT %s FROM %s", c.columns, views[name]))
						gotErr = v.Get(t.Context(), gotOne.Interface(), "")
						sameRows(t, "the first of "+what, gotOne.Elem(), gotErr, wantOne.Elem(), wantErr)
					}
				}
			}
		}
	})
}

// sqlxGet calls sqlx's Get, and allocates the struct if dest is a pointer to a pointer to
// one.
func sqlxGet(ctx context.Context, q massive.Querier, dest reflect.Value, query string) error {
	if t := dest.Type().Elem(); t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && t.Elem().NumField() > 0 && !t.Implements(reflect.TypeFor[sql.Scanner]()) && t.Elem() != reflect.TypeFor[time.Time]() {
		dest.Elem().Set(reflect.New(t.Elem()))
		dest = dest.Elem()
	}
	return sqlx.GetContext(ctx, q.(sqlx.QueryerContext), dest.Interface(), query)
}

func sameRows(t *testing.T, what string, got reflect.Value, gotErr error, want reflect.Value, wantErr error) {
	t.Helper()
	if (gotErr == nil) != (wantErr == nil) || gotErr != nil && !strings.HasSuffix(withoutType(gotErr), withoutType(wantErr)) {
		t.Errorf("%s: got error %v, want %v", what, gotErr, wantErr)
		return
	}
	if g, w := printed(got), printed(want); wantErr == nil && g != w {
		t.Errorf("%s:\ngot  %s\nwant %s", what, g, w)
	}
}

// withoutType returns an error's text without the type that lacks a field, and in the
// wording of sqlx's Select, since that of its Get differs.
func withoutType(err error) string {
	text := strings.Replace(strings.TrimSuffix(err.Error(), " in result"), "scannable dest", "non-struct dest", 1)
	if i := strings.Index(text, "missing destination name"); i >= 0 {
		if j := strings.Index(text[i:], " in "); j >= 0 {
			return text[i : i+j]
		}
	}
	return text
}

// printed prints a value, following pointers.
func printed(v reflect.Value) string {
	text, err := json.Marshal(shown(v))
	if err != nil {
		return fmt.Sprintf("%#v", v.Interface())
	}
	return string(text)
}

func shown(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return []any{shown(v.Elem())}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%q %t", v.Bytes(), v.IsNil())
		}
		all := []any{}
		for i := range v.Len() {
			all = append(all, shown(v.Index(i)))
		}
		return all
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			return at.UTC().String()
		}
		all := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous {
				all[f.Name] = shown(v.Field(i))
			}
		}
		return all
	default:
		return fmt.Sprint(v)
	}
}
