// Package sqltest is a dialect with no database behind it, for unit tests: materialized views, enums and
// sequences are given as data, and behave as they do in Postgres, transactions, locks and errors included.
//
//	fake := sqltest.New(sqltest.Catalog{
//		Sequences: []sqltest.Sequence{{Name: "invoice_no", Max: 3}},
//	})
//	m, err := massive.Load(ctx, fake.DB(), fake)
//
// Code that takes a *massive.DB, or a Querier, works on it unchanged: BeginTx, Commit and Rollback of the fake's
// *sql.DB work with its state. SQL of the program's own does not run there, and says so.
//
// What the test changes "in the database", as another session would, goes through the fake's methods ([Fake.Do]);
// [Fake.Next] makes an operation fail, hang or be slow; [Fake.Calls] tells what was asked.
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

// A Catalog is what the fake's database holds. Names are written as for a lookup; one without a schema is in
// public.
type Catalog struct {
	SearchPath []string // along which bare names are looked for; nil for public
	Matviews   []Matview
	Views      []View // plain ones, between materialized views
	Enums      []Enum
	Sequences  []Sequence
	Tables     []string // other relations, which hide a name in a later schema
	Standby    bool     // the server is a standby: it can be read, and nothing else

	// The server's limits, in whole milliseconds, as a database or a role may have set them; 0 for none. An operation
	// that waits longer for a lock than LockTimeout is [dialect.ErrBusy]; one that takes longer than StatementTimeout
	// is [dialect.ErrServerTimeout].
	LockTimeout, StatementTimeout time.Duration
}

// A Matview is a materialized view of the fake's.
type Matview struct {
	Name    string
	Comment string
	Query   string // what Definition returns

	// Rows are what the view's query returns when the view is made, and, until [SetRows] says otherwise, at each
	// refresh: a slice of structs, or of pointers to them, whose fields are columns as sqlx maps them: by their db tag or
	// lower-cased name, those of embedded structs too.
	Rows any
	// Columns are the view's. Nil takes them from the type of Rows.
	Columns []dialect.Column
	// Unique names the columns of a unique index, if the view has one.
	Unique []string
	// Reads names the views, plain or materialized, that the view's query reads, besides where its rows come from. They
	// must be populated when it is refreshed, and are locked against that of others.
	Reads []string
	// Unpopulated makes the view without its rows.
	Unpopulated bool
	// NotOwned makes it another role's, which ours may read and not refresh.
	NotOwned bool

	// Select answers a Select with a tail: SQL, which the fake doesn't read. It returns rows as Rows has them.
	// Without it such a Select is an error; without a tail the view's rows are returned as they are. It runs on a goroutine
	// of its own, so that it returns an error rather than calling t.Fatal; a panic becomes an error of the Select's.
	Select func(tail string, args []any) (rows any, err error)
}

// An Enum is an enum of the fake's.
type Enum struct {
	Name    string
	Comment string
	Labels  []string // in the type's order
	// NotOwned makes it another role's, which ours may use and not alter.
	NotOwned bool
	// UsedBy are the columns of tables whose values are the enum's.
	UsedBy []EnumColumn
}

// An EnumColumn is a column of a table of the fake's, whose type is an enum. The table is made if it isn't there.
type EnumColumn struct {
	Column string // as people.mood
	Array  bool   // it holds arrays
	Domain string // the domain over the enum, or its arrays, that it is declared with; empty for none
}

// A Sequence is a sequence of the fake's. One that only has a name counts 1, 2, 3 … as CREATE SEQUENCE makes it.
type Sequence struct {
	Name    string
	Comment string

	Type      string // bigint (the default), integer or smallint
	Increment int64  // 0 for 1
	Min, Max  int64  // both 0 for 1 and the type's largest (descending: its smallest and -1); one 0 for that one's default
	Start     int64  // 0 for Min (descending: Max)
	Exactly   *Range // nil, or what Min, Max and Start can't say, as that one of them is 0
	Cache     int64  // values that a connection reserves at a time; 0 for 1
	Cycle     bool

	OwnedBy string // the column that it belongs to, as orders.no
	KeyOf   string // the primary-key column that it feeds, as orders.id; such a sequence is left out of most loads

	// Feeds are further columns, of any tables, that take their default from it, as lines.no.
	Feeds []string

	ColumnType string  // of the columns that it owns or feeds: bigint (the default), integer or smallint
	Holds      []int64 // what the key column that it feeds, or else the one that it belongs to, or else the first of Feeds holds

	// Rights are what the role may do with it. Nil is everything.
	Rights *dialect.SequenceRights
}

// A Range is from where to where a sequence runs, and the value that it begins with. Its zeros are values.
type Range struct{ Min, Max, Start int64 }

