package registry

import (
	"context"

	"github.com/massivedb/massive-go/dialect"
)

// A Sequence is a sequence as it was loaded, with its operations. It is safe for
// concurrent use if its querier is. Programs get theirs from a [Registry]. Methods may be
// added to the interface.
type Sequence interface {
	// Name returns the sequence's name, with its schema.
	Name() dialect.Name
	// Def returns what was loaded: type, start, increment, bounds, the column that owns
	// it, the key that draws on it, the role's rights. It is the caller's.
	Def() dialect.SequenceDef
	// Owner returns the role that owns the sequence.
	Owner() string
	// Comment returns the sequence's comment, or an empty text.
	Comment() string

	// LastValue returns the value that was handed out last, to anybody. Before the first
	// value, or after a reset, it returns the next one; State tells the two apart. It
	// takes one round trip, and a second one before the first value. It waits for a reset
	// in another open transaction. Inside a transaction it makes others' resets wait
	// until that ends. It needs SELECT or USAGE on the sequence, and SELECT before the
	// first value.
	//
	// Errors: ErrPermission; ErrNotFound, also if the name belongs to another kind of
	// relation by now; ErrBusy; ErrUnsupported before the first value, if the sequence
	// belongs to another role and the server's minor release can't read it safely (before
	// 13.16, 14.13, 15.8, 16.4), and if the database keeps no last value.
	LastValue(ctx context.Context) (int64, error)

	// State returns where the sequence stands and what is left of it, by the definition
	// that was loaded. Locks, rights and errors are those of LastValue.
	State(ctx context.Context) (SequenceState, error)

	// NextValue takes a value that nobody else gets and returns it. The value stays taken
	// if its transaction is rolled back, unless that transaction reset the sequence
	// before (https://www.postgresql.org/docs/current/functions-sequence.html).
	//
	// After a crash PostgreSQL itself may give out again a value that it returned in the
	// last milliseconds. It logs 32 values ahead, and returns a value that another
	// session has logged before that log is on disk. NextValues(ctx, 1) waits for the
	// disk each time. A transaction that also writes keeps its values once it commits.
	//
	// Errors: ErrExhausted, ErrPermission, ErrReadOnly, ErrNotFound.
	NextValue(ctx context.Context) (int64, error)

	// NextValues takes n values in one round trip and returns all n, in the order in
	// which it took them. Others take values meanwhile and a sequence may cycle, so that
	// the values need not follow each other. A driver that prepares and keeps each
	// statement does so for each n: with pgx in its default mode the first call with
	// another n is two round trips.
	//
	// With an error NextValues returns no values. What it took until then is lost: the
	// server has not committed those values, and may give them out again after a crash.
	// So if a sequence ends before the nth value, the error is ErrExhausted and the last
	// values are lost.
	//
	// NextValues returns when the server's log is on disk. So its values survive any
	// crash, unless the session has set synchronous_commit to off. Inside a transaction
	// they survive once it commits; until then use them only inside it. Each call logs a
	// record, which logical decoding shows as an empty message with the prefix "massive".
	//
	// n is from 1 to 10,000, which takes less than 100 kB. Locks and transactions: as for
	// NextValue. Errors: those of NextValue, and ErrInvalid.
	NextValues(ctx context.Context, n int) ([]int64, error)

	// NextBlock takes one value that stands for a block: all values before the next one
	// that the sequence will hand out. A block is as long as the increment, which the
	// same statement reads. At the sequence's bound it is shorter.
	//
	// Nobody else gets a value of the block if all who take blocks use NextBlock or HiLo,
	// others use only the value that NextValue returns, and nobody makes the increment
	// smaller while blocks are in use. NextBlock does not notice a smaller increment; an
	// allocator by HiLo does at its next fetch. A block survives crashes as NextValues
	// says. Errors: those of NextValue, and ErrInvalid for a sequence that cycles.
	NextBlock(ctx context.Context) (Block, error)

	// SetValue makes v the value that was handed out last or, if called is false, the
	// next value. Unlike ResetTo it takes effect immediately, for everybody, and a
	// rollback does not undo it, unless the transaction reset the sequence before. It
	// blocks nobody (ROW EXCLUSIVE), so that it can move the sequence back past a value
	// that somebody is taking. It waits only for resets. It needs UPDATE, not ownership.
	// Other connections still hand out values in their caches
	// (https://www.postgresql.org/docs/current/functions-sequence.html). Errors:
	// ErrOutOfRange, ErrPermission, ErrReadOnly, ErrNotFound, ErrBusy.
	SetValue(ctx context.Context, v int64, called bool) error

	// Lag reports whether a column that draws on the sequence holds values that the
	// sequence is still to hand out, as after a restore or inserts with values of their
	// own. It looks at the sequence and the columns as they are now.
	//
	// A column draws on the sequence if it is an identity column, or if its default, or
	// else its domain's, takes a value. If several columns do, in whatever tables, the
	// largest value in all of them counts, or the smallest if the sequence descends. A
	// value counts only if it is within the sequence's bounds and on its steps; with
	// [InBlocks] values between two steps count, too. Lag does not read columns that hold
	// no numbers, such as a text with the value in it.
	//
	// Lag reads only ordinary and partitioned tables whose owner is the sequence's owner,
	// a superuser or the role itself. The result names the columns that it did not read,
	// and why. Reading a table runs the expressions of its indexes, as any SELECT does.
	//
	// Lag reads what is committed, by an index if there is one. It needs SELECT on the
	// sequence and the columns. It takes two round trips, and one more for each further
	// thousand columns.
	//
	// Errors: ErrInvalid for a sequence that cycles, or that no column of numbers draws
	// on; ErrPermission with the name of a column that can't be read, or of a table whose
	// rows row security hides; ErrUnsupported on minor releases that can't read safely
	// what another role owns (before 13.16, 14.13, 15.8, 16.4); ErrBusy, ErrNotFound.
	Lag(ctx context.Context, opts ...LagOption) (SequenceLag, error)

	// CatchUp moves a sequence that is behind its columns to the first value of its own
	// steps after what they hold, and reports whether it had to. Columns and values count
	// as for Lag. CatchUp never moves a sequence back: from its last look until its
	// transaction ends it blocks everybody's next value, and it waits for transactions
	// that took one. It drops values in other connections' caches. It does not block
	// inserts that bring their own values. It does not see those that aren't committed
	// yet or, in a REPEATABLE READ transaction, weren't when that began.
	//
	// A rollback undoes it. It needs SELECT on the sequence and the columns and, to move
	// the sequence, its ownership.
	//
	// Errors: those of Lag; ErrOutOfRange if the sequence is behind and no value is left
	// after what the columns hold, of the sequence's or of those that fit into the column
	// that holds most (a sequence that has ended is not behind); ErrReadOnly.
	CatchUp(ctx context.Context, opts ...LagOption) (CaughtUp, error)

	// Reset starts the sequence over: the next value is 1. If the sequence's bounds don't
	// allow that, the error is ErrOutOfRange; use Restart then. Otherwise as ResetTo.
	Reset(ctx context.Context) error

	// ResetTo makes v the next value. A rollback undoes it, with the values that were
	// taken after it in its transaction. Until that transaction ends nobody else gets a
	// value, and ResetTo waits for transactions that took one. It needs ownership.
	// Errors: ErrOutOfRange, ErrPermission, ErrReadOnly, ErrNotFound, ErrBusy.
	ResetTo(ctx context.Context, v int64) error

	// Restart starts the sequence over at its declared start, the one it has in the
	// database now. Otherwise as ResetTo.
	Restart(ctx context.Context) error

	// reach returns the sequence's access, for [Access].
	reach() *access
}

