package massive_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"go.uber.org/goleak"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// A sleeper is a dialect whose refreshes sleep, on the clock of a synctest bubble.
type sleeper struct {
	stub.Dialect
	lasts map[string]time.Duration // a second by default
	errs  map[string]error
	busy  map[string]bool // views that another client refreshes

	mu      sync.Mutex
	running int
	most    int      // refreshes at a time
	order   []string // views, as refreshes began
	events  []string // refreshes and savepoints
	open    map[string]time.Time
	closed  map[string]time.Time
}

func (s *sleeper) RefreshMatview(
	ctx context.Context, _ dialect.Querier, view dialect.Name, how dialect.Refresh,
) (dialect.Refreshed, error) {
	name := short([]dialect.Name{view})
	s.mu.Lock()
	s.running++
	s.most = max(s.most, s.running)
	s.order = append(s.order, name)
	s.events = append(s.events, "refresh "+name)
	if s.open == nil {
		s.open, s.closed = map[string]time.Time{}, map[string]time.Time{}
	}
	s.open[name] = time.Now()
	lasts, ok := s.lasts[name]
	err := s.errs[name]
	s.mu.Unlock()
	if !ok {
		lasts = time.Second
	}
	select {
	case <-time.After(lasts):
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.closed[name] = time.Now()
	return dialect.Refreshed{Concurrently: how.Concurrently, Busy: s.busy[name]}, err
}

// Classify does not record failures, since refreshes fail concurrently.
func (s *sleeper) Classify(f dialect.Failure) error {
	if errors.Is(f.Err, errTaken) || errors.Is(f.Err, errTimeout) {
		return dialect.ErrBusy
	}
	return nil
}

var errTaken = errors.New("locked by another client")

var (
	errServer  = &stub.DriverError{State: "21000", Text: "duplicate rows"}
	errTimeout = &stub.DriverError{State: "55P03", Text: "lock timeout"}
)

// A marker is a sleeper with savepoints.
type marker struct {
	*sleeper
	fails string // the savepoint operation that fails
}

func (m marker) mark(what string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, what)
	if what == m.fails {
		return &stub.DriverError{State: "25P02", Text: what + " failed"}
	}
	return nil
}

func (m marker) SetSavepoint(context.Context, dialect.Querier, string) error { return m.mark("set") }
func (m marker) RollbackToSavepoint(context.Context, dialect.Querier, string) error {
	return m.mark("back")
}
func (m marker) ReleaseSavepoint(context.Context, dialect.Querier, string) error {
	return m.mark("release")
}

func run(t *testing.T, s dialect.Dialect, q dialect.Querier, cat *dialect.Catalog, opts ...massive.PlanOption) (massive.RefreshReport, error) {
	t.Helper()
	return loadedFrom(cat, s, q).RefreshAll(t.Context(), opts...)
}

