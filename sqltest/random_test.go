package sqltest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// Random operations of three sessions on random catalogs have the same outcomes on the
// fake and on Postgres. MASSIVE_RANDOM_OPERATIONS is the number of operations.
func TestRandom(t *testing.T) {
	t.Parallel()
	operations := 300
	if testrun.All() {
		operations = 3000
	}
	if text := os.Getenv("MASSIVE_RANDOM_OPERATIONS"); text != "" {
		var err error
		if operations, err = strconv.Atoi(text); err != nil {
			t.Fatalf("MASSIVE_RANDOM_OPERATIONS: %v", err)
		}
	}
	// Creating a catalog takes as long as fifty steps.
	noError(t, flag.Set("rapid.steps", "100"))
	var total tally
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			sv := newServer(t)
			var mine tally
			for mine.operations < operations/2 {
				rapid.Check(t, func(rt *rapid.T) {
					if mine.operations < operations/2 || mine.different {
						random(t, rt, sv, driver, &mine)
					}
				})
			}
			total.add(&mine)
		})
	}
	t.Cleanup(func() {
		if !t.Failed() && !t.Skipped() && total.operations > 0 {
			t.Logf("%d operations, 0 differences\n%s", total.operations, &total)
		}
	})
}

// A tally counts operations by their outcome.
type tally struct {
	mu         sync.Mutex
	operations int
	outcomes   map[string]int
	different  bool // rapid is shrinking a difference
}

func (c *tally) count(st step, o outcome) {
	c.operations++
	if c.outcomes == nil {
		c.outcomes = map[string]int{}
	}
	what := "done"
	switch {
	case o == blocked:
		what = o.text
	case o.state != "":
		what = o.state
	case strings.HasPrefix(o.text, "massive: "):
		what = "not looked up"
	}
	c.outcomes[string(st.do)+": "+what]++
}

func (c *tally) add(d *tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.operations += d.operations
	if c.outcomes == nil {
		c.outcomes = map[string]int{}
	}
	for what, n := range d.outcomes {
		c.outcomes[what] += n
	}
}

func (c *tally) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c.outcomes)) {
		fmt.Fprintf(&b, "%7d %s\n", c.outcomes[what], what)
	}
	return b.String()
}

// random takes random steps on both sides, and stops at a difference.
func random(t *testing.T, rt *rapid.T, sv *server, driver string, total *tally) {
	g := &generator{rt: rt}
	c := g.catalog()
	opts, said := g.options(c)
	fake, real := fakeSide(t, c, opts...), sv.side(t, driver, c, opts...)
	defer real.close()
	defer fake.close()
	g.major = real.m.Server().Major
	trace := show(c) + "\n" + said
	rt.Repeat(map[string]func(*rapid.T){"step": func(rt *rapid.T) {
		g.rt = rt
		st, ok := g.step()
		if !ok {
			return
		}
		want, got := both(fake, real, st)
		trace += fmt.Sprintf("\n%v → %v", st, want)
		total.count(st, want)
		g.note(st, want)
		if !got.same(want) {
			total.different = true
			rt.Fatalf("%s\nthe fake:\n%v\nPostgres:\n%v", trace, got, want)
		}
	}})
}

// both takes a step on the fake and on Postgres.
func both(fake, real *side, st step) (want, got outcome) {
	got = fake.take(st, 0)
	patience := 100 * time.Millisecond
	if got == blocked {
		patience = 0
	}
	return real.take(st, patience), got
}

// A generator draws a catalog, and then steps that are possible on it.
type generator struct {
	rt    *rapid.T
	major int // of Postgres

	onViews bool // most structures and steps are views
	records bool // refreshes are recorded in a ledger

	kinds map[dialect.Name]kind
	rows  map[dialect.Name]int            // the shape of a view's rows
	reads map[dialect.Name][]dialect.Name // the views that a view reads
	empty map[dialect.Name]bool           // views that may be unpopulated, or read one that may be
	owned map[dialect.Name]dialect.Name   // the sequence that a table owns
	known []string                        // names that a structure has or had
	made  int                             // the number of generated tables and labels
	holds map[dialect.Name]map[int64]bool // the values in a table's column

	sessions [3]txn
}

