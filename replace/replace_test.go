package replace_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/replace"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// TestMain skips the example if there is no Postgres, since it can't skip itself.
func TestMain(m *testing.M) {
	if err := testrun.Set(); err != nil {
		panic(err)
	}
	if _, err := pgtest.Shared(); errors.Is(err, pgtest.ErrNoPostgres) {
		_ = flag.Set("test.skip", "^Example")
	}
	os.Exit(testrun.Run{M: m}.Run())
}

// setup has views of each kind, with what can hang on them, on a view app.base. $1 to $4
// are roles.
const setup = `
CREATE SCHEMA app; CREATE SCHEMA rep; CREATE SCHEMA "Odd.Schema";
GRANT USAGE, CREATE ON SCHEMA app, rep, "Odd.Schema" TO $owner, $other;
GRANT USAGE ON SCHEMA app, rep, "Odd.Schema" TO $reader, $grantee;
CREATE TABLE app.orders (id int PRIMARY KEY, customer int NOT NULL, amount numeric NOT NULL, note varchar(20));
CREATE TABLE rep.stats (k int, v text);
INSERT INTO rep.stats VALUES (1, 'one'), (2, 'two');
INSERT INTO app.orders SELECT g, g % 100, (g % 97)::numeric, 'n' || g FROM generate_series(1, 2000) g;
GRANT SELECT ON ALL TABLES IN SCHEMA app, rep TO $owner, $other;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO $reader;
CREATE MATERIALIZED VIEW app.base (id, customer, amount, "Weird Col") WITH (fillfactor=90, autovacuum_enabled=true, toast.autovacuum_enabled=true) AS
  SELECT id, customer, amount, note::text FROM app.orders WITH NO DATA;
ALTER MATERIALIZED VIEW app.base OWNER TO $owner;
REFRESH MATERIALIZED VIEW app.base;
CREATE UNIQUE INDEX base_pk ON app.base (id) WITH (fillfactor=80);
CREATE INDEX "Base Cust" ON app.base (customer) INCLUDE (amount) WHERE customer IS NOT NULL;
CREATE INDEX base_expr ON app.base (lower("Weird Col"), (customer+1));
ALTER INDEX app.base_expr ALTER COLUMN 2 SET STATISTICS 333;
COMMENT ON MATERIALIZED VIEW app.base IS E'it''s the \\base';
COMMENT ON COLUMN app.base."Weird Col" IS 'weird';
COMMENT ON INDEX app.base_pk IS 'the key';
ALTER MATERIALIZED VIEW app.base CLUSTER ON base_pk;
ALTER MATERIALIZED VIEW app.base ALTER COLUMN customer SET STATISTICS 500;
ALTER MATERIALIZED VIEW app.base ALTER COLUMN customer SET (n_distinct=1000);
ALTER MATERIALIZED VIEW app.base ALTER COLUMN "Weird Col" SET STORAGE EXTERNAL;
CREATE STATISTICS app.base_st (ndistinct, dependencies) ON id, customer FROM app.base;
ALTER STATISTICS app.base_st OWNER TO $owner;
COMMENT ON STATISTICS app.base_st IS 'st';
ALTER STATISTICS app.base_st SET STATISTICS 77;
REVOKE ALL ON app.base FROM $reader;
SET ROLE $owner;
GRANT SELECT ON app.base TO $other;
GRANT SELECT ON app.base TO $grantee WITH GRANT OPTION;
GRANT SELECT ("Weird Col", id), UPDATE (amount) ON app.base TO PUBLIC;
SET ROLE $grantee; GRANT SELECT ON app.base TO $reader; RESET ROLE;
CREATE VIEW app.v1 WITH (security_barrier=true) AS SELECT b.customer, sum(b.amount) AS total, count(*) AS n, max(b."Weird Col") AS last
  FROM app.base b WHERE b.customer <> 13 GROUP BY b.customer;
ALTER VIEW app.v1 OWNER TO $owner;
COMMENT ON VIEW app.v1 IS 'v1'; COMMENT ON COLUMN app.v1.total IS 'sum';
GRANT SELECT ON app.v1 TO $other;
CREATE MATERIALIZED VIEW app.stats AS WITH base AS (SELECT * FROM app.base WHERE id > 5), app AS (SELECT 1 AS base, 2 AS q)
  SELECT base.customer AS k, count(*) AS n, 'app.base says "app.base" $$x$$' AS lit FROM base, app WHERE app.base = 1 GROUP BY 1;
CREATE UNIQUE INDEX stats_k ON app.stats (k);
CREATE MATERIALIZED VIEW rep.m2 AS SELECT v.customer, v.total, s.v, (v.total > 10) AS big FROM app.v1 v LEFT JOIN rep.stats s ON s.k = v.customer WITH NO DATA;
ALTER MATERIALIZED VIEW rep.m2 OWNER TO $other;
REFRESH MATERIALIZED VIEW rep.m2;
CREATE UNIQUE INDEX m2_pk ON rep.m2 (customer);
GRANT ALL ON rep.m2 TO $reader;
CREATE MATERIALIZED VIEW "Odd.Schema".base AS SELECT count(*) AS n, sum(total) AS t FROM app.v1;
CREATE UNIQUE INDEX base_pk ON "Odd.Schema".base (n);
CREATE RECURSIVE VIEW rep.v2 (n, total) AS SELECT 1, 0::numeric UNION ALL SELECT n+1, m.total FROM v2 JOIN rep.m2 m ON m.customer = n WHERE n < 20;
ALTER VIEW rep.v2 OWNER TO $owner;
GRANT SELECT ON rep.m2 TO $owner;
CREATE MATERIALIZED VIEW app.m3 AS SELECT n, total, (SELECT t FROM "Odd.Schema".base) AS t, (SELECT max(n) FROM app.stats) AS mx FROM rep.v2;
CREATE INDEX ON app.m3 (n);
CREATE VIEW app.leaf WITH (check_option=local, security_barrier=true) AS SELECT id, customer, amount FROM app.orders WHERE id IN (SELECT b.id FROM app.base b WHERE id < 1000);
CREATE VIEW app.leaf_t AS SELECT id, customer FROM app.base;
ALTER VIEW app.leaf_t ALTER COLUMN customer SET DEFAULT 7;
ALTER VIEW app.leaf ALTER COLUMN amount SET DEFAULT 5;
CREATE FUNCTION app.leaf_trg() RETURNS trigger LANGUAGE plpgsql AS 'begin return null; end';
CREATE TRIGGER leaf_ins INSTEAD OF INSERT ON app.leaf_t FOR EACH ROW EXECUTE FUNCTION app.leaf_trg();
COMMENT ON TRIGGER leaf_ins ON app.leaf_t IS 'trg';
GRANT SELECT (id), INSERT ON app.leaf TO $reader;
COMMENT ON VIEW app.leaf IS 'leaf';
CREATE VIEW rep.leaf2 AS SELECT * FROM app.leaf;
CREATE VIEW app.v3 AS SELECT m.*, l.id FROM app.m3 m LEFT JOIN app.leaf_t l ON l.id = m.n;
CREATE FUNCTION app.f_leafrow() RETURNS SETOF app.leaf LANGUAGE sql AS 'select * from app.leaf';
CREATE MATERIALIZED VIEW rep.nodata AS SELECT * FROM app.v3 WITH NO DATA;
CREATE INDEX nodata_i ON rep.nodata (id);
`

