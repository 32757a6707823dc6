package dialect_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

// A loader has only the methods that every dialect must write.
type loader struct {
	dialect.NoMatviews
	dialect.NoEnums
	dialect.NoSequences
	dialect.NoTransactions
	dialect.NoSign
}

func (loader) Name() string { return "loader" }

func (loader) Load(context.Context, dialect.Querier, dialect.Filter) (*dialect.Catalog, error) {
	return &dialect.Catalog{}, nil
}

func (loader) Classify(dialect.Failure) error { return nil }

var _ dialect.Dialect = loader{}

func TestDefaultsAreUnsupported(t *testing.T) {
	t.Parallel()
	for _, kind := range []any{dialect.NoMatviews{}, dialect.NoEnums{}, dialect.NoSequences{}, dialect.NoTransactions{}} {
		v := reflect.ValueOf(kind)
		for i := range v.NumMethod() {
			name, method := v.Type().Method(i).Name, v.Method(i)
			args := make([]reflect.Value, method.Type().NumIn())
			for j := range args {
				args[j] = reflect.Zero(method.Type().In(j))
			}
			results := method.Call(args)
			err, _ := results[len(results)-1].Interface().(error)
			var what dialect.Unsupported
			if !errors.As(err, &what) || what == "" || !errors.Is(err, dialect.ErrUnsupported) || !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%T.%s returns error %v; want an Unsupported", kind, name, err)
			}
			for _, r := range results[:len(results)-1] {
				if !r.IsZero() {
					t.Errorf("%T.%s returns %v with an error", kind, name, r)
				}
			}
		}
	}
	if same, err := (dialect.NoSign{}).Unchanged(t.Context(), nil, "1"); same || err != nil {
		t.Errorf("NoSign.Unchanged = %t, %v; want false, nil", same, err)
	}
}

func TestUnsupportedError(t *testing.T) {
	t.Parallel()
	const want = "not supported here: unsupported operation: the dialect can't take values"
	if got := dialect.Unsupported("take values").Error(); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}