func outcomes(r massive.RefreshReport) string {
	var all []string
	for _, v := range r.Views {
		text := short([]dialect.Name{v.Name}) + " " + v.Outcome.String()
		if v.Reason != "" {
			text += " (" + v.Reason + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

func checkOutcomes(t *testing.T, r massive.RefreshReport, want ...string) {
	t.Helper()
	if got := outcomes(r); got != strings.Join(want, "\n") {
		t.Errorf("outcomes: got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// levels returns forty views in five levels of eight. Each reads two of the level before.
func levels() *dialect.Catalog {
	var lines []string
	for level := range 5 {
		for i := range 8 {
			line := fmt.Sprintf("l%d_%d", level, i)
			if level > 0 {
				line += fmt.Sprintf(" < l%d_%d l%d_%d", level-1, i, level-1, (i+3)%8)
			}
			lines = append(lines, line)
		}
	}
	return views(lines...)
}

func TestRunUsesAllWorkers(t *testing.T) {
	t.Parallel()
	for workers, want := range map[int]time.Duration{1: 40 * time.Second, 4: 10 * time.Second, 8: 5 * time.Second, 99: 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := &sleeper{}
			report, err := run(t, s, &pool{}, levels(), massive.Parallel(workers))
			if err != nil || report.Duration != want || report.Count(massive.OutcomeRefreshed) != 40 {
				t.Errorf("%d at a time: got %v, want %v: %v\n%s", workers, report.Duration, want, err, report)
			}
			if s.most > workers {
				t.Errorf("%d refreshes ran at a time, want at most %d", s.most, workers)
			}
		})
	}
}

// A view begins as soon as the views that it depends on are done.
func TestRunStartsViewsEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{lasts: map[string]time.Duration{"slow": time.Minute}}
		report, err := run(t, s, &pool{}, views("slow", "a", "b < v", "(v) < a", "c < b", "end < c slow"), massive.Parallel(8))
		noError(t, err)
		for name, want := range map[string]time.Duration{"slow": 0, "a": 0, "b": 1 * time.Second, "c": 2 * time.Second, "end": time.Minute} {
			v, _ := report.View(qualified(name))
			if got := v.Start.Sub(report.Start); got != want {
				t.Errorf("%s began after %v, want %v", name, got, want)
			}
		}
		if report.Duration != 61*time.Second {
			t.Errorf("the run took %v, want 61s", report.Duration)
		}
	})
}

// With the durations of an earlier run, a run takes at most 15 % longer than the lower
// bound.
func TestRunWithDurationsIsNearTheLowerBound(t *testing.T) {
	t.Parallel()
	worst, worstWithout := 0.0, 0.0
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		cat, lasts := chains(rnd)
		synctest.Test(t, func(t *testing.T) {
			first, err := run(t, &sleeper{lasts: lasts}, &pool{}, cat, massive.Parallel(4))
			noError(t, err)
			second, err := run(t, &sleeper{lasts: lasts}, &pool{}, cat, massive.Parallel(4), massive.DurationsOf(first))
			noError(t, err)
			bound := lowerBound(cat, lasts, 4)
			worst = max(worst, float64(second.Duration)/float64(bound))
			worstWithout = max(worstWithout, float64(first.Duration)/float64(bound))
		})
	}
	t.Logf("at worst %.3f × the lower bound, and %.3f without durations", worst, worstWithout)
	if worst > 1.15 {
		t.Errorf("with durations: got %.3f × the lower bound, want at most 1.15", worst)
	}
}

// chains returns two deep chains and other views, with uneven durations.
func chains(rnd *rand.Rand) (*dialect.Catalog, map[string]time.Duration) {
	var lines []string
	lasts := map[string]time.Duration{}
	add := func(name, reads string) {
		lasts[name] = time.Duration(20+rnd.IntN(400)) * time.Millisecond
		lines = append(lines, name+" < "+reads)
	}
	for _, chain := range []string{"y", "z"} { // late by name
		add(chain+"0", "")
		for i := 1; i < 10; i++ {
			add(fmt.Sprintf("%s%d", chain, i), fmt.Sprintf("%s%d", chain, i-1))
		}
	}
	for i := range 24 {
		reads := ""
		if i > 8 {
			reads = fmt.Sprintf("a%d", rnd.IntN(i))
		}
		add(fmt.Sprintf("a%d", i), reads)
	}
	return views(lines...), lasts
}

// lowerBound returns a time that no order can beat: the critical path, or the total
// duration divided by the workers.
func lowerBound(cat *dialect.Catalog, lasts map[string]time.Duration, workers int) time.Duration {
	var total, longest time.Duration
	ended := map[int64]time.Duration{}
	for _, m := range cat.Matviews { // each after the views that it reads
		for _, id := range m.Reads {
			ended[m.ID] = max(ended[m.ID], ended[id])
		}
		ended[m.ID] += lasts[m.Name.Name]
		total += lasts[m.Name.Name]
		longest = max(longest, ended[m.ID])
	}
	return max(longest, total/time.Duration(workers))
}

