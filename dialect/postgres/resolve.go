package postgres

// This file builds the catalog from the rows of the catalog statement.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// A reading collects the rows of the catalog statement.
type reading struct {
	server    dialect.Server
	schemas   map[int64]schema // by oid
	path      []string         // the schemas that resolve bare names, with the schemas that the server adds
	escaped   bool             // see decode
	separator string           // between names

	cat       dialect.Catalog
	matviews  map[int64]int32 // from oid to the index in the catalog
	views     map[int64]int32
	enums     map[int64]int32
	sequences map[int64]int32

	columns    []columnEntry
	indexes    []indexEntry
	indexNames map[int64]string
	edges      [2][]int64 // from a view's rule to a view that it reads
	rules      [2][]int64 // the rules of edges, and the views that they belong to
	ties       []tie
	tables     map[int64]table
	fields     map[int64]string  // by table and number
	keys       map[int64][]int64 // by table, the numbers of its primary key's columns

	relations, types []hiderGroup // names that may hide structures
	numbers          []int64      // of the current row
	viewsResolved    bool
}

type schema struct {
	name   string
	usable bool // the role has USAGE on it
	system bool // a system schema or a temporary one
	at     int  // its position on the search path, from 1; 0 if it is not on it
	listed bool // named in the search path, not only added by the server
}

type columnEntry struct {
	view, number int32
	column       dialect.Column
}

type indexEntry struct {
	view  int32
	id    int64
	name  string
	shape *indexShape
}

// An indexShape has the properties that several indexes share.
type indexShape struct {
	unique  bool
	unfit   string
	invalid bool
	keys    int     // the number of key columns
	columns []int64 // their numbers; 0 for an expression
}

// A tie is a column that owns a sequence or draws on it.
type tie struct {
	sequence, place int64 // the column's table and number
	how             byte  // 'a' owned, 'i' identity, 'd' default, 'y' domain
	declaredBy      declarer
}

// A declarer is the owner of a table or domain that draws on a sequence.
type declarer struct {
	role    string
	trusted bool
}

type table struct {
	name  dialect.Name
	kind  byte
	temp  bool
	owner declarer
}

// A hiderGroup has the names of one kind in one schema of the search path.
type hiderGroup struct {
	kind  byte
	at    int // the schema's position on the path
	names []string
}

func (rd *reading) add(r *row) error {
	kind := string(r.kind)
	if kind == "server" {
		return rd.addServer(r)
	}
	if rd.schemas == nil {
		return errors.New("it came before the server's own row")
	}
	var err error
	if rd.numbers, err = parseInts(r.a, rd.numbers[:0]); err != nil {
		return err
	}
	in, ours := rd.schemas[r.ns.Int64]
	in.system = in.system || !ours // for example, another session's temporary schema
	switch kind {
	case "edge", "rule", "tie", "number", "index":
		return rd.addNumbers(kind, r)
	case "key":
		return rd.addKeys(r)
	case "comment":
		return rd.addComments(r)
	}
	var names []string
	if r.b.Valid {
		names = strings.Split(r.b.String, rd.separator)
	}
	if len(names) != len(rd.numbers) {
		return fmt.Errorf("%w: %d numbers and %d names", errMiscounted, len(rd.numbers), len(names))
	}
	switch kind {
	case "m", "v", "S", "enum":
		rd.addHiders(kind, kind[0], in, names)
		if !in.system {
			rd.addStructures(kind, in, r, names)
		}
	case "relation", "type":
		rd.addHiders(kind, r.flags[0], in, names)
	case "column":
		rd.addColumns(r, names)
	case "name":
		rd.indexNames = make(map[int64]string, len(names))
		for i, id := range rd.numbers {
			rd.indexNames[id] = names[i]
		}
	case "label":
		rd.addLabels(names)
	case "table":
		rd.addTables(in, r, names)
	case "field":
		rd.fields = make(map[int64]string, len(names))
		for i, place := range rd.numbers {
			rd.fields[place] = names[i]
		}
	default:
		return errors.New("its kind is unknown")
	}
	return nil
}

