package registry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/querier"
)

// An Allocator hands out values of a sequence from blocks that it fetches ahead, for programs to which a round trip for
// each value is too dear. It is safe for any number of goroutines. Its zero value is of no use: [NewAllocator] makes one.
//
// No two callers get the same value, in this process or another, and whoever takes values beside it by NextValue,
// NextValues or another allocator of the same way gets others; what HiLo asks of them stands with [HiLo]. That is the
// sequence's own promise, and ends where somebody moves the sequence back: values that a Reset, ResetTo, Restart or
// SetValue makes it hand out again come from an allocator again, and the ones that it holds stay in use. So it is where
// somebody makes the sequence cycle behind the load: HiLo finds that out with each block, plain blocks go by what was loaded.
//
// Order: one goroutine gets values in the sequence's order, and so do several, each its own; among several a value
// that was asked for later may be the lower one. Of a sequence with a CACHE above 1 blocks are in no order on a pool: each is
// fetched on whichever connection is free, and each connection has a cache of its own. Two processes are always apart by blocks. Gaps: what an allocator
// holds when it is closed or its process ends, a block in use and one fetched ahead at most, nobody gets any more.
//
// The next block is fetched when an eighth of one is taken.
type Allocator struct {
	name    dialect.Name
	fetch   func(ctx context.Context) (*block, error)
	timeout time.Duration

	current atomic.Pointer[block] // never nil; it may be used up

	mu      sync.Mutex
	next    *block // fetched ahead; nil for none
	refill  *refill
	closed  bool
	life    context.Context // ends when it is closed
	end     context.CancelFunc
	running sync.WaitGroup
}

// A block is values that were fetched together.
type block struct {
	taken       atomic.Int64 // how many were, or were tried to be
	len, mark   int64        // how many there are, and behind how many of them to fetch ahead
	values      []int64      // of a plain block
	first, step int64        // of a HiLo block
}

// markOf is where the next block is fetched: early, so that there is time for a round trip while even a goroutine that
// does nothing else uses up the rest, but not for a program that only wants a few values.
func markOf[T int | int64](length T) int64 { return int64(length / 8) }

func (b *block) at(i int64) int64 {
	if b.values != nil {
		return b.values[i]
	}
	return b.first + i*b.step
}

// A refill is a fetch on its way.
type refill struct {
	done chan struct{} // closed when err is set, or the next block is there
	err  error
}

// allocation is what options say.
type allocation struct {
	block   int
	hiLo    bool
	timeout time.Duration
}

// An AllocatorOption changes how an allocator works. Each may be given once. The zero value is refused.
type AllocatorOption struct {
	name  string
	apply func(*allocation) error
}

// What an allocator does where no option says otherwise.
const (
	defaultBlock   = 1000
	defaultTimeout = 30 * time.Second
)

// BlocksOf makes each fetch reserve n values, by NextValues: from 1 to 10,000, which is [dialect.MaxSequenceValues].
// Without it, and without HiLo, it is 1000. Any sequence that does not cycle will do.
func BlocksOf(n int) AllocatorOption {
	return AllocatorOption{"BlocksOf", func(a *allocation) error {
		if n < 1 || n > dialect.MaxSequenceValues {
			return fmt.Errorf("%w: blocks of %d values; a block has from 1 to %d", dialect.ErrInvalid, n, dialect.MaxSequenceValues)
		}
		a.block = n
		return nil
	}}
}

// HiLo makes each fetch take one value, by NextBlock: it stands for as many as the sequence's increment, which is read
// with each block. One statement so reserves any number of values, as long as all that take values from the sequence
// by blocks do so by this way, and others use only the value that NextValue gives them. Nobody may make the increment
// smaller while blocks are in use: the sequence would hand out values within them. A sequence whose increment is 1 or
// -1 is refused.
func HiLo() AllocatorOption {
	return AllocatorOption{"HiLo", func(a *allocation) error {
		a.hiLo = true
		return nil
	}}
}

// RefillTimeout is how long a fetch may take before it fails with [context.DeadlineExceeded] for all who wait for it.
// Without it, it is 30 seconds.
func RefillTimeout(d time.Duration) AllocatorOption {
	return AllocatorOption{"RefillTimeout", func(a *allocation) error {
		if d <= 0 {
			return fmt.Errorf("%w: a timeout of %v", dialect.ErrInvalid, d)
		}
		a.timeout = d
		return nil
	}}
}

// NewAllocator makes an allocator for the sequence. It fetches nothing yet. It works through the sequence's querier, from
// goroutines of its own: that has to be a pool, not a transaction, which one goroutine at a time may use and whose
// rollback may give values back; a connection will do as long as nobody begins a transaction on it. The allocator is to
// be closed. Errors: ErrInvalid for a sequence that cycles, one bound to a transaction, HiLo with an increment of 1 or
// -1, options that don't go together; ErrUnsupported.
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
	if a.fetch = plainBlocks(s, how.block); how.hiLo {
		a.fetch = hiLoBlocks(s)
	}
	return a, nil
}

