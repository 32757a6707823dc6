package massive_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/massivedb/massive-go/massive"
)

// analyzing has the ways to refresh with Analyze.
var analyzing = map[string][]massive.RefreshOption{
	"alone":             {massive.Analyze()},
	"with Concurrently": {massive.Analyze(), massive.Concurrently()},
	"with IfPossible":   {massive.Analyze(), massive.ConcurrentlyIfPossible()},
	"with SkipIfBusy":   {massive.Analyze(), massive.SkipIfBusy()},
	"with LockTimeout":  {massive.Analyze(), massive.LockTimeout(time.Minute)},
	"with all of them":  {massive.Analyze(), massive.ConcurrentlyIfPossible(), massive.SkipIfBusy(), massive.LockTimeout(time.Minute)},
}

// greatest returns the greatest id of a view according to the planner's statistics.
func greatest(t *testing.T, q massive.Querier, view massive.Matview) int {
	t.Helper()
	return one[int](t, q, `SELECT coalesce((SELECT (histogram_bounds::text::int[])[array_upper(histogram_bounds::text::int[], 1)]
		FROM pg_stats WHERE tablename = '`+view.Name().Name+`' AND attname = 'id'), 0)`)
}

// After a refresh with Analyze the planner has the statistics of the new rows, in the
// same transaction.
func TestAnalyzeCollectsStatistics(t *testing.T) {
	t.Parallel()
	onModes(t, refreshable, func(t *testing.T, e *env) {
		m := e.load(t)
		e.onQueriers(t, func(t *testing.T, q massive.Querier) {
			rows := 10
			fill := func() {
				rows++
				exec(t, q, fmt.Sprintf("TRUNCATE rows; INSERT INTO rows SELECT generate_series(1, %d)", rows))
			}
			for name, opts := range analyzing {
				for _, view := range []string{"fit", `"it's"."a""b\$massive$%d"`} {
					v := matview(t, m.With(q), view)
					fill()
					result, err := v.Refresh(t.Context(), opts...)
					noError(t, err)
					same(t, name+": outcome", result.Outcome, massive.OutcomeRefreshed)
					same(t, name+": the greatest id in the statistics", greatest(t, q, v), rows)

					before := rows
					fill()
					noError(t, errOf(v.Refresh(t.Context(), opts[1:]...)))
					same(t, name+": the greatest id in the statistics after a refresh without Analyze", greatest(t, q, v), before)
				}
			}
			fill()
			report, err := m.With(q).RefreshAll(t.Context(), massive.Views("fit", "none"), massive.RefreshWith(massive.Analyze()))
			noError(t, err)
			same(t, "refreshed views of a run", report.Count(massive.OutcomeRefreshed), 2)
			same(t, "the greatest id in the statistics after a run", greatest(t, q, matview(t, m, "none")), rows)
			same(t, "massive.outcome after the refresh", one[string](t, q, "SELECT coalesce(current_setting('massive.outcome', true), '')"), "")
			same(t, "lock_timeout after the refresh", one[string](t, q, "SELECT current_setting('lock_timeout')"), "0")
		})
	})
}

// picky is a view with a statistics expression that fails while a row is in the table
// fails, and waits for locks on that table.
const picky = `CREATE TABLE fails (id int); CREATE TABLE rows (id int); INSERT INTO rows VALUES (1);
	CREATE FUNCTION fussy(id int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
		IF EXISTS (SELECT FROM public.fails) THEN RAISE 'no statistics today'; END IF; RETURN id; END $$;
	CREATE MATERIALIZED VIEW picky AS SELECT id FROM rows; CREATE UNIQUE INDEX ON picky (id);`

// pickyStatistics adds the expression, and skips the test on servers without them.
func pickyStatistics(t *testing.T, e *env) {
	t.Helper()
	if e.load(t).Server().Major < 14 {
		t.Skip("expressions in CREATE STATISTICS need PostgreSQL 14")
	}
	exec(t, e.pool, "CREATE STATISTICS picky_id ON (fussy(id)) FROM picky; INSERT INTO rows VALUES (2)")
}

// If ANALYZE fails, the refresh fails, and the view keeps its old rows.
func TestFailedAnalyzeUndoesItsRefresh(t *testing.T) {
	t.Parallel()
	onModes(t, picky, func(t *testing.T, e *env) {
		pickyStatistics(t, e)
		exec(t, e.pool, "INSERT INTO fails VALUES (1)")
		m := e.load(t)
		for name, opts := range analyzing {
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				result, err := matview(t, m.With(q), "picky").Refresh(t.Context(), opts...)
				mustBe(t, err, err, "public.picky: ", "no statistics today")
				same(t, name+": the result", result, massive.RefreshResult{})
				same(t, name+": rows", one[int](t, e.pool, "SELECT count(*) FROM picky"), 1)
			})
		}
		tx := e.begin(t)
		report, err := m.With(tx).RefreshAll(t.Context(), massive.Savepoints(), massive.RefreshWith(massive.Analyze()))
		mustBe(t, err, err, "no statistics today")
		same(t, "failed views of a run with savepoints", report.Count(massive.OutcomeFailed), 1)
		same(t, "rows in the transaction", one[int](t, tx, "SELECT count(*) FROM picky"), 1)
		exec(t, tx, "DELETE FROM fails")
		noError(t, errOf(matview(t, m.With(tx), "picky").Refresh(t.Context(), massive.Analyze())))
		noError(t, tx.Commit())
		same(t, "rows in the end", one[int](t, e.pool, "SELECT count(*) FROM picky"), 2)
	})
}

