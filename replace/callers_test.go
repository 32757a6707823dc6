package replace_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/bouncer"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/replace"
)

func onDrivers(t *testing.T, f func(t *testing.T, driver string)) {
	t.Helper()
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) { t.Parallel(); f(t, driver) })
	}
}

// Behind a pooler in transaction mode, in each mode of the drivers, a plan, a run and a
// script work, and no setting stays in the server's sessions.
func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	b := bouncer.Start(t, 2)
	for _, mode := range bouncer.Modes {
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			e := newSmall(t, mode.Driver)
			before := e.catalog()
			b.Serve(t, e.database)
			through := b.Open(t, e.database, mode.Driver, mode.Params...)
			settings := func() map[string]bool {
				t.Helper()
				var text string
				if err := through.QueryRow("SELECT string_agg(name || '=' || setting, '; ') FROM pg_settings WHERE name NOT LIKE 'plpgsql.%'").Scan(&text); err != nil {
					t.Fatal(err)
				}
				all := map[string]bool{}
				for _, s := range strings.Split(text, "; ") {
					all[s] = true
				}
				return all
			}
			was := settings()
			m, err := massive.Load(t.Context(), through, postgres.New())
			if err != nil {
				t.Fatal(err)
			}
			planned := func(opts ...replace.Option) *replace.Replacement {
				t.Helper()
				r, err := replace.Plan(t.Context(), m, "app.base", smallQuery, opts...)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			stale := planned()
			r := planned(at(replace.PhaseWait, 1, func() { e.exec("INSERT INTO app.t VALUES (1000, 'late', 1); REFRESH MATERIALIZED VIEW app.dep") }))
			if report, err := r.Run(t.Context()); err != nil || report.Fills != 2 {
				t.Errorf("got %+v, %v; want two fills", report, err)
			}
			e.replaced(before, "id = 1000", 1)
			if _, err := stale.Run(t.Context()); !errors.Is(err, replace.ErrChanged) {
				t.Errorf("got error %v, want ErrChanged", err)
			}
			if _, err := through.Exec(planned().String()); err != nil {
				t.Errorf("the script: %v", err)
			}
			e.replaced(before, "id = 1000", 1)
			if changed := minus(settings(), was); changed != nil {
				t.Errorf("settings of a session have changed: %s", changed)
			}
		})
	}
}

// In a caller's transaction, a replacement sees and keeps what the transaction did. If it
// fails, it is undone, and the transaction can be committed.
func TestCallersTransaction(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, driver string) {
		e := newSmall(t, driver)
		before := e.catalog()
		exec := func(tx *sql.Tx, text string) {
			t.Helper()
			if _, err := tx.Exec(text); err != nil {
				t.Fatal(err)
			}
		}
		m := e.load()
		within := func(isolation sql.IsolationLevel, f func(tx *sql.Tx, m *massive.DB)) {
			t.Helper()
			tx, err := e.pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: isolation})
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			f(tx, m.With(tx))
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		plan := func(m *massive.DB, query string, opts ...replace.Option) *replace.Replacement {
			t.Helper()
			r, err := replace.Plan(t.Context(), m, "app.base", query, opts...)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}

		within(sql.LevelRepeatableRead, func(tx *sql.Tx, m *massive.DB) {
			exec(tx, "INSERT INTO app.t VALUES (1001, 'repeatable', 1)")
			if _, err := plan(m, smallQuery).Run(t.Context()); !errors.Is(err, massive.ErrInvalid) || !strings.Contains(err.Error(), "READ COMMITTED") {
				t.Errorf("got error %v, want ErrInvalid", err)
			}
		})
		within(sql.LevelReadCommitted, func(tx *sql.Tx, m *massive.DB) {
			exec(tx, "INSERT INTO app.t VALUES (1002, 'failed', 1)")
			r := plan(m, "SELECT id / (1002 - id) AS id, a, b FROM app.t")
			if _, err := r.Run(t.Context()); state(err) != "22012" {
				t.Errorf("got error %v, want the division by zero", err)
			}
			r = plan(m, smallQuery, at(replace.PhaseSwap, 1, func() { exec(tx, "COMMENT ON VIEW app.plain IS 'x'") }))
			if _, err := r.Run(t.Context()); !errors.Is(err, replace.ErrChanged) {
				t.Errorf("got error %v, want ErrChanged", err)
			}
		})
		e.unchanged(before)
		within(sql.LevelReadCommitted, func(tx *sql.Tx, m *massive.DB) {
			exec(tx, "INSERT INTO app.t VALUES (1003, 'caller', 1); REFRESH MATERIALIZED VIEW app.base; SET LOCAL search_path = app; SAVEPOINT massive_replace")
			if _, err := plan(m, "SELECT id, a, b, 2 AS undone FROM t").Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			exec(tx, "ROLLBACK TO SAVEPOINT massive_replace; RELEASE SAVEPOINT massive_replace")
			for _, query := range []string{"SELECT id, a, b FROM t WHERE id >= 1000", "SELECT id, a, b, 1 AS more FROM t WHERE id > 1000"} {
				if _, err := plan(m, query).Run(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			exec(tx, "INSERT INTO t VALUES (1004, 'after the fill', 1)")
		})
		e.replaced(before, "id > 1000", 3)
	})
}

