package registry

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/massivedb/massive-go/dialect"
)

// An index finds the structures of one kind by name.
type index[T structure] struct {
	kind dialect.Kind
	sort func() []T // sorts on the first call, which takes as long as the rest of an index

	// byKey finds a structure by its key. A visible structure has a second key without
	// its schema.
	byKey map[string]T
}

type structure interface {
	comparable
	object() *dialect.Object
}

func newIndex[T structure](k dialect.Kind, all []T) index[T] {
	visible := 0
	for _, t := range all {
		if t.object().Visible {
			visible++
		}
	}
	s := index[T]{k, nil, make(map[string]T, len(all)+visible)}
	size := 0
	for _, t := range all {
		n := t.object().Name
		size += len(n.Schema) + len(n.Name) + 8
	}
	// All keys are parts of one string, which takes one allocation.
	text, ends := make([]byte, 0, size), make([]int, len(all))
	for i, t := range all {
		text = appendKey(text, t.object().Name)
		ends[i] = len(text)
	}
	keys, from := string(text), 0
	for i, t := range all {
		s.byKey[keys[from:ends[i]]] = t
		from = ends[i]
		if o := t.object(); o.Visible {
			s.byKey[key(dialect.Name{Name: o.Name.Name})] = t
		}
	}
	s.sort = sync.OnceValue(func() []T {
		slices.SortFunc(all, func(a, b T) int { return a.object().Name.Compare(b.object().Name) })
		return all
	})
	return s
}

// sorted returns all structures, by schema and name.
func (s *index[T]) sorted() []T {
	if s.sort == nil { // of a zero Registry
		return nil
	}
	return s.sort()
}

// get returns the structure of a parsed name. It does not allocate.
func (s *index[T]) get(n dialect.Name) (T, bool) {
	t, ok := s.byKey[string(appendKey(make([]byte, 0, 2*longestName), n))]
	return t, ok
}

// longestName is the length in bytes of Postgres' longest identifier, with quotes and a
// dot. Longer names, which a server can be built for, only take longer to look up.
const longestName = 63 + 2 + 1

// key returns a name's key in an index: the name as in the catalog, without quotes. For a
// name that contains a dot or a quote, it is the text of [dialect.Name.String].
func key(n dialect.Name) string {
	if n.Schema == "" && !needsQuotes(n.Name) {
		return n.Name
	}
	return string(appendKey(make([]byte, 0, len(n.Schema)+len(n.Name)+8), n))
}

func appendKey(b []byte, n dialect.Name) []byte {
	if needsQuotes(n.Schema) || needsQuotes(n.Name) {
		return n.Append(b)
	}
	if n.Schema != "" {
		b = append(append(b, n.Schema...), '.')
	}
	return append(b, n.Name...)
}

func needsQuotes(part string) bool {
	return strings.IndexByte(part, '.') >= 0 || strings.IndexByte(part, '"') >= 0
}

// quoted returns the structure of a spelling with quotes, whether the name needs them or
// not. A malformed spelling finds nothing: its composed key has a dot or a quote where no
// key has one.
func (s *index[T]) quoted(name string) (t T, ok bool) {
	first, rest := name, ""
	if name == "" || name[0] != '"' {
		if dot := strings.IndexByte(name, '.'); dot == strings.IndexByte(name, '"')-1 {
			first, rest = name[:dot], name[dot:]
		}
	} else if end := strings.IndexByte(name[1:], '"') + 1; end > 0 {
		first, rest = name[1:end], name[end+1:]
	}
	if rest == "" {
		if strings.IndexByte(first, '.') < 0 {
			t, ok = s.byKey[first]
			return t, ok
		}
	} else if second := rest[1:]; rest[0] == '.' {
		if last := len(second) - 1; last > 1 && second[0] == '"' && second[last] == '"' {
			second = second[1:last]
		}
		// Most names are visible. This takes half as long as to compose a key.
		if t, ok = s.byKey[second]; ok && t.object().Name == (dialect.Name{Schema: first, Name: second}) {
			return t, true
		}
		var b [2 * longestName]byte
		if n := len(first) + 1; n+len(second) <= len(b) && second != "" && second[0] != '"' {
			copy(b[:], first)
			b[n-1] = '.'
			n += copy(b[n:], second)
			if t, ok = s.byKey[string(b[:n])]; ok {
				return t, ok
			}
		}
	}
	t, ok = s.byKey[name]
	return t, ok
}

