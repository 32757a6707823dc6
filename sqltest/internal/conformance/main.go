// Command conformance runs the conformance suite and prints a table of how many of its cases passed, by where they ran:
//
//	go run ./sqltest/internal/conformance          on the fake, on the Postgres at hand in each driver's mode, and behind PgBouncer
//	go run ./sqltest/internal/conformance 13 18    on these majors of PostgreSQL, in each driver's mode
//
// A case is a subtest without subtests of its own. What is left out is told with its reason, what failed with its
// output, and then the exit is non-zero. It runs at the top of the module.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	passed, err := conform(os.Stdout, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}

// conform runs the suite on the majors, or on what is at hand, and tells whether all of it passed.
func conform(w io.Writer, majors []string) (passed bool, err error) {
	var columns []*column
	if len(majors) == 0 {
		c, err := suite("Postgres at hand", "TestFake|TestPostgres|TestPgBouncer")
		if err != nil {
			return false, err
		}
		columns = append(columns, c)
	}
	for _, major := range majors {
		bin, err := binaries(major)
		if err != nil {
			return false, err
		}
		c, err := suite("PostgreSQL "+major, "TestPostgres", "MASSIVE_POSTGRES_URL=", "MASSIVE_POSTGRES_BIN="+bin)
		if err != nil {
			return false, err
		}
		columns = append(columns, c)
	}
	report(w, columns)
	return !slices.ContainsFunc(columns, func(c *column) bool { return c.failed }), nil
}

// binaries is the directory of a major's server binaries, which are installed if need be.
func binaries(major string) (string, error) {
	cmd := exec.Command(".ci/postgres-major", major, filepath.Join(os.TempDir(), "massive-go-postgres", major))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	lines := strings.Fields(string(out))
	if err != nil || len(lines) == 0 {
		return "", fmt.Errorf("no binaries of PostgreSQL %s: %w", major, err)
	}
	return lines[len(lines)-1], nil
}

// suite runs tests of the suite.
func suite(title, tests string, environment ...string) (*column, error) {
	cmd := exec.Command("go", "test", "-json", "-count=1", "-timeout=10m", "-run=^("+tests+")$", "./sqltest/conformance")
	cmd.Env = append(os.Environ(), append(environment, "MASSIVE_REQUIRE_POSTGRES=1", "MASSIVE_TEST_ALL=1")...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c, errRead := read(events, title)
	err = cmd.Wait()
	c.failed = err != nil
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil // what failed is in the events
	}
	return c, errors.Join(err, errRead)
}

// A column of the table is one run of the suite.
type column struct {
	title  string
	failed bool
	tests  map[string]*test
	order  []string        // of their names, as they began
	loose  strings.Builder // what was said outside of any test: by the compiler, say
}

// A test is one of the run's, with or without subtests.
type test struct {
	parent  bool
	outcome string // pass, fail or skip; empty if it did not come to its end
	output  strings.Builder
	reason  string // that it gave last
}

// own is what a test with subtests said itself.
func (t *test) own() string {
	var text strings.Builder
	for line := range strings.Lines(t.output.String()) {
		if !strings.HasPrefix(strings.TrimLeft(line, " "), "--- ") && !server.MatchString(line) {
			text.WriteString(line)
		}
	}
	return text.String()
}

var (
	said   = regexp.MustCompile(`^ *[a-z_]+\.go:[0-9]+: (.*)`) // by a test
	server = regexp.MustCompile(`\((PostgreSQL [0-9.]+)\)`)    // as pgtest announces it
)

// read takes in what go test -json says.
func read(events io.Reader, title string) (*column, error) {
	c := &column{title: title, tests: map[string]*test{}}
	for d := json.NewDecoder(events); ; {
		var e struct{ Action, Test, Output string }
		if err := d.Decode(&e); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return c, err
		}
		if e.Test == "" {
			c.loose.WriteString(e.Output)
			continue
		}
		t := c.tests[e.Test]
		if t == nil {
			t = &test{}
			c.tests[e.Test] = t
			c.order = append(c.order, e.Test)
			if slash := strings.LastIndex(e.Test, "/"); slash > 0 && c.tests[e.Test[:slash]] != nil {
				c.tests[e.Test[:slash]].parent = true
			}
		}
		switch e.Action {
		case "pass", "fail", "skip":
			t.outcome = e.Action
		case "output":
			if !strings.HasPrefix(e.Output, "=== ") {
				t.output.WriteString(e.Output)
			}
			if m := said.FindStringSubmatch(e.Output); m != nil {
				t.reason = m[1]
			}
			if m := server.FindStringSubmatch(e.Output); m != nil {
				c.title = m[1]
			}
		}
	}
}

// where is the row that a test belongs to. The modes begin one after the other, and go on in parallel.
func where(name string) string {
	parts := strings.Split(strings.ReplaceAll(name, "_", " "), "/")
	switch {
	case parts[0] == "TestFake":
		return "the fake"
	case len(parts) == 1:
		return strings.TrimPrefix(parts[0], "Test") // skipped, or failed, before its modes
	case parts[0] == "TestPgBouncer":
		return "PgBouncer, " + parts[1]
	default:
		return parts[1]
	}
}

// A cell counts what became of the cases of one row in one column.
type cell struct{ passed, failed, skipped int }

func (c *cell) String() string {
	text := fmt.Sprint(c.passed)
	if c.failed > 0 {
		text += fmt.Sprintf(", %d FAILED", c.failed)
	}
	if c.skipped > 0 {
		text += fmt.Sprintf(", %d left out", c.skipped)
	}
	return text
}

// report prints the table, and behind it why cases are left out and what those said that failed.
func report(w io.Writer, columns []*column) {
	var rows, notes []string
	note := func(text string) {
		if !slices.Contains(notes, text) {
			notes = append(notes, text)
		}
	}
	cells := map[string][]cell{} // by row, and then by column
	most := 0
	for i, c := range columns {
		for _, name := range c.order {
			t := c.tests[name]
			if t.parent {
				if text := t.own(); t.outcome != "pass" && text != "" {
					note("FAILED on " + c.title + ": " + name + "\n" + text)
				}
				continue
			}
			row := where(name)
			if cells[row] == nil {
				cells[row] = make([]cell, len(columns))
				rows = append(rows, row)
			}
			of := &cells[row][i]
			switch t.outcome {
			case "pass":
				of.passed++
			case "skip":
				of.skipped++
				note(t.reason)
			default:
				of.failed++
				note("FAILED on " + c.title + ": " + name + "\n" + t.output.String())
			}
			most = max(most, of.passed+of.failed+of.skipped)
		}
	}
	slices.Sort(rows) // and not by when they began, which among parallel tests is chance
	slices.SortStableFunc(rows, func(a, b string) int { return last(a) - last(b) })

	fmt.Fprintf(w, "%d conformance cases; passed:\n\n", most)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range columns {
		fmt.Fprint(table, "\t", c.title)
	}
	for _, row := range rows {
		fmt.Fprint(table, "\n", row)
		for i := range columns {
			fmt.Fprint(table, "\t", &cells[row][i])
		}
	}
	fmt.Fprintln(table)
	_ = table.Flush()
	for _, text := range notes {
		fmt.Fprint(w, "\n", text)
	}
	if len(notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, c := range columns {
		if len(c.order) == 0 {
			fmt.Fprint(w, c.loose.String())
		}
	}
}

// last puts the fake first and PgBouncer last.
func last(row string) int {
	switch {
	case row == "the fake":
		return 0
	case strings.HasPrefix(row, "PgBouncer"):
		return 2
	default:
		return 1
	}
}
