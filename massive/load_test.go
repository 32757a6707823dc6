package massive_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestLoadMatviews(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE SCHEMA stats;
		CREATE MATERIALIZED VIEW stats.daily AS
		  SELECT 1::bigint AS shop, DATE '2026-01-01' AS day, 9.5::numeric(10,2) AS total, ARRAY['a'] AS tags;
		CREATE UNIQUE INDEX daily_usable ON stats.daily (shop, day);
		CREATE UNIQUE INDEX daily_include ON stats.daily (day) INCLUDE (total);
		CREATE UNIQUE INDEX daily_partial ON stats.daily (shop) WHERE total > 0;
		CREATE UNIQUE INDEX daily_expression ON stats.daily (shop, lower(tags[1]));
		CREATE INDEX daily_plain ON stats.daily (total);
		CREATE INDEX daily_broken ON stats.daily (day);
		UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'stats.daily_broken'::regclass;
		COMMENT ON MATERIALIZED VIEW stats.daily IS 'sales, a row a day';
		CREATE MATERIALIZED VIEW empty AS SELECT 1 AS id WITH NO DATA;
		CREATE MATERIALIZED VIEW bare AS SELECT FROM pg_class;`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			equal(t, "materialized views, by schema and name",
				viewNames(m), []string{"public.bare", "public.empty", "stats.daily"})
			daily := matview(t, m, "stats.daily")
			same(t, "name", daily.Name(), dialect.Name{Schema: "stats", Name: "daily"})
			equal(t, "columns, in the view's order", daily.Columns(), []dialect.Column{
				{Name: "shop", Type: "bigint"}, {Name: "day", Type: "date"}, {Name: "total", Type: "numeric(10,2)"},
				{Name: "tags", Type: "text[]"},
			})
			if got, want := daily.Indexes(), []dialect.Index{
				{Name: "daily_broken", Columns: []string{"day"}, Unfit: "it is not unique", Invalid: true},
				{Name: "daily_expression", Columns: []string{"shop", ""}, Unique: true, Unfit: "it is on an expression"},
				{Name: "daily_include", Columns: []string{"day"}, Included: []string{"total"}, Unique: true},
				{Name: "daily_partial", Columns: []string{"shop"}, Unique: true, Unfit: "it is partial (it has a WHERE)"},
				{Name: "daily_plain", Columns: []string{"total"}, Unfit: "it is not unique"},
				{Name: "daily_usable", Columns: []string{"shop", "day"}, Unique: true},
			}; !reflect.DeepEqual(got, want) {
				t.Errorf("indexes, by name:\ngot  %+v\nwant %+v", got, want)
			}
			same(t, "populated", daily.Populated(), true)
			same(t, "comment", daily.Comment(), "sales, a row a day")
			same(t, "owner", daily.Owner(), one[string](t, e.pool, "SELECT current_user::text"))
			same(t, "the owner may refresh it", daily.MayRefresh(), true)
			same(t, "populated, of a view WITH NO DATA", matview(t, m, "empty").Populated(), false)
			same(t, "columns of a view without columns", len(matview(t, m, "bare").Columns()), 0)

			definition, err := daily.Definition(t.Context())
			if err != nil || !strings.Contains(definition, "'2026-01-01'::date AS day") {
				t.Errorf("definition: got %q, error %v", definition, err)
			}
		})
}

func TestSizeHasIndexesAndTOAST(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE MATERIALIZED VIEW v AS SELECT n, (SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 300) i) AS long
		  FROM generate_series(1, 20) n;
		CREATE UNIQUE INDEX ON v (n);
		CREATE MATERIALIZED VIEW dropped AS SELECT 1 AS n; CREATE MATERIALIZED VIEW replaced AS SELECT 1 AS n;`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			got, err := matview(t, m, "v").Size(t.Context())
			if want := one[int64](t, e.pool, "SELECT pg_total_relation_size('v')"); got != want || err != nil || want < 100_000 {
				t.Errorf("got %d bytes, error %v; want %d, more than the view's texts", got, err, want)
			}
			exec(t, e.pool, "DROP MATERIALIZED VIEW dropped; DROP MATERIALIZED VIEW replaced; CREATE TABLE replaced (n int)")
			for _, name := range []string{"dropped", "replaced"} {
				_, err := matview(t, m, name).Size(t.Context())
				mustBe(t, err, massive.ErrNotFound, "read the size of public."+name)
			}
		})
}