// LockTimeout limits the waits of ANALYZE, too. With SkipIfBusy the transaction stays
// usable.
func TestLockTimeoutLimitsAnalyze(t *testing.T) {
	t.Parallel()
	onDrivers(t, picky, func(t *testing.T, e *env) {
		pickyStatistics(t, e)
		m := e.load(t)
		other := e.begin(t)
		exec(t, other, "LOCK TABLE fails IN ACCESS EXCLUSIVE MODE")
		for _, mode := range [][]massive.RefreshOption{nil, {massive.Concurrently()}, {massive.ConcurrentlyIfPossible()}} {
			opts := slices.Concat(mode, []massive.RefreshOption{massive.Analyze(), massive.LockTimeout(20 * time.Millisecond)})
			_, err := matview(t, m, "picky").Refresh(t.Context(), opts...)
			mustBe(t, err, massive.ErrBusy, "public.picky")
			tx := e.begin(t)
			result, err := matview(t, m.With(tx), "picky").Refresh(t.Context(), append(opts, massive.SkipIfBusy())...)
			mustBe(t, err, massive.ErrBusy, "until the lock timeout; SkipIfBusy skipped it")
			same(t, "the outcome", result.Outcome, massive.OutcomeSkippedBusy)
			same(t, "rows in the transaction", one[int](t, tx, "SELECT count(*) FROM picky"), 1)
			noError(t, tx.Commit())
			same(t, "rows", one[int](t, e.pool, "SELECT count(*) FROM picky"), 1)
		}
		noError(t, other.Rollback())
		_, err := matview(t, m, "picky").Refresh(t.Context(), massive.Analyze(), massive.LockTimeout(time.Minute))
		noError(t, err)
	})
}

// ANALYZE only warns if a role has no right to it. If the right is revoked while the
// refresh waits, the refresh fails.
func TestAnalyzeAfterARevokedRight(t *testing.T) {
	t.Parallel()
	onDrivers(t, refreshable, func(t *testing.T, e *env) {
		role, as := e.role(t, "GRANT ALL ON SCHEMA public TO $role")
		owner := role + "_owner"
		e.Exec(t, "CREATE ROLE "+owner+"; GRANT SELECT ON rows TO "+owner+"; ALTER MATERIALIZED VIEW fit OWNER TO "+owner)
		t.Cleanup(func() { e.Exec(t, "DROP OWNED BY "+owner+"; DROP ROLE "+owner) })
		v := matview(t, load(t, as), "fit")
		exec(t, e.pool, "INSERT INTO rows VALUES (2)")
		for name, opts := range analyzing {
			exec(t, e.pool, "GRANT "+owner+" TO "+role)
			writer := e.begin(t)
			exec(t, writer, "LOCK TABLE rows IN ACCESS EXCLUSIVE MODE")
			done := make(chan error, 1)
			go func() {
				_, err := v.Refresh(context.Background(), opts...)
				done <- err
			}()
			eventually(t, e.pool, "the refresh waits", `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
				WHERE d.datname = current_database() AND NOT l.granted)`)
			exec(t, e.pool, "REVOKE "+owner+" FROM "+role)
			noError(t, writer.Rollback())
			err := <-done
			mustBe(t, err, massive.ErrPermission, "public.fit", "revoked during its refresh")
			same(t, name+": rows", one[int](t, e.pool, "SELECT count(*) FROM fit"), 1)
		}
	})
}

// ANALYZE runs the expressions of another role's view with that role's rights, as the
// refresh runs its query.
func TestAnalyzeRunsNoCodeWithTheCallersRights(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		bad := e.attacker(t)
		exec(t, bad.as, `CREATE SEQUENCE evil.own;
			CREATE FUNCTION evil.expression(id int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
				IF current_user = '`+bad.name+`' THEN PERFORM nextval('evil.own'); ELSE PERFORM evil.hit(); END IF; RETURN id; END $$;
			CREATE MATERIALIZED VIEW evil.v AS SELECT id FROM generate_series(1, 20) id;
			CREATE UNIQUE INDEX ON evil.v (id); CREATE INDEX ON evil.v (evil.expression(id))`)
		m := e.load(t)
		if m.Server().Major >= 14 {
			exec(t, bad.as, "CREATE STATISTICS evil.s ON (evil.expression(id)) FROM evil.v")
		}
		e.executions(t)
		for name, opts := range analyzing {
			exec(t, e.pool, "SELECT setval('evil.own', 1, false)")
			noError(t, errOf(matview(t, m, "evil.v").Refresh(t.Context(), opts...)))
			same(t, name+": executions with the caller's rights", e.executions(t), 0)
			same(t, name+": the expression was executed", one[bool](t, e.pool, "SELECT is_called FROM evil.own"), true)
		}
		same(t, "the caller's role", one[string](t, e.pool, "SELECT current_user"), one[string](t, e.pool, "SELECT session_user"))
	})
}
