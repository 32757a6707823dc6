package massive_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// encoded creates a database in an encoding, runs setup in it with the given
// client_encoding, and returns a function that opens it.
func encoded(t *testing.T, e *env, encoding, client, setup string) (open func(params ...string) *sql.DB) {
	t.Helper()
	name := strings.ToLower(e.Name() + "_" + encoding)
	e.Exec(t, "CREATE DATABASE "+name+" ENCODING '"+encoding+"' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	t.Cleanup(func() {
		if _, err := e.pool.ExecContext(context.Background(), "DROP DATABASE "+name); err != nil {
			t.Error(err)
		}
	})
	maker := e.Open(t, "pgx", "dbname="+name, "client_encoding="+client, "default_query_exec_mode=simple_protocol")
	exec(t, maker, setup)
	return func(params ...string) *sql.DB {
		return e.Open(t, e.driver, append([]string{"dbname=" + name}, params...)...)
	}
}

// Text arrives as UTF-8, or Load returns an error that says what to set.
func TestDatabasesInOtherEncodings(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		for _, encoding := range []string{"LATIN1", "EUC_JP", "UTF8"} {
			label := map[string]string{"LATIN1": "café", "EUC_JP": "日本", "UTF8": "café"}[encoding]
			open := encoded(t, e, encoding, "UTF8", `CREATE TYPE e AS ENUM ('`+label+`', 'z'); CREATE SEQUENCE "`+label+`"`)
			right := func(pool *sql.DB) {
				t.Helper()
				m := load(t, pool, massive.Expect(massive.EnumIs("e", []string{label, "z"})))
				same(t, "the first of two values in "+encoding, next(t, sequence(t, m, label)), next(t, sequence(t, m, label))-1)
				b, err := massive.BindEnum[string](m, "e")
				noError(t, err)
				added, err := b.EnsureValue(t.Context(), label)
				noError(t, err)
				same(t, "added an existing label", added, false)
			}
			right(open("client_encoding=UTF8"))
			if e.driver == "postgres" { // lib/pq sets client_encoding
				right(open())
				continue
			}
			for _, client := range []string{"", "LATIN1", "SQL_ASCII"} {
				params := []string{}
				if client != "" {
					params = append(params, "client_encoding="+client)
				}
				if encoding == "UTF8" && client != "LATIN1" {
					right(open(params...))
					continue
				}
				is := client
				if is == "" {
					is = encoding
				}
				if is == "LATIN1" && encoding == "EUC_JP" {
					continue // the server has no conversion and refuses the connection
				}
				_, err := massive.Load(t.Context(), open(params...), postgres.New())
				mustBe(t, err, massive.ErrUnsupported, "massive: load: not supported here: unsupported operation: the connection's client_encoding is "+is+
					" (the database's encoding is "+encoding+")", "set client_encoding=UTF8 in the DSN")
			}
		}
	})
}

const notUTF8 = "CREATE SEQUENCE good; CREATE SEQUENCE \"s\xe9q\"; CREATE SCHEMA \"sch\xe9ma\"; CREATE SEQUENCE \"sch\xe9ma\".s; CREATE TYPE mood AS ENUM ('ok', 'caf\xe9');" +
	"CREATE TYPE e AS ENUM ('café', 'a\\b'); CREATE MATERIALIZED VIEW v AS SELECT 'ok'::text AS \"colonn\xe9\"; CREATE MATERIALIZED VIEW \"vu\xe9\" AS SELECT 1 AS n;" +
	"CREATE MATERIALIZED VIEW above AS SELECT * FROM \"vu\xe9\"; CREATE TABLE \"table\xe9\" (id serial PRIMARY KEY, e e);" +
	"COMMENT ON SEQUENCE good IS 'caf\xe9 \\ café'; CREATE SEQUENCE \"séq\""

// A structure whose name is not UTF-8 is excluded with a reason. All others are loaded.
func TestNonUTF8NamesAreExcluded(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		ctx := t.Context()
		open := encoded(t, e, "SQL_ASCII", "SQL_ASCII", notUTF8)
		for _, params := range [][]string{nil, {"client_encoding=UTF8"}} {
			pool := open(params...)
			tx, err := pool.BeginTx(ctx, nil)
			noError(t, err)
			defer tx.Rollback()
			for _, q := range []massive.Querier{pool, tx} {
				m := load(t, q)
				equal(t, "sequences", sequenceNames(m), []string{"public.good", `public."séq"`})
				equal(t, "enums", enumNames(m), []string{"public.e"})
				equal(t, "views", viewNames(m), []string{"public.above"})
				equal(t, "labels", enum(t, m, "e").Values(), []string{"café", `a\b`})
				same(t, "comment, unchanged", sequence(t, m, "good").Comment(), "caf\xe9 \\ café")
				var omitted []string
				for _, o := range m.Excluded() {
					omitted = append(omitted, fmt.Sprintf("%s %q: %s", o.Kind, o.Name.Name, o.Why))
				}
				equal(t, "excluded", omitted, []string{
					`materialized view "v": its column "colonn\xe9" is not UTF-8`,
					`materialized view "vu\xe9": its name "vu\xe9" is not UTF-8`,
					`enum "mood": its label "caf\xe9" is not UTF-8`,
					`sequence "s\xe9q": its name "s\xe9q" is not UTF-8`,
					`sequence "table\xe9_id_seq": its name "table\xe9_id_seq" is not UTF-8`,
					`sequence "s": the name of its schema, "sch\xe9ma", is not UTF-8`,
				})
				_, err := m.Enum("mood")
				mustBe(t, err, massive.ErrNotFound, `public.mood was not loaded: its label "caf\xe9" is not UTF-8`)
				mustBe(t, m.Verify(ctx, massive.EnumIs("mood", []string{"ok"}, massive.AllowExtra())), massive.ErrDrift, "is not UTF-8")
				plan, err := m.PlanRefresh()
				noError(t, err)
				if text := plan.String(); !strings.Contains(text, "public.above") || !strings.Contains(text, "is not UTF-8") {
					t.Errorf("the plan does not name the excluded views and why:\n%s", text)
				}
			}
			noError(t, tx.Rollback())
			m := load(t, pool)
			same(t, "the first of two values", next(t, sequence(t, m, "séq")), next(t, sequence(t, m, "séq"))-1)

			// Such names don't look like changes, also with such a schema on the path.
			// Not from PostgreSQL 18: it reports the path to the client, and then a
			// session with client_encoding UTF-8 hangs.
			paths := []string{"'public'"}
			if m.Server().Major < 18 {
				paths = append(paths, "'public, ' || (SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sch%')")
			}
			for _, path := range paths {
				watched, err := pool.Conn(ctx)
				noError(t, err)
				defer watched.Close()
				exec(t, watched, "SELECT length(set_config('search_path', "+path+", false))")
				m := load(t, watched)
				changes, err := m.Reload(ctx)
				noError(t, err)
				same(t, "changes", changes.String(), "")
				unchanged(t, watched, m.Registry().Sign())
			}
		}
	})
}