// addServer reads the server's row. Flags: s standby, e escaped (see decode). a has the
// encodings, the database, the version and the sign. b has the schemas: oid, name, flag u
// usable, and the positions on both forms of the search path.
func (rd *reading) addServer(r *row) error {
	texts, err := parseArray(string(r.a))
	if err == nil && len(texts) != 5 {
		err = fmt.Errorf("it has %d texts", len(texts))
	}
	if err != nil {
		return err
	}
	rd.cat.Sign = dialect.Sign(texts[4])
	rd.server = dialect.Server{
		Version: texts[3], Major: int(r.id.Int64 / 10000), Database: texts[2], User: string(r.owner), Standby: r.has('s'),
		MaxNameBytes: int(r.ns.Int64),
	}
	schemas, err := parseArrays(r.b.String, 5, nil)
	if err != nil {
		return err
	}
	rd.schemas = make(map[int64]schema, len(schemas)/5)
	path := map[int]string{}
	for s := range slices.Chunk(schemas, 5) {
		oid, err := strconv.ParseInt(s[0], 10, 64)
		if err != nil {
			return err
		}
		at, errAt := strconv.Atoi(s[3])
		place, errPlace := strconv.Atoi(s[4])
		if err := errors.Join(errAt, errPlace); err != nil {
			return err
		}
		rd.schemas[oid] = schema{
			name: s[1], usable: s[2] == "u", system: strings.HasPrefix(s[1], "pg_") || s[1] == "information_schema", at: at, listed: place > 0,
		}
		if path[at] = s[1]; place > 0 {
			rd.cat.SearchPath = append(rd.cat.SearchPath, "")
			path[-place] = s[1]
		}
	}
	for i := range rd.cat.SearchPath {
		rd.cat.SearchPath[i] = path[-i-1]
	}
	for at := 1; path[at] != ""; at++ {
		rd.path = append(rd.path, path[at])
	}
	return nil
}

// addStructures reads a group of structures. Flags: p populated, a owned by a superuser
// or a member of one, m may refresh, and the rights r read, n next, s set, x restart.
func (rd *reading) addStructures(kind string, in schema, r *row, names []string) {
	owner := string(r.owner)
	object := func(i int) dialect.Object {
		return dialect.Object{ID: rd.numbers[i], Name: dialect.Name{Schema: in.name, Name: names[i]}, Owner: owner, Visible: in.at > 0}
	}
	switch kind {
	case "m":
		rd.cat.Matviews = slices.Grow(rd.cat.Matviews, len(names))
		for i := range names {
			place(&rd.matviews, rd.numbers[i], len(rd.cat.Matviews), len(names))
			rd.cat.Matviews = append(rd.cat.Matviews, dialect.MatviewDef{
				Object: object(i), Populated: r.has('p'), MayRefresh: r.has('m') && in.usable, Reachable: in.usable, SuperOwner: r.has('a'),
			})
		}
	case "v":
		rd.cat.Views = slices.Grow(rd.cat.Views, len(names))
		for i := range names {
			place(&rd.views, rd.numbers[i], len(rd.cat.Views), len(names))
			rd.cat.Views = append(rd.cat.Views, dialect.ViewDef{ID: rd.numbers[i], Name: dialect.Name{Schema: in.name, Name: names[i]}})
		}
	case "enum":
		rd.cat.Enums = slices.Grow(rd.cat.Enums, len(names))
		for i := range names {
			place(&rd.enums, rd.numbers[i], len(rd.cat.Enums), len(names))
			rd.cat.Enums = append(rd.cat.Enums, dialect.EnumDef{Object: object(i)})
		}
	default:
		var rights dialect.SequenceRights
		if in.usable {
			rights = dialect.SequenceRights{Read: r.has('r'), Next: r.has('n'), Set: r.has('s'), Restart: r.has('x')}
		}
		rd.cat.Sequences = slices.Grow(rd.cat.Sequences, len(names))
		for i := range names {
			place(&rd.sequences, rd.numbers[i], len(rd.cat.Sequences), len(names))
			rd.cat.Sequences = append(rd.cat.Sequences, dialect.SequenceDef{Object: object(i), Rights: rights})
		}
	}
}

// place stores a structure's index in the catalog.
func place(places *map[int64]int32, id int64, at, expected int) {
	if *places == nil {
		*places = make(map[int64]int32, expected)
	}
	(*places)[id] = int32(at)
}

// addHiders adds names that hide equal names in later schemas of the path.
func (rd *reading) addHiders(row string, kind byte, in schema, names []string) {
	switch group := (hiderGroup{kind, in.at, names}); {
	case in.at == 0 || in.at == len(rd.path):
	case row == "type" || row == "enum":
		rd.types = append(rd.types, group)
	default:
		rd.relations = append(rd.relations, group)
	}
}

