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

// lagOps has the two operations that compare a sequence with its columns.
var lagOps = map[string]func(ctx context.Context, s massive.Sequence) (behind bool, err error){
	"Lag": func(ctx context.Context, s massive.Sequence) (bool, error) {
		lag, err := s.Lag(ctx)
		return lag.Behind, err
	},
	"CatchUp": func(ctx context.Context, s massive.Sequence) (bool, error) { return didMove(s.CatchUp(ctx)) },
}

// If several columns draw on a sequence, the furthest value decides, for Lag and CatchUp.
func TestLagAndCatchUpOfSharedSequences(t *testing.T) {
	t.Parallel()
	onModes(t, `
		CREATE SEQUENCE two; CREATE TABLE a (id bigint PRIMARY KEY DEFAULT nextval('two')); CREATE TABLE b (id bigint PRIMARY KEY DEFAULT nextval('two'));
			INSERT INTO a DEFAULT VALUES; INSERT INTO b VALUES (2), (3);
		CREATE SEQUENCE plain; CREATE TABLE c (id bigint UNIQUE DEFAULT nextval('plain')); INSERT INTO c VALUES (7);
		CREATE SCHEMA "S's"; CREATE SEQUENCE "S's".owned; CREATE TABLE k (id bigint PRIMARY KEY DEFAULT nextval('"S''s".owned'));
			CREATE TABLE "S's"."W %s" ("x%I""\y $1" bigint DEFAULT nextval('"S''s".owned'));
			INSERT INTO k VALUES (3); INSERT INTO "S's"."W %s" VALUES (900);
		CREATE SEQUENCE mixed; CREATE TABLE m (id bigint PRIMARY KEY DEFAULT nextval('mixed'), code text DEFAULT 'M-' || currval('mixed'));
			INSERT INTO m VALUES (5, 'M-999');
		CREATE SEQUENCE by_domain; CREATE DOMAIN numbered AS int DEFAULT nextval('by_domain'); CREATE DOMAIN renumbered AS numbered;
			CREATE TABLE d (id numbered, other numbered DEFAULT 1, second renumbered, whole numbered[]); INSERT INTO d VALUES (4, 5000, 44, '{6000}');
			CREATE VIEW d_view AS SELECT other AS id FROM d; CREATE TYPE d_type AS (id numbered);
		CREATE SEQUENCE down INCREMENT -5; CREATE TABLE e (id int DEFAULT nextval('down')); CREATE TABLE f (id smallint DEFAULT nextval('down'));
			INSERT INTO e VALUES (-11), (70); INSERT INTO f VALUES (-16);
		CREATE TABLE p (id serial, x int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (100) PARTITION BY RANGE (id);
			CREATE TABLE p11 PARTITION OF p1 FOR VALUES FROM (1) TO (100); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (1000);
			INSERT INTO p VALUES (8), (108);
		CREATE TABLE old (id serial, x int); CREATE TABLE heir (more int DEFAULT nextval('old_id_seq')) INHERITS (old); INSERT INTO heir VALUES (20, 1, 11);
		CREATE TABLE late (id serial PRIMARY KEY); CREATE TABLE hidden_one (id int DEFAULT nextval('late_id_seq'));
			ALTER TABLE hidden_one ENABLE ROW LEVEL SECURITY; INSERT INTO hidden_one VALUES (77)`,
		func(t *testing.T, e *env) {
			m := e.load(t, massive.WithKeySequences())
			// Changed after the load.
			exec(t, e.pool, "CREATE TABLE later (no numeric DEFAULT nextval('late_id_seq')); INSERT INTO later VALUES (99.5); ALTER TABLE hidden_one ALTER id DROP DEFAULT")
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				for name, want := range map[string]struct {
					lag  string
					next int64
				}{
					"two":         {"public.b.id is at 3, and its sequence is behind: the next value is 2", 4},
					"plain":       {"public.c.id is at 7, and its sequence is behind: the next value is 1", 8},
					`"S's".owned`: {`"S's"."W %s"."x%I""\y $1" is at 900, and its sequence is behind: the next value is 1`, 901},
					"mixed":       {"public.m.id is at 5, and its sequence is behind: the next value is 1", 6},
					"by_domain":   {"public.d.second is at 44, and its sequence is behind: the next value is 1", 45},
					"down":        {"public.f.id is at -16, and its sequence is behind: the next value is -1", -21},
					"p_id_seq":    {"public.p.id is at 108, and its sequence is behind: the next value is 1", 109},
					"old_id_seq":  {"public.old.id is at 20, and its sequence is behind: the next value is 1", 21},
					"late_id_seq": {"public.later.no is at 99, and its sequence is behind: the next value is 1", 100},
				} {
					s := sequence(t, m.With(q), name)
					if name == "two" {
						noError(t, s.ResetTo(t.Context(), 2))
					}
					lag, err := s.Lag(t.Context())
					noError(t, err)
					same(t, "the lag of "+name, lag.String(), want.lag)
					moved, err := didMove(s.CatchUp(t.Context()))
					noError(t, err)
					same(t, name+" was moved", moved, true)
					same(t, "the next value of "+name, next(t, s), want.next)
					noError(t, s.Restart(t.Context()))
				}
			})
		})
}

