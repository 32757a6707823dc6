package massive_test

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

//go:embed testdata/searchpath.sql
var evil string

// A site is a copy of a database with a search path. In the hostile one, the schema evil
// comes first.
type site struct {
	*env
	clean *sql.DB     // with the default search path
	m     *massive.DB // loaded through clean, with operations through the pool
}

// whole loads all structures, key sequences too, except those in evil.
var whole = []massive.LoadOption{massive.WithKeySequences(), massive.Exclude("evil.*")}

func newSite(t *testing.T, d *pgtest.Database, driver, options string) *site {
	s := &site{env: &env{d, driver, d.Open(t, driver, options)}, clean: d.Open(t, driver)}
	s.m = load(t, s.clean, whole...).With(s.pool)
	return s
}

// executed returns how often functions and operators of the schema evil ran.
func (s *site) executed(t *testing.T) int64 {
	t.Helper()
	return one[int64](t, s.clean, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM evil.executed")
}

// If a hostile schema comes before pg_catalog in the search path, operations return the
// same results and run no code of that schema.
func TestHostileSearchPathRunsNoCode(t *testing.T) {
	t.Parallel()
	keeper := newEnv(t, "postgres")
	attacker, _ := keeper.role(t, "") // dropped with the databases
	base := pgtest.NewDatabase(t)
	base.Exec(t, `
		CREATE TABLE a (id serial PRIMARY KEY, n numeric DEFAULT nextval('a_id_seq'), f float8 DEFAULT nextval('a_id_seq'));
		INSERT INTO a (id, n, f) VALUES (100, 1, 1); CREATE SEQUENCE fresh; CREATE SEQUENCE block INCREMENT 10;
		CREATE MATERIALIZED VIEW v AS SELECT id FROM a; CREATE UNIQUE INDEX v_id ON v (id); CREATE VIEW w AS SELECT id FROM v;
		CREATE MATERIALIZED VIEW x AS SELECT id FROM w; CREATE MATERIALIZED VIEW bare AS SELECT 1 AS id;
		CREATE MATERIALIZED VIEW hollow AS SELECT 1 AS id WITH NO DATA;
		CREATE MATERIALIZED VIEW reads_hollow AS SELECT id FROM hollow WITH NO DATA;
		CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN feeling AS mood; CREATE TYPE moods AS RANGE (subtype = mood);
		CREATE TABLE m (m mood, ms mood[], f feeling, fs feeling[], r moods);
		COMMENT ON TYPE mood IS 'how'; GRANT USAGE ON SEQUENCE fresh TO PUBLIC; GRANT SELECT ON v TO PUBLIC;`)
	taken := base.Copy(t)
	taken.Exec(t, strings.ReplaceAll(evil, "$attacker", attacker))
	for _, driver := range []string{"postgres", "pgx"} {
		plain := newSite(t, base.Copy(t), driver, "options='-c search_path=pg_catalog,public'")
		hostile := newSite(t, taken.Copy(t), driver, "options='-c search_path=evil,pg_catalog,public'")
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			checkHostile(t, hostile)
			for _, op := range everyOperation {
				t.Run(op.name, func(t *testing.T) { checkSame(t, op, plain, hostile) })
			}
		})
	}
}