// addColumns reads the columns of one type. owner has the type. Flag o means that it is
// built in.
func (rd *reading) addColumns(r *row, names []string) {
	typ := typeText(string(r.owner), r.has('o'), rd.server.Major)
	rd.columns = slices.Grow(rd.columns, len(names))
	for i, at := range rd.numbers {
		if view, ok := rd.matviews[at>>16]; ok {
			rd.columns = append(rd.columns, columnEntry{view, int32(at & 0xffff), dialect.Column{Name: names[i], Type: typ}})
		}
	}
}

// addIndexes reads a group of indexes. Flags: u unique, i immediate, v valid, p partial,
// x on expressions. ids are the oids of the indexes. id has the number of key columns,
// owner the numbers of all columns.
func (rd *reading) addIndexes(r *row, ids []int64) error {
	shape := &indexShape{unique: r.has('u'), invalid: !r.has('v'), keys: int(r.id.Int64)}
	for field := range strings.FieldsSeq(string(r.owner)) {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return err
		}
		shape.columns = append(shape.columns, n)
	}
	if len(shape.columns) < shape.keys {
		return fmt.Errorf("%d key columns of %d", shape.keys, len(shape.columns))
	}
	switch {
	case !shape.unique:
		shape.unfit = "it is not unique"
	case r.has('p'):
		shape.unfit = "it is partial (it has a WHERE)"
	case r.has('x'):
		shape.unfit = "it is on an expression"
	case shape.invalid:
		shape.unfit = invalidIndex
	case !r.has('i'):
		shape.unfit = "it is checked late (deferrable)"
	}
	rd.indexes = slices.Grow(rd.indexes, len(ids))
	for i, view := range rd.numbers {
		if at, ok := rd.matviews[view]; ok {
			rd.indexes = append(rd.indexes, indexEntry{at, ids[i], "", shape})
		}
	}
	return nil
}

// addLabels reads the labels of all enums, sorted by enum and order.
func (rd *reading) addLabels(labels []string) {
	for first := 0; first < len(labels); {
		end := first + 1
		for end < len(labels) && rd.numbers[end] == rd.numbers[first] {
			end++
		}
		if at, ok := rd.enums[rd.numbers[first]]; ok {
			rd.cat.Enums[at].Labels = labels[first:end:end]
		}
		first = end
	}
}

func (rd *reading) addComments(r *row) error {
	comments, err := parseArray(r.b.String)
	if err == nil && len(comments) != len(rd.numbers) {
		err = fmt.Errorf("it has %d numbers and %d comments", len(rd.numbers), len(comments))
	}
	if err != nil {
		return err
	}
	for i, id := range rd.numbers {
		if at, ok := rd.enums[id]; ok && r.has('e') {
			rd.cat.Enums[at].Comment = comments[i]
		} else if at, ok := rd.matviews[id]; ok && !r.has('e') {
			rd.cat.Matviews[at].Comment = comments[i]
		} else if at, ok := rd.sequences[id]; ok && !r.has('e') {
			rd.cat.Sequences[at].Comment = comments[i]
		}
	}
	return nil
}

// addTables reads a group of tables. Flags: first the kind, then T temporary, t trusted.
func (rd *reading) addTables(in schema, r *row, names []string) {
	t := table{kind: r.flags[0], temp: r.has('T'), owner: declarer{string(r.owner), r.has('t')}}
	if !in.system {
		t.name.Schema = in.name
	}
	for i, id := range rd.numbers {
		t.name.Name = names[i]
		if rd.tables == nil {
			rd.tables = make(map[int64]table, len(names))
		}
		rd.tables[id] = t
	}
}

// addNumbers reads rows with two arrays of numbers: edges, their rules, ties and the
// definitions of sequences.
func (rd *reading) addNumbers(kind string, r *row) error {
	second, err := parseInts([]byte(r.b.String), nil)
	if err != nil {
		return err
	}
	if kind == "number" {
		return rd.addDefinitions(r, second)
	}
	if len(second) != len(rd.numbers) {
		return fmt.Errorf("it has %d and %d numbers", len(rd.numbers), len(second))
	}
	switch kind {
	case "index":
		return rd.addIndexes(r, second)
	case "edge":
		rd.edges = [2][]int64{slices.Clone(rd.numbers), second}
		return nil
	case "rule": // the last row of views
		rd.rules = [2][]int64{slices.Clone(rd.numbers), second}
		return rd.resolveViews()
	}
	by := declarer{string(r.owner), r.has('t')}
	rd.ties = slices.Grow(rd.ties, len(second))
	for i, sequence := range rd.numbers {
		rd.ties = append(rd.ties, tie{sequence, second[i], r.flags[0], by})
	}
	return nil
}

