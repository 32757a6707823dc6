package conformance

import "github.com/massivedb/massive-go/dialect"

// An Operation is a part of [dialect.Dialect] that a dialect may lack, named after its
// method. Methods that are only useful together are one operation.
type Operation string

// The operations that a dialect may lack. A comment names the other methods of an
// operation.
const (
	MatviewDefinition Operation = "MatviewDefinition"
	MatviewSize       Operation = "MatviewSize"
	SelectMatview     Operation = "SelectMatview"  // and CountMatview
	RefreshMatview    Operation = "RefreshMatview" // and RefreshBlockers
	CheckColumn       Operation = "CheckColumn"
	// and the other methods of LedgerDialect, and RefreshMatview with Record
	CreateLedger Operation = "CreateLedger"

	EnumColumns     Operation = "EnumColumns"
	AddEnumLabel    Operation = "AddEnumLabel"
	RenameEnumLabel Operation = "RenameEnumLabel"

	SequenceState      Operation = "SequenceState"
	NextSequenceValue  Operation = "NextSequenceValue"
	NextSequenceValues Operation = "NextSequenceValues"
	NextSequenceBlock  Operation = "NextSequenceBlock"
	RestartSequence    Operation = "RestartSequence"
	SetSequenceValue   Operation = "SetSequenceValue"
	SequenceStates     Operation = "SequenceStates" // and SequenceColumns
	SequenceLags       Operation = "SequenceLags"
	CatchUpSequence    Operation = "CatchUpSequence" // and CatchUpSequences

	SetSavepoint Operation = "SetSavepoint" // and RollbackToSavepoint, ReleaseSavepoint

	Unchanged Operation = "Unchanged"
)

// operationKinds maps each operation to the kind of structure that it works on, or to 0.
var operationKinds = map[Operation]dialect.Kind{
	MatviewDefinition: dialect.KindMatview, SelectMatview: dialect.KindMatview, RefreshMatview: dialect.KindMatview,
	MatviewSize: dialect.KindMatview, CheckColumn: dialect.KindMatview, CreateLedger: dialect.KindMatview,
	EnumColumns: dialect.KindEnum, AddEnumLabel: dialect.KindEnum, RenameEnumLabel: dialect.KindEnum,
	SequenceState: dialect.KindSequence, NextSequenceValue: dialect.KindSequence, NextSequenceValues: dialect.KindSequence,
	NextSequenceBlock: dialect.KindSequence, RestartSequence: dialect.KindSequence, SetSequenceValue: dialect.KindSequence,
	SequenceStates: dialect.KindSequence, SequenceLags: dialect.KindSequence, CatchUpSequence: dialect.KindSequence,
	SetSavepoint: 0, Unchanged: 0,
}
