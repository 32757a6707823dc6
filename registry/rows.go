package registry

// Reading a materialized view's rows, through sqlx.

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"reflect"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"

	"github.com/massivedb/massive-go/dialect"
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
			fmt.Errorf("%w: the destination is %T: it takes a pointer to a slice, and one that is not nil", dialect.ErrInvalid, dest))
	}
	p.Elem().SetLen(0) // also where there is an error, so that nobody takes earlier rows for the view's
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
		return fail(dialect.OpSelect, m.def.Name, fmt.Errorf("%w: the destination is %T: it takes a pointer that is not nil", dialect.ErrInvalid, dest))
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

// Rows are the rows that view's Select would read, one at a time and in constant memory, however many there are: T is
// a struct, a pointer to one, or, for a view of one column, a plain value. The statement runs anew for each loop. An
// error ends the loop, as the second value beside a zero T; errors are those of Select.
//
// A loop that ends early, by break, return or panic, returns at once on a pool (a *sql.DB): the statement is cancelled,
// at the price of its connection, which the pool replaces. On a *sql.Tx or *sql.Conn, which would not survive that, the
// rest of the rows is read and thrown away first; say LIMIT in the tail where that would be many.
//
// A transaction or a connection does nothing else before the loop is over: it is busy with the rows. An operation
// on it returns [dialect.ErrInvalid], but pgx waits forever if it is a *sql.Conn, and may break a transaction by the
// attempt, so that only a rollback is left.
func Rows[T any](ctx context.Context, view Matview, tail string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if querier.IsNil(view) {
			yield(none, fail(dialect.OpSelect, dialect.Name{}, fmt.Errorf("%w: the view is nil", dialect.ErrInvalid)))
			return
		}
		if err := checkContext(ctx); err != nil {
			yield(none, fail(dialect.OpSelect, view.Name(), err))
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s, err := view.stream(ctx, tail, args)
		if err != nil {
			yield(none, err)
			return
		}
		ended := false
		defer func() {
			if !ended && s.pooled() {
				cancel()
			}
			_ = s.rows.Close() // its error is the one that ended the rows, or of a statement that was cut off
		}()
		var row T
		into := reflect.ValueOf(&row).Elem()
		scratch := into
		if into.Kind() == reflect.Pointer && s.mapped(into.Type().Elem()) { // each row is a struct of its own
			scratch = reflect.New(into.Type().Elem()).Elem()
		}
		scanner, err := newRowScanner(s.rows, scratch)
		if err != nil {
			yield(none, s.explain(ctx, dialect.OpSelect, err))
			return
		}
		for s.rows.Next() {
			scratch.SetZero()
			if err := scanner.scan(); err != nil {
				yield(none, s.explain(ctx, dialect.OpSelect, err))
				return
			}
			if scratch != into {
				p := reflect.New(scratch.Type())
				p.Elem().Set(scratch)
				into.Set(p)
			}
			if !yield(row, nil) {
				return
			}
		}
		ended = true
		if err := s.rows.Err(); err != nil {
			yield(none, s.explain(ctx, dialect.OpSelect, err))
		}
	}
}

// A stream is a view's rows on their way.
type stream struct {
	*matview
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
	return &stream{m, rows}, nil
}

// mapped tells whether columns go to the fields of a type, by sqlx's rule: it is a struct that doesn't scan itself and
// has fields to go to, unlike time.Time.
func (s *stream) mapped(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !scans(t) && len(s.fields(t).Index) > 0
}

func (s *stream) fields(t reflect.Type) *reflectx.StructMap { return s.rows.Mapper.TypeMap(t) }

// pooled tells whether what is done goes to a pool of connections.
func (a *access) pooled() bool {
	_, ok := querier.AsPool(a.querier)
	return ok
}

// rowser is q as sqlx reads rows from it: as it is, where it is one of sqlx's own with a mapper of its own.
func rowser(q dialect.Querier) sqlx.QueryerContext {
	if x, ok := q.(sqlx.QueryerContext); ok {
		return x
	}
	return plain{q}
}

// plain reads rows from a querier that knows nothing of sqlx, with sqlx's default mapper.
type plain struct{ dialect.Querier }

func (p plain) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	rows, err := p.QueryContext(ctx, query, args...) //nolint:rowserrcheck // whoever reads them asks
	if err != nil {
		return nil, err
	}
	// A new sqlx.DB has the default mapper as it is now: a program may have set sqlx.NameMapper.
	return &sqlx.Rows{Rows: rows, Mapper: sqlx.NewDb(nil, "").Mapper}, nil
}

// QueryRowxContext completes [sqlx.QueryerContext]. sqlx gives no way to make its Row outside a querier of its
// own, and nothing here asks for one.
func (plain) QueryRowxContext(context.Context, string, ...any) *sqlx.Row { return nil }
