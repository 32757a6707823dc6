//go:build unix

package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the recordings of docs/cli.md")

const pagePath = "../../docs/cli.md"

var (
	sqlBlock  = regexp.MustCompile("(?s)```sql\n(.*?)```")
	recording = regexp.MustCompile("(?s)```console\n(.*?)```")
	durations = regexp.MustCompile(`\b\d+(\.\d+)?(µs|ms|s)\b`)
	aligned   = regexp.MustCompile(`  +`)
	varying   = regexp.MustCompile(`("start": ").*(")|("seconds": )[\d.]+|(Go |go)1\.\d+\S*`)
)

// A guide is docs/cli.md.
type guide struct{ text, setup string }

func page(t *testing.T) guide {
	t.Helper()
	text, err := os.ReadFile(pagePath)
	noError(t, err)
	block := sqlBlock.FindSubmatch(text)
	if block == nil {
		t.Fatal("docs/cli.md has no SQL block")
	}
	return guide{string(text), string(block[1])}
}

// TestRecordingsInTheGuide runs the commands of docs/cli.md in their order, on the
// database that the page creates, and compares what they print. -update writes the page.
func TestRecordingsInTheGuide(t *testing.T) {
	t.Parallel()
	guide := page(t)
	_, env := shop(t)
	bin, work := t.TempDir(), t.TempDir()
	wrapper := "#!/bin/sh\n" + process + "=1 exec " + os.Args[0] + ` "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(bin, "massive"), []byte(wrapper), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	n := 0
	written := recording.ReplaceAllStringFunc(guide.text, func(block string) string {
		var b strings.Builder
		b.WriteString("```console\n")
		for line := range strings.Lines(strings.TrimPrefix(block, "```console\n")) {
			command, is := strings.CutPrefix(line, "$ ")
			if !is {
				continue
			}
			n++
			c := exec.CommandContext(t.Context(), "sh", "-c", strings.TrimSuffix(command, "\n"))
			c.Dir = work
			c.Env = append([]string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + work}, env...)
			out, err := c.CombinedOutput()
			if ended := new(exec.ExitError); err != nil && !errors.As(err, &ended) {
				t.Errorf("%s: %v", strings.TrimSpace(command), err)
			}
			b.WriteString(line + string(out))
		}
		return b.String() + "```"
	})
	if n == 0 {
		t.Fatal("docs/cli.md has no recording")
	}
	if fixed(written) == fixed(guide.text) {
		return
	}
	if *update {
		if err := os.WriteFile(pagePath, []byte(written), 0o644); err != nil { //nolint:gosec // a page
			t.Fatal(err)
		}
		return
	}
	got, want := strings.Split(fixed(written), "\n"), strings.Split(fixed(guide.text), "\n")
	for i := range got {
		if i >= len(want) || got[i] != want[i] {
			t.Fatalf("docs/cli.md, about line %d: the commands print\n%s\nand the page has\n%s\nRun: go test -run TestRecordings -update", i+1,
				strings.Join(got[i:min(len(got), i+10)], "\n"), strings.Join(want[min(i, len(want)):min(len(want), i+10)], "\n"))
		}
	}
}

func TestRecordingsInTheReadmeAreThoseOfTheGuide(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	noError(t, err)
	blocks := recording.FindAllSubmatch(text, -1)
	for _, block := range blocks {
		if !strings.Contains(page(t).text, "\n"+string(block[1])) {
			t.Errorf("docs/cli.md does not have:\n%s", block[1])
		}
	}
	if len(blocks) == 0 {
		t.Error("README.md has no recording")
	}
}

// fixed replaces what differs from run to run.
func fixed(text string) string {
	text = varying.ReplaceAllString(durations.ReplaceAllString(text, "1ms"), "$1$2$3")
	return aligned.ReplaceAllString(text, "  ") // columns are as wide as the durations in them
}
