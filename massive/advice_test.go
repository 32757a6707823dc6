package massive_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/massive"
)

// blockers returns the blockers that CheckRefresh reports for the view.
func blockers(t *testing.T, m *massive.DB, name string, mode massive.RefreshMode) massive.Blockers {
	t.Helper()
	err := matview(t, m, name).CheckRefresh(mode)
	var all massive.Blockers
	if err != nil && !errors.As(err, &all) {
		t.Fatalf("%s: %v (%T)", name, err, err)
	}
	return all
}

// A view that depends on an empty view can't be refreshed. The fixes that CheckRefresh
// returns, run in their order, make it refreshable.
func TestCheckRefreshNamesEmptyUpstreamViews(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE MATERIALIZED VIEW far AS SELECT 1 AS a;
		CREATE MATERIALIZED VIEW up AS SELECT a FROM far WITH NO DATA;
		CREATE VIEW between AS SELECT count(*)::int AS a FROM up;
		CREATE MATERIALIZED VIEW full_of_up AS SELECT 1 AS a;
		CREATE MATERIALIZED VIEW down AS SELECT a FROM between WITH NO DATA;
		CREATE MATERIALIZED VIEW below_full AS SELECT a FROM full_of_up WITH NO DATA;
		CREATE MATERIALIZED VIEW names_up AS SELECT 'up'::regclass AS r;
		REFRESH MATERIALIZED VIEW far WITH NO DATA;`,
		func(t *testing.T, e *env) {
			m := e.load(t, massive.Exclude("far"))
			for _, name := range []string{"full_of_up", "below_full", "names_up"} {
				if err := matview(t, m, name).CheckRefresh(massive.ModeBlocking); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			err := matview(t, m, "down").CheckRefresh(massive.ModeBlocking)
			mustBe(t, err, massive.ErrNotPopulated, "massive: refresh public.down: not populated: it depends on public.far, which has no data",
				"it depends on public.up, which has no data")
			_, err = matview(t, m, "down").Refresh(t.Context())
			mustBe(t, err, massive.ErrNotPopulated)

			all := blockers(t, m, "down", massive.ModeBlocking)
			equal(t, "fixes for down, in order", []string{all[0].Fix, all[1].Fix},
				[]string{`REFRESH MATERIALIZED VIEW "public"."far"`, `REFRESH MATERIALIZED VIEW "public"."up"`})
			same(t, "blockers of a blocking refresh", len(all), 2)
			same(t, "blockers of a concurrent refresh: also its own data and its index", len(blockers(t, m, "down", massive.ModeConcurrent)), 4)
			for _, h := range all {
				same(t, h.Fix, h.Reason, massive.BlockerNotPopulated)
				e.Exec(t, h.Fix)
			}
			v := matview(t, e.load(t), "down")
			noError(t, v.CheckRefresh(massive.ModeBlocking))
			noError(t, errOf(v.Refresh(t.Context())))
		})
}

// The advice for an invalid unique index is REINDEX, not a second index.
func TestAdviceRebuildsInvalidIndex(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TABLE rows (id int); INSERT INTO rows VALUES (1), (1); CREATE SCHEMA far; CREATE MATERIALIZED VIEW far.v AS SELECT id FROM rows`,
		func(t *testing.T, e *env) {
			if _, err := e.pool.ExecContext(t.Context(), `CREATE UNIQUE INDEX CONCURRENTLY "V id" ON far.v (id)`); err == nil {
				t.Fatal("the unique index was built on duplicate rows")
			}
			exec(t, e.pool, "TRUNCATE rows; INSERT INTO rows VALUES (1)")
			m := e.load(t)
			all := blockers(t, m, "far.v", massive.ModeConcurrent)
			same(t, "reason", all[0].Reason, massive.BlockerNoUsableIndex)
			same(t, "advice", all[0].Fix, `REINDEX INDEX "far"."V id"`)
			_, err := matview(t, m, "far.v").Refresh(t.Context(), massive.Concurrently())
			mustBe(t, err, massive.ErrNoUniqueIndex, `index "V id" can't be used: it is invalid`, `REINDEX INDEX "far"."V id"`)
			if strings.Contains(err.Error(), "CREATE") {
				t.Errorf("a second index is advised: %v", err)
			}
			exec(t, e.pool, "REFRESH MATERIALIZED VIEW far.v")
			exec(t, e.pool, all[0].Fix)
			v := matview(t, e.load(t), "far.v")
			noError(t, v.CheckRefresh(massive.ModeConcurrent))
			noError(t, errOf(v.Refresh(t.Context(), massive.Concurrently())))
		})
}

// No fix makes the application a superuser, if the view's owner is a superuser or a
// member of one. The fix still lets the application refresh the view.
func TestAdviceMakesNoSuperuser(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE TABLE rows (id int);
		CREATE MATERIALIZED VIEW of_a_superuser AS SELECT id FROM rows;
		CREATE MATERIALIZED VIEW of_a_member AS SELECT id FROM rows;
		CREATE MATERIALIZED VIEW of_a_members_member AS SELECT id FROM rows;
		CREATE MATERIALIZED VIEW of_another AS SELECT id FROM rows;`,
		func(t *testing.T, e *env) {
			// top is a second superuser, member is a member of it, below is a member of
			// member, and other is unrelated.
			top, member, below, other := "top_"+e.Name(), "member_"+e.Name(), "below_"+e.Name(), "other_"+e.Name()
			e.Exec(t, strings.NewReplacer("$top", top, "$member", member, "$below", below, "$other", other).Replace(`
				CREATE ROLE $top SUPERUSER; CREATE ROLE $member NOINHERIT; CREATE ROLE $below; CREATE ROLE $other;
				GRANT $top TO $member; GRANT $member TO $below;
				ALTER MATERIALIZED VIEW of_a_superuser OWNER TO $top; ALTER MATERIALIZED VIEW of_a_member OWNER TO $member;
				ALTER MATERIALIZED VIEW of_a_members_member OWNER TO $below; ALTER MATERIALIZED VIEW of_another OWNER TO $other;
				GRANT SELECT ON rows TO $top, $member, $below, $other`))
			t.Cleanup(func() {
				for _, role := range []string{top, member, below, other} {
					e.Exec(t, "DROP OWNED BY "+role+"; DROP ROLE "+role)
				}
			})
			role, as := e.role(t, "GRANT SELECT ON rows TO $role")
			for _, name := range []string{"of_a_superuser", "of_a_member", "of_a_members_member", "of_another"} {
				m := load(t, as)
				all := blockers(t, m, name, massive.ModeBlocking)
				if len(all) != 1 || all[0].Reason != massive.BlockerNotAllowed {
					t.Fatalf("%s: %v", name, all)
				}
				want := `ALTER MATERIALIZED VIEW "public"."` + name + `" OWNER TO "` + role + `"`
				switch {
				case m.Server().Major >= 17:
					want = `GRANT MAINTAIN ON "public"."` + name + `" TO "` + role + `"`
				case name == "of_another":
					want = `GRANT "` + other + `" TO "` + role + `"`
				}
				same(t, name, all[0].Fix, want)
				e.Exec(t, all[0].Fix)
				if _, err := matview(t, load(t, as), name).Refresh(t.Context()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			same(t, "the application can act as a superuser", one[bool](t, e.pool, `SELECT EXISTS (SELECT FROM pg_roles s
				WHERE s.rolsuper AND pg_has_role('`+role+`', s.oid, 'MEMBER'))`), false)
		})
}
