package conformance_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/bouncer"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// Behind PgBouncer, clients that share sessions refresh a view by age: each gets rows of
// its call or later, no two refreshes overlap, and no setting is left in a session.
func TestPgBouncerRecordsRefreshes(t *testing.T) {
	t.Parallel()
	const clients, rounds = 6, 8
	b := bouncer.Start(t, clients)
	for _, mode := range bouncer.Modes {
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			base := pgtest.NewDatabase(t)
			base.Exec(t, "CREATE MATERIALIZED VIEW v AS SELECT clock_timestamp() AS made")
			b.Serve(t, base)
			db := b.Open(t, base, mode.Driver, mode.Params...)
			d, l, v := postgres.New(), dialect.Ledger{Schema: "ledger"}, dialect.Name{Schema: "public", Name: "v"}
			noError(t, d.CreateLedger(t.Context(), db, dialect.LedgerDefinition{Ledger: l}))
			var recorded atomic.Int64
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					for range rounds {
						var called, made time.Time
						err := db.QueryRowContext(t.Context(), "SELECT clock_timestamp()").Scan(&called)
						if err != nil {
							t.Error(err)
							return
						}
						r, err := d.RefreshMatview(t.Context(), db, v, dialect.Refresh{Record: &l, IfOlder: true, Wait: true, LockTimeout: time.Minute})
						if err != nil || r.Busy || r.Recorded == r.Fresh {
							t.Errorf("got %+v, error %v", r, err)
							return
						}
						if r.Recorded {
							recorded.Add(1)
						}
						if err := db.QueryRowContext(t.Context(), "SELECT made FROM v").Scan(&made); err != nil || made.Before(called) {
							t.Errorf("called at %v, and the rows are of %v, error %v", called, made, err)
						}
						if _, known, err := d.DataAge(t.Context(), db, l, v); err != nil || !known {
							t.Errorf("the age is known: %t, error %v", known, err)
						}
					}
				})
			}
			all.Wait()
			var entries int64
			var settings string
			if err := base.Open(t, "pgx").QueryRowContext(t.Context(), "SELECT entries FROM ledger.freshness").Scan(&entries); err != nil || entries != recorded.Load() {
				t.Errorf("%d entries for %d refreshes, error %v", entries, recorded.Load(), err)
			}
			for range clients {
				err := db.QueryRowContext(t.Context(), `SELECT concat_ws(' ', current_setting('lock_timeout'), current_setting('transaction_isolation'),
					current_setting('massive.recording', true), current_setting('massive.outcome', true))`).Scan(&settings)
				if want := "0 read committed"; err != nil || strings.TrimSpace(settings) != want {
					t.Errorf("got settings %q, error %v, want %q", settings, err, want)
				}
			}
		})
	}
}
