package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/registry"
)

type (
	useJSON struct {
		Name      string     `json:"name"`
		Column    string     `json:"column,omitempty"`
		State     *stateJSON `json:"state,omitempty"`
		Limit     int64      `json:"limit,omitempty"`
		Overflows bool       `json:"overflows,omitempty"`
		Uncalled  bool       `json:"uncalled,omitempty"`
		Error     string     `json:"error,omitempty"`
	}
	lagJSON struct {
		Name     string     `json:"name"`
		Status   string     `json:"status"` // behind, moved, level, untied or unknown
		Column   string     `json:"column,omitempty"`
		Furthest *int64     `json:"furthest,omitempty"`
		State    *stateJSON `json:"state,omitempty"`
		To       *int64     `json:"to,omitempty"`
		Unread   []string   `json:"unread,omitempty"`
		Reason   string     `json:"reason,omitempty"`
	}
)

func (a *app) sequences() *cobra.Command {
	c := &cobra.Command{Use: "sequences", Short: "List, reset and catch up sequences", Args: cobra.NoArgs}
	c.AddCommand(a.sequencesLs(), a.sequencesState(), a.sequencesReset(), a.sequencesCatchUp())
	return group(c)
}

// group makes a command that only has subcommands fail without one of them.
func group(c *cobra.Command) *cobra.Command {
	c.RunE = func(*cobra.Command, []string) error { return usage("a subcommand is missing") }
	return c
}

func (a *app) sequencesLs() *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List all sequences, the fullest first",
		Long: `List all sequences with the values that are left, the fullest first. The type of the
column that draws on a sequence counts, too: an integer column is full at 2147483647.`,
		Example: `  massive sequences ls
  massive sequences ls --include 'shop.*'`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, s session, _ []string) error {
			all, err := s.uses(ctx, 0)
			if err != nil {
				return err
			}
			list := []useJSON{}
			t := table{{"SEQUENCE", "COLUMN", "LAST", "LEFT", "USED"}}
			for _, u := range all.Above {
				list = append(list, asUse(u))
				t.row(u.Sequence.String(), asUse(u).Column, strconv.FormatInt(u.State.Last, 10),
					strconv.FormatUint(u.State.Remaining, 10), percent(u.State.Used))
			}
			for _, n := range all.Uncalled {
				list = append(list, useJSON{Name: n.String(), Uncalled: true})
				t.row(n.String(), "", "", "", "not called yet")
			}
			for _, u := range all.Unknown {
				list = append(list, useJSON{Name: u.Sequence.String(), Error: u.Err.Error()})
				t.row(u.Sequence.String(), "", "", "", "unknown: "+u.Err.Error())
			}
			if a.json {
				return a.out.document(struct {
					Sequences []useJSON `json:"sequences"`
				}{list})
			}
			if len(list) > 0 {
				a.out.table(t)
			}
			return nil
		}, massive.KindSequence),
	}
}

// percent prints a share. It rounds down, so that 100 % means that no value is left.
func percent(share float64) string {
	return strconv.FormatFloat(math.Floor(1000*share)/10, 'f', 1, 64) + " %"
}

func asUse(u massive.SequenceUse) useJSON {
	j := useJSON{Name: u.Sequence.String(), State: asState(u.State), Limit: u.Limit, Overflows: u.Overflows}
	if u.Column != nil {
		j.Column = u.Column.String()
	}
	return j
}

// uses returns the loaded sequences that have used that share. Exhaustion itself includes
// sequences that patterns exclude.
func (s session) uses(ctx context.Context, share float64) (massive.Exhaustion, error) {
	all, err := s.Exhaustion(ctx, massive.AtLeast(share))
	if err != nil {
		return all, err
	}
	loaded := map[massive.Name]bool{}
	for _, q := range s.Sequences() {
		loaded[q.Name()] = true
	}
	all.Above = slices.DeleteFunc(all.Above, func(u massive.SequenceUse) bool { return !loaded[u.Sequence] })
	all.Uncalled = slices.DeleteFunc(all.Uncalled, func(n massive.Name) bool { return !loaded[n] })
	all.Unknown = slices.DeleteFunc(all.Unknown, func(u massive.UnknownUse) bool { return !loaded[u.Sequence] })
	return all, nil
}

