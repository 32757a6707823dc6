package postgres

import "strings"

// The setting quote_all_identifiers makes format_type quote all names, except a few
// built-in types such as integer. The library's type names must not depend on that
// setting. So this file removes the quotes that the server does not write by default.

// typeText converts the name that format_type returns, under any setting, into its
// default form. A built-in type has the same name under every search path. If a user's
// type has the name of a built-in type, typeText quotes it.
func typeText(text string, own bool, major int) string {
	if own {
		text = unquoted(text, func(name string) bool { return name == "char" })
		if bare, hidden := strings.CutPrefix(text, "pg_catalog."); hidden && isClass(bare) {
			return bare
		}
		return text
	}
	text = unquoteType(text, major)
	if isClass(text) {
		end := baseEnd(text)
		return `"` + text[:end] + `"` + text[end:]
	}
	return text
}

// baseEnd returns the end of the type's name, without its modifier and brackets.
func baseEnd(text string) int {
	if end := strings.IndexAny(text, "(["); end >= 0 {
		return end
	}
	return len(text)
}

// isClass reports whether a type has the name of a type that CheckColumn knows.
func isClass(text string) bool {
	_, known := classes[text[:baseEnd(text)]]
	return known
}

// unquoteType is typeText for a type that is not built in.
func unquoteType(text string, major int) string {
	return unquoted(text, func(name string) bool {
		since, ok := quotedWords[name]
		return ok && major >= since
	})
}

// unquoted removes the quotes around the names at the start of text, which format_type
// wrote, unless the server quotes them by default. keyWord reports whether it quotes a
// key word.
func unquoted(text string, keyWord func(string) bool) string {
	if strings.IndexByte(text, '"') < 0 {
		return text
	}
	var b strings.Builder
	for {
		var part string
		part, text = cutIdentifier(text)
		if n := len(part); n > 2 && part[0] == '"' && isBare(part[1:n-1]) && !keyWord(part[1:n-1]) {
			part = part[1 : n-1]
		}
		b.WriteString(part)
		if !strings.HasPrefix(text, ".") {
			return b.String() + text
		}
		b.WriteByte('.')
		text = text[1:]
	}
}

// cutIdentifier cuts an identifier, with its quotes if it has any, off the start of s.
func cutIdentifier(s string) (part, rest string) {
	i := 0
	if strings.HasPrefix(s, `"`) {
		for i = 1; i < len(s); i++ {
			if s[i] != '"' {
				continue
			}
			if i+1 == len(s) || s[i+1] != '"' {
				return s[:i+1], s[i+1:]
			}
			i++ // a doubled quote inside the name
		}
		return s, ""
	}
	for i < len(s) && isBareByte(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func isBareByte(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
}

// isBare reports whether the server writes a name without quotes by default. It ignores
// key words.
func isBare(name string) bool {
	for i := range len(name) {
		if !isBareByte(name[i]) {
			return false
		}
	}
	return name != "" && (name[0] < '0' || name[0] > '9')
}

// quotedWords has the key words that the server quotes when they are names: those of
// pg_get_keywords() that are not unreserved. The value is the first major that quotes the
// word, or 13.
var quotedWords = func() map[string]int {
	words := map[string]int{}
	for since, list := range map[int]string{
		13: `
			all analyse analyze and any array as asc asymmetric authorization between
			bigint binary bit boolean both case cast char character check coalesce collate
			collation column concurrently constraint create cross current_catalog
			current_date current_role current_schema current_time current_timestamp
			current_user dec decimal default deferrable desc distinct do else end except
			exists extract false fetch float for foreign freeze from full grant greatest
			group grouping having ilike in initially inner inout int integer intersect
			interval into is isnull join lateral leading least left like limit localtime
			localtimestamp national natural nchar none normalize not notnull null nullif
			numeric offset on only or order out outer overlaps overlay placing position
			precision primary real references returning right row select session_user
			setof similar smallint some substring symmetric table tablesample then time
			timestamp to trailing treat trim true union unique user using values varchar
			variadic verbose when where window with xmlattributes xmlconcat xmlelement
			xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`,
		16: `
			json_array json_arrayagg json_object json_objectagg system_user`,
		17: `
			json json_exists json_query json_scalar json_serialize json_table json_value
			merge_action`,
	} {
		for word := range strings.FieldsSeq(list) {
			words[word] = since
		}
	}
	return words
}()

// newest is used as the major if the server's version is not known.
const newest = 99
