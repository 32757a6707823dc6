package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

// sale is a row with columns of several types.
type sale struct {
	Shop  int64
	Day   string
	Total float64
	Paid  bool
	Note  *string
}

func loadRules() []rule {
	return []rule{
		loadOrder(),
		loadMatviews(),
		loadEnums(),
		loadSequences(),
		loadKeys(),
		loadFilters(),
		loadRights(),
		reloadChanges(),
	}
}

func loadOrder() rule {
	return rule{
		name:   "load/order",
		says:   "A load lists structures by kind, then schema, then name, in byte order",
		adapts: true,
		catalog: sqltest.Catalog{
			Matviews:  []sqltest.Matview{{Name: "b.v"}, {Name: "a.w"}, {Name: "a.V"}, {Name: "v"}},
			Enums:     []sqltest.Enum{{Name: "b.e"}, {Name: "a.e"}, {Name: "e"}},
			Sequences: []sqltest.Sequence{{Name: "z"}, {Name: "Z"}, {Name: "a.s"}},
		},
		check: func(c *check) {
			want := c.there(
				`m a."V"`, "m a.w", "m b.v", "m public.v", "e a.e", "e b.e", "e public.e", "s a.s", `s public."Z"`, "s public.z",
			)
			if c.harness.FoldsCase {
				want = slices.DeleteFunc(want, func(line string) bool { return line == `s public."Z"` })
			}
			c.want("the structures", listed(c.m), want)
		},
	}
}

func loadMatviews() rule {
	return rule{
		name: "load/matviews",
		says: "Load returns each materialized view with its columns in order, its " +
			"indexes, its comment, and whether it is populated",
		catalog: sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "sales", Comment: "it's by day", Rows: []sale{{1, "monday", 9.5, true, nil}}, Unique: []string{"shop", "day"}},
			{Name: "empty", Rows: []number{}, Unpopulated: true},
		}},
		check: func(c *check) {
			v := c.matview("sales")
			c.want("name", v.Name(), dialect.Name{Schema: "public", Name: "sales"})
			// The names of types and indexes depend on the database.
			var columns []string
			types := map[string]string{}
			for _, column := range v.Columns() {
				columns = append(columns, column.Name)
				types[column.Name] = column.Type
			}
			c.want("columns", columns, []string{"shop", "day", "total", "paid", "note"})
			c.want("a column has no type", slices.ContainsFunc(v.Columns(), func(c dialect.Column) bool { return c.Type == "" }), false)
			c.want("a number column has the type of a text column", types["shop"] == types["day"], false)
			c.want("the type of the other text column", types["note"], types["day"])
			indexes := v.Indexes()
			c.want("the number of indexes", len(indexes), 1)
			for i := range indexes {
				c.want("an index has a name", indexes[i].Name != "", true)
				indexes[i].Name = ""
			}
			c.want("indexes", indexes, []dialect.Index{{Columns: []string{"shop", "day"}, Unique: true}})
			c.want("comment", v.Comment(), "it's by day")
			c.want("populated", v.Populated(), true)
			if c.can(RefreshMatview) {
				c.want("MayRefresh", v.MayRefresh(), true)
			}
			c.want("populated, of a view created without data", c.matview("empty").Populated(), false)
			c.want("the number of indexes of a view without any", len(c.matview("empty").Indexes()), 0)
		},
	}
}

func loadEnums() rule {
	return rule{
		name: "load/enums",
		says: "Load returns the labels of each enum in the order of the type. Enums of " +
			"the same name in different schemas keep their own labels",
		catalog: sqltest.Catalog{Enums: []sqltest.Enum{
			{Name: "mood", Labels: []string{"z", "y", "x", "a b", `it's "odd"`, `back\slash`, "{,}", "NULL"}, Comment: "how it goes"},
			{Name: "other.mood", Labels: []string{"one", "two"}}, {Name: "nothing"},
		}},
		check: func(c *check) {
			c.want("labels", c.enum("mood").Values(), []string{"z", "y", "x", "a b", `it's "odd"`, `back\slash`, "{,}", "NULL"})
			c.want("comment", c.enum("mood").Comment(), "how it goes")
			c.want("the labels of the enum in the other schema", c.enum("other.mood").Values(), []string{"one", "two"})
			if !c.harness.NoEmptyEnums {
				c.want("the number of labels of an enum without any", c.enum("nothing").Len(), 0)
			}
			c.db.Do(c, sqltest.AddLabel{Enum: "mood", Label: "between", Before: "y"}, sqltest.AddLabel{Enum: "mood", Label: "last"})
			_, err := c.m.Reload(c.Context())
			c.ok(err)
			c.want("the labels after two were added", c.enum("mood").Values(),
				[]string{"z", "between", "y", "x", "a b", `it's "odd"`, `back\slash`, "{,}", "NULL", "last"})
		},
	}
}

