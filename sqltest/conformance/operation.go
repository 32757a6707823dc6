package conformance

import "github.com/massivedb/massive-go/dialect"

// An Operation is what a database may be lacking: a method of [dialect.Dialect], by its name. Methods
// that are of no use without each other count as one.
type Operation string

// The operations.
const (
	MatviewDefinition Operation = "MatviewDefinition"
	SelectMatview     Operation = "SelectMatview"  // and CountMatview
	RefreshMatview    Operation = "RefreshMatview" // and RefreshBlockers
	CheckColumn       Operation = "CheckColumn"

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
	SequenceLag        Operation = "SequenceLag"
	CatchUpSequence    Operation = "CatchUpSequence"

	SetSavepoint Operation = "SetSavepoint" // and RollbackToSavepoint, ReleaseSavepoint

	Unchanged Operation = "Unchanged"
)

// operationKinds are the kinds that operations are about. It is 0 for an operation of no kind.
var operationKinds = map[Operation]dialect.Kind{
	MatviewDefinition: dialect.KindMatview, SelectMatview: dialect.KindMatview, RefreshMatview: dialect.KindMatview,
	CheckColumn: dialect.KindMatview,
	EnumColumns: dialect.KindEnum, AddEnumLabel: dialect.KindEnum, RenameEnumLabel: dialect.KindEnum,
	SequenceState: dialect.KindSequence, NextSequenceValue: dialect.KindSequence, NextSequenceValues: dialect.KindSequence,
	NextSequenceBlock: dialect.KindSequence, RestartSequence: dialect.KindSequence, SetSequenceValue: dialect.KindSequence,
	SequenceStates: dialect.KindSequence, SequenceLag: dialect.KindSequence, CatchUpSequence: dialect.KindSequence,
	SetSavepoint: 0, Unchanged: 0,
}
