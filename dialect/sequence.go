package dialect

import "context"

// A SequenceDialect reads, takes and sets the values of sequences. [NoSequences] has a
// default for each method.
type SequenceDialect interface {
	// SequenceState reads the sequence's state and does not change it. Errors:
	// [ErrNotFound], also if the name now belongs to an object that is not a sequence.
	SequenceState(ctx context.Context, q Querier, seq Name) (SequenceState, error)

	// NextSequenceValue takes the next value and returns it. No other call may get the
	// same value, and a rollback does not give it back, unless the transaction restarted
	// the sequence before.
	//
	// Errors: [ErrNotFound]; [ErrExhausted] if the sequence has no value left.
	NextSequenceValue(ctx context.Context, q Querier, seq Name) (int64, error)

	// NextSequenceValues takes n values, from 1 to [MaxSequenceValues], and returns all n
	// in the order in which it took them. Other clients may take values in between.
	// Outside a transaction it must return only when the values survive a crash of the
	// server, if the database can ensure that. After an error the core discards the values.
	//
	// Errors: [ErrNotFound]; [ErrExhausted] if fewer than n values are left.
	NextSequenceValues(ctx context.Context, q Querier, seq Name, n int) ([]int64, error)

	// NextSequenceBlock takes the next value. It returns the value with the definition by
	// which the server took it. A definition from before or after would give a block of
	// the wrong length. The value survives a crash as in NextSequenceValues. The core
	// does not call it if the sequence was loaded with Cycle.
	//
	// Errors: [ErrNotFound]; [ErrExhausted].
	NextSequenceBlock(ctx context.Context, q Querier, seq Name) (SequenceBlock, error)

	// RestartSequence makes *at the next value or, if at is nil, the declared start as it
	// is in the database now. A rollback undoes it. Until the transaction ends, it blocks
	// other clients' next values, and it waits for transactions that took a value.
	//
	// Errors: [ErrNotFound]; [ErrOutOfRange].
	RestartSequence(ctx context.Context, q Querier, seq Name, at *int64) error

	// SetSequenceValue makes v the last value or, if called is false, the next value. It
	// takes effect immediately. A rollback does not undo it, unless the transaction
	// restarted the sequence before.
	//
	// Errors: [ErrNotFound]; [ErrOutOfRange].
	SetSequenceValue(ctx context.Context, q Querier, seq Name, v int64, called bool) error

	// SequenceColumns returns the columns that draw on any sequence, in any order. A
	// column draws on a sequence if it is an identity column or its default takes a
	// value. If it has no default, the default of its type counts. A column counts only
	// if its table and its type belong to trusted roles: the sequence's owner, an
	// administrator, or the current role. The others are omitted.
	SequenceColumns(ctx context.Context, q Querier) ([]SequenceColumn, error)

	// SequenceStates reads the states of a few hundred sequences at most. It returns one
	// reading for each, in their order. A sequence that can't be read has its error in
	// the reading. If a reading's State.Called and State.NextOnly are both false, the
	// state is not known and Last has no meaning. If SequenceStates fails as a whole, the
	// core retries with fewer sequences. A sequence's name may be invalid UTF-8, so read
	// by ID.
	SequenceStates(ctx context.Context, q Querier, seqs []*SequenceDef) ([]SequenceReading, error)

	// SequenceLags reads, for each of a few hundred sequences at most, the largest value
	// in all columns that draw on it, or the smallest if it descends. It reads a
	// sequence's state after the columns: a value that is taken and stored meanwhile must
	// not make the sequence look behind. It returns one reading for each sequence, in
	// their order. The core does not pass sequences that were loaded with Cycle.
	//
	// The columns are those of SequenceColumns. A value counts if it is within the
	// sequence's bounds and on one of its steps or, if blocks is set, between two steps.
	// A column that does not count is returned as an [UnreadColumn]. A column without
	// numbers is skipped.
	//
	// Errors, in the readings or, for a single sequence, also as a whole: [ErrNotFound];
	// [ErrInvalid] if no column remains; [ErrPermission], with the column's name, if a
	// column can't be read completely. If SequenceLags fails as a whole for several
	// sequences, the core retries with fewer.
	SequenceLags(ctx context.Context, q Querier, seqs []*SequenceDef, blocks bool) ([]SequenceLagReading, error)

	// CatchUpSequence moves a sequence that is behind its columns to its first value
	// after theirs. Columns and values count as in SequenceLags. It must never move the
	// sequence back: it blocks other clients' next values from its last read until the
	// transaction ends. A rollback undoes it. The core does not call it if the sequence
	// was loaded with Cycle.
	//
	// Errors: those of SequenceLags; [ErrOutOfRange] if no value is left after the
	// columns'.
	CatchUpSequence(ctx context.Context, q Querier, seq *SequenceDef, blocks bool) (CaughtUp, error)

	// CatchUpSequences does the same for a few hundred sequences at most, in one
	// transaction. It must not wait for other transactions while it blocks the values of
	// a sequence. It leaves a sequence that it can't move at once, and returns how many
	// it left. The core then compares all of them again, and calls CatchUpSequence for
	// each that is still behind. If CatchUpSequences fails as a whole, it moved nothing.
	CatchUpSequences(ctx context.Context, q Querier, seqs []*SequenceDef, blocks bool) (left int, err error)
}

