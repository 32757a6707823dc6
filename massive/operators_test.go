package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

// strangeOperators makes operators in public, where in many databases everybody may make some: for each pair of types,
// and each name that the library's statements use, unless pg_catalog has one for exactly that pair. Where pg_catalog has
// none, such a one is what a statement finds under the usual search path, and its owner's function runs with the rights
// of whoever sent the statement. They are shells, operators without a function, which the server refuses when it parses a
// statement: so it need not come to the operator's row for a test to fail.
const strangeOperators = `
CREATE TEMPORARY TABLE types AS
  SELECT t.oid FROM pg_type t
   WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typelem = 0
      OR t.typname IN ('_text', '_name', '_oid', '_int2', '_int4', '_int8', '_char', '_regclass', '_regtype', 'int2vector', 'oidvector', 'record');
INSERT INTO pg_operator (oid, oprname, oprnamespace, oprowner, oprkind, oprcanmerge, oprcanhash, oprleft, oprright, oprresult,
                         oprcom, oprnegate, oprcode, oprrest, oprjoin)
SELECT 2000000000 + row_number() OVER (), o, 'public'::regnamespace, current_user::regrole, 'b', false, false, l.oid, r.oid,
       'boolean'::regtype, 0, 0, 0, 0, 0
  FROM unnest('{=,<>,<,>,<=,>=,+,-,*,/,%,||,#,|,&,<<,>>,~,~~,!~}'::name[]) o CROSS JOIN types l CROSS JOIN types r
 WHERE NOT EXISTS (SELECT FROM pg_operator p WHERE p.oprname = o AND p.oprleft = l.oid AND p.oprright = r.oid);`

// No statement of the library's finds an operator outside pg_catalog, whatever types it is for.
func TestOperatorsOfOthers(t *testing.T) {
	t.Parallel()
	onDrivers(t, `
		CREATE TABLE a (id serial PRIMARY KEY, n numeric DEFAULT nextval('a_id_seq'), f float8 DEFAULT nextval('a_id_seq'));
		INSERT INTO a (id, n, f) VALUES (100, 1, 1);
		CREATE MATERIALIZED VIEW v AS SELECT id FROM a; CREATE UNIQUE INDEX ON v (id); CREATE VIEW w AS SELECT id FROM v;
		CREATE MATERIALIZED VIEW x AS SELECT id FROM w;
		CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN feeling AS mood; CREATE TABLE m (m mood, ms mood[], f feeling, fs feeling[]); CREATE SEQUENCE fresh;
		COMMENT ON TYPE mood IS 'how'; GRANT USAGE ON SEQUENCE fresh TO PUBLIC;`,
		func(t *testing.T, e *env) {
			// What a connection has prepared already is not parsed once more.
			m := load(t, e.Open(t, e.driver), massive.KeySequences()).With(e.pool)
			q := e.conn(t)
			exec(t, q, strangeOperators)
			if _, err := q.ExecContext(t.Context(), "SELECT oid >= 1 FROM pg_class"); err == nil || !strings.Contains(err.Error(), "only a shell") {
				t.Fatalf("%v: where the operators of public are not found the test shows nothing", err)
			}
			for _, op := range everyOperation {
				if err := op.do(t.Context(), m, q); err != nil {
					t.Errorf("%s: %v", op.name, err)
				}
			}
		})
}

