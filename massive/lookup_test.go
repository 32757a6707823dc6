package massive_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest"
)

// A bare name is found in the schema in which to_regclass or to_regtype finds it.
func TestBareNamesResolveAsPostgresDoes(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA "C c";
		CREATE MATERIALIZED VIEW a.v1 AS SELECT 1; CREATE MATERIALIZED VIEW b.v1 AS SELECT 1;
		CREATE TABLE a.v2 (); CREATE MATERIALIZED VIEW b.v2 AS SELECT 1;
		CREATE MATERIALIZED VIEW "C c".v3 AS SELECT 1; CREATE VIEW b.v3 AS SELECT 1;
		CREATE TYPE a.e1 AS ENUM ('a'); CREATE TYPE b.e1 AS ENUM ('b');
		CREATE TABLE a.e2 (); CREATE TYPE b.e2 AS ENUM ('b');
		CREATE DOMAIN b.e3 AS int; CREATE TYPE "C c".e3 AS ENUM ('c');
		CREATE SEQUENCE a.s1; CREATE SEQUENCE b.s1; CREATE SEQUENCE "C c".s1;
		CREATE INDEX s2 ON a.v1 ((1)); CREATE SEQUENCE b.s2;
		CREATE MATERIALIZED VIEW b.pg_class AS SELECT 1; CREATE TYPE a.text AS ENUM ('a');`,
		func(t *testing.T, e *env) {
			conn := e.conn(t)
			for _, path := range []string{
				`a, b, "C c"`, `b, a`, `"C c", b`, `"C c"`, `b, pg_catalog`, `a, pg_catalog`, `missing, a`, `''`, `"$user", public`,
			} {
				exec(t, conn, "SET search_path = "+path)
				m := load(t, conn)
				for _, name := range []string{"v1", "v2", "v3", "e1", "e2", "e3", "s1", "s2", "pg_class", "text", "none"} {
					for kind, found := range map[string]func(string) (dialect.Name, error){
						"m": func(n string) (dialect.Name, error) { return nameOf(m.Matview(n)) },
						"S": func(n string) (dialect.Name, error) { return nameOf(m.Sequence(n)) },
						"e": func(n string) (dialect.Name, error) { return nameOf(m.Enum(n)) },
					} {
						query := `SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
							WHERE c.oid = to_regclass('"` + name + `"') AND c.relkind = '` + kind + `'`
						if kind == "e" {
							query = `SELECT n.nspname FROM pg_catalog.pg_type c JOIN pg_catalog.pg_namespace n ON n.oid = c.typnamespace
								WHERE c.oid = to_regtype('"` + name + `"') AND c.typtype = 'e'`
						}
						want := ""
						if err := conn.QueryRowContext(t.Context(), query).Scan(&want); err != nil && !errors.Is(err, sql.ErrNoRows) {
							t.Fatal(err)
						}
						got, err := found(name)
						if got.Schema != want {
							t.Errorf("search path %s, name %s, kind %s: got schema %q, want %q (%v)",
								path, name, kind, got.Schema, want, err)
						}
						if want == "" {
							mustBe(t, err, massive.ErrNotFound)
						}
					}
				}
			}
		})
}

func nameOf[T interface{ Name() dialect.Name }](found T, err error) (dialect.Name, error) {
	if err != nil {
		return dialect.Name{}, err
	}
	return found.Name(), nil
}

// The reasons that a lookup takes from what else the server has.
func TestNotFoundSaysWhy(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE SCHEMA app; CREATE SCHEMA stats;
		CREATE TABLE public.mood (); CREATE TYPE app.mood AS ENUM ('a');
		CREATE TABLE keyed (id serial PRIMARY KEY); CREATE TABLE unkeyed (id int);
		CREATE VIEW stats.over AS SELECT id FROM unkeyed;
		CREATE TABLE owner (n int); CREATE SEQUENCE owned OWNED BY owner.n;`,
		func(t *testing.T, e *env) {
			conn := e.conn(t)
			exec(t, conn, "SET search_path = public, app")
			m := load(t, conn)
			for _, c := range []struct {
				find   func() error
				reason registry.NotFoundReason
				says   string
			}{
				{func() error { _, err := m.Enum("mood"); return err }, massive.ReasonHidden,
					"massive: look up mood: enum not found: app.mood is hidden by the row type of public.mood, " +
						"which comes before it on the search path; look it up as app.mood"},
				{func() error { _, err := m.Matview("over"); return err }, massive.ReasonUnknown,
					"massive: look up over: materialized view not found"},
				{func() error { _, err := m.Matview("keyed"); return err }, massive.ReasonOtherKind,
					"massive: look up keyed: materialized view not found: a table of that name exists: public.keyed"},
				{func() error { _, err := m.Sequence("public.owner"); return err }, massive.ReasonOtherKind,
					"massive: look up public.owner: sequence not found: a table of that name exists: public.owner"},
				// A load does not read tables without sequences.
				{func() error { _, err := m.Matview("unkeyed"); return err }, massive.ReasonUnknown,
					"massive: look up unkeyed: materialized view not found"},
			} {
				err := c.find()
				mustBe(t, err, massive.ErrNotFound)
				var missing *massive.NotFoundError
				if !errors.As(err, &missing) || missing.Reason != c.reason {
					t.Errorf("got reason %v, want %v: %v", missing.Reason, c.reason, err)
				}
				same(t, "the message", err.Error(), c.says)
			}
		})
}

