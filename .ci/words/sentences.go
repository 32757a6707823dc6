package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// measureAll prints words per sentence, for each package below the directories and in
// total.
func measureAll(dirs []string, verbose bool) error {
	packages := map[string][]string{} // the sentences of each directory
	fset := token.NewFileSet()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && path != dir && (d.Name()[0] == '.' || d.Name() == "testdata" || d.Name() == "internal" || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			if d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
			if err == nil && file.Name.Name != "main" {
				at := filepath.Dir(path)
				packages[at] = append(packages[at], sentencesOf(file)...)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	var all []string
	paths := make([]string, 0, len(packages))
	for path, some := range packages {
		paths, all = append(paths, path), append(all, some...)
	}
	slices.Sort(paths)
	for _, path := range paths {
		some := packages[path]
		fmt.Println(summary(path, some))
		slices.SortStableFunc(some, func(a, b string) int { return cmp.Compare(words(b), words(a)) })
		for _, s := range some[:min(5, len(some))] {
			if verbose {
				fmt.Printf("    %d words: %s\n", words(s), s)
			}
		}
	}
	fmt.Println(summary("total", all))
	return nil
}

func summary(what string, sentences []string) string {
	n := words(strings.Join(sentences, " "))
	return fmt.Sprintf("%-32s %5d sentences %6d words %6.1f words per sentence",
		what, len(sentences), n, float64(n)/float64(max(1, len(sentences))))
}

func words(s string) int { return len(strings.Fields(s)) }

// sentencesOf returns the sentences of a file's exported doc comments. It skips code
// blocks and headings.
func sentencesOf(file *ast.File) (sentences []string) {
	ast.FileExports(file)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			n.Comment = nil // a note at the end of a line is no doc comment
		case *ast.ValueSpec:
			n.Comment = nil
		case *ast.CommentGroup:
			for _, block := range new(comment.Parser).Parse(n.Text()).Content {
				sentences = append(sentences, sentencesIn(block)...)
			}
		}
		return true
	})
	return sentences
}

// end matches the end of a sentence, and what looks like one in an abbreviation.
var end = regexp.MustCompile(`\b(?:e\.g|i\.e|etc|vs|cf)\.|[.!?:]["')\]]*(?:\s+|$)`)

func sentencesIn(block comment.Block) (sentences []string) {
	switch b := block.(type) {
	case *comment.List:
		for _, item := range b.Items {
			for _, block := range item.Content {
				sentences = append(sentences, sentencesIn(block)...)
			}
		}
	case *comment.Paragraph:
		text, from := plain(b.Text), 0
		for _, at := range append(end.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
			if strings.HasSuffix(text[at[0]:at[1]], ".") && at[1]-at[0] > 1 && at[1] < len(text) {
				continue // an abbreviation
			}
			if s := strings.Join(strings.Fields(text[from:at[1]]), " "); s != "" {
				sentences = append(sentences, s)
			}
			from = at[1]
		}
	}
	return sentences
}

func plain(texts []comment.Text) string {
	var b strings.Builder
	for _, t := range texts {
		switch t := t.(type) {
		case comment.Plain:
			b.WriteString(string(t))
		case comment.Italic:
			b.WriteString(string(t))
		case *comment.Link:
			b.WriteString(plain(t.Text))
		case *comment.DocLink:
			b.WriteString(plain(t.Text))
		}
	}
	return b.String()
}
