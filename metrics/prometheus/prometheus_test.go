package massiveprom_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	massiveprom "github.com/massivedb/massive-go/metrics/prometheus"
	"github.com/massivedb/massive-go/sqltest"
)

// followed returns metrics of a fake with the views daily and weekly.
func followed() (*sqltest.Fake, *massive.DB, *massiveprom.Metrics, error) {
	fake := sqltest.New(sqltest.Catalog{
		Matviews: []sqltest.Matview{{Name: "daily"}, {Name: "weekly", Reads: []string{"daily"}}},
		Ledgers:  []sqltest.Ledger{{Schema: "ledger"}},
	})
	metrics := massiveprom.New()
	db, err := massive.Load(context.Background(), fake.DB(), fake, massive.WithLedger("ledger"), massive.OnRefresh(metrics.OnRefresh))
	if err != nil {
		return nil, nil, nil, err
	}
	metrics.Follow(db)
	return fake, db, metrics, nil
}

func Example() {
	fake, db, metrics, err := followed()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer fake.DB().Close()
	r := prometheus.NewRegistry()
	r.MustRegister(metrics)
	if _, err := db.RefreshAll(context.Background(), massive.IfOlderThan(time.Hour)); err != nil {
		fmt.Println(err)
		return
	}
	families, err := r.Gather()
	for _, f := range families {
		fmt.Println(f.GetName(), len(f.GetMetric()))
	}
	fmt.Println(err)
	// Output:
	// massive_freshness_query_failed 1
	// massive_refresh_duration_seconds 2
	// massive_refreshes_total 2
	// massive_view_as_of_timestamp_seconds 2
	// massive_view_data_as_of_timestamp_seconds 2
	// massive_view_failures 2
	// massive_view_last_refresh_duration_seconds 2
	// massive_view_refreshing 2
	// <nil>
}

func TestRefreshesAreCountedByOutcome(t *testing.T) {
	t.Parallel()
	fake, db, metrics, err := followed()
	if err != nil {
		t.Fatal(err)
	}
	defer fake.DB().Close()
	daily, err := db.Matview("daily")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := daily.RefreshIfOlderThan(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	fake.Next(t, dialect.OpRefresh, "daily", sqltest.Fail(errors.New("the disk is full")))
	if _, err := daily.Refresh(t.Context()); err == nil {
		t.Fatal("the refresh succeeded")
	}
	want := `
# HELP massive_refreshes_total The refreshes of views by this process, by their outcome.
# TYPE massive_refreshes_total counter
massive_refreshes_total{mode="blocking",outcome="refreshed",view="public.daily"} 1
massive_refreshes_total{mode="none",outcome="failed",view="public.daily"} 1
massive_refreshes_total{mode="none",outcome="fresh",view="public.daily"} 1
# HELP massive_view_failures The failed refreshes since the latest successful one.
# TYPE massive_view_failures gauge
massive_view_failures{view="public.daily"} 1
massive_view_failures{view="public.weekly"} 0
`
	if err := testutil.CollectAndCompare(metrics, strings.NewReader(want), "massive_refreshes_total", "massive_view_failures"); err != nil {
		t.Error(err)
	}
	if n := testutil.CollectAndCount(metrics, "massive_refresh_duration_seconds"); n != 1 {
		t.Errorf("%d histograms, want 1: only the refresh that was done", n)
	}
}

// A view whose age is unknown has no timestamp, so that no alert compares a wrong one.
func TestUnknownAgesHaveNoTimestamp(t *testing.T) {
	t.Parallel()
	fake, db, metrics, err := followed()
	if err != nil {
		t.Fatal(err)
	}
	defer fake.DB().Close()
	if n := testutil.CollectAndCount(metrics, "massive_view_as_of_timestamp_seconds"); n != 0 {
		t.Errorf("before a refresh: %d timestamps, want none", n)
	}
	if _, err := db.RefreshAll(t.Context(), massive.Views("weekly")); err != nil {
		t.Fatal(err)
	}
	if n := testutil.CollectAndCount(metrics, "massive_view_as_of_timestamp_seconds"); n != 1 {
		t.Errorf("after a refresh of weekly: %d timestamps, want 1", n)
	}
	if n := testutil.CollectAndCount(metrics, "massive_view_data_as_of_timestamp_seconds"); n != 0 {
		t.Errorf("weekly read rows of unknown age: %d timestamps of data, want none", n)
	}
}

func TestFailedQueryIsAMetric(t *testing.T) {
	t.Parallel()
	fake, _, metrics, err := followed()
	if err != nil {
		t.Fatal(err)
	}
	defer fake.DB().Close()
	want := func(n int) {
		t.Helper()
		text := fmt.Sprintf("# HELP massive_freshness_query_failed 1 if the freshness of the views could not be read.\n"+
			"# TYPE massive_freshness_query_failed gauge\nmassive_freshness_query_failed %d\n", n)
		if err := testutil.CollectAndCompare(metrics, strings.NewReader(text), "massive_freshness_query_failed"); err != nil {
			t.Error(err)
		}
	}
	want(0)
	fake.Next(t, dialect.OpFreshness, "", sqltest.Fail(errors.New("the server restarts")))
	want(1)
	want(0)
}

// The dashboard and the alerts use only metrics and labels that are exported.
func TestDashboardAndAlertsNameExportedMetrics(t *testing.T) {
	t.Parallel()
	fake, db, metrics, err := followed()
	if err != nil {
		t.Fatal(err)
	}
	defer fake.DB().Close()
	if _, err := db.RefreshAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewRegistry()
	r.MustRegister(metrics)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	// Prometheus adds the labels of the targets, and le to histograms.
	words := strings.Fields("job instance pod le by without unless max min sum time rate histogram_quantile label_values")
	for _, f := range families {
		words = append(words, f.GetName())
		for _, m := range f.GetMetric() {
			if m.GetHistogram() != nil {
				words = append(words, f.GetName()+"_bucket")
			}
			for _, l := range m.GetLabel() {
				words = append(words, l.GetName())
			}
		}
	}
	expression := regexp.MustCompile(`(?m)(?:expr|legendFormat)"?: (.*)|"query": "(label_values.*)|\$labels\.([a-z_]+)`)
	valueOrRange := regexp.MustCompile(`\\".*?\\"|\[.*?\]`)
	for _, file := range []string{"../grafana.json", "../alerts.yml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(text) {
			t.Errorf("%s is not JSON", file)
		}
		all := expression.FindAllSubmatch(text, -1)
		if len(all) < 8 {
			t.Errorf("%s has %d expressions, legends and labels, want at least 8", file, len(all))
		}
		for _, e := range all {
			for _, word := range regexp.MustCompile(`[a-z_]+`).FindAll(valueOrRange.ReplaceAll(bytes.Join(e[1:], nil), nil), -1) {
				if !slices.Contains(words, string(word)) {
					t.Errorf("%s names %s in %q, which is neither exported nor a word of PromQL; these are: %v", file, word, e[0], words)
				}
			}
		}
	}
}
