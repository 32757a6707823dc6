package conformance

// Time limits for checks. If a dialect ignores its context, the check hangs. Its subtest
// must fail with the rule's text while the others run on. So each check runs in its own
// goroutine, and the subtest waits for a limited time. A panic in the goroutine fails the
// subtest, too.

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// wholeCase is the limit of a whole check, as a multiple of the limit of one operation.
const wholeCase = 6

// A bound records whether a check was abandoned because it took too long. After that the
// check must not use its *testing.T: package testing panics if a test has ended.
type bound struct {
	mu   sync.RWMutex
	over bool
}

// within runs a check, and fails its test if the check does not end in time.
func (c *check) within(limit time.Duration, do func()) {
	c.Helper()
	done := make(chan struct{})
	var panicked string
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				panicked = fmt.Sprintf("%v\n\n%s", p, debug.Stack())
			}
		}()
		do()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		if panicked != "" {
			c.T.Errorf("%s: panicked: %s", c.rule.says, panicked)
		}
	case <-timer.C:
		c.leave()
		c.T.Errorf("%s: still running after %v: an operation of the dialect does not return when its context ends", c.rule.says, limit)
	}
}

func (b *bound) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// left reports whether the check was abandoned.
func (b *bound) left() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.over
}

// speak keeps the test from ending until done is called. In an abandoned check it ends
// the calling goroutine.
func (b *bound) speak() (done func()) {
	b.mu.RLock()
	if b.over {
		b.mu.RUnlock()
		runtime.Goexit()
	}
	return b.mu.RUnlock
}

// The methods of *testing.T that a check may call after its test has ended.

func (c *check) Error(args ...any) {
	defer c.speak()()
	c.Helper()
	c.T.Error(args...)
}

func (c *check) Errorf(format string, args ...any) {
	defer c.speak()()
	c.Helper()
	c.T.Errorf(format, args...)
}

func (c *check) Fatal(args ...any) {
	defer c.speak()()
	c.Helper()
	c.T.Fatal(args...)
}

func (c *check) Fatalf(format string, args ...any) {
	defer c.speak()()
	c.Helper()
	c.T.Fatalf(format, args...)
}

func (c *check) Log(args ...any) {
	defer c.speak()()
	c.Helper()
	c.T.Log(args...)
}

func (c *check) Logf(format string, args ...any) {
	defer c.speak()()
	c.Helper()
	c.T.Logf(format, args...)
}

func (c *check) Fail() {
	defer c.speak()()
	c.T.Fail()
}

func (c *check) FailNow() {
	defer c.speak()()
	c.T.FailNow()
}

func (c *check) Cleanup(f func()) {
	defer c.speak()()
	c.T.Cleanup(f)
}

// undoing limits how long the end of a test waits for an open transaction or connection.
const undoing = 5 * time.Second

// undo ends a transaction or a connection. Both wait for the running operation, which may
// hang.
func undo(end func() error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = end() // it may have ended before
	}()
	select {
	case <-done:
	case <-time.After(undoing):
	}
}