func TestRunSkipsDependentsOfFailures(t *testing.T) {
	t.Parallel()
	cat := func() *dialect.Catalog {
		return views("bad", "x < v", "(v) < bad", "y < x good", "good", "last < good", "skip < (n)", "taken", "behind < taken")
	}
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{errs: map[string]error{"bad": errServer, "taken": errTaken}, lasts: map[string]time.Duration{"bad": 100 * time.Millisecond}}
		report, err := run(t, s, &pool{}, cat(), massive.Parallel(2))
		checkOutcomes(t, report, "bad failed (driver: duplicate rows)", "good refreshed",
			"taken skipped: busy (busy: locked by another client)", "x skipped (it depends on public.bad, which failed)",
			"behind skipped (it depends on public.taken, which is busy)", "last refreshed", "skip refreshed",
			"y skipped (it depends on public.bad, which failed)")
		e := stub.Failed(t, err, dialect.OpRefreshAll, dialect.Name{})
		if !errors.Is(e, dialect.ErrBusy) || !errors.Is(e, errServer) || !errors.Is(e, errTaken) {
			t.Errorf("the error does not wrap the errors of the views: %v", err)
		}
		const text = "massive: refresh views: 3 refreshed, 1 busy, 3 skipped, 1 failed:\n" +
			"massive: refresh public.bad: driver: duplicate rows\nmassive: refresh public.taken: busy: locked by another client"
		if err.Error() != text {
			t.Errorf("error: got\n%s\nwant\n%s", err, text)
		}
		bad, _ := report.View(stub.Of("public.bad"))
		if bad.Duration != 100*time.Millisecond || bad.Start != report.Start || !errors.Is(bad.Err, errServer) || bad.Mode != massive.ModeBlocking {
			t.Errorf("report of the failed view: got %+v", bad)
		}
		if x, _ := report.View(stub.Of("public.x")); !x.Start.IsZero() || x.Err != nil || x.Duration != 0 {
			t.Errorf("report of the skipped view: got %+v", x)
		}
		if strings.Contains(strings.Join(s.order, " "), "x") {
			t.Errorf("got refreshes of %q, want none of x", s.order)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{errs: map[string]error{"bad": errServer, "taken": errTaken}, lasts: map[string]time.Duration{"bad": 100 * time.Millisecond}}
		report, err := run(t, s, &pool{}, cat(), massive.Parallel(2), massive.StopOnError())
		checkOutcomes(t, report, "bad failed (driver: duplicate rows)", "good refreshed",
			"taken cancelled (the run stopped when public.bad failed)", "x skipped (it depends on public.bad, which failed)",
			"behind cancelled (the run stopped when public.bad failed)", "last cancelled (the run stopped when public.bad failed)",
			"skip cancelled (the run stopped when public.bad failed)", "y skipped (it depends on public.bad, which failed)")
		if !errors.Is(err, errServer) || len(s.order) != 2 {
			t.Errorf("got %v and refreshes of %q, want 2 refreshes", err, s.order)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{errs: map[string]error{"taken": errTaken}}
		report, err := run(t, s, &pool{}, views("taken", "z"), massive.StopOnError())
		checkOutcomes(t, report, "taken skipped: busy (busy: locked by another client)", "z refreshed")
		if !errors.Is(err, dialect.ErrBusy) {
			t.Errorf("got %v", err)
		}
	})
}

// If a view failed, its dependents are skipped even if the views between are not in the
// plan.
func TestRunSkipsThroughExcludedViews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{errs: map[string]error{"a": errServer}}
		report, _ := run(t, s, &pool{}, views("a", "b < a", "c < b", "d"), massive.Views("c", "a", "d"), massive.Parallel(4))
		checkOutcomes(t, report, "a failed (driver: duplicate rows)", "c skipped (it depends on public.a, which failed)", "d refreshed")
	})
}

func TestRunCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s := &sleeper{}
		r := loadedFrom(views("a", "b < a", "c < b", "d", "e"), s, &pool{})
		report, err := r.RefreshAll(ctx, massive.Parallel(2))
		checkOutcomes(t, report, "a refreshed", "b cancelled (the context ended)", "c cancelled (the context ended)",
			"d refreshed", "e cancelled (the context ended)")
		if !errors.Is(err, context.DeadlineExceeded) || report.Duration != 1500*time.Millisecond {
			t.Errorf("the run took %v, want 1.5s: %v", report.Duration, err)
		}
		if b, _ := report.View(stub.Of("public.b")); b.Duration != 500*time.Millisecond || !errors.Is(b.Err, context.DeadlineExceeded) {
			t.Errorf("report of the cancelled view: got %+v", b)
		}
		if c, _ := report.View(stub.Of("public.c")); !c.Start.IsZero() || c.Err != nil {
			t.Errorf("report of a view that did not begin: got %+v", c)
		}
	})
	s := &sleeper{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := loadedFrom(views("a", "b < a"), s, &pool{})
	report, err := r.RefreshAll(ctx)
	checkOutcomes(t, report, "a cancelled (the context ended)", "b cancelled (the context ended)")
	stub.Failed(t, err, dialect.OpRefreshAll, dialect.Name{})
	if !errors.Is(err, context.Canceled) || len(s.order) > 0 {
		t.Errorf("got %v and refreshes of %q, want none", err, s.order)
	}
}