// find looks up a name. If the name exists, it does not allocate, except for a doubled
// quote in an unusual spelling.
func find[T structure](r *Registry, s *index[T], name string) (T, error) {
	if r.schema != "" && strings.IndexByte(name, '"') < 0 && strings.IndexByte(name, '.') < 0 {
		if t, ok := s.get(dialect.Name{Schema: r.schema, Name: name}); ok {
			return t, nil
		}
	}
	// A well-formed spelling with quotes has a quote at its start or at its end.
	if last := len(name) - 1; last >= 0 && name[0] != '"' && name[last] != '"' {
		if t, ok := s.byKey[name]; ok {
			return t, nil
		}
	} else if r.schema == "" {
		if t, ok := s.quoted(name); ok {
			return t, nil
		}
	}
	t, err := search(r, s, name)
	if err != nil {
		var why *NotFoundError
		if errors.As(err, &why) && why.Reason == ReasonUnknown {
			why.Near = near(r, why.Name, s.sorted())
		}
	}
	return t, err
}

// Find reports whether a lookup of the name succeeds, by a nil error. Its
// [*NotFoundError] has no similar names; call [Registry.Suggest] to add them. Errors:
// [dialect.ErrNotFound]; [dialect.ErrInvalid].
func (r *Registry) Find(k dialect.Kind, n dialect.Name) (err error) {
	switch k {
	case dialect.KindMatview:
		_, err = search(r, &r.matviews, n.Quoted())
	case dialect.KindEnum:
		_, err = search(r, &r.enums, n.Quoted())
	default:
		_, err = search(r, &r.sequences, n.Quoted())
	}
	return err
}

// Suggest sets e.Near to similar names. It compares the names of all structures of the
// kind.
func (r *Registry) Suggest(e *NotFoundError) {
	switch e.Kind {
	case dialect.KindMatview:
		e.Near = near(r, e.Name, r.matviews.sorted())
	case dialect.KindEnum:
		e.Near = near(r, e.Name, r.enums.sorted())
	default:
		e.Near = near(r, e.Name, r.sequences.sorted())
	}
}

// Knows reports whether a structure of that kind and name was loaded or excluded.
func (r *Registry) Knows(k dialect.Kind, n dialect.Name) bool {
	return r.Find(k, n) == nil ||
		slices.ContainsFunc(r.excluded, func(x Excluded) bool { return x.Kind == k && answersTo(x.object, n) })
}

// search looks up a name with an unusual spelling, or that does not exist. Its error has
// no similar names.
func search[T structure](r *Registry, s *index[T], name string) (T, error) {
	var none T
	if s.byKey == nil {
		return none, &Error{Op: dialect.OpLookup, Err: errZero()}
	}
	n, err := dialect.ParseName(name)
	if err != nil {
		return none, &Error{Op: dialect.OpLookup, Err: err}
	}
	if n.Schema == "" && r.schema != "" {
		if t, ok := s.get(dialect.Name{Schema: r.schema, Name: n.Name}); ok {
			return t, nil
		}
	}
	if t, ok := s.get(n); ok {
		return t, nil
	}
	if n.Schema == "" {
		n.Schema = r.schema
	}
	if limit := r.access.server.MaxNameBytes; limit > 0 && max(len(n.Schema), len(n.Name)) > limit {
		return none, fail(dialect.OpLookup, n, fmt.Errorf("%w: a part of the name is %d bytes long; the server's limit is %d",
			dialect.ErrInvalid, max(len(n.Schema), len(n.Name)), limit))
	}
	return none, fail(dialect.OpLookup, n, notFound(r, s, n))
}

