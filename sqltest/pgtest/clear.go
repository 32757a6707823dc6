package pgtest

import (
	"context"
	"errors"
	"fmt"

	_ "embed"
)

// clearText drops all objects that were created in a database. It raises an error if some
// remain.
//
//go:embed clear.sql
var clearText string

// ErrNotCleared is the error of [Database.Clear] if it could not clear the database.
var ErrNotCleared = errors.New("pgtest: not cleared")

// Clear drops everything in the database, so that it is as empty as a new database. It is
// much faster than a new database, and open connections stay open. The role of
// [Database.Fill] stays, because sessions may use it. Clear does not reset session state:
// settings, temporary tables, locks, prepared statements.
//
// Clear fails if an object can't be dropped, or is in use for more than a second. It also
// fails if the database has settings of its own, or changed rights. The database is then
// unchanged; drop it. Errors: [ErrNotCleared].
func (d *Database) Clear(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.contents.settings) > 0 {
		return fmt.Errorf("%w: %s: open sessions keep its settings; drop it and create a new one", ErrNotCleared, d.name)
	}
	if _, err := d.runOnFiller(ctx, clearText); err != nil {
		return fmt.Errorf("%w: %s: %w; drop it and create a new one", ErrNotCleared, d.name, advised(err))
	}
	d.contents = contents{role: d.contents.role}
	return nil
}
