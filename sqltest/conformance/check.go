package conformance

// The rules, and the helpers of their checks.

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A rule is one requirement on a dialect. It needs every kind of structure in its
// catalog.
type rule struct {
	name string // the name of its subtest
	says string // the requirement in words, at the beginning of each failure message
	// needs lists the operations that the check uses. A test checks that it uses all of
	// them.
	needs []Operation
	// adapts says that the check also works if the database lacks some of the catalog's
	// kinds. The check calls check.has. Operations of a lacking kind are then not needed.
	adapts bool
	// each runs the rule over a *sql.DB, a *sql.Conn and a *sql.Tx. Otherwise it runs
	// over a *sql.DB only.
	each bool
	// rights says that the rule needs a role that lacks a right.
	rights bool
	// session says why the rule can't work if connections share server sessions. It is
	// empty for most rules.
	session string
	// unless returns why the harness leaves nothing to check, or an empty string. A nil
	// unless means that the rule always applies.
	unless  func(h Harness) (why string)
	catalog sqltest.Catalog
	check   func(c *check)
}

// A check runs one rule on one database.
type check struct {
	*testing.T
	rule    *rule
	harness Harness
	db      Database
	m       *massive.DB     // the snapshot of db, bound to q
	q       massive.Querier // a *sql.DB, *sql.Conn or *sql.Tx of db

	patience time.Duration
	bound
}

// Context returns a context for one operation that need not wait for another session.
func (c *check) Context() context.Context {
	ctx, cancel := context.WithTimeout(c.T.Context(), c.patience)
	c.Cleanup(cancel)
	return ctx
}

func (r *rule) test(t *testing.T, h Harness) {
	t.Helper()
	kinds := kindsOf(r.catalog)
	there := slices.DeleteFunc(slices.Clone(kinds), h.lacksKind)
	if len(there) < len(kinds) && (!r.adapts || len(there) == 0) {
		i := slices.IndexFunc(kinds, h.lacksKind)
		t.Skipf("the rule needs a kind that Harness.LacksKinds lists: %s; the subtest kinds checks the list", kinds[i])
	}
	for _, n := range r.needs {
		if r.adapts && h.lacksKind(operationKinds[n]) {
			continue
		}
		if h.lacks(n) {
			t.Skipf("the rule needs %s, which Harness.Lacks lists; the subtest capabilities checks the list", n)
		}
	}
	if h.NoRights && r.rights {
		t.Skipf("the rule needs a role that lacks a right, and Harness.NoRights is set; the subtest load/rights checks that (%s)", r.says)
	}
	if h.Pooled && r.session != "" {
		t.Skipf("skipped because Harness.Pooled is set: %s (%s)", r.session, r.says)
	}
	if r.unless != nil {
		if why := r.unless(h); why != "" {
			t.Skipf("%s (%s)", why, r.says)
		}
	}
	r.run(t, h)
}

// iff returns why if the condition holds, or an empty string.
func iff(holds bool, why string) string {
	if holds {
		return why
	}
	return ""
}

func (r *rule) run(t *testing.T, h Harness) {
	over := map[string]func(t testing.TB, db *sql.DB) massive.Querier{
		"DB": func(_ testing.TB, db *sql.DB) massive.Querier { return db },
	}
	if r.each {
		over["Conn"] = func(t testing.TB, db *sql.DB) massive.Querier { return connOf(t, db) }
		over["Tx"] = func(t testing.TB, db *sql.DB) massive.Querier { return begin(t, db, nil) }
	}
	for name, q := range over {
		t.Run(name, func(t *testing.T) {
			h.parallel(t)
			c := &check{T: t, rule: r, harness: h, patience: cmp.Or(h.Patience, 20*time.Second)}
			c.db = holding{h.Open(t, h.held(r.catalog)), c}
			t.Cleanup(func() {
				if n := c.db.DB().Stats().InUse; n != 0 && !c.left() {
					t.Errorf("%s: %d connections are still in use at the end, want 0", r.says, n)
				}
			})
			c.within(wholeCase*c.patience, func() {
				c.m = c.load()
				c.wantWhole(c.m)
				if c.q = q(c, c.db.DB()); c.q != massive.Querier(c.db.DB()) {
					c.m = c.m.With(c.q)
				}
				r.check(c)
			})
		})
	}
}

