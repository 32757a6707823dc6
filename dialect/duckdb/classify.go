package duckdb

import (
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// sentinels has the beginnings of DuckDB's messages. Errors about sequences have no type of
// their own in the driver.
var sentinels = []struct {
	text string
	err  error
}{
	{"Sequence Error: nextval: reached m", dialect.ErrExhausted}, // maximum or minimum
	{"TransactionContext Error: Current transaction is aborted", dialect.ErrTxAborted},
	{"TransactionContext Error: Cannot write to database", fmt.Errorf("%w: the transaction is read-only", dialect.ErrReadOnly)},
	{"Parser Error: Unterminated quote in qualified name", errQuote},
}

// Classify uses the error's text.
func (duckdb) Classify(f dialect.Failure) error {
	text := f.Err.Error()
	for _, s := range sentinels {
		if strings.Contains(text, s.text) {
			return s.err
		}
	}
	switch {
	case strings.Contains(text, "Invalid Input Error: Cannot execute statement") && strings.Contains(text, "read-only mode"):
		return fmt.Errorf("%w: the database is open with access_mode=READ_ONLY", dialect.ErrReadOnly)
	case f.Sequence != nil && strings.Contains(text, "Catalog Error: Sequence with name"):
		return errGone()
	default:
		return nil
	}
}

func errGone() error {
	return fmt.Errorf("%w: it was dropped since it was loaded; Reload updates the snapshot", dialect.ErrNotFound)
}
