package massive_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/internal/testrun"
	"github.com/massivedb/massive-go/massive"
)

// An Odd is an enum with labels that are hard to quote.
type Odd string

func (Odd) Labels() []Odd {
	return []Odd{"plain", "NULL", "null", `a,b`, `{c}`, `d"e"`, `f\g`, `it's`, " spaced ", "new\nline", `\`, `"`, "ü", "$1", "?", ""}
}

// Twice and Often repeat a label, in a short and a long list.
type (
	Twice string
	Often string
)

func (Twice) Labels() []Twice { return []Twice{"a", "b", "a"} }

func (Often) Labels() (labels []Often) {
	for i := range 50 {
		labels = append(labels, Often(fmt.Sprint(i%49)))
	}
	return labels
}

// A Later accepts labels that it does not declare.
type Later string

func (Later) Labels() []Later  { return []Later{"sad", "ok", ""} }
func (Later) AllowExtra() bool { return true }

// A Strict implements AllowsExtra and returns false.
type Strict string

func (Strict) Labels() []Strict { return []Strict{"sad"} }
func (Strict) AllowExtra() bool { return false }

var _ = []massive.AllowsExtra{Later(""), Strict("")}

// A Bare declares no labels.
type Bare string

func (Bare) Labels() []Bare { return nil }

// oddType creates an enum with the labels of Odd and one more.
var oddType = func() string {
	var labels []string
	for _, l := range Odd("").Labels() {
		labels = append(labels, "'"+strings.ReplaceAll(string(l), "'", "''")+"'")
	}
	return "CREATE TYPE odd AS ENUM (" + strings.Join(labels, ", ") + ", 'unlisted')"
}()

func TestEnumOf(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "pgx")
	e.Exec(t, oddType)
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
			all := massive.EnumArray(Odd("").Labels()...)
			written := oddRows()
			for _, r := range written {
				if _, err := pool.ExecContext(ctx, "INSERT INTO "+table+" (one, many) VALUES ($1, $2)", r.One, r.Many); err != nil {
					t.Fatalf("write %+v: %v", r, err)
				}
			}
			var read []oddRow
			noError(t, sqlx.NewDb(pool, mode.driver).SelectContext(ctx, &read, "SELECT one, many FROM "+table+" ORDER BY n"))
			if !reflect.DeepEqual(read, written) {
				t.Errorf("read %+v, want %+v", read, written)
			}
			same(t, "rows with one NULL, many NULL, many empty", one[string](t, pool, "SELECT count(*) FILTER (WHERE one IS NULL)||' '||count(*) FILTER (WHERE many IS NULL)||' '||count(*) FILTER (WHERE many = '{}') FROM "+table), "4 1 1")
			same(t, "rows with the label NULL", one[int](t, pool, "SELECT count(*) FROM "+table+" WHERE one = 'NULL'"), 1)
			var n int
			noError(t, pool.QueryRowContext(ctx, "SELECT count(*) FROM "+table+" WHERE one = ANY ($1::odd[])", all).Scan(&n))
			same(t, "rows that match an array argument", n, len(all))
			var null sql.Null[massive.EnumOf[Odd]]
			noError(t, pool.QueryRowContext(ctx, "SELECT one FROM "+table+" ORDER BY n LIMIT 1 OFFSET 4").Scan(&null))
			same(t, "within sql.Null", null.V.V, "plain")

			_, err := pool.ExecContext(ctx, "INSERT INTO "+table+" (one) VALUES ($1)", massive.EnumValue(Odd("unlisted")))
			mustBe(t, err, massive.ErrLabelUnknown, `massive: write a massive_test.Odd: label unknown: "unlisted" is not one of`)
			_, err = pool.ExecContext(ctx, "INSERT INTO "+table+" (many) VALUES ($1)", massive.EnumArray("plain", Odd("PLAIN")))
			mustBe(t, err, massive.ErrLabelUnknown, `element 2 of 2: label unknown: "PLAIN"`, `did you mean "plain"?`)
			var got oddRow
			err = pool.QueryRowContext(ctx, "SELECT 'unlisted'::odd").Scan(&got.One)
			mustBe(t, err, massive.ErrLabelUnknown, `massive: read a massive_test.Odd: label unknown: "unlisted"`)
			got.Many = all
			err = pool.QueryRowContext(ctx, "SELECT ARRAY['plain', 'unlisted']::odd[]").Scan(&got.Many)
			mustBe(t, err, massive.ErrLabelUnknown, `element 2 of 2: label unknown: "unlisted"`)
			same(t, "elements read with an error", len(got.Many), 0)
			mustBe(t, pool.QueryRowContext(ctx, "SELECT ARRAY[['plain'], ['null']]::odd[]").Scan(&got.Many), massive.ErrInvalid, "several dimensions")
			mustBe(t, pool.QueryRowContext(ctx, "SELECT '[0:0][0:0]={{plain}}'::odd[]").Scan(&got.Many), massive.ErrInvalid, "several dimensions")
			noError(t, pool.QueryRowContext(ctx, "SELECT '[0:1]={plain,NULL}'::odd[]").Scan(&got.Many))
			same(t, "an array with bounds", fmt.Sprint(got.Many), "[plain ]")
			mustBe(t, pool.QueryRowContext(ctx, "SELECT 7").Scan(&got.One), massive.ErrInvalid, "a label is text, not a value of type int64")
			mustBe(t, pool.QueryRowContext(ctx, "SELECT 7").Scan(&got.Many), massive.ErrInvalid, "a value of type int64 is not an array")
		})
	}
}

