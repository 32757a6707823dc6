package postgres

import (
	"fmt"
	"strconv"
	"strings"
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
		return nil, fmt.Errorf("array %q: %w", s, err)
	}
	return elements, nil
}

// parseArrays reads a two-dimensional array whose rows have width elements.
func parseArrays(s string, width int) ([][]string, error) {
	if s == "" || s == "{}" {
		return nil, nil
	}
	body, ok := strings.CutPrefix(s, "{")
	var rows [][]string
	for ok {
		row, rest, err := parseBraces(body, make([]string, 0, width))
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", s, err)
		}
		if len(row) != width {
			return nil, fmt.Errorf("array %q has a row of %d elements, not %d", s, len(row), width)
		}
		rows = append(rows, row)
		if rest == "}" {
			return rows, nil
		}
		body, ok = strings.CutPrefix(rest, ",")
	}
	return nil, fmt.Errorf("array %q does not end", s)
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

func parseInts(s string) ([]int64, error) {
	elements, err := parseArray(s)
	if err != nil || len(elements) == 0 {
		return nil, err
	}
	ints := make([]int64, len(elements))
	for i, e := range elements {
		if ints[i], err = strconv.ParseInt(e, 10, 64); err != nil {
			return nil, fmt.Errorf("array %q: %w", s, err)
		}
	}
	return ints, nil
}
