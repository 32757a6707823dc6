package sqltest

import (
	"strings"
	"testing"
)

// Waits tells whether an operation of any session waits for a lock.
func (f *Fake) Waits() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range f.views {
		if len(v.lock.queue) > 0 {
			return true
		}
	}
	for _, q := range f.seqs {
		if len(q.lock.queue) > 0 {
			return true
		}
	}
	for _, e := range f.enums {
		if len(e.lock.queue) > 0 {
			return true
		}
	}
	return false
}

// ScanNothing makes refreshes pay no attention to what their views read.
func (f *Fake) ScanNothing() { f.blind = true }

// RunRulesThatSay runs those rules of the suite whose failures could say the text, and tells how many there are.
func RunRulesThatSay(t *testing.T, h Harness, text string) (n int) {
	t.Helper()
	for _, r := range rules() {
		if !strings.Contains(r.says, text) && !strings.HasPrefix(text, r.says) {
			continue
		}
		n++
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.test(t, h)
		})
	}
	return n
}
