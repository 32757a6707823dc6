package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/massivedb/massive-go/massive"
)

// A board shows the progress of a run. On a terminal it has a line for each view and
// redraws all lines at each event. Otherwise it prints a line for each event.
type board struct {
	out   io.Writer
	live  bool
	views []massive.ViewReport // in the plan's order
	place map[massive.Name]int
	width int
	drawn bool
}

func newBoard(out io.Writer, plan *massive.Plan) *board {
	b := &board{out: out, live: isTerminal(out), place: map[massive.Name]int{}}
	for i, s := range plan.Steps {
		b.views = append(b.views, massive.ViewReport{Name: s.Name})
		b.place[s.Name] = i
		b.width = max(b.width, utf8.RuneCountInString(s.Name.String()))
	}
	if b.live {
		b.draw()
	}
	return b
}

// isTerminal reports whether out is a character device. That is a terminal, apart from
// devices such as /dev/null.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	stat, err := file.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}

// show is the function for [massive.OnProgress], which does not call it concurrently.
func (b *board) show(p massive.Progress) {
	if !b.live {
		fmt.Fprintln(b.out, p)
		return
	}
	b.views[b.place[p.View.Name]] = p.View
	b.draw()
}

// draw overwrites the lines that it wrote before. Each must take one line of the
// terminal. So draw cuts long lines, and turns wrapping off for narrow terminals and wide
// characters.
func (b *board) draw() {
	const up, clear, wrapOff, wrapOn = "\x1b[%dA", "\x1b[K", "\x1b[?7l", "\x1b[?7h"
	var text strings.Builder
	text.WriteString(wrapOff)
	if b.drawn {
		fmt.Fprintf(&text, up, len(b.views))
	}
	b.drawn = true
	for _, v := range b.views {
		// Clear first: after a line that is too long, it would also clear the last
		// character.
		text.WriteString(clear + b.line(v) + "\n")
	}
	text.WriteString(wrapOn)
	fmt.Fprint(b.out, text.String())
}

// columns is the maximum width of a line. Some terminals of 80 columns wrap after the
// 80th character.
const columns = 79

func (b *board) line(v massive.ViewReport) string {
	text := []rune(fmt.Sprintf("  %s %-*s  %s", mark(v), b.width, v.Name, state(v)))
	for i, c := range text {
		if !unicode.IsPrint(c) { // names and errors may contain line breaks
			text[i] = ' '
		}
	}
	if len(text) > columns {
		return string(text[:columns-1]) + "…"
	}
	return string(text)
}

func mark(v massive.ViewReport) string {
	switch v.Outcome {
	case massive.OutcomeRefreshed, massive.OutcomeEmptied, massive.OutcomeJoined, massive.OutcomeFresh:
		return "✓"
	case massive.OutcomeFailed:
		return "✗"
	case massive.OutcomeSkippedUpstream, massive.OutcomeSkippedBusy, massive.OutcomeCancelled:
		return "-"
	}
	if v.Start.IsZero() {
		return "·"
	}
	return "…"
}

func state(v massive.ViewReport) string {
	switch {
	case v.Outcome == massive.OutcomeRefreshed:
		return fmt.Sprintf("%v (%s)", v.Duration.Round(time.Millisecond), v.Mode)
	case v.Outcome != 0:
		reason, _, _ := strings.Cut(v.Reason, "\n")
		return v.Outcome.String() + ": " + reason
	case v.Start.IsZero():
		return "waiting"
	default:
		return "refreshing"
	}
}
