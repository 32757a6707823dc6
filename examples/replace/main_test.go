package main

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestReplace(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			pgtest.NewDatabase(t) // skips the test, or fails it, without Postgres
			var out bytes.Buffer
			if err := run(t.Context(), &out, []string{"-driver", driver, "-rows", "20000", "-readers", "2"}); err != nil {
				t.Fatalf("%v; it printed\n%s", err, &out)
			}
			text := out.String()
			for _, want := range []string{
				"planned: [public.daily_sales public.shop_sales public.best_shops] are rebuilt, [public.dashboard] are replaced in place",
				"build", "fill", "wait", "swap", "committed",
				"materialized view public.best_shops changed: recreated",
				"{total numeric} {orders bigint}]",
			} {
				_, after, found := strings.Cut(text, want)
				if !found {
					t.Fatalf("%q is missing, or not in its place; it printed\n%s", want, out.String())
				}
				text = after
			}
			reads := regexp.MustCompile(`(\d+) reads of the dashboard; the longest took \d`).FindStringSubmatch(text)
			if reads == nil {
				t.Fatalf("the longest read is missing; it printed\n%s", out.String())
			}
			if n, _ := strconv.Atoi(reads[1]); n < 2 {
				t.Errorf("got %d reads; it printed\n%s", n, out.String())
			}
		})
	}
}
