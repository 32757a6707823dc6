package conformance_test

// Dialects that are not what their harness says: in what they lack, whole kinds or operations.

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

var errNotImplemented = errors.New("not implemented")

// partMutants lack operations, and nothing says so.
var partMutants = []mutation{
	{"rows can't be counted", "and it lacks what it says", func(m *mutant) {
		m.count = func(view dialect.MatviewDef) dialect.MatviewDef {
			view.Name.Name = "nowhere"
			return view
		}
	}},
	{"blockers always", "and it lacks what it says", func(m *mutant) {
		m.blockers = func([]dialect.Blocker) []dialect.Blocker {
			return []dialect.Blocker{{Reason: dialect.BlockerNoUniqueIndex}}
		}
	}},
	{"labels can't be ensured", "and it lacks what it says", func(m *mutant) {
		m.add = func(label string, at dialect.LabelPlace, _ bool) (string, dialect.LabelPlace, bool) {
			return label, at, false
		}
	}},
	{"labels can't be renamed", "and it lacks what it says", func(m *mutant) {
		m.rename = func(_, to string) (string, string, bool) { return "nobody", to, false }
	}},
	{"states can't be read", "and it lacks what it says", func(m *mutant) {
		m.state = func(st dialect.SequenceState, _ error) (dialect.SequenceState, error) { return st, errNotImplemented }
	}},
	{"a start can't be restarted at", "and it lacks what it says", func(m *mutant) {
		m.restart = func(at *int64) *int64 {
			if at == nil {
				at = new(int64)
				*at = math.MinInt64
			}
			return at
		}
	}},
	{"many values can't be taken", "and it lacks what it says", func(m *mutant) {
		m.taken = func([]int64, error) ([]int64, error) { return nil, errors.ErrUnsupported }
	}},
	{"values can't be set", "and it lacks what it says", unset},
	{"nothing can be caught up", "and it lacks what it says", func(m *mutant) {
		m.catchUp = func(context.Context, dialect.Querier, *dialect.SequenceDef) (bool, error) {
			return false, errNotImplemented
		}
	}},
}

func unset(m *mutant) {
	m.setter = func(context.Context, dialect.Querier, dialect.Name, int64) error { return errNotImplemented }
}

// A harnessMutant is a harness that says something else of its dialect than is so.
type harnessMutant struct {
	name, rule string
	harness    conformance.Harness
}

// traitMutants are harnesses that say of a trait what is not so.
func traitMutants() (all []harnessMutant) {
	for _, m := range []struct {
		name, rule string
		says       conformance.Harness
	}{
		{"restarts said to stay", "a reset is undone, and so are the values behind it", conformance.Harness{Restarts: conformance.MovesStay}},
		{"restarts said to be free", "a reset holds off everybody's next value", conformance.Harness{Restarts: conformance.MovesFree}},
		{"catch-ups said to be free", "a catch-up is undone with its transaction", conformance.Harness{CatchUps: conformance.MovesFree}},
		{"caches said to be the server's", "a connection reserves a cache of values", conformance.Harness{Caches: conformance.CachePerServer}},
		{"last values said to be unknown", "State tells a sequence that is unused", conformance.Harness{NextOnly: true}},
		{"kinds said to be apart", "a bare name is the first structure of that name", conformance.Harness{KindsApart: true}},
		{"labels said to recreate", "Reload returns what was added, removed and changed", conformance.Harness{LabelsRecreate: true}},
		{"savepoints said to replace", "a savepoint is there until it is released", conformance.Harness{SavepointsReplace: true}},
	} {
		m.says.Open = func(_ *testing.T, c sqltest.Catalog) conformance.Database { return sqltest.New(c) }
		all = append(all, harnessMutant{m.name, m.rule, m.says})
	}
	return all
}

func harnessMutants() []harnessMutant {
	const rule = "of a kind that it lacks it loads none, no lookup finds one, and what would be done with one is refused"
	all := []harnessMutant{{
		"an operation said to be lacking, and refused in other words", "gives ErrUnsupported, and it lacks what it says",
		conformance.Harness{
			Lacks: []conformance.Operation{conformance.SetSequenceValue},
			Open: func(_ *testing.T, c sqltest.Catalog) conformance.Database {
				m := &mutant{Fake: sqltest.New(c)}
				unset(m)
				return m
			},
		},
	}}
	for _, k := range []dialect.Kind{dialect.KindMatview, dialect.KindEnum, dialect.KindSequence} {
		kinds := []dialect.Kind{k}
		all = append(all,
			harnessMutant{"no " + k.String() + ", and nothing says so", rule, conformance.Harness{Open: lacking{kinds: kinds}.forgetful}},
			harnessMutant{"no " + k.String() + ", and one loaded", rule, conformance.Harness{
				LacksKinds: kinds, Open: lacking{kinds: kinds, leaks: true}.open,
			}},
			harnessMutant{"no " + k.String() + ", and all is there to work with one", "and it lacks what it says", conformance.Harness{
				LacksKinds: kinds, Open: func(_ *testing.T, c sqltest.Catalog) conformance.Database { return sqltest.New(c) },
			}},
		)
	}
	return append(all, slices.Concat(aloneHarnesses(), aloneStatements(), traitMutants())...)
}

// aloneStatements are harnesses that say the wrong thing of what a failure does to a transaction, or of rights.
func aloneStatements() []harnessMutant {
	fake := func(_ *testing.T, c sqltest.Catalog) conformance.Database { return sqltest.New(c) }
	return []harnessMutant{
		{"statements fail alone, and nothing says so", "a transaction in which something failed does nothing more", conformance.Harness{
			Open: func(t *testing.T, c sqltest.Catalog) conformance.Database {
				t.Helper()
				return foreign(t, c, 0, conformance.Harness{StatementsFailAlone: true})
			},
		}},
		{
			"statements said to fail alone", "where statements fail alone it goes on, and keeps what it did besides",
			conformance.Harness{StatementsFailAlone: true, Open: fake},
		},
		{
			"writes said to fail alone in a read-only transaction", "or lives on where statements fail alone",
			conformance.Harness{StatementsFailAlone: true, Open: fake},
		},
		{
			"a run's failure said to be alone", "and the transaction does not commit, unless a statement fails alone there",
			conformance.Harness{StatementsFailAlone: true, Open: fake},
		},
		{
			"savepoints behind a failure said to be possible", "RollbackToSavepoint takes back what was done since",
			conformance.Harness{StatementsFailAlone: true, Open: fake},
		},
		{"no rights, and some lacking", "what the role may do is loaded", conformance.Harness{
			NoRights: true, Open: func(_ *testing.T, c sqltest.Catalog) conformance.Database {
				m := &mutant{Fake: sqltest.New(c)}
				onLoad(func(cat *dialect.Catalog) {
					for i := range cat.Matviews {
						cat.Matviews[i].MayRefresh = false
					}
				})(m)
				return m
			},
		}},
	}
}
