package massive

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/printable"
	"github.com/massivedb/massive-go/registry"
)

// A RefreshReport says how a run ended for each view, in the plan's order. It is complete
// even after a failure or a cancel. It reports the run, not the commit: a failure in a
// transaction without [Savepoints] fails the transaction and undoes refreshes that the
// report has as done. The zero value is the report of a run that did not begin.
type RefreshReport struct {
	Views    []ViewReport
	Start    time.Time
	Duration time.Duration // of the whole run
	Parallel int           // how many refreshes could run at a time
}

// A ViewReport says how a run ended for one view.
type ViewReport struct {
	Name    dialect.Name
	Outcome registry.RefreshOutcome // 0 until the view is done
	// Mode is the mode that was used or, if the view was not refreshed, the planned mode.
	// Why gives the reason for the mode.
	Mode RefreshMode
	Why  string
	// Reason says why the view was not refreshed: "it depends on public.daily, which
	// failed". It is empty if the view was refreshed.
	Reason   string
	Start    time.Time     // zero if the refresh was not tried
	Duration time.Duration // from Start; includes the wait for a connection
	// Err is the error of a failed, busy or cancelled refresh. It is nil if the refresh
	// was not tried.
	Err error
}

// String returns the view in a line of at most [dialect.MaxText] bytes: "public.daily
// refreshed in 20ms (blocking, the default)". Invisible characters in a name or an error,
// such as a line break, are escaped as in Go.
func (v ViewReport) String() string { return dialect.Cut(printable.Text(v.text()), dialect.MaxText) }

func (v ViewReport) text() string {
	text := v.Name.String() + " "
	switch v.Outcome {
	case 0:
		text += "started"
	case OutcomeSkippedBusy, OutcomeSkippedUpstream, OutcomeFailed, OutcomeCancelled:
		text += v.Outcome.String()
	default:
		return text + RefreshResult{Outcome: v.Outcome, Mode: v.Mode, Why: v.Why, Duration: v.Duration}.String()
	}
	if !v.Start.IsZero() {
		if v.Outcome != 0 {
			text += fmt.Sprintf(" after %v", v.Duration.Round(time.Microsecond))
		}
		text += fmt.Sprintf(" (%s, %s)", v.Mode, v.Why)
	}
	if v.Reason != "" {
		text += ": " + v.Reason
	}
	return text
}

// Count returns the number of views with the outcome.
func (r RefreshReport) Count(o registry.RefreshOutcome) int {
	n := 0
	for _, v := range r.Views {
		if v.Outcome == o {
			n++
		}
	}
	return n
}

// View returns the report of one view, and whether the run has that view.
func (r RefreshReport) View(name dialect.Name) (ViewReport, bool) {
	for _, v := range r.Views {
		if v.Name == name {
			return v, true
		}
	}
	return ViewReport{}, false
}

// summary returns the outcomes with their numbers: "3 refreshed, 1 failed, 2 skipped".
func (r RefreshReport) summary() string {
	var parts []string
	for o := OutcomeRefreshed; o <= OutcomeCancelled; o++ {
		if n := r.Count(o); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.Replace(o.String(), "skipped: busy", "busy", 1)))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "no view")
}

// String returns a line for the run and a line for each view. No line is longer than
// [dialect.MaxText] bytes.
func (r RefreshReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %v, %s\n", r.summary(), r.Duration.Round(time.Microsecond), atATime(r.Parallel))
	for _, v := range r.Views {
		b.WriteString(dialect.Cut("  "+v.String(), dialect.MaxText) + "\n")
	}
	return b.String()
}

// A Progress is a step of a run: a refresh begins, or a view is done. A view that is
// skipped, or cancelled before it begins, is only done.
type Progress struct {
	View  ViewReport // its Outcome is 0 when the refresh begins
	Done  int        // the number of views that are done
	Total int        // the number of views in the run
}

// Ended reports whether the view is done.
func (p Progress) Ended() bool { return p.View.Outcome != 0 }

// String returns the step in a line of at most [dialect.MaxText] bytes:
//
//	[3/40] public.daily refreshed in 20ms (blocking, the default)
func (p Progress) String() string {
	return dialect.Cut(fmt.Sprintf("[%d/%d] %s", p.Done, p.Total, p.View), dialect.MaxText)
}

func (p Progress) log(ctx context.Context, l *slog.Logger) {
	v := p.View
	attrs := []slog.Attr{slog.String("view", v.Name.String()), slog.String("mode", v.Mode.String()), slog.String("why", v.Why),
		slog.Int("done", p.Done), slog.Int("total", p.Total)}
	level, text := slog.LevelInfo, "view "+v.Outcome.String()
	switch v.Outcome {
	case 0:
		text = "refresh started"
	case OutcomeRefreshed, OutcomeEmptied, OutcomeJoined, OutcomeFresh, OutcomeSkippedBusy, OutcomeSkippedUpstream:
		// A skipped view is not worse than Info: the view that caused it has its own line.
	case OutcomeCancelled:
		level = slog.LevelWarn
	case OutcomeFailed:
		level = slog.LevelError
	}
	if p.Ended() {
		attrs = append(attrs, slog.Duration("duration", v.Duration))
	}
	if v.Reason != "" && v.Err == nil {
		attrs = append(attrs, slog.String("reason", v.Reason))
	}
	if v.Err != nil {
		attrs = append(attrs, slog.String("error", v.Err.Error()))
	}
	l.LogAttrs(ctx, level, text, attrs...)
}
