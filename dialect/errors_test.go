package dialect_test

import (
	"errors"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

// Callers distinguish errors by sentinel. So all sentinels are different, and none wraps
// another.
func TestSentinelsAreDistinct(t *testing.T) {
	t.Parallel()
	sentinels := []error{
		dialect.ErrInvalid, dialect.ErrNotFound, dialect.ErrUnsupported, dialect.ErrPermission, dialect.ErrReadOnly,
		dialect.ErrNotPopulated, dialect.ErrNoUniqueIndex, dialect.ErrDuplicateRows, dialect.ErrBusy, dialect.ErrDeadlock,
		dialect.ErrServerTimeout, dialect.ErrTxAborted, dialect.ErrExhausted, dialect.ErrOutOfRange,
		dialect.ErrLabelExists, dialect.ErrLabelUnknown,
	}
	texts := map[string]bool{}
	for i, a := range sentinels {
		if texts[a.Error()] {
			t.Errorf("two sentinels say %q", a)
		}
		texts[a.Error()] = true
		for j, b := range sentinels {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("errors.Is(%q, %q) = %v", a, b, i != j)
			}
		}
		if want := i == 2; errors.Is(a, errors.ErrUnsupported) != want {
			t.Errorf("errors.Is(%q, errors.ErrUnsupported) = %v; only ErrUnsupported wraps it", a, !want)
		}
	}
}
