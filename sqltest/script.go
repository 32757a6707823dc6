package sqltest

// What a test says to the fake, and asks of it.

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest/internal/tabulate"
)

// A Call is an operation that reached the fake.
type Call struct {
	Op     dialect.Op
	Name   dialect.Name // zero for a load, and for a look for changes
	Detail string       // a Select's tail, "at 5" for a restart, "with no data" or "unless busy" for a refresh
	Err    error        // how it ended; nil also while it runs
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

// arrivals are the operations that reach a database, each under the name that it does so by: what a program asks for may
// be done by another.
var arrivals = map[dialect.Op]dialect.Op{
	dialect.OpLoad: dialect.OpLoad, dialect.OpReload: dialect.OpLoad, dialect.OpVerify: dialect.OpLoad,
	dialect.OpWatch: dialect.OpWatch, dialect.OpExhaustion: dialect.OpExhaustion,

	dialect.OpRefresh: dialect.OpRefresh, dialect.OpRefreshConcurrently: dialect.OpRefresh, dialect.OpRefreshIfPossible: dialect.OpRefresh,
	dialect.OpDefinition: dialect.OpDefinition, dialect.OpSelect: dialect.OpSelect, dialect.OpCount: dialect.OpCount,

	dialect.OpLastValue: dialect.OpLastValue, dialect.OpNextValue: dialect.OpNextValue, dialect.OpNextValues: dialect.OpNextValues,
	dialect.OpNextBlock: dialect.OpNextBlock, dialect.OpSetValue: dialect.OpSetValue,
	dialect.OpReset: dialect.OpRestart, dialect.OpResetTo: dialect.OpRestart, dialect.OpRestart: dialect.OpRestart,
	dialect.OpBehind: dialect.OpBehind, dialect.OpCatchUp: dialect.OpCatchUp,

	dialect.OpAddLabel: dialect.OpAddLabel, dialect.OpRenameLabel: dialect.OpRenameLabel, dialect.OpUsedBy: dialect.OpUsedBy,
}

// Next plans what the next operations of that kind on that structure do, one behaviour each, in turn; behind them
// it is as usual again. What reaches the database as the same operation is of one kind: a refresh in any mode, also as
// one of many; resets and restarts; a load, a reload and a verification. The name is empty for a load, a look for
// exhaustion and one for changes ([dialect.OpWatch]), and only for those.
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
	switch nameless := kind == dialect.OpLoad || kind == dialect.OpExhaustion || kind == dialect.OpWatch; {
	case nameless && name != "":
		t.Fatalf("sqltest: a plan for %q of %q: that is of no one structure, and planned with an empty name", op, name)
	case !nameless:
		var err error
		if n, err = parseName(name); err != nil {
			t.Fatalf("sqltest: a plan for %q: %v", op, err)
		}
	}
	mine := make([]*plan, len(behaviours))
	for i, b := range behaviours {
		mine[i] = &plan{kind, n, b}
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
				Call{Op: kind, Name: n}, left, len(mine), said(f.calls))
		}
	})
}

// planned takes the plan for a call, if there is one.
func (f *Fake) planned(c *Call) *plan {
	op := arrivals[c.Op]
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

// A Change is something that another session does in the database: [AddLabel], [SetRows], [Insert], [Drop], [Rename]
// or [Create].
type Change interface{ apply(f *Fake) error }

// Do makes changes in the fake's database, each committed at once, as another session's would be. A change that
// can't be made fails the test.
func (f *Fake) Do(t testing.TB, changes ...Change) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range changes {
		if err := c.apply(f); err != nil {
			t.Fatalf("%T: %v", c, err)
		}
	}
}

// AddLabel adds a label at the end of an enum or, if Before is set, before that one.
type AddLabel struct{ Enum, Label, Before string }

