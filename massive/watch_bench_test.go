package massive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// BenchmarkReload measures reloads without changes ("quiet") and after a commit ("busy").
func BenchmarkReload(b *testing.B) {
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
				m, err := massive.Load(b.Context(), conn, postgres.New())
				if err != nil {
					b.Fatal(err)
				}
				fastest := map[string]time.Duration{}
				reload := func(what string) {
					begin := time.Now()
					if _, err := m.Reload(b.Context()); err != nil {
						b.Fatal(err)
					}
					if d := time.Since(begin); fastest[what] == 0 || d < fastest[what] {
						fastest[what] = d
					}
				}
				for b.Loop() {
					reload("quiet-µs")
					e.Exec(b, "COMMENT ON TABLE t1 IS 'x'")
					reload("busy-µs")
				}
				for what, d := range fastest {
					b.ReportMetric(float64(d.Microseconds()), what)
				}
			})
		}
	}
}

// fill creates n structures of each kind, and 2n tables with key sequences.
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
