package sqltest

// What another session does in the database, as a test says.

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest/internal/tabulate"
)

// A Change is something that another session does in the database: [AddLabel], [SetRows], [Insert],
// [InsertLabel], [Drop], [Rename] or [Create].
type Change interface{ apply(f *Fake) error }

// patience is how long a change waits for locks that are held for a moment, as by an operation that runs.
const patience = time.Second

// Do makes changes in the fake's database, each committed at once, as another session's would be. A change that
// can't be made fails the test.
//
// It takes the locks that Postgres takes for it: on what is dropped or renamed, and on an enum that gets a label. Where
// an open transaction holds one, Postgres waits for that to end; Do, which is called by the very test that is to end it,
// waits for a second and fails the test.
func (f *Fake) Do(t testing.TB, changes ...Change) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range changes {
		if err := f.change(c); err != nil {
			t.Fatalf("%T: %v", c, err)
		}
	}
}

// change makes one. f.mu is held, and let go while it waits.
func (f *Fake) change(c Change) error {
	defer f.others.release()
	if l, ok := c.(interface{ needs(f *Fake) []need }); ok {
		for _, n := range l.needs(f) {
			if err := f.await(n); err != nil {
				return err
			}
		}
	}
	f.commits++
	return c.apply(f)
}

// A need is a lock that a change takes, and whose it is.
type need struct {
	lock *lock
	mode mode
	name dialect.Name
}

func (f *Fake) await(n need) error {
	err := n.lock.acquire(context.Background(), f.others, n.mode)
	if errors.Is(err, errLockTimeout) {
		return invalid("%s is locked by a transaction that is open, or by an operation that takes long: on Postgres this "+
			"would wait for its end; end it before", n.name)
	}
	return err
}

// whole are the locks of all that has the name, and of what goes with it where it is dropped.
func (f *Fake) whole(text string, drop bool) (all []need) {
	n, err := parseName(text)
	if err != nil {
		return nil // which apply tells
	}
	if v := f.views[n]; v != nil {
		all = append(all, need{&v.lock, accessExclusive, n})
	}
	if q := f.seqs[n]; q != nil {
		all = append(all, need{&q.lock, accessExclusive, n})
	}
	if !drop { // a type's own name changes without its lock
		return all
	}
	if e := f.enums[n]; e != nil {
		all = append(all, need{&e.lock, exclusive, n})
	}
	for name, v := range f.views {
		if leadsTo(source{f.views[n], f.plain[n]}, v.reads, map[source]bool{}) {
			all = append(all, need{&v.lock, accessExclusive, name})
		}
	}
	for name, q := range f.seqs {
		if c := q.def.OwnedBy; c != nil && c.Table == n {
			all = append(all, need{&q.lock, accessExclusive, name})
		}
	}
	return all
}

// AddLabel adds a label at the end of an enum or, if Before is set, before that one.
type AddLabel struct{ Enum, Label, Before string }

func (c AddLabel) needs(f *Fake) []need {
	n, err := parseName(c.Enum)
	if err != nil || f.enums[n] == nil {
		return nil
	}
	return []need{{&f.enums[n].lock, exclusive, n}}
}

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
	if err := f.fit(v.columns, rows); err != nil {
		return invalid("view %s: %v", n, err)
	}
	v.query = rows
	return nil
}

// Create makes structures beside those that are there.
//
// A search path, a standby and limits are the server's, and not made: with one of those, or with anything that can't be,
// it makes nothing.
type Create Catalog

func (c Create) apply(f *Fake) error {
	if c.SearchPath != nil || c.Standby || c.LockTimeout != 0 || c.StatementTimeout != 0 {
		return invalid("a Create makes structures; a search path, a standby and limits are for New")
	}
	before := f.clone()
	err := f.fill(Catalog(c))
	if err != nil {
		f.holdings = before
	}
	return err
}

// Drop drops whatever has the name, relation and type, and the views that read it.
type Drop struct{ Name string }

func (c Drop) needs(f *Fake) []need { return f.whole(c.Name, true) }

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

// Rename gives a view, an enum, a sequence or a table another name in its schema.
type Rename struct{ Name, To string }

func (c Rename) needs(f *Fake) []need { return f.whole(c.Name, false) }

func (c Rename) apply(f *Fake) error {
	n, err := parseName(c.Name)
	if err != nil {
		return err
	}
	to := dialect.Name{Schema: n.Schema, Name: c.To}
	v, p, e, s := f.views[n], f.plain[n], f.enums[n], f.seqs[n]
	if v == nil && p == nil && e == nil && s == nil && !f.tables[n] {
		return invalid("there is no %s to rename", n)
	}
	takes := enumerated
	switch {
	case v != nil, p != nil, f.tables[n]:
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
	case f.tables[n]:
		f.renameTable(n, to)
	default:
		delete(f.enums, n)
		e.name, f.enums[to] = to, e
	}
	return nil
}

// renameTable gives a table and its columns its other name.
func (f *Fake) renameTable(from, to dialect.Name) {
	delete(f.tables, from)
	f.tables[to] = true
	for c, held := range maps.Clone(f.columns) {
		if c.Table == from {
			delete(f.columns, c)
			f.columns[dialect.ColumnRef{Table: to, Column: c.Column}] = held
		}
	}
	for _, e := range f.enums {
		for i := range e.used {
			if e.used[i].Relation == from {
				e.used[i].Relation = to
			}
		}
		e.sortUsed()
	}
	renamed := func(c *dialect.ColumnRef) *dialect.ColumnRef {
		if c == nil || c.Table != from {
			return c
		}
		return &dialect.ColumnRef{Table: to, Column: c.Column}
	}
	for _, q := range f.seqs {
		q.def.KeyOf, q.def.OwnedBy = renamed(q.def.KeyOf), renamed(q.def.OwnedBy)
		for i := range q.feeds {
			q.feeds[i] = *renamed(&q.feeds[i])
		}
	}
}
