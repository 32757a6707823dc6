package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// The parts of the output that differ between runs: durations, the drivers' error texts
// and, after a failure, the order.
var (
	duration = regexp.MustCompile(`(in|after) [0-9.]+(µs|ms|s) `)
	server   = regexp.MustCompile(`(unique index can't tell apart): .*`)
	count    = regexp.MustCompile(`^\[\d/8\] `)
)

const before = `The plan: refresh 8 of 8 materialized views, one at a time (requested)
  1. raw.sales         blocking, the default
  2. raw.shops         blocking, the default
  3. public.by_shop    blocking, the default; after raw.sales, raw.shops
  4. public.daily      blocking, the default; after raw.sales, raw.shops
  5. raw.holidays      blocking, the default
  6. report.best_shop  blocking, the default; after public.by_shop
  7. report.weekly     blocking, the default; after public.daily, raw.holidays
  8. report.summary    blocking, the default; after report.best_shop, report.weekly

The graph, for mermaid.live:
flowchart LR
  v0["public.by_shop"]
  v1["public.daily"]
  v2(["public.sales_of_shops"])
  v3(["public.workdays"])
  v4["raw.holidays"]
  v5["raw.sales"]
  v6["raw.shops"]
  v7["report.best_shop"]
  v8["report.summary"]
  v9["report.weekly"]
  v2 --> v0
  v2 --> v1
  v5 --> v2
  v6 --> v2
  v1 --> v3
  v4 --> v3
  v0 --> v7
  v7 --> v8
  v9 --> v8
  v3 --> v9

The run:
[0/8] raw.sales started (blocking, the default)
[1/8] raw.sales refreshed in a while (blocking, the default)
[1/8] raw.shops started (blocking, the default)
[2/8] raw.shops refreshed in a while (blocking, the default)
[2/8] public.by_shop started (blocking, the default)
[3/8] public.by_shop refreshed in a while (blocking, the default)
[3/8] public.daily started (blocking, the default)
[4/8] public.daily refreshed in a while (blocking, the default)
[4/8] raw.holidays started (blocking, the default)
[5/8] raw.holidays refreshed in a while (blocking, the default)
[5/8] report.best_shop started (blocking, the default)
[6/8] report.best_shop refreshed in a while (blocking, the default)
[6/8] report.weekly started (blocking, the default)
[7/8] report.weekly refreshed in a while (blocking, the default)
[7/8] report.summary started (blocking, the default)
[8/8] report.summary refreshed in a while (blocking, the default)
8 refreshed
`

var second = []string{
	"2 refreshed, 1 failed, 5 skipped",
	"The error: massive: refresh views: 2 refreshed, 5 skipped, 1 failed:",
	"massive: refresh raw.shops: duplicate rows: its query returns rows that its unique index can't tell apart: …",
	"public.by_shop skipped: it depends on raw.shops, which failed",
	"public.daily skipped: it depends on raw.shops, which failed",
	"raw.holidays refreshed in a while (blocking, the default)",
	"raw.holidays started (blocking, the default)",
	"raw.sales refreshed in a while (blocking, the default)",
	"raw.sales started (blocking, the default)",
	"raw.shops failed after a while (blocking, the default): duplicate rows: its query returns rows that its unique index can't tell apart: …",
	"raw.shops started (blocking, the default)",
	"report.best_shop skipped: it depends on raw.shops, which failed",
	"report.summary skipped: it depends on raw.shops, which failed",
	"report.weekly skipped: it depends on raw.shops, which failed",
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			pgtest.NewDatabase(t) // skips the test, or fails it, without Postgres
			var out bytes.Buffer
			if err := run(t.Context(), &out, []string{"-driver", driver, "-parallel", "1"}); err != nil {
				t.Fatal(err)
			}
			text := duration.ReplaceAllString(out.String(), "$1 a while ")
			text = server.ReplaceAllString(text, "$1: …")
			first, rest, found := strings.Cut(text, "\nThe run with a view that fails, views on the critical path first:\n")
			if !found || first != before {
				t.Errorf("it printed:\n%s\nwant:\n%s", first, before)
			}
			lines := strings.Split(strings.TrimSpace(rest), "\n")
			for i := range lines {
				lines[i] = count.ReplaceAllString(lines[i], "")
			}
			if slices.Sort(lines); !slices.Equal(lines, second) {
				t.Errorf("after that it printed\n%s\nwant, in any order:\n%s", strings.Join(lines, "\n"), strings.Join(second, "\n"))
			}
		})
	}
}