// Access returns the dialect and the querier of a sequence. Package massive uses it for
// allocators.
func Access(s Sequence) (dialect.Dialect, dialect.Querier) {
	a := s.reach()
	return a.dialect, a.querier
}

type sequence struct {
	def *dialect.SequenceDef
	*access
}

func (s *sequence) object() *dialect.Object { return &s.def.Object }
func (s *sequence) Name() dialect.Name      { return s.def.Name }
func (s *sequence) String() string          { return s.def.Name.String() }
func (s *sequence) Owner() string           { return s.def.Owner }
func (s *sequence) Comment() string         { return s.def.Comment }
func (s *sequence) reach() *access          { return s.access }

func (s *sequence) Def() dialect.SequenceDef {
	def := *s.def
	def.OwnedBy, def.KeyOf = clone(def.OwnedBy), clone(def.KeyOf)
	return def
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func (s *sequence) explain(ctx context.Context, op dialect.Op, err error) error {
	return explain(ctx, s.access, dialect.Failure{Op: op, Name: s.def.Name, Sequence: s.def, Err: err})
}

func (s *sequence) LastValue(ctx context.Context) (int64, error) {
	state, err := s.state(ctx)
	if err == nil && state.NextOnly {
		return 0, s.explain(ctx, dialect.OpLastValue, dialect.Unsupported("read the last value, only the next value; call State"))
	}
	return state.Last, err
}

func (s *sequence) State(ctx context.Context) (SequenceState, error) {
	state, err := s.state(ctx)
	if err != nil {
		return SequenceState{}, err
	}
	return StateWithin(s.def, s.def.Min, s.def.Max, state), nil
}

func (s *sequence) state(ctx context.Context) (dialect.SequenceState, error) {
	d, err := operation(ctx, s.access)
	if err != nil {
		return dialect.SequenceState{}, fail(dialect.OpLastValue, s.def.Name, err)
	}
	state, err := d.SequenceState(ctx, s.querier, s.def.Name)
	if err != nil {
		return dialect.SequenceState{}, s.explain(ctx, dialect.OpLastValue, err)
	}
	return state, nil
}

func (s *sequence) NextValue(ctx context.Context) (int64, error) {
	d, err := operation(ctx, s.access)
	if err != nil {
		return 0, fail(dialect.OpNextValue, s.def.Name, err)
	}
	v, err := d.NextSequenceValue(ctx, s.querier, s.def.Name)
	if err != nil {
		return 0, s.explain(ctx, dialect.OpNextValue, err)
	}
	return v, nil
}

func (s *sequence) Reset(ctx context.Context) error {
	one := int64(1)
	return s.restart(ctx, dialect.OpReset, &one)
}

func (s *sequence) ResetTo(ctx context.Context, v int64) error {
	return s.restart(ctx, dialect.OpResetTo, &v)
}

func (s *sequence) Restart(ctx context.Context) error {
	return s.restart(ctx, dialect.OpRestart, nil)
}

func (s *sequence) restart(ctx context.Context, op dialect.Op, at *int64) error {
	d, err := operation(ctx, s.access)
	if err != nil {
		return fail(op, s.def.Name, err)
	}
	if err := d.RestartSequence(ctx, s.querier, s.def.Name, at); err != nil {
		return s.explain(ctx, op, err)
	}
	return nil
}
