package replace_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/replace"
)

// psql runs a file with Debian's psql, or with one in PATH, and returns its output.
func (e *env) psql(text string, args ...string) (string, error) {
	e.t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	path, err := exec.LookPath(append(slices.Sorted(slices.Values(found)), "psql")[max(0, len(found)-1)])
	if err != nil {
		if required() {
			e.t.Fatal("no psql, and MASSIVE_REQUIRE_POSTGRES is set: apt-get install postgresql-client")
		}
		e.t.Skip("SKIPPED, PSQL NOT FOUND: apt-get install postgresql-client")
	}
	file := filepath.Join(e.t.TempDir(), "script.sql")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
	out, err := exec.CommandContext(e.t.Context(), path, append([]string{"-X", "-q", "-v", "VERBOSITY=verbose", "-d", e.dsn, "-f", file}, args...)...).CombinedOutput()
	return string(out), err
}

// psql runs the script. pg_dump then prints the same as before, except for the query.
func TestScriptThroughPsql(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "pgx")
	e.exec(e.roles.Replace(`COMMENT ON VIEW app.v1 IS E'a :DBNAME :''DBNAME'' \\d \\\\ \n\\q\n-- x; $$ $check$ $facts$';
		CREATE INDEX ":DBNAME \d" ON app.base (id) WHERE "Weird Col" <> E':DBNAME\n\\q'`))
	m := e.load()
	r, err := replace.Plan(t.Context(), m, "app.base", newQuery)
	if err != nil {
		t.Fatal(err)
	}
	path, before, catalog := pgDump(m.Server().Major), "", e.catalog()
	if path != "" {
		before = strings.Replace(e.dump(path), oldText, newText, 1)
	}
	if out, err := e.psql(r.String(), "-v", "ON_ERROR_STOP=1"); err != nil || strings.Contains(out, "ERROR") || strings.Contains(out, "WARNING") {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	if path != "" {
		sameLines(t, before, e.dump(path))
	}
	for _, l := range minus(catalog, e.catalog()) {
		if !strings.HasPrefix(l, "class base{") {
			t.Errorf("lost: %s", l)
		}
	}

	stale, err := replace.Plan(t.Context(), m, "app.base", smallOf(newQuery))
	if err != nil {
		t.Fatal(err)
	}
	e.exec("GRANT SELECT ON rep.m2 TO PUBLIC")
	catalog = e.catalog()
	for _, args := range [][]string{{"-v", "ON_ERROR_STOP=1"}, {"-v", "ON_ERROR_STOP=0"}, {"-v", "ON_ERROR_STOP=1", "-1"}, {"-v", "ON_ERROR_STOP=1", "-v", "AUTOCOMMIT=off"}} {
		out, err := e.psql(stale.String(), args...)
		var code *exec.ExitError
		if stops := args[1] == "ON_ERROR_STOP=1"; errors.As(err, &code) != stops || stops && code.ExitCode() != 3 {
			t.Errorf("psql %q: got %v", args, err)
		}
		if !strings.Contains(out, "ERROR:  55000: massive: the views, or what depends on them, have changed since the plan: plan again") {
			t.Errorf("psql %q: got %s; want SQLSTATE 55000", args, out)
		}
		e.unchanged(catalog)
	}
}

func smallOf(query string) string { return strings.Replace(query, "'new'", "'newer'", 1) }

// If others refresh a view while the script runs, it fails with 55000.
func TestScriptFailsAfterARefresh(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, driver string) {
		e := newSmall(t, driver)
		before := e.catalog()
		c, err := e.pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		build, swap, ok := strings.Cut(e.plan().String(), "-- 3. Guard")
		if !ok {
			t.Fatal("the script has no phase 3")
		}
		if _, err := c.ExecContext(t.Context(), build); err != nil {
			t.Fatal(err)
		}
		e.exec("REFRESH MATERIALIZED VIEW app.dep")
		if _, err := c.ExecContext(t.Context(), "-- "+swap); state(err) != "55000" || !strings.Contains(err.Error(), "a view was refreshed during the build: run the script again") {
			t.Errorf("got error %v, want SQLSTATE 55000", err)
		}
		if _, err := c.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		e.unchanged(before)
	})
}

