// Package foreign shows the Postgres dialect a server that is none. It is a module of its own, so that SQLite
// stays out of everybody else's.
package foreign

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

func TestAnotherDatabaseIsNamed(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	m, err := massive.Load(t.Context(), db, postgres.New())
	if !errors.Is(err, massive.ErrUnsupported) || !errors.Is(err, errors.ErrUnsupported) || m != nil {
		t.Fatalf("got %v, %v", m, err)
	}
	if want := `the server is "SQLite 3.`; !strings.Contains(err.Error(), want) ||
		!strings.Contains(err.Error(), "needs PostgreSQL 13 or newer") {
		t.Errorf("error %q does not say %q", err, want)
	}
}
