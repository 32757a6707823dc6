package conformance_test

// Dialects that have only one operation, or none. The suite must check an operation even
// if all others are lacking.

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// A lone dialect has one operation of its mutant, or none if has is empty.
type lone struct {
	*mutant
	has conformance.Operation
}

func (l lone) Dialect() dialect.Dialect {
	return partial{l.mutant, func(o conformance.Operation) bool { return o == l.has }}
}

// alone returns a harness of dialects that have one operation, broken by mutate.
func alone(operation conformance.Operation, mutate func(m *mutant)) conformance.Harness {
	return conformance.Harness{
		Lacks: slices.DeleteFunc(conformance.Operations(), func(o conformance.Operation) bool { return o == operation }),
		Open: func(_ *testing.T, cat sqltest.Catalog) conformance.Database {
			m := &mutant{}
			mutate(m)
			m.Fake = sqltest.New(cat)
			return lone{m, operation}
		},
	}
}

// A correct dialect passes with any one operation, and a rule exists that needs only this
// operation.
func TestOperationAlone(t *testing.T) {
	t.Parallel()
	for _, c := range append(conformance.Operations(), "") {
		t.Run(string("only "+c), func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, alone(c, func(*mutant) {}))
		})
		if c == "" {
			continue
		}
		if len(conformance.RulesOf(c)) == 0 {
			t.Errorf("got no rule that needs only %s, want one", c)
		}
		if !slices.ContainsFunc(aloneMutants, func(m aloneMutant) bool { return m.has == c }) {
			t.Errorf("got no mutant that has only %s, want one", c)
		}
	}
}

// Each rule passes on a dialect that has only the operations that the rule needs, and
// uses all of them.
func TestRulesUseWhatTheyNeed(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	used := map[string]map[conformance.Operation]bool{}
	conformance.RunEachRule(t, func(_ *testing.T, rule string, c sqltest.Catalog, has func(conformance.Operation) bool) conformance.Database {
		return recording{sqltest.New(c), func(o conformance.Operation) bool {
			mu.Lock()
			defer mu.Unlock()
			if used[rule] == nil {
				used[rule] = map[conformance.Operation]bool{}
			}
			used[rule][o] = true
			return has(o)
		}}
	}, func(rule string, needs []conformance.Operation) {
		mu.Lock()
		defer mu.Unlock()
		for _, o := range needs {
			if !used[rule][o] {
				t.Errorf("rule %s lists %s in needs, but does not use it", rule, o)
			}
		}
	})
}

// A recording database records which operations are used.
type recording struct {
	*sqltest.Fake
	has func(o conformance.Operation) bool
}

func (r recording) Dialect() dialect.Dialect { return partial{r.Fake, r.has} }

// An aloneMutant has one operation, which mutate breaks.
type aloneMutant struct {
	has    conformance.Operation
	name   string
	rule   string
	mutate func(m *mutant)
}

