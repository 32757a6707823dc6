package conformance_test

// Mutants whose harness does not describe the dialect: wrong kinds, operations or other
// fields.

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

// saysCapabilities is the rule of the case capabilities.
const saysCapabilities = "Each operation that Harness.Lacks or Harness.LacksKinds excludes returns ErrUnsupported"

// partMutants lack an operation that the harness does not list.
var partMutants = []mutation{
	{"rows can't be counted", saysCapabilities, func(m *mutant) {
		m.count = func(view dialect.MatviewDef) dialect.MatviewDef {
			view.Name.Name = "nowhere"
			return view
		}
	}},
	{"blockers returned for every view", saysCapabilities, func(m *mutant) {
		m.blockers = func([]dialect.Blocker) []dialect.Blocker {
			return []dialect.Blocker{{Reason: dialect.BlockerNoUniqueIndex}}
		}
	}},
	{"labels can't be ensured", saysCapabilities, func(m *mutant) {
		m.add = func(label string, at dialect.LabelPlace, _ bool) (string, dialect.LabelPlace, bool) {
			return label, at, false
		}
	}},
	{"labels can't be renamed", saysCapabilities, func(m *mutant) {
		m.rename = func(_, to string) (string, string, bool) { return "nobody", to, false }
	}},
	{"states can't be read", saysCapabilities, func(m *mutant) {
		m.state = func(st dialect.SequenceState, _ error) (dialect.SequenceState, error) { return st, errNotImplemented }
	}},
	{"restart at the start fails", saysCapabilities, func(m *mutant) {
		m.restart = func(at *int64) *int64 {
			if at == nil {
				at = new(int64)
				*at = math.MinInt64
			}
			return at
		}
	}},
	{"many values can't be taken", saysCapabilities, func(m *mutant) {
		m.taken = func([]int64, error) ([]int64, error) { return nil, errors.ErrUnsupported }
	}},
	{"values can't be set", saysCapabilities, unset},
	{"nothing can be caught up", saysCapabilities, func(m *mutant) {
		m.catchUp = func(context.Context, dialect.Querier, *dialect.SequenceDef) (bool, error) {
			return false, errNotImplemented
		}
	}},
}

func unset(m *mutant) {
	m.setter = func(context.Context, dialect.Querier, dialect.Name, int64) error { return errNotImplemented }
}

// A harnessMutant is a harness that does not describe its dialect.
type harnessMutant struct {
	name, rule string
	harness    conformance.Harness
}

// traitMutants returns harnesses with one wrong field.
func traitMutants() (all []harnessMutant) {
	for _, m := range []struct {
		name, rule string
		says       conformance.Harness
	}{
		{"harness says that restarts stay", "A rollback does not give back taken values", conformance.Harness{Restarts: conformance.MovesStay}},
		{"harness says that restarts are free", "A reset blocks NextValue in other sessions until its transaction ends", conformance.Harness{Restarts: conformance.MovesFree}},
		{"harness says that catch-ups are free", "A rollback undoes CatchUp", conformance.Harness{CatchUps: conformance.MovesFree}},
		{"harness says that caches are per server", "A connection reserves as many values as the sequence's cache holds", conformance.Harness{Caches: conformance.CachePerServer}},
		{"harness says that there is only the next value", "State reports an unused or reset sequence as not called, and a sequence whose first value was taken as called", conformance.Harness{NextOnly: true}},
		{"harness says that kinds have their own names", "A bare name resolves to the first structure of that name along the search path", conformance.Harness{KindsApart: true}},
		{"harness says that labels recreate", "Reload returns each structure that was added, removed or changed, by kind and name", conformance.Harness{LabelsRecreate: true}},
		{"harness says that refreshes of others are not noted", "With NoteOthers, a refresh without a record is recorded, too", conformance.Harness{NoNoteOthers: true}},
		{"harness says that savepoints replace", "A savepoint exists until it is released or rolled back to", conformance.Harness{SavepointsReplace: true}},
		{"harness says that transactions have a snapshot", "If several columns draw on a sequence, the furthest value counts", conformance.Harness{SnapshotIsolation: true}},
	} {
		m.says.Open = func(_ *testing.T, c sqltest.Catalog) conformance.Database { return sqltest.New(c) }
		all = append(all, harnessMutant{m.name, m.rule, m.says})
	}
	return all
}

func harnessMutants() []harnessMutant {
	const rule = "Load returns structures of each kind that the database has, and none of a kind in Harness.LacksKinds"
	all := []harnessMutant{{
		"lacking operation returns another error", saysCapabilities,
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
			harnessMutant{"no " + k.String() + " and the harness does not say so", rule, conformance.Harness{Open: lacking{kinds: kinds}.forgetful}},
			harnessMutant{"no " + k.String() + ", but one loaded", rule, conformance.Harness{
				LacksKinds: kinds, Open: lacking{kinds: kinds, leaks: true}.open,
			}},
			harnessMutant{"no " + k.String() + ", but its operations work", saysCapabilities, conformance.Harness{
				LacksKinds: kinds, Open: func(_ *testing.T, c sqltest.Catalog) conformance.Database { return sqltest.New(c) },
			}},
		)
	}
	return append(all, slices.Concat(aloneHarnesses(), aloneStatements(), traitMutants())...)
}

// aloneStatements returns harnesses with a wrong StatementsFailAlone or NoRights.
func aloneStatements() []harnessMutant {
	fake := func(_ *testing.T, c sqltest.Catalog) conformance.Database { return sqltest.New(c) }
	return []harnessMutant{
		{"statements fail alone and the harness does not say so", "After a failure in a transaction, all operations in it return ErrTxAborted, and Commit fails", conformance.Harness{
			Open: func(t *testing.T, c sqltest.Catalog) conformance.Database {
				t.Helper()
				return foreign(t, c, 0, conformance.Harness{StatementsFailAlone: true})
			},
		}},
		{
			"harness says that statements fail alone", "After a failure in a transaction, all operations in it return ErrTxAborted, and Commit fails",
			conformance.Harness{StatementsFailAlone: true, Open: fake},
		},
		{
			"harness says that writes fail alone in a read-only transaction", "In a read-only transaction an operation that writes returns ErrReadOnly",
			conformance.Harness{StatementsFailAlone: true, Open: fake},
		},
		{
			"harness says that a failure in a run is alone", "In a transaction, a view that fails ends the run, and the remaining views are cancelled",
			conformance.Harness{StatementsFailAlone: true, Open: fake},
		},
		{
			"harness says that savepoints work after a failure", "RollbackToSavepoint undoes all changes since the savepoint and releases their locks",
			conformance.Harness{StatementsFailAlone: true, Open: fake},
		},
		{"harness says that there are no rights", "The loaded rights match the database: an operation that they allow succeeds, and any other returns ErrPermission", conformance.Harness{
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
