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

// A RefreshReport is what became of a run, of each view in the plan's order. It is complete also after a failure or a
// cancel. It says what happened while the run went on, not what was committed: in a transaction a failure outside of a
// savepoint ([Savepoints]) fails the transaction, and what was refreshed in it is undone with it, whatever stands here.
// Its zero value is of a run that did not begin.
type RefreshReport struct {
	Views    []ViewReport
	Start    time.Time
	Duration time.Duration // of the whole run
	Parallel int           // how many refreshes could run at a time
}

// A ViewReport is what became of one view.
type ViewReport struct {
	Name    dialect.Name
	Outcome registry.RefreshOutcome // 0 while it is not known
	// Mode is the one used, or, where the view was not refreshed, the one that the plan had for it, and Why says why.
	Mode RefreshMode
	Why  string
	// Reason says why the view was not refreshed, in words: "it depends on public.daily, which failed". It is empty for
	// one that was.
	Reason   string
	Start    time.Time     // zero for a refresh that was not tried
	Duration time.Duration // from Start, so with the wait for a connection
	// Err is a failed, busy or cancelled refresh's error; nil also for a view whose refresh was not tried.
	Err error
}

// String is the view in a line of at most [dialect.MaxText] bytes: "public.daily
// refreshed in 20ms (blocking, the default)". What can't be seen in a name or an error,
// such as a line break, stands there as Go writes it.
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

// Count is how many views had the outcome.
func (r RefreshReport) Count(o registry.RefreshOutcome) int {
	n := 0
	for _, v := range r.Views {
		if v.Outcome == o {
			n++
		}
	}
	return n
}

// View is the report of one view, and whether there is one.
func (r RefreshReport) View(name dialect.Name) (ViewReport, bool) {
	for _, v := range r.Views {
		if v.Name == name {
			return v, true
		}
	}
	return ViewReport{}, false
}

// summary is the outcomes with their numbers: "3 refreshed, 1 failed, 2 skipped".
func (r RefreshReport) summary() string {
	var parts []string
	for o := OutcomeRefreshed; o <= OutcomeCancelled; o++ {
		if n := r.Count(o); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.Replace(o.String(), "skipped: busy", "busy", 1)))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "no view")
}

// String is the report, a line for the run and one for each view, none longer than
// [dialect.MaxText] bytes.
func (r RefreshReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %v, %s\n", r.summary(), r.Duration.Round(time.Microsecond), atATime(r.Parallel))
	for _, v := range r.Views {
		b.WriteString(dialect.Cut("  "+v.String(), dialect.MaxText) + "\n")
	}
	return b.String()
}

// A Progress is a step of a run: a refresh begins, or a view is done with. A view that is skipped, or that a cancel leaves
// over, is done with and never begins.
type Progress struct {
	View  ViewReport // its Outcome is 0 when the refresh begins
	Done  int        // how many views are done with by now
	Total int        // of how many
}

// Ended tells whether the view is done with.
func (p Progress) Ended() bool { return p.View.Outcome != 0 }

// String is the step in a line of at most [dialect.MaxText] bytes, the numbers in
// brackets before what became of the view:
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
	case OutcomeRefreshed, OutcomeEmptied, OutcomeSkippedBusy, OutcomeSkippedUpstream: // what those wait for has its own line
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
