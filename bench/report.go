package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// A report is a run's figures.
type report struct {
	Date     string    `json:"date"`
	Machine  machine   `json:"machine"`
	Server   string    `json:"postgres"`
	Short    bool      `json:"short"`
	CutShort bool      `json:"cut_short"`
	Lines    []*result `json:"lines"`
	Growth   []*growth `json:"growth"`
	Peers    []*peer   `json:"peers"`
}

// A grid is a table in the making: cells of text, the first row its head.
type grid [][]string

func (g *grid) add(cells ...string) { *g = append(*g, cells) }

// plain writes the table for a terminal.
func (g grid) plain(out io.Writer) error {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, cells := range g {
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	return tw.Flush()
}

// markdown writes it for a document.
func (g grid) markdown(out io.Writer) error {
	for i, cells := range g {
		if _, err := fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | ")); err != nil {
			return err
		}
		if i == 0 {
			fmt.Fprintln(out, "|"+strings.Repeat("---|", len(cells)))
		}
	}
	return nil
}

// print writes the tables for a terminal.
func (r *report) print(out io.Writer) error {
	fmt.Fprintf(out, "PostgreSQL %s; %s\n", r.Server, r.Machine)
	for _, t := range r.tables() {
		fmt.Fprintf(out, "\n%s\n\n", t.title)
		if err := t.grid.plain(out); err != nil {
			return err
		}
	}
	return nil
}

// A table is a grid with its title, and what the document says of it before.
type table struct {
	title, note string
	grid        grid
}

func (r *report) tables() (all []table) {
	if len(r.Lines) > 0 {
		all = append(all, table{"An operation, beside the bare driver: ratios are medians of rounds, with their quartiles", "", r.lineGrid()})
	}
	if len(r.Growth) > 0 {
		all = append(all, table{"Growth, with the structures: a third of them of each kind", "", r.growthGrid()})
	}
	if len(r.Peers) > 0 {
		all = append(all, table{"Peers, in the same run on the same databases", peersNote, r.peerGrid()})
	}
	return all
}

func (r *report) lineGrid() grid {
	g := grid{{"what", "driver", "ours", "bare", "by hand", "ratio", "quartiles", "rounds", "allocs", "bare's", "bar", ""}}
	for _, l := range r.Lines {
		bare, form, ratio, quartiles, allocs := "", "", "", "", ""
		if l.Bare != nil {
			bare, form, allocs = nanoseconds(l.Bare.Nanoseconds), l.Bare.Form, count(l.Bare.Allocs)
			ratio, quartiles = l.Ratio.median(), l.Ratio.quartiles()
		}
		g.add(l.Line, l.Mode, nanoseconds(l.Ours.Nanoseconds), bare, form, ratio, quartiles, fmt.Sprint(l.Rounds),
			count(l.Ours.Allocs), allocs, l.Bar, verdict(l.Worse))
		for _, b := range l.Beside {
			ratio, quartiles := "", ""
			if b.Ratio != nil {
				ratio, quartiles = b.Ratio.median(), b.Ratio.quartiles()
			}
			g.add("", "", "", nanoseconds(b.Nanoseconds), "beside: "+b.Form, ratio, quartiles, "", "", count(b.Allocs), "", "")
		}
	}
	return g
}

func (r *report) growthGrid() grid {
	g := grid{{"structures", "driver", "load", "each", "beside half of them", "quartiles", "bar", "", "memory", "its strings", "the rest, each", "bar", ""}}
	for _, x := range r.Growth {
		g.add(fmt.Sprint(x.Structures), x.Mode, nanoseconds(x.Nanoseconds), nanoseconds(x.Nanoseconds/float64(x.Structures)),
			x.Doubling.median(), x.Doubling.quartiles(), doublingBar.String(), verdict(x.Worse),
			size(x.Heap), size(x.Strings), fmt.Sprintf("%.0f B", x.Each), fmt.Sprintf("≤ %d B", memoryBar), verdict(x.Each/memoryBar))
	}
	return g
}

