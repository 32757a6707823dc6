// Package registry holds the materialized views, enums and sequences that were loaded
// from a database, and runs their operations.
//
// A [Registry] is one immutable snapshot. Any number of goroutines may read it without a
// lock. Its lookups return a [Matview], [Enum] or [Sequence], which always describes that
// snapshot. Their operations find the structure in the database by name. They go through
// the registry's dialect and querier; [Registry.On] returns a registry with another
// querier.
//
// Programs get registries from package massive. The functions of this package are for
// package massive and for dialects' tests.
package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/contexts"
	"github.com/massivedb/massive-go/internal/querier"
)

// A Registry is one snapshot of a database's structures. It is safe for concurrent use.
// The zero value is not usable: its lookups return [dialect.ErrInvalid]. Call [Load] or
// [New].
type Registry struct {
	snapshot
	access access
	moved  bool   // the snapshot's structures have another access
	schema string // resolves bare names before the search path; empty for none
}

// A snapshot is shared by registries that differ only in their querier.
type snapshot struct {
	sign          dialect.Sign
	searchPath    []string
	filter        dialect.Filter
	matviews      index[*matview]
	enums         index[*enum]
	sequences     index[*sequence]
	numbered      []*dialect.SequenceDef // the sequences, and those of primary keys
	excluded      []Excluded
	views         []dialect.ViewDef     // the plain views
	excludedViews []*dialect.MatviewDef // excluded by a pattern, but part of the graph and of plans
	network       func() *network       // which view reads which, computed on first use
}

// An access is the way from a structure to the database.
type access struct {
	dialect  dialect.Dialect
	querier  dialect.Querier
	server   dialect.Server // of the load
	recorder *Recorder      // may be nil
}

var (
	_ dialect.Querier = (*sqlx.DB)(nil)
	_ dialect.Querier = (*sqlx.Conn)(nil)
	_ dialect.Querier = (*sqlx.Tx)(nil)
)

// check returns an error if the querier or the dialect is nil, or an interface with a nil
// pointer.
func (a *access) check() error {
	if querier.IsNil(a.querier) {
		return fmt.Errorf("%w: the database is nil; pass a *sql.DB, a connection or a transaction", dialect.ErrInvalid)
	}
	if querier.IsNil(a.dialect) {
		return fmt.Errorf("%w: the dialect is nil; pass a dialect, for example postgres.New()", dialect.ErrInvalid)
	}
	return nil
}

// A Selection selects structures of a catalog for a registry. The zero Selection selects
// all structures except the sequences of primary keys.
type Selection struct {
	dialect.Filter
	KeySequences bool // also select the sequences of primary keys
	// Recorder records and reports the refreshes of the registry's views. If it is nil,
	// nothing is recorded.
	Recorder *Recorder
}

// Load loads the catalog of the database behind q and returns a registry of it. Errors:
// those of [dialect.Dialect].Load, as an [*Error]; [dialect.ErrInvalid] if an argument is
// nil.
func Load(ctx context.Context, q dialect.Querier, d dialect.Dialect, sel Selection) (*Registry, error) {
	cat, err := LoadCatalog(ctx, q, d, sel.Filter, dialect.OpLoad)
	if err != nil {
		return nil, err
	}
	return New(cat, sel, d, q), nil
}

// LoadCatalog loads the catalog of the database behind q. Op is the operation that an
// [*Error] names. Errors: as for [Load].
func LoadCatalog(ctx context.Context, q dialect.Querier, d dialect.Dialect, f dialect.Filter, op dialect.Op) (*dialect.Catalog, error) {
	a := &access{dialect: d, querier: q}
	if err := cmp.Or(contexts.Check(ctx), a.check()); err != nil {
		return nil, fail(op, dialect.Name{}, err)
	}
	cat, err := d.Load(ctx, q, f)
	if err != nil {
		return nil, explain(ctx, a, dialect.Failure{Op: op, Err: err})
	}
	if cat == nil {
		return nil, fail(op, dialect.Name{}, fmt.Errorf("the %s dialect returned neither a catalog nor an error", d.Name()))
	}
	return cat, nil
}