// errZero returns the error of a zero Registry, which a zero DB contains.
func errZero() error {
	return fmt.Errorf("%w: nothing was loaded; call Load", dialect.ErrInvalid)
}

// A NotFoundReason says why a name was not found.
type NotFoundReason int

// The reasons, from the least specific.
const (
	// ReasonUnknown means that nothing with the name was loaded.
	ReasonUnknown NotFoundReason = iota
	// ReasonOtherKind means that another object has the name: a structure of another
	// kind, a plain view, or a table. A load sees only tables that own a sequence or
	// whose primary key draws on one.
	ReasonOtherKind
	// ReasonKindExcluded means that structures of the kind were not loaded.
	ReasonKindExcluded
	// ReasonOffSearchPath means that the structure's schema is not on the search path.
	ReasonOffSearchPath
	// ReasonHidden means that an object in an earlier schema of the search path has the
	// same name.
	ReasonHidden
	// ReasonExcluded means that a pattern excludes the structure.
	ReasonExcluded
	// ReasonKeySequence means that a primary key draws on the sequence, and such
	// sequences were not loaded.
	ReasonKeySequence
	// ReasonUnreadable means that the name, a label or a column of the structure is not
	// UTF-8.
	ReasonUnreadable
	// ReasonNoMatch means that a pattern matches no loaded structure.
	ReasonNoMatch
)

// String returns the reason in words: "off the search path".
func (r NotFoundReason) String() string {
	switch r {
	case ReasonOtherKind:
		return "another kind"
	case ReasonKindExcluded:
		return "kind not loaded"
	case ReasonOffSearchPath:
		return "off the search path"
	case ReasonHidden:
		return "hidden"
	case ReasonExcluded:
		return "excluded by a pattern"
	case ReasonKeySequence:
		return "a key's sequence"
	case ReasonUnreadable:
		return "not UTF-8"
	case ReasonNoMatch:
		return "no match"
	default:
		return "unknown"
	}
}

// A NotFoundError says why a lookup did not find a name, and which structures exist
// instead. It wraps [dialect.ErrNotFound]. Its text names at most five structures and
// takes at most [dialect.MaxText] bytes.
type NotFoundError struct {
	Kind   dialect.Kind // the kind that was looked up
	Name   dialect.Name // the name that was looked up; without a schema if it was a bare name
	Reason NotFoundReason
	Exists []dialect.Name // the structures that the reason is about, for example the hidden ones
	// Near has at most three structures of the kind with similar names, the most similar
	// first. If a load misses many structures, only the first hundred errors have it.
	Near []dialect.Name

	detail string
}

func (e *NotFoundError) Error() string {
	text := e.Kind.String() + " " + dialect.ErrNotFound.Error()
	if e.detail != "" {
		text += ": " + e.detail
	}
	if len(e.Near) > 0 {
		text += "; did you mean " + dialect.Few(e.Near, " or ", dialect.Name.String) + "?"
	}
	return dialect.Cut(text, dialect.MaxText)
}

// Unwrap returns [dialect.ErrNotFound].
func (e *NotFoundError) Unwrap() error { return dialect.ErrNotFound }

func notFound[T structure](r *Registry, s *index[T], n dialect.Name) *NotFoundError {
	e := &NotFoundError{Kind: s.kind, Name: n}
	e.Reason, e.Exists, e.detail = reason(r, s, n)
	return e
}

// answersTo reports whether a name, as a program writes it, means the object.
func answersTo(o *dialect.Object, n dialect.Name) bool {
	return o.Name == n || n.Schema == "" && o.Name.Name == n.Name && o.Visible
}

