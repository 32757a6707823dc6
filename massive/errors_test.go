package massive_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

const failing = `
	CREATE MATERIALIZED VIEW no_index AS SELECT 1 AS a, 2 AS "B b"; CREATE UNIQUE INDEX partial ON no_index (a) WHERE a > 0;
	CREATE MATERIALIZED VIEW unpopulated AS SELECT 1 AS id WITH NO DATA; CREATE UNIQUE INDEX ON unpopulated (id);
	CREATE MATERIALIZED VIEW reads_unpopulated AS SELECT id FROM unpopulated WITH NO DATA;
	CREATE TABLE rows (id int); INSERT INTO rows VALUES (1);
	CREATE MATERIALIZED VIEW doubled AS SELECT id FROM rows; CREATE UNIQUE INDEX ON doubled (id);
	CREATE MATERIALIZED VIEW scalar AS SELECT (SELECT id FROM rows) AS id; CREATE UNIQUE INDEX ON scalar (id);
	INSERT INTO rows VALUES (1);
	CREATE MATERIALIZED VIEW plain AS SELECT 1 AS id; CREATE UNIQUE INDEX ON plain (id);
	CREATE MATERIALIZED VIEW to_drop AS SELECT 1 AS id; CREATE MATERIALIZED VIEW to_replace AS SELECT 1 AS id;
	CREATE SEQUENCE seq_to_drop; CREATE SEQUENCE seq_to_rename; CREATE SEQUENCE seq_to_replace;
	CREATE SEQUENCE s MAXVALUE 5; CREATE SCHEMA doomed; CREATE SEQUENCE doomed.s; CREATE MATERIALIZED VIEW doomed.v AS SELECT 1 AS id;`

const gone = `
	DROP MATERIALIZED VIEW to_drop; DROP MATERIALIZED VIEW to_replace; CREATE TABLE to_replace (id int);
	DROP SEQUENCE seq_to_drop; ALTER SEQUENCE seq_to_rename RENAME TO renamed; DROP SEQUENCE seq_to_replace; CREATE TABLE seq_to_replace ();
	DROP SCHEMA doomed CASCADE;`