// New returns a registry of the catalog and takes ownership of it. Operations go through
// d and q.
func New(cat *dialect.Catalog, sel Selection, d dialect.Dialect, q dialect.Querier) *Registry {
	r := &Registry{access: access{d, q, cat.Server, sel.Recorder}}
	s := &r.snapshot
	s.sign, s.searchPath, s.filter, s.views = cat.Sign, cat.SearchPath, sel.Filter, cat.Views

	s.network = sync.OnceValue(func() *network { return newNetwork(cat.Matviews, cat.Views, sel.Filter) })
	// The structures of a kind are elements of one slice: thousands take few allocations.
	matviews, listed := make([]*matview, 0, len(cat.Matviews)), make([]matview, len(cat.Matviews))
	for i := range cat.Matviews {
		if def := &cat.Matviews[i]; s.takes(dialect.KindMatview, &def.Object, unreadableView(def)) {
			listed[i] = matview{def, &r.access, s.network}
			matviews = append(matviews, &listed[i])
		} else if s.filter.Has(dialect.KindMatview) {
			s.excludedViews = append(s.excludedViews, def)
		}
	}
	enums, listedEnums := make([]*enum, 0, len(cat.Enums)), make([]enum, len(cat.Enums))
	for i := range cat.Enums {
		if def := &cat.Enums[i]; s.takes(dialect.KindEnum, &def.Object, unreadableEnum(def)) {
			listedEnums[i] = enumOf(def, nil, &r.access)
			enums = append(enums, &listedEnums[i])
		}
	}
	sequences, listedSequences := make([]*sequence, 0, len(cat.Sequences)), make([]sequence, len(cat.Sequences))
	s.numbered = make([]*dialect.SequenceDef, 0, len(cat.Sequences))
	for i := range cat.Sequences {
		def := &cat.Sequences[i]
		switch {
		case !s.takes(dialect.KindSequence, &def.Object, unreadable(def.Name)):
		case def.KeyOf != nil && !sel.KeySequences:
			s.numbered = append(s.numbered, def)
			s.exclude(dialect.KindSequence, &def.Object, ReasonKeySequence, "", def.KeyOf)
		default:
			s.numbered = append(s.numbered, def)
			listedSequences[i] = sequence{def, &r.access}
			sequences = append(sequences, &listedSequences[i])
		}
	}
	var indexed sync.WaitGroup
	indexed.Go(func() { s.matviews = newIndex(dialect.KindMatview, matviews) })
	indexed.Go(func() { s.enums = newIndex(dialect.KindEnum, enums) })
	s.sequences = newIndex(dialect.KindSequence, sequences)
	indexed.Wait()
	slices.SortFunc(s.excluded, func(a, b Excluded) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return a.Name.Compare(b.Name)
	})
	return r
}

// takes reports whether the filter selects a structure. If it doesn't, takes records the
// exclusion. Unreadable says why no statement can name the structure, or is empty.
func (s *snapshot) takes(k dialect.Kind, o *dialect.Object, unreadable string) bool {
	if !s.filter.Has(k) {
		return false
	}
	if why, omitted := s.filter.Excludes(o.Name); omitted {
		s.exclude(k, o, ReasonExcluded, "it is "+why, nil)
		return false
	}
	if unreadable != "" {
		s.exclude(k, o, ReasonUnreadable, unreadable, nil)
		return false
	}
	return true
}

func (s *snapshot) exclude(k dialect.Kind, o *dialect.Object, reason NotFoundReason, why string, key *dialect.ColumnRef) {
	s.excluded = append(s.excluded, Excluded{Kind: k, Name: o.Name, Why: why, KeyOf: key, object: o, reason: reason})
}

// An Excluded is a structure that exists in the database and is not in the registry.
type Excluded struct {
	Kind  dialect.Kind
	Name  dialect.Name
	Why   string             // in words: "it is the key sequence of public.orders.id", "it is excluded by *.tmp_*"
	KeyOf *dialect.ColumnRef // the primary-key column that draws on the sequence; nil if the reason is another one

	object *dialect.Object
	reason NotFoundReason
}

// why returns the reason in words. For key sequences, which are many, it builds the text
// on demand.
func (o *Excluded) why() string {
	if o.KeyOf != nil {
		return "it is the key sequence of " + o.KeyOf.String()
	}
	return o.Why
}

// On returns a registry that shares r's snapshot and runs operations through q, for
// example a transaction. A lookup in it allocates the structure that it returns. If q is
// nil, lookups work and operations return [dialect.ErrInvalid].
func (r *Registry) On(q dialect.Querier) *Registry {
	return &Registry{
		snapshot: r.snapshot, access: access{r.access.dialect, q, r.access.server, r.access.recorder.forked()}, moved: true, schema: r.schema,
	}
}

// InSchema returns a registry that shares r's snapshot and resolves bare names in that
// schema first, and then along the search path. If the schema is empty, bare names are
// resolved along the search path only.
func (r *Registry) InSchema(schema string) *Registry {
	return &Registry{snapshot: r.snapshot, access: r.access, moved: r.moved, schema: schema}
}

// Server returns the server and session that the snapshot was loaded from.
func (r *Registry) Server() dialect.Server { return r.access.server }

// SearchPath returns the schemas that bare names are resolved along, in order. The slice
// is the caller's.
func (r *Registry) SearchPath() []string {
	if r.schema == "" {
		return slices.Clone(r.searchPath)
	}
	return slices.Concat([]string{r.schema}, r.searchPath)
}

