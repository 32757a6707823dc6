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

	// State is where the sequence stands. Errors as LastValue's.
	State(ctx context.Context) (dialect.SequenceState, error)

	// NextValue reserves a value that nobody else gets and returns it. It is used up even if the transaction
	// that it was taken in is rolled back, unless that transaction reset the sequence before
	// (https://www.postgresql.org/docs/current/functions-sequence.html). Errors: ErrExhausted, ErrPermission,
	// ErrReadOnly, ErrNotFound.
	NextValue(ctx context.Context) (int64, error)

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
	state, err := s.State(ctx)
	return state.Last, err
}

func (s *sequence) State(ctx context.Context) (dialect.SequenceState, error) {
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
