// Package pgarray parses PostgreSQL's text format of arrays
// (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO).
package pgarray

import (
	"errors"
	"strings"
)

// Braces parses {a,"b",…}. It returns into with the elements appended, and the text after
// the closing brace. If bare is not nil, Braces calls it with the index and text of each
// unquoted element, and stops at its error.
func Braces(s string, into []string, bare func(i int, element string) error) (elements []string, rest string, err error) {
	if !strings.HasPrefix(s, "{") {
		return into, s, errors.New("no opening brace")
	}
	for i := 1; i < len(s); {
		var element string
		if s[i] == '"' {
			element, i, err = quoted(s, i+1)
			if err != nil {
				return into, s, err
			}
		} else {
			end := strings.IndexAny(s[i:], ",}")
			if end < 0 {
				break
			}
			element = s[i : i+end]
			i += end
			if bare != nil {
				if err := bare(len(into), element); err != nil {
					return into, s, err
				}
			}
		}
		into = append(into, element)
		if i >= len(s) {
			break
		}
		switch s[i] {
		case '}':
			return into, s[i+1:], nil
		case ',':
			i++
		default:
			return into, s, errors.New("text after an element")
		}
	}
	return into, s, errors.New("no closing brace")
}

// quoted parses an element whose text begins at from, after the opening quote. Next is
// the index after the closing quote.
func quoted(s string, from int) (element string, next int, err error) {
	var unescaped []byte
	start := from
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\\':
			unescaped = append(unescaped, s[start:i]...)
			i++
			start = i
		case '"':
			if start == from {
				return s[from:i], i + 1, nil
			}
			return string(append(unescaped, s[start:i]...)), i + 1, nil
		}
	}
	return "", len(s), errors.New("no closing quote")
}
