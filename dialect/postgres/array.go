package postgres

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/pgarray"
)

// parseArray reads a one-dimensional array as the server prints it
// (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). An empty text is an
// empty array.
func parseArray(s string) ([]string, error) {
	if s == "" || s == "{}" {
		return nil, nil
	}
	elements, rest, err := pgarray.Braces(s, make([]string, 0, strings.Count(s, ",")+1), nil)
	if err == nil && rest != "" {
		err = fmt.Errorf("text after the array")
	}
	if err != nil {
		return nil, fmt.Errorf("array %s: %w", brief(s), err)
	}
	return elements, nil
}

// parseArrays reads a two-dimensional array whose rows have width elements. It appends
// all elements to into.
func parseArrays(s string, width int, into []string) ([]string, error) {
	if s == "" || s == "{}" {
		return into, nil
	}
	body, ok := strings.CutPrefix(s, "{")
	for ok {
		before := len(into)
		all, rest, err := pgarray.Braces(body, into, nil)
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

// parseInts reads an array of integers and appends them to into.
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

// parseInt does the same as strconv.ParseInt, without an allocation.
func parseInt(s []byte) (n int64, err error) {
	if len(s) == 0 || len(s) > 18 { // up to 18 digits can't overflow
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

// brief returns s quoted as in Go. It cuts a long text.
func brief[T string | []byte](s T) string {
	return strconv.Quote(dialect.Cut(string(s), dialect.MaxText/10))
}
