package registry_test

import (
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

func TestMatviewMetadata(t *testing.T) {
	t.Parallel()
	r, _, _ := stubbed(stub.Shop(), registry.Selection{})
	for range 2 { // the first round's changes must not affect the registry
		for _, want := range stub.Shop().Matviews {
			m := matview(t, r, want.Name.String())
			columns, indexes := m.Columns(), m.Indexes()
			if m.Name() != want.Name || m.Owner() != want.Owner || m.Comment() != want.Comment ||
				m.Populated() != want.Populated || m.MayRefresh() != want.MayRefresh {
				t.Errorf("view %v of %q, comment %q, populated %v, may be refreshed %v; want %+v",
					m.Name(), m.Owner(), m.Comment(), m.Populated(), m.MayRefresh(), want)
			}
			if !reflect.DeepEqual(columns, want.Columns) {
				t.Errorf("columns %+v; want %+v", columns, want.Columns)
			}
			if !reflect.DeepEqual(indexes, want.Indexes) {
				t.Errorf("indexes %+v; want %+v", indexes, want.Indexes)
			}
			for i := range columns {
				columns[i].Name = "changed"
			}
			for i := range indexes {
				indexes[i].Name = "changed"
				clear(indexes[i].Columns)
				clear(indexes[i].Included)
			}
		}
	}
	m := matview(t, r, "Odd Name")
	if m.Populated() || m.MayRefresh() || len(m.Columns()) != 0 || len(m.Indexes()) != 0 || m.Comment() != "" {
		t.Errorf("a view without data and definition has some")
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		opts []registry.RefreshOption
		how  dialect.Refresh
		want registry.RefreshResult
		text string
	}{
		{"plain", nil, dialect.Refresh{},
			registry.RefreshResult{Outcome: registry.OutcomeRefreshed, Mode: registry.ModeBlocking, Why: "the default"},
			"refreshed in 1.5s (blocking, the default)"},
		{"Concurrently", []registry.RefreshOption{registry.Concurrently()}, dialect.Refresh{Concurrently: true},
			registry.RefreshResult{Outcome: registry.OutcomeRefreshed, Mode: registry.ModeConcurrent, Why: "requested"},
			"refreshed in 1.5s (concurrent, requested)"},
		{"WithNoData", []registry.RefreshOption{registry.WithNoData()}, dialect.Refresh{NoData: true},
			registry.RefreshResult{Outcome: registry.OutcomeEmptied, Mode: registry.ModeBlocking, Why: "the default"},
			"emptied in 1.5s (blocking, the default)"},
		{"Analyze", []registry.RefreshOption{registry.Analyze()}, dialect.Refresh{Analyze: true},
			registry.RefreshResult{Outcome: registry.OutcomeRefreshed, Mode: registry.ModeBlocking, Why: "the default"},
			"refreshed in 1.5s (blocking, the default)"},
		{"ConcurrentlyIfPossible", []registry.RefreshOption{registry.ConcurrentlyIfPossible()}, dialect.Refresh{IfPossible: true},
			registry.RefreshResult{Outcome: registry.OutcomeRefreshed, Mode: registry.ModeBlocking, Why: "not concurrently: not populated", Prevented: dialect.BlockerNotPopulated},
			"refreshed in 1.5s (blocking, not concurrently: not populated)"},
		{"SkipIfBusy and LockTimeout", []registry.RefreshOption{registry.SkipIfBusy(), registry.LockTimeout(time.Minute)},
			dialect.Refresh{SkipIfBusy: true, LockTimeout: time.Minute},
			registry.RefreshResult{Outcome: registry.OutcomeRefreshed, Mode: registry.ModeBlocking, Why: "the default"},
			"refreshed in 1.5s (blocking, the default)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, s, q := stubbed(stub.Shop(), registry.Selection{})
			if c.how.IfPossible {
				s.Refreshed = &dialect.Refreshed{Prevented: dialect.BlockerNotPopulated}
			}
			s.During = func() { time.Sleep(1500 * time.Millisecond) }
			got, err := matview(t, r, "daily").Refresh(t.Context(), c.opts...)
			c.want.Duration = 1500 * time.Millisecond
			if err != nil || got != c.want {
				t.Errorf("%s: %+v, error %v; want %+v, nil", c.what, got, err, c.want)
			}
			if got.String() != c.text {
				t.Errorf("%s: in a line: %s; want %s", c.what, got, c.text)
			}
			stub.CheckCalls(t, s, stub.Call{Method: "RefreshMatview", Querier: q, Name: stub.Of("app.daily"), How: c.how})
		})
	}
}