// A view that fails with its own error while the context ends is failed, not cancelled.
func TestRunReportsFailuresDuringACancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &stub.Dialect{Fails: errServer, During: cancel}
	report, err := loadedFrom(views("a"), s, &pool{}).RefreshAll(ctx)
	checkOutcomes(t, report, "a failed (driver: duplicate rows)")
	if !errors.Is(err, errServer) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRunInATransaction(t *testing.T) {
	t.Parallel()
	cat := views("a", "b", "c < a", "d")
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{errs: map[string]error{"b": errServer}}
		report, err := run(t, s, &transaction{}, cat, massive.Parallel(4))
		checkOutcomes(t, report, "a refreshed", "b failed (driver: duplicate rows)", "c cancelled (the transaction failed with public.b)",
			"d cancelled (the transaction failed with public.b)")
		if s.most != 1 || report.Parallel != 1 || !errors.Is(err, errServer) {
			t.Errorf("%d refreshes ran at a time, want 1: %v", s.most, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{busy: map[string]bool{"a": true}}
		report, err := run(t, s, &transaction{}, cat, massive.RefreshWith(massive.SkipIfBusy()))
		checkOutcomes(t, report, "a skipped: busy (busy: another refresh of it is running or waiting, or another session alters it; SkipIfBusy skipped it)",
			"b refreshed", "c skipped (it depends on public.a, which is busy)", "d refreshed")
		if !errors.Is(err, dialect.ErrBusy) {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a lock timeout is a server error and fails the transaction
		s := &sleeper{errs: map[string]error{"a": errTimeout}}
		report, _ := run(t, s, &transaction{}, cat)
		checkOutcomes(t, report, "a skipped: busy (busy: driver: lock timeout)", "b cancelled (the transaction failed with public.a)",
			"c skipped (it depends on public.a, which is busy)", "d cancelled (the transaction failed with public.a)")
	})
	synctest.Test(t, func(t *testing.T) {
		s := marker{&sleeper{errs: map[string]error{"a": errServer}}, ""}
		report, err := run(t, s, &transaction{}, cat, massive.Savepoints())
		checkOutcomes(t, report, "a failed (driver: duplicate rows)", "b refreshed", "c skipped (it depends on public.a, which failed)", "d refreshed")
		if got, want := strings.Join(s.events, ", "), "set, refresh a, back, set, refresh b, release, set, refresh d, release"; got != want {
			t.Errorf("statements of the transaction: got %s\nwant %s", got, want)
		}
		if !errors.Is(err, errServer) {
			t.Error(err)
		}
	})
	for fails, want := range map[string][]string{
		"set":     {"a failed (its savepoint: driver: set failed)"},
		"release": {"a failed (its savepoint: driver: release failed)"},
		"back":    {"a failed (massive: refresh public.a: driver: duplicate rows\nmassive: refresh views public.a: its savepoint: driver: back failed)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := marker{&sleeper{}, fails}
			if fails == "back" {
				s.errs = map[string]error{"a": errServer}
			}
			report, err := run(t, s, &transaction{}, views("a", "b"), massive.Savepoints())
			checkOutcomes(t, report, append(want, "b cancelled (the transaction failed with public.a)")...)
			if err == nil || !strings.Contains(err.Error(), fails+" failed") {
				t.Error(err)
			}
		})
	}
	// On a connection the library only notices a transaction when it has failed.
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{errs: map[string]error{"a": errServer, "b": dialect.ErrTxAborted}}
		report, _ := run(t, s, &stub.Querier{}, cat)
		checkOutcomes(t, report, "a failed (driver: duplicate rows)", "b failed (transaction already failed)",
			"c skipped (it depends on public.a, which failed)", "d cancelled (the transaction failed with public.b)")
	})
}

