package massive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/registry"
)

// BenchmarkLook measures a look where nothing changed beside a load, turn by turn: quiet, when nothing was written since
// the last look, and busy, when something was. The ratios are of the fastest of each.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{100, 1000} {
		for _, driver := range []string{"postgres", "pgx"} {
			b.Run(fmt.Sprintf("%d of each/%s", n, driver), func(b *testing.B) {
				e := newEnv(b, driver)
				e.fill(b, n)
				conn, err := e.pool.Conn(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				var seen dialect.Sight
				look := func() {
					now, _, err := registry.Look(b.Context(), conn, postgres.New(), registry.Selection{}, seen)
					if err != nil {
						b.Fatal(err)
					}
					seen = now
				}
				best := func(fastest *time.Duration, f func()) {
					begin := time.Now()
					f()
					if d := time.Since(begin); *fastest == 0 || d < *fastest {
						*fastest = d
					}
				}
				var quiet, busy, load time.Duration
				for b.Loop() {
					for range 3 {
						look()
					}
					best(&quiet, look)
					seen = ""
					best(&busy, look)
					best(&load, func() {
						if _, err := registry.Load(b.Context(), conn, postgres.New(), registry.Selection{}); err != nil {
							b.Fatal(err)
						}
					})
				}
				b.ReportMetric(float64(quiet)/float64(load), "quiet/load")
				b.ReportMetric(float64(busy)/float64(load), "busy/load")
				b.ReportMetric(float64(load.Microseconds()), "load-µs")
				b.ReportMetric(float64(quiet.Microseconds()), "quiet-µs")
				b.ReportMetric(float64(busy.Microseconds()), "busy-µs")
			})
		}
	}
}

// fill makes n structures of each kind, and twice as many tables with a key that draws from a sequence.
func (e *env) fill(b *testing.B, n int) {
	b.Helper()
	e.Exec(b, fmt.Sprintf(`DO $$ BEGIN
		FOR i IN 1..%d LOOP
			EXECUTE format('CREATE MATERIALIZED VIEW v%%s AS SELECT 1 AS id, 2 AS n', i);
			EXECUTE format('CREATE UNIQUE INDEX ON v%%s (id)', i);
			EXECUTE format('CREATE TYPE e%%s AS ENUM (''a'', ''b'', ''c'')', i);
			EXECUTE format('CREATE SEQUENCE s%%s', i);
			EXECUTE format('CREATE TABLE t%%s (id serial PRIMARY KEY, n text)', i);
			EXECUTE format('CREATE TABLE i%%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n text)', i);
			IF i %% 100 = 0 THEN COMMIT; END IF;
		END LOOP;
	END $$`, n))
	e.Exec(b, "VACUUM ANALYZE")
}
