//go:build unix

package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestEveryCommandHasAnExampleAndIsInTheGuide(t *testing.T) {
	t.Parallel()
	guide := page(t).text
	a := &app{out: newPrinter(os.Stdout), progress: newPrinter(os.Stderr)}
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			check(sub)
		}
		name := strings.TrimPrefix(c.CommandPath(), "massive ")
		if c.HasSubCommands() || c.Name() == "version" {
			return
		}
		if c.Example == "" || !strings.Contains(c.Example, "massive "+name) {
			t.Errorf("%s has no example", name)
		}
		if !strings.Contains(guide, "massive "+name) && !strings.Contains(guide, "`"+name) {
			t.Errorf("docs/cli.md does not have %s", name)
		}
	}
	check(a.root())
}

func TestEveryKeyOfJSONIsInTheGuide(t *testing.T) {
	t.Parallel()
	guide := page(t).text
	for _, v := range []any{
		viewJSON{}, columnJSON{}, indexJSON{}, blockerJSON{}, enumJSON{}, usedJSON{}, sequenceJSON{}, stateJSON{}, nodeJSON{}, edgeJSON{}, graphJSON{},
		planJSON{}, stepJSON{}, excludedJSON{}, reportJSON{}, viewReportJSON{}, freshnessJSON{}, runningJSON{}, finding{}, findingsJSON{}, useJSON{},
		keepJSON{}, replaceJSON{}, lagJSON{}, driftJSON{}, eventJSON{}, changeJSON{}, versionJSON{},
	} {
		for i := range reflect.TypeOf(v).NumField() {
			key, options, _ := strings.Cut(reflect.TypeOf(v).Field(i).Tag.Get("json"), ",")
			if key == "" {
				continue
			}
			if options != "" {
				key += "?"
			}
			if !strings.Contains(guide, "`"+key+"`") {
				t.Errorf("docs/cli.md does not have the key %s of %T", key, v)
			}
		}
	}
}
