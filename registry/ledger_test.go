package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// An aging is a dialect with one view, whose rows have an age. It judges as a database
// does, by its own clock.
type aging struct {
	stub.Defaults
	mu        sync.Mutex
	asOf      time.Time // zero if unknown
	busy      int       // how many refreshes find another session's refresh
	during    func(context.Context) error
	looks     int
	refreshes []dialect.Refresh
	failures  []string
}

func (*aging) Name() string { return "aging" }

func (*aging) Classify(f dialect.Failure) error {
	if errors.Is(f.Err, errNoRight) {
		return dialect.ErrPermission
	}
	return nil
}

func (*aging) Load(context.Context, dialect.Querier, dialect.Filter) (*dialect.Catalog, error) {
	return &dialect.Catalog{
		SearchPath: []string{"app"},
		Matviews:   stub.Matviews(stub.Visible("app.daily"), stub.Visible("app.weekly")),
	}, nil
}

func (a *aging) DataAge(_ context.Context, _ dialect.Querier, l dialect.Ledger, _ dialect.Name) (time.Duration, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looks++
	if l.Schema != "ledger" {
		return 0, false, fmt.Errorf("no ledger %q", l.Schema)
	}
	return time.Since(a.asOf), !a.asOf.IsZero(), nil
}

func (a *aging) RefreshMatview(ctx context.Context, _ dialect.Querier, _ dialect.Name, how dialect.Refresh) (dialect.Refreshed, error) {
	a.mu.Lock()
	began := time.Now()
	if a.busy > 0 {
		a.busy--
		a.mu.Unlock()
		return dialect.Refreshed{Busy: true}, nil
	}
	if how.IfOlder && !a.asOf.IsZero() && began.Sub(a.asOf) <= how.OlderThan {
		a.mu.Unlock()
		return dialect.Refreshed{Fresh: true}, nil
	}
	a.refreshes = append(a.refreshes, how)
	a.mu.Unlock()
	if a.during != nil {
		if err := a.during(ctx); err != nil {
			return dialect.Refreshed{}, err
		}
	}
	a.mu.Lock()
	a.asOf = began
	a.mu.Unlock()
	return dialect.Refreshed{Recorded: how.Record != nil, Concurrently: how.Concurrently}, nil
}

func (a *aging) RecordFailure(_ context.Context, _ dialect.Querier, _ dialect.Ledger, view dialect.Name, why string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failures = append(a.failures, view.String()+": "+why)
	return nil
}

func (*aging) Freshness(context.Context, dialect.Querier, dialect.Ledger, []dialect.Name) ([]dialect.Freshness, error) {
	return []dialect.Freshness{{Name: stub.Of("app.daily")}, {Name: stub.Of("app.other")}}, nil
}

var errNoRight = errors.New("the role may not refresh it")

// daily returns the view of a, whose refreshes are recorded, through a pool or through q.
func daily(t *testing.T, a *aging, q dialect.Querier, report ...func(context.Context, registry.RefreshEvent)) registry.Matview {
	t.Helper()
	r, err := registry.Load(t.Context(), q, a, registry.Selection{
		Recorder: &registry.Recorder{Ledger: &dialect.Ledger{Schema: "ledger"}, OnRefresh: report},
	})
	noError(t, err)
	view, err := r.Matview("daily")
	noError(t, err)
	return view
}

func TestRefreshIfOlderThanOfFreshRowsDoesNothing(t *testing.T) {
	t.Parallel()
	a := &aging{asOf: time.Now().Add(-time.Minute)}
	result, err := daily(t, a, new(sql.DB)).RefreshIfOlderThan(t.Context(), time.Hour)
	if err != nil || result.Outcome != registry.OutcomeFresh || result.Mode != 0 {
		t.Errorf("got %v, %v; want fresh", result, err)
	}
	if len(a.refreshes) != 0 || a.looks != 1 {
		t.Errorf("%d refreshes and %d looks; want none and one", len(a.refreshes), a.looks)
	}
}

