package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/bouncer"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// Behind PgBouncer three replicas refresh each view once, upstream first. When the replica
// that refreshed last ends, the others go on.
func TestPgBouncerKeepFresh(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	b := bouncer.Start(t, 3)
	for _, mode := range bouncer.Modes {
		t.Run(mode.Name, func(t *testing.T) {
			t.Parallel()
			d := pgtest.NewDatabase(t)
			d.Fill(t, sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "a", Rows: []struct{ N int64 }{{1}}}, {Name: "b", Reads: []string{"a"}}}})
			ddl, err := massive.LedgerDDL(postgres.New(), "ledger", massive.LedgerWriters(d.Role()))
			noError(t, err)
			d.Exec(t, ddl)
			b.Serve(t, d)
			const replicas = 3
			type refreshed struct {
				by   int
				view string
			}
			news := make(chan refreshed, 100)
			var stops [replicas]context.CancelFunc
			var ended sync.WaitGroup
			defer ended.Wait()
			for i := range replicas {
				db := b.Open(t, d, mode.Driver, append(mode.Params, fmt.Sprint("application_name=replica", i))...)
				m, err := massive.Load(t.Context(), db, postgres.New(), massive.WithLedger("ledger"))
				if err != nil {
					t.Error(err)
					return
				}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				stops[i] = stop
				ended.Go(func() {
					err := m.KeepFresh(ctx, []massive.Policy{{Views: []string{"b"}, TargetLag: 400 * time.Millisecond}}, massive.OnFreshness(func(e massive.FreshnessEvent) {
						switch e.Kind {
						case massive.FreshnessRefreshed:
							news <- refreshed{i, e.View.Name}
						case massive.FreshnessFailed:
							t.Errorf("replica %d: %v", i, e)
						}
					}))
					if !errors.Is(err, context.Canceled) {
						t.Errorf("replica %d: %v", i, err)
					}
				})
			}
			gone := -1
			for n := range 20 {
				select {
				case r := <-news:
					if n == 10 {
						stops[r.by]()
						gone = r.by
					} else if n > 14 && r.by == gone {
						t.Errorf("replica %d refreshed after its end", r.by)
					}
				case <-time.After(bouncer.Deadline):
					t.Fatalf("%d refreshes after %v, want 20", n, bouncer.Deadline)
				}
			}
			for _, stop := range stops {
				stop()
			}
			var overlaps int
			if err := d.Open(t, "pgx").QueryRowContext(t.Context(), `SELECT count(*) FROM (SELECT started_at, lag(finished_at) OVER (PARTITION BY relid ORDER BY as_of) AS before
				FROM ledger.history) h WHERE started_at < before`).Scan(&overlaps); err != nil || overlaps != 0 {
				t.Errorf("%d refreshes overlap, %v", overlaps, err)
			}
		})
	}
}
