package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/examples/internal/demotest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

const printed = `2 of 4 sequences are used up to 80 % or more, 2 are uncalled
public.events.id (integer) is 94.9 % used: at 2040000000, 107483647 left up to 2147483647, where the column is full (sequence public.event_ids)
public.coupons.no (smallint) is 88.5 % used: at 29000, 3767 left up to 32767, where the sequence ends (sequence public.coupons_no_seq)

INSERT fails: its id exists
public.orders.id is at 1200, and its sequence is behind: the next value is 2
CatchUp public.orders_id_seq: moved
INSERT succeeds: id 1201

An allocator gave 4 workers 80000 unique ids
`

func TestSequences(t *testing.T) { demotest.Prints(t, run, printed, nil) }

// With -dsn the program changes nothing.
func TestReportChangesNothing(t *testing.T) {
	t.Parallel()
	database := pgtest.NewDatabase(t)
	database.Exec(t, schema)
	var first string
	for range 2 {
		var out bytes.Buffer
		if err := run(t.Context(), &out, []string{"-dsn", database.DSN()}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "public.orders.id is at 1200, and its sequence is behind: the next value is 1\n") {
			t.Errorf("it printed:\n%s", &out)
		}
		if first != "" && out.String() != first {
			t.Errorf("it printed, the second time:\n%s\nand the first time:\n%s", &out, first)
		}
		first = out.String()
	}
}
