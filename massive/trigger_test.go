package massive_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
)

// hijack creates, as another role, a function of the trigger's name.
const hijack = `CREATE FUNCTION $schema.massive_notify() RETURNS event_trigger LANGUAGE plpgsql AS
	$$ BEGIN PERFORM pg_catalog.nextval('theirs.executed'); END $$`

// owners lists the event triggers with their functions and the functions' owners.
const owners = `SELECT coalesce(string_agg(t.evtname || ' runs ' || p.oid::regprocedure || ' of ' || pg_get_userbyid(p.proowner), ', ' ORDER BY t.evtname), '')
	FROM pg_event_trigger t LEFT JOIN pg_proc p ON p.oid = t.evtfoid`

// onHijacked runs f with another role, which owns the schema theirs and may create in
// public.
func onHijacked(t *testing.T, f func(t *testing.T, e *env, ours string, as func(text string) error, executed func() int64)) {
	t.Helper()
	onDrivers(t, "CREATE SCHEMA theirs; CREATE SCHEMA ours; CREATE SEQUENCE theirs.executed", func(t *testing.T, e *env) {
		name, conn := e.role(t, "GRANT CREATE ON SCHEMA public, theirs TO $role; ALTER SCHEMA theirs OWNER TO $role; ALTER SEQUENCE theirs.executed OWNER TO $role")
		exec(t, e.pool, "GRANT CREATE ON DATABASE "+e.Name()+" TO "+name)
		t.Cleanup(func() { exec(t, e.pool, "DROP SCHEMA IF EXISTS theirs, trap, aside, swapped CASCADE") })
		as := func(text string) error { _, err := conn.ExecContext(context.Background(), text); return err }
		executed := func() int64 {
			return one[int64](t, e.pool, "SELECT count(*) FROM pg_sequences WHERE sequencename = 'executed' AND last_value IS NOT NULL")
		}
		f(t, e, one[string](t, e.pool, "SELECT current_user"), as, executed)
	})
}

// If another role created the function first, ChangeTrigger's SQL fails and changes
// nothing.
func TestChangeTriggerRefusesAForeignFunction(t *testing.T) {
	t.Parallel()
	onHijacked(t, func(t *testing.T, e *env, ours string, as func(string) error, executed func() int64) {
		earlier, _, err := postgres.ChangeTrigger("ours", "changed")
		noError(t, err)
		exec(t, e.pool, earlier)
		before := one[string](t, e.pool, owners)
		same(t, "triggers", before, "massive_changed runs ours.massive_notify() of "+ours+", massive_dropped runs ours.massive_notify() of "+ours)
		for _, schema := range []string{"public", "theirs"} {
			noError(t, as(strings.ReplaceAll(hijack, "$schema", schema)))
			create, drop, err := postgres.ChangeTrigger(schema, "changed")
			noError(t, err)
			_, err = e.pool.ExecContext(t.Context(), create)
			if err == nil || !strings.Contains(err.Error(), "massive_notify\"() belongs to a role other than "+ours) {
				t.Errorf("in the schema %s: got error %v, want a refusal", schema, err)
			}
			same(t, "triggers after a refusal", one[string](t, e.pool, owners), before)
			same(t, "the other role's function is unchanged", one[bool](t, e.pool,
				"SELECT prosrc LIKE '%executed%' AND proconfig IS NULL FROM pg_proc WHERE oid = '"+schema+".massive_notify'::regproc"), true)
			exec(t, e.pool, "CREATE TABLE made (); DROP TABLE made")

			exec(t, e.pool, drop)
			same(t, "triggers after drop", one[string](t, e.pool, owners), "")
			exec(t, e.pool, earlier)
		}
		same(t, "executions", executed(), 0)
	})
}

// The schema's owner can't change the function that the triggers run.
func TestChangeTriggerInAForeignSchema(t *testing.T) {
	t.Parallel()
	onHijacked(t, func(t *testing.T, e *env, ours string, as func(string) error, executed func() int64) {
		create, _, err := postgres.ChangeTrigger("theirs", "changed")
		noError(t, err)
		exec(t, e.pool, create)
		for _, text := range []string{
			strings.Replace(strings.ReplaceAll(hijack, "$schema", "theirs"), "CREATE", "CREATE OR REPLACE", 1),
			"ALTER FUNCTION theirs.massive_notify() RESET ALL", "ALTER FUNCTION theirs.massive_notify() OWNER TO CURRENT_USER",
		} {
			if err := as(text); err == nil || !strings.Contains(err.Error(), "must be owner of function") {
				t.Errorf("%s: got error %v, want a refusal", text, err)
			}
		}
		for _, text := range []string{"ALTER SCHEMA theirs RENAME TO swapped", "CREATE SCHEMA theirs", strings.ReplaceAll(hijack, "$schema", "theirs")} {
			noError(t, as(text))
		}
		same(t, "triggers after the schema was renamed", one[string](t, e.pool, owners),
			"massive_changed runs swapped.massive_notify() of "+ours+", massive_dropped runs swapped.massive_notify() of "+ours)
		exec(t, e.pool, "CREATE TABLE made (); DROP TABLE made")
		noError(t, as("DROP FUNCTION swapped.massive_notify() CASCADE"))
		same(t, "triggers after the function was dropped", one[string](t, e.pool, owners), "")
		same(t, "executions", executed(), 0)
	})
}

// While another role swaps its schemas, the triggers run the caller's function or are
// refused.
func TestChangeTriggerWhileSchemasAreSwapped(t *testing.T) {
	t.Parallel()
	onHijacked(t, func(t *testing.T, e *env, ours string, as func(string) error, executed func() int64) {
		create, _, err := postgres.ChangeTrigger("theirs", "changed")
		noError(t, err)
		noError(t, as("CREATE SCHEMA trap; "+strings.ReplaceAll(hijack, "$schema", "trap")))
		stop, created, refused := make(chan struct{}), 0, 0
		var swapping sync.WaitGroup
		swapping.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					_ = as("ALTER SCHEMA theirs RENAME TO aside; ALTER SCHEMA trap RENAME TO theirs; ALTER SCHEMA aside RENAME TO trap")
				}
			}
		})
		defer swapping.Wait()
		defer close(stop)
		for range 100 {
			if _, err := e.pool.ExecContext(t.Context(), create); err != nil {
				refused++
			} else {
				created++
			}
			if n := one[int](t, e.pool, "SELECT count(*) FROM pg_event_trigger t JOIN pg_proc p ON p.oid = t.evtfoid WHERE pg_get_userbyid(p.proowner) <> '"+ours+"'"); n != 0 {
				t.Fatalf("%d triggers run another role's function", n)
			}
			exec(t, e.pool, "CREATE TEMPORARY TABLE made (); DROP TABLE made")
			exec(t, e.pool, "DROP EVENT TRIGGER IF EXISTS massive_changed; DROP EVENT TRIGGER IF EXISTS massive_dropped")
		}
		t.Logf("created %d times, refused %d times", created, refused)
		same(t, "executions", executed(), 0)
	})
}
