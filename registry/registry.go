// Package registry holds what was loaded from a database: its materialized views, enums and sequences, found by
// name, each with its operations.
//
// A [Registry] is one snapshot. It never changes, takes no lock, and any number of goroutines may read it. The [Matview],
// [Enum] and [Sequence] values that it returns belong to it for ever. Their operations go to the database by name, through
// the registry's dialect and querier, or through another querier by [Registry.On].
//
// Programs that use the library get registries from package massive.
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

// A Registry is one snapshot of a database's structures. It is safe for concurrent use. The zero value is not usable; call
// [Load] or [New]. Its lookups return [dialect.ErrInvalid].
type Registry struct {
	snapshot
	access access
	moved  bool // access is not the one that the snapshot's structures were made with
}

// A snapshot is what registries share that differ only in their querier.
type snapshot struct {
	sign          dialect.Sign
	searchPath    []string
	filter        dialect.Filter
	matviews      index[*matview]
	enums         index[*enum]
	sequences     index[*sequence]
	excluded      []Excluded
	views         []dialect.ViewDef     // plain ones
	excludedViews []*dialect.MatviewDef // left out; the graph and plans go by them all the same
	network       func() *network       // which views read which, made when it is first asked for
}

// An access is how a structure's operations reach the database.
type access struct {
	dialect dialect.Dialect
	querier dialect.Querier
	server  dialect.Server // the one that they were loaded from
}

var (
	_ dialect.Querier = (*sqlx.DB)(nil)
	_ dialect.Querier = (*sqlx.Conn)(nil)
	_ dialect.Querier = (*sqlx.Tx)(nil)
)

// check says what is missing. It sees a nil pointer behind an interface, too.
func (a *access) check() error {
	if querier.IsNil(a.querier) {
		return fmt.Errorf("%w: the database is nil; pass a *sql.DB, a connection or a transaction", dialect.ErrInvalid)
	}
	if querier.IsNil(a.dialect) {
		return fmt.Errorf("%w: the dialect is nil; pass one, such as postgres.New()", dialect.ErrInvalid)
	}
	return nil
}

// A Selection says which structures of a catalog a registry takes. The zero value takes all but the sequences of primary
// keys.
type Selection struct {
	dialect.Filter
	KeySequences bool // take the sequences of primary keys, too
}

// Load asks the dialect for the catalog of the database behind q and makes a registry of it.
func Load(ctx context.Context, q dialect.Querier, d dialect.Dialect, sel Selection) (*Registry, error) {
	cat, err := LoadCatalog(ctx, q, d, sel.Filter, dialect.OpLoad)
	if err != nil {
		return nil, err
	}
	return New(cat, sel, d, q), nil
}

// LoadCatalog asks the dialect for the catalog of the database behind q. The op is what an [*Error] says was being done.
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

// New returns a registry of a catalog, which it takes over. Its structures work through d and q.
func New(cat *dialect.Catalog, sel Selection, d dialect.Dialect, q dialect.Querier) *Registry {
	r := &Registry{access: access{d, q, cat.Server}}
	s := &r.snapshot
	s.sign, s.searchPath, s.filter, s.views = cat.Sign, cat.SearchPath, sel.Filter, cat.Views

	s.network = sync.OnceValue(func() *network { return newNetwork(cat.Matviews, cat.Views, sel.Filter) })
	// Structures are parts of one list of each kind, so that thousands cost few allocations.
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
	for i := range cat.Sequences {
		def := &cat.Sequences[i]
		switch {
		case !s.takes(dialect.KindSequence, &def.Object, unreadable(def.Name)):
		case def.KeyOf != nil && !sel.KeySequences:
			s.exclude(dialect.KindSequence, &def.Object, ReasonKeySequence, "", def.KeyOf)
		default:
			listedSequences[i] = sequence{def, &r.access}
			sequences = append(sequences, &listedSequences[i])
		}
	}
	s.matviews = newIndex(dialect.KindMatview, matviews)
	s.enums = newIndex(dialect.KindEnum, enums)
	s.sequences = newIndex(dialect.KindSequence, sequences)
	slices.SortFunc(s.excluded, func(a, b Excluded) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return a.Name.Compare(b.Name)
	})
	return r
}

// takes applies the filter to a structure that may be unreadable, and notes what is left out.
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

// An Excluded is a structure that exists and is not in the registry.
type Excluded struct {
	Kind  dialect.Kind
	Name  dialect.Name
	Why   string             // in words: "it is the key sequence of public.orders.id", "it is excluded by *.tmp_*"
	KeyOf *dialect.ColumnRef // the primary-key column whose sequence it is; nil for another reason

	object *dialect.Object
	reason NotFoundReason
}

