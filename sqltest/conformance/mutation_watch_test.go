package conformance_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"

	"github.com/massivedb/massive-go/dialect"
)

// A signMutant is a fake that takes other moments for the one of a load.
type signMutant struct {
	// unchanged is asked instead of the fake, whose question ask is.
	unchanged func(ask func() (bool, error), since dialect.Sign) (bool, error)
}

func (m *mutant) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (bool, error) {
	ask := func() (bool, error) { return m.Fake.Unchanged(ctx, q, since) }
	if m.unchanged != nil {
		return m.unchanged(ask, since)
	}
	return ask()
}

const (
	saysSign         = "After a change that a new load would show, Unchanged returns false for the previous load's sign"
	saysTransactions = "Reload reports a change after its transaction commits, not before, and regardless of other commits in between"
)

var watchMutants = []mutation{
	{"nothing is ever seen", saysSign, blindfolded},
	{"nothing is ever published", "Watch publishes the changes of other sessions, reports each as an event, and keeps local labels", blindfolded},
	{"a commit is never noticed", saysTransactions, blindfolded},
	{"the order of labels is not looked at", saysSign, blind(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			cat.Enums[i].Labels = slices.Sorted(slices.Values(cat.Enums[i].Labels))
			cat.Enums[i].ID = 0
		}
		slices.SortFunc(cat.Enums, func(a, b dialect.EnumDef) int { return a.Name.Compare(b.Name) })
	})},
	{"names are not looked at", saysSign, blindTo(func(o *dialect.Object) { o.Name = dialect.Name{} })},
	{"what hides a structure is not looked at", saysSign, blindTo(func(o *dialect.Object) {
		o.Visible, o.HiddenBy = false, ""
	})},
	{"what goes is not missed", saysSign, blind(func(cat *dialect.Catalog) {
		cat.Sequences = cat.Sequences[:min(2, len(cat.Sequences))]
		cat.Matviews = cat.Matviews[:min(2, len(cat.Matviews))]
	})},
	{"populated is not looked at", saysTransactions, blind(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			cat.Matviews[i].Populated = false
		}
	})},
	{"a transaction's own changes are not looked at", saysTransactions, func(m *mutant) {
		m.unchanged = func(_ func() (bool, error), since dialect.Sign) (bool, error) {
			return m.Fake.Unchanged(context.Background(), m.DB(), since)
		}
	}},
	{"a look fails in silence", "Watch reports each poll that fails, and continues", func(m *mutant) {
		m.unchanged = func(ask func() (bool, error), _ dialect.Sign) (bool, error) {
			unchanged, err := ask()
			return unchanged || err != nil, nil
		}
	}},
	{"a refreshed view taken for another", "Taking values, changing rows and refreshing views are not changes: Reload returns none", func(m *mutant) {
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

// blindfolded makes a fake that notices no commit.
func blindfolded(m *mutant) {
	m.unchanged = func(func() (bool, error), dialect.Sign) (bool, error) { return true, nil }
}

// blind makes a fake whose sign is what is left of the catalog when something of it is gone.
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

// blindTo is blind to something of every structure.
func blindTo(erase func(o *dialect.Object)) func(m *mutant) {
	return blind(func(cat *dialect.Catalog) {
		m := &mutant{}
		onObjects(erase)(m)
		m.load(context.Background(), nil, cat)
	})
}
