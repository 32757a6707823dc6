package massive_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

func state(t *testing.T, s massive.Sequence) dialect.SequenceState {
	t.Helper()
	st, err := s.State(t.Context())
	noError(t, err)
	last, err := s.LastValue(t.Context())
	if err != nil || last != st.Last {
		t.Errorf("LastValue: got %d (%v), want %d as in State", last, err, st.Last)
	}
	return dialect.SequenceState{Last: st.Last, Called: st.Called}
}

func TestSequenceOperations(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s; CREATE SEQUENCE later START 10 MINVALUE 5 MAXVALUE 12; CREATE SEQUENCE cached CACHE 20`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				s := sequence(t, m.With(q), "s")
				same(t, "state of a new sequence", state(t, s), dialect.SequenceState{Last: 1})
				same(t, "first value", next(t, s), 1)
				same(t, "state after the first value", state(t, s), dialect.SequenceState{Last: 1, Called: true})
				same(t, "second value", next(t, s), 2)
				noError(t, s.ResetTo(t.Context(), 123))
				same(t, "state after ResetTo(123)", state(t, s), dialect.SequenceState{Last: 123})
				same(t, "next value", next(t, s), 123)
				same(t, "the value after it", next(t, s), 124)
				noError(t, s.Reset(t.Context()))
				same(t, "state after Reset", state(t, s), dialect.SequenceState{Last: 1})

				l := sequence(t, m.With(q), "later")
				noError(t, l.ResetTo(t.Context(), 12))
				noError(t, l.Restart(t.Context()))
				same(t, "value after Restart: the declared start", next(t, l), 10)
				for _, end := range []func(context.Context) error{s.Reset, l.Restart} {
					noError(t, end(t.Context()))
				}
			})
			exec(t, e.pool, "ALTER SEQUENCE later START 7")
			l := sequence(t, m, "later")
			noError(t, l.Restart(t.Context()))
			same(t, "value after Restart: the current start, not the loaded one", next(t, l), 7)

			cached := sequence(t, m.With(e.conn(t)), "cached")
			same(t, "first value with a cache", next(t, cached), 1)
			same(t, "state with a cache", state(t, cached), dialect.SequenceState{Last: 20, Called: true})
		})
}

func TestSequencesAndTransactions(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s`, func(t *testing.T, e *env) {
		m := e.load(t)
		outside := sequence(t, m, "s")
		same(t, "first", next(t, outside), 1)

		in := func(f func(s massive.Sequence)) {
			t.Helper()
			tx := e.begin(t)
			f(sequence(t, m.With(tx), "s"))
			noError(t, tx.Rollback())
		}
		in(func(s massive.Sequence) { same(t, "in the transaction", next(t, s), 2) })
		same(t, "value after a rollback, which gives no value back", next(t, outside), 3)
		in(func(s massive.Sequence) {
			noError(t, s.ResetTo(t.Context(), 100))
			same(t, "in the transaction that reset it", next(t, s), 100)
			same(t, "the value after it", next(t, s), 101)
		})
		same(t, "value after a rollback of a reset", next(t, outside), 4)

		tx := e.begin(t)
		noError(t, sequence(t, m.With(tx), "s").ResetTo(t.Context(), 50))
		noError(t, tx.Commit())
		same(t, "value after a committed reset", next(t, outside), 50)
	})
}

// Concurrent calls of NextValue return no value twice.
func TestNextValueConcurrently(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s INCREMENT 3 START 2`, func(t *testing.T, e *env) {
		s := sequence(t, e.load(t), "s")
		const goroutines, each = 8, 50
		var mu sync.Mutex
		seen := map[int64]bool{}
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				for range each {
					v, err := s.NextValue(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if seen[v] {
						t.Errorf("value %d came twice", v)
					}
					seen[v] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		same(t, "values", len(seen), goroutines*each)
		same(t, "last value", state(t, s).Last, 2+3*(goroutines*each-1))
	})
}

// A recreated sequence of the same name works, even if the driver has prepared
// statements.
func TestRecreatedSequence(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s`, func(t *testing.T, e *env) {
		conn := e.conn(t)
		s := sequence(t, load(t, conn), "s")
		for i := range int64(3) {
			same(t, "before", next(t, s), i+1)
		}
		exec(t, conn, "DROP SEQUENCE s; CREATE SEQUENCE s START 77")
		same(t, "after", next(t, s), 77)
	})
}

