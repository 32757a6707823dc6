package dialect

// What a dialect may be able to do with sequences beyond taking one value: to reserve many, to set one, to look at all
// of them at once, and to compare one with the column that it feeds.

import "context"

// A SequenceReserver takes many values at once.
type SequenceReserver interface {
	// NextSequenceValues reserves n values and returns all n, in the order in which they were taken. They need
	// not follow each other if others take values meanwhile. It returns values only with a nil error: values that
	// arrived before a failure are not committed, and a crash of the server may give them out again. They are
	// lost. The core passes an n from 1 to [MaxSequenceValues].
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
	// SequenceColumns lists the columns that draw on sequences, of all sequences and in no order: identity columns, and
	// columns whose default, or else their type's, takes a value. A column counts only if its table's owner, and its
	// type's, may speak for the sequence: the sequence's owner, an administrator, or the role itself.
	SequenceColumns(ctx context.Context, q Querier) ([]SequenceColumn, error)

	// SequenceStates reads the last values of sequences, one reading for each and in their order. If State.Called is
	// false nothing more is known of a sequence, and Last means nothing. An error of its own means that none was read;
	// the core then tries with fewer. The core asks for a few hundred at most.
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

// A SequenceMender compares sequences with the columns that draw on them. Columns are those that
// [SequenceAuditor] would list. Of a column only those values count that the sequence may hand out, within its bounds
// and on its steps; if blocks is set, values between two steps count, too.
//
// A column that does not count is not read, and is returned as an [UnreadColumn]. Columns that hold no numbers are left
// out. If no column is left the error wraps [ErrInvalid]. If one can't be read, or not all of it, the error wraps
// [ErrPermission] and names it.
type SequenceMender interface {
	// SequenceLag reads the largest value in all the columns, or the smallest if the sequence descends, and then the
	// sequence's state. A value that is taken and stored meanwhile must not look as if the sequence had not handed it
	// out.
	SequenceLag(ctx context.Context, q Querier, seq *SequenceDef, blocks bool) (SequenceLag, error)

	// CatchUpSequence moves the sequence past these values, if it is not yet. It blocks others' next values while it
	// looks and moves, so that it never moves the sequence back. It is undone with the transaction that it runs in.
	CatchUpSequence(ctx context.Context, q Querier, seq *SequenceDef, blocks bool) (CaughtUp, error)
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