func allocatorOptions(opts []AllocatorOption) (allocation, error) {
	how := allocation{timeout: defaultTimeout}
	for i, o := range opts {
		if o.apply == nil {
			return how, fmt.Errorf("%w: option %d is the zero AllocatorOption", dialect.ErrInvalid, i+1)
		}
		if slices.ContainsFunc(opts[:i], func(p AllocatorOption) bool { return p.name == o.name }) {
			return how, fmt.Errorf("%w: option %s is given twice", dialect.ErrInvalid, o.name)
		}
		if err := o.apply(&how); err != nil {
			return how, err
		}
	}
	if how.hiLo && how.block != 0 {
		return how, fmt.Errorf("%w: options HiLo and BlocksOf contradict each other: HiLo's blocks are as long as the sequence's increment",
			dialect.ErrInvalid)
	}
	if how.block == 0 {
		how.block = defaultBlock
	}
	return how, nil
}

// allocatable says why a sequence can't have an allocator.
func allocatable(s Sequence, how allocation) error {
	def := s.Def()
	switch {
	case def.Cycle:
		return errCycle("can have no allocator")
	case how.hiLo && (def.Increment == 1 || def.Increment == -1):
		return fmt.Errorf("%w: HiLo needs an increment above 1, which is the length of a block; "+
			"make it longer (ALTER SEQUENCE %s INCREMENT 1000), or use BlocksOf", dialect.ErrInvalid, def.Name.Quoted())
	}
	own, ok := s.(*sequence)
	if !ok {
		return nil
	}
	if querier.IsTransaction(own.querier) {
		return fmt.Errorf("%w: an allocator works beside its callers, and can't share a transaction with them; "+
			"make it of a sequence that is bound to a pool", dialect.ErrInvalid)
	}
	_, err := capability[dialect.SequenceReserver](own.access)
	return err
}

// plainBlocks fetches values as they are. Those that came before a failure are a block, too: what ended it will end the
// next fetch.
func plainBlocks(s Sequence, n int) func(context.Context) (*block, error) {
	return func(ctx context.Context) (*block, error) {
		values, err := s.NextValues(ctx, n)
		if len(values) == 0 {
			return nil, err
		}
		return &block{len: int64(len(values)), mark: markOf(len(values)), values: values}, nil
	}
}

func hiLoBlocks(s Sequence) func(context.Context) (*block, error) {
	return func(ctx context.Context) (*block, error) {
		r, err := s.NextBlock(ctx)
		if err != nil {
			return nil, err
		}
		const longest = 1<<63 - 1
		b := &block{len: int64(min(r.Len(), longest)), first: r.First, step: 1}
		if r.Last < r.First {
			b.step = -1
		}
		b.mark = markOf(b.len)
		return b, nil
	}
}

// Next is the next value. It waits for the database only where the values fetched ahead are used up, and then until ctx
// ends at most. An error of the database comes to all who wait for that fetch; the next call tries anew. One that meets a
// fetch while there are still values is tried again when they are used up. Errors: those of NextValue, ErrClosed, and
// the context's.
func (a *Allocator) Next(ctx context.Context) (int64, error) {
	if err := checkContext(ctx); err != nil {
		return 0, fail(dialect.OpAllocate, a.name, err)
	}
	if err := ctx.Err(); err != nil {
		return 0, fail(dialect.OpAllocate, a.name, err)
	}
	for {
		b := a.current.Load()
		if b == nil {
			return 0, fail(dialect.OpAllocate, a.name, fmt.Errorf("%w: it is the zero Allocator; NewAllocator makes one", dialect.ErrInvalid))
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

// ahead fetches the block behind b, if nobody does already.
func (a *Allocator) ahead(b *block) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current.Load() == b && a.next == nil {
		a.begin()
	}
}

// begin starts a fetch, unless one is on its way. a.mu is held.
func (a *Allocator) begin() {
	if a.closed || a.refill != nil {
		return
	}
	r := &refill{done: make(chan struct{})}
	a.refill = r
	a.running.Go(func() {
		ctx, cancel := context.WithTimeout(a.life, a.timeout)
		defer cancel()
		b, err := a.fetch(ctx)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.closed {
			b, err = nil, a.errClosed()
		}
		a.next, a.refill, r.err = b, nil, err
		close(r.done)
	})
}

// turn puts another block in the place of one that is used up.
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
	case <-ctx.Done():
		return fail(dialect.OpAllocate, a.name, ctx.Err())
	}
}

func (a *Allocator) errClosed() error {
	return fail(dialect.OpAllocate, a.name, fmt.Errorf("%w: its allocator gives out no more values", dialect.ErrClosed))
}

// Close ends the allocator: it cancels a fetch that is on its way, waits until that has ended, and leaves nothing running.
// The values that are left nobody gets, nor those of the fetch, which may reach the server behind the cancel. A second
// Close does nothing.
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
