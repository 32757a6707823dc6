package massive_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/massive"
)

func dependsOn(t *testing.T, m *massive.DB, view string) string {
	t.Helper()
	return strings.Join(names(matview(t, m, view).DependsOn()), " ")
}

func TestGraphOfPostgres(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE SCHEMA far; CREATE SCHEMA "Odd ""schema";
		CREATE TABLE t (id int);
		CREATE MATERIALIZED VIEW base AS SELECT id FROM t;
		CREATE MATERIALIZED VIEW far.base AS SELECT id FROM t;
		CREATE VIEW far.v AS SELECT a.id FROM base a JOIN base b USING (id) UNION SELECT id FROM far.base;
		CREATE VIEW w AS WITH x AS (SELECT id FROM far.v) SELECT id FROM x WHERE EXISTS (SELECT FROM far.v);
		CREATE MATERIALIZED VIEW "Odd ""schema"."a
b" AS SELECT w.id, (SELECT count(*) FROM w) AS n FROM w JOIN far.v USING (id);
		CREATE FUNCTION reads() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.base';
		CREATE MATERIALIZED VIEW hidden AS SELECT reads() AS n;
		CREATE MATERIALIZED VIEW typed AS SELECT NULL::far.base AS whole;
		CREATE TABLE child (id int) INHERITS (t);
		CREATE MATERIALIZED VIEW nothing AS SELECT 1 AS id FROM base WHERE false;
		CREATE MATERIALIZED VIEW no_column AS SELECT 1 AS one FROM base;
		CREATE RULE noted AS ON INSERT TO t DO ALSO SELECT 1 FROM base;`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			for view, want := range map[string]string{
				"base": "", "far.base": "", "\"Odd \"\"schema\".\"a\nb\"": "far.base public.base",
				"hidden": "", "typed": "", "nothing": "public.base", "no_column": "public.base",
			} {
				same(t, "dependencies of "+view, dependsOn(t, m, view), want)
			}
			same(t, "dependents of base", strings.Join(names(matview(t, m, "base").Dependents()), ", "),
				"\"Odd \"\"schema\".\"a\nb\", public.no_column, public.nothing")
			p, err := m.PlanRefresh()
			noError(t, err)
			report, err := p.Run(t.Context())
			if err != nil || report.Count(massive.OutcomeRefreshed) != 7 {
				t.Errorf("%s %v", report, err)
			}

			// Replacing a plain view changes the dependencies of the views that read it.
			exec(t, e.pool, `CREATE OR REPLACE VIEW far.v AS SELECT id FROM far.base`)
			noError(t, errOf(m.Reload(t.Context())))
			same(t, "dependencies after the plain view was replaced", dependsOn(t, m, "\"Odd \"\"schema\".\"a\nb\""), "far.base")

			only := e.load(t, massive.Only(massive.KindEnum))
			same(t, "nodes of a graph without materialized views", len(only.Graph().Nodes), 0)
			_, err = only.RefreshAll(t.Context())
			mustBe(t, err, massive.ErrInvalid, "materialized views were not loaded")
		})
}

// Views can read each other in a cycle, if a plain view between them is replaced.
func TestCyclesOfPostgres(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE VIEW v AS SELECT 1::bigint AS n;
		CREATE MATERIALIZED VIEW self AS SELECT sum(n)::bigint + 1 AS n FROM v;
		CREATE OR REPLACE VIEW v AS SELECT n FROM self;
		CREATE VIEW w AS SELECT 1::bigint AS n;
		CREATE MATERIALIZED VIEW one AS SELECT n FROM w;
		CREATE MATERIALIZED VIEW two AS SELECT n FROM one;
		CREATE OR REPLACE VIEW w AS SELECT n FROM two;
		CREATE MATERIALIZED VIEW behind AS SELECT n FROM two`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			same(t, "dependencies of self", dependsOn(t, m, "self"), "public.self")
			same(t, "dependencies of one", dependsOn(t, m, "one"), "public.two")
			report, err := m.RefreshAll(t.Context(), massive.Parallel(4))
			if err != nil || report.Count(massive.OutcomeRefreshed) != 4 {
				t.Fatalf("%s %v", report, err)
			}
			same(t, "the value of self after one refresh", one[int64](t, e.pool, "SELECT n FROM self"), 3)
			at := map[string]time.Time{}
			for _, v := range report.Views {
				at[v.Name.Name] = v.Start
			}
			if !at["one"].Before(at["two"]) || !at["two"].Before(at["behind"]) {
				t.Errorf("want the cycle in order of names, before the view that reads it; got\n%s", report)
			}
		})
}