const newQuery = `SELECT id, customer, amount * 2 AS amount, note::text AS "Weird Col", 'new'::text AS extra FROM app.orders; -- new`

type env struct {
	t        *testing.T
	database *pgtest.Database
	dsn      string
	pool     *sql.DB
	roles    *strings.Replacer
}

func newEnv(t *testing.T, driver string) *env {
	t.Helper()
	d, pool := testrun.Database(t, driver)
	e := &env{t: t, database: d, dsn: d.DSN(), pool: pool}
	var names, pairs []string
	for _, role := range []string{"owner", "other", "reader", "grantee"} {
		name := d.Name() + "_" + role
		names = append(names, name)
		pairs = append(pairs, "$"+role, name)
		e.exec("CREATE ROLE " + name)
	}
	e.roles = strings.NewReplacer(pairs...)
	t.Cleanup(func() {
		all := strings.Join(names, ", ")
		e.exec("DROP OWNED BY " + all + " CASCADE; DROP ROLE " + all)
	})
	e.exec(e.roles.Replace(setup))
	return e
}

func (e *env) exec(text string) {
	e.t.Helper()
	if _, err := e.pool.ExecContext(context.Background(), text); err != nil {
		e.t.Fatalf("%.300s: %v", text, err)
	}
}

func (e *env) load() *massive.DB {
	e.t.Helper()
	m, err := massive.Load(e.t.Context(), e.pool, postgres.New())
	if err != nil {
		e.t.Fatal(err)
	}
	return m
}

