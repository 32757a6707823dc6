package sqltest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

func load(t *testing.T, f *sqltest.Fake) *massive.DB {
	t.Helper()
	m, err := massive.Load(t.Context(), f.DB(), f)
	noError(t, err)
	return m
}

// A recorder is a testing.TB that records its failures and its cleanups.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// failureOf returns the text with which f fails its test, or an empty string.
func failureOf(f func(t testing.TB)) string {
	r := &recorder{}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		f(r)
	}()
	for _, c := range r.cleanups {
		c()
	}
	return strings.Join(r.failures, "\n")
}

func TestSQLReturnsErrNoDatabase(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{})
	tx, err := f.DB().BeginTx(t.Context(), nil)
	noError(t, err)
	defer tx.Rollback()
	for _, q := range []massive.Querier{f.DB(), tx} {
		_, errExec := q.ExecContext(t.Context(), "DELETE FROM orders WHERE id = $1", 7)
		_, errQuery := q.QueryContext(t.Context(), "SELECT 1")
		errRow := q.QueryRowContext(t.Context(), "SELECT 1").Scan(new(int))
		for _, err := range []error{errExec, errQuery, errRow} {
			if !errors.Is(err, sqltest.ErrNoDatabase) {
				t.Errorf("SQL on the fake: got error %v, want ErrNoDatabase", err)
			}
		}
		if !strings.Contains(errExec.Error(), "DELETE FROM orders") {
			t.Errorf("got error %q, want the SQL in its text", errExec)
		}
	}
	if _, err := f.DB().PrepareContext(t.Context(), "SELECT 1"); !errors.Is(err, sqltest.ErrNoDatabase) {
		t.Errorf("a prepared statement: got error %v, want ErrNoDatabase", err)
	}
	if _, err := massive.Load(t.Context(), f.DB(), postgres.New()); !errors.Is(err, sqltest.ErrNoDatabase) {
		t.Errorf("the Postgres dialect on the fake's DB: got error %v, want ErrNoDatabase", err)
	}
}

func TestAnotherFakesDB(t *testing.T) {
	t.Parallel()
	a, b := sqltest.New(sqltest.Catalog{}), sqltest.New(sqltest.Catalog{})
	_, err := massive.Load(t.Context(), a.DB(), b)
	if err == nil || !strings.Contains(err.Error(), "the DB belongs to another fake") {
		t.Errorf("got %v", err)
	}
}

func TestIsolationLevels(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{})
	if _, err := f.DB().BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable}); err == nil ||
		!strings.Contains(err.Error(), "no isolation level Serializable, only Read Committed") {
		t.Errorf("BeginTx with level Serializable: got error %v", err)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{
		Matviews:  []sqltest.Matview{{Name: "v", Rows: []struct{ N int }{{1}}}},
		Sequences: []sqltest.Sequence{{Name: "s", Start: 2, Max: 2}},
	})
	m := load(t, f)
	v := found(t, m.Matview, "v")
	s := found(t, m.Sequence, "s")
	ctx := t.Context()
	_, _ = v.Refresh(ctx)
	_, _ = v.Refresh(ctx, massive.Concurrently())
	_, _ = v.Refresh(ctx, massive.WithNoData())
	_ = v.Select(ctx, &[]int{}, "LIMIT 1")
	_, _ = s.NextValue(ctx)
	_, _ = s.NextValue(ctx)
	_, _ = s.LastValue(ctx)
	_ = s.ResetTo(ctx, 1)
	_ = s.Restart(ctx)
	calls := f.Calls()
	if !errors.Is(calls[0].Err, nil) || calls[0].Op != dialect.OpLoad || calls[5].Err != nil || calls[6].Err == nil {
		t.Errorf("got calls %+v, want their errors", calls)
	}
	f.WantCalls(t,
		"refresh public.v", "refresh concurrently public.v", "refresh public.v with no data", "select from public.v LIMIT 1",
		"next value of public.s", "next value of public.s", "last value of public.s", "restart public.s at 1", "restart public.s")
	f.WantCalls(t)
	_, _ = s.LastValue(ctx)
	got := failureOf(func(t testing.TB) { f.WantCalls(t, "next value of public.s") })
	if !strings.Contains(got, `operation 1: got "last value of public.s", want "next value of public.s"`) {
		t.Errorf("WantCalls with another operation: got failure %q", got)
	}
	got = failureOf(func(t testing.TB) { f.WantCalls(t, "next value of public.s") })
	if !strings.Contains(got, `got nothing, want "next value of public.s"`) {
		t.Errorf("WantCalls without an operation: got failure %q", got)
	}
	if n := len(f.Calls()); n != 11 {
		t.Errorf("got %d calls after WantCalls, want 11", n)
	}
}

