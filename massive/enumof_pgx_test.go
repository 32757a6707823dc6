package massive_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/massivedb/massive-go/massive"
)

// An oddRow has both kinds of field.
type oddRow struct {
	One  massive.EnumOf[Odd]
	Many massive.EnumArrayOf[Odd]
}

// oddRows returns rows with every label, and with NULL in every place.
func oddRows() []oddRow {
	all := massive.EnumArray(Odd("").Labels()...)
	rows := []oddRow{{}, {Many: all}, {Many: massive.EnumArray[Odd]()}, {Many: massive.EnumArrayOf[Odd]{{}}}}
	for _, l := range Odd("").Labels() {
		rows = append(rows, oddRow{massive.EnumValue(l), massive.EnumArrayOf[Odd]{{}, massive.EnumValue(l), {}}})
	}
	return rows
}

// nativePool returns a pgxpool.Pool. If registered, the types are registered with pgx,
// and arrays travel in binary.
func (e *env) nativePool(t *testing.T, mode pgx.QueryExecMode, registered bool) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(e.DSN())
	noError(t, err)
	config.MaxConns = 2
	config.ConnConfig.DefaultQueryExecMode = mode
	if registered {
		config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
			types, err := c.LoadTypes(ctx, []string{"odd", "_odd"})
			c.TypeMap().RegisterTypes(types)
			return err
		}
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	noError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func TestEnumOfOverNativePgx(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "pgx")
	e.Exec(t, oddType)
	for mode := pgx.QueryExecModeCacheStatement; mode <= pgx.QueryExecModeSimpleProtocol; mode++ {
		for _, registered := range []bool{false, true} {
			name := fmt.Sprintf("%s, registered %t", mode, registered)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ctx := t.Context()
				pool := e.nativePool(t, mode, registered)
				table := fmt.Sprintf("t_%d_%t", mode, registered)
				e.Exec(t, "CREATE TABLE "+table+" (n serial, one odd, many odd[])")
				written := oddRows()
				for _, r := range written {
					if _, err := pool.Exec(ctx, "INSERT INTO "+table+" (one, many) VALUES ($1, $2)", r.One, r.Many); err != nil {
						t.Fatalf("write %+v: %v", r, err)
					}
				}
				read := func(rule string) {
					t.Helper()
					rows, err := pool.Query(ctx, "SELECT one, many FROM "+table+" ORDER BY n")
					noError(t, err)
					got, err := pgx.CollectRows(rows, pgx.RowToStructByName[oddRow])
					noError(t, err)
					if !reflect.DeepEqual(got, written) {
						t.Errorf("%s: read %+v, want %+v", rule, got, written)
					}
				}
				read("inserted")

				var values [][]any
				for _, r := range written {
					values = append(values, []any{r.One, r.Many})
				}
				e.Exec(t, "TRUNCATE "+table)
				n, err := pool.CopyFrom(ctx, pgx.Identifier{table}, []string{"one", "many"}, pgx.CopyFromRows(values))
				switch {
				case registered:
					noError(t, err)
					same(t, "copied", n, int64(len(written)))
					read("copied")
				case err == nil: // strings fail, too
					t.Error("pgx copies arrays of an unregistered type; the docs say that it doesn't")
				}

				var many massive.EnumArrayOf[Odd]
				mustBe(t, pool.QueryRow(ctx, "SELECT ARRAY['plain', 'unlisted']::odd[]").Scan(&many), massive.ErrLabelUnknown, `element 2 of 2: label unknown: "unlisted"`)
				mustBe(t, pool.QueryRow(ctx, "SELECT ARRAY[['plain'], ['null']]::odd[]").Scan(&many), massive.ErrInvalid, "several dimensions")
				noError(t, pool.QueryRow(ctx, "SELECT '[0:1]={plain,NULL}'::odd[]").Scan(&many))
				equal(t, "an array with bounds", many, massive.EnumArrayOf[Odd]{massive.EnumValue(Odd("plain")), {}})
				var plain []massive.EnumOf[Odd]
				if registered { // pgx then scans slices
					noError(t, pool.QueryRow(ctx, "SELECT ARRAY['plain', NULL]::odd[]").Scan(&plain))
					equal(t, "a slice", plain, many)
				}
				var one massive.EnumOf[Odd]
				mustBe(t, pool.QueryRow(ctx, "SELECT 'unlisted'::odd").Scan(&one), massive.ErrLabelUnknown)
				_, err = pool.Exec(ctx, "INSERT INTO "+table+" (one) VALUES ($1)", massive.EnumOf[Odd]{V: "plain"})
				mustBe(t, err, massive.ErrInvalid, "use EnumValue")
				_, err = pool.Exec(ctx, "INSERT INTO "+table+" (many) VALUES ($1)", massive.EnumArray("plain", Odd("PLAIN")))
				mustBe(t, err, massive.ErrLabelUnknown, `element 2 of 2`)
			})
		}
	}
}

// EnumOf works with database/sql over a pgxpool.Pool that registers the types.
func TestEnumOfOverPgxStdlibWithTypesRegistered(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "pgx")
	e.Exec(t, oddType+"; CREATE TABLE t (n serial, one odd, many odd[])")
	db := stdlib.OpenDBFromPool(e.nativePool(t, pgx.QueryExecModeCacheStatement, true))
	t.Cleanup(func() { db.Close() })
	written := oddRows()
	for _, r := range written {
		_, err := db.ExecContext(t.Context(), "INSERT INTO t (one, many) VALUES ($1, $2)", r.One, r.Many)
		noError(t, err)
	}
	rows, err := db.QueryContext(t.Context(), "SELECT one, many FROM t ORDER BY n")
	noError(t, err)
	defer rows.Close()
	var read []oddRow
	for rows.Next() {
		var r oddRow
		noError(t, rows.Scan(&r.One, &r.Many))
		read = append(read, r)
	}
	noError(t, rows.Err())
	if !reflect.DeepEqual(read, written) {
		t.Errorf("read %+v, want %+v", read, written)
	}
}
