package conformance_test

// Ways to break what a program's picture is made of: what a load brings, with which names and numbers, and that what was
// loaded is asked for by name. And dialects that never come back, or panic.

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
)

var pictureMutants = []mutation{
	{"one kind of several loaded", "Only, Include and Exclude say what is loaded", func(m *mutant) {
		m.filtered = func(f dialect.Filter, cat *dialect.Catalog) {
			if len(f.Kinds) > 0 && f.Kinds[0] != dialect.KindSequence {
				cat.Sequences = nil
			}
		}
	}},
	{"patterns applied by the dialect", "and Excluded what they left out", func(m *mutant) {
		m.filtered = func(f dialect.Filter, cat *dialect.Catalog) {
			cat.Enums = slices.DeleteFunc(cat.Enums, func(e dialect.EnumDef) bool {
				_, omitted := f.Excludes(e.Name)
				return omitted
			})
		}
	}},
	{"a catalog kept", "Reload returns what was added, removed and changed", keeping},
	{"a catalog kept from a transaction", "what is reloaded or appended there nobody else sees", keeping},
	{"numbers of each load's own", "Reload returns what was added, removed and changed", numbering},
	{"numbers of each load's own, under an append", "AppendLocalLabels changes the program's picture alone, until the next reload", numbering},
	{"names folded", "names work whatever characters they hold", onObjects(func(o *dialect.Object) { o.Name.Name = strings.ToLower(o.Name.Name) })},
	{"names of any length, cut", "and however long they are", onLoad(func(cat *dialect.Catalog) {
		cat.Server.MaxNameBytes = 0 // of a server that cuts them at 63
		for i := range cat.Sequences {
			name := &cat.Sequences[i].Name.Name
			*name = (*name)[:min(len(*name), 63)]
		}
	})},
	{"odd names passed over", "names work whatever characters they hold", passingOver},
	{"structures of the system's", "structures come by kind, schema and name, byte by byte", onLoad(func(cat *dialect.Catalog) {
		cat.Enums = append(cat.Enums, dialect.EnumDef{Object: dialect.Object{ID: 1, Name: dialect.Name{Schema: "system", Name: "e"}}})
	})},
	{"those without rights passed over", "what the role may do is loaded", onLoad(func(cat *dialect.Catalog) {
		cat.Sequences = slices.DeleteFunc(cat.Sequences, func(s dialect.SequenceDef) bool { return s.Rights == dialect.SequenceRights{} })
	})},
	{"types of columns lost", "a materialized view comes with its columns in order", onLoad(func(cat *dialect.Catalog) {
		for _, v := range cat.Matviews {
			for i := range v.Columns {
				v.Columns[i].Type = ""
			}
		}
	})},
	{"one type of column", "a materialized view comes with its columns in order", onLoad(func(cat *dialect.Catalog) {
		for _, v := range cat.Matviews {
			for i := range v.Columns {
				v.Columns[i].Type = "text"
			}
		}
	})},
	{"labels folded", "a label that is there, or can't be one, is refused and changes nothing", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			for j := range cat.Enums[i].Labels {
				cat.Enums[i].Labels[j] = strings.ToUpper(cat.Enums[i].Labels[j])
			}
		}
	})},
	{"label order lost, to who compares", "labels compare by their place in the type", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			cat.Enums[i].Labels = slices.Sorted(slices.Values(cat.Enums[i].Labels))
		}
	})},
	{"all columns read, whatever was loaded", "a view recreated since it was loaded is read by the columns", func(m *mutant) {
		m.read = func(view dialect.MatviewDef, tail string) (dialect.MatviewDef, string) {
			cat, err := m.Fake.Load(context.Background(), m.DB(), dialect.Filter{})
			if err == nil && len(cat.Matviews) == 1 {
				view.Columns = cat.Matviews[0].Columns
			}
			return view, tail
		}
	}},
	{"values counted by the dialect", "a sequence made anew under its name goes on working", func(m *mutant) {
		var n atomic.Int64
		m.next = func(_ int64, err error) (int64, error) { return n.Add(1), err }
	}},
	{"a transaction that has ended left aside", "an operation on a transaction that has ended is sql.ErrTxDone", func(m *mutant) {
		m.querier = func(dialect.Querier) dialect.Querier { return m.DB() }
	}},
}

// keeping makes a fake that loads once.
func keeping(m *mutant) {
	var first atomic.Pointer[dialect.Catalog]
	m.load = func(_ context.Context, _ dialect.Querier, cat *dialect.Catalog) {
		kept := *cat
		first.CompareAndSwap(nil, &kept)
		*cat = *first.Load()
	}
}

// numbering makes a fake whose structures have others' numbers at each load.
func numbering(m *mutant) {
	var loads atomic.Int64
	m.load = func(_ context.Context, _ dialect.Querier, cat *dialect.Catalog) {
		n := 1000 * loads.Add(1)
		renumber := &mutant{}
		onObjects(func(o *dialect.Object) { o.ID += n })(renumber)
		renumber.load(context.Background(), nil, cat)
	}
}

// hangingMutants pay no attention to a context, and end when what they wait for does, or never; or they panic.
var hangingMutants = []mutation{
	{"a run that hangs", "a run that is cancelled ends the refreshes under way, begins no others, and reports on each view: still running", hanging},
	{"a wait that hangs", "an operation that waits ends with its context, and leaves nothing behind: still running", hanging},
	{"a look that panics", "State tells a sequence that is unused, or was reset, from one whose first value was taken: panicked: oh", func(m *mutant) {
		m.state = func(dialect.SequenceState, error) (dialect.SequenceState, error) { panic("oh") }
	}},
	{"a refresh that never ends", "a refresh gives a view the rows that its query has now, and says in which mode and why: still running", func(m *mutant) {
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
