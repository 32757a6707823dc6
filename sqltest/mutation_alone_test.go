package sqltest_test

// Dialects that have one capability, or none: nothing that they do may go unchecked for want of another.

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A lone dialect has one capability of its mutant's, or none where that is empty.
type lone struct {
	*mutant
	has sqltest.Capability
}

func (l lone) Dialect() dialect.Dialect {
	type (
		base   struct{ dialect.Dialect }
		reads  = dialect.MatviewReader
		fills  = dialect.MatviewRefresher
		states = dialect.SequenceReader
	)
	m, b := l.mutant, base{l.mutant}
	return map[sqltest.Capability]dialect.Dialect{
		"": b,
		sqltest.MatviewReader: struct {
			base
			reads
		}{b, m},
		sqltest.MatviewRefresher: struct {
			base
			fills
		}{b, m},
		sqltest.RowChecker: struct {
			base
			dialect.RowChecker
		}{b, m},
		sqltest.EnumReader: struct {
			base
			dialect.EnumReader
		}{b, m},
		sqltest.EnumAlterer: struct {
			base
			dialect.EnumAlterer
		}{b, m},
		sqltest.SequenceReader: struct {
			base
			states
		}{b, m},
		sqltest.SequenceMover: struct {
			base
			dialect.SequenceMover
		}{b, m},
		sqltest.SequenceReserver: struct {
			base
			dialect.SequenceReserver
		}{b, m},
		sqltest.SequenceSetter: struct {
			base
			dialect.SequenceSetter
		}{b, m},
		sqltest.SequenceAuditor: struct {
			base
			dialect.SequenceAuditor
		}{b, m},
		sqltest.SequenceMender: struct {
			base
			dialect.SequenceMender
		}{b, m},
		sqltest.Savepointer: struct {
			base
			dialect.Savepointer
		}{b, m},
		sqltest.ChangeDetector: struct {
			base
			dialect.ChangeDetector
		}{b, m},
	}[l.has]
}

// alone is the harness of dialects that have one capability, broken in some way.
func alone(capability sqltest.Capability, mutate func(m *mutant)) sqltest.Harness {
	return sqltest.Harness{
		Lacks: slices.DeleteFunc(sqltest.Capabilities(), func(c sqltest.Capability) bool { return c == capability }),
		Open: func(_ *testing.T, cat sqltest.Catalog) sqltest.Database {
			m := &mutant{}
			mutate(m)
			m.Fake = sqltest.New(cat)
			return lone{m, capability}
		},
	}
}

// A fit dialect passes with whatever it has, and each capability has a rule for it alone.
func TestCapabilityAlone(t *testing.T) {
	t.Parallel()
	for _, c := range append(sqltest.Capabilities(), "") {
		t.Run(string("only "+c), func(t *testing.T) {
			t.Parallel()
			sqltest.TestDialect(t, alone(c, func(*mutant) {}))
		})
		if c == "" {
			continue
		}
		if len(sqltest.RulesOf(c)) == 0 {
			t.Errorf("no rule needs a %s and nothing else", c)
		}
		if !slices.ContainsFunc(aloneMutants, func(m aloneMutant) bool { return m.has == c }) {
			t.Errorf("no mutant has a %s and nothing else", c)
		}
	}
}

// An aloneMutant has one capability and does what is wrong with it.
type aloneMutant struct {
	has    sqltest.Capability
	name   string
	rule   string
	mutate func(m *mutant)
}

var aloneMutants = []aloneMutant{
	{sqltest.MatviewReader, "columns left out", "Select reads columns into fields by name", func(m *mutant) {
		m.read = func(v dialect.MatviewDef, tail string) (dialect.MatviewDef, string) {
			v.Columns = v.Columns[:len(v.Columns)-1]
			return v, tail
		}
	}},
	{sqltest.MatviewReader, "a lost view is an error like any other", "a view that was dropped since it was loaded can't be read", without(massive.ErrNotFound)},
	{sqltest.MatviewRefresher, "refreshes nothing", "a refresh gives a view data and WithNoData takes it away", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) { return how, true }
	}},
	{sqltest.MatviewRefresher, "never empties", "a refresh gives a view data and WithNoData takes it away", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.NoData = false
			return how, false
		}
	}},
	{sqltest.RowChecker, "all goes into all", "a view whose columns don't go into the struct", func(m *mutant) {
		m.unfit = func(string) string { return "" }
	}},
	{sqltest.EnumReader, "finds no columns", "UsedBy lists the columns of an enum", func(m *mutant) {
		m.used = func([]dialect.EnumColumn, error) ([]dialect.EnumColumn, error) { return nil, nil }
	}},
	{sqltest.EnumAlterer, "renames nothing", "RenameValue gives a label another text", func(m *mutant) {
		m.rename = func(from, _ string) (string, string, bool) { return from, from, true }
	}},
	{sqltest.SequenceReader, "the same state of all", "State of a sequence that nothing was taken from", func(m *mutant) {
		m.state = func(dialect.SequenceState, error) (dialect.SequenceState, error) {
			return dialect.SequenceState{Last: 42}, nil
		}
	}},
	{sqltest.SequenceReader, "the same last value of all", "LastValue of a sequence that nothing was taken from", func(m *mutant) {
		m.state = func(dialect.SequenceState, error) (dialect.SequenceState, error) {
			return dialect.SequenceState{Last: 42}, nil
		}
	}},
	{sqltest.SequenceReader, "a lost sequence is an error like any other", "of one that is gone it is ErrNotFound", without(massive.ErrNotFound)},
	{sqltest.SequenceMover, "the same value to all", "a value is one step behind the one before", func(m *mutant) {
		m.next = func(int64, error) (int64, error) { return 1, nil }
	}},
	{sqltest.SequenceMover, "restarts nothing", "ResetTo and Restart say which comes next", func(m *mutant) {
		m.restarter = func(context.Context, dialect.Querier, dialect.Name, *int64) error { return nil }
	}},
	{sqltest.SequenceReserver, "takes one of many", "NextValues and NextBlock take what comes next", func(m *mutant) {
		m.values = func(int) int { return 1 }
	}},
	{sqltest.SequenceSetter, "sets nothing", "SetValue sets what is inside the bounds, refuses all else", func(m *mutant) {
		m.setter = func(context.Context, dialect.Querier, dialect.Name, int64) error { return nil }
	}},
	{sqltest.SequenceAuditor, "that can't read", "Exhaustion looks at the sequences that there are now", func(m *mutant) {
		m.states = func(_ []*dialect.SequenceDef, all []dialect.SequenceReading) []dialect.SequenceReading {
			for i := range all {
				all[i].Err = errors.New("it can't be read")
			}
			return all
		}
	}},
	{sqltest.SequenceMender, "catches nothing up", "Lag tells that a sequence is behind its column until CatchUp has moved it", func(m *mutant) {
		m.catchUp = func(context.Context, dialect.Querier, *dialect.SequenceDef) (bool, error) { return false, nil }
	}},
	{sqltest.Savepointer, "no points at all", "a savepoint is there until it is released or taken back to", func(m *mutant) {
		m.savepoint = func(string) bool { return true }
	}},
	{sqltest.ChangeDetector, "notices no commit", saysSign, blindfolded},

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
	{sqltest.SequenceReader, "no rights", "what the role may do is loaded", onLoad(func(cat *dialect.Catalog) {
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
