package conformance_test

// Ways to break what a sequence owes to its sessions and transactions: what is undone and what stays, who waits for
// whom, which values a connection has reserved, and that a sequence is looked at as it is now.

import (
	"context"
	"database/sql"
	"sync"

	"github.com/massivedb/massive-go/dialect"
)

var sessionMutants = []mutation{
	{"a restart that commits", "no operation commits the caller's transaction", func(m *mutant) {
		m.restarter = func(ctx context.Context, q dialect.Querier, name dialect.Name, at *int64) error {
			err := m.Fake.RestartSequence(ctx, q, name, at)
			if tx, ok := q.(*sql.Tx); ok && err == nil {
				err = tx.Commit()
			}
			return err
		}
	}},
	{"many values given back", "many values stay taken like one", func(m *mutant) {
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
	{"many values not given back with a reset", "go back like one with a reset before them", restartBySet},
	{"a reset not undone", "a reset is undone, and so are the values behind it", restartBySet},
	{"a reset holds nobody off", "a reset holds off everybody's next value until its transaction ends", restartBySet},
	{"a reset leaves what others have reserved", "a reset makes it forget them", restartBySet},
	{"an allocator that waits for no reset", "whoever waits for an allocator's values waits", restartBySet},
	{"a set makes everybody forget", "a set makes its own connection forget the values that it has reserved, and no other", func(m *mutant) {
		m.setter = func(ctx context.Context, q dialect.Querier, name dialect.Name, v int64) error {
			if err := m.Fake.RestartSequence(ctx, q, name, &v); err != nil {
				return err
			}
			_, err := m.Fake.NextSequenceValue(ctx, q, name)
			return err
		}
	}},
	{"a set makes nobody forget", "a set makes its own connection forget the values that it has reserved, and no other", setElsewhere},
	{"a set in a read-only transaction", "in a read-only transaction taking and setting are ErrReadOnly", setElsewhere},
	{"values of a lost sequence", "a sequence that was dropped, renamed or replaced is ErrNotFound, whatever is asked of it", func(m *mutant) {
		m.taken = func(values []int64, _ error) ([]int64, error) { return values, nil }
	}},
	{"an allocator that is not told of the end", "an allocator hands out whole blocks", upToTheEnd},
	{"another increment than the database's", "HiLo refuses a sequence that has another increment than it expects", func(m *mutant) {
		m.block = func(b dialect.SequenceBlock) dialect.SequenceBlock {
			b.Increment = 50
			return b
		}
	}},
	{"the first value handed out twice", "no value is handed out twice, whoever asks", func(m *mutant) {
		m.next = func(v int64, err error) (int64, error) { return max(v-3, 1), err }
	}},
	{"cycles not seen by State", "State tells the next value, how many are left, and the share that is used", withoutCycles},
	{"cycles not seen by allocators", "an allocator is refused for a sequence that cycles", withoutCycles},
	{"exhaustion of what was loaded", "Exhaustion looks at the sequences that there are now", func(m *mutant) {
		var once sync.Once
		var first []dialect.SequenceDef
		m.load = func(_ context.Context, _ dialect.Querier, cat *dialect.Catalog) {
			once.Do(func() { first = cat.Sequences })
			cat.Sequences = first
		}
	}},
}

// restartBySet makes a fake that restarts sequences as setval does: at once, and whatever becomes of the transaction.
func restartBySet(m *mutant) {
	m.restarter = func(ctx context.Context, q dialect.Querier, name dialect.Name, at *int64) error {
		if at == nil {
			return m.Fake.RestartSequence(ctx, q, name, nil)
		}
		return m.Fake.SetSequenceValue(ctx, q, name, *at, false)
	}
}

// setElsewhere makes a fake that sets values through another connection than the caller's.
func setElsewhere(m *mutant) {
	m.setter = func(ctx context.Context, _ dialect.Querier, name dialect.Name, v int64) error {
		return m.Fake.SetSequenceValue(ctx, m.DB(), name, v, true)
	}
}

// withoutCycles makes a fake that loads no sequence as one that cycles.
func withoutCycles(m *mutant) {
	onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Sequences {
			cat.Sequences[i].Cycle = false
		}
	})(m)
}