// checkSame checks that an operation returns the same with both search paths, and runs no
// code of the schema evil.
func checkSame(t *testing.T, op operation, plain, hostile *site) {
	t.Helper()
	before := hostile.executed(t)
	want, errPlain := op.do(t, plain)
	got, err := op.do(t, hostile)
	same(t, "executions of the schema's code", hostile.executed(t)-before, 0)
	same(t, "the error", fmt.Sprint(err), fmt.Sprint(errPlain))
	same(t, "the result", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
}

// checkHostile checks that statements without schemas do run code of the schema evil, so
// that the test can fail.
func checkHostile(t *testing.T, s *site) {
	t.Helper()
	for _, text := range []string{
		"SELECT 1 = 1", "SELECT oid >= 1 FROM pg_catalog.pg_class", "SELECT attname || 'x' FROM pg_catalog.pg_attribute",
		"SELECT oid = 'pg_catalog.pg_class'::pg_catalog.regclass FROM pg_catalog.pg_class", "SELECT 1 IN (1, 2)", "SELECT 1 IN (SELECT 1)",
		"SELECT 1 = ANY ('{1}')", "SELECT 1 BETWEEN 0 AND 2", "SELECT CASE 1 WHEN 1 THEN 2 END", "SELECT NULLIF(1, 1)",
		"SELECT 1 IS DISTINCT FROM 2", "SELECT FROM pg_catalog.pg_class JOIN pg_catalog.pg_type USING (oid)", "SELECT - oid::bigint FROM pg_catalog.pg_class",
		"SELECT version()", "SELECT sqlite_version()", "SELECT max(oid) FROM pg_catalog.pg_class", "SELECT FROM pg_class", "SELECT 'x'::text",
		"DO 'BEGIN IF 1 = 1 THEN NULL; END IF; END'", "DO 'DECLARE r record; BEGIN SELECT 1 INTO r; END'",
	} {
		before := s.executed(t)
		_, _ = s.pool.ExecContext(t.Context(), text)
		if s.executed(t) == before {
			t.Errorf("%s runs no code of the schema evil, so that the test can't fail", text)
		}
	}
}

type operation struct {
	name string
	do   func(t *testing.T, s *site) (result any, err error)
}

// everyOperation has each operation that sends the library's own statements.
var everyOperation = []operation{
	{name: "Load", do: func(t *testing.T, s *site) (any, error) {
		m, err := massive.Load(t.Context(), s.pool, postgres.New(), whole...)
		if err != nil {
			return nil, err
		}
		return registry.Diff(s.m.Registry(), m.Registry()), nil
	}},
	{name: "Load and Unchanged with temporary tables", do: func(t *testing.T, s *site) (any, error) {
		q := s.conn(t)
		exec(t, q, "CREATE TEMPORARY TABLE v (); CREATE TEMPORARY TABLE mood ()")
		defer exec(t, q, "DROP TABLE pg_temp.v, pg_temp.mood")
		for _, kinds := range [][]massive.Kind{nil, {massive.KindMatview}, {massive.KindEnum}, {massive.KindSequence}} {
			r, err := registry.Load(t.Context(), q, postgres.New(), registry.Selection{Filter: dialect.Filter{Kinds: kinds}})
			if err != nil {
				return nil, err
			}
			if _, err := registry.Unchanged(t.Context(), q, postgres.New(), r.Sign()); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}},
	{name: "Reload", do: func(t *testing.T, s *site) (any, error) { return load(t, s.pool, whole...).Reload(t.Context()) }},
	{name: "Verify", do: func(t *testing.T, s *site) (any, error) {
		return nil, load(t, s.pool, whole...).Verify(t.Context(), massive.EnumIs("mood", []string{"sad"}),
			massive.RowsAre[struct{ ID int }]("v"))
	}},
	{name: "Watch", do: func(t *testing.T, s *site) (any, error) {
		create, drop, err := postgres.ChangeTrigger("public", "changed")
		if err != nil {
			return nil, err
		}
		if _, err := s.pool.ExecContext(t.Context(), create); err != nil {
			return nil, err
		}
		waker := wakerOf(s.env, "changed")
		defer waker.Close()
		w := watch(t, load(t, s.pool, whole...), 5*time.Millisecond, massive.WithWaker(waker))
		for _, c := range [][2]string{
			{"ALTER TYPE public.mood ADD VALUE 'odd'", "labels"}, {"CREATE UNIQUE INDEX late ON public.x (id)", "indexes"},
			{"CREATE TYPE public.later AS ENUM ()", "enum public.later added"}, {"DROP INDEX public.late", "indexes"},
		} {
			exec(t, s.pool, c[0])
			w.until(c[1])
		}
		_, err = s.pool.ExecContext(t.Context(), drop)
		return nil, errors.Join(w.end(), err)
	}},
	{name: "Refresh", do: refreshing("v")},
	{name: "Refresh concurrently", do: refreshing("v", massive.Concurrently())},
	{name: "Refresh concurrently with a lock timeout", do: refreshing("v", massive.Concurrently(), massive.LockTimeout(time.Minute))},
	{name: "Refresh with Analyze", do: refreshing("bare", massive.Analyze())},
	{name: "Refresh with Analyze and all options", do: refreshing("v",
		massive.Analyze(), massive.ConcurrentlyIfPossible(), massive.SkipIfBusy(), massive.LockTimeout(time.Minute))},
	{name: "Refresh with SkipIfBusy", do: refreshing("v", massive.SkipIfBusy())},
	{name: "Refresh with all options", do: refreshing("v", massive.ConcurrentlyIfPossible(), massive.SkipIfBusy(), massive.LockTimeout(time.Minute))},
	{name: "Refresh without an index", do: refreshing("bare", massive.ConcurrentlyIfPossible())},
	{name: "Refresh WithNoData", do: refreshing("bare", massive.WithNoData())},
	{name: "Refresh of an empty view", do: refreshing("bare", massive.ConcurrentlyIfPossible())},
	{name: "Refresh over an empty view", do: refreshing("reads_hollow", massive.ConcurrentlyIfPossible(), massive.SkipIfBusy())},
	{name: "Refresh of a busy view", do: func(t *testing.T, s *site) (any, error) {
		tx, err := s.clean.BeginTx(t.Context(), nil)
		if err != nil {
			return nil, err
		}
		defer func() { _ = tx.Rollback() }()
		exec(t, tx, "REFRESH MATERIALIZED VIEW public.v")
		return refreshing("v", massive.SkipIfBusy(), massive.LockTimeout(time.Millisecond))(t, s)
	}},
	{name: "Refresh that times out", do: func(t *testing.T, s *site) (any, error) {
		tx, err := s.clean.BeginTx(t.Context(), nil)
		if err != nil {
			return nil, err
		}
		defer func() { _ = tx.Rollback() }()
		exec(t, tx, "SELECT FROM public.v")
		return refreshing("v", massive.SkipIfBusy(), massive.LockTimeout(time.Millisecond))(t, s)
	}},
	{name: "Refresh in a snapshot from before an index was dropped", do: func(t *testing.T, s *site) (any, error) {
		tx, err := s.pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		if err != nil {
			return nil, err
		}
		defer func() { _ = tx.Rollback() }()
		exec(t, tx, "SELECT pg_catalog.count(*) FROM pg_catalog.pg_index")
		exec(t, s.clean, "DROP INDEX public.v_id")
		defer exec(t, s.clean, "CREATE UNIQUE INDEX v_id ON public.v (id)")
		defer func() { _ = tx.Rollback() }()
		return refreshing("v", massive.ConcurrentlyIfPossible())(t, &site{env: s.env, clean: s.clean, m: s.m.With(tx)})
	}},
	{name: "RefreshAll with savepoints", do: func(t *testing.T, s *site) (any, error) {
		tx, err := s.pool.BeginTx(t.Context(), nil)
		if err != nil {
			return nil, err
		}
		report, err := s.m.With(tx).RefreshAll(t.Context(), massive.Savepoints(), massive.RefreshWith(massive.SkipIfBusy()))
		return len(report.Views), errors.Join(err, tx.Commit())
	}},
	{name: "RefreshAll in parallel", do: func(t *testing.T, s *site) (any, error) {
		report, err := s.m.RefreshAll(t.Context(), massive.Parallel(2), massive.RefreshWith(massive.ConcurrentlyIfPossible()))
		return len(report.Views), err
	}},
	{name: "a ledger of refreshes", do: ledgerOf(false)},
	{name: "a ledger that notes others", do: ledgerOf(true)},
	{name: "Definition", do: onView(func(ctx context.Context, v massive.Matview) (any, error) { return v.Definition(ctx) })},
	{name: "Size", do: onView(func(ctx context.Context, v massive.Matview) (any, error) { return v.Size(ctx) })},
	{name: "Count", do: onView(func(ctx context.Context, v massive.Matview) (any, error) { return v.Count(ctx, "") })},
	{name: "Select", do: onView(func(ctx context.Context, v massive.Matview) (any, error) {
		var ids []int
		err := v.Select(ctx, &ids, "")
		return ids, err
	})},
	{name: "Get", do: onView(func(ctx context.Context, v massive.Matview) (any, error) {
		var id int
		err := v.Get(ctx, &id, "")
		return id, err
	})},
	{name: "Rows", do: onView(func(ctx context.Context, v massive.Matview) (any, error) {
		var ids []int
		for id, err := range massive.Rows[int](ctx, v, "") {
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		return ids, nil
	})},
	{name: "UsedBy", do: func(t *testing.T, s *site) (any, error) { return enum(t, s.m, "mood").UsedBy(t.Context()) }},
	{name: "AddValue, EnsureValue and RenameValue", do: func(t *testing.T, s *site) (any, error) {
		m := load(t, s.pool, massive.Only(massive.KindEnum))
		b, err := massive.BindEnum[string](m, "mood")
		if err != nil {
			return nil, err
		}
		first, errFirst := b.EnsureValue(t.Context(), "ok", massive.After("sad"))
		again, errAgain := b.EnsureValue(t.Context(), "ok")
		err = errors.Join(errFirst, errAgain, b.AddValue(t.Context(), "happy"), b.RenameValue(t.Context(), "happy", "glad"))
		return fmt.Sprint(first, again, b.Values()), err
	}},
	{name: "the query for the server's version", do: func(t *testing.T, s *site) (any, error) {
		_, err := massive.Load(t.Context(), &strange{Querier: s.pool, fails: []string{"SELECT x.kind"}}, postgres.New(), whole...)
		return nil, err
	}},
	{name: "the queries for other products' versions", do: func(t *testing.T, s *site) (any, error) {
		q := &strange{Querier: s.pool, fails: []string{"SELECT x.kind", "pg_catalog.version()"}}
		_, err := massive.Load(t.Context(), q, postgres.New(), whole...)
		return q.sent, err
	}},
	{name: "NextValue", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.NextValue(ctx) })},
	{name: "NextValues", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.NextValues(ctx, 3) })},
	{name: "NextBlock", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.NextBlock(ctx) })},
	{name: "an allocator", do: func(t *testing.T, s *site) (any, error) {
		return allocatedBy(t, s, "fresh", massive.BlockSize(2))
	}},
	{name: "a HiLo allocator", do: func(t *testing.T, s *site) (any, error) { return allocatedBy(t, s, "block", massive.HiLo(10)) }},
	{name: "SetValue", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return nil, s.SetValue(ctx, 7, true) })},
	{name: "LastValue", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.LastValue(ctx) })},
	{name: "State", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.State(ctx) })},
	{name: "ResetTo", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return nil, s.ResetTo(ctx, 7) })},
	{name: "LastValue, uncalled", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.LastValue(ctx) })},
	{name: "State, uncalled", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.State(ctx) })},
	{name: "Restart", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return nil, s.Restart(ctx) })},
	{name: "Lag", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.Lag(ctx) })},
	{name: "CatchUp", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.CatchUp(ctx) })},
	{name: "CatchUp of a sequence that is not behind", do: onSequence(func(ctx context.Context, s massive.Sequence) (any, error) { return s.CatchUp(ctx) })},
	{name: "Lag of all sequences", do: onAllSequences((*massive.DB).Lag)},
	{name: "CatchUp of all sequences", do: onAllSequences((*massive.DB).CatchUp)},
	{name: "Exhaustion", do: func(t *testing.T, s *site) (any, error) {
		// The allocators above may have fetched ahead or not.
		exec(t, s.clean, "SELECT pg_catalog.setval('public.fresh', 12), pg_catalog.setval('public.block', 11)")
		x, err := s.m.Exhaustion(t.Context(), massive.AtLeast(0))
		x.Above = slices.DeleteFunc(x.Above, func(u massive.SequenceUse) bool { return u.Sequence.Schema == "evil" })
		return fmt.Sprint(x.Above, x.Unknown, x.Uncalled), err
	}},
}

