package dialect

import "context"

// A SequenceDialect reads, takes and sets the values of sequences. [NoSequences] has a default for
// each method.
type SequenceDialect interface {
	// SequenceState reports where a sequence stands without moving it.
	SequenceState(ctx context.Context, q Querier, seq Name) (SequenceState, error)

	// NextSequenceValue reserves a value and returns it.
	NextSequenceValue(ctx context.Context, q Querier, seq Name) (int64, error)

	// NextSequenceValues reserves n values and returns all n, in the order in which they were taken.
	// They need not be consecutive: others may take values meanwhile. It returns values only with a
	// nil error. Values that arrived before a failure are not committed, and the server may give
	// them out again after a crash. They are lost. The core passes an n from 1 to
	// [MaxSequenceValues].
	NextSequenceValues(ctx context.Context, q Querier, seq Name, n int) ([]int64, error)

	// NextSequenceBlock reserves one value. It returns the value and the definition that it was
	// taken by, as of that moment.
	NextSequenceBlock(ctx context.Context, q Querier, seq Name) (SequenceBlock, error)

	// RestartSequence makes the value at the next one. If at is nil, that is the declared start. It
	// must not commit q's transaction.
	RestartSequence(ctx context.Context, q Querier, seq Name, at *int64) error

	// SetSequenceValue makes v the value handed out last or, if called is false, the next one. A
	// rollback does not undo it, unless the transaction restarted the sequence before.
	SetSequenceValue(ctx context.Context, q Querier, seq Name, v int64, called bool) error

	// SequenceColumns lists the columns that draw on any sequence, in no order: identity columns,
	// and columns whose default, or else their type's, takes a value. A column counts only if the
	// owners of its table and of its type may speak for the sequence. Those are the sequence's
	// owner, an administrator, and the role itself.
	SequenceColumns(ctx context.Context, q Querier) ([]SequenceColumn, error)

	// SequenceStates reads the states of sequences, one reading for each and in their order. If
	// State.Called and State.NextOnly are false, nothing more is known of a sequence, and Last means
	// nothing. If SequenceStates itself fails, none was read, and the core tries with fewer. The core
	// asks for a few hundred at most.
	SequenceStates(ctx context.Context, q Querier, seqs []*SequenceDef) ([]SequenceReading, error)

	// SequenceLag reads the largest value in all the columns of a sequence, or the smallest if it
	// descends, and then the sequence's state. If a value is taken and stored meanwhile, it must not
	// look as if the sequence had not handed it out.
	//
	// The columns are those that SequenceColumns would list. A value counts if it is within the
	// sequence's bounds and on its steps; if blocks is set, also between two steps. A column that
	// does not count is not read and is returned as an [UnreadColumn]. Columns without numbers are
	// left out. If no column is left, the error wraps [ErrInvalid]. If a column can't be read, or
	// not completely, the error wraps [ErrPermission] and names it.
	SequenceLag(ctx context.Context, q Querier, seq *SequenceDef, blocks bool) (SequenceLag, error)

	// CatchUpSequence moves a sequence that is behind its columns past their values. Columns and
	// values count as in SequenceLag. It blocks others' next values while it looks and moves, so
	// that it never moves the sequence back. It must not commit q's transaction.
	CatchUpSequence(ctx context.Context, q Querier, seq *SequenceDef, blocks bool) (CaughtUp, error)
}

// NoSequences is the [SequenceDialect] of a database without sequences. Its methods return an
// [Unsupported] error.
type NoSequences struct{}

var _ SequenceDialect = NoSequences{}

// SequenceState returns an [Unsupported] error.
func (NoSequences) SequenceState(context.Context, Querier, Name) (SequenceState, error) {
	return SequenceState{}, Unsupported("tell where sequences stand")
}

// NextSequenceValue returns an [Unsupported] error.
func (NoSequences) NextSequenceValue(context.Context, Querier, Name) (int64, error) {
	return 0, Unsupported("take values")
}

// NextSequenceValues returns an [Unsupported] error.
func (NoSequences) NextSequenceValues(context.Context, Querier, Name, int) ([]int64, error) {
	return nil, Unsupported("take many values at once")
}

