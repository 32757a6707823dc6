package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// TestMain runs the test binary as a replica if the program starts it as one.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-replica") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestReplicas(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			pgtest.NewDatabase(t) // skips the test, or fails it, without Postgres
			var out bytes.Buffer
			if err := run(t.Context(), &out, []string{"-driver", driver, "-lag", "1s", "-for", "4s"}); err != nil {
				t.Fatalf("%v; it printed\n%s", err, &out)
			}
			text := out.String()
			victim := regexp.MustCompile(`(replica \d) +is killed during a refresh`).FindStringSubmatch(text)
			if victim == nil {
				t.Fatalf("no replica was killed; it printed\n%s", text)
			}
			_, after, _ := strings.Cut(text, "is killed")
			live, table, _ := strings.Cut(after, "\n\n")
			if strings.Contains(live, victim[1]+" ") && strings.Contains(live, victim[1]+"  refreshed: ") {
				t.Errorf("the killed %s still refreshes; it printed\n%s", victim[1], text)
			}
			if !strings.Contains(live, "refreshed: public.best_day") {
				t.Errorf("no replica refreshed after the kill; it printed\n%s", text)
			}
			refreshed, joined := 0, 0
			for line := range strings.Lines(table) {
				var n, r, j int
				if _, err := fmt.Sscanf(line, "replica %d %d %d", &n, &r, &j); err == nil {
					refreshed, joined = refreshed+r, joined+j
				}
			}
			if refreshed < 4 || joined < refreshed {
				t.Errorf("%d refreshed and %d joined, want at least 4, and more joined; it printed\n%s", refreshed, joined, text)
			}
		})
	}
}
