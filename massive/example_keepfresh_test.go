package massive_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func ExampleDB_KeepFresh() {
	catalog := shopCatalog
	catalog.Ledgers = []sqltest.Ledger{{Schema: "ledger"}} // on Postgres, CreateLedger creates it
	fake := sqltest.New(catalog)
	defer fake.DB().Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.WithLedger("ledger"))
	if err != nil {
		log.Fatal(err)
	}
	// best_days reads daily_sales, which is kept fresh for it.
	policy := massive.Policy{Views: []string{"best_days"}, TargetLag: time.Minute}
	err = m.KeepFresh(ctx, []massive.Policy{policy}, massive.OnFreshness(func(e massive.FreshnessEvent) {
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
