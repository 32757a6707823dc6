package registry

// Reading of a materialized view's rows through sqlx.

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"reflect"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/querier"
)

func (m *matview) Select(ctx context.Context, dest any, tail string, args ...any) error {
	d, err := operation(ctx, m.access)
	if err != nil {
		return fail(dialect.OpSelect, m.def.Name, err)
	}
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() || p.Elem().Kind() != reflect.Slice {
		return fail(dialect.OpSelect, m.def.Name,
			fmt.Errorf("%w: the destination is %T; pass a non-nil pointer to a slice", dialect.ErrInvalid, dest))
	}
	p.Elem().SetLen(0) // also before an error, so that dest has no rows of an earlier call
	query, queryArgs, err := d.SelectMatview(m.def, tail, args)
	if err != nil {
		return m.explain(ctx, dialect.OpSelect, err)
	}
	rows, err := rowser(m.querier).QueryxContext(ctx, query, queryArgs...)
	if err == nil {
		defer rows.Close()
		err = scanAll(rows, dest)
	}
	if err != nil {
		return m.explain(ctx, dialect.OpSelect, err)
	}
	return nil
}

func (m *matview) Get(ctx context.Context, dest any, tail string, args ...any) (err error) {
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fail(dialect.OpSelect, m.def.Name, fmt.Errorf("%w: the destination is %T; pass a non-nil pointer", dialect.ErrInvalid, dest))
	}
	s, err := m.stream(ctx, tail, args)
	if err != nil {
		return err
	}
	defer func() {
		if errClose := s.rows.Close(); err == nil && errClose != nil {
			err = m.explain(ctx, dialect.OpSelect, errClose)
		}
	}()
	if !s.rows.Next() {
		return m.explain(ctx, dialect.OpSelect, cmp.Or(s.rows.Err(), sql.ErrNoRows))
	}
	into := p.Elem()
	if into.Kind() == reflect.Pointer && s.mapped(into.Type().Elem()) {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	scanner, err := newRowScanner(s.rows, into)
	if err == nil {
		err = scanner.scan()
	}
	if err != nil {
		return m.explain(ctx, dialect.OpSelect, err)
	}
	return nil
}

func (m *matview) Count(ctx context.Context, tail string, args ...any) (int64, error) {
	d, err := operation(ctx, m.access)
	if err != nil {
		return 0, fail(dialect.OpCount, m.def.Name, err)
	}
	query, queryArgs, err := d.CountMatview(m.def, tail, args)
	if err != nil {
		return 0, m.explain(ctx, dialect.OpCount, err)
	}
	var n int64
	if err := m.querier.QueryRowContext(ctx, query, queryArgs...).Scan(&n); err != nil {
		return 0, m.explain(ctx, dialect.OpCount, err)
	}
	return n, nil
}

// A RowReader reads the rows that a view's Select would read, one by one, into the same
// value. It is not safe for concurrent use. The zero value is not usable; call
// [ReadRows].
type RowReader struct {
	stream  *stream
	cancel  context.CancelFunc
	scanner *rowScanner
	into    reflect.Value
	scratch reflect.Value // into or, if into is a pointer to a struct, a struct that Next copies for each row
	ended   bool
}

// ReadRows returns a reader that stores each row in the value that dest points to: a
// struct, a pointer to a struct or, for a view of one column, a plain value. Call Close
// when the reader is no longer needed. Errors: those of Select.
func ReadRows(ctx context.Context, view Matview, dest any, tail string, args ...any) (*RowReader, error) {
	if querier.IsNil(view) {
		return nil, fail(dialect.OpSelect, dialect.Name{}, fmt.Errorf("%w: the view is nil", dialect.ErrInvalid))
	}
	if err := contexts.Check(ctx); err != nil {
		return nil, fail(dialect.OpSelect, view.Name(), err)
	}
	r := &RowReader{into: reflect.ValueOf(dest).Elem()}
	ctx, r.cancel = context.WithCancel(ctx)
	var err error
	if r.stream, err = view.stream(ctx, tail, args); err != nil {
		r.cancel()
		return nil, err
	}
	r.scratch = r.into
	if r.into.Kind() == reflect.Pointer && r.stream.mapped(r.into.Type().Elem()) {
		r.scratch = reflect.New(r.into.Type().Elem()).Elem()
	}
	if r.scanner, err = newRowScanner(r.stream.rows, r.scratch); err != nil {
		err = r.stream.explain(ctx, dialect.OpSelect, err)
		r.Close()
		return nil, err
	}
	return r, nil
}

