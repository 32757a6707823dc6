package conformance

// Databases that lack a kind of structure, and catalogs reduced to what a database can
// hold.

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

var allKinds = []dialect.Kind{dialect.KindMatview, dialect.KindEnum, dialect.KindSequence}

// check returns an error if the harness is invalid.
func (h Harness) check() error {
	for _, k := range h.LacksKinds {
		if !slices.Contains(allKinds, k) {
			return fmt.Errorf("conformance: Harness.LacksKinds contains Kind(%d), which does not exist", int(k))
		}
	}
	if !slices.ContainsFunc(allKinds, func(k dialect.Kind) bool { return !h.lacksKind(k) }) {
		return errors.New("conformance: Harness.LacksKinds contains all kinds, so that nothing is left to test")
	}
	for _, o := range h.Lacks {
		if _, ok := operationKinds[o]; !ok {
			return fmt.Errorf("conformance: Harness.Lacks contains %q, which is not an operation; use the constants of type Operation", o)
		}
	}
	return nil
}

func (h Harness) lacksKind(k dialect.Kind) bool { return slices.Contains(h.LacksKinds, k) }

func (h Harness) lacks(o Operation) bool {
	return slices.Contains(h.Lacks, o) || h.lacksKind(operationKinds[o])
}

// kindsOf returns the kinds of structure in the catalog. Plain views count as
// materialized ones.
func kindsOf(c sqltest.Catalog) (kinds []dialect.Kind) {
	for k, n := range map[dialect.Kind]int{
		dialect.KindMatview: len(c.Matviews) + len(c.Views), dialect.KindEnum: len(c.Enums), dialect.KindSequence: len(c.Sequences),
	} {
		if n > 0 {
			kinds = append(kinds, k)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// without returns the catalog without the structures of these kinds.
func without(c sqltest.Catalog, kinds []dialect.Kind) sqltest.Catalog {
	for _, k := range kinds {
		switch k {
		case dialect.KindMatview:
			c.Matviews, c.Views = nil, nil
		case dialect.KindEnum:
			c.Enums = nil
		case dialect.KindSequence:
			c.Sequences = nil
		}
	}
	return c
}

// held reduces the catalog of a rule, or of a change, to what the database can hold.
func (h Harness) held(c sqltest.Catalog) sqltest.Catalog {
	c = without(c, h.LacksKinds)
	if h.lacks(CreateLedger) {
		c.Ledgers = nil
	}
	c.Ledgers = slices.Clone(c.Ledgers)
	for i := range c.Ledgers {
		c.Ledgers[i].NoteOthers = c.Ledgers[i].NoteOthers && !h.NoNoteOthers
	}
	if h.OneSchemaPath && len(c.SearchPath) > 1 {
		c.SearchPath = c.SearchPath[len(c.SearchPath)-1:]
	}
	taken := map[string]bool{}
	unnamed := func(name string) bool {
		folded := strings.ToLower(name)
		there := taken[folded]
		taken[folded] = true
		if unquoted, err := dialect.ParseName(name); err == nil {
			name = unquoted.Schema + unquoted.Name
		}
		return h.FoldsCase && there || strings.ContainsAny(name, h.NamesLack)
	}
	c.Matviews = slices.DeleteFunc(slices.Clone(c.Matviews), func(v sqltest.Matview) bool { return unnamed(v.Name) })
	clear(taken)
	c.Enums = slices.DeleteFunc(slices.Clone(c.Enums), func(e sqltest.Enum) bool { return unnamed(e.Name) })
	for i := range c.Enums {
		e := &c.Enums[i]
		if h.NoEmptyEnums && len(e.Labels) == 0 {
			e.Labels = []string{"only"}
		}
		e.UsedBy = slices.DeleteFunc(slices.Clone(e.UsedBy), func(u sqltest.EnumColumn) bool {
			return h.EnumColumns == EnumColumnsSelf || h.EnumColumns == EnumColumnsPlain && (u.Array || u.Domain != "")
		})
	}
	clear(taken)
	c.Sequences = slices.DeleteFunc(slices.Clone(c.Sequences), func(s sqltest.Sequence) bool { return unnamed(s.Name) })
	for i := range c.Sequences {
		h.hold(&c.Sequences[i])
	}
	if !h.NoRights {
		return c
	}
	for i := range c.Matviews {
		c.Matviews[i].NotOwned = false
	}
	for i := range c.Enums {
		c.Enums[i].NotOwned = false
	}
	c.Ledgers = slices.Clone(c.Ledgers)
	for i := range c.Ledgers {
		c.Ledgers[i].NotOwned = false
	}
	for i := range c.Sequences {
		c.Sequences[i].Rights = nil
	}
	return c
}

// hold changes a sequence so that the database can hold it.
func (h Harness) hold(s *sqltest.Sequence) {
	if widest, ok := widths[s.Type]; ok && h.SequenceType != "" {
		if s.Increment < 0 {
			s.Min = cmp.Or(s.Min, -widest-1)
		} else {
			s.Max = cmp.Or(s.Max, widest)
		}
		s.Type = ""
	}
	s.Start, s.Min, s.Max = h.clamp(s.Start), h.clamp(s.Min), h.clamp(s.Max)
	s.Holds = slices.Clone(s.Holds)
	for i, v := range s.Holds {
		s.Holds[i] = h.clamp(v)
	}
	if h.Caches == NoCache {
		s.Cache = 0
	}
	if h.NoOwners && s.OwnedBy != "" {
		s.OwnedBy = ""
		if s.KeyOf == "" && len(s.Feeds) == 0 {
			s.Holds = nil
		}
	}
}

// widths has the greatest value of each type that some databases lack.
var widths = map[string]int64{"smallint": math.MaxInt16, "integer": math.MaxInt32}

// clamp returns the nearest value that a sequence can return.
func (h Harness) clamp(v int64) int64 {
	return min(max(v, cmp.Or(h.MinValue, math.MinInt64)), cmp.Or(h.MaxValue, math.MaxInt64))
}

// holds reports whether the database has structures of the kind that an open transaction
// can block others from.
func (c *check) holds(k dialect.Kind) bool {
	return c.has(k) && (k != dialect.KindSequence || c.harness.Restarts != MovesFree)
}

// nothingHolds returns a reason to skip a rule about waiting. With views, the rule's
// catalog has views besides sequences.
func nothingHolds(views bool) func(h Harness) string {
	return func(h Harness) string {
		return iff(h.Restarts == MovesFree && (!views || h.lacksKind(dialect.KindMatview)),
			"Harness.Restarts is MovesFree: a restart blocks no other session")
	}
}

// has reports whether the database has the kind. Rules that adapt call it.
func (c *check) has(k dialect.Kind) bool { return !c.harness.lacksKind(k) }

// there removes the lines about kinds that the database lacks. A line begins with its
// kind, or with the first letter of its kind.
func (c *check) there(lines ...string) []string {
	return slices.DeleteFunc(lines, func(line string) bool {
		return slices.ContainsFunc(c.harness.LacksKinds, func(k dialect.Kind) bool {
			return strings.HasPrefix(line, k.String()+" ") || strings.HasPrefix(line, k.String()[:1]+" ")
		})
	})
}

// something returns a change that creates a structure of that name, of a kind that the
// database has.
func (c *check) something(name string) (makes sqltest.Create, kind dialect.Kind) {
	switch {
	case c.has(dialect.KindSequence):
		return sqltest.Create{Sequences: []sqltest.Sequence{{Name: name}}}, dialect.KindSequence
	case c.has(dialect.KindEnum):
		return sqltest.Create{Enums: []sqltest.Enum{{Name: name}}}, dialect.KindEnum
	default:
		return sqltest.Create{Matviews: []sqltest.Matview{{Name: name, Rows: []number{{1}}}}}, dialect.KindMatview
	}
}

// A holding is a database that fails a rule which creates a structure of a kind that its
// catalog lacks: the catalog defines which kinds the rule needs.
type holding struct {
	Database
	c *check
}

func (h holding) Do(t testing.TB, changes ...sqltest.Change) {
	t.Helper()
	changes = slices.Clone(changes)
	for i, change := range changes {
		create, ok := change.(sqltest.Create)
		if !ok {
			continue
		}
		changes[i] = sqltest.Create(h.c.harness.held(sqltest.Catalog(create)))
		for _, k := range kindsOf(sqltest.Catalog(create)) {
			if !slices.Contains(kindsOf(h.c.rule.catalog), k) || !h.c.has(k) {
				t.Fatalf("the suite is wrong: rule %s creates a structure of kind %s, which its catalog does not have", h.c.rule.name, k)
			}
		}
	}
	h.Database.Do(t, changes...)
}

const kindsSay = "Load returns structures of each kind that the database has, and none " +
	"of a kind in Harness.LacksKinds. Lookups and bulk operations of a lacking kind " +
	"return an error"

// counted returns how many structures of each kind a catalog has.
func counted(cat *dialect.Catalog) map[dialect.Kind]int {
	return map[dialect.Kind]int{
		dialect.KindMatview: len(cat.Matviews), dialect.KindEnum: len(cat.Enums), dialect.KindSequence: len(cat.Sequences),
	}
}

// wantNoneLacking checks that no structure of a lacking kind was loaded.
func (c *check) wantNoneLacking(m *massive.DB) {
	c.Helper()
	for _, k := range c.harness.LacksKinds {
		n := map[dialect.Kind]int{
			dialect.KindMatview: len(m.Matviews()), dialect.KindEnum: len(m.Enums()), dialect.KindSequence: len(m.Sequences()),
		}[k]
		for _, o := range m.Excluded() {
			if o.Kind == k {
				n++
			}
		}
		if n > 0 {
			c.Fatalf("%s\n\tgot %d loaded structures of kind %s, want 0, since Harness.LacksKinds contains the kind", kindsSay, n, k)
		}
	}
}

// checkKinds checks loads, lookups and bulk operations of each kind. checkCapabilities
// checks operations on one structure.
func checkKinds(c *check) {
	loaded := func(what string, cat *dialect.Catalog, only ...dialect.Kind) {
		c.Helper()
		for k, n := range counted(cat) {
			want := 0
			if c.has(k) && (len(only) == 0 || slices.Contains(only, k)) {
				want = 1
			}
			c.want(fmt.Sprintf("the number of structures of kind %s that %s returns", k, what), n, want)
		}
	}
	d, q := c.db.Dialect(), c.db.DB()
	cat, err := d.Load(c.Context(), q, dialect.Filter{})
	c.ok(err)
	loaded("Load", cat)
	for _, k := range allKinds {
		m := c.load(massive.Only(k))
		c.want(fmt.Sprintf("a load with Only(%s) has its one structure", k), len(listed(m)) == 1, c.has(k))
	}
	for _, k := range c.harness.LacksKinds {
		cat, err := d.Load(c.Context(), q, dialect.Filter{Kinds: []dialect.Kind{k}})
		c.ok(err)
		loaded(fmt.Sprintf("Load of only kind %s", k), cat, k)
		for _, name := range []string{"v", "mood", "s", "public.s", "other"} {
			c.missing(k, name)
		}
	}
	drifts := func(e massive.Expectation) {
		c.Helper()
		err := c.m.Verify(c.Context(), e)
		if !errors.Is(err, massive.ErrDrift) || !errors.Is(err, massive.ErrNotFound) {
			c.Errorf("%s\n\tVerify of an expectation of a lacking kind: got error %v, want one that wraps ErrDrift and ErrNotFound", c.rule.says, err)
		}
	}
	if !c.has(dialect.KindMatview) {
		_, err := c.m.PlanRefresh(massive.Views("v"))
		c.fails(err, massive.ErrNotFound)
		c.want("the number of nodes in the graph", len(c.m.Graph().Nodes), 0)
		drifts(massive.RowsAre[number]("v"))
	}
	if !c.has(dialect.KindEnum) {
		_, err := massive.BindEnum[string](c.m, "mood")
		c.fails(err, massive.ErrNotFound)
		c.fails(c.m.AppendLocalLabels("mood", "new"), massive.ErrNotFound)
		drifts(massive.EnumIs("mood", []string{"sad"}))
	}
	if !c.has(dialect.KindSequence) {
		_, err := c.m.Exhaustion(c.Context())
		c.fails(err, massive.ErrUnsupported)
	}
}

// missing looks up a structure of a kind that the database lacks.
func (c *check) missing(k dialect.Kind, name string) {
	c.Helper()
	_, err := map[dialect.Kind]func(string) (any, error){
		dialect.KindMatview:  func(n string) (any, error) { return c.m.Matview(n) },
		dialect.KindEnum:     func(n string) (any, error) { return c.m.Enum(n) },
		dialect.KindSequence: func(n string) (any, error) { return c.m.Sequence(n) },
	}[k](name)
	c.fails(err, massive.ErrNotFound, k.String()+" not found")
	var missing *massive.NotFoundError
	if !errors.As(err, &missing) || missing.Kind != k || missing.Reason != massive.ReasonUnknown && missing.Reason != massive.ReasonOtherKind {
		c.Errorf("%s\n\tlooking up %s %s: got %v, want a *massive.NotFoundError of that kind with ReasonUnknown or ReasonOtherKind", c.rule.says, k, name, err)
	}
}