func TestEnumOfWithoutADatabase(t *testing.T) {
	t.Parallel()
	var e massive.EnumOf[Mood]
	noError(t, e.Scan([]byte("happy")))
	same(t, "scanned", fmt.Sprint(e), "happy")
	mustBe(t, e.Scan("Happy"), massive.ErrLabelUnknown, `did you mean "happy"?`)
	same(t, "valid after an error", e.Valid, false)
	var unknown *massive.LabelError
	if err := e.Scan("bored"); !errors.As(err, &unknown) || unknown.Label != "bored" || len(unknown.Labels) != 3 {
		t.Errorf("got error %v, want a *LabelError of bored and 3 labels", err)
	}
	var b massive.EnumOf[Bare]
	mustBe(t, b.Scan("x"), massive.ErrInvalid, "its method Labels returns no labels")
	_, err := massive.EnumValue(Mood("")).Value()
	mustBe(t, err, massive.ErrLabelUnknown, `"" is not one of ["sad" "ok" "happy"]`)
	_, err = massive.EnumArrayOf[Mood]{massive.EnumValue(Ok), {}}.Values()
	mustBe(t, err, massive.ErrInvalid, "element 2 of 2 is NULL")
	values, err := massive.EnumArray(Ok, Sad).Values()
	noError(t, err)
	equal(t, "values", values, []Mood{Ok, Sad})

	for says, e := range map[string]massive.EnumOf[Mood]{
		`V is "ok" and Valid is false; use EnumValue("ok")`: {V: Ok},
		`V is "glad" and Valid is false`:                    {V: "glad"},
	} {
		_, err := e.Value()
		mustBe(t, err, massive.ErrInvalid, "massive: write a massive_test.Mood: ", says)
		_, err = json.Marshal(e)
		mustBe(t, err, massive.ErrInvalid, says)
		_, err = e.MarshalText()
		mustBe(t, err, massive.ErrInvalid, says)
		_, err = massive.EnumArrayOf[Mood]{{}, e}.Value()
		mustBe(t, err, massive.ErrInvalid, "element 2 of 2: ", says)
	}

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
		noError(t, err)
		same(t, "JSON", string(out), text)
		var got doc
		noError(t, json.Unmarshal([]byte(text), &got))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("JSON %s: got %+v, want %+v", text, got, want)
		}
	}
	var d doc
	mustBe(t, json.Unmarshal([]byte(`{"Mood":"glad"}`), &d), massive.ErrLabelUnknown)
	if err := json.Unmarshal([]byte(`{"Mood":7}`), &d); err == nil {
		t.Error("a number was read as a label")
	}
	_, err = json.Marshal(doc{Mood: massive.EnumValue(Mood("glad"))})
	mustBe(t, err, massive.ErrLabelUnknown)

	for text, says := range map[string]string{
		"\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x07": "several dimensions",
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00":     "does not end", "\x00": "does not end",
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07x":                                                  "has bytes after its elements",
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07":                                                   "does not end",
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07\x7f\xff\xff\xff\x00\x00\x00\x01\x00\x00\x00\x02ok": "does not end",
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x03ok": "does not end",
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\x01\xff\xff\xff\xfeok": "does not end",
	} {
		var a massive.EnumArrayOf[Mood]
		mustBe(t, a.Scan([]byte(text)), massive.ErrInvalid, says)
	}
	for text, says := range map[string]string{
		"": "no opening brace", "{": "no closing brace", "ok": "no opening brace", "{ok": "no closing brace", `{"ok}`: "no closing quote", "{ok,}": "empty element",
		"{{ok}}": "several dimensions", `{o"k"}`: "a quote or a backslash inside", `{"ok"x}`: "text after an element", "[1:2]": "bounds and nothing", "{,}": "empty element",
		`{ok\}`: "a quote or a backslash inside", "{ok}}": "has text after",
	} {
		var a massive.EnumArrayOf[Mood]
		mustBe(t, a.Scan(text), massive.ErrInvalid, says)
	}
}