// A run that fails in an event trigger is undone, and a caller's transaction can be
// committed.
func TestFailingEventTriggers(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, driver string) {
		e := newSmall(t, driver)
		e.exec(e.roles.Replace(`CREATE INDEX i ON app.base (a); COMMENT ON VIEW app.mid IS 'x'; GRANT SELECT ON app.dep TO $role;
			CREATE FUNCTION app.no() RETURNS event_trigger LANGUAGE plpgsql AS 'begin raise exception ''not allowed''; end'`))
		before := e.catalog()
		r := e.plan()
		tags := []string{"CREATE SCHEMA", "CREATE TABLE AS", "CREATE FUNCTION", "CREATE MATERIALIZED VIEW", "CREATE VIEW", "ALTER VIEW", "COMMENT", "GRANT",
			"REFRESH MATERIALIZED VIEW", "CREATE INDEX", "ALTER MATERIALIZED VIEW", "DROP MATERIALIZED VIEW", "DROP VIEW", "DROP SCHEMA"}
		for i, tag := range tags {
			for _, event := range []string{"ddl_command_start", "ddl_command_end"} {
				if !testrun.All() && (i%3 > 0 || event == "ddl_command_start") {
					continue
				}
				e.exec(fmt.Sprintf("CREATE EVENT TRIGGER massive_no ON %s WHEN TAG IN ('%s') EXECUTE FUNCTION app.no()", event, tag))
				_, err := r.Run(t.Context())
				tx, errTx := e.pool.BeginTx(t.Context(), nil)
				if errTx != nil {
					t.Fatal(errTx)
				}
				_, errPlan := replace.Plan(t.Context(), e.load().With(tx), "app.base", smallQuery)
				if errTx := tx.Commit(); errTx != nil {
					t.Errorf("%s, %s: the caller's transaction: %v", tag, event, errTx)
				}
				e.exec("DROP EVENT TRIGGER massive_no")
				if state(err) != "P0001" || !strings.Contains(err.Error(), "not allowed") {
					t.Errorf("%s, %s: got error %v, want the trigger's error", tag, event, err)
				}
				// The rehearsal neither drops nor creates functions.
				var refused *replace.RefusedError
				if errPlan != nil && state(errPlan) != "P0001" && (!errors.As(errPlan, &refused) || !strings.Contains(errPlan.Error(), "not allowed")) {
					t.Errorf("%s, %s: a plan: got error %v, want the trigger's error", tag, event, errPlan)
				}
				e.unchanged(before)
			}
		}
		if _, err := r.Run(context.Background()); err != nil {
			t.Error(err)
		}
		e.replaced(before, "true", 100)
	})
}

// A role that is a member of all owners and grantors carries over all owners and rights. It
// is refused if it is not a member of one of them.
func TestOrdinaryRoleWithSeveralOwnersAndGrantors(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, driver string) {
		e := newEnv(t, driver)
		runner := e.database.Name() + "_runner"
		e.exec("CREATE ROLE " + runner)
		t.Cleanup(func() { e.exec("DROP OWNED BY " + runner + "; DROP ROLE " + runner) })
		// Everything that the superuser of the setup owns gets another owner.
		e.exec(e.roles.Replace(`ALTER MATERIALIZED VIEW app.stats OWNER TO $other; ALTER MATERIALIZED VIEW app.m3 OWNER TO $owner;
			ALTER MATERIALIZED VIEW "Odd.Schema".base OWNER TO $other; ALTER MATERIALIZED VIEW rep.nodata OWNER TO $other;
			ALTER VIEW app.leaf OWNER TO $owner; ALTER VIEW app.leaf_t OWNER TO $other; ALTER VIEW rep.leaf2 OWNER TO $owner; ALTER VIEW app.v3 OWNER TO $other;
			GRANT SELECT ON ALL TABLES IN SCHEMA app, rep, "Odd.Schema" TO $owner, $other;
			GRANT USAGE, CREATE ON SCHEMA app, rep, "Odd.Schema" TO ` + runner + `; GRANT SELECT ON app.orders TO ` + runner + `;
			GRANT $owner, $other TO ` + runner + `;
			DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ` + runner + `', current_database()); END $$`))
		before := e.catalog()
		c, err := e.pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		m := e.load().With(c)
		if _, err := c.ExecContext(t.Context(), "SET ROLE "+runner); err != nil {
			t.Fatal(err)
		}
		defer c.ExecContext(context.Background(), "RESET ROLE")
		_, err = replace.Plan(t.Context(), m, "app.base", newQuery)
		want := e.roles.Replace("GRANT $grantee TO ") + runner
		if !errors.Is(err, massive.ErrPermission) || !strings.Contains(err.Error(), want) {
			t.Fatalf("got error %v, want ErrPermission with %s", err, want)
		}
		e.exec(want)
		r, err := replace.Plan(t.Context(), m, "app.base", newQuery)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := e.catalog()
		for _, l := range minus(before, after) {
			if !strings.HasPrefix(l, "class base{") {
				t.Errorf("lost: %s", l)
			}
		}
		for _, l := range minus(after, before) {
			if !strings.HasPrefix(l, "class base{") && !strings.HasPrefix(l, `column base{`) {
				t.Errorf("added: %s", l)
			}
		}
	})
}
