package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// TestRollingDeploy holds that the program prints the text block of the guide.
func TestRollingDeploy(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/rolling-deploys.md")
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := strings.Cut(string(guide), "```text\n")
	want, _, _ = strings.Cut(want, "```")
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			pgtest.NewDatabase(t) // skips the test, or fails it, without Postgres
			var out bytes.Buffer
			if err := run(t.Context(), &out, []string{"-driver", driver}); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != want {
				t.Errorf("it printed:\n%s\nthe guide has:\n%s", got, want)
			}
		})
	}
}
