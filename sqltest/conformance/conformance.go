// Package conformance is the test suite that every dialect must pass. A dialect's author
// calls [Run] from a test:
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Harness{
//			Open: func(t *testing.T, c sqltest.Catalog) conformance.Database { … },
//		})
//	}
//
// The suite is a list of rules. Each rule is a subtest, and has a sentence that says what
// must happen. Every failure message begins with that sentence.
//
// Open creates a database with the structures that a rule needs. The other fields of
// [Harness] say how the database differs from PostgreSQL. List operations that the
// dialect does not implement in Harness.Lacks.
package conformance

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
)

// A Harness opens databases for [Run] and describes how they differ from PostgreSQL. The
// zero value of each field describes PostgreSQL.
//
// If a rule can adapt to a field, it does, and fails if the field is wrong. Otherwise the
// rule is skipped, and the reason names the field.
type Harness struct {
	// Open creates a database that holds the catalog and nothing else. It drops the
	// database when t ends.
	Open func(t *testing.T, c sqltest.Catalog) Database

	// Patience limits an operation that need not wait for another session. Zero is 20
	// seconds. A subtest that takes six times as long fails, and the suite continues
	// without it.
	Patience time.Duration

	// Serial runs one subtest at a time, for databases that can't exist at the same time.
	Serial bool

	// LacksKinds lists the kinds of structure that the database does not have. Their
	// operations need not be in Lacks. Open and Do never get a structure of such a kind.
	// The suite checks that the dialect loads none, that lookups find none, and that
	// operations return ErrUnsupported.
	LacksKinds []dialect.Kind

	// Lacks lists the operations that the dialect does not implement. The suite checks
	// that each returns ErrUnsupported, and that all others work. If a dialect only loads
	// the structures of a kind, list the kind's operations here, and do not list the kind
	// in LacksKinds.
	Lacks []Operation

	// StatementsFailAlone says that a transaction continues after a statement that fails,
	// as in MySQL, SQLite, Oracle and SQL Server. In PostgreSQL the transaction fails as
	// a whole: it releases its locks, further statements return [dialect.ErrTxAborted],
	// and it can't commit.
	StatementsFailAlone bool

	// SnapshotIsolation says that a transaction does not see what other sessions commit after
	// its first statement. In PostgreSQL, at its default isolation level, it does.
	SnapshotIsolation bool

	// NoRights says that a role can't be given PostgreSQL's rights one by one: the
	// database has no rights per role, as in SQLite, or it divides them differently, as in
	// MariaDB. No catalog for Open sets NotOwned or Rights. The suite checks that the loaded
	// rights allow everything.
	NoRights bool

	// Pooled says that DB goes through a pooler in transaction mode, such as PgBouncer,
	// which may run each transaction in another server session. Rules about session state
	// are skipped.
	Pooled bool

	// CancelsLate says that the server may still execute a statement after its context
	// ended.
	CancelsLate bool

	// NoNoteOthers says that a ledger can't record refreshes of programs that don't use it:
	// with LedgerDefinition.NoteOthers, LedgerDDL and CreateLedger return ErrUnsupported.
	// No catalog for Open sets Ledger.NoteOthers.
	NoNoteOthers bool

	// NoLockTimeout says that the server has no lock timeout.
	NoLockTimeout bool

	// NoStatementTimeout says that the server has no statement timeout.
	NoStatementTimeout bool

	// SavepointsReplace says that a savepoint replaces an earlier savepoint of the same
	// name. In PostgreSQL it hides the earlier one.
	SavepointsReplace bool

	// OneSchemaPath says that bare names are resolved in one schema. No catalog for Open
	// has a longer search path.
	OneSchemaPath bool

	// FoldsCase says that names that differ only in case are the same.
	FoldsCase bool

	// NamesLack lists the characters that the name of a structure can't contain.
	NamesLack string

	// MaxNameLength is the length of the longest name in characters, if
	// [dialect.Server].MaxNameBytes is 0 because the limit is not in bytes.
	MaxNameLength int

	// KindsApart says that tables and each kind of structure have their own namespaces. A
	// table then does not hide a view of the same name.
	KindsApart bool

	// NoEmptyEnums says that an enum has at least one label. No catalog for Open has an
	// enum without labels.
	NoEmptyEnums bool

	// EnumColumns says which columns an enum can have.
	EnumColumns EnumColumnScope

	// LabelsRecreate says that adding a label recreates the enum, with a new ID. A reload
	// then reports the enum as recreated.
	LabelsRecreate bool

	// LabelsStayOut says that an existing column does not accept a label that is added
	// later.
	LabelsStayOut bool

	// MinValue is the smallest value that any sequence can return. Zero is the smallest
	// int64.
	MinValue int64

	// MaxValue is the greatest value that any sequence can return. Zero is the greatest
	// int64.
	MaxValue int64

	// SequenceType is the type of all sequences, if there is only one type. If it is
	// empty, sequences can be smallint, integer and bigint. If it is set, no catalog for
	// Open sets a sequence's Type.
	SequenceType string

	// NextOnly says that the database stores the next value of a sequence and not the
	// last one ([dialect.SequenceState].NextOnly).
	NextOnly bool

	// Caches says which connections share the values that a sequence's cache has
	// reserved.
	Caches CacheScope

	// NoOwners says that no column owns a sequence. No catalog for Open sets OwnedBy.
	NoOwners bool

	// Restarts says how a restart of a sequence behaves in a transaction.
	Restarts Moves

	// CatchUps says how CatchUp behaves in a transaction.
	CatchUps Moves
}