// A run uses the pool's limit at that time, not the limit when it was planned.
func TestRunKeepsThePoolsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, q := &sleeper{}, &pool{}
		p := planOf(t, loadedFrom(levels(), s, q), massive.Parallel(8))
		for _, most := range []int{1, 3, 0} {
			q.most, s.most = most, 0
			report, err := p.Run(t.Context())
			if want := cmp.Or(most, 8); err != nil || s.most != want || report.Parallel != want {
				t.Errorf("with a pool of %d: got %d at a time, %d in the report: %v", most, s.most, report.Parallel, err)
			}
		}
	})
}

func TestProgressAndLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{errs: map[string]error{"b": errServer}}
		var lines []string
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		_, _ = run(t, s, &pool{}, views("a", "b < a", "c < b", "d < a"), massive.Parallel(1),
			massive.OnProgress(func(p massive.Progress) { lines = append(lines, p.String()) }), massive.LogProgress(logger))
		want := []string{
			"[0/4] public.a started (blocking, the default)",
			"[1/4] public.a refreshed in 1s (blocking, the default)",
			"[1/4] public.b started (blocking, the default)",
			"[2/4] public.b failed after 1s (blocking, the default): driver: duplicate rows",
			"[3/4] public.c skipped: it depends on public.b, which failed",
			"[3/4] public.d started (blocking, the default)",
			"[4/4] public.d refreshed in 1s (blocking, the default)",
		}
		if !slices.Equal(lines, want) {
			t.Errorf("progress: got\n\t%s\nwant\n\t%s", strings.Join(lines, "\n\t"), strings.Join(want, "\n\t"))
		}
		const logged = `level=INFO msg="refresh started" view=public.a mode=blocking why="the default" done=0 total=4
level=INFO msg="view refreshed" view=public.a mode=blocking why="the default" done=1 total=4 duration=1s
level=INFO msg="refresh started" view=public.b mode=blocking why="the default" done=1 total=4
level=ERROR msg="view failed" view=public.b mode=blocking why="the default" done=2 total=4 duration=1s error="massive: refresh public.b: driver: duplicate rows"
level=INFO msg="view skipped" view=public.c mode=blocking why="the default" done=3 total=4 duration=0s reason="it depends on public.b, which failed"
level=INFO msg="refresh started" view=public.d mode=blocking why="the default" done=3 total=4
level=INFO msg="view refreshed" view=public.d mode=blocking why="the default" done=4 total=4 duration=1s
`
		if log.String() != logged {
			t.Errorf("log: got\n%s\nwant\n%s", &log, logged)
		}
	})
}

