package orms

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuide holds that the Go blocks of the guide are code of this package's tests: each
// block's lines are lines of one file, in this order.
func TestGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/orms.md")
	check(t, err)
	names, err := filepath.Glob("*_test.go")
	check(t, err)
	files := map[string][]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		check(t, err)
		files[name] = trimmedLines(string(text))
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) < 6 {
		t.Errorf("the guide has %d Go blocks", len(blocks))
	}
	for _, block := range blocks {
		longest := 0
		lines := trimmedLines(block[1])
		for _, file := range files {
			longest = max(longest, common(lines, file))
		}
		if longest < len(lines) {
			t.Errorf("no test has the line %q of the block:\n%s", lines[longest], block[1])
		}
	}
}

// common returns how many of the first lines are lines of file, in this order.
func common(lines, file []string) (n int) {
	for _, line := range file {
		if n < len(lines) && lines[n] == line {
			n++
		}
	}
	return n
}

// trimmedLines returns the lines of text without indentation and without empty lines.
func trimmedLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
