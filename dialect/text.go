package dialect

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxText is the most bytes that the text of an error, or a line of a report, takes. What
// the text leaves out is in the fields of the error or report.
const MaxText = 2000

const (
	fewest    = 5                // how many of many a text names
	roomOfFew = MaxText * 9 / 10 // for these, so that there is some for what stands around them
)

// Few lists the first five of a list, and counts the rest: "a, b, c, d, e and 195 more".
// The separator by stands between them. Long items are cut, so that all of them take at
// most 1,800 bytes. An empty list is an empty text.
func Few[T any](all []T, by string, text func(T) string) string {
	if len(all) == 0 {
		return ""
	}
	shown := all[:min(len(all), fewest)]
	texts := make([]string, len(shown))
	for i, t := range shown {
		texts[i] = Cut(text(t), roomOfFew/len(shown))
	}
	list := strings.Join(texts, by)
	rest := len(all) - len(shown)
	switch {
	case rest == 0:
		return list
	case by == ", " || by == " ":
		return fmt.Sprintf("%s and %d more", list, rest)
	default:
		return fmt.Sprintf("%s%sand %d more", list, strings.TrimSuffix(by, "and "), rest)
	}
}

// Cut shortens a text to at most that many bytes, at least 3. A text that it has cut ends
// with "…".
func Cut(text string, most int) string {
	const mark = "…"
	if len(text) <= most {
		return text
	}
	end := max(most-len(mark), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// brief is a caller's text as Go quotes it, without the rest of a long one.
func brief(s string) string { return strconv.Quote(Cut(s, MaxText/10)) }
