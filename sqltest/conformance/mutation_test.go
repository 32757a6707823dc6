package conformance_test

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// A mutant is a fake with one defect. A function that is set replaces or changes the
// fake's.
type mutant struct {
	*sqltest.Fake
	catalog   func(c *sqltest.Catalog) // changes the fake's catalog
	load      func(ctx context.Context, q dialect.Querier, cat *dialect.Catalog)
	classify  func(f dialect.Failure, right error) error
	querier   func(q dialect.Querier) dialect.Querier
	context   func(ctx context.Context) (context.Context, context.CancelFunc)
	refresh   func(how dialect.Refresh) (_ dialect.Refresh, skip bool)
	refreshed func(done dialect.Refreshed) dialect.Refreshed
	blockers  func(all []dialect.Blocker) []dialect.Blocker
	read      func(view dialect.MatviewDef, tail string) (dialect.MatviewDef, string)
	count     func(view dialect.MatviewDef) dialect.MatviewDef
	size      func(bytes int64, err error) (int64, error)
	state     func(st dialect.SequenceState, err error) (dialect.SequenceState, error)
	next      func(v int64, err error) (int64, error)
	restart   func(at *int64) *int64
	restarter func(ctx context.Context, q dialect.Querier, name dialect.Name, at *int64) error

	prepare   func(t testing.TB, f *sqltest.Fake)
	savepoint func(what string) (skip bool)
	change    func(t testing.TB, c sqltest.Change)

	enumMutant
	signMutant
	ledgerMutations
	sequenceMutations
	runMutations
}

func (m *mutant) Dialect() dialect.Dialect { return m }

func (m *mutant) Do(t testing.TB, changes ...sqltest.Change) {
	t.Helper()
	if m.change != nil {
		for _, c := range changes {
			m.change(t, c)
		}
	}
	m.Fake.Do(t, changes...)
}

// reach returns the context and the querier with which an operation calls the fake.
func (m *mutant) reach(ctx context.Context, q dialect.Querier) (context.Context, context.CancelFunc, dialect.Querier) {
	if m.querier != nil {
		q = m.querier(q)
	}
	if m.context != nil {
		ctx, cancel := m.context(ctx)
		return ctx, cancel, q
	}
	return ctx, func() {}, q
}

func (m *mutant) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	cat, err := m.Fake.Load(ctx, q, f)
	if err == nil && m.load != nil {
		m.load(ctx, q, cat)
	}
	if err == nil && m.filtered != nil {
		m.filtered(f, cat)
	}
	return cat, err
}

func (m *mutant) Classify(f dialect.Failure) error {
	right := m.Fake.Classify(f)
	if m.classify != nil {
		return m.classify(f, right)
	}
	return right
}

func (m *mutant) RefreshMatview(
	ctx context.Context, q dialect.Querier, view dialect.Name, how dialect.Refresh,
) (dialect.Refreshed, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	if m.refresh != nil {
		var skip bool
		if how, skip = m.refresh(how); skip {
			return dialect.Refreshed{Concurrently: how.Concurrently}, nil
		}
	}
	if m.recording != nil && how.Record != nil {
		m.recording(ctx, q, view, &how)
	}
	done, err := m.Fake.RefreshMatview(ctx, q, view, how)
	if m.refreshErr != nil {
		err = m.refreshErr(err)
	}
	if m.refreshed != nil {
		return m.refreshed(done), err
	}
	return done, err
}

func (m *mutant) RefreshBlockers(view *dialect.MatviewDef, on dialect.Server, concurrently bool) ([]dialect.Blocker, error) {
	all, err := m.Fake.RefreshBlockers(view, on, concurrently)
	if m.blockers != nil {
		return m.blockers(all), err
	}
	return all, err
}

func (m *mutant) MatviewSize(ctx context.Context, q dialect.Querier, view dialect.Name) (int64, error) {
	size, err := m.Fake.MatviewSize(ctx, q, view)
	if m.size != nil {
		return m.size(size, err)
	}
	return size, err
}

func (m *mutant) SelectMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any, error) {
	if m.read != nil {
		changed, tail := m.read(*view, tail)
		return m.Fake.SelectMatview(&changed, tail, args)
	}
	return m.Fake.SelectMatview(view, tail, args)
}

