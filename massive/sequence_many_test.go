package massive_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// Operations on sequences take one round trip each (Lag: two), for any number of values.
// Drivers do not keep a prepared statement per value.
func TestSequenceRoundTrips(t *testing.T) {
	t.Parallel()
	testrun.Long(t)
	onDrivers(t, `CREATE SEQUENCE s; CREATE TABLE t (id int DEFAULT nextval('s')); INSERT INTO t VALUES (5)`, func(t *testing.T, e *env) {
		for _, mode := range e.execModes() {
			w, e := e.wired(t, mode)
			conn := e.conn(t)
			s := sequence(t, load(t, conn), "s")
			many := func(n int) func() error {
				return func() error { _, err := s.NextValues(t.Context(), n); return err }
			}
			for what, c := range map[string]struct {
				op   func() error
				runs int
			}{
				"NextValues(7)": {many(7), 1}, "NextValues(100)": {many(100), 1}, "NextValues(1000)": {many(1000), 1},
				"NextValues(10000)": {many(10_000), 1}, "NextValues(1234)": {many(1234), 1},
				"NextBlock": {func() error { _, err := s.NextBlock(t.Context()); return err }, 1},
				"SetValue":  {func() error { return s.SetValue(t.Context(), 3, true) }, 1},
				"Lag":       {func() error { _, err := s.Lag(t.Context()); return err }, 2},
				"CatchUp":   {func() error { _, err := s.CatchUp(t.Context()); return err }, 1},
			} {
				if err := c.op(); err != nil { // the first call may prepare
					t.Fatalf("%s: %v", what, err)
				}
				w.took()
				if err := c.op(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				sent := w.took()
				run, prepared := statements(sent)
				trips := strings.Count(sent, "Q") + strings.Count(sent, "S")
				if run != c.runs || (prepared != 0 && mode == "") || trips != c.runs {
					t.Errorf("%s %s: got %d statements, %d prepared, %d round trips (%s); want %d", what, mode, run, prepared, trips, sent, c.runs)
				}
			}
		}

		conn := e.conn(t)
		s := sequence(t, load(t, conn), "s")
		for n := range 2000 {
			noError(t, s.SetValue(t.Context(), int64(n+1), true))
		}
		same(t, "prepared statements after 2000 values", one[int](t, conn, "SELECT count(*)::int FROM pg_prepared_statements WHERE statement LIKE 'SELECT pg_catalog.setval%'"), 0)
	})
}

// A block has the increment's length when its value was taken, even if NextBlock had to
// wait for an ALTER SEQUENCE.
func TestNextBlockAfterAnIncrementChange(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s INCREMENT 1000`, func(t *testing.T, e *env) {
		s := sequence(t, e.load(t), "s")
		take := func() registry.Block {
			t.Helper()
			b, err := s.NextBlock(t.Context())
			noError(t, err)
			return b
		}
		same(t, "the first block", take(), registry.Block{First: 1, Last: 1000, Increment: 1000})
		tx := e.begin(t)
		exec(t, tx, "ALTER SEQUENCE s INCREMENT 10")
		waiting := make(chan registry.Block, 1)
		go func() { b, _ := s.NextBlock(t.Context()); waiting <- b }()
		eventually(t, e.pool, "the block waits for the change", `SELECT EXISTS (SELECT FROM pg_locks
			WHERE relation = 's'::regclass AND NOT granted)`)
		noError(t, tx.Commit())
		b := <-waiting
		same(t, "the length of the block after the change", b.Len(), 10)
		same(t, "the first value of the next block", take().First, b.Last+1)
	})
}

// While other sessions take values, insert rows and catch up, no value is handed out
// twice.
func TestCatchUpNeverMovesBack(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TABLE t (id bigserial PRIMARY KEY)`, func(t *testing.T, e *env) {
		m := e.load(t, massive.WithKeySequences())
		s := sequence(t, m, "t_id_seq")
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var mu sync.Mutex
		seen, taken, moves := map[int64]bool{}, 0, 0
		var writers, catchers sync.WaitGroup
		for range 3 {
			writers.Go(func() {
				for n, moved := 0, 0; n < 150 || moved < 3 && n < 5_000; n++ {
					v, err := s.NextValue(t.Context())
					mu.Lock()
					if err != nil || seen[v] {
						t.Errorf("got value %d, error %v; want a new value", v, err)
					}
					seen[v] = true
					taken++
					moved = moves
					mu.Unlock()
				}
			})
		}
		catchers.Go(func() {
			random := rand.New(rand.NewPCG(1, 2))
			for ctx.Err() == nil {
				if _, err := e.pool.ExecContext(t.Context(), fmt.Sprintf(
					"INSERT INTO t SELECT max(v) + %d FROM (SELECT last_value AS v FROM t_id_seq UNION ALL SELECT max(id) FROM t) x", 20+random.IntN(200)*random.IntN(200), // sometimes further than the writers get in between
				)); err != nil {
					t.Error(err)
				}
				moved, err := didMove(s.CatchUp(t.Context()))
				if err != nil {
					t.Error(err)
				}
				if moved {
					mu.Lock()
					moves++
					mu.Unlock()
				}
			}
		})
		writers.Wait()
		stop()
		catchers.Wait()
		noError(t, errOf(s.CatchUp(t.Context())))
		same(t, "different values", len(seen), taken)
		same(t, "the next value is above the largest one in the table",
			next(t, s) > one[int64](t, e.pool, "SELECT max(id) FROM t"), true)
		if moves == 0 {
			t.Error("CatchUp never moved the sequence")
		}
	})
}