func loadSequences() rule {
	return rule{
		name: "load/sequences",
		says: "Load returns each sequence with its type, start, increment, bounds, " +
			"cache, cycle flag and owning column",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "plain"},
			{Name: "down", Increment: -1},
			{Name: "small", Type: "smallint", Increment: -5, Min: -100, Max: 100, Start: 50, Cache: 20, Cycle: true, Comment: "odd"},
			{Name: "zero", Exactly: &sqltest.Range{Min: 0, Max: 9, Start: 0}},
			{Name: "owned", Type: "integer", OwnedBy: "orders.no"},
		}},
		check: func(c *check) {
			at := &dialect.ColumnRef{Table: dialect.Name{Schema: "public", Name: "orders"}, Column: "no"}
			if c.harness.NoOwners {
				at = nil
			}
			for name, want := range map[string]dialect.SequenceDef{
				"plain": {Type: "bigint", Start: 1, Increment: 1, Min: 1, Max: math.MaxInt64, Cache: 1},
				"down":  {Type: "bigint", Start: -1, Increment: -1, Min: math.MinInt64, Max: -1, Cache: 1},
				"small": {Type: "smallint", Start: 50, Increment: -5, Min: -100, Max: 100, Cache: 20, Cycle: true},
				"zero":  {Type: "bigint", Start: 0, Increment: 1, Min: 0, Max: 9, Cache: 1},
				"owned": {Type: "integer", Start: 1, Increment: 1, Min: 1, Max: math.MaxInt32, Cache: 1, OwnedBy: at},
			} {
				got := c.sequence(name).Def()
				got.Object, got.Rights = dialect.Object{}, dialect.SequenceRights{}
				want.Type, want.Min, want.Max = cmp.Or(c.harness.SequenceType, want.Type), c.harness.clamp(want.Min), c.harness.clamp(want.Max)
				if c.harness.Caches == NoCache {
					want.Cache = 1
				}
				c.want(name, got, want)
			}
			c.want("comment", c.sequence("small").Comment(), "odd")
		},
	}
}

func loadKeys() rule {
	return rule{
		name: "load/keys",
		says: "A load excludes sequences that feed primary keys, and names the key " +
			"column of each. WithKeySequences includes them",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{
			{Name: "free"}, {Name: "key", KeyOf: "orders.id"}, {Name: "plain", OwnedBy: "orders.no"}, {Name: "far.key", KeyOf: "lines.id"},
		}},
		check: func(c *check) {
			c.want("the sequences", listed(c.m), []string{"s public.free", "s public.plain"})
			left := []string{}
			for _, o := range c.m.Excluded() {
				left = append(left, fmt.Sprint(o.Name, " ", o.KeyOf, " ", o.Why))
			}
			c.want("the excluded sequences", left, []string{
				"far.key public.lines.id it is the key sequence of public.lines.id",
				"public.key public.orders.id it is the key sequence of public.orders.id",
			})
			_, err := c.m.Sequence("key")
			c.fails(err, massive.ErrNotFound, "key sequence of public.orders.id")
			all := c.load(massive.WithKeySequences())
			c.want("the number of sequences with WithKeySequences", len(all.Sequences()), 4)
			if c.can(NextSequenceValue) {
				c.next(sequenceOf(c, all, "far.key"), 1, 2)
			}
		},
	}
}