func (r *report) peerGrid() grid {
	g := grid{{"what", "ours, on pgx", "peer", "its time", "ratio", "quartiles", "rounds"}}
	for _, p := range r.Peers {
		g.add(p.What, nanoseconds(p.Ours), p.Peer, nanoseconds(p.Theirs), p.Ratio.median(), p.Ratio.quartiles(), fmt.Sprint(p.Rounds))
	}
	return g
}

func (s spread) median() string    { return fmt.Sprintf("%.3f", s.Median) }
func (s spread) quartiles() string { return fmt.Sprintf("%.3f – %.3f", s.Low, s.High) }

func verdict(worse float64) string {
	if worse <= 1 {
		return "met"
	}
	return "not met"
}

// nanoseconds is a duration in three digits: "51.3 µs".
func nanoseconds(ns float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= unit.size {
			return fmt.Sprintf("%s %s", digits(ns/unit.size), unit.name)
		}
	}
	return digits(ns) + " ns"
}

func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func size(b float64) string {
	if b >= 1e6 {
		return digits(b/1e6) + " MB"
	}
	return digits(b/1e3) + " kB"
}

func count(allocs float64) string { return fmt.Sprintf("%.0f", allocs) }

// verdict is an error that names what is more than so many times worse than its bar.
func (r *report) verdict(tolerance float64) error {
	var missed []string
	for _, l := range r.Lines {
		if l.Worse > tolerance {
			missed = append(missed, fmt.Sprintf("%s on %s is %.2f times its bar", l.Line, l.Mode, l.Worse))
		}
	}
	for _, x := range r.Growth {
		if x.Worse > tolerance {
			missed = append(missed, fmt.Sprintf("loading %d structures on %s is %.2f times its bar", x.Structures, x.Mode, x.Worse))
		}
		if x.Each > memoryBar*tolerance {
			missed = append(missed, fmt.Sprintf("the memory of %d structures is %.0f bytes each", x.Structures, x.Each))
		}
	}
	if missed == nil {
		return nil
	}
	what := "not met: "
	if tolerance > 1 {
		what = fmt.Sprintf("worse than %.1f times the bar: ", tolerance)
	}
	return errors.New(what + strings.Join(missed, "; "))
}

// write rewrites the documents that have the last full run.
func (r *report) write(dir string) error {
	figures, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bench", "results.json"), append(figures, '\n'), 0o644); err != nil {
		return err
	}
	var b strings.Builder
	if err := r.document(&b); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "BENCHMARKS.md"), []byte(b.String()), 0o644)
}

// document is BENCHMARKS.md.
func (r *report) document(out io.Writer) error {
	fmt.Fprintf(out, `# Benchmarks

What the library costs beside the bare driver, as the last full run had it: %s, %s, PostgreSQL %s on the same machine
through a Unix socket. `+"`make benchmarks`"+` measures it again and rewrites this file; `+"`make bench`"+` only prints.
Ratios hold on other machines, times are sizes.

![ratios](docs/bench-ratios.svg)

![growth](docs/bench-growth.svg)
`, day(r.Date), r.Machine, r.Server)
	for _, t := range r.tables() {
		fmt.Fprintf(out, "\n## %s\n\n", t.title)
		fmt.Fprint(out, t.note)
		if err := t.grid.markdown(out); err != nil {
			return err
		}
	}
	fmt.Fprint(out, "\n## What the lines are\n\n")
	for _, l := range lines {
		fmt.Fprintf(out, "- **%s**: %s.\n", l.name, l.what)
	}
	_, err := fmt.Fprint(out, `
"Bare" is the fastest form that could be written by hand on the same driver and mode, right behind a transaction
pooler; `+"`-json`"+` lists those that were tried. The prepared form, which is not right there, stands beneath. Allocations
are those of an operation in the Go process, the driver's among them.
`)
	return err
}

func day(date string) string {
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return d.Format("2 January 2006")
}