// why says why. The reason of a key sequence, of which there are many, is written when somebody asks.
func (o *Excluded) why() string {
	if o.KeyOf != nil {
		return "it is the key sequence of " + o.KeyOf.String()
	}
	return o.Why
}

// On returns a registry that shares the snapshot and runs operations through q, a transaction or a connection. A lookup in
// it allocates the structure that it returns. If q is nil, lookups work and operations return [dialect.ErrInvalid].
func (r *Registry) On(q dialect.Querier) *Registry {
	return &Registry{snapshot: r.snapshot, access: access{r.access.dialect, q, r.access.server}, moved: true}
}

// Server returns what the snapshot was loaded from.
func (r *Registry) Server() dialect.Server { return r.access.server }

// SearchPath returns the schemas that bare names were resolved along, in order. The slice is the caller's.
func (r *Registry) SearchPath() []string { return slices.Clone(r.searchPath) }

// Matview returns the materialized view of that name. A bare name is resolved along the search path, as the database does.
// In schema.name, put a part that holds a dot or a quote into double quotes. Names are exact: Daily is not daily. Errors:
// [dialect.ErrNotFound], as a [*NotFoundError] that says why; [dialect.ErrInvalid].
func (r *Registry) Matview(name string) (Matview, error) {
	m, err := find(r, &r.matviews, name)
	if err != nil {
		return nil, err
	}
	return r.matview(m), nil
}

// Enum returns the enum of that name, as [Registry.Matview] does.
func (r *Registry) Enum(name string) (Enum, error) {
	e, err := find(r, &r.enums, name)
	if err != nil {
		return nil, err
	}
	return r.enum(e), nil
}

// Sequence returns the sequence of that name, as [Registry.Matview] does.
func (r *Registry) Sequence(name string) (Sequence, error) {
	s, err := find(r, &r.sequences, name)
	if err != nil {
		return nil, err
	}
	return r.sequence(s), nil
}

// Matviews returns all materialized views in the registry, by schema and name. The slice is the caller's.
func (r *Registry) Matviews() []Matview {
	all := make([]Matview, len(r.matviews.sorted))
	for i, m := range r.matviews.sorted {
		all[i] = r.matview(m)
	}
	return all
}

// Enums returns all enums in the registry, by schema and name. The slice is the caller's.
func (r *Registry) Enums() []Enum {
	all := make([]Enum, len(r.enums.sorted))
	for i, e := range r.enums.sorted {
		all[i] = r.enum(e)
	}
	return all
}

// Sequences returns all sequences in the registry, by schema and name. The slice is the caller's.
func (r *Registry) Sequences() []Sequence {
	all := make([]Sequence, len(r.sequences.sorted))
	for i, s := range r.sequences.sorted {
		all[i] = r.sequence(s)
	}
	return all
}

// Excluded returns the structures that exist and were not loaded, each with the reason, by kind, schema and name: sequences
// of primary keys, those that the filter's patterns exclude, and those with a name, label or column that is not UTF-8. The
// last kind exists in databases with the encoding SQL_ASCII; such a name has the bytes of the database. Structures of
// excluded kinds are not among them. The slice is the caller's.
func (r *Registry) Excluded() []Excluded {
	all := slices.Clone(r.excluded)
	for i := range all {
		all[i].Why, all[i].KeyOf = all[i].why(), clone(all[i].KeyOf)
	}
	return all
}

// UnmatchedPatterns returns the filter's patterns that match no structure of the kinds
// that were loaded, as they were written, those to include first.
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
	return slices.ContainsFunc(s.sorted, func(t T) bool { return p.Match(t.object().Name) })
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

// AppendLocalLabels returns a registry whose enum of that name has further labels at its end. The receiver does not change.
// Errors: [dialect.ErrNotFound]; [dialect.ErrLabelExists]; [dialect.ErrInvalid] for a label that no enum can have.
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

// replace is the registry with another enum in the place of one of its own.
func (r *Registry) replace(e, by *enum) *Registry {
	enums := slices.Clone(r.enums.sorted)
	enums[slices.Index(enums, e)] = by
	return r.with(enums)
}

// with returns the registry with these enums.
func (r *Registry) with(enums []*enum) *Registry {
	s := r.snapshot
	s.enums = newIndex(dialect.KindEnum, enums)
	return &Registry{snapshot: s, access: r.access, moved: r.moved}
}
