package registry

import (
	"context"

	"github.com/massivedb/massive-go/dialect"
)

// A Sequence is a sequence as it was loaded, with its operations. It is safe for concurrent use as far as its
// querier is. Programs get theirs from a [Registry]; the interface may grow.
type Sequence interface {
	// Name is the sequence's, with its schema.
	Name() dialect.Name
	// Def is what was loaded of it: type, start, increment, bounds, the column that owns it, the key that it
	// feeds, the role's rights. It is the caller's.
	Def() dialect.SequenceDef
	// Owner is the role that owns the sequence.
	Owner() string
	// Comment is the one set on the sequence, empty for none.
	Comment() string

	// LastValue is the value handed out last by anybody. Before the first one, or after a reset, it is the one that
	// will be next; State tells the two apart. It takes one round trip, and a second one before a first value is taken.
	// It waits for a reset in another's open transaction and, in a transaction, makes others' resets wait until that ends.
	// It needs SELECT or USAGE on the sequence, and SELECT before a first value is taken.
	//
	// Errors: ErrPermission, ErrNotFound, also if the name is another kind of relation by now, ErrBusy; ErrUnsupported
	// before a first value is taken, if the sequence belongs to another role and the server's minor release can't read it
	// safely (before 13.16, 14.13, 15.8, 16.4). ErrUnsupported also on a database that keeps the next value only.
	LastValue(ctx context.Context) (int64, error)

	// State is where the sequence stands, and what is left of it, by the definition that was loaded. Locks, rights and
	// errors are LastValue's.
	State(ctx context.Context) (SequenceState, error)

	// NextValue reserves a value that nobody else gets and returns it. It is used up even if the transaction
	// that it was taken in is rolled back, unless that transaction reset the sequence before
	// (https://www.postgresql.org/docs/current/functions-sequence.html).
	//
	// After a crash of the server, PostgreSQL itself may give out a value again that it returned in the last
	// milliseconds before. It logs 32 values ahead, and returns a value that another session has logged before that
	// log is on disk. NextValues(ctx, 1) waits for the disk each time. A transaction that also writes something
	// keeps its values once it commits.
	//
	// Errors: ErrExhausted, ErrPermission, ErrReadOnly, ErrNotFound.
	NextValue(ctx context.Context) (int64, error)

	// NextValues reserves n values in one round trip and returns all n, in the order in which they were taken. (A
	// driver that prepares each statement by itself, and keeps it, does so for each n: with pgx in its default mode
	// the first call with another n is two round trips.) The values need not follow each other: others take values
	// meanwhile, and a sequence may cycle.
	//
	// With an error NextValues returns no values. What it took until then is lost: the server has not committed those
	// values, and may give them out again after a crash. So a sequence that ends before the nth value gives
	// ErrExhausted, and its last values are lost.
	//
	// The values hold whatever crashes, unless the session has set synchronous_commit to off: NextValues returns when
	// the server's log is on disk. In a transaction they hold once that commits; until then use them only inside of
	// it. For that each call logs a record, which logical decoding shows as an empty message with prefix "massive".
	//
	// n goes from 1 to 10,000, which keeps the memory that it takes below 100 kB. Locks and transactions: as
	// NextValue. Errors: those, and ErrInvalid.
	NextValues(ctx context.Context, n int) ([]int64, error)

	// NextBlock takes one value, which stands for a block: all values up to the next one that the sequence will hand
	// out. The block is as long as the increment, which the same statement reads; at the sequence's bound it is cut
	// short. Nobody else gets a value of it if everybody who takes blocks does so by NextBlock or HiLo, others use
	// only the value that NextValue returns, and nobody makes the increment smaller while blocks are in use. NextBlock
	// does not notice that; an allocator by HiLo does at its next fetch. A block holds whatever crashes, as NextValues
	// says. A sequence that cycles is refused with ErrInvalid. Otherwise as NextValue.
	NextBlock(ctx context.Context) (Block, error)

	// SetValue makes v the value that was handed out last, so that the one behind it is next, or, if called is
	// false, the next one. Unlike ResetTo it takes effect at once, for everybody, and stays if its transaction is
	// rolled back, unless that transaction has reset the sequence before; it holds nobody off (ROW EXCLUSIVE),
	// so that it can move the sequence back past a value that somebody is just taking; it waits only for resets;
	// it needs UPDATE, not ownership. Values in the caches of other connections are still handed out
	// (https://www.postgresql.org/docs/current/functions-sequence.html). Errors: ErrOutOfRange, ErrPermission,
	// ErrReadOnly, ErrNotFound, ErrBusy.
	SetValue(ctx context.Context, v int64, called bool) error

	// Lag tells whether a column that draws on the sequence, as it is now, holds values that the sequence is still
	// to hand out, as after a restore or inserts with values of their own.
	//
	// A column draws on the sequence if it is an identity column, or if its default, or else its domain's, takes a value.
	// If several do, in whatever tables, the largest value in all of them counts, or the smallest if the sequence
	// descends. A value counts only if it is within the sequence's bounds and on its steps; with [InBlocks] values
	// between two steps count, too. Columns that hold no numbers, such as a text with the value in it, are not read.
	//
	// Only ordinary and partitioned tables are read, and only those whose owner is the sequence's, a superuser or the
	// role itself. The result names the columns that were not looked at, and why. Reading a table runs the expressions
	// of its indexes, as any SELECT does.
	//
	// Lag reads what is committed, by an index if there is one. It needs SELECT on the sequence and the columns. It
	// takes two round trips, and one more for each further thousand columns. Errors: ErrInvalid for a sequence that no
	// column of numbers draws on, or that cycles; ErrPermission with the name of a column that can't be read, or of a
	// table whose rows row security hides; ErrUnsupported on minor releases that can't read safely what another role
	// owns (before 13.16, 14.13, 15.8, 16.4); ErrBusy, ErrNotFound.
	Lag(ctx context.Context, opts ...LagOption) (SequenceLag, error)

	// CatchUp moves a sequence that is behind its columns to the first value of its own steps after what they
	// hold, and tells whether it had to. Columns and values count as in Lag. It never moves one back: from its last
	// look until its transaction ends it blocks everybody's next value, and it waits for the transactions that took one.
	// Values in other connections' caches are dropped. It does not block inserts that bring values of their own. It does
	// not see those that aren't committed yet or, in a REPEATABLE READ transaction, weren't when that began.
	//
	// It is undone if its transaction is rolled back. It needs SELECT on the sequence and the columns and, to move the
	// sequence, its ownership. Errors: those of Lag; ErrOutOfRange if it is behind and no value is left after what the
	// columns hold, of the sequence's or of those that fit into the column that holds most (a sequence that has ended is
	// behind nothing); ErrReadOnly.
	CatchUp(ctx context.Context, opts ...LagOption) (CaughtUp, error)

	// Reset starts the sequence over: the next value is 1. Where the sequence's bounds don't allow that the
	// error wraps ErrOutOfRange; Restart then does what is meant. Otherwise as ResetTo.
	Reset(ctx context.Context) error

	// ResetTo makes v the next value. It is undone if its transaction is rolled back, and so are the values
	// taken behind it there; until that transaction ends, nobody else gets a value, and it waits for the
	// transactions that took one. It needs ownership. Errors: ErrOutOfRange, ErrPermission, ErrReadOnly,
	// ErrNotFound, ErrBusy.
	ResetTo(ctx context.Context, v int64) error

	// Restart starts the sequence over at its declared start, the one it has in the database now. Otherwise as
	// ResetTo.
	Restart(ctx context.Context) error
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
		return 0, s.explain(ctx, dialect.OpLastValue, dialect.Unsupported("tell the last value, only the next one; State has it"))
	}
	return state.Last, err
}

func (s *sequence) State(ctx context.Context) (SequenceState, error) {
	state, err := s.state(ctx)
	if err != nil {
		return SequenceState{}, err
	}
	return standing(s.def, s.def.Min, s.def.Max, state), nil
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
