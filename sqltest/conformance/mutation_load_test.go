package conformance_test

// Mutants of loads and snapshots, and dialects that hang or panic.

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
)

var loadMutants = []mutation{
	{"one kind of several loaded", "Only, Include and Exclude select the structures that are loaded", func(m *mutant) {
		m.filtered = func(f dialect.Filter, cat *dialect.Catalog) {
			if len(f.Kinds) > 0 && f.Kinds[0] != dialect.KindSequence {
				cat.Sequences = nil
			}
		}
	}},
	{"patterns applied by the dialect", "Only, Include and Exclude select the structures that are loaded", func(m *mutant) {
		m.filtered = func(f dialect.Filter, cat *dialect.Catalog) {
			cat.Enums = slices.DeleteFunc(cat.Enums, func(e dialect.EnumDef) bool {
				_, omitted := f.Excludes(e.Name)
				return omitted
			})
		}
	}},
	{"first catalog returned again", "Reload returns each structure that was added, removed or changed, by kind and name", keeping},
	{"first catalog returned again in a transaction", "A DB that With returned has its own snapshot", keeping},
	{"new IDs in each load", "Reload returns each structure that was added, removed or changed, by kind and name", numbering},
	{"new IDs in each load after AppendLocalLabels", "AppendLocalLabels adds labels to the program's own snapshot only", numbering},
	{"names folded", "Lookups and operations work for names with any characters, and of any length that the server allows", onObjects(func(o *dialect.Object) { o.Name.Name = strings.ToLower(o.Name.Name) })},
	{"long names cut", "Lookups and operations work for names with any characters, and of any length that the server allows", onLoad(func(cat *dialect.Catalog) {
		cat.Server.MaxNameBytes = 0 // but the server cuts names at 63 bytes
		for i := range cat.Sequences {
			name := &cat.Sequences[i].Name.Name
			*name = (*name)[:min(len(*name), 63)]
		}
	})},
	{"unusual names not loaded", "Lookups and operations work for names with any characters, and of any length that the server allows", passingOver},
	{"system structures loaded", "A load lists structures by kind, then schema, then name, in byte order", onLoad(func(cat *dialect.Catalog) {
		cat.Enums = append(cat.Enums, dialect.EnumDef{Object: dialect.Object{ID: 1, Name: dialect.Name{Schema: "system", Name: "e"}}})
	})},
	{"structures without rights not loaded", "The loaded rights match the database: an operation that they allow succeeds, and any other returns ErrPermission", onLoad(func(cat *dialect.Catalog) {
		cat.Sequences = slices.DeleteFunc(cat.Sequences, func(s dialect.SequenceDef) bool { return s.Rights == dialect.SequenceRights{} })
	})},
	{"types of columns lost", "Load returns each materialized view with its columns in order, its indexes, its comment, and whether it is populated", onLoad(func(cat *dialect.Catalog) {
		for _, v := range cat.Matviews {
			for i := range v.Columns {
				v.Columns[i].Type = ""
			}
		}
	})},
	{"every column has the same type", "Load returns each materialized view with its columns in order, its indexes, its comment, and whether it is populated", onLoad(func(cat *dialect.Catalog) {
		for _, v := range cat.Matviews {
			for i := range v.Columns {
				v.Columns[i].Type = "text"
			}
		}
	})},
	{"labels folded", "AppendLocalLabels rejects a label that exists or is not valid, and then adds no label", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			for j := range cat.Enums[i].Labels {
				cat.Enums[i].Labels[j] = strings.ToUpper(cat.Enums[i].Labels[j])
			}
		}
	})},
	{"label order lost for Compare", "Compare orders labels by their position in the type", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			cat.Enums[i].Labels = slices.Sorted(slices.Values(cat.Enums[i].Labels))
		}
	})},
	{"current columns read instead of the loaded ones", "If a view was recreated after the load, Select reads the columns that were loaded", func(m *mutant) {
		m.read = func(view dialect.MatviewDef, tail string) (dialect.MatviewDef, string) {
			cat, err := m.Fake.Load(context.Background(), m.DB(), dialect.Filter{})
			if err == nil && len(cat.Matviews) == 1 {
				view.Columns = cat.Matviews[0].Columns
			}
			return view, tail
		}
	}},
	{"values counted by the dialect", "If a sequence is dropped and recreated under the same name, loaded handles use the new sequence", func(m *mutant) {
		var n atomic.Int64
		m.next = func(_ int64, err error) (int64, error) { return n.Add(1), err }
	}},
	{"ended transaction replaced by the pool", "An operation on a transaction that has ended returns sql.ErrTxDone", func(m *mutant) {
		m.querier = func(dialect.Querier) dialect.Querier { return m.DB() }
	}},
}

// keeping makes a fake that returns its first catalog from each load.
func keeping(m *mutant) {
	var first atomic.Pointer[dialect.Catalog]
	m.load = func(_ context.Context, _ dialect.Querier, cat *dialect.Catalog) {
		kept := *cat
		first.CompareAndSwap(nil, &kept)
		*cat = *first.Load()
	}
}

// numbering makes a fake whose structures have new IDs in each load.
func numbering(m *mutant) {
	var loads atomic.Int64
	m.load = func(_ context.Context, _ dialect.Querier, cat *dialect.Catalog) {
		n := 1000 * loads.Add(1)
		renumber := &mutant{}
		onObjects(func(o *dialect.Object) { o.ID += n })(renumber)
		renumber.load(context.Background(), nil, cat)
	}
}

// hangingMutants ignore their context, so that they wait for a lock or forever; one
// panics.
var hangingMutants = []mutation{
	{"a run that hangs", "When its context is cancelled, a run ends the refreshes in progress and starts no others. The report lists every view: still running", hanging},
	{"a wait that hangs", "When its context ends, an operation that waits for a lock returns the context's error. It does not block later operations: still running", hanging},
	{"a read that panics", "State reports an unused or reset sequence as not called, and a sequence whose first value was taken as called: panicked: oh", func(m *mutant) {
		m.state = func(dialect.SequenceState, error) (dialect.SequenceState, error) { panic("oh") }
	}},
	{"a refresh that never ends", "Refresh replaces a view's rows with the current result of its query. It reports the mode and the reason for the mode: still running", func(m *mutant) {
		hanging(m)
		m.prepare = func(t testing.TB, f *sqltest.Fake) {
			t.Helper()
			f.Next(t, dialect.OpRefresh, "v", sqltest.Hang())
		}
	}},
}

func hanging(m *mutant) {
	m.context = func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithoutCancel(ctx), func() {}
	}
}
