package massive_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// samples has a value of each type, the largest one if fields of different sizes exist.
var samples = map[string]string{
	"smallint": "32767", "integer": "2147483647", "bigint": "9223372036854775807", "numeric": "1.5", "numeric(10,2)": "1.5",
	"real": "1.5", "double precision": "1.5", "boolean": "true", "text": "sad", "character varying(9)": "sad",
	"character(3)": "sad", "json": `"x"`, "jsonb": `"x"`, "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "bytea": `\x00ff`,
	"date": "2026-03-01", "timestamp without time zone": "2026-03-01 12:00", "timestamp(3) with time zone": "2026-03-01 12:00+00",
	"interval": "1 day", "inet": "127.0.0.1", "cidr": "127.0.0.0/8", "xml": "<a/>", "text[]": "{a,b}", "integer[]": "{1,2}",
}

type (
	code int32
	raw  []byte
)

// CheckColumn accepts a field exactly if at least one driver reads the column into it.
func TestCheckColumnAgreesWithTheDrivers(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "pgx")
	pools := map[string]*sql.DB{"lib/pq": e.Open(t, "postgres"), "pgx": e.pool}
	checker := postgres.New()
	for column, sample := range samples {
		query := fmt.Sprintf("SELECT '%s'::%s", sample, column)
		for _, field := range []reflect.Type{
			reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
			reflect.TypeFor[uint8](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[code](),
			reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[Mood](),
			reflect.TypeFor[[]byte](), reflect.TypeFor[raw](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[time.Time](),
			reflect.TypeFor[[]string](), reflect.TypeFor[[]int64](), reflect.TypeFor[map[string]string](), reflect.TypeFor[[3]byte](),
			reflect.TypeFor[struct{ X int }](), reflect.TypeFor[complex128](),
		} {
			var read []string
			for name, pool := range pools {
				if err := pool.QueryRowContext(t.Context(), query).Scan(reflect.New(field).Interface()); err == nil {
					read = append(read, name)
				}
			}
			if why, known, err := checker.CheckColumn(column, field); err != nil || !known || (why == "") != (len(read) > 0) {
				t.Errorf("%s into %s: CheckColumn returns %q, known %t, and drivers %v read it", column, field, why, known, read)
			}
		}
	}
}

type money struct{ Amount, Currency string }

// A Base is embedded in Daily.
type Base struct {
	Day time.Time
}

// A Daily is a row of the view daily.
type Daily struct {
	Base
	Shop   string          `db:"shop_name"`
	Total  sql.NullFloat64 // a scanner
	Orders *int64          // NULL or not
	Mood   Mood            // an enum
	Price  money           // price.amount, price.currency
	Tags   any
	When   sql.Null[string] `db:"when"`
	Ours   string           `db:"-"`
	own    string
}

const daily = `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE MATERIALIZED VIEW daily AS SELECT 'x'::text AS shop_name,
	date '2026-03-01' AS day, 1.5::numeric(10,2) AS total, 3::bigint AS orders, 'sad'::mood AS mood, '1' AS "price.amount", '2' AS "price.currency",
	'{a}'::text[] AS tags, 'noon'::text AS "when"`

func TestRowsAreExpected(t *testing.T) {
	t.Parallel()
	onDrivers(t, daily+`; CREATE MATERIALIZED VIEW one AS SELECT 1::bigint AS n; CREATE MATERIALIZED VIEW again AS SELECT * FROM daily`, func(t *testing.T, e *env) {
		ctx := t.Context()
		_ = Daily{own: ""}
		m := e.load(t, massive.Expect(massive.RowsAre[Daily]("daily"), massive.RowsAre[*Daily]("public.daily"),
			massive.RowsAre[int64]("one"), massive.RowsAre[sql.NullInt64]("one"), massive.RowsAre[struct{ N int }]("one")))
		v, err := m.Matview("daily")
		noError(t, err)
		var rows []Daily
		noError(t, v.Select(ctx, &rows, ""))
		same(t, "read", fmt.Sprint(len(rows), rows[0].Day.Year(), rows[0].Shop, rows[0].Total.Float64, *rows[0].Orders, rows[0].Mood,
			rows[0].Price, rows[0].When.V), "1 2026x1.5 3sad{1 2}noon")

		type other struct {
			Name   string `db:"shop_name"`
			Day    string
			Total  int64
			Orders int32
			Mood   int
			Price  money
			Gone   bool
			Later  sql.NullTime
			Tags   []string
		}
		// Not m, whose own expectations would contradict these.
		free := e.load(t)
		err = free.Verify(ctx, massive.RowsAre[other]("daily"), massive.RowsAre[int32]("one"), massive.RowsAre[int64]("again"), massive.RowsAre[Daily]("dally"))
		mustBe(t, err, massive.ErrDrift, "massive: verify: drift: materialized view public.daily: "+`missing columns ["gone" "later"]; extra columns ["when"]`,
			"column total of type numeric(10,2) does not fit into Total int64: it is not an integer", "did you mean public.daily?")
		ds := drifts(t, err)
		same(t, "drifts", len(ds), 4)
		var mismatched []string
		for _, x := range ds[0].Mismatched {
			mismatched = append(mismatched, x.Column+" "+x.Field)
		}
		equal(t, "mismatched", mismatched, []string{"total Total int64", "orders Orders int32", "mood Mood int", "tags Tags []string"})
		same(t, "mismatches of a plain value", fmt.Sprint(ds[1].Mismatched), "[column n of type bigint does not fit into int32: it has 64 bits, and the field has 32]")
		same(t, "extra columns of a plain value", len(ds[2].Extra), 8)
		equal(t, "missing columns of an unknown view", ds[3].Missing[:3], []string{"day", "shop_name", "total"})

		type fewer struct {
			Day  time.Time
			Name string `db:"shop_name"`
		}
		mustBe(t, free.Verify(ctx, massive.RowsAre[fewer]("daily")), massive.ErrDrift, "extra columns")
		mustBe(t, m.Verify(ctx, massive.RowsAre[fewer]("daily")), massive.ErrDrift, "extra columns")
		noError(t, m.Verify(ctx, massive.RowsAre[fewer]("daily", massive.AllowExtra())))

		// A column is known to be an enum even if a pattern excludes the enum, but not if
		// enums are not loaded.
		type numbered struct{ Mood int }
		wrong := massive.RowsAre[numbered]("daily", massive.AllowExtra())
		for what, free := range map[string]*massive.DB{
			"loaded": free, "excluded": e.load(t, massive.Exclude("*.mood")), "not included": e.load(t, massive.Include("daily", "one")),
		} {
			err := free.Verify(ctx, wrong)
			mustBe(t, err, massive.ErrDrift, "column mood of type mood does not fit into Mood int: the labels of an enum are text")
			same(t, "drifts if the enum is "+what, len(drifts(t, err)), 1)
		}
		noError(t, e.load(t, massive.Only(massive.KindMatview)).Verify(ctx, wrong))

		exec(t, e.pool, `DROP MATERIALIZED VIEW one; CREATE MATERIALIZED VIEW one AS SELECT 'x'::text AS n`)
		_, err = m.Reload(ctx)
		mustBe(t, err, massive.ErrDrift, "massive: reload: drift: materialized view public.one: column n of type text does not fit into int64: it is not an integer")

		// The Mapper of a *sqlx.DB decides the names.
		x := sqlx.NewDb(e.pool, e.driver)
		x.MapperFunc(strings.ToUpper)
		type upper struct{ N string }
		_, err = massive.Load(ctx, x, postgres.New(), massive.Expect(massive.RowsAre[upper]("one")))
		mustBe(t, err, massive.ErrDrift, `missing columns ["N"]; extra columns ["n"]`)
	})
}

func TestBadRowTypesAreRefused(t *testing.T) {
	t.Parallel()
	for says, e := range map[string]massive.Expectation{
		"rows can't be read into struct {}, which has no exported field": massive.RowsAre[struct{}]("v"),
		"rows can't be read into map[string]interface {}":                massive.RowsAre[map[string]any]("v"),
		"rows can't be read into []string":                               massive.RowsAre[[]string]("v"),
		"rows can't be read into interface {}":                           massive.RowsAre[any]("v"),
		"rows can't be read into *int":                                   massive.RowsAre[**int]("v"),
		"the expectation of materialized view ":                          massive.RowsAre[chan int]("v"),
		"option AllowExtra is given twice":                               massive.RowsAre[Daily]("v", massive.AllowExtra(), massive.AllowExtra()),
		"the name is empty":                                              massive.RowsAre[Daily](""),
	} {
		_, err := massive.Load(t.Context(), untouched{}, postgres.New(), massive.Expect(e))
		mustBe(t, err, massive.ErrInvalid, says)
	}
}
