package massive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
)

// settings change how the server parses, prints or runs transactions, each with a value
// other than the default. The test skips settings that the server doesn't have.
var settings = [][2]string{
	{"quote_all_identifiers", "on"},
	{"standard_conforming_strings", "off"}, {"escape_string_warning", "off"}, {"backslash_quote", "off"},
	{"bytea_output", "escape"}, {"DateStyle", "SQL, DMY"}, {"IntervalStyle", "sql_standard"}, {"TimeZone", "Pacific/Chatham"},
	{"timezone_abbreviations", "Australia"}, {"extra_float_digits", "-15"}, {"array_nulls", "off"}, {"xmloption", "document"},
	{"xmlbinary", "hex"}, {"default_text_search_config", "pg_catalog.german"}, {"transform_null_equals", "on"},
	{"search_path", `public, pg_catalog, "$user"`}, {"row_security", "off"}, {"client_encoding", "UTF8"},
	{"default_transaction_isolation", "serializable"}, {"default_transaction_deferrable", "on"},
	{"plan_cache_mode", "force_generic_plan"}, {"client_min_messages", "error"}, {"check_function_bodies", "off"},
	{"lc_messages", "POSIX"}, {"lc_monetary", "POSIX"}, {"lc_numeric", "POSIX"}, {"lc_time", "POSIX"},
	{"session_replication_role", "replica"}, {"restrict_nonsystem_relation_kind", "view, foreign-table"},
	{"lo_compat_privileges", "on"}, {"operator_precedence_warning", "on"},
}

// plannerSettings change the server's plans.
var plannerSettings = [][2]string{
	{"from_collapse_limit", "1"}, {"join_collapse_limit", "1"}, {"geqo_threshold", "2"}, {"enable_hashjoin", "off"},
	{"enable_indexscan", "off"}, {"force_parallel_mode", "regress"}, {"debug_parallel_query", "regress"},
	{"synchronize_seqscans", "off"}, {"constraint_exclusion", "on"},
}

const oddDatabase = `
CREATE SCHEMA app; CREATE SCHEMA "it's ""odd"""; CREATE SCHEMA "select";
CREATE TYPE mood AS ENUM ('sad', 'it''s \ "odd"', '', 'NULL', 'a,b'); CREATE TYPE app.mood AS ENUM ('x'); CREATE TYPE app."text" AS ENUM ('x');
CREATE TYPE "Odd Type" AS ENUM ('x'); CREATE TYPE "user" AS ENUM ('x'); CREATE TYPE "bigint" AS ENUM ('x'); CREATE TYPE "select"."order" AS ENUM ('x');
CREATE TYPE "it's ""odd""".a_type AS ENUM ('x'); CREATE TYPE "it's ""odd"""."a ""b"" c" AS ENUM ('x'); CREATE TYPE none AS ENUM ();
CREATE DOMAIN positive AS numeric(10,2) CHECK (VALUE > 0); CREATE DOMAIN "Big" AS "bigint"; CREATE TYPE pair AS (a int, "B" "Odd Type");
CREATE TYPE span AS RANGE (SUBTYPE = numeric);
CREATE TABLE people (id serial PRIMARY KEY, m mood, ms mood[], u "user", o "Odd Type"[], b "Big", "Per Cent" app."text", t "it's ""odd"""."a ""b"" c");
INSERT INTO people (id) VALUES (40), (70);
CREATE TABLE guarded (id serial PRIMARY KEY); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; INSERT INTO guarded VALUES (9);
CREATE MATERIALIZED VIEW types AS SELECT 1::smallint a, 2::int b, 3::bigint c, 1.5::real d, 1.5::float8 e, 1::numeric f, 1::numeric(10,2) g, true h,
  ''::bytea i, ''::text j, ''::varchar k, ''::varchar(9) l, ''::char(3) m, ''::"char" n, '1'::json o, '1'::jsonb p,
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid q, '127.0.0.1'::inet r, '127.0.0.1'::cidr s, '1 day'::interval t, '1 day'::interval day to second(3) u,
  date '2026-03-01' v, time '12:00' w, time(3) '12:00' x, '12:00+00'::time(2) with time zone y, timestamp '2026-03-01' z,
  '2026-03-01'::timestamp(3) with time zone aa, '{a}'::text[] ab, '{1}'::numeric(5)[] ac, B'1'::bit(1) ad, B'1'::bit varying(4) ae, '1'::money af,
  'x'::name ag, 1::oid ah, '1'::int2vector ai, 'a'::tsvector aj, '(1,2)'::point ak, '[1,2)'::int4range al,
  'sad'::mood am, '{sad}'::mood[] an, 'x'::app.mood ao, '{x}'::app.mood[] ap, 'x'::app."text" aq, 'x'::"Odd Type" ar, '{x}'::"Odd Type"[] as_,
  'x'::"user" at_, 'x'::public."bigint" au, 'x'::"select"."order" av, 'x'::"it's ""odd""".a_type aw, '{x}'::"it's ""odd"""."a ""b"" c"[] ax,
  1.5::positive ay, 'x'::"Big" az, '(1,x)'::pair ba, '[1,2)'::span bb, 'people'::regclass bc, '{1,2}'::regtype[] bd,
  'x'::"char" be, xmlcomment('x') bf;
CREATE MATERIALIZED VIEW "it's ""odd"""."A \ View" AS SELECT 1::bigint AS "A ""Column""", 'x'::text AS "select";
CREATE UNIQUE INDEX "An Index" ON "it's ""odd"""."A \ View" ("A ""Column""") INCLUDE ("select"); CREATE UNIQUE INDEX partial ON types (a) WHERE a > 0;
CREATE VIEW between AS SELECT "A ""Column""" AS n FROM "it's ""odd"""."A \ View"; CREATE MATERIALIZED VIEW above AS SELECT n FROM between WITH NO DATA;
COMMENT ON MATERIALIZED VIEW types IS 'it''s \ "odd"'; COMMENT ON TYPE mood IS '\x00';
CREATE SEQUENCE "it's ""odd"""."A \ Sequence" INCREMENT -3 MAXVALUE 9 MINVALUE -9 CACHE 2 CYCLE; CREATE SEQUENCE spent MAXVALUE 2; SELECT nextval('spent'), nextval('spent');
CREATE SEQUENCE owned OWNED BY people."Per Cent"; CREATE SEQUENCE app.no; GRANT SELECT ON SEQUENCE spent TO PUBLIC;`

