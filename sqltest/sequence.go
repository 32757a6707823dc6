package sqltest

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// A sequence is the state of a sequence.
type sequence struct {
	id   int64
	name dialect.Name
	def  dialect.SequenceDef // without its Object
	// feeds has the columns whose default takes values from it, except def.KeyOf.
	feeds []dialect.ColumnRef
	spec  Sequence
	file  *storage
	lock  lock
}

// storage is the position of a sequence. Taking a value changes it immediately, in any
// transaction. A restart creates a new storage, which replaces the old one at the commit.
type storage struct {
	last   int64
	called bool
}

// A cache has the values that a connection has reserved. It is valid while the sequence
// has that storage.
type cache struct {
	file       *storage
	last, upTo int64
}

func (f *Fake) addSequence(spec Sequence) error {
	n, err := parseName(spec.Name)
	if err == nil {
		err = f.free(n, sequenceLike)
	}
	if err != nil {
		return err
	}
	d := dialect.SequenceDef{
		Type: cmp.Or(spec.Type, "bigint"), Increment: cmp.Or(spec.Increment, 1), Min: spec.Min, Max: spec.Max,
		Start: spec.Start, Cache: cmp.Or(spec.Cache, 1), Cycle: spec.Cycle,
		Rights: dialect.SequenceRights{Read: true, Next: true, Set: true, Restart: true},
	}
	if spec.Rights != nil {
		d.Rights = *spec.Rights
		d.Rights.Next = d.Rights.Next || d.Rights.Set // nextval needs USAGE or UPDATE
	}
	limit, ok := limits[d.Type]
	if !ok {
		return invalid("sequence %s: its type is %q; use bigint, integer or smallint", n, d.Type)
	}
	switch {
	case spec.Exactly != nil && (spec.Min != 0 || spec.Max != 0 || spec.Start != 0):
		return invalid("sequence %s: Exactly is set together with Min, Max or Start; set only one of them", n)
	case spec.Exactly != nil:
		d.Min, d.Max, d.Start = spec.Exactly.Min, spec.Exactly.Max, spec.Exactly.Start
	case d.Increment > 0:
		d.Min, d.Max = cmp.Or(d.Min, 1), cmp.Or(d.Max, limit[1])
		d.Start = cmp.Or(d.Start, d.Min)
	default:
		d.Min, d.Max = cmp.Or(d.Min, limit[0]), cmp.Or(d.Max, -1)
		d.Start = cmp.Or(d.Start, d.Max)
	}
	switch {
	case d.Min >= d.Max, d.Min < limit[0], d.Max > limit[1]:
		return invalid("sequence %s: the bounds %d to %d are invalid for type %s", n, d.Min, d.Max, d.Type)
	case d.Start < d.Min || d.Start > d.Max:
		return invalid("sequence %s: its start %d is not between %d and %d", n, d.Start, d.Min, d.Max)
	case d.Cache < 1:
		return invalid("sequence %s: its cache is %d; it must be positive", n, d.Cache)
	}
	if d.OwnedBy, err = columnRef(spec.OwnedBy); err != nil {
		return invalid("sequence %s: OwnedBy is %q; write it as table.column", n, spec.OwnedBy)
	}
	if d.KeyOf, err = columnRef(spec.KeyOf); err != nil {
		return invalid("sequence %s: KeyOf is %q; write it as table.column", n, spec.KeyOf)
	}
	switch {
	case d.OwnedBy != nil && d.OwnedBy.Table.Schema != n.Schema:
		return invalid("sequence %s: OwnedBy is %s, whose table is in another schema", n, d.OwnedBy)
	case d.OwnedBy != nil && !d.Rights.Restart:
		return invalid("sequence %s: OwnedBy is %s, so the test's role owns the sequence and can restart it; set Rights.Restart, or use KeyOf or Feeds", n, d.OwnedBy)
	}
	q := &sequence{id: f.id(), name: n, def: d, spec: spec, file: &storage{last: d.Start}}
	for _, text := range spec.Feeds {
		c, err := columnRef(text)
		if err != nil || c == nil {
			return invalid("sequence %s: Feeds has %q; write it as table.column", n, text)
		}
		q.feeds = append(q.feeds, *c)
	}
	for _, other := range f.seqs {
		for _, c := range q.columns() {
			if slices.Contains(other.columns(), c) {
				return invalid("sequence %s: the default of column %s already takes values from %s", n, c, other.name)
			}
		}
	}
	f.seqs[n] = q
	tables := q.columns()
	if d.OwnedBy != nil {
		tables = append(tables, *d.OwnedBy)
	}
	for _, c := range tables {
		if err := f.addColumn(c, spec); err != nil {
			return err
		}
	}
	if d.KeyOf != nil {
		if err := f.makeKey(*d.KeyOf); err != nil {
			return err
		}
	}
	tied := cmp.Or(d.KeyOf, d.OwnedBy)
	if tied == nil && len(q.feeds) > 0 {
		tied = &q.feeds[0]
	}
	for _, v := range spec.Holds {
		if tied == nil {
			return invalid("sequence %s: Holds needs a column; set KeyOf, OwnedBy or Feeds", n)
		}
		if err := f.insert(*tied, v); err != nil {
			return err
		}
	}
	return nil
}

