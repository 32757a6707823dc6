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

// unclassified has a mutant for each sentinel that a dialect can return, which no longer
// returns it. So each sentinel is checked by a rule. The library itself returns ErrDrift
// and ErrClosed. For ErrUnsupported see mutation_lacking_test.go. ErrLabelUncommitted
// needs SQL, which the fake lacks.
var unclassified = []mutation{
	{"ErrPermission not known", "The loaded rights match the database: an operation that they allow succeeds, and any other returns ErrPermission", without(massive.ErrPermission)},
	{"ErrReadOnly not known", "In a read-only transaction an operation that writes returns ErrReadOnly", without(massive.ErrReadOnly)},
	{"ErrNotPopulated not known", "Reading a view that is not populated, or refreshing it concurrently, returns ErrNotPopulated", without(massive.ErrNotPopulated)},
	{"ErrNoUniqueIndex not known", "A concurrent refresh of a view without a unique index returns ErrNoUniqueIndex", without(massive.ErrNoUniqueIndex)},
	{"ErrDuplicateRows not known", "If the new rows violate the view's unique index, Refresh returns ErrDuplicateRows and the view keeps its old rows", without(massive.ErrDuplicateRows)},
	{"ErrBusy not known", "An operation that waits for a lock longer than the server's lock timeout returns ErrBusy", without(massive.ErrBusy)},
	{"ErrDeadlock not known", "If two transactions wait for each other, one gets ErrDeadlock and the other continues", without(massive.ErrDeadlock)},
	{"ErrServerTimeout not known", "An operation that takes longer than the server's statement timeout returns ErrServerTimeout, and not the context's error", without(massive.ErrServerTimeout)},
	{"ErrTxAborted not known", "After a failure in a transaction, all operations in it return ErrTxAborted, and Commit fails", without(massive.ErrTxAborted)},
	{"ErrExhausted not known", "NextValue returns ErrExhausted when the sequence has reached its bound", without(massive.ErrExhausted)},
	{"ErrOutOfRange not known", "with a value outside the bounds returns ErrOutOfRange", without(massive.ErrOutOfRange)},
	{"ErrInvalid not known", "Lag and CatchUp return ErrInvalid for a sequence that cycles or that no column draws on", func(m *mutant) {
		m.catchUp = func(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (bool, error) {
			moved, err := m.caughtUp(ctx, q, seq)
			if errors.Is(err, massive.ErrInvalid) {
				err = errors.New("no column of numbers draws on it")
			}
			return moved, err
		}
	}},
	{"ErrLabelExists not known", "Adding a label that exists returns ErrLabelExists", without(massive.ErrLabelExists)},
	{"ErrLabelUnknown not known", "Adding a label that exists returns ErrLabelExists", without(massive.ErrLabelUnknown)},
	{"ErrNotFound not known", "that was dropped, renamed or replaced after the load returns ErrNotFound", without(massive.ErrNotFound)},
	{"ErrNotFound of a dropped column not known", "If a view was recreated after the load, Select reads the columns that were loaded", func(m *mutant) {
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

// untimed are mutants with wrong timeouts.
var untimed = []mutation{
	{"lock timeout ignored", "An operation that waits for a lock longer than the server's lock timeout returns ErrBusy", func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) { c.LockTimeout = 0 }
	}},
	{"statement timeout ignored", "An operation that takes longer than the server's statement timeout returns ErrServerTimeout, and not the context's error", func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) { c.StatementTimeout = 0 }
	}},
	{"lock timeout and statement timeout swapped", "An operation that waits for a lock longer than the server's lock timeout returns ErrBusy", func(m *mutant) {
		m.catalog = func(c *sqltest.Catalog) { c.LockTimeout, c.StatementTimeout = c.StatementTimeout, c.LockTimeout }
	}},
	{"statement timeout reported as the context's end", "An operation that takes longer than the server's statement timeout returns ErrServerTimeout, and not the context's error", func(m *mutant) {
		m.context = func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}
	}},
}