// A txn is a session's transaction. Its names have no schema, since some schemas are not
// known.
type txn struct {
	inTx    bool
	failed  bool            // it may have failed
	touched map[string]bool // structures on which it may hold a lock
	stale   map[string]bool // structures that changed since it began
	marks   []string        // the names of its savepoints
}

// A kind is a kind of structure.
type kind int

const (
	isTable kind = iota
	isView
	isPlain // view
	isEnum
	isSequence
)

// one draws true with probability 1/n.
func (g *generator) one(n int) bool { return rapid.IntRange(0, n-1).Draw(g.rt, "one") == n-1 }

func draw[T any](g *generator, of ...T) T { return rapid.SampledFrom(of).Draw(g.rt, "of") }

// pools has the names for each kind. An enum and a sequence never share a name, since in
// Postgres 13 a sequence takes the name of a type, too.
var pools = [][]string{isTable: {"a", "b", "c"}, isView: {"a", "b", "c"}, isPlain: {"b", "v"}, isEnum: {"c", "d"}, isSequence: {"a", "b"}}

func (g *generator) catalog() sqltest.Catalog {
	g.kinds, g.rows, g.owned = map[dialect.Name]kind{}, map[dialect.Name]int{}, map[dialect.Name]dialect.Name{}
	g.holds = map[dialect.Name]map[int64]bool{}
	g.reads, g.empty = map[dialect.Name][]dialect.Name{}, map[dialect.Name]bool{}
	c := sqltest.Catalog{SearchPath: []string{}}
	g.add(&c, isView)
	g.add(&c, isSequence)
	g.add(&c, isEnum)
	g.onViews = g.one(2)
	if g.records = g.one(2); g.records {
		c.Ledgers = []sqltest.Ledger{{Schema: "log"}}
	}
	for range rapid.IntRange(0, 6).Draw(g.rt, "structures") {
		if g.onViews {
			g.add(&c, draw(g, isView, isView, isPlain))
			continue
		}
		g.add(&c, draw(g, isView, isSequence, isSequence, isView, isEnum, isTable, isPlain))
	}
	c.SearchPath = append(c.SearchPath, draw(g, []string{"public"}, []string{"app", "public"}, []string{"X.y", "app", "public"},
		[]string{"app"}, []string{}, []string{"public", "X.y", "public"})...)
	if g.one(8) {
		c.LockTimeout = soon
	}
	return c
}

// add draws a name, and a structure if the name is free.
func (g *generator) add(c *sqltest.Catalog, k kind) bool {
	n, ok := g.free(k)
	if !ok {
		return false
	}
	name := n.String()
	comment := draw(g, "", "it's")
	switch k {
	case isTable:
		c.Tables = append(c.Tables, name)
	case isView:
		c.Matviews = append(c.Matviews, g.view(n, comment))
	case isPlain:
		c.Views = append(c.Views, sqltest.View{Name: name, Reads: g.readsOf(n)})
	case isEnum:
		c.Enums = append(c.Enums, g.enum(n, comment))
	case isSequence:
		c.Sequences = append(c.Sequences, g.sequence(n, comment))
	}
	g.kinds[n] = k
	g.known = append(g.known, name)
	return true
}

// free draws a name that no relation and no type has.
func (g *generator) free(k kind) (dialect.Name, bool) {
	n := dialect.Name{Schema: draw(g, schemas...), Name: draw(g, pools[k]...)}
	_, taken := g.kinds[n]
	return n, !taken
}

