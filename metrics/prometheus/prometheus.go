// Package massiveprom exports the refreshes and the freshness of materialized views to
// Prometheus. It is a prometheus.Collector:
//
//	metrics := massiveprom.New()
//	db, err := massive.Load(ctx, pool, postgres.New(), massive.WithLedger("ledger"), massive.OnRefresh(metrics.OnRefresh))
//	metrics.Follow(db)
//	prometheus.MustRegister(metrics)
//
// The counters have the refreshes of this process. The gauges come from the ledger, so they
// are the same for all replicas. Ages are exported as timestamps: "time() - timestamp" is the
// age, and it grows also if the scrapes fail.
package massiveprom

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// QueryTimeout limits the query of one scrape.
const QueryTimeout = 5 * time.Second

// Metrics is a prometheus.Collector with these metrics:
//
//   - massive_refreshes_total: refreshes by view, outcome (refreshed, emptied, joined,
//     fresh, busy, failed or cancelled) and mode (blocking, concurrent or none)
//   - massive_refresh_duration_seconds: a histogram of the refreshes with the outcome
//     refreshed, by view and mode
//   - massive_view_as_of_timestamp_seconds and massive_view_data_as_of_timestamp_seconds:
//     AsOf and DataAsOf of each view; a view whose age is unknown has none
//   - massive_view_last_refresh_duration_seconds: the duration of the latest recorded refresh
//   - massive_view_failures: the failures since that refresh
//   - massive_view_refreshing: 1 while a refresh runs, else 0
//   - massive_freshness_query_failed: 1 if the query of this scrape failed, else 0
//
// Each view adds series, so the number of views limits them. Metrics is safe for concurrent
// use. The zero value is not usable; call [New].
type Metrics struct {
	db        atomic.Pointer[massive.DB]
	refreshes *prometheus.CounterVec
	durations *prometheus.HistogramVec
}

var (
	_ prometheus.Collector = (*Metrics)(nil)

	asOf = prometheus.NewDesc("massive_view_as_of_timestamp_seconds",
		"The moment of which the rows of the view are, in seconds since 1970.", []string{"view"}, nil)
	dataAsOf = prometheus.NewDesc("massive_view_data_as_of_timestamp_seconds",
		"The earliest such moment of the view and of all views that it reads.", []string{"view"}, nil)
	took = prometheus.NewDesc("massive_view_last_refresh_duration_seconds",
		"The duration of the latest recorded refresh.", []string{"view"}, nil)
	failures = prometheus.NewDesc("massive_view_failures",
		"The failed refreshes since the latest successful one.", []string{"view"}, nil)
	refreshing = prometheus.NewDesc("massive_view_refreshing",
		"1 while a refresh of the view runs.", []string{"view"}, nil)
	queryFailed = prometheus.NewDesc("massive_freshness_query_failed",
		"1 if the freshness of the views could not be read.", nil, nil)
)

// New returns metrics without a database: only OnRefresh counts.
func New() *Metrics {
	return &Metrics{
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "massive_refreshes_total", Help: "The refreshes of views by this process, by their outcome.",
		}, []string{"view", "outcome", "mode"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "massive_refresh_duration_seconds", Help: "The durations of the refreshes by this process.",
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 9),
		}, []string{"view", "mode"}),
	}
}

// OnRefresh counts a refresh. Give it to massive.OnRefresh.
func (m *Metrics) OnRefresh(_ context.Context, e registry.RefreshEvent) {
	mode := "none"
	if e.Result.Mode != 0 {
		mode = e.Result.Mode.String()
	}
	m.refreshes.WithLabelValues(e.View.String(), outcome(e), mode).Inc()
	if e.Result.Outcome == massive.OutcomeRefreshed {
		m.durations.WithLabelValues(e.View.String(), mode).Observe(e.Result.Duration.Seconds())
	}
}

func outcome(e registry.RefreshEvent) string {
	switch {
	case e.Err == nil:
		return e.Result.Outcome.String()
	case errors.Is(e.Err, massive.ErrBusy):
		return "busy"
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, context.DeadlineExceeded):
		return "cancelled"
	default:
		return "failed"
	}
}

// Follow exports the freshness of db's views from the next scrape on, with one query for
// each scrape. db must have been loaded with massive.WithLedger.
func (m *Metrics) Follow(db *massive.DB) { m.db.Store(db) }

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	m.refreshes.Describe(to)
	m.durations.Describe(to)
	for _, d := range []*prometheus.Desc{asOf, dataAsOf, took, failures, refreshing, queryFailed} {
		to <- d
	}
}

// Collect implements prometheus.Collector. It takes at most [QueryTimeout].
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.refreshes.Collect(to)
	m.durations.Collect(to)
	db := m.db.Load()
	if db == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), QueryTimeout)
	defer cancel()
	all, err := db.Freshness(ctx)
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(queryFailed, number(err != nil))
	for _, f := range all {
		view := f.Name.String()
		if !f.AsOf.IsZero() {
			gauge(asOf, seconds(f.AsOf), view)
		}
		if !f.DataAsOf.IsZero() {
			gauge(dataAsOf, seconds(f.DataAsOf), view)
		}
		if !f.Finished.IsZero() {
			gauge(took, f.Took().Seconds(), view)
		}
		gauge(failures, float64(f.Failures), view)
		gauge(refreshing, number(f.Running != nil), view)
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
