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
)

// A listener hears the text of the statement that a load sends.
type listener struct {
	dialect.Querier
	text string
}

func (l *listener) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	l.text = query
	return l.Querier.QueryContext(ctx, query, args...)
}

// catalogStatement is the one that the dialect sends.
func (e *env) catalogStatement(t *testing.T) string {
	t.Helper()
	l := &listener{Querier: e.pool}
	if _, err := postgres.New().Load(t.Context(), l, dialect.Filter{}); err != nil {
		t.Fatal(err)
	}
	return l.text
}

type plan struct {
	Plan struct {
		Cost float64 `json:"Total Cost"`
		Hit  int64   `json:"Shared Hit Blocks"`
		Read int64   `json:"Shared Read Blocks"`
	}
	JIT    any
	Spread bool `json:"-"` // some node plans for workers
}

func (e *env) explain(t *testing.T, q dialect.Querier, text string) plan {
	t.Helper()
	var plans []plan
	answer := one[string](t, q, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+text)
	if err := json.Unmarshal([]byte(answer), &plans); err != nil {
		t.Fatal(errors.Join(err, errors.New(answer)))
	}
	plans[0].Spread = strings.Contains(answer, `"Workers Planned"`)
	return plans[0]
}

func (e *env) make(t *testing.T, structures, tables int) {
	t.Helper()
	exec(t, e.pool, fmt.Sprintf(`DO $$ BEGIN
		FOR i IN 1..%d LOOP
			EXECUTE format('CREATE MATERIALIZED VIEW v%%s AS SELECT 1 AS id, 2 AS n', i);
			EXECUTE format('CREATE UNIQUE INDEX ON v%%s (id)', i);
			EXECUTE format('CREATE TYPE e%%s AS ENUM (''a'', ''b'', ''c'')', i);
			EXECUTE format('CREATE SEQUENCE s%%s', i);
			COMMIT; -- a transaction's locks are many
		END LOOP;
	END $$`, structures))
	for made := 0; made < tables; made += 500 {
		exec(t, e.pool, fmt.Sprintf(`DO $$ BEGIN
			FOR i IN 1..500 LOOP EXECUTE format('CREATE TABLE t%d_%%s (id int, n text)', i); COMMIT; END LOOP;
		END $$`, made))
	}
}

// The catalog statement's work, counted in blocks, grows with the structures and hardly
// with anything else. The planner compiles a statement that costs jit_above_cost, 100,000
// unless set: it must not expect that much for fewer than fifty thousand structures of
// each kind.
func TestCatalogStatementIsLinear(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	const n = 150
	// A restored database has no statistics until somebody makes some: then the planner
	// takes every look-up for one that finds little, whatever index it goes by.
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
		e := newEnv(t, "pgx")
		e.make(t, structures, tables)
		text := e.catalogStatement(t)
		conn := e.conn(t)
		if analyzed {
			exec(t, conn, `VACUUM ANALYZE pg_class, pg_type, pg_attribute, pg_index, pg_depend, pg_rewrite, pg_sequence, pg_enum,
			pg_description, pg_constraint, pg_attrdef, pg_namespace`)
		}
		exec(t, conn, "SET jit = on")
		e.explain(t, conn, text) // fills the connection's own caches
		p := e.explain(t, conn, text)
		if p.JIT != nil || p.Spread {
			t.Errorf("%d structures: JIT %v, workers planned: %v", structures, p.JIT, p.Spread)
		}
		return float64(p.Plan.Hit + p.Plan.Read), p.Plan.Cost
	}
	empty, _ := measure(t, 0, 0)
	once, cost := measure(t, n, 0)
	twice, more := measure(t, 2*n, 0)
	once, twice = once-empty, twice-empty
	t.Logf("blocks: %.0f for %d of each, %.2f × that for twice as many", once, n, twice/once)
	if twice > 2.4*once {
		t.Errorf("twice the structures look at %.2f × the blocks", twice/once)
	}
	t.Logf("cost: %.0f for %d of each, %.0f for twice as many", cost, n, more)
	if each := (more - cost) / float64(n); each > 2 {
		t.Errorf("the planner expects a cost of %.2f for one more of each kind", each)
	}
	if !analyzed {
		return // what tables cost depends on a vacuum, too
	}
	// Among many tables views and sequences are looked up by index, which is more blocks
	// than to read all of a small catalog.
	among, _ := measure(t, n, 20*n)
	among -= empty
	t.Logf("%.2f × for as many among %d tables that have nothing to do with them", among/once, 20*n)
	if among > 2.6*once {
		t.Errorf("%d unrelated tables make a load look at %.2f × the blocks", 20*n, among/once)
	}
}