func TestLagAndCatchUpOfOddColumns(t *testing.T) {
	t.Parallel()
	const odd = `"Od""d $massive$ \ 'x'"`
	onDrivers(t, `
		CREATE DOMAIN positive AS integer CHECK (VALUE > 0); CREATE DOMAIN more AS positive;
		CREATE SEQUENCE of_domain; CREATE TABLE a (id more DEFAULT nextval('of_domain') PRIMARY KEY); INSERT INTO a VALUES (40);
		CREATE SEQUENCE of_numeric; CREATE TABLE b (id numeric(30) PRIMARY KEY DEFAULT nextval('of_numeric')); INSERT INTO b VALUES (12345678901);
		CREATE SEQUENCE of_text; CREATE TABLE c (id text PRIMARY KEY DEFAULT 'A' || nextval('of_text')); INSERT INTO c VALUES ('99');
		CREATE TABLE d (id serial PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE d1 PARTITION OF d FOR VALUES FROM (1) TO (1000);
			INSERT INTO d1 VALUES (500);
		CREATE TABLE hidden (id serial PRIMARY KEY); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; INSERT INTO hidden VALUES (7);
		CREATE SEQUENCE of_huge; CREATE TABLE huge (id numeric PRIMARY KEY DEFAULT nextval('of_huge')); INSERT INTO huge VALUES (9223372036854775807);
		CREATE SCHEMA `+odd+`; CREATE TABLE `+odd+`.`+odd+` (`+odd+` int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME `+odd+`.s) PRIMARY KEY);
			INSERT INTO `+odd+`.`+odd+` OVERRIDING SYSTEM VALUE VALUES (3)`,
		func(t *testing.T, e *env) {
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				m := e.load(t, massive.WithKeySequences()).With(q)
				for name, want := range map[string]int64{"of_domain": 41, "of_numeric": 12345678902, "d_id_seq": 501, odd + ".s": 4} {
					s := sequence(t, m, name)
					lag, err := s.Lag(t.Context())
					noError(t, err)
					moved, err := didMove(s.CatchUp(t.Context()))
					noError(t, err)
					same(t, name+": behind", lag.Behind, moved)
					same(t, "the next value of "+name, next(t, s), want)
					noError(t, s.Restart(t.Context()))
				}
			})
			m := e.load(t, massive.WithKeySequences())
			for _, op := range []func(s massive.Sequence) error{
				func(s massive.Sequence) error { _, err := s.Lag(t.Context()); return err },
				func(s massive.Sequence) error { _, err := s.CatchUp(t.Context()); return err },
			} {
				mustBe(t, op(sequence(t, m, "of_text")), massive.ErrInvalid, "which can't be compared with a sequence")
			}
			_, errHuge := sequence(t, m, "of_huge").CatchUp(t.Context())
			mustBe(t, errHuge, massive.ErrOutOfRange, "leaves no next value")
			_, as := e.role(t, "GRANT USAGE ON SCHEMA public TO $role; GRANT SELECT ON hidden, hidden_id_seq TO $role")
			s := sequence(t, m.With(as), "hidden_id_seq")
			_, err := s.Lag(t.Context())
			mustBe(t, err, massive.ErrPermission, "row security")
			_, err = s.CatchUp(t.Context())
			mustBe(t, err, massive.ErrPermission, "row security")
			s = sequence(t, m.With(as), "d_id_seq")
			_, err = s.Lag(t.Context())
			mustBe(t, err, massive.ErrPermission, "have SELECT on column public.d.id")
		})
}