func TestPlannedBehaviours(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "s"}}})
	m := load(t, f)
	s := found(t, m.Sequence, "s")
	mine := errors.New("mine")
	f.Next(t, dialect.OpNextValue, "s", sqltest.Fail(mine), sqltest.Hang(), sqltest.Slow(30*time.Millisecond),
		sqltest.Fail(&sqltest.Error{Code: "42501", Message: "permission denied"}))
	if _, err := s.NextValue(t.Context()); !errors.Is(err, mine) {
		t.Errorf("Fail: got error %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.NextValue(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Hang: got error %v", err)
	}
	start := time.Now()
	if v, err := s.NextValue(t.Context()); v != 1 || err != nil || time.Since(start) < 30*time.Millisecond {
		t.Errorf("Slow: got %d, %v after %v", v, err, time.Since(start))
	}
	if _, err := s.NextValue(t.Context()); !errors.Is(err, massive.ErrPermission) {
		t.Errorf("Fail with a SQLSTATE: got error %v, want ErrPermission", err)
	}
	if v, err := s.NextValue(t.Context()); v != 2 || err != nil {
		t.Errorf("after the plan: got %d, %v", v, err)
	}
	f.Next(t, dialect.OpLoad, "", sqltest.Fail(massive.ErrServerTimeout))
	if _, err := m.Reload(t.Context()); !errors.Is(err, massive.ErrServerTimeout) {
		t.Errorf("a planned failure of a load: got error %v", err)
	}
	got := failureOf(func(t testing.TB) { f.Next(t, dialect.OpRefresh, "daily", sqltest.Hang()) })
	if !strings.Contains(got, `1 of 1 planned operations "refresh public.daily" did not come`) {
		t.Errorf("a plan without an operation: got failure %q", got)
	}
	got = failureOf(func(t testing.TB) {
		f.Next(t, dialect.OpNextValue, "s", sqltest.Hang())
		f.Next(t, dialect.OpNextValue, "s", sqltest.Fail(mine), sqltest.Slow(0))
	})
	if strings.Count(got, "did not come") != 2 || !strings.Contains(got, "1 of 1") || !strings.Contains(got, "2 of 2") {
		t.Errorf("two plans without operations: got failures %q", got)
	}
}

