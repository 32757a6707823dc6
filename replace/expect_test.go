package replace_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/replace"
)

// A query whose columns the program does not expect is refused, and nothing changes.
func TestExpectationsAreChecked(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, driver)
			e.exec("CREATE TYPE app.mood AS ENUM ('ok')")
			before := e.catalog()
			type row struct {
				ID int64
				B  float64
			}
			m, err := massive.Load(t.Context(), e.pool, postgres.New(), massive.Include("app.*"),
				massive.Expect(massive.RowsAre[int64]("app.last"), massive.RowsAre[row]("app.base", massive.AllowExtra())))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct{ query, says string }{
				{"SELECT id, a, a AS b FROM app.t", `materialized view app.base: column b of type text does not fit into B float64`},
				{"SELECT id, a, 'ok'::app.mood AS b FROM app.t", `materialized view app.base: column b of type app.mood does not fit into B float64`},
				{"SELECT id, a FROM app.t", `materialized view app.base: missing columns ["b"]`},
			} {
				_, err := replace.Plan(t.Context(), m, "app.base", c.query)
				var refused *replace.RefusedError
				var drifts *massive.DriftError
				if !errors.As(err, &refused) || !errors.Is(err, massive.ErrDrift) || !errors.As(err, &drifts) || !strings.Contains(refused.Reasons[0], c.says) {
					t.Errorf("got error %v, want a refusal with %q", err, c.says)
				}
				if errors.Is(err, massive.ErrPermission) {
					t.Errorf("%v is ErrPermission", err)
				}
			}
			if gone, added := minus(before, e.catalog()), minus(e.catalog(), before); gone != nil || added != nil {
				t.Errorf("the plan changed the catalog: %v, %v", gone, added)
			}
			r, err := replace.Plan(t.Context(), m, "app.base", "SELECT id, a, id::float8 AS b, 'ok'::app.mood AS more FROM app.t")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Reload(t.Context()); err != nil {
				t.Errorf("a reload after an expected replacement: %v", err)
			}
		})
	}
}

// A missing right is ErrPermission, wherever the plan notices it.
func TestMissingRightsAreErrPermission(t *testing.T) {
	t.Parallel()
	const full = "GRANT USAGE, CREATE ON SCHEMA app TO $role; GRANT CREATE ON DATABASE $db TO $role"
	for _, c := range []struct {
		name, sql, query, says string
		refused                bool
	}{
		{"create in the database", "GRANT USAGE, CREATE ON SCHEMA app TO $role; GRANT SELECT ON app.t TO $role", smallQuery, "GRANT CREATE ON DATABASE", true},
		{"the owner fills", full, smallQuery, "can't fill it: ERROR: permission denied for table t", true},
		{"a schema of the query", full + "; CREATE SCHEMA other; CREATE TABLE other.t AS TABLE app.t", "SELECT id, a, b FROM other.t", "permission denied for schema other", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, "pgx")
			name, _, _ := strings.Cut(e.roles.Replace("$role"), "_role")
			e.exec(strings.ReplaceAll(e.roles.Replace(c.sql), "$db", name))
			e.exec(e.roles.Replace("DROP VIEW app.plain, app.mid CASCADE; DROP MATERIALIZED VIEW app.dep; ALTER MATERIALIZED VIEW app.base OWNER TO $role"))
			m := e.load()
			conn, err := e.pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.ExecContext(t.Context(), e.roles.Replace("SET ROLE $role")); err != nil {
				t.Fatal(err)
			}
			_, err = replace.Plan(t.Context(), m.With(conn), "app.base", c.query)
			if _, err := conn.ExecContext(t.Context(), "RESET ROLE"); err != nil {
				t.Fatal(err)
			}
			var refused *replace.RefusedError
			if !errors.Is(err, massive.ErrPermission) || errors.As(err, &refused) != c.refused || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got error %v, want ErrPermission with %q", err, c.says)
			}
		})
	}
}
