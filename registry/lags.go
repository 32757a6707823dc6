package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/querier"
)

// Lags compares all sequences of a snapshot with the columns that draw on them. Each
// sequence is in one of its lists, which are sorted by name. The zero value means that
// there are no sequences.
type Lags struct {
	// Behind has the sequences that were behind. After CatchUp none of them is.
	Behind []NamedLag
	// Level has the sequences that were not behind.
	Level []NamedLag
	// Untied has the sequences that can't be behind: they cycle, or no column of numbers
	// that counts draws on them. Each Err wraps [dialect.ErrInvalid].
	Untied []UnknownLag
	// Unknown has the sequences that could not be compared or moved. They may be behind.
	Unknown []UnknownLag
}

// A NamedLag is a sequence and its lag.
type NamedLag struct {
	Sequence dialect.Name
	// Lag is the lag when the sequence was compared, before CatchUp moved it.
	Lag SequenceLag
	// To is the next value to which CatchUp moves the sequence: the first after
	// Lag.Furthest. It is further if a larger value was committed in between. To is 0 if
	// the sequence is not behind, or has no value left.
	To int64
}

// An UnknownLag is a sequence that has no lag, and why. Err wraps a sentinel if one
// applies, for example [dialect.ErrPermission] or [dialect.ErrNotFound].
type UnknownLag struct {
	Sequence dialect.Name
	Err      error
}

// String returns the lag in a line: "public.orders_id_seq: public.orders.id is at 1000,
// and its sequence is behind: the next value is 3; after CatchUp it is 1001".
func (l NamedLag) String() string {
	text := l.Sequence.String() + ": " + l.Lag.String()
	if l.To != 0 {
		text += fmt.Sprintf("; after CatchUp it is %d", l.To)
	}
	return text
}

// String returns the sequence and the reason in a line of at most [dialect.MaxText]
// bytes.
func (u UnknownLag) String() string {
	return dialect.Cut(fmt.Sprintf("%s: %v", u.Sequence, u.Err), dialect.MaxText)
}

// String returns a line with a summary, and a line for each sequence in Behind and
// Unknown.
func (l Lags) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "of %d sequences %d were behind, %d were not, %d have no column, %d are unknown",
		len(l.Behind)+len(l.Level)+len(l.Untied)+len(l.Unknown), len(l.Behind), len(l.Level), len(l.Untied), len(l.Unknown))
	for _, s := range l.Behind {
		fmt.Fprintf(&b, "\n%s", s)
	}
	for _, u := range l.Unknown {
		fmt.Fprintf(&b, "\n%s", u)
	}
	return b.String()
}

// comparedAtOnce is the number of sequences per statement. Each needs locks until its
// statement ends, and CatchUp blocks the sequences that it moved until then.
const comparedAtOnce = 250

// Lags compares all sequences of the snapshot, with those of primary keys, with the
// columns that draw on them. If move is set, it moves the sequences that are behind.
// Package massive describes it as DB.Lag and DB.CatchUp.
func (r *Registry) Lags(ctx context.Context, move bool, opts ...LagOption) (Lags, error) {
	c := lagging{access: &r.access, op: dialect.OpLag, move: move}
	if move {
		c.op = dialect.OpCatchUp
	}
	blocks, err := inBlocks(opts)
	if err == nil {
		_, err = operation(ctx, c.access)
	}
	if err == nil && !r.filter.Has(dialect.KindSequence) {
		err = fmt.Errorf("%w: the snapshot has no sequences; load them", dialect.ErrInvalid)
	}
	if err != nil {
		return Lags{}, fail(c.op, dialect.Name{}, err)
	}
	c.blocks = blocks
	var comparable []*dialect.SequenceDef
	for _, def := range r.numbered {
		if def.Cycle {
			c.unknown(def, errNeverBehind())
		} else {
			comparable = append(comparable, def)
		}
	}
	for batch := range slices.Chunk(comparable, comparedAtOnce) {
		if err = c.batch(ctx, batch); err != nil {
			err = explain(ctx, c.access, dialect.Failure{Op: c.op, Err: err})
			break
		}
	}
	c.sort()
	return c.Lags, err
}

