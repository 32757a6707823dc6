package sqltest

// The fake as a dialect: it passes operations through the querier to the session, which
// runs them.

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
)

var _ dialect.Dialect = (*Fake)(nil)

// Name returns "fake".
func (f *Fake) Name() string { return "fake" }

// Classify implements [dialect.Dialect]. It classifies errors as the Postgres dialect
// does, by their SQLSTATE.
func (f *Fake) Classify(failure dialect.Failure) error { return postgres.New().Classify(failure) }

// CheckColumn implements [dialect.MatviewDialect] as the Postgres dialect does.
func (f *Fake) CheckColumn(column string, field reflect.Type) (why string, known bool, err error) {
	return postgres.New().CheckColumn(column, field)
}

// text is passed in place of a SQL statement. It shows up in logs and traces.
func (c Call) text() string { return "sqltest: " + c.String() }

func (f *Fake) operation(c Call, do func(context.Context, *session) (*result, error)) *operation {
	return &operation{fake: f, call: c, do: do}
}

// ask runs an operation that returns one row, or no row if it has no values.
func (f *Fake) ask(ctx context.Context, q dialect.Querier, c Call,
	do func(context.Context, *session) ([]driver.Value, error), dest ...any,
) error {
	o := f.operation(c, func(ctx context.Context, s *session) (*result, error) {
		values, err := do(ctx, s)
		if err != nil {
			return nil, err
		}
		r := &result{columns: make([]string, len(values))}
		for i := range values {
			r.columns[i] = fmt.Sprint("column", i+1)
		}
		if values != nil {
			r.rows = [][]driver.Value{values}
		}
		return r, nil
	})
	if len(dest) == 0 {
		_, err := q.ExecContext(ctx, c.text(), o)
		return err
	}
	return q.QueryRowContext(ctx, c.text(), o).Scan(dest...)
}

// Load implements [dialect.Dialect]. It returns the structures that the transaction of q
// sees.
func (f *Fake) Load(ctx context.Context, q dialect.Querier, filter dialect.Filter) (*dialect.Catalog, error) {
	var cat *dialect.Catalog
	err := f.ask(ctx, q, Call{Op: dialect.OpLoad}, func(_ context.Context, s *session) ([]driver.Value, error) {
		cat = f.catalog(s, filter)
		return nil, nil
	})
	return cat, err
}

func (f *Fake) catalog(s *session, filter dialect.Filter) *dialect.Catalog {
	cat := &dialect.Catalog{
		Server: dialect.Server{
			Version: "fake", Database: "fake", User: us, Standby: f.stand, MaxNameBytes: maxNameBytes,
		},
		SearchPath: f.path,
		Sign:       f.sign(s),
	}
	if filter.Has(dialect.KindMatview) {
		for _, v := range f.views {
			cat.Matviews = append(cat.Matviews, f.matviewDef(s, v))
		}
		cat.Views = f.viewDefs()
	}
	if filter.Has(dialect.KindEnum) {
		for _, e := range f.enums {
			cat.Enums = append(cat.Enums, f.enumDef(s, e))
		}
	}
	if filter.Has(dialect.KindSequence) {
		for _, q := range f.seqs {
			cat.Sequences = append(cat.Sequences, f.sequenceDef(q))
		}
	}
	return cat
}
