package conformance_test

// Mutants of sequences in transactions and sessions: rollbacks, locks, reserved values,
// and reads of the current definition.

import (
	"context"
	"database/sql"
	"sync"

	"github.com/massivedb/massive-go/dialect"
)

var sessionMutants = []mutation{
	{"a restart that commits", "No operation commits the caller's transaction", func(m *mutant) {
		m.restarter = func(ctx context.Context, q dialect.Querier, name dialect.Name, at *int64) error {
			err := m.Fake.RestartSequence(ctx, q, name, at)
			if tx, ok := q.(*sql.Tx); ok && err == nil {
				err = tx.Commit()
			}
			return err
		}
	}},
	{"NextValues given back by a rollback", "A rollback does not give back values of NextValues, unless the same transaction reset the sequence before", func(m *mutant) {
		m.taker = func(ctx context.Context, q dialect.Querier, name dialect.Name, n int) ([]int64, error) {
			st, err := m.Fake.SequenceState(ctx, q, name)
			if err != nil {
				return nil, err
			}
			at := st.Last
			if st.Called {
				at++
			}
			if err := m.Fake.RestartSequence(ctx, q, name, &at); err != nil {
				return nil, err
			}
			return m.Fake.NextSequenceValues(ctx, q, name, n)
		}
	}},
	{"NextValues after a reset not undone", "A rollback does not give back values of NextValues, unless the same transaction reset the sequence before", restartBySet},
	{"reset not undone by a rollback", "A rollback does not give back taken values", restartBySet},
	{"reset blocks no other session", "A reset blocks NextValue in other sessions until its transaction ends", restartBySet},
	{"reset keeps the values that others reserved", "A connection reserves as many values as the sequence's cache holds", restartBySet},
	{"allocator does not wait for a reset", "A caller of Next waits for values until its own context ends", restartBySet},
	{"SetValue discards all reserved values", "SetValue discards the values that its own connection has reserved", func(m *mutant) {
		m.setter = func(ctx context.Context, q dialect.Querier, name dialect.Name, v int64) error {
			if err := m.Fake.RestartSequence(ctx, q, name, &v); err != nil {
				return err
			}
			_, err := m.Fake.NextSequenceValue(ctx, q, name)
			return err
		}
	}},
	{"SetValue discards no reserved values", "SetValue discards the values that its own connection has reserved", setElsewhere},
	{"SetValue works in a read-only transaction", "In a read-only transaction NextValues, NextBlock, SetValue and CatchUp return ErrReadOnly", setElsewhere},
	{"values of a dropped sequence", "Every operation on a sequence that was dropped, renamed or replaced returns ErrNotFound", func(m *mutant) {
		m.taken = func(values []int64, _ error) ([]int64, error) { return values, nil }
	}},
	{"end of the sequence hidden from allocators", "An allocator returns ErrExhausted if no whole block is left, or with HiLo if no value is left", upToTheEnd},
	{"wrong increment of a block", "With HiLo, NewAllocator and each fetch return ErrDrift if the sequence's increment is not the expected one", func(m *mutant) {
		m.block = func(b dialect.SequenceBlock) dialect.SequenceBlock {
			b.Increment = 50
			return b
		}
	}},
	{"first value returned twice", "Concurrent callers of NextValue never get the same value", func(m *mutant) {
		m.next = func(v int64, err error) (int64, error) { return max(v-3, 1), err }
	}},
	{"CYCLE not loaded for State", "State reports the next value, how many values are left, and the share that is used", withoutCycles},
	{"CYCLE not loaded for allocators", "NewAllocator returns ErrInvalid for a sequence that cycles, for a transaction, for HiLo with an increment of -1, 0 or 1, and for invalid options", withoutCycles},
	{"exhaustion of the loaded sequences", "Exhaustion reads the sequences that exist now, not the loaded ones", func(m *mutant) {
		var once sync.Once
		var first []dialect.SequenceDef
		m.load = func(_ context.Context, _ dialect.Querier, cat *dialect.Catalog) {
			once.Do(func() { first = cat.Sequences })
			cat.Sequences = first
		}
	}},
}

// restartBySet makes a fake whose restarts take effect immediately, also if the
// transaction rolls back.
func restartBySet(m *mutant) {
	m.restarter = func(ctx context.Context, q dialect.Querier, name dialect.Name, at *int64) error {
		if at == nil {
			return m.Fake.RestartSequence(ctx, q, name, nil)
		}
		return m.Fake.SetSequenceValue(ctx, q, name, *at, false)
	}
}

// setElsewhere makes a fake that sets values through another connection.
func setElsewhere(m *mutant) {
	m.setter = func(ctx context.Context, _ dialect.Querier, name dialect.Name, v int64) error {
		return m.Fake.SetSequenceValue(ctx, m.DB(), name, v, true)
	}
}

// withoutCycles makes a fake that loads each sequence as one that does not cycle.
func withoutCycles(m *mutant) {
	onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Sequences {
			cat.Sequences[i].Cycle = false
		}
	})(m)
}
