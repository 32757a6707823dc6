// Command conformance runs the conformance suite and prints a table of the passed cases.
// Run it at the root of the module:
//
//	go run ./sqltest/internal/conformance          the fake, the local Postgres and PgBouncer
//	go run ./sqltest/internal/conformance 13 18    these major versions of PostgreSQL
//	go run ./sqltest/internal/conformance dialects writes the table in docs/dialects.md
//
// It runs the suite in each mode of each driver. A case is a subtest without subtests.
// The command also prints the reason of each skipped case and the output of each failed
// one. If a case failed, the exit status is 1.
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
	tabulate := conform
	if slices.Equal(os.Args[1:], []string{"dialects"}) {
		tabulate = func(w io.Writer, _ []string) (bool, error) { return tabulateDialects(w) }
	}
	passed, err := tabulate(os.Stdout, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}

// conform runs the suite on the majors, or on the fake, the local Postgres and PgBouncer.
// It reports whether all cases passed.
func conform(w io.Writer, majors []string) (passed bool, err error) {
	var columns []*column
	if len(majors) == 0 {
		c, err := suite("local Postgres", "TestFake|TestPostgres|TestPgBouncer")
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

// binaries returns the directory of a major's server binaries. It installs them if
// necessary.
func binaries(major string) (string, error) {
	cmd := exec.Command(".ci/postgres-major", major, filepath.Join(os.TempDir(), "massive-go-postgres", major))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	lines := strings.Fields(string(out))
	if err != nil || len(lines) == 0 {
		return "", fmt.Errorf("install the binaries of PostgreSQL %s: %w", major, err)
	}
	return lines[len(lines)-1], nil
}

// suite runs the tests that match, with these environment variables.
func suite(title, tests string, environment ...string) (*column, error) {
	return run(database{title, ".", "./sqltest/conformance", "^(" + tests + ")$", environment})
}

// run runs the suite on a database.
func run(d database) (*column, error) {
	cmd := exec.Command("go", "test", "-json", "-count=1", "-timeout=10m", "-run="+d.tests, d.packages)
	cmd.Dir, cmd.Env = d.module, slices.Concat(os.Environ(), d.environment, []string{"MASSIVE_REQUIRE_POSTGRES=1", "MASSIVE_TEST_ALL=1"})
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c, errRead := read(events, d.title)
	err = cmd.Wait()
	c.failed = err != nil
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil // the events have the failures
	}
	return c, errors.Join(err, errRead)
}

// A column of the table has the results of one run of the suite.
type column struct {
	title  string
	failed bool
	tests  map[string]*test
	order  []string        // the names of the tests, in the order in which they began
	loose  strings.Builder // output that belongs to no test, for example the compiler's
}

// A test is a test or a subtest.
type test struct {
	parent  bool   // it has subtests
	outcome string // pass, fail or skip; empty if it did not end
	output  strings.Builder
	reason  string // its last message
}

// own returns the output of a test without that of its subtests.
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
	said   = regexp.MustCompile(`^ *[a-z_]+\.go:[0-9]+: (.*)`)                      // a message of a test
	server = regexp.MustCompile(`\(((?:PostgreSQL|MariaDB|DuckDB|SQLite) [0-9.]+)`) // a test logs the version
)

// read reads the output of go test -json.
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

// rowOf returns the row of the table to which a test belongs.
func rowOf(name string) string {
	parts := strings.Split(strings.ReplaceAll(name, "_", " "), "/")
	switch {
	case parts[0] == "TestFake":
		return "the fake"
	case len(parts) == 1:
		return strings.TrimPrefix(parts[0], "Test") // it was skipped, or failed, before its modes began
	case parts[0] == "TestPgBouncer":
		return "PgBouncer, " + parts[1]
	default:
		return parts[1]
	}
}

// A cell counts the cases of a row in a column.
type cell struct{ passed, failed, skipped int }

func (c *cell) String() string {
	text := fmt.Sprint(c.passed)
	if c.failed > 0 {
		text += fmt.Sprintf(", %d FAILED", c.failed)
	}
	if c.skipped > 0 {
		text += fmt.Sprintf(", %d skipped", c.skipped)
	}
	return text
}

// report prints the table, then the reasons of skipped cases and the output of failed
// ones.
func report(w io.Writer, columns []*column) {
	var rows, notes []string
	note := func(text string) {
		if !slices.Contains(notes, text) {
			notes = append(notes, text)
		}
	}
	cells := map[string][]cell{} // by row, then by column
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
			row := rowOf(name)
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
	slices.Sort(rows) // not by their start, which is random for parallel tests
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

// last is the sort key of a row: the fake comes first and PgBouncer last.
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
