package registry_test

import (
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// stubbed returns a registry of the catalog whose dialect is a stub.
func stubbed(cat *dialect.Catalog, sel registry.Selection) (*registry.Registry, *stub.Dialect, *stub.Querier) {
	s, q := &stub.Dialect{Catalog: cat}, &stub.Querier{}
	return registry.New(cat, sel, s, q), s, q
}

func matview(t *testing.T, r *registry.Registry, name string) registry.Matview {
	t.Helper()
	m, err := r.Matview(name)
	noError(t, err)
	return m
}

func enum(t *testing.T, r *registry.Registry, name string) registry.Enum {
	t.Helper()
	e, err := r.Enum(name)
	noError(t, err)
	return e
}

func sequence(t *testing.T, r *registry.Registry, name string) registry.Sequence {
	t.Helper()
	s, err := r.Sequence(name)
	noError(t, err)
	return s
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
