// Package massiveotel exports the refreshes and the freshness of materialized views through
// OpenTelemetry:
//
//	metrics, err := massiveotel.New(otel.Meter("shop"))
//	db, err := massive.Load(ctx, pool, postgres.New(), massive.WithLedger("ledger"), massive.OnRefresh(metrics.OnRefresh))
//	following, err := metrics.Follow(db)
//	defer following.Unregister()
//
// The counter has the refreshes of this process. The gauges come from the ledger, so they
// are the same for all replicas. Ages are exported as timestamps.
package massiveotel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// QueryTimeout limits the query of one collection.
const QueryTimeout = 5 * time.Second

// buckets are the boundaries of massive.refresh.duration in seconds. The SDK's defaults are
// for milliseconds.
var buckets = []float64{0.01, 0.04, 0.16, 0.64, 2.56, 10.24, 40.96, 163.84, 655.36}

// Metrics has these instruments:
//
//   - massive.refreshes: a counter of refreshes with the attributes view, outcome
//     (refreshed, emptied, joined, fresh, busy, failed or cancelled) and mode (blocking,
//     concurrent or none)
//   - massive.refresh.duration: a histogram of the refreshes with the outcome refreshed, in
//     seconds, with the attributes view and mode
//   - massive.view.as_of and massive.view.data_as_of: AsOf and DataAsOf of each view in
//     seconds since 1970; a view whose age is unknown has none
//   - massive.view.last_refresh.duration: the duration of the latest recorded refresh, in
//     seconds
//   - massive.view.failures: the failures since that refresh
//   - massive.view.refreshing: 1 while a refresh runs, else 0
//   - massive.freshness.query_failed: 1 if the query of this collection failed, else 0
//
// Metrics is safe for concurrent use. The zero value is not usable; call [New].
type Metrics struct {
	meter     metric.Meter
	refreshes metric.Int64Counter
	durations metric.Float64Histogram

	asOf, dataAsOf, took, failures, refreshing, queryFailed metric.Float64ObservableGauge
}

// New creates the instruments. Errors: those of the meter.
func New(meter metric.Meter) (*Metrics, error) {
	m := &Metrics{meter: meter}
	var errs [8]error
	m.refreshes, errs[0] = meter.Int64Counter("massive.refreshes", metric.WithDescription("The refreshes of views by this process, by their outcome."))
	m.durations, errs[1] = meter.Float64Histogram("massive.refresh.duration", metric.WithUnit("s"),
		metric.WithDescription("The durations of the refreshes by this process."), metric.WithExplicitBucketBoundaries(buckets...))
	for i, g := range []struct {
		to                      *metric.Float64ObservableGauge
		name, unit, description string
	}{
		{&m.asOf, "massive.view.as_of", "s", "The moment of which the rows of the view are, in seconds since 1970."},
		{&m.dataAsOf, "massive.view.data_as_of", "s", "The earliest such moment of the view and of all views that it reads."},
		{&m.took, "massive.view.last_refresh.duration", "s", "The duration of the latest recorded refresh."},
		{&m.failures, "massive.view.failures", "", "The failed refreshes since the latest successful one."},
		{&m.refreshing, "massive.view.refreshing", "", "1 while a refresh of the view runs."},
		{&m.queryFailed, "massive.freshness.query_failed", "", "1 if the freshness of the views could not be read."},
	} {
		*g.to, errs[i+2] = meter.Float64ObservableGauge(g.name, metric.WithUnit(g.unit), metric.WithDescription(g.description))
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return m, nil
}

// OnRefresh counts a refresh. Give it to massive.OnRefresh.
func (m *Metrics) OnRefresh(ctx context.Context, e registry.RefreshEvent) {
	mode := "none"
	if e.Result.Mode != 0 {
		mode = e.Result.Mode.String()
	}
	view := attribute.String("view", e.View.String())
	m.refreshes.Add(ctx, 1, metric.WithAttributes(view, attribute.String("outcome", outcome(e)), attribute.String("mode", mode)))
	if e.Result.Outcome == massive.OutcomeRefreshed {
		m.durations.Record(ctx, e.Result.Duration.Seconds(), metric.WithAttributes(view, attribute.String("mode", mode)))
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

// Follow observes the freshness of db's views, with one query for each collection, which
// takes at most [QueryTimeout]. Unregister of the result ends it. db must have been loaded
// with massive.WithLedger. Errors: those of the meter.
func (m *Metrics) Follow(db *massive.DB) (metric.Registration, error) {
	return m.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, QueryTimeout)
		defer cancel()
		all, err := db.Freshness(ctx)
		// After an error the SDK would export no metric of the program, so it is a metric.
		o.ObserveFloat64(m.queryFailed, number(err != nil))
		for _, f := range all {
			view := metric.WithAttributes(attribute.String("view", f.Name.String()))
			if !f.AsOf.IsZero() {
				o.ObserveFloat64(m.asOf, seconds(f.AsOf), view)
			}
			if !f.DataAsOf.IsZero() {
				o.ObserveFloat64(m.dataAsOf, seconds(f.DataAsOf), view)
			}
			if !f.Finished.IsZero() {
				o.ObserveFloat64(m.took, f.Took().Seconds(), view)
			}
			o.ObserveFloat64(m.failures, float64(f.Failures), view)
			o.ObserveFloat64(m.refreshing, number(f.Running != nil), view)
		}
		return nil
	}, m.asOf, m.dataAsOf, m.took, m.failures, m.refreshing, m.queryFailed)
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