// Names are never a part of the SQL.
func TestNamesAreQuoted(t *testing.T) {
	t.Parallel()
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	for i, name := range []string{
		"a$check$; DROP TABLE app.t; --",
		"a\r; DROP TABLE app.t; --",
		"a\nDROP TABLE app.t; --",
		`a"'\'';DROP TABLE app.t;--`,
		"$facts$ $$ $id $view $1 %I %s {x}",
		"É ß SELECT * FROM app.t",
		"FROM", "*/ /*", "a\\",
	} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, []string{"postgres", "pgx"}[i%2])
			view, schema := quote(name), quote("s "+name)
			setup := `CREATE SCHEMA $s; CREATE ROLE $role; DROP MATERIALIZED VIEW app.base CASCADE;
				CREATE MATERIALIZED VIEW $s.$v WITH (fillfactor=90) AS SELECT id AS $v, a, b FROM app.t;
				CREATE VIEW $s.$x AS SELECT $v FROM $s.$v; CREATE VIEW app.$v AS SELECT $v.$v AS $x FROM $s.$v;
				CREATE MATERIALIZED VIEW $s.$w AS SELECT $s.$v FROM $s.$x $s;
				CREATE INDEX $i ON $s.$v ($v, lower(a || $n)); CREATE STATISTICS $s.$t ON $v, a FROM $s.$v;
				COMMENT ON MATERIALIZED VIEW $s.$v IS $n; COMMENT ON COLUMN $s.$v.$v IS $n; COMMENT ON INDEX $s.$i IS $n; COMMENT ON STATISTICS $s.$t IS $n;
				ALTER VIEW $s.$x ALTER $v SET DEFAULT length($n); GRANT SELECT ($v) ON $s.$v TO $role; GRANT SELECT ON $s.$w TO $role`
			role := quote(name + e.database.Name()[len(e.database.Name())-20:])
			e.exec(strings.NewReplacer("$s", schema, "$v", view, "$x", quote("x "+name), "$w", quote("w "+name), "$i", quote("i "+name), "$t", quote("t "+name),
				"$role", role, "$n", "E'"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name)+"'").Replace(setup))
			t.Cleanup(func() { e.exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
			before := e.hung(schema)
			m := e.load()
			full := massive.Name{Schema: "s " + name, Name: name}
			for _, run := range []func(r *replace.Replacement) error{
				func(r *replace.Replacement) error { _, err := r.Run(t.Context()); return err },
				e.script,
			} {
				r, err := replace.Plan(t.Context(), m, full.String(), "SELECT id AS "+view+", a, b, 1 AS more FROM app.t")
				if err != nil {
					t.Fatal(err)
				}
				if err := run(r); err != nil {
					t.Errorf("%v\n%.300s", err, r)
				}
				if gone, added := minus(before, e.hung(schema)), minus(e.hung(schema), before); gone != nil || added != nil {
					t.Errorf("lost %q, added %q", gone, added)
				}
				var n int
				if err := e.pool.QueryRow("SELECT sum(more) FROM " + schema + "." + view).Scan(&n); err != nil || n != 100 {
					t.Errorf("got %d, %v; want 100 rows", n, err)
				}
			}
		})
	}
}

// hung returns what hangs on the views of a schema.
func (e *env) hung(schema string) map[string]bool {
	e.t.Helper()
	lines := map[string]bool{}
	rows, err := e.pool.Query(`WITH r AS (SELECT * FROM pg_class WHERE relnamespace = to_regnamespace($1)::oid OR relnamespace = 'app'::regnamespace)
SELECT concat('class ', relname, relkind, relowner, reloptions, relacl) FROM r
UNION ALL SELECT 'column ' || relname || attname || coalesce(attacl::text, '') FROM r JOIN pg_attribute ON attrelid = r.oid AND attnum > 0 WHERE attname <> 'more'
UNION ALL SELECT 'view ' || pg_get_viewdef(oid) FROM r WHERE relkind IN ('m', 'v') AND pg_get_viewdef(oid) NOT LIKE '%app.t;'
UNION ALL SELECT 'index ' || pg_get_indexdef(oid) FROM r WHERE relkind = 'i'
UNION ALL SELECT 'comment ' || (identity).identity || description FROM (SELECT pg_identify_object(classoid, objoid, objsubid) AS identity, description FROM pg_description WHERE objoid >= 16384) d
UNION ALL SELECT 'default ' || relname || pg_get_expr(adbin, adrelid) FROM r JOIN pg_attrdef ON adrelid = r.oid
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_'`, schema)
	if err != nil {
		e.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var l string
		if err := rows.Scan(&l); err != nil {
			e.t.Fatal(err)
		}
		lines[l] = true
	}
	return lines
}
