package massive_test

import (
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
)

const readable = dailySales + `
	REFRESH MATERIALIZED VIEW daily_sales;
	CREATE MATERIALIZED VIEW ids AS SELECT generate_series(1, 3) AS id;
	CREATE MATERIALIZED VIEW times AS SELECT timestamptz '2026-01-01 00:00Z' AS at;
	CREATE MATERIALIZED VIEW empty AS SELECT 1 AS id WITH NO DATA;
	CREATE MATERIALIZED VIEW failing AS SELECT g AS id FROM generate_series(0, 1000) g;`

func TestGetAndCount(t *testing.T) {
	t.Parallel()
	onDrivers(t, readable, func(t *testing.T, e *env) {
		m := e.load(t)
		e.onQueriers(t, func(t *testing.T, q massive.Querier) {
			m := m.With(q)
			v, ids := matview(t, m, "daily_sales"), matview(t, m, "ids")
			var got sale
			if err := v.Get(t.Context(), &got, "WHERE shop = $1", 2); err != nil || got.Shop != 2 || got.Total != 7 {
				t.Errorf("Get: got %v, error %v", got, err)
			}
			var p *sale
			if err := v.Get(t.Context(), &p, "ORDER BY shop"); err != nil || p == nil || p.Shop != 1 {
				t.Errorf("Get into a pointer: got %v, error %v", p, err)
			}
			var id int64
			if err := ids.Get(t.Context(), &id, "ORDER BY id DESC"); err != nil || id != 3 {
				t.Errorf("Get of the first of several: got %d, error %v", id, err)
			}
			var at time.Time
			if err := matview(t, m, "times").Get(t.Context(), &at, ""); err != nil || at.Year() != 2026 {
				t.Errorf("Get of a time: got %v, error %v", at, err)
			}
			err := v.Get(t.Context(), &got, "WHERE shop = 9")
			mustBe(t, err, sql.ErrNoRows, "massive: select from public.daily_sales: ")
			for _, dest := range []any{nil, got, (*sale)(nil)} {
				mustBe(t, v.Get(t.Context(), dest, ""), massive.ErrInvalid, "public.daily_sales", "pointer")
			}

			for tail, want := range map[string]int64{"": 3, "WHERE id > $1": 2, "WHERE id > $1 ORDER BY 1 LIMIT 1 -- the first": 1} {
				var args []any
				if tail != "" {
					args = append(args, 1)
				}
				n, err := ids.Count(t.Context(), tail, args...)
				if err != nil || n != want {
					t.Errorf("Count(%q): got %d, error %v; want %d", tail, n, err, want)
				}
			}
			if _, ok := q.(*sql.Tx); ok {
				return // the next errors would abort it
			}
			mustBe(t, matview(t, m, "empty").Get(t.Context(), &id, ""), massive.ErrNotPopulated, "select from public.empty")
			_, err = matview(t, m, "empty").Count(t.Context(), "")
			mustBe(t, err, massive.ErrNotPopulated, "count the rows of public.empty")
		})
	})
}

// collect returns all rows of a loop.
func collect[T any](t *testing.T, v massive.Matview, tail string, args ...any) ([]T, error) {
	t.Helper()
	var all []T
	for row, err := range massive.Rows[T](t.Context(), v, tail, args...) {
		if err != nil {
			return all, err
		}
		all = append(all, row)
	}
	return all, nil
}

func TestRows(t *testing.T) {
	t.Parallel()
	onDrivers(t, readable, func(t *testing.T, e *env) {
		m := e.load(t)
		e.onQueriers(t, func(t *testing.T, q massive.Querier) {
			m := m.With(q)
			ids, err := collect[int64](t, matview(t, m, "ids"), "WHERE id <> $1 ORDER BY id DESC", 2)
			if err != nil {
				t.Error(err)
			}
			equal(t, "plain values", ids, []int64{3, 1})
			sales, err := collect[sale](t, matview(t, m, "daily_sales"), "ORDER BY shop")
			if err != nil || len(sales) != 2 || sales[0].Total != 15 || sales[1].Total != 7 {
				t.Errorf("structs: got %v, error %v", sales, err)
			}
			pointers, err := collect[*sale](t, matview(t, m, "daily_sales"), "ORDER BY shop")
			if err != nil || len(pointers) != 2 || pointers[0] == pointers[1] || pointers[1].Total != 7 {
				t.Errorf("pointers to structs: got %v, error %v", pointers, err)
			}
			nulls, err := collect[sql.NullInt64](t, matview(t, m, "ids"), "ORDER BY id")
			if err != nil || len(nulls) != 3 || nulls[2] != (sql.NullInt64{Int64: 3, Valid: true}) {
				t.Errorf("scanners: got %v, error %v", nulls, err)
			}
			again := massive.Rows[int64](t.Context(), matview(t, m, "ids"), "LIMIT 1")
			for range 2 {
				n := 0
				for _, err := range again {
					if err != nil {
						t.Error(err)
					}
					n++
				}
				same(t, "rows of a loop that runs twice", n, 1)
			}
			// A wrong row type is an error and leaves the querier usable.
			_, err = collect[struct{ Shop int }](t, matview(t, m, "daily_sales"), "")
			if err == nil || errors.Is(err, massive.ErrInvalid) {
				t.Errorf("a struct without a field for a column: got %v", err)
			}
			same(t, "the querier still works", one[int](t, q, "SELECT 1"), 1)
			for _, err := range massive.Rows[int64](t.Context(), nil, "") {
				mustBe(t, err, massive.ErrInvalid)
			}
			got, err := collect[int64](t, matview(t, m, "failing"), "WHERE 10 / (900 - id) > -20 ORDER BY id")
			if err == nil || driverState(err) != "22012" {
				t.Errorf("an error among the rows: got %d rows and error %v", len(got), err)
			}
		})
		_, err := collect[int64](t, matview(t, m, "empty"), "")
		mustBe(t, err, massive.ErrNotPopulated, "select from public.empty")
	})
}

