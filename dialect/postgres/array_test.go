package postgres

import (
	"slices"
	"strings"
	"testing"
)

func TestParseArray(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		``:                              nil,
		`{}`:                            nil,
		`{a}`:                           {"a"},
		`{sad,ok,happy}`:                {"sad", "ok", "happy"},
		`{""}`:                          {""},
		`{"",""}`:                       {"", ""},
		`{"a b",c}`:                     {"a b", "c"},
		`{"a,b","{c}","NULL"}`:          {"a,b", "{c}", "NULL"},
		`{"a\"b","a\\b"}`:               {`a"b`, `a\b`},
		`{"\"x"}`:                       {`"x`},
		`{"\\x"}`:                       {`\x`},
		`{"\""}`:                        {`"`},
		`{"\\"}`:                        {`\`},
		`{"\"\""}`:                      {`""`},
		`{"x\""}`:                       {`x"`},
		`{"\\\\x\"y\\"}`:                {`\\x"y\`},
		`{größe,日本,it's}`:               {"größe", "日本", "it's"},
		"{\"a\nb\",\"\t\"}":             {"a\nb", "\t"},
		`{"numeric(10,2)",public.mood}`: {"numeric(10,2)", "public.mood"},
	} {
		got, err := parseArray(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("parseArray(%s) = %q, %v; want %q, nil", text, got, err, want)
		}
	}
}

func TestParseArrayRejects(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`a`:             `array "a": no opening brace`,
		`[0:0]={a}`:     `array "[0:0]={a}": no opening brace`,
		`{`:             `array "{": no closing brace`,
		`{a`:            `array "{a": no closing brace`,
		`{a,`:           `array "{a,": no closing brace`,
		`{"a"`:          `array "{\"a\"": no closing brace`,
		`{"a`:           `array "{\"a": no closing quote`,
		`{"a\`:          `array "{\"a\\": no closing quote`,
		`{"a\"}`:        `array "{\"a\\\"}": no closing quote`,
		`{"a"b}`:        `array "{\"a\"b}": text after an element`,
		`{a}b`:          `array "{a}b": text after the array`,
		`{}{}`:          `array "{}{}": text after the array`,
		`{{a,b},{c,d}}`: `array "{{a,b},{c,d}}": text after the array`,
	} {
		got, err := parseArray(text)
		if err == nil || err.Error() != want || got != nil {
			t.Errorf("parseArray(%s) = %q, error %v; want nil, error %s", text, got, err, want)
		}
	}
}

func TestParseArrays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][][]string{
		``:                               nil,
		`{}`:                             nil,
		`{{a,b}}`:                        {{"a", "b"}},
		`{{a,b},{c,d}}`:                  {{"a", "b"}, {"c", "d"}},
		`{{"a,}","{b"},{"",x}}`:          {{"a,}", "{b"}, {"", "x"}},
		`{{day,date},{"Odd \"N","a\\"}}`: {{"day", "date"}, {`Odd "N`, `a\`}},
	} {
		before := []string{"before"}
		got, err := parseArrays(text, 2, before)
		if err != nil || !slices.Equal(got, slices.Concat(append([][]string{before}, want...)...)) {
			t.Errorf("parseArrays(%s) = %q, %v; want %q, nil", text, got, err, want)
		}
	}
}

func TestParseArraysRejects(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`a`:               `array "a" does not end`,
		`{`:               `array "{": no opening brace`,
		`{a,b}`:           `array "{a,b}": no opening brace`,
		`{{a,b}`:          `array "{{a,b}" does not end`,
		`{{a,b},`:         `array "{{a,b},": no opening brace`,
		`{{a,b}}x`:        `array "{{a,b}}x" does not end`,
		`{{a,b}{c,d}}`:    `array "{{a,b}{c,d}}" does not end`,
		`{{a,"b}}`:        `array "{{a,\"b}}": no closing quote`,
		`{{a},{b}}`:       `array "{{a},{b}}" has a row of 1 elements, not 2`,
		`{{a,b},{a,b,c}}`: `array "{{a,b},{a,b,c}}" has a row of 3 elements, not 2`,
	} {
		got, err := parseArrays(text, 2, nil)
		if err == nil || err.Error() != want || got != nil {
			t.Errorf("parseArrays(%s) = %q, error %v; want nil, error %s", text, got, err, want)
		}
	}
}

func TestParseInts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]int64{
		``: nil, `{}`: nil, `{1}`: {1}, `{20,-1,9223372036854775807,-9223372036854775808}`: {20, -1, 1<<63 - 1, -1 << 63},
	} {
		got, err := parseInts([]byte(text), []int64{7})
		if err != nil || !slices.Equal(got, append([]int64{7}, want...)) {
			t.Errorf("parseInts(%s) = %d, %v; want %d, nil", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		`{1,x}`:                 `array "{1,x}": strconv.ParseInt: parsing "x": invalid syntax`,
		`{NULL}`:                `array "{NULL}": strconv.ParseInt: parsing "NULL": invalid syntax`,
		`{9223372036854775808}`: `array "{9223372036854775808}": strconv.ParseInt: parsing "9223372036854775808": value out of range`,
		`{1`:                    `array "{1": no braces`,
		`1}`:                    `array "1}": no braces`,
		`{1,}`:                  `array "{1,}": strconv.ParseInt: parsing "": invalid syntax`,
		`{{1}}`:                 `array "{{1}}": strconv.ParseInt: parsing "{1}": invalid syntax`,
	} {
		if got, err := parseInts([]byte(text), nil); err == nil || err.Error() != want || got != nil {
			t.Errorf("parseInts(%s) = %d, error %v; want nil, error %s", text, got, err, want)
		}
	}
}

// encode returns an array constant. It quotes all elements if always is set, and
// otherwise the elements that the server quotes.
func encode(elements []string, always bool) string {
	texts := make([]string, len(elements))
	for i, e := range elements {
		if always || e == "" || strings.EqualFold(e, "null") || strings.ContainsAny(e, "{},\"\\ \t\n\v\f\r") {
			e = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(e) + `"`
		}
		texts[i] = e
	}
	return "{" + strings.Join(texts, ",") + "}"
}

// An array that the server writes is read back unchanged. NUL bytes, which the server's
// texts never contain, separate the elements.
func FuzzParseArray(f *testing.F) {
	f.Add("sad\x00ok\x00happy")
	f.Add("")
	f.Add("\x00")
	f.Add("\"x\x00\\x\x00x\"\x00x\\")
	f.Add("a b\x00a,b\x00{a}\x00NULL\x00größe")
	f.Add("\\\\\"\"")
	f.Fuzz(func(t *testing.T, text string) {
		elements := strings.Split(text, "\x00")
		for _, always := range []bool{false, true} {
			constant := encode(elements, always)
			if got, err := parseArray(constant); err != nil || !slices.Equal(got, elements) {
				t.Errorf("parseArray(%s) = %q, %v; want %q, nil", constant, got, err, elements)
			}
			rows := "{" + encode(elements, always) + "," + encode(elements, !always) + "}"
			got, err := parseArrays(rows, len(elements), nil)
			if err != nil || !slices.Equal(got, slices.Concat(elements, elements)) {
				t.Errorf("parseArrays(%s) = %q, %v; want %q twice, nil", rows, got, err, elements)
			}
		}
	})
}

// No input panics, and the parsed elements are parsed again to the same elements.
func FuzzParseAnyArray(f *testing.F) {
	for _, s := range []string{"", "{}", "{a", `{"a\`, `{"a"b}`, "{{a,b},{c,d}}", "{{a,b}", "{a}}", "{,}", `{"\"x"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if elements, err := parseArray(text); err == nil && len(elements) > 0 {
			constant := encode(elements, true)
			if again, err := parseArray(constant); err != nil || !slices.Equal(again, elements) {
				t.Errorf("parseArray(%s) = %q, but parseArray(%s) = %q, %v", text, elements, constant, again, err)
			}
		}
		rows, err := parseArrays(text, 2, nil)
		if len(rows)%2 != 0 || err != nil && rows != nil {
			t.Errorf("parseArrays(%s, 2) = %q, %v; want rows of two, or an error alone", text, rows, err)
		}
	})
}