// Next reads the next row. It returns false after the last row, and with an error.
// Errors: those of Select.
func (r *RowReader) Next() (bool, error) {
	if r.stream == nil {
		return false, fail(dialect.OpSelect, dialect.Name{}, fmt.Errorf("%w: the RowReader is a zero value; call ReadRows", dialect.ErrInvalid))
	}
	if !r.stream.rows.Next() {
		r.ended = true
		if err := r.stream.rows.Err(); err != nil {
			return false, r.stream.explain(r.stream.ctx, dialect.OpSelect, err)
		}
		return false, nil
	}
	r.scratch.SetZero()
	if err := r.scanner.scan(); err != nil {
		return false, r.stream.explain(r.stream.ctx, dialect.OpSelect, err)
	}
	if r.scratch != r.into {
		p := reflect.New(r.scratch.Type())
		p.Elem().Set(r.scratch)
		r.into.Set(p)
	}
	return true, nil
}

// Close ends the reading. If there are more rows, Close cancels the statement on a pool,
// which costs the pool its connection. On a transaction or a connection it reads and
// discards them.
func (r *RowReader) Close() {
	if r.stream == nil {
		return
	}
	if !r.ended && r.stream.pooled() {
		r.cancel()
	}
	_ = r.stream.rows.Close() // Next has returned its error, or it is about the cancel
	r.cancel()
}

// A stream is a running query of a view's rows.
type stream struct {
	*matview
	ctx  context.Context
	rows *sqlx.Rows
}

func (m *matview) stream(ctx context.Context, tail string, args []any) (*stream, error) {
	d, err := operation(ctx, m.access)
	if err != nil {
		return nil, fail(dialect.OpSelect, m.def.Name, err)
	}
	query, queryArgs, err := d.SelectMatview(m.def, tail, args)
	if err != nil {
		return nil, m.explain(ctx, dialect.OpSelect, err)
	}
	rows, err := rowser(m.querier).QueryxContext(ctx, query, queryArgs...)
	if err != nil {
		return nil, m.explain(ctx, dialect.OpSelect, err)
	}
	return &stream{m, ctx, rows}, nil
}

// mapped reports whether sqlx maps columns to the fields of a type: a struct with fields
// and without a Scan method. The struct time.Time has no exported fields.
func (s *stream) mapped(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !scans(t) && len(s.fields(t).Index) > 0
}

func (s *stream) fields(t reflect.Type) *reflectx.StructMap { return s.rows.Mapper.TypeMap(t) }

// pooled reports whether the querier is a pool of connections.
func (a *access) pooled() bool {
	_, ok := querier.AsPool(a.querier)
	return ok
}

// rowser returns q as sqlx reads rows from it. A querier of sqlx keeps its own mapper.
func rowser(q dialect.Querier) sqlx.QueryerContext {
	if x, ok := q.(sqlx.QueryerContext); ok {
		return x
	}
	return plain{q}
}

// plain adds sqlx's default mapper to a querier that is not sqlx's.
type plain struct{ dialect.Querier }

func (p plain) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	rows, err := p.QueryContext(ctx, query, args...) //nolint:rowserrcheck // the caller checks
	if err != nil {
		return nil, err
	}
	// A program may have set sqlx.NameMapper, which a new sqlx.DB uses.
	return &sqlx.Rows{Rows: rows, Mapper: sqlx.NewDb(nil, "").Mapper}, nil
}

// QueryRowxContext completes [sqlx.QueryerContext]. This package does not call it. Only
// sqlx can create an [sqlx.Row].
func (plain) QueryRowxContext(context.Context, string, ...any) *sqlx.Row { return nil }