func reason[T structure](r *Registry, s *index[T], n dialect.Name) (NotFoundReason, []dialect.Name, string) {
	if !r.filter.Has(s.kind) {
		return ReasonKindExcluded, nil, "that kind was not loaded: the option Only excludes it"
	}
	for _, o := range r.excluded {
		if o.Kind == s.kind && answersTo(o.object, n) {
			return excludedReason(o)
		}
	}
	if n.Schema == "" {
		var hidden, off []dialect.Name
		var hiding []*dialect.Object
		for _, t := range s.sorted() {
			switch o := t.object(); {
			case o.Name.Name != n.Name:
			case slices.Contains(r.searchPath, o.Name.Schema):
				hidden, hiding = append(hidden, o.Name), append(hiding, o)
			default:
				off = append(off, o.Name)
			}
		}
		if len(hidden) > 0 {
			return ReasonHidden, hidden, dialect.Few(hiding, "; ", func(o *dialect.Object) string {
				return fmt.Sprintf("%s is hidden by %s, which comes before it on the search path; look it up as %[1]s",
					o.Name, cmp.Or(o.HiddenBy, "something of that name"))
			})
		}
		if len(off) > 0 {
			verb := "exists, but its schema is"
			if len(off) > 1 {
				verb = "exist, but their schemas are"
			}
			return ReasonOffSearchPath, off, fmt.Sprintf("%s %s not on the search path (%s); look it up with its schema",
				dialect.Few(off, ", ", dialect.Name.String), verb, dialect.Few(r.searchPath, ", ", strings.Clone))
		}
		for _, o := range r.excluded {
			if o.Kind == s.kind && o.Name.Name == n.Name {
				return excludedReason(o)
			}
		}
	}
	if kind, o := otherKind(r, s.kind, n); o != nil {
		return ReasonOtherKind, []dialect.Name{o.Name}, article(kind) + " of that name exists"
	}
	for _, o := range r.excluded {
		if answersTo(o.object, n) {
			return ReasonOtherKind, []dialect.Name{o.Name}, fmt.Sprintf("%s of that name was not loaded: %s", article(o.Kind), o.why())
		}
	}
	if names := r.plainViews(n); len(names) > 0 {
		return ReasonOtherKind, names, "a plain view of that name exists: " + dialect.Few(names, ", ", dialect.Name.String)
	}
	if names := r.tables(n); len(names) > 0 {
		return ReasonOtherKind, names, "a table of that name exists: " + dialect.Few(names, ", ", dialect.Name.String)
	}
	if n.Schema != "" && n.Schema == r.schema && !r.holds(n.Schema) {
		return ReasonUnknown, nil, fmt.Sprintf("nothing was loaded from schema %s", dialect.Name{Name: n.Schema})
	}
	return ReasonUnknown, nil, ""
}

// holds reports whether the registry has a structure in the schema.
func (r *Registry) holds(schema string) bool {
	return holds(&r.matviews, schema) || holds(&r.enums, schema) || holds(&r.sequences, schema)
}

func holds[T structure](s *index[T], schema string) bool {
	return slices.ContainsFunc(s.sorted(), func(t T) bool { return t.object().Name.Schema == schema })
}

// Match returns the names of the loaded structures of a kind that a pattern matches, by
// schema and name. With [Registry.InSchema], a pattern without a schema matches names in
// that schema only.
func (r *Registry) Match(k dialect.Kind, p dialect.Pattern) []dialect.Name {
	switch k {
	case dialect.KindMatview:
		return matching(r, &r.matviews, p)
	case dialect.KindEnum:
		return matching(r, &r.enums, p)
	default:
		return matching(r, &r.sequences, p)
	}
}

func matching[T structure](r *Registry, s *index[T], p dialect.Pattern) (names []dialect.Name) {
	for _, t := range s.sorted() {
		n := t.object().Name
		if p.Match(n) && (r.schema == "" || p.HasSchema() || n.Schema == r.schema) {
			names = append(names, n)
		}
	}
	return names
}

// NoMatch returns the error of a pattern that matches no loaded structure of a kind.
func NoMatch(k dialect.Kind, p dialect.Pattern) *NotFoundError {
	n, _ := dialect.ParseName(p.String())
	return &NotFoundError{Kind: k, Name: n, Reason: ReasonNoMatch, detail: "nothing that was loaded matches the pattern " + dialect.Cut(p.String(), dialect.MaxText/8)}
}

