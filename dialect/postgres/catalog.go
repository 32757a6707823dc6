package postgres

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// The catalog statement: one row a structure, in branches of one shape. What it owes its speed and its lack of
// locks to is told in docs/design.md; the columns mean
//
//	kind                d server, m matview, v plain view, e enum, s sequence, f fingerprint
//	id, ns, name        oid, the schema's oid, name
//	owner, comment
//	flags               letters, see the branch's function
//	hider               what the bare name finds instead: a letter for its kind, then its schema
//	a, b, c             array constants, see the branch's function
var (
	//go:embed catalog/head.sql
	catalogHead string
	//go:embed catalog/server.sql
	catalogServer string
	//go:embed catalog/matviews.sql
	catalogMatviews string
	//go:embed catalog/views.sql
	catalogViews string
	//go:embed catalog/enums.sql
	catalogEnums string
	//go:embed catalog/sequences.sql
	catalogSequences string
	//go:embed catalog/tail.sql
	catalogTail string
)

// sequencesBranch has the rule by which a column draws on a sequence.
var sequencesBranch = strings.NewReplacer("$draws", strings.TrimRight(draws, "\n"), "$trusted", trusted).Replace(catalogSequences)

// catalogText is the statement for the kinds that are asked for, with further branches of the same shape.
func catalogText(f dialect.Filter, further ...string) string {
	branches := []string{catalogServer}
	if f.Has(dialect.KindMatview) {
		branches = append(branches, catalogMatviews, catalogViews)
	}
	if f.Has(dialect.KindEnum) {
		branches = append(branches, catalogEnums)
	}
	if f.Has(dialect.KindSequence) {
		branches = append(branches, sequencesBranch)
	}
	branches = append(branches, further...)
	return catalogHead + strings.Join(branches, "UNION ALL\n") + catalogTail
}

// A row is one of the statement's. Its raw texts last until the next one.
type row struct {
	kind           sql.RawBytes
	id             int64
	ns             sql.NullInt64
	name           string
	owner          sql.RawBytes
	comment        sql.NullString
	flags          sql.RawBytes
	hider, a, b, c sql.NullString
}

// has tells whether a letter is among the flags.
func (r *row) has(flag byte) bool { return bytes.IndexByte(r.flags, flag) >= 0 }

// A reading is a catalog in the making.
type reading struct {
	server     dialect.Server
	searchPath []string
	schemas    map[int64]schema // by oid; neither the system's nor temporary ones

	matviews  pile[dialect.MatviewDef]
	enums     pile[dialect.EnumDef]
	sequences pile[dialect.SequenceDef]
	views     pile[dialect.ViewDef]

	escaped bool // see decode

	seen sight // where the statement looks for changes, too

	texts   map[string]string // those that many rows have alike, each once
	fields  []string          // of a row's array, until the next is read
	numbers []int64           // likewise
}

type schema struct {
	name   string
	usable bool // the role has USAGE on it
}

// A pile is a list that grows without moving what is in it, and ends with no room to spare.
type pile[T any] struct {
	full [][]T
	top  []T
}

func (p *pile[T]) add(t T) {
	if len(p.top) == cap(p.top) {
		if p.top != nil {
			p.full = append(p.full, p.top)
		}
		p.top = make([]T, 0, max(16, 2*cap(p.top)))
	}
	p.top = append(p.top, t)
}

// list is what is in the pile, in order; nil for nothing.
func (p *pile[T]) list() []T {
	return slices.Concat(append(p.full, p.top)...)
}

