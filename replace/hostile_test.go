package replace_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/replace"
)

// newHostile has the role $second, which owns the schema evil and the dependents
// evil.dep and evil.plain of app.base. Its functions record as whom they run. They are
// falsely declared IMMUTABLE.
func newHostile(t *testing.T, driver string) *env {
	t.Helper()
	e := newSmall(t, driver)
	e.exec(e.roles.Replace(`CREATE SCHEMA evil AUTHORIZATION $second; GRANT USAGE ON SCHEMA evil TO PUBLIC;
		GRANT USAGE, CREATE ON SCHEMA public TO $second; GRANT USAGE ON SCHEMA app TO $second; GRANT SELECT ON app.base TO $second;
		CREATE FUNCTION evil.ran(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
			PERFORM pg_catalog.nextval(pg_catalog.format('evil.%I', CASE WHEN current_user = '$second' THEN 'own' ELSE 'others' END));
			RAISE WARNING '% ran as %', what, current_user; END $$;
		CREATE SEQUENCE evil.own; CREATE SEQUENCE evil.others; GRANT ALL ON SEQUENCE evil.own, evil.others TO PUBLIC;
		CREATE FUNCTION evil.sly(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.ran('sly'); RETURN $1; END $$;
		CREATE FUNCTION evil.sly(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.ran('sly'); RETURN $1; END $$;
		ALTER FUNCTION evil.sly(int) OWNER TO $second; ALTER FUNCTION evil.sly(text) OWNER TO $second;
		SET ROLE $second;
		CREATE MATERIALIZED VIEW evil.dep AS SELECT id, evil.sly(id) AS n FROM app.base WITH NO DATA;
		CREATE VIEW evil.plain AS SELECT id FROM app.base;
		RESET ROLE`))
	return e
}

// attack runs statements as the attacker, and then forgets what ran.
func (e *env) attack(text string) {
	e.t.Helper()
	e.exec(e.roles.Replace("SET ROLE $second; " + text + "; RESET ROLE; SELECT setval('evil.own', 1, false), setval('evil.others', 1, false)"))
}

// ran returns how often the attacker's functions ran as another role than the attacker.
func (e *env) ran() (n int) {
	e.t.Helper()
	if err := e.pool.QueryRow("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM evil.others").Scan(&n); err != nil {
		e.t.Fatal(err)
	}
	return n
}

// attempt plans and runs a replacement as a superuser, and returns the first error.
func (e *env) attempt(m *massive.DB) error {
	e.t.Helper()
	r, err := replace.Plan(e.t.Context(), m, "app.base", smallQuery)
	if err != nil {
		return err
	}
	_, err = r.Run(e.t.Context())
	return err
}

