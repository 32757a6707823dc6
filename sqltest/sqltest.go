// Package sqltest has an in-memory fake database for unit tests. [New] creates it from
// data: a [Catalog] of materialized views, enums and sequences. They behave as in
// Postgres, including transactions, locks and errors.
//
//	fake := sqltest.New(sqltest.Catalog{
//		Sequences: []sqltest.Sequence{{Name: "invoice_no", Max: 3}},
//	})
//	m, err := massive.Load(ctx, fake.DB(), fake)
//
// A [Fake] is both the database and its dialect. Code that takes a *massive.DB or a
// Querier works on it unchanged. Transactions of [Fake.DB] work on the fake's data. The
// fake does not run other SQL: such a statement returns [ErrNoDatabase].
//
// A test changes the database, as another session would, by [Fake.Do] with a [Change]:
//
//   - enums: [AddLabel], [InsertLabel]
//   - materialized views: [SetRows]
//   - sequences: [Insert]
//   - any structure: [Create], [Drop], [Rename]
//
// [Fake.Next] makes the next operations fail ([Fail]), hang ([Hang]) or take longer
// ([Slow]). [Fake.Calls] returns the operations that reached the fake, and
// [Fake.WantCalls] checks them. [Fake.Advance] moves the clock, by which the rows of views
// age.
package sqltest

