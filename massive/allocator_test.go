package massive_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// fakeSequence returns a fake with one sequence, s, and its handle.
func fakeSequence(t *testing.T, s sqltest.Sequence) (*sqltest.Fake, massive.Sequence) {
	t.Helper()
	s.Name = "s"
	f := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{s}})
	t.Cleanup(func() { f.DB().Close() }) // ends the *sql.DB's goroutine
	m, err := massive.Load(t.Context(), f.DB(), f)
	noError(t, err)
	return f, sequence(t, m, "s")
}

func allocator(t *testing.T, s massive.Sequence, opts ...massive.AllocatorOption) *massive.Allocator {
	t.Helper()
	a, err := massive.NewAllocator(s, opts...)
	noError(t, err)
	t.Cleanup(a.Close)
	return a
}

func allocated(t *testing.T, a *massive.Allocator, want ...int64) {
	t.Helper()
	for _, w := range want {
		v, err := a.Next(t.Context())
		noError(t, err)
		same(t, "the next value", v, w)
	}
}

// A leaking dialect returns three values, whatever was requested, along with err.
type leaking struct {
	*sqltest.Fake
	err error
}

func (l leaking) NextSequenceValues(context.Context, dialect.Querier, dialect.Name, int) ([]int64, error) {
	return []int64{1, 2, 3}, l.err
}

// Values that come with an error, as in a crash of the server, are not handed out.
func TestValuesReturnedWithAnErrorAreDropped(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken connection")
	for says, err := range map[string]error{"broken connection": broken, "the dialect returned 3 values instead of 4": nil} {
		fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}})
		t.Cleanup(func() { fake.DB().Close() })
		m, loadErr := massive.Load(t.Context(), fake.DB(), leaking{fake, err})
		if loadErr != nil {
			t.Fatal(loadErr)
		}
		s := sequence(t, m, "s")
		values, got := s.NextValues(t.Context(), 4)
		if values != nil || got == nil || got.Error() != "massive: next values of public.s: "+says {
			t.Errorf("NextValues: got %v, %v; want no values and the error %q", values, got, says)
		}
		v, got := allocator(t, s, massive.BlockSize(4)).Next(t.Context())
		if v != 0 || got == nil || got.Error() != "massive: next values of public.s: "+says {
			t.Errorf("Allocator.Next: got %d, %v; want the error %q", v, got, says)
		}
	}
}

// A failed fetch is returned to its callers, and the next call fetches again.
func TestAllocatorRetriesAFailedFetch(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken connection")
	f, s := fakeSequence(t, sqltest.Sequence{})
	a := allocator(t, s, massive.BlockSize(4))
	f.Next(t, dialect.OpNextValues, "s", sqltest.Fail(broken), sqltest.Fail(massive.ErrBusy))
	_, err := a.Next(t.Context())
	mustBe(t, err, broken, "massive: next values of public.s: broken connection")
	_, err = a.Next(t.Context())
	mustBe(t, err, massive.ErrBusy)
	allocated(t, a, 1, 2)
}

// A failed fetch ahead loses no value. Its error is not returned while there are values.
func TestAllocatorIgnoresAFailedFetchAhead(t *testing.T) {
	t.Parallel()
	f, s := fakeSequence(t, sqltest.Sequence{})
	a := allocator(t, s, massive.BlockSize(16))
	allocated(t, a, 1, 2)
	f.Next(t, dialect.OpNextValues, "s", sqltest.Fail(massive.ErrBusy))
	allocated(t, a, 3) // an eighth is taken, so it fetches ahead
	deadline := time.Now().Add(10 * time.Second)
	for len(f.Calls()) < 3 && time.Now().Before(deadline) { // load, first block, fetch ahead
		time.Sleep(time.Millisecond)
	}
	allocated(t, a, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
	f.Next(t, dialect.OpNextValues, "s", sqltest.Fail(massive.ErrDeadlock))
	var err error
	for range 2 { // the first call may still get the error of the fetch ahead
		if _, err = a.Next(t.Context()); errors.Is(err, massive.ErrDeadlock) {
			break
		}
		mustBe(t, err, massive.ErrBusy)
	}
	mustBe(t, err, massive.ErrDeadlock)
	allocated(t, a, 17, 18, 19)
}

// A hanging fetch ends with RefillTimeout for all who wait, not with one caller's
// context.
func TestRefillTimeoutEndsAHangingFetch(t *testing.T) {
	t.Parallel()
	f, s := fakeSequence(t, sqltest.Sequence{Increment: 100})
	a := allocator(t, s, massive.HiLo(100), massive.RefillTimeout(200*time.Millisecond))
	f.Next(t, dialect.OpNextBlock, "s", sqltest.Hang())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := a.Next(ctx)
	mustBe(t, err, context.DeadlineExceeded, "massive: allocate from public.s: ")
	_, err = a.Next(t.Context())
	mustBe(t, err, context.DeadlineExceeded, "massive: next block of public.s: ")
	allocated(t, a, 1, 2, 3)
}

// The first fetch is in the first Next. Later blocks are fetched when an eighth is taken,
// one at a time.
func TestAllocatorFetchesAheadAtAnEighth(t *testing.T) {
	t.Parallel()
	f, s := fakeSequence(t, sqltest.Sequence{})
	a := allocator(t, s, massive.BlockSize(16))
	f.WantCalls(t)
	allocated(t, a, 1, 2)
	f.WantCalls(t, "next values of public.s 16")
	f.Next(t, dialect.OpNextValues, "s", sqltest.Slow(20*time.Millisecond))
	allocated(t, a, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
	f.WantCalls(t, "next values of public.s 16")
	a.Close()
	if v, err := s.NextValue(t.Context()); v != 33 || err != nil {
		t.Errorf("NextValue after two blocks of 16: got %d, %v, want 33", v, err)
	}
	_, err := a.Next(t.Context())
	mustBe(t, err, massive.ErrClosed, "massive: allocate from public.s: closed: the allocator returns no more values")
}
