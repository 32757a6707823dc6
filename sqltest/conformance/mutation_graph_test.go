package conformance_test

import (
	"context"
	"slices"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
)

var graphMutants = []mutation{
	{"dependencies lost", "A view depends on each view that its query reads, directly or through plain views, across schemas", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			cat.Matviews[i].Reads = nil
		}
	})},
	{"plain views lost", "A view depends on each view that its query reads, directly or through plain views, across schemas", onLoad(func(cat *dialect.Catalog) { cat.Views = nil })},
	{"plain views without dependencies lost", "A bare name resolves to the first structure of that name along the search path", onLoad(func(cat *dialect.Catalog) {
		cat.Views = slices.DeleteFunc(cat.Views, func(v dialect.ViewDef) bool { return len(v.Reads) == 0 })
	})},
	{"dependencies reversed", "RefreshAll refreshes each view once, after all views that it depends on, and reports on each", onLoad(func(cat *dialect.Catalog) {
		reads := map[int64][]int64{}
		for _, m := range cat.Matviews {
			for _, id := range m.Reads {
				reads[id] = append(reads[id], m.ID)
			}
		}
		for _, v := range cat.Views {
			for _, id := range v.Reads {
				reads[id] = append(reads[id], v.ID)
			}
		}
		for i := range cat.Matviews {
			cat.Matviews[i].Reads = reads[cat.Matviews[i].ID]
		}
		for i := range cat.Views {
			cat.Views[i].Reads = reads[cat.Views[i].ID]
		}
	})},
	{"dependencies across schemas lost", "A view depends on each view that its query reads, directly or through plain views, across schemas", onLoad(func(cat *dialect.Catalog) {
		schema := map[int64]string{}
		for _, m := range cat.Matviews {
			schema[m.ID] = m.Name.Schema
		}
		for _, v := range cat.Views {
			schema[v.ID] = v.Name.Schema
		}
		same := func(of string, reads []int64) (kept []int64) {
			for _, id := range reads {
				if schema[id] == of {
					kept = append(kept, id)
				}
			}
			return kept
		}
		for i, m := range cat.Matviews {
			cat.Matviews[i].Reads = same(m.Name.Schema, m.Reads)
		}
		for i, v := range cat.Views {
			cat.Views[i].Reads = same(v.Name.Schema, v.Reads)
		}
	})},
	{"source views not checked", "If a view's query reads a materialized view that is not populated, Refresh returns ErrNotPopulated", ignoringReads},
	{"source views not locked", "A refresh waits for an open blocking refresh of a view that its query reads", ignoringReads},
	{"savepoints ignored", "With Savepoints, a view that fails in a transaction is rolled back alone", func(m *mutant) {
		m.savepoint = func(string) bool { return true }
	}},
	{"savepoints not rolled back", "RollbackToSavepoint undoes all changes since the savepoint and releases their locks", func(m *mutant) {
		m.savepoint = func(what string) bool { return what == "roll back" }
	}},
	{"savepoints not released", "A savepoint exists until it is released or rolled back to", func(m *mutant) {
		m.savepoint = func(what string) bool { return what == "release" }
	}},
}

// ignoringReads makes a fake whose refreshes ignore the views that the query reads.
func ignoringReads(m *mutant) {
	m.catalog = func(c *sqltest.Catalog) {
		c.Matviews = slices.Clone(c.Matviews)
		for i := range c.Matviews {
			c.Matviews[i].Reads = nil
		}
	}
}

func (m *mutant) SetSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	if m.savepoint != nil && m.savepoint("set") {
		return nil
	}
	return m.Fake.SetSavepoint(ctx, q, name)
}

func (m *mutant) RollbackToSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	if m.savepoint != nil && m.savepoint("roll back") {
		return nil
	}
	return m.Fake.RollbackToSavepoint(ctx, q, name)
}

func (m *mutant) ReleaseSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	if m.savepoint != nil && m.savepoint("release") {
		return nil
	}
	return m.Fake.ReleaseSavepoint(ctx, q, name)
}