// Next accepts the operation's name in the program and its name in the database.
func TestNextAcceptsBothNames(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{
		Sequences: []sqltest.Sequence{{Name: "s"}},
		Matviews:  []sqltest.Matview{{Name: "v", Rows: []struct{ N int }{{1}}, Unique: []string{"n"}}},
	})
	m := load(t, f)
	s := found(t, m.Sequence, "s")
	v := found(t, m.Matview, "v")
	ctx := t.Context()
	mine := errors.New("mine")
	refresh := func(options ...massive.RefreshOption) func() error {
		return func() error { _, err := v.Refresh(ctx, options...); return err }
	}
	for _, c := range []struct {
		op   dialect.Op
		name string
		do   func() error
	}{
		{dialect.OpRefreshConcurrently, "v", refresh(massive.Concurrently())},
		{dialect.OpRefreshConcurrently, "v", refresh()},
		{dialect.OpRefresh, "v", refresh(massive.ConcurrentlyIfPossible())},
		{dialect.OpRefreshIfPossible, "v", refresh(massive.ConcurrentlyIfPossible())},
		{dialect.OpReset, "s", func() error { return s.Reset(ctx) }},
		{dialect.OpResetTo, "s", func() error { return s.ResetTo(ctx, 7) }},
		{dialect.OpRestart, "public.s", func() error { return s.Reset(ctx) }},
		{dialect.OpReload, "", func() error { _, err := m.Reload(ctx); return err }},
		{dialect.OpVerify, "", func() error { return m.Verify(ctx, massive.RowsAre[struct{ N int }]("v")) }},
		{dialect.OpNextValues, "s", func() error {
			a, err := massive.NewAllocator(s)
			if err != nil {
				return err
			}
			_, err = a.Next(ctx)
			return err
		}},
	} {
		f.Next(t, c.op, c.name, sqltest.Fail(mine))
		if err := c.do(); !errors.Is(err, mine) {
			t.Errorf("a planned %q: got error %v", c.op, err)
		}
	}
	for says, c := range map[string]struct {
		op   dialect.Op
		name string
	}{
		"opens a quote": {dialect.OpRefresh, `"`},
		`Next("look up"): this operation does not reach the database`:   {dialect.OpLookup, "v"},
		`Next("append to"): this operation does not reach the database`: {dialect.OpAppend, "e"},
		`Next("refesh"): this operation does not reach the database`:    {"refesh", "v"},
		`as "next values of", or with HiLo as "next block of"`:          {dialect.OpAllocate, "s"},
		`once per view; plan "refresh" for a view instead`:              {dialect.OpRefreshAll, ""},
		`Next("reload", "v"): the operation has no structure`:           {dialect.OpReload, "v"},
		`Next("refresh"): `: {dialect.OpRefresh, ""},
	} {
		if got := failureOf(func(t testing.TB) { f.Next(t, c.op, c.name, sqltest.Hang()) }); !strings.Contains(got, says) {
			t.Errorf("Next(%q, %q): got failure %q, want %q", c.op, c.name, got, says)
		}
	}
}

// An operation that hangs or is slow holds its locks meanwhile.
func TestPlannedDelaysHoldLocks(t *testing.T) {
	t.Parallel()
	type row struct{ N int64 }
	for name, c := range map[string]struct {
		op                     dialect.Op
		first                  func(ctx context.Context, m *massive.DB) error
		reads, merges, refresh bool // whether these operations work meanwhile
		base                   bool // whether a blocking refresh of the source view works
	}{
		"a refresh":            {dialect.OpRefresh, refreshOf("v"), false, false, false, false},
		"one without data":     {dialect.OpRefresh, refreshOf("v", massive.WithNoData()), false, false, false, true},
		"a concurrent refresh": {dialect.OpRefresh, refreshOf("v", massive.Concurrently()), true, false, false, false},
		"a select":             {dialect.OpSelect, selectOf("v"), true, true, false, true},
	} {
		f := sqltest.New(sqltest.Catalog{Matviews: []sqltest.Matview{
			{Name: "base", Rows: []row{{1}}},
			{Name: "v", Rows: []row{{1}}, Unique: []string{"n"}, Reads: []string{"base"}},
		}})
		m := load(t, f)
		f.Next(t, c.op, "v", sqltest.Hang())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.first(ctx, m) }()
		for len(f.Calls()) < 2 {
			time.Sleep(time.Millisecond)
		}
		for what, other := range map[string]struct {
			do     func(context.Context, *massive.DB) error
			passes bool
		}{
			"a select":               {selectOf("v"), c.reads},
			"a concurrent refresh":   {refreshOf("v", massive.Concurrently()), c.merges},
			"a blocking refresh":     {refreshOf("v"), c.refresh},
			"a refresh of its base":  {refreshOf("base"), c.base},
			"one that waits briefly": {refreshOf("v", massive.LockTimeout(time.Millisecond)), c.refresh},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			if err := other.do(ctx, m); err == nil != other.passes {
				t.Errorf("while %s hangs, %s: got error %v", name, what, err)
			}
			cancel()
		}
		v := found(t, m.Matview, "v")
		result, err := v.Refresh(t.Context(), massive.SkipIfBusy(), massive.LockTimeout(time.Millisecond))
		if !errors.Is(err, massive.ErrBusy) || result.Outcome != massive.OutcomeSkippedBusy {
			t.Errorf("while %s hangs, a refresh with SkipIfBusy: got %v, %v", name, result, err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s that hangs: got error %v", name, err)
		}
		if err := refreshOf("v")(t.Context(), m); err != nil {
			t.Errorf("after %s: got error %v, want none", name, err)
		}
	}
}