// The code of a role that owns dependents runs only as this role. What would run as the
// caller is refused.
func TestCodeOfAnotherOwnerRunsAsItsOwner(t *testing.T) {
	t.Parallel()
	const domain = `CREATE DOMAIN evil.d AS int CHECK (evil.sly(VALUE) > 0); `
	for _, c := range []struct{ name, sql, refused string }{
		{"query", "REFRESH MATERIALIZED VIEW evil.dep", ""},
		{"index", "REFRESH MATERIALIZED VIEW evil.dep; CREATE INDEX i ON evil.dep (evil.sly(id)); CREATE INDEX p ON evil.dep (id) WHERE evil.sly(1) = 1 OR id = 1", ""},
		{"index of a view without data", "CREATE INDEX i ON evil.dep (evil.sly(id)); CREATE INDEX p ON evil.dep (id) WHERE evil.sly(1) = 1 OR id = 1", ""},
		{"default and trigger", `ALTER VIEW evil.plain ALTER id SET DEFAULT evil.sly(1); CREATE FUNCTION evil.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM evil.ran(''t''); RETURN NULL; END';
			CREATE MATERIALIZED VIEW evil.last AS SELECT id FROM evil.plain WITH NO DATA; CREATE TRIGGER t INSTEAD OF INSERT ON evil.plain FOR EACH ROW EXECUTE FUNCTION evil.t()`, ""},
		{"statistics (14)", "REFRESH MATERIALIZED VIEW evil.dep; CREATE STATISTICS evil.s ON (evil.sly(id)), (evil.sly(n)) FROM evil.dep", ""},
		{"casts, operators and conditions", `CREATE TYPE evil.e AS ENUM ('a'); CREATE FUNCTION evil.pour(text) RETURNS evil.e LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM evil.ran('cast'); RETURN 'a'::evil.e; END $$;
			CREATE CAST (text AS evil.e) WITH FUNCTION evil.pour(text) AS IMPLICIT;
			CREATE FUNCTION evil.eq(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM evil.ran('eq'); RETURN true; END $$;
			CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = int, RIGHTARG = int);
			CREATE VIEW evil.many AS SELECT 'a'::text::evil.e AS e, 'a'::evil.e AS f, ARRAY['a'::evil.e] AS g, id FROM app.base WHERE 1 OPERATOR(evil.=) 1 AND 1 OPERATOR(evil.=) ANY (ARRAY[1, 2]);
			CREATE MATERIALIZED VIEW evil.much AS SELECT * FROM evil.many`, ""},
		{"constants of domains", domain + "CREATE MATERIALIZED VIEW evil.x AS SELECT 1::evil.d AS d, NULL::evil.d AS n, ARRAY[1]::evil.d[] AS a, id FROM app.base", ""},

		{"array of a domain", domain + "CREATE VIEW evil.x AS SELECT id, '{1}'::evil.d[] AS d FROM app.base", "evil.d[]"},
		{"array of a domain in a materialized view", domain + "CREATE MATERIALIZED VIEW evil.x AS SELECT id FROM app.base WHERE '{1}'::evil.d[] IS NOT NULL", "evil.d[]"},
		{"row with a domain", domain + "CREATE TYPE evil.c AS (d evil.d); CREATE VIEW evil.x AS SELECT id, '(1)'::evil.c AS c FROM app.base", "evil.c"},
		{"range of a domain", domain + "CREATE TYPE evil.r AS RANGE (SUBTYPE = evil.d, SUBTYPE_OPCLASS = pg_catalog.int4_ops); CREATE VIEW evil.x AS SELECT id, '[1,2]'::evil.r AS r FROM app.base", "evil.r"},
		{"default with an array of a domain", domain + "ALTER VIEW evil.plain ALTER id SET DEFAULT pg_catalog.array_length('{1}'::evil.d[], 1); CREATE MATERIALIZED VIEW evil.last AS SELECT id FROM evil.plain WITH NO DATA", "evil.d[]"},
		{"index with an array of a domain", domain + "CREATE INDEX i ON evil.dep ((id + pg_catalog.array_length('{1}'::evil.d[], 1)))", "evil.d[]"},
		{"condition of an index with an array of a domain", domain + "CREATE INDEX i ON evil.dep (id) WHERE '{1}'::evil.d[] IS NOT NULL", "evil.d[]"},
		{"statistics with an array of a domain (14)", domain + "CREATE STATISTICS evil.s ON (id + pg_catalog.array_length('{1}'::evil.d[], 1)), id FROM evil.dep", "evil.d[]"},
		{"label that reads like a row", "CREATE TYPE evil.e AS ENUM (' (1)'); CREATE VIEW evil.x AS SELECT id, ' (1)'::evil.e AS e FROM app.base", "evil.e"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newHostile(t, "pgx")
			m := e.load()
			if _, from, ok := strings.Cut(c.name, "("); ok && fmt.Sprint(m.Server().Major) < from[:2] {
				t.Skip("the server is too old for it")
			}
			e.attack(c.sql)
			err := e.attempt(e.load())
			if c.refused == "" && err != nil {
				t.Errorf("got error %v", err)
			}
			if c.refused != "" && (err == nil || !strings.Contains(err.Error(), "literal of type "+c.refused)) {
				t.Errorf("got error %v, want a refusal that names a literal of type %s", err, c.refused)
			}
			if n := e.ran(); n != 0 {
				t.Errorf("the attacker's code ran %d times as another role", n)
			}
		})
	}
}