// options draws the options of the load, and returns them also as text.
func (g *generator) options(c sqltest.Catalog) (opts []massive.LoadOption, said string) {
	if g.one(2) {
		opts, said = append(opts, massive.WithKeySequences()), said+" key sequences"
	}
	if g.records {
		opts, said = append(opts, massive.WithLedger("log")), said+" recording"
	}
	switch rapid.IntRange(0, 15).Draw(g.rt, "selection") {
	case 0:
		opts, said = append(opts, massive.Exclude("app.a", "b")), said+" excluding app.a and b"
	case 1:
		opts, said = append(opts, massive.Include("public.*", `"X.y".*`)), said+` including public.* and "X.y".*`
	case 2:
		for _, e := range c.Enums {
			if len(e.Labels) > 0 {
				opts = append(opts, massive.Expect(massive.EnumIs(e.Name, e.Labels, massive.AllowExtra())))
				said += " expecting " + e.Name
				break
			}
		}
	}
	return opts, "options:" + said
}

// readsOf draws the existing views that a view reads.
func (g *generator) readsOf(n dialect.Name) (names []string) {
	var views []dialect.Name
	for name, k := range g.kinds {
		if k == isView || k == isPlain {
			views = append(views, name)
		}
	}
	slices.SortFunc(views, dialect.Name.Compare)
	for range rapid.IntRange(0, 2).Draw(g.rt, "reads") {
		if len(views) == 0 {
			break
		}
		read := draw(g, views...)
		if !slices.Contains(g.reads[n], read) {
			g.reads[n] = append(g.reads[n], read)
			names = append(names, read.String())
		}
	}
	for _, read := range g.reads[n] {
		g.empty[n] = g.empty[n] || g.empty[read]
	}
	return names
}

// readers returns the views that read the view, directly or indirectly.
func (g *generator) readers(n dialect.Name) (all []dialect.Name) {
	for _, reader := range slices.SortedFunc(maps.Keys(g.reads), dialect.Name.Compare) {
		if slices.Contains(g.reads[reader], n) {
			all = append(append(all, reader), g.readers(reader)...)
		}
	}
	return all
}

// sources returns the views that the view reads, directly or indirectly.
func (g *generator) sources(n dialect.Name) (all []dialect.Name) {
	for _, read := range g.reads[n] {
		all = append(append(all, read), g.sources(read)...)
	}
	return all
}

func (g *generator) view(n dialect.Name, comment string) sqltest.Matview {
	shape := rapid.IntRange(0, 2).Draw(g.rt, "shape")
	g.rows[n] = shape
	v := sqltest.Matview{
		Name: n.String(), Comment: comment, Rows: g.someRows(shape), Unpopulated: g.one(4), NotOwned: g.one(8),
	}
	if shape < 2 {
		v.Unique = draw(g, nil, []string{"n"}, []string{"n"}, []string{"n", "s"}, []string{"s"})
	} else {
		v.Unique = draw(g, nil, []string{"t"}, []string{"f"}, []string{"b", "d"})
	}
	// A view can't be created with rows that violate its index.
	f := sqltest.New(sqltest.Catalog{Matviews: []sqltest.Matview{v}})
	if _, err := massive.Load(context.Background(), f.DB(), f); errors.Is(err, massive.ErrInvalid) {
		v.Unpopulated = true
	}
	if g.one(2) {
		v.Reads = g.readsOf(n)
	}
	v.Unpopulated = v.Unpopulated || g.empty[n]
	g.empty[n] = v.Unpopulated
	return v
}

