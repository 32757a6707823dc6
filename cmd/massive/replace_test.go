//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplaceRefusesAndRunsAndPrintsTheScript(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	file := filepath.Join(t.TempDir(), "query.sql")
	write := func(query string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(query), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	columns := func() string {
		t.Helper()
		var text string
		row := database.Open(t, "pgx").QueryRowContext(t.Context(), "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'daily_sales'::regclass AND attnum > 0")
		if err := row.Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	write("SELECT day FROM orders")
	_, errs, code := massiveRuns(t, env, "replace", "daily_sales", "--query", file)
	if code != exitFindings || !strings.Contains(errs, "public.weekly_sales") || columns() != "day total" {
		t.Errorf("a query that lacks a column: exit code %d, %s, columns %s; want 1, and the view unchanged", code, errs, columns())
	}

	write("SELECT day, sum(total) AS total, count(*) AS orders FROM orders GROUP BY day")
	out, errs, code := massiveRuns(t, env, "replace", "daily_sales", "--query", file, "--dry-run")
	if code != exitOK || !strings.Contains(out, "BEGIN ") || !strings.HasSuffix(out, "COMMIT;\n") || columns() != "day total" {
		t.Errorf("--dry-run: exit code %d, %s, %q; want a script, and the view unchanged", code, errs, out)
	}
	out, errs, code = massiveRuns(t, env, "replace", "daily_sales", "--query", file, "--json", "--lock-timeout", "1s", "--give-up-after", "1m")
	var doc replaceJSON
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != exitOK || columns() != "day total orders" || doc.Tries < 1 || doc.Filled.IsZero() ||
		strings.Join(doc.Rebuilt, " ") != "public.daily_sales public.weekly_sales public.best public.best_week" {
		t.Errorf("a run: exit code %d, %s, %s, columns %s", code, errs, out, columns())
	}

	for _, wrong := range [][]string{{"daily_sales"}, {"daily_sales", "--query", file + ".missing"}, {"--query", file}, {"daily_sales", "--query", file, "--give-up-after", "-1s"}} {
		if _, errs, code := massiveRuns(t, env, append([]string{"replace"}, wrong...)...); code != exitUsage {
			t.Errorf("replace %v: exit code %d, %s; want 2", wrong, code, errs)
		}
	}
}