func refreshOf(name string, options ...massive.RefreshOption) func(context.Context, *massive.DB) error {
	return func(ctx context.Context, m *massive.DB) error {
		v, err := m.Matview(name)
		if err == nil {
			_, err = v.Refresh(ctx, options...)
		}
		return err
	}
}

func selectOf(name string) func(context.Context, *massive.DB) error {
	return func(ctx context.Context, m *massive.DB) error {
		v, err := m.Matview(name)
		if err != nil {
			return err
		}
		return v.Select(ctx, &[]struct{ N int64 }{}, "")
	}
}

func TestSelectWithATail(t *testing.T) {
	t.Parallel()
	type row struct{ N int64 }
	f := sqltest.New(sqltest.Catalog{Matviews: []sqltest.Matview{
		{Name: "mute", Rows: []row{{1}}},
		{Name: "answers", Rows: []row{{1}, {2}}, Select: func(tail string, args []any) (any, error) {
			if tail != "WHERE n > $1" {
				return nil, fmt.Errorf("unexpected tail %q", tail)
			}
			return []row{{args[0].(int64)}}, nil
		}},
		{Name: "wrong", Rows: []row{{1}}, Select: func(string, []any) (any, error) { return []struct{ Other int }{{1}}, nil }},
	}})
	m := load(t, f)
	get := func(name, tail string, args ...any) ([]row, error) {
		v := found(t, m.Matview, name)
		var rows []row
		return rows, errors.Join(v.Select(t.Context(), &rows, tail, args...), func() error {
			if len(rows) > 0 && rows[0].N == 41 {
				return nil
			}
			return fmt.Errorf("rows %v", rows)
		}())
	}
	if _, err := get("answers", "WHERE n > $1", int64(41)); err != nil {
		t.Errorf("a tail with a Select function: got error %v", err)
	}
	for name, says := range map[string]string{
		"mute":    "set Matview.Select",
		"answers": `unexpected tail "WHERE m"`,
		"wrong":   "returned the columns",
	} {
		if _, err := get(name, "WHERE m"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", name, err, says)
		}
	}
}

func TestInvalidCatalog(t *testing.T) {
	t.Parallel()
	for says, c := range map[string]sqltest.Catalog{
		"public.a already exists":                             {Sequences: []sqltest.Sequence{{Name: "a"}, {Name: "public.a"}}},
		"public.b already exists":                             {Matviews: []sqltest.Matview{{Name: "b"}}, Enums: []sqltest.Enum{{Name: "b"}}},
		"its start 9 is not between 1 and 5":                  {Sequences: []sqltest.Sequence{{Name: "a", Start: 9, Max: 5}}},
		"the bounds 7 to 3 are invalid for type bigint":       {Sequences: []sqltest.Sequence{{Name: "a", Min: 7, Max: 3}}},
		"the bounds 1 to 99999 are invalid for type smallint": {Sequences: []sqltest.Sequence{{Name: "a", Type: "smallint", Max: 99999}}},
		"Exactly is set together with Min, Max or Start":      {Sequences: []sqltest.Sequence{{Name: "a", Max: 3, Exactly: &sqltest.Range{Max: 3}}}},
		"the bounds 0 to 0 are invalid":                       {Sequences: []sqltest.Sequence{{Name: "a", Exactly: &sqltest.Range{}}}},
		`its type is "text"`:                                  {Sequences: []sqltest.Sequence{{Name: "a", Type: "text"}}},
		`KeyOf is "orders"; write it as table.column`:         {Sequences: []sqltest.Sequence{{Name: "a", KeyOf: "orders"}}},
		`Feeds has "orders"; write it as table.column`:        {Sequences: []sqltest.Sequence{{Name: "a", Feeds: []string{"orders"}}}},
		"Holds needs a column; set KeyOf":                     {Sequences: []sqltest.Sequence{{Name: "a", Holds: []int64{1}}}},
		"the name is empty":                                   {Enums: []sqltest.Enum{{}}},
		"schemas named pg_… are reserved for the system":      {Tables: []string{"pg_x.t"}},
		"is 64 bytes long; the limit is 63":                   {Enums: []sqltest.Enum{{Name: "e", Labels: []string{strings.Repeat("é", 32)}}}},
		"contains a NUL byte":                                 {Enums: []sqltest.Enum{{Name: "e", Labels: []string{"a\x00"}}}},
		"row 1 is nil":                                        {Matviews: []sqltest.Matview{{Name: "v", Rows: []*struct{ N int }{{1}, nil}}}},
		`label "a" is listed twice`:                           {Enums: []sqltest.Enum{{Name: "e", Labels: []string{"a", "a"}}}},
		"rows are a slice of structs, not int":                {Matviews: []sqltest.Matview{{Name: "v", Rows: 7}}},
		`Unique names the column "x"`:                         {Matviews: []sqltest.Matview{{Name: "v", Unique: []string{"x"}}}},
		"its rows violate its unique index":                   {Matviews: []sqltest.Matview{{Name: "v", Unique: []string{"n"}, Rows: []struct{ N int }{{1}, {1}}}}},
		"its columns are [{x text}], and its rows ha":         {Matviews: []sqltest.Matview{{Name: "v", Columns: []dialect.Column{{Name: "x", Type: "text"}}, Rows: []struct{ N int }{}}}},
	} {
		f := sqltest.New(c)
		_, err := massive.Load(t.Context(), f.DB(), f)
		if !errors.Is(err, massive.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want ErrInvalid with the text %q", err, says)
		}
	}
}