func onAllSequences(op func(*massive.DB, context.Context, ...registry.LagOption) (registry.Lags, error)) func(*testing.T, *site) (any, error) {
	return func(t *testing.T, s *site) (any, error) {
		exec(t, s.clean, "SELECT pg_catalog.setval('public.a_id_seq', 1, false)")
		lags, err := op(s.m, t.Context())
		return slices.DeleteFunc(listsOf(lags), func(text string) bool { return strings.HasPrefix(text, "executed ") }), err
	}
}

func refreshing(name string, opts ...massive.RefreshOption) func(*testing.T, *site) (any, error) {
	return func(t *testing.T, s *site) (any, error) {
		r, err := matview(t, s.m, name).Refresh(t.Context(), opts...)
		r.Duration = 0
		return r, err
	}
}

// ledgerOf runs all operations of a ledger, in a schema of its own.
func ledgerOf(notes bool) func(*testing.T, *site) (any, error) {
	return func(t *testing.T, s *site) (any, error) {
		d := postgres.New()
		l := dialect.Ledger{Schema: fmt.Sprint("ledger_", notes)}
		define := dialect.LedgerDefinition{Ledger: l, Writers: []string{"pg_monitor"}, NoteOthers: notes}
		err := errors.Join(d.CreateLedger(t.Context(), s.pool, define), d.CreateLedger(t.Context(), s.pool, define))
		v, x := dialect.Name{Schema: "public", Name: "v"}, dialect.Name{Schema: "public", Name: "x"}
		done := []any{}
		for _, view := range []dialect.Name{v, x} {
			for _, how := range []dialect.Refresh{
				{}, {IfPossible: true, Analyze: true}, {IfOlder: true}, {IfOlder: true, OlderThan: time.Hour},
				{IfOlder: true, Wait: true, LockTimeout: time.Minute}, {IfOlder: true, SkipIfBusy: true},
			} {
				how.Record = &l
				r, errRefresh := d.RefreshMatview(t.Context(), s.pool, view, how)
				_, known, errAge := d.DataAge(t.Context(), s.pool, l, view)
				done, err = append(done, r, known), errors.Join(err, errRefresh, errAge)
			}
		}
		exec(t, s.pool, "REFRESH MATERIALIZED VIEW public.v")
		err = errors.Join(err, d.RecordFailure(t.Context(), s.pool, l, x, "why"))
		for _, views := range [][]dialect.Name{{v, x}, nil} {
			all, errFreshness := d.Freshness(t.Context(), s.pool, l, views)
			for _, f := range all {
				done = append(done, f.Name, f.Doubt, f.Failures, f.Error, f.Running == nil)
			}
			err = errors.Join(err, errFreshness)
		}
		exec(t, s.pool, "DROP EVENT TRIGGER IF EXISTS massive_refreshed")
		return done, errors.Join(err, d.CheckLedger(t.Context(), s.pool, l))
	}
}