func TestRefreshIfOlderThanRefreshesOldAndUnknownRows(t *testing.T) {
	t.Parallel()
	for rule, asOf := range map[string]time.Time{"old": time.Now().Add(-time.Hour), "unknown": {}} {
		a := &aging{asOf: asOf}
		result, err := daily(t, a, new(sql.DB)).RefreshIfOlderThan(t.Context(), time.Minute, registry.Concurrently())
		if err != nil || result.Outcome != registry.OutcomeRefreshed || result.Mode != registry.ModeConcurrent || !result.Recorded {
			t.Errorf("%s: got %+v, %v; want refreshed concurrently, recorded", rule, result, err)
		}
		if len(a.refreshes) != 1 {
			t.Fatalf("%s: %d refreshes; want 1", rule, len(a.refreshes))
		}
		how := a.refreshes[0]
		if !how.IfOlder || how.Wait || how.OlderThan < time.Minute || how.Record == nil {
			t.Errorf("%s: the dialect got %+v; want IfOlder with at least a minute, Record, no Wait", rule, how)
		}
	}
}

// The longest age does not become a negative one.
func TestRefreshIfOlderThanTheLongestAge(t *testing.T) {
	t.Parallel()
	a := &aging{}
	_, err := daily(t, a, new(sql.DB)).RefreshIfOlderThan(t.Context(), math.MaxInt64)
	if err != nil || len(a.refreshes) != 1 || a.refreshes[0].OlderThan != math.MaxInt64 {
		t.Errorf("the dialect got %+v, error %v; want OlderThan %d", a.refreshes, err, math.MaxInt64)
	}
}

// Of many calls that come during a refresh, one refreshes again, since the rows of the
// first refresh are older than the calls.
func TestConcurrentCallsShareARefresh(t *testing.T) {
	t.Parallel()
	const calls = 50
	running, release := make(chan struct{}, calls), make(chan struct{})
	a := &aging{during: func(context.Context) error {
		running <- struct{}{}
		<-release
		return nil
	}}
	var mu sync.Mutex
	events := map[registry.RefreshOutcome]int{}
	view := daily(t, a, new(sql.DB), func(_ context.Context, e registry.RefreshEvent) {
		mu.Lock()
		defer mu.Unlock()
		events[e.Result.Outcome]++
	})
	outcomes := make(chan registry.RefreshOutcome, calls)
	call := func() {
		result, err := view.RefreshIfOlderThan(context.Background(), 0)
		if err != nil {
			t.Error(err)
		}
		outcomes <- result.Outcome
	}
	go call()
	<-running
	var called sync.WaitGroup
	for range calls - 1 {
		called.Add(1)
		go func() { called.Done(); call() }()
	}
	called.Wait()
	time.Sleep(50 * time.Millisecond) // the calls have begun, or else they find the rows fresh enough
	close(release)
	got := map[registry.RefreshOutcome]int{}
	for range calls {
		got[<-outcomes]++
	}
	n := len(a.refreshes)
	if n < 2 || n > 5 || got[registry.OutcomeRefreshed] != n || got[registry.OutcomeJoined]+got[registry.OutcomeFresh] != calls-n {
		t.Errorf("%d calls caused %d refreshes, with the outcomes %v; want about two, and the others joined", calls, n, got)
	}
	mu.Lock()
	defer mu.Unlock()
	if events[registry.OutcomeRefreshed] != n || events[registry.OutcomeJoined] != got[registry.OutcomeJoined] {
		t.Errorf("the events have the outcomes %v; want %v", events, got)
	}
}

