package massive_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
)

// An attacker is another role of the database, with a connection of its own.
type attacker struct {
	name string
	as   massive.Querier
}

// attacker creates a role that owns the schema evil. Its functions hit and sly count
// their executions; sly is falsely declared IMMUTABLE.
func (e *env) attacker(t *testing.T) attacker {
	t.Helper()
	name, as := e.role(t, `CREATE SCHEMA evil AUTHORIZATION $role; GRANT USAGE, CREATE ON SCHEMA public TO $role`)
	exec(t, as, `CREATE SEQUENCE evil.executed;
		GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT ALL ON SEQUENCE evil.executed TO PUBLIC;
		CREATE FUNCTION evil.hit() RETURNS bigint VOLATILE LANGUAGE plpgsql AS $$ BEGIN RETURN nextval('evil.executed'); END $$;
		CREATE FUNCTION evil.sly() RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN evil.hit(); END $$;
		CREATE FUNCTION evil.sly(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.hit(); RETURN $1; END $$`)
	return attacker{name, as}
}

// executions returns how often the attacker's functions ran since the last call.
func (e *env) executions(t *testing.T) int {
	t.Helper()
	n := one[int](t, e.pool, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM evil.executed")
	exec(t, e.pool, "SELECT setval('evil.executed', 1, false)")
	return n
}

// Tables, views and foreign tables of other roles are not read and do not affect a
// sequence. Lag and CatchUp name each of them.
func TestTablesOfOtherRolesDoNotCount(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE SEQUENCE invoice_no START 1000; CREATE TABLE invoices (no bigint UNIQUE DEFAULT nextval('invoice_no'), n int);
		INSERT INTO invoices VALUES (1004);
		CREATE TABLE parted (id bigserial, x int) PARTITION BY RANGE (id); CREATE TABLE parted_a PARTITION OF parted FOR VALUES FROM (1) TO (100);
		CREATE TABLE parted_b PARTITION OF parted FOR VALUES FROM (100) TO (9000000000000000000); INSERT INTO parted VALUES (7, 1), (800, 1);
		CREATE TABLE parent (id serial PRIMARY KEY); CREATE TABLE child () INHERITS (parent); INSERT INTO parent VALUES (3); INSERT INTO child VALUES (400)`,
		func(t *testing.T, e *env) {
			bad := e.attacker(t)
			exec(t, bad.as, `
				CREATE VIEW evil.v AS SELECT evil.hit() AS id; ALTER VIEW evil.v ALTER id SET DEFAULT nextval('public.invoice_no');
				CREATE VIEW evil.w AS SELECT evil.sly() AS id; ALTER VIEW evil.w ALTER id SET DEFAULT nextval('public.invoice_no');
				CREATE TABLE evil.keyed (id bigint PRIMARY KEY DEFAULT nextval('public.invoice_no')); INSERT INTO evil.keyed VALUES (9000000000000000000);
				CREATE INDEX ON evil.keyed (evil.sly(id));
				CREATE DOMAIN evil.numbered AS bigint DEFAULT nextval('public.invoice_no'); GRANT USAGE ON TYPE evil.numbered TO PUBLIC`)
			exec(t, e.pool, `CREATE TABLE of_domain (id evil.numbered PRIMARY KEY); INSERT INTO of_domain VALUES (5000);
				CREATE FOREIGN DATA WRAPPER nothing_`+bad.name+`; CREATE SERVER nowhere_`+bad.name+` FOREIGN DATA WRAPPER nothing_`+bad.name+`;
				CREATE FOREIGN TABLE distant (id bigint DEFAULT nextval('invoice_no')) SERVER nowhere_`+bad.name+`;
				CREATE INDEX ON parted_b ((1)); ALTER TABLE parted_b OWNER TO `+bad.name+`; ALTER TABLE child OWNER TO `+bad.name)
			exec(t, bad.as, `CREATE INDEX ON parted_b (evil.sly(id)); CREATE INDEX ON child (evil.sly(id))`)
			exec(t, e.pool, "SELECT setval('evil.executed', 1, false)") // building an index runs its expression

			m := e.load(t, massive.WithKeySequences())
			invoices := sequence(t, m, "invoice_no")
			if key := invoices.Def().KeyOf; key != nil {
				t.Errorf("invoice_no is the key sequence of %v, a column of another role", key)
			}
			if _, err := e.load(t).Sequence("invoice_no"); err != nil {
				t.Errorf("another role's table makes invoice_no a key sequence: %v", err)
			}
			lag, err := invoices.Lag(t.Context())
			noError(t, err)
			of := " (its table belongs to " + bad.name + ")"
			same(t, "the lag", fmt.Sprint(lag.Column, lag.Furthest, lag.Behind), "public.invoices.no 1004 true")
			equal(t, "columns not read", names(lag.Unread), []string{
				"evil.keyed.id" + of, "evil.v.id (it is not in a table)", "evil.w.id (it is not in a table)",
				"public.distant.id (it is not in a table)", "public.of_domain.id (its domain belongs to " + bad.name + ")",
			})
			done, err := invoices.CatchUp(t.Context())
			noError(t, err)
			same(t, "CatchUp moved, and its unread columns", fmt.Sprint(done.Moved, len(done.Unread)), "true 5")
			same(t, "the next invoice", next(t, invoices), 1005)

			// Partitions and children are checked by their own owners.
			for name, want := range map[string]string{"parted_id_seq": "public.parted_a.id 7 public.parted_b.id" + of, "parent_id_seq": "public.parent.id 3 public.child.id" + of} {
				lag, err := sequence(t, m, name).Lag(t.Context())
				noError(t, err)
				same(t, name, fmt.Sprint(lag.Column, " ", lag.Furthest, " ", strings.Join(names(lag.Unread), " ")), want)
				noError(t, errOf(sequence(t, m, name).CatchUp(t.Context())))
			}
			report, err := m.Exhaustion(t.Context(), massive.AtLeast(0))
			noError(t, err)
			for _, u := range report.Above {
				if u.Column != nil && strings.HasPrefix(u.Column.Table.Schema, "evil") {
					t.Errorf("another role's column decides: %v", u)
				}
			}
			same(t, "executions of the attacker's functions", e.executions(t), 0)

			// Unreadable tables of other roles do not make an operation fail.
			_, as := (&env{e.Database, e.driver + "2", e.pool}).role(t, "GRANT SELECT ON invoice_no, invoices TO $role")
			if _, err := sequence(t, m.With(as), "invoice_no").Lag(t.Context()); err != nil {
				t.Errorf("as a role that can't read the attacker's tables: %v", err)
			}
			same(t, "executions of the attacker's functions as another role", e.executions(t), 0)
			exec(t, e.pool, "SELECT FROM evil.v WHERE id > 0")
			same(t, "executions by a SELECT, to check the counter", e.executions(t), 1)
			exec(t, e.pool, "DROP TABLE of_domain; DROP FOREIGN DATA WRAPPER nothing_"+bad.name+" CASCADE")
		})
}

// A column draws on a sequence if it is an identity column, or if its default or its
// domain's default takes a value. A column that only owns or names the sequence does not.
// The catalog, Lag and Exhaustion agree.
func TestColumnsThatDrawOnASequence(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE TABLE serial_key (x int, id serial PRIMARY KEY); CREATE TABLE identity_key (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY);
		CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY); CREATE SEQUENCE owned_by_key START 1000 OWNED BY orders.id;
			INSERT INTO orders SELECT FROM generate_series(1, 50);
		CREATE SEQUENCE other; CREATE TABLE redirected (id serial PRIMARY KEY); ALTER TABLE redirected ALTER id SET DEFAULT nextval('other');
		CREATE SEQUENCE by_domain; CREATE DOMAIN dkd AS bigint DEFAULT nextval('by_domain'); CREATE DOMAIN dke AS dkd; CREATE TABLE dkt (id dke PRIMARY KEY);
		CREATE SEQUENCE overruled; CREATE DOMAIN over AS bigint DEFAULT nextval('overruled'); CREATE TABLE overt (id over PRIMARY KEY DEFAULT 5);
		CREATE SEQUENCE named; CREATE TABLE nt (id regclass PRIMARY KEY DEFAULT 'named'::regclass);
		CREATE SEQUENCE current; CREATE TABLE ct (id bigint PRIMARY KEY DEFAULT currval('current'));
		CREATE SEQUENCE set_only; CREATE TABLE st (id bigint PRIMARY KEY DEFAULT setval('set_only', 5));
		CREATE SEQUENCE wrapped; CREATE FUNCTION take(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT nextval($1)';
			CREATE TABLE wt (id bigint PRIMARY KEY DEFAULT take('wrapped'));
		CREATE SEQUENCE unique_only; CREATE TABLE ut (id bigint UNIQUE DEFAULT nextval('unique_only'));
		CREATE SEQUENCE included; CREATE TABLE it (id int, no bigint DEFAULT nextval('included'), PRIMARY KEY (id) INCLUDE (no));
		CREATE SEQUENCE composite; CREATE TABLE mt (a int, b bigint DEFAULT nextval('composite'), PRIMARY KEY (a, b));
		CREATE SEQUENCE viewed; CREATE TABLE base (id bigint PRIMARY KEY); CREATE VIEW vv AS SELECT id FROM base; ALTER VIEW vv ALTER id SET DEFAULT nextval('viewed')`,
		func(t *testing.T, e *env) {
			m := e.load(t, massive.WithKeySequences())
			for name, want := range map[string]struct{ key, column string }{
				"serial_key_id_seq": {"public.serial_key.id", "public.serial_key.id"}, "identity_key_id_seq": {"public.identity_key.id", "public.identity_key.id"},
				"orders_id_seq": {"public.orders.id", "public.orders.id"}, "owned_by_key": {}, "redirected_id_seq": {}, "other": {"public.redirected.id", "public.redirected.id"},
				"by_domain": {"public.dkt.id", "public.dkt.id"}, "overruled": {}, "named": {}, "current": {}, "set_only": {}, "wrapped": {"public.wt.id", "public.wt.id"},
				"unique_only": {"", "public.ut.id"}, "included": {"", "public.it.no"}, "composite": {"public.mt.b", "public.mt.b"}, "viewed": {},
			} {
				s := sequence(t, m, name)
				key := ""
				if s.Def().KeyOf != nil {
					key = s.Def().KeyOf.String()
				}
				same(t, "the key that draws on "+name, key, want.key)
				lag, err := s.Lag(t.Context())
				if want.column == "" {
					mustBe(t, err, massive.ErrInvalid, "draws on the sequence")
					_, err := s.CatchUp(t.Context())
					mustBe(t, err, massive.ErrInvalid, "draws on the sequence")
				} else if err != nil || lag.Column.String() != want.column {
					t.Errorf("the column that draws on %s: %v, %v; want %s", name, lag.Column, err, want.column)
				}
				if _, err := e.load(t).Sequence(name); (err == nil) != (want.key == "") {
					t.Errorf("lookup of %s without WithKeySequences: got error %v", name, err)
				}
				noError(t, s.SetValue(t.Context(), 70, true))
			}
			report, err := m.Exhaustion(t.Context(), massive.AtLeast(0))
			noError(t, err)
			drawn := map[string]string{}
			for _, u := range report.Above {
				if u.Column != nil {
					drawn[u.Sequence.Name] = u.Column.String()
				}
			}
			for _, name := range []string{"owned_by_key", "redirected_id_seq", "named", "current", "viewed"} {
				same(t, "the column of "+name+" in the report", drawn[name], "")
			}
			same(t, "the column of by_domain in the report", drawn["by_domain"], "public.dkt.id")
			same(t, "the column of wrapped in the report", drawn["wrapped"], "public.wt.id")
		})
}

