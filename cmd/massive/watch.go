package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/massive"
)

type (
	eventJSON struct {
		Time     time.Time    `json:"time"`
		Changes  []changeJSON `json:"changes,omitempty"`
		Error    string       `json:"error,omitempty"`
		Failures int          `json:"failures,omitempty"`
	}
	changeJSON struct {
		Kind    string   `json:"kind"`
		Name    string   `json:"name"`
		Change  string   `json:"change"` // added, removed or changed
		Details []string `json:"details,omitempty"`
	}
)

func (a *app) watch() *cobra.Command {
	var every time.Duration
	c := &cobra.Command{
		Use:   "watch",
		Short: "Print changes of the structures until Ctrl-C",
		Long: `Print each change of the structures, until Ctrl-C or SIGTERM. A lost connection is an event,
too; the watch continues. With --json, each event is a line. The exit code is 0.`,
		Example: `  massive watch
  massive watch --every 10s --json`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, s session, _ []string) error {
			a.progress.line("watching " + plural(len(s.Matviews()), "materialized view") + ", " + plural(len(s.Enums()), "enum") +
				" and " + plural(len(s.Sequences()), "sequence"))
			err := s.Watch(ctx, every, a.event)
			if ctx.Err() != nil {
				return nil
			}
			return err
		}),
	}
	c.Flags().DurationVar(&every, "every", 2*time.Second, "how often to look")
	return c
}

// event prints an event. A failure of writing ends the watch when the process does, by
// SIGPIPE.
func (a *app) event(e massive.Event) {
	now := time.Now()
	if !a.json {
		a.out.lines(now.Format("15:04:05 ") + e.String())
		return
	}
	j := eventJSON{Time: now, Failures: e.Failures}
	if e.Err != nil {
		j.Error = e.Err.Error()
	}
	for _, c := range e.Changes {
		j.Changes = append(j.Changes, changeJSON{kindWord(c.Kind), c.Name.String(), c.What.String(), c.Details})
	}
	_ = a.out.record(j)
}

func kindWord(k massive.Kind) string {
	for _, known := range kinds {
		if known.kind == k {
			return known.word
		}
	}
	return k.String()
}