// everyOperation is whatever sends statements of the library's own, on what the test above has made.
var everyOperation = []struct {
	name string
	do   func(ctx context.Context, m *massive.DB, q massive.Querier) error
}{
	{"Load", func(ctx context.Context, _ *massive.DB, q massive.Querier) error {
		_, err := massive.Load(ctx, q, postgres.New(), massive.KeySequences())
		return err
	}},
	{"Load of a watch, with the session's temporary tables", func(ctx context.Context, _ *massive.DB, q massive.Querier) error {
		_, _, err := registry.LoadSeen(ctx, q, postgres.New(), registry.Selection{})
		return err
	}},
	{"Look, at all and then for less", func(ctx context.Context, _ *massive.DB, q massive.Querier) (err error) {
		for _, kinds := range [][]massive.Kind{nil, {massive.KindMatview}, {massive.KindEnum}, {massive.KindSequence}} {
			var seen dialect.Sight
			for range 4 {
				sel := registry.Selection{Filter: dialect.Filter{Kinds: kinds}}
				if seen, _, err = registry.Look(ctx, q, postgres.New(), sel, seen); err != nil {
					return err
				}
			}
		}
		return nil
	}},
	{"Watch", func(ctx context.Context, m *massive.DB, _ massive.Querier) (err error) {
		ctx, stop := context.WithTimeout(ctx, 200*time.Millisecond)
		defer stop()
		_ = m.Watch(ctx, 20*time.Millisecond, func(e massive.Event) { err = errors.Join(err, e.Err) })
		return err
	}},
	{"Reload", func(ctx context.Context, m *massive.DB, _ massive.Querier) error {
		_, err := m.Reload(ctx)
		return err
	}},
	{"Refresh", onView(func(ctx context.Context, v massive.Matview) error { return refreshed(v.Refresh(ctx)) })},
	{"Refresh, looking", onView(func(ctx context.Context, v massive.Matview) error {
		return refreshed(v.Refresh(ctx, massive.ConcurrentlyIfPossible(), massive.SkipIfBusy(), massive.LockTimeout(time.Minute)))
	})},
	{"Refresh, giving way", onView(func(ctx context.Context, v massive.Matview) error {
		return refreshed(v.Refresh(ctx, massive.SkipIfBusy()))
	})},
	{"Refresh, waiting so long", onView(func(ctx context.Context, v massive.Matview) error {
		return refreshed(v.Refresh(ctx, massive.Concurrently(), massive.LockTimeout(time.Minute)))
	})},
	{"RefreshAll, with savepoints", func(ctx context.Context, m *massive.DB, q massive.Querier) error {
		tx, err := q.(*sql.Conn).BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = m.With(tx).RefreshAll(ctx, massive.Savepoints(), massive.RefreshWith(massive.SkipIfBusy()))
		return errors.Join(err, tx.Commit())
	}},
	{"Definition", onView(func(ctx context.Context, v massive.Matview) error {
		_, err := v.Definition(ctx)
		return err
	})},
	{"Count", onView(func(ctx context.Context, v massive.Matview) error {
		_, err := v.Count(ctx, "")
		return err
	})},
	{"Select", onView(func(ctx context.Context, v massive.Matview) error { return v.Select(ctx, new([]int), "") })},
	{"Behind", onSequence(func(ctx context.Context, s massive.Sequence) error {
		_, err := s.Behind(ctx)
		return err
	})},
	{"CatchUp", onSequence(func(ctx context.Context, s massive.Sequence) error {
		moved, err := didMove(s.CatchUp(ctx))
		if err == nil && !moved {
			return errors.New("it was not behind")
		}
		return err
	})},
	{"NextValue", onSequence(func(ctx context.Context, s massive.Sequence) error {
		_, err := s.NextValue(ctx)
		return err
	})},
	{"NextValues", onSequence(func(ctx context.Context, s massive.Sequence) error {
		_, err := s.NextValues(ctx, 3)
		return err
	})},
	{"NextBlock", onSequence(func(ctx context.Context, s massive.Sequence) error {
		_, err := s.NextBlock(ctx)
		return err
	})},
	{"State", onSequence(func(ctx context.Context, s massive.Sequence) error {
		_, err := s.State(ctx)
		return err
	})},
	{"LastValue", onSequence(func(ctx context.Context, s massive.Sequence) error {
		_, err := s.LastValue(ctx)
		return err
	})},
	{"SetValue", onSequence(func(ctx context.Context, s massive.Sequence) error { return s.SetValue(ctx, 7, true) })},
	{"ResetTo", onSequence(func(ctx context.Context, s massive.Sequence) error { return s.ResetTo(ctx, 7) })},
	{"Restart", onSequence(func(ctx context.Context, s massive.Sequence) error { return s.Restart(ctx) })},
	{"Exhaustion", func(ctx context.Context, m *massive.DB, _ massive.Querier) error {
		x, err := m.Exhaustion(ctx, massive.AtLeast(0))
		if err == nil && len(x.Above)+len(x.Uncalled) != 2 {
			return fmt.Errorf("it tells of %v", x)
		}
		return err
	}},
	{"UsedBy", func(ctx context.Context, m *massive.DB, _ massive.Querier) error {
		e, err := m.Enum("mood")
		if err != nil {
			return err
		}
		columns, err := e.UsedBy(ctx)
		if err == nil && len(columns) != 4 {
			return fmt.Errorf("it tells of %v", columns)
		}
		return err
	}},
	{"AddValue, EnsureValue and RenameValue", func(ctx context.Context, m *massive.DB, _ massive.Querier) error {
		b, err := massive.BindEnum[string](m, "mood")
		if err != nil {
			return err
		}
		_, errNew := b.EnsureValue(ctx, "ok", massive.After("sad"))
		_, errOld := b.EnsureValue(ctx, "ok")
		return errors.Join(errNew, errOld, b.AddValue(ctx, "happy"), b.RenameValue(ctx, "happy", "glad"))
	}},
}

func refreshed(_ massive.RefreshResult, err error) error { return err }

func onView(f func(context.Context, massive.Matview) error) func(context.Context, *massive.DB, massive.Querier) error {
	return func(ctx context.Context, m *massive.DB, _ massive.Querier) error {
		v, err := m.Matview("v")
		if err != nil {
			return err
		}
		return f(ctx, v)
	}
}

func onSequence(f func(context.Context, massive.Sequence) error) func(context.Context, *massive.DB, massive.Querier) error {
	return func(ctx context.Context, m *massive.DB, _ massive.Querier) error {
		s, err := m.Sequence("a_id_seq")
		if err != nil {
			return err
		}
		return f(ctx, s)
	}
}
