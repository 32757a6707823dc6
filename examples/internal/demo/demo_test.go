package demo

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestParse(t *testing.T) {
	t.Parallel()
	var every time.Duration
	further := func(f *flag.FlagSet) {
		f.SetOutput(io.Discard)
		f.DurationVar(&every, "every", time.Second, "how often")
	}
	driver, err := Parse("test", []string{"-driver", "postgres", "-every", "5s"}, further)
	if driver != "postgres" || every != 5*time.Second || err != nil {
		t.Errorf("got %q, %v, %v", driver, every, err)
	}
	if driver, err = Parse("test", nil, nil); driver != "pgx" || err != nil {
		t.Errorf("without arguments: got %q, %v", driver, err)
	}
	for says, args := range map[string][]string{
		`unknown driver "mysql": use pgx or postgres (lib/pq)`: {"-driver", "mysql"},
		`unexpected argument "extra"`:                          {"extra"},
		"flag provided but not defined: -loud":                 {"-loud"},
		"help requested":                                       {"-help"},
	} {
		if _, err := Parse("test", args, further); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: got %v, want %q", args, err, says)
		}
	}
}

// Open drops the database if the SQL fails.
func TestOpen(t *testing.T) {
	t.Parallel()
	there := pgtest.NewDatabase(t).Open(t, "pgx") // skips the test, or fails it, without Postgres
	for _, driver := range []string{"pgx", "postgres"} {
		db, err := Open(t.Context(), driver, "CREATE TABLE t (n int); INSERT INTO t VALUES (7)")
		if err != nil {
			t.Fatal(err)
		}
		var n int
		var name string
		if err := db.QueryRowContext(t.Context(), "SELECT n, current_database() FROM t").Scan(&n, &name); err != nil || n != 7 {
			t.Errorf("%s: read %d (%v)", driver, n, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if err := there.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_database WHERE datname = $1", name).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d databases remain (%v)", driver, n, err)
		}
	}
	if _, err := Open(t.Context(), "pgx", "nonsense"); err == nil || !strings.Contains(err.Error(), "42601") {
		t.Errorf("invalid SQL: %v", err)
	}
	if _, err := Open(t.Context(), "mysql", ""); err == nil || !strings.Contains(err.Error(), `unknown driver "mysql"`) {
		t.Errorf("an unknown driver: %v", err)
	}
}
