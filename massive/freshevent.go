package massive

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/printable"
)

// A FreshnessKind is the kind of a [FreshnessEvent].
type FreshnessKind int

// The kinds of events.
const (
	// FreshnessRefreshed means that this call of KeepFresh refreshed the view.
	FreshnessRefreshed FreshnessKind = iota + 1
	// FreshnessJoined means that another session refreshed the view.
	FreshnessJoined
	// FreshnessFailed means that a refresh failed, that a policy names a view that does
	// not exist, or, without a view, that the ledger can't be read.
	FreshnessFailed
	// FreshnessBehind means that the rows are older than the target lag.
	FreshnessBehind
	// FreshnessRecovered means that the rows are young enough again, that a missing view
	// exists again, or, without a view, that the ledger can be read again.
	FreshnessRecovered
)

// String returns the kind in a word.
func (k FreshnessKind) String() string {
	switch k {
	case FreshnessRefreshed:
		return "refreshed"
	case FreshnessJoined:
		return "joined"
	case FreshnessFailed:
		return "failed"
	case FreshnessBehind:
		return "behind"
	case FreshnessRecovered:
		return "recovered"
	default:
		return "no event"
	}
}

// A FreshnessEvent is a report of [DB.KeepFresh].
type FreshnessEvent struct {
	Kind FreshnessKind
	View Name // zero if the event is about the ledger
	// Freshness is what the ledger said at the latest reading, before the refresh that
	// the event reports.
	Freshness dialect.Freshness
	TargetLag time.Duration
	Result    RefreshResult // of this call's refresh
	// Why says in words why the view is behind: "a refresh takes 3s", "it waits for
	// public.daily". The causes are failing and slow refreshes, other sessions, views
	// that the view reads, the limit of [KeepParallel], and a ledger that can't be read.
	Why string
	Err error // the cause of FreshnessFailed
}

// String returns the event in a line of at most [dialect.MaxText] bytes.
func (e FreshnessEvent) String() string {
	text := e.View.String() + " "
	if e.View == (Name{}) {
		text = "the ledger "
	}
	switch {
	case e.Kind == FreshnessRefreshed:
		text += e.Result.String()
	case e.Kind == FreshnessJoined:
		text += "was refreshed by " + e.Freshness.By
	case e.Kind == FreshnessFailed:
		text = fmt.Sprint(e.Err)
	case e.Kind == FreshnessBehind:
		age := "of unknown age"
		if a, known := e.Freshness.DataAge(); known {
			age = a.Round(time.Millisecond).String() + " old"
		}
		text += fmt.Sprintf("is behind its target of %v: its rows are %s: %s", e.TargetLag, age, e.Why)
	case e.View == (Name{}):
		text += "can be read again"
	default:
		text += "is within its target again"
	}
	return dialect.Cut(printable.Text(text), dialect.MaxText)
}

func (e FreshnessEvent) log(ctx context.Context, l *slog.Logger) {
	level := slog.LevelInfo
	switch e.Kind {
	case FreshnessJoined: // each replica has one for each refresh of another
		level = slog.LevelDebug
	case FreshnessBehind:
		level = slog.LevelWarn
	case FreshnessFailed:
		level = slog.LevelError
	case FreshnessRefreshed, FreshnessRecovered:
	}
	attrs := []slog.Attr{slog.String("view", e.View.String())}
	if age, known := e.Freshness.DataAge(); known {
		attrs = append(attrs, slog.Duration("age", age))
	}
	switch {
	case e.Kind == FreshnessRefreshed:
		attrs = append(attrs, slog.String("mode", e.Result.Mode.String()), slog.Duration("duration", e.Result.Duration))
	case e.Kind == FreshnessJoined:
		attrs = append(attrs, slog.String("by", e.Freshness.By))
	case e.Kind == FreshnessBehind:
		attrs = append(attrs, slog.Duration("target", e.TargetLag), slog.String("why", e.Why))
	case e.Err != nil:
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	l.LogAttrs(ctx, level, "view "+e.Kind.String(), attrs...)
}
