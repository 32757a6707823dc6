package postgres

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// parseArray reads a one-dimensional array as the server prints it
// (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). An empty text is an empty array.
func parseArray(s string) ([]string, error) {
	if s == "" || s == "{}" {
		return nil, nil
	}
	elements, rest, err := parseBraces(s, make([]string, 0, strings.Count(s, ",")+1))
	if err == nil && rest != "" {
		err = fmt.Errorf("text behind the array")
	}
	if err != nil {
		return nil, fmt.Errorf("array %s: %w", brief(s), err)
	}
	return elements, nil
}

// parseArrays reads a two-dimensional array whose rows have width elements. It returns them in one list, behind into.
func parseArrays(s string, width int, into []string) ([]string, error) {
	if s == "" || s == "{}" {
		return into, nil
	}
	body, ok := strings.CutPrefix(s, "{")
	for ok {
		before := len(into)
		all, rest, err := parseBraces(body, into)
		if err != nil {
			return nil, fmt.Errorf("array %s: %w", brief(s), err)
		}
		if into = all; len(into)-before != width {
			return nil, fmt.Errorf("array %s has a row of %d elements, not %d", brief(s), len(into)-before, width)
		}
		if rest == "}" {
			return into, nil
		}
		body, ok = strings.CutPrefix(rest, ",")
	}
	return nil, fmt.Errorf("array %s does not end", brief(s))
}

// parseBraces reads {a,"b",…} and returns what stands behind it.
func parseBraces(s string, into []string) (elements []string, rest string, err error) {
	if !strings.HasPrefix(s, "{") {
		return into, s, fmt.Errorf("no opening brace")
	}
	for i := 1; i < len(s); {
		var element string
		if s[i] == '"' {
			element, i, err = parseQuoted(s, i+1)
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
			return into, s, fmt.Errorf("text behind an element")
		}
	}
	return into, s, fmt.Errorf("no closing brace")
}

// parseQuoted reads from behind an opening quote to behind the closing one.
func parseQuoted(s string, from int) (element string, next int, err error) {
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
	return "", len(s), fmt.Errorf("no closing quote")
}

// parseInts reads an array of whole numbers and returns them after into.
func parseInts(s []byte, into []int64) ([]int64, error) {
	if len(s) == 0 || string(s) == "{}" {
		return into, nil
	}
	if s[0] != '{' || s[len(s)-1] != '}' {
		return nil, fmt.Errorf("array %s: no braces", brief(s))
	}
	for rest, more := s[1:len(s)-1], true; more; {
		var element []byte
		element, rest, more = bytes.Cut(rest, []byte{','})
		n, err := parseInt(element)
		if err != nil {
			return nil, fmt.Errorf("array %s: %w", brief(s), err)
		}
		into = append(into, n)
	}
	return into, nil
}

// parseInt is strconv's, without an allocation.
func parseInt(s []byte) (n int64, err error) {
	if len(s) == 0 || len(s) > 18 { // which the shortest way does not overflow
		return strconv.ParseInt(string(s), 10, 64)
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return strconv.ParseInt(string(s), 10, 64)
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

// brief is a text as Go quotes it, without the rest of a long one.
func brief[T string | []byte](s T) string {
	return strconv.Quote(dialect.Cut(string(s), dialect.MaxText/10))
}
