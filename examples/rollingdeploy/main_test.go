package main

import (
	"os"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/examples/internal/demotest"
)

// TestRollingDeploy holds that the program prints the text block of the guide.
func TestRollingDeploy(t *testing.T) {
	guide, err := os.ReadFile("../../docs/rolling-deploys.md")
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := strings.Cut(string(guide), "```text\n")
	want, _, _ = strings.Cut(want, "```")
	demotest.Prints(t, run, want, nil)
}