// A loop that ends early closes its connection on a pool, and keeps it on a Conn or Tx.
func TestRowsThatEndEarly(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW big AS SELECT g AS id, repeat('x', 500) AS filler FROM generate_series(1, 30000) g`,
		func(t *testing.T, e *env) {
			type row struct {
				ID     int64
				Filler string
			}
			m := e.load(t)
			pid := func(q massive.Querier) int { return one[int](t, q, "SELECT pg_backend_pid()") }
			early := func(q massive.Querier) {
				for r, err := range massive.Rows[row](t.Context(), matview(t, m.With(q), "big"), "") {
					if err != nil {
						t.Error(err)
					}
					if r.ID == 10 {
						break
					}
				}
			}
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				if q == massive.Querier(e.pool) {
					return
				}
				before := pid(q)
				early(q)
				same(t, "backend after the break", pid(q), before)
				if n, err := matview(t, m.With(q), "big").Count(t.Context(), ""); err != nil || n != 30_000 {
					t.Errorf("count after the break: got %d, error %v", n, err)
				}
			})
			e.pool.SetMaxOpenConns(1)
			before := pid(e.pool)
			early(e.pool)
			if pid(e.pool) == before {
				t.Error("the pool kept the connection, so that the rest was read")
			}
			func() {
				defer func() { same(t, "panic", fmt.Sprint(recover()), "out") }()
				for range massive.Rows[row](t.Context(), matview(t, m, "big"), "") {
					panic("out")
				}
			}()
			same(t, "connections in use", e.pool.Stats().InUse, 0)
		})
}

// A loop needs constant memory. The test is not parallel, since it measures the heap.
func TestRowsInConstantMemory(t *testing.T) { //nolint:paralleltest // see above
	testrun.Long(t)
	const rows, bytes, bound = 300_000, 500, 8 << 20
	inUse := func() int64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	for _, driver := range []string{"postgres", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			e := newEnv(t, driver)
			e.Exec(t, fmt.Sprintf("CREATE MATERIALIZED VIEW big AS SELECT g AS id, repeat('x', %d) AS filler FROM generate_series(1, %d) g", bytes, rows))
			m := e.load(t)
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				v := matview(t, m.With(q), "big")
				before, most, n := inUse(), int64(0), 0
				for row, err := range massive.Rows[struct {
					ID     int64
					Filler string
				}](t.Context(), v, "") {
					if err != nil || len(row.Filler) != bytes {
						t.Fatal(row, err)
					}
					if n++; n%30_000 == 0 {
						most = max(most, inUse()-before)
					}
				}
				same(t, "rows", n, rows)
				if most > bound {
					t.Errorf("%d kB of rows: got %d kB of memory, want at most %d", rows*bytes>>10, most>>10, bound>>10)
				}
				t.Logf("%d MB of rows took %d kB of memory", rows*bytes>>20, most>>10)
			})
		})
	}
}

// Get and Rows use the Mapper of sqlx's types, too.
func TestRowsThroughSqlx(t *testing.T) {
	t.Parallel()
	onDrivers(t, readable, func(t *testing.T, e *env) {
		x := sqlx.NewDb(e.pool, e.driver)
		x.Mapper = reflectx.NewMapper("json")
		type tagged struct {
			Shop  int       `json:"shop"`
			When  time.Time `json:"day"`
			Total string    `json:"total"`
		}
		v := matview(t, load(t, x), "daily_sales")
		rows, err := collect[tagged](t, v, "ORDER BY shop")
		if err != nil || len(rows) != 2 || rows[1].Total != "7" {
			t.Errorf("got rows %v, error %v", rows, err)
		}
		var row tagged
		if err := v.Get(t.Context(), &row, "ORDER BY shop"); err != nil || row.Total != "15" {
			t.Errorf("got row %v, error %v", row, err)
		}
	})
}
