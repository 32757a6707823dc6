package main

import (
	"fmt"
	"go/token"
	"strings"
	"unicode"
)

// A text is a label, a column or the name of a structure that needs a name in Go.
type text struct {
	prefix string // of the name: the type of a label
	text   string
	key    string // for --rename: "public.mood.happy"
}

// goNames names each text. A name depends on the set of all texts and never on their
// order: if two texts have the same plain name, neither gets it, and both get a longer
// name. So a text that is added can make another's name disappear, and the program does
// not compile. But no name ever gets another meaning. Taken has names that no text may
// have. Renamed has names that the user chose, by key; goNames deletes those that it used.
func goNames(all []text, taken map[string]string, renamed map[string]string) (map[text]string, error) {
	names, used := map[text]string{}, map[string]string{}
	for name, what := range taken {
		used[name] = what
	}
	left := make([]text, 0, len(all))
	for _, t := range all {
		name, ok := renamed[t.key]
		if !ok {
			left = append(left, t)
			continue
		}
		if !token.IsIdentifier(name) || !token.IsExported(name) {
			return nil, usage("--rename %s=%s: %q is not an exported name of Go", t.key, name, name)
		}
		if used[name] != "" {
			return nil, usage("--rename %s=%s: %s has that name", t.key, name, used[name])
		}
		names[t], used[name] = name, t.key
		delete(renamed, t.key)
	}
	for _, form := range []func(text) string{plainName, spelledName, hexName} {
		by := map[string][]text{}
		for _, t := range left {
			name := form(t)
			by[name] = append(by[name], t)
		}
		var unnamed []text
		for _, t := range left {
			name := form(t)
			if len(by[name]) > 1 || used[name] != "" || !token.IsIdentifier(name) || !token.IsExported(name) {
				unnamed = append(unnamed, t)
				continue
			}
			names[t] = name
		}
		for t, name := range names {
			used[name] = t.key
		}
		left = unnamed
	}
	if len(left) > 0 {
		return nil, usage("%s has no name of its own in Go; choose one: --rename '%s=Name'", left[0].key, left[0].key)
	}
	return names, nil
}

// plainName is the name in the style of Go. It contains no underscore, so that it never
// equals a longer name.
func plainName(t text) string {
	name := t.prefix + camel(t.text)
	switch first, _ := firstRune(name); {
	case t.text == "":
		return t.prefix + "Empty"
	case !unicode.IsUpper(first):
		return "X" + name
	}
	return name
}

func spelledName(t text) string { return prefixed(t) + spelled(t.text) }

func hexName(t text) string { return prefixed(t) + fmt.Sprintf("x%x", t.text) }

func prefixed(t text) string {
	if t.prefix == "" {
		return "X_"
	}
	return t.prefix + "_"
}

func firstRune(s string) (first rune, ok bool) {
	for _, r := range s {
		return r, true
	}
	return 0, false
}

// symbols have words in names.
var symbols = map[rune]string{
	'+': "Plus", '-': "Minus", '*': "Star", '#': "Hash", '%': "Percent", '&': "And", '@': "At", '!': "Bang",
	'?': "Question", '<': "Less", '>': "Greater", '=': "Equal", '/': "Slash", '\\': "Backslash", '.': "Dot", ',': "Comma",
	':': "Colon", ';': "Semicolon", '$': "Dollar", '€': "Euro", '£': "Pound", '^': "Caret", '~': "Tilde", '|': "Pipe",
	'\'': "Quote", '"': "DoubleQuote", '`': "Backquote", '(': "Open", ')': "Close", '[': "OpenBracket", ']': "CloseBracket",
	'{': "OpenBrace", '}': "CloseBrace", ' ': "Space", '_': "Underscore", '\t': "Tab", '\n': "Newline",
}

var initialisms = map[string]string{
	"id": "ID", "url": "URL", "api": "API", "http": "HTTP", "uuid": "UUID", "json": "JSON", "sql": "SQL", "ip": "IP",
}

func symbol(r rune) string {
	if word, ok := symbols[r]; ok {
		return word
	}
	return fmt.Sprintf("U%04X", r)
}

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// separator reports whether a character divides words if it is between letters.
func separator(r rune) bool { return strings.ContainsRune("_- ./:", r) || unicode.IsSpace(r) }

// camel writes the words of a text with capitals. It spells symbols that don't divide
// words.
func camel(s string) string {
	var b strings.Builder
	var word []rune
	flush := func() {
		if up, ok := initialisms[strings.ToLower(string(word))]; ok {
			b.WriteString(up)
		} else if len(word) > 0 {
			word[0] = unicode.ToUpper(word[0])
			b.WriteString(string(word))
		}
		word = word[:0]
	}
	all := []rune(s)
	for i, r := range all {
		divides := separator(r) && i > 0 && i < len(all)-1 && letter(all[i-1]) && letter(all[i+1])
		if letter(r) {
			word = append(word, r)
			continue
		}
		flush()
		if !divides {
			b.WriteString(symbol(r))
		}
	}
	flush()
	return b.String()
}

// spelled spells everything but letters and digits. Two texts never have the same
// spelling.
func spelled(s string) string {
	var b strings.Builder
	for _, r := range s {
		if letter(r) {
			b.WriteRune(r)
		} else {
			b.WriteString("_" + symbol(r) + "_")
		}
	}
	return b.String()
}
