package sqltest

// What a test says to the fake, and asks of it.

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
	Op   dialect.Op
	Name dialect.Name // zero for a load, for looks for changes and for exhaustion, and for what is done with a savepoint
	// Detail is empty or, for
	//   - a Select and a Count: the tail;
	//   - a refresh: those of "with no data", "unless busy" and "waiting 1s" that were asked for, with commas between;
	//   - next values: how many, as "3";
	//   - a restart: "at 5", where it is not at the start;
	//   - a value that is set: "to 5", or "to 5, not called";
	//   - exhaustion: "in columns", and "in 3 sequences";
	//   - a label that is added: "lost", in quotes, with before "paid" or after "paid" behind it;
	//   - one that is renamed: "lost" to "found", with those quotes;
	//   - a savepoint that is set, rolled back to or released: its name.
	Detail string
	Err    error // how it ended; nil also while it runs
}

// String is the call in a line, without its outcome: "refresh concurrently public.daily_sales".
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

// Calls are the operations that reached the fake, in the order in which they began. The slice is the caller's.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := make([]Call, len(f.calls))
	for i, c := range f.calls {
		calls[i] = *c
	}
	return calls
}

// WantCalls fails the test unless the operations that reached the fake since the last WantCalls, loads and looks for
// changes aside, are these, as [Call.String] writes them and in this order. [Fake.Calls] goes on telling all of them.
func (f *Fake) WantCalls(t testing.TB, want ...string) {
	t.Helper()
	f.mu.Lock()
	got := said(f.calls[f.checked:])
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
	t.Errorf("sqltest: operation %d that reached the database is %s, and not the expected %s; all of them are\n\t%q\nand the expected ones\n\t%q",
		at+1, one(got), one(want), got, want)
}

// said are the calls, loads and looks for changes aside, as a test writes them.
func said(calls []*Call) []string {
	all := []string{}
	for _, c := range calls {
		if c.Op != dialect.OpLoad && c.Op != dialect.OpWatch {
			all = append(all, c.String())
		}
	}
	return all
}

// A Behaviour is what an operation does instead of, or before, its work.
type Behaviour struct {
	err   error
	delay time.Duration
	hang  bool
}

// Fail ends the operation with the error: one of the sentinels, an [Error] with a code of Postgres's, or any other,
// but [driver.ErrBadConn], which database/sql takes as a reason to try again on another connection.
func Fail(err error) Behaviour { return Behaviour{err: err} }

// Hang keeps the operation until its context ends, or the catalog's StatementTimeout has passed. A refresh, a Select and
// a Count hold their locks meanwhile, as one whose query takes long does; others have not begun yet.
func Hang() Behaviour { return Behaviour{hang: true} }

// Slow keeps the operation for that long, with its locks as [Hang] does, before it does its work.
func Slow(d time.Duration) Behaviour { return Behaviour{delay: d} }

type plan struct {
	op   dialect.Op
	name dialect.Name
	Behaviour
}

// An arrival is how an operation reaches a database: what a program asks for may be done by another.
type arrival struct {
	as       dialect.Op
	nameless bool // it is of no one structure
}

// arrivals are those that do.
var arrivals = map[dialect.Op]arrival{
	dialect.OpLoad: {dialect.OpLoad, true}, dialect.OpReload: {dialect.OpLoad, true}, dialect.OpVerify: {dialect.OpLoad, true},
	dialect.OpWatch: {dialect.OpWatch, true}, dialect.OpExhaustion: {dialect.OpExhaustion, true},

	dialect.OpRefresh: {as: dialect.OpRefresh}, dialect.OpRefreshConcurrently: {as: dialect.OpRefresh},
	dialect.OpRefreshIfPossible: {as: dialect.OpRefresh},
	dialect.OpDefinition:        {as: dialect.OpDefinition}, dialect.OpSelect: {as: dialect.OpSelect}, dialect.OpCount: {as: dialect.OpCount},

	dialect.OpLastValue: {as: dialect.OpLastValue}, dialect.OpNextValue: {as: dialect.OpNextValue},
	dialect.OpNextValues: {as: dialect.OpNextValues}, dialect.OpNextBlock: {as: dialect.OpNextBlock}, dialect.OpSetValue: {as: dialect.OpSetValue},
	dialect.OpReset: {as: dialect.OpRestart}, dialect.OpResetTo: {as: dialect.OpRestart}, dialect.OpRestart: {as: dialect.OpRestart},
	dialect.OpLag: {as: dialect.OpLag}, dialect.OpCatchUp: {as: dialect.OpCatchUp},

	dialect.OpAddLabel: {as: dialect.OpAddLabel}, dialect.OpRenameLabel: {as: dialect.OpRenameLabel}, dialect.OpUsedBy: {as: dialect.OpUsedBy},
}

// Next plans what the next operations of that kind on that structure do, one behaviour each, in turn; behind them
// it is as usual again. What reaches the database as the same operation is of one kind: a refresh in any mode, also as
// one of many; resets and restarts; a load, a reload and a verification. The name is empty for a load, a look for
// exhaustion and the question whether anything was committed, which a reload and a watch ask first
// ([dialect.OpWatch]), and only for those.
//
// An operation that reaches no database, and a name that can't be one, fail the test at once; a plan that nothing came
// to carry out fails it when it ends.
func (f *Fake) Next(t testing.TB, op dialect.Op, name string, behaviours ...Behaviour) {
	t.Helper()
	kind, ok := arrivals[op]
	switch {
	case op == dialect.OpRefreshAll:
		t.Fatalf("sqltest: %q reaches the database view by view: plan %q for one of them", op, dialect.OpRefresh)
	case op == dialect.OpAllocate:
		t.Fatalf("sqltest: an allocator reaches the database as %q, or %q with HiLo: plan that", dialect.OpNextValues, dialect.OpNextBlock)
	case !ok:
		t.Fatalf("sqltest: a plan for %q: that is no operation that reaches a database", op)
	}
	var n dialect.Name
	switch {
	case kind.nameless && name != "":
		t.Fatalf("sqltest: a plan for %q of %q: that is of no one structure, and planned with an empty name", op, name)
	case !kind.nameless:
		var err error
		if n, err = parseName(name); err != nil {
			t.Fatalf("sqltest: a plan for %q: %v", op, err)
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
			t.Errorf("sqltest: a planned %s was expected, and never came (%d of %d): what came is %q",
				Call{Op: kind.as, Name: n}, left, len(mine), said(f.calls))
		}
	})
}

// planned takes the plan for a call, if there is one.
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

// pause keeps the session for as long as was planned, once. f.mu is held, and let go while it waits.
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