// Each error of the server maps to one sentinel, over each driver and querier, with a
// text that helps.
func TestServerErrorsMapToOneSentinel(t *testing.T) {
	t.Parallel()
	refresh := func(name string, opts ...massive.RefreshOption) func(*testing.T, *massive.DB) error {
		return func(t *testing.T, m *massive.DB) error {
			_, err := matview(t, m, name).Refresh(t.Context(), opts...)
			return err
		}
	}
	read := func(name, tail string) func(*testing.T, *massive.DB) error {
		return func(t *testing.T, m *massive.DB) error {
			return matview(t, m, name).Select(t.Context(), &[]int{}, tail)
		}
	}
	definition := func(name string) func(*testing.T, *massive.DB) error {
		return func(t *testing.T, m *massive.DB) error {
			_, err := matview(t, m, name).Definition(t.Context())
			return err
		}
	}
	nextOf := func(name string) func(*testing.T, *massive.DB) error {
		return func(t *testing.T, m *massive.DB) error {
			_, err := sequence(t, m, name).NextValue(t.Context())
			return err
		}
	}
	lastOf := func(name string) func(*testing.T, *massive.DB) error {
		return func(t *testing.T, m *massive.DB) error {
			_, err := sequence(t, m, name).LastValue(t.Context())
			return err
		}
	}
	reset := func(name string) func(*testing.T, *massive.DB) error {
		return func(t *testing.T, m *massive.DB) error { return sequence(t, m, name).Reset(t.Context()) }
	}
	is := func(sentinel error) []error { return []error{sentinel} }
	cases := []struct {
		name  string
		op    func(*testing.T, *massive.DB) error
		want  []error
		state string // the SQLSTATE that errors.As must find
		says  string
	}{
		{"no unique index", refresh("no_index", massive.Concurrently()), is(massive.ErrNoUniqueIndex), "55000",
			`massive: refresh concurrently public.no_index: no usable unique index on plain columns, without WHERE; ` +
				`index partial can't be used: it is partial (it has a WHERE); create one, on fewer columns if they identify a row: ` +
				`CREATE UNIQUE INDEX ON "public"."no_index" ("a", "B b"): `},
		{"not populated, concurrently", refresh("unpopulated", massive.Concurrently()), is(massive.ErrNotPopulated), "0A000",
			"refresh it once without Concurrently"},
		{"not populated, select", read("unpopulated", ""), is(massive.ErrNotPopulated), "55000", "refresh it first"},
		{"reads a view that is not populated", refresh("reads_unpopulated"), is(massive.ErrNotPopulated), "55000", "first refresh the views that it reads"},
		{"duplicates, plain", refresh("doubled"), is(massive.ErrDuplicateRows), "23505", "rows that its unique index can't tell apart"},
		{"duplicates, concurrently", refresh("doubled", massive.Concurrently()), is(massive.ErrDuplicateRows), "21000", "rows that its unique index can't tell apart"},
		{"a query that fails, concurrently", refresh("scalar", massive.Concurrently()), nil, "21000", "massive: refresh concurrently public.scalar: "},
		{"a view dropped", refresh("to_drop"), is(massive.ErrNotFound), "42P01", "Reload, and look it up again"},
		{"a view dropped, concurrently", refresh("to_drop", massive.Concurrently()), is(massive.ErrNotFound), "42P01", "dropped, renamed or replaced"},
		{"a view dropped, read", read("to_drop", ""), is(massive.ErrNotFound), "42P01", "dropped, renamed or replaced"},
		{"a view dropped, definition", definition("to_drop"), is(massive.ErrNotFound), "42P01", "read the definition of public.to_drop"},
		{"a view that is a table now", refresh("to_replace"), is(massive.ErrNotFound), "", "dropped, renamed or replaced"},
		{"a view that is a table now, concurrently", refresh("to_replace", massive.Concurrently()), is(massive.ErrNotFound), "", "replaced"},
		{"a view that is a table now, definition", definition("to_replace"), is(massive.ErrNotFound), "", "replaced"},
		{"a schema dropped, refresh", refresh("doomed.v"), is(massive.ErrNotFound), "", "refresh doomed.v"},
		{"a schema dropped, read", read("doomed.v", ""), is(massive.ErrNotFound), "", "select from doomed.v"},
		{"a schema dropped, next", nextOf("doomed.s"), is(massive.ErrNotFound), "", "next value of doomed.s"},
		{"a tail that names what is missing", read("plain", "WHERE id IN (SELECT id FROM missing)"), nil, "42P01", `"missing" does not exist`},
		{"a tail with a mistake", read("plain", "WHRE id = 1"), nil, "42601", "massive: select from public.plain: "},
		{"a sequence dropped", nextOf("seq_to_drop"), is(massive.ErrNotFound), "42P01", "dropped, renamed or replaced"},
		{"a sequence renamed", nextOf("seq_to_rename"), is(massive.ErrNotFound), "42P01", "dropped, renamed or replaced"},
		{"a sequence renamed, last value", lastOf("seq_to_rename"), is(massive.ErrNotFound), "42P01", "dropped, renamed or replaced"},
		{"a sequence renamed, reset", reset("seq_to_rename"), is(massive.ErrNotFound), "42P01", "dropped, renamed or replaced"},
		{"a sequence that is a table now", nextOf("seq_to_replace"), is(massive.ErrNotFound), "42809", "replaced"},
		{"a sequence that is a table now, last value", lastOf("seq_to_replace"), is(massive.ErrNotFound), "42809", "replaced"},
		{"a sequence that is a table now, reset", reset("seq_to_replace"), is(massive.ErrNotFound), "42809", "replaced"},
	}
	onDrivers(t, failing, func(t *testing.T, e *env) {
		m := e.load(t)
		exec(t, e.pool, gone)
		check := func(t *testing.T, m *massive.DB, name string, op func(*testing.T, *massive.DB) error, want []error, state, says string) {
			t.Helper()
			err := op(t, m)
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: got %v, want %q", name, err, says)
				return
			}
			var is []error
			for _, sentinel := range sentinels {
				if errors.Is(err, sentinel) {
					is = append(is, sentinel)
				}
			}
			if fmt.Sprint(is) != fmt.Sprint(want) {
				t.Errorf("%s: error %v matches %q, want only %q", name, err, is, want)
			}
			if got := driverState(err); state != "" && got != state {
				t.Errorf("%s: got SQLSTATE %q, want %q: %v", name, got, state, err)
			}
			var ours *massive.Error
			if !errors.As(err, &ours) || ours.Name == (dialect.Name{}) || ours.Op == "" {
				t.Errorf("%s: error %v does not name operation and structure", name, err)
			}
		}
		for _, c := range cases {
			check(t, m, c.name+" on DB", c.op, c.want, c.state, c.says)
			conn := e.conn(t)
			check(t, m.With(conn), c.name+" on Conn", c.op, c.want, c.state, c.says)
			noError(t, conn.Close())
			tx := e.begin(t)
			check(t, m.With(tx), c.name+" on Tx", c.op, c.want, c.state, c.says)
			if driverState(c.op(t, m)) != "" {
				check(t, m.With(tx), "after: "+c.name, lastOf("s"), is(massive.ErrTxAborted), "25P02", "roll it back")
			}
			noError(t, tx.Rollback())
		}
	})
}

