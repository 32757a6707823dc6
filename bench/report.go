package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// A report has the results of a run.
type report struct {
	Date    string    `json:"date"`
	Machine machine   `json:"machine"`
	Server  string    `json:"postgres"`
	Short   bool      `json:"-"`
	Lines   []*result `json:"lines"`
}

// worst returns, for each line, its result on the worst driver and mode.
func (r *report) worst() (worst []*result) {
	badness := func(x *result) float64 { return 1000*float64(len(x.MissedCounts)) + x.Ratio.Median/x.Bar }
	for _, x := range r.Lines {
		i := slices.IndexFunc(worst, func(w *result) bool { return w.Line == x.Line })
		if i < 0 {
			worst = append(worst, x)
		} else if badness(x) > badness(worst[i]) {
			worst[i] = x
		}
	}
	return worst
}

// table returns a header and a row for each result. If counted, rows have counts, too.
func (r *report) table(results []*result, counted bool) (rows [][]string) {
	head := []string{"operation", "driver", "ours", "limit", "ratio", "quartiles", "bar", ""}
	if r.Short {
		head[7] = "counts" // a short run checks only counts
	}
	if counted {
		head = append(head, "statements", "trips", "blocks", "allocs", "limit's", "limit is")
	}
	rows = append(rows, head)
	for _, x := range results {
		met := "met"
		if x.MissedRatio != "" || x.MissedCounts != nil {
			met = "missed"
		}
		row := []string{x.Line, x.Mode, duration(x.Ours.Nanoseconds), duration(x.Bare.Nanoseconds), times(x.Ratio.Median),
			times(x.Ratio.Low) + "–" + times(x.Ratio.High), fmt.Sprintf("≤ %.2f", x.Bar), met}
		if counted {
			for _, n := range []float64{x.Ours.Statements, x.Ours.Trips, x.Ours.Blocks, x.Ours.Allocs, x.Bare.Allocs} {
				row = append(row, fmt.Sprintf("%.0f", n))
			}
			row = append(row, x.Bare.Form)
		}
		rows = append(rows, row)
		for _, b := range x.Others {
			row := make([]string, len(head))
			row[0], row[3], row[4] = "· "+b.Form, duration(b.Nanoseconds), times(b.Ratio)
			rows = append(rows, row)
		}
	}
	return rows
}

// print writes the table for a terminal: each line on its worst driver, or on all.
func (r *report) print(out io.Writer, all bool) error {
	results := r.worst()
	if all {
		results = r.Lines
	}
	fmt.Fprintf(out, "PostgreSQL %s\n%s\n\n", r.Server, r.Machine)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range r.table(results, all) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// verdict returns an error that names each missed bar.
func (r *report) verdict() error {
	var missed []error
	for _, x := range r.Lines {
		for _, what := range append([]string{x.MissedRatio}, x.MissedCounts...) {
			if what != "" {
				missed = append(missed, fmt.Errorf("missed: %s on %s: %s", x.Line, x.Mode, what))
			}
		}
	}
	return errors.Join(missed...)
}

func times(ratio float64) string {
	if ratio < 0.1 {
		return fmt.Sprintf("%.3f", ratio)
	}
	return fmt.Sprintf("%.2f", ratio)
}

// duration formats nanoseconds with three digits: "51.3 µs".
func duration(ns float64) string {
	unit := "ns"
	for _, next := range []string{"µs", "ms", "s"} {
		if ns >= 999.5 {
			ns, unit = ns/1000, next
		}
	}
	switch {
	case ns >= 99.95:
		return fmt.Sprintf("%.0f %s", ns, unit)
	case ns >= 9.995:
		return fmt.Sprintf("%.1f %s", ns, unit)
	default:
		return fmt.Sprintf("%.2f %s", ns, unit)
	}
}

// write replaces results.json and BENCHMARKS.md.
func (r *report) write(dir string) error {
	figures, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bench", "results.json"), append(figures, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "BENCHMARKS.md"), []byte(r.document()), 0o644)
}

// document returns the text of BENCHMARKS.md.
func (r *report) document() string {
	var peers, rest []*result
	for _, x := range r.worst() {
		if i := slices.IndexFunc(lines, func(l line) bool { return l.name == x.Line }); i >= 0 && lines[i].peer != "" {
			peers = append(peers, x)
		} else {
			rest = append(rest, x)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

`+"`make benchmarks`"+` produced these figures on %s: %s, PostgreSQL %s
on the same machine. Times depend on the machine; ratios hardly do. Each row shows the driver with the worst ratio;
`+"`go run ./bench -v`"+` prints all.

## Compared with MassiveJS, sqlx and SQL by hand

%s
MassiveJS (`+"`db.reload()`"+`, defaults) also loads tables, functions and the names of columns, over several connections.
massive for Go also loads columns' types, indexes, dependencies, definitions and rights, over one connection. A ratio of
MassiveJS is the median of five runs, and one of Replace of three.

![ratios](docs/bench-ratios.svg)

## Everything else

%s
![growth](docs/bench-growth.svg)

## Rows

`, r.Date, r.Machine, r.Server, markdown(r.table(peers, false)), markdown(r.table(rest, false)))
	for _, l := range lines {
		fmt.Fprintf(&b, "- **%s**: %s.\n", l.name, l.what)
	}
	b.WriteString(`
The limit is the fastest form by hand that gives the same answers and works behind a transaction pooler. Both sides
run in turn in the same process on one connection; readers have connections of their own. A ratio is the median of
rounds, with quartiles. A bar is the maximum ratio: ` + "`go run ./bench`" + ` fails if a ratio exceeds it.
`)
	return b.String()
}

func markdown(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
	return b.String()
}