// A Labels method that repeats a label is ErrInvalid.
func TestRepeatedLabelsAreRefused(t *testing.T) {
	t.Parallel()
	for _, label := range []string{"a", "b", "c"} {
		var e massive.EnumOf[Twice]
		mustBe(t, e.Scan(label), massive.ErrInvalid, `its method Labels returns "a" twice`)
		_, err := massive.EnumArray(Twice(label)).Value()
		mustBe(t, err, massive.ErrInvalid, `its method Labels returns "a" twice`)
	}
	var e massive.EnumOf[Often]
	mustBe(t, e.Scan("0"), massive.ErrInvalid, `its method Labels returns "0" twice`)
	mustBe(t, e.Scan("none"), massive.ErrInvalid, `its method Labels returns "0" twice`)
	_, err := massive.Load(t.Context(), untouched{}, postgres.New(), massive.Expect(massive.EnumIs("mood", Twice("").Labels())))
	mustBe(t, err, massive.ErrInvalid, `label "a" is given twice`)
}

// A label can be the key of a JSON object. NULL can't.
func TestEnumOfAsJSONKey(t *testing.T) {
	t.Parallel()
	in := map[massive.EnumOf[Mood]]int{massive.EnumValue(Sad): 1, massive.EnumValue(Ok): 2}
	text, err := json.Marshal(in)
	noError(t, err)
	same(t, "JSON", string(text), `{"ok":2,"sad":1}`)
	var out map[massive.EnumOf[Mood]]int
	noError(t, json.Unmarshal(text, &out))
	if !maps.Equal(in, out) {
		t.Errorf("read %v, want %v", out, in)
	}
	for key, want := range map[massive.EnumOf[Mood]]error{
		{}: massive.ErrInvalid, {V: Ok}: massive.ErrInvalid, massive.EnumValue(Mood("glad")): massive.ErrLabelUnknown,
	} {
		_, err = key.MarshalText()
		mustBe(t, err, want)
		if _, errKey := json.Marshal(map[massive.EnumOf[Mood]]int{key: 1}); errKey == nil || !strings.Contains(errKey.Error(), strings.Trim(fmt.Sprintf("%q", err.Error()), `"`)) {
			t.Errorf("as a key: got error %v, want the text of %v", errKey, err) // encoding/json does not wrap errors of keys
		}
	}
	_, err = massive.EnumOf[Mood]{}.MarshalText()
	mustBe(t, err, massive.ErrInvalid, "NULL has no text and can't be a key of a JSON object")
	mustBe(t, json.Unmarshal([]byte(`{"glad":1}`), &out), massive.ErrLabelUnknown, `"glad"`)
	mustBe(t, json.Unmarshal([]byte(`{"":1}`), &out), massive.ErrLabelUnknown, `"" is not one of`)

	blank, err := json.Marshal(map[massive.EnumOf[Later]]massive.EnumOf[Later]{massive.EnumValue(Later("")): massive.EnumValue(Later(""))})
	noError(t, err)
	same(t, "an empty label", string(blank), `{"":""}`)
}

