package massive

import (
	"context"

	"github.com/massivedb/massive-go/registry"
)

// InBlocks also counts values between two steps of the sequence. It is an option of Lag
// and CatchUp of a [Sequence], and of [DB.Lag] and [DB.CatchUp]. It is for sequences
// whose increment is the length of a block, as for [HiLo] and NextBlock: all values of a
// block are handed out.
func InBlocks() registry.LagOption { return registry.InBlocks() }

// Lag compares all sequences of the snapshot with the columns that draw on them, as Lag
// of a [Sequence] does for one. It includes the sequences of primary keys. It does not
// include the sequences that [Include] and [Exclude] exclude. It takes two round trips
// for each 250 sequences. It waits for exclusive locks on tables, as any SELECT does.
// [DB.InSchema] does not limit it.
//
// A sequence that can't be compared is in the result with the reason, and does not affect
// the others. If a sequence fails the statement of a batch, Lag divides the batch to find
// it. In a transaction it sets a savepoint before each statement, so that the transaction
// survives the failure. It does not read all sequences at the same moment.
//
// If an error ends Lag, the result has the sequences that were compared before. Errors:
// [ErrInvalid], [ErrUnsupported], [ErrTxAborted], [ErrUnavailable], and ctx's error.
func (m *DB) Lag(ctx context.Context, opts ...registry.LagOption) (registry.Lags, error) {
	return m.Registry().Lags(ctx, false, opts...)
}

// CatchUp moves all sequences of the snapshot that are behind the columns that draw on
// them, as CatchUp of a [Sequence] does for one. Run it after a restore or a bulk load.
// Sequences, batches and savepoints are those of [DB.Lag]. It takes two round trips for
// each 250 sequences, and a third if some are behind.
//
// CatchUp never moves a sequence back, and no value is handed out twice: it checks each
// sequence again under the lock that CatchUp of a [Sequence] takes. It moves a batch in
// one transaction of some tenths of a second. Until that ends, next values of the moved
// sequences wait. CatchUp does not wait for other transactions meanwhile, so it does not
// deadlock with them: it leaves a sequence that it can't lock within a millisecond. Then
// it moves each that it left in a transaction of its own, and waits for it.
//
// In a caller's transaction the locks are held until its end, and a rollback undoes all
// moves. There CatchUp may deadlock with a transaction that takes values of two
// sequences. [ErrDeadlock] is then in the result, and the moves before it stay.
//
// A sequence that could not be moved is in Unknown of the result, for example with
// [ErrPermission] if the role does not own it. Errors: those of Lag; [ErrReadOnly]. Moves
// before the error stay.
func (m *DB) CatchUp(ctx context.Context, opts ...registry.LagOption) (registry.Lags, error) {
	return m.Registry().Lags(ctx, true, opts...)
}
