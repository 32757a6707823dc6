package massive_test

import (
	"context"
	"testing"
	"time"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// What a refresh elsewhere means to one that gives way here: one in another database, and
// one whose client is gone.

// A database that was made as a copy has views with the same numbers, and the server
// shows the locks of both. What is refreshed there is not busy here.
func TestSkipIfBusyBesideACopy(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			original := pgtest.NewDatabase(t) // not a lent one, whose pool is open: nobody may be connected to what is copied
			original.Exec(t, refreshable)
			here, there := original.Open, original.Copy(t).Open
			at, elsewhere := here(t, driver), there(t, driver)
			const number = "SELECT 'fit'::regclass::oid::bigint"
			same(t, "the view's number in the copy", one[int64](t, elsewhere, number), one[int64](t, at, number))

			for _, opts := range [][]massive.RefreshOption{
				nil, {massive.Concurrently()}, {massive.SkipIfBusy()}, {massive.SkipIfBusy(), massive.ConcurrentlyIfPossible()},
			} {
				tx, err := elsewhere.BeginTx(context.Background(), nil)
				noError(t, err)
				if _, err := matview(t, load(t, tx), "fit").Refresh(t.Context(), opts...); err != nil {
					t.Fatal(err)
				}
				for _, ours := range [][]massive.RefreshOption{nil, {massive.Concurrently()}} {
					r, err := matview(t, load(t, at), "fit").Refresh(t.Context(), append(ours, massive.SkipIfBusy())...)
					if err != nil || r.Outcome != massive.OutcomeRefreshed {
						t.Errorf("beside a refresh in a copy of the database: %v, %v", r, err)
					}
				}
				_, err = matview(t, load(t, elsewhere), "fit").Refresh(t.Context(), massive.SkipIfBusy())
				mustBe(t, err, massive.ErrBusy)
				if err := tx.Rollback(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A client that is gone without a word, as when its machine is, makes others skip as long
// as the server works for it, and no longer.
func TestSkipIfBusyBehindAClientThatIsGone(t *testing.T) {
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
					t.Fatal("the client whose connection was dropped still waits")
				}
				_, err := ours.Refresh(t.Context(), opts...)
				mustBe(t, err, massive.ErrBusy)
				open() // the server now comes to tell its client, who is gone
				eventually(t, e.pool, "its locks are gone", `SELECT NOT EXISTS (SELECT FROM pg_locks
					WHERE (relation = 'slow'::regclass OR locktype = 'advisory' AND classid = 1835103091) AND `+here+")")
				if r, err := ours.Refresh(t.Context(), opts...); err != nil || r.Outcome != massive.OutcomeRefreshed {
					t.Errorf("the next one: %v, %v", r, err)
				}
			}
		})
}
