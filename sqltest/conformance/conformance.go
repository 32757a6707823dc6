// Package conformance is the suite that every dialect passes. [Run] checks its rules on databases that a
// [Harness] opens. What differs between databases is said by the Harness as plain data; everything else
// is a rule. Each rule is one function, named after the rule, and has the rule as a sentence. That sentence is in every
// message of its failures.
package conformance

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/sqltest"
)

// A Harness opens databases for [Run] and says, as plain data, how they differ from PostgreSQL. The zero
// value of each trait is what PostgreSQL does.
//
// A rule adapts to a trait if it can, and then fails if the trait is wrong. Otherwise it is skipped, and the reason names
// the trait.
type Harness struct {
	// Open makes a database that holds the catalog and nothing else, and drops it when t ends.
	Open func(t *testing.T, c sqltest.Catalog) Database

	// Patience is how long an operation may take that need not wait for another session. Zero is 20 seconds. A case that
	// takes six times as long fails and is abandoned, since an operation that hangs can't be ended from outside.
	Patience time.Duration

	// Serial runs one case at a time, for databases that can't stand side by side.
	Serial bool

	// LacksKinds are the kinds of structure that the database does not have at all. All operations on them are lacking,
	// too, and need not be in Lacks. No catalog for Open and no change for Do has a structure of such a kind. The suite
	// checks that the dialect loads none, that no lookup finds one, and that the operations give ErrUnsupported.
	LacksKinds []dialect.Kind

	// Lacks are the operations that the dialect does not have. The suite checks that each gives ErrUnsupported, and that
	// no other is missing. A dialect that only loads the structures of a kind lacks all operations of the kind, and not
	// the kind.
	Lacks []Operation

	// StatementsFailAlone: a statement that fails leaves its transaction as it was before, as in MySQL, SQLite, Oracle
	// and SQL Server. In PostgreSQL the transaction has failed: it releases its locks, does nothing more
	// ([dialect.ErrTxAborted]) and does not commit.
	StatementsFailAlone bool

	// NoRights: there are no roles that may do one thing and not another, as in SQLite. No catalog for Open says NotOwned
	// or Rights. The suite checks that everything is loaded as allowed.
	NoRights bool

	// Pooled: a pooler in transaction mode, such as PgBouncer, gives each transaction whatever session of the server is
	// free. Rules about what one session keeps are skipped.
	Pooled bool

	// CancelsLate: when a context ends, the server goes on with the statement and may still carry it out.
	CancelsLate bool

	// NoLockTimeout and NoStatementTimeout: the server has no such timeout.
	NoLockTimeout, NoStatementTimeout bool

	// SavepointsReplace: a savepoint replaces one of the same name. In PostgreSQL it hides the other.
	SavepointsReplace bool

	// OneSchemaPath: bare names are looked up in one schema. No catalog for Open has a longer search path.
	OneSchemaPath bool

	// FoldsCase: names that differ only in case are the same.
	FoldsCase bool

	// NamesLack are characters that no name of a structure can have.
	NamesLack string

	// KindsApart: tables and the structures of each kind have names of their own, so that none hides one of another kind.
	KindsApart bool

	// NoEmptyEnums: an enum has at least one label. No catalog for Open has an enum without.
	NoEmptyEnums bool

	// EnumColumns says which columns an enum can have.
	EnumColumns EnumColumnScope

	// LabelsRecreate: an enum that gets a label is another enum from then on, and a reload says so.
	LabelsRecreate bool

	// LabelsStayOut: an added label is not usable in a column that exists already.
	LabelsStayOut bool

	// MinValue and MaxValue are the least and the greatest value that any sequence hands out. Zero is that of int64.
	MinValue, MaxValue int64

	// SequenceType is the type of all sequences, if there is only one. Empty is smallint, integer and bigint. No catalog
	// for Open has a sequence of another type then.
	SequenceType string

	// NextOnly: the database keeps a sequence's next value and no last one ([dialect.SequenceState].NextOnly).
	NextOnly bool

	// Caches says which connections share the values that a cache has reserved.
	Caches CacheScope

	// NoOwners: no sequence belongs to a column. No catalog for Open says OwnedBy.
	NoOwners bool

	// Restarts and CatchUps say how moving a sequence goes with transactions.
	Restarts, CatchUps Moves
}

// An EnumColumnScope says which columns an enum can have.
type EnumColumnScope int

// The scopes.
const (
	EnumColumnsAny   EnumColumnScope = iota // also in arrays and through domains
	EnumColumnsPlain                        // no arrays, no domains. No catalog for Open says Array or Domain
	EnumColumnsSelf                         // an enum is a column, and has no other. No catalog for Open says UsedBy
)

// Moves says how moving a sequence goes with transactions.
type Moves int

// The ways.
const (
	// MovesUndone: a rollback undoes the move. It blocks others' next values until its transaction ends, and waits for
	// transactions that took a value.
	MovesUndone Moves = iota
	// MovesStay: as MovesUndone, but a rollback does not undo the move.
	MovesStay
	// MovesFree: a rollback does not undo the move. It blocks nobody and waits for nobody.
	MovesFree
)

// A CacheScope says which connections share the values that a sequence's cache has reserved.
type CacheScope int

// The scopes.
const (
	CachePerConnection CacheScope = iota
	CachePerServer
	NoCache // sequences reserve nothing. No catalog for Open says Cache
)

// A Database is one that a [Harness] made. A [*sqltest.Fake] is one.
type Database interface {
	// DB is a pool open to it, in one driver's mode. The suite does not close it.
	DB() *sql.DB
	Dialect() dialect.Dialect
	// Do makes changes, each committed at once, as another session would.
	Do(t testing.TB, changes ...sqltest.Change)
}

var _ Database = (*sqltest.Fake)(nil)

// rules are all of them, in the order in which they run.
func rules() []rule {
	return slices.Concat(
		lackingRules(),
		loadRules(),
		nameRules(),
		matviewRules(),
		refreshRules(),
		graphRules(),
		runRules(),
		savepointRules(),
		enumRules(),
		sequenceRules(),
		reserveRules(),
		setRules(),
		exhaustionRules(),
		mendRules(),
		allocatorRules(),
		transactionRules(),
		timeoutRules(),
		labelRules(),
		expectRules(),
		watchRules(),
	)
}

// Run runs the suite: a subtest for each rule, over *sql.DB, *sql.Conn and *sql.Tx if it runs statements. A failure says
// which rule is broken. Run imports no driver, and may run in parallel with other tests. If a rule needs an operation
// or a kind that the harness says is lacking, it is skipped with that reason. The subtests capabilities and kinds check
// that they are lacking.
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