// LogProgress passes the run's context to the handler, also after a cancel. Cancelled
// views are logged with level WARN.
func TestLogProgressPassesTheContext(t *testing.T) {
	t.Parallel()
	for _, q := range []dialect.Querier{&pool{}, &transaction{}} {
		synctest.Test(t, func(t *testing.T) {
			handler := &traced{}
			ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), traceKey{}, "run 7"), 1500*time.Millisecond)
			defer cancel()
			_, err := loadedFrom(views("a", "b", "c < b"), &sleeper{}, q).RefreshAll(ctx, massive.LogProgress(slog.New(handler)))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			want := []string{
				"run 7: INFO refresh started public.b", "run 7: INFO view refreshed public.b", "run 7: INFO refresh started public.a",
				"run 7: WARN view cancelled public.a", "run 7: WARN view cancelled public.c",
			}
			if !slices.Equal(handler.lines, want) {
				t.Errorf("log on a %T: got\n\t%s\nwant\n\t%s", q, strings.Join(handler.lines, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
}

type traceKey struct{}

// traced is a handler that adds a value of its context to each line.
type traced struct{ lines []string }

func (*traced) Enabled(context.Context, slog.Level) bool { return true }

func (h *traced) Handle(ctx context.Context, r slog.Record) error {
	line := fmt.Sprintf("%v: %v %s", ctx.Value(traceKey{}), r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "view" {
			line += " " + a.Value.String()
		}
		return true
	})
	h.lines = append(h.lines, line)
	return nil
}

func (h *traced) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *traced) WithGroup(string) slog.Handler      { return h }

// A view takes one line of a plan and a report, even if its name or error has line
// breaks.
func TestOddNamesTakeOneLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cat := views("low", "two < low", "left < two")
		const two, left = "two\nlines\tund größer\u202e", "left\rover"
		cat.Matviews[1].Name.Name, cat.Matviews[2].Name.Name = two, left
		s := &sleeper{errs: map[string]error{`"` + two + `"`: errors.New("driver:\nLINE 1: …")}}
		r := loadedFrom(cat, s, &pool{}, massive.Exclude("left*"))
		p := planOf(t, r)
		const plan = `refresh 2 of 3 materialized views, one at a time (the default)
  1. public.low                             blocking, the default
  2. public."two\nlines\tund größer\u202e"  blocking, the default; after public.low
  excluded: public."left\rover": it is excluded by left*; it depends on public."two\nlines\tund größer\u202e", which is refreshed
`
		if got := p.String(); got != plan {
			t.Errorf("plan: got\n%s\nwant\n%s", got, plan)
		}
		report, _ := p.Run(t.Context())
		const ran = `1 refreshed, 1 failed in 2s, one at a time
  public.low refreshed in 1s (blocking, the default)
  public."two\nlines\tund größer\u202e" failed after 1s (blocking, the default): driver:\nLINE 1: …
`
		if got := report.String(); got != ran {
			t.Errorf("report: got\n%s\nwant\n%s", got, ran)
		}
		if got := (massive.Progress{View: report.Views[1]}).String(); strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("progress: got control characters in %q", got)
		}
		change := registry.Change{Kind: dialect.KindMatview, Name: report.Views[1].Name, What: massive.ChangeRemoved}
		if got, want := change.String(), `materialized view public."two\nlines\tund größer\u202e" removed`; got != want {
			t.Errorf("change: got %q, want %q", got, want)
		}
	})
}

// On a pool refreshes do not wait for a slow callback, which still gets one event at a
// time.
func TestProgressDoesNotDelayRefreshes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{}
		inside, events := 0, 0
		report, err := run(t, s, &pool{}, levels(), massive.Parallel(8), massive.OnProgress(func(massive.Progress) {
			if inside++; inside > 1 {
				t.Error("two callbacks run at a time")
			}
			time.Sleep(time.Second)
			inside--
			events++
		}))
		if err != nil || events != 80 {
			t.Errorf("got %d events and error %v, want 80 events", events, err)
		}
		last := report.Start
		for _, c := range s.closed {
			if c.After(last) {
				last = c
			}
		}
		if took := last.Sub(report.Start); took != 5*time.Second {
			t.Errorf("with slow callbacks the refreshes took %v, want 5s", took)
		}
	})
	// On one connection the next refresh waits, since the callback may use the
	// connection.
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{}
		report, err := run(t, s, &transaction{}, views("a", "b"), massive.OnProgress(func(massive.Progress) {
			time.Sleep(time.Second)
			if s.running != 0 {
				t.Error("a refresh runs during the callback")
			}
		}))
		if err != nil || report.Duration != 6*time.Second {
			t.Errorf("the run took %v, want 6s: %v", report.Duration, err)
		}
	})
}

// A callback that panics, or calls Goexit, ends the run and its goroutines.
func TestPanicInProgressEndsTheRun(t *testing.T) {
	for _, q := range []dialect.Querier{&pool{}, &transaction{}} {
		for _, end := range []func(){func() { panic("enough") }, runtime.Goexit} {
			s := &sleeper{lasts: map[string]time.Duration{"l0_0": time.Hour, "l0_1": time.Hour}}
			done := make(chan any)
			go func() {
				defer func() { done <- recover() }()
				_, err := loadedFrom(levels(), s, q).RefreshAll(context.Background(), massive.Parallel(2),
					massive.OnProgress(func(massive.Progress) { end() }))
				t.Errorf("RefreshAll returned %v", err)
			}()
			if what := <-done; what != nil && what != "enough" {
				t.Errorf("got panic %v, want enough", what)
			}
			if s.running != 0 {
				t.Errorf("%d refreshes still run, want 0", s.running)
			}
			goleak.VerifyNone(t, goleak.IgnoreCurrent())
		}
	}
}

