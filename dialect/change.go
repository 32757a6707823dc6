package dialect

import "context"

// A ChangeDetector checks cheaply whether a loaded [Catalog] is still current. [NoSign]
// has a default.
type ChangeDetector interface {
	// Unchanged returns true if a load through q would return the Catalog that has the
	// sign since. It takes one round trip. If it can't be certain, for example in another
	// session or inside a transaction, it returns false, and the core loads. It must not
	// return true if a change was committed between the load and the call. The core
	// passes only a non-empty Sign of a Catalog of this dialect, possibly from another
	// session or server.
	Unchanged(ctx context.Context, q Querier, since Sign) (bool, error)
}

// NoSign is the [ChangeDetector] of a database that can't detect changes. Its Catalogs
// have an empty Sign, so that each poll loads.
type NoSign struct{}

var _ ChangeDetector = NoSign{}

// Unchanged returns false.
func (NoSign) Unchanged(context.Context, Querier, Sign) (bool, error) { return false, nil }

// A Sign identifies a moment in a database's history. Only the dialect that wrote it can
// read it. The empty Sign identifies no moment: the core loads without calling Unchanged.
type Sign string
