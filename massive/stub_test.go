package massive_test

import (
	"context"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/querier"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// A catalogDialect is a dialect that loads a given catalog.
type catalogDialect struct {
	dialect.Dialect
	catalog *dialect.Catalog
}

func (c catalogDialect) Load(context.Context, dialect.Querier, dialect.Filter) (*dialect.Catalog, error) {
	return c.catalog, nil
}

// loadedFrom loads a catalog through a dialect, or panics. If q is nil, the DB has a nil
// querier after the load.
func loadedFrom(cat *dialect.Catalog, d dialect.Dialect, q massive.Querier, opts ...massive.LoadOption) *massive.DB {
	through := q
	if querier.IsNil(q) {
		through = &stub.Querier{}
	}
	m, err := massive.Load(context.Background(), through, catalogDialect{d, cat}, opts...)
	if err != nil {
		panic(err)
	}
	if querier.IsNil(q) {
		m = m.With(q)
	}
	return m
}

// stubbed loads a catalog through a stub dialect and querier.
func stubbed(cat *dialect.Catalog, opts ...massive.LoadOption) (*massive.DB, *stub.Dialect, *stub.Querier) {
	s, q := &stub.Dialect{Catalog: cat}, &stub.Querier{}
	return loadedFrom(cat, s, q, opts...), s, q
}

// snapshot returns a registry of a catalog.
func snapshot(cat *dialect.Catalog, sel registry.Selection) *massive.Registry {
	return registry.New(cat, sel, &stub.Dialect{}, &stub.Querier{})
}

// snapshotOf returns a registry with one enum, app.mood.
func snapshotOf(labels ...string) *massive.Registry {
	return snapshot(moods(labels...), registry.Selection{})
}