func viewNames(m *massive.DB) []string     { return spelled(m.Matviews()) }
func enumNames(m *massive.DB) []string     { return spelled(m.Enums()) }
func sequenceNames(m *massive.DB) []string { return spelled(m.Sequences()) }

func TestLoadEnums(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE TYPE odd AS ENUM ('', ' ', 'a,b', '{}', '"', '\', 'NULL', 'null', 'Ä ö', 'it''s');
		ALTER TYPE odd ADD VALUE 'between' BEFORE ' ';
		ALTER TYPE odd ADD VALUE 'first' BEFORE '';
		CREATE DOMAIN feeling AS odd;`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			equal(t, "enums, without a domain over one", enumNames(m), []string{"public.odd"})
			equal(t, "labels, in the type's order", enum(t, m, "odd").Values(),
				[]string{"first", "", "between", " ", "a,b", "{}", `"`, `\`, "NULL", "null", "Ä ö", "it's"})
		})
}

func TestLoadSequencesOfColumns(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TABLE orders (no integer GENERATED BY DEFAULT AS IDENTITY, line serial)`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			for column, identity := range map[string]bool{"no": true, "line": false} {
				got := sequence(t, m, "orders_"+column+"_seq").Def()
				want := dialect.SequenceDef{
					Object: dialect.Object{
						ID: got.ID, Name: dialect.Name{Schema: "public", Name: "orders_" + column + "_seq"},
						Owner: one[string](t, e.pool, "SELECT current_user::text"), Visible: true,
					},
					Type: "integer", Start: 1, Increment: 1, Min: 1, Max: 2147483647, Cache: 1, Identity: identity,
					Rights:  dialect.SequenceRights{Read: true, Next: true, Set: true, Restart: true},
					OwnedBy: &dialect.ColumnRef{Table: dialect.Name{Schema: "public", Name: "orders"}, Column: column},
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("sequence of %s:\ngot  %+v\nwant %+v", column, got, want)
				}
			}
		})
}

// keySequences has a case of each way in which a sequence does or doesn't feed a primary
// key.
const keySequences = `
	CREATE SCHEMA shop; CREATE SCHEMA tools;
	CREATE TABLE serial_key (id serial PRIMARY KEY);
	CREATE TABLE shop.serial_key (id bigserial PRIMARY KEY);
	CREATE TABLE identity_key (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
	CREATE TABLE shop.identity_key (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
	CREATE TABLE not_first (note text, at date, id serial PRIMARY KEY);
	CREATE TABLE composite (shop int, no serial, PRIMARY KEY (shop, no));
	CREATE TABLE renamed (id serial PRIMARY KEY); ALTER SEQUENCE renamed_id_seq RENAME TO "Renamed, it's";
	CREATE SEQUENCE tools.elsewhere; CREATE TABLE by_default (id bigint PRIMARY KEY DEFAULT nextval('tools.elsewhere'));
	CREATE SEQUENCE shared; CREATE TABLE shared_a (id bigint PRIMARY KEY DEFAULT nextval('shared'));
	CREATE TABLE shared_b (id bigint PRIMARY KEY DEFAULT nextval('shared'));
	CREATE SEQUENCE in_text; CREATE TABLE text_key (id text PRIMARY KEY DEFAULT 'A' || nextval('in_text'));
	CREATE TABLE parted (id bigserial, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
	CREATE TABLE part_keyed (id bigserial, at date) PARTITION BY RANGE (at);
	CREATE TABLE part_keyed_1 PARTITION OF part_keyed (PRIMARY KEY (id)) FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
	CREATE TABLE parent (id serial, note text); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);

	CREATE TABLE only_unique (id serial UNIQUE);
	CREATE TABLE plain_serial (id bigint PRIMARY KEY, no serial);
	CREATE TABLE plain_identity (id bigint PRIMARY KEY, no bigint GENERATED ALWAYS AS IDENTITY);
	CREATE TABLE covering (id bigint, no serial, PRIMARY KEY (id) INCLUDE (no));
	CREATE SEQUENCE tools.serial_key_id_seq;
	CREATE SEQUENCE owned OWNED BY plain_serial.no;
	CREATE SEQUENCE "UPPER case"; CREATE SEQUENCE independent;
	CREATE TABLE no_key (no bigint DEFAULT nextval('independent'));`

func TestKeySequencesAreExcluded(t *testing.T) {
	t.Parallel()
	onDrivers(t, keySequences, func(t *testing.T, e *env) {
		m := e.load(t)
		equal(t, "loaded sequences: the sequences that feed no primary key",
			sequenceNames(m), []string{
				`public."UPPER case"`, "public.covering_no_seq", "public.independent", "public.only_unique_id_seq",
				"public.owned", "public.plain_identity_no_seq", "public.plain_serial_no_seq", "tools.serial_key_id_seq",
			})
		var left []string
		for _, o := range m.Excluded() {
			left = append(left, fmt.Sprintf("%s: %s", o.Name, o.KeyOf))
		}
		equal(t, "excluded sequences, with their keys", left, []string{
			`public."Renamed, it's": public.renamed.id`,
			"public.composite_no_seq: public.composite.no",
			"public.identity_key_id_seq: public.identity_key.id",
			"public.in_text: public.text_key.id",
			"public.not_first_id_seq: public.not_first.id",
			"public.parent_id_seq: public.child.id",
			"public.part_keyed_id_seq: public.part_keyed_1.id",
			"public.parted_id_seq: public.parted.id",
			"public.serial_key_id_seq: public.serial_key.id",
			"public.shared: public.shared_a.id",
			"shop.identity_key_id_seq: shop.identity_key.id",
			"shop.serial_key_id_seq: shop.serial_key.id",
			"tools.elsewhere: public.by_default.id",
		})
		_, err := m.Sequence("identity_key_id_seq")
		mustBe(t, err, massive.ErrNotFound, "key sequence of public.identity_key.id", "WithKeySequences()")

		with := e.load(t, massive.WithKeySequences())
		same(t, "sequences with WithKeySequences", len(with.Sequences()), len(m.Sequences())+len(m.Excluded()))
		same(t, "excluded with WithKeySequences", len(with.Excluded()), 0)
		same(t, "next value of a key sequence", next(t, sequence(t, with, "identity_key_id_seq")), 1)
	})
}

func TestLoadRights(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE SCHEMA open; CREATE SCHEMA shut;
		CREATE SEQUENCE open.none; CREATE SEQUENCE open.read; CREATE SEQUENCE open.use; CREATE SEQUENCE open.change;
		CREATE SEQUENCE open.own; CREATE SEQUENCE shut.all_rights;
		CREATE MATERIALIZED VIEW open.theirs AS SELECT 1 AS id; CREATE MATERIALIZED VIEW open.ours AS SELECT 1 AS id;
		CREATE TYPE shut.mood AS ENUM ('sad');`,
		func(t *testing.T, e *env) {
			_, as := e.role(t, `
				GRANT USAGE, CREATE ON SCHEMA open TO $role;
				GRANT SELECT ON SEQUENCE open.read TO $role; GRANT USAGE ON SEQUENCE open.use TO $role;
				GRANT UPDATE ON SEQUENCE open.change TO $role; GRANT ALL ON SEQUENCE shut.all_rights TO $role;
				ALTER SEQUENCE open.own OWNER TO $role; ALTER MATERIALIZED VIEW open.ours OWNER TO $role;`)
			m := load(t, as)
			for name, want := range map[string]string{
				"open.none": "none", "open.read": "read", "open.use": "next", "open.change": "next, set",
				"open.own": "read, next, set, restart", "shut.all_rights": "none",
			} {
				same(t, "rights on "+name, sequence(t, m, name).Def().Rights.String(), want)
			}
			same(t, "another role may refresh", matview(t, m, "open.theirs").MayRefresh(), false)
			same(t, "the owner may refresh", matview(t, m, "open.ours").MayRefresh(), true)
			equal(t, "labels of an enum that the role may not use", enum(t, m, "shut.mood").Values(), []string{"sad"})

			// The loaded rights agree with the server.
			for _, s := range m.Sequences() {
				rights := s.Def().Rights
				_, err := s.State(t.Context())
				same(t, "may read "+s.Name().String(), !errors.Is(err, massive.ErrPermission), rights.Read)
				_, err = s.NextValue(t.Context())
				same(t, "may take a value of "+s.Name().String(), !errors.Is(err, massive.ErrPermission), rights.Next)
				same(t, "may restart "+s.Name().String(), !errors.Is(s.Restart(t.Context()), massive.ErrPermission), rights.Restart)
			}
			for _, v := range m.Matviews() {
				_, err := v.Refresh(t.Context())
				same(t, "may refresh "+v.Name().String(), !errors.Is(err, massive.ErrPermission), v.MayRefresh())
			}
		})
}

func TestMaintainAllowsRefresh(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW v AS SELECT 1 AS id`, func(t *testing.T, e *env) {
		if major := e.load(t).Server().Major; major < 17 {
			t.Skipf("MAINTAIN needs PostgreSQL 17, and the server is %d", major)
		}
		_, as := e.role(t, `GRANT MAINTAIN ON v TO $role`)
		v := matview(t, load(t, as), "v")
		same(t, "a role with MAINTAIN may refresh", v.MayRefresh(), true)
		noError(t, errOf(v.Refresh(t.Context())))
	})
}

func TestLoadDoesNotWaitForLocks(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE TABLE base (id int); CREATE TABLE other (id int);
		CREATE MATERIALIZED VIEW slow AS SELECT id FROM base UNION SELECT 1 FROM `+gated+`;
		CREATE MATERIALIZED VIEW above AS SELECT id FROM other; CREATE SEQUENCE s;`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			open := e.gate(t)
			refreshed := make(chan error, 1)
			go func() {
				_, err := matview(t, m, "slow").Refresh(context.Background())
				refreshed <- err
			}()
			e.waitForRefresh(t)
			holder := e.begin(t)
			exec(t, holder, `LOCK TABLE other IN ACCESS EXCLUSIVE MODE; ALTER SEQUENCE s RESTART;
				ALTER MATERIALIZED VIEW above RENAME TO aside`)

			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			again, err := massive.Load(ctx, e.pool, postgres.New())
			if err != nil {
				t.Fatalf("a load during a blocking refresh and uncommitted DDL: %v", err)
			}
			equal(t, "committed views", viewNames(again), []string{"public.above", "public.slow"})
			noError(t, holder.Rollback())
			open()
			noError(t, <-refreshed)
		})
}