// addDefinitions reads a group of sequences with the same definition. id has the type's
// oid. Flag y means CYCLE.
func (rd *reading) addDefinitions(r *row, n []int64) error {
	if len(n) != 5 {
		return fmt.Errorf("it has %d numbers, not 5", len(n))
	}
	typ := map[int64]string{20: "bigint", 21: "smallint", 23: "integer"}[r.id.Int64]
	if typ == "" {
		return fmt.Errorf("its type's oid is %d", r.id.Int64)
	}
	for _, id := range rd.numbers {
		if at, ok := rd.sequences[id]; ok {
			s := &rd.cat.Sequences[at]
			s.Type, s.Start, s.Increment, s.Min, s.Max, s.Cache, s.Cycle = typ, n[0], n[1], n[2], n[3], n[4], r.has('y')
		}
	}
	return nil
}

// addKeys reads a group of tables. owner has the column numbers of their primary key.
func (rd *reading) addKeys(r *row) error {
	columns, err := parseInts(r.owner, nil)
	if err != nil {
		return err
	}
	if rd.keys == nil {
		rd.keys = make(map[int64][]int64, len(rd.numbers))
	}
	for _, id := range rd.numbers {
		rd.keys[id] = columns
	}
	return nil
}

// resolve builds the catalog from the collected rows.
func (rd *reading) resolve() (*dialect.Catalog, error) {
	rd.cat.Server = rd.server
	if err := rd.resolveViews(); err != nil {
		return nil, err
	}
	rd.resolveTies()
	rd.resolveHidden()
	return &rd.cat, nil
}

// resolveViews runs once, after the last row of views, while the server still reads the
// sequences.
func (rd *reading) resolveViews() error {
	if rd.viewsResolved {
		return nil
	}
	rd.viewsResolved = true
	rd.resolveColumns()
	rd.resolveEdges()
	return rd.resolveIndexes()
}

// resolveColumns puts all columns into one slice. Each view gets a part of it. The
// columns of a materialized view are numbered from 1 without gaps, because none can be
// dropped.
func (rd *reading) resolveColumns() {
	ends := make([]int, len(rd.cat.Matviews)+1)
	for i := range rd.columns {
		ends[rd.columns[i].view+1]++
	}
	for i := range rd.cat.Matviews {
		ends[i+1] += ends[i]
	}
	all := make([]dialect.Column, len(rd.columns))
	for i := range rd.columns {
		c := &rd.columns[i]
		all[ends[c.view]+int(c.number)-1] = c.column
	}
	for i := range rd.cat.Matviews {
		rd.cat.Matviews[i].Columns = all[ends[i]:ends[i+1]:ends[i+1]]
	}
}

func (rd *reading) resolveIndexes() error {
	for i := range rd.indexes {
		name, ok := rd.indexNames[rd.indexes[i].id]
		if !ok {
			return fmt.Errorf("index %d has no name", rd.indexes[i].id)
		}
		rd.indexes[i].name = name
	}
	slices.SortFunc(rd.indexes, func(a, b indexEntry) int { return cmp.Or(cmp.Compare(a.view, b.view), cmp.Compare(a.name, b.name)) })
	width := 0
	for i := range rd.indexes {
		width += len(rd.indexes[i].shape.columns)
	}
	all, names := make([]dialect.Index, len(rd.indexes)), make([]string, 0, width)
	for i := range rd.indexes {
		entry := &rd.indexes[i]
		view := &rd.cat.Matviews[entry.view]
		from := len(names)
		for _, number := range entry.shape.columns {
			name := ""
			if number > int64(len(view.Columns)) {
				return fmt.Errorf("index %s has column number %d of %d", entry.name, number, len(view.Columns))
			}
			if number > 0 {
				name = view.Columns[number-1].Name
			}
			names = append(names, name)
		}
		key := from + entry.shape.keys
		all[i] = dialect.Index{
			Name: entry.name, Columns: names[from:key:key],
			Unique: entry.shape.unique, Unfit: entry.shape.unfit, Invalid: entry.shape.invalid,
		}
		if key < len(names) {
			all[i].Included = names[key:len(names):len(names)]
		}
		if len(view.Indexes) == 0 {
			view.Indexes = all[i : i+1 : i+1]
		} else {
			n := len(view.Indexes) + 1
			view.Indexes = all[i+1-n : i+1 : i+1]
		}
	}
	return nil
}