// CatchUp leaves no setting in the caller's transaction.
func TestCatchUpLeavesNoSetting(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t VALUES (9)`, func(t *testing.T, e *env) {
		tx := e.begin(t)
		for _, want := range []bool{true, false} {
			moved, err := didMove(sequence(t, e.load(t, massive.WithKeySequences()).With(tx), "t_id_seq").CatchUp(t.Context()))
			if err != nil || moved != want {
				t.Errorf("got moved %v, error %v; want %v", moved, err, want)
			}
			same(t, "massive.moved after CatchUp", one[string](t, tx, "SELECT current_setting('massive.moved')"), "")
		}
	})
}

func TestExhaustion(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		DO $$ BEGIN FOR i IN 1..560 LOOP EXECUTE format('CREATE SEQUENCE many_%s MAXVALUE 10', i); END LOOP; END $$;
		SELECT setval('many_1', 10), setval('many_300', 9), setval('many_560', 10, false);
		ALTER SEQUENCE many_2 START 9 RESTART;
		CREATE SCHEMA app; CREATE SEQUENCE app.shared; SELECT setval('app.shared', 9000);
		CREATE DOMAIN short AS numeric(4,0); CREATE DOMAIN shorter AS short;
		CREATE TABLE app.loose (id text DEFAULT 'A' || nextval('app.shared')); CREATE TABLE app.tight (id shorter DEFAULT nextval('app.shared'));
		CREATE SEQUENCE of_domain; CREATE DOMAIN numbered AS smallint DEFAULT nextval('of_domain'); CREATE TABLE app.lot (id numbered);
		SELECT setval('of_domain', 32000);
		CREATE TABLE parts (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY) PARTITION BY RANGE (id);
		CREATE TABLE part PARTITION OF parts FOR VALUES FROM (1) TO (10);
		SELECT setval('parts_id_seq', 2147483000);
		CREATE TEMP TABLE gone (id smallint DEFAULT nextval('app.shared'))`,
		func(t *testing.T, e *env) {
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				m := e.load(t, massive.Only(massive.KindEnum)).With(q)
				got, err := m.Exhaustion(t.Context(), massive.AtLeast(0.81))
				noError(t, err)
				same(t, "the report", got.String(), `5 of 563 sequences are used up to 81 % or more, 558 are uncalled
sequence public.many_1 is 100.0 % used: at 10, 0 left up to 10, where the sequence ends
public.parts.id (integer) is 99.9 % used: at 2147483000, 647 left up to 2147483647, where the sequence ends (sequence public.parts_id_seq)
app.lot.id (numbered) is 97.6 % used: at 32000, 767 left up to 32767, where the column is full (sequence public.of_domain)
app.tight.id (shorter) is 90.0 % used: at 9000, 999 left up to 9999, where the column is full (sequence app.shared)
sequence public.many_300 is 90.0 % used: at 9, 1 left up to 10, where the sequence ends`)
			})
		})
}