// A session caches that a name does not exist. A sequence created during its transaction
// is found anyway.
func TestSequenceCreatedDuringATransaction(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE other`, func(t *testing.T, e *env) {
		tx, err := e.pool.BeginTx(t.Context(), nil)
		noError(t, err)
		defer tx.Rollback()
		_, err = sequence(t, load(t, e.pool).With(tx), "other").LastValue(t.Context()) // fills the session's caches
		noError(t, err)
		same(t, "the sequence is missing", one[bool](t, tx, "SELECT pg_catalog.to_regclass('public.late') IS NULL"), true)
		exec(t, e.pool, "CREATE SEQUENCE late START 5")
		late := sequence(t, load(t, e.pool).With(tx), "late")
		v, err := late.LastValue(t.Context())
		noError(t, err)
		same(t, "the last value", v, 5)
		exec(t, e.pool, "SELECT pg_catalog.nextval('late'), pg_catalog.nextval('late')")
		same(t, "the state", state(t, late).Last, 6)
	})
}

func TestReadOnlyTransactions(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s; CREATE MATERIALIZED VIEW v AS SELECT 1 AS id`, func(t *testing.T, e *env) {
		m := e.load(t)
		for what, op := range map[string]func(m *massive.DB) error{
			"next value": func(m *massive.DB) error { _, err := sequence(t, m, "s").NextValue(t.Context()); return err },
			"reset":      func(m *massive.DB) error { return sequence(t, m, "s").Reset(t.Context()) },
			"restart":    func(m *massive.DB) error { return sequence(t, m, "s").Restart(t.Context()) },
			"refresh":    func(m *massive.DB) error { _, err := matview(t, m, "v").Refresh(t.Context()); return err },
		} {
			tx, err := e.pool.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
			noError(t, err)
			w := m.With(tx)
			same(t, "state in a read-only transaction", state(t, sequence(t, w, "s")), dialect.SequenceState{Last: 1})
			err = op(w)
			mustBe(t, err, massive.ErrReadOnly, what)
			_, err = sequence(t, w, "s").NextValue(t.Context())
			mustBe(t, err, massive.ErrTxAborted, "roll it back")
			noError(t, tx.Rollback())
		}
		if _, err := sequence(t, m, "s").NextValue(t.Context()); err != nil {
			t.Errorf("the pool after a read-only transaction: %v", err)
		}
	})
}

func TestSequenceRange(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE SEQUENCE high MINVALUE 100 MAXVALUE 200 START 150;
		CREATE SEQUENCE down INCREMENT -1;
		CREATE SEQUENCE short MAXVALUE 2; CREATE SEQUENCE round MAXVALUE 2 CYCLE;`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			for _, name := range []string{"high", "down"} {
				s := sequence(t, m, name)
				d := s.Def()
				mustBe(t, s.Reset(t.Context()), massive.ErrOutOfRange, "massive: reset public."+name,
					fmt.Sprintf("it runs from %d to %d; Restart starts it over at its declared start, %d", d.Min, d.Max, d.Start))
				noError(t, s.Restart(t.Context()))
				same(t, "value after Restart", next(t, s), d.Start)
			}
			for _, v := range []int64{99, 201, -1, 1 << 62} {
				mustBe(t, sequence(t, m, "high").ResetTo(t.Context(), v), massive.ErrOutOfRange, "it runs from 100 to 200")
			}
			same(t, "value after a refused reset", next(t, sequence(t, m, "high")), 151)

			short := sequence(t, m, "short")
			same(t, "first value of two", next(t, short), 1)
			same(t, "second value of two", next(t, short), 2)
			_, err := short.NextValue(t.Context())
			mustBe(t, err, massive.ErrExhausted, "massive: next value of public.short: exhausted", "it runs from 1 to 2 by 1")
			round := sequence(t, m, "round")
			for _, want := range []int64{1, 2, 1} {
				same(t, "value of a sequence that cycles", next(t, round), want)
			}
		})
}

// If a sequence is dropped during a transaction, NextValue in it returns ErrNotFound.
func TestSequenceDroppedDuringATransaction(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s`, func(t *testing.T, e *env) {
		conn := e.conn(t)
		m := load(t, conn)
		same(t, "value before the transaction", next(t, sequence(t, m, "s")), 1)
		tx, err := conn.BeginTx(t.Context(), nil)
		noError(t, err)
		defer tx.Rollback()
		exec(t, e.pool, "DROP SEQUENCE s")
		_, err = sequence(t, m.With(tx), "s").NextValue(t.Context())
		mustBe(t, err, massive.ErrNotFound, "massive: next value of public.s: not found: dropped, renamed or replaced")
	})
}