func (m *mutant) CountMatview(view *dialect.MatviewDef, tail string, args []any) (string, []any, error) {
	if m.count != nil {
		changed := m.count(*view)
		return m.Fake.CountMatview(&changed, tail, args)
	}
	return m.Fake.CountMatview(view, tail, args)
}

func (m *mutant) SequenceState(ctx context.Context, q dialect.Querier, name dialect.Name) (dialect.SequenceState, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	st, err := m.Fake.SequenceState(ctx, q, name)
	if m.state != nil {
		return m.state(st, err)
	}
	return st, err
}

func (m *mutant) NextSequenceValue(ctx context.Context, q dialect.Querier, name dialect.Name) (int64, error) {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	v, err := m.Fake.NextSequenceValue(ctx, q, name)
	if m.next != nil {
		return m.next(v, err)
	}
	return v, err
}

func (m *mutant) RestartSequence(ctx context.Context, q dialect.Querier, name dialect.Name, at *int64) error {
	ctx, cancel, q := m.reach(ctx, q)
	defer cancel()
	if m.restart != nil {
		at = m.restart(at)
	}
	if m.restarter != nil {
		return m.restarter(ctx, q, name, at)
	}
	return m.Fake.RestartSequence(ctx, q, name, at)
}

// A mutation is a defect, and the text of the rule, or of the failure, that must notice
// it.
type mutation struct {
	name, rule string
	mutate     func(m *mutant)
}

// mutations returns all mutations.
func mutations() []mutation {
	return slices.Concat(
		mutants,
		refreshMutants,
		ledgerMutants,
		graphMutants,
		runMutants,
		rowMutants,
		enumMutants,
		sequenceMutants,
		sessionMutants,
		behindMutants,
		watchMutants,
		unclassified,
		untimed,
		partMutants,
		loadMutants,
		hangingMutants,
	)
}