// columns returns the columns that draw on the sequence, sorted. The owning column is not
// always one.
func (q *sequence) columns() []dialect.ColumnRef {
	all := slices.Clone(q.feeds)
	if q.def.KeyOf != nil {
		all = append(all, *q.def.KeyOf)
	}
	slices.SortFunc(all, func(a, b dialect.ColumnRef) int {
		return cmp.Or(a.Table.Compare(b.Table), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(all)
}

// columnRef parses orders.id or shop.orders.id.
func columnRef(text string) (*dialect.ColumnRef, error) {
	if text == "" {
		return nil, nil
	}
	dot := strings.LastIndex(text, ".")
	if dot < 0 || dot == len(text)-1 {
		return nil, dialect.ErrInvalid
	}
	table, err := parseName(text[:dot])
	return &dialect.ColumnRef{Table: table, Column: text[dot+1:]}, err
}

func (f *Fake) sequenceDef(q *sequence) dialect.SequenceDef {
	d := q.def
	owner := us
	if !d.Rights.Restart {
		owner = them
	}
	d.Object = f.object(q.id, q.name, q.spec.Comment, owner, true)
	return d
}

func (s *session) file(q *sequence) *storage {
	if file := s.files[q]; file != nil {
		return file
	}
	return q.file
}

// SequenceState implements [dialect.SequenceDialect]. A role without SELECT that can take
// values can read the state after the first value was taken.
func (f *Fake) SequenceState(ctx context.Context, q dialect.Querier, name dialect.Name) (st dialect.SequenceState, err error) {
	unreadable := false
	err = f.ask(ctx, q, Call{Op: dialect.OpLastValue, Name: name}, func(ctx context.Context, s *session) ([]driver.Value, error) {
		if err := s.open(ctx, name, rowExclusive); err != nil {
			return nil, err
		}
		seq := f.seqs[name]
		switch {
		case seq == nil:
			return nil, notASequence(name)
		case !seq.mayUse():
			return nil, denied(name)
		}
		file := s.file(seq)
		unreadable = !file.called && !seq.def.Rights.Read
		return []driver.Value{file.last, file.called}, nil
	}, &st.Last, &st.Called)
	if err == nil && unreadable { // the statement succeeded, so the transaction continues
		return dialect.SequenceState{}, fmt.Errorf("%w: before its first value is taken, the role must have SELECT on it", dialect.ErrPermission)
	}
	return st, err
}

// NextSequenceValue implements [dialect.SequenceDialect]. A rollback does not give the
// value back.
func (f *Fake) NextSequenceValue(ctx context.Context, q dialect.Querier, name dialect.Name) (v int64, err error) {
	err = f.ask(ctx, q, Call{Op: dialect.OpNextValue, Name: name}, func(ctx context.Context, s *session) ([]driver.Value, error) {
		seq, err := s.taking(ctx, name)
		if err != nil {
			return nil, err
		}
		v, err := s.next(seq)
		return []driver.Value{v}, err
	}, &v)
	return v, err
}

// next implements nextval as Postgres does.
func (s *session) next(q *sequence) (int64, error) {
	file, d := s.file(q), &q.def
	if c := s.cached[q]; c != nil && c.file == file && c.last != c.upTo {
		c.last += d.Increment
		return c.last, nil
	}
	value, last := file.last, file.last
	reserved, next := int64(0), file.last
	if !file.called {
		reserved = 1
	}
	for ; reserved < d.Cache; reserved++ {
		switch {
		case d.Increment > 0 && (d.Max >= 0 && next > d.Max-d.Increment || d.Max < 0 && next+d.Increment > d.Max):
			if !d.Cycle && reserved == 0 {
				return 0, &Error{Code: "2200H", Message: fmt.Sprintf(`nextval: reached maximum value of sequence "%s" (%d)`, q.name.Name, d.Max)}
			}
			next = d.Min
		case d.Increment < 0 && (d.Min < 0 && next < d.Min-d.Increment || d.Min >= 0 && next+d.Increment < d.Min):
			if !d.Cycle && reserved == 0 {
				return 0, &Error{Code: "2200H", Message: fmt.Sprintf(`nextval: reached minimum value of sequence "%s" (%d)`, q.name.Name, d.Min)}
			}
			next = d.Max
		default:
			next += d.Increment
			last = next
			if reserved == 0 {
				value = next
			}
			continue
		}
		if reserved > 0 {
			break // a cache ends at the bound
		}
		value, last = next, next
	}
	file.last, file.called = last, true
	s.cached[q] = &cache{file, value, last}
	return value, nil
}

func notASequence(n dialect.Name) error {
	return &Error{Code: "42809", Message: fmt.Sprintf(`"%s" is not a sequence`, n.Name)}
}

// outside returns the error of a restart outside the bounds.
func outside(value, low, high int64) error {
	text := fmt.Sprintf("RESTART value (%d) cannot be greater than MAXVALUE (%d)", value, high)
	if value < low {
		text = fmt.Sprintf("RESTART value (%d) cannot be less than MINVALUE (%d)", value, low)
	}
	return &Error{Code: "22023", Message: text}
}

// RestartSequence implements [dialect.SequenceDialect]. Other sessions see the restart
// after the commit.
func (f *Fake) RestartSequence(ctx context.Context, q dialect.Querier, name dialect.Name, at *int64) error {
	call := Call{Op: dialect.OpRestart, Name: name}
	if at != nil {
		call.Detail = fmt.Sprintf("at %d", *at)
	}
	return f.ask(ctx, q, call, func(ctx context.Context, s *session) ([]driver.Value, error) {
		if err := s.writable("ALTER SEQUENCE"); err != nil {
			return nil, err
		}
		if !f.owns(name) {
			return nil, f.notOwner(name)
		}
		if err := s.openToAlter(ctx, name); err != nil {
			return nil, err
		}
		seq := f.seqs[name]
		if seq == nil {
			return nil, notASequence(name)
		}
		value := seq.def.Start
		if at != nil {
			value = *at
		}
		if value < seq.def.Min || value > seq.def.Max {
			return nil, outside(value, seq.def.Min, seq.def.Max)
		}
		s.files[seq] = &storage{last: value}
		delete(s.cached, seq) // a rollback does not restore it
		return nil, nil
	})
}
