package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/examples/internal/demotest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

const printed = `  order_status is ["placed" "paid"]
Polling every 50 ms, while another connection adds a label:
  ALTER TYPE order_status ADD VALUE 'shipped'
  enum public.order_status changed: labels ["placed" "paid"] → ["placed" "paid" "shipped"]
  order_status is ["placed" "paid" "shipped"]
Polling every hour, with LISTEN as waker:
  ALTER TYPE order_status ADD VALUE 'packed' BEFORE 'shipped'
  enum public.order_status changed: labels ["placed" "paid" "shipped"] → ["placed" "paid" "packed" "shipped"]
  order_status is ["placed" "paid" "packed" "shipped"]
`

func TestWatch(t *testing.T) { demotest.Prints(t, run, printed, nil) }

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	database := pgtest.NewDatabase(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	go func() {
		<-time.After(time.Second)
		cancel()
	}()
	var out bytes.Buffer
	if err := run(ctx, &out, []string{"-dsn", database.DSN(), "-every", "10ms"}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "Watching "+database.Name()+": 0 materialized views, 0 enums, 0 sequences\n") {
		t.Errorf("it printed %s", &out)
	}
}