var mutants = []mutation{
	{"label order lost", "Load returns the labels of each enum in the order of the type", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			cat.Enums[i].Labels = slices.Sorted(slices.Values(cat.Enums[i].Labels))
		}
	})},
	{"enums of one name mixed", "Load returns the labels of each enum in the order of the type", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Enums {
			for _, o := range cat.Enums {
				if o.Name.Name == cat.Enums[i].Name.Name && o.ID != cat.Enums[i].ID {
					cat.Enums[i].Labels = slices.Concat(cat.Enums[i].Labels, o.Labels)
				}
			}
		}
	})},
	{"key sequence leaked", "A load excludes sequences that feed primary keys, and names the key column of each", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Sequences {
			cat.Sequences[i].KeyOf = nil
		}
	})},
	{"owned sequence hidden", "A load excludes sequences that feed primary keys, and names the key column of each", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Sequences {
			if cat.Sequences[i].KeyOf == nil {
				cat.Sequences[i].KeyOf = cat.Sequences[i].OwnedBy
			}
		}
	})},
	{"everything visible", "A bare name resolves to the first structure of that name along the search path", onObjects(func(o *dialect.Object) { o.Visible = true })},
	{"HiddenBy lost", "A bare name resolves to the first structure of that name along the search path", onObjects(func(o *dialect.Object) { o.HiddenBy = "" })},
	{"comments lost", "Load returns each materialized view with its columns in order, its indexes, its comment, and whether it is populated", onObjects(func(o *dialect.Object) { o.Comment = "" })},
	{"columns unordered", "Load returns each materialized view with its columns in order, its indexes, its comment, and whether it is populated", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			slices.Reverse(cat.Matviews[i].Columns)
		}
	})},
	{"index lost", "Load returns each materialized view with its columns in order, its indexes, its comment, and whether it is populated", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			cat.Matviews[i].Indexes = nil
		}
	})},
	{"always populated", "Load returns each materialized view with its columns in order, its indexes, its comment, and whether it is populated", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			cat.Matviews[i].Populated = true
		}
	})},
	{"everything allowed", "The loaded rights match the database: an operation that they allow succeeds, and any other returns ErrPermission", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			cat.Matviews[i].MayRefresh = true
		}
		for i := range cat.Sequences {
			cat.Sequences[i].Rights = dialect.SequenceRights{Read: true, Next: true, Set: true, Restart: true}
		}
	})},
	{"bounds swapped", "Load returns each sequence with its type, start, increment, bounds, cache, cycle flag and owning column", onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Sequences {
			s := &cat.Sequences[i]
			s.Min, s.Max = s.Max, s.Min
		}
	})},
	{"connection leaked", "A load lists structures by kind, then schema, then name, in byte order: 1 connections are still in use at the end, want 0", func(m *mutant) {
		m.load = func(ctx context.Context, _ dialect.Querier, _ *dialect.Catalog) { _, _ = m.DB().Conn(ctx) }
	}},
	{"wrong sentinel", "NextValue returns ErrExhausted when the sequence has reached its bound", func(m *mutant) {
		m.classify = func(_ dialect.Failure, right error) error {
			if right != nil && strings.HasPrefix(right.Error(), massive.ErrExhausted.Error()) {
				return massive.ErrOutOfRange
			}
			return right
		}
	}},
	{"no sentinel", "that was dropped, renamed or replaced after the load returns ErrNotFound", func(m *mutant) {
		m.classify = func(dialect.Failure, error) error { return nil }
	}},
	{"fix of a missing index lost", "A concurrent refresh of a view without a unique index returns ErrNoUniqueIndex", func(m *mutant) {
		m.classify = func(_ dialect.Failure, right error) error {
			for _, s := range []error{massive.ErrNoUniqueIndex} {
				if right != nil && strings.HasPrefix(right.Error(), s.Error()) {
					return s
				}
			}
			return right
		}
	}},
	{"concurrently ignored", "A concurrent refresh of a view without a unique index returns ErrNoUniqueIndex", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.Concurrently = false
			return how, false
		}
	}},
	{"always concurrently", "A blocking refresh blocks readers until its transaction ends, and waits for transactions that read the view", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.Concurrently = !how.NoData
			return how, false
		}
	}},
	{"no data ignored", "Refresh with WithNoData empties a view, which is then not populated until its next refresh", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) {
			how.NoData = false
			return how, false
		}
	}},
	{"refresh does nothing", "Refresh replaces a view's rows with the current result of its query", func(m *mutant) {
		m.refresh = func(how dialect.Refresh) (dialect.Refresh, bool) { return how, true }
	}},
	{"last column not read", "Select reads each column into the struct field of the same name", func(m *mutant) {
		m.read = func(v dialect.MatviewDef, tail string) (dialect.MatviewDef, string) {
			v.Columns = v.Columns[:len(v.Columns)-1]
			return v, tail
		}
	}},
	{"is_called ignored", "State reports an unused or reset sequence as not called, and a sequence whose first value was taken as called", func(m *mutant) {
		m.state = func(st dialect.SequenceState, err error) (dialect.SequenceState, error) {
			st.Called = true
			return st, err
		}
	}},
	{"a value off by one", "After ResetTo(v), State reports the value v as not called, and NextValue returns v", func(m *mutant) {
		m.next = func(v int64, err error) (int64, error) { return v + 1, err }
	}},
	{"an error lost", "that was dropped, renamed or replaced after the load returns ErrNotFound", func(m *mutant) {
		m.next = func(v int64, _ error) (int64, error) { return v, nil }
	}},
	{"restart goes to 1", "After ResetTo(v), State reports the value v as not called, and NextValue returns v", func(m *mutant) {
		m.restart = func(at *int64) *int64 {
			if at == nil {
				one := int64(1)
				return &one
			}
			return at
		}
	}},
	{"transaction ignored", "Other sessions see a refresh made in a transaction after the commit, and never after a rollback", func(m *mutant) {
		m.querier = func(dialect.Querier) dialect.Querier { return m.DB() }
		// It waits for the transaction in which it should have run, so limit the wait.
		m.context = func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}
	}},
	{"context ignored", "If its context has already ended, an operation returns the context's error and has no effect", func(m *mutant) {
		m.context = func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		}
	}},
}

func onLoad(change func(cat *dialect.Catalog)) func(m *mutant) {
	return func(m *mutant) {
		m.load = func(_ context.Context, _ dialect.Querier, cat *dialect.Catalog) { change(cat) }
	}
}

func onObjects(change func(o *dialect.Object)) func(m *mutant) {
	return onLoad(func(cat *dialect.Catalog) {
		for i := range cat.Matviews {
			change(&cat.Matviews[i].Object)
		}
		for i := range cat.Enums {
			change(&cat.Enums[i].Object)
		}
		for i := range cat.Sequences {
			change(&cat.Sequences[i].Object)
		}
	})
}

