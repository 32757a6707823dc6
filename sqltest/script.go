package sqltest

// What a test says to the fake, and asks of it.

import (
	"context"
	"maps"
	"slices"
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

// WantCalls fails the test unless the operations that reached the fake since the last WantCalls, loads and looks for changes aside, are
// these, as [Call.String] writes them and in this order.
func (f *Fake) WantCalls(t testing.TB, want ...string) {
	t.Helper()
	f.mu.Lock()
	got := []string{}
	for _, c := range f.calls {
		if c.Op != dialect.OpLoad && c.Op != dialect.OpWatch {
			got = append(got, c.String())
		}
	}
	f.calls = nil
	f.mu.Unlock()
	if !slices.Equal(got, want) {
		t.Errorf("sqltest: the operations that reached the database are\n\t%q\nand not the expected\n\t%q", got, want)
	}
}

// A Behaviour is what an operation does instead of, or before, its work.
type Behaviour struct {
	err   error
	delay time.Duration
	hang  bool
}

// Fail ends the operation with the error: one of the sentinels, an [Error] with a code of Postgres's, or any other.
func Fail(err error) Behaviour { return Behaviour{err: err} }

// Hang keeps the operation until its context ends, or the catalog's StatementTimeout has passed.
func Hang() Behaviour { return Behaviour{hang: true} }

// Slow keeps the operation for that long before it does its work.
func Slow(d time.Duration) Behaviour { return Behaviour{delay: d} }

type plan struct {
	op   dialect.Op
	name dialect.Name
	Behaviour
}

// Next plans what the next operations of that kind on that structure do, one behaviour each, in turn; behind them
// it is as usual again. A refresh is [dialect.OpRefresh] in any mode, a reset or restart [dialect.OpRestart];
// for a load, a look for exhaustion or for changes ([dialect.OpWatch]), the name is empty. A name that can't be one fails
// the test; a plan that nothing came to carry out fails it when it ends.
func (f *Fake) Next(t testing.TB, op dialect.Op, name string, behaviours ...Behaviour) {
	t.Helper()
	var n dialect.Name
	if op != dialect.OpLoad && op != dialect.OpExhaustion && op != dialect.OpWatch {
		var err error
		if n, err = parseName(name); err != nil {
			t.Fatal(err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range behaviours {
		f.plans = append(f.plans, plan{op, n, b})
	}
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, p := range f.plans {
			if p.op == op && p.name == n {
				t.Errorf("sqltest: a planned %s was expected, and never came", Call{Op: op, Name: n})
			}
		}
	})
}

// planned takes the plan for a call, if there is one.
func (f *Fake) planned(c *Call) *plan {
	op := c.Op
	if op == dialect.OpRefreshConcurrently || op == dialect.OpRefreshIfPossible {
		op = dialect.OpRefresh
	}
	i := slices.IndexFunc(f.plans, func(p plan) bool { return p.op == op && p.name == c.Name })
	if i < 0 {
		return nil
	}
	p := f.plans[i]
	f.plans = slices.Delete(f.plans, i, i+1)
	return &p
}

// follow does what was planned. f.mu is held, and let go while it waits.
func (s *session) follow(ctx context.Context, p *plan) error {
	if p.err != nil {
		return p.err
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
	at := len(e.labels)
	if c.Before != "" {
		at = slices.Index(e.labels, c.Before)
	}
	if at < 0 || slices.Contains(e.labels, c.Label) {
		return invalid("enum %s has %q already, or no %q", n, c.Label, c.Before)
	}
	e.labels = slices.Insert(slices.Clone(e.labels), at, c.Label)
	return nil
}

// SetRows makes a view's query return these rows from its next refresh on.
type SetRows struct {
	Matview string
	Rows    any // as in [Matview]
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
	if !slices.EqualFunc(columns, v.columns, func(a, b dialect.Column) bool { return a.Name == b.Name }) {
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
