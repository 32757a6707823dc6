package billing_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	billing "github.com/massivedb/massive-go/examples/unittest"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

var week = []billing.Day{{"monday", 5}, {"friday", 70}, {"sunday", 50}}

// shop returns a fake database with the structures that the service needs.
func shop(t *testing.T) (*sqltest.Fake, *massive.DB) {
	t.Helper()
	fake := sqltest.New(sqltest.Catalog{
		Sequences: []sqltest.Sequence{{Name: "invoice_no", Start: 9998, Max: 9999}},
		Enums:     []sqltest.Enum{{Name: "order_status", Labels: []string{"placed", "paid"}}},
		Matviews: []sqltest.Matview{{
			Name: "daily_sales", Rows: week, Unique: []string{"day"},
			// The fake does not parse SQL. This function answers the service's only
			// query.
			Select: func(_ string, args []any) (any, error) {
				best := slices.SortedFunc(slices.Values(week), func(a, b billing.Day) int { return cmp.Compare(b.Total, a.Total) })
				return best[:args[0].(int)], nil
			},
		}},
	})
	m, err := massive.Load(t.Context(), fake.DB(), fake)
	if err != nil {
		t.Fatal(err)
	}
	return fake, m
}

func TestInvoiceNumber(t *testing.T) {
	t.Parallel()
	fake, m := shop(t)
	service := billing.New(m)
	for _, c := range []struct {
		commit bool
		want   string
		err    error
	}{
		{false, "2026-9998", nil},
		{true, "2026-9999", nil}, // the rollback does not give the number back
		{true, "", billing.ErrBookFull},
	} {
		tx, err := fake.DB().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := service.InvoiceNumber(t.Context(), tx)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("got number %q and error %v, want %q and %v", got, err, c.want, c.err)
		}
		if c.commit && err == nil {
			err = tx.Commit()
		} else {
			err = tx.Rollback()
		}
		if err != nil {
			t.Error(err)
		}
	}
	fake.WantCalls(t, "next value of public.invoice_no", "next value of public.invoice_no", "next value of public.invoice_no")
}

func TestReport(t *testing.T) {
	t.Parallel()
	const best = "friday 70\nsunday 50\n"
	for _, c := range []struct {
		name    string
		refresh []sqltest.Behaviour
		within  time.Duration // the timeout of the report; 0 for none
		want    string
		err     error
	}{
		{"fresh", nil, 0, best, nil},
		{"the refresh fails", []sqltest.Behaviour{sqltest.Fail(massive.ErrDuplicateRows)}, 0, "(as of the last refresh)\n" + best, nil},
		{"the refresh hangs", []sqltest.Behaviour{sqltest.Hang()}, 20 * time.Millisecond, "", context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fake, m := shop(t)
			fake.Next(t, dialect.OpRefresh, "daily_sales", c.refresh...)
			ctx := t.Context()
			if c.within > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.within)
				defer cancel()
			}
			got, err := billing.New(m).Report(ctx)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("got report %q and error %v, want %q and %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	fake, m := shop(t)
	service := billing.New(m)
	if _, err := service.Status("shipped"); err == nil || !strings.HasSuffix(err.Error(), "the states are placed, paid") {
		t.Errorf("an unknown state: %v", err)
	}
	fake.Do(t, sqltest.AddLabel{Enum: "order_status", Label: "shipped"})
	if _, err := m.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := service.Status("shipped"); got != "shipped" || err != nil {
		t.Errorf("a label that was added later: %q, %v", got, err)
	}
}