// A type with AllowExtra reads and writes labels that it does not declare, and
// expectations of its labels allow extra labels.
func TestAllowExtraAcceptsUndeclaredLabels(t *testing.T) {
	t.Parallel()
	onDrivers(t, `CREATE TYPE mood AS ENUM ('sad', 'ok', ''); CREATE TABLE people (one mood, many mood[])`, func(t *testing.T, e *env) {
		ctx := t.Context()
		m := e.load(t, massive.Expect(massive.EnumIs("mood", Later("").Labels())))
		w := watch(t, m, 20e6)
		exec(t, e.pool, `ALTER TYPE mood ADD VALUE 'elated' BEFORE 'ok'`)
		w.until(`["sad" "elated" "ok" ""]`)
		exec(t, e.pool, `INSERT INTO people VALUES ('elated', '{elated,NULL,""}')`)

		var one massive.EnumOf[Later]
		var many massive.EnumArrayOf[Later]
		noError(t, e.pool.QueryRowContext(ctx, "SELECT one, many FROM people").Scan(&one, &many))
		same(t, "one", one, massive.EnumValue(Later("elated")))
		equal(t, "many", many, massive.EnumArrayOf[Later]{massive.EnumValue(Later("elated")), {}, massive.EnumValue(Later(""))})
		_, err := e.pool.ExecContext(ctx, "UPDATE people SET one = $1, many = $2", one, many)
		noError(t, err)
		text, err := json.Marshal(many)
		noError(t, err)
		same(t, "JSON", string(text), `["elated",null,""]`)
		var back massive.EnumArrayOf[Later]
		noError(t, json.Unmarshal(text, &back))
		equal(t, "read again", back, many)
		_, err = e.pool.ExecContext(ctx, "UPDATE people SET one = $1", massive.EnumValue(Later("nobody")))
		bound, errBind := massive.BindEnum[Later](m, "mood")
		noError(t, errBind)
		mustBe(t, bound.Explain(err), massive.ErrLabelUnknown)
		for _, label := range []string{"a\xff", "a\x00"} {
			mustBe(t, one.Scan(label), massive.ErrInvalid, "is not UTF-8, or contains a NUL byte")
		}
		same(t, "V without Valid is still ErrInvalid", errors.Is(errOf(massive.EnumOf[Later]{V: "x"}.Value()), massive.ErrInvalid), true)

		noError(t, m.Verify(ctx, massive.EnumIs("mood", []Later{"sad", "ok"}, massive.AllowExtra()), massive.EnumIs("mood", []Later{"ok", ""})))
		mustBe(t, m.Verify(ctx, massive.EnumIs("mood", Strict("").Labels())), massive.ErrDrift)
		mustBe(t, e.load(t).Verify(ctx, massive.EnumIs("mood", Strict("").Labels())), massive.ErrDrift)
		mustBe(t, e.load(t).Verify(ctx, massive.EnumIs("mood", []Later{"gone"})), massive.ErrDrift, `missing labels ["gone"]`)
		var strict massive.EnumOf[Strict]
		mustBe(t, strict.Scan("elated"), massive.ErrLabelUnknown)
	})
}
