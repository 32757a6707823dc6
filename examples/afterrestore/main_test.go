package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

const schema = `
CREATE TYPE status AS ENUM ('placed', 'packed', 'paid');
CREATE SEQUENCE invoice_no START 1000;
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  invoice bigint DEFAULT nextval('invoice_no'), day text, total int, status status);
INSERT INTO orders (day, total, status) SELECT 'day ' || n % 7, n, 'paid' FROM generate_series(1, 500) n;
CREATE MATERIALIZED VIEW daily_sales AS SELECT day, sum(total) AS total FROM orders GROUP BY day;
CREATE MATERIALIZED VIEW best_day AS SELECT day FROM daily_sales ORDER BY total DESC LIMIT 1;`

// TestGuide runs the commands and the program of the guide, and compares what the program
// prints.
func TestGuide(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/after-a-restore.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(text)
	_, program, _ := strings.Cut(string(source), "\nfunc repair")
	if got := block(guide, "go"); got != "func repair"+program {
		t.Errorf("the guide's program is not this one:\n%s", got)
	}
	old := pgtest.NewDatabase(t)
	old.Exec(t, schema)
	needClient(t, old)
	repaired := func(t *testing.T, restored *pgtest.Database) (string, error) {
		var out bytes.Buffer
		err := repair(t.Context(), &out, restored.Open(t, "pgx"))
		return out.String(), err
	}

	t.Run("the whole dump", func(t *testing.T) {
		t.Parallel()
		restored, dump := pgtest.NewDatabase(t), filepath.Join(t.TempDir(), "shop.dump")
		command(t, "pg_dump", "--format=custom", "--file="+dump, "--dbname="+old.DSN())
		command(t, "pg_restore", "--exit-on-error", "--dbname="+restored.DSN(), dump)
		if err := readViews(t, restored); err != nil {
			t.Errorf("before the program: got %v, want views with data", err)
		}
		got, err := repaired(t, restored)
		if want := "public.daily_sales refreshed\npublic.best_day refreshed\n"; err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		checkRestored(t, restored)
	})
	t.Run("data only", func(t *testing.T) {
		t.Parallel()
		restored, dump := pgtest.NewDatabase(t), filepath.Join(t.TempDir(), "shop.dump")
		for _, line := range strings.Split(strings.TrimSpace(block(guide, "sh")), "\n") {
			args := strings.Fields(line)
			for i := range args {
				args[i] = strings.NewReplacer("shop.dump", dump, `"$OLD"`, old.DSN(), `"$NEW"`, restored.DSN()).Replace(args[i])
			}
			command(t, args[0], args[1:]...)
		}
		if readViews(t, restored) == nil {
			t.Error("before the program: the views have data")
		}
		got, err := repaired(t, restored)
		if want := block(guide, "text"); err != nil || got != want {
			t.Errorf("got %v\n%s\nthe guide has:\n%s", err, got, want)
		}
		checkRestored(t, restored)
		got, err = repaired(t, restored)
		if want := "public.daily_sales refreshed\npublic.best_day refreshed\n"; err != nil || got != want {
			t.Errorf("a second run printed %q, %v, want %q", got, err, want)
		}
	})
	t.Run("an older dump", func(t *testing.T) {
		t.Parallel()
		older, restored, dump := pgtest.NewDatabase(t), pgtest.NewDatabase(t), filepath.Join(t.TempDir(), "shop.dump")
		older.Exec(t, strings.Replace(schema, "'packed', ", "", 1))
		command(t, "pg_dump", "--format=custom", "--file="+dump, "--dbname="+older.DSN())
		command(t, "pg_restore", "--exit-on-error", "--dbname="+restored.DSN(), dump)
		got, err := repaired(t, restored)
		if want := `drift: enum public.status: missing labels ["packed"]`; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(guide, want) {
			t.Errorf("got %q, %v, want the guide's error, %s", got, err, want)
		}
	})
}

// block returns the guide's first block of a language.
func block(guide, language string) string {
	_, text, _ := strings.Cut(guide, "```"+language+"\n")
	text, _, _ = strings.Cut(text, "```")
	return text
}

// checkRestored holds that the next insert works, and that the views have their rows.
func checkRestored(t *testing.T, restored *pgtest.Database) {
	t.Helper()
	if err := readViews(t, restored); err != nil {
		t.Error(err)
	}
	db := restored.Open(t, "pgx")
	var id, invoice int
	insert := "INSERT INTO orders (status) VALUES ('placed') RETURNING id, invoice"
	if err := db.QueryRowContext(t.Context(), insert).Scan(&id, &invoice); err != nil || id != 501 || invoice != 1500 {
		t.Errorf("an insert got id %d and invoice %d, %v, want 501 and 1500", id, invoice, err)
	}
}

func readViews(t *testing.T, restored *pgtest.Database) error {
	t.Helper()
	var best string
	return restored.Open(t, "pgx").QueryRowContext(t.Context(), "SELECT day FROM best_day").Scan(&best)
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// needClient skips the test without pg_dump and pg_restore, or if they are older than the
// server, which they then refuse. It fails the test instead if Postgres is required, unless
// MASSIVE_POSTGRES_BIN chooses a server without its clients.
func needClient(t *testing.T, database *pgtest.Database) {
	t.Helper()
	var server int
	if err := database.Open(t, "pgx").QueryRowContext(t.Context(), "SELECT current_setting('server_version_num')::int / 10000").Scan(&server); err != nil {
		t.Fatal(err)
	}
	missing := ""
	for _, name := range []string{"pg_dump", "pg_restore"} {
		out, err := exec.CommandContext(t.Context(), name, "--version").Output()
		major := 0
		if v := regexp.MustCompile(`\) (\d+)`).FindSubmatch(out); v != nil {
			major, _ = strconv.Atoi(string(v[1]))
		}
		switch {
		case err != nil:
			missing = err.Error()
		case major < server:
			missing = fmt.Sprintf("%s is of major %d, and the server of %d", name, major, server)
		}
	}
	if missing == "" {
		return
	}
	missing += ": install the client programs of PostgreSQL (apt-get install postgresql-client)"
	if require := os.Getenv("MASSIVE_REQUIRE_POSTGRES"); require != "" && require != "0" && os.Getenv("MASSIVE_POSTGRES_BIN") == "" {
		t.Fatal(missing)
	}
	t.Skip("NOT TESTED: " + missing)
}