func TestSystemAndTemporarySchemasAreNotLoaded(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE real`, func(t *testing.T, e *env) {
		other, own := e.conn(t), e.conn(t)
		exec(t, other, `CREATE TEMP SEQUENCE theirs; CREATE TYPE pg_temp.their_mood AS ENUM ('a');
			CREATE TEMP TABLE key (id bigint PRIMARY KEY DEFAULT nextval('public.real'))`)
		exec(t, own, `CREATE TEMP SEQUENCE ours; CREATE TYPE pg_temp.our_mood AS ENUM ('a')`)
		m := load(t, own)
		equal(t, "sequences without temporary ones", sequenceNames(m), []string{"public.real"})
		equal(t, "enums without temporary ones", enumNames(m), nil)
		equal(t, "views without system views", viewNames(m), nil)
		same(t, "excluded", len(m.Excluded()), 0)
		exec(t, own, `CREATE TEMP SEQUENCE real`)
		_, err := load(t, own).Sequence("real")
		var missing *massive.NotFoundError
		if !errors.As(err, &missing) || missing.Reason != massive.ReasonHidden {
			t.Errorf("a sequence that a temporary one hides: got %v, want ReasonHidden", err)
		}
	})
}

func TestLoadRefusesBadOptions(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		for says, opts := range map[string][]massive.LoadOption{
			"option 1 is the zero LoadOption":          {{}},
			"option Include is given twice":            {massive.Include("a"), massive.Include("b")},
			"option WithKeySequences is given twice":   {massive.WithKeySequences(), massive.WithKeySequences()},
			"option WithKeySequences loads sequences":  {massive.WithKeySequences(), massive.Only(massive.KindEnum)},
			"option Only: invalid argument: no kind":   {massive.Only()},
			"Kind(9) is not a kind":                    {massive.Only(9)},
			"kind enum is given twice":                 {massive.Only(massive.KindEnum, massive.KindEnum)},
			"option Include: invalid argument: no pat": {massive.Include()},
			`pattern "": `:                             {massive.Exclude("")},
			`pattern "a.b.c": `:                        {massive.Exclude("a.b.c")},
			`opens a quote and does not close it`:      {massive.Include(`"a`)},
			`pattern ".b": `:                           {massive.Include(".b")},
			`pattern "stats.%" matches nothing: the wildcard is *, and % matches itself; write "stats.*"`: {massive.Include("*", "stats.%")},
			`write "*_tmp"`: {massive.Exclude("%_tmp")},
		} {
			_, err := massive.Load(t.Context(), e.pool, postgres.New(), opts...)
			mustBe(t, err, massive.ErrInvalid, "massive: load: ", says)
		}
	})
}