// Matview returns the materialized view of that name. A bare name is resolved along the
// search path, as the database does. In schema.name, put double quotes around a part that
// contains a dot or a quote. Names are exact: Daily is not daily.
//
// Errors: [dialect.ErrNotFound], as a [*NotFoundError] with the reason;
// [dialect.ErrInvalid] for a malformed name.
func (r *Registry) Matview(name string) (Matview, error) {
	m, err := find(r, &r.matviews, name)
	if err != nil {
		return nil, err
	}
	return r.matview(m), nil
}

// Enum returns the enum of that name. Names and errors are as for [Registry.Matview].
func (r *Registry) Enum(name string) (Enum, error) {
	e, err := find(r, &r.enums, name)
	if err != nil {
		return nil, err
	}
	return r.enum(e), nil
}

// Sequence returns the sequence of that name. Names and errors are as for
// [Registry.Matview].
func (r *Registry) Sequence(name string) (Sequence, error) {
	s, err := find(r, &r.sequences, name)
	if err != nil {
		return nil, err
	}
	return r.sequence(s), nil
}

// Matviews returns all materialized views in the registry, by schema and name. The slice
// is the caller's.
func (r *Registry) Matviews() []Matview {
	all := make([]Matview, len(r.matviews.sorted()))
	for i, m := range r.matviews.sorted() {
		all[i] = r.matview(m)
	}
	return all
}

// Enums returns all enums in the registry, by schema and name. The slice is the caller's.
func (r *Registry) Enums() []Enum {
	all := make([]Enum, len(r.enums.sorted()))
	for i, e := range r.enums.sorted() {
		all[i] = r.enum(e)
	}
	return all
}

// Sequences returns all sequences in the registry, by schema and name. The slice is the
// caller's.
func (r *Registry) Sequences() []Sequence {
	all := make([]Sequence, len(r.sequences.sorted()))
	for i, s := range r.sequences.sorted() {
		all[i] = r.sequence(s)
	}
	return all
}

// Excluded returns the structures that exist and were not loaded, by kind, schema and
// name. Each has its reason: it is a sequence of a primary key, the filter's patterns
// exclude it, or its name, a label or a column is not UTF-8. The last reason occurs in
// databases with the encoding SQL_ASCII; the name then has the database's bytes.
// Structures of kinds that the filter does not select are not in the list. The slice is
// the caller's.
func (r *Registry) Excluded() []Excluded {
	all := slices.Clone(r.excluded)
	for i := range all {
		all[i].Why, all[i].KeyOf = all[i].why(), clone(all[i].KeyOf)
	}
	return all
}

// UnmatchedPatterns returns the filter's patterns that match no structure of the loaded
// kinds, as they were written. The patterns of Include come first.
func (r *Registry) UnmatchedPatterns() (unmatched []string) {
	for _, p := range slices.Concat(r.filter.Include, r.filter.Exclude) {
		if !matches(p, &r.matviews) && !matches(p, &r.enums) && !matches(p, &r.sequences) &&
			!slices.ContainsFunc(r.excluded, func(o Excluded) bool { return p.Match(o.Name) }) {
			unmatched = append(unmatched, p.String())
		}
	}
	return unmatched
}

func matches[T structure](p dialect.Pattern, s *index[T]) bool {
	return slices.ContainsFunc(s.sorted(), func(t T) bool { return p.Match(t.object().Name) })
}

func (r *Registry) matview(m *matview) Matview {
	if r.moved {
		return &matview{m.def, &r.access, m.network}
	}
	return m
}

func (r *Registry) enum(e *enum) Enum {
	if r.moved {
		moved := *e
		moved.access = &r.access
		return &moved
	}
	return e
}

func (r *Registry) sequence(s *sequence) Sequence {
	if r.moved {
		return &sequence{s.def, &r.access}
	}
	return s
}

// AppendLocalLabels returns a registry whose enum of that name has the given labels after
// its own. It changes neither r nor the database. Errors: [dialect.ErrNotFound];
// [dialect.ErrLabelExists]; [dialect.ErrInvalid] for a label that no enum can have.
func (r *Registry) AppendLocalLabels(name string, labels ...string) (*Registry, error) {
	e, err := find(r, &r.enums, name)
	if err != nil {
		return nil, err
	}
	longer, err := e.append(labels, r.access.server.MaxNameBytes)
	if err != nil {
		return nil, fail(dialect.OpAppend, e.def.Name, err)
	}
	return r.replace(e, longer), nil
}

// replace returns the registry with by in the place of e.
func (r *Registry) replace(e, by *enum) *Registry {
	enums := slices.Clone(r.enums.sorted())
	enums[slices.Index(enums, e)] = by
	return r.with(enums)
}

// with returns the registry with other enums.
func (r *Registry) with(enums []*enum) *Registry {
	s := r.snapshot
	s.enums = newIndex(dialect.KindEnum, enums)
	return &Registry{snapshot: s, access: r.access, moved: r.moved, schema: r.schema}
}
