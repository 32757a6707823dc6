package main

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// The tests of this file hold the claims of docs/pgx.md.

const schema = `CREATE TABLE orders (day text, total int);
	CREATE MATERIALIZED VIEW daily_sales AS SELECT day, sum(total) AS total FROM orders GROUP BY day;
	CREATE SCHEMA shop; CREATE SEQUENCE shop.invoice_no;`

// open returns a pool for a new database. Settings are added to its DSN.
func open(t *testing.T, settings string, configure ...func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	database := pgtest.NewDatabase(t)
	database.Exec(t, schema)
	config, err := pgxpool.ParseConfig(database.DSN() + " " + settings)
	noError(t, err)
	for _, f := range configure {
		f(config)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	noError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func count(t *testing.T, db *massive.DB) int64 {
	t.Helper()
	sales, err := db.Matview("daily_sales")
	noError(t, err)
	n, err := sales.Count(t.Context(), "")
	noError(t, err)
	return n
}

func TestProgram(t *testing.T) {
	t.Parallel()
	database := pgtest.NewDatabase(t)
	database.Exec(t, schema)
	var out strings.Builder
	noError(t, run(t.Context(), &out, database.DSN()))
	same(t, "output", out.String(), "3 rows copied, public.daily_sales refreshed\n[monday 5 tuesday 70]\n")
	if err := run(t.Context(), &out, "host=/nowhere"); err == nil {
		t.Error("without a server: got no error")
	}
}

func TestNativeTypesAreNoQueriers(t *testing.T) {
	t.Parallel()
	querier := reflect.TypeFor[massive.Querier]()
	for _, native := range []reflect.Type{
		reflect.TypeFor[pgx.Tx](), reflect.TypeFor[*pgx.Conn](), reflect.TypeFor[*pgxpool.Pool](), reflect.TypeFor[*pgxpool.Conn](),
		reflect.TypeFor[*pgxpool.Tx](),
	} {
		same(t, native.String()+" is a querier", native.Implements(querier), false)
	}
}

// The copied rows and the refresh are one transaction.
func TestImportIsOneTransaction(t *testing.T) {
	t.Parallel()
	pool := open(t, "")
	sqlDB := stdlib.OpenDBFromPool(pool)
	defer sqlDB.Close()
	db, err := massive.Load(t.Context(), sqlDB, postgres.New())
	noError(t, err)
	noError(t, importOrders(t.Context(), io.Discard, sqlDB, db, [][]any{{"monday", 5}}))
	same(t, "days", count(t, db), 1)
	_, err = pool.Exec(t.Context(), "CREATE UNIQUE INDEX ON daily_sales (total)")
	noError(t, err)
	err = importOrders(t.Context(), io.Discard, sqlDB, db, [][]any{{"tuesday", 5}})
	if err == nil {
		t.Fatal("a refresh that violates the index succeeded")
	}
	var orders int
	noError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM orders").Scan(&orders))
	same(t, "orders after the failure", orders, 1)
}

// An operation on another connection does not see the changes of a pgx.Tx, and waits for
// its locks.
func TestOperationsNextToANativeTransaction(t *testing.T) {
	t.Parallel()
	pool := open(t, "")
	sqlDB := stdlib.OpenDBFromPool(pool)
	defer sqlDB.Close()
	db, err := massive.Load(t.Context(), sqlDB, postgres.New())
	noError(t, err)
	sales, err := db.Matview("daily_sales")
	noError(t, err)
	native, err := pool.Begin(t.Context())
	noError(t, err)
	_, err = native.Exec(t.Context(), "INSERT INTO orders VALUES ('monday', 5)")
	noError(t, err)
	_, err = sales.Refresh(t.Context())
	noError(t, err)
	same(t, "days before the commit", count(t, db), 0)
	_, err = native.Exec(t.Context(), "REFRESH MATERIALIZED VIEW daily_sales")
	noError(t, err)
	if _, err := sales.Refresh(t.Context(), massive.LockTimeout(20*time.Millisecond)); !errors.Is(err, massive.ErrBusy) {
		t.Errorf("a refresh during that of the pgx.Tx: got %v, want ErrBusy", err)
	}
	noError(t, native.Commit(t.Context()))
	same(t, "days after the commit", count(t, db), 1)
}

// During Raw, an operation on the same connection waits.
func TestOperationDuringRawWaits(t *testing.T) {
	t.Parallel()
	sqlDB := stdlib.OpenDBFromPool(open(t, ""))
	defer sqlDB.Close()
	db, err := massive.Load(t.Context(), sqlDB, postgres.New())
	noError(t, err)
	conn, err := sqlDB.Conn(t.Context())
	noError(t, err)
	defer conn.Close()
	sales, err := db.With(conn).Matview("daily_sales")
	noError(t, err)
	done := make(chan error, 1)
	noError(t, conn.Raw(func(any) error {
		go func() {
			_, err := sales.Count(context.Background(), "")
			done <- err
		}()
		select {
		case err := <-done:
			t.Errorf("an operation during Raw ended, with error %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		return nil
	}))
	noError(t, <-done)
}

// The *sql.DB keeps no connection of the pool, unless SetMaxIdleConns says so.
func TestBothShareThePool(t *testing.T) {
	t.Parallel()
	pool := open(t, "pool_max_conns=1")
	sqlDB := stdlib.OpenDBFromPool(pool)
	defer sqlDB.Close()
	db, err := massive.Load(t.Context(), sqlDB, postgres.New())
	noError(t, err)
	count(t, db)
	same(t, "connections in use after an operation", pool.Stat().AcquiredConns(), 0)
	same(t, "connections", pool.Stat().TotalConns(), 1)

	held, err := pool.Acquire(t.Context())
	noError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	sales, err := db.Matview("daily_sales")
	noError(t, err)
	if _, err := sales.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an operation without a free connection: got %v, want DeadlineExceeded", err)
	}
	held.Release()
	count(t, db)

	sqlDB.SetMaxIdleConns(1)
	count(t, db)
	same(t, "connections in use after SetMaxIdleConns(1)", pool.Stat().AcquiredConns(), 1)
}

// SetMaxOpenConns leaves the pool's other connections to pgx.
func TestMaxOpenConnsLimitsMassive(t *testing.T) {
	t.Parallel()
	pool := open(t, "pool_max_conns=2")
	sqlDB := stdlib.OpenDBFromPool(pool)
	defer sqlDB.Close()
	sqlDB.SetMaxOpenConns(1)
	db, err := massive.Load(t.Context(), sqlDB, postgres.New())
	noError(t, err)
	conn, err := sqlDB.Conn(t.Context())
	noError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := db.Reload(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second connection for massive: got %v, want DeadlineExceeded", err)
	}
	noError(t, pool.Ping(t.Context()))
	noError(t, conn.Close())
}

// The pool's settings and hooks apply to massive's statements.
func TestSettingsOfThePoolApply(t *testing.T) {
	t.Parallel()
	for mode, prepares := range map[string]bool{"cache_statement": true, "exec": false} {
		pool := open(t, "pool_max_conns=1 search_path=shop default_query_exec_mode="+mode, func(c *pgxpool.Config) {
			c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, "SET application_name = 'shop'")
				return err
			}
		})
		sqlDB := stdlib.OpenDBFromPool(pool)
		defer sqlDB.Close()
		db, err := massive.Load(t.Context(), sqlDB, postgres.New())
		noError(t, err)
		numbers, err := db.Sequence("invoice_no")
		noError(t, err)
		_, err = numbers.NextValue(t.Context())
		noError(t, err)
		var application string
		noError(t, sqlDB.QueryRowContext(t.Context(), "SHOW application_name").Scan(&application))
		same(t, "application_name", application, "shop")
		var prepared bool
		noError(t, pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE statement LIKE '%nextval%')").Scan(&prepared))
		same(t, "NextValue is prepared with "+mode, prepared, prepares)
	}
}

// Closing the *sql.DB leaves the pool open. Closing the pool waits for open transactions.
func TestClosingOrder(t *testing.T) {
	t.Parallel()
	pool := open(t, "")
	sqlDB := stdlib.OpenDBFromPool(pool)
	db, err := massive.Load(t.Context(), sqlDB, postgres.New())
	noError(t, err)
	noError(t, sqlDB.Close())
	noError(t, pool.Ping(t.Context()))
	_, err = db.Reload(t.Context())
	if err == nil {
		t.Error("an operation after Close succeeded")
	}

	sqlDB = stdlib.OpenDBFromPool(pool)
	defer sqlDB.Close()
	tx, err := sqlDB.BeginTx(t.Context(), nil)
	noError(t, err)
	db = db.With(sqlDB)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		pool.Close()
	}()
	select {
	case <-closed:
		t.Error("pool.Close returned while a transaction was open")
	case <-time.After(20 * time.Millisecond):
	}
	noError(t, tx.Rollback())
	<-closed
	_, err = db.Reload(t.Context())
	if err == nil {
		t.Error("an operation after the pool's Close succeeded")
	}
}
