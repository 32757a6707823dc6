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

	// LastValue is the value handed out last by anybody, and before the first one, or after a reset, the one
	// that will be next; State tells the two apart. Errors: ErrPermission, ErrNotFound.
	LastValue(ctx context.Context) (int64, error)

	// State is where the sequence stands, and what is left of it, by the definition that was loaded. Errors as
	// LastValue's.
	State(ctx context.Context) (SequenceState, error)

	// NextValue reserves a value that nobody else gets and returns it. It is used up even if the transaction
	// that it was taken in is rolled back, unless that transaction reset the sequence before
	// (https://www.postgresql.org/docs/current/functions-sequence.html). Errors: ErrExhausted, ErrPermission,
	// ErrReadOnly, ErrNotFound.
	NextValue(ctx context.Context) (int64, error)

	// NextValues reserves n values in one round trip and returns them as they are, in the order in which they were
	// taken. (A driver that prepares each statement by itself, and keeps it, does so for each n: with pgx in its
	// default mode the first time with another n is two.)
	// They need not follow each other: others take values meanwhile, and a sequence may cycle. Where the sequence
	// ends before the nth, or anything else fails, the values taken until then come with the error: they are the
	// caller's, and nobody else gets them. n goes from 1 to 10,000, which keeps the memory that it takes below
	// 100 kB; otherwise, and for locks and transactions, as NextValue. Errors: those, and ErrInvalid.
	NextValues(ctx context.Context, n int) ([]int64, error)

	// NextBlock takes one value and with it all those up to the next one that the sequence will hand out, as many as
	// its increment, which is read in the same statement; at the sequence's bound the block is cut short. Nobody
	// else gets one of them, as long as all that take values by blocks do so by this, others keep to the value that
	// NextValue gives them, and nobody makes the increment smaller while blocks are in use. A sequence that cycles
	// is refused with ErrInvalid. Otherwise as NextValue.
	NextBlock(ctx context.Context) (Block, error)

	// SetValue makes v the value that was handed out last, so that the one behind it is next, or, if called is
	// false, the next one. Unlike ResetTo it takes effect at once, for everybody, and stays if its transaction is
	// rolled back, unless that transaction has reset the sequence before; it holds nobody off (ROW EXCLUSIVE),
	// so that it can move the sequence back past a value that somebody is just taking; it waits only for resets;
	// it needs UPDATE, not ownership. Values in the caches of other connections are still handed out
	// (https://www.postgresql.org/docs/current/functions-sequence.html). Errors: ErrOutOfRange, ErrPermission,
	// ErrReadOnly, ErrNotFound, ErrBusy.
	SetValue(ctx context.Context, v int64, called bool) error

	// Behind tells whether the columns that draw on the sequence, as they are now, hold values that it is still to hand
	// out, as after a restore or inserts with values of their own. Those are the columns that own it and those that
	// take their default from it, in whatever table: where several share a sequence, the largest value in all of them
	// counts. Columns of other kinds than numbers, such as a text with the value in it, are not looked at. It reads each
	// column's largest value, by an index if there is one, and only what is committed. It needs SELECT on the
	// sequence and the columns, and waits for nobody who only takes or resets. It takes two round trips, and one more
	// for each further thousand columns. Errors: ErrInvalid for a sequence that no column of numbers draws on, or that
	// cycles; ErrOutOfRange for a column whose largest value no bigint holds; ErrPermission, with the name of a column
	// that can't be read, or of a table whose rows row security hides; ErrNotFound.
	Behind(ctx context.Context) (SequenceLag, error)

	// CatchUp moves a sequence that is behind its columns to the first value of its own steps behind what they
	// hold, and tells whether it had to. It never moves one back: from its last look until its transaction ends it
	// holds off everybody's next value, and it waits for the transactions that took one. Values in other
	// connections' caches are dropped. It does not hold off inserts that bring values of their own: those which
	// aren't committed yet, or, in a REPEATABLE READ transaction, weren't when that began, it does not see.
	//
	// It is undone if its transaction is rolled back. It needs SELECT on the sequence and the columns and, where it
	// has to move the sequence, its ownership. Errors as Behind's; ErrOutOfRange where it is behind and there is no value behind what the
	// columns hold, of the sequence's or of those that fit into the column that holds most (a sequence that has ended is
	// behind nothing), ErrPermission, ErrReadOnly, ErrBusy.
	CatchUp(ctx context.Context) (moved bool, err error)

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
	return explain(ctx, s.dialect, dialect.Failure{Op: op, Name: s.def.Name, Sequence: s.def, Err: err})
}

func (s *sequence) LastValue(ctx context.Context) (int64, error) {
	reader, ok := s.dialect.(dialect.LastValueReader)
	if !ok || s.check() != nil { // state says what is wrong
		state, err := s.state(ctx)
		return state.Last, err
	}
	last, err := reader.LastSequenceValue(ctx, s.querier, s.def.Name)
	if err != nil {
		return 0, s.explain(ctx, dialect.OpLastValue, err)
	}
	return last, nil
}

func (s *sequence) State(ctx context.Context) (SequenceState, error) {
	state, err := s.state(ctx)
	if err != nil {
		return SequenceState{}, err
	}
	return standing(s.def, s.def.Min, s.def.Max, state), nil
}

func (s *sequence) state(ctx context.Context) (dialect.SequenceState, error) {
	reader, err := capability[dialect.SequenceReader](s.access)
	if err != nil {
		return dialect.SequenceState{}, fail(dialect.OpLastValue, s.def.Name, err)
	}
	state, err := reader.SequenceState(ctx, s.querier, s.def.Name)
	if err != nil {
		return dialect.SequenceState{}, s.explain(ctx, dialect.OpLastValue, err)
	}
	return state, nil
}

func (s *sequence) NextValue(ctx context.Context) (int64, error) {
	mover, err := capability[dialect.SequenceMover](s.access)
	if err != nil {
		return 0, fail(dialect.OpNextValue, s.def.Name, err)
	}
	v, err := mover.NextSequenceValue(ctx, s.querier, s.def.Name)
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
	mover, err := capability[dialect.SequenceMover](s.access)
	if err != nil {
		return fail(op, s.def.Name, err)
	}
	if err := mover.RestartSequence(ctx, s.querier, s.def.Name, at); err != nil {
		return s.explain(ctx, op, err)
	}
	return nil
}
