package sqltest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"

	"github.com/massivedb/massive-go/dialect"
)

// A looking mutant is a fake whose looks are broken.
type looking struct {
	*mutant
	look func(ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error)
}

func (l *looking) Dialect() dialect.Dialect { return l }

func (l *looking) Look(ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
	return l.look(ctx, q, f, since)
}

// watchMutants are the ways in which looks for changes are broken, each with a rule that must notice.
var watchMutants = []struct {
	name, rule string
	look       func(l *looking, ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error)
}{
	{"nothing is ever seen", "a look notices every change that a load would bring", func(l *looking, ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
		now, changed, err := l.Fake.Look(ctx, q, f, since)
		return now, changed && since == "", err
	}},
	{"nothing is ever published", "Watch publishes what others change, tells it", func(l *looking, ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
		now, changed, err := l.Fake.Look(ctx, q, f, since)
		return now, changed && since == "", err
	}},
	{"a change is always suspected", "once, and nothing else", func(l *looking, ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
		now, _, err := l.Fake.Look(ctx, q, f, since)
		return now, true, err
	}},
	{"a change is seen again and again", "once, and nothing else", func(l *looking, ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
		now, changed, err := l.Fake.Look(ctx, q, f, since)
		if since != "" {
			now = since
		}
		return now, changed, err
	}},
	{"the order of labels is not looked at", "a look notices every change that a load would bring", blind(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			cat.Enums[i].Labels = slices.Sorted(slices.Values(cat.Enums[i].Labels))
			cat.Enums[i].ID = 0
		}
		slices.SortFunc(cat.Enums, func(a, b dialect.EnumDef) int { return a.Name.Compare(b.Name) })
	})},
	{"names are not looked at", "a look notices every change that a load would bring", blindTo(func(o *dialect.Object) { o.Name = dialect.Name{} })},
	{"what hides a structure is not looked at", "a look notices every change that a load would bring", blindTo(func(o *dialect.Object) {
		o.Visible, o.HiddenBy = false, ""
	})},
	{"what goes is not missed", "a look notices every change that a load would bring", blind(func(cat *dialect.Catalog) {
		cat.Sequences = cat.Sequences[:min(2, len(cat.Sequences))]
		cat.Matviews = cat.Matviews[:min(2, len(cat.Matviews))]
	})},
	{"populated is not looked at", "a change is noticed when its transaction commits", blind(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			cat.Matviews[i].Populated = false
		}
	})},
	{"a look fails in silence", "Watch tells each look that fails", func(l *looking, ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
		now, changed, err := l.Fake.Look(ctx, q, f, since)
		if err != nil {
			return since, false, nil
		}
		return now, changed, nil
	}},
}

// A staleMutant is a fake whose loads say that they have seen what the first one did.
type staleMutant struct {
	stale bool
	first dialect.Sight
}

func (m *mutant) LoadSeen(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, dialect.Sight, error) {
	cat, seen, err := m.Fake.LoadSeen(ctx, q, f)
	if m.stale {
		m.first = cmp.Or(m.first, seen)
		seen = m.first
	}
	return cat, seen, err
}

var staleMutants = []mutation{
	{"a load tells of an earlier look", "a load tells what it has seen", func(m *mutant) { m.stale = true }},
	{"a refreshed view taken for another", "values taken, rows and refreshes are no change", func(m *mutant) {
		var refreshes atomic.Int64
		m.refreshed = func(done dialect.Refreshed) dialect.Refreshed {
			refreshes.Add(1)
			return done
		}
		m.load = func(_ context.Context, _ dialect.Querier, cat *dialect.Catalog) {
			for i := range cat.Matviews {
				cat.Matviews[i].ID += 1000 * refreshes.Load()
			}
		}
	}},
}

// blind looks at what is left of the catalog when something of it is gone.
func blind(erase func(cat *dialect.Catalog)) func(*looking, context.Context, dialect.Querier, dialect.Filter, dialect.Sight) (dialect.Sight, bool, error) {
	return func(l *looking, ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
		cat, err := l.Fake.Load(ctx, q, f)
		if err != nil {
			return since, false, err
		}
		slices.SortFunc(cat.Matviews, func(a, b dialect.MatviewDef) int { return int(a.ID - b.ID) })
		slices.SortFunc(cat.Enums, func(a, b dialect.EnumDef) int { return int(a.ID - b.ID) })
		slices.SortFunc(cat.Sequences, func(a, b dialect.SequenceDef) int { return int(a.ID - b.ID) })
		erase(cat)
		text, err := json.Marshal(cat)
		now := dialect.Sight(text)
		return now, now != since, err
	}
}

// blindTo is blind to something of every structure.
func blindTo(erase func(o *dialect.Object)) func(*looking, context.Context, dialect.Querier, dialect.Filter, dialect.Sight) (dialect.Sight, bool, error) {
	return blind(func(cat *dialect.Catalog) {
		m := &mutant{}
		onObjects(erase)(m)
		m.load(context.Background(), nil, cat)
	})
}
