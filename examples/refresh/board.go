package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/massivedb/massive-go/massive"
)

// A board shows a run as it goes: on a terminal a line for each view, drawn again at each event, and elsewhere a line for
// each event.
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
		b.width = max(b.width, len(s.Name.String()))
	}
	if b.live {
		b.draw()
	}
	return b
}

// isTerminal takes every character device for one, which is right for all but /dev/null and its like.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	stat, err := file.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}

// show is for [massive.OnProgress], which calls it once at a time.
func (b *board) show(p massive.Progress) {
	if !b.live {
		fmt.Fprintln(b.out, p)
		return
	}
	b.views[b.place[p.View.Name]] = p.View
	b.draw()
}

// draw writes all lines over those that it wrote before.
func (b *board) draw() {
	const up, clear = "\x1b[%dA", "\x1b[K\n"
	var text strings.Builder
	if b.drawn {
		fmt.Fprintf(&text, up, len(b.views))
	}
	b.drawn = true
	for _, v := range b.views {
		fmt.Fprintf(&text, "  %s %-*s  %s%s", mark(v), b.width, v.Name, state(v), clear)
	}
	fmt.Fprint(b.out, text.String())
}

func mark(v massive.ViewReport) string {
	switch v.Outcome {
	case massive.Refreshed, massive.Emptied:
		return "✓"
	case massive.Failed:
		return "✗"
	case massive.SkippedUpstream, massive.SkippedBusy, massive.Cancelled:
		return "-"
	}
	if v.Start.IsZero() {
		return "·"
	}
	return "…"
}

func state(v massive.ViewReport) string {
	switch {
	case v.Outcome == massive.Refreshed:
		return fmt.Sprintf("%v (%s)", v.Duration.Round(time.Millisecond), v.Mode)
	case v.Outcome != 0:
		reason, _, _ := strings.Cut(v.Reason, "\n")
		if runes := []rune(reason); len(runes) > 70 { // a line must not take two of the terminal's
			reason = string(runes[:69]) + "…"
		}
		return v.Outcome.String() + ": " + reason
	case v.Start.IsZero():
		return "waits"
	default:
		return "is refreshed"
	}
}