func (g *generator) someRows(shape int) any {
	n := rapid.IntRange(0, 4).Draw(g.rt, "rows")
	number := func() int64 { return rapid.Int64Range(1, 3).Draw(g.rt, "n") }
	text := func() string { return draw(g, "x", "y", `it's "\`) }
	switch shape {
	case 0:
		rows := make([]pair, n)
		for i := range rows {
			rows[i] = pair{number(), text()}
		}
		return rows
	case 1:
		rows := make([]nullable, n)
		for i := range rows {
			if !g.one(3) {
				n := number()
				rows[i].N = &n
			}
			if !g.one(3) {
				s := text()
				rows[i].S = &s
			}
		}
		return rows
	default:
		rows := make([]wide, n)
		noon := time.Date(2024, 2, 29, 12, 0, 0, 1000, time.UTC)
		for i := range rows {
			rows[i] = wide{
				draw(g, 0, math.Copysign(0, -1), 1.5, math.NaN(), math.Inf(-1)),
				draw(g, noon, noon.In(time.FixedZone("", 3600)), noon.Add(time.Hour)), g.one(2), draw(g, []byte{}, nil, []byte{0, 255}),
			}
		}
		return rows
	}
}

func (g *generator) enum(n dialect.Name, comment string) sqltest.Enum {
	e := sqltest.Enum{
		Name: n.String(), Comment: comment, Labels: draw(g, nil, []string{"x"}, []string{"y", "x"}), NotOwned: g.one(8),
	}
	if g.one(2) {
		g.made++
		table := dialect.Name{Schema: n.Schema, Name: fmt.Sprint("t", g.made)}
		g.kinds[table] = isTable
		e.UsedBy = []sqltest.EnumColumn{{Column: table.String() + ".e"}, {Column: table.String() + ".es", Array: true}}
	}
	return e
}

func (g *generator) sequence(n dialect.Name, comment string) sqltest.Sequence {
	s := sqltest.Sequence{
		Name: n.String(), Comment: comment, Type: draw(g, "", "bigint", "integer", "smallint"),
		Increment: draw[int64](g, 1, 0, 2, -1, -3, 7, 30000), Cache: draw[int64](g, 0, 1, 2, 3, 5), Cycle: g.one(3),
	}
	if g.one(8) {
		s.Type, s.Increment = "bigint", draw[int64](g, math.MaxInt64, math.MinInt64, math.MaxInt64/2)
	}
	if g.one(2) {
		s.Min = draw[int64](g, 1, 3, -4, -20)
		s.Max = s.Min + rapid.Int64Range(1, 12).Draw(g.rt, "values")
		if s.Max == 0 {
			s.Max = 1
		}
		s.Start = draw(g, 0, s.Min, s.Max)
	} else if g.one(4) {
		s.Exactly = &sqltest.Range{Min: draw[int64](g, 0, -3), Max: draw[int64](g, 5, 2)}
		if s.Increment < 0 || g.one(3) {
			s.Exactly = &sqltest.Range{Min: draw[int64](g, -5, -2), Max: 0, Start: draw[int64](g, 0, -1)}
		}
	}
	if g.one(5) {
		s.Rights = &dialect.SequenceRights{Read: g.one(2), Next: g.one(2), Set: g.one(2), Restart: g.one(2)}
	}
	if g.one(4) {
		g.made++
		table := dialect.Name{Schema: n.Schema, Name: fmt.Sprint("t", g.made)}
		g.kinds[table] = isTable
		column := table.String() + ".id"
		if g.one(3) {
			s.KeyOf = column
		}
		s.ColumnType = draw(g, "", "integer", "smallint")
		g.holds[table] = map[int64]bool{}
		for range rapid.IntRange(0, 2).Draw(g.rt, "values") {
			if v := g.value(); !g.holds[table][v] {
				g.holds[table][v] = true
				s.Holds = append(s.Holds, v)
			}
		}
		if s.KeyOf == "" || g.one(2) {
			s.OwnedBy, g.owned[table] = column, n
			if s.Rights != nil {
				s.Rights.Restart = true // the owner of a table owns its sequence
			}
		}
	}
	for g.one(6) {
		g.made++
		table := dialect.Name{Schema: n.Schema, Name: fmt.Sprint("t", g.made)}
		g.kinds[table], g.holds[table] = isTable, map[int64]bool{}
		s.Feeds = append(s.Feeds, table.String()+".id")
	}
	return s
}

// value draws a value for a column.
func (g *generator) value() int64 {
	return draw(g, rapid.Int64Range(-25, 40).Draw(g.rt, "value"), 1, -1, math.MaxInt16, math.MinInt16)
}

// step draws a step. It returns false if the step is not possible now.
func (g *generator) step() (step, bool) {
	st := step{session: rapid.IntRange(0, len(g.sessions)-1).Draw(g.rt, "session")}
	x := &g.sessions[st.session]
	what := rapid.IntRange(0, 35).Draw(g.rt, "what")
	if g.onViews && (what <= 6 || what >= 18 && what <= 25) && !g.one(4) {
		what = draw(g, 7, 8, 9, 26, 13, 28)
	}
	if x.failed && what%2 == 0 {
		what = 13
		if len(x.marks) > 0 {
			what = 28
		}
	}
	switch what {
	case 0, 1, 2, 3, 4, 5, 6:
		st.do = draw(g, nextValue, nextValue, nextValue, nextValue, nextValue, lastValue, state, reset, resetTo, restart)
		st.name = g.name(isSequence)
		if g.one(3) {
			st.do = draw(g, nextValues, nextValues, nextBlock, setValue, setUncalled, behind, catchUp, catchUp, exhaustion)
		}
		switch st.do {
		case nextValues:
			st.value = draw[int64](g, 1, 2, 3, 7, 120)
		case exhaustion:
			st.name = ""
			return st, len(x.stale) == 0
		case resetTo, setValue, setUncalled:
			st.value = draw[int64](g, 1, 2, 5, 0, -1, -4, 12, 40000, math.MaxInt64, math.MinInt64)
		}
	case 7, 8, 9, 10, 11, 12:
		st.do = draw(g, refresh, refreshConcurrently, refreshConcurrently, refreshIfPossible, refreshIfPossible, refreshNoData)
		st.unlessBusy, st.soon, st.analyze = g.one(3), g.one(3), g.one(3)
		if g.one(3) {
			st.unlessBusy, st.soon, st.analyze = false, false, false
			st.do = draw(g, selectRows, getRow, countRows, streamRows, streamSome, definition, refreshBoth, canRefresh)
		} else if g.records && g.one(2) {
			st.do, st.value, st.before = draw(g, refreshIfOlder, freshness), draw[int64](g, 0, 3600), g.one(2)
		}
		if st.do == freshness {
			return st, true
		}
		st.name = g.name(isView)
	case 26, 27, 33:
		return g.runOf(st)
	case 28, 29, 30:
		st.do, st.name = setSavepoint, draw(g, "p", "q")
		if len(x.marks) > 0 || g.one(8) {
			st.do = draw(g, setSavepoint, rollbackSavepoint, rollbackSavepoint, releaseSavepoint)
		}
		if st.do != setSavepoint && len(x.marks) > 0 && !g.one(8) {
			st.name = draw(g, x.marks...)
		}
		return st, x.inTx || g.one(8)
	case 31:
		st.do = draw(g, verify, verifyMore)
		st.name = g.name(draw(g, isEnum, isEnum, isView))
		st.label, st.other = draw(g, "x", "y", "z", ""), draw(g, "x", "y", "w")
		st.before, st.after = g.one(3), g.one(3)
		return st, true
	case 32:
		st.do = watch
		return st, true
	case 34:
		st.do = reload
	case 13, 14, 15, 16:
		st.do = draw(g, commit, rollback)
		if !x.inTx {
			st.do = draw(g, begin, begin, begin, beginReadOnly)
		}
	case 17:
		st.do = draw(g, look, reload, reload)
	case 22, 23, 24, 25:
		st.do = draw(g, addLabel, addLabel, ensureLabel, ensureLabel, ensureLabel, renameLabel, usedBy, appendLabel)
		st.name = g.name(isEnum)
		st.label, st.other = draw(g, "x", "y", "z", `it's "\`, ""), draw(g, "x", "y", "z", "w", "")
		where := rapid.IntRange(0, 2).Draw(g.rt, "where")
		st.before, st.after = where == 1, where == 2
	default:
		return g.change()
	}
	n, _ := dialect.ParseName(st.name)
	switch st.do {
	case selectRows, getRow, countRows, streamRows, streamSome, lastValue, state:
		return st, true
	case definition:
		// Postgres 16 releases its lock after the statement; older versions and the fake
		// at the end of the transaction.
		return st, !x.stale[n.Name] && (!x.inTx || g.major < 16)
	default:
		// In a transaction older than a change, an operation without a lock may or may
		// not use the old cached name. Both are right.
		return st, !x.stale[n.Name]
	}
}

// runOf draws the options of a run, in a session or on the pool.
func (g *generator) runOf(st step) (step, bool) {
	x := &g.sessions[st.session]
	st.do = draw(g, refreshAll, refreshAll, refreshOnPool)
	st.run = run{
		mode: draw(g, refresh, refreshIfPossible, refreshConcurrently, refreshNoData, refreshIfPossible), stop: g.one(4),
		parallel: draw(g, 0, 1, 3),
	}
	st.unlessBusy, st.soon, st.analyze = g.one(2), g.one(2), g.one(3)
	if g.one(2) {
		for range rapid.IntRange(1, 2).Draw(g.rt, "views") {
			if name := g.name(isView); !slices.Contains(st.run.views, name) || g.one(8) {
				st.run.views = append(st.run.views, name)
			}
		}
		st.run.upstream, st.run.downstream = g.one(2), g.one(2)
	}
	if st.do == refreshOnPool && g.records && slices.ContainsFunc(g.sessions[:], func(x txn) bool { return x.inTx }) {
		return st, false // recording a failure may wait for a transaction that recorded a refresh
	}
	if st.do == refreshOnPool {
		// The progress of parallel refreshes before another fails or is cancelled is
		// random.
		st.soon = true
		st.run.stop = st.run.stop && st.run.parallel <= 1
		return st, true
	}
	st.run.savepoints = g.one(2) && (x.inTx || g.one(8))
	return st, len(x.stale) == 0
}

// name draws the name of a structure, mostly of the kind.
func (g *generator) name(k kind) string {
	if g.one(24) || len(g.known) == 0 {
		return draw(g, "a", "b", "app.nothing", "nowhere.a")
	}
	if g.one(16) {
		return draw(g, g.known...)
	}
	var names []string
	for _, name := range g.known {
		if n, err := dialect.ParseName(name); err == nil && g.kinds[n] == k {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = g.known
	}
	return draw(g, names...)
}

// change draws a change of another session that does not wait.
func (g *generator) change() (step, bool) {
	st := step{do: change}
	for n, k := range g.kinds {
		g.empty[n] = k == isView || len(g.reads[n]) > 0 // it may be unpopulated
	}
	existing := slices.SortedFunc(maps.Keys(g.kinds), dialect.Name.Compare)
	if len(existing) == 0 || g.one(5) {
		var c sqltest.Catalog
		before := len(g.known)
		ok := g.add(&c, draw(g, isView, isSequence, isEnum, isTable, isPlain))
		st.change = sqltest.Create(c)
		if ok {
			n, _ := dialect.ParseName(g.known[len(g.known)-1])
			if slices.ContainsFunc(g.sources(n), g.busy) {
				g.known = g.known[:before]
				g.forget(n)
				return st, false
			}
			g.changed(n)
		}
		return st, ok
	}
	n := draw(g, existing...)
	name, k := n.String(), g.kinds[n]
	if g.one(3) {
		gone := []dialect.Name{n}
		if q, ok := g.owned[n]; ok {
			gone = append(gone, q)
		}
		gone = append(gone, g.readers(n)...)
		if slices.ContainsFunc(gone, g.busy) {
			return st, false
		}
		var owner dialect.Name
		for table, q := range g.owned {
			if q == n {
				owner = table
			}
		}
		to := dialect.Name{Schema: n.Schema, Name: draw(g, pools[k]...)}
		if _, taken := g.kinds[to]; k == isTable || taken || g.one(2) {
			st.change = sqltest.Drop{Name: name}
		} else {
			st.change = sqltest.Rename{Name: name, To: to.Name}
			g.changed(to)
			g.kinds[to], g.rows[to], g.reads[to], g.empty[to] = k, g.rows[n], g.reads[n], g.empty[n]
			for reader, reads := range g.reads {
				for i := range reads {
					if reads[i] == n {
						reads[i] = to
						g.changed(reader)
					}
				}
			}
			g.known = append(g.known, to.String())
			gone = gone[:1]
		}
		for _, n := range gone {
			g.changed(n)
			g.forget(n)
		}
		maps.DeleteFunc(g.owned, func(table, q dialect.Name) bool { return table == n || q == n })
		if _, renamed := st.change.(sqltest.Rename); renamed && owner != (dialect.Name{}) {
			g.owned[owner] = to
		}
		return st, true
	}
	switch k {
	case isTable:
		v := g.value()
		if g.holds[n] == nil || g.holds[n][v] || g.busy(n) {
			return st, false
		}
		g.holds[n][v] = true
		st.change = sqltest.Insert{Column: n.String() + ".id", Value: v}
	case isView:
		st.change = sqltest.SetRows{Matview: name, Rows: g.someRows(g.rows[n])}
	case isEnum:
		if g.busy(n) {
			return st, false
		}
		g.made++
		st.change = sqltest.AddLabel{Enum: name, Label: fmt.Sprint("l", g.made)}
	default:
		return st, false
	}
	return st, true
}

// forget removes a dropped name.
func (g *generator) forget(n dialect.Name) {
	delete(g.kinds, n)
	delete(g.rows, n)
	delete(g.holds, n)
	delete(g.reads, n)
	delete(g.empty, n)
}

// busy reports whether a transaction may hold a lock on the structure.
func (g *generator) busy(n dialect.Name) bool {
	return slices.ContainsFunc(g.sessions[:], func(x txn) bool { return x.touched[n.Name] })
}

// changed records that the structure of a name has changed.
func (g *generator) changed(n dialect.Name) {
	for _, x := range g.sessions {
		if x.inTx {
			x.stale[n.Name] = true
		}
	}
}

// note records the effect of a step on transactions.
func (g *generator) note(st step, o outcome) {
	x := &g.sessions[st.session]
	n, _ := dialect.ParseName(st.name)
	switch {
	case st.do == begin || st.do == beginReadOnly:
		*x = txn{inTx: true, touched: map[string]bool{}, stale: map[string]bool{}}
	case st.do == commit || st.do == rollback || o == blocked:
		*x = txn{}
	case st.do == setSavepoint && o.state == "":
		x.marks = append(x.marks, st.name)
	case (st.do == rollbackSavepoint || st.do == releaseSavepoint) && o.state == "":
		for i, name := range slices.Backward(x.marks) {
			if name == st.name {
				x.marks = x.marks[:i]
				break
			}
		}
		x.failed = false
	case st.do == appendLabel || st.do == watch || st.do == refreshOnPool:
	case x.inTx && (st.do == exhaustion || st.do == behind || st.do == catchUp || st.do == refreshAll):
		for n := range g.kinds {
			x.touched[n.Name] = true
		}
		x.failed = o.state != ""
	case x.inTx && st.name != "":
		x.touched[n.Name] = true
		for view := range g.reads {
			if view.Name == n.Name {
				for _, source := range g.sources(view) {
					x.touched[source.Name] = true
				}
			}
		}
		x.failed = o.state != ""
	}
}

// show returns a catalog as readable text.
func show(c sqltest.Catalog) string {
	var b strings.Builder
	fmt.Fprintf(&b, "search path %q, tables %q, lock timeout %v", c.SearchPath, c.Tables, c.LockTimeout)
	for _, v := range c.Matviews {
		fmt.Fprintf(&b, "\n%s", step{do: change, change: sqltest.SetRows{Matview: v.Name, Rows: v.Rows}})
		v.Rows = nil
		fmt.Fprintf(&b, " %+v", v)
	}
	for _, v := range c.Views {
		fmt.Fprintf(&b, "\n%+v", v)
	}
	for _, e := range c.Enums {
		fmt.Fprintf(&b, "\n%+v", e)
	}
	for _, s := range c.Sequences {
		fmt.Fprintf(&b, "\n%+v", s)
		if s.Rights != nil {
			fmt.Fprintf(&b, " rights %v", *s.Rights)
		}
	}
	return b.String()
}