func TestInvalidChange(t *testing.T) {
	t.Parallel()
	for says, c := range map[string]sqltest.Change{
		"there is no enum public.none":                  sqltest.AddLabel{Enum: "none", Label: "a"},
		`mood already has the label "sad"`:              sqltest.AddLabel{Enum: "mood", Label: "sad"},
		`mood has no label "happy", before which "new"`: sqltest.AddLabel{Enum: "mood", Label: "new", Before: "happy"},
		"is 64 bytes long; the limit is 63":             sqltest.AddLabel{Enum: "mood", Label: strings.Repeat("a", 64)},
		"is not valid UTF-8":                            sqltest.AddLabel{Enum: "mood", Label: "\xff"},
		"there is no view public.none":                  sqltest.SetRows{Matview: "none"},
		"there is no public.none":                       sqltest.Drop{Name: "none"},
		"there is no public.none to rename":             sqltest.Rename{Name: "none", To: "other"},
		"public.mood already exists":                    sqltest.Create{Enums: []sqltest.Enum{{Name: "mood"}}},
		"public.v has columns [{n bigint}], an":         sqltest.SetRows{Matview: "v", Rows: []struct{ M int }{{1}}},
	} {
		f := sqltest.New(sqltest.Catalog{
			Enums:    []sqltest.Enum{{Name: "mood", Labels: []string{"sad"}}},
			Matviews: []sqltest.Matview{{Name: "v", Rows: []struct{ N int }{{1}}}},
		})
		if got := failureOf(func(t testing.TB) { f.Do(t, c) }); !strings.Contains(got, says) {
			t.Errorf("%T: got failure %q, want %q", c, got, says)
		}
	}
}

func TestStandby(t *testing.T) {
	t.Parallel()
	f := sqltest.New(sqltest.Catalog{Standby: true, Sequences: []sqltest.Sequence{{Name: "s"}}})
	m := load(t, f)
	s := found(t, m.Sequence, "s")
	if _, err := s.NextValue(t.Context()); !errors.Is(err, massive.ErrReadOnly) || !m.Server().Standby {
		t.Errorf("NextValue on a standby: got error %v", err)
	}
	if v, err := s.LastValue(t.Context()); v != 1 || err != nil {
		t.Errorf("LastValue on a standby: got %d, %v", v, err)
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// found returns the structure that a lookup finds.
func found[T any](t testing.TB, lookup func(string) (T, error), name string) T {
	t.Helper()
	structure, err := lookup(name)
	noError(t, err)
	return structure
}
