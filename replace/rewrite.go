package replace

import (
	"slices"
	"strings"

	"github.com/massivedb/massive-go/massive"
)

// A token is a part of an SQL text. All tokens together are the text.
type token struct {
	kind tokenKind
	text string
}

type tokenKind byte

const (
	blank  tokenKind = iota // white space or a comment
	word                    // an identifier or keyword, quoted or not
	quoted                  // a string
	other                   // a number, or a character
)

// name returns the identifier of a word.
func (t token) name() string {
	if strings.HasPrefix(t.text, `"`) && len(t.text) > 1 {
		return strings.ReplaceAll(t.text[1:len(t.text)-1], `""`, `"`)
	}
	return t.text
}

// is reports whether the token is this keyword, in upper case, or this character.
func (t token) is(text string) bool { return t.text == text && t.kind != quoted }

// tokens splits an SQL text. The text must have standard_conforming_strings. An unclosed
// string, identifier or comment ends with the text.
func tokens(text string) (all []token) {
	for text != "" {
		kind, n := first(text)
		all = append(all, token{kind, text[:n]})
		text = text[n:]
	}
	return all
}

// first returns the kind and the length of the first token.
func first(s string) (tokenKind, int) {
	switch c := s[0]; {
	case strings.IndexByte(" \t\n\r\f\v", c) >= 0:
		return blank, 1
	case strings.HasPrefix(s, "--"):
		if end := strings.IndexAny(s, "\n\r"); end >= 0 {
			return blank, end
		}
		return blank, len(s)
	case strings.HasPrefix(s, "/*"):
		return blank, comment(s)
	case c == '\'':
		return quoted, 1 + closing(s[1:], '\'', false)
	case (c == 'E' || c == 'e') && strings.HasPrefix(s[1:], "'"):
		return quoted, 2 + closing(s[2:], '\'', true)
	case c == '"':
		return word, 1 + closing(s[1:], '"', false)
	case c == '$':
		return dollar(s)
	case letter(c):
		n := 1
		for n < len(s) && (letter(s[n]) || digit(s[n]) || s[n] == '$') {
			n++
		}
		return word, n
	case digit(c):
		n := 1
		for n < len(s) && (letter(s[n]) || digit(s[n]) || s[n] == '.') {
			n++
		}
		return other, n
	default:
		return other, 1
	}
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// closing returns the length up to and with the closing quote. A doubled quote, and with
// escapes an escaped one, does not close.
func closing(s string, quote byte, escapes bool) int {
	for i := 0; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] != quote:
		case i+1 < len(s) && s[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// comment returns the length of a comment, which may contain comments.
func comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

// dollar returns the kind and the length of a token that begins with a dollar sign.
func dollar(s string) (tokenKind, int) {
	end := 1
	for end < len(s) && (letter(s[end]) || digit(s[end]) && end > 1) {
		end++
	}
	if end == len(s) || s[end] != '$' {
		return other, 1 // a parameter
	}
	tag := s[:end+1]
	if body := strings.Index(s[len(tag):], tag); body >= 0 {
		return quoted, body + 2*len(tag)
	}
	return quoted, len(s)
}

// statement returns the text of a single statement, without a semicolon at its end. It
// returns false if the text has several statements, or none.
func statement(text string) (string, bool) {
	all := tokens(text)
	end := slices.IndexFunc(all, func(t token) bool { return t.is(";") })
	if end < 0 {
		end = len(all)
	}
	isBlank := func(t token) bool { return t.kind == blank || t.is(";") }
	if !slices.ContainsFunc(all[:end], func(t token) bool { return t.kind != blank }) ||
		slices.ContainsFunc(all[end:], func(t token) bool { return !isBlank(t) }) {
		return "", false
	}
	return strings.TrimSpace(join(all[:end])), true
}

func join(all []token) string {
	var b strings.Builder
	for _, t := range all {
		b.WriteString(t.text)
	}
	return b.String()
}

// rewrite replaces the schema of relations in a query that Postgres printed, in which
// keywords are in upper case and relations have their schema. It replaces only names in
// FROM and JOIN. The rehearsal finds out if it replaced too little or too much.
func rewrite(query string, shadows map[massive.Name]string) string {
	all := tokens(query)
	parens := []paren{{}}
	expected := false // a relation may begin here
	for i, t := range all {
		top := len(parens) - 1
		switch {
		case t.kind == blank:
			continue
		case t.is("("):
			parens = append(parens, paren{list: expected})
			continue // (a JOIN b) is a relation
		case t.is(")"):
			parens, expected = parens[:max(top, 1)], false
			continue
		case t.is(","):
			expected = parens[top].list
			continue
		case t.is("FROM") && parens[top].selects: // not EXTRACT(day FROM x) or (x IS DISTINCT FROM y)
			parens[top].list, expected = true, true
			continue
		case t.is("JOIN"):
			expected = true
			continue
		case t.is("ONLY"), t.is("LATERAL"):
			continue
		case ends[t.text]:
			parens[top].list = false
			parens[top].selects = parens[top].selects || t.is("SELECT")
		case expected && t.kind == word:
			if schema, ok := relation(all[i:], shadows); ok {
				all[i].text = schema
			}
		}
		expected = false
	}
	return join(all)
}

// A paren is an open parenthesis.
type paren struct {
	list    bool // it contains a list of relations here
	selects bool // it contains a SELECT
}

// ends has the keywords that end a list of relations.
var ends = map[string]bool{
	"SELECT": true, "WHERE": true, "GROUP": true, "HAVING": true, "WINDOW": true, "ORDER": true, "LIMIT": true, "OFFSET": true,
	"FETCH": true, "FOR": true, "UNION": true, "INTERSECT": true, "EXCEPT": true,
}

// relation returns the shadow schema of the relation whose name the tokens begin with.
func relation(all []token, shadows map[massive.Name]string) (schema string, ok bool) {
	if len(all) < 3 || !all[1].is(".") || all[2].kind != word || len(all) > 3 && (all[3].is("(") || all[3].is(".")) {
		return "", false
	}
	schema, ok = shadows[massive.Name{Schema: all[0].name(), Name: all[2].name()}]
	return schema, ok
}

// extended returns the query that Postgres prints after the swap, where got is what it
// prints for the query rewritten: lists of column aliases get longer if a view gets columns.
// It returns false if got differs in more.
func extended(query, rewritten, got string) (string, bool) {
	q, r, g := tokens(query), tokens(rewritten), tokens(got)
	var text strings.Builder
	for len(r) > 0 && len(g) > 0 {
		switch {
		case g[0].text == r[0].text:
			text.WriteString(q[0].text)
			q, r, g = q[1:], r[1:], g[1:]
		case r[0].is(")") && len(g) > 3 && g[0].is(",") && g[1].kind == blank && g[2].kind == word:
			text.WriteString(join(g[:3]))
			g = g[3:]
		default:
			return "", false
		}
	}
	return text.String(), len(r)+len(g) == 0
}