var aloneMutants = []aloneMutant{
	{conformance.SelectMatview, "drops a column", "Select reads each column into the struct field of the same name", func(m *mutant) {
		m.read = func(v dialect.MatviewDef, tail string) (dialect.MatviewDef, string) {
			v.Columns = v.Columns[:len(v.Columns)-1]
			return v, tail
		}
	}},
	{conformance.SelectMatview, "no ErrNotFound", "Reading a view that was dropped after the load, or counting its rows, returns ErrNotFound", without(massive.ErrNotFound)},
	{conformance.RefreshMatview, "does not refresh", "After Refresh a load reports the view as populated, and after WithNoData as not populated", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) { return how, true }
	}},
	{conformance.RefreshMatview, "ignores NoData", "After Refresh a load reports the view as populated, and after WithNoData as not populated", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.NoData = false
			return how, false
		}
	}},
	{conformance.CheckColumn, "accepts every field type", "If a view's columns do not fit the struct, Verify returns ErrDrift", func(m *mutant) {
		m.unfit = func(string) string { return "" }
	}},
	{conformance.CreateLedger, "loses failures", "CreateLedger creates a ledger that CheckLedger accepts", func(m *mutant) {
		m.recordFailure = func(context.Context, dialect.Querier, dialect.Ledger, dialect.Name, string) error { return nil }
	}},
	{conformance.EnumColumns, "finds no columns", "UsedBy lists the columns of an enum, also in arrays and through domains, by table and position", func(m *mutant) {
		m.used = func([]dialect.EnumColumn, error) ([]dialect.EnumColumn, error) { return nil, nil }
	}},
	{conformance.RenameEnumLabel, "does not rename", "RenameValue changes the text of a label and keeps its position", func(m *mutant) {
		m.rename = func(from, _ string) (string, string, bool) { return from, from, true }
	}},
	{conformance.SequenceState, "returns the same state for every sequence", "State of a sequence that no value was taken from is its start, not called", func(m *mutant) {
		m.state = func(dialect.SequenceState, error) (dialect.SequenceState, error) {
			return dialect.SequenceState{Last: 42}, nil
		}
	}},
	{conformance.SequenceState, "returns the same last value for every sequence", "LastValue of a sequence that no value was taken from is its start", func(m *mutant) {
		m.state = func(dialect.SequenceState, error) (dialect.SequenceState, error) {
			return dialect.SequenceState{Last: 42}, nil
		}
	}},
	{conformance.SequenceState, "no ErrNotFound", "For a sequence that no longer exists it returns ErrNotFound", without(massive.ErrNotFound)},
	{conformance.NextSequenceValue, "returns the same value to every caller", "NextValue returns the start value first, and then advances by one increment each time, up to the end of the sequence", func(m *mutant) {
		m.next = func(int64, error) (int64, error) { return 1, nil }
	}},
	{conformance.RestartSequence, "does not restart", "ResetTo and Restart accept a value within the bounds, and return ErrOutOfRange for any other", func(m *mutant) {
		m.restarter = func(context.Context, dialect.Querier, dialect.Name, *int64) error { return nil }
	}},
	{conformance.MatviewDefinition, "no ErrNotFound", "Definition returns the view's query", without(massive.ErrNotFound)},
	{conformance.MatviewSize, "returns the same size for every view", "Size returns how many bytes a view uses", func(m *mutant) {
		m.size = func(_ int64, err error) (int64, error) { return 8192, err }
	}},
	{conformance.MatviewSize, "no error for a dropped view", "Size returns how many bytes a view uses", func(m *mutant) {
		m.size = func(size int64, _ error) (int64, error) { return size, nil }
	}},
	{conformance.AddEnumLabel, "adds each label at the end", "AddValue adds a label at the given place, in the database and in the program's snapshot", func(m *mutant) {
		m.add = func(label string, _ dialect.LabelPlace, tolerant bool) (string, dialect.LabelPlace, bool) {
			return label, dialect.LabelPlace{}, tolerant
		}
	}},
	{conformance.NextSequenceBlock, "returns blocks of one value", "NextBlock returns the next block, and at the end of the sequence a shorter block, then ErrExhausted", func(m *mutant) {
		m.block = func(b dialect.SequenceBlock) dialect.SequenceBlock {
			b.Increment = 1
			return b
		}
	}},
	{conformance.SequenceLags, "no sequence is behind", "Lag reports whether a sequence is behind its column, and does not move it", func(m *mutant) {
		m.lag = func(_ *dialect.SequenceDef, lag dialect.SequenceLag) dialect.SequenceLag {
			lag.Empty = true
			return lag
		}
	}},
	{conformance.NextSequenceValues, "takes one value of many", "NextValues returns the next n values", func(m *mutant) {
		m.values = func(int) int { return 1 }
	}},
	{conformance.SetSequenceValue, "does not set", "SetValue accepts a value within the bounds, and returns ErrOutOfRange for any other", func(m *mutant) {
		m.setter = func(context.Context, dialect.Querier, dialect.Name, int64) error { return nil }
	}},
	{conformance.SequenceStates, "can't read", "Exhaustion reads the sequences that exist now, not the loaded ones", func(m *mutant) {
		m.states = func(_ []*dialect.SequenceDef, all []dialect.SequenceReading) []dialect.SequenceReading {
			for i := range all {
				all[i].Err = errors.New("it can't be read")
			}
			return all
		}
	}},
	{conformance.CatchUpSequence, "moves no sequence", "CatchUp moves a sequence that is behind its column, and leaves any other where it is", func(m *mutant) {
		m.catchUp = func(context.Context, dialect.Querier, *dialect.SequenceDef) (bool, error) { return false, nil }
	}},
	{conformance.SetSavepoint, "savepoints do nothing", "A savepoint exists until it is released or rolled back to", func(m *mutant) {
		m.savepoint = func(string) bool { return true }
	}},
	{conformance.Unchanged, "notices no commit", saysSign, blindfolded},

	// Dialects without operations, which only load.
	{"", "primary keys not loaded", "A load excludes sequences that feed primary keys, and names the key column of each", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Sequences {
			cat.Sequences[i].KeyOf = nil
		}
	})},
	{"", "dependencies not loaded", "A view depends on each view that its query reads, directly or through plain views, across schemas", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			cat.Matviews[i].Reads = nil
		}
	})},
	{"", "plain views not loaded", "A view depends on each view that its query reads, directly or through plain views, across schemas", onLoad(func(cat *dialect.Catalog) { cat.Views = nil })},
	{"", "unusual names not loaded", "Lookups and operations work for names with any characters, and of any length that the server allows", passingOver},
	{conformance.SequenceState, "no rights loaded", "The loaded rights match the database: an operation that they allow succeeds, and any other returns ErrPermission", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Sequences {
			cat.Sequences[i].Rights = dialect.SequenceRights{}
		}
	})},
}

// passingOver makes a fake that does not load structures whose names need quotes.
func passingOver(m *mutant) {
	odd := func(o dialect.Object) bool { return o.Name.String() != o.Name.Schema+"."+o.Name.Name }
	onLoad(func(cat *dialect.Catalog) {
		cat.Matviews = slices.DeleteFunc(cat.Matviews, func(v dialect.MatviewDef) bool { return odd(v.Object) })
		cat.Enums = slices.DeleteFunc(cat.Enums, func(e dialect.EnumDef) bool { return odd(e.Object) })
		cat.Sequences = slices.DeleteFunc(cat.Sequences, func(s dialect.SequenceDef) bool { return odd(s.Object) })
	})(m)
}

// aloneHarnesses returns the harnesses of aloneMutants.
func aloneHarnesses() (all []harnessMutant) {
	for _, m := range aloneMutants {
		who := string(m.has)
		if who == "" {
			who = "nothing"
		}
		all = append(all, harnessMutant{who + " alone, " + m.name, m.rule, alone(m.has, m.mutate)})
	}
	return all
}