// oddNames has names that are easy to quote wrongly.
var oddNames = []string{
	"it's", `say "hi"`, "with.dot", `back\slash`, `\`, `'`, `"`, `""`, ".", "with space", " ", "UPPER", "Ünïcode 名前",
	strings.Repeat("ä", 31) + "x", strings.Repeat("n", 63), "select", "$1", "?", ":name", "%s", "a;b", "--", "/*", "{a,b}",
	"NULL", "\n", "\t", "\x1f", "a\x1fb", "1", "E'x'", "pg_x", "🙂",
}

func TestOddNamesWork(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		for _, name := range oddNames {
			e.roundTrip(t, dialect.Name{Schema: name, Name: name})
		}
	})
}

// roundTrip runs each operation that puts a name into a statement on structures of that
// name, in a schema of that name if Postgres allows it.
func (e *env) roundTrip(t *testing.T, n dialect.Name) {
	t.Helper()
	if strings.HasPrefix(n.Schema, "pg_") {
		n.Schema = "public"
	}
	other := dialect.Name{Schema: n.Schema, Name: "other"}
	if n.Name == "other" {
		other.Name = "another"
	}
	tx := e.begin(t)
	defer tx.Rollback()
	if n.Schema != "public" {
		exec(t, tx, "CREATE SCHEMA "+dialect.Name{Name: n.Schema}.Quoted())
	}
	column := dialect.Name{Name: n.Name}.Quoted()
	exec(t, tx, "CREATE MATERIALIZED VIEW "+n.Quoted()+" AS SELECT 1 AS "+column)
	exec(t, tx, "CREATE UNIQUE INDEX ON "+n.Quoted()+" ("+column+")")
	exec(t, tx, "CREATE TYPE "+other.Quoted()+" AS ENUM ("+literal(n.Name)+")")
	// The view comes first, the sequence after it: they share a name.
	for _, off := range []bool{false, true} {
		if off {
			exec(t, tx, "SET LOCAL standard_conforming_strings = off")
		}
		m := load(t, tx)
		v := matview(t, m, n.Quoted())
		same(t, "the view's name", v.Name(), n)
		same(t, "its column's name", v.Columns()[0].Name, n.Name)
		if again := matview(t, m, n.String()); again != v && again.Name() != n {
			t.Errorf("lookup of %s: got %s", n.String(), again.Name())
		}
		if _, err := v.Refresh(t.Context()); err != nil {
			t.Errorf("refresh %q: %v", n, err)
		}
		if _, err := v.Refresh(t.Context(), massive.Concurrently()); err != nil {
			t.Errorf("refresh %q concurrently: %v", n, err)
		}
		if _, err := v.Definition(t.Context()); err != nil {
			t.Errorf("definition of %q: %v", n, err)
		}
		if _, err := v.Size(t.Context()); err != nil {
			t.Errorf("size of %q: %v", n, err)
		}
		var rows []int
		if err := v.Select(t.Context(), &rows, "limit 1"); err != nil || len(rows) != 1 {
			t.Errorf("select from %q: got %v, error %v; want one row", n, rows, err)
		}
		equal(t, "the enum's label", enum(t, m, other.Quoted()).Values(), []string{n.Name})
	}
	exec(t, tx, "DROP MATERIALIZED VIEW "+n.Quoted())
	exec(t, tx, "CREATE SEQUENCE "+n.Quoted())
	for _, mode := range []string{"off", "on"} {
		exec(t, tx, "SET LOCAL standard_conforming_strings = "+mode)
		s := sequence(t, load(t, tx), n.Quoted())
		if err := s.ResetTo(t.Context(), 41); err != nil {
			t.Errorf("reset %q: %v", n, err)
		}
		same(t, "next value", next(t, s), 41)
		if v, err := s.LastValue(t.Context()); v != 41 || err != nil {
			t.Errorf("last value of %q: got %v, error %v; want 41", n, v, err)
		}
	}
}