func TestRefreshRejectsOptions(t *testing.T) {
	t.Parallel()
	concurrently, noData := registry.Concurrently(), registry.WithNoData()
	const contradiction = "invalid argument: options Concurrently and WithNoData contradict each other: an emptied view can't be read"
	for _, c := range []struct {
		opts []registry.RefreshOption
		want string
	}{
		{[]registry.RefreshOption{{}}, "invalid argument: option 1 is the zero RefreshOption"},
		{[]registry.RefreshOption{noData, {}}, "invalid argument: option 2 is the zero RefreshOption"},
		{[]registry.RefreshOption{concurrently, concurrently}, "invalid argument: option Concurrently is given twice"},
		{[]registry.RefreshOption{noData, registry.WithNoData()}, "invalid argument: option WithNoData is given twice"},
		{[]registry.RefreshOption{concurrently, noData, concurrently}, "invalid argument: option Concurrently is given twice"},
		{[]registry.RefreshOption{concurrently, noData}, contradiction},
		{[]registry.RefreshOption{noData, concurrently}, contradiction},
		{[]registry.RefreshOption{noData, registry.ConcurrentlyIfPossible()},
			"invalid argument: options ConcurrentlyIfPossible and WithNoData contradict each other: an emptied view can't be read"},
		{[]registry.RefreshOption{concurrently, registry.ConcurrentlyIfPossible()},
			"invalid argument: options Concurrently and ConcurrentlyIfPossible contradict each other: if a concurrent refresh is not possible, one fails and the other blocks readers"},
		{[]registry.RefreshOption{registry.Analyze(), noData},
			"invalid argument: options Analyze and WithNoData contradict each other: an emptied view has no rows to analyze"},
		{[]registry.RefreshOption{registry.SkipIfBusy(), registry.SkipIfBusy()}, "invalid argument: option SkipIfBusy is given twice"},
		{[]registry.RefreshOption{registry.LockTimeout(0)}, "option LockTimeout: invalid argument: it is 0s; it must be more than zero and at most 596h31m23.647s"},
		{[]registry.RefreshOption{registry.LockTimeout(-1)}, "option LockTimeout: invalid argument: it is -1ns; it must be more than zero and at most 596h31m23.647s"},
		{[]registry.RefreshOption{registry.LockTimeout(25 * 24 * time.Hour)}, "option LockTimeout: invalid argument: it is 600h0m0s; it must be more than zero and at most 596h31m23.647s"},
	} {
		r, s, _ := stubbed(stub.Shop(), registry.Selection{})
		got, err := matview(t, r, "daily").Refresh(t.Context(), c.opts...)
		stub.Failed(t, err, dialect.OpRefresh, stub.Of("app.daily"))
		if want := c.want; !errors.Is(err, dialect.ErrInvalid) || err.Error() != "massive: refresh app.daily: "+want {
			t.Errorf("error\n\t%v\nwant one that wraps ErrInvalid and says\n\t%s", err, want)
		}
		if got != (registry.RefreshResult{}) {
			t.Errorf("%s: result %v with the error; want a zero result", c.want, got)
		}
		stub.CheckCalls(t, s)
	}
}

