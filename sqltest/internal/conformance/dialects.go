package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// A database is a row of the table of dialects.
type database struct {
	title       string // if the test does not log the server's version
	module      string // the module's directory
	packages    string
	tests       string
	environment []string
}

var databases = []database{
	{"PostgreSQL", ".", "./sqltest/conformance", "^TestPostgres$/^pgx$", nil},
	{"MariaDB", "dialect/mariadb", ".", "^TestConformance$", []string{"MASSIVE_REQUIRE_MARIADB=1"}},
	{"DuckDB", "dialect/duckdb", ".", "^TestConformance$", []string{"GOWORK=off", "MASSIVE_REQUIRE_DUCKDB=1"}},
	{"SQLite (an example)", "examples/dialect", ".", "^TestConformance$", []string{"GOWORK=off"}},
}

const (
	page  = "docs/dialects.md"
	begin = "<!-- make dialects writes this table -->\n"
	end   = "<!-- end -->\n"
)

// tabulateDialects runs the suite on each database and writes the table into the page. It reports
// whether all cases passed or were skipped.
func tabulateDialects(w io.Writer) (passed bool, err error) {
	table := "| database | passed | skipped | fields of the harness that skip |\n|---|---|---|---|\n"
	passed = true
	for _, d := range databases {
		c, err := run(d)
		if err != nil {
			return false, err
		}
		row, notes := rowOfDialect(c)
		table += row
		fmt.Fprint(w, row, notes)
		if len(c.order) == 0 {
			fmt.Fprint(w, c.loose.String())
		}
		passed = passed && !c.failed
	}
	text, err := os.ReadFile(page)
	if err != nil || !passed {
		return false, err
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return false, errors.New(page + " has no place for the table")
	}
	return true, os.WriteFile(page, []byte(before+begin+table+end+after), 0o644) //nolint:gosec // the page is public
}

var field = regexp.MustCompile(`Harness\.(\w+)`)

// rowOfDialect returns a row of the table, and the output of failed cases.
func rowOfDialect(c *column) (row, notes string) {
	var passed, skipped int
	fields := map[string]int{}
	for _, name := range c.order {
		t := c.tests[name]
		switch {
		case t.parent:
		case t.outcome == "pass":
			passed++
		case t.outcome == "skip":
			skipped++
			reason := "no field"
			if m := field.FindStringSubmatch(t.reason); m != nil {
				reason = m[1]
			}
			fields[reason]++
		default:
			notes += "FAILED: " + name + "\n" + t.output.String()
		}
	}
	names := slices.SortedFunc(maps.Keys(fields), func(a, b string) int {
		return cmp.Or(fields[b]-fields[a], strings.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("`%s` %d", name, fields[name])
	}
	return fmt.Sprintf("| %s | %d | %d | %s |\n", c.title, passed, skipped, strings.Join(names, ", ")), notes
}
