package sqltest

// Planned behaviour of operations, and the record of calls.

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// A Call is an operation that reached the fake.
type Call struct {
	// Op is the operation.
	Op dialect.Op
	// Name is the structure. It is zero for operations without one: loads, checks for
	// changes, exhaustion, savepoints, ledgers, the freshness of several views, and
	// comparisons of several sequences.
	Name dialect.Name
	// Detail has the arguments of some operations. Otherwise it is empty.
	//
	//   - Select, Count: the tail
	//   - Refresh: "with no data", "analyzing", "unless busy" and "waiting 1s", if these
	//     options were given, separated by commas
	//   - RefreshIfOlderThan: as for Refresh, after "concurrently" or "concurrently if
	//     possible"
	//   - Freshness: "3 views"; for a single view its name is in Name, for all views Detail
	//     is empty
	//   - NextValues: the number, as "3"
	//   - ResetTo: "at 5"
	//   - SetValue: "to 5" or "to 5, not called"
	//   - Exhaustion: "in columns" and "in 3 sequences"
	//   - DB.Lag and DB.CatchUp: "in 3 sequences"; for a single sequence its name is in Name
	//   - AddValue: the quoted label, followed by before "paid" or after "paid" if given
	//   - RenameValue: "lost" to "found", with these quotes
	//   - savepoints: the savepoint's name
	Detail string
	// Err is the error of the operation. It is nil if the operation succeeded or still
	// runs.
	Err error
}

// String returns the call in one line, without its error: "refresh concurrently
// public.daily_sales".
func (c Call) String() string {
	text := string(c.Op)
	if c.Name != (dialect.Name{}) {
		text += " " + c.Name.String()
	}
	if c.Detail != "" {
		text += " " + c.Detail
	}
	return text
}

// Calls returns the operations that reached the fake, in the order in which they began.
// The caller owns the slice.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := make([]Call, len(f.calls))
	for i, c := range f.calls {
		calls[i] = *c
	}
	return calls
}

