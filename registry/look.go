package registry

import (
	"context"
	"slices"

	"github.com/massivedb/massive-go/dialect"
)

// Look asks the dialect whether what [Load] makes a registry of may have changed in the database behind q since an
// earlier look, as [dialect.ChangeDetector] says. Errors: [dialect.ErrUnsupported] for a dialect that is none, and
// others as for Load.
func Look(ctx context.Context, q dialect.Querier, d dialect.Dialect, sel Selection, since dialect.Sight) (dialect.Sight, bool, error) {
	a := &access{dialect: d, querier: q}
	detector, err := operation[dialect.ChangeDetector](ctx, a)
	if err != nil {
		return since, false, fail(dialect.OpWatch, dialect.Name{}, err)
	}
	now, changed, err := detector.Look(ctx, q, sel.Filter, since)
	if err != nil {
		return since, false, explain(ctx, a, dialect.Failure{Op: dialect.OpWatch, Err: err})
	}
	return now, changed, nil
}

// LoadSeen is [Load] with what the next [Look] is to be given: as the dialect says it with the catalog, also where the
// catalog is not what was expected.
func LoadSeen(ctx context.Context, q dialect.Querier, d dialect.Dialect, sel Selection) (*Registry, dialect.Sight, error) {
	var seen dialect.Sight
	r, err := load(ctx, q, d, sel, func() (cat *dialect.Catalog, err error) {
		detector, err := operation[dialect.ChangeDetector](ctx, &access{dialect: d, querier: q})
		if err == nil {
			cat, seen, err = detector.LoadSeen(ctx, q, sel.Filter)
		}
		return cat, err
	})
	return r, seen, err
}

// Same tells whether two registries say the same in all that was loaded: no [Diff], and neither the server nor the
// search path, what was left out, with what plans go by of it, or the views that views read differ. Labels appended
// locally don't count.
func Same(a, b *Registry) bool {
	return Diff(a, b) == nil && a.access.server == b.access.server && slices.Equal(a.searchPath, b.searchPath) && sameEdges(&a.snapshot, &b.snapshot) && sameAside(&a.snapshot, &b.snapshot) &&
		slices.EqualFunc(a.omissions, b.omissions, func(x, y Omission) bool {
			return x.Kind == y.Kind && x.Name == y.Name && x.Why == y.Why && column(x.KeyOf) == column(y.KeyOf) && *x.object == *y.object
		})
}

// KeepLabels is the registry with the labels that were appended locally to the enums of another one, as far as the
// enum is still there and does not have the label from the database by now.
func (r *Registry) KeepLabels(of *Registry) *Registry {
	var enums []*enum // r's, with some replaced
	for _, old := range of.enums.sorted {
		local := old.labels[len(old.def.Labels):]
		if len(local) == 0 {
			continue
		}
		i, found := slices.BinarySearchFunc(r.enums.sorted, old, func(e, old *enum) int { return e.def.Name.Compare(old.def.Name) })
		if !found {
			continue
		}
		e := r.enums.sorted[i]
		local = slices.DeleteFunc(slices.Clone(local), e.Contains)
		if len(local) == 0 {
			continue
		}
		if enums == nil {
			enums = slices.Clone(r.enums.sorted)
		}
		enums[i] = newEnum(e.def, slices.Concat(e.labels[len(e.def.Labels):], local), e.access)
	}
	if enums == nil {
		return r
	}
	return r.with(enums)
}