func TestRefreshIfOlderThanWaitsForAnotherSession(t *testing.T) {
	t.Parallel()
	a := &aging{busy: 3}
	view := daily(t, a, new(sql.DB))
	result, err := view.RefreshIfOlderThan(t.Context(), time.Minute)
	if err != nil || result.Outcome != registry.OutcomeRefreshed || a.busy != 0 {
		t.Errorf("the other session did not refresh: got %v, %v; want refreshed", result, err)
	}

	a = &aging{busy: 1 << 30}
	view = daily(t, a, new(sql.DB))
	go func() {
		time.Sleep(30 * time.Millisecond)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.asOf = time.Now()
	}()
	result, err = view.RefreshIfOlderThan(t.Context(), 0)
	if err != nil || result.Outcome != registry.OutcomeJoined || len(a.refreshes) != 0 {
		t.Errorf("the other session refreshed: got %v, %v; want joined", result, err)
	}
}

// A call that joins a waiting one may have come after the other session's refresh began.
// That refresh is enough for the first call only.
func TestAJoinedRefreshIsNotOlderThanTheCall(t *testing.T) {
	t.Parallel()
	a := &aging{busy: 1 << 30}
	view := daily(t, a, new(sql.DB))
	type ended struct {
		result registry.RefreshResult
		err    error
	}
	call := func() chan ended {
		c := make(chan ended, 1)
		go func() {
			result, err := view.RefreshIfOlderThan(context.Background(), 0)
			c <- ended{result, err}
		}()
		return c
	}
	first := call()
	for looks := 0; looks == 0; {
		time.Sleep(time.Millisecond)
		a.mu.Lock()
		looks = a.looks
		a.mu.Unlock()
	}
	begun := time.Now()
	time.Sleep(time.Millisecond)
	second := call()
	time.Sleep(20 * time.Millisecond)
	a.mu.Lock()
	a.asOf, a.busy = begun, 0
	a.mu.Unlock()
	if e := <-first; e.err != nil || e.result.Outcome != registry.OutcomeJoined && e.result.Outcome != registry.OutcomeFresh {
		t.Errorf("the first call got %v, %v; want joined", e.result, e.err)
	}
	if e := <-second; e.err != nil || e.result.Outcome != registry.OutcomeRefreshed {
		t.Errorf("the second call got %v, %v; want refreshed", e.result, e.err)
	}
}

func TestRefreshIfOlderThanSkipsABusyView(t *testing.T) {
	t.Parallel()
	a := &aging{busy: 1}
	result, err := daily(t, a, new(sql.DB)).RefreshIfOlderThan(t.Context(), time.Minute, registry.SkipIfBusy())
	if !errors.Is(err, dialect.ErrBusy) || result.Outcome != registry.OutcomeSkippedBusy {
		t.Errorf("got %v, %v; want skipped and ErrBusy", result, err)
	}
	if len(a.failures) != 0 {
		t.Errorf("recorded the failures %q; want none", a.failures)
	}
}

func TestTheLastCallCancelsARefresh(t *testing.T) {
	t.Parallel()
	running := make(chan struct{})
	ended := false
	a := &aging{during: func(ctx context.Context) error {
		close(running)
		<-ctx.Done()
		ended = true
		return ctx.Err()
	}}
	view := daily(t, a, new(sql.DB))
	first, leave := context.WithCancel(t.Context())
	second, leaveLast := context.WithCancel(t.Context())
	defer leaveLast()
	errs := make(chan error, 2)
	go func() { _, err := view.RefreshIfOlderThan(first, time.Minute); errs <- err }()
	<-running
	go func() { _, err := view.RefreshIfOlderThan(second, time.Minute); errs <- err }()
	time.Sleep(20 * time.Millisecond)
	leave()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("the first call got %v; want context.Canceled", err)
	}
	if ended {
		t.Error("the first call canceled the refresh of the second one")
	}
	leaveLast()
	if err := <-errs; !errors.Is(err, context.Canceled) || !ended {
		t.Errorf("the last call got %v before the refresh ended; want context.Canceled after it", err)
	}
	if len(a.failures) != 0 {
		t.Errorf("recorded the failures %q of a canceled refresh", a.failures)
	}
}

