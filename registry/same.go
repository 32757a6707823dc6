package registry

import (
	"cmp"
	"context"
	"slices"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
)

// Unchanged reports whether it is certain that the database behind q is as at the load
// whose [Registry.Sign] is since. If since is empty, it returns false. Errors: as for
// [Load].
func Unchanged(ctx context.Context, q dialect.Querier, d dialect.Dialect, since dialect.Sign) (bool, error) {
	a := &access{dialect: d, querier: q}
	if err := cmp.Or(contexts.Check(ctx), a.check()); err != nil {
		return false, fail(dialect.OpLoad, dialect.Name{}, err)
	}
	if since == "" {
		return false, nil
	}
	unchanged, err := d.Unchanged(ctx, q, since)
	if err != nil {
		return false, explain(ctx, a, dialect.Failure{Op: dialect.OpLoad, Err: err})
	}
	return unchanged, nil
}

// Sign returns the sign of the load, for [Unchanged]. It is empty if the dialect has no
// signs.
func (r *Registry) Sign() dialect.Sign { return r.sign }

// Same reports whether two registries have the same content: there is no [Diff], and the
// servers, search paths, excluded structures and dependencies between views are equal.
// Labels appended locally don't count.
func Same(a, b *Registry) bool {
	return Diff(a, b) == nil && a.access.server == b.access.server && slices.Equal(a.searchPath, b.searchPath) &&
		sameEdges(&a.snapshot, &b.snapshot) && sameExcludedViews(&a.snapshot, &b.snapshot) &&
		slices.EqualFunc(a.excluded, b.excluded, func(x, y Excluded) bool {
			return x.Kind == y.Kind && x.Name == y.Name && x.Why == y.Why && column(x.KeyOf) == column(y.KeyOf) && *x.object == *y.object
		})
}

// KeepLabels returns the registry with the labels that were appended locally to the enums
// of another registry. It keeps a label if the enum still exists and the database has not
// added the label since.
func (r *Registry) KeepLabels(of *Registry) *Registry {
	var enums []*enum // r's, with some replaced
	for _, old := range of.enums.sorted() {
		local := old.labels[len(old.def.Labels):]
		if len(local) == 0 {
			continue
		}
		i, found := slices.BinarySearchFunc(r.enums.sorted(), old, func(e, old *enum) int { return e.def.Name.Compare(old.def.Name) })
		if !found {
			continue
		}
		e := r.enums.sorted()[i]
		local = slices.DeleteFunc(slices.Clone(local), e.Contains)
		if len(local) == 0 {
			continue
		}
		if enums == nil {
			enums = slices.Clone(r.enums.sorted())
		}
		enums[i] = newEnum(e.def, slices.Concat(e.labels[len(e.def.Labels):], local), e.access)
	}
	if enums == nil {
		return r
	}
	return r.with(enums)
}

// DropLabels returns the registry without labels that were appended locally.
func (r *Registry) DropLabels() *Registry {
	for _, e := range r.enums.sorted() {
		if len(e.labels) > len(e.def.Labels) {
			r = r.replace(e, newEnum(e.def, nil, e.access))
		}
	}
	return r
}