func onView(f func(context.Context, massive.Matview) (any, error)) func(*testing.T, *site) (any, error) {
	return func(t *testing.T, s *site) (any, error) { return f(t.Context(), matview(t, s.m, "v")) }
}

func onSequence(f func(context.Context, massive.Sequence) (any, error)) func(*testing.T, *site) (any, error) {
	return func(t *testing.T, s *site) (any, error) { return f(t.Context(), sequence(t, s.m, "a_id_seq")) }
}

func allocatedBy(t *testing.T, s *site, name string, opt massive.AllocatorOption) (values []int64, err error) {
	a, err := massive.NewAllocator(sequence(t, s.m, name), opt)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	for range 12 {
		v, err := a.Next(t.Context())
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
	return values, nil
}

// A strange querier fails statements with one of the texts, as a server of another
// product would.
type strange struct {
	massive.Querier
	fails []string
	sent  []string
}

func (q *strange) text(text string) string {
	for _, f := range q.fails {
		if strings.Contains(text, f) {
			return "SELECT pg_catalog.of_no_such_name()"
		}
	}
	q.sent = append(q.sent, text)
	return text
}

func (q *strange) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return q.Querier.QueryContext(ctx, q.text(text), args...)
}

func (q *strange) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	return q.Querier.QueryRowContext(ctx, q.text(text), args...)
}

