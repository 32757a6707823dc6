package massive_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/massive"
)

// A preparer is any querier of database/sql.
type preparer interface {
	massive.Querier
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// preparing prepares each statement that it executes, as GORM's queriers do with
// PrepareStmt.
func preparing(ctx context.Context, q preparer, query string, args []any) (sql.Result, error) {
	stmt, err := q.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	return stmt.ExecContext(ctx, args...)
}

type preparedTx struct{ *sql.Tx }

func (p preparedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return preparing(ctx, p.Tx, query, args)
}

// preparedPool hides all methods of a pool but those of Querier.
type preparedPool struct{ massive.Querier }

func (p preparedPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return preparing(ctx, p.Querier.(preparer), query, args)
}

// A countingTx is a transaction of an unknown type that counts statements.
type countingTx struct {
	*sql.Tx
	statements *int
}

func (c countingTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	*c.statements++
	return c.Tx.ExecContext(ctx, query, args...)
}

// severalStatements has the operations that send several statements in one message.
var severalStatements = map[string]func(context.Context, *massive.DB) error{
	"Analyze":     refreshesV(massive.Analyze()),
	"LockTimeout": refreshesV(massive.LockTimeout(time.Minute)),
	"SkipIfBusy":  refreshesV(massive.SkipIfBusy()),
	"IfPossible":  refreshesV(massive.ConcurrentlyIfPossible()),
	"CatchUp": func(ctx context.Context, m *massive.DB) error {
		s, err := m.Sequence("keyed_id_seq")
		if err != nil {
			return err
		}
		_, err = s.CatchUp(ctx)
		return err
	},
	"EnsureValue": func(ctx context.Context, m *massive.DB) error {
		b, err := massive.BindEnum[string](m, "mood")
		if err != nil {
			return err
		}
		_, err = b.EnsureValue(ctx, "ok")
		return err
	},
}

func refreshesV(opts ...massive.RefreshOption) func(context.Context, *massive.DB) error {
	return func(ctx context.Context, m *massive.DB) error {
		v, err := m.Matview("v")
		if err != nil {
			return err
		}
		_, err = v.Refresh(ctx, opts...)
		return err
	}
}

const preparable = `CREATE TABLE t (id int); CREATE MATERIALIZED VIEW v AS SELECT 1 AS id; CREATE UNIQUE INDEX ON v (id); CREATE TYPE mood AS ENUM ('sad');
	CREATE TABLE keyed (id serial PRIMARY KEY); INSERT INTO keyed VALUES (7)`

// If a querier prepares each statement, operations of several statements are
// ErrUnsupported, and the transaction stays usable.
func TestPreparingQuerierIsRefused(t *testing.T) {
	t.Parallel()
	onDrivers(t, preparable, func(t *testing.T, e *env) {
		m := e.load(t, massive.WithKeySequences())
		for name, op := range severalStatements {
			tx := e.begin(t)
			exec(t, tx, "INSERT INTO t VALUES (1)")
			err := op(t.Context(), m.With(preparedTx{tx}))
			mustBe(t, err, massive.ErrUnsupported, "massive_test.preparedTx prepares each statement; pass the *sql.DB, *sql.Conn or *sql.Tx that it wraps")
			same(t, name+": SQLSTATE", driverState(err), "42601")
			if _, err := matview(t, m.With(preparedTx{tx}), "v").Refresh(t.Context()); err != nil {
				t.Errorf("%s: a plain refresh after the refusal: %v", name, err)
			}
			if err := op(t.Context(), m.With(tx)); err != nil {
				t.Errorf("%s: on the *sql.Tx after the refusal: %v", name, err)
			}
			same(t, name+": the transaction's rows", one[int](t, tx, "SELECT count(*) FROM t"), 1)
			if err := tx.Rollback(); err != nil {
				t.Errorf("%s: %v", name, err)
			}

			mustBe(t, op(t.Context(), m.With(preparedPool{e.pool})), massive.ErrUnsupported, "massive_test.preparedPool prepares each statement")
			if err := op(t.Context(), m); err != nil {
				t.Errorf("%s: on the *sql.DB: %v", name, err)
			}
			exec(t, e.pool, "DROP TYPE mood; CREATE TYPE mood AS ENUM ('sad')")
		}
	})
}

// So are runs with such options in a preparing transaction. Runs without them work.
func TestRunsInPreparingTransactions(t *testing.T) {
	t.Parallel()
	onDrivers(t, preparable+`; CREATE MATERIALIZED VIEW w AS SELECT 1 AS id`, func(t *testing.T, e *env) {
		tx := e.begin(t)
		m := e.load(t, massive.WithKeySequences()).With(preparedTx{tx})
		report, err := m.RefreshAll(t.Context(), massive.RefreshWith(massive.SkipIfBusy()), massive.Savepoints())
		mustBe(t, err, massive.ErrUnsupported)
		same(t, "failed", report.Count(massive.OutcomeFailed), 2)
		report, err = m.RefreshAll(t.Context(), massive.RefreshWith(massive.SkipIfBusy()))
		mustBe(t, err, massive.ErrUnsupported)
		same(t, "reason of the skipped view", report.Views[1].Reason, "the run stopped when public.v failed")
		if report, err = m.RefreshAll(t.Context(), massive.Savepoints()); err != nil || report.Count(massive.OutcomeRefreshed) != 2 {
			t.Errorf("without options: got %v, %v; want 2 refreshed", report, err)
		}
		noError(t, tx.Commit())
	})
}

// In a transaction of an unknown type, operations run between a savepoint and its
// release. In one of a known type they are one message.
func TestUnknownTransactionTypesWork(t *testing.T) {
	t.Parallel()
	onDrivers(t, preparable, func(t *testing.T, e *env) {
		m := e.load(t, massive.WithKeySequences())
		for name, op := range severalStatements {
			var statements int
			tx := e.begin(t)
			if err := op(t.Context(), m.With(countingTx{tx, &statements})); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			same(t, name+": statements", statements, 3)
			noError(t, tx.Rollback())
		}
		w, wired := e.wired(t, "sslmode=disable")
		far := wired.load(t, massive.WithKeySequences())
		x, err := sqlx.NewDb(wired.pool, wired.driver).BeginTxx(t.Context(), nil)
		noError(t, err)
		defer x.Rollback()
		for _, q := range []massive.Querier{x, x.Tx} {
			w.took()
			noError(t, severalStatements["LockTimeout"](t.Context(), far.With(q)))
			if run, _ := statements(w.took()); run != 1 {
				t.Errorf("%T: got %d messages, want 1", q, run)
			}
		}
	})
}

// A syntax error in the view's query aborts a transaction of an unknown type, too.
func TestUnknownTransactionTypesAbortOnErrors(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELEC 1'; RETURN 1; END $$;
		CREATE MATERIALIZED VIEW v AS SELECT broken() AS id WITH NO DATA`, func(t *testing.T, e *env) {
		m := e.load(t, massive.WithKeySequences())
		tx := e.begin(t)
		err := refreshesV(massive.LockTimeout(time.Minute))(t.Context(), m.With(wrappedTx{tx}))
		if driverState(err) != "42601" || errors.Is(err, massive.ErrUnsupported) {
			t.Errorf("a syntax error in the view's query: got %v, want only the driver's error", err)
		}
		_, err = matview(t, m.With(tx), "v").Refresh(t.Context())
		mustBe(t, err, massive.ErrTxAborted)
	})
}

// wrappedTx is a transaction of an unknown type.
type wrappedTx struct{ *sql.Tx }
