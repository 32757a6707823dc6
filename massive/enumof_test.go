package massive_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
)

// An Odd is an enum of what is hard to quote.
type Odd string

func (Odd) Labels() []Odd {
	return []Odd{"plain", "NULL", "null", `a,b`, `{c}`, `d"e"`, `f\g`, `it's`, " spaced ", "new\nline", `\`, `"`, "ü", "$1", "?"}
}

// A Bare declares nothing.
type Bare string

func (Bare) Labels() []Bare { return nil }

func TestEnumOf(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "pgx")
	var labels []string
	for _, l := range (Odd("")).Labels() {
		labels = append(labels, "'"+strings.ReplaceAll(string(l), "'", "''")+"'")
	}
	e.Exec(t, "CREATE TYPE odd AS ENUM ("+strings.Join(labels, ", ")+", 'stranger')")
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			if mode.long {
				testrun.Long(t)
			}
			ctx := t.Context()
			pool := e.Open(t, mode.driver, mode.params...)
			table := "t_" + strings.NewReplacer("/", "_", " ", "_").Replace(mode.name)
			e.Exec(t, "CREATE TABLE "+table+" (n serial, one odd, many odd[])")
			type row struct {
				One  massive.EnumOf[Odd]
				Many massive.EnumArrayOf[Odd]
			}
			all := massive.EnumArray(Odd("").Labels()...)
			var written []row
			for _, l := range (Odd("")).Labels() {
				written = append(written, row{massive.EnumValue(l), massive.EnumArrayOf[Odd]{{}, massive.EnumValue(l), {}}})
			}
			written = append(written, row{}, row{Many: all}, row{Many: massive.EnumArray[Odd]()}, row{Many: massive.EnumArrayOf[Odd]{{}}})
			for _, r := range written {
				if _, err := pool.ExecContext(ctx, "INSERT INTO "+table+" (one, many) VALUES ($1, $2)", r.One, r.Many); err != nil {
					t.Fatalf("write %+v: %v", r, err)
				}
			}
			var read []row
			done(t, sqlx.NewDb(pool, mode.driver).SelectContext(ctx, &read, "SELECT one, many FROM "+table+" ORDER BY n"))
			if !reflect.DeepEqual(read, written) {
				t.Errorf("read %+v, want %+v", read, written)
			}
			same(t, "NULLs, as the server has them", one[string](t, pool, "SELECT count(*) FILTER (WHERE one IS NULL)||' '||count(*) FILTER (WHERE many IS NULL)||' '||count(*) FILTER (WHERE many = '{}') FROM "+table), "4 1 1")
			same(t, "as an argument", one[int](t, pool, "SELECT count(*) FROM "+table+" WHERE one = 'NULL'"), 1)
			var n int
			done(t, pool.QueryRowContext(ctx, "SELECT count(*) FROM "+table+" WHERE one = ANY ($1::odd[])", all).Scan(&n))
			same(t, "an array as an argument", n, len(all))
			var null sql.Null[massive.EnumOf[Odd]]
			done(t, pool.QueryRowContext(ctx, "SELECT one FROM "+table+" ORDER BY n LIMIT 1").Scan(&null))
			same(t, "within sql.Null", null.V.V, "plain")

			_, err := pool.ExecContext(ctx, "INSERT INTO "+table+" (one) VALUES ($1)", massive.EnumValue(Odd("stranger")))
			mustBe(t, err, massive.ErrLabelUnknown, `massive: write a massive_test.Odd: label unknown: "stranger" is none of`)
			_, err = pool.ExecContext(ctx, "INSERT INTO "+table+" (many) VALUES ($1)", massive.EnumArray("plain", Odd("PLAIN")))
			mustBe(t, err, massive.ErrLabelUnknown, `element 2 of 2: label unknown: "PLAIN"`, `did you mean "plain"?`)
			var got row
			err = pool.QueryRowContext(ctx, "SELECT 'stranger'::odd").Scan(&got.One)
			mustBe(t, err, massive.ErrLabelUnknown, `massive: read a massive_test.Odd: label unknown: "stranger"`)
			got.Many = all
			err = pool.QueryRowContext(ctx, "SELECT ARRAY['plain', 'stranger']::odd[]").Scan(&got.Many)
			mustBe(t, err, massive.ErrLabelUnknown, `element 2 of 2: label unknown: "stranger"`)
			same(t, "nothing is read then", len(got.Many), 0)
			mustBe(t, pool.QueryRowContext(ctx, "SELECT ARRAY[['plain'], ['null']]::odd[]").Scan(&got.Many), massive.ErrInvalid, "several dimensions")
			mustBe(t, pool.QueryRowContext(ctx, "SELECT '[0:0][0:0]={{plain}}'::odd[]").Scan(&got.Many), massive.ErrInvalid, "several dimensions")
			done(t, pool.QueryRowContext(ctx, "SELECT '[0:1]={plain,NULL}'::odd[]").Scan(&got.Many))
			same(t, "with bounds", fmt.Sprint(got.Many), "[plain ]")
			mustBe(t, pool.QueryRowContext(ctx, "SELECT 7").Scan(&got.One), massive.ErrInvalid, "a label is a text, and not of type int64")
			mustBe(t, pool.QueryRowContext(ctx, "SELECT 7").Scan(&got.Many), massive.ErrInvalid, "a int64 is no array")
		})
	}
}

