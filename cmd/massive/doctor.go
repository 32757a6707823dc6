package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

// The checks of the doctor, with what each finds.
var checks = []struct{ name, finds string }{
	{"index", "a view that can't be refreshed concurrently, since no unique index is usable"},
	{"invalid-index", "an invalid index of a view: its build failed or is still running"},
	{"populated", "a view without data, which can't be read"},
	{"rights", "a view that this role can't refresh"},
	{"runs-out", "a sequence or its column that has used three quarters of its values"},
	{"behind", "a sequence that will hand out values that its column already has"},
	{"unchecked", "a sequence that could not be checked, for example without the right to read it"},
}

// A finding is something that will hurt.
type finding struct {
	Check string `json:"check"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Text  string `json:"text"`
	// Fix is the SQL statement that fixes it or, for check behind, the command. It may be
	// empty.
	Fix   string `json:"fix,omitempty"`
	Fixed bool   `json:"fixed,omitempty"`

	repair func(ctx context.Context) error // nil if --fix can't or must not fix it
}

type findingsJSON struct {
	Findings []finding `json:"findings"`
	Checked  struct {
		Matviews  int `json:"matviews"`
		Enums     int `json:"enums"`
		Sequences int `json:"sequences"`
	} `json:"checked"`
}

func (a *app) doctor() *cobra.Command {
	var fix, skip bool
	var omit []string
	long := "Find everything that will hurt, with the statement that fixes it. The checks are:\n"
	for _, k := range checks {
		long += fmt.Sprintf("\n  %-14s %s", k.name, k.finds)
	}
	long += `

The exit code is 1 if there is a finding. --fix runs the statements one by one, each
after a question. It does not run statements that rewrite a table, or that another role must
run. On a standby the checks of refreshes are skipped.`
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find what will hurt, with the statement that fixes it",
		Long:  long,
		Example: `  massive doctor
  massive doctor --skip index --exclude 'tmp.*'
  massive doctor --fix`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, s session, _ []string) error {
			for _, name := range omit {
				if !slices.ContainsFunc(checks, func(k struct{ name, finds string }) bool { return k.name == name }) {
					return usage("--skip %q: there is no such check; see 'massive doctor --help'", name)
				}
			}
			found, err := a.findings(ctx, s)
			if err != nil {
				return err
			}
			found = slices.DeleteFunc(found, func(f finding) bool { return slices.Contains(omit, f.Check) })
			return a.diagnose(ctx, s, found, fix || skip, skip)
		}),
	}
	c.Flags().StringSliceVar(&omit, "skip", nil, "skip these `checks`")
	c.Flags().BoolVar(&fix, "fix", false, "ask, and run the statements that fix the findings")
	c.Flags().BoolVar(&skip, "yes", false, "run the statements without asking")
	return c
}

// diagnose prints the findings, and fixes them if fix is set.
func (a *app) diagnose(ctx context.Context, s session, found []finding, fix, skip bool) error {
	for i := range found {
		f := &found[i]
		if !a.json {
			a.out.painted(red, f.Name+": "+f.Text)
			if f.Fix != "" {
				a.out.line("  " + f.Fix)
			}
		}
		if fix && f.repair != nil {
			if err := a.repair(ctx, f, skip); err != nil {
				return err
			}
		}
	}
	left := 0
	for _, f := range found {
		if !f.Fixed {
			left++
		}
	}
	if a.json {
		j := findingsJSON{Findings: append([]finding{}, found...)}
		j.Checked.Matviews, j.Checked.Enums, j.Checked.Sequences = len(s.Matviews()), len(s.Enums()), len(s.Sequences())
		if err := a.out.document(j); err != nil {
			return err
		}
	} else {
		color, verdict := red, plural(left, "finding")
		if left == 0 {
			color, verdict = green, "no findings"
		}
		if fix {
			verdict += " left, " + strconv.Itoa(len(found)-left) + " fixed"
		}
		a.out.painted(color, fmt.Sprintf("%s in %s and %s", verdict, plural(len(s.Matviews()), "materialized view"), plural(len(s.Sequences()), "sequence")))
	}
	if left > 0 {
		return exit{code: exitFindings}
	}
	return nil
}

// repair fixes a finding after a question. It prints a failure and returns only errors
// that end the command.
func (a *app) repair(ctx context.Context, f *finding, skip bool) error {
	ok, err := a.ask(ctx, skip, "Run it?")
	if err != nil || !ok {
		return err
	}
	err = f.repair(ctx)
	if ctx.Err() != nil || errors.Is(err, massive.ErrUnavailable) {
		return err
	}
	f.Fixed = err == nil
	if err != nil {
		a.progress.lines("  " + err.Error())
	}
	return nil
}

// findings runs all checks.
func (a *app) findings(ctx context.Context, s session) ([]finding, error) {
	var all []finding
	if s.Server().Standby {
		a.progress.line("the server is a standby: refreshes are not checked")
	}
	plan, err := s.PlanRefresh()
	if err != nil {
		return nil, err
	}
	for _, step := range plan.Steps { // a view after the views that it reads, for the fixes
		v, err := s.Matview(step.Name.String())
		if err != nil {
			return nil, err
		}
		all = append(all, s.examine(v)...)
	}
	use, err := s.uses(ctx, 0.75)
	if err != nil {
		return nil, err
	}
	for _, u := range use.Above {
		all = append(all, s.exhausted(u))
	}
	for _, u := range use.Unknown {
		all = append(all, finding{Check: "unchecked", Kind: "sequence", Name: u.Sequence.String(), Text: "its position is unknown: " + u.Err.Error()})
	}
	lags, err := s.Lag(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range lags.Behind {
		all = append(all, s.behind(l.Sequence, l.Lag.String()))
	}
	for _, u := range lags.Unknown {
		all = append(all, finding{Check: "unchecked", Kind: "sequence", Name: u.Sequence.String(), Text: "it was not compared with its columns: " + u.Err.Error()})
	}
	return all, nil
}

// examine checks a view. On a standby it can't be refreshed, and no fix works.
func (s session) examine(v massive.Matview) (all []finding) {
	standby, reindexed := s.Server().Standby, ""
	add := func(check, text, fix string, repair func(context.Context) error) {
		if standby || fix == "" {
			repair = nil
		}
		all = append(all, finding{Check: check, Kind: "matview", Name: v.Name().String(), Text: text, Fix: fix, repair: repair})
	}
	execute := func(fix string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := s.pool.ExecContext(ctx, fix)
			return err
		}
	}
	for _, b := range blockers(v, massive.ModeConcurrent) {
		text := because(b.Reason.String(), b.Detail)
		switch b.Reason {
		case massive.BlockerNoUniqueIndex, massive.BlockerNoUsableIndex:
			if strings.HasPrefix(b.Fix, "CREATE ") {
				text += ", so a concurrent refresh is not possible; keep only columns that identify a row:"
			}
			add("index", text, b.Fix, execute(b.Fix))
			reindexed = b.Fix
		case massive.BlockerNotAllowed:
			if !standby {
				add("rights", text, b.Fix, nil)
			}
		case massive.BlockerNotPopulated, massive.BlockerOnStandby: // other checks
		}
	}
	if !v.Populated() {
		add("populated", "not populated: it can't be read before its first refresh", "REFRESH MATERIALIZED VIEW "+v.Name().Quoted(),
			func(ctx context.Context) error {
				_, err := v.Refresh(ctx)
				return err
			})
	}
	for _, i := range v.Indexes() {
		name := dialect.Name{Schema: v.Name().Schema, Name: i.Name}
		fix := "REINDEX INDEX " + name.Quoted()
		if i.Invalid && fix != reindexed {
			add("invalid-index", "index "+name.String()+": it is invalid (its build failed or is still running)", fix, execute(fix))
		}
	}
	return all
}

// exhausted returns the finding of a sequence that runs out. The statement may rewrite the
// table, so the doctor doesn't run it.
func (s session) exhausted(u massive.SequenceUse) finding {
	f := finding{Check: "runs-out", Kind: "sequence", Name: u.Sequence.String(), Text: strings.TrimPrefix(u.String(), "sequence "+u.Sequence.String()+" is ")}
	var fixes []string
	if u.Column != nil && narrow(u.ColumnType) {
		fixes = append(fixes, "ALTER TABLE "+u.Column.Table.Quoted()+" ALTER COLUMN "+dialect.Name{Name: u.Column.Column}.Quoted()+" TYPE bigint")
	}
	if q, err := s.Sequence(u.Sequence.String()); err == nil && narrow(q.Def().Type) {
		fixes = append(fixes, "ALTER SEQUENCE "+u.Sequence.Quoted()+" AS bigint")
	}
	f.Fix = strings.Join(fixes, "; ")
	return f
}

func narrow(integer string) bool { return integer == "integer" || integer == "smallint" }

// behind returns the finding of a sequence that is behind. A statement would move it back
// if a larger value came in between, so its fix is a command.
func (s session) behind(n massive.Name, text string) finding {
	return finding{
		Check: "behind", Kind: "sequence", Name: n.String(), Text: text,
		Fix: "massive sequences catchup --yes " + shell(n.String()),
		repair: func(ctx context.Context) error {
			q, err := s.Sequence(n.String())
			if err == nil {
				_, err = q.CatchUp(ctx)
			}
			return err
		},
	}
}

// shell quotes a word for a POSIX shell.
func shell(word string) string {
	plain := func(c rune) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.' }
	if !strings.ContainsFunc(word, func(c rune) bool { return !plain(c) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