// Definition changes the search path temporarily, and restores it even after an error.
func TestDefinitionRestoresTheSearchPath(t *testing.T) {
	t.Parallel()
	onDrivers(t, "CREATE MATERIALIZED VIEW v AS SELECT 1 AS id; CREATE MATERIALIZED VIEW gone AS SELECT 1 AS id", func(t *testing.T, e *env) {
		v, gone := matview(t, e.load(t), "v").Name(), matview(t, e.load(t), "gone").Name()
		exec(t, e.pool, "DROP MATERIALIZED VIEW gone; CREATE TABLE gone (id int)")
		reader := postgres.New()
		for _, path := range []string{"", "public", `"$user", public`, "public, pg_catalog", "pg_temp, pg_catalog", `"$user", pg_catalog, public`} {
			tx := e.begin(t)
			exec(t, tx, "CREATE TEMPORARY TABLE of_the_session (); SELECT set_config('search_path', '"+path+"', true)")
			if text, err := reader.MatviewDefinition(t.Context(), tx, v); err != nil || !strings.Contains(text, "SELECT 1 AS id") {
				t.Errorf("search path %q: got %q, error %v", path, text, err)
			}
			same(t, "the search path after a definition", one[string](t, tx, "SELECT current_setting('search_path')"), path)
			if text, err := reader.MatviewDefinition(t.Context(), tx, gone); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("a table, search path %q: got %q, error %v, want sql.ErrNoRows", path, text, err)
			}
			same(t, "the search path after an error", one[string](t, tx, "SELECT current_setting('search_path')"), path)
			_ = tx.Rollback()
		}
		before := one[string](t, e.pool, "SELECT current_setting('search_path')")
		_, err := reader.MatviewDefinition(t.Context(), e.pool, v)
		same(t, "the search path of a session after a definition", one[string](t, e.pool, "SELECT current_setting('search_path')"), before)
		same(t, "the error", err, nil)
	})
}
