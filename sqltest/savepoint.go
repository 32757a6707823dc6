package sqltest

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// The operations on savepoints, as in Call.Op.
const (
	opSetSavepoint      dialect.Op = "set savepoint"
	opRollbackSavepoint dialect.Op = "roll back to savepoint"
	opReleaseSavepoint  dialect.Op = "release savepoint"
)

// A savepoint has the state of a transaction at the time when it was set.
type savepoint struct {
	name string
	overlay
	locks map[*lock]mode
}

// SetSavepoint implements [dialect.TransactionDialect].
func (f *Fake) SetSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	return f.ask(ctx, q, Call{Op: opSetSavepoint, Detail: name}, func(_ context.Context, s *session) ([]driver.Value, error) {
		if !s.inTx {
			return nil, &Error{Code: "25P01", Message: "SAVEPOINT can only be used in transaction blocks"}
		}
		s.savepoints = append(s.savepoints, savepoint{name, s.clone(), s.modes()})
		return nil, nil
	})
}

// RollbackToSavepoint implements [dialect.TransactionDialect]. It also removes the
// savepoint.
func (f *Fake) RollbackToSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	o := f.operation(Call{Op: opRollbackSavepoint, Detail: name}, func(_ context.Context, s *session) (*result, error) {
		at, err := s.savepoint(name, "ROLLBACK TO SAVEPOINT")
		if err != nil {
			return nil, err
		}
		p := s.savepoints[at]
		s.savepoints = s.savepoints[:at]
		s.overlay, s.aborted = p.overlay, false
		s.releaseTo(p.locks)
		return &result{}, nil
	})
	o.revives = true
	_, err := q.ExecContext(ctx, o.call.text(), o)
	return err
}

// ReleaseSavepoint implements [dialect.TransactionDialect].
func (f *Fake) ReleaseSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	return f.ask(ctx, q, Call{Op: opReleaseSavepoint, Detail: name}, func(_ context.Context, s *session) ([]driver.Value, error) {
		at, err := s.savepoint(name, "RELEASE SAVEPOINT")
		if err != nil {
			return nil, err
		}
		s.savepoints = s.savepoints[:at]
		return nil, nil
	})
}

// savepoint returns the index of the latest savepoint of that name.
func (s *session) savepoint(name, statement string) (int, error) {
	if !s.inTx {
		return 0, &Error{Code: "25P01", Message: statement + " can only be used in transaction blocks"}
	}
	for i, p := range slices.Backward(s.savepoints) {
		if p.name == name {
			return i, nil
		}
	}
	return 0, &Error{Code: "3B001", Message: fmt.Sprintf(`savepoint "%s" does not exist`, name)}
}

// modes returns the locks that the session holds.
func (s *session) modes() map[*lock]mode {
	all := make(map[*lock]mode, len(s.locks))
	for l := range s.locks {
		all[l] = l.held[s]
	}
	return all
}

// releaseSince releases the locks that the transaction took after its latest savepoint.
func (s *session) releaseSince() {
	if n := len(s.savepoints); n > 0 {
		s.releaseTo(s.savepoints[n-1].locks)
		return
	}
	s.release()
}

// releaseTo releases all locks except kept, and except those with which sequences are
// opened.
func (s *session) releaseTo(kept map[*lock]mode) {
	for l := range s.locks {
		if m := kept[l] | l.held[s]&rowExclusive; m != 0 {
			l.held[s] = m
		} else {
			delete(l.held, s)
			delete(s.locks, l)
		}
		l.grant()
	}
}