// An EnumColumnScope says which columns an enum can have.
type EnumColumnScope int

const (
	// EnumColumnsAny means that any number of columns can have the enum as their type,
	// also in arrays and through domains.
	EnumColumnsAny EnumColumnScope = iota
	// EnumColumnsPlain means that there are no arrays of an enum and no domains over it.
	// No catalog for Open sets Array or Domain.
	EnumColumnsPlain
	// EnumColumnsSelf means that an enum is the type of exactly one column, as in MySQL.
	// No catalog for Open sets UsedBy.
	EnumColumnsSelf
)

// Moves says how moving a sequence, by a restart or by CatchUp, behaves in a transaction.
type Moves int

const (
	// MovesUndone means that a rollback undoes the move. Until its transaction ends, the
	// move blocks NextValue in other sessions. It waits for transactions that took a
	// value.
	MovesUndone Moves = iota
	// MovesStay means that a rollback does not undo the move. Otherwise it is
	// MovesUndone.
	MovesStay
	// MovesFree means that a rollback does not undo the move, and that the move blocks no
	// other session and waits for none.
	MovesFree
)

// A CacheScope says which connections share the values that a sequence's cache has
// reserved.
type CacheScope int

const (
	// CachePerConnection means that each connection has its own reserved values.
	CachePerConnection CacheScope = iota
	// CachePerServer means that all connections share the reserved values.
	CachePerServer
	// NoCache means that sequences reserve no values. No catalog for Open sets Cache.
	NoCache
)

// A Database is a database that a [Harness] opened. [*sqltest.Fake] implements it.
type Database interface {
	// DB returns a pool for the database. The suite does not close it.
	DB() *sql.DB
	// Dialect returns the dialect under test.
	Dialect() dialect.Dialect
	// Do makes changes as another session would, and commits each immediately. If a
	// change fails, Do fails the test.
	Do(t testing.TB, changes ...sqltest.Change)
}

var _ Database = (*sqltest.Fake)(nil)

// rules returns all rules, in the order in which they run.
func rules() []rule {
	return slices.Concat(
		lackingRules(),
		loadRules(),
		nameRules(),
		matviewRules(),
		refreshRules(),
		ledgerRules(),
		graphRules(),
		runRules(),
		savepointRules(),
		enumRules(),
		sequenceRules(),
		reserveRules(),
		setRules(),
		exhaustionRules(),
		catchUpRules(),
		allocatorRules(),
		transactionRules(),
		timeoutRules(),
		labelRules(),
		expectRules(),
		watchRules(),
	)
}

// Run runs the suite, with a subtest for each rule. Many rules run over a *sql.DB, a
// *sql.Conn and a *sql.Tx. Every failure names the broken rule. Run needs no driver, and
// can run in parallel with other tests.
//
// If a rule needs an operation or a kind that h lists as lacking, Run skips the rule. The
// subtests capabilities and kinds check that exactly the listed operations and kinds are
// lacking.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if err := h.check(); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			h.parallel(t)
			r.test(t, h)
		})
	}
}

func (h Harness) parallel(t *testing.T) {
	if !h.Serial {
		t.Parallel()
	}
}
