package massive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/option"
	"github.com/massivedb/massive-go/internal/promptly"
	"github.com/massivedb/massive-go/internal/querier"
	"github.com/massivedb/massive-go/registry"
)

// An Allocator hands out values of a sequence from blocks that it fetches ahead. It is for
// programs that can't afford a round trip for each value. It is safe for any number of
// goroutines. The zero value is not usable; call [NewAllocator].
//
// No two callers get the same value, in this process or another, even if others use
// NextValue, NextValues or another allocator. For blocks by [HiLo], other callers must
// follow more rules. The guarantee ends if the sequence is moved back: after a Reset,
// ResetTo, Restart or SetValue the allocator continues with its blocks, and also hands
// out repeated values. It also ends if the sequence is altered to cycle after the load.
// HiLo checks that for each block; plain blocks rely on the loaded definition. On
// MariaDB, it also ends if the server crashes, unless the sequence has ENGINE=Aria.
//
// An Allocator uses a block only if the fetch returned no error. If a fetch fails, its
// values are lost, since after a crash the server may hand them out again. If fewer
// values than a block are left, the error is [ErrExhausted] and those values are lost.
//
// Each goroutine gets values in the sequence's order. Between two goroutines, the later
// call may get the lower value. If the sequence has a CACHE above 1, blocks come in no
// order on a pool, since each connection has its own cache. When an allocator is closed
// or its process ends, its values are lost: at most the rest of a block and one block
// fetched ahead.
//
// An Allocator fetches the next block when an eighth of the current one is taken.
type Allocator struct {
	name    dialect.Name
	fetch   func(ctx context.Context) (*block, error)
	timeout time.Duration
	calls   promptly.Calls

	current atomic.Pointer[block] // nil only for a zero Allocator; it may be used up

	mu      sync.Mutex
	next    *block // fetched ahead, or nil
	refill  *refill
	closed  bool
	life    context.Context // ends when the allocator is closed
	end     context.CancelFunc
	running sync.WaitGroup
}

// A block has values that were fetched together.
type block struct {
	taken       atomic.Int64 // number of attempts to take a value; may exceed len
	len, mark   int64        // number of values, and the index at which to fetch ahead
	values      []int64      // of a plain block
	first, step int64        // of a HiLo block
}

// markOf returns the index at which the next block is fetched. It is early enough to hide
// a round trip from a goroutine that only takes values, and late enough for a program
// that takes few values.
func markOf[T int | int64](length T) int64 { return int64(length / 8) }

func (b *block) at(i int64) int64 {
	if b.values != nil {
		return b.values[i]
	}
	return b.first + i*b.step
}

// A refill is a fetch in progress.
type refill struct {
	done chan struct{} // closed when err is set or the next block is available
	err  error
}

// An allocation combines the options of an allocator.
type allocation struct {
	block   int
	hiLo    int64 // the increment; 0 for plain blocks
	timeout time.Duration
}

// An AllocatorOption changes how an allocator works. Each option may be given once. The zero
// value is invalid.
type AllocatorOption struct{ set option.Option[allocation] }

// MaxSequenceValues is the largest number of values that one NextValues can reserve.
const MaxSequenceValues = dialect.MaxSequenceValues

// The defaults of an allocator.
const (
	defaultBlock   = 1000
	defaultTimeout = 30 * time.Second
)

// BlockSize makes each fetch reserve n values by NextValues, from 1 to
// [MaxSequenceValues]. The default is 1000. It works with any sequence that does not
// cycle.
func BlockSize(n int) AllocatorOption {
	return AllocatorOption{option.New("BlockSize", func(a *allocation) error {
		if n < 1 || n > dialect.MaxSequenceValues {
			return fmt.Errorf("%w: %d is not from 1 to %d", dialect.ErrInvalid, n, dialect.MaxSequenceValues)
		}
		a.block = n
		return nil
	})}
}