// Patterns that match nothing are listed. A pattern with an unquoted % is refused unless
// it matches a name with %. A Reload does not fail if it no longer matches.
func TestUnmatchedPatterns(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('a'); CREATE SEQUENCE "50%"; CREATE TABLE keyed (id serial PRIMARY KEY)`,
		func(t *testing.T, e *env) {
			m := e.load(t, massive.Include("public.*", "publik.*", "50%", "\"%\""), massive.Exclude("tmp_*", "keyed_id_seq", "mood"))
			equal(t, "unmatched patterns", m.UnmatchedPatterns(), []string{"publik.*", `"%"`, "tmp_*"})
			exec(t, e.pool, `DROP SEQUENCE "50%"; CREATE SCHEMA publik; CREATE SEQUENCE publik.no`)
			noError(t, errOf(m.Reload(t.Context())))
			equal(t, "unmatched patterns after a reload", m.UnmatchedPatterns(), []string{"50%", `"%"`, "tmp_*"})
		})
}

func TestServer(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SCHEMA "First, odd"`, func(t *testing.T, e *env) {
		conn := e.conn(t)
		exec(t, conn, `SET search_path = "First, odd", missing, public`)
		m := load(t, conn)
		s := m.Server()
		same(t, "database", s.Database, e.Name())
		same(t, "role", s.User, one[string](t, conn, "SELECT current_user::text"))
		same(t, "version", s.Version, one[string](t, conn, "SELECT current_setting('server_version')"))
		if !strings.HasPrefix(s.Version, fmt.Sprint(s.Major)) {
			t.Errorf("got major %d of version %s", s.Major, s.Version)
		}
		same(t, "standby", s.Standby, false)
		same(t, "longest name", s.MaxNameBytes, 63)
		equal(t, "search path, without schemas that don't exist", m.SearchPath(), []string{"First, odd", "public"})
	})
}

