package massive_test

import (
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
