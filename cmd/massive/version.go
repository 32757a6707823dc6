package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

type versionJSON struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: a.run(func(context.Context, []string) error {
			j := versionJSON{Version: "unknown", Go: runtime.Version()}
			if info, ok := debug.ReadBuildInfo(); ok {
				j.Version = info.Main.Version
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						j.Commit = s.Value
					}
				}
			}
			if a.json {
				return a.out.document(j)
			}
			a.out.line("massive " + j.Version + " " + j.Go)
			return nil
		}),
	}
}
