// Package printable shows names, labels and lists in lines of text, in bounded length.
package printable

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// Text returns the text with everything that can't be seen, such as a line break, as Go writes it.
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

// Brief returns a text as Go quotes it, without the rest of a long one.
func Brief(text string) string { return strconv.Quote(dialect.Cut(text, dialect.MaxText/10)) }

// Quoted returns a list in brackets, each text as Go quotes it. Of a long list it shows five, and counts the rest.
func Quoted(all []string) string { return "[" + dialect.Few(all, " ", strconv.Quote) + "]" }
