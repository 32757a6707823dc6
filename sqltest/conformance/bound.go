package conformance

// A case that hangs, since its dialect pays no attention to a context, has to fail by its rule and leave the others
// running. So a case runs beside its test, which waits for it only so long. One that panics fails likewise.

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// wholeCase is how many times as long as one operation a case may take.
const wholeCase = 6

// A bound is whether a case was left to itself, since it took too long. What it says from then on would come when its
// test is over, which package testing answers with a panic.
type bound struct {
	mu   sync.RWMutex
	over bool
}

// within runs a case, and fails its test where it doesn't end in time.
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
		c.T.Errorf("%s: still running after %v: an operation of the dialect's does not end with its context", c.rule.says, limit)
	}
}

func (b *bound) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// left tells whether the case was left to itself.
func (b *bound) left() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.over
}

// speak keeps the case's test from ending until what it returns is called. It ends a goroutine of a case that was left
// to itself.
func (b *bound) speak() (done func()) {
	b.mu.RLock()
	if b.over {
		b.mu.RUnlock()
		runtime.Goexit()
	}
	return b.mu.RUnlock
}

// What of a *testing.T a case, and whoever it hands itself to, may use when its test is over.

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

// undoing is how long the end of a test waits for what its case has left open.
const undoing = 5 * time.Second

// undo ends a transaction or a connection. Either waits for the operation that is under way in it, which may be the one
// that hangs.
func undo(end func() error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = end() // what ended before is no matter
	}()
	select {
	case <-done:
	case <-time.After(undoing):
	}
}
