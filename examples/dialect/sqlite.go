// Package sqlite is a minimal dialect in a module of its own. It is an example for
// authors of dialects.
//
// SQLite has no materialized views, enums and sequences. So the dialect keeps their
// definitions in ordinary tables: see [Schema]. Its only operation reads a sequence's
// state. The other operations are the defaults of package dialect, which return
// massive.ErrUnsupported. SQLite has no roles, so that all rights are granted.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// Schema creates the tables that the dialect reads.
const Schema = `
CREATE TABLE search_path (position INTEGER PRIMARY KEY, schema TEXT);
CREATE TABLE objects (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, schema TEXT, name TEXT, comment TEXT,
  UNIQUE (schema, name, kind)
);
CREATE TABLE view_columns (
  view INTEGER REFERENCES objects ON DELETE CASCADE, position INTEGER, name TEXT, type TEXT, is_key INTEGER
);
CREATE TABLE view_state (view INTEGER REFERENCES objects ON DELETE CASCADE, populated INTEGER);
CREATE TABLE view_reads (
  view INTEGER REFERENCES objects ON DELETE CASCADE, reads INTEGER REFERENCES objects ON DELETE CASCADE
);
CREATE TABLE enum_labels (enum INTEGER REFERENCES objects ON DELETE CASCADE, position REAL, label TEXT);
CREATE TABLE sequences (
  sequence INTEGER REFERENCES objects ON DELETE CASCADE, type TEXT, start INTEGER, increment INTEGER, min INTEGER, max INTEGER,
  cache INTEGER, cycle INTEGER, owner TEXT, key TEXT, last INTEGER, called INTEGER
);`

// New returns the dialect. It has no state.
func New() dialect.Dialect { return sqlite{} }

// The embedded structs have the default methods. The methods below override some of them.
type sqlite struct {
	dialect.NoMatviews
	dialect.NoEnums
	dialect.NoSequences
	dialect.NoTransactions
	dialect.NoSign
}

func (sqlite) Name() string { return "sqlite" }

// Load reads everything in one statement, so that the catalog is one consistent snapshot.
// Each row has a code, an object's id and four texts. Their meaning depends on the code:
// see add.
func (sqlite) Load(ctx context.Context, q dialect.Querier, _ dialect.Filter) (*dialect.Catalog, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT 1 AS what, position AS id, schema AS a, '' AS b, '' AS c, '' AS d FROM search_path
		UNION ALL SELECT 2, id, kind, schema, name, comment FROM objects
		UNION ALL SELECT 3, view, populated, '', '', '' FROM view_state
		UNION ALL SELECT 4, view, name, type, is_key, position FROM view_columns
		UNION ALL SELECT 5, enum, label, position, '', '' FROM enum_labels
		UNION ALL SELECT 6, sequence, type, owner, key, printf('%d %d %d %d %d %d', start, increment, min, max, cache, cycle) FROM sequences
		UNION ALL SELECT 7, view, CAST(reads AS TEXT), '', '', '' FROM view_reads
		ORDER BY what, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	r := reading{objects: map[int64]*object{}}
	for rows.Next() {
		var what int
		var id int64
		var a, b, c, d string
		if err := rows.Scan(&what, &id, &a, &b, &c, &d); err != nil {
			return nil, err
		}
		if err := r.add(what, id, a, b, c, d); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err // without this check, a lost connection would shorten the catalog
	}
	return r.catalog(), nil
}

// An object collects the rows of one structure, table or plain view.
type object struct {
	dialect.Object
	kind     string
	view     dialect.MatviewDef // for a plain view only Reads
	labels   []label
	sequence dialect.SequenceDef
}

type label struct {
	text  string
	place float64
}

type reading struct {
	path    []string
	objects map[int64]*object
}