// Lag and CatchUp refuse the same sequences, name the column, and leave the transaction
// usable.
func TestLagAndCatchUpRefusals(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE SEQUENCE alone; CREATE SEQUENCE by_text; CREATE TABLE a (id text DEFAULT nextval('by_text')); INSERT INTO a VALUES ('9');
		CREATE SEQUENCE by_money; CREATE TABLE m (id money DEFAULT nextval('by_money')::int::money); INSERT INTO m VALUES (7);
		CREATE SEQUENCE shared; CREATE TABLE mine (id int DEFAULT nextval('shared')); CREATE TABLE theirs (id int DEFAULT nextval('shared'), other int);
		CREATE SCHEMA shut; CREATE SEQUENCE far; CREATE TABLE shut.away (id int DEFAULT nextval('far'));
		CREATE SEQUENCE veiled; CREATE TABLE v (id int DEFAULT nextval('veiled')); CREATE TABLE veil (id int DEFAULT nextval('veiled'));
			ALTER TABLE veil ENABLE ROW LEVEL SECURITY;
		CREATE TABLE covered (id serial) PARTITION BY RANGE (id); CREATE TABLE unreadable PARTITION OF covered FOR VALUES FROM (1) TO (10);
			INSERT INTO covered VALUES (5)`,
		func(t *testing.T, e *env) {
			_, as := e.role(t, `GRANT USAGE ON SCHEMA public TO $role; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO $role;
				GRANT SELECT ON a, m, mine, v, veil, covered, shut.away TO $role; GRANT SELECT (other) ON theirs TO $role`)
			tx, err := as.BeginTx(t.Context(), nil)
			noError(t, err)
			defer func() { _ = tx.Rollback() }()
			m := e.load(t, massive.WithKeySequences()).With(tx)
			for what, op := range lagOps {
				for name, want := range map[string]struct {
					is   error
					says string
				}{
					"alone":    {massive.ErrInvalid, "no column draws on the sequence"},
					"by_text":  {massive.ErrInvalid, "public.a.id is of type text, which can't be compared"},
					"by_money": {massive.ErrInvalid, "public.m.id is of type money, which can't be compared"},
					"shared":   {massive.ErrPermission, "SELECT on column public.theirs.id"},
					"far":      {massive.ErrPermission, "SELECT on column shut.away.id"},
					"veiled":   {massive.ErrPermission, "row security may hide rows of public.veil"},
				} {
					_, err := op(t.Context(), sequence(t, m, name))
					mustBe(t, err, want.is, want.says)
					same(t, what+" of "+name+": massive.moved in the transaction", one[string](t, tx, "SELECT coalesce(current_setting('massive.moved', true), '')"), "")
				}
			}
			lag, err := sequence(t, m, "covered_id_seq").Lag(t.Context())
			noError(t, err)
			same(t, "a partition is read with its table", lag.String(), "public.covered.id is at 5, and its sequence is behind: the next value is 1")
		})
}

// Fractions and floats are compared exactly. Values that the sequence can't reach do not
// count.
func TestLagAndCatchUpOfFractions(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE up; CREATE TABLE u (n numeric, f float8, r real, i bigint); CREATE SEQUENCE down INCREMENT -1 MINVALUE -9223372036854775808;
		CREATE TABLE d (n numeric, f float8, r real, i bigint)`,
		func(t *testing.T, e *env) {
			version := one[int](t, e.pool, "SELECT current_setting('server_version_num')::int")
			for _, c := range []struct {
				column, value string
				next          int64
				furthest      int64
				behind        bool
			}{
				{"u.n", "5.5", 6, 5, false}, {"u.n", "5.5", 5, 5, true}, {"u.n", "6.0", 6, 6, true}, {"u.f", "5.5", 6, 5, false},
				{"u.r", "5.5", 5, 5, true}, {"d.n", "-5.5", -6, -5, false}, {"d.f", "-5.5", -5, -5, true},
				{"u.f", "9007199254740991", 1, 9007199254740991, true}, {"u.i", "9223372036854775806", 1, 9223372036854775806, true},
				{"d.i", "-9223372036854775807", -1, -9223372036854775807, true}, {"u.r", "16777216", 1, 16777216, true},
				{"u.n", "NaN", 1, 0, false}, {"u.f", "NaN", 1, 0, false}, {"u.r", "Infinity", 1, 0, false}, {"u.f", "9223372036854775808", 1, 0, false},
				{"d.n", "-1e30", -1, 0, false}, {"u.n", "-1e30", 1, 0, false}, {"u.n", "1e30", 1, 0, false}, {"d.n", "-Infinity", -1, 0, false},
			} {
				if c.column == "d.n" && c.value == "-Infinity" && version < 140000 {
					continue
				}
				table, column, _ := strings.Cut(c.column, ".")
				name := map[string]string{"u": "up", "d": "down"}[table]
				exec(t, e.pool, fmt.Sprintf("ALTER TABLE %s ALTER n DROP DEFAULT, ALTER f DROP DEFAULT, ALTER r DROP DEFAULT, ALTER i DROP DEFAULT; "+
					"ALTER TABLE %[1]s ALTER %s SET DEFAULT nextval('%s'); DELETE FROM %[1]s; INSERT INTO %[1]s (%[2]s) VALUES ('%[4]s')", table, column, name, c.value))
				what := fmt.Sprintf("%s in %s, and %d next", c.value, c.column, c.next)
				s := sequence(t, e.load(t), name)
				noError(t, s.ResetTo(t.Context(), c.next))
				lag, err := s.Lag(t.Context())
				moved, errMoved := didMove(s.CatchUp(t.Context()))
				if err != nil || errMoved != nil {
					t.Errorf("%s: %v, %v", what, err, errMoved)
				}
				same(t, what+": furthest", lag.Furthest, c.furthest)
				same(t, what+": behind", lag.Behind, c.behind)
				same(t, what+": moved", moved, c.behind)
			}
		})
}

