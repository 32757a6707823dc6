package conformance_test

// A dialect that has some operations of another dialect, and the defaults of package
// dialect for the rest.

import (
	"context"
	"reflect"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// A partial dialect has the operations of Dialect for which has returns true. With a nil
// has it has none.
type partial struct {
	dialect.Dialect
	has func(o conformance.Operation) bool
}

func (p partial) lacks(o conformance.Operation) bool { return p.has == nil || !p.has(o) }

func (p partial) matviews(o conformance.Operation) dialect.MatviewDialect {
	if p.lacks(o) {
		return dialect.NoMatviews{}
	}
	return p.Dialect
}

func (p partial) enums(o conformance.Operation) dialect.EnumDialect {
	if p.lacks(o) {
		return dialect.NoEnums{}
	}
	return p.Dialect
}

func (p partial) sequences(o conformance.Operation) dialect.SequenceDialect {
	if p.lacks(o) {
		return dialect.NoSequences{}
	}
	return p.Dialect
}

func (p partial) transactions(o conformance.Operation) dialect.TransactionDialect {
	if p.lacks(o) {
		return dialect.NoTransactions{}
	}
	return p.Dialect
}

// Load returns no sign if the dialect lacks Unchanged.
func (p partial) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	cat, err := p.Dialect.Load(ctx, q, f)
	if err == nil && p.lacks(conformance.Unchanged) {
		cat.Sign = ""
	}
	return cat, err
}

func (p partial) Unchanged(ctx context.Context, q dialect.Querier, since dialect.Sign) (bool, error) {
	if p.lacks(conformance.Unchanged) {
		return dialect.NoSign{}.Unchanged(ctx, q, since)
	}
	return p.Dialect.Unchanged(ctx, q, since)
}

func (p partial) MatviewDefinition(ctx context.Context, q dialect.Querier, n dialect.Name) (string, error) {
	return p.matviews(conformance.MatviewDefinition).MatviewDefinition(ctx, q, n)
}

func (p partial) MatviewSize(ctx context.Context, q dialect.Querier, n dialect.Name) (int64, error) {
	return p.matviews(conformance.MatviewSize).MatviewSize(ctx, q, n)
}

func (p partial) SelectMatview(v *dialect.MatviewDef, tail string, args []any) (string, []any, error) {
	return p.matviews(conformance.SelectMatview).SelectMatview(v, tail, args)
}

func (p partial) CountMatview(v *dialect.MatviewDef, tail string, args []any) (string, []any, error) {
	return p.matviews(conformance.SelectMatview).CountMatview(v, tail, args)
}

func (p partial) RefreshMatview(ctx context.Context, q dialect.Querier, n dialect.Name, how dialect.Refresh) (dialect.Refreshed, error) {
	if how.Record != nil && p.lacks(conformance.CreateLedger) {
		return dialect.NoMatviews{}.RefreshMatview(ctx, q, n, how)
	}
	return p.matviews(conformance.RefreshMatview).RefreshMatview(ctx, q, n, how)
}

func (p partial) RefreshBlockers(v *dialect.MatviewDef, on dialect.Server, concurrently bool) ([]dialect.Blocker, error) {
	return p.matviews(conformance.RefreshMatview).RefreshBlockers(v, on, concurrently)
}

func (p partial) LedgerDDL(l dialect.LedgerDefinition) (string, error) {
	return p.matviews(conformance.CreateLedger).LedgerDDL(l)
}

func (p partial) CreateLedger(ctx context.Context, q dialect.Querier, l dialect.LedgerDefinition) error {
	return p.matviews(conformance.CreateLedger).CreateLedger(ctx, q, l)
}

func (p partial) CheckLedger(ctx context.Context, q dialect.Querier, l dialect.Ledger) error {
	return p.matviews(conformance.CreateLedger).CheckLedger(ctx, q, l)
}

func (p partial) Freshness(ctx context.Context, q dialect.Querier, l dialect.Ledger, views []dialect.Name) ([]dialect.Freshness, error) {
	return p.matviews(conformance.CreateLedger).Freshness(ctx, q, l, views)
}

func (p partial) DataAge(ctx context.Context, q dialect.Querier, l dialect.Ledger, n dialect.Name) (time.Duration, bool, error) {
	return p.matviews(conformance.CreateLedger).DataAge(ctx, q, l, n)
}

