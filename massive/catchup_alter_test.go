package massive_test

import (
	"database/sql"
	"strings"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/massive"
)

const catchUpWaits = `SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'a_id_seq'::regclass AND mode = 'ShareRowExclusiveLock' AND NOT granted)`

// CatchUp locks the sequence by an ALTER SEQUENCE. That must not undo a concurrent ALTER.
func TestCatchUpKeepsConcurrentAlters(t *testing.T) {
	t.Parallel()
	onDrivers(t, "CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (101)", func(t *testing.T, e *env) {
		s := sequence(t, e.load(t, massive.WithKeySequences()), "a_id_seq")
		tx := e.begin(t)
		exec(t, tx, "ALTER SEQUENCE a_id_seq CACHE 50 INCREMENT 10")
		done := make(chan error, 1)
		go func() {
			moved, err := didMove(s.CatchUp(t.Context()))
			if err == nil && !moved {
				t.Error("the sequence was behind and was not moved")
			}
			done <- err
		}()
		eventually(t, e.pool, "the catch-up waits", catchUpWaits)
		noError(t, tx.Commit())
		noError(t, <-done)
		same(t, "the cache", one[int](t, e.pool, "SELECT seqcache FROM pg_sequence"), 50)
		same(t, "the next value, by the new increment", next(t, s), 111)

		// A transaction whose snapshot is older can't see the ALTER that it would undo.
		exec(t, e.pool, "INSERT INTO a VALUES (10001); ALTER SEQUENCE a_id_seq CACHE 1")
		tx, err := e.pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		noError(t, err)
		defer func() { _ = tx.Rollback() }()
		exec(t, tx, "SELECT FROM a")
		exec(t, e.pool, "ALTER SEQUENCE a_id_seq CACHE 70")
		if _, err := sequence(t, e.load(t, massive.WithKeySequences()).With(tx), "a_id_seq").CatchUp(t.Context()); err == nil ||
			!strings.Contains(err.Error(), "altered since the transaction began") {
			t.Errorf("sequence altered since the transaction began: got error %v", err)
		}
		noError(t, tx.Rollback())
		same(t, "the cache after the refusal", one[int](t, e.pool, "SELECT seqcache FROM pg_sequence"), 70)
	})
}

// Concurrent calls of CatchUp don't deadlock, even with a transaction that takes values
// and restarts.
func TestConcurrentCatchUpsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	onDrivers(t, "CREATE TABLE a (id serial PRIMARY KEY)", func(t *testing.T, e *env) {
		s := sequence(t, e.load(t, massive.WithKeySequences()), "a_id_seq")
		for i := range 20 {
			noError(t, errOf(e.pool.ExecContext(t.Context(), "INSERT INTO a VALUES ($1)", (i+1)*1000)))
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if _, err := s.CatchUp(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			same(t, "the next value", next(t, s), int64((i+1)*1000+1))
		}

		exec(t, e.pool, "INSERT INTO a VALUES (100000)")
		tx := e.begin(t)
		inside := sequence(t, e.load(t, massive.WithKeySequences()).With(tx), "a_id_seq")
		next(t, inside)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if _, err := s.CatchUp(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		eventually(t, e.pool, "the catch-ups wait", catchUpWaits)
		if err := inside.ResetTo(t.Context(), 50000); err != nil {
			t.Error(err)
		}
		if moved, err := didMove(inside.CatchUp(t.Context())); err != nil || !moved {
			t.Errorf("got moved %v, error %v; want moved", moved, err)
		}
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
		all.Wait()
		same(t, "the next value at last", next(t, s), 100001)
	})
}