// results has everything that the library reports of a database.
type results struct {
	Catalog *dialect.Catalog
	Texts   map[string]string
}

// collectResults calls every operation whose result might depend on a setting, and
// changes nothing.
func collectResults(t *testing.T, q massive.Querier) results {
	t.Helper()
	ctx := t.Context()
	catalog, err := postgres.New().Load(ctx, q, dialect.Filter{})
	noError(t, err)
	catalog.SearchPath, catalog.Sign = nil, "" // these differ
	slices.SortFunc(catalog.Matviews, func(a, b dialect.MatviewDef) int { return a.Name.Compare(b.Name) })
	slices.SortFunc(catalog.Enums, func(a, b dialect.EnumDef) int { return a.Name.Compare(b.Name) })
	slices.SortFunc(catalog.Sequences, func(a, b dialect.SequenceDef) int { return a.Name.Compare(b.Name) })
	slices.SortFunc(catalog.Views, func(a, b dialect.ViewDef) int { return a.Name.Compare(b.Name) })
	a := results{catalog, map[string]string{}}
	add := func(what string, result ...any) {
		text := fmt.Sprintln(result...)
		for _, x := range result {
			if err, ok := x.(error); ok {
				for name, sentinel := range map[string]error{"drift": massive.ErrDrift, "spent": massive.ErrExhausted, "exists": massive.ErrLabelExists,
					"unpopulated": massive.ErrNotPopulated, "not found": massive.ErrNotFound} {
					if errors.Is(err, sentinel) {
						text = name + ": " + text
					}
				}
			}
		}
		a.Texts[what] = text
	}
	m := load(t, q, massive.WithKeySequences())
	for _, o := range load(t, q).Excluded() {
		add("excluded", o.Name, o.Why)
	}
	add("the graph", m.Graph())
	plan, err := m.PlanRefresh()
	add("the plan", plan, err)
	type wrong struct {
		A, O, P, AF, J, Q, V, AA, AM, AO, AQ, AR, AU, AY, AZ, BA float32
		B, H                                                     string
		AB, AN, AX                                               int
		G, N, AV                                                 bool
	}
	add("rows that don't fit", m.Verify(ctx, massive.RowsAre[wrong]("types", massive.AllowExtra())))
	type right struct {
		A                      int16
		C                      int64
		E                      float64
		G                      string
		J                      string
		O, P                   json.RawMessage
		AM, AO, AQ, AR, AU, AV Mood
	}
	add("rows that fit", m.Verify(ctx, massive.RowsAre[right]("types", massive.AllowExtra())))
	add("labels", m.Verify(ctx, massive.EnumIs("mood", []string{"sad", `it's \ "odd"`, "", "NULL", "a,b"})),
		m.Verify(ctx, massive.EnumIs("mood", []string{"", "sad", "x"}), massive.EnumIs(`"it's ""odd""".a_type`, []string{"y"})))
	for _, v := range m.Matviews() {
		add(fmt.Sprint("blockers of ", v), v.CheckRefresh(massive.ModeConcurrent), v.CheckRefresh(massive.ModeBlocking))
		n, err := v.Count(ctx, "")
		add(fmt.Sprint("rows of ", v), n, err)
	}
	for _, e := range m.Enums() {
		columns, err := e.UsedBy(ctx)
		add(fmt.Sprint("users of ", e), columns, err)
	}
	for _, s := range m.Sequences() {
		state, err := s.State(ctx)
		add(fmt.Sprint("state of ", s), state, err)
		last, err := s.LastValue(ctx)
		add(fmt.Sprint("last value of ", s), last, err)
		lag, err := s.Lag(ctx)
		add(fmt.Sprint("lag of ", s), lag, err)
	}
	lags, err := m.Lag(ctx)
	add("lags", lags, err)
	x, err := m.Exhaustion(ctx, massive.AtLeast(0))
	add("exhaustion", x, err)
	_, err = sequence(t, m, "spent").NextValue(ctx)
	add("a spent sequence", err)
	return a
}