// readCatalog reads the catalog, and the sight if the statement has one.
func readCatalog(ctx context.Context, q dialect.Querier, text string) (*dialect.Catalog, *sight, error) {
	rows, err := q.QueryContext(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var rd reading
	var r row
	dest := []any{&r.kind, &r.id, &r.ns, &r.name, &r.owner, &r.comment, &r.flags, &r.hider, &r.a, &r.b, &r.c}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, nil, err
		}
		if err := rd.decode(&r); err != nil {
			return nil, nil, err
		}
		if err := rd.add(&r); err != nil {
			return nil, nil, fmt.Errorf("catalog row %s %d %q: %w", r.kind, r.id, r.name, err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	if rd.schemas == nil {
		return nil, nil, errors.New("the catalog came back empty")
	}
	return rd.catalog(), &rd.seen, nil
}

func (rd *reading) catalog() *dialect.Catalog {
	return &dialect.Catalog{
		Server: rd.server, SearchPath: rd.searchPath,
		Matviews: rd.matviews.list(), Enums: rd.enums.list(), Sequences: rd.sequences.list(), Views: rd.views.list(),
	}
}

// once is a text that many rows have alike, such as an owner: the same string for each of them.
func (rd *reading) once(text string) string {
	s, ok := rd.texts[text]
	if !ok {
		if rd.texts == nil {
			rd.texts = map[string]string{}
		}
		s = strings.Clone(text) // not a part of a longer text, which it would keep
		rd.texts[s] = s
	}
	return s
}

func (rd *reading) add(r *row) error {
	kind := string(r.kind)
	if kind == "d" {
		return rd.addServer(r)
	}
	if rd.schemas == nil {
		return errors.New("it came before the server's own row")
	}
	if kind == "f" {
		rd.seen.add(r.name, r.id, r.comment.String)
		return nil
	}
	in, ok := rd.schemas[r.ns.Int64]
	if !ok {
		return nil // a system or temporary schema
	}
	switch kind {
	case "m":
		return rd.addMatview(r, in)
	case "v":
		reads, err := parseInts(r.c.String, nil)
		rd.views.add(dialect.ViewDef{ID: r.id, Name: dialect.Name{Schema: in.name, Name: r.name}, Reads: reads})
		return err
	case "e":
		labels, err := parseArray(r.a.String)
		rd.enums.add(dialect.EnumDef{Object: rd.object(r, in, typeKinds), Labels: labels})
		return err
	case "s":
		return rd.addSequence(r, in)
	default:
		return errors.New("its kind is unknown")
	}
}

// addServer reads flag s standby (and e escaped: see decode), hider the encodings, a the search path, b schemas as oid, name and flag u usable.
func (rd *reading) addServer(r *row) (err error) {
	rd.server = dialect.Server{
		Version:      r.comment.String,
		Major:        int(r.id / 10000),
		Database:     r.name,
		User:         string(r.owner),
		Standby:      r.has('s'),
		MaxNameBytes: int(r.ns.Int64),
	}
	if rd.searchPath, err = parseArray(r.a.String); err != nil {
		return err
	}
	schemas, err := parseArrays(r.b.String, 3, nil)
	if err != nil {
		return err
	}
	rd.schemas = make(map[int64]schema, len(schemas)/3)
	for s := range slices.Chunk(schemas, 3) {
		oid, err := strconv.ParseInt(s[0], 10, 64)
		if err != nil {
			return err
		}
		rd.schemas[oid] = schema{s[1], s[2] == "u"}
	}
	return nil
}

// addMatview reads flags p populated, r may refresh, s its owner's members can become
// superusers, v visible; a columns as name, type and o if that is one of the server's own, b
// indexes as name, flags, number of key columns and column numbers, c the views it reads.
func (rd *reading) addMatview(r *row, in schema) error {
	m := dialect.MatviewDef{
		Object: rd.object(r, in, relationKinds), Populated: r.has('p'), MayRefresh: r.has('r') && in.usable, Reachable: in.usable,
		SuperOwner: r.has('s'),
	}
	var err error
	if rd.fields, err = parseArrays(r.a.String, 3, rd.fields[:0]); err != nil {
		return err
	}
	m.Columns = make([]dialect.Column, 0, len(rd.fields)/3)
	for c := range slices.Chunk(rd.fields, 3) {
		m.Columns = append(m.Columns, dialect.Column{Name: rd.once(c[0]), Type: rd.once(typeText(c[1], c[2] == "o", rd.server.Major))})
	}
	if rd.fields, err = parseArrays(r.b.String, 4, rd.fields[:0]); err != nil {
		return err
	}
	if n := len(rd.fields) / 4; n > 0 {
		m.Indexes = make([]dialect.Index, 0, n)
	}
	for i := range slices.Chunk(rd.fields, 4) {
		index, err := parseIndex(m.Columns, i[0], i[1], i[2], i[3])
		if err != nil {
			return err
		}
		m.Indexes = append(m.Indexes, index)
	}
	m.Reads, err = parseInts(r.c.String, nil)
	rd.matviews.add(m)
	return err
}

// parseIndex reads flags u unique, i immediate, v valid, p partial, x on expressions. A materialized view's
// columns are numbered from 1 without gaps: none can be dropped.
func parseIndex(columns []dialect.Column, name, flags, keys, numbers string) (dialect.Index, error) {
	index := dialect.Index{Name: name, Unique: strings.Contains(flags, "u")}
	n, err := strconv.Atoi(keys)
	if err != nil {
		return index, err
	}
	i := -1
	for field := range strings.FieldsSeq(numbers) {
		i++
		number, err := strconv.Atoi(field)
		if err != nil || number > len(columns) {
			return index, fmt.Errorf("index %s has column number %s of %d", name, field, len(columns))
		}
		column := ""
		if number > 0 {
			column = columns[number-1].Name
		}
		if i < n {
			index.Columns = append(index.Columns, column)
		} else {
			index.Included = append(index.Included, column)
		}
	}
	switch {
	case !index.Unique:
		index.Unfit = "it is not unique"
	case strings.Contains(flags, "p"):
		index.Unfit = "it is partial (it has a WHERE)"
	case strings.Contains(flags, "x"):
		index.Unfit = "it is on an expression"
	case !strings.Contains(flags, "v"):
		index.Unfit = invalidIndex
	case !strings.Contains(flags, "i"):
		index.Unfit = "it is checked late (deferrable)"
	}
	return index, nil
}

// addSequence reads flags y cycle, v visible, i identity, and the rights r read, n next, s set, x restart; a
// type oid, start, increment, min, max, cache; b the owning column and c the key column as schema oid, table
// and column.
func (rd *reading) addSequence(r *row, in schema) error {
	s := dialect.SequenceDef{Object: rd.object(r, in, relationKinds), Cycle: r.has('y'), Identity: r.has('i')}
	if in.usable {
		s.Rights = dialect.SequenceRights{Read: r.has('r'), Next: r.has('n'), Set: r.has('s'), Restart: r.has('x')}
	}
	n, err := parseInts(r.a.String, rd.numbers[:0])
	if err != nil {
		return err
	}
	if rd.numbers = n; len(n) != 6 {
		return fmt.Errorf("it has %d numbers, not 6", len(n))
	}
	switch n[0] {
	case 20:
		s.Type = "bigint"
	case 21:
		s.Type = "smallint"
	case 23:
		s.Type = "integer"
	default:
		return fmt.Errorf("its type's oid is %d", n[0])
	}
	s.Start, s.Increment, s.Min, s.Max, s.Cache = n[1], n[2], n[3], n[4], n[5]
	if s.OwnedBy, err = rd.columnRef(r.b); err != nil {
		return err
	}
	if s.KeyOf, err = rd.columnRef(r.c); err != nil {
		return err
	}
	rd.sequences.add(s)
	return nil
}

func (rd *reading) columnRef(s sql.NullString) (*dialect.ColumnRef, error) {
	if !s.Valid {
		return nil, nil
	}
	p, err := parseArray(s.String)
	if err != nil {
		return nil, err
	}
	if len(p) != 3 {
		return nil, fmt.Errorf("its column %q has %d parts, not 3", s.String, len(p))
	}
	ns, err := strconv.ParseInt(p[0], 10, 64)
	if err != nil {
		return nil, err
	}
	return &dialect.ColumnRef{Table: dialect.Name{Schema: rd.schemas[ns].name, Name: p[1]}, Column: p[2]}, nil
}

// The words for what hides an object: pg_class.relkind and pg_type.typtype.
var (
	relationKinds = map[byte]string{
		'r': "table", 'p': "partitioned table", 'f': "foreign table", 'v': "view", 'm': "materialized view",
		'S': "sequence", 'i': "index", 'I': "index", 'c': "type", 't': "TOAST table",
	}
	typeKinds = map[byte]string{
		'c': "the row type of", 'd': "domain", 'e': "enum", 'b': "type", 'p': "pseudo-type", 'r': "range type",
		'm': "multirange type",
	}
)

func (rd *reading) object(r *row, in schema, kinds map[byte]string) dialect.Object {
	owner, ok := rd.texts[string(r.owner)] // as once does it, but that this conversion copies nothing
	if !ok {
		owner = rd.once(string(r.owner))
	}
	o := dialect.Object{
		ID: r.id, Name: dialect.Name{Schema: in.name, Name: r.name}, Owner: owner, Comment: r.comment.String,
		Visible: r.has('v'),
	}
	// Off the search path the bare name would not find it anyway; and looks for changes do without what is there.
	if h := r.hider.String; h != "" && slices.Contains(rd.searchPath, in.name) {
		kind := kinds[h[0]]
		if kind == "" {
			kind = "relation"
		}
		o.HiddenBy = kind + " " + dialect.Name{Schema: h[1:], Name: r.name}.String()
	}
	return o
}
