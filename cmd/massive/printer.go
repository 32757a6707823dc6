package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"unicode/utf8"

	"golang.org/x/term"
)

// A printer writes lines to a stream. On a terminal it cuts tables at its width, uses
// colors, and can show a status line that it overwrites.
type printer struct {
	mu       *sync.Mutex // of all printers, since they may share a terminal
	w        *os.File
	terminal bool
	color    bool
	failed   error // the first error of writing
}

var terminals sync.Mutex

func newPrinter(f *os.File) *printer {
	p := &printer{mu: &terminals, w: f, terminal: term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"}
	p.color = p.terminal && os.Getenv("NO_COLOR") == ""
	return p
}

// width returns the number of columns of the terminal, or 0 if there is none.
func (p *printer) width() int {
	if !p.terminal {
		return 0
	}
	columns, _, err := term.GetSize(int(p.w.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// Write writes the bytes unchanged.
func (p *printer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.w.Write(b)
	if err != nil && p.failed == nil {
		p.failed = err
	}
	return n, err
}

func (p *printer) line(text string) { fmt.Fprintln(p, printable(text)) }

// lines prints a text of several lines. Drivers use tabs in their errors.
func (p *printer) lines(text string) {
	for line := range strings.Lines(strings.ReplaceAll(text, "\t", "  ")) {
		p.line(strings.TrimSuffix(line, "\n"))
	}
}

// The colors of a line.
const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	faint = "\x1b[2m"
	reset = "\x1b[0m"
)

// painted prints a line in a color, or in none.
func (p *printer) painted(color, text string) {
	if !p.color || color == "" {
		p.line(text)
		return
	}
	fmt.Fprintln(p, color+printable(text)+reset)
}

// A table is a list of rows in columns. The first row is the head.
type table [][]string

func (t *table) row(cells ...string) { *t = append(*t, cells) }

// table prints the rows. A row that does not fit on the terminal ends with "…".
func (p *printer) table(t table) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range t {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, printable(cell))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // a bytes.Buffer does not fail
	width, first := p.width(), true
	for line := range strings.Lines(b.String()) {
		line = fit(strings.TrimRight(line, " \n"), width)
		if first {
			p.painted(bold, line)
		} else {
			p.line(line)
		}
		first = false
	}
}

// fit cuts a line to a number of characters. 0 means no limit.
func fit(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}

// printable returns the text with Go's escapes for characters that are not printable. So
// a name can't send commands to a terminal.
func printable(text string) string {
	if !strings.ContainsFunc(text, func(c rune) bool { return !strconv.IsPrint(c) }) {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if strconv.IsPrint(c) {
			b.WriteRune(c)
		} else {
			quoted := strconv.QuoteRuneToASCII(c)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// document prints a value as indented JSON.
func (p *printer) document(v any) error { return p.encode(v, "  ") }

// record prints a value as JSON in a line.
func (p *printer) record(v any) error { return p.encode(v, "") }

func (p *printer) encode(v any, indent string) error {
	e := json.NewEncoder(p)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// status shows a line that the next status overwrites, on a terminal. An empty text
// removes it.
func (p *printer) status(text string) {
	if p.terminal {
		_, _ = fmt.Fprint(p, "\r\x1b[K"+fit(printable(text), p.width()-1))
	}
}