// A lagging compares sequences in batches.
type lagging struct {
	Lags
	*access
	op           dialect.Op
	blocks, move bool
}

// batch compares a batch, and moves the sequences that are behind. If a sequence fails a
// statement, batch divides the batch to find it.
func (c *lagging) batch(ctx context.Context, defs []*dialect.SequenceDef) error {
	var all []dialect.SequenceLagReading
	err := c.step(ctx, func() (err error) {
		all, err = lagsOf(ctx, c.dialect, c.querier, defs, c.blocks)
		return err
	})
	switch {
	case err == nil:
	case !c.divisible(ctx, defs[0], err):
		return err
	case len(defs) == 1:
		c.failed(ctx, dialect.OpLag, defs[0], err)
		return nil
	default:
		half := len(defs) / 2
		if err := c.batch(ctx, defs[:half]); err != nil {
			return err
		}
		return c.batch(ctx, defs[half:])
	}
	var behind []*dialect.SequenceDef
	var lags []NamedLag
	for i, reading := range all {
		if reading.Err != nil {
			c.failed(ctx, dialect.OpLag, defs[i], reading.Err)
			continue
		}
		named := NamedLag{Sequence: defs[i].Name, Lag: lagOf(defs[i], reading.Lag)}
		if !named.Lag.Behind {
			c.Level = append(c.Level, named)
			continue
		}
		named.To = after(reading.Lag, named.Lag)
		behind, lags = append(behind, defs[i]), append(lags, named)
	}
	if !c.move {
		c.Behind = append(c.Behind, lags...)
		return nil
	}
	return c.catchUp(ctx, behind, lags)
}

// after returns the first value after the furthest one, or 0 if the sequence has none.
func after(d dialect.SequenceLag, l SequenceLag) int64 {
	n, _ := steps(l.State.Next, l.Furthest, d.Increment)
	last, end := l.State.Next+int64(n)*d.Increment, d.Max // the product wraps around to the right value
	if d.Increment < 0 {
		end = d.Min
	}
	if left, ok := steps(last, end, d.Increment); !ok || left == 0 {
		return 0
	}
	return last + d.Increment
}

// catchUp moves sequences that are behind: all in one message, and then each that this
// left in a message of its own.
func (c *lagging) catchUp(ctx context.Context, defs []*dialect.SequenceDef, lags []NamedLag) error {
	if len(defs) > 1 {
		left := 0
		err := c.step(ctx, func() (err error) {
			left, err = c.dialect.CatchUpSequences(ctx, c.querier, defs, c.blocks)
			return err
		})
		switch {
		case err == nil && left == 0:
			c.Behind = append(c.Behind, lags...)
			return nil
		case err != nil && !c.divisible(ctx, defs[0], err):
			return err
		case err != nil:
			half := len(defs) / 2
			if err := c.catchUp(ctx, defs[:half], lags[:half]); err != nil {
				return err
			}
			return c.catchUp(ctx, defs[half:], lags[half:])
		}
		if defs, lags, err = c.remaining(ctx, defs, lags); err != nil {
			return err
		}
	}
	for i, def := range defs {
		err := c.step(ctx, func() error {
			_, err := c.dialect.CatchUpSequence(ctx, c.querier, def, c.blocks)
			return err
		})
		switch {
		case err == nil:
			c.Behind = append(c.Behind, lags[i])
		case c.divisible(ctx, def, err):
			c.failed(ctx, dialect.OpCatchUp, def, err)
		default:
			return err
		}
	}
	return nil
}

