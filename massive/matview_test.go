package massive_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

const dailySales = `
	CREATE TABLE orders (shop int, day date, total numeric);
	CREATE MATERIALIZED VIEW daily_sales AS SELECT shop, day, sum(total) AS total FROM orders GROUP BY shop, day;
	CREATE UNIQUE INDEX ON daily_sales (shop, day);
	INSERT INTO orders VALUES (1, '2026-01-01', 10), (1, '2026-01-01', 5), (2, '2026-01-02', 7);`

type sale struct {
	Shop  int
	Day   time.Time
	Total float64
}

func TestSelect(t *testing.T) {
	t.Parallel()
	onDrivers(t, dailySales+`REFRESH MATERIALIZED VIEW daily_sales; CREATE MATERIALIZED VIEW ids AS SELECT generate_series(1, 3) AS id`,
		func(t *testing.T, e *env) {
			m := e.load(t)
			e.onQueriers(t, func(t *testing.T, q massive.Querier) {
				v := matview(t, m.With(q), "daily_sales")
				day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
				check := func(rule string, got []sale, err error, want ...sale) {
					t.Helper()
					if err != nil {
						t.Fatalf("%s: %v", rule, err)
					}
					for i := range got {
						got[i].Day = got[i].Day.UTC()
					}
					equal(t, rule, got, want)
				}
				var sales []sale
				err := v.Select(t.Context(), &sales, "ORDER BY shop")
				check("all rows, ordered by the tail", sales, err, sale{1, day(1), 15}, sale{2, day(2), 7})
				err = v.Select(t.Context(), &sales, "WHERE total < $1 OR day > $2 ORDER BY day DESC LIMIT $3", 0, "2026-01-01", 1)
				check("arguments, into a slice with old rows", sales, err, sale{2, day(2), 7})
				var pointers []*sale
				if err := v.Select(t.Context(), &pointers, ""); err != nil || len(pointers) != 2 {
					t.Errorf("pointers to structs: got %v, error %v; want 2 rows", pointers, err)
				}
				var ids []int64
				err = matview(t, m.With(q), "ids").Select(t.Context(), &ids, "WHERE id <> 2 ORDER BY id DESC")
				if err != nil {
					t.Error(err)
				}
				equal(t, "plain values", ids, []int64{3, 1})

				err = v.Select(t.Context(), &[]struct{ Shop int }{}, "")
				if err == nil || !strings.HasPrefix(err.Error(), "massive: select from public.daily_sales: missing destination name day") {
					t.Errorf("a struct without a field for a column: got %v", err)
				}
				if err := v.Select(t.Context(), sales, ""); err == nil || !errors.Is(err, massive.ErrInvalid) {
					t.Errorf("a destination that is not a pointer: got %v, want ErrInvalid", err)
				}
			})
		})
}

// Select uses the Mapper and the Unsafe setting of sqlx's types.
func TestSelectThroughSqlx(t *testing.T) {
	t.Parallel()
	onDrivers(t, dailySales+`REFRESH MATERIALIZED VIEW daily_sales`, func(t *testing.T, e *env) {
		x := sqlx.NewDb(e.pool, e.driver)
		x.Mapper = reflectx.NewMapperFunc("json", strings.ToUpper)
		type tagged struct {
			Shop  int       `json:"shop"`
			When  time.Time `json:"day"`
			Total string    `json:"total"`
		}
		m := load(t, x)
		var rows []tagged
		noError(t, matview(t, m, "daily_sales").Select(t.Context(), &rows, "ORDER BY shop"))
		same(t, "rows with the mapper of a *sqlx.DB", fmt.Sprint(rows[0].Shop, " ", rows[0].Total, " ", rows[1].Total), "1 15 7")

		tx, err := x.Beginx()
		noError(t, err)
		defer tx.Rollback()
		exec(t, tx, "DELETE FROM orders WHERE shop = 1")
		v := matview(t, m.With(tx), "daily_sales")
		noError(t, errOf(v.Refresh(t.Context())))
		noError(t, v.Select(t.Context(), &rows, ""))
		same(t, "rows with the mapper of a *sqlx.Tx, in the transaction", fmt.Sprint(len(rows), rows[0].Shop), "1 2")

		conn, err := x.Connx(t.Context())
		noError(t, err)
		defer conn.Close()
		_ = tx.Rollback()
		if err := matview(t, m.With(conn), "daily_sales").Select(t.Context(), &rows, ""); err != nil || len(rows) != 2 {
			t.Errorf("through a *sqlx.Conn: got %v, error %v; want 2 rows", rows, err)
		}

		var some []struct {
			Shop int `json:"shop"`
		}
		if err := matview(t, m, "daily_sales").Select(t.Context(), &some, ""); err == nil {
			t.Error("a column without a field: got no error")
		}
		if err := matview(t, m.With(x.Unsafe()), "daily_sales").Select(t.Context(), &some, ""); err != nil || len(some) != 2 {
			t.Errorf("a struct without some columns, with Unsafe: got %v, error %v; want 2 rows", some, err)
		}
	})
}

