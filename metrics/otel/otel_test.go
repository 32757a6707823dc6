package massiveotel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	massiveotel "github.com/massivedb/massive-go/metrics/otel"
	"github.com/massivedb/massive-go/sqltest"
)

type shop struct {
	fake   *sqltest.Fake
	db     *massive.DB
	reader *sdk.ManualReader
}

// followed returns a fake with the view daily, whose metrics the reader collects.
func followed(ctx context.Context) (shop, error) {
	s := shop{reader: sdk.NewManualReader()}
	s.fake = sqltest.New(sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "daily"}}, Ledgers: []sqltest.Ledger{{Schema: "ledger"}}})
	metrics, err := massiveotel.New(sdk.NewMeterProvider(sdk.WithReader(s.reader)).Meter("shop"))
	if err != nil {
		return s, err
	}
	s.db, err = massive.Load(ctx, s.fake.DB(), s.fake, massive.WithLedger("ledger"), massive.OnRefresh(metrics.OnRefresh))
	if err != nil {
		return s, err
	}
	_, err = metrics.Follow(s.db)
	return s, err
}

// collected returns each metric and the attributes of its points: "massive.refreshes
// mode=none outcome=fresh view=public.daily".
func (s shop) collected(ctx context.Context) (lines []string, err error) {
	var all metricdata.ResourceMetrics
	err = s.reader.Collect(ctx, &all)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			add := func(attributes attribute.Set, value any) {
				lines = append(lines, fmt.Sprint(m.Name, " ", attributes.Encoded(attribute.DefaultEncoder()), " ", value))
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, p.Value > 0)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, p.Count)
				}
			}
		}
	}
	slices.Sort(lines)
	return lines, err
}

func Example() {
	ctx := context.Background()
	s, err := followed(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.fake.DB().Close()
	for range 2 {
		if _, err := s.db.RefreshAll(ctx, massive.IfOlderThan(time.Hour)); err != nil {
			fmt.Println(err)
			return
		}
	}
	lines, err := s.collected(ctx)
	for _, line := range lines {
		fmt.Println(line)
	}
	fmt.Println(err)
	// Output:
	// massive.freshness.query_failed  false
	// massive.refresh.duration mode=blocking,view=public.daily 1
	// massive.refreshes mode=blocking,outcome=refreshed,view=public.daily 1
	// massive.refreshes mode=none,outcome=fresh,view=public.daily 1
	// massive.view.as_of view=public.daily true
	// massive.view.data_as_of view=public.daily true
	// massive.view.failures view=public.daily false
	// massive.view.last_refresh.duration view=public.daily true
	// massive.view.refreshing view=public.daily false
	// <nil>
}

func TestUnknownAgesAndFailures(t *testing.T) {
	t.Parallel()
	s, err := followed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.fake.DB().Close()
	daily, err := s.db.Matview("daily")
	if err != nil {
		t.Fatal(err)
	}
	s.fake.Next(t, dialect.OpRefresh, "daily", sqltest.Fail(errors.New("the disk is full")))
	if _, err := daily.Refresh(t.Context()); err == nil {
		t.Fatal("the refresh succeeded")
	}
	got, err := s.collected(t.Context())
	want := []string{
		"massive.freshness.query_failed  false",
		"massive.refreshes mode=none,outcome=failed,view=public.daily 1",
		"massive.view.failures view=public.daily true",
		"massive.view.refreshing view=public.daily false",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// A failed query must not cost the other metrics of the program: a periodic reader exports
// nothing after an error.
func TestFailedQueryIsAMetric(t *testing.T) {
	t.Parallel()
	s, err := followed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.fake.DB().Close()
	if _, err := s.db.RefreshAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.fake.Next(t, dialect.OpFreshness, "", sqltest.Fail(errors.New("the server restarts")))
	got, err := s.collected(t.Context())
	want := []string{
		"massive.freshness.query_failed  true",
		"massive.refresh.duration mode=blocking,view=public.daily 1",
		"massive.refreshes mode=blocking,outcome=refreshed,view=public.daily 1",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}
