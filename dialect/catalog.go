package dialect

import "strings"

// A Catalog holds the loaded structures as plain data. Its lists may be in any order; the
// core sorts them. Texts have the database's bytes. If a name, label or column is not
// valid UTF-8, the core excludes its structure and reports it.
type Catalog struct {
	Server     Server
	SearchPath []string // the schemas that bare names are looked up in, in order
	Matviews   []MatviewDef
	Enums      []EnumDef
	Sequences  []SequenceDef
	Views      []ViewDef // all plain views, if materialized views were loaded

	// Sign identifies the moment of the load, for [ChangeDetector]. It must not be later
	// than the Catalog's snapshot: a commit that the load may have missed counts as a
	// later commit. Empty means that each poll loads.
	Sign Sign
}

// A Server describes the server and the session that the Catalog came from.
type Server struct {
	Version      string // as the server prints it: "15.18 (Debian 15.18-0+deb12u1)"
	Major        int    // the major version: 15
	Database     string // the database's name
	User         string // the current role
	Standby      bool   // the server is a read-only standby
	MaxNameBytes int    // the longest name or label in bytes; 0 means no limit
}

// A Kind is a kind of structure. The zero Kind is invalid.
type Kind int

// The three kinds of structure.
const (
	// KindMatview is a materialized view.
	KindMatview Kind = iota + 1
	// KindEnum is an enumerated type.
	KindEnum
	// KindSequence is a sequence.
	KindSequence
)

// String returns the kind in words: "materialized view", "enum", "sequence".
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

// An Object has the attributes that all kinds of structure share.
type Object struct {
	// ID is the database's own number for the structure. It is unique within the kind. A
	// structure that was dropped and created again has another ID.
	ID      int64
	Name    Name // with its schema
	Owner   string
	Comment string // empty if there is none

	// Visible means that the bare name finds the structure along the search path. If it
	// does not, although the schema is on the path, HiddenBy names the object that the
	// bare name finds instead: "table app.mood". [Resolve] returns both values.
	Visible  bool
	HiddenBy string
}

// A MatviewDef is the definition of a materialized view.
type MatviewDef struct {
	Object
	Columns   []Column // in the view's order
	Indexes   []Index  // by name
	Populated bool     // the view has data and can be read
	// MayRefresh means that the current role has the right to refresh the view. It is
	// false if Reachable is false.
	MayRefresh bool
	// Reachable means that the current role may use the view's schema.
	Reachable bool
	// SuperOwner means that the owner is a superuser, or a direct or indirect member of
	// one. A [Blocker].Fix must not make another role a member of such an owner.
	SuperOwner bool
	// Reads has the IDs of the views, materialized or plain, that the view's query reads,
	// each once. A view that the query only mentions, as in 'daily'::regclass, does not
	// count.
	Reads []int64
}

// A Column is a column of a materialized view.
type Column struct {
	Name string
	Type string // as SQL writes it: "numeric(10,2)"
}

// An Index is an index of a materialized view.
type Index struct {
	Name     string
	Columns  []string // the key columns, in order; an expression is an empty string
	Included []string // columns of INCLUDE, which are not part of the key
	Unique   bool
	// Unfit says why a concurrent refresh can't use the index: "not unique", "partial".
	// It is empty if a concurrent refresh can use it.
	Unfit string
	// Invalid reports that the index is incomplete, because its build failed or is still
	// running. No query uses the index until it is rebuilt. An index that is not unique
	// can be invalid, too; its Unfit does not say so.
	Invalid bool
}

// A ViewDef is the definition of a plain view. Dependencies between materialized views
// may lead through plain views. A lookup that fails also reports a plain view of that
// name.
type ViewDef struct {
	ID    int64 // plain and materialized views have different IDs
	Name  Name
	Reads []int64 // as in MatviewDef
}

// An EnumDef is the definition of an enumerated type.
type EnumDef struct {
	Object
	Labels []string // in the type's order; may be empty
}

// A SequenceDef is the definition of a sequence.
type SequenceDef struct {
	Object
	Type      string // "bigint", "integer" or "smallint"
	Start     int64  // the declared start
	Increment int64  // never 0; negative if the sequence descends
	Min, Max  int64  // the bounds, inclusive
	Cache     int64  // how many values a connection reserves at a time; 1 means no cache
	Cycle     bool   // the sequence starts over after its last value

	OwnedBy  *ColumnRef // dropping this column drops the sequence; nil if there is none
	Identity bool       // OwnedBy is an identity column
	KeyOf    *ColumnRef // the primary-key column that draws on the sequence; nil if there is none

	Rights SequenceRights
}

// SequenceRights are the current role's rights on a sequence.
type SequenceRights struct {
	Read    bool // read the last value
	Next    bool // take values
	Set     bool // set the value, as SetValue does
	Restart bool // restart the sequence, as Reset, ResetTo and Restart do
}

// A ColumnRef refers to a column of a table.
type ColumnRef struct {
	Table  Name
	Column string
}

// String returns the column as SQL writes it: public.orders.id. For a zero ColumnRef it
// returns "none".
func (c ColumnRef) String() string {
	if c == (ColumnRef{}) {
		return "none"
	}
	return c.Table.String() + "." + Name{Name: c.Column}.String()
}

// String lists the rights: "read, next". It returns "none" if there are none.
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
