package dialect

import "context"

// A ChangeDetector notices that what [Dialect.Load] returns may have changed, for much less than a load.
type ChangeDetector interface {
	// Look says whether anything that Load returns for f may have changed since an earlier look, given what that
	// one returned, or "" for the first, and returns what the next look is to be given. It is one round trip
	// where nothing was changed, and two at most.
	//
	// It must never miss a change that was committed before it began; the first look, and one that can't tell,
	// say that something changed.
	Look(ctx context.Context, q Querier, f Filter, since Sight) (now Sight, changed bool, err error)

	// LoadSeen is [Dialect.Load] with what the next look is to be given, gathered from the same view of the catalog: a
	// look that came before the load would take what was changed between the two, and changed back behind the load,
	// for no change.
	LoadSeen(ctx context.Context, q Querier, f Filter) (*Catalog, Sight, error)
}

// A Sight is what a [ChangeDetector] has seen, in its own terms. It means nothing to anybody else, nor to the
// detector of another database.
type Sight string
