package conformance_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// unclassified are the mutants that don't know what one error means: there is one for each sentinel that comes from
// the database, so that a sentinel which no rule asks for is noticed. ErrDrift and ErrClosed never do, nor ErrUnsupported
// once there is a catalog: a dialect that gives it in other words has the operation (mutation_lacking_test.go).
// ErrLabelUncommitted is for a server to raise that runs a program's own SQL.
var unclassified = []mutation{
	{"permission not known", "what the role may do is loaded", without(massive.ErrPermission)},
	{"read-only not known", "what writes is ErrReadOnly", without(massive.ErrReadOnly)},
	{"not populated not known", "a view without data can't be read", without(massive.ErrNotPopulated)},
	{"no index not known", "a concurrent refresh needs a unique index", without(massive.ErrNoUniqueIndex)},
	{"duplicates not known", "rows that break the unique index", without(massive.ErrDuplicateRows)},
	{"busy not known", "than the server's lock timeout is ErrBusy", without(massive.ErrBusy)},
	{"deadlock not known", "of two transactions that wait for each other", without(massive.ErrDeadlock)},
	{"server's timeout not known", "than the server's statement timeout is ErrServerTimeout", without(massive.ErrServerTimeout)},
	{"failed transaction not known", "a transaction in which something failed does nothing more", without(massive.ErrTxAborted)},
	{"exhausted not known", "a sequence at its bound is ErrExhausted", without(massive.ErrExhausted)},
	{"range not known", "a value outside the bounds is ErrOutOfRange", without(massive.ErrOutOfRange)},
	{"invalid not known", "a sequence that no column draws on, or that cycles, is never behind: asking is ErrInvalid", func(m *mutant) {
		m.catchUp = func(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (bool, error) {
			moved, err := m.caughtUp(ctx, q, seq)
			if errors.Is(err, massive.ErrInvalid) {
				err = errors.New("no column of numbers draws on it")
			}
			return moved, err
		}
	}},
	{"label that is there not known", "a label that is there is ErrLabelExists", without(massive.ErrLabelExists)},
	{"label unknown not known", "a neighbour or a label to rename that isn't ErrLabelUnknown", without(massive.ErrLabelUnknown)},
	{"gone not known", "since it was loaded is ErrNotFound", without(massive.ErrNotFound)},
	{"a column that is gone not known", "and is ErrNotFound without one of them", func(m *mutant) {
		m.classify = func(f dialect.Failure, right error) error {
			if f.Matview != nil && strings.Contains(f.Err.Error(), "column") {
				return nil
			}
			return right
		}
	}},
}

func without(sentinel error) func(m *mutant) {
	return func(m *mutant) {
		m.classify = func(_ dialect.Failure, right error) error {
			if errors.Is(right, sentinel) {
				return nil
			}
			return right
		}
	}
}

// untimed are the mutants that get a timeout wrong.
var untimed = []mutation{
	{"lock timeout ignored", "than the server's lock timeout is ErrBusy", func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) { c.LockTimeout = 0 }
	}},
	{"statement timeout ignored", "than the server's statement timeout is ErrServerTimeout", func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) { c.StatementTimeout = 0 }
	}},
	{"lock timeout taken for the statement's", "than the server's lock timeout is ErrBusy", func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) { c.LockTimeout, c.StatementTimeout = c.StatementTimeout, c.LockTimeout }
	}},
	{"timeout taken for the context's end", "and not the context's end", func(m *mutant) {
		m.context = func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}
	}},
}
