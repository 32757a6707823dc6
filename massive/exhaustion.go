package massive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/option"
	"github.com/massivedb/massive-go/registry"
)

// An Exhaustion reports how much of the sequences of a database is used.
type Exhaustion struct {
	Share   float64       // the share from which a sequence is listed in Above
	Looked  int           // the number of sequences in the database, with those in Unknown
	Above   []SequenceUse // sequences that have used Share or more, the fullest first
	Unknown []UnknownUse  // sequences that could not be read, by name
	// Uncalled has the sequences that no value was taken from since they were created,
	// restarted or set, by name. Their state is not known.
	Uncalled []dialect.Name
}

// A SequenceUse reports how much of a sequence is used. It accounts for the smallest column
// that draws on the sequence.
type SequenceUse struct {
	Sequence dialect.Name
	// Column is the column that has the least room for the sequence's values, of the
	// columns that draw on the sequence. It is nil if no column does.
	Column     *dialect.ColumnRef
	ColumnType string // as SQL writes it: "integer"; empty without a column
	// State is the state of the sequence, with Limit as its last value.
	State registry.SequenceState
	// Limit is the last value that fits into both the sequence and the column.
	Limit int64
	// Overflows means that the column is full before the sequence ends. Then inserts
	// fail, and NextValue does not.
	Overflows bool
	// Cycles means that the sequence starts over at its end.
	Cycles bool
}

// An UnknownUse is a sequence that could not be read, and why. Err wraps [ErrPermission],
// [ErrNotFound] if the sequence was dropped meanwhile, or the driver's error.
type UnknownUse struct {
	Sequence dialect.Name
	Err      error
}

// String returns the use in a line: "public.orders.id (integer) is 93.1 % used: at
// 2000000000, 147483647 left up to 2147483647, where the column is full (sequence
// public.orders_id_seq)".
func (u SequenceUse) String() string {
	what, of := "sequence "+u.Sequence.String(), ""
	if u.Column != nil {
		what, of = fmt.Sprintf("%s (%s)", *u.Column, u.ColumnType), fmt.Sprintf(" (%s)", what)
	}
	then := "where the sequence ends"
	switch {
	case u.Overflows:
		then = "where the column is full"
	case u.Cycles:
		then = "where the sequence starts over"
	}
	const rounding = 1e-9
	percent := math.Floor(1000*u.State.Used+rounding) / 10 // rounded down, so that 100 % means full
	return fmt.Sprintf("%s is %.1f %% used: at %d, %d left up to %d, %s%s", what, percent, u.State.Last, u.State.Remaining,
		u.Limit, then, of)
}

// String returns the sequence and the reason in a line of at most [dialect.MaxText]
// bytes.
func (u UnknownUse) String() string {
	return dialect.Cut(fmt.Sprintf("sequence %s is unknown: %v", u.Sequence, u.Err), dialect.MaxText)
}

// String returns a line with a summary and a line for each listed sequence.
func (e Exhaustion) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d sequences are used up to %g %% or more", len(e.Above), e.Looked, 100*e.Share)
	if len(e.Unknown) > 0 {
		fmt.Fprintf(&b, ", %d are unknown", len(e.Unknown))
	}
	if len(e.Uncalled) > 0 {
		fmt.Fprintf(&b, ", %d are uncalled", len(e.Uncalled))
	}
	for _, u := range e.Above {
		fmt.Fprintf(&b, "\n%s", u)
	}
	for _, u := range e.Unknown {
		fmt.Fprintf(&b, "\n%s", u)
	}
	return b.String()
}

// An ExhaustionOption changes what [DB.Exhaustion] lists. Each option may be given once. The
// zero value is invalid.
type ExhaustionOption struct{ set option.Option[Exhaustion] }

// AtLeast lists the sequences that have used this share of their values or more. The
// share is from 0, which lists all sequences, to 1. The default is 0.75.
func AtLeast(share float64) ExhaustionOption {
	return ExhaustionOption{option.New("AtLeast", func(e *Exhaustion) error {
		if !(share >= 0 && share <= 1) { // NaN is refused, too
			return fmt.Errorf("%w: share %v is not from 0 to 1", dialect.ErrInvalid, share)
		}
		e.Share = share
		return nil
	})}
}

const (
	fullEnough    = 0.75 // the default of AtLeast
	auditedAtOnce = 250  // sequences per statement: each stays locked until the statement ends
)

