package dialect_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/massivedb/massive-go/dialect"
)

func TestFew(t *testing.T) {
	t.Parallel()
	numbers := make([]int, 200)
	for i := range numbers {
		numbers[i] = i + 1
	}
	for _, c := range []struct {
		n        int
		by, want string
	}{
		{0, ", ", ""},
		{1, ", ", "1"},
		{5, ", ", "1, 2, 3, 4, 5"},
		{6, ", ", "1, 2, 3, 4, 5 and 1 more"},
		{200, " ", "1 2 3 4 5 and 195 more"},
		{200, "\n", "1\n2\n3\n4\n5\nand 195 more"},
		{200, "; ", "1; 2; 3; 4; 5; and 195 more"},
		{200, "; and ", "1; and 2; and 3; and 4; and 5; and 195 more"},
	} {
		if got := dialect.Few(numbers[:c.n], c.by, strconv.Itoa); got != c.want {
			t.Errorf("%d by %q: %q; want %q", c.n, c.by, got, c.want)
		}
	}
}

func TestFewCutsLongItems(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 5, 1000} {
		all := make([]string, n)
		for i := range all {
			all[i] = strings.Repeat("ä", 10_000)
		}
		got := dialect.Few(all, ", ", func(s string) string { return s })
		if len(got) > dialect.MaxText || len(got) < 1_700 || !utf8.ValidString(got) || strings.Count(got, "…") != min(n, 5) {
			t.Errorf("%d long items give %d bytes: %.100s", n, len(got), got)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"", 10, ""},
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 6, "abc…"},
		{"aäbcdefg", 5, "a…"}, // the cut would split the second letter
		{"abcdef", 3, "…"},
		{"\x80\x80\x80\x80\x80", 4, "…"},
	} {
		if got := dialect.Cut(c.text, c.most); got != c.want {
			t.Errorf("%q cut to %d bytes is %q; want %q", c.text, c.most, got, c.want)
		}
	}
}
