// Words reports file:line of each word of banned.txt in comments, string literals and
// documents.
//
//	go run ./.ci/words
package main

import (
	_ "embed"
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed banned.txt
var list string

func main() {
	names, err := exec.Command("git", "ls-files").Output()
	exitOn(err)
	banned, found := parseList(list), 0
	for _, name := range strings.Fields(string(names)) {
		switch filepath.Ext(name) {
		case ".go", ".md", ".sql", ".sh", ".yml":
		default:
			if filepath.Dir(name) != ".ci" && name != "Makefile" {
				continue
			}
		}
		src, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // removed, but still in the index
		}
		exitOn(err)
		for _, hit := range banned.find(name, src) {
			fmt.Println(hit)
			found++
		}
	}
	if found > 0 {
		exitOn(fmt.Errorf("%d banned words; .ci/words/banned.txt lists them", found))
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(1)
	}
}

type bans struct {
	words  *regexp.Regexp
	exempt []exemption
}

type exemption struct{ file, text *regexp.Regexp }

// parseList reads the format that banned.txt describes.
func parseList(list string) (b bans) {
	var words []string
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "exempt "); ok {
			file, text, _ := strings.Cut(rest, " ")
			b.exempt = append(b.exempt, exemption{regexp.MustCompile("^(?:" + file + ")$"), regexp.MustCompile("(?m)" + text)})
		} else if line != "" && line[0] != '#' {
			words = append(words, strings.Join(strings.Fields(regexp.QuoteMeta(line)), `\s+`))
		}
	}
	b.words = regexp.MustCompile(`(?i)\b(?:` + strings.Join(words, "|") + `)\b`)
	return b
}

var (
	escape = regexp.MustCompile(`\\[nt]`)
	margin = regexp.MustCompile(`(?m)^[ \t]*(?://|#+|--|\*|>)`) // a phrase may continue on the next line of a comment
)

// find returns "file:line: word" for each banned word.
func (b bans) find(name string, src []byte) (hits []string) {
	text := src
	if filepath.Ext(name) == ".go" {
		text = prose(src)
	}
	for _, e := range b.exempt {
		if e.file.MatchString(name) {
			text = e.text.ReplaceAllFunc(text, func(m []byte) []byte { return blank(m, 0) })
		}
	}
	text = margin.ReplaceAllFunc(text, func(m []byte) []byte { return blank(m, ' ') })
	for _, at := range b.words.FindAllIndex(text, -1) {
		line := 1 + strings.Count(string(text[:at[0]]), "\n")
		hits = append(hits, fmt.Sprintf("%s:%d: %s", name, line, strings.Join(strings.Fields(string(text[at[0]:at[1]])), " ")))
	}
	return hits
}

// prose keeps comments, string literals and white space. It replaces the rest with zeros.
func prose(src []byte) []byte {
	text := blank(src, 0)
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		switch {
		case tok == token.EOF:
			return text
		case tok == token.STRING:
			lit = escape.ReplaceAllString(lit, "  ")
			fallthrough
		case tok == token.COMMENT:
			copy(text[file.Offset(pos):], lit)
		}
	}
}

func blank(text []byte, with byte) []byte {
	text = slices.Clone(text)
	for i, c := range text {
		if c > ' ' {
			text[i] = with
		}
	}
	return text
}