// Exhaustion reports which sequences and id columns are almost full. It reads the current
// state of all sequences of the database, and lists the sequences that have used three
// quarters of their values, or the share that [AtLeast] sets. It includes sequences of
// primary keys, and sequences that [Include] and [Exclude] exclude.
//
// The columns that draw on a sequence limit it: an integer key on a bigint sequence is
// full at 2147483647. A column draws on a sequence if it is an identity column, or if its
// default takes a value. Without a default of its own, the default of its domain counts.
// The owner of the table must be the sequence's owner, a superuser or the role itself. A
// default that has the sequence's name as text is not recognized. A column that is not
// numeric, such as a varchar(3), does not limit the sequence.
//
// Exhaustion reads no sequence by its name. So it does not know the state of a sequence
// that no value was taken from, and lists it as uncalled.
//
// Exhaustion loads the sequences, reads the columns, and sends a statement for each 250
// sequences. So it does not read all sequences at the same moment. It waits for resets in
// open transactions. It lists a sequence that can't be read, or was dropped meanwhile, as
// unknown. In a caller's transaction a statement that fails is an error instead. Errors:
// [ErrInvalid], [ErrUnsupported], those of [Load].
func (m *DB) Exhaustion(ctx context.Context, opts ...ExhaustionOption) (Exhaustion, error) {
	e := Exhaustion{Share: fullEnough}
	err := option.Apply(&e, "ExhaustionOption", opts, func(o ExhaustionOption) option.Option[Exhaustion] { return o.set })
	if err != nil {
		return Exhaustion{}, fail(dialect.OpExhaustion, dialect.Name{}, err)
	}
	explained := func(err error) error { return m.explain(ctx, dialect.Failure{Op: dialect.OpExhaustion, Err: err}) }
	cat, err := registry.LoadCatalog(ctx, m.querier, m.dialect, dialect.Filter{Kinds: []dialect.Kind{dialect.KindSequence}}, dialect.OpExhaustion)
	if err != nil {
		return Exhaustion{}, err
	}
	columns, err := m.dialect.SequenceColumns(ctx, m.querier)
	if err != nil {
		return Exhaustion{}, explained(err)
	}
	drawing := map[int64][]dialect.SequenceColumn{}
	for _, c := range columns {
		drawing[c.Sequence] = append(drawing[c.Sequence], c)
	}
	all := make([]*dialect.SequenceDef, len(cat.Sequences))
	for i := range cat.Sequences {
		all[i] = &cat.Sequences[i]
	}
	// A fixed order gives the same batches each time, so that a driver that caches
	// statements caches few.
	slices.SortFunc(all, func(a, b *dialect.SequenceDef) int { return cmp.Compare(a.ID, b.ID) })
	for batch := range slices.Chunk(all, auditedAtOnce) {
		readings, err := m.states(ctx, batch)
		if err != nil {
			return Exhaustion{}, explained(err)
		}
		for i, reading := range readings {
			e.add(batch[i], drawing[batch[i].ID], reading)
		}
	}
	slices.SortFunc(e.Above, func(a, b SequenceUse) int {
		return cmp.Or(cmp.Compare(b.State.Used, a.State.Used), cmp.Compare(a.State.Remaining, b.State.Remaining),
			a.Sequence.Compare(b.Sequence))
	})
	slices.SortFunc(e.Uncalled, dialect.Name.Compare)
	slices.SortFunc(e.Unknown, func(a, b UnknownUse) int { return a.Sequence.Compare(b.Sequence) })
	return e, nil
}

// states reads a batch. If a sequence fails the statement, states bisects the batch to
// find it.
func (m *DB) states(ctx context.Context, batch []*dialect.SequenceDef) ([]dialect.SequenceReading, error) {
	readings, err := m.dialect.SequenceStates(ctx, m.querier, batch)
	switch {
	case err == nil && len(readings) != len(batch):
		return nil, fmt.Errorf("the %s dialect returned %d readings of %d sequences", m.dialect.Name(), len(readings), len(batch))
	case err == nil:
		return readings, nil
	case ctx.Err() != nil, !registry.Answered(err):
		return nil, err
	}
	known := m.dialect.Classify(dialect.Failure{Op: dialect.OpLastValue, Name: batch[0].Name, Sequence: batch[0], Err: err})
	if errors.Is(known, dialect.ErrTxAborted) {
		return nil, err
	}
	if len(batch) == 1 {
		if known != nil {
			err = fmt.Errorf("%w: %w", known, err)
		}
		return []dialect.SequenceReading{{Err: err}}, nil
	}
	half := len(batch) / 2
	first, err1 := m.states(ctx, batch[:half])
	if err1 != nil {
		return nil, errors.Join(err1, err)
	}
	second, err2 := m.states(ctx, batch[half:])
	if err2 != nil {
		return nil, errors.Join(err2, err)
	}
	return append(first, second...), nil
}

// add counts a sequence and adds it to the list that it belongs to.
func (e *Exhaustion) add(d *dialect.SequenceDef, columns []dialect.SequenceColumn, reading dialect.SequenceReading) {
	e.Looked++
	if reading.Err != nil {
		e.Unknown = append(e.Unknown, UnknownUse{d.Name, reading.Err})
		return
	}
	if !reading.State.Called && !reading.State.NextOnly {
		e.Uncalled = append(e.Uncalled, d.Name)
		return
	}
	u := SequenceUse{Sequence: d.Name, Cycles: d.Cycle, Limit: d.Max}
	if d.Increment < 0 {
		u.Limit = d.Min
	}
	low, high := d.Min, d.Max
	slices.SortFunc(columns, func(a, b dialect.SequenceColumn) int {
		return cmp.Or(a.Column.Table.Compare(b.Column.Table), cmp.Compare(a.Column.Column, b.Column.Column))
	})
	for i, c := range columns {
		tighter := c.Bounded && (d.Increment > 0 && c.Max < u.Limit || d.Increment < 0 && c.Min > u.Limit)
		if i == 0 || tighter {
			u.Column, u.ColumnType = &columns[i].Column, c.Type
		}
		if tighter {
			u.Overflows = true
			if u.Limit = c.Max; d.Increment < 0 {
				u.Limit = c.Min
			}
		}
	}
	if d.Increment > 0 {
		high = min(high, u.Limit)
	} else {
		low = max(low, u.Limit)
	}
	u.State = registry.StateWithin(d, low, high, reading.State)
	if u.Column != nil {
		own := *u.Column
		u.Column = &own
	}
	if u.State.Used >= e.Share {
		e.Above = append(e.Above, u)
	}
}