// difference returns the first difference of two catalogs as text.
func difference(a, b *dialect.Catalog) string {
	x, y := fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("got %.60q, want %.60q", x[i:], y[i:])
		}
	}
	return "a difference that is not printed"
}

// No setting of a session or a database changes a result.
func TestSettingsChangeNoResult(t *testing.T) {
	t.Parallel()
	onDrivers(t, oddDatabase, func(t *testing.T, e *env) {
		want := collectResults(t, e.pool)
		known := strings.Fields(one[string](t, e.pool, "SELECT string_agg(name, ' ') FROM pg_settings"))
		has := func(settings [][2]string) [][2]string {
			return slices.DeleteFunc(slices.Clone(settings), func(s [2]string) bool {
				return !slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(name, s[0]) })
			})
		}
		there := has(settings)
		check := func(t *testing.T, q massive.Querier, some [][2]string) {
			t.Helper()
			for _, s := range some {
				if e.driver == "postgres" && slices.Contains([]string{"DateStyle", "extra_float_digits"}, s[0]) {
					continue // lib/pq sets them itself
				}
				if got := one[string](t, q, "SELECT current_setting('"+s[0]+"')"); got != s[1] {
					t.Fatalf("setting %s: got %q, want %q, so that the test can fail", s[0], got, s[1])
				}
			}
			got := collectResults(t, q)
			for what, text := range want.Texts {
				same(t, fmt.Sprint(some, ": ", what), got.Texts[what], text)
			}
			if !reflect.DeepEqual(got.Catalog, want.Catalog) {
				t.Errorf("%v: the catalog differs from the default's: %s", some, difference(got.Catalog, want.Catalog))
			}
		}
		try := func(t *testing.T, some [][2]string) {
			var options []string
			for _, s := range some {
				value := strings.NewReplacer(`\`, `\\`, ` `, `\ `).Replace(s[1])
				options = append(options, "-c "+s[0]+"="+value)
			}
			given := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(strings.Join(options, " "))
			session := e.Open(t, e.driver, "options='"+given+"'")
			check(t, session, some)
			noError(t, session.Close()) // many settings would need too many connections

			for _, s := range some {
				value := "'" + strings.ReplaceAll(s[1], "'", "''") + "'"
				if s[0] == "search_path" {
					value = s[1]
				}
				e.Exec(t, "ALTER DATABASE "+e.Name()+" SET "+s[0]+" = "+value)
			}
			defer e.Exec(t, "ALTER DATABASE "+e.Name()+" RESET ALL")
			session = e.Open(t, e.driver)
			check(t, session, some)
			noError(t, session.Close())
		}
		try(t, there[:1])
		try(t, there[1:])
		t.Run("each", func(t *testing.T) {
			testrun.Long(t)
			for _, s := range slices.Concat(there, has(plannerSettings)) {
				try(t, [][2]string{s})
			}
		})
	})
}

// columnTypes returns a view's column types, as loaded and as the server prints them.
func columnTypes(t *testing.T, q massive.Querier, view string) (loaded, printed map[string]string) {
	t.Helper()
	loaded, printed = map[string]string{}, map[string]string{}
	for _, c := range matview(t, load(t, q), view).Columns() {
		loaded[c.Name] = c.Type
	}
	rows, err := q.QueryContext(t.Context(), "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 AND attrelid = '"+view+"'::regclass")
	noError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name, typ string
		noError(t, rows.Scan(&name, &typ))
		printed[name] = typ
	}
	noError(t, rows.Err())
	return loaded, printed
}

// Types with any name, keywords too, are named as the server names them by default.
func TestTypesNamedLikeKeywords(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "pgx")
	e.Exec(t, `CREATE SCHEMA words; DO $$
		DECLARE word text; columns text[];
		BEGIN
			FOR word IN SELECT k.word FROM pg_get_keywords() k UNION SELECT unnest(ARRAY['text', 'json', 'uuid', 'int8', '_a1', 'a$b', 'ü', '1a', 'A', 'a.b', 'a"b', '"', '""']) LOOP
				EXECUTE format('CREATE DOMAIN words.%I AS int; CREATE DOMAIN public.%I AS int', word, word || '_');
				columns := columns || format('1::words.%I AS %I, ''{1}''::words.%I[] AS %I, 1::public.%I AS %I', word, word, word, word || '[]', word || '_', word || '_');
			END LOOP;
			EXECUTE 'CREATE MATERIALIZED VIEW v AS SELECT ' || array_to_string(columns, ', ') || ' WITH NO DATA';
		END $$`)
	conn := e.conn(t)
	for _, path := range []string{"public", "public, words"} {
		exec(t, conn, "SET search_path = "+path)
		byDefault, printed := columnTypes(t, conn, "public.v")
		exec(t, conn, "SET quote_all_identifiers = on")
		quoted, _ := columnTypes(t, conn, "public.v")
		exec(t, conn, "SET quote_all_identifiers = off")
		if len(byDefault) < 1000 {
			t.Fatalf("got %d columns, want at least 1000", len(byDefault))
		}
		for name, want := range printed {
			same(t, "column "+name+" along "+path, byDefault[name], want)
			same(t, "quoted, column "+name+" along "+path, quoted[name], want)
		}
	}
}

// A type with the name of a built-in type is not mistaken for it.
func TestTypesThatHideBuiltinTypes(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SCHEMA app; CREATE DOMAIN app.text AS bigint; CREATE TYPE app.json AS ENUM ('x'); CREATE TYPE app.uuid AS (n int);
		CREATE TYPE app.money AS ENUM ('x'); CREATE TYPE public."integer" AS ENUM ('x'); CREATE TYPE public."time without time zone" AS ENUM ('x');
		CREATE MATERIALIZED VIEW v AS SELECT 'x'::text a, 1::app.text b, '{1}'::app.text[] c, '1'::json d, 'x'::app.json e, '{x}'::varchar(3)[] f,
			'1'::money g, 'x'::app.money h, 1 i, 'x'::"integer" j, time '12:00' k`, func(t *testing.T, e *env) {
		type wrong struct{ A, D, F int }
		conn := e.conn(t)
		for _, path := range []string{"public", "app, pg_catalog, public"} {
			for _, quoted := range []string{"off", "on"} {
				exec(t, conn, "SET search_path = "+path+"; SET quote_all_identifiers = "+quoted)
				m := load(t, conn)
				ds := drifts(t, m.Verify(t.Context(), massive.RowsAre[wrong]("public.v", massive.AllowExtra())))
				same(t, "mismatched along "+path, fmt.Sprint(ds[0].Mismatched), "[column a of type text does not fit into A int: it is not an integer "+
					"column d of type json does not fit into D int: it is not an integer column f of type character varying(3)[] does not fit into F int: it is not an integer]")
				type fits struct {
					A, E, G string
					B       int64
					D       []byte
					H, J    Mood
					I       int32
					K       time.Time
				}
				noError(t, m.Verify(t.Context(), massive.RowsAre[fits]("public.v", massive.AllowExtra())))
				var types []string
				for _, c := range matview(t, m, "public.v").Columns() {
					types = append(types, c.Type)
				}
				want := []string{"text", "app.text", "app.text[]", "json", "app.json", "character varying(3)[]", "money", "app.money", "integer", `"integer"`, "time without time zone"}
				if path != "public" {
					want = []string{"text", `"text"`, `"text"[]`, "json", `"json"`, "character varying(3)[]", "pg_catalog.money", "money", "integer", `"integer"`, "time without time zone"}
				}
				if path == "public" && one[int](t, conn, "SHOW server_version_num") >= 170000 {
					want[4] = `app."json"` // a keyword
				}
				equal(t, "types along "+path, types, want)
			}
		}
	})
}