func (p partial) RecordFailure(ctx context.Context, q dialect.Querier, l dialect.Ledger, n dialect.Name, why string) error {
	return p.matviews(conformance.CreateLedger).RecordFailure(ctx, q, l, n, why)
}

func (p partial) CheckColumn(column string, field reflect.Type) (string, bool, error) {
	return p.matviews(conformance.CheckColumn).CheckColumn(column, field)
}

func (p partial) EnumColumns(ctx context.Context, q dialect.Querier, n dialect.Name) ([]dialect.EnumColumn, error) {
	return p.enums(conformance.EnumColumns).EnumColumns(ctx, q, n)
}

func (p partial) AddEnumLabel(ctx context.Context, q dialect.Querier, n dialect.Name, label string, at dialect.LabelPlace, tolerant bool) (bool, error) {
	return p.enums(conformance.AddEnumLabel).AddEnumLabel(ctx, q, n, label, at, tolerant)
}

func (p partial) RenameEnumLabel(ctx context.Context, q dialect.Querier, n dialect.Name, from, to string) error {
	return p.enums(conformance.RenameEnumLabel).RenameEnumLabel(ctx, q, n, from, to)
}

func (p partial) SequenceState(ctx context.Context, q dialect.Querier, n dialect.Name) (dialect.SequenceState, error) {
	return p.sequences(conformance.SequenceState).SequenceState(ctx, q, n)
}

func (p partial) NextSequenceValue(ctx context.Context, q dialect.Querier, n dialect.Name) (int64, error) {
	return p.sequences(conformance.NextSequenceValue).NextSequenceValue(ctx, q, n)
}

func (p partial) NextSequenceValues(ctx context.Context, q dialect.Querier, n dialect.Name, count int) ([]int64, error) {
	return p.sequences(conformance.NextSequenceValues).NextSequenceValues(ctx, q, n, count)
}

func (p partial) NextSequenceBlock(ctx context.Context, q dialect.Querier, n dialect.Name) (dialect.SequenceBlock, error) {
	return p.sequences(conformance.NextSequenceBlock).NextSequenceBlock(ctx, q, n)
}

func (p partial) RestartSequence(ctx context.Context, q dialect.Querier, n dialect.Name, at *int64) error {
	return p.sequences(conformance.RestartSequence).RestartSequence(ctx, q, n, at)
}

func (p partial) SetSequenceValue(ctx context.Context, q dialect.Querier, n dialect.Name, v int64, called bool) error {
	return p.sequences(conformance.SetSequenceValue).SetSequenceValue(ctx, q, n, v, called)
}

func (p partial) SequenceColumns(ctx context.Context, q dialect.Querier) ([]dialect.SequenceColumn, error) {
	return p.sequences(conformance.SequenceStates).SequenceColumns(ctx, q)
}

func (p partial) SequenceStates(ctx context.Context, q dialect.Querier, all []*dialect.SequenceDef) ([]dialect.SequenceReading, error) {
	return p.sequences(conformance.SequenceStates).SequenceStates(ctx, q, all)
}

func (p partial) SequenceLags(ctx context.Context, q dialect.Querier, all []*dialect.SequenceDef, blocks bool) ([]dialect.SequenceLagReading, error) {
	return p.sequences(conformance.SequenceLags).SequenceLags(ctx, q, all, blocks)
}

func (p partial) CatchUpSequence(ctx context.Context, q dialect.Querier, s *dialect.SequenceDef, blocks bool) (dialect.CaughtUp, error) {
	return p.sequences(conformance.CatchUpSequence).CatchUpSequence(ctx, q, s, blocks)
}

func (p partial) CatchUpSequences(ctx context.Context, q dialect.Querier, all []*dialect.SequenceDef, blocks bool) (int, error) {
	return p.sequences(conformance.CatchUpSequence).CatchUpSequences(ctx, q, all, blocks)
}

func (p partial) SetSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	return p.transactions(conformance.SetSavepoint).SetSavepoint(ctx, q, name)
}

func (p partial) RollbackToSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	return p.transactions(conformance.SetSavepoint).RollbackToSavepoint(ctx, q, name)
}

func (p partial) ReleaseSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	return p.transactions(conformance.SetSavepoint).ReleaseSavepoint(ctx, q, name)
}
