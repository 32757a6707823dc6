package registry

import (
	"context"

	"github.com/massivedb/massive-go/dialect"
)

// A Sequence is a sequence as it was loaded, with its operations. It is safe for
// concurrent use if its querier is. A [Registry] returns it. Later releases may add
// methods.
//
// Look a sequence up each time you use it; a lookup takes about 15 ns. A kept Sequence
// has the definition of its load, also after a reload. Its operations use the name. So
// they use a recreated sequence, and return ErrNotFound after a drop or a rename.
type Sequence interface {
	// Name returns the sequence's name, with its schema.
	Name() dialect.Name
	// Def returns the definition as it was loaded, and the role's rights. It is the
	// caller's copy.
	Def() dialect.SequenceDef
	// Owner returns the role that owns the sequence.
	Owner() string
	// Comment returns the sequence's comment, or an empty text.
	Comment() string

	// LastValue returns the last value that any client took. Before the first value, or
	// after a reset, it returns the next value; State distinguishes the two. It takes one
	// round trip, or two before the first value. It waits for a reset in another open
	// transaction. Inside a transaction it blocks resets by other clients until the
	// transaction ends. It needs SELECT or USAGE on the sequence; before the first value
	// it needs SELECT.
	//
	// Errors:
	//   - ErrPermission, ErrBusy
	//   - ErrNotFound, also if the name now belongs to another kind of relation
	//   - ErrUnsupported if the database keeps no last value
	//   - ErrUnsupported before the first value, if another role owns the sequence and
	//     the server is older than 13.16, 14.13, 15.8 or 16.4, which can't read it safely
	LastValue(ctx context.Context) (int64, error)

	// State returns the sequence's position and its remaining values, computed with the
	// definition that was loaded. Locks, rights and errors are those of LastValue.
	State(ctx context.Context) (SequenceState, error)

	// NextValue takes a value and returns it. No other client gets the value. A rollback
	// does not give it back, unless the transaction reset the sequence before
	// (https://www.postgresql.org/docs/current/functions-sequence.html).
	//
	// After a crash Postgres may hand out a value again that it returned in the last
	// milliseconds: it logs 32 values ahead, and may return one of them before the log is
	// on disk. NextValues(ctx, 1) waits for the disk. If the transaction also writes, its
	// values are safe after its commit.
	//
	// Errors: ErrExhausted, ErrPermission, ErrReadOnly, ErrNotFound.
	NextValue(ctx context.Context) (int64, error)

	// NextValues takes n values in one round trip and returns all n, in the order in
	// which it took them. n is from 1 to 10,000. The values may have gaps, because other
	// clients take values meanwhile and a sequence may cycle. The statement's text
	// contains n. So with pgx in its default mode, the first call with another n takes
	// two round trips.
	//
	// After an error NextValues returns no values. The values that it took are lost:
	// after a crash the server may hand them out again. So if fewer than n values are
	// left, the error is ErrExhausted and the last values are lost.
	//
	// NextValues returns when the server's log is on disk. So its values survive any
	// crash, unless the session has set synchronous_commit to off. Inside a transaction
	// they survive after its commit; use them only inside it until then. Each call logs a
	// record, which logical decoding shows as an empty message with the prefix "massive".
	//
	// Errors: those of NextValue, and ErrInvalid for another n.
	NextValues(ctx context.Context, n int) ([]int64, error)

	// NextBlock takes one value that stands for a block: all values before the next one
	// that the sequence will hand out. A block is as long as the increment, which the
	// same statement reads. At the sequence's bound it is shorter.
	//
	// No other client gets a value of the block under three conditions. All clients that
	// take blocks use NextBlock or HiLo. Other clients use only the value that NextValue
	// returns. The increment does not become smaller while blocks are in use: NextBlock
	// does not notice that, and an allocator with HiLo notices it at its next fetch.
	// Blocks survive crashes as the values of NextValues do.
	//
	// Errors: those of NextValue, and ErrInvalid for a sequence that cycles.
	NextBlock(ctx context.Context) (Block, error)

	// SetValue makes v the last value or, if called is false, the next value. Unlike
	// ResetTo it takes effect immediately for all clients. A rollback does not undo it,
	// unless the transaction reset the sequence before. It does not block other clients
	// (ROW EXCLUSIVE). So it can move the sequence back past a value that another client
	// is taking. It waits only for resets. It needs UPDATE, not ownership. Other
	// connections still hand out the values in their caches
	// (https://www.postgresql.org/docs/current/functions-sequence.html).
	//
	// Errors: ErrOutOfRange, ErrPermission, ErrReadOnly, ErrNotFound, ErrBusy.
	SetValue(ctx context.Context, v int64, called bool) error

	// Lag reports whether columns that draw on the sequence hold values that the sequence
	// will hand out. That happens after a restore, or after inserts with explicit values.
	// Lag reads the sequence and the columns as they are now.
	//
	// A column draws on the sequence if it is an identity column or its default takes a
	// value. If it has no default, the default of its domain counts. Lag reads all such
	// columns, of all tables. The largest value counts, or the smallest if the sequence
	// descends. A value counts only if it is within the sequence's bounds and on one of
	// its steps. With [InBlocks] values between two steps count, too. Lag skips columns
	// without numbers.
	//
	// Lag reads only ordinary and partitioned tables whose owner is the sequence's owner,
	// a superuser or the current role. The result lists the columns that it did not read,
	// with the reasons. Reading a table runs the expressions of its indexes, as any
	// SELECT does.
	//
	// Lag reads committed values, by an index if there is one. It needs SELECT on the
	// sequence and the columns. It takes two round trips, and one more for each further
	// thousand columns.
	//
	// Errors:
	//   - ErrInvalid for a sequence that cycles, or without a column of numbers
	//   - ErrPermission, with the name of a column that can't be read, or of a table
	//     whose rows row security hides
	//   - ErrUnsupported if another role owns the relations, and the server is older than
	//     13.16, 14.13, 15.8 or 16.4
	//   - ErrBusy, ErrNotFound
	Lag(ctx context.Context, opts ...LagOption) (SequenceLag, error)

	// CatchUp moves a sequence that is behind its columns to its first step after their
	// values, and reports whether it moved it. Columns and values count as for Lag.
	//
	// CatchUp never moves a sequence back. From its last read until its transaction ends,
	// it blocks the next values of all clients. It waits for transactions that took a
	// value. It invalidates the caches of other connections. It does not block inserts
	// with explicit values, and does not see them before their commit. A REPEATABLE READ
	// transaction does not see those that were committed after it began.
	//
	// A rollback undoes CatchUp. It needs SELECT on the sequence and the columns. To move
	// the sequence it needs ownership.
	//
	// Errors: those of Lag; ErrReadOnly; ErrOutOfRange if the sequence is behind and has
	// no value left, or the column's type has none. An exhausted sequence is not behind.
	CatchUp(ctx context.Context, opts ...LagOption) (CaughtUp, error)

	// Reset makes 1 the next value. If the sequence's bounds exclude 1, the error is
	// ErrOutOfRange; use Restart then. Otherwise as ResetTo.
	Reset(ctx context.Context) error

	// ResetTo makes v the next value. A rollback undoes it, and gives back the values
	// that the transaction took afterwards. Until the transaction ends, other clients'
	// next values wait. ResetTo waits for transactions that took a value. It needs
	// ownership.
	//
	// Errors: ErrOutOfRange, ErrPermission, ErrReadOnly, ErrNotFound, ErrBusy.
	ResetTo(ctx context.Context, v int64) error

	// Restart makes the declared start, as it is in the database now, the next value.
	// Otherwise as ResetTo.
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
