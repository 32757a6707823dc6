package dialect

// What a dialect may be able to do with sequences beyond taking one value: to reserve many, to set one, to look at all
// of them at once, and to compare one with the column that it feeds.

import "context"

// A SequenceReserver takes many values at once.
type SequenceReserver interface {
	// NextSequenceValues reserves n values and returns them, in the order in which they were taken. They need not
	// follow each other where others take values meanwhile. Values that were taken before something failed come
	// back with the error. The core sees to it that n is above 0 and not above [MaxSequenceValues].
	NextSequenceValues(ctx context.Context, q Querier, seq Name, n int) ([]int64, error)

	// NextSequenceBlock reserves one value and returns it beside the definition that it was taken by, as it is at
	// that very moment.
	NextSequenceBlock(ctx context.Context, q Querier, seq Name) (SequenceBlock, error)
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

// A SequenceSetter sets sequences, whatever becomes of the transaction.
type SequenceSetter interface {
	// SetSequenceValue makes v the value handed out last or, if called is false, the next one. It is not undone
	// with the transaction that it runs in, unless that one has restarted the sequence before.
	SetSequenceValue(ctx context.Context, q Querier, seq Name, v int64, called bool) error
}

// A SequenceAuditor looks at many sequences.
type SequenceAuditor interface {
	// SequenceColumns are the columns that draw on sequences, of all sequences and in no order: those that own one,
	// and those whose default, or failing that their type's, takes a value.
	SequenceColumns(ctx context.Context, q Querier) ([]SequenceColumn, error)

	// SequenceStates reads where sequences stand, one reading for each and in their order. An error of its own
	// means that none was read; the core then tries with fewer. The core asks for a few hundred at most.
	SequenceStates(ctx context.Context, q Querier, seqs []*SequenceDef) ([]SequenceReading, error)
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

// A SequenceMender compares sequences with the columns that they feed.
type SequenceMender interface {
	// SequenceLag reads the largest value, or the smallest if the sequence descends, in all the columns that draw on
	// the sequence now, those that [SequenceAuditor] would list, and then where the sequence stands, so that a value
	// which is taken and stored meanwhile can't look as if the sequence had not handed it out. Columns that hold no
	// numbers don't count. Where none does the error wraps [ErrInvalid]; where one can't be read, or not all of it,
	// [ErrPermission], with its name.
	SequenceLag(ctx context.Context, q Querier, seq *SequenceDef) (SequenceLag, error)

	// CatchUpSequence moves the sequence past what those columns hold, if it is not yet, along its own steps. It
	// holds off whoever takes values while it looks and moves, so that it never moves the sequence back. It tells
	// whether it moved it, and is undone with the transaction that it runs in. Errors as SequenceLag's.
	CatchUpSequence(ctx context.Context, q Querier, seq *SequenceDef) (moved bool, err error)
}

// A SequenceLag is a sequence beside what its columns hold.
type SequenceLag struct {
	// Column is the one that holds Furthest; where several do, or all are empty, the first of those by its table's
	// schema, its table's name and its own.
	Column ColumnRef
	State  SequenceState
	// Increment, Min and Max are the sequence's as they are now.
	Increment int64
	Min, Max  int64
	// Furthest is the largest value in the columns, or the smallest for a sequence that descends, a fraction rounded
	// to where the sequence comes from; Empty says that there is none.
	Furthest int64
	Empty    bool
}