// A dropper drops a table after the first statement of a querier.
type dropper struct {
	massive.Querier
	drop func()
}

func (d *dropper) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := d.Querier.QueryContext(ctx, query, args...)
	d.drop()
	d.drop = func() {}
	return rows, err
}

// A table that is dropped or altered between the two statements of Lag does not make it
// fail.
func TestLagAndCatchUpWhileTablesAreDropped(t *testing.T) {
	t.Parallel()
	const setup = `CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (5); CREATE TABLE b (id int DEFAULT nextval('a_id_seq')); INSERT INTO b VALUES (90)`
	onDrivers(t, setup, func(t *testing.T, e *env) {
		m := e.load(t, massive.WithKeySequences())
		for _, change := range []string{"DROP TABLE b", "ALTER TABLE b RENAME id TO no", "ALTER TABLE b ALTER id DROP DEFAULT, ALTER id TYPE boolean USING true"} {
			exec(t, e.pool, "DROP TABLE IF EXISTS a, b; "+setup)
			q := &dropper{e.pool, func() { exec(t, e.pool, change) }}
			lag, err := sequence(t, m.With(q), "a_id_seq").Lag(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", change, err)
			}
			want := int64(5)
			if strings.Contains(change, "RENAME") {
				want = 90
			}
			same(t, change+": furthest", lag.Furthest, want)
		}

		// CatchUp waits for the DROP, and then looks up the columns again.
		exec(t, e.pool, "DROP TABLE IF EXISTS a, b; "+setup)
		tx := e.begin(t)
		exec(t, tx, "DROP TABLE b")
		moved := make(chan error, 1)
		go func() {
			_, err := sequence(t, m, "a_id_seq").CatchUp(t.Context())
			moved <- err
		}()
		eventually(t, e.pool, "the catch-up waits for the drop", "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'b'::regclass AND NOT granted)")
		noError(t, tx.Commit())
		noError(t, <-moved)
		same(t, "the next value", next(t, sequence(t, m, "a_id_seq")), 6)
	})
}