func TestEnumOfAlone(t *testing.T) {
	t.Parallel()
	var e massive.EnumOf[Mood]
	done(t, e.Scan([]byte("happy")))
	same(t, "scanned", fmt.Sprint(e), "happy")
	mustBe(t, e.Scan("Happy"), massive.ErrLabelUnknown, `did you mean "happy"?`)
	same(t, "after an error it is NULL", e.Valid, false)
	var unknown *massive.LabelError
	if err := e.Scan("bored"); !errors.As(err, &unknown) || unknown.Label != "bored" || len(unknown.Labels) != 3 {
		t.Errorf("got %v", err)
	}
	var b massive.EnumOf[Bare]
	mustBe(t, b.Scan("x"), massive.ErrInvalid, "its method Labels declares none")
	_, err := massive.EnumValue(Mood("")).Value()
	mustBe(t, err, massive.ErrLabelUnknown, `"" is none of ["sad" "ok" "happy"]`)
	_, err = massive.EnumArrayOf[Mood]{massive.EnumValue(Ok), {}}.Values()
	mustBe(t, err, massive.ErrInvalid, "element 2 of 2 is NULL")
	values, err := massive.EnumArray(Ok, Sad).Values()
	done(t, err)
	equal(t, "values", values, []Mood{Ok, Sad})

	type doc struct {
		Mood massive.EnumOf[Mood]
		Many massive.EnumArrayOf[Mood]
	}
	for text, want := range map[string]doc{
		`{"Mood":"ok","Many":["sad",null]}`: {massive.EnumValue(Ok), massive.EnumArrayOf[Mood]{massive.EnumValue(Sad), {}}},
		`{"Mood":null,"Many":null}`:         {},
		`{"Mood":null,"Many":[]}`:           {Many: massive.EnumArray[Mood]()},
	} {
		out, err := json.Marshal(want)
		done(t, err)
		same(t, "JSON", string(out), text)
		var got doc
		done(t, json.Unmarshal([]byte(text), &got))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("JSON %s is read as %+v", text, got)
		}
	}
	var d doc
	mustBe(t, json.Unmarshal([]byte(`{"Mood":"glad"}`), &d), massive.ErrLabelUnknown)
	if err := json.Unmarshal([]byte(`{"Mood":7}`), &d); err == nil {
		t.Error("a number is a label")
	}
	_, err = json.Marshal(doc{Mood: massive.EnumValue(Mood("glad"))})
	mustBe(t, err, massive.ErrLabelUnknown)

	for text, says := range map[string]string{
		"": "no braces", "{": "no braces", "ok": "no braces", "{ok": "no braces", `{"ok}`: "does not end", "{ok,}": "element of nothing",
		"{{ok}}": "several dimensions", `{o"k"}`: "a quote inside", `{"ok"x}`: "goes on behind", "[1:2]": "bounds and nothing", "{,}": "element of nothing",
		`{ok\}`: "does not end", "{ok}}": "goes on behind",
	} {
		var a massive.EnumArrayOf[Mood]
		mustBe(t, a.Scan(text), massive.ErrInvalid, says)
	}
}