func (rd *reading) resolveEdges() {
	views := make(map[int64]int64, len(rd.rules[0]))
	for i, rule := range rd.rules[0] {
		views[rule] = rd.rules[1][i]
	}
	from, to := rd.edges[0], rd.edges[1]
	for i, rule := range from {
		from[i] = views[rule]
	}
	order := make([]int32, len(from))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(cmp.Compare(from[a], from[b]), cmp.Compare(to[a], to[b])) })
	all := make([]int64, len(order))
	for i, edge := range order {
		all[i] = to[edge]
	}
	for first := 0; first < len(order); {
		end := first + 1
		for end < len(order) && from[order[end]] == from[order[first]] {
			end++
		}
		reads := all[first:end:end]
		if at, ok := rd.matviews[from[order[first]]]; ok {
			rd.cat.Matviews[at].Reads = reads
		} else if at, ok := rd.views[from[order[first]]]; ok {
			rd.cat.Views[at].Reads = reads
		}
		first = end
	}
}

// resolveTies finds the column that owns each sequence, and the first primary-key column
// that draws on it and counts (see lag.go).
func (rd *reading) resolveTies() {
	slices.SortFunc(rd.ties, func(a, b tie) int {
		return cmp.Or(cmp.Compare(a.sequence, b.sequence), cmp.Compare(a.place, b.place))
	})
	refs := make([]dialect.ColumnRef, 0, 2*len(rd.ties)) // never grows, since pointers refer to it
	for i := range rd.ties {
		t := &rd.ties[i]
		at, ok := rd.sequences[t.sequence]
		column, there := rd.fields[t.place]
		on, known := rd.tables[t.place>>16]
		if !ok || !there || !known {
			continue
		}
		s := &rd.cat.Sequences[at]
		refs = append(refs, dialect.ColumnRef{Table: on.name, Column: column})
		ref := &refs[len(refs)-1]
		if t.how == 'a' || t.how == 'i' {
			s.OwnedBy, s.Identity = ref, t.how == 'i'
		}
		counts := func(by declarer) bool { return by.trusted || by.role == s.Owner }
		if t.how != 'a' && s.KeyOf == nil && (on.kind == 'r' || on.kind == 'p') && !on.temp && counts(on.owner) &&
			(t.how != 'y' || counts(t.declaredBy)) && slices.Contains(rd.keys[t.place>>16], t.place&0xffff) {
			refs = append(refs, *ref)
			s.KeyOf = &refs[len(refs)-1]
		}
	}
}

// resolveHidden finds structures whose bare name finds another object, earlier on the
// search path.
func (rd *reading) resolveHidden() {
	at := make(map[string]int, len(rd.path))
	listed := map[string]bool{}
	for _, s := range rd.schemas {
		at[s.name], listed[s.name] = s.at, s.listed
	}
	hide := func(groups []hiderGroup, kinds map[byte]string) func(*dialect.Object) {
		type hider struct {
			kind byte
			at   int
		}
		first := map[string]hider{}
		for _, g := range groups {
			for _, name := range g.names {
				if h, ok := first[name]; !ok || g.at < h.at {
					first[name] = hider{g.kind, g.at}
				}
			}
		}
		return func(o *dialect.Object) {
			h, ok := first[o.Name.Name]
			if !ok || !o.Visible || h.at >= at[o.Name.Schema] {
				return
			}
			if o.Visible = false; listed[o.Name.Schema] {
				o.HiddenBy = cmp.Or(kinds[h.kind], "relation") + " " + dialect.Name{Schema: rd.path[h.at-1], Name: o.Name.Name}.String()
			}
		}
	}
	relations, types := hide(rd.relations, relationKinds), hide(rd.types, typeKinds)
	for i := range rd.cat.Matviews {
		relations(&rd.cat.Matviews[i].Object)
	}
	for i := range rd.cat.Sequences {
		relations(&rd.cat.Sequences[i].Object)
	}
	for i := range rd.cat.Enums {
		types(&rd.cat.Enums[i].Object)
	}
}

// Words for the kind of a hiding object, by pg_class.relkind and pg_type.typtype.
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