// HiLo makes each fetch take one value of the sequence, which stands for a block as long
// as the sequence's increment. So one statement reserves any number of values. All
// programs that take blocks from the sequence must use HiLo or NextBlock. Other callers
// may use only the value that NextValue returns. The argument is the increment that the
// program expects: above 1, or below -1 for a descending sequence. Other arguments are
// [ErrInvalid].
//
// NewAllocator checks the increment in the loaded definition, and each fetch checks it in
// the database. If it differs, the block is dropped and the error is [ErrDrift]. The
// sequence may then hand out values of blocks that are in use. To fix this, make sure
// that the sequence's last value is past those blocks, and set the increment back (ALTER
// SEQUENCE … INCREMENT BY …). The same allocator then works again. Values that others
// took in between may be in use twice. To change the increment on purpose, only make it
// larger, and restart the programs with the new value.
//
// The check does not protect blocks that were fetched before the increment was made
// smaller: an allocator hands out the current block and the block fetched ahead to their
// ends. It does not apply to NextBlock, which uses the increment that the sequence has.
func HiLo(increment int64) AllocatorOption {
	return AllocatorOption{option.New("HiLo", func(a *allocation) error {
		if increment >= -1 && increment <= 1 {
			return fmt.Errorf("%w: an increment of %d; it must be above 1 or below -1, since it is the length of a block; "+
				"use BlockSize for other sequences", dialect.ErrInvalid, increment)
		}
		a.hiLo = increment
		return nil
	})}
}

// RefillTimeout sets how long a fetch may take before it fails with
// [context.DeadlineExceeded], for all callers that wait for it. The default is 30
// seconds. A driver that ignores the end of its context gets a second more. Then the
// allocator abandons the driver's call, and its values are lost.
func RefillTimeout(d time.Duration) AllocatorOption {
	return AllocatorOption{option.New("RefillTimeout", func(a *allocation) error {
		if d <= 0 {
			return fmt.Errorf("%w: %v is not above 0", dialect.ErrInvalid, d)
		}
		a.timeout = d
		return nil
	})}
}

// NewAllocator returns an allocator for the sequence. It does not fetch yet. It uses the
// sequence's querier, on goroutines of its own. The querier must be a pool, or a
// connection that is never in a transaction: a transaction serves one goroutine at a
// time, and its rollback may release values. Call Close when the allocator is no longer
// needed.
//
// Errors: [ErrInvalid] for a sequence that cycles or is bound to a transaction, and for
// wrong options; [ErrDrift] if the sequence was loaded with another increment than HiLo
// expects.
func NewAllocator(s Sequence, opts ...AllocatorOption) (*Allocator, error) {
	if querier.IsNil(s) {
		return nil, fail(dialect.OpAllocate, dialect.Name{}, fmt.Errorf("%w: the sequence is nil", dialect.ErrInvalid))
	}
	how, err := allocatorOptions(opts)
	if err == nil {
		err = allocatable(s, how)
	}
	if err != nil {
		return nil, fail(dialect.OpAllocate, s.Name(), err)
	}
	a := &Allocator{name: s.Name(), timeout: how.timeout}
	a.life, a.end = context.WithCancel(context.Background())
	a.current.Store(&block{})
	if a.fetch = plainBlocks(s, how.block); how.hiLo != 0 {
		a.fetch = hiLoBlocks(s, how.hiLo)
	}
	return a, nil
}

func allocatorOptions(opts []AllocatorOption) (allocation, error) {
	how := allocation{timeout: defaultTimeout}
	if err := option.Apply(&how, "AllocatorOption", opts, func(o AllocatorOption) option.Option[allocation] { return o.set }); err != nil {
		return how, err
	}
	if how.hiLo != 0 && how.block != 0 {
		return how, fmt.Errorf("%w: options HiLo and BlockSize contradict each other: the length of HiLo's blocks is the sequence's increment",
			dialect.ErrInvalid)
	}
	if how.block == 0 {
		how.block = defaultBlock
	}
	return how, nil
}

// allocatable returns why the sequence can't have an allocator.
func allocatable(s Sequence, how allocation) error {
	def := s.Def()
	switch {
	case def.Cycle:
		return registry.ErrCycle("can have no allocator")
	case how.hiLo != 0 && def.Increment != how.hiLo:
		return errIncrement(def.Name, def.Increment, how.hiLo)
	}
	d, q := registry.Access(s)
	if querier.IsTransaction(q) {
		return fmt.Errorf("%w: an allocator can't use a transaction, since it runs on goroutines of its own; "+
			"use a sequence that is bound to a pool", dialect.ErrInvalid)
	}
	return registry.Check(d, q)
}

// errIncrement returns the error of a sequence with another increment than HiLo expects.
func errIncrement(n dialect.Name, is, expected int64) error {
	return fmt.Errorf("%w: HiLo expects an increment of %d, and the sequence has %d: it may give out values of blocks that are "+
		"in use; once its last value is past them, ALTER SEQUENCE %s INCREMENT BY %d", dialect.ErrDrift, expected, is, n.Quoted(), expected)
}