// remaining compares sequences again, and returns the sequences that are still behind.
func (c *lagging) remaining(ctx context.Context, defs []*dialect.SequenceDef, lags []NamedLag) ([]*dialect.SequenceDef, []NamedLag, error) {
	var all []dialect.SequenceLagReading
	err := c.step(ctx, func() (err error) {
		all, err = lagsOf(ctx, c.dialect, c.querier, defs, c.blocks)
		return err
	})
	if err != nil {
		if c.divisible(ctx, defs[0], err) {
			return defs, lags, nil
		}
		return nil, nil, err
	}
	var still []*dialect.SequenceDef
	var their []NamedLag
	for i, reading := range all {
		switch {
		case reading.Err != nil:
			c.failed(ctx, dialect.OpCatchUp, defs[i], reading.Err)
		case lagOf(defs[i], reading.Lag).Behind:
			still, their = append(still, defs[i]), append(their, lags[i])
		default:
			c.Behind = append(c.Behind, lags[i])
		}
	}
	return still, their, nil
}

// step calls f, which sends a statement. In a transaction it sets a savepoint before, so
// that the transaction survives an error.
func (c *lagging) step(ctx context.Context, f func() error) error {
	const savepoint = "massive_lag"
	if !querier.IsTransaction(c.querier) {
		return f()
	}
	var lacking dialect.Unsupported
	switch err := c.dialect.SetSavepoint(ctx, c.querier, savepoint); {
	case errors.As(err, &lacking):
		return f()
	case err != nil:
		return err
	}
	err := f()
	// The savepoint must be released or rolled back even if ctx has ended.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err == nil {
		return c.dialect.ReleaseSavepoint(after, c.querier, savepoint)
	}
	if errBack := c.dialect.RollbackToSavepoint(after, c.querier, savepoint); errBack != nil {
		return &lostTransaction{err, errBack}
	}
	return err
}

// A lostTransaction is an error after which the transaction could not be rolled back to
// its savepoint.
type lostTransaction struct{ err, back error }

func (l *lostTransaction) Error() string {
	return l.err.Error() + "; and the transaction is lost: " + l.back.Error()
}
func (l *lostTransaction) Unwrap() []error { return []error{l.err, l.back} }

// divisible reports whether err, of a statement for def and others, may be about one
// sequence, so that the others can go on.
func (c *lagging) divisible(ctx context.Context, def *dialect.SequenceDef, err error) bool {
	var lacking dialect.Unsupported
	var lost *lostTransaction
	if contexts.Ended(ctx) != nil || errors.As(err, &lacking) || errors.As(err, &lost) {
		return false
	}
	known := c.dialect.Classify(dialect.Failure{Op: c.op, Name: def.Name, Sequence: def, Err: err})
	for _, fatal := range []error{dialect.ErrTxAborted, dialect.ErrReadOnly, dialect.ErrUnavailable} {
		if errors.Is(err, fatal) || errors.Is(known, fatal) {
			return false
		}
	}
	return Answered(err) || slices.ContainsFunc([]error{
		dialect.ErrNotFound, dialect.ErrInvalid, dialect.ErrPermission, dialect.ErrBusy, dialect.ErrUnsupported, dialect.ErrOutOfRange,
		dialect.ErrDeadlock, dialect.ErrServerTimeout,
	}, func(one error) bool { return errors.Is(err, one) || errors.Is(known, one) })
}

// failed lists a sequence with the error of the dialect.
func (c *lagging) failed(ctx context.Context, op dialect.Op, def *dialect.SequenceDef, err error) {
	c.unknown(def, Known(ctx, c.dialect, dialect.Failure{Op: op, Name: def.Name, Sequence: def, Err: err}))
}

func (c *lagging) unknown(def *dialect.SequenceDef, err error) {
	u := UnknownLag{def.Name, err}
	if errors.Is(err, dialect.ErrInvalid) && !Answered(err) {
		c.Untied = append(c.Untied, u)
		return
	}
	c.Unknown = append(c.Unknown, u)
}

func (l *Lags) sort() {
	for _, list := range [][]NamedLag{l.Behind, l.Level} {
		slices.SortFunc(list, func(a, b NamedLag) int { return a.Sequence.Compare(b.Sequence) })
	}
	for _, list := range [][]UnknownLag{l.Untied, l.Unknown} {
		slices.SortFunc(list, func(a, b UnknownLag) int { return a.Sequence.Compare(b.Sequence) })
	}
}