func (c AddLabel) apply(f *Fake) error {
	n, err := parseName(c.Enum)
	if err != nil {
		return err
	}
	e := f.enums[n]
	if e == nil {
		return invalid("there is no enum %s", n)
	}
	if err := e.bad(c.Label); err != nil {
		return err
	}
	at := len(e.labels)
	if c.Before != "" {
		at = slices.Index(e.labels, c.Before)
	}
	if at < 0 {
		return invalid("enum %s has no label %q to add one before", n, c.Before)
	}
	if slices.Contains(e.labels, c.Label) {
		return invalid("enum %s has the label %q already", n, c.Label)
	}
	e.labels = slices.Insert(slices.Clone(e.labels), at, c.Label)
	return nil
}

// SetRows makes a view's query return these rows from its next refresh on.
type SetRows struct {
	Matview string
	Rows    any // as in [Matview]; nil for none
}

func (c SetRows) apply(f *Fake) error {
	n, err := parseName(c.Matview)
	if err != nil {
		return err
	}
	v := f.views[n]
	if v == nil {
		return invalid("there is no view %s", n)
	}
	columns, rows, err := tabulate.Slice(c.Rows)
	if err != nil {
		return invalid("view %s: %v", n, err)
	}
	if c.Rows != nil && !tabulate.SameNames(columns, v.columns) {
		return invalid("view %s has columns %v, and the rows %v", n, v.columns, columns)
	}
	v.query = rows
	return nil
}

// Create makes structures beside those that are there.
type Create Catalog

func (c Create) apply(f *Fake) error { return f.fill(Catalog(c)) }

// Drop drops whatever has the name, relation and type, and the views that read it.
type Drop struct{ Name string }

func (c Drop) apply(f *Fake) error {
	n, err := parseName(c.Name)
	if err != nil {
		return err
	}
	if f.what(n, true) == "" && f.what(n, false) == "" {
		return invalid("there is no %s", n)
	}
	f.dropReaders(n)
	if v := f.views[n]; v != nil {
		delete(f.indexes, v.index)
	}
	if f.tables[n] {
		f.dropColumns(n)
	}
	delete(f.views, n)
	delete(f.plain, n)
	delete(f.enums, n)
	delete(f.seqs, n)
	delete(f.tables, n)
	return nil
}

// dropColumns drops what goes with a table's columns.
func (f *Fake) dropColumns(table dialect.Name) {
	maps.DeleteFunc(f.columns, func(c dialect.ColumnRef, _ *column) bool { return c.Table == table })
	of := func(c *dialect.ColumnRef) bool { return c != nil && c.Table == table }
	for _, e := range f.enums {
		e.used = slices.DeleteFunc(e.used, func(c dialect.EnumColumn) bool { return c.Relation == table })
	}
	for n, q := range f.seqs {
		q.feeds = slices.DeleteFunc(q.feeds, func(c dialect.ColumnRef) bool { return of(&c) })
		if of(q.def.KeyOf) {
			q.def.KeyOf = nil
		}
		if of(q.def.OwnedBy) {
			delete(f.seqs, n)
		}
	}
}

// Rename gives a view, an enum or a sequence another name in its schema.
type Rename struct{ Name, To string }

func (c Rename) apply(f *Fake) error {
	n, err := parseName(c.Name)
	if err != nil {
		return err
	}
	to := dialect.Name{Schema: n.Schema, Name: c.To}
	v, p, e, s := f.views[n], f.plain[n], f.enums[n], f.seqs[n]
	if v == nil && p == nil && e == nil && s == nil {
		return invalid("there is no %s to rename", n)
	}
	takes := enumerated
	switch {
	case v != nil, p != nil:
		takes = table
	case s != nil:
		takes = sequenceLike
	}
	if err := f.free(to, takes); err != nil {
		return err
	}
	switch {
	case v != nil:
		delete(f.views, n)
		v.name, f.views[to] = to, v
	case p != nil:
		delete(f.plain, n)
		p.name, f.plain[to] = to, p
	case s != nil:
		delete(f.seqs, n)
		s.name, f.seqs[to] = to, s
	default:
		delete(f.enums, n)
		e.name, f.enums[to] = to, e
	}
	return nil
}
