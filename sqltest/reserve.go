package sqltest

// NextValues, NextBlock and SetValue.

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/massivedb/massive-go/dialect"
)

// taking opens a sequence to take values from it.
func (s *session) taking(ctx context.Context, name dialect.Name) (*sequence, error) {
	if err := s.open(ctx, name, rowExclusive); err != nil {
		return nil, err
	}
	seq := s.fake.seqs[name]
	switch {
	case seq == nil:
		return nil, notASequence(name)
	case !seq.def.Rights.Next:
		return nil, denied(name)
	}
	return seq, s.writable("nextval()")
}

// NextSequenceValues implements [dialect.SequenceDialect]. If a value can't be taken, it
// returns none, and the values before it are used up.
func (f *Fake) NextSequenceValues(ctx context.Context, q dialect.Querier, name dialect.Name, n int) ([]int64, error) {
	call := Call{Op: dialect.OpNextValues, Name: name, Detail: fmt.Sprint(n)}
	o := f.operation(call, func(ctx context.Context, s *session) (*result, error) {
		seq, err := s.taking(ctx, name)
		if err != nil {
			return nil, err
		}
		r := &result{columns: []string{"nextval"}}
		for len(r.rows) < n && err == nil {
			var v int64
			if v, err = s.next(seq); err == nil {
				r.rows = append(r.rows, []driver.Value{v})
			}
		}
		return r, err
	})
	rows, err := q.QueryContext(ctx, call.text(), o)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make([]int64, 0, n)
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return values, nil
}

// NextSequenceBlock implements [dialect.SequenceDialect].
func (f *Fake) NextSequenceBlock(ctx context.Context, q dialect.Querier, name dialect.Name) (b dialect.SequenceBlock, err error) {
	err = f.ask(ctx, q, Call{Op: dialect.OpNextBlock, Name: name}, func(ctx context.Context, s *session) ([]driver.Value, error) {
		seq, err := s.taking(ctx, name)
		if err != nil {
			return nil, err
		}
		v, err := s.next(seq)
		if err != nil {
			return nil, err
		}
		return []driver.Value{v, seq.def.Increment, seq.def.Min, seq.def.Max, seq.def.Cycle}, nil
	}, &b.Value, &b.Increment, &b.Min, &b.Max, &b.Cycle)
	return b, err
}

// SetSequenceValue implements [dialect.SequenceDialect], as setval in Postgres: a
// rollback does not undo it, and other connections keep their reserved values.
func (f *Fake) SetSequenceValue(ctx context.Context, q dialect.Querier, name dialect.Name, v int64, called bool) error {
	call := Call{Op: dialect.OpSetValue, Name: name, Detail: fmt.Sprintf("to %d", v)}
	if !called {
		call.Detail += ", not called"
	}
	return f.ask(ctx, q, call, func(ctx context.Context, s *session) ([]driver.Value, error) {
		if err := s.open(ctx, name, rowExclusive); err != nil {
			return nil, err
		}
		seq := f.seqs[name]
		switch {
		case seq == nil:
			return nil, notASequence(name)
		case !seq.def.Rights.Set:
			return nil, denied(name)
		}
		if err := s.writable("setval()"); err != nil {
			return nil, err
		}
		if v < seq.def.Min || v > seq.def.Max {
			return nil, &Error{Code: "22003", Message: fmt.Sprintf(`setval: value %d is out of bounds for sequence "%s" (%d..%d)`,
				v, name.Name, seq.def.Min, seq.def.Max)}
		}
		file := s.file(seq)
		file.last, file.called = v, called
		delete(s.cached, seq)
		return nil, nil
	})
}
