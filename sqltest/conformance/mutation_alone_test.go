package conformance_test

// Dialects that have one operation, or none: nothing that they do may go unchecked for want of another.

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

// A lone dialect has one operation of its mutant's, or none where that is empty.
type lone struct {
	*mutant
	has conformance.Operation
}

func (l lone) Dialect() dialect.Dialect {
	return partial{l.mutant, func(o conformance.Operation) bool { return o == l.has }}
}

// alone is the harness of dialects that have one operation, broken in some way.
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

// A fit dialect passes with whatever it has, and each operation has a rule for it alone.
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
			t.Errorf("no rule needs a %s and nothing else", c)
		}
		if !slices.ContainsFunc(aloneMutants, func(m aloneMutant) bool { return m.has == c }) {
			t.Errorf("no mutant has a %s and nothing else", c)
		}
	}
}

// Each rule passes on a dialect that has only what the rule needs, and uses all of that.
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
				t.Errorf("rule %s needs %s and does not use it", rule, o)
			}
		}
	})
}

// A recording database tells which operations are used.
type recording struct {
	*sqltest.Fake
	has func(o conformance.Operation) bool
}

func (r recording) Dialect() dialect.Dialect { return partial{r.Fake, r.has} }

// An aloneMutant has one operation and does what is wrong with it.
type aloneMutant struct {
	has    conformance.Operation
	name   string
	rule   string
	mutate func(m *mutant)
}

var aloneMutants = []aloneMutant{
	{conformance.SelectMatview, "columns left out", "Select reads columns into fields by name", func(m *mutant) {
		m.read = func(v dialect.MatviewDef, tail string) (dialect.MatviewDef, string) {
			v.Columns = v.Columns[:len(v.Columns)-1]
			return v, tail
		}
	}},
	{conformance.SelectMatview, "a lost view is an error like any other", "a view that was dropped since it was loaded can't be read", without(massive.ErrNotFound)},
	{conformance.RefreshMatview, "refreshes nothing", "a refresh gives a view data and WithNoData takes it away", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) { return how, true }
	}},
	{conformance.RefreshMatview, "never empties", "a refresh gives a view data and WithNoData takes it away", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.NoData = false
			return how, false
		}
	}},
	{conformance.CheckColumn, "all goes into all", "a view whose columns don't go into the struct", func(m *mutant) {
		m.unfit = func(string) string { return "" }
	}},
	{conformance.EnumColumns, "finds no columns", "UsedBy lists the columns of an enum", func(m *mutant) {
		m.used = func([]dialect.EnumColumn, error) ([]dialect.EnumColumn, error) { return nil, nil }
	}},
	{conformance.RenameEnumLabel, "renames nothing", "RenameValue gives a label another text", func(m *mutant) {
		m.rename = func(from, _ string) (string, string, bool) { return from, from, true }
	}},
	{conformance.SequenceState, "the same state of all", "State of a sequence that nothing was taken from", func(m *mutant) {
		m.state = func(dialect.SequenceState, error) (dialect.SequenceState, error) {
			return dialect.SequenceState{Last: 42}, nil
		}
	}},
	{conformance.SequenceState, "the same last value of all", "LastValue of a sequence that nothing was taken from", func(m *mutant) {
		m.state = func(dialect.SequenceState, error) (dialect.SequenceState, error) {
			return dialect.SequenceState{Last: 42}, nil
		}
	}},
	{conformance.SequenceState, "a lost sequence is an error like any other", "of one that is gone it is ErrNotFound", without(massive.ErrNotFound)},
	{conformance.NextSequenceValue, "the same value to all", "a value is one step after the one before", func(m *mutant) {
		m.next = func(int64, error) (int64, error) { return 1, nil }
	}},
	{conformance.RestartSequence, "restarts nothing", "ResetTo and Restart take what is within the bounds", func(m *mutant) {
		m.restarter = func(context.Context, dialect.Querier, dialect.Name, *int64) error { return nil }
	}},
	{conformance.MatviewDefinition, "a lost view is an error like any other", "Definition is the query behind a view", without(massive.ErrNotFound)},
	{conformance.AddEnumLabel, "adds each label at the end", "AddValue adds a label where it is told to", func(m *mutant) {
		m.add = func(label string, _ dialect.LabelPlace, tolerant bool) (string, dialect.LabelPlace, bool) {
			return label, dialect.LabelPlace{}, tolerant
		}
	}},
	{conformance.NextSequenceBlock, "blocks of one value", "NextBlock takes the block that comes next", func(m *mutant) {
		m.block = func(b dialect.SequenceBlock) dialect.SequenceBlock {
			b.Increment = 1
			return b
		}
	}},
	{conformance.SequenceLag, "nothing is behind", "Lag tells that a sequence is behind its column, and nothing", func(m *mutant) {
		m.lag = func(_ *dialect.SequenceDef, lag dialect.SequenceLag) dialect.SequenceLag {
			lag.Empty = true
			return lag
		}
	}},
	{conformance.NextSequenceValues, "takes one of many", "NextValues takes what comes next", func(m *mutant) {
		m.values = func(int) int { return 1 }
	}},
	{conformance.SetSequenceValue, "sets nothing", "SetValue sets what is inside the bounds, refuses all else", func(m *mutant) {
		m.setter = func(context.Context, dialect.Querier, dialect.Name, int64) error { return nil }
	}},
	{conformance.SequenceStates, "that can't read", "Exhaustion looks at the sequences that there are now", func(m *mutant) {
		m.states = func(_ []*dialect.SequenceDef, all []dialect.SequenceReading) []dialect.SequenceReading {
			for i := range all {
				all[i].Err = errors.New("it can't be read")
			}
			return all
		}
	}},
	{conformance.CatchUpSequence, "catches nothing up", "CatchUp moves a sequence that is behind its column once", func(m *mutant) {
		m.catchUp = func(context.Context, dialect.Querier, *dialect.SequenceDef) (bool, error) { return false, nil }
	}},
	{conformance.SetSavepoint, "no points at all", "a savepoint is there until it is released or taken back to", func(m *mutant) {
		m.savepoint = func(string) bool { return true }
	}},
	{conformance.Unchanged, "notices no commit", saysSign, blindfolded},

	// Dialects that only load.
	{"", "keys unknown", "sequences of primary keys are left out", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Sequences {
			cat.Sequences[i].KeyOf = nil
		}
	})},
	{"", "edges unknown", "a view depends on what it reads", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			cat.Matviews[i].Reads = nil
		}
	})},
	{"", "plain views unknown", "a view depends on what it reads", onLoad(func(cat *dialect.Catalog) { cat.Views = nil })},
	{"", "odd names passed over", "names work whatever characters they hold", passingOver},
	{conformance.SequenceState, "no rights", "what the role may do is loaded", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Sequences {
			cat.Sequences[i].Rights = dialect.SequenceRights{}
		}
	})},
}

// passingOver makes a dialect that loads no structure whose name has to be quoted.
func passingOver(m *mutant) {
	odd := func(o dialect.Object) bool { return o.Name.String() != o.Name.Schema+"."+o.Name.Name }
	onLoad(func(cat *dialect.Catalog) {
		cat.Matviews = slices.DeleteFunc(cat.Matviews, func(v dialect.MatviewDef) bool { return odd(v.Object) })
		cat.Enums = slices.DeleteFunc(cat.Enums, func(e dialect.EnumDef) bool { return odd(e.Object) })
		cat.Sequences = slices.DeleteFunc(cat.Sequences, func(s dialect.SequenceDef) bool { return odd(s.Object) })
	})(m)
}

// aloneHarnesses are the harnesses of the lone dialects that are broken.
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