func loadFilters() rule {
	return rule{
		name: "load/filters",
		says: "Only, Include and Exclude select the structures that are loaded. Excluded " +
			"lists the structures that Include and Exclude filtered out",
		adapts: true,
		catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{{Name: "stats.daily"}, {Name: "stats.tmp_daily"}, {Name: "other"}},
			Enums:    []sqltest.Enum{{Name: "stats.mood"}, {Name: "tmp_mood"}}, Sequences: []sqltest.Sequence{{Name: "stats.no"}, {Name: "tmp_no"}},
		},
		check: func(c *check) {
			m := c.load(massive.Include("stats.*"), massive.Exclude("tmp_*"))
			c.want("the structures that match Include and not Exclude", listed(m), c.there("m stats.daily", "e stats.mood", "s stats.no"))
			left := []string{}
			for _, o := range m.Excluded() {
				left = append(left, fmt.Sprint(o.Kind, " ", o.Name))
			}
			c.want("the excluded structures", left, c.there(
				"materialized view public.other", "materialized view stats.tmp_daily", "enum public.tmp_mood", "sequence public.tmp_no",
			))
			if c.has(massive.KindMatview) {
				_, err := m.Matview("stats.tmp_daily")
				c.fails(err, massive.ErrNotFound, "excluded by tmp_*")
			}
			m = c.load(massive.Only(massive.KindEnum, massive.KindSequence))
			c.want("the structures with Only", listed(m), c.there("e public.tmp_mood", "e stats.mood", "s public.tmp_no", "s stats.no"))
			_, err := m.Matview("other")
			c.fails(err, massive.ErrNotFound, "that kind was not loaded")
		},
	}
}

func loadRights() rule {
	return rule{
		name: "load/rights",
		says: "The loaded rights match the database: an operation that they allow " +
			"succeeds, and any other returns ErrPermission",
		adapts: true,
		catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{{Name: "theirs", Rows: []number{{1}}, NotOwned: true}, {Name: "ours", Rows: []number{{1}}}},
			Sequences: []sqltest.Sequence{
				{Name: "all"}, {Name: "none", Rights: &dialect.SequenceRights{}}, {Name: "read", Rights: &dialect.SequenceRights{Read: true}},
				{Name: "next", Rights: &dialect.SequenceRights{Next: true}},
			},
		},
		check: checkRights,
	}
}

func reloadChanges() rule {
	return rule{
		name: "reload/changes",
		says: "Reload returns each structure that was added, removed or changed, by kind " +
			"and name",
		adapts: true,
		catalog: sqltest.Catalog{
			Matviews: []sqltest.Matview{{Name: "v"}}, Enums: []sqltest.Enum{{Name: "mood", Labels: []string{"a"}}}, Sequences: []sqltest.Sequence{{Name: "old"}, {Name: "stays"}},
		},
		check: func(c *check) {
			var before massive.Enum
			if c.has(massive.KindEnum) {
				before = c.enum("mood")
				c.db.Do(c, sqltest.AddLabel{Enum: "mood", Label: "b"})
			}
			if c.has(massive.KindSequence) {
				c.db.Do(c, sqltest.Drop{Name: "old"}, sqltest.Create{Sequences: []sqltest.Sequence{{Name: "new"}}})
			}
			if c.has(massive.KindMatview) {
				c.db.Do(c, sqltest.Rename{Name: "v", To: "w"})
			}
			changes, err := c.m.Reload(c.Context())
			c.ok(err)
			c.want("the changes", sprint(changes), c.there(
				"materialized view public.v removed", "materialized view public.w added",
				"enum public.mood changed: "+c.relabelled(`["a"]`, `["a" "b"]`), "sequence public.new added", "sequence public.old removed",
			))
			c.want("the structures", listed(c.m), c.there("m public.w", "e public.mood", "s public.new", "s public.stays"))
			if before != nil {
				c.want("the labels of a handle from before", before.Values(), []string{"a"})
			}
			changes, err = c.m.Reload(c.Context())
			c.ok(err)
			c.want("the number of changes of a second reload", len(changes), 0)
		},
	}
}

func nameRules() []rule {
	return []rule{
		namesPath(),
		namesOdd(),
		namesBad(),
	}
}

