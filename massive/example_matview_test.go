package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/massivedb/massive-go/massive"
)

func ExampleMatview_refresh() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	result, err := sales.Refresh(context.Background())
	fmt.Println(result.Outcome, result.Mode, err)
	// Output: refreshed blocking <nil>
}

func ExampleConcurrently() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	result, err := sales.Refresh(context.Background(), massive.Concurrently())
	fmt.Println(result.Outcome, result.Mode, err)
	// Output: refreshed concurrent <nil>
}

func ExampleConcurrentlyIfPossible() {
	fake, m := shop()
	defer fake.DB().Close()
	for _, v := range m.Matviews() {
		result, err := v.Refresh(context.Background(), massive.ConcurrentlyIfPossible())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s (%s)\n", v.Name(), result.Mode, result.Why)
	}
	// Output:
	// public.best_days: blocking (not concurrently: no unique index)
	// public.daily_sales: concurrent (possible)
	// public.stock: blocking (not concurrently: no unique index)
}

func ExampleWithNoData() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	result, err := sales.Refresh(ctx, massive.WithNoData())
	fmt.Println(result.Outcome, err)
	_, err = sales.Count(ctx, "")
	fmt.Println(errors.Is(err, massive.ErrNotPopulated))
	// Output:
	// emptied <nil>
	// true
}

// The refresh and ANALYZE are one operation.
func ExampleAnalyze() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	result, err := sales.Refresh(context.Background(), massive.Concurrently(), massive.Analyze())
	fmt.Println(result.Outcome, result.Mode, err)
	calls := fake.Calls()
	fmt.Println(calls[len(calls)-1])
	// Output:
	// refreshed concurrent <nil>
	// refresh concurrently public.daily_sales analyzing
}

// An open transaction has refreshed the view and keeps its lock.
func ExampleLockTimeout() {
	fake, m := shop()
	defer fake.DB().Close()
	done := refreshInTransaction(fake.DB(), m, "daily_sales")
	defer done()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	_, err = sales.Refresh(context.Background(), massive.LockTimeout(10*time.Millisecond))
	fmt.Println(errors.Is(err, massive.ErrBusy))
	// Output: true
}

// An open transaction refreshes the view.
func ExampleSkipIfBusy() {
	fake, m := shop()
	defer fake.DB().Close()
	done := refreshInTransaction(fake.DB(), m, "daily_sales")
	defer done()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	result, err := sales.Refresh(context.Background(), massive.SkipIfBusy())
	fmt.Println(result.Outcome, errors.Is(err, massive.ErrBusy))
	// Output: skipped: busy true
}

func ExampleMatview_checkRefresh() {
	fake, m := shop()
	defer fake.DB().Close()
	best, err := m.Matview("best_days")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(best.CheckRefresh(massive.ModeBlocking))
	fmt.Println(best.CheckRefresh(massive.ModeConcurrent))
	// Output:
	// <nil>
	// massive: refresh concurrently public.best_days: no unique index; CREATE UNIQUE INDEX ON "public"."best_days" ("day", "total")
}

func ExampleMatview_select() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	var days []Day
	err = sales.Select(context.Background(), &days, "WHERE total > $1", 6)
	fmt.Println(days, err)
	// Output: [{tuesday 7}] <nil>
}

func ExampleMatview_get() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	var best Day
	err = sales.Get(context.Background(), &best, "ORDER BY total DESC LIMIT 1")
	fmt.Println(best, err)
	// Output: {tuesday 7} <nil>
}

func ExampleMatview_count() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sales.Count(context.Background(), ""))
	// Output: 2 <nil>
}

func ExampleRows() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	for day, err := range massive.Rows[Day](context.Background(), sales, "") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(day.Day, day.Total)
	}
	// Output:
	// monday 5
	// tuesday 7
}

func ExampleMatview_definition() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sales.Definition(context.Background()))
	// Output: SELECT day, sum(total) AS total FROM orders GROUP BY day <nil>
}

func ExampleMatview_size() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	bytes, err := sales.Size(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes/1024, "KiB")
	// Output: 8 KiB
}

func ExampleMatview_columns() {
	fake, m := shop()
	defer fake.DB().Close()
	sales, err := m.Matview("daily_sales")
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range sales.Columns() {
		fmt.Println(c.Name, c.Type)
	}
	// Output:
	// day text
	// total bigint
}

func ExampleMatview_dependsOn() {
	fake, m := shop()
	defer fake.DB().Close()
	for _, v := range m.Matviews() {
		fmt.Println(v.Name(), "reads", v.DependsOn(), "and is read by", v.Dependents())
	}
	// Output:
	// public.best_days reads [public.daily_sales] and is read by []
	// public.daily_sales reads [] and is read by [public.best_days]
	// public.stock reads [] and is read by []
}

// refreshInTransaction refreshes a view in a transaction and leaves the transaction open.
func refreshInTransaction(db *sql.DB, m *massive.DB, name string) (done func()) {
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	view, err := m.With(tx).Matview(name)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := view.Refresh(context.Background()); err != nil {
		log.Fatal(err)
	}
	return func() { tx.Rollback() }
}

func ExampleBlockers() {
	fake, m := shop()
	defer fake.DB().Close()
	best, err := m.Matview("best_days")
	if err != nil {
		log.Fatal(err)
	}
	var blockers massive.Blockers
	if errors.As(best.CheckRefresh(massive.ModeConcurrent), &blockers) {
		for _, b := range blockers {
			fmt.Printf("%s: %s\n", b.Reason, b.Fix)
		}
	}
	// Output: no unique index: CREATE UNIQUE INDEX ON "public"."best_days" ("day", "total")
}