func TestRunsThatRefreshNothing(t *testing.T) {
	t.Parallel()
	report, err := loadedFrom(views("a"), stub.Bare{Loads: &stub.Dialect{}}, &pool{}).RefreshAll(t.Context())
	e := stub.Failed(t, err, dialect.OpRefreshAll, dialect.Name{})
	if !errors.Is(e, dialect.ErrUnsupported) || report.Count(massive.OutcomeFailed) != 1 {
		t.Errorf("got %v, %v", report, err)
	}
	_, err = loadedFrom(views("a"), &stub.Dialect{}, nil).RefreshAll(t.Context())
	if !errors.Is(err, dialect.ErrInvalid) || !strings.Contains(err.Error(), "the database is nil") {
		t.Errorf("got %v", err)
	}
	report, err = loadedFrom(&dialect.Catalog{}, &stub.Dialect{}, &pool{}).RefreshAll(t.Context())
	if err != nil || len(report.Views) != 0 || !strings.HasPrefix(report.String(), "no view in ") {
		t.Errorf("without views: got %s, %v", report, err)
	}
	if report, err = new(massive.Plan).Run(t.Context()); err != nil || report.Views != nil {
		t.Errorf("the zero plan: got %v, %v", report, err)
	}
}

// Several goroutines can run one plan, each with its own report.
func TestPlanRunsConcurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{}
		p := planOf(t, loadedFrom(levels(), s, &pool{}), massive.Parallel(8))
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				report, err := p.Run(t.Context())
				if err != nil || report.Count(massive.OutcomeRefreshed) != 40 {
					t.Errorf("got %s, %v; want 40 refreshed", report, err)
				}
			})
		}
		wg.Wait()
		if len(s.order) != 120 {
			t.Errorf("got %d refreshes, want 120", len(s.order))
		}
	})
}

// In random runs with failures, each view has one outcome and one ended event. Views
// start after the views that they depend on, and are skipped if one of these failed.
func TestRandomRuns(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		cat := randomViews(rnd, 30, rnd.IntN(80))
		s := &sleeper{lasts: map[string]time.Duration{}, errs: map[string]error{}}
		for _, m := range cat.Matviews {
			s.lasts[m.Name.Name] = time.Duration(1+rnd.IntN(5)) * time.Second
			if rnd.IntN(8) == 0 {
				s.errs[m.Name.Name] = errServer
			}
		}
		synctest.Test(t, func(t *testing.T) {
			r := loadedFrom(cat, s, &pool{})
			ended := map[dialect.Name]int{}
			report, _ := r.RefreshAll(t.Context(), massive.Parallel(1+rnd.IntN(6)), massive.OnProgress(func(p massive.Progress) {
				if p.Ended() {
					ended[p.View.Name]++
				}
			}))
			g := r.Graph()
			if len(report.Views) != len(cat.Matviews) {
				t.Fatalf("seed %d: got %d views in the report, want %d", seed, len(report.Views), len(cat.Matviews))
			}
			for _, v := range report.Views {
				lost := false
				for _, u := range g.Upstream(v.Name) {
					up, _ := report.View(u)
					lost = lost || up.Outcome == massive.OutcomeFailed
					if !v.Start.IsZero() && v.Start.Before(up.Start.Add(up.Duration)) {
						t.Errorf("seed %d: %s began before %s ended", seed, v.Name, u)
					}
				}
				want := massive.OutcomeRefreshed
				switch {
				case lost:
					want = massive.OutcomeSkippedUpstream
				case s.errs[v.Name.Name] != nil:
					want = massive.OutcomeFailed
				}
				if v.Outcome != want || ended[v.Name] != 1 {
					t.Errorf("seed %d: got %s, want %s; got %d ended events, want 1", seed, v, want, ended[v.Name])
				}
			}
		})
	}
}