// A view that hits the server's lock_timeout is busy, and views that depend on it are
// skipped. Without savepoints this aborts a transaction, so that the rest is cancelled.
func TestRefreshAllReportsBusyViews(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW a AS SELECT 1 AS n; CREATE MATERIALIZED VIEW b AS SELECT n FROM a; CREATE MATERIALIZED VIEW z AS SELECT 2 AS n`,
		func(t *testing.T, e *env) {
			holder := e.begin(t)
			exec(t, holder, "REFRESH MATERIALIZED VIEW a")
			m := e.load(t)
			conn := e.conn(t)
			exec(t, conn, "SET lock_timeout = '20ms'")
			report, err := m.With(conn).RefreshAll(t.Context(), massive.Parallel(4))
			mustBe(t, err, massive.ErrBusy, "1 refreshed, 1 busy, 1 skipped", "refresh public.a")
			same(t, "outcomes", lines(report), "public.a skipped: busy; public.b skipped; public.z refreshed")
			b, _ := report.View(massive.Name{Schema: "public", Name: "b"})
			same(t, "why b was skipped", b.Reason, "it depends on public.a, which is busy")

			tx, err := conn.BeginTx(t.Context(), nil)
			noError(t, err)
			report, err = m.With(tx).RefreshAll(t.Context())
			mustBe(t, err, massive.ErrBusy)
			same(t, "outcomes in a transaction", lines(report), "public.a skipped: busy; public.b skipped; public.z cancelled")
			noError(t, tx.Rollback())

			// The library only notices a transaction begun with BEGIN when it has failed.
			exec(t, conn, "BEGIN")
			report, err = m.With(conn).RefreshAll(t.Context(), massive.Views("a", "z"))
			mustBe(t, err, massive.ErrTxAborted)
			same(t, "outcomes in a transaction begun with BEGIN", lines(report), "public.a skipped: busy; public.z failed")
			exec(t, conn, "ROLLBACK")

			if tx, err = conn.BeginTx(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			report, err = m.With(tx).RefreshAll(t.Context(), massive.Savepoints())
			mustBe(t, err, massive.ErrBusy)
			same(t, "outcomes with savepoints", lines(report), "public.a skipped: busy; public.b skipped; public.z refreshed")
			noError(t, tx.Commit())
		})
}

func lines(r massive.RefreshReport) string {
	var all []string
	for _, v := range r.Views {
		all = append(all, v.Name.String()+" "+v.Outcome.String())
	}
	return strings.Join(all, "; ")
}

// After a cancel no refresh continues on the server.
func TestRefreshAllCancelled(t *testing.T) {
	t.Parallel()
	onDrivers(t, slowViews(8, func(i int) (time.Duration, []int) {
		if i < 4 {
			return 10 * time.Second, nil
		}
		return 0, []int{i - 4}
	}), func(t *testing.T, e *env) {
		m := e.load(t)
		for _, q := range []func() massive.Querier{func() massive.Querier { return e.pool }, func() massive.Querier { return e.begin(t) }} {
			ctx, cancel := context.WithCancel(t.Context())
			started := 0
			q := q()
			opts := []massive.PlanOption{massive.Parallel(4), massive.OnProgress(func(p massive.Progress) {
				if !p.Ended() {
					if started++; started == 4 || q != massive.Querier(e.pool) {
						time.AfterFunc(100*time.Millisecond, cancel)
					}
				}
			})}
			if q != massive.Querier(e.pool) {
				opts = append(opts, massive.Savepoints())
			}
			begun := time.Now()
			report, err := m.With(q).RefreshAll(ctx, opts...)
			mustBe(t, err, context.Canceled, "8 cancelled")
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("%T: a cancelled run took %v, want at most 5s", q, took)
			}
			same(t, "views reported", report.Count(massive.OutcomeCancelled), 8)
			eventually(t, e.pool, "no refresh runs any more", `SELECT NOT EXISTS (SELECT FROM pg_stat_activity
				WHERE datname = current_database() AND state = 'active' AND query LIKE 'REFRESH%')`)
			if tx, ok := q.(*sql.Tx); ok {
				_ = tx.Rollback()
			}
			cancel()
		}
	})
}

// If the run's context ends, database/sql rolls back a transaction that was begun with
// it. The report is complete, and the database is unchanged.
func TestRefreshAllCancelledWithItsTransaction(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE TABLE t (n int);
		CREATE MATERIALIZED VIEW a AS SELECT n FROM t; CREATE MATERIALIZED VIEW b AS SELECT n FROM a; CREATE MATERIALIZED VIEW c AS SELECT n FROM b;
		CREATE MATERIALIZED VIEW slow AS SELECT 1 AS n FROM `+gated+`; CREATE MATERIALIZED VIEW upon AS SELECT n FROM slow;
		INSERT INTO t VALUES (1)`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			for _, opts := range [][]massive.PlanOption{nil, {massive.Savepoints()}} {
				for _, between := range []bool{false, true} { // cancel during the refresh of slow, or between two refreshes
					open := e.gate(t)
					ctx, cancel := context.WithCancel(t.Context())
					tx, err := e.pool.BeginTx(ctx, nil)
					noError(t, err)
					ended := map[string]int{}
					p, err := m.With(tx).PlanRefresh(append(opts, massive.OnProgress(func(p massive.Progress) {
						if p.Ended() {
							ended[p.View.Name.Name]++
						}
						if between && p.View.Name.Name == "b" && p.Ended() {
							cancel()
							time.Sleep(20 * time.Millisecond) // for database/sql to notice
						}
					}))...)
					noError(t, err)
					type ran struct {
						massive.RefreshReport
						err error
					}
					done := make(chan ran, 1)
					go func() {
						report, err := p.Run(ctx)
						done <- ran{report, err}
					}()
					if !between {
						e.waitForRefresh(t)
						cancel()
					}
					got := <-done
					mustBe(t, got.err, context.Canceled, "2 refreshed, 3 cancelled")
					same(t, "outcomes", lines(got.RefreshReport),
						"public.a refreshed; public.b refreshed; public.slow cancelled; public.c cancelled; public.upon cancelled")
					for _, v := range got.Views {
						same(t, v.Name.Name+": ended events", ended[v.Name.Name], 1)
						same(t, v.Name.Name+": the context is the reason", v.Reason == "the context ended", v.Outcome == massive.OutcomeCancelled)
						same(t, v.Name.Name+": started", !v.Start.IsZero(), v.Outcome == massive.OutcomeRefreshed || v.Name.Name == "slow" && !between)
					}
					if err := tx.Commit(); err == nil {
						t.Error("the transaction committed")
					}
					open()
					same(t, "rows of a", one[int](t, e.pool, "SELECT count(*) FROM a"), 0)
				}
			}
		})
}

