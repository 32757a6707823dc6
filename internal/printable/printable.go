// Package printable formats names, labels and lists for one line of text, with a bounded
// length.
package printable

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// Text returns the text with Go's escapes for characters that are not printable, such as
// line breaks.
func Text(text string) string {
	if !strings.ContainsFunc(text, func(c rune) bool { return !strconv.IsPrint(c) }) {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if !strconv.IsPrint(c) {
			quoted := fmt.Sprintf("%+q", c)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// Brief returns the text as a Go string literal. It cuts a long text.
func Brief(text string) string { return strconv.Quote(dialect.Cut(text, dialect.MaxText/10)) }

// Quoted returns a list of Go string literals in brackets. It shows at most five, and the
// number of the others.
func Quoted(all []string) string { return "[" + dialect.Few(all, " ", strconv.Quote) + "]" }