func TestRefreshWords(t *testing.T) {
	t.Parallel()
	for mode, want := range map[registry.RefreshMode]string{
		0: "no mode", registry.ModeBlocking: "blocking", registry.ModeConcurrent: "concurrent", 9: "no mode",
	} {
		if got := mode.String(); got != want {
			t.Errorf("RefreshMode(%d).String() = %q; want %q", int(mode), got, want)
		}
	}
	for outcome, want := range map[registry.RefreshOutcome]string{
		0: "no outcome", registry.OutcomeRefreshed: "refreshed", registry.OutcomeEmptied: "emptied", registry.OutcomeSkippedBusy: "skipped: busy", 9: "no outcome",
	} {
		if got := outcome.String(); got != want {
			t.Errorf("RefreshOutcome(%d).String() = %q; want %q", int(outcome), got, want)
		}
	}
	for want, r := range map[string]registry.RefreshResult{
		"not refreshed": {},
		"refreshed in 20ms (blocking, the default)": {
			Outcome: registry.OutcomeRefreshed, Mode: registry.ModeBlocking, Why: "the default", Duration: 20 * time.Millisecond,
		},
		"skipped: busy, after 1ms": {Outcome: registry.OutcomeSkippedBusy, Duration: time.Millisecond},
	} {
		if got := r.String(); got != want {
			t.Errorf("a result is %q; want %q", got, want)
		}
	}
}

func TestRefreshOfABusyViewIsSkipped(t *testing.T) {
	t.Parallel()
	r, s, _ := stubbed(stub.Shop(), registry.Selection{})
	s.Refreshed = &dialect.Refreshed{Busy: true}
	got, err := matview(t, r, "daily").Refresh(t.Context(), registry.SkipIfBusy())
	stub.Failed(t, err, dialect.OpRefresh, stub.Of("app.daily"))
	if !errors.Is(err, dialect.ErrBusy) || got.Outcome != registry.OutcomeSkippedBusy || got.Mode != 0 {
		t.Errorf("result %+v, error %v; want OutcomeSkippedBusy without a mode, and ErrBusy", got, err)
	}
	got.Duration = time.Millisecond
	if want := "skipped: busy, after 1ms"; got.String() != want {
		t.Errorf("in a line: %s; want %s", got, want)
	}
}

func TestCheckRefresh(t *testing.T) {
	t.Parallel()
	r, s, _ := stubbed(stub.Shop(), registry.Selection{})
	var asked []bool
	s.Blockers = func(on dialect.Server, concurrently bool) []dialect.Blocker {
		if on != stub.Shop().Server {
			t.Errorf("the dialect got the server %v", on)
		}
		asked = append(asked, concurrently)
		if !concurrently {
			return nil
		}
		return []dialect.Blocker{
			{Reason: dialect.BlockerNotPopulated, Detail: "it is empty", Fix: "FILL IT"}, {Reason: dialect.BlockerOnStandby},
			{Reason: dialect.BlockerNotAllowed}, {Reason: dialect.BlockerNoUsableIndex},
		}
	}
	v := matview(t, r, "daily")
	if err := v.CheckRefresh(registry.ModeBlocking); err != nil {
		t.Error(err)
	}
	err := v.CheckRefresh(registry.ModeConcurrent)
	stub.Failed(t, err, dialect.OpRefreshConcurrently, stub.Of("app.daily"))
	for _, sentinel := range []error{dialect.ErrNotPopulated, dialect.ErrReadOnly, dialect.ErrPermission, dialect.ErrNoUniqueIndex} {
		if !errors.Is(err, sentinel) {
			t.Errorf("%v is not %q", err, sentinel)
		}
	}
	const want = "massive: refresh concurrently app.daily: not populated: it is empty; FILL IT; and on a standby; " +
		"and not allowed; and no usable unique index"
	if err.Error() != want {
		t.Errorf("error\n\t%v\nwant\n\t%s", err, want)
	}
	if !reflect.DeepEqual(asked, []bool{false, true}) {
		t.Errorf("the dialect got concurrently = %v", asked)
	}
	if err := v.CheckRefresh(0); !errors.Is(err, dialect.ErrInvalid) {
		t.Errorf("no mode: %v", err)
	}
	bare := registry.New(stub.Shop(), registry.Selection{}, stub.Bare{Loads: s}, &stub.Querier{})
	if err := matview(t, bare, "daily").CheckRefresh(registry.ModeBlocking); !errors.Is(err, dialect.ErrUnsupported) {
		t.Errorf("a dialect that can't refresh: %v", err)
	}
}