// number is a row with one column.
type number struct{ N int64 }

func (c *check) load(opts ...massive.LoadOption) *massive.DB {
	c.Helper()
	m, err := massive.Load(c.Context(), c.db.DB(), c.db.Dialect(), opts...)
	if err != nil {
		c.Fatalf("%s\n\tload: got error %v, want none", c.rule.says, err)
	}
	c.wantNoneLacking(m)
	return m
}

func connOf(t testing.TB, db *sql.DB) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { undo(conn.Close) })
	return conn
}

// begin begins a transaction. It is rolled back when the test ends, if it is still open.
func begin(t testing.TB, db *sql.DB, opts *sql.TxOptions) *sql.Tx {
	t.Helper()
	// Not the test's own context: its end would roll back in the background.
	tx, err := db.BeginTx(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { undo(tx.Rollback) })
	return tx
}

// other begins a transaction in another session, and returns it with a DB that uses it.
func (c *check) other(opts *sql.TxOptions) (*sql.Tx, *massive.DB) {
	c.Helper()
	tx := begin(c, c.db.DB(), opts)
	return tx, c.m.With(tx)
}

// want checks that a value is the expected one.
func (c *check) want(what string, got, want any) {
	c.Helper()
	if !reflect.DeepEqual(got, want) {
		c.Errorf("%s\n\t%s: got %v, want %v", c.rule.says, what, got, want)
	}
}

// ok checks that there is no error.
func (c *check) ok(err error) {
	c.Helper()
	if err != nil {
		c.Fatalf("%s\n\tgot error %v, want none", c.rule.says, err)
	}
}

// sentinels are the errors that an operation can return.
var sentinels = []error{
	massive.ErrInvalid, massive.ErrNotFound, massive.ErrUnsupported, massive.ErrPermission, massive.ErrReadOnly,
	massive.ErrNotPopulated, massive.ErrNoUniqueIndex, massive.ErrDuplicateRows, massive.ErrBusy, massive.ErrDeadlock,
	massive.ErrServerTimeout, massive.ErrUnavailable, massive.ErrTxAborted, massive.ErrExhausted, massive.ErrOutOfRange, massive.ErrLabelExists,
	massive.ErrLabelUnknown, massive.ErrLabelUncommitted, massive.ErrDrift, massive.ErrClosed,
	context.Canceled, context.DeadlineExceeded,
}

// fails checks that err is a *massive.Error that wraps want and no other sentinel, and
// that its text contains each of the strings in says.
func (c *check) fails(err, want error, says ...string) {
	c.Helper()
	if err == nil {
		c.Errorf("%s\n\tgot no error, want an error that wraps %q", c.rule.says, want)
		return
	}
	var is []error
	for _, s := range sentinels {
		if errors.Is(err, s) {
			is = append(is, s)
		}
	}
	var ours *massive.Error
	if len(is) != 1 || is[0] != want || !errors.As(err, &ours) { //nolint:errorlint // the sentinel itself is meant
		c.Errorf("%s\n\tgot error %q, which wraps %q; want a *massive.Error that wraps only %q", c.rule.says, err, is, want)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			c.Errorf("%s\n\tgot error %q, want a text that contains %q", c.rule.says, err, s)
		}
	}
}

// soon is how long an operation must not return for the suite to conclude that it waits.
const soon = 150 * time.Millisecond

