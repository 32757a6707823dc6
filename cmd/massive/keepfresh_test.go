//go:build unix

package main

import (
	"os"
	"strings"
	"testing"
)

func TestKeepFreshRefreshesUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	_, env := shop(t)
	env = append(env, "MASSIVE_LEDGER=book")
	if _, errs, code := massiveRuns(t, env, "ledger", "create"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	text := start(t, env, "keep-fresh", "--target-lag", "1s", "daily_sales")
	lines := start(t, env, "keep-fresh", "--target-lag", "1s", "weekly_sales", "--json")
	eventually(t, "the first refreshes", func() bool { return strings.Contains(text.out.String(), "public.daily_sales refreshed") })
	eventually(t, "the second refreshes what its view reads, too", func() bool {
		return strings.Contains(lines.out.String(), `"event":"refreshed","view":"public.weekly_sales"`)
	})
	for _, r := range []*running{text, lines} {
		noError(t, r.Process.Signal(os.Interrupt))
		if code := r.wait(t); code != exitOK || r.err.String() != "" {
			t.Errorf("exit code %d: %s", code, r.err)
		}
	}
}