// mutating is the environment variable of the process that runs the mutants. Its tests
// fail.
const mutating = "MASSIVE_TEST_MUTANTS"

// patience limits the operations of mutants, since many of them hang.
const patience = 2 * time.Second

// TestMutant is run by TestSuiteBites, in another process.
func TestMutant(t *testing.T) {
	if os.Getenv(mutating) == "" {
		t.Skip("TestSuiteBites runs it in another process, and checks its failures")
	}
	t.Parallel()
	for _, c := range mutations() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			testRule(t, c.rule, func(t *testing.T, cat sqltest.Catalog) conformance.Database {
				t.Helper()
				m := &mutant{}
				c.mutate(m)
				if m.catalog != nil {
					m.catalog(&cat)
				}
				m.Fake = sqltest.New(cat)
				if m.prepare != nil {
					m.prepare(t, m.Fake)
				}
				return m
			})
		})
	}
	for _, c := range harnessMutants() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.harness.Patience = patience
			if conformance.RunRulesThatSay(t, c.harness, c.rule) == 0 {
				t.Error("got no rule with that text, want one")
			}
		})
	}
	t.Run("an operation missing", func(t *testing.T) {
		t.Parallel()
		conformance.Run(t, conformance.Harness{Patience: patience, Open: func(_ *testing.T, cat sqltest.Catalog) conformance.Database {
			return incapable{sqltest.New(cat)}
		}})
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		conformance.Run(t, conformance.Harness{Open: func(_ *testing.T, cat sqltest.Catalog) conformance.Database {
			return &mutant{Fake: sqltest.New(cat)}
		}})
	})
}

// testRule runs only the rules that must notice a mutant. All rules on all mutants take
// minutes.
func testRule(t *testing.T, rule string, open func(t *testing.T, cat sqltest.Catalog) conformance.Database) {
	t.Helper()
	if conformance.RunRulesThatSay(t, conformance.Harness{Patience: patience, Open: open}, rule) == 0 {
		t.Error("got no rule with that text, want one")
	}
}

// incapable is a fake without operations.
type incapable struct{ *sqltest.Fake }

func (i incapable) Dialect() dialect.Dialect { return partial{i.Fake, nil} }

// Each defect of the fake makes the suite fail with the text of its rule.
func TestSuiteBites(t *testing.T) {
	t.Parallel()
	said := trial(t, "", 64)
	wants := map[string]string{"an operation missing": saysCapabilities}
	for _, c := range mutations() {
		wants[c.name] = c.rule
	}
	for _, c := range harnessMutants() {
		wants[c.name] = c.rule
	}
	noticed := func(name, said string) bool {
		return strings.HasPrefix(said, subtest+"FAIL") && strings.Contains(said, wants[name])
	}
	for name, rule := range wants {
		run := strings.ReplaceAll(name, " ", "_")
		got := said[run]
		// On a busy machine a wait may end before the other operation begins, so that a
		// mutant passes.
		if !noticed(name, got) {
			t.Logf("%q passed in parallel, and runs again alone", name)
			got = trial(t, run, 1)[run]
		}
		if !noticed(name, got) {
			t.Errorf("mutant %q: got no failure with the rule %q, want one; the output is\n%s", name, rule, got)
		}
	}
	if got := said["none"]; got != "" {
		t.Errorf("the suite on a fake without defects: got output\n%s\nwant none", got)
	}
	t.Logf("%d mutants noticed", len(wants))
}

// subtest is the prefix of a line with a subtest's outcome.
const subtest = "    --- "

// trial runs one mutant, or all if one is empty, and returns the output for each by its
// name.
func trial(t *testing.T, one string, parallel int) map[string]string {
	t.Helper()
	which := "^TestMutant$"
	if one != "" {
		which += "/^" + regexp.QuoteMeta(one) + "$"
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+which, "-test.timeout=2m", "-test.parallel="+strconv.Itoa(parallel))
	cmd.Env = append(os.Environ(), mutating+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil && one == "" {
		t.Fatal("got no failure on any mutant")
	}
	said := map[string]string{}
	var name string
	for line := range strings.Lines(string(out)) {
		if rest, ok := strings.CutPrefix(line, subtest); ok {
			_, name, _ = strings.Cut(rest, ": TestMutant/")
			name, _, _ = strings.Cut(name, " (")
		}
		said[name] += line
	}
	return said
}