// WantCalls checks the operations that reached the fake since the previous WantCalls.
// They must be these, as [Call.String] returns them, in this order. Otherwise the test
// fails. WantCalls ignores loads, checks for changes, and the creation and checks of
// a ledger. It does not affect [Fake.Calls].
func (f *Fake) WantCalls(t testing.TB, want ...string) {
	t.Helper()
	f.mu.Lock()
	got := texts(f.calls[f.checked:])
	f.checked = len(f.calls)
	f.mu.Unlock()
	if slices.Equal(got, want) {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	one := func(calls []string) string {
		if at < len(calls) {
			return strconv.Quote(calls[at])
		}
		return "nothing"
	}
	t.Errorf("sqltest: operation %d: got %s, want %s\n\tgot all:  %q\n\twant all: %q", at+1, one(got), one(want), got, want)
}

// texts returns the calls as texts, without those that WantCalls ignores.
func texts(calls []*Call) []string {
	all := []string{}
	for _, c := range calls {
		if c.Op != dialect.OpLoad && c.Op != dialect.OpWatch && c.Op != dialect.OpLedger {
			all = append(all, c.String())
		}
	}
	return all
}

// A Behaviour is a planned behaviour of an operation: [Fail], [Hang] or [Slow].
type Behaviour struct {
	err   error
	delay time.Duration
	hang  bool
}

// Fail makes the operation return the error. It can be a sentinel such as
// [dialect.ErrBusy], an [*Error] with a SQLSTATE, or any other error except
// [driver.ErrBadConn], after which database/sql retries.
func Fail(err error) Behaviour { return Behaviour{err: err} }

// Hang makes the operation wait until its context ends, or until the catalog's
// StatementTimeout has passed. A refresh, a Select and a Count hold their locks
// meanwhile, as if their query took long. Other operations wait before they begin.
func Hang() Behaviour { return Behaviour{hang: true} }

// Slow delays the operation by that time, with locks as for [Hang]. Then the operation
// continues.
func Slow(d time.Duration) Behaviour { return Behaviour{delay: d} }

type plan struct {
	op   dialect.Op
	name dialect.Name
	Behaviour
}

// An arrival says as which operation an operation reaches the database.
type arrival struct {
	as       dialect.Op
	nameless bool // it has no structure
}

// arrivals has the operations that reach the database.
var arrivals = map[dialect.Op]arrival{
	dialect.OpLoad: {dialect.OpLoad, true}, dialect.OpReload: {dialect.OpLoad, true}, dialect.OpVerify: {dialect.OpLoad, true},
	dialect.OpWatch: {dialect.OpWatch, true}, dialect.OpExhaustion: {dialect.OpExhaustion, true},

	dialect.OpRefresh: {as: dialect.OpRefresh}, dialect.OpRefreshConcurrently: {as: dialect.OpRefresh},
	dialect.OpRefreshIfPossible: {as: dialect.OpRefresh}, dialect.OpRefreshIfOlder: {as: dialect.OpRefresh},
	dialect.OpFreshness: {as: dialect.OpFreshness}, dialect.OpLedger: {dialect.OpLedger, true},
	dialect.OpDefinition: {as: dialect.OpDefinition}, dialect.OpSize: {as: dialect.OpSize},
	dialect.OpSelect: {as: dialect.OpSelect}, dialect.OpCount: {as: dialect.OpCount},

	dialect.OpLastValue: {as: dialect.OpLastValue}, dialect.OpNextValue: {as: dialect.OpNextValue},
	dialect.OpNextValues: {as: dialect.OpNextValues}, dialect.OpNextBlock: {as: dialect.OpNextBlock}, dialect.OpSetValue: {as: dialect.OpSetValue},
	dialect.OpReset: {as: dialect.OpRestart}, dialect.OpResetTo: {as: dialect.OpRestart}, dialect.OpRestart: {as: dialect.OpRestart},
	dialect.OpLag: {as: dialect.OpLag}, dialect.OpCatchUp: {as: dialect.OpCatchUp},

	dialect.OpAddLabel: {as: dialect.OpAddLabel}, dialect.OpRenameLabel: {as: dialect.OpRenameLabel}, dialect.OpUsedBy: {as: dialect.OpUsedBy},
}

// Next plans the behaviour of the next operations of that kind on that structure. Each
// operation takes one of the behaviours, in order. After that the operations behave
// normally again.
//
// Operations that reach the database in the same way are of the same kind:
//
//   - all modes of a refresh, also as part of RefreshAll
//   - Reset, ResetTo and Restart
//   - Load, Reload and Verify
//   - Freshness, and the read of a view's age with which RefreshIfOlderThan begins
//   - CreateLedger, and the check of a ledger as part of Load
//
// The name must be empty for a load, for a ledger, for Exhaustion, and for
// [dialect.OpWatch]: the check whether anything was committed, which Reload and Watch make
// first. It may be empty for [dialect.OpFreshness]: the freshness of several views.
//
// An operation that never reaches the database, or an invalid name, fails the test
// immediately. If an operation that was planned does not come, the test fails at its end.
func (f *Fake) Next(t testing.TB, op dialect.Op, name string, behaviours ...Behaviour) {
	t.Helper()
	kind, ok := arrivals[op]
	switch {
	case op == dialect.OpRefreshAll:
		t.Fatalf("sqltest: Next(%q): it reaches the database once per view; plan %q for a view instead", op, dialect.OpRefresh)
	case op == dialect.OpAllocate:
		t.Fatalf("sqltest: Next(%q): an allocator reaches the database as %q, or with HiLo as %q; plan one of these instead",
			op, dialect.OpNextValues, dialect.OpNextBlock)
	case !ok:
		t.Fatalf("sqltest: Next(%q): this operation does not reach the database", op)
	}
	var n dialect.Name
	switch {
	case kind.nameless && name != "":
		t.Fatalf("sqltest: Next(%q, %q): the operation has no structure; pass an empty name", op, name)
	case kind.as == dialect.OpFreshness && name == "":
	case !kind.nameless:
		var err error
		if n, err = parseName(name); err != nil {
			t.Fatalf("sqltest: Next(%q): %v", op, err)
		}
	}
	mine := make([]*plan, len(behaviours))
	for i, b := range behaviours {
		mine[i] = &plan{kind.as, n, b}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans = append(f.plans, mine...)
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		left := 0
		for _, p := range mine {
			if slices.Contains(f.plans, p) {
				left++
			}
		}
		if left > 0 {
			t.Errorf("sqltest: %d of %d planned operations %q did not come; got %q",
				left, len(mine), Call{Op: kind.as, Name: n}, texts(f.calls))
		}
	})
}

// planned removes and returns the plan for a call, or returns nil.
func (f *Fake) planned(c *Call) *plan {
	op := arrivals[c.Op].as
	i := slices.IndexFunc(f.plans, func(p *plan) bool { return p.op == op && p.name == c.Name })
	if i < 0 {
		return nil
	}
	p := f.plans[i]
	f.plans = slices.Delete(f.plans, i, i+1)
	return p
}

// pause waits as planned, once. The caller holds f.mu, which is released during the wait.
func (s *session) pause(ctx context.Context) error {
	p := s.plan
	s.plan = nil
	if p == nil {
		return nil
	}
	wait := make(<-chan time.Time)
	if !p.hang {
		timer := time.NewTimer(p.delay)
		defer timer.Stop()
		wait = timer.C
	}
	s.fake.mu.Unlock()
	defer s.fake.mu.Lock()
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}
