package conformance_test

import (
	"errors"
	"testing"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// The fake's savepoint errors have the SQLSTATEs of Postgres, also outside of
// transactions. The suite does not check that.
func TestSavepointStates(t *testing.T) {
	t.Parallel()
	seqs := sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}}
	for name, open := range map[string]func(t *testing.T) conformance.Database{
		"fake": func(*testing.T) conformance.Database { return sqltest.New(seqs) },
		"pq": func(t *testing.T) conformance.Database {
			t.Helper()
			d, db := testrun.Filled(t, seqs, "postgres")
			return real{d, db}
		},
		"pgx": func(t *testing.T) conformance.Database {
			t.Helper()
			d, db := testrun.Filled(t, seqs, "pgx")
			return real{d, db}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			marks := d.Dialect()
			want := func(what, state string, err error) {
				t.Helper()
				var s interface{ SQLState() string }
				if !errors.As(err, &s) || s.SQLState() != state {
					t.Errorf("%s: got %v, want SQLSTATE %s", what, err, state)
				}
			}
			want("a savepoint outside a transaction", "25P01", marks.SetSavepoint(t.Context(), d.DB(), "one"))
			tx, err := d.DB().BeginTx(t.Context(), nil)
			noError(t, err)
			defer tx.Rollback()
			want("back to one that isn't there", "3B001", marks.RollbackToSavepoint(t.Context(), tx, "none"))
			want("one in a failed transaction", "25P02", marks.SetSavepoint(t.Context(), tx, "one"))
			want("a release in a failed transaction", "25P02", marks.ReleaseSavepoint(t.Context(), tx, "one"))
		})
	}
}
