package pgtest

// A database that is emptied, to serve one test after another.

import (
	"context"
	"errors"
	"fmt"

	_ "embed"
)

// emptying drops what a database holds beside what it was made with, and raises an error if that can't be done.
//
//go:embed clear.sql
var emptying string

// ErrNotCleared is wrapped by the error of [Database.Clear] when something is left.
var ErrNotCleared = errors.New("pgtest: not cleared")

// Clear drops everything that was made in the database, so that it is as empty as [NewDatabase] makes it, in a
// fraction of the time that a new one takes, and connections to it stay open. The role that [Database.Fill] made stays
// too, for those which act as it. What sessions keep is theirs to reset: settings, temporary tables, locks, prepared
// statements.
//
// The error wraps [ErrNotCleared] if something is there that can't be dropped, is in use (Clear waits for a second),
// or is no object in it: a setting of the database's or rights to it. Then it is as it was, and ought to be dropped.
func (d *Database) Clear(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.contents.settings) > 0 {
		return fmt.Errorf("%w: %s: sessions have its settings; drop it and make a new one", ErrNotCleared, d.name)
	}
	if _, err := d.converse(ctx, emptying); err != nil {
		return fmt.Errorf("%w: %s: %w; drop it and make a new one", ErrNotCleared, d.name, advised(err))
	}
	d.contents = contents{role: d.contents.role}
	return nil
}
