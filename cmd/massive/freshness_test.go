//go:build unix

package main

import (
	"strings"
	"testing"
)

func TestRefreshOlderThanLeavesYoungViews(t *testing.T) {
	t.Parallel()
	_, env := shop(t)
	env = append(env, "MASSIVE_LEDGER=book")
	steps := []struct {
		args  string
		code  int
		wants []string
	}{
		{"ledger create", exitOK, []string{"The ledger is in the schema book.\n"}},
		{"ledger create", exitOK, nil},
		{"freshness --error-after 1h", exitFindings, []string{"error   public.daily_sales   unknown  unknown"}},
		{"freshness", exitOK, []string{"unknown  public.daily_sales   unknown  unknown"}},
		{"freshness --warn-after 1h", exitOK, []string{"warn    public.daily_sales   unknown  unknown"}},
		{"show daily_sales", exitOK, []string{"age of data  unknown (no refresh is recorded)"}},
		{"refresh --older-than 1h", exitOK, []string{"3 refreshed in"}},
		{"refresh --older-than 1h", exitOK, []string{"public.daily_sales fresh in", "3 fresh in"}},
		{"refresh --older-than 1h --json", exitOK, []string{`"outcome": "fresh"`}},
		{"freshness --error-after 1h", exitOK, []string{"ok      public.daily_sales"}},
		{"freshness --error-after 1ns --json", exitFindings, []string{`"status": "error"`, `"by": "massive"`}},
		{"show daily_sales --json", exitOK, []string{`"data_age_seconds": `}},
	}
	for _, s := range steps {
		out, errs, code := massiveRuns(t, env, strings.Fields(s.args)...)
		for _, want := range append(s.wants, "") {
			if code != s.code || !strings.Contains(out+errs, want) {
				t.Errorf("massive %s: exit code %d, want %d and %q:\n%s%s", s.args, code, s.code, want, out, errs)
			}
		}
	}
}

func TestFreshnessNeedsALedger(t *testing.T) {
	t.Parallel()
	_, env := shop(t)
	for _, args := range []string{"freshness", "keep-fresh --target-lag 1s", "refresh --older-than 1h", "ledger create", "ledger ddl"} {
		if _, errs, code := massiveRuns(t, env, strings.Fields(args)...); code != exitUsage || !strings.Contains(errs, "$MASSIVE_LEDGER") {
			t.Errorf("massive %s: exit code %d, %s", args, code, errs)
		}
		if args == "ledger create" || args == "ledger ddl" {
			continue
		}
		if _, errs, code := massiveRuns(t, env, append(strings.Fields(args), "--ledger", "nowhere")...); code != exitFindings || !strings.Contains(errs, "not found") {
			t.Errorf("massive %s, without the ledger: exit code %d, %s", args, code, errs)
		}
	}
}

func TestStatementsOfTheLedgerCreateIt(t *testing.T) {
	t.Parallel()
	database, env := shop(t)
	ddl, errs, code := massiveRuns(t, env, "ledger", "ddl", "--ledger", "Odd name")
	if code != exitOK || errs != "" {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	database.Exec(t, ddl)
	if out, errs, code := massiveRuns(t, env, "refresh", "--older-than", "1h", "--ledger", "Odd name"); code != exitOK {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}
