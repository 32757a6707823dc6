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

// An Error is an error of the fake's server. It has the SQLSTATE and the message that
// Postgres has. Pass one to [Fail] to let an operation fail with a certain SQLSTATE.
type Error struct {
	// Code is the SQLSTATE, for example 55P03.
	Code string
	// Message is the message.
	Message string
	// Routine is the routine in Postgres's source that raises the error. It is set if it
	// distinguishes errors with the same code.
	Routine string
}

// Error returns the message and the code.
func (e *Error) Error() string { return "sqltest: " + e.Message + " (" + e.Code + ")" }

// SQLState returns Code.
func (e *Error) SQLState() string { return e.Code }

// A session is a connection of the stub driver, with its transaction.
type session struct {
	fake  *Fake
	locks map[*lock]bool
	waits *request  // the lock for which it waits
	plan  *plan     // the planned behaviour of its operation
	began time.Time // when its latest operation began

	patience time.Duration // how long its operation waits for a lock; 0 means the server's lock timeout

	inTx     bool
	readOnly bool
	aborted  bool // the transaction failed and must be rolled back
	dead     bool // its operation was cancelled; both Postgres drivers then close the connection

	overlay
	// savepoints has the transaction's savepoints, the latest last.
	savepoints []savepoint

	cached map[*sequence]*cache // the values that the connection has reserved
}

func newSession(f *Fake) *session {
	return &session{fake: f, locks: map[*lock]bool{}, overlay: newOverlay(), cached: map[*sequence]*cache{}}
}

// An overlay has the uncommitted changes of a transaction: the rows of views, the storage
// of restarted sequences, the labels of altered enums, new ledgers and their records.
type overlay struct {
	contents map[*matview]*content
	files    map[*sequence]*storage
	labels   map[*enum][]string
	ledgers  map[string]ledger
	records  map[recordKey]*record
}

func newOverlay() overlay {
	return overlay{map[*matview]*content{}, map[*sequence]*storage{}, map[*enum][]string{}, map[string]ledger{}, map[recordKey]*record{}}
}

func (o overlay) clone() overlay {
	return overlay{maps.Clone(o.contents), maps.Clone(o.files), maps.Clone(o.labels), maps.Clone(o.ledgers), maps.Clone(o.records)}
}

// empty reports whether there are no changes.
func (o overlay) empty() bool {
	return len(o.contents)+len(o.files)+len(o.labels)+len(o.ledgers)+len(o.records) == 0
}

// apply commits the changes.
func (o overlay) apply(f *Fake) {
	for v, c := range o.contents {
		v.content = c
	}
	for q, file := range o.files {
		q.file = file
	}
	for e, labels := range o.labels {
		e.labels = labels
	}
	for schema, l := range o.ledgers {
		f.putLedger(schema, l)
	}
	for key, r := range o.records {
		if _, ok := f.ledgers[key.schema]; ok { // it may have been dropped
			key.view.records[key.schema] = r
		}
	}
}

// An operation is passed to the session as the only argument of a statement. So it runs
// in the transaction of the connection that database/sql chooses.
type operation struct {
	fake *Fake
	call Call
	do   func(ctx context.Context, s *session) (*result, error)
	// revives says that it also runs in a transaction that has failed.
	revives bool
}

// A result has the rows of an operation.
type result struct {
	columns []string
	rows    [][]driver.Value
}

// run executes one operation, in the session's transaction or in one of its own.
func (s *session) run(ctx context.Context, o *operation) (*result, error) {
	f := s.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.dead {
		return nil, driver.ErrBadConn
	}
	call := o.call
	f.calls = append(f.calls, &call)
	s.began = f.now()
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
		// Postgres releases a failed transaction's locks immediately, back to its latest
		// savepoint.
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
	if s.plan != nil && s.plan.err != nil && arrivals[o.call.Op].as != dialect.OpRefresh { // a refresh may have SkipIfBusy
		return nil, s.plan.err
	}
	switch arrivals[o.call.Op].as {
	case dialect.OpRefresh, dialect.OpSelect, dialect.OpCount: // they pause after they have their locks
	default:
		if err := s.pause(ctx); err != nil {
			return nil, err
		}
	}
	return o.do(ctx, s)
}

// writable returns an error if the session can't write.
func (s *session) writable(statement string) error {
	switch {
	case s.fake.stand:
		return &Error{Code: "25006", Message: "cannot execute " + statement + " during recovery"}
	case s.readOnly:
		return &Error{Code: "25006", Message: "cannot execute " + statement + " in a read-only transaction"}
	}
	return nil
}

// end ends the transaction, by a commit or a rollback.
func (s *session) end(commit bool) {
	if commit && !s.aborted && !s.empty() {
		s.apply(s.fake)
		s.fake.commits++
	}
	s.release()
	s.inTx, s.readOnly, s.aborted, s.savepoints = false, false, false, nil
	s.overlay = newOverlay()
}

// owns reports whether the test's role owns the relation. It is true if there is none.
func (f *Fake) owns(n dialect.Name) bool {
	v, q := f.views[n], f.seqs[n]
	return (v == nil || !v.spec.NotOwned) && (q == nil || q.def.Rights.Restart)
}

func missing(n dialect.Name) error {
	return &Error{Code: "42P01", Message: fmt.Sprintf("relation \"%s.%s\" does not exist", n.Schema, n.Name)}
}

// notOwner returns the error of an operation that only the relation's owner can do.
func (f *Fake) notOwner(n dialect.Name) error {
	return &Error{Code: "42501", Message: fmt.Sprintf("must be owner of %s %s", f.what(n, true), n.Name)}
}

func denied(sequence dialect.Name) error {
	return &Error{Code: "42501", Message: "permission denied for sequence " + sequence.Name}
}

// ErrNoDatabase is the error of each SQL statement that a program itself sends to
// [Fake.DB].
var ErrNoDatabase = errors.New("sqltest: the fake does not run SQL")