// NextSequenceBlock returns an [Unsupported] error.
func (NoSequences) NextSequenceBlock(context.Context, Querier, Name) (SequenceBlock, error) {
	return SequenceBlock{}, Unsupported("take blocks of values")
}

// RestartSequence returns an [Unsupported] error.
func (NoSequences) RestartSequence(context.Context, Querier, Name, *int64) error {
	return Unsupported("restart sequences")
}

// SetSequenceValue returns an [Unsupported] error.
func (NoSequences) SetSequenceValue(context.Context, Querier, Name, int64, bool) error {
	return Unsupported("set the values of sequences")
}

// SequenceColumns returns an [Unsupported] error.
func (NoSequences) SequenceColumns(context.Context, Querier) ([]SequenceColumn, error) {
	return nil, Unsupported("list the columns that draw on sequences")
}

// SequenceStates returns an [Unsupported] error.
func (NoSequences) SequenceStates(context.Context, Querier, []*SequenceDef) ([]SequenceReading, error) {
	return nil, Unsupported("read many sequences at once")
}

// SequenceLag returns an [Unsupported] error.
func (NoSequences) SequenceLag(context.Context, Querier, *SequenceDef, bool) (SequenceLag, error) {
	return SequenceLag{}, Unsupported("compare sequences with their columns")
}

// CatchUpSequence returns an [Unsupported] error.
func (NoSequences) CatchUpSequence(context.Context, Querier, *SequenceDef, bool) (CaughtUp, error) {
	return CaughtUp{}, Unsupported("catch sequences up with their columns")
}

// SequenceState is where a sequence stands.
type SequenceState struct {
	// Last is the value that was handed out last. If Called is false, it is the value that will be
	// next. With a cache above 1 it is the last value that any connection reserved.
	Last int64
	// Called says that Last has been handed out. It is false for a new sequence and after a reset.
	Called bool
	// NextOnly says that the database keeps no last value. Last is the next value then, and Called
	// is false, whether or not a value was ever taken. If the sequence has ended, Last is beyond the
	// bound.
	NextOnly bool
}

// MaxSequenceValues is how many values one call can reserve.
const MaxSequenceValues = 10_000

// A SequenceBlock is a value that was taken, and what says how far it is to the next one that somebody else can take.
type SequenceBlock struct {
	Value     int64
	Increment int64 // never 0
	Min, Max  int64
	Cycle     bool
}

// A SequenceColumn is a column that draws on a sequence.
type SequenceColumn struct {
	Sequence int64 // the sequence's ID
	Column   ColumnRef
	Type     string // as SQL writes it: "integer"
	// Bounded says that the type has room for the values from Min to Max and for no others.
	Bounded  bool
	Min, Max int64
}

// A SequenceReading is a sequence's state, or why it is not known.
type SequenceReading struct {
	State SequenceState
	Err   error
}

// A SequenceLag is a sequence beside what its columns hold.
type SequenceLag struct {
	// Column is the one that holds Furthest. If several do, or none, it is the first of them by its table's schema, its
	// table's name and its own.
	Column ColumnRef
	State  SequenceState
	// Increment, Min and Max are the sequence's as they are now.
	Increment int64
	Min, Max  int64
	// Furthest is the largest value in the columns that counts, or the smallest if the sequence descends. A fraction is
	// rounded to where the sequence comes from. Empty says that there is none.
	Furthest int64
	Empty    bool
	Unread   []UnreadColumn
}

// CaughtUp is what a catch-up did.
type CaughtUp struct {
	Moved  bool           // the sequence was behind, and was moved
	Unread []UnreadColumn // columns that were not looked at
}

// An UnreadColumn is a column that draws on a sequence, or a part of one, and was not looked at.
type UnreadColumn struct {
	Column ColumnRef
	Why    string // in words: "its table belongs to mallory", "it is not in a table"
}

// String is the column and the reason: "shop.orders.id (its table belongs to mallory)".
func (c UnreadColumn) String() string { return c.Column.String() + " (" + c.Why + ")" }
