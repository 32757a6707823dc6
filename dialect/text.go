package dialect

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxText is the maximum length in bytes of an error's text and of a line of a report.
// The fields of the error or report have what the text omits.
const MaxText = 2000

const (
	fewItems = 5                // how many items of a long list a text names
	fewBytes = MaxText * 9 / 10 // their room, which leaves some for the rest of the text
)

// Few returns the first five items of a list, with a separator, and the number of the
// others: "a, b, c, d, e and 195 more". It cuts long items, so that all of them take at
// most 1,800 bytes. For an empty list it returns an empty text.
func Few[T any](all []T, separator string, text func(T) string) string {
	if len(all) == 0 {
		return ""
	}
	shown := all[:min(len(all), fewItems)]
	texts := make([]string, len(shown))
	for i, t := range shown {
		texts[i] = Cut(text(t), fewBytes/len(shown))
	}
	list := strings.Join(texts, separator)
	rest := len(all) - len(shown)
	switch {
	case rest == 0:
		return list
	case separator == ", " || separator == " ":
		return fmt.Sprintf("%s and %d more", list, rest)
	default:
		return fmt.Sprintf("%s%sand %d more", list, strings.TrimSuffix(separator, "and "), rest)
	}
}

// Cut shortens text to at most limit bytes. The limit is at least 3. A text that was cut
// ends with "…".
func Cut(text string, limit int) string {
	const mark = "…"
	if len(text) <= limit {
		return text
	}
	end := max(limit-len(mark), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// brief quotes a caller's text for an error, and cuts a long one.
func brief(s string) string { return strconv.Quote(Cut(s, MaxText/10)) }