func namesPath() rule {
	return rule{
		name: "names/path",
		says: "A bare name resolves to the first structure of that name along the search " +
			"path. A table earlier in the path hides the structure. Looking up a plain " +
			"view as a materialized view reports a plain view of that name",
		adapts: true,
		unless: func(h Harness) string {
			return iff(h.OneSchemaPath, "Harness.OneSchemaPath is set")
		},
		catalog: sqltest.Catalog{
			SearchPath: []string{"first", "second"},
			Tables:     []string{"first.hidden", "first.mood"},
			Matviews:   []sqltest.Matview{{Name: "first.v"}, {Name: "second.v"}, {Name: "second.hidden"}, {Name: "off.away"}},
			Views:      []sqltest.View{{Name: "second.plain"}, {Name: "off.reader", Reads: []string{"off.away"}}},
			Enums:      []sqltest.Enum{{Name: "second.mood"}, {Name: "second.seen"}},
			Sequences:  []sqltest.Sequence{{Name: "second.s"}, {Name: "off.s"}},
		},
		check: func(c *check) {
			c.want("the search path", c.m.SearchPath(), []string{"first", "second"})
			reason := func(err error, want registry.NotFoundReason, says ...string) {
				c.Helper()
				c.fails(err, massive.ErrNotFound, says...)
				var missing *massive.NotFoundError
				if !errors.As(err, &missing) || missing.Reason != want {
					c.Errorf("%s\n\tgot error %v, want a *massive.NotFoundError with reason %d", c.rule.says, err, want)
				}
			}
			if c.has(massive.KindMatview) {
				c.want("a view that is in both schemas", c.matview("v").Name().String(), "first.v")
				c.want("a view named with its schema", c.matview("off.away").Name().String(), "off.away")
				if c.harness.KindsApart {
					c.want("a view that has the name of a table", c.matview("hidden").Name().String(), "second.hidden")
				} else {
					_, err := c.m.Matview("hidden")
					reason(err, massive.ReasonHidden, "second.hidden is hidden by ", "first.hidden")
				}
				_, err := c.m.Matview("away")
				reason(err, massive.ReasonOffSearchPath, "off.away exists")
				_, err = c.m.Matview("hiden")
				reason(err, massive.ReasonUnknown, "did you mean second.hidden?")
				_, err = c.m.Matview("plain")
				reason(err, massive.ReasonOtherKind, "a plain view of that name exists: second.plain")
				_, err = c.m.Matview("off.reader")
				reason(err, massive.ReasonOtherKind, "a plain view of that name exists: off.reader")
				_, err = c.m.Sequence("v")
				reason(err, massive.ReasonOtherKind, "a materialized view of that name exists")
			}
			if c.has(massive.KindEnum) {
				c.want("an enum in the second schema", c.enum("seen").Name().String(), "second.seen")
			}
			if c.has(massive.KindEnum) && c.harness.KindsApart {
				c.want("an enum that has the name of a table", c.enum("mood").Name().String(), "second.mood")
			} else if c.has(massive.KindEnum) {
				_, err := c.m.Enum("mood")
				reason(err, massive.ReasonHidden, "second.mood is hidden by ", "first.mood")
			}
			if c.has(massive.KindSequence) {
				c.want("a sequence in the second schema", c.sequence("s").Name().String(), "second.s")
			}
		},
	}
}

func namesOdd() rule {
	return rule{
		name: "names/special",
		says: "Lookups and operations work for names with any characters, and of any " +
			"length that the server allows",
		adapts: true, each: true,
		catalog: sqltest.Catalog{
			Sequences: []sqltest.Sequence{
				{Name: `"it's"`}, {Name: `"with.dot"`}, {Name: `"say ""hi"""`}, {Name: `back\slash`}, {Name: "UPPER"}, {Name: `"ünï 名前"`},
				{Name: "select"}, {Name: "with space"}, {Name: `"odd.schema"."$1"`},
			},
			Enums:    []sqltest.Enum{{Name: `"it's"."a ""mood\"`, Labels: []string{"sad"}}},
			Matviews: []sqltest.Matview{{Name: `"o'dd"."v""iew\"`, Rows: []number{{4}}, Unique: []string{"n"}}},
		},
		check: checkOddNames,
	}
}

func namesBad() rule {
	return rule{
		name:    "names/bad",
		says:    "Looking up a name that is malformed or too long returns ErrInvalid",
		catalog: sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}},
		check: func(c *check) {
			bad := []string{"", `""`, ".s", "s.", "a.b.c", `"s`, `s"x"`, `"s"x`, "s\x00"}
			longest := c.m.Server().MaxNameBytes
			if longest > 0 {
				bad = append(bad, strings.Repeat("s", longest+1), strings.Repeat("s", longest+1)+".s")
			} else {
				longest = 1000
			}
			for _, name := range bad {
				_, err := c.m.Sequence(name)
				c.fails(err, massive.ErrInvalid)
			}
			_, err := c.m.Sequence(strings.Repeat("s", longest))
			c.fails(err, massive.ErrNotFound)
		},
	}
}