// Sequences that are dropped during Exhaustion are unknown or missing in it. All others
// are reported.
func TestExhaustionWhileSequencesAreDropped(t *testing.T) {
	t.Parallel()
	onDrivers(t, `DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE SEQUENCE s%s; SELECT setval(''s%1$s'', 5)', i); END LOOP; END $$;
		CREATE SEQUENCE full_one MAXVALUE 2; SELECT setval('full_one', 2)`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					n := 1 + i%300
					if _, err := e.pool.ExecContext(t.Context(), fmt.Sprintf("DROP SEQUENCE s%d; CREATE SEQUENCE s%[1]d", n)); err != nil {
						t.Error(err)
						return
					}
				}
			})
			unknown := 0
			for range 15 {
				got, err := m.Exhaustion(t.Context())
				noError(t, err)
				if len(got.Above) != 1 || got.Above[0].Sequence.Name != "full_one" || got.Looked < 250 {
					t.Fatalf("got the report\n%s", got)
				}
				for _, u := range got.Unknown {
					unknown++
					if !errors.Is(u.Err, massive.ErrNotFound) {
						t.Errorf("got %v, want ErrNotFound", u)
					}
				}
			}
			stop()
			wg.Wait()
			t.Logf("%d sequences were unknown", unknown)
		})
}

// Exhaustion waits for a reset in an open transaction until its context ends.
func TestExhaustionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s`, func(t *testing.T, e *env) {
		m := e.load(t)
		tx := e.begin(t)
		noError(t, sequence(t, m.With(tx), "s").Reset(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := m.Exhaustion(ctx)
		mustBe(t, err, context.DeadlineExceeded, "massive: look for exhaustion: ")
	})
}

// If the increment was made smaller, fetches of new and old allocators return ErrDrift
// until it is restored. No value comes twice.
func TestHiLoRefusesAnAlteredIncrement(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE s INCREMENT 50`, func(t *testing.T, e *env) {
		s := sequence(t, e.load(t), "s")
		seen := map[int64]bool{}
		take := func(a *massive.Allocator, n int) {
			t.Helper()
			for range n {
				v, err := a.Next(t.Context())
				if err != nil || seen[v] {
					t.Fatalf("got value %d, error %v; want a new value", v, err)
				}
				seen[v] = true
			}
		}
		old := allocator(t, s, massive.HiLo(50))
		take(old, 3) // of a block of 50, so that the next block is not fetched yet
		exec(t, e.pool, "ALTER SEQUENCE s INCREMENT 1")
		const says = "massive: next block of public.s: drift: HiLo expects an increment of 50, and the sequence has 1"
		fresh := allocator(t, s, massive.HiLo(50))
		for range 2 {
			_, err := fresh.Next(t.Context())
			mustBe(t, err, massive.ErrDrift, says, `ALTER SEQUENCE "public"."s" INCREMENT BY 50`)
		}
		take(old, 47)
		_, err := old.Next(t.Context())
		mustBe(t, err, massive.ErrDrift, says)
		_, err = massive.NewAllocator(sequence(t, e.load(t), "s"), massive.HiLo(50))
		mustBe(t, err, massive.ErrDrift, "massive: allocate from public.s: drift: HiLo expects an increment of 50, and the sequence has 1")

		exec(t, e.pool, "ALTER SEQUENCE s INCREMENT 50")
		take(fresh, 120)
		take(old, 120)
		exec(t, e.pool, "CREATE SEQUENCE down INCREMENT -50")
		take(allocator(t, sequence(t, e.load(t), "down"), massive.HiLo(-50)), 120)
	})
}
