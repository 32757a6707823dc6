package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/examples/internal/demotest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// duration, version and reads match the parts of the output that differ between runs.
var (
	duration = regexp.MustCompile(`in [0-9.]+(µs|ms|s) `)
	version  = regexp.MustCompile(`Database \S+ on PostgreSQL .*, as \w+,`)
	reads    = regexp.MustCompile(`[1-9][0-9]* reads succeeded`)
)

const printed = `Database shop on PostgreSQL, search path [public]
  materialized view public.daily_sales: 3 columns, populated true, can refresh concurrently by daily_sales_day_idx
  enum public.order_status: ["placed" "paid" "shipped"]
  sequence public.invoice_no: bigint from 1000 by 1
  excluded: sequence public.orders_id_seq, because it is the key sequence of public.orders.id

A materialized view: daily_sales
  Refresh: refreshed in a while (blocking, the default)
  Refresh(Concurrently()): refreshed in a while (concurrent, requested); several reads succeeded during the refresh
  Select: 2026-03-01 orders 2, total 25.00
  Select: 2026-03-02 orders 1, total 42.00

An enum: order_status
  Values: ["placed" "paid" "shipped"]
  AppendLocalLabels, in this program only: ["placed" "paid" "shipped" "returned"]
  Reload: enum public.order_status changed: labels ["placed" "paid" "shipped"] → ["placed" "paid" "packed" "shipped"]

A sequence: invoice_no
  NextValue: 1000
  NextValue in a transaction that is rolled back: 1001
  NextValue after the rollback, which does not give the value back: 1002
  ResetTo(2000): the last value is 2000
  NextValue after the reset: 2000
  Another name: massive: look up orders_id_seq: sequence not found: public.orders_id_seq was not loaded: it is the key sequence of public.orders.id; load it with WithKeySequences()
`

func TestQuickstart(t *testing.T) {
	demotest.Prints(t, run, printed, func(got string) string {
		got = duration.ReplaceAllString(got, "in a while ")
		got = version.ReplaceAllString(got, "Database shop on PostgreSQL,")
		return reads.ReplaceAllString(got, "several reads succeeded")
	})
}

func TestInspectChangesNothing(t *testing.T) {
	t.Parallel()
	database := pgtest.NewDatabase(t)
	database.Exec(t, schema)
	state := func() (state string) {
		err := database.Open(t, "pgx").QueryRowContext(t.Context(), `SELECT (SELECT relfilenode FROM pg_class
			WHERE relname = 'daily_sales') || ' ' || last_value || is_called FROM invoice_no`).Scan(&state)
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	before := state()
	var out bytes.Buffer
	if err := run(t.Context(), &out, []string{"-dsn", database.DSN()}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "sequence public.invoice_no: bigint from 1000 by 1") {
		t.Errorf("it printed %s", &out)
	}
	if after := state(); after != before {
		t.Errorf("the view's file and the sequence changed from %s to %s", before, after)
	}
}
