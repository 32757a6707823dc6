package massive

import (
	"context"
	"log/slog"

	"github.com/massivedb/massive-go/registry"
)

// Which views read which, what is to be refreshed, and what became of it.
type (
	// A Graph is which views read which. It draws itself as Mermaid and as DOT.
	Graph = registry.Graph
	// A GraphNode is a view in it.
	GraphNode = registry.GraphNode
	// A GraphEdge says that one view reads another.
	GraphEdge = registry.GraphEdge
	// A Plan says which views are to be refreshed, in which order, and what is left out.
	Plan = registry.Plan
	// A Step is the refresh of one view in it.
	Step = registry.Step
	// An ExcludedView is a view that a plan does not refresh.
	ExcludedView = registry.ExcludedView
	// A PlanOption changes what is refreshed and how.
	PlanOption = registry.PlanOption
	// A RefreshReport is what became of a run.
	RefreshReport = registry.RefreshReport
	// A ViewReport is what became of one view in it.
	ViewReport = registry.ViewReport
	// A Progress is a step of a run.
	Progress = registry.Progress
)

// The outcomes that views in a [RefreshReport] can have besides those of a single refresh.
const (
	OutcomeSkippedUpstream = registry.OutcomeSkippedUpstream
	OutcomeFailed          = registry.OutcomeFailed
	OutcomeCancelled       = registry.OutcomeCancelled
)

// Graph is which views read which, as they were loaded: materialized ones, those that a pattern left out included, and
// the plain views between them.
func (m *DB) Graph() Graph { return m.Registry().Graph() }

// PlanRefresh plans the refresh of all views that were loaded or, with [Views], of some: in which order, in which mode, and
// what is left out and why. It asks the database nothing; [Plan.Run] runs it. Errors: [ErrInvalid], [ErrNotFound],
// [ErrUnsupported].
func (m *DB) PlanRefresh(opts ...PlanOption) (*Plan, error) {
	return m.Registry().PlanRefresh(opts...)
}

// RefreshAll refreshes all views that were loaded or, with [Views], some, none before those that it depends on: it is
// PlanRefresh and [Plan.Run]. The error joins those of the views, and the report has them apart; it is complete also
// after a failure or a cancel. In a transaction without [Savepoints] a failure fails the transaction, and undoes what the
// report has as refreshed.
//
// A transaction keeps its locks until it ends, so that a run in one can deadlock with a refresh elsewhere:
// one of them fails with [ErrDeadlock]. The plan warns of it, and [Plan.Run] says what avoids it:
// RefreshWith([Concurrently]()) in the transaction, or RefreshWith([SkipIfBusy]()) everywhere.
func (m *DB) RefreshAll(ctx context.Context, opts ...PlanOption) (RefreshReport, error) {
	return m.Registry().RefreshAll(ctx, opts...)
}

// Views refreshes these views instead of all, and no others unless [Upstream] or [Downstream] say so.
func Views(names ...string) PlanOption { return registry.Views(names...) }

// Upstream refreshes what the named views depend on, directly or not, too, before them.
func Upstream() PlanOption { return registry.Upstream() }

// Downstream refreshes what depends on the named views, directly or not, too, behind them.
func Downstream() PlanOption { return registry.Downstream() }

// Parallel lets up to n refreshes run at a time, each on a connection of the pool, and never more than the pool may
// open. On a transaction or a single connection they run one at a time.
func Parallel(n int) PlanOption { return registry.Parallel(n) }

// StopOnError starts no further refresh once one has failed. Without it only what depends on the failed view is left out.
func StopOnError() PlanOption { return registry.StopOnError() }

// Savepoints lets a run in a transaction outlive a failure: a refresh that fails is taken back alone.
func Savepoints() PlanOption { return registry.Savepoints() }

// RefreshWith refreshes each view with these options. Without any it changes nothing.
func RefreshWith(opts ...RefreshOption) PlanOption { return registry.RefreshWith(opts...) }

// DurationsOf tells the plan how long views took before, so that those with the longest way to the end of the run go
// first.
func DurationsOf(last RefreshReport) PlanOption { return registry.DurationsOf(last) }

// OnProgress calls f when a refresh begins and when a view is done with: one call at a time, in order, on the goroutine
// that the run was started on, holding no connection.
func OnProgress(f func(Progress)) PlanOption { return registry.OnProgress(f) }

// LogProgress logs what OnProgress tells.
func LogProgress(l *slog.Logger) PlanOption { return registry.LogProgress(l) }