// blocks checks that an operation waits until its context ends.
func (c *check) blocks(what string, op func(ctx context.Context) error) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), soon)
	defer cancel()
	if err := op(ctx); !errors.Is(err, context.DeadlineExceeded) {
		c.Errorf("%s\n\t%s: got error %v without waiting, want it to wait for the other session until its context ends", c.rule.says, what, err)
	}
}

// passes checks that an operation succeeds without waiting.
func (c *check) passes(what string, op func(ctx context.Context) error) {
	c.Helper()
	if err := op(c.Context()); err != nil {
		c.Errorf("%s\n\t%s: got error %v, want no error and no wait", c.rule.says, what, err)
	}
}

func (c *check) matview(name string) massive.Matview {
	c.Helper()
	return matviewOf(c, c.m, name)
}

func matviewOf(c *check, m *massive.DB, name string) massive.Matview {
	c.Helper()
	v, err := m.Matview(name)
	c.ok(err)
	return v
}

func (c *check) enum(name string) massive.Enum {
	c.Helper()
	e, err := c.m.Enum(name)
	c.ok(err)
	return e
}

func (c *check) sequence(name string) massive.Sequence {
	c.Helper()
	return sequenceOf(c, c.m, name)
}

func sequenceOf(c *check, m *massive.DB, name string) massive.Sequence {
	c.Helper()
	s, err := m.Sequence(name)
	c.ok(err)
	return s
}

// can reports whether the dialect has all of the operations. A rule checks more if it
// has.
func (c *check) can(all ...Operation) bool { return !slices.ContainsFunc(all, c.harness.lacks) }

// afterFailure checks the error of a reading operation after a failure in the same
// transaction.
func (c *check) afterFailure(err error) {
	c.Helper()
	if c.harness.StatementsFailAlone {
		c.ok(err)
		return
	}
	c.fails(err, massive.ErrTxAborted)
}

// next takes values by NextValue and checks them.
func (c *check) next(s massive.Sequence, want ...int64) {
	c.Helper()
	var got []int64
	for range want {
		v, err := s.NextValue(c.Context())
		c.ok(err)
		got = append(got, v)
	}
	c.want("the next values of "+s.Name().String(), got, want)
}

// numbers reads a view of one column and sorts the values, since rows come in any order.
func (c *check) numbers(v massive.Matview) []int64 {
	c.Helper()
	var rows []int64
	c.ok(v.Select(c.Context(), &rows, ""))
	slices.Sort(rows)
	return rows
}

// listed returns the loaded structures, as "m public.v", "e public.mood" or "s
// public.no".
func listed(m *massive.DB) []string {
	all := []string{}
	for _, v := range m.Matviews() {
		all = append(all, "m "+v.Name().String())
	}
	for _, e := range m.Enums() {
		all = append(all, "e "+e.Name().String())
	}
	for _, s := range m.Sequences() {
		all = append(all, "s "+s.Name().String())
	}
	return all
}

// wantWhole checks that each structure of the rule's catalog, and no other, is loaded or
// excluded with a reason. A check that ranges over the loaded structures then misses
// none.
func (c *check) wantWhole(m *massive.DB) {
	c.Helper()
	got := listed(m)
	for _, o := range m.Excluded() {
		got = append(got, o.Kind.String()[:1]+" "+o.Name.String())
	}
	want := []string{}
	add := func(kind, name string) {
		n, err := dialect.ParseName(name)
		c.ok(err)
		n.Schema = cmp.Or(n.Schema, "public")
		want = append(want, kind+" "+n.String())
	}
	cat := c.harness.held(c.rule.catalog)
	for _, v := range cat.Matviews {
		add("m", v.Name)
	}
	for _, e := range cat.Enums {
		add("e", e.Name)
	}
	for _, s := range cat.Sequences {
		add("s", s.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	c.want("the loaded and the excluded structures", got, want)
}

func sprint[T any](all []T) []string {
	texts := []string{}
	for _, a := range all {
		texts = append(texts, fmt.Sprint(a))
	}
	return texts
}