// If 300 views read one plain view over 300 others, the graph has 600 edges, not 90,000.
// The load's only statement reads them.
func TestGraphThroughOnePlainView(t *testing.T) {
	t.Parallel()
	const many = 300
	onDrivers(t, fmt.Sprintf(`DO $$ DECLARE all_of_them text; BEGIN
		FOR i IN 1..%[1]d LOOP EXECUTE format('CREATE MATERIALIZED VIEW low_%%s AS SELECT %%s AS n WITH NO DATA', i, i); END LOOP;
		SELECT string_agg(format('SELECT n FROM low_%%s', i), ' UNION ALL ') INTO all_of_them FROM generate_series(1, %[1]d) i;
		EXECUTE 'CREATE VIEW hub AS ' || all_of_them;
		FOR i IN 1..%[1]d LOOP EXECUTE format('CREATE MATERIALIZED VIEW high_%%s AS SELECT n FROM hub WITH NO DATA', i); END LOOP;
		END $$`, many),
		func(t *testing.T, e *env) {
			w, e := e.wired(t, "")
			exec(t, e.pool, "SELECT 1") // opens a connection
			w.took()
			m := e.load(t)
			run, _ := statements(w.took())
			same(t, "statements of the load", run, 1)
			g := m.Graph()
			run, _ = statements(w.took())
			same(t, "statements of the graph", run, 0)
			same(t, "nodes", len(g.Nodes), 2*many+1)
			same(t, "edges", len(g.Edges), 2*many)
			hub, above, below := massive.Name{Schema: "public", Name: "hub"}, 0, 0
			for _, edge := range g.Edges {
				switch {
				case edge.View == hub && strings.HasPrefix(edge.Reads.Name, "low_"):
					below++
				case edge.Reads == hub && strings.HasPrefix(edge.View.Name, "high_"):
					above++
				}
			}
			same(t, "edges below the hub", below, many)
			same(t, "edges above the hub", above, many)
			same(t, "dependents of a view below", len(matview(t, m, "low_1").Dependents()), many)
			same(t, "dependencies of a view above", len(matview(t, m, "high_1").DependsOn()), many)
		})
}

// slowViews returns SQL that creates views s000, s001 …, each of which sleeps in the
// server and reads some earlier views.
func slowViews(n int, of func(i int) (sleep time.Duration, reads []int)) string {
	var b strings.Builder
	for i := range n {
		sleep, reads := of(i)
		fmt.Fprintf(&b, "CREATE MATERIALIZED VIEW s%03d AS SELECT 1 AS n FROM pg_sleep(%f)", i, sleep.Seconds())
		for j, r := range reads {
			fmt.Fprintf(&b, ", s%03d r%d", r, j)
		}
		b.WriteString(" WITH NO DATA;\n")
	}
	return b.String()
}
