package massive_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// A recorder records the statement that a load sends.
type recorder struct {
	dialect.Querier
	text string
}

func (l *recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	l.text = query
	return l.Querier.QueryContext(ctx, query, args...)
}

// catalogStatement returns the statement by which the dialect loads.
func (e *env) catalogStatement(t *testing.T) string {
	t.Helper()
	l := &recorder{Querier: e.pool}
	noError(t, errOf(postgres.New().Load(t.Context(), l, dialect.Filter{})))
	return l.text
}

type plan struct {
	Plan struct {
		Cost float64 `json:"Total Cost"`
		Hit  int64   `json:"Shared Hit Blocks"`
		Read int64   `json:"Shared Read Blocks"`
	}
	JIT      any
	Parallel bool `json:"-"` // some node plans for workers
	Hashed   int  `json:"-"` // subplans that are hashed, and not run for each row
}

func (e *env) explain(t *testing.T, q dialect.Querier, text string) plan {
	t.Helper()
	var plans []plan
	answer := one[string](t, q, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+text)
	if err := json.Unmarshal([]byte(answer), &plans); err != nil {
		t.Fatal(errors.Join(err, errors.New(answer)))
	}
	plans[0].Parallel = strings.Contains(answer, `"Workers Planned"`)
	plans[0].Hashed = strings.Count(answer, "hashed SubPlan")
	return plans[0]
}

func (e *env) createMany(t *testing.T, structures, tables int) {
	t.Helper()
	exec(t, e.pool, fmt.Sprintf(`DO $$ BEGIN
		FOR i IN 1..%d LOOP
			EXECUTE format('CREATE MATERIALIZED VIEW v%%s AS SELECT 1 AS id, 2 AS n', i);
			EXECUTE format('CREATE UNIQUE INDEX ON v%%s (id)', i);
			EXECUTE format('CREATE TYPE e%%s AS ENUM (''a'', ''b'', ''c'')', i);
			EXECUTE format('CREATE SEQUENCE s%%s', i);
			COMMIT; -- one transaction would hold too many locks
		END LOOP;
	END $$`, structures))
	for made := 0; made < tables; made += 500 {
		exec(t, e.pool, fmt.Sprintf(`DO $$ BEGIN
			FOR i IN 1..500 LOOP EXECUTE format('CREATE TABLE t%d_%%s (id int, n text)', i); COMMIT; END LOOP;
		END $$`, made))
	}
}

// The catalog statement reads blocks in proportion to the structures, hardly more with
// unrelated tables. Its planned cost stays below jit_above_cost (default 100,000) for up
// to 100,000 structures of each kind, since the server would compile it otherwise. The
// planner hashes a subplan only if it expects the result to fit into work_mem. So with
// little memory it must hash as many as with the default, or large catalogs would take
// quadratic time.
func TestCatalogStatementIsLinear(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	const n = 300
	// A restored database has no statistics until ANALYZE, so the planner expects few
	// rows.
	for _, analyzed := range []bool{true, false} {
		t.Run(fmt.Sprintf("analyzed %v", analyzed), func(t *testing.T) {
			t.Parallel()
			testLinear(t, n, analyzed)
		})
	}
}

func testLinear(t *testing.T, n int, analyzed bool) {
	measure := func(t *testing.T, structures, tables int) (blocks, cost float64) {
		t.Helper()
		d := pgtest.NewDatabase(t) // not a reused one, whose catalogs may be large
		e := &env{d, "pgx", d.Open(t, "pgx")}
		e.createMany(t, structures, tables)
		text := e.catalogStatement(t)
		conn := e.conn(t)
		if analyzed {
			exec(t, conn, `VACUUM ANALYZE pg_class, pg_type, pg_attribute, pg_index, pg_depend, pg_rewrite, pg_sequence, pg_enum,
			pg_description, pg_constraint, pg_attrdef, pg_namespace`)
		}
		exec(t, conn, "SET jit = on")
		e.explain(t, conn, text) // fills the connection's own caches
		p := e.explain(t, conn, text)
		if p.JIT != nil || p.Parallel {
			t.Errorf("%d structures: got JIT %v, parallel plan %v; want neither", structures, p.JIT, p.Parallel)
		}
		exec(t, conn, "SET work_mem = '64kB'")
		if little := e.explain(t, conn, text); little.Hashed != p.Hashed {
			t.Errorf("%d structures, work_mem 64kB: got %d hashed subplans, want %d", structures, little.Hashed, p.Hashed)
		}
		return float64(p.Plan.Hit + p.Plan.Read), p.Plan.Cost
	}
	empty, _ := measure(t, 0, 0)
	once, cost := measure(t, n, 0)
	fourfold, more := measure(t, 4*n, 0)
	once, fourfold = once-empty, fourfold-empty
	t.Logf("blocks: %.0f for %d of each, %.2f × that for four times as many", once, n, fourfold/once)
	if fourfold > 5.2*once { // an index that gets one more level adds a block to each lookup
		t.Errorf("four times the structures: got %.2f × the blocks, want at most 5.2", fourfold/once)
	}
	t.Logf("cost: %.0f for %d of each, %.0f for four times as many", cost, n, more)
	if each := (more - cost) / float64(3*n); each > 1 {
		t.Errorf("planned cost for one more of each kind: got %.2f, want at most 1", each)
	}
	if !analyzed {
		return // the cost of tables depends on VACUUM
	}
	// With many tables, views and sequences are looked up by index, which reads more
	// blocks than a scan of a small catalog.
	among, _ := measure(t, n, 20*n)
	among -= empty
	t.Logf("%.2f × with %d unrelated tables", among/once, 20*n)
	if among > 2.6*once {
		t.Errorf("%d unrelated tables: got %.2f × the blocks, want at most 2.6", 20*n, among/once)
	}
}