// If a view was recreated without a loaded column, reading it is ErrNotFound. If only the
// caller's tail names an unknown column, the driver's error is returned.
func TestRecreatedViewIsNotFound(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE MATERIALIZED VIEW v AS SELECT 1 AS a, 2 AS b`, func(t *testing.T, e *env) {
		m := e.load(t)
		type row struct{ A, B int }
		var rows []row
		v := matview(t, m, "v")
		noError(t, v.Select(t.Context(), &rows, ""))
		exec(t, e.pool, `DROP MATERIALIZED VIEW v; CREATE MATERIALIZED VIEW v AS SELECT 3 AS c, 4 AS b, 5 AS a`)
		noError(t, v.Select(t.Context(), &rows, ""))
		equal(t, "rows, by column name", rows, []row{{5, 4}})
		exec(t, e.pool, `DROP MATERIALIZED VIEW v; CREATE MATERIALIZED VIEW v AS SELECT 3 AS c`)
		for what, op := range map[string]func(tail string) error{
			"Select": func(tail string) error { return v.Select(t.Context(), &rows, tail) },
			"Get":    func(tail string) error { return v.Get(t.Context(), &row{}, tail) },
			"Count":  func(tail string) error { _, err := v.Count(t.Context(), tail); return err },
			"Rows": func(tail string) error {
				for _, err := range massive.Rows[row](t.Context(), v, tail) {
					return err
				}
				return nil
			},
		} {
			for _, tail := range []string{"", "WHERE a = 1", "WHERE no_such = 1", "ORDER BY b"} {
				err := op(tail)
				mustBe(t, err, massive.ErrNotFound, "recreated or altered since it was loaded; Reload, and look it up again", `"a"`)
				same(t, what+" "+tail+": SQLSTATE", driverState(err), "42703")
			}
			// The server checks FROM before the columns.
			for _, tail := range []string{"JOIN pg_catalog.pg_class k ON k.a = 1", "CROSS JOIN (SELECT a FROM pg_catalog.pg_class) k"} {
				if err := op(tail); driverState(err) != "42703" || errors.Is(err, massive.ErrNotFound) {
					t.Errorf("%s %s: got %v, want the driver's error alone", what, tail, err)
				}
			}
		}
		changes, err := m.Reload(t.Context())
		noError(t, err)
		same(t, "changes of the reload", changes.String(),
			"materialized view public.v changed: recreated; columns [{a integer} {b integer}] → [{c integer}]")
		if err := matview(t, m, "v").Select(t.Context(), &[]int{}, ""); err != nil {
			t.Errorf("looked up again: %v", err)
		}
		exec(t, e.pool, `CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT c FROM (SELECT 1 AS d) x); END $$`)
		for _, tail := range []string{"WHERE no_such = 1", "WHERE v.a = 1", "WHERE c = 3 AND a = 1", "WHERE f() = 1"} {
			err := matview(t, m, "v").Select(t.Context(), &[]int{}, tail)
			if driverState(err) != "42703" || errors.Is(err, massive.ErrNotFound) {
				t.Errorf("%s: got %v, want the driver's error alone", tail, err)
			}
		}
		exec(t, e.pool, `ALTER MATERIALIZED VIEW v RENAME COLUMN c TO "Über, so"`)
		mustBe(t, matview(t, m, "v").Select(t.Context(), &[]int{}, ""), massive.ErrNotFound, "recreated or altered")
	})
}

// A wrong destination is refused before a query is sent. After an error the slice is
// empty.
func TestSelectChecksItsDestination(t *testing.T) {
	t.Parallel()
	type row struct{ N int64 }
	fake := sqltest.New(sqltest.Catalog{Matviews: []sqltest.Matview{{Name: "v", Rows: []row{{1}, {2}}}}})
	defer fake.DB().Close()
	m, err := massive.Load(t.Context(), fake.DB(), fake)
	noError(t, err)
	v := matview(t, m, "v")
	for _, dest := range []any{nil, []row{}, row{}, &row{}, (*[]row)(nil), 7} {
		mustBe(t, v.Select(t.Context(), dest, ""), massive.ErrInvalid, fmt.Sprintf("the destination is %T", dest))
	}
	fake.WantCalls(t)
	rows := []row{{7}, {8}, {9}}
	if err := v.Select(t.Context(), &rows, ""); err != nil || len(rows) != 2 || rows[0].N != 1 {
		t.Errorf("got %v, error %v; want rows 1 and 2", rows, err)
	}
	if err := v.Select(t.Context(), &rows, "a tail that nobody answers"); err == nil || len(rows) != 0 {
		t.Errorf("a tail that the fake refuses: got rows %v, error %v; want an error and no rows", rows, err)
	}
}