// A sequence with more than a thousand columns can be compared.
func TestLagAndCatchUpOfManyColumns(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s; DO $$ BEGIN FOR i IN 1..5 LOOP
			EXECUTE (SELECT format('CREATE TABLE t%s (%s)', i, string_agg(format('c%s int DEFAULT nextval(''s'')', j), ', ')) FROM generate_series(1, 250) j);
		END LOOP; END $$; INSERT INTO t2 (c7) VALUES (300); INSERT INTO t5 (c99, c98) VALUES (4000, 3999)`,
		func(t *testing.T, e *env) {
			s := sequence(t, e.load(t), "s")
			noError(t, s.Restart(t.Context()))
			lag, err := s.Lag(t.Context())
			noError(t, err)
			same(t, "the lag", lag.String(), "public.t5.c99 is at 4000, and its sequence is behind: the next value is 1")
			exec(t, e.pool, "UPDATE t2 SET c7 = 5000")
			lag, err = s.Lag(t.Context())
			noError(t, err)
			same(t, "the lag after the update", lag.String(), "public.t2.c7 is at 5000, and its sequence is behind: the next value is 1")
			if moved, err := didMove(s.CatchUp(t.Context())); err != nil || !moved {
				t.Errorf("got moved %v, error %v; want moved", moved, err)
			}
			same(t, "the next value", next(t, s), 5001)
		})
}

// An exhausted sequence is not behind: it hands out no value that the column may hold.
// With one value left it is behind, and CatchUp returns ErrOutOfRange.
func TestLagAndCatchUpAtTheSequencesEnd(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TABLE a (id serial PRIMARY KEY); ALTER SEQUENCE a_id_seq MAXVALUE 10; INSERT INTO a VALUES (10), (50)`, func(t *testing.T, e *env) {
		s := sequence(t, e.load(t, massive.WithKeySequences()), "a_id_seq")
		for last, behind := range map[int64]bool{9: true, 10: false} {
			noError(t, s.SetValue(t.Context(), last, true))
			lag, err := s.Lag(t.Context())
			noError(t, err)
			same(t, fmt.Sprint("behind at ", last), lag.Behind, behind)
			moved, err := didMove(s.CatchUp(t.Context()))
			same(t, fmt.Sprint("moved at ", last), moved, false)
			if behind {
				mustBe(t, err, massive.ErrOutOfRange, "leaves no next value")
			} else if err != nil {
				t.Errorf("at %d: %v", last, err)
			}
		}
	})
}

// ALTER SEQUENCE … RESTART replaces the sequence's storage and does not block a SELECT. A
// SELECT can then find no row in the old storage, or fail to open it. Lag reads again.
func TestLagReadsASequenceThatIsRestarted(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (5)`, func(t *testing.T, e *env) {
		s := sequence(t, e.load(t, massive.WithKeySequences()), "a_id_seq")
		restarts := make(chan error, 1)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() {
			for ; ctx.Err() == nil; time.Sleep(time.Millisecond) { // else all tries of one Lag may fail
				if _, err := e.pool.ExecContext(t.Context(), "ALTER SEQUENCE a_id_seq RESTART"); err != nil {
					restarts <- err
					return
				}
			}
			restarts <- nil
		}()
		for range 300 {
			lag, err := s.Lag(t.Context())
			noError(t, err)
			same(t, "behind", lag.Behind, true)
		}
		stop()
		noError(t, <-restarts)
	})
}
