package massive_test

import (
	"context"
	"testing"
	"time"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A copied database has views with the same OIDs, and pg_locks shows the locks of both. A
// refresh in the copy does not make the view busy in the original.
func TestSkipIfBusyIgnoresACopiedDatabase(t *testing.T) {
	t.Parallel()
	onDriverNames(t, func(t *testing.T, driver string) {
		original := pgtest.NewDatabase(t) // not a reused one: a database to copy must have no connections
		original.Exec(t, refreshable)
		here, there := original.Open, original.Copy(t).Open
		at, elsewhere := here(t, driver), there(t, driver)
		const oid = "SELECT 'fit'::regclass::oid::bigint"
		same(t, "the view's OID in the copy", one[int64](t, elsewhere, oid), one[int64](t, at, oid))

		for _, opts := range [][]massive.RefreshOption{
			nil, {massive.Concurrently()}, {massive.SkipIfBusy()}, {massive.SkipIfBusy(), massive.ConcurrentlyIfPossible()},
		} {
			tx, err := elsewhere.BeginTx(context.Background(), nil)
			noError(t, err)
			noError(t, errOf(matview(t, load(t, tx), "fit").Refresh(t.Context(), opts...)))
			for _, ours := range [][]massive.RefreshOption{nil, {massive.Concurrently()}} {
				r, err := matview(t, load(t, at), "fit").Refresh(t.Context(), append(ours, massive.SkipIfBusy())...)
				if err != nil || r.Outcome != massive.OutcomeRefreshed {
					t.Errorf("during a refresh in the copy: got %v, error %v; want refreshed", r, err)
				}
			}
			_, err = matview(t, load(t, elsewhere), "fit").Refresh(t.Context(), massive.SkipIfBusy())
			mustBe(t, err, massive.ErrBusy)
			noError(t, tx.Rollback())
		}
	})
}

// If a client dies without closing its connection, others skip until the server has
// finished its refresh.
func TestSkipIfBusyAfterAClientDied(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW slow AS SELECT 1 AS id FROM `+gated+`; CREATE UNIQUE INDEX ON slow (id);`,
		func(t *testing.T, e *env) {
			for _, opts := range [][]massive.RefreshOption{nil, {massive.Concurrently()}, {massive.ConcurrentlyIfPossible()}} {
				opts = append(opts, massive.SkipIfBusy())
				w, wired := e.wired(t, "")
				open := e.gate(t)
				theirs, ours := matview(t, wired.load(t), "slow"), matview(t, e.load(t), "slow")
				done := make(chan error, 1)
				go func() {
					_, err := theirs.Refresh(context.Background(), opts...)
					done <- err
				}()
				e.waitForRefresh(t)
				w.hangUp()
				select {
				case err := <-done:
					mustBe(t, err, err, "public.slow")
				case <-time.After(10 * time.Second):
					t.Fatal("the client with the dropped connection still waits")
				}
				_, err := ours.Refresh(t.Context(), opts...)
				mustBe(t, err, massive.ErrBusy)
				open() // the refresh ends, and the server notices that the client is gone
				eventually(t, e.pool, "the locks are released", `SELECT NOT EXISTS (SELECT FROM pg_locks
					WHERE (relation = 'slow'::regclass OR locktype = 'advisory' AND classid = 1835103091) AND `+here+")")
				if r, err := ours.Refresh(t.Context(), opts...); err != nil || r.Outcome != massive.OutcomeRefreshed {
					t.Errorf("the next refresh: got %v, error %v", r, err)
				}
			}
		})
}