// A Fake is an in-memory database and its dialect. It is safe for concurrent use, and for tests that run in
// parallel, each on its own.
type Fake struct {
	db      *sql.DB
	invalid error // why the catalog can't be

	mu     sync.Mutex
	path   []string
	stand  bool
	limits timeouts
	lastID int64
	holdings
	commits int      // how often something was committed
	others  *session // whose connection the test's changes are made on
	calls   []*Call
	checked int // how many of them WantCalls has seen
	plans   []*plan
}

// Holdings are what is in a fake's database.
type holdings struct {
	views  map[dialect.Name]*matview
	plain  map[dialect.Name]*view
	enums  map[dialect.Name]*enum
	seqs   map[dialect.Name]*sequence
	tables map[dialect.Name]bool
	// The columns of tables that sequences feed.
	columns map[dialect.ColumnRef]*column
	// The names of views' indexes, which are relations like the others.
	indexes map[dialect.Name]*matview
}

// clone is what h holds now, whatever is added to h.
func (h holdings) clone() holdings {
	c := holdings{
		maps.Clone(h.views), maps.Clone(h.plain), maps.Clone(h.enums), maps.Clone(h.seqs), maps.Clone(h.tables), maps.Clone(h.columns),
		maps.Clone(h.indexes),
	}
	for ref, was := range c.columns {
		held := *was
		c.columns[ref] = &held
	}
	return c
}

// New makes a fake that holds the catalog. A catalog that can't be (two relations of one name, a start outside
// the bounds …) makes every load fail with [dialect.ErrInvalid] and the reason.
func New(c Catalog) *Fake {
	f := &Fake{
		stand:  c.Standby,
		limits: timeouts{lock: c.LockTimeout, statement: c.StatementTimeout},
		lastID: 16384,
		holdings: holdings{
			views:   map[dialect.Name]*matview{},
			plain:   map[dialect.Name]*view{},
			enums:   map[dialect.Name]*enum{},
			seqs:    map[dialect.Name]*sequence{},
			tables:  map[dialect.Name]bool{},
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
			return invalid("a timeout of %v: it takes whole milliseconds", d)
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
	for _, e := range c.Enums { // before the views, which may have columns of them
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

// DB is a *sql.DB with no server behind it: transactions work with the fake's state, and SQL says that there is
// no database here. It is the same at every call, and need not be closed: that only ends the goroutine which every
// *sql.DB has, for a test that counts those.
func (f *Fake) DB() *sql.DB { return f.db }

func invalid(format string, args ...any) error {
	err := fmt.Errorf("%w: sqltest: "+format, append([]any{dialect.ErrInvalid}, args...)...)
	return bounded{dialect.Cut(err.Error(), dialect.MaxText), err}
}

// A bounded error has another's text, without the rest of a long one.
type bounded struct {
	text string
	err  error
}

func (b bounded) Error() string { return b.text }
func (b bounded) Unwrap() error { return b.err }

// parseName reads a name; the schema that it may lack is public.
func parseName(text string) (dialect.Name, error) {
	n, err := dialect.ParseName(text)
	if err != nil {
		return n, err
	}
	if n.Schema == "" {
		n.Schema = "public"
	}
	if strings.HasPrefix(n.Schema, "pg_") {
		return n, invalid("%s: schemas named pg_… are the system's", text)
	}
	return n, nil
}

// A shape is what of a structure takes a name: a relation, a type, or, like a table, both.
type shape struct{ relation, typed bool }

var (
	table        = shape{relation: true, typed: true} // or a view
	enumerated   = shape{typed: true}
	sequenceLike = shape{relation: true}
)

// free is the error for a name that something of that shape can't have. f.mu is held, or nobody else has f.
func (f *Fake) free(n dialect.Name, s shape) error {
	if s.relation && f.what(n, true) != "" || s.typed && f.what(n, false) != "" {
		return invalid("%s is there twice", n)
	}
	return nil
}

func (f *Fake) id() int64 {
	f.lastID++
	return f.lastID
}

// object is what structures have in common. f.mu is held.
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

// what is the kind of relation, or of type, that has the name, in Postgres's words; empty for none.
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

// The roles that own what is in the fake: ours, and one that we are not.
const (
	us   = "tester"
	them = "somebody"
)

// maxNameBytes is Postgres's.
const maxNameBytes = 63

// limits are the bounds of the types that a sequence can have.
var limits = map[string][2]int64{
	"bigint":   {math.MinInt64, math.MaxInt64},
	"integer":  {math.MinInt32, math.MaxInt32},
	"smallint": {math.MinInt16, math.MaxInt16},
}

// Dialect is the fake itself; with DB and Do it makes a [Database] of it.
func (f *Fake) Dialect() dialect.Dialect { return f }