import (
	"database/sql"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// A Catalog describes the content of a fake's database. A name is written as for a
// lookup, for example daily_sales or stats.daily_sales. A name without a schema is in
// public.
type Catalog struct {
	// SearchPath lists the schemas in which bare names are looked up. Nil means public.
	SearchPath []string
	// Matviews lists the materialized views.
	Matviews []Matview
	// Views lists the plain views. Materialized views can read them.
	Views []View
	// Enums lists the enums.
	Enums []Enum
	// Sequences lists the sequences.
	Sequences []Sequence
	// Tables lists tables. A table hides a structure of its name in a later schema of the
	// search path.
	Tables []string
	// Ledgers lists the ledgers of refreshes.
	Ledgers []Ledger
	// Standby makes the server a standby: writing operations return
	// [dialect.ErrReadOnly].
	Standby bool

	// LockTimeout is the server's lock_timeout, in whole milliseconds, or 0 for none. An
	// operation that waits longer for a lock returns [dialect.ErrBusy].
	LockTimeout time.Duration
	// StatementTimeout is the server's statement_timeout, in whole milliseconds, or 0 for
	// none. An operation that takes longer returns [dialect.ErrServerTimeout].
	StatementTimeout time.Duration
}

// A Matview describes a materialized view.
type Matview struct {
	// Name is the view's name.
	Name string
	// Comment is the view's comment.
	Comment string
	// Query is the text that Definition returns.
	Query string

	// Rows is the result of the view's query: a slice of structs, or of pointers to
	// structs. The view has these rows from the start, and after each refresh. [SetRows]
	// changes them. The exported fields are the columns, named by the db tag or the
	// lower-cased field name, as in sqlx. Fields of embedded structs are columns, too.
	Rows any
	// Columns lists the view's columns. If it is nil, they come from the type of Rows.
	Columns []dialect.Column
	// Unique lists the columns of the view's unique index. Without it the view has no
	// index.
	Unique []string
	// Reads lists the views, plain or materialized, that the view's query reads. They do
	// not affect the rows. A refresh requires that they are populated, and locks them as
	// a reader.
	Reads []string
	// Unpopulated creates the view without data.
	Unpopulated bool
	// NotOwned gives the view to another role. The test's role can read it and not
	// refresh it.
	NotOwned bool

	// Select answers reads that have a tail, such as WHERE n > $1, since the fake does
	// not interpret SQL. It returns rows of the type of Rows. If Select is nil, such a
	// read fails. Reads without a tail return the view's rows.
	//
	// Select runs in its own goroutine. Return an error instead of calling t.Fatal. A
	// panic becomes the error of the read.
	Select func(tail string, args []any) (rows any, err error)
}

// An Enum describes an enum.
type Enum struct {
	// Name is the enum's name.
	Name string
	// Comment is the enum's comment.
	Comment string
	// Labels lists the labels in the order of the type.
	Labels []string
	// NotOwned gives the enum to another role. The test's role can read it and not alter
	// it.
	NotOwned bool
	// UsedBy lists the table columns that have the enum as their type.
	UsedBy []EnumColumn
}

// An EnumColumn describes a table column whose type is an enum. The table is created if
// it does not exist.
type EnumColumn struct {
	// Column is the column, as table.column, for example people.mood.
	Column string
	// Array makes the type an array of the enum.
	Array bool
	// Domain is the name of a domain over the enum, or over its array, that is the
	// column's type. It is empty if the type is the enum or the array itself.
	Domain string
}

// A Sequence describes a sequence. If only Name is set, it is as CREATE SEQUENCE makes
// it: it returns 1, 2, 3 …
type Sequence struct {
	// Name is the sequence's name.
	Name string
	// Comment is the sequence's comment.
	Comment string

	// Type is bigint, integer or smallint. Empty means bigint.
	Type string
	// Increment is the step between two values. Zero means 1. A negative increment makes
	// the sequence descend.
	Increment int64
	// Min is the smallest value. Zero means 1, or the smallest of the type if the
	// sequence descends.
	Min int64
	// Max is the greatest value. Zero means the greatest of the type, or -1 if the
	// sequence descends.
	Max int64
	// Start is the first value. Zero means Min, or Max if the sequence descends.
	Start int64
	// Exactly sets the bounds and the start if one of them is 0. Min, Max and Start must
	// then be unset.
	Exactly *Range
	// Cache is the number of values that a connection reserves at a time. Zero means 1.
	Cache int64
	// Cycle makes the sequence continue at its other bound when it reaches one.
	Cycle bool

	// OwnedBy is the column that owns the sequence, as table.column, for example
	// orders.no.
	OwnedBy string
	// KeyOf is the primary-key column whose default takes values from the sequence, for
	// example orders.id. A load excludes such a sequence, unless WithKeySequences is
	// given.
	KeyOf string
	// Feeds lists further columns whose default takes values from the sequence, for
	// example lines.no.
	Feeds []string
	// ColumnType is the type of the columns in OwnedBy, KeyOf and Feeds: bigint, integer
	// or smallint. Empty means bigint.
	ColumnType string
	// Holds lists the values in the column of KeyOf. Without KeyOf, it is the column of
	// OwnedBy. Without both, it is the first of Feeds.
	Holds []int64

	// Rights says what the test's role can do with the sequence. Nil allows everything.
	Rights *dialect.SequenceRights
}

// A Range has the bounds and the start of a sequence. A zero is the value 0, not a
// default.
type Range struct{ Min, Max, Start int64 }

// A Fake is an in-memory database and its dialect. Tests call DB, Do, Next, Advance, Calls
// and WantCalls. The other methods implement [dialect.Dialect] for massive.Load. A Fake is
// safe for concurrent use.
type Fake struct {
	db      *sql.DB
	invalid error // why the catalog is invalid

	mu     sync.Mutex
	path   []string
	stand  bool
	ahead  time.Duration // how far the clock is ahead of time.Now
	limits timeouts
	lastID int64
	holdings
	creating lock     // a session that creates a ledger holds it
	commits  int      // the number of commits
	others   *session // the session that makes a test's changes
	calls    []*Call
	checked  int // the number of calls that WantCalls has checked
	plans    []*plan
	// relations has the locks of tables and other relations that were opened as sequences.
	relations map[dialect.Name]*lock
}

// holdings has the structures in a fake's database.
type holdings struct {
	views  map[dialect.Name]*matview
	plain  map[dialect.Name]*view
	enums  map[dialect.Name]*enum
	seqs   map[dialect.Name]*sequence
	tables map[dialect.Name]bool
	// ledgers has the ledgers by their schemas. Their tables are in tables.
	ledgers map[string]ledger
	// columns has the table columns that sequences own or feed.
	columns map[dialect.ColumnRef]*column
	// indexes has the names of the views' indexes, which are relations, too.
	indexes map[dialect.Name]*matview
}

// clone returns a copy of h.
func (h holdings) clone() holdings {
	c := holdings{
		maps.Clone(h.views), maps.Clone(h.plain), maps.Clone(h.enums), maps.Clone(h.seqs), maps.Clone(h.tables), maps.Clone(h.ledgers),
		maps.Clone(h.columns), maps.Clone(h.indexes),
	}
	for ref, was := range c.columns {
		held := *was
		c.columns[ref] = &held
	}
	return c
}

// New returns a fake with the content of the catalog. If the catalog is invalid, for
// example because two relations have the same name, each load returns
// [dialect.ErrInvalid] with the reason.
func New(c Catalog) *Fake {
	f := &Fake{
		stand:  c.Standby,
		limits: timeouts{lock: c.LockTimeout, statement: c.StatementTimeout},
		lastID: 16384, relations: map[dialect.Name]*lock{},
		holdings: holdings{
			views:   map[dialect.Name]*matview{},
			plain:   map[dialect.Name]*view{},
			enums:   map[dialect.Name]*enum{},
			seqs:    map[dialect.Name]*sequence{},
			tables:  map[dialect.Name]bool{},
			ledgers: map[string]ledger{},
			columns: map[dialect.ColumnRef]*column{},
			indexes: map[dialect.Name]*matview{},
		},
	}
	f.others = newSession(f)
	f.others.patience = patience
	if c.SearchPath == nil {
		f.path = []string{"public"}
	}
	for _, schema := range c.SearchPath {
		if !slices.Contains(f.path, schema) {
			f.path = append(f.path, schema)
		}
	}
	f.db = sql.OpenDB(connector{f})
	f.invalid = f.fill(c)
	return f
}

func (f *Fake) fill(c Catalog) error {
	for _, d := range []time.Duration{c.LockTimeout, c.StatementTimeout} {
		if d < 0 || d%time.Millisecond != 0 {
			return invalid("a timeout of %v: use whole milliseconds, not negative", d)
		}
	}
	for _, t := range c.Tables {
		n, err := parseName(t)
		if err == nil {
			err = f.free(n, table)
		}
		if err != nil {
			return err
		}
		f.tables[n] = true
	}
	for _, l := range c.Ledgers {
		if err := f.addLedger(l); err != nil {
			return err
		}
	}
	for _, e := range c.Enums { // before the views, whose columns may have enum types
		if err := f.addEnum(e); err != nil {
			return err
		}
	}
	for _, v := range c.Matviews {
		if err := f.addMatview(v); err != nil {
			return err
		}
	}
	if err := f.addViews(c); err != nil {
		return err
	}
	for _, s := range c.Sequences {
		if err := f.addSequence(s); err != nil {
			return err
		}
	}
	return nil
}

// DB returns the *sql.DB of the fake, the same on each call. BeginTx, Commit and Rollback
// work; the only isolation level is Read Committed. Each SQL statement returns
// [ErrNoDatabase]. The DB need not be closed. Closing it ends the goroutine that each
// *sql.DB has, for tests that look for leaked goroutines.
func (f *Fake) DB() *sql.DB { return f.db }

func invalid(format string, args ...any) error {
	err := fmt.Errorf("%w: sqltest: "+format, append([]any{dialect.ErrInvalid}, args...)...)
	return bounded{dialect.Cut(err.Error(), dialect.MaxText), err}
}

// A bounded error shortens the text of another error.
type bounded struct {
	text string
	err  error
}

func (b bounded) Error() string { return b.text }
func (b bounded) Unwrap() error { return b.err }

// parseName parses a name. Without a schema it is in public.
func parseName(text string) (dialect.Name, error) {
	n, err := dialect.ParseName(text)
	if err != nil {
		return n, err
	}
	if n.Schema == "" {
		n.Schema = "public"
	}
	if strings.HasPrefix(n.Schema, "pg_") {
		return n, invalid("%s: schemas named pg_… are reserved for the system", text)
	}
	return n, nil
}

// A shape says which names a structure takes: that of a relation, that of a type, or,
// like a table, both.
type shape struct{ relation, typed bool }

var (
	table        = shape{relation: true, typed: true} // also a view
	enumerated   = shape{typed: true}
	sequenceLike = shape{relation: true}
)

// free returns an error if a structure of that shape can't have the name. The caller
// holds f.mu, or f is new.
func (f *Fake) free(n dialect.Name, s shape) error {
	if s.relation && f.what(n, true) != "" || s.typed && f.what(n, false) != "" {
		return invalid("%s already exists", n)
	}
	return nil
}

func (f *Fake) id() int64 {
	f.lastID++
	return f.lastID
}

// object returns the part of a definition that all structures have. The caller holds
// f.mu.
func (f *Fake) object(id int64, n dialect.Name, comment string, owner string, relation bool) dialect.Object {
	o := dialect.Object{ID: id, Name: n, Owner: owner, Comment: comment}
	for _, schema := range f.path {
		first := dialect.Name{Schema: schema, Name: n.Name}
		what := f.what(first, relation)
		if what == "" {
			continue
		}
		if first == n {
			o.Visible = true
		} else if slices.Contains(f.path, n.Schema) {
			o.HiddenBy = what + " " + first.String()
		}
		break
	}
	return o
}

// what returns the kind of relation, or of type, that has the name, in Postgres's words.
// It is empty if there is none.
func (f *Fake) what(n dialect.Name, relation bool) string {
	_, view := f.views[n]
	_, enum := f.enums[n]
	_, seq := f.seqs[n]
	switch {
	case relation && view:
		return "materialized view"
	case relation && seq:
		return "sequence"
	case relation && f.plain[n] != nil:
		return "view"
	case relation && f.tables[n]:
		return "table"
	case relation && f.indexes[n] != nil:
		return "index"
	case !relation && enum:
		return "enum"
	case !relation && (view || f.plain[n] != nil || f.tables[n]):
		return "the row type of"
	}
	return ""
}

// The roles that own the fake's structures: the test's role and another one.
const (
	us   = "tester"
	them = "somebody"
)

// maxNameBytes is Postgres's limit for names and labels.
const maxNameBytes = 63

// limits has the bounds of each type that a sequence can have.
var limits = map[string][2]int64{
	"bigint":   {math.MinInt64, math.MaxInt64},
	"integer":  {math.MinInt32, math.MaxInt32},
	"smallint": {math.MinInt16, math.MaxInt16},
}

// Dialect returns f itself. With DB and Do it makes a Fake a conformance.Database.
func (f *Fake) Dialect() dialect.Dialect { return f }