func TestFailuresAreRecorded(t *testing.T) {
	t.Parallel()
	a := &aging{during: func(context.Context) error { return errNoRight }}
	view := daily(t, a, new(sql.DB))
	result, err := view.Refresh(t.Context())
	if !errors.Is(err, dialect.ErrPermission) || !result.Recorded || result.Outcome != 0 {
		t.Errorf("got %+v, %v; want ErrPermission, recorded", result, err)
	}
	if _, err = view.RefreshIfOlderThan(t.Context(), 0); !errors.Is(err, dialect.ErrPermission) {
		t.Errorf("RefreshIfOlderThan: got %v; want ErrPermission", err)
	}
	want := "app.daily: permission denied: the role may not refresh it"
	if len(a.failures) != 2 || a.failures[0] != want || a.failures[1] != want {
		t.Errorf("recorded %q; want %q twice", a.failures, want)
	}

	// A transaction has failed, too, so that it can record nothing.
	a = &aging{during: a.during}
	result, err = daily(t, a, new(sql.Tx)).Refresh(t.Context())
	if !errors.Is(err, dialect.ErrPermission) || result.Recorded || len(a.failures) != 0 {
		t.Errorf("in a transaction: got %+v, %v, recorded %q; want no record", result, err, a.failures)
	}
}

func TestRefreshIfOlderThanInATransactionWaitsForTheLock(t *testing.T) {
	t.Parallel()
	a := &aging{asOf: time.Now()}
	result, err := daily(t, a, new(sql.Tx)).RefreshIfOlderThan(t.Context(), 0)
	if err != nil || result.Outcome != registry.OutcomeRefreshed || a.looks != 0 {
		t.Errorf("got %v, %v after %d looks; want refreshed without a look", result, err, a.looks)
	}
	if len(a.refreshes) != 1 || !a.refreshes[0].Wait {
		t.Errorf("the dialect got %+v; want Wait", a.refreshes)
	}
}

func TestRefreshIfOlderThanRefusesWrongCalls(t *testing.T) {
	t.Parallel()
	a := &aging{}
	view := daily(t, a, new(sql.DB))
	none, err := registry.Load(t.Context(), new(sql.DB), a, registry.Selection{})
	noError(t, err)
	unrecorded, err := none.Matview("daily")
	noError(t, err)
	for _, c := range []struct {
		rule string
		view registry.Matview
		age  time.Duration
		opts []registry.RefreshOption
		says string
	}{
		{"a negative age", view, -time.Second, nil, "less than 0"},
		{"emptying", view, 0, []registry.RefreshOption{registry.WithNoData()}, "WithNoData"},
		{"contradicting options", view, 0, []registry.RefreshOption{registry.Concurrently(), registry.ConcurrentlyIfPossible()}, "contradict"},
		{"no ledger", unrecorded, 0, nil, "CreateLedger"},
	} {
		_, err := c.view.RefreshIfOlderThan(t.Context(), c.age, c.opts...)
		if !errors.Is(err, dialect.ErrInvalid) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "refresh if older app.daily") {
			t.Errorf("%s: got %v; want ErrInvalid with %q", c.rule, err, c.says)
		}
	}
	if _, err := unrecorded.Freshness(t.Context()); !errors.Is(err, dialect.ErrInvalid) || !strings.Contains(err.Error(), "CreateLedger") {
		t.Errorf("Freshness without a ledger: got %v; want ErrInvalid that names CreateLedger", err)
	}
	if a.looks != 0 || len(a.refreshes) != 0 {
		t.Errorf("%d looks and %d refreshes; want none", a.looks, len(a.refreshes))
	}
}

func TestFreshnessHasTheLoadedViews(t *testing.T) {
	t.Parallel()
	r, err := registry.Load(t.Context(), new(sql.DB), &aging{}, registry.Selection{
		Recorder: &registry.Recorder{Ledger: &dialect.Ledger{Schema: "ledger"}},
	})
	noError(t, err)
	all, err := r.Freshness(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != stub.Of("app.daily") {
		t.Errorf("got %v, %v; want app.daily only", all, err)
	}
}