// replacements has relations by which a sequence's owner may replace it.
var replacements = map[string]string{
	"view": `CREATE VIEW evil.s AS SELECT evil.hit() AS last_value, evil.sly() = 1 AS is_called, 0::bigint AS log_cnt, 1::oid AS tableoid`,
	"matview": `CREATE MATERIALIZED VIEW evil.s AS SELECT 1::bigint AS last_value, true AS is_called WITH NO DATA;
		CREATE INDEX ON evil.s (evil.sly(last_value))`,
	"table": `CREATE TABLE evil.s (last_value bigint, is_called boolean); CREATE INDEX ON evil.s (evil.sly(last_value));
		ALTER TABLE evil.s ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON evil.s USING (evil.hit() > 0); GRANT SELECT ON evil.s TO PUBLIC`,
}

// If a sequence was replaced by another relation, each operation returns ErrNotFound and
// runs no code of that relation.
func TestReplacedSequencesAreNotFound(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		bad := e.attacker(t)
		exec(t, bad.as, "CREATE SEQUENCE evil.s; CREATE TABLE evil.t (id bigint PRIMARY KEY DEFAULT nextval('evil.s')); INSERT INTO evil.t VALUES (9)")
		s := sequence(t, e.load(t, massive.WithKeySequences()), "evil.s")
		for kind, text := range replacements {
			exec(t, bad.as, "DROP SEQUENCE evil.s CASCADE; "+text)
			e.executions(t)
			for op, err := range map[string]error{
				"LastValue": errOf(s.LastValue(t.Context())), "State": errOf(s.State(t.Context())), "NextValue": errOf(s.NextValue(t.Context())),
				"NextValues": errOf(s.NextValues(t.Context(), 3)), "NextBlock": errOf(s.NextBlock(t.Context())),
				"Lag": errOf(s.Lag(t.Context())), "CatchUp": errOf(s.CatchUp(t.Context())), "SetValue": s.SetValue(t.Context(), 5, true),
				"Reset": s.Reset(t.Context()), "ResetTo": s.ResetTo(t.Context(), 5), "Restart": s.Restart(t.Context()),
			} {
				if !errors.Is(err, massive.ErrNotFound) {
					t.Errorf("%s of a sequence that is a %s now: got %v, want ErrNotFound", op, kind, err)
				}
			}
			if _, err := e.load(t).Exhaustion(t.Context()); err != nil {
				t.Errorf("Exhaustion with a %s in its place: %v", kind, err)
			}
			same(t, "executions of functions of the "+kind, e.executions(t), 0)
			word := map[string]string{"view": "VIEW", "matview": "MATERIALIZED VIEW", "table": "TABLE"}[kind]
			exec(t, bad.as, "DROP "+word+" evil.s; CREATE SEQUENCE evil.s; ALTER TABLE evil.t ALTER id SET DEFAULT nextval('evil.s')")
		}
	})
}