// Functions and operators of another role, in a schema before pg_catalog or with arguments
// that fit better, are not chosen for what is created again.
func TestIndexesDoNotUseTheSearchPath(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			e := newHostile(t, driver)
			e.exec(`DROP MATERIALIZED VIEW app.base CASCADE; CREATE MATERIALIZED VIEW app.base AS SELECT id, a::varchar(9) AS a, b FROM app.t;
				CREATE INDEX i ON app.base (lower(a), (id + 1)) WHERE length(a) > 0 AND id <> 3; CREATE VIEW app.plain AS SELECT id, a FROM app.base;
				CREATE MATERIALIZED VIEW app.dep AS SELECT id, a FROM app.base; CREATE UNIQUE INDEX j ON app.dep (abs(id))`)
			e.attack(`CREATE FUNCTION evil.lower(varchar) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.ran('lower'); RETURN $1; END $$;
				CREATE FUNCTION evil.length(varchar) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.ran('length'); RETURN 1; END $$;
				CREATE FUNCTION evil.abs(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.ran('abs'); RETURN $1; END $$;
				CREATE FUNCTION evil.plus(int, int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.ran('plus'); RETURN $1; END $$;
				CREATE OPERATOR evil.+ (FUNCTION = evil.plus, LEFTARG = int, RIGHTARG = int)`)
			for i, path := range []string{"evil, pg_catalog", "pg_catalog, evil, app"} {
				c, err := e.pool.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				m := e.load().With(c)
				if _, err := c.ExecContext(t.Context(), "SET search_path = "+path); err != nil {
					t.Fatal(err)
				}
				r, err := replace.Plan(t.Context(), m, "app.base", fmt.Sprintf("SELECT id, a::varchar(9) AS a, b, %d AS more FROM app.t", i))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := r.Run(t.Context()); err != nil {
					t.Errorf("path %s: %v", path, err)
				}
				if n := e.ran(); n != 0 {
					t.Errorf("path %s: the attacker's code ran %d times", path, n)
				}
				if _, err := c.ExecContext(context.Background(), "RESET search_path"); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// If a name means another object when the views are built than in the rehearsal, nothing is
// filled.
func TestNamesThatMeanOtherObjectsAtTheBuild(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, before, during string }{
		{"a cast", "CREATE TYPE evil.e AS ENUM ('a1'); GRANT USAGE ON TYPE evil.e TO PUBLIC",
			`CREATE FUNCTION evil.pour(text) RETURNS evil.e LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM evil.ran('cast'); RETURN 'a1'::evil.e; END $$;
			CREATE CAST (text AS evil.e) WITH FUNCTION evil.pour(text)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newHostile(t, "pgx")
			e.attack(c.before)
			e.exec("CREATE MATERIALIZED VIEW app.used AS SELECT id, a::evil.e AS e FROM app.base WHERE a = 'a1'")
			r := e.plan()
			e.attack(c.during)
			if _, err := r.Run(t.Context()); !errors.Is(err, replace.ErrChanged) {
				t.Errorf("got %v, want ErrChanged", err)
			}
			if err := e.script(r); state(err) != "55000" {
				t.Errorf("the script: got %v, want SQLSTATE 55000", err)
			}
			if _, err := replace.Plan(t.Context(), e.load(), "app.base", smallQuery); err == nil || !strings.Contains(err.Error(), "function evil.pour(text)") {
				t.Errorf("planned again: got %v, want a refusal that names the function", err)
			}
			if n := e.ran(); n != 0 {
				t.Errorf("the attacker's code ran %d times as another role", n)
			}
		})
	}
}
