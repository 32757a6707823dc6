package sqltest

// Changes that a test makes in the database, as another session would.

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

// A Change is a change that another session makes in the database. The changes are
// [AddLabel], [SetRows], [Insert], [InsertLabel], [Drop], [Rename] and [Create].
type Change interface{ apply(f *Fake) error }

// patience is how long a change waits for a lock, for example of an operation that is
// running.
const patience = time.Second

// Do makes changes in the fake's database as another session would, and commits each
// immediately. If a change fails, Do fails the test.
//
// A change takes the locks that Postgres takes for it: on a structure that is dropped or
// renamed, and on an enum that gets a label. If an open transaction holds such a lock,
// Postgres waits until the transaction ends. Do waits for a second and then fails the
// test, since the test itself would have to end the transaction.
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

// change makes one change. The caller holds f.mu, which is released while change waits.
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

// A need is a lock that a change takes, with the name of its structure.
type need struct {
	lock *lock
	mode mode
	name dialect.Name
}

func (f *Fake) await(n need) error {
	err := n.lock.acquire(context.Background(), f.others, n.mode)
	if errors.Is(err, errLockTimeout) {
		return invalid("%s is locked by an open transaction, or by an operation that is still running; "+
			"end it before the change, since Postgres would wait for it", n.name)
	}
	return err
}

// whole returns the locks of all structures of that name and, for a drop, of their
// dependents.
func (f *Fake) whole(text string, drop bool) (all []need) {
	n, err := parseName(text)
	if err != nil {
		return nil // apply returns the error
	}
	if v := f.views[n]; v != nil {
		all = append(all, need{&v.lock, accessExclusive, n})
	}
	if q := f.seqs[n]; q != nil {
		all = append(all, need{&q.lock, accessExclusive, n})
	}
	if !drop { // renaming a type needs no lock on it
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

// AddLabel is a [Change] that adds a label to an enum. The label comes before the label
// Before, or last if Before is empty.
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
		return invalid("enum %s has no label %q, before which %q should be added", n, c.Before, c.Label)
	}
	if slices.Contains(e.labels, c.Label) {
		return invalid("enum %s already has the label %q", n, c.Label)
	}
	e.labels = slices.Insert(slices.Clone(e.labels), at, c.Label)
	return nil
}

// SetRows is a [Change] that sets the result of a materialized view's query. The view has
// the rows after its next refresh.
type SetRows struct {
	// Matview is the name of the view.
	Matview string
	// Rows has the rows, as in [Matview]. Nil means no rows.
	Rows any
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

// Create is a [Change] that creates the structures of a catalog. If one of them can't be
// created, or the catalog sets SearchPath, Standby, LockTimeout or StatementTimeout,
// Create creates nothing.
type Create Catalog

func (c Create) apply(f *Fake) error {
	if c.SearchPath != nil || c.Standby || c.LockTimeout != 0 || c.StatementTimeout != 0 {
		return invalid("Create only creates structures; pass SearchPath, Standby, LockTimeout and StatementTimeout to New")
	}
	before := f.clone()
	err := f.fill(Catalog(c))
	if err != nil {
		f.holdings = before
	}
	return err
}

// Drop is a [Change] that drops the relation and the type of that name. It also drops the
// views that read a dropped view, and the sequences that a dropped table's columns own.
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
		f.dropLedger(n)
	}
	delete(f.views, n)
	delete(f.plain, n)
	delete(f.enums, n)
	delete(f.seqs, n)
	delete(f.tables, n)
	return nil
}

// dropColumns drops a table's columns, and the sequences that they own.
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

// Rename is a [Change] that renames a view, an enum, a sequence or a table. To is the new
// name, without a schema.
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
		altered := *v.content // as on a server, no record counts after that, even if the old name comes back
		v.content = &altered
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

// renameTable renames a table in all places that refer to its columns.
func (f *Fake) renameTable(from, to dialect.Name) {
	f.dropLedger(from)
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