// means reports whether a name, as a program writes it, may mean the relation. A bare
// name means relations in the schemas of the search path.
func (r *Registry) means(n, relation dialect.Name) bool {
	return n.Name == relation.Name && (n.Schema == relation.Schema || n.Schema == "" && slices.Contains(r.searchPath, relation.Schema))
}

// plainViews returns the plain views that a name may mean.
func (r *Registry) plainViews(n dialect.Name) (found []dialect.Name) {
	for _, v := range r.views {
		if r.means(n, v.Name) {
			found = append(found, v.Name)
		}
	}
	slices.SortFunc(found, dialect.Name.Compare)
	return found
}

// tables returns the tables that a name may mean. A load sees only tables whose column
// owns a sequence, or whose primary key draws on one.
func (r *Registry) tables(n dialect.Name) (found []dialect.Name) {
	add := func(c *dialect.ColumnRef) {
		if c != nil && r.means(n, c.Table) {
			found = append(found, c.Table)
		}
	}
	for _, s := range r.sequences.sorted() {
		add(s.def.OwnedBy)
		add(s.def.KeyOf)
	}
	for _, o := range r.excluded {
		add(o.KeyOf)
	}
	slices.SortFunc(found, dialect.Name.Compare)
	return slices.Compact(found)
}

func excludedReason(o Excluded) (NotFoundReason, []dialect.Name, string) {
	names := []dialect.Name{o.Name}
	if o.KeyOf != nil {
		return ReasonKeySequence, names, fmt.Sprintf("%s was not loaded: %s; load it with WithKeySequences()", o.Name, o.why())
	}
	return o.reason, names, fmt.Sprintf("%s was not loaded: %s", o.Name, o.why())
}

// otherKind returns the first structure of another kind that has the name, or nil.
func otherKind(r *Registry, k dialect.Kind, n dialect.Name) (dialect.Kind, *dialect.Object) {
	if m, ok := r.matviews.get(n); ok && k != dialect.KindMatview {
		return dialect.KindMatview, m.object()
	}
	if e, ok := r.enums.get(n); ok && k != dialect.KindEnum {
		return dialect.KindEnum, e.object()
	}
	if s, ok := r.sequences.get(n); ok && k != dialect.KindSequence {
		return dialect.KindSequence, s.object()
	}
	return 0, nil
}

func article(k dialect.Kind) string {
	if k == dialect.KindEnum {
		return "an " + k.String()
	}
	return "a " + k.String()
}

// near returns the names of at most three structures that are similar to n, the most
// similar first.
func near[T structure](r *Registry, n dialect.Name, all []T) (names []dialect.Name) {
	text := func(t T) string { return t.object().Name.Name }
	further := func(t T) int {
		switch {
		case n.Schema == "" || n.Schema == t.object().Name.Schema:
			return 0
		case n.Schema == r.schema:
			return len(n.Name) // another tenant's structure is no suggestion
		default:
			return 1 // the same name in another schema is similar
		}
	}
	for _, t := range nearest(n.Name, all, text, further) {
		names = append(names, t.object().Name)
	}
	return names
}

// nearest returns at most three items, the nearest first. An item's distance is the edit
// distance between its text and wanted, without regard to letter case, plus further. It
// is at most a third of wanted's length.
func nearest[T any](wanted string, all []T, text func(T) string, further func(T) int) (items []T) {
	const most = 3
	type candidate struct {
		item     T
		distance int
	}
	wanted = strings.ToLower(wanted)
	limit := max(1, len(wanted)/3)
	var found []candidate
	for _, t := range all {
		s := text(t)
		if d := len(s) - len(wanted); d > limit || -d > limit {
			continue
		}
		if d := distance(wanted, strings.ToLower(s)) + further(t); d <= limit {
			found = append(found, candidate{t, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	for _, c := range found[:min(most, len(found))] {
		items = append(items, c.item)
	}
	return items
}

// distance returns the Levenshtein distance between two strings, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
