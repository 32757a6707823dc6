// Package examples_test builds and runs the small programs, each on a database of its
// own.
package examples_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestPrograms(t *testing.T) {
	t.Parallel()
	const sales = `CREATE MATERIALIZED VIEW daily_sales AS
		SELECT day, total FROM (VALUES ('monday', 5), ('tuesday', 50), ('friday', 70)) v (day, total)`
	for _, c := range []struct{ program, setup, prints string }{
		{"libpq", sales, "public.daily_sales refreshed blocking\n"},
		{"pgx", sales, "public.daily_sales refreshed blocking\n"},
		{"pgxpool", `CREATE TABLE orders (day text, total int);
			CREATE MATERIALIZED VIEW daily_sales AS SELECT day, sum(total) AS total FROM orders GROUP BY day`,
			"3 rows copied, public.daily_sales refreshed\n[monday 5 tuesday 70]\n"},
		{"sqlx", sales, "friday 70\ntuesday 50\n"},
		{"transaction", `CREATE SEQUENCE invoice_no START 77; CREATE TABLE invoices (no bigint, total numeric)`, "invoice 77\n"},
	} {
		t.Run(c.program, func(t *testing.T) {
			t.Parallel()
			database := pgtest.NewDatabase(t)
			database.Exec(t, c.setup)
			program := filepath.Join(t.TempDir(), c.program)
			if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./"+c.program).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			out, err := exec.CommandContext(t.Context(), program, database.DSN()).CombinedOutput()
			if err != nil || string(out) != c.prints {
				t.Errorf("it printed %q (%v), want %q", out, err, c.prints)
			}
			out, err = exec.CommandContext(t.Context(), program, "host=/nowhere").CombinedOutput()
			if err == nil || len(out) == 0 {
				t.Errorf("without a server it printed %q and succeeded", out)
			}
			out, err = exec.CommandContext(t.Context(), program).CombinedOutput()
			if err == nil || string(out) != "usage: "+c.program+" DSN\n" {
				t.Errorf("without a DSN it printed %q (%v)", out, err)
			}
		})
	}
}
