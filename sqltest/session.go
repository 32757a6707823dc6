package sqltest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// An Error is one that the fake's server gives, with the code that Postgres has for it.
type Error struct {
	Code    string // SQLSTATE
	Message string
	Routine string // the one in Postgres's source that raises it, where that matters
}

func (e *Error) Error() string { return "sqltest: " + e.Message + " (" + e.Code + ")" }

// SQLState is Code.
func (e *Error) SQLState() string { return e.Code }

// A session is one connection of the stub driver, and the transaction that it is in.
type session struct {
	fake  *Fake
	locks map[*lock]bool
	waits *request // the lock that it waits for
	plan  *plan    // what its operation is still to do, besides its work

	patience time.Duration // how long its operation waits for a lock; zero is as long as the server's lock timeout says

	inTx     bool
	readOnly bool
	aborted  bool // the transaction failed, and waits to be rolled back
	dead     bool // the connection is: its operation was cancelled, as both drivers of Postgres then close it

	overlay
	// savepoints are the transaction's, the latest last.
	savepoints []savepoint

	cached map[*sequence]*cache // a connection's own values of sequences with a cache
}

func newSession(f *Fake) *session {
	return &session{fake: f, locks: map[*lock]bool{}, overlay: newOverlay(), cached: map[*sequence]*cache{}}
}

// An overlay is what a transaction has made, for itself until it commits: views' rows, restarted sequences' storage,
// altered enums' labels.
type overlay struct {
	contents map[*matview]*content
	files    map[*sequence]*storage
	labels   map[*enum][]string
}

func newOverlay() overlay {
	return overlay{map[*matview]*content{}, map[*sequence]*storage{}, map[*enum][]string{}}
}

func (o overlay) clone() overlay {
	return overlay{maps.Clone(o.contents), maps.Clone(o.files), maps.Clone(o.labels)}
}

// empty tells whether it has made nothing.
func (o overlay) empty() bool { return len(o.contents)+len(o.files)+len(o.labels) == 0 }

// apply makes it everybody's.
func (o overlay) apply() {
	for v, c := range o.contents {
		v.content = c
	}
	for q, file := range o.files {
		q.file = file
	}
	for e, labels := range o.labels {
		e.labels = labels
	}
}

// An operation travels to the session as the one argument of a statement, so that it runs in the transaction of
// the connection that it arrives on.
type operation struct {
	fake *Fake
	call Call
	do   func(ctx context.Context, s *session) (*result, error)
	// revives makes it run in a transaction that has failed, too.
	revives bool
}

// A result is rows.
type result struct {
	columns []string
	rows    [][]driver.Value
}

// run does one operation, in the session's transaction or in one of its own.
func (s *session) run(ctx context.Context, o *operation) (*result, error) {
	f := s.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.dead {
		return nil, driver.ErrBadConn
	}
	call := o.call
	f.calls = append(f.calls, &call)
	limited, cancel := within(ctx, f.limits.statement, errStatementTimeout)
	defer cancel()
	r, err := s.perform(limited, o)
	call.Err = err
	if err != nil && ctx.Err() != nil {
		s.dead = true
	}
	switch {
	case !s.inTx:
		s.end(err == nil)
	case err != nil:
		// Postgres lets a failed transaction's locks go at once, not at its ROLLBACK: those since its last savepoint.
		s.aborted = true
		s.releaseSince()
	}
	return r, err
}

func (s *session) perform(ctx context.Context, o *operation) (*result, error) {
	if s.aborted && !o.revives {
		return nil, &Error{Code: "25P02", Message: "current transaction is aborted, commands ignored until end of transaction block"}
	}
	if s.fake.invalid != nil {
		return nil, s.fake.invalid
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.plan = s.fake.planned(&o.call)
	defer func() { s.plan = nil }()
	if s.plan != nil && s.plan.err != nil && arrivals[o.call.Op].as != dialect.OpRefresh { // which may have been told to skip
		return nil, s.plan.err
	}
	switch arrivals[o.call.Op].as {
	case dialect.OpRefresh, dialect.OpSelect, dialect.OpCount: // which take their locks first
	default:
		if err := s.pause(ctx); err != nil {
			return nil, err
		}
	}
	return o.do(ctx, s)
}

// writable is the error of a statement that writes where nothing can be written.
func (s *session) writable(statement string) error {
	switch {
	case s.fake.stand:
		return &Error{Code: "25006", Message: "cannot execute " + statement + " during recovery"}
	case s.readOnly:
		return &Error{Code: "25006", Message: "cannot execute " + statement + " in a read-only transaction"}
	}
	return nil
}

// end ends the transaction, and makes what it did everybody's if it commits.
func (s *session) end(commit bool) {
	if commit && !s.aborted && !s.empty() {
		s.apply()
		s.fake.commits++
	}
	s.release()
	s.inTx, s.readOnly, s.aborted, s.savepoints = false, false, false, nil
	s.overlay = newOverlay()
}

// owns tells whether the relation, if there is one, is our role's.
func (f *Fake) owns(n dialect.Name) bool {
	v, q := f.views[n], f.seqs[n]
	return (v == nil || !v.spec.NotOwned) && (q == nil || q.def.Rights.Restart)
}

func missing(n dialect.Name) error {
	return &Error{Code: "42P01", Message: fmt.Sprintf("relation \"%s.%s\" does not exist", n.Schema, n.Name)}
}

// notOwner is the error of what only the relation's owner may do.
func (f *Fake) notOwner(n dialect.Name) error {
	return &Error{Code: "42501", Message: fmt.Sprintf("must be owner of %s %s", f.what(n, true), n.Name)}
}

func denied(sequence dialect.Name) error {
	return &Error{Code: "42501", Message: "permission denied for sequence " + sequence.Name}
}

// ErrNoDatabase is the error of SQL that a program sends to the fake's *sql.DB itself.
var ErrNoDatabase = errors.New("sqltest: there is no database here, and so no SQL that runs")
