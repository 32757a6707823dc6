package sqltest

import (
	"cmp"
	"context"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// A mode is a table-level lock mode of Postgres's, of those that the fake takes
// (https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES).
type mode int

const (
	accessShare  mode = 1 << iota
	rowExclusive      // which only sequences are opened with, for the whole transaction: a savepoint doesn't give it back
	shareRowExclusive
	exclusive
	accessExclusive
)

// conflicts are the modes that each mode waits for, in other sessions.
var conflicts = map[mode]mode{
	accessShare:       accessExclusive,
	rowExclusive:      shareRowExclusive | exclusive | accessExclusive,
	shareRowExclusive: rowExclusive | shareRowExclusive | exclusive | accessExclusive,
	exclusive:         rowExclusive | shareRowExclusive | exclusive | accessExclusive,
	accessExclusive:   accessShare | rowExclusive | shareRowExclusive | exclusive | accessExclusive,
}

// A lock is one relation's. Requests queue: one waits for those before it that it conflicts with, granted or not.
type lock struct {
	held  map[*session]mode
	queue []*request
}

type request struct {
	lock    *lock
	session *session
	mode    mode
	granted chan struct{}
}

// blockers are the sessions that r waits for.
func (r *request) blockers() []*session {
	var all []*session
	for s, held := range r.lock.held {
		if s != r.session && held&conflicts[r.mode] != 0 {
			all = append(all, s)
		}
	}
	for _, before := range r.lock.queue {
		if before == r {
			break
		}
		// Whoever waits for what r's session holds is waiting for r, too.
		ahead := r.lock.held[r.session]&conflicts[before.mode] != 0
		if before.session != r.session && before.mode&conflicts[r.mode] != 0 && !ahead {
			all = append(all, before.session)
		}
	}
	return all
}

// acquire takes the lock for the session's transaction, and waits until ctx ends, or for as long as the operation's
// patience or the server's lock timeout allows. f.mu is held, and let go while it waits. Where the wait closes a circle
// it fails at once, as Postgres does a second later.
func (l *lock) acquire(ctx context.Context, s *session, m mode) error {
	if l.held[s]&m != 0 {
		return nil
	}
	r := &request{l, s, m, make(chan struct{})}
	l.queue = append(l.queue, r)
	l.grant()
	select {
	case <-r.granted:
		return nil
	default:
	}
	if ctx.Err() == nil && waitsFor(r, s, map[*session]bool{}) {
		l.leave(r)
		return &Error{Code: "40P01", Message: "deadlock detected"}
	}
	ctx, cancel := within(ctx, cmp.Or(s.patience, s.fake.limits.lock), errLockTimeout)
	defer cancel()
	s.waits = r
	s.fake.mu.Unlock()
	select {
	case <-r.granted:
	case <-ctx.Done():
	}
	s.fake.mu.Lock()
	s.waits = nil
	select {
	case <-r.granted:
		return nil
	default:
		l.leave(r)
		return ended(ctx)
	}
}

// refreshing tells whether another session has, or waits for, a lock that a refresh takes.
func (l *lock) refreshing(s *session) bool {
	for other, held := range l.held {
		if other != s && held&(exclusive|accessExclusive) != 0 {
			return true
		}
	}
	return slices.ContainsFunc(l.queue, func(r *request) bool {
		return r.session != s && r.mode&(exclusive|accessExclusive) != 0
	})
}

// open takes the lock of whatever relation has the name. Nobody waits for one that is no view or sequence.
func (s *session) open(ctx context.Context, n dialect.Name, m mode) error {
	if v := s.fake.views[n]; v != nil {
		if err := v.lock.acquire(ctx, s, m); err != nil {
			return err
		}
	}
	if q := s.fake.seqs[n]; q != nil {
		if err := q.lock.acquire(ctx, s, m); err != nil {
			return err
		}
	}
	if s.fake.what(n, true) == "" { // or not any more
		return missing(n)
	}
	return nil
}

// openToAlter takes the lock of ALTER SEQUENCE and, as that does too, the one that sequences are opened with.
func (s *session) openToAlter(ctx context.Context, n dialect.Name) error {
	if err := s.open(ctx, n, shareRowExclusive); err != nil {
		return err
	}
	return s.open(ctx, n, rowExclusive)
}

// waitsFor tells whether r waits for the session, through however many others.
func waitsFor(r *request, s *session, seen map[*session]bool) bool {
	for _, b := range r.blockers() {
		if b == s {
			return true
		}
		if !seen[b] {
			seen[b] = true
			if b.waits != nil && waitsFor(b.waits, s, seen) {
				return true
			}
		}
	}
	return false
}

// grant gives the lock to every request whose turn it is.
func (l *lock) grant() {
	for i := 0; i < len(l.queue); {
		r := l.queue[i]
		if len(r.blockers()) > 0 {
			i++
			continue
		}
		if l.held == nil {
			l.held = map[*session]mode{}
		}
		l.held[r.session] |= r.mode
		r.session.locks[l] = true
		l.queue = slices.Delete(l.queue, i, i+1)
		close(r.granted)
	}
}

func (l *lock) leave(r *request) {
	l.queue = slices.DeleteFunc(l.queue, func(q *request) bool { return q == r })
	l.grant()
}

// release lets go of all that the session holds.
func (s *session) release() {
	for l := range s.locks {
		delete(l.held, s)
		l.grant()
	}
	clear(s.locks)
}

// drop lets go of what the session holds of this lock.
func (l *lock) drop(s *session) {
	delete(l.held, s)
	delete(s.locks, l)
	l.grant()
}
