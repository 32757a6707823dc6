package massive_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

// recordedShop is shop with a ledger.
func recordedShop(opts ...massive.LoadOption) (*sqltest.Fake, *massive.DB) {
	catalog := shopCatalog
	catalog.Ledgers = []sqltest.Ledger{{Schema: "massive"}}
	fake := sqltest.New(catalog)
	m, err := massive.Load(context.Background(), fake.DB(), fake, append(opts, massive.WithLedger("massive"))...)
	if err != nil {
		log.Fatal(err)
	}
	return fake, m
}

func ExampleCreateLedger() {
	fake := sqltest.New(shopCatalog)
	defer fake.DB().Close()
	ctx := context.Background()
	err := massive.CreateLedger(ctx, fake.DB(), fake, "massive", massive.LedgerWriters("web", "worker"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = massive.Load(ctx, fake.DB(), fake, massive.WithLedger("massive"))
	fmt.Println(err)
	// Output: <nil>
}

func ExampleDB_Ledger() {
	fake, m := recordedShop()
	defer fake.DB().Close()
	ledger, ok := m.Ledger()
	fmt.Println(ledger.Schema, ok)
	// Output: massive true
}

// A migration tool runs the statements.
func ExampleLedgerDDL() {
	ddl, err := massive.LedgerDDL(postgres.New(), "massive", massive.LedgerWriters("web"))
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(ddl) {
		if strings.HasPrefix(line, "CREATE TABLE") || strings.HasPrefix(line, "GRANT") {
			fmt.Print(line)
		}
	}
	// Output:
	// CREATE TABLE "massive".freshness (
	// CREATE TABLE "massive".history (
	// GRANT USAGE ON SCHEMA "massive" TO "web";
	// GRANT SELECT, INSERT, UPDATE, DELETE ON "massive".freshness, "massive".history TO "web";
}

func ExampleLedgerWriters() {
	ddl, err := massive.LedgerDDL(postgres.New(), "massive", massive.LedgerWriters("web", "worker"))
	fmt.Println(strings.Count(ddl, "\nGRANT USAGE"), err)
	// Output: 2 <nil>
}

// A superuser runs the statements. Then the age stays known if psql or a cron job
// refreshes a view.
func ExampleNoteOthers() {
	ddl, err := massive.LedgerDDL(postgres.New(), "massive", massive.NoteOthers())
	fmt.Println(strings.Contains(ddl, "CREATE EVENT TRIGGER"), err)
	// Output: true <nil>
}

func ExampleWithLedger() {
	fake := sqltest.New(shopCatalog)
	defer fake.DB().Close()
	ctx := context.Background()
	_, err := massive.Load(ctx, fake.DB(), fake, massive.WithLedger("massive"))
	fmt.Println(errors.Is(err, massive.ErrNotFound)) // there is no ledger yet
	if err := massive.CreateLedger(ctx, fake.DB(), fake, "massive"); err != nil {
		log.Fatal(err)
	}
	_, err = massive.Load(ctx, fake.DB(), fake, massive.WithLedger("massive"))
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// The role that runs migrations owns the ledger.
func ExampleLedgerOwners() {
	fake, _ := recordedShop()
	defer fake.DB().Close()
	m, err := massive.Load(context.Background(), fake.DB(), fake, massive.WithLedger("massive", massive.LedgerOwners("migrations")))
	fmt.Println(len(m.Matviews()), err)
	// Output: 3 <nil>
}

func ExampleRecordsOptional() {
	fake, _ := recordedShop()
	defer fake.DB().Close()
	ctx := context.Background()
	m, err := massive.Load(ctx, fake.DB(), fake, massive.WithLedger("massive", massive.RecordsOptional()))
	if err != nil {
		log.Fatal(err)
	}
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	result, err := sales.Refresh(ctx)
	fmt.Println(result.Outcome, result.Recorded, err)
	// Output: refreshed true <nil>
}

func ExampleOnRefresh() {
	fake, m := recordedShop(massive.OnRefresh(func(_ context.Context, e registry.RefreshEvent) {
		fmt.Println(e.View, e.Result.Outcome, e.Err)
	}))
	defer fake.DB().Close()
	_, err := m.RefreshAll(context.Background(), massive.Views("best_days"), massive.Upstream())
	fmt.Println(err)
	// Output:
	// public.daily_sales refreshed <nil>
	// public.best_days refreshed <nil>
	// <nil>
}

// Any number of processes may do this at the same time: one of them refreshes.
func ExampleMatview_refreshIfOlderThan() {
	fake, m := recordedShop()
	defer fake.DB().Close()
	ctx := context.Background()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		result, err := sales.RefreshIfOlderThan(ctx, time.Hour)
		fmt.Println(result.Outcome, err)
	}
	fake.Advance(2 * time.Hour)
	result, err := sales.RefreshIfOlderThan(ctx, time.Hour)
	fmt.Println(result.Outcome, err)
	// Output:
	// refreshed <nil>
	// fresh <nil>
	// refreshed <nil>
}

func ExampleMatview_freshness() {
	fake, m := recordedShop()
	defer fake.DB().Close()
	ctx := context.Background()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	f, err := sales.Freshness(ctx)
	fmt.Println(f.Doubt, err)
	if _, err := sales.Refresh(ctx); err != nil {
		log.Fatal(err)
	}
	fake.Advance(time.Hour)
	f, err = sales.Freshness(ctx)
	age, known := f.Age()
	fmt.Println(age.Round(time.Minute), known, err)
	// Output:
	// no refresh is recorded <nil>
	// 1h0m0s true <nil>
}

func ExampleDB_Freshness() {
	fake, m := recordedShop()
	defer fake.DB().Close()
	ctx := context.Background()
	if _, err := m.RefreshAll(ctx, massive.Views("daily_sales")); err != nil {
		log.Fatal(err)
	}
	all, err := m.Freshness(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range all {
		_, known := f.Age()
		fmt.Println(f.Name, known, f.Doubt)
	}
	// Output:
	// public.best_days false no refresh is recorded
	// public.daily_sales true known
	// public.stock false no refresh is recorded
}

func ExampleIfOlderThan() {
	fake, m := recordedShop()
	defer fake.DB().Close()
	ctx := context.Background()
	if _, err := m.RefreshAll(ctx, massive.Views("stock")); err != nil {
		log.Fatal(err)
	}
	report, err := m.RefreshAll(ctx, massive.IfOlderThan(time.Hour))
	for _, v := range report.Views {
		fmt.Println(v.Name, v.Outcome)
	}
	fmt.Println(err)
	// Output:
	// public.daily_sales refreshed
	// public.best_days refreshed
	// public.stock fresh
	// <nil>
}