// A load succeeds while other sessions create and drop structures.
func TestLoadDuringDDL(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SCHEMA churn`, func(t *testing.T, e *env) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, err := e.pool.ExecContext(context.Background(), fmt.Sprintf(`
						CREATE TYPE churn.e%[1]d AS ENUM ('a'); CREATE SEQUENCE churn.s%[1]d;
						CREATE MATERIALIZED VIEW churn.v%[1]d AS SELECT 'a'::churn.e%[1]d AS label;
						CREATE UNIQUE INDEX ON churn.v%[1]d (label);
						CREATE TABLE churn.t%[1]d (id serial PRIMARY KEY)`, i))
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := e.pool.ExecContext(context.Background(), fmt.Sprintf(`DROP MATERIALIZED VIEW churn.v%[1]d;
						DROP TYPE churn.e%[1]d; DROP SEQUENCE churn.s%[1]d; DROP TABLE churn.t%[1]d`, i)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		loads := 0
		for ctx.Err() == nil {
			m, err := massive.Load(t.Context(), e.pool, postgres.New())
			if err != nil {
				t.Errorf("load %d: %v", loads, err)
				break
			}
			loads++
			for i := range 2 {
				// The structures are created and dropped in one transaction each.
				n := 0
				for _, v := range append(append(viewNames(m), enumNames(m)...), sequenceNames(m)...) {
					if strings.HasPrefix(v, "churn.") && strings.HasSuffix(v, fmt.Sprint(i)) {
						n++
					}
				}
				if n != 0 && n != 3 {
					t.Errorf("load %d: got %d structures of one transaction, want 0 or 3", loads, n)
				}
			}
		}
		wg.Wait()
		if loads < 10 {
			t.Errorf("got %d loads during the DDL, want at least 10", loads)
		}
	})
}

// The catalog statement scans pg_class, or looks relations up if there are many tables.
// Both ways return the same.
func TestUnrelatedTablesDoNotChangeALoad(t *testing.T) {
	t.Parallel()
	const setup = `CREATE SCHEMA early; CREATE SCHEMA late;
		CREATE MATERIALIZED VIEW daily AS SELECT 1 AS id, 'x'::text AS note; CREATE UNIQUE INDEX ON daily (id);
		CREATE VIEW plain AS SELECT id FROM daily;
		CREATE MATERIALIZED VIEW report AS SELECT id FROM plain;
		CREATE MATERIALIZED VIEW named AS SELECT count(*) FROM daily;
		CREATE MATERIALIZED VIEW constant AS SELECT 'daily'::regclass AS of;
		CREATE TABLE early.report (); CREATE SEQUENCE early.hidden; CREATE TABLE late.hidden (); CREATE SEQUENCE late.behind;
		CREATE TYPE late.mood AS ENUM ('sad', 'ok'); CREATE TABLE early.mood ();
		CREATE TABLE orders (id serial PRIMARY KEY, no integer); CREATE SEQUENCE owned OWNED BY orders.no;
		COMMENT ON MATERIALIZED VIEW daily IS 'sales'; COMMENT ON SEQUENCE owned IS 'numbers'`
	onDriverNames(t, func(t *testing.T, driver string) {
		d := pgtest.NewDatabase(t) // not a reused one, whose catalogs may be large
		d.Exec(t, setup)
		e := &env{d, driver, d.Open(t, driver)}
		q := e.conn(t)
		exec(t, q, "SET search_path = early, public, late")
		loaded := func() *massive.Registry { return load(t, q, massive.WithKeySequences()).Registry() }
		few := loaded()
		const scanned = "SELECT pg_relation_size('pg_class') < 3 * pg_relation_size('pg_rewrite') + 45 * pg_relation_size('pg_sequence')"
		for n := 0; one[bool](t, e.pool, scanned); n++ {
			if n == 50 {
				t.Fatal("pg_class is still scanned with 25,000 tables")
			}
			exec(t, e.pool, fmt.Sprintf(`DO $do$ BEGIN FOR i IN 1..500 LOOP
				EXECUTE format('CREATE TABLE unrelated_%d_%%s (note text)', i); COMMIT; END LOOP; END $do$`, n))
		}
		many := loaded()
		if !registry.Same(few, many) {
			t.Errorf("with many tables a load differs by %v\nexcluded: %v\nwant:     %v", registry.Diff(few, many), many.Excluded(), few.Excluded())
		}
		equal(t, "dependents of daily", names(matview(t, load(t, q), "daily").Dependents()), []string{"public.named", "public.report"})
	})
}
