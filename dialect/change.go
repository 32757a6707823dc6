package dialect

import "context"

// A ChangeDetector reports, for much less than a load, that a loaded [Catalog] still holds. [NoSign]
// has a default.
type ChangeDetector interface {
	// Unchanged reports whether certainly nothing was committed since the load whose [Catalog]
	// has the sign since. It takes one round trip. A load through q would then return the same
	// catalog. If Unchanged can't tell, for example because q is another session or inside a
	// transaction, it returns false. It never returns true after a change that was committed
	// before it began. since is never empty. Errors are the driver's.
	Unchanged(ctx context.Context, q Querier, since Sign) (bool, error)
}

// NoSign is the [ChangeDetector] of a database without a sign. Its catalogs have an empty Sign, and
// each poll loads.
type NoSign struct{}

var _ ChangeDetector = NoSign{}

// Unchanged returns false.
func (NoSign) Unchanged(context.Context, Querier, Sign) (bool, error) { return false, nil }

// A Sign is a moment in a database's life, as its [ChangeDetector] writes it. Another database's
// detector can't read it. The empty Sign is of no moment: nothing can be told since.
type Sign string