// While an owner keeps swapping its sequence, and the table that draws on it, for views,
// no code of the views runs.
func TestSwapsOfRelationsRunNoCode(t *testing.T) {
	t.Parallel()
	onDrivers(t, "", func(t *testing.T, e *env) {
		d := 1500 * time.Millisecond
		if testrun.All() {
			d = 15 * time.Second
		}
		bad := e.attacker(t)
		exec(t, bad.as, `CREATE SEQUENCE evil.s; CREATE TABLE evil.t (id bigint PRIMARY KEY DEFAULT nextval('evil.s')); INSERT INTO evil.t VALUES (9);
			CREATE VIEW evil.s_other AS SELECT evil.hit() AS last_value, evil.sly() = 1 AS is_called, 1::oid AS tableoid;
			CREATE VIEW evil.t_other AS SELECT evil.sly() AS id, 1::oid AS tableoid`)
		e.executions(t)
		s := sequence(t, e.load(t, massive.WithKeySequences()), "evil.s")
		m := e.load(t)
		ctx, stop := context.WithTimeout(t.Context(), d)
		defer stop()
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				for _, text := range []string{
					"ALTER SEQUENCE evil.s RENAME TO s_real; ALTER VIEW evil.s_other RENAME TO s", "ALTER VIEW evil.s RENAME TO s_other; ALTER SEQUENCE evil.s_real RENAME TO s",
					"ALTER TABLE evil.t RENAME TO t_real; ALTER VIEW evil.t_other RENAME TO t", "ALTER VIEW evil.t RENAME TO t_other; ALTER TABLE evil.t_real RENAME TO t",
					fmt.Sprintf("SELECT setval('evil.s', %d, %t)", 1+i%20, i%3 == 0),
				} {
					if _, err := bad.as.ExecContext(t.Context(), text); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
		var mu sync.Mutex
		outcomes := map[string]int{}
		for name, op := range map[string]func() error{
			"LastValue": func() error { return errOf(s.LastValue(t.Context())) }, "State": func() error { return errOf(s.State(t.Context())) },
			"Lag": func() error { return errOf(s.Lag(t.Context())) }, "CatchUp": func() error { return errOf(s.CatchUp(t.Context())) },
			"Exhaustion": func() error { return errOf(m.Exhaustion(t.Context())) },
		} {
			wg.Go(func() {
				for ctx.Err() == nil {
					err := op()
					known := "done"
					for _, sentinel := range []error{massive.ErrNotFound, massive.ErrInvalid, massive.ErrBusy, massive.ErrDeadlock, massive.ErrUnsupported} {
						if errors.Is(err, sentinel) {
							known = sentinel.Error()
						}
					}
					if err != nil && known == "done" {
						t.Errorf("%s: %v", name, err)
						return
					}
					mu.Lock()
					outcomes[name+" "+known]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		t.Log(outcomes)
		same(t, "executions of the attacker's functions", e.executions(t), 0)
	})
}

// On a minor release that can't read safely by name, the library refuses to read
// relations of other roles.
func TestUnsafeMinorReleasesReadNoOtherRoles(t *testing.T) {
	t.Parallel()
	onDrivers(t, "CREATE SEQUENCE own; CREATE TABLE o (id int DEFAULT nextval('own')); INSERT INTO o VALUES (3)", func(t *testing.T, e *env) {
		safe := one[bool](t, e.pool, "SELECT current_setting('restrict_nonsystem_relation_kind', true) IS NOT NULL")
		bad := e.attacker(t)
		exec(t, bad.as, `CREATE SEQUENCE evil.s; CREATE TABLE evil.t (id int DEFAULT nextval('evil.s'))`)
		m := e.load(t)
		theirs, own := sequence(t, m, "evil.s"), sequence(t, m, "own")
		for _, err := range []error{errOf(theirs.LastValue(t.Context())), errOf(theirs.State(t.Context())), errOf(theirs.Lag(t.Context())), errOf(theirs.CatchUp(t.Context()))} {
			if safe && err != nil {
				t.Error(err)
			} else if !safe {
				mustBe(t, err, massive.ErrUnsupported, "minor release", "15.8")
			}
		}
		next(t, theirs)
		if last, err := theirs.LastValue(t.Context()); err != nil || last != 1 {
			t.Errorf("LastValue after NextValue in the session: got %d, %v, want 1", last, err)
		}
		lag, err := own.Lag(t.Context())
		noError(t, err)
		same(t, "lag of the caller's own sequence", lag.Furthest, 3)
	})
}
