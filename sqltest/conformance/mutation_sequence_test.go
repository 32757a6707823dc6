package conformance_test

// Mutants of NextValues, NextBlock, SetValue, Exhaustion, Lag and CatchUp.

import (
	"context"
	"math"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// sequenceMutations break operations on sequences. A function that is set replaces or
// changes the fake's.
type sequenceMutations struct {
	values   func(n int) int
	taker    func(ctx context.Context, q dialect.Querier, name dialect.Name, n int) ([]int64, error)
	taken    func(values []int64, err error) ([]int64, error)
	block    func(b dialect.SequenceBlock) dialect.SequenceBlock
	set      func(v int64, called bool) (int64, bool)
	setter   func(ctx context.Context, q dialect.Querier, name dialect.Name, v int64) error
	columns  func(all []dialect.SequenceColumn) []dialect.SequenceColumn
	states   func(defs []*dialect.SequenceDef, all []dialect.SequenceReading) []dialect.SequenceReading
	lag      func(seq *dialect.SequenceDef, lag dialect.SequenceLag) dialect.SequenceLag
	lags     func(all []dialect.SequenceLagReading, err error) ([]dialect.SequenceLagReading, error)
	catchUp  func(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (bool, error)
	catchUps func(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef) (int, error)
	blocks   bool // inverts whether values between steps count
}

func (m *mutant) NextSequenceValues(ctx context.Context, q dialect.Querier, name dialect.Name, n int) ([]int64, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	if m.values != nil {
		n = m.values(n)
	}
	if m.taker != nil {
		return m.taker(ctx, q, name, n)
	}
	values, err := m.Fake.NextSequenceValues(ctx, q, name, n)
	if m.taken != nil {
		return m.taken(values, err)
	}
	return values, err
}

func (m *mutant) NextSequenceBlock(ctx context.Context, q dialect.Querier, name dialect.Name) (dialect.SequenceBlock, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	b, err := m.Fake.NextSequenceBlock(ctx, q, name)
	if m.block != nil {
		b = m.block(b)
	}
	return b, err
}

func (m *mutant) SetSequenceValue(ctx context.Context, q dialect.Querier, name dialect.Name, v int64, called bool) error {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	if m.set != nil {
		v, called = m.set(v, called)
	}
	if m.setter != nil {
		return m.setter(ctx, q, name, v)
	}
	return m.Fake.SetSequenceValue(ctx, q, name, v, called)
}

func (m *mutant) SequenceColumns(ctx context.Context, q dialect.Querier) ([]dialect.SequenceColumn, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	all, err := m.Fake.SequenceColumns(ctx, q)
	if m.columns != nil {
		all = m.columns(all)
	}
	return all, err
}

func (m *mutant) SequenceStates(ctx context.Context, q dialect.Querier, defs []*dialect.SequenceDef) ([]dialect.SequenceReading, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	all, err := m.Fake.SequenceStates(ctx, q, defs)
	if m.states != nil {
		all = m.states(defs, all)
	}
	return all, err
}

func (m *mutant) SequenceLags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) ([]dialect.SequenceLagReading, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	all, err := m.Fake.SequenceLags(ctx, q, seqs, m.blocks != blocks)
	if m.lag != nil {
		for i := range all {
			all[i].Lag = m.lag(seqs[i], all[i].Lag)
		}
	}
	if m.lags != nil {
		all, err = m.lags(all, err)
	}
	return all, err
}

// lagOne calls the fake's own SequenceLags for one sequence.
func (m *mutant) lagOne(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (dialect.SequenceLag, error) {
	all, err := m.Fake.SequenceLags(ctx, q, []*dialect.SequenceDef{seq}, false)
	if err != nil {
		return dialect.SequenceLag{}, err
	}
	return all[0].Lag, all[0].Err
}

func (m *mutant) CatchUpSequences(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) (int, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	if m.catchUps != nil {
		return m.catchUps(ctx, q, seqs)
	}
	return m.Fake.CatchUpSequences(ctx, q, seqs, m.blocks != blocks)
}

func (m *mutant) CatchUpSequence(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef, blocks bool) (dialect.CaughtUp, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	if m.catchUp != nil {
		moved, err := m.catchUp(ctx, q, seq)
		return dialect.CaughtUp{Moved: moved}, err
	}
	return m.Fake.CatchUpSequence(ctx, q, seq, m.blocks != blocks)
}

// caughtUp calls the fake's own CatchUpSequence.
func (m *mutant) caughtUp(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (bool, error) {
	done, err := m.Fake.CatchUpSequence(ctx, q, seq, false)
	return done.Moved, err
}

var sequenceMutants = []mutation{
	{"one value too many", "NextValues(n) returns the values that n calls of NextValue would return", func(m *mutant) {
		m.values = func(n int) int { return n + 1 }
	}},
	{"reserved values assumed contiguous", "NextValues first returns the values that its connection has reserved", func(m *mutant) {
		m.taken = func(values []int64, err error) ([]int64, error) {
			for i := range values {
				values[i] = values[0] + int64(i)
			}
			return values, err
		}
	}},
	{"values before the end not used up", "If the sequence ends before the nth value, NextValues returns ErrExhausted and no values, and the remaining values are used up", func(m *mutant) {
		m.taker = func(ctx context.Context, q dialect.Querier, name dialect.Name, n int) ([]int64, error) {
			st, err := m.Fake.SequenceState(ctx, q, name)
			if err != nil {
				return nil, err
			}
			values, err := m.Fake.NextSequenceValues(ctx, q, name, n)
			if err != nil {
				_ = m.Fake.SetSequenceValue(ctx, q, name, st.Last, st.Called)
			}
			return values, err
		}
	}},
	{"fewer values without an error", "If the sequence ends before the nth value, NextValues returns ErrExhausted and no values, and the remaining values are used up", upToTheEnd},
	{"a block not cut at the bound", "A block extends from one value to just before the next, or to the bound", func(m *mutant) {
		m.block = func(b dialect.SequenceBlock) dialect.SequenceBlock {
			b.Min, b.Max = math.MinInt64, math.MaxInt64
			return b
		}
	}},
	{"block one value too long", "An allocator returns the sequence's values in order", func(m *mutant) {
		m.block = func(b dialect.SequenceBlock) dialect.SequenceBlock {
			if b.Increment > 1 {
				b.Increment++
			}
			return b
		}
	}},
	{"called ignored by setval", "After SetValue(v, true), NextValue returns the value after v", func(m *mutant) {
		m.set = func(v int64, _ bool) (int64, bool) { return v, true }
	}},
	{"value out of range clamped", "SetValue with a value outside the bounds returns ErrOutOfRange and changes nothing", func(m *mutant) {
		m.set = func(v int64, called bool) (int64, bool) { return min(max(v, 10), 20), called }
	}},
	{"SetValue undone by a rollback", "A rollback does not undo SetValue, unless the transaction reset the sequence before", func(m *mutant) {
		m.setter = func(ctx context.Context, q dialect.Querier, name dialect.Name, v int64) error {
			return m.Fake.RestartSequence(ctx, q, name, &v)
		}
	}},
	{"column types ignored", "Exhaustion lists each sequence that has used up the share, the fullest first, including sequences of primary keys", func(m *mutant) {
		m.columns = func(all []dialect.SequenceColumn) []dialect.SequenceColumn {
			for i := range all {
				all[i].Bounded = false
			}
			return all
		}
	}},
	{"sequence columns lost", "Exhaustion lists each sequence that has used up the share, the fullest first, including sequences of primary keys", func(m *mutant) {
		m.columns = func([]dialect.SequenceColumn) []dialect.SequenceColumn { return nil }
	}},
	{"uncalled sequences listed as known", "Exhaustion lists each sequence that has used up the share, the fullest first, including sequences of primary keys", func(m *mutant) {
		m.states = func(defs []*dialect.SequenceDef, all []dialect.SequenceReading) []dialect.SequenceReading {
			for i := range all {
				if !all[i].State.Called {
					all[i].State = dialect.SequenceState{Last: defs[i].Start, Called: true}
				}
			}
			return all
		}
	}},
	{"unreadable sequences listed as unused", "Exhaustion lists a sequence that it can't read as unknown, with the reason, and still lists the others", func(m *mutant) {
		m.states = func(defs []*dialect.SequenceDef, all []dialect.SequenceReading) []dialect.SequenceReading {
			for i := range all {
				if all[i].Err != nil {
					all[i] = dialect.SequenceReading{State: dialect.SequenceState{Last: defs[i].Start}}
				}
			}
			return all
		}
	}},
	{"never behind", "A sequence is behind if its column holds its next value or a value beyond it", func(m *mutant) {
		m.lag = func(_ *dialect.SequenceDef, lag dialect.SequenceLag) dialect.SequenceLag {
			lag.Empty = true
			return lag
		}
	}},
	{"increment ignored by Lag", "A sequence is behind if its column holds its next value or a value beyond it", func(m *mutant) {
		m.lag = func(_ *dialect.SequenceDef, lag dialect.SequenceLag) dialect.SequenceLag {
			lag.Increment = min(max(lag.Increment, -1), 1)
			return lag
		}
	}},
	{"only the key column compared by Lag", "If several columns draw on a sequence, the furthest value counts, and Lag names its column", func(m *mutant) {
		m.lag = func(seq *dialect.SequenceDef, lag dialect.SequenceLag) dialect.SequenceLag {
			lag.Empty = lag.Empty || seq.KeyOf != nil && lag.Column != *seq.KeyOf
			return lag
		}
	}},
	{"only the key column compared by CatchUp", "If several columns draw on a sequence, the furthest value counts, and Lag names its column", func(m *mutant) {
		m.catchUp = func(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (bool, error) {
			lag, err := m.lagOne(ctx, q, seq)
			if err != nil || seq.KeyOf != nil && lag.Column != *seq.KeyOf {
				return false, err
			}
			return m.caughtUp(ctx, q, seq)
		}
	}},
	{"Lag always names the key column", "If several columns draw on a sequence, the furthest value counts, and Lag names its column", func(m *mutant) {
		m.lag = func(seq *dialect.SequenceDef, lag dialect.SequenceLag) dialect.SequenceLag {
			if seq.KeyOf != nil {
				lag.Column = *seq.KeyOf
			}
			return lag
		}
	}},
	{"CatchUp by setval", "A rollback undoes CatchUp", func(m *mutant) {
		m.catchUp = func(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (bool, error) {
			lag, err := m.lagOne(ctx, q, seq)
			if err != nil || lag.Empty || lag.Furthest < lag.State.Last {
				return false, err
			}
			return true, m.Fake.SetSequenceValue(ctx, q, seq.Name, lag.Furthest, true)
		}
	}},
	{"CatchUp off the sequence's steps", "A sequence is behind if its column holds its next value or a value beyond it", func(m *mutant) {
		m.catchUp = func(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (bool, error) {
			moved, err := m.caughtUp(ctx, q, seq)
			if err == nil && moved && seq.Increment > 0 {
				if lag, errLag := m.lagOne(ctx, q, seq); errLag == nil {
					to := lag.Furthest + 1
					err = m.Fake.RestartSequence(ctx, q, seq.Name, &to)
				}
			}
			return moved, err
		}
	}},
	{"CatchUp reports a move always", "A sequence is behind if its column holds its next value or a value beyond it", func(m *mutant) {
		m.catchUp = func(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (bool, error) {
			_, err := m.caughtUp(ctx, q, seq)
			return true, err
		}
	}},
	{"lags in the wrong order", "DB.Lag and DB.CatchUp compare all sequences, including sequences of primary keys", func(m *mutant) {
		m.lags = func(all []dialect.SequenceLagReading, err error) ([]dialect.SequenceLagReading, error) {
			slices.Reverse(all)
			return all, err
		}
	}},
	{"CatchUpSequences moves only the first", "DB.Lag and DB.CatchUp compare all sequences, including sequences of primary keys", func(m *mutant) {
		m.catchUps = func(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef) (int, error) {
			_, err := m.caughtUp(ctx, q, seqs[0])
			return 0, err
		}
	}},
	{"CatchUpSequences waits for locks", "If a transaction has taken a value of a sequence, DB.CatchUp first moves the others, and their values can be taken while it waits", func(m *mutant) {
		m.catchUps = func(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef) (left int, err error) {
			// The order of seqs is random. If b, which is locked, came last, the rule would hold.
			for _, d := range slices.SortedFunc(slices.Values(seqs), func(x, y *dialect.SequenceDef) int { return x.Name.Compare(y.Name) }) {
				if _, err := m.caughtUp(ctx, q, d); err != nil {
					return 0, err
				}
			}
			return 0, nil
		}
	}},
	{"InBlocks inverted", "Lag and CatchUp ignore column values outside the sequence's bounds", func(m *mutant) {
		m.blocks = true
	}},
	{"SetValue needs SELECT", "An operation on a sequence succeeds if the role has the right that it needs", func(m *mutant) {
		m.setter = func(ctx context.Context, q dialect.Querier, name dialect.Name, v int64) error {
			if _, err := m.Fake.SequenceState(ctx, q, name); err != nil {
				return err
			}
			return m.Fake.SetSequenceValue(ctx, q, name, v, true)
		}
	}},
}

// upToTheEnd makes a fake that returns fewer values than requested at the end of a
// sequence, and no error.
func upToTheEnd(m *mutant) {
	m.taker = func(ctx context.Context, q dialect.Querier, name dialect.Name, n int) ([]int64, error) {
		var values []int64
		for range n {
			v, err := m.Fake.NextSequenceValue(ctx, q, name)
			if err != nil {
				break
			}
			values = append(values, v)
		}
		return values, nil
	}
}
