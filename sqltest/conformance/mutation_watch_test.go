package conformance_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"

	"github.com/massivedb/massive-go/dialect"
)

// A signMutant breaks Unchanged.
type signMutant struct {
	// unchanged replaces Unchanged. It can call the fake's Unchanged by original.
	unchanged func(original func() (bool, error), since dialect.Sign) (bool, error)
}

func (m *mutant) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (bool, error) {
	original := func() (bool, error) { return m.Fake.Unchanged(ctx, q, since) }
	if m.unchanged != nil {
		return m.unchanged(original, since)
	}
	return original()
}

const (
	saysSign         = "After a change that a new load would show, Unchanged returns false for the previous load's sign"
	saysTransactions = "Reload reports a change after its transaction commits, not before, and regardless of other commits in between"
)

var watchMutants = []mutation{
	{"no change noticed", saysSign, blindfolded},
	{"no change published", "Watch publishes the changes of other sessions, reports each as an event, and keeps local labels", blindfolded},
	{"no commit noticed", saysTransactions, blindfolded},
	{"order of labels ignored", saysSign, blind(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			cat.Enums[i].Labels = slices.Sorted(slices.Values(cat.Enums[i].Labels))
			cat.Enums[i].ID = 0
		}
		slices.SortFunc(cat.Enums, func(a, b dialect.EnumDef) int { return a.Name.Compare(b.Name) })
	})},
	{"names ignored", saysSign, blindTo(func(o *dialect.Object) { o.Name = dialect.Name{} })},
	{"hidden structures ignored", saysSign, blindTo(func(o *dialect.Object) {
		o.Visible, o.HiddenBy = false, ""
	})},
	{"dropped structures ignored", saysSign, blind(func(cat *dialect.Catalog) {
		cat.Sequences = cat.Sequences[:min(2, len(cat.Sequences))]
		cat.Matviews = cat.Matviews[:min(2, len(cat.Matviews))]
	})},
	{"populated ignored", saysTransactions, blind(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			cat.Matviews[i].Populated = false
		}
	})},
	{"own changes of a transaction ignored", saysTransactions, func(m *mutant) {
		m.unchanged = func(_ func() (bool, error), since dialect.Sign) (bool, error) {
			return m.Fake.Unchanged(context.Background(), m.DB(), since)
		}
	}},
	{"failed poll hidden", "Watch reports each poll that fails, and continues", func(m *mutant) {
		m.unchanged = func(original func() (bool, error), _ dialect.Sign) (bool, error) {
			unchanged, err := original()
			return unchanged || err != nil, nil
		}
	}},
	{"refreshed view reported as recreated", "Taking values, changing rows and refreshing views are not changes: Reload returns none", func(m *mutant) {
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

// blindfolded makes a fake that never notices a commit.
func blindfolded(m *mutant) {
	m.unchanged = func(func() (bool, error), dialect.Sign) (bool, error) { return true, nil }
}

// blind makes a fake whose sign is the catalog without the part that erase removes.
func blind(erase func(cat *dialect.Catalog)) func(m *mutant) {
	return func(m *mutant) {
		sign := func() dialect.Sign {
			cat, err := m.Fake.Load(context.Background(), m.DB(), dialect.Filter{})
			if err != nil {
				return ""
			}
			slices.SortFunc(cat.Matviews, func(a, b dialect.MatviewDef) int { return int(a.ID - b.ID) })
			slices.SortFunc(cat.Enums, func(a, b dialect.EnumDef) int { return int(a.ID - b.ID) })
			slices.SortFunc(cat.Sequences, func(a, b dialect.SequenceDef) int { return int(a.ID - b.ID) })
			erase(cat)
			cat.Sign = ""
			text, _ := json.Marshal(cat)
			return dialect.Sign(text)
		}
		m.load = func(_ context.Context, _ dialect.Querier, cat *dialect.Catalog) { cat.Sign = sign() }
		m.unchanged = func(_ func() (bool, error), since dialect.Sign) (bool, error) { return since == sign(), nil }
	}
}

// blindTo is blind to a part of every structure.
func blindTo(erase func(o *dialect.Object)) func(m *mutant) {
	return blind(func(cat *dialect.Catalog) {
		m := &mutant{}
		onObjects(erase)(m)
		m.load(context.Background(), nil, cat)
	})
}
