package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/replace"
)

type replaceJSON struct {
	View     string   `json:"view"`
	Rebuilt  []string `json:"rebuilt"`
	Replaced []string `json:"replaced"`
	Dropped  []string `json:"dropped"`
	Script   string   `json:"script,omitempty"`

	Filled        time.Time `json:"filled,omitzero"`
	LockedSeconds float64   `json:"locked_seconds,omitempty"`
	Tries         int       `json:"tries,omitempty"`
	Fills         int       `json:"fills,omitempty"`
}

// A replaceFlags has the flags of replace.
type replaceFlags struct {
	query                   string
	dropUnfit, dryRun       bool
	lockTimeout, giveUp     time.Duration
	lockTimeoutIs, giveUpIs bool // the flag is given
}

func (a *app) replace() *cobra.Command {
	var f replaceFlags
	c := &cobra.Command{
		Use:   "replace VIEW --query FILE",
		Short: "Replace the query of a materialized view, with everything that depends on it",
		Long: `Replace the query of a materialized view. Its indexes, rights, comments and dependents are
carried over. Readers go on reading, and wait only for a short swap. If something can't be
carried over, the command says what, and changes nothing.

--dry-run rehearses the replacement, rolls it back, and prints the SQL script. The script
does the same in psql or in a migration.`,
		Example: `  massive replace daily_sales --query daily_sales.sql --dry-run
  massive replace daily_sales --query daily_sales.sql
  echo 'SELECT 1 AS one' | massive replace one --query -`,
		Args: cobra.ExactArgs(1),
		PreRun: func(c *cobra.Command, _ []string) {
			f.lockTimeoutIs, f.giveUpIs = c.Flags().Changed("lock-timeout"), c.Flags().Changed("give-up-after")
		},
		RunE: a.with(func(ctx context.Context, s session, args []string) error {
			query, err := a.readQuery(f.query)
			if err != nil {
				return err
			}
			r, err := replace.Plan(ctx, s.DB, args[0], query, f.options(a)...)
			if err != nil {
				return err
			}
			if f.dryRun {
				return a.script(r)
			}
			report, err := r.Run(ctx)
			if err != nil {
				return err
			}
			return a.replacement(r, report)
		}, massive.KindMatview),
	}
	flags := c.Flags()
	flags.StringVar(&f.query, "query", "", "`file` with the new query; - is standard input")
	flags.BoolVar(&f.dropUnfit, "drop-unfit", false, "omit indexes, comments and rights that don't fit the new columns")
	flags.DurationVar(&f.lockTimeout, "lock-timeout", 200*time.Millisecond, "how long readers may wait for a swap that fails")
	flags.DurationVar(&f.giveUp, "give-up-after", 0, "how long to try to swap, such as 5m")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only print the script")
	_ = c.MarkFlagRequired("query")
	return c
}

func (f replaceFlags) options(a *app) []replace.Option {
	all := []replace.Option{replace.OnProgress(func(p replace.Progress) {
		text := string(p.Phase)
		if p.Count > 1 {
			text += fmt.Sprintf(", %d times", p.Count)
		}
		a.progress.status(text)
	})}
	if f.dropUnfit {
		all = append(all, replace.DropUnfit())
	}
	if f.lockTimeoutIs {
		all = append(all, replace.LockTimeout(f.lockTimeout))
	}
	if f.giveUpIs {
		all = append(all, replace.GiveUpAfter(f.giveUp))
	}
	return all
}

func (a *app) readQuery(file string) (string, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(a.in)
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return "", exit{exitUsage, err}
	}
	return string(text), nil
}

func (a *app) script(r *replace.Replacement) error {
	if a.json {
		doc := replaced(r)
		doc.Script = r.String()
		return a.out.document(doc)
	}
	_, err := fmt.Fprint(a.out, r) // not printable: the script must stay as it is
	return err
}

func (a *app) replacement(r *replace.Replacement, report replace.Report) error {
	a.progress.status("")
	if a.json {
		doc := replaced(r)
		doc.Filled, doc.LockedSeconds, doc.Tries, doc.Fills = report.Filled, report.Locked.Seconds(), report.Tries, report.Fills
		return a.out.document(doc)
	}
	rest := ""
	if n := len(r.Rebuilt) - 1; n > 0 {
		rest = fmt.Sprintf(", and %s rebuilt", strings.Join(texts(r.Rebuilt[1:]), ", "))
	}
	if len(r.Replaced) > 0 {
		rest += fmt.Sprintf(", and %s replaced", strings.Join(texts(r.Replaced), ", "))
	}
	a.out.line(fmt.Sprintf("%s replaced%s; readers waited at most %v", r.View, rest, report.Locked.Round(time.Microsecond)))
	for _, d := range r.Dropped {
		a.out.line("omitted: " + d)
	}
	return nil
}

func replaced(r *replace.Replacement) replaceJSON {
	return replaceJSON{View: r.View.String(), Rebuilt: texts(r.Rebuilt), Replaced: texts(r.Replaced), Dropped: append([]string{}, r.Dropped...)}
}