// sentinels has every sentinel, to check that an error matches no other.
var sentinels = []error{
	massive.ErrInvalid, massive.ErrNotFound, massive.ErrUnsupported, massive.ErrPermission, massive.ErrReadOnly,
	massive.ErrNotPopulated, massive.ErrNoUniqueIndex, massive.ErrDuplicateRows, massive.ErrBusy, massive.ErrDeadlock,
	massive.ErrServerTimeout, massive.ErrTxAborted, massive.ErrExhausted, massive.ErrOutOfRange, massive.ErrLabelExists,
	massive.ErrLabelUnknown, context.Canceled, context.DeadlineExceeded,
}

// driverState returns the SQLSTATE of the driver's error in err.
func driverState(err error) string {
	var pgxError *pgconn.PgError
	if errors.As(err, &pgxError) {
		return pgxError.Code
	}
	var pqError *pq.Error
	if errors.As(err, &pqError) {
		return string(pqError.Code)
	}
	return ""
}

func TestPermissionErrors(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW v AS SELECT 1 AS id; CREATE SEQUENCE s; CREATE SCHEMA shut; CREATE SEQUENCE shut.s`,
		func(t *testing.T, e *env) {
			_, as := e.role(t, "")
			m := load(t, as)
			_, errRefresh := matview(t, m, "v").Refresh(t.Context())
			_, errNext := sequence(t, m, "s").NextValue(t.Context())
			_, errLast := sequence(t, m, "s").LastValue(t.Context())
			_, errShut := sequence(t, m, "shut.s").NextValue(t.Context())
			for says, err := range map[string]error{
				"massive: refresh public.v: permission denied: the role must be its owner or, from PostgreSQL 17, have MAINTAIN": errRefresh,
				"have USAGE or UPDATE on it":         errNext,
				"last value of public.s: permission": errLast,
				"and have USAGE on its schema":       errShut,
				"the role must be its owner":         sequence(t, m, "s").Reset(t.Context()),
				"select from public.v: permission":   matview(t, m, "v").Select(t.Context(), &[]int{}, ""),
			} {
				mustBe(t, err, massive.ErrPermission, says)
				state := "42501"
				if strings.HasPrefix(says, "last value") && one[int](t, e.pool, "SELECT current_setting('server_version_num')::int") >= 180000 {
					state = "" // the server returns NULL, and the library checks the privilege
				}
				same(t, "SQLSTATE of "+says, driverState(err), state)
			}
		})
}

// The caller's context ends an operation and its query on the server, with every driver.
func TestContextEndsAnOperation(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW slow AS SELECT 1 AS id FROM `+gated, func(t *testing.T, e *env) {
		m := e.load(t)
		e.gate(t)
		for name, c := range map[string]struct {
			ctx  func() (context.Context, context.CancelFunc)
			want error
		}{
			"cancelled": {func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					defer cancel()
					e.waitForRefresh(t)
				}()
				return ctx, cancel
			}, context.Canceled},
			"timed out": {func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 200*time.Millisecond)
			}, context.DeadlineExceeded},
		} {
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				ctx, cancel := c.ctx()
				defer cancel()
				_, err := matview(t, m.With(q), "slow").Refresh(ctx)
				mustBe(t, err, c.want, "massive: refresh public.slow: ")
				if errors.Is(err, massive.ErrServerTimeout) {
					t.Errorf("%s: got ErrServerTimeout for a context that ended: %v", name, err)
				}
				eventually(t, e.pool, "the server's query is gone", `SELECT NOT EXISTS (SELECT FROM pg_stat_activity
					WHERE datname = current_database() AND state = 'active' AND query LIKE 'REFRESH%')`)
				eventually(t, e.pool, "no lock on the view is left", `SELECT NOT EXISTS (SELECT FROM pg_locks
					WHERE relation = 'slow'::regclass)`)
			})
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := massive.Load(ended, e.pool, postgres.New())
		mustBe(t, err, context.Canceled, "massive: load: ")
	})
}