func (a *app) sequencesState() *cobra.Command {
	return &cobra.Command{
		Use:     "state NAME…",
		Short:   "Print the position of sequences, and take no value",
		Example: `  massive sequences state invoice_no`,
		Args:    cobra.MinimumNArgs(1),
		RunE: a.with(func(ctx context.Context, s session, names []string) error {
			list := []sequenceJSON{}
			t := table{{"SEQUENCE", "LAST", "NEXT", "LEFT", "USED"}}
			for _, name := range names {
				q, err := s.Sequence(name)
				if err != nil {
					return err
				}
				state, err := q.State(ctx)
				if err != nil {
					return err
				}
				j := asSequence(q)
				j.State = asState(state)
				list = append(list, j)
				last, next := "none", "none"
				if state.Called {
					last = strconv.FormatInt(state.Last, 10)
				}
				if !state.Exhausted {
					next = strconv.FormatInt(state.Next, 10)
				}
				t.row(j.Name, last, next, strconv.FormatUint(state.Remaining, 10), percent(state.Used))
			}
			if a.json {
				return a.out.document(struct {
					Sequences []sequenceJSON `json:"sequences"`
				}{list})
			}
			a.out.table(t)
			return nil
		}, massive.KindSequence),
	}
}

func (a *app) sequencesReset() *cobra.Command {
	var to int64
	var restart, skip bool
	var c *cobra.Command
	c = &cobra.Command{
		Use:   "reset NAME",
		Short: "Make 1, --to N, or the declared start the next value of a sequence",
		Long: `Make 1, the value of --to, or the declared start the next value of a sequence. Values
that rows already have are then handed out again, so the command needs a confirmation.`,
		Example: `  massive sequences reset invoice_no --to 1000
  massive sequences reset invoice_no --restart --yes`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, s session, args []string) error {
			q, err := s.Sequence(args[0])
			if err != nil {
				return err
			}
			move, next := q.Reset, "1"
			switch {
			case restart:
				move, next = q.Restart, "its declared start"
			case c.Flags().Changed("to"):
				move, next = func(ctx context.Context) error { return q.ResetTo(ctx, to) }, strconv.FormatInt(to, 10)
			}
			if err := a.confirm(ctx, skip, "Make "+next+" the next value of "+q.Name().String()+"?"); err != nil {
				return err
			}
			if err := move(ctx); err != nil {
				return err
			}
			a.progress.line("The next value of " + q.Name().String() + " is " + next + ".")
			return nil
		}, massive.KindSequence),
	}
	c.Flags().Int64Var(&to, "to", 1, "the next `value`")
	c.Flags().BoolVar(&restart, "restart", false, "make the declared start the next value")
	c.Flags().BoolVar(&skip, "yes", false, "do not ask")
	c.MarkFlagsMutuallyExclusive("to", "restart")
	return c
}

