package massive_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// ledgerShop loads the shop's structures with a ledger. On Postgres, CreateLedger creates
// it.
func ledgerShop() (*sqltest.Fake, *massive.DB) {
	catalog := shopCatalog
	catalog.Ledgers = []sqltest.Ledger{{Schema: "ledger"}}
	fake := sqltest.New(catalog)
	m, err := massive.Load(context.Background(), fake.DB(), fake, massive.WithLedger("ledger"))
	if err != nil {
		log.Fatal(err)
	}
	return fake, m
}

func ExampleDB_KeepFresh() {
	fake, m := ledgerShop()
	defer fake.DB().Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// best_days reads daily_sales, which is kept fresh for it.
	policy := massive.Policy{Views: []string{"best_days"}, TargetLag: time.Minute}
	err := m.KeepFresh(ctx, []massive.Policy{policy}, massive.OnFreshness(func(e massive.FreshnessEvent) {
		fmt.Println(e.Kind, e.View)
		if e.View.Name == "best_days" {
			cancel()
		}
	}))
	fmt.Println(err)
	// Output:
	// refreshed public.daily_sales
	// refreshed public.best_days
	// massive: keep fresh: context canceled
}

func ExampleKeepParallel() {
	fake, m := ledgerShop()
	defer fake.DB().Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	refreshed := 0
	all := massive.Policy{TargetLag: time.Hour}
	err := m.KeepFresh(ctx, []massive.Policy{all}, massive.KeepParallel(2), massive.OnFreshness(func(massive.FreshnessEvent) {
		if refreshed++; refreshed == 3 {
			cancel()
		}
	}))
	fmt.Println(refreshed, "views refreshed, at most two at a time;", err)
	// Output: 3 views refreshed, at most two at a time; massive: keep fresh: context canceled
}

func ExampleOnFreshness() {
	fake, m := ledgerShop()
	defer fake.DB().Close()
	fake.Next(new(testing.T), dialect.OpRefreshIfOlder, "stock", sqltest.Fail(massive.ErrDuplicateRows))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	policy := massive.Policy{Views: []string{"stock"}, TargetLag: time.Minute}
	_ = m.KeepFresh(ctx, []massive.Policy{policy}, massive.OnFreshness(func(e massive.FreshnessEvent) {
		fmt.Println(e.Kind)
		switch e.Kind {
		case massive.FreshnessFailed:
			fmt.Println(e.Err)
		case massive.FreshnessBehind:
			fmt.Println(e.Why)
		case massive.FreshnessRecovered:
			cancel()
		}
	}))
	// Output:
	// failed
	// massive: refresh if older public.stock: duplicate rows
	// behind
	// its refresh failed: duplicate rows
	// refreshed
	// recovered
}

func ExampleLogFreshness() {
	fake, m := ledgerShop()
	defer fake.DB().Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTimes}))
	policy := massive.Policy{Views: []string{"stock"}, TargetLag: time.Minute}
	err := m.KeepFresh(ctx, []massive.Policy{policy}, massive.LogFreshness(logger), massive.OnFreshness(func(massive.FreshnessEvent) { cancel() }))
	fmt.Println(err)
	// Output:
	// level=INFO msg="view refreshed" view=public.stock mode=blocking
	// massive: keep fresh: context canceled
}
