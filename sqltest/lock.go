package sqltest

import (
	"cmp"
	"context"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// A mode is a table-level lock mode of Postgres
// (https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES).
type mode int

const (
	accessShare  mode = 1 << iota
	rowExclusive      // for opening sequences; rolling back to a savepoint does not release it
	shareRowExclusive
	exclusive
	accessExclusive
)

// conflicts has the modes with which each mode conflicts in other sessions.
var conflicts = map[mode]mode{
	accessShare:       accessExclusive,
	rowExclusive:      shareRowExclusive | exclusive | accessExclusive,
	shareRowExclusive: rowExclusive | shareRowExclusive | exclusive | accessExclusive,
	exclusive:         rowExclusive | shareRowExclusive | exclusive | accessExclusive,
	accessExclusive:   accessShare | rowExclusive | shareRowExclusive | exclusive | accessExclusive,
}

// A lock is the lock of one relation. Requests queue: a request waits for conflicting
// requests before it, granted or not.
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

// blockers returns the sessions for which r waits.
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
		// A request that waits for a lock of r's session can't block r.
		ahead := r.lock.held[r.session]&conflicts[before.mode] != 0
		if before.session != r.session && before.mode&conflicts[r.mode] != 0 && !ahead {
			all = append(all, before.session)
		}
	}
	return all
}

// acquire takes the lock for the session's transaction. It waits until ctx ends, the
// operation's patience is used up, or the server's lock timeout has passed. The caller
// holds f.mu, which is released during the wait. On a deadlock acquire fails immediately;
// Postgres does after a second.
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

// try takes the lock if that needs no wait, and reports whether the session has it.
func (l *lock) try(s *session, m mode) bool {
	r := &request{l, s, m, make(chan struct{})}
	if l.held[s]&m == 0 && len(r.blockers()) > 0 {
		return false
	}
	l.queue = append(l.queue, r)
	l.grant()
	return true
}

// refreshing reports whether another session holds, or waits for, a lock that a refresh
// takes.
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

// open locks the relation of that name. Only views and sequences have locks.
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
	if s.fake.views[n] == nil && s.fake.seqs[n] == nil && s.fake.what(n, true) != "" {
		// Opening it as a sequence fails, but a savepoint keeps the lock.
		l := s.fake.relations[n]
		if l == nil {
			l = &lock{}
			s.fake.relations[n] = l
		}
		if err := l.acquire(ctx, s, m); err != nil {
			return err
		}
	}
	if s.fake.what(n, true) == "" { // it may have been dropped during the wait
		return missing(n)
	}
	return nil
}

// openToAlter takes the locks of ALTER SEQUENCE: its own, and that of opening a sequence.
func (s *session) openToAlter(ctx context.Context, n dialect.Name) error {
	if err := s.open(ctx, n, shareRowExclusive); err != nil {
		return err
	}
	return s.open(ctx, n, rowExclusive)
}

// waitsFor reports whether r waits for the session, directly or through other sessions.
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

// grant grants the lock to each request that no longer has to wait.
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

// release releases all locks of the session.
func (s *session) release() {
	for l := range s.locks {
		delete(l.held, s)
		l.grant()
	}
	clear(s.locks)
}

// drop releases the session's hold on this lock.
func (l *lock) drop(s *session) {
	delete(l.held, s)
	delete(s.locks, l)
	l.grant()
}