func (r *reading) add(what int, id int64, a, b, c, d string) error {
	o := r.objects[id]
	if o == nil && what > 2 {
		return fmt.Errorf("a row refers to object %d, which does not exist", id)
	}
	switch what {
	case 1:
		r.path = append(r.path, a)
	case 2:
		r.objects[id] = &object{kind: a, Object: dialect.Object{ID: id, Name: dialect.Name{Schema: b, Name: c}, Comment: d}}
	case 3:
		o.view.Populated, o.view.MayRefresh = a == "1", true
	case 4:
		o.view.Columns = append(o.view.Columns, dialect.Column{Name: a, Type: b})
		if c == "1" {
			if o.view.Indexes == nil {
				o.view.Indexes = []dialect.Index{{Name: o.Name.Name, Unique: true}}
			}
			index := &o.view.Indexes[0]
			index.Columns = append(index.Columns, a)
			index.Name = o.Name.Name + "_" + strings.Join(index.Columns, "_") + "_idx"
		}
	case 5:
		l := label{text: a}
		if _, err := fmt.Sscan(b, &l.place); err != nil {
			return err
		}
		o.labels = append(o.labels, l)
	case 6:
		s := &o.sequence
		var cycle int
		if _, err := fmt.Sscan(d, &s.Start, &s.Increment, &s.Min, &s.Max, &s.Cache, &cycle); err != nil {
			return err
		}
		s.Type, s.Cycle, s.OwnedBy, s.KeyOf = a, cycle == 1, column(b), column(c)
		s.Rights.Read = true // the only operation
	case 7:
		reads, err := strconv.ParseInt(a, 10, 64)
		if err != nil {
			return err
		}
		o.view.Reads = append(o.view.Reads, reads)
	}
	return nil
}

// column parses schema.table.column.
func column(text string) *dialect.ColumnRef {
	p := strings.Split(text, ".")
	if len(p) != 3 {
		return nil
	}
	return &dialect.ColumnRef{Table: dialect.Name{Schema: p[0], Name: p[1]}, Column: p[2]}
}

func (r *reading) catalog() *dialect.Catalog {
	cat := &dialect.Catalog{
		Server:     dialect.Server{Version: "sqlite"}, // MaxNameBytes is 0: names have no limit
		SearchPath: r.path,
	}
	for _, o := range r.objects {
		r.resolve(o)
		switch o.kind {
		case "matview":
			o.view.Object = o.Object
			cat.Matviews = append(cat.Matviews, o.view)
		case "view":
			cat.Views = append(cat.Views, dialect.ViewDef{ID: o.ID, Name: o.Name, Reads: o.view.Reads})
		case "enum":
			slices.SortFunc(o.labels, func(a, b label) int {
				if a.place < b.place {
					return -1
				}
				return 1
			})
			e := dialect.EnumDef{Object: o.Object}
			for _, l := range o.labels {
				e.Labels = append(e.Labels, l.text)
			}
			cat.Enums = append(cat.Enums, e)
		case "sequence":
			o.sequence.Object = o.Object
			cat.Sequences = append(cat.Sequences, o.sequence)
		}
	}
	return cat
}

// resolve sets Visible and HiddenBy.
func (r *reading) resolve(o *object) {
	o.Visible, o.HiddenBy = dialect.Resolve(r.path, o.Name, func(n dialect.Name) string {
		if n == o.Name {
			return o.kind
		}
		for _, other := range r.objects {
			if other.Name == n && rivals(o.kind, other.kind) {
				return words(o.kind, other.kind)
			}
		}
		return ""
	})
}

// rivals reports whether structures of two kinds can hide each other. Relations share
// their names. Enums share names with relations that have a row type, which sequences
// don't.
func rivals(a, b string) bool {
	return a == b || (a != "enum" || b != "sequence") && (b != "enum" || a != "sequence")
}

func words(of, by string) string {
	switch {
	case of == "enum" && by != "enum":
		return "the row type of"
	case by == "matview":
		return "materialized view"
	default:
		return by
	}
}

// SequenceState reads a sequence's state.
func (sqlite) SequenceState(ctx context.Context, q dialect.Querier, name dialect.Name) (st dialect.SequenceState, err error) {
	err = q.QueryRowContext(ctx, `SELECT s.last, s.called FROM sequences s JOIN objects o ON o.id = s.sequence
		WHERE o.schema = ? AND o.name = ? AND o.kind = 'sequence'`, name.Schema, name.Name).Scan(&st.Last, &st.Called)
	return st, err
}

// Classify recognizes only a sequence that no longer exists: its query returns no row. A
// complete dialect would map the driver's error codes to sentinels.
func (sqlite) Classify(f dialect.Failure) error {
	if f.Op == dialect.OpLastValue && errors.Is(f.Err, sql.ErrNoRows) {
		return fmt.Errorf("%w: dropped or renamed since it was loaded; Reload, and look it up again", dialect.ErrNotFound)
	}
	return nil
}