// NoSequences is the [SequenceDialect] of a database without sequences. Its methods
// return an [Unsupported] error.
type NoSequences struct{}

var _ SequenceDialect = NoSequences{}

// SequenceState returns an [Unsupported] error.
func (NoSequences) SequenceState(context.Context, Querier, Name) (SequenceState, error) {
	return SequenceState{}, Unsupported("read the state of sequences")
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

// SequenceLags returns an [Unsupported] error.
func (NoSequences) SequenceLags(context.Context, Querier, []*SequenceDef, bool) ([]SequenceLagReading, error) {
	return nil, Unsupported("compare sequences with their columns")
}

// CatchUpSequence returns an [Unsupported] error.
func (NoSequences) CatchUpSequence(context.Context, Querier, *SequenceDef, bool) (CaughtUp, error) {
	return CaughtUp{}, Unsupported("catch sequences up with their columns")
}

// CatchUpSequences returns an [Unsupported] error.
func (NoSequences) CatchUpSequences(context.Context, Querier, []*SequenceDef, bool) (int, error) {
	return 0, Unsupported("catch sequences up with their columns")
}

// A SequenceState is the position of a sequence.
type SequenceState struct {
	// Last is the last value that the sequence handed out. If Called is false, it is the
	// next value. If the sequence has a cache, it is the last value that any connection
	// reserved.
	Last int64
	// Called means that Last was handed out. It is false for a new sequence and after a
	// restart.
	Called bool
	// NextOnly means that the database keeps only the next value. Then Last is the next
	// value, and Called is false, even if values were taken. If the sequence is
	// exhausted, Last is beyond the bound.
	NextOnly bool
}

// MaxSequenceValues is the most values that one call of NextSequenceValues takes.
const MaxSequenceValues = 10_000

// A SequenceBlock is a value and the definition by which the server took it.
type SequenceBlock struct {
	Value     int64 // the value that was taken
	Increment int64 // never 0
	Min, Max  int64 // the bounds, inclusive
	Cycle     bool  // the sequence starts over after its last value
}

// A SequenceColumn is a column that draws on a sequence.
type SequenceColumn struct {
	Sequence int64     // the sequence's ID
	Column   ColumnRef // the column
	Type     string    // the column's type as SQL writes it: "integer"
	// Bounded means that the column can hold exactly the values from Min to Max. If it is
	// false, the column's limit is not known.
	Bounded  bool
	Min, Max int64
}

// A SequenceReading is a sequence's state, or the error of reading it.
type SequenceReading struct {
	State SequenceState
	Err   error // if not nil, State has no meaning
}

// A SequenceLag compares a sequence with the columns that draw on it.
type SequenceLag struct {
	// Column is the column that holds Furthest. If several columns hold it, or none holds
	// a value, Column is the first by schema, table and name.
	Column ColumnRef
	State  SequenceState
	// Increment, Min and Max are those of the sequence now, not of the load.
	Increment int64
	Min, Max  int64
	// Furthest is the largest value that counts, or the smallest if the sequence
	// descends. A fraction is rounded toward the values that come before: down or, if the
	// sequence descends, up.
	Furthest int64
	Empty    bool           // no value counts, and Furthest has no meaning
	Unread   []UnreadColumn // the columns that were not read
}

// A SequenceLagReading is a sequence's lag, or the error of reading it.
type SequenceLagReading struct {
	Lag SequenceLag
	Err error // if not nil, Lag has no meaning
}

// CaughtUp is the result of CatchUpSequence.
type CaughtUp struct {
	Moved  bool           // the sequence was behind and was moved
	Unread []UnreadColumn // the columns that were not read
}

// An UnreadColumn is a column that draws on a sequence and was not read. It may be a
// column of one partition.
type UnreadColumn struct {
	Column ColumnRef
	Why    string // in words: "its table belongs to mallory", "it is not in a table"
}

// String returns the column and the reason: "shop.orders.id (its table belongs to
// mallory)".
func (c UnreadColumn) String() string { return c.Column.String() + " (" + c.Why + ")" }