func (a *app) sequencesCatchUp() *cobra.Command {
	var dryRun, skip, blocks bool
	c := &cobra.Command{
		Use:   "catchup [NAME…]",
		Short: "Move sequences that are behind their columns, for example after a restore",
		Long: `Compare all sequences, or the named sequences, with the columns that draw on them, and
move those that are behind. A sequence is never moved back. With --dry-run, only compare:
the exit code is 1 if a sequence is behind or could not be compared.`,
		Example: `  massive sequences catchup --dry-run
  massive sequences catchup --yes`,
		RunE: a.with(func(ctx context.Context, s session, names []string) error {
			var opts []registry.LagOption
			if blocks {
				opts = append(opts, massive.InBlocks())
			}
			lags, err := s.lag(ctx, names, opts)
			if err != nil {
				return err
			}
			if dryRun || len(lags.Behind) == 0 {
				return a.lags(lags, "behind")
			}
			if !skip {
				for _, l := range lags.Behind {
					a.progress.line(l.String())
				}
			}
			if err := a.confirm(ctx, skip, "Move "+plural(len(lags.Behind), "sequence")+"?"); err != nil {
				return err
			}
			if lags, err = s.catchUp(ctx, names, lags, opts); err != nil {
				return err
			}
			return a.lags(lags, "moved")
		}, massive.KindSequence),
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only compare")
	c.Flags().BoolVar(&skip, "yes", false, "do not ask")
	c.Flags().BoolVar(&blocks, "in-blocks", false, "count values between two steps of a sequence, too, as for HiLo")
	return c
}

// lag compares all sequences, or the named sequences.
func (s session) lag(ctx context.Context, names []string, opts []registry.LagOption) (registry.Lags, error) {
	if len(names) == 0 {
		return s.Lag(ctx, opts...)
	}
	var lags registry.Lags
	for _, name := range names {
		q, err := s.Sequence(name)
		if err != nil {
			return lags, err
		}
		lag, err := q.Lag(ctx, opts...)
		switch {
		case errors.Is(err, massive.ErrUnavailable), ctx.Err() != nil:
			return lags, err
		case errors.Is(err, massive.ErrInvalid):
			lags.Untied = append(lags.Untied, registry.UnknownLag{Sequence: q.Name(), Err: err})
		case err != nil:
			lags.Unknown = append(lags.Unknown, registry.UnknownLag{Sequence: q.Name(), Err: err})
		case lag.Behind:
			lags.Behind = append(lags.Behind, registry.NamedLag{Sequence: q.Name(), Lag: lag})
		default:
			lags.Level = append(lags.Level, registry.NamedLag{Sequence: q.Name(), Lag: lag})
		}
	}
	return lags, nil
}

// catchUp moves all sequences, or the named sequences of lags that are behind.
func (s session) catchUp(ctx context.Context, names []string, lags registry.Lags, opts []registry.LagOption) (registry.Lags, error) {
	if len(names) == 0 {
		return s.CatchUp(ctx, opts...)
	}
	for _, l := range lags.Behind {
		q, err := s.Sequence(l.Sequence.String())
		if err == nil {
			_, err = q.CatchUp(ctx, opts...)
		}
		if err != nil {
			return lags, err
		}
	}
	return lags, nil
}

// lags prints the result of lag or catchUp. It returns an error if a sequence is still
// behind or was not compared.
func (a *app) lags(lags registry.Lags, behind string) error {
	list := []lagJSON{}
	for status, all := range map[string][]registry.NamedLag{behind: lags.Behind, "level": lags.Level} {
		for _, l := range all {
			list = append(list, asLag(l, status))
		}
	}
	for status, all := range map[string][]registry.UnknownLag{"untied": lags.Untied, "unknown": lags.Unknown} {
		for _, u := range all {
			list = append(list, lagJSON{Name: u.Sequence.String(), Status: status, Reason: u.Err.Error()})
		}
	}
	slices.SortFunc(list, func(x, y lagJSON) int { return strings.Compare(x.Name, y.Name) })
	if a.json {
		if err := a.out.document(struct {
			Sequences []lagJSON `json:"sequences"`
		}{list}); err != nil {
			return err
		}
	} else {
		a.out.lines(lags.String())
	}
	if len(lags.Unknown) > 0 || behind == "behind" && len(lags.Behind) > 0 {
		return exit{code: exitFindings}
	}
	return nil
}

func asLag(l registry.NamedLag, status string) lagJSON {
	j := lagJSON{Name: l.Sequence.String(), Status: status, Column: l.Lag.Column.String(), State: asState(l.Lag.State)}
	if !l.Lag.Empty {
		j.Furthest = &l.Lag.Furthest
	}
	if l.Lag.Behind && l.To != 0 {
		j.To = &l.To
	}
	for _, u := range l.Lag.Unread {
		j.Unread = append(j.Unread, u.String())
	}
	return j
}