// plainBlocks fetches blocks by NextValues.
func plainBlocks(s Sequence, n int) func(context.Context) (*block, error) {
	return func(ctx context.Context) (*block, error) {
		values, err := s.NextValues(ctx, n)
		if err != nil {
			return nil, err
		}
		return &block{len: int64(len(values)), mark: markOf(len(values)), values: values}, nil
	}
}

// hiLoBlocks fetches blocks by NextBlock.
func hiLoBlocks(s Sequence, increment int64) func(context.Context) (*block, error) {
	return func(ctx context.Context) (*block, error) {
		got, err := s.NextBlock(ctx)
		if err != nil {
			return nil, err
		}
		if got.Increment != increment {
			return nil, fail(dialect.OpNextBlock, s.Name(), errIncrement(s.Name(), got.Increment, increment))
		}
		const longest = 1<<63 - 1
		b := &block{len: int64(min(got.Len(), longest)), first: got.First, step: 1}
		if got.Last < got.First {
			b.step = -1
		}
		b.mark = markOf(b.len)
		return b, nil
	}
}

// Next returns the next value. It waits for the database only if all fetched values are
// used, and at most until ctx ends. If a fetch fails, all callers that wait for it get
// the error, and the next call tries again. If a fetch fails while values are left, no
// caller gets the error, and the allocator tries again when the values are used. Errors:
// those of NextValue, [ErrClosed], [ErrDrift] (see [HiLo]), the context's.
func (a *Allocator) Next(ctx context.Context) (int64, error) {
	if err := contexts.Check(ctx); err != nil {
		return 0, fail(dialect.OpAllocate, a.name, err)
	}
	if err := ctx.Err(); err != nil {
		return 0, fail(dialect.OpAllocate, a.name, err)
	}
	for {
		b := a.current.Load()
		if b == nil {
			return 0, fail(dialect.OpAllocate, a.name, fmt.Errorf("%w: it is the zero Allocator; call NewAllocator", dialect.ErrInvalid))
		}
		if i := b.taken.Add(1) - 1; i < b.len {
			if i == b.mark {
				a.ahead(b)
			}
			return b.at(i), nil
		}
		if err := a.turn(ctx, b); err != nil {
			return 0, err
		}
	}
}

// ahead starts to fetch the block after b, unless a fetch is in progress.
func (a *Allocator) ahead(b *block) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current.Load() == b && a.next == nil {
		a.begin()
	}
}

// begin starts a fetch, unless one is in progress. The caller must hold a.mu.
func (a *Allocator) begin() {
	if a.closed || a.refill != nil {
		return
	}
	r := &refill{done: make(chan struct{})}
	a.refill = r
	a.running.Go(func() {
		ctx, cancel := context.WithTimeout(a.life, a.timeout)
		defer cancel()
		b, err := promptly.Do(ctx, &a.calls, a.fetch)
		if own := new(Error); err != nil && !errors.As(err, &own) { // the call was abandoned
			err = fail(dialect.OpAllocate, a.name, err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.closed {
			b, err = nil, a.errClosed()
		}
		a.next, a.refill, r.err = b, nil, err
		close(r.done)
	})
}

// turn replaces a used block by the next one, or waits for a fetch.
func (a *Allocator) turn(ctx context.Context, used *block) error {
	a.mu.Lock()
	switch {
	case a.closed:
		a.mu.Unlock()
		return a.errClosed()
	case a.current.Load() != used:
		a.mu.Unlock()
		return nil
	case a.next != nil:
		a.current.Store(a.next)
		a.next = nil
		a.mu.Unlock()
		return nil
	}
	a.begin()
	r := a.refill
	a.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-a.life.Done():
		return a.errClosed()
	case <-ctx.Done():
		return fail(dialect.OpAllocate, a.name, ctx.Err())
	}
}

func (a *Allocator) errClosed() error {
	return fail(dialect.OpAllocate, a.name, fmt.Errorf("%w: the allocator returns no more values", dialect.ErrClosed))
}

// Close closes the allocator. Calls of Next then return [ErrClosed] immediately. Close
// cancels a fetch in progress and waits for it. If the driver ignores the cancel, Close
// returns after a second; the driver's call and its connection then last until the driver
// returns. Values that were not handed out are lost, also those of the cancelled fetch,
// which may still reach the server. A second Close does nothing.
func (a *Allocator) Close() {
	a.mu.Lock()
	a.closed, a.next = true, nil
	a.current.Store(&block{})
	a.mu.Unlock()
	if a.end != nil { // nil for the zero value
		a.end()
	}
	a.running.Wait()
}
