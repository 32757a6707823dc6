package dialect

import "strings"

// A Catalog is what a dialect loaded: plain data of one snapshot. The order of
// its lists does not matter; the core sorts them. Texts are what the database has, byte
// by byte: the core excludes, and lists, a structure with a name, label or column that is
// not UTF-8.
type Catalog struct {
	Server     Server
	SearchPath []string // the schemas that bare names are looked for in, in order
	Matviews   []MatviewDef
	Enums      []EnumDef
	Sequences  []SequenceDef
	Views      []ViewDef

	// Sign is the moment that the catalog is of, for [ChangeDetector]. It must not be later than
	// anything in the catalog: what a load may have missed has to count as committed since. It is
	// empty if it can't be told.
	Sign Sign
}

// A Server is the one that answered.
type Server struct {
	Version      string // as it prints it: "15.18 (Debian 15.18-0+deb12u1)"
	Major        int    // 15
	Database     string
	User         string // the role in effect
	Standby      bool   // it replays another server's changes, and takes none of its own
	MaxNameBytes int    // longer names can't exist; 0 for no limit
}

// A Kind is one of the three kinds of structure. Its zero value is none of them.
type Kind int

// The kinds.
const (
	KindMatview Kind = iota + 1
	KindEnum
	KindSequence
)

// String is the kind in words: "materialized view", "enum", "sequence".
func (k Kind) String() string {
	switch k {
	case KindMatview:
		return "materialized view"
	case KindEnum:
		return "enum"
	case KindSequence:
		return "sequence"
	default:
		return "unknown kind"
	}
}

// An Object is what every structure has.
type Object struct {
	ID      int64 // the database's own number for it, unique within its kind and never given to another
	Name    Name
	Owner   string
	Comment string // empty for none

	// Visible says that the bare name finds it. What hides an object that is in a schema on the search path
	// stands in HiddenBy, in words: "table app.mood".
	Visible  bool
	HiddenBy string
}

// A MatviewDef is a materialized view.
type MatviewDef struct {
	Object
	Columns   []Column // in the view's order
	Indexes   []Index  // by name
	Populated bool     // it can be read
	// MayRefresh says that the role in effect has the right to, which it lacks where it can't reach the view.
	MayRefresh bool
	// Reachable says that the role may use the view's schema.
	Reachable bool
	// SuperOwner says that the owner is a superuser, or a member of one, directly or not.
	// No advice may make another role a member of such an owner.
	SuperOwner bool
	// Reads are the IDs of the views, materialized or plain, that its query reads, each
	// once. A view that the query only names, as in 'daily'::regclass, is not read.
	Reads []int64
}

// A Column is one of a view's.
type Column struct {
	Name string
	Type string // as SQL writes it: "numeric(10,2)"
}

// An Index is one of a materialized view's.
type Index struct {
	Name     string
	Columns  []string // its key, in order; an expression stands as an empty string
	Included []string // columns beside the key
	Unique   bool
	// Unfit says why a concurrent refresh can't use the index: "not unique", "partial" …. Empty: it can.
	Unfit string
}

// A ViewDef is a plain view. If it reads other views, it is a node between materialized
// views. If it reads none, lookups that miss tell that its name is taken.
type ViewDef struct {
	ID    int64 // from the same numbers as those of materialized views
	Name  Name
	Reads []int64 // as in MatviewDef
}

// An EnumDef is an enumerated type.
type EnumDef struct {
	Object
	Labels []string // in the type's order; may be empty
}

// A SequenceDef is a sequence.
type SequenceDef struct {
	Object
	Type      string // "bigint", "integer", "smallint"
	Start     int64  // where it began, and begins again
	Increment int64  // never 0
	Min, Max  int64
	Cache     int64 // values that a connection reserves at a time; 1 for none
	Cycle     bool  // it starts over at the other bound where another one is exhausted

	OwnedBy  *ColumnRef // the column that it is dropped with, nil for none
	Identity bool       // OwnedBy is an identity column
	KeyOf    *ColumnRef // the primary-key column that it feeds; nil for an independent sequence

	Rights SequenceRights
}

// SequenceRights are what the role in effect may do with a sequence.
type SequenceRights struct {
	Read    bool // look at its last value
	Next    bool // take a value
	Set     bool // set its value, outside transactions
	Restart bool // start it over, as Reset, ResetTo and Restart do
}

// A ColumnRef names a table's column.
type ColumnRef struct {
	Table  Name
	Column string
}

// String is the column as SQL writes it, public.orders.id; a zero ColumnRef is "none".
func (c ColumnRef) String() string {
	if c == (ColumnRef{}) {
		return "none"
	}
	return c.Table.String() + "." + Name{Name: c.Column}.String()
}

// String is the rights in words: "read, next".
func (r SequenceRights) String() string {
	var words []string
	for _, w := range []struct {
		has  bool
		word string
	}{{r.Read, "read"}, {r.Next, "next"}, {r.Set, "set"}, {r.Restart, "restart"}} {
		if w.has {
			words = append(words, w.word)
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
