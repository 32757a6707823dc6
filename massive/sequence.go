package massive

import (
	"context"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/registry"
)

// What sequences return.
type (
	// A SequenceState is where a sequence stands, and what is left of it.
	SequenceState = registry.SequenceState
	// A SequenceLag is a sequence beside the columns that draw on it.
	SequenceLag = registry.SequenceLag
	// CaughtUp is what CatchUp did.
	CaughtUp = registry.CaughtUp
	// A LagOption changes what Lag and CatchUp take for values of the sequence: [InBlocks].
	LagOption = registry.LagOption
	// An UnreadColumn is a column that Lag and CatchUp did not look at, and why.
	UnreadColumn = dialect.UnreadColumn
	// A Block is a run of values that one value of a sequence stands for.
	Block = registry.Block
	// A ColumnRef names a table's column.
	ColumnRef = dialect.ColumnRef
	// An Exhaustion is how far the sequences of a database have come.
	Exhaustion = registry.Exhaustion
	// A SequenceUse is how much of a sequence is used up.
	SequenceUse = registry.SequenceUse
	// An UnknownUse is a sequence that could not be read.
	UnknownUse = registry.UnknownUse
	// An ExhaustionOption changes what [DB.Exhaustion] lists.
	ExhaustionOption = registry.ExhaustionOption
	// An Allocator hands out a sequence's values from blocks fetched ahead.
	Allocator = registry.Allocator
	// An AllocatorOption changes how an allocator works.
	AllocatorOption = registry.AllocatorOption
)

// MaxSequenceValues is how many values one NextValues can reserve.
const MaxSequenceValues = dialect.MaxSequenceValues

// Exhaustion tells when id columns run out: it reads where all sequences of the database stand and lists the ones that have
// used up three quarters of their values, or the share that [AtLeast] says. Sequences of primary keys, and those that
// [Include] and [Exclude] leave out, are among them. An integer key on a bigint sequence is full where the integers end.
// Where a sequence stands that nothing was taken from is not known; the report names these as uncalled.
//
// It takes a load of the sequences, a look at the columns, and a statement for each few hundred sequences. It waits
// for resets in open transactions. A sequence that can't be read, or was dropped meanwhile, is listed as unknown. In a
// transaction a statement that fails is an error instead. Errors: [ErrInvalid], [ErrUnsupported], those of [Load].
func (m *DB) Exhaustion(ctx context.Context, opts ...ExhaustionOption) (Exhaustion, error) {
	return m.Registry().Exhaustion(ctx, opts...)
}

// AtLeast lists the sequences that have used up this share of their values, from 0, which is all, to 1.
func AtLeast(share float64) ExhaustionOption { return registry.AtLeast(share) }

// InBlocks counts values between two of the sequence's steps, too. It is for sequences whose increment is the length of a
// block, as [HiLo] and NextBlock use them: all values of a block are handed out.
func InBlocks() LagOption { return registry.InBlocks() }

// NewAllocator makes an allocator for the sequence: values from blocks that are fetched ahead, for any number of
// goroutines. The sequence must not cycle, and has to be bound to a pool, or to a connection on which nobody begins a
// transaction, and not to a transaction. The allocator is to be closed. Errors: [ErrInvalid], [ErrUnsupported], and
// [ErrDrift] if the sequence was loaded with another increment than [HiLo] expects.
func NewAllocator(s Sequence, opts ...AllocatorOption) (*Allocator, error) {
	return registry.NewAllocator(s, opts...)
}

// BlockSize makes each fetch of an allocator reserve n values, from 1 to [MaxSequenceValues]. It is 1000 otherwise.
func BlockSize(n int) AllocatorOption { return registry.BlockSize(n) }

// HiLo makes each fetch of an allocator take one value, which stands for a block as long as the sequence's increment. The
// argument is the increment that the program expects, above 1 or below -1: any other is [ErrInvalid]. Everybody else who
// takes blocks must do so by HiLo or NextBlock; other callers may use only the value that NextValue returns.
//
// NewAllocator and every fetch, the first included, check the increment. If the sequence has another one, the block is
// thrown away and the error is [ErrDrift]: the sequence may give out values of blocks that are in use. Make sure that
// its last value is past them and set the increment back. Blocks that were fetched before the change are still handed
// out, and NextBlock checks nothing.
func HiLo(increment int64) AllocatorOption { return registry.HiLo(increment) }

// RefillTimeout is how long a fetch of an allocator may take; 30 seconds otherwise. A driver that ignores the end of its
// context gets a second more.
func RefillTimeout(d time.Duration) AllocatorOption { return registry.RefillTimeout(d) }