// required reports whether a missing program or server fails a test instead of skipping it.
func required() bool {
	v := os.Getenv("MASSIVE_REQUIRE_POSTGRES")
	return v != "" && v != "0"
}

// pgDump returns a pg_dump that reads servers of the major, or an empty text.
func pgDump(major int) string {
	for n := 30; n >= major; n-- {
		path := fmt.Sprintf("/usr/lib/postgresql/%d/bin/pg_dump", n)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

func (e *env) dump(path string) string {
	e.t.Helper()
	out, err := exec.CommandContext(e.t.Context(), path, "-s", "-d", e.dsn).CombinedOutput()
	if err != nil {
		e.t.Fatalf("pg_dump: %v\n%s", err, out)
	}
	return string(out)
}

// The lines of the query in pg_dump.
const oldText, newText = "    orders.amount,\n    (orders.note)::text AS \"Weird Col\"\n",
	"    (orders.amount * (2)::numeric) AS amount,\n    (orders.note)::text AS \"Weird Col\",\n    'new'::text AS extra\n"

// After a run, pg_dump prints the same as before, except for the query.
func TestDumpIsTheSame(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, driver)
			m := e.load()
			path, before := pgDump(m.Server().Major), ""
			switch {
			case path == "" && m.Server().Major <= 15 && required():
				t.Fatalf("no pg_dump for PostgreSQL %d, and MASSIVE_REQUIRE_POSTGRES is set: apt-get install postgresql-client", m.Server().Major)
			case path == "":
				t.Logf("NOT COMPARED: there is no pg_dump for PostgreSQL %d", m.Server().Major)
			default:
				before = strings.Replace(e.dump(path), oldText, newText, 1)
			}
			r, err := replace.Plan(t.Context(), m, "app.base", newQuery)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if before != "" {
				sameLines(t, before, e.dump(path))
			}
			changes, err := m.Reload(t.Context())
			if err != nil || len(changes) == 0 {
				t.Errorf("a reload: got %v, %v; want changes", changes, err)
			}
		})
	}
}

// sameLines compares the lines of two dumps, whose order depends on object ids.
func sameLines(t *testing.T, before, after string) {
	t.Helper()
	lines := map[string]int{}
	for _, l := range strings.Split(before, "\n") {
		lines[strings.TrimSuffix(l, ",")]++
	}
	for _, l := range strings.Split(after, "\n") {
		lines[strings.TrimSuffix(l, ",")]--
	}
	for l, n := range lines {
		if n != 0 && !strings.HasPrefix(l, `\restrict`) && !strings.HasPrefix(l, `\unrestrict`) {
			t.Errorf("%d more before: %s", n, l)
		}
	}
}