func literal(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

// FuzzNames checks that arbitrary names are quoted as the server needs it.
func FuzzNames(f *testing.F) {
	f.Add("public", "daily")
	for _, n := range oddNames {
		f.Add(n, n)
	}
	e := newEnv(f, "pgx")
	f.Fuzz(func(t *testing.T, schema, name string) {
		n := dialect.Name{Schema: schema, Name: name}
		for _, p := range []string{schema, name} {
			if p == "" || len(p) > 63 || strings.Contains(p, "\x00") || strings.ToValidUTF8(p, "") != p {
				t.Skip("not a valid name in Postgres")
			}
		}
		if schema == "information_schema" {
			t.Skip("a system schema")
		}
		e.roundTrip(t, n)
	})
}

// Lookups of existing structures don't allocate.
func TestLookupsAllocateNothing(t *testing.T) {
	fake := sqltest.New(sqltest.Catalog{
		Matviews:  []sqltest.Matview{{Name: "daily"}},
		Enums:     []sqltest.Enum{{Name: "mood", Labels: []string{"sad", "ok", "happy"}}},
		Sequences: []sqltest.Sequence{{Name: "orders"}, {Name: "tenant_1.no"}},
	})
	defer fake.DB().Close()
	m, err := massive.Load(t.Context(), fake.DB(), fake)
	noError(t, err)
	w, in, bound := m.With(fake.DB()), m.InSchema("tenant_1"), bind(t, m)
	for what, c := range map[string]struct {
		allocs float64
		f      func()
	}{
		"a sequence":   {0, func() { _, _ = m.Sequence(`"public"."orders"`) }},
		"a view":       {0, func() { _, _ = m.Matview("daily") }},
		"an enum":      {0, func() { _, _ = m.Enum("mood") }},
		"through With": {1, func() { _, _ = w.Sequence("orders") }},
		"view, With":   {1, func() { _, _ = w.Matview("daily") }},
		"enum, With":   {1, func() { _, _ = w.Enum("mood") }},
		"in a schema":  {0, func() { _, _ = in.Sequence("no") }},
		"a bound enum": {0, func() { bound.Contains(Happy); bound.Compare(Sad, Ok) }},
	} {
		if got := testing.AllocsPerRun(100, c.f); got != c.allocs {
			t.Errorf("%s: %v allocations, want %v", what, got, c.allocs)
		}
	}
}

// Texts of errors do not grow with the database.
func TestLookupErrorTextsAreBounded(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (m mood);
		DO $$ BEGIN
			FOR i IN 1..100 LOOP EXECUTE format('CREATE SCHEMA t%s; CREATE SEQUENCE t%1$s.invoice_no', i); END LOOP;
			FOR i IN 1..300 LOOP EXECUTE format('ALTER TYPE mood ADD VALUE ''label %s''', i); END LOOP;
			EXECUTE (SELECT 'CREATE MATERIALIZED VIEW wide AS SELECT ' || string_agg(format('%s AS c%1$s', i), ', ') FROM generate_series(1, 300) i);
			FOR i IN 1..40 LOOP EXECUTE format('CREATE UNIQUE INDEX part_%s ON wide (c%1$s) WHERE c1 > 0', i); END LOOP;
		END $$;`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			check := func(err, sentinel error, says ...string) {
				t.Helper()
				mustBe(t, err, sentinel, says...)
				if n := len(err.Error()); n > 1000 {
					t.Errorf("got a text of %d bytes, want at most 1000: %v", n, err)
				}
			}
			_, err := m.Sequence("invoice_no")
			check(err, massive.ErrNotFound, "t1.invoice_no, t10.invoice_no", "and 95 more exist")
			err = m.Verify(t.Context(), massive.EnumIs("mood", []string{"b"}))
			check(err, massive.ErrDrift, `missing labels ["b"]`, "and 296 more")
			_, err = e.pool.ExecContext(t.Context(), "INSERT INTO t VALUES ('none')")
			check(m.Registry().ExplainEnum("mood", err), massive.ErrLabelUnknown, "and 296 more")
			_, err = m.Registry().AddEnumLabel(t.Context(), "mood", "new", dialect.LabelPlace{Side: dialect.BeforeLabel, Neighbour: "none"}, false, nil)
			check(err, massive.ErrLabelUnknown, "and 296 more")
			check(matview(t, m, "wide").CheckRefresh(massive.ModeConcurrent), massive.ErrNoUniqueIndex, "index part_1 can't be used", "and 35 more", "CREATE UNIQUE INDEX")
			_, err = matview(t, m, "wide").Refresh(t.Context(), massive.Concurrently())
			check(err, massive.ErrNoUniqueIndex, "and 35 more")
		})
}
