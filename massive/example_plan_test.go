package massive_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

func ExampleDB_PlanRefresh() {
	fake, m := shop()
	defer fake.DB().Close()
	plan, err := m.PlanRefresh(massive.Parallel(4), massive.RefreshWith(massive.ConcurrentlyIfPossible()))
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range plan.Steps {
		fmt.Println(s.Level, s.Name, s.Mode)
	}
	// Output:
	// 1 public.daily_sales concurrent
	// 2 public.best_days blocking
	// 1 public.stock blocking
}

func ExamplePlan_Run() {
	fake, m := shop()
	defer fake.DB().Close()
	plan, err := m.PlanRefresh()
	if err != nil {
		log.Fatal(err)
	}
	report, err := plan.Run(context.Background())
	for _, v := range report.Views {
		fmt.Println(v.Name, v.Outcome)
	}
	fmt.Println(err)
	// Output:
	// public.daily_sales refreshed
	// public.best_days refreshed
	// public.stock refreshed
	// <nil>
}

func ExamplePlan_String() {
	fake, m := shop()
	defer fake.DB().Close()
	plan, err := m.PlanRefresh(massive.Views("daily_sales"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(plan)
	// Output:
	// refresh 1 of 3 materialized views, one at a time (the default)
	//   1. public.daily_sales  blocking, the default
	//   excluded: public.best_days: Views does not name it; it depends on public.daily_sales, which is refreshed: option Downstream adds it
	//   excluded: 1 more, unrelated to the steps
}

// A refresh that fails does not keep the others from running.
func ExampleDB_RefreshAll() {
	fake, m := shop()
	defer fake.DB().Close()
	report, err := m.RefreshAll(context.Background(), massive.RefreshWith(massive.Concurrently()))
	for _, v := range report.Views {
		fmt.Println(v.Name, v.Outcome)
	}
	fmt.Println(errors.Is(err, massive.ErrNoUniqueIndex))
	// Output:
	// public.daily_sales refreshed
	// public.best_days failed
	// public.stock failed
	// true
}

func ExampleViews() {
	fake, m := shop()
	defer fake.DB().Close()
	report, err := m.RefreshAll(context.Background(), massive.Views("daily_sales", "stock"))
	fmt.Println(report.Count(massive.OutcomeRefreshed), err)
	// Output: 2 <nil>
}

func ExampleUpstream() {
	fake, m := shop()
	defer fake.DB().Close()
	plan, err := m.PlanRefresh(massive.Views("best_days"), massive.Upstream())
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range plan.Steps {
		fmt.Println(s.Name)
	}
	// Output:
	// public.daily_sales
	// public.best_days
}

func ExampleDownstream() {
	fake, m := shop()
	defer fake.DB().Close()
	plan, err := m.PlanRefresh(massive.Views("daily_sales"), massive.Downstream())
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range plan.Steps {
		fmt.Println(s.Name)
	}
	// Output:
	// public.daily_sales
	// public.best_days
}

func ExampleParallel() {
	fake, m := shop()
	defer fake.DB().Close()
	fake.DB().SetMaxOpenConns(2)
	plan, err := m.PlanRefresh(massive.Parallel(4))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d at a time: %s\n", plan.Parallel, plan.WhyParallel)
	// Output: 2 at a time: the pool opens no more connections
}

func ExampleStopOnError() {
	fake, m := shop()
	defer fake.DB().Close()
	report, _ := m.RefreshAll(context.Background(), massive.StopOnError(), massive.RefreshWith(massive.Concurrently()))
	for _, v := range report.Views {
		fmt.Println(v.Name, v.Outcome)
	}
	// Output:
	// public.daily_sales refreshed
	// public.best_days failed
	// public.stock cancelled
}

// A failed refresh does not fail the transaction.
func ExampleSavepoints() {
	fake, m := shop()
	defer fake.DB().Close()
	ctx := context.Background()
	tx, err := fake.DB().BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	report, err := m.With(tx).RefreshAll(ctx, massive.Savepoints(), massive.RefreshWith(massive.Concurrently()))
	fmt.Println(report.Count(massive.OutcomeRefreshed), report.Count(massive.OutcomeFailed), err != nil)
	fmt.Println(tx.Commit())
	// Output:
	// 1 2 true
	// <nil>
}

func ExampleRefreshWith() {
	fake, m := shop()
	defer fake.DB().Close()
	report, err := m.RefreshAll(context.Background(), massive.RefreshWith(massive.WithNoData()))
	fmt.Println(report.Count(massive.OutcomeEmptied), err)
	// Output: 3 <nil>
}

// The view that took longest in the last run begins first.
func ExampleDurationsOf() {
	fake, m := shop()
	defer fake.DB().Close()
	last, err := m.RefreshAll(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	last.Views[2].Duration = time.Hour // of stock
	plan, err := m.PlanRefresh(massive.DurationsOf(last))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.Steps[0].Name)
	// Output: public.stock
}

func ExampleOnProgress() {
	fake, m := shop()
	defer fake.DB().Close()
	_, err := m.RefreshAll(context.Background(), massive.OnProgress(func(p massive.Progress) {
		if p.Ended() {
			fmt.Printf("[%d/%d] %s %s\n", p.Done, p.Total, p.View.Name, p.View.Outcome)
		}
	}))
	fmt.Println(err)
	// Output:
	// [1/3] public.daily_sales refreshed
	// [2/3] public.best_days refreshed
	// [3/3] public.stock refreshed
	// <nil>
}

func ExampleLogProgress() {
	fake, m := shop()
	defer fake.DB().Close()
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTimes}))
	_, err := m.RefreshAll(context.Background(), massive.Views("stock"), massive.LogProgress(log))
	fmt.Println(err)
	// Output:
	// level=INFO msg="refresh started" view=public.stock mode=blocking why="the default" done=0 total=1
	// level=INFO msg="view refreshed" view=public.stock mode=blocking why="the default" done=1 total=1
	// <nil>
}

// withoutTimes drops the attributes that differ in each run.
func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "duration" {
		return slog.Attr{}
	}
	return a
}

func ExampleDB_Graph() {
	fake, m := shop()
	defer fake.DB().Close()
	for _, e := range m.Graph().Edges {
		fmt.Println(e.View, "reads", e.Reads)
	}
	// Output: public.best_days reads public.daily_sales
}

func ExampleGraph_Upstream() {
	fake, m := shop()
	defer fake.DB().Close()
	fmt.Println(m.Graph().Upstream(dialect.Name{Schema: "public", Name: "best_days"}))
	// Output: [public.daily_sales]
}

func ExampleGraph_Downstream() {
	fake, m := shop()
	defer fake.DB().Close()
	fmt.Println(m.Graph().Downstream(dialect.Name{Schema: "public", Name: "daily_sales"}))
	// Output: [public.best_days]
}

func ExampleGraph_Mermaid() {
	fake, m := shop()
	defer fake.DB().Close()
	fmt.Print(m.Graph().Mermaid())
	// Output:
	// flowchart LR
	//   v0["public.best_days"]
	//   v1["public.daily_sales"]
	//   v2["public.stock"]
	//   v1 --> v0
}

func ExampleGraph_DOT() {
	fake, m := shop()
	defer fake.DB().Close()
	fmt.Print(m.Graph().DOT())
	// Output:
	// digraph views {
	//   rankdir=LR;
	//   node [shape=box];
	//   v0 [label="public.best_days"];
	//   v1 [label="public.daily_sales"];
	//   v2 [label="public.stock"];
	//   v1 -> v0;
	// }
}