// checkRights checks the rights for the operations that the dialect has. It need not load
// the other rights.
func checkRights(c *check) {
	allowed := func(what string, right bool, loaded bool, err error) {
		c.Helper()
		right = right || c.harness.NoRights
		c.want("the loaded right for "+what, loaded, right)
		if right {
			c.ok(err)
			return
		}
		c.fails(err, massive.ErrPermission)
	}
	if c.has(massive.KindMatview) && c.can(RefreshMatview) {
		for name, right := range map[string]bool{"theirs": false, "ours": true} {
			v := c.matview(name)
			_, err := v.Refresh(c.Context())
			allowed("a refresh of "+name, right, v.MayRefresh(), err)
		}
	}
	if !c.has(massive.KindSequence) {
		return
	}
	all := dialect.SequenceRights{Read: true, Next: true, Set: true, Restart: true}
	for name, right := range map[string]dialect.SequenceRights{"all": all, "none": {}, "read": {Read: true}, "next": {Next: true}} {
		s := c.sequence(name)
		loaded := s.Def().Rights
		if c.can(SequenceState) {
			_, err := s.State(c.Context())
			allowed("reading "+name, right.Read, loaded.Read, err)
		}
		if c.can(NextSequenceValue) {
			_, err := s.NextValue(c.Context())
			allowed("taking a value of "+name, right.Next, loaded.Next, err)
		}
		if c.can(RestartSequence) {
			allowed("a restart of "+name, right.Restart, loaded.Restart, s.Restart(c.Context()))
		}
		if c.can(SetSequenceValue) {
			allowed("a set of "+name, right.Set, loaded.Set, s.SetValue(c.Context(), 5, false))
		}
	}
}

// checkOddNames runs every operation that the dialect has on structures of unusual names.
func checkOddNames(c *check) {
	longest := c.m.Server().MaxNameBytes
	if longest == 0 {
		longest = cmp.Or(c.harness.MaxNameLength, 200) // 200 if there is no limit
	}
	makes, kind := c.something(strings.Repeat("n", longest))
	want := append(listed(c.m), kind.String()[:1]+" public."+strings.Repeat("n", longest))
	c.db.Do(c, makes)
	_, err := c.m.Reload(c.Context())
	c.ok(err)
	got := listed(c.m)
	slices.Sort(got)
	slices.Sort(want)
	c.want(fmt.Sprintf("the structures, with a new %s whose name has %d bytes", kind, longest), got, want)
	for _, s := range c.m.Sequences() {
		again := c.sequence(s.Name().Quoted())
		c.want("the structure found by its quoted name", again.Name(), s.Name())
		if c.can(SequenceState) {
			c.state(again, 1, false)
		}
		if c.can(NextSequenceValue) {
			c.next(again, 1, 2)
		}
		if c.can(RestartSequence) {
			c.ok(again.ResetTo(c.Context(), 7))
		}
		if c.can(NextSequenceValue, RestartSequence) {
			c.next(again, 7)
		}
		if c.can(NextSequenceValues) {
			_, err := again.NextValues(c.Context(), 2)
			c.ok(err)
		}
		if c.can(NextSequenceBlock) {
			_, err := again.NextBlock(c.Context())
			c.ok(err)
		}
		if c.can(SetSequenceValue) {
			c.ok(again.SetValue(c.Context(), 70, false))
		}
	}
	for _, v := range c.m.Matviews() {
		again := c.matview(v.Name().Quoted())
		c.want("the structure found by its quoted name", again.Name(), v.Name())
		if c.can(RefreshMatview) {
			_, err := again.Refresh(c.Context())
			c.ok(err)
			if len(v.Indexes()) > 0 {
				_, err = again.Refresh(c.Context(), massive.Concurrently())
				c.ok(err)
			}
		}
		if c.can(SelectMatview) {
			c.want("the number of its rows", len(c.numbers(again)), 1)
		}
		if c.can(MatviewDefinition) {
			_, err := again.Definition(c.Context())
			c.ok(err)
		}
	}
	for _, e := range c.m.Enums() {
		again := c.enum(e.Name().Quoted())
		c.want("the structure found by its quoted name", again.Name(), e.Name())
		if c.can(EnumColumns) {
			_, err := again.UsedBy(c.Context())
			c.ok(err)
		}
		bound, err := massive.BindEnum[string](c.m, e.Name().Quoted())
		c.ok(err)
		if c.can(AddEnumLabel) {
			c.ok(bound.AddValue(c.Context(), "ok"))
		}
		if labels := bound.Values(); c.can(RenameEnumLabel) && len(labels) > 0 {
			c.ok(bound.RenameValue(c.Context(), labels[0], "renamed"))
		}
	}
}

// relabelled returns the text of a reload's change for an enum that got labels.
func (c *check) relabelled(from, to string) string {
	text := "labels " + from + " → " + to
	if c.harness.LabelsRecreate {
		text = "recreated; " + text
	}
	return text
}
